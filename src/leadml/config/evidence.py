"""How a model is judged, compared with the champion and promoted; the backtest."""

import re
from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING

from leadml.config.checks import check_fraction, check_positive
from leadml.config.learning import TuneConfig
from leadml.errors import ConfigurationError
from leadml.problem import repeated

LEAST_DRAWS = 10


class Promote(Enum):
    """When a newly trained model becomes champion by itself (only ever on a verdict that allows it)."""

    better = "better"
    when_none = "when_none"
    always = "always"
    never = "never"


@dataclass
class SplitConfig:
    """What is held out, and how the out-of-time stream is made."""

    test_cutoffs: int = MISSING
    test_share: float = MISSING
    folds: int = MISSING

    def __post_init__(self) -> None:
        check_positive(train__split__test_cutoffs=self.test_cutoffs)
        check_fraction(train__split__test_share=self.test_share)
        if self.folds < 2:
            raise ConfigurationError(f"train.split.folds={self.folds}: at least 2 are needed")


@dataclass
class EnoughConfig:
    """What the data should hold for figures that mean something; less is told, with the way out, and goes on."""

    leads: int = 500
    conversions: int = 100
    months: float = 6
    immature_share: float = 0.5
    account_share: float = 0.5
    amounts_missing: float = 0.2
    quiet_days: int = 28

    def __post_init__(self) -> None:
        check_positive(
            train__enough__leads=self.leads,
            train__enough__conversions=self.conversions,
            train__enough__months=self.months,
            train__enough__quiet_days=self.quiet_days,
        )
        check_fraction(
            train__enough__immature_share=self.immature_share,
            train__enough__account_share=self.account_share,
            train__enough__amounts_missing=self.amounts_missing,
        )


@dataclass
class TrainConfig:
    """The recipe around the model, and the gate."""

    split: SplitConfig = MISSING
    tune: TuneConfig = MISSING
    min_conversions: int = MISSING
    min_test_share: float = MISSING
    bootstrap: int = MISSING
    confidence: float = MISSING
    base_rate_half_life_days: float = MISSING
    max_shift: float = MISSING
    suspicious_auc: float = MISSING
    better_origins: float = MISSING
    p50: float | None = MISSING
    promote: Promote = MISSING
    enough: EnoughConfig = field(default_factory=EnoughConfig)
    segments: list[str] | None = field(default_factory=list)
    segment_conversions: int = 10

    def __post_init__(self) -> None:
        if twice := repeated(self.segments or []):
            raise ConfigurationError(f"train.segments={self.segments} names {twice} twice")
        check_positive(
            train__min_conversions=self.min_conversions,
            train__segment_conversions=self.segment_conversions,
            train__base_rate_half_life_days=self.base_rate_half_life_days,
            train__max_shift=self.max_shift,
        )
        if self.bootstrap < LEAST_DRAWS:
            raise ConfigurationError(
                f"train.bootstrap={self.bootstrap}: fewer than {LEAST_DRAWS} draws give intervals that mean nothing"
            )
        check_fraction(
            train__min_test_share=self.min_test_share,
            train__confidence=self.confidence,
            train__suspicious_auc=self.suspicious_auc,
        )
        if not 0 <= self.better_origins <= 1:
            raise ConfigurationError(f"train.better_origins={self.better_origins}: a share from 0 to 1")
        if self.p50 is not None:
            check_fraction(train__p50=self.p50)


@dataclass
class RaceConfig:
    """When a challenger replaces the champion (`leadml.race`)."""

    margin: float = MISSING
    oldest_days: float = MISSING
    drift: float = MISSING

    def __post_init__(self) -> None:
        if self.margin < 0:
            raise ConfigurationError(f"race.margin={self.margin} must be 0 or more")
        check_positive(race__oldest_days=self.oldest_days)
        if not self.drift > 1:
            raise ConfigurationError(f"race.drift={self.drift}: a factor above 1, e.g. 1.25")


@dataclass
class RollbackConfig:
    """Back to an earlier champion."""

    to: str | None = MISSING

    def __post_init__(self) -> None:
        if self.to is not None and not re.fullmatch(r"[0-9a-f]+", self.to):
            raise ConfigurationError(f"rollback.to={self.to} is no model version; models/history.json has them")


@dataclass
class BacktestConfig:
    """Rolling origins: how many, and which bottom shares of the lists are told."""

    origins: int = MISSING
    bottom: list[float] = MISSING

    def __post_init__(self) -> None:
        if self.origins < 2:
            raise ConfigurationError(f"backtest.origins={self.origins}: at least 2 are needed to see a spread")
        bad = [b for b in self.bottom if not 0.01 <= b <= 0.99]
        if bad or not self.bottom or repeated(self.bottom):
            raise ConfigurationError(
                f"backtest.bottom={self.bottom}: shares of a list from 0.01 to 0.99, each once, at least one"
            )
