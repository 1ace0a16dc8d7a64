"""Columns as codes: every value falls into one of a few bins, so that a column's figures come from small counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leadml.features.dictionary import Kind

MOST_VALUES = 40  # a number with no more distinct values keeps each of them
BINS = 32  # quantiles of a number with more
OWN_BIN = 0.02  # share of the rows from which one exact value of a number has a bin of its own
MOST_ROWS = 100_000  # rows looked at; more would only narrow intervals that are narrow already


@dataclass(frozen=True)
class AuditColumn:
    """A column to look at: its kind, the file, table or family it is from, and whether dated rows made it.

    ``dated``: built from touchpoints or from a history, with what was known before the cutoff. Otherwise nothing but
    the export's word says when its values were written.
    """

    name: str
    kind: Kind
    place: str = ""
    dated: bool = False


@dataclass(frozen=True)
class Coded:
    """A column's values as codes (n,) of ``names``; ``exact`` tells which codes stand for one exact value.

    Code 0 is always "missing". ``values`` are the numbers, or the codes with NaN for missing (for a model).
    """

    codes: np.ndarray
    names: tuple[str, ...]
    exact: np.ndarray
    values: np.ndarray
    category: bool

    @property
    def missing(self) -> np.ndarray:
        """Which rows have no value (n,)."""
        return self.codes == 0


def columns_of(X: pd.DataFrame, place: str = "", dated: Sequence[str] = ()) -> list[AuditColumn]:
    """Every column of a frame: numbers by their type, everything else a category."""
    return [
        AuditColumn(
            str(name),
            Kind.NUMBER if pd.api.types.is_numeric_dtype(X[name].dtype) else Kind.CATEGORY,
            place,
            name in dated,
        )
        for name in X.columns
    ]


def code_column(values: pd.Series, kind: Kind) -> Coded:
    """The column's values as codes."""
    return _code_number(values) if kind is Kind.NUMBER else _code_category(values)


def draw_rows(n: int, seed: int, most: int = MOST_ROWS) -> np.ndarray:
    """All row numbers in order, or ``most`` of them drawn by the seed."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).permutation(n)[:most])


def _code_category(values: pd.Series) -> Coded:
    codes, levels = pd.factorize(values.astype(object), use_na_sentinel=True)
    numbers = np.where(codes < 0, np.nan, codes.astype(np.float64))
    names = ("", *(str(level) for level in levels))
    return Coded(codes + 1, names, np.ones(len(names), dtype=bool), numbers, True)


def _code_number(values: pd.Series) -> Coded:
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    numbers[~np.isfinite(numbers)] = np.nan
    present = numbers[~np.isnan(numbers)]
    distinct, counts = np.unique(present, return_counts=True)
    if len(distinct) <= MOST_VALUES:
        own, edges = distinct, np.empty(0)
    else:
        own = distinct[counts >= OWN_BIN * len(numbers)]
        rest = present[~np.isin(present, own)]
        edges = np.unique(np.quantile(rest, np.linspace(0, 1, BINS + 1)[1:-1])) if len(rest) else np.empty(0)
    codes = 1 + len(own) + np.searchsorted(edges, numbers, side="right")
    if len(own):
        place = np.minimum(np.searchsorted(own, numbers), len(own) - 1)
        codes = np.where(own[place] == numbers, 1 + place, codes)
    codes = np.where(np.isnan(numbers), 0, codes)
    bounds = [f"{e:g}" for e in edges]
    ranges = [f"{a} to {b}" for a, b in zip(["", *bounds], [*bounds, ""], strict=True)]
    names = ("", *(f"{v:g}" for v in own), *ranges)
    exact = np.arange(len(names)) <= len(own)
    return Coded(codes, names, exact, numbers, False)
