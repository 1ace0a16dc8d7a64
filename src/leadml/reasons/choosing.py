"""Which topics are told of each lead, by numbers alone: points summed by topic, the strongest for and against."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from leadml.errors import ConfigurationError
from leadml.features.dictionary import Feature
from leadml.numbers import NOT_KNOWN

SMALLEST_REASON = 0.5  # points; below this a reason would be shown as 0
_BLOCK_ROWS = 4096  # a block's points stay in the processor's cache; changes no result


@dataclass(frozen=True)
class ReasonsStyle:
    """How reasons are told: language "en" or "es", and how many at most for and against a lead."""

    language: str = "en"
    most_for: int = 5
    most_against: int = 3

    def __post_init__(self) -> None:
        if self.language not in NOT_KNOWN:
            raise ConfigurationError(f"reasons.language={self.language}: use one of {', '.join(sorted(NOT_KNOWN))}")
        if self.most_for < 0 or self.most_against < 0:
            raise ConfigurationError("reasons.most_for and reasons.most_against must be 0 or more")


@dataclass(frozen=True)
class Chosen:
    """What is told of n leads: first the topics for each, strongest first, then those against, strongest first.

    Attributes:
        feature: (n, most_for + most_against) int32, the topic's feature that carries most of it in its direction; -1
            where there is no reason.
        points: float64 of the same shape, the topic's sum; NaN where there is no reason.
        rest: (n,) the sum of all points that are not told.
    """

    feature: np.ndarray
    points: np.ndarray
    rest: np.ndarray


def group_topics(features: Sequence[Feature]) -> np.ndarray:
    """The topic of each feature as a number (k,), in the order in which topics first come.

    Features of one topic that do not belong together (what a lead is and what it does, its own deeds and ours) are told
    apart all the same.
    """
    numbers: dict[tuple[str, bool, bool], int] = {}
    keys = [(f.topic, f.family == "firmographic", f.effort) for f in features]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int32)


def choose_reasons(points: np.ndarray, topics: np.ndarray, style: ReasonsStyle) -> Chosen:
    """The strongest topics of each row.

    Args:
        points: (n, k).
        topics: (k,) from `group_topics`.
        style: how many for and against.

    Returns:
        Topics whose points add up to at least 0.5, or at most -0.5; ties go to the topic, and within it to the feature,
        that comes first.
    """
    width = style.most_for + style.most_against
    chosen = Chosen(
        np.full((len(points), width), -1, dtype=np.int32),
        np.full((len(points), width), np.nan),
        np.zeros(len(points)),
    )
    for start in range(0, len(points) if points.shape[1] else 0, _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        part = Chosen(chosen.feature[block], chosen.points[block], chosen.rest[block])  # views: filled in place
        _choose_features(points[block], topics, _choose_topics(points[block], topics, style, part), part)
    return chosen


def _choose_topics(points: np.ndarray, topics: np.ndarray, style: ReasonsStyle, chosen: Chosen) -> np.ndarray:
    """Fills points and rest of a block of rows; the topics, -1 where there is none."""
    topic = np.full((len(points), style.most_for + style.most_against), -1, dtype=np.int32)
    sums = np.zeros((int(topics.max()) + 1, len(points)))
    # One addition after the other: a row's sums must not depend on how many rows there are.
    for j, number in enumerate(topics.tolist()):
        sums[number] += points[:, j]
    for number in range(len(sums)):
        chosen.rest[:] += sums[number]
    strength = np.ascontiguousarray(sums.T)
    rows = np.arange(len(points))
    for place in range(topic.shape[1]):
        positive = place < style.most_for
        # argmax and argmin give the first of equals, on every machine.
        best = strength.argmax(axis=1) if positive else strength.argmin(axis=1)
        top = strength[rows, best]
        there = top >= SMALLEST_REASON if positive else top <= -SMALLEST_REASON
        found = rows[there]
        topic[found, place], chosen.points[found, place] = best[there], top[there]
        strength[found, best[there]] = 0.0
        chosen.rest[found] -= top[there]
    return topic


def _choose_features(points: np.ndarray, topics: np.ndarray, topic: np.ndarray, chosen: Chosen) -> None:
    """Fills the feature that carries most of each chosen topic in its direction."""
    flat, feature, sums = topic.ravel(), chosen.feature.reshape(-1), chosen.points.reshape(-1)
    for number, places in enumerate(places_by(flat, int(topics.max(initial=-1)) + 1)):
        members = np.flatnonzero(topics == number)
        if len(members) == 1:
            feature[places] = members[0]
        elif places.size:
            held = points[np.ix_(places // topic.shape[1], members)] * np.sign(sums[places])[:, None]
            feature[places] = members[held.argmax(axis=1)]


def places_by(codes: np.ndarray, count: int) -> list[np.ndarray]:
    """Where each of the codes 0..count-1 stands in a flat array, in order; other codes are left out."""
    short = codes.astype(np.int16) if count < 2**15 else codes  # 16 bits are sorted by radix, ten times as fast
    order = np.argsort(short, kind="stable")
    starts = np.searchsorted(short[order], np.arange(count + 1))
    return [order[a:b] for a, b in pairwise(starts.tolist())]
