"""Thresholds, reasons, explanations, and what predict does."""

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from omegaconf import MISSING

from leadml.config.checks import check_positive
from leadml.errors import ConfigurationError
from leadml.problem import parse_instant


class Language(Enum):
    """Languages that reasons and the report are written in."""

    en = "en"
    es = "es"


AGAINST_LATEST, AGAINST_NONE = "latest", "none"  # of explain.against, besides a cutoff


@dataclass
class ThresholdConfig:
    """The threshold rule: what sales can work."""

    weekly_capacity: int = MISSING
    again_after_days: int = MISSING

    def __post_init__(self) -> None:
        check_positive(
            threshold__weekly_capacity=self.weekly_capacity, threshold__again_after_days=self.again_after_days
        )


@dataclass
class DecisionConfig:
    """Grades by fixed score ranges, and what is done with each side of the threshold."""

    grades: dict[str, float] = MISSING

    def __post_init__(self) -> None:
        lows = list(self.grades.values())
        if not lows or lows[-1] != 0 or any(a <= b for a, b in pairwise(lows)) or lows[0] > 100:
            raise ConfigurationError(
                f"decision.grades={self.grades}: lower ends of the score ranges must fall, start at most at 100 and "
                "end at 0, e.g. {A: 75, B: 60, C: 45, D: 0}"
            )


@dataclass
class ReasonsConfig:
    """How reasons are told."""

    language: Language = MISSING
    most_for: int = MISSING
    most_against: int = MISSING


@dataclass
class ExplainConfig:
    """What the report compares the list with."""

    against: str = MISSING

    def __post_init__(self) -> None:
        if self.against not in (AGAINST_LATEST, AGAINST_NONE):
            try:
                parse_instant("explain.against", self.against)
            except ConfigurationError as error:
                raise ConfigurationError(
                    f"{error}; or {AGAINST_LATEST} for the latest earlier list, {AGAINST_NONE} for no comparison"
                ) from error


class Only(Enum):
    """Which of the open leads predict scores."""

    all = "all"
    changed = "changed"


@dataclass
class PredictConfig:
    """Batch scoring."""

    cutoff: str | None = MISSING
    only: Only = MISSING
    out: str | None = MISSING
