"""How the leads of the reference list stand, feature by feature: what a lead's own value is compared with.

The list is the newest test list of the model's training; it is stored with the model and frozen with it. Values are
compared as they are shown: two leads of whom the same is said stand at the same place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from leadml.encoding import Encoder
from leadml.features.dictionary import Feature, Kind
from leadml.numbers import round_shown
from leadml.reasons.levels import shown_level

PERCENTS = (70, 80, 90, 99)  # of the leads below or above a value that are told
FEWEST_ROWS = 50  # a shorter list says nothing about most leads
FEWEST_FOR_99 = 1000
MOST = 60  # percent that are most leads
KNOWN = 50  # percent of the leads of whom a number must be known
SMALLEST_SHARE = 0.01  # of a level that is stored


@dataclass(frozen=True)
class Standing:
    """One feature on the reference list; shares are of all its leads.

    Attributes:
        missing: share of the leads without a value.
        typical: the number that most leads have, as it is shown; None where there is none.
        high: a number above ``high[i]`` is above that of at least ``PERCENTS[i]`` percent of the leads; shorter where
            no number can be.
        low: the same below.
        shares: of a category's levels, as they are shown, from 1 % on.
    """

    missing: float
    typical: float | None = None
    high: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """The reference list by feature, and the levels that the model knows of each category.

    A level that the model does not know is told as other: that is what the score rests on.
    """

    standings: Mapping[str, Standing] = field(default_factory=dict)
    levels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rows: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the levels, which the encoder holds."""
        entries = {name: _plain(standing) for name, standing in self.standings.items()}
        return {"rows": self.rows, "features": entries}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any], levels: Mapping[str, Sequence[str]]) -> "Reference":
        """The inverse of `to_dict`."""
        standings = {str(name): _standing(e) for name, e in entry["features"].items()}
        return cls(standings, levels, int(entry["rows"]))


def fit_reference(X: pd.DataFrame, encoder: Encoder) -> Reference:
    """How the leads of a prepared frame stand; nothing is said of features where there are fewer than 50 leads."""
    if len(X) < FEWEST_ROWS:
        return Reference({}, encoder.levels, len(X))
    standings = {
        f.name: _level_standing(X[f.name], encoder.levels[f.name])
        if f.kind is Kind.CATEGORY
        else _number_standing(X[f.name].to_numpy(dtype=np.float64, na_value=np.nan), f)
        for f in encoder.features
    }
    return Reference(standings, encoder.levels, len(X))


def _level_standing(values: pd.Series, levels: Sequence[str]) -> Standing:
    counts: dict[str, int] = {}
    for value, n in values.value_counts(dropna=True).items():
        shown = shown_level(str(value), levels)
        counts[shown] = counts.get(shown, 0) + int(n)
    shares = {level: n / len(values) for level, n in sorted(counts.items())}
    kept = {level: round(share, 4) for level, share in shares.items() if share >= SMALLEST_SHARE}
    return Standing(round(float(values.isna().mean()), 4), shares=kept)


def _number_standing(values: np.ndarray, feature: Feature) -> Standing:
    known = values[np.isfinite(values)]
    missing = round(1 - known.size / len(values), 4)
    # What never happened lies beyond every number of days; what nobody knows is neither above nor below.
    total, beyond = len(values), len(values) if feature.never else known.size
    if known.size == 0 or (not feature.never and 100 * known.size < KNOWN * len(values)):
        return Standing(missing)
    distinct, counts = np.unique(round_shown(known, feature.unit), return_counts=True)
    upto = counts.cumsum()
    from_here = beyond - upto + counts
    percents = [p for p in PERCENTS if p < 99 or total >= FEWEST_FOR_99]
    # Whole numbers throughout, so that a share of exactly nine tenths is one.
    high = [distinct[100 * upto >= p * total] for p in percents]
    low = [distinct[100 * from_here >= p * total] for p in percents]
    most = int(counts.argmax())
    return Standing(
        missing,
        float(distinct[most]) if 100 * int(counts[most]) >= MOST * total else None,
        tuple(float(h[0]) for h in high if h.size),
        tuple(float(b[-1]) for b in low if b.size),
    )


def _plain(standing: Standing) -> dict[str, Any]:
    entry: dict[str, Any] = {"missing": standing.missing}
    if standing.shares:
        return entry | {"shares": dict(standing.shares)}
    if standing.high or standing.low:
        entry |= {"high": list(standing.high), "low": list(standing.low)}
    return entry if standing.typical is None else entry | {"typical": standing.typical}


def _standing(entry: Mapping[str, Any]) -> Standing:
    return Standing(
        float(entry["missing"]),
        entry.get("typical"),
        tuple(entry.get("high", ())),
        tuple(entry.get("low", ())),
        dict(entry.get("shares", {})),
    )
