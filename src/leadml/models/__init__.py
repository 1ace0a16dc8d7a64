"""What is learnt: the team's points, a shrunken logistic regression, boosted trees, blends; and the ladder of them."""

from leadml.models.blend import Member, Model, Trees, fit_weights, restore_members, store_members
from leadml.models.boosted import LOOSE, TREES, scale_model
from leadml.models.ladder import (
    LOGISTIC,
    POINTS,
    FoldRows,
    Ingredient,
    Ingredients,
    Plan,
    choose_plan,
    fit_plan,
    logistic_model,
    points_model,
)
from leadml.models.linear import LinearModel, fit_linear
from leadml.models.points import FEWEST_FEATURES, PointsModel, count_points, fit_points, used_features
from leadml.models.shifts import SEGMENTS, SegmentShift

__all__ = [
    "FEWEST_FEATURES",
    "LOGISTIC",
    "LOOSE",
    "POINTS",
    "SEGMENTS",
    "TREES",
    "FoldRows",
    "Ingredient",
    "Ingredients",
    "LinearModel",
    "Member",
    "Model",
    "Plan",
    "PointsModel",
    "SegmentShift",
    "Trees",
    "choose_plan",
    "count_points",
    "fit_linear",
    "fit_plan",
    "fit_points",
    "fit_weights",
    "logistic_model",
    "points_model",
    "restore_members",
    "scale_model",
    "store_members",
    "used_features",
]
