"""Segments: categories by whose levels a model is told, named by people or chosen, with levels few enough to read."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from leadml.encoding import OTHER, level_texts
from leadml.errors import ConfigurationError
from leadml.features.dictionary import Feature, Kind
from leadml.reasons.levels import looks_personal

MOST_SEGMENTS = 3
MOST_LEVELS, LEAST_LEADS = 6, 50  # of a segment that was chosen: levels; distinct leads of the stream behind one
MOST_NAMED, LEAST_NAMED = 12, 1  # the same of a segment that people named
FAMILIES = ("firmographic", "channel")  # who the lead is and where it came from: what people call a segment


def category_names(features: Sequence[Feature]) -> list[str]:
    """The features that can be a segment."""
    return [f.name for f in features if f.kind is Kind.CATEGORY]


def check_segments(named: Sequence[str], features: Sequence[Feature]) -> None:
    """Raise `ConfigurationError` where ``train.segments`` names what is no category feature."""
    known = category_names(features)
    if absent := sorted(set(named) - set(known)):
        there = f"there are {', '.join(sorted(known))}" if known else "there is none"
        raise ConfigurationError(
            f"train.segments: {len(absent)} of {len(named)} are no category features: {', '.join(absent)}; {there}"
        )


def choose_segments(
    X: pd.DataFrame,
    stream: pd.DataFrame,
    features: Sequence[Feature],
    named: Sequence[str] = (),
    most: int = MOST_SEGMENTS,
) -> dict[str, tuple[str, ...]]:
    """The segments with the levels that are told: those that people named, else those that the stream tells apart.

    Levels are those of most leads in the out-of-time stream. The test has no say in it: it is what segments are judged
    by.

    Args:
        X: feature frame of all snapshots.
        stream: ``snapshot`` (row of ``X``), ``lead_id``, ``label``.
        features: those that may be chosen.
        named: columns of ``X`` in their order, each with at most `MOST_NAMED` levels; () chooses.
        most: segments that are chosen, at most.

    Returns:
        Feature names with their levels by falling number of leads. Chosen ones: the one with the largest between-level
        variance of the rate first; those with two levels or more, at most `MOST_LEVELS` of at least `LEAST_LEADS`.
    """
    label, lead = stream["label"].to_numpy(dtype=np.float64), stream["lead_id"].to_numpy(dtype=object)
    if named:
        texts = {name: level_texts(X[name].iloc[stream["snapshot"]]) for name in named}
        return {name: frequent(values, lead, MOST_NAMED, LEAST_NAMED) for name, values in texts.items()}
    found: list[tuple[float, str, tuple[str, ...]]] = []
    for feature in features:
        if feature.kind is not Kind.CATEGORY or feature.family not in FAMILIES:
            continue
        values = level_texts(X[feature.name].iloc[stream["snapshot"]])
        levels = frequent(values, lead)
        if len(levels) > 1:
            folded = pd.Series(fold(values, levels), dtype=object).fillna("")
            rates = pd.Series(label).groupby(folded.to_numpy()).transform("mean")
            found.append((float(rates.var(ddof=0)), feature.name, levels))
    found.sort(key=lambda entry: (-entry[0], entry[1]))
    return {name: levels for _, name, levels in found[:most]}


def frequent(
    values: np.ndarray, lead: np.ndarray, most: int = MOST_LEVELS, least: int = LEAST_LEADS
) -> tuple[str, ...]:
    """The levels with the most distinct leads, ties by name; texts that look like a person's data are none."""
    leads = pd.DataFrame({"level": values, "lead": lead}).dropna(subset=["level"])
    counts = leads.groupby("level")["lead"].nunique()
    counts = counts[counts >= least]
    names = sorted((str(n) for n in counts.index if not looks_personal(str(n))), key=lambda n: (-counts[n], n))
    return tuple(names[:most])


def fold(values: np.ndarray, levels: Sequence[str]) -> list[str | None]:
    """Each of the values (n,) of `level_texts`: itself, `OTHER` if it is not among ``levels``, None where missing."""
    known = set(levels)
    return [None if v is None else v if v in known else OTHER for v in values]
