"""Every setting as a typed dataclass, checked in ``__post_init__`` once Hydra's composition is turned into objects.

Only this package and `cli` know Hydra and OmegaConf. Defaults live in ``conf/``, where each line is commented; here
stand the types and what is allowed. ``__post_init__`` raises `ConfigurationError` with the setting's full name.
"""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from leadml.config.deciding import (
    AGAINST_LATEST,
    AGAINST_NONE,
    DecisionConfig,
    ExplainConfig,
    Only,
    PredictConfig,
    ReasonsConfig,
    ThresholdConfig,
)
from leadml.config.evidence import (
    LEAST_DRAWS,
    BacktestConfig,
    EnoughConfig,
    Promote,
    RaceConfig,
    RollbackConfig,
    SplitConfig,
    TrainConfig,
)
from leadml.config.features import ContentRule, FeaturesConfig, OwnFeatureConfig
from leadml.config.learning import ModelConfig, Rung, ScorecardConfig, TuneConfig
from leadml.config.looking import AuditConfig, AuditPolicy, AuditSeverity, FairnessConfig, InspectConfig
from leadml.config.machine import (
    Crm,
    EngineConfig,
    EngineKind,
    PathsConfig,
    RunConfig,
    SimulateConfig,
    SparkConfig,
    TrackingConfig,
)
from leadml.errors import ConfigurationError
from leadml.problem import ConversionEvent, ProblemConfig

__all__ = [
    "AGAINST_LATEST",
    "AGAINST_NONE",
    "LEAST_DRAWS",
    "AuditConfig",
    "AuditPolicy",
    "AuditSeverity",
    "Config",
    "ContentRule",
    "ConversionEvent",
    "Crm",
    "EngineConfig",
    "EngineKind",
    "EnoughConfig",
    "ExplainConfig",
    "FairnessConfig",
    "FeaturesConfig",
    "ModelConfig",
    "Only",
    "OwnFeatureConfig",
    "Promote",
    "Rung",
    "ScorecardConfig",
    "SimulateConfig",
    "SparkConfig",
    "SplitConfig",
    "TrackingConfig",
    "TrainConfig",
    "TuneConfig",
    "register_schema",
    "settings_like",
    "to_config",
]

T = TypeVar("T")


@dataclass
class Config:
    """The whole configuration of one stage."""

    paths: PathsConfig = MISSING
    engine: EngineConfig = MISSING
    tracking: TrackingConfig = MISSING
    simulate: SimulateConfig = MISSING
    source: dict[str, Any] = field(default_factory=dict)
    problem: ProblemConfig = MISSING
    features: FeaturesConfig = MISSING
    model: ModelConfig = MISSING
    scorecard: ScorecardConfig = MISSING
    train: TrainConfig = MISSING
    race: RaceConfig = MISSING
    audit: AuditConfig = MISSING
    fairness: FairnessConfig = MISSING
    threshold: ThresholdConfig = MISSING
    decision: DecisionConfig = MISSING
    reasons: ReasonsConfig = MISSING
    explain: ExplainConfig = MISSING
    inspect: InspectConfig = MISSING
    predict: PredictConfig = MISSING
    backtest: BacktestConfig = MISSING
    rollback: RollbackConfig = MISSING
    run: RunConfig = MISSING
    seed: int = MISSING

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ConfigurationError(f"seed={self.seed} must be 0 or more")


def settings_like(current: T, stored: dict[str, Any]) -> tuple[T, list[str]]:
    """The settings of one dataclass as a model was stored with them, and the names of those that are gone since.

    A setting that was not there yet takes its value of now. One that is a mapping of names is the stored one as a
    whole: names of now that it did not have are no part of it.

    Raises:
        ConfigurationError: a stored value is refused.
    """
    node = OmegaConf.structured(current)
    gone = sorted(set(stored) - {str(key) for key in node})
    for name in stored.keys() - set(gone):
        if isinstance(getattr(current, name), dict):  # merge would put both mappings together
            node[name] = {}
    try:
        merged = OmegaConf.merge(node, {k: v for k, v in stored.items() if k not in gone})
        kept: T = OmegaConf.to_object(merged)  # type: ignore[assignment]  # of a structured node: its own class
    except OmegaConfBaseException as error:
        cause = error.__cause__ if isinstance(error.__cause__, ConfigurationError) else error
        raise ConfigurationError(str(cause)) from error
    return kept, gone


def register_schema() -> None:
    """Tells Hydra the types, as the config named leadml_schema that conf/config.yaml starts from."""
    ConfigStore.instance().store(name="leadml_schema", node=Config)


def to_config(composed: DictConfig) -> Config:
    """The composed settings as checked objects.

    Raises:
        ConfigurationError: a setting is missing, has a wrong type, or is refused by its dataclass.
    """
    try:
        config = OmegaConf.to_object(composed)
    except OmegaConfBaseException as error:
        cause = error.__cause__ if isinstance(error.__cause__, ConfigurationError) else error
        raise ConfigurationError(str(cause)) from error
    if not isinstance(config, Config):
        raise ConfigurationError("the configuration does not start from leadml_schema: keep it first in its defaults")
    return config
