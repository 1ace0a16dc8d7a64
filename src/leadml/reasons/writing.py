"""Reasons written: chosen by numbers first, words last and each phrase made once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from leadml.errors import ArtifactError
from leadml.features.dictionary import Feature
from leadml.reasons.choosing import ReasonsStyle, choose_reasons, group_topics
from leadml.reasons.phrases import render_phrases
from leadml.reasons.points import check_fit
from leadml.reasons.reference import Reference

_BLOCK_ROWS = 1024  # rows joined at a time: few lists at once, so that Python's collector finds no work in them


@dataclass(frozen=True)
class Reasons:
    """The reasons of n leads: for each the ones for it, strongest first, then the ones against it, strongest first.

    The base and a row's ``points`` and ``rest`` add up to the score before it is clipped.

    Attributes:
        phrases: (n, most_for + most_against) objects, "Visits to pricing pages in the last 7 days: 3, most leads have
            none (+9)"; None where there is no reason.
        feature: int32 of the same shape, the feature that is told, -1 where there is no reason.
        points: float64 of the same shape, of all features of its topic, NaN where there is no reason.
        rest: (n,) the points of all topics that are not told.
    """

    phrases: np.ndarray
    feature: np.ndarray
    points: np.ndarray
    rest: np.ndarray

    @cached_property
    def texts(self) -> list[list[str]]:
        """The phrases of each lead."""
        return [[text for text in row if text is not None] for row in self.phrases.tolist()]

    def of(self, rows: np.ndarray) -> "Reasons":
        """The reasons of some of the leads, by their positions."""
        return Reasons(self.phrases[rows], self.feature[rows], self.points[rows], self.rest[rows])


def write_reasons(
    points: np.ndarray,
    X: pd.DataFrame,
    features: Sequence[Feature],
    style: ReasonsStyle,
    reference: Reference | None = None,
) -> Reasons:
    """The reasons of every lead.

    Args:
        points: (n, k) from `explain_points`.
        X: n rows with a column for each feature, as `LeadScorer.prepare` gives them.
        features: k entries of the feature dictionary, in the order of the columns of ``points``.
        style: language and lengths.
        reference: what values are compared with; None compares nothing.

    Raises:
        ArtifactError: points, X and features do not fit each other.
    """
    check_fit(points, features)
    missing = [f.name for f in features if f.name not in X.columns]
    if missing or len(X) != len(points):
        raise ArtifactError(
            f"reasons: {len(points)} rows of points for {len(X)} rows of features"
            + (f"; {len(missing)} features missing: {', '.join(missing[:5])}" if missing else "")
        )
    chosen = choose_reasons(points, group_topics(features), style)
    phrases = render_phrases(chosen, X, features, style.language, reference or Reference())
    return Reasons(phrases, chosen.feature, chosen.points, chosen.rest)


def reasons_text(reasons: Reasons, separator: str = "; ", most: int | None = None) -> list[str]:
    """One text a lead: its reasons joined; "" where there are none.

    ``most`` keeps the strongest of them, for or against, told in the same order.
    """
    texts: list[str] = []
    for start in range(0, len(reasons.phrases), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        phrases = reasons.phrases[block]
        if most is not None:
            strength = np.abs(np.nan_to_num(reasons.points[block]))
            rank = np.argsort(np.argsort(-strength, axis=1, kind="stable"), axis=1, kind="stable")
            phrases = phrases.copy()
            phrases[rank >= most] = None
        texts += [separator.join(filter(None, row)) for row in phrases.tolist()]
    return texts
