"""By which categories the test's probabilities are told, and their levels as few enough to read."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from leadml.encoding import OTHER
from leadml.features.dictionary import Feature, Kind
from leadml.reasons.levels import looks_personal

MOST_SEGMENTS = 3
MOST_LEVELS = 6
LEAST_LEADS = 50  # distinct leads of the stream behind a level that is told by itself
FAMILIES = ("firmographic", "channel")  # who the lead is and where it came from: what people call a segment


def choose_segments(
    X: pd.DataFrame, stream: pd.DataFrame, features: Sequence[Feature], most: int = MOST_SEGMENTS
) -> dict[str, tuple[str, ...]]:
    """The categories by whose levels the rate of the out-of-time stream differs most, with the levels that are told.

    The test has no say in it: it is what the segments are judged by.

    Args:
        X: feature frame of all snapshots.
        stream: ``snapshot`` (row of ``X``), ``lead_id``, ``label``.
        features: of the model.
        most: segments, at most.

    Returns:
        Feature names, the one with the largest between-level variance of the rate first, each with its levels by
        falling number of leads (at most `MOST_LEVELS`, each of at least `LEAST_LEADS`); those with two levels or more.
    """
    label, lead = stream["label"].to_numpy(dtype=np.float64), stream["lead_id"].to_numpy(dtype=object)
    found: list[tuple[float, str, tuple[str, ...]]] = []
    for feature in features:
        if feature.kind is not Kind.CATEGORY or feature.family not in FAMILIES:
            continue
        values = X[feature.name].iloc[stream["snapshot"]].reset_index(drop=True)
        levels = frequent(values, lead)
        if len(levels) > 1:
            folded = pd.Series(fold(values, levels), dtype=object).fillna("")
            rates = pd.Series(label).groupby(folded.to_numpy()).transform("mean")
            found.append((float(rates.var(ddof=0)), feature.name, levels))
    found.sort(key=lambda entry: (-entry[0], entry[1]))
    return {name: levels for _, name, levels in found[:most]}


def frequent(values: pd.Series, lead: np.ndarray) -> tuple[str, ...]:
    """The levels with the most distinct leads, ties by name; texts that look like a person's data are none."""
    leads = pd.DataFrame({"level": values.to_numpy(dtype=object), "lead": lead}).dropna(subset=["level"])
    counts = leads.groupby("level")["lead"].nunique()
    counts = counts[counts >= LEAST_LEADS]
    names = sorted((str(n) for n in counts.index if not looks_personal(str(n))), key=lambda n: (-counts[n], n))
    return tuple(names[:MOST_LEVELS])


def fold(values: pd.Series, levels: Sequence[str]) -> list[str | None]:
    """Each value's level, `OTHER` for one that is not among them, None where missing."""
    known = set(levels)
    return [
        None if v is None or v != v else str(v) if str(v) in known else OTHER for v in values.to_numpy(dtype=object)
    ]
