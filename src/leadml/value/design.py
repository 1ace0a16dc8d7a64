"""Features as columns of a small linear model that is kept as plain numbers.

A number is one column, its signed logarithm in units of its deviation, clipped at three of them so that nothing is
carried on beyond what was seen, and one column for missing; a category is one column a level. All are centred, so that
a coefficient of zero says nothing and a level that was never seen counts as the mean.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from leadml.encoding import OTHER, level_codes, number_values
from leadml.errors import ArtifactError
from leadml.features.dictionary import Feature, Kind

FURTHEST = 3.0  # deviations from the mean, beyond which a number counts as that far
MOST_LEVELS = 6  # of a category: the most frequent ones
MIN_LEVEL_LEADS = 5.0  # converting leads behind a level that has a column of its own


@dataclass(frozen=True)
class Term:
    """One feature in the model. ``levels`` of a category, else () with ``centre`` and ``spread`` of the number.

    ``means`` (columns) are subtracted from the columns.
    """

    feature: str
    levels: tuple[str, ...]
    centre: float
    spread: float
    means: tuple[float, ...]

    def columns(self, X: pd.DataFrame) -> list[np.ndarray]:
        """The term's centred columns, each (n,), of feature rows; raises `ArtifactError` where the feature is missing.

        Row by row: what a row gives hangs on no other row, to the bit.
        """
        if self.feature not in X:
            raise ArtifactError(f"feature {self.feature} is missing; pass the columns that the model was trained on")
        raw = raw_columns(X[self.feature], self.levels, self.centre, self.spread)
        return [column - mean for column, mean in zip(raw, self.means, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"levels": list(self.levels), "means": list(self.means)}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "Term":
        """The inverse of `to_dict`."""
        return cls(
            str(entry["feature"]),
            tuple(map(str, entry["levels"])),
            float(entry["centre"]),
            float(entry["spread"]),
            tuple(map(float, entry["means"])),
        )


def fit_term(X: pd.DataFrame, feature: Feature, weight: np.ndarray) -> Term | None:
    """The feature's term, of rows (n, ...) with weights (n,) that add up to the leads; None where it does not vary."""
    column = X[feature.name]
    levels: tuple[str, ...] = ()
    centre, spread = 0.0, 1.0
    if feature.kind is Kind.CATEGORY:
        levels = _levels(column, weight)
        if not levels:
            return None
    else:
        values = signed_log(number_values(column))
        known = ~np.isnan(values)
        if known.any():
            centre = float(np.average(values[known], weights=weight[known]))
            # One value only has no spread; what is computed of it is rounding.
            if np.ptp(values[known]) > 0:
                spread = float(np.sqrt(np.average((values[known] - centre) ** 2, weights=weight[known])))
    raw = raw_columns(column, levels, centre, spread)
    if not any(np.ptp(one) > 0 for one in raw):
        return None
    means = tuple(float(np.average(one, weights=weight)) for one in raw)
    return Term(feature.name, levels, centre, spread, means)


def raw_columns(column: pd.Series, levels: tuple[str, ...], centre: float, spread: float) -> list[np.ndarray]:
    """Columns (n,) before they are centred: one a level, or the number and whether it is missing."""
    if levels:
        codes = level_codes(column, levels)
        return [(codes == k).astype(np.float64) for k in range(len(levels))]
    values = signed_log(number_values(column))
    missing = np.isnan(values)
    scaled = np.clip((values - centre) / spread, -FURTHEST, FURTHEST)
    return [np.where(missing, 0.0, scaled), missing.astype(np.float64)]


def signed_log(values: np.ndarray) -> np.ndarray:
    """log(1 + |x|) with the sign of x: amounts, counts and ages all spread over orders of magnitude."""
    return np.sign(values) * np.log1p(np.abs(values))


def _levels(column: pd.Series, weight: np.ndarray) -> tuple[str, ...]:
    """The most frequent levels by weight, sorted by name; () where fewer than two stand out."""
    text = column.astype("object").where(column.notna(), None)
    names = tuple(sorted({str(v) for v in text if v is not None} - {OTHER}))
    if not names:
        return ()
    codes = level_codes(column, names)
    known = ~np.isnan(codes)
    leads = np.bincount(codes[known].astype(np.int64), weights=weight[known], minlength=len(names))
    ranked = sorted(range(len(names)), key=lambda k: (-leads[k], names[k]))[:MOST_LEVELS]
    return tuple(sorted(names[k] for k in ranked if leads[k] >= MIN_LEVEL_LEADS))
