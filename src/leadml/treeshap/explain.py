"""Exact contributions of boosters, in blocks of rows side by side."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import lightgbm as lgb
import numpy as np
import pandas as pd

from leadml.errors import ArtifactError
from leadml.treeshap.bundles import Bundles, build_bundles
from leadml.treeshap.codes import Coding, choose_codes
from leadml.treeshap.forest import Forest, read_forest
from leadml.treeshap.kernel import explain_codes, turn
from leadml.treeshap.tables import gauss

if TYPE_CHECKING:
    import shap

ROWS = 1024  # of a block: its codes and contributions stay in the second cache


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
    at: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, boosters: lgb.Booster | Sequence[lgb.Booster]) -> "Explainer":
        """Of a booster up to its best iteration, or of the mean of several.

        Raises:
            ArtifactError: as `read_forest` and `choose_codes`.
        """
        forest = read_forest(boosters)
        coding = choose_codes(forest)
        bundles = build_bundles(forest, coding)
        most = int(np.diff(bundles.slots).max(initial=0))
        at, weight = np.zeros((2, most + 1, most // 2 + 1))
        for columns in range(most + 1):
            rule = gauss(columns)
            at[columns, : len(rule[0])], weight[columns, : len(rule[1])] = rule
        return cls(forest, coding, bundles, at, weight)

    def explain(self, matrix: np.ndarray, threads: int | None = None) -> Contributions:
        """The contributions of a matrix (n, columns) of numbers; the number of threads (None: all) changes no bit.

        Raises:
            ArtifactError: another number of columns than the model's.
        """
        if matrix.ndim != 2 or matrix.shape[1] != self.forest.columns:
            raise ArtifactError(f"the matrix is {matrix.shape}, the model reads rows of {self.forest.columns} columns")
        values, margin = np.zeros(matrix.shape), np.zeros(len(matrix))

        def run(begin: int) -> None:
            rows = slice(begin, begin + ROWS)
            codes = self.coding.encode(np.ascontiguousarray(matrix[rows], dtype=np.float64))
            found = np.zeros(codes.shape)
            explain_codes(codes, self.bundles, self.at, self.weight, found, margin[rows])
            turn(found, self.coding.columns, values[rows])

        with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
            list(pool.map(run, range(0, len(matrix), ROWS)))
        return Contributions(self.forest.expected, values, margin)


def explain(boosters: lgb.Booster | Sequence[lgb.Booster], X: pd.DataFrame | np.ndarray) -> "shap.Explanation":
    """The margin's Shapley values as `shap.Explanation`, which all of shap's plots read.

    Args:
        boosters: one, or several whose margins are averaged.
        X: (n, columns) as the booster's own ``predict`` takes it; a frame may have pandas categories.

    Raises:
        ArtifactError: a booster or a matrix that cannot be explained.
    """
    import shap

    first = boosters if isinstance(boosters, lgb.Booster) else boosters[0]
    found = Explainer.of(boosters).explain(to_matrix(first, X))
    names = list(X.columns.astype(str)) if isinstance(X, pd.DataFrame) else first.feature_name()
    return shap.Explanation(
        values=found.values,
        base_values=np.full(len(found.values), found.base),
        data=X.to_numpy() if isinstance(X, pd.DataFrame) else X,
        feature_names=names,
    )


def to_matrix(booster: lgb.Booster, X: pd.DataFrame | np.ndarray) -> np.ndarray:
    """float64 (n, columns); categories as the numbers that the booster was trained with, those it never saw missing.

    Raises:
        ArtifactError: other categorical columns than the booster's.
    """
    if not isinstance(X, pd.DataFrame):
        return np.asarray(X)
    categorical = [c for c in X.columns if isinstance(X[c].dtype, pd.CategoricalDtype)]
    known = booster.pandas_categorical or []
    if len(categorical) != len(known):
        raise ArtifactError(f"the frame has {len(categorical)} categorical columns, the booster knows {len(known)}")
    codes = {c: X[c].cat.set_categories(levels).cat.codes for c, levels in zip(categorical, known, strict=True)}
    numbers = X.assign(**{c: code.where(code >= 0, np.nan) for c, code in codes.items()})
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan)
