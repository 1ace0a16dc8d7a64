"""Shifts of the margin by the level of a category: a member of the model like any other, so its points are exact."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from leadml.encoding import OTHER, Encoder
from leadml.models.blend import Member
from leadml.models.points import POINTS_PER_DOUBLING, PointsModel, UsedRule

SEGMENTS = "segments"


@dataclass(frozen=True)
class SegmentShift:
    """What each level of a category adds to the margin (log-odds before calibration); any other level adds 0."""

    feature: str
    shifts: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"feature": self.feature, "shifts": dict(self.shifts)}


def shift_members(
    shifts: Sequence[SegmentShift], encoder: Encoder, matrix: np.ndarray, weight: np.ndarray
) -> tuple[Member, ...]:
    """The member that adds the shifts, none where the encoder knows no category of them.

    Args:
        shifts: a category each.
        encoder: the model's; a level that it has not (too few training rows, unseen) or has among ``(other)``, and a
            missing one, are shifted by 0.
        matrix: (n, k) of the encoder: training rows, over which each category's mean is the base's.
        weight: (n,) what a row stands for.
    """
    column = {feature.name: j for j, feature in enumerate(encoder.features) if feature.name in encoder.levels}
    unit = log(2) / POINTS_PER_DOUBLING
    rules = tuple(
        UsedRule(column[shift.feature], shift.shifts[level] / unit, None, None, (code,))
        for shift in shifts
        if shift.feature in column
        for code, level in enumerate(encoder.levels[shift.feature])
        if level != OTHER and shift.shifts.get(level)
    )
    if not rules:
        return ()
    learner = PointsModel(rules, np.zeros(len(encoder.features)))
    means = np.average(learner.contributions(matrix), axis=0, weights=weight)
    return (Member(SEGMENTS, 1.0, PointsModel(rules, means)),)
