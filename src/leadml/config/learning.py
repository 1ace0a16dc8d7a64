"""What is learnt and how: the model, its search, the scorecard."""

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING

from leadml.config.checks import check_positive
from leadml.errors import ConfigurationError


class Rung(Enum):
    """What is learnt: one rung of the ladder by name, or the one that the folds ask for."""

    auto = "auto"
    points = "points"
    logistic = "logistic"
    lightgbm = "lightgbm"
    blend = "blend"


@dataclass
class ModelConfig:
    """The learners. Names of the trees' settings are LightGBM's own; null is chosen by the training's size."""

    kind: Rung = MISSING
    strengths: list[float] = MISSING
    learning_rate: float | None = MISSING
    num_leaves: int | None = MISSING
    max_depth: int | None = MISSING
    min_data_in_leaf: int | None = MISSING
    lambda_l2: float = MISSING
    feature_fraction: float | None = MISSING
    bagging_fraction: float = MISSING
    max_trees: int = MISSING
    bag: int | None = MISSING
    negatives: float | None = MISSING
    monotone: dict[str, int] = MISSING
    min_level_rows: int = MISSING
    max_levels: int = MISSING

    def __post_init__(self) -> None:
        check_positive(
            model__learning_rate=self.learning_rate,
            model__min_data_in_leaf=self.min_data_in_leaf,
            model__max_trees=self.max_trees,
            model__bag=self.bag,
            model__min_level_rows=self.min_level_rows,
            model__max_levels=self.max_levels,
        )
        self.strengths = sorted(self.strengths)
        if not self.strengths or self.strengths[0] <= 0:
            raise ConfigurationError(f"model.strengths={self.strengths}: at least one, all above 0")
        if odd := [f"model.monotone.{n}={v}" for n, v in self.monotone.items() if v not in (-1, 1)]:
            raise ConfigurationError(f"{', '.join(odd)}: write 1 (never falls) or -1 (never rises)")
        bad = [f"model.{n}={v}" for n, v in self._fractions().items() if v is not None and not 0 < v <= 1]
        if bad:
            raise ConfigurationError(f"must be above 0 and at most 1: {', '.join(bad)}")
        if self.lambda_l2 < 0:
            raise ConfigurationError(f"model.lambda_l2={self.lambda_l2} must be 0 or more")
        if self.num_leaves is not None and self.num_leaves < 2:
            raise ConfigurationError(f"model.num_leaves={self.num_leaves}: a tree needs at least 2 leaves")

    def _fractions(self) -> dict[str, float | None]:
        names = ("feature_fraction", "bagging_fraction", "negatives")
        return {name: getattr(self, name) for name in names}


@dataclass
class TuneConfig:
    """How long settings of the trees are searched for; null: not at all."""

    minutes: float | None = MISSING
    trials: int | None = MISSING

    def __post_init__(self) -> None:
        check_positive(train__tune__minutes=self.minutes, train__tune__trials=self.trials)


@dataclass
class PointsConfig:
    """One rule of the scorecard: points where the first of the features that is there meets the condition."""

    features: list[str] = MISSING
    points: float = MISSING
    at_least: float | None = None
    at_most: float | None = None
    values: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> str | None:
        """What cannot be, None where nothing is wrong."""
        if not self.features:
            return "features is empty"
        if bool(self.values) == (self.at_least is not None or self.at_most is not None):
            return "either values, or at_least or at_most (or both)"
        return None


@dataclass
class ScorecardConfig:
    """The team's own points."""

    rules: list[PointsConfig] = MISSING

    def __post_init__(self) -> None:
        wrong = [f"rule {i} of {', '.join(r.features)}: {r.wrong}" for i, r in enumerate(self.rules, 1) if r.wrong]
        if wrong:
            raise ConfigurationError(f"scorecard.rules: {'; '.join(wrong)}")
