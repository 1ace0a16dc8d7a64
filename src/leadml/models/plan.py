"""What is fitted and what the folds decided: the ingredients, a fold's rows, the members with their weights."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from leadml.config import ModelConfig
from leadml.encoding import Encoder
from leadml.errors import ConfigurationError
from leadml.features.dictionary import Feature, Kind
from leadml.models.boosted import bag_seeds, booster_parameters
from leadml.models.shifts import SegmentShift
from leadml.scorecard import PointRule

POINTS, LOGISTIC = "points", "logistic"  # members beside the two kinds of trees


@dataclass(frozen=True)
class Ingredients:
    """What is fitted, besides rows: the features, the model's settings with nothing left open, the team's scorecard."""

    features: tuple[Feature, ...]
    model: ModelConfig
    card: tuple[PointRule, ...]
    seed: int
    threads: int


@dataclass(frozen=True)
class FoldRows:
    """One fold: rows of the feature frame to fit on (n) and to validate with (m), with their labels.

    ``account`` (m) holds codes, the same in all folds; ``weight`` (m) is what a row counts for a calibrator.
    """

    fit: np.ndarray
    fit_labels: np.ndarray
    validation: np.ndarray
    labels: np.ndarray
    account: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Ingredient:
    """A member as it will be fitted: its weight, the strength of a logistic one, the trees of a booster."""

    name: str
    weight: float
    strength: float | None = None
    trees: int | None = None


@dataclass(frozen=True)
class Step:
    """One candidate on the ladder.

    ``loss`` is the mean over folds of the log loss; ``more`` is how much more that is than the lowest, with the
    account-clustered standard error ``error`` of that difference (0 for the lowest itself); ``weights`` a member.
    """

    rung: str
    weights: dict[str, float]
    loss: float
    more: float
    error: float
    chosen: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class Plan:
    """What the folds decided.

    ``margins`` are the chosen candidate's of each fold's validation rows, ``probabilities`` theirs by what was fitted
    on the other folds; ``strength`` is that of a logistic regression, member or not; ``curves`` are the mean losses
    seen on the way, by member: at each number of trees, at each strength. ``shifts`` of segments are one more member.
    """

    rung: str
    members: tuple[Ingredient, ...]
    margins: tuple[np.ndarray, ...]
    probabilities: tuple[np.ndarray, ...]
    steps: tuple[Step, ...]
    strength: float
    curves: dict[str, np.ndarray] = field(default_factory=dict)
    shifts: tuple[SegmentShift, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "rung": self.rung,
            "members": [dict(vars(m)) for m in self.members],
            "steps": [s.to_dict() for s in self.steps],
        }


EMPTY = Plan("", (), (), (), (), 0.0)


def check_monotone(given: Ingredients) -> None:
    """Raise `ConfigurationError` naming every constraint of ``model.monotone`` that cannot be."""
    kinds = {f.name: f.kind for f in given.features}
    asked = dict(given.model.monotone)
    absent = sorted(set(asked) - set(kinds))
    categories = sorted(name for name in asked if kinds.get(name) is Kind.CATEGORY)
    told = [f"{len(absent)} are no features: {', '.join(absent)}"] if absent else []
    told += [f"{len(categories)} are categories: {', '.join(categories)}"] if categories else []
    if told:
        raise ConfigurationError(f"model.monotone: {'; '.join(told)}; name numbers of data/features/dictionary.json")


def list_parameters(given: Ingredients, encoder: Encoder, kind: str) -> list[dict[str, Any]]:
    """LightGBM's parameters, a booster of the bag each."""
    asked = dict(given.model.monotone)
    monotone = [asked.get(f.name, 0) for f in encoder.features]
    return [
        booster_parameters(given.model, seed, given.threads, kind, monotone)
        for seed in bag_seeds(given.seed, given.model.bag)
    ]
