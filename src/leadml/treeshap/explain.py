"""Exact contributions of boosters, in blocks of rows side by side."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import lightgbm as lgb
import numpy as np
import pandas as pd

from leadml.errors import ArtifactError
from leadml.treeshap.bundles import Bundles, Paths, build_bundles
from leadml.treeshap.codes import Coding, choose_codes
from leadml.treeshap.forest import Forest, read_forest
from leadml.treeshap.grouping import ROWS
from leadml.treeshap.kernel import explain_codes, turn
from leadml.treeshap.pairs import find_pairs, pair_codes
from leadml.treeshap.tables import gauss

if TYPE_CHECKING:
    import shap

STREAM_ROWS = 1 << 15
PAIR_ROWS, PAIR_BYTES = 2048, 64 << 20  # of a block at most: a model of 100 columns has up to 4,950 pairs
WAVE = 16  # blocks whose pairs are summed at a time


@dataclass(frozen=True)
class Contributions:
    """What n rows' margins are made of: ``margin`` (n,) is ``base`` plus the row's sum of ``values`` (n, columns).

    Of one booster the margin is LightGBM's own to the bit; the sum meets it to rounding.
    """

    base: float
    values: np.ndarray
    margin: np.ndarray


@dataclass(frozen=True)
class Explainer:
    """Path-dependent (tree-cover) Shapley values, exact. Made once a model; tables of at most 64 MiB."""

    forest: Forest
    coding: Coding
    bundles: Bundles
    paths: Paths
    at: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, boosters: lgb.Booster | Sequence[lgb.Booster], weights: Sequence[float] | None = None) -> "Explainer":
        """Of a booster up to its best iteration, or of the weighted sum of several: of their mean without weights.

        Raises:
            ArtifactError: as `read_forest` and `choose_codes`.
        """
        forest = read_forest(boosters, weights)
        coding = choose_codes(forest)
        bundles, paths = build_bundles(forest, coding)
        most = int(np.diff(paths.parts).max(initial=0))
        at, weight = np.zeros((2, most + 1, most // 2 + 1))
        for columns in range(most + 1):
            rule = gauss(columns)
            at[columns, : len(rule[0])], weight[columns, : len(rule[1])] = rule
        return cls(forest, coding, bundles, paths, at, weight)

    def explain(self, matrix: np.ndarray, threads: int | None = None) -> Contributions:
        """The contributions of a matrix (n, columns) of numbers; the number of threads (None: all) changes no bit.

        Raises:
            ArtifactError: another number of columns than the model's.
        """
        self.check(matrix)
        values, margin = np.zeros(matrix.shape), np.zeros(len(matrix))

        def run(rows: slice) -> None:
            codes = self.encode(matrix[rows])
            found = np.zeros(codes.shape)
            explain_codes(codes, self.bundles, self.paths, self.at, self.weight, found, margin[rows])
            turn(found, self.coding.columns, values[rows])

        for_blocks(run, len(matrix), ROWS, threads)
        return Contributions(self.forest.expected, values, margin)

    def stream(
        self, matrix: np.ndarray, rows: int = STREAM_ROWS, threads: int | None = None
    ) -> Iterator[Contributions]:
        """`explain` of so many rows at a time, in order: of a matrix whose contributions would not fit into memory.

        Raises:
            ArtifactError: as `explain`.
        """
        self.check(matrix)
        for begin in range(0, len(matrix), rows):
            yield self.explain(matrix[begin : begin + rows], threads)

    def interactions(self, matrix: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Shapley interaction values (n, columns, columns), as shap's: symmetric, a row's sum is its contribution.

        What a pair gives together is half at (i, j) and half at (j, i); what a column gives alone is at (i, i).

        Raises:
            ArtifactError: as `explain`.
        """
        alone, (_, places) = self.explain(matrix, threads).values, self.pairs
        found = np.zeros((len(matrix), self.forest.columns, self.forest.columns))
        one, two = self.coding.columns[places.T]
        diagonal = np.arange(self.forest.columns)

        def run(rows: slice) -> None:
            block = found[rows]
            block[:, one, two] = block[:, two, one] = self.pair_values(matrix[rows]).T / 2
            block[:, diagonal, diagonal] = alone[rows] - block.sum(axis=2)

        for_blocks(run, len(matrix), self.pair_rows, threads)
        return found

    def interaction_strength(self, matrix: np.ndarray, threads: int | None = None) -> np.ndarray:
        """What pairs give together, either way, on average over the rows: (columns, columns), symmetric, 0 at (i, i).

        In bounded memory, whatever the number of rows.

        Raises:
            ArtifactError: as `explain`.
        """
        self.check(matrix)
        total, size = np.zeros(len(self.pairs[1])), self.pair_rows
        for begin in range(0, len(matrix), WAVE * size):
            part = matrix[begin : begin + WAVE * size]
            sums = np.zeros((WAVE, len(total)))

            def run(rows: slice, part: np.ndarray = part, sums: np.ndarray = sums) -> None:
                found = self.pair_values(part[rows])
                sums[rows.start // size] = np.abs(found, out=found).sum(axis=1)

            for_blocks(run, len(part), size, threads, even=False)
            total += sums.sum(axis=0)  # of blocks that the number of threads does not change
        strength = np.zeros((self.forest.columns, self.forest.columns))
        one, two = self.coding.columns[self.pairs[1].T]
        strength[one, two] = strength[two, one] = total / max(len(matrix), 1)
        return strength

    @property
    def pair_rows(self) -> int:
        """Rows of a block of pairs: fewer where there are many pairs."""
        return int(np.clip(PAIR_BYTES // (8 * max(len(self.pairs[1]), 1)), 64, PAIR_ROWS))

    @cached_property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """`find_pairs`."""
        return find_pairs(self.paths, len(self.coding.columns))

    def pair_values(self, matrix: np.ndarray) -> np.ndarray:
        """What each of the `pairs` gives together, (pairs, n), of a block of rows."""
        codes = self.encode(matrix)
        found = np.zeros((len(self.pairs[1]), len(matrix)))
        pair_codes(codes, self.bundles, self.paths, self.at, self.weight, self.pairs[0], found)
        return found

    def encode(self, matrix: np.ndarray) -> np.ndarray:
        """The codes of a block of rows."""
        return self.coding.encode(np.ascontiguousarray(as_read(matrix), dtype=np.float64))

    def check(self, matrix: np.ndarray) -> None:
        """Raises `ArtifactError` where the matrix is not the model's."""
        if matrix.ndim != 2 or matrix.shape[1] != self.forest.columns:
            raise ArtifactError(f"the matrix is {matrix.shape}, the model reads rows of {self.forest.columns} columns")


def for_blocks(
    run: Callable[[slice], None], rows: int, most: int, threads: int | None = None, even: bool = True
) -> None:
    """Runs blocks of at most so many rows on all threads; ``even`` ones where there are fewer rows."""
    threads = threads or os.cpu_count() or 1
    size = max(1, min(most, -(-rows // threads))) if even else most
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, (slice(begin, min(begin + size, rows)) for begin in range(0, rows, size))))


def explain(boosters: lgb.Booster | Sequence[lgb.Booster], X: pd.DataFrame | np.ndarray) -> "shap.Explanation":
    """The margin's Shapley values as `shap.Explanation`, which all of shap's plots read.

    Args:
        boosters: one, or several whose margins are averaged.
        X: (n, columns) as the booster's own ``predict`` takes it; a frame may have pandas categories.

    Raises:
        ArtifactError: a booster or a matrix that cannot be explained.
    """
    import shap

    explainer = Explainer.of(boosters)
    first = boosters if isinstance(boosters, lgb.Booster) else boosters[0]
    found = explainer.explain(to_matrix(first, X))
    names = list(X.columns.astype(str)) if isinstance(X, pd.DataFrame) else first.feature_name()
    return shap.Explanation(
        values=found.values,
        base_values=np.full(len(found.values), found.base),
        data=X.to_numpy() if isinstance(X, pd.DataFrame) else X,
        feature_names=names,
    )


def as_read(matrix: np.ndarray) -> np.ndarray:
    """The numbers as LightGBM reads an array: float32 and float64 as they are, everything else as float32."""
    return matrix if matrix.dtype in (np.float32, np.float64) else matrix.astype(np.float32)


def to_matrix(booster: lgb.Booster, X: pd.DataFrame | np.ndarray) -> np.ndarray:
    """float64 (n, columns); categories as the numbers that the booster was trained with, those it never saw missing.

    Raises:
        ArtifactError: other categorical columns than the booster's.
    """
    if not isinstance(X, pd.DataFrame):
        return as_read(np.asarray(X))
    categorical = [c for c in X.columns if isinstance(X[c].dtype, pd.CategoricalDtype)]
    odd = [str(c) for c in X.columns.difference(categorical, sort=False) if not pd.api.types.is_numeric_dtype(X[c])]
    if odd:
        raise ArtifactError(f"{len(odd)} columns are no numbers and no pandas categories: {', '.join(odd[:5])}")
    known = booster.pandas_categorical or []
    if len(categorical) != len(known):
        raise ArtifactError(f"the frame has {len(categorical)} categorical columns, the booster knows {len(known)}")
    numbers = X.copy(deep=False)
    for column, levels in zip(categorical, known, strict=True):
        codes = X[column].cat.set_categories(levels).cat.codes
        numbers[column] = codes.where(codes >= 0, np.nan)
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan)
