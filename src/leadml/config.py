"""Every setting as a typed dataclass, checked in ``__post_init__`` once Hydra's composition is turned into objects.

Only this module and `cli` know Hydra and OmegaConf. Defaults live in ``conf/``, where each line is commented; here
stand the types and what is allowed. ``__post_init__`` raises `ConfigurationError` with the setting's full name.
"""

import re
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from typing import Any, TypeVar
from zoneinfo import available_timezones

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from leadml.errors import ConfigurationError
from leadml.problem import LONGEST_DAYS, ProblemConfig, parse_instant, repeated
from leadml.problem import ConversionEvent as ConversionEvent
from leadml.schema import FAMILIES

T = TypeVar("T")
LEAST_DRAWS = 10
AGAINST_LATEST, AGAINST_NONE = "latest", "none"  # of explain.against, besides a cutoff


class Language(Enum):
    """Languages that reasons and the report are written in."""

    en = "en"
    es = "es"


class Promote(Enum):
    """When a newly trained model becomes champion by itself (only ever on a verdict that allows it)."""

    better = "better"
    when_none = "when_none"
    always = "always"
    never = "never"


class AuditPolicy(Enum):
    """What becomes of suspects that are neither allowed nor excluded by name."""

    ask = "ask"
    exclude = "exclude"
    keep = "keep"


class AuditSeverity(Enum):
    """From which severity on a column is a suspect."""

    low = "low"
    medium = "medium"
    high = "high"


def check_positive(**values: float | None) -> None:
    """Raise `ConfigurationError` naming every value that is not above 0 (None is skipped)."""
    bad = [f"{k.replace('__', '.')}={v}" for k, v in values.items() if v is not None and not v > 0]
    if bad:
        raise ConfigurationError(f"must be above 0: {', '.join(bad)}")


def check_fraction(**values: float) -> None:
    """Raise `ConfigurationError` naming every value outside (0, 1)."""
    bad = [f"{k.replace('__', '.')}={v}" for k, v in values.items() if not 0 < v < 1]
    if bad:
        raise ConfigurationError(f"must be between 0 and 1, ends excluded: {', '.join(bad)}")


@dataclass
class PathsConfig:
    """Where a run reads and writes; everything it writes is under ``root``."""

    root: str = MISSING
    raw: str = MISSING


class EngineKind(Enum):
    """What computes the features; everything else is DuckDB's work."""

    duckdb = "duckdb"
    spark = "spark"


SPARK_MASTER = r"local(\[(\d+|\*)(, *\d+)?\])?|local-cluster\[\d+, *\d+, *\d+\]|spark://[^/]+:\d+(,.+)?|yarn|k8s://.+"


@dataclass
class SparkConfig:
    """Where Spark runs: only read where the engine's kind is spark."""

    master: str = MISSING
    folder: str | None = MISSING
    conf: dict[str, Any] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """True where all of Spark runs on this machine."""
        return self.master.startswith("local")

    def check(self) -> None:
        """Raise `ConfigurationError` for a master that is none, or a cluster without a folder."""
        if not re.fullmatch(SPARK_MASTER, self.master):
            raise ConfigurationError(
                f"engine.spark.master={self.master}: write it as local[2], spark://host:7077, yarn or k8s://https://host"
            )
        if not self.is_local and self.folder is None:
            raise ConfigurationError(
                f"engine.spark.master={self.master} needs engine.spark.folder: a folder that all its machines see"
            )


@dataclass
class EngineConfig:
    """What computes, and how much of the machine it may take."""

    kind: EngineKind = MISSING
    threads: int = MISSING
    memory_limit: str = MISSING
    spark: SparkConfig = field(default_factory=SparkConfig)

    def __post_init__(self) -> None:
        check_positive(engine__threads=self.threads)
        if self.kind is EngineKind.spark:
            self.spark.check()
        if not re.fullmatch(r"\d+(\.\d+)? ?([KMGT]i?B|%)", str(self.memory_limit)):
            raise ConfigurationError(f"engine.memory_limit={self.memory_limit}: write it as 8GB, 500MB or 50%")


@dataclass
class TrackingConfig:
    """MLflow: where it is and what the experiment and the registered model are called."""

    uri: str | None = MISSING
    experiment: str = MISSING
    model_name: str = MISSING
    enabled: bool = MISSING


class Crm(Enum):
    """The system in which the invented company keeps its leads."""

    salesforce = "salesforce"
    hubspot = "hubspot"
    hubspot_ui = "hubspot_ui"


@dataclass
class SimulateConfig:
    """The invented company of `leadml simulate`."""

    leads: int = MISSING
    months: int = MISSING
    start: str = MISSING
    chunk_leads: int = MISSING
    crm: Crm = Crm.salesforce

    def __post_init__(self) -> None:
        check_positive(simulate__leads=self.leads, simulate__months=self.months, simulate__chunk_leads=self.chunk_leads)


@dataclass
class ContentRule:
    """A named part of a site or of content, recognised by a regular expression, with its words."""

    pattern: str = MISSING
    en: str = MISSING
    es: str = MISSING


@dataclass
class OwnFeatureConfig:
    """A feature of the user's own: the file that computes it, and its entry in the dictionary.

    Exactly one of ``python`` (FILE.py:FUNCTION) and ``sql`` (FILE.sql); a relative path is from the working directory.
    """

    python: str | None = None
    sql: str | None = None
    kind: str = MISSING
    family: str = MISSING
    unit: str | None = None
    window_days: int | None = None
    en: str = MISSING
    es: str = MISSING
    effort: bool = False
    never: bool = False
    topic: str | None = None


def check_own(own: dict[str, OwnFeatureConfig]) -> None:
    """Raise `ConfigurationError` naming everything in ``features.own`` that cannot be; files are not looked at."""
    bad = []
    for name, one in own.items():
        found = []
        if not re.fullmatch(r"[a-z][a-z0-9_]*", str(name)):
            found.append("its name: lower-case letters, digits and _, a letter first")
        if (one.python is None) == (one.sql is None):
            found.append("exactly one of python=FILE.py:FUNCTION and sql=FILE.sql is needed")
        if one.python is not None and not re.fullmatch(r".+\.py:[A-Za-z_]\w*", one.python):
            found.append(f"python={one.python}: write FILE.py:FUNCTION")
        if one.sql is not None and not one.sql.endswith(".sql"):
            found.append(f"sql={one.sql}: name a file that ends in .sql")
        if one.kind not in ("number", "category"):
            found.append(f"kind={one.kind}: number or category")
        if one.family not in FAMILIES:
            found.append(f"family={one.family}: {', '.join(FAMILIES)}")
        if one.window_days is not None and one.window_days <= 0:
            found.append(f"window_days={one.window_days}: days above 0, or null for everything before the cutoff")
        if one.topic is not None and not re.fullmatch(r"[a-z][a-z0-9_]*", one.topic):
            found.append(f"topic={one.topic}: lower-case letters, digits and _, a letter first")
        found += [f"{word} is empty: its words are missing" for word in ("en", "es") if not getattr(one, word).strip()]
        bad += [f"features.own.{name}: {what}" for what in found]
    if bad:
        raise ConfigurationError("; ".join(bad))


def check_pattern(setting: str, pattern: str) -> None:
    """Raise `ConfigurationError` for what the engine does not read as a regular expression (its syntax is RE2's)."""
    import duckdb  # here: the other settings are checked without loading it

    try:
        duckdb.connect().execute("SELECT regexp_matches('', ?)", [f"(?i){pattern}"])
    except duckdb.Error as error:
        why = " ".join(str(error).split())
        raise ConfigurationError(f"{setting}={pattern!r} is no regular expression of RE2's: {why}") from error


@dataclass
class FeaturesConfig:
    """What is built from the tables."""

    windows: list[int] = MISSING
    half_lives: list[int] = MISSING
    content: dict[str, ContentRule] = MISSING
    kinds: list[str] = MISSING
    min_touchpoints: int = MISSING
    zone: str = MISSING
    zone_attribute: str | None = None
    zones: dict[str, str] = MISSING
    season: bool = MISSING
    reuse: bool = MISSING
    include_effort: bool = MISSING
    exclude: list[str] = MISSING
    sensitive: list[str] = field(default_factory=list)
    own: dict[str, OwnFeatureConfig] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_own(self.own)
        check_positive(features__min_touchpoints=self.min_touchpoints)
        strange = sorted({z for z in (self.zone, *self.zones.values()) if z not in available_timezones()})
        if strange:
            raise ConfigurationError(
                f"features.zone and features.zones name {len(strange)} unknown time zones: {', '.join(strange)}; "
                "write a name of the IANA database, such as Europe/Madrid"
            )
        for name, days in (("windows", self.windows), ("half_lives", self.half_lives)):
            if not days or not all(0 < d <= LONGEST_DAYS for d in days):
                raise ConfigurationError(f"features.{name}={days}: whole days from 1 to {LONGEST_DAYS}, at least one")
            if twice := repeated(days):
                raise ConfigurationError(f"features.{name}={days} names {twice} twice")
        for name, rule in self.content.items():
            check_pattern(f"features.content.{name}.pattern", rule.pattern)


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
        check_fraction(train__confidence=self.confidence, train__suspicious_auc=self.suspicious_auc)
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
class AuditConfig:
    """The leak audit: what people say about columns by name, and what is done about the others."""

    allow: list[str] = MISSING
    exclude: list[str] = MISSING
    policy: AuditPolicy = MISSING
    severity: AuditSeverity = MISSING
    written_within_days: float = MISSING
    earlier: str | None = MISSING
    cutoffs: int = MISSING
    leads: int = MISSING

    def __post_init__(self) -> None:
        check_positive(audit__cutoffs=self.cutoffs, audit__leads=self.leads)
        if self.written_within_days < 0:
            raise ConfigurationError(f"audit.written_within_days={self.written_within_days} must be 0 or more")


@dataclass
class FairnessConfig:
    """The fairness audit: by which columns, in which bands, and how large a group must be to be told."""

    columns: list[str] = field(default_factory=list)
    bands: dict[str, list[Any]] = field(default_factory=dict)  # numbers; a list of floats would refuse 30
    min_leads: int = 50
    min_conversions: int = 10

    def __post_init__(self) -> None:
        check_positive(fairness__min_leads=self.min_leads, fairness__min_conversions=self.min_conversions)
        if twice := repeated([c.casefold() for c in self.columns]):
            raise ConfigurationError(f"fairness.columns={self.columns} names {twice} twice")
        if bad := [f"fairness.bands.{name}={edges}" for name, edges in self.bands.items() if not rising(edges)]:
            told = "bands begin at rising numbers, at least one, e.g. {age: [30, 50]}"
            raise ConfigurationError(f"{told}: {'; '.join(bad)}")


def rising(values: list[Any]) -> bool:
    """Whether these are numbers, at least one, each above the one before."""
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    return bool(values) and numbers and all(a < b for a, b in pairwise(values))


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


@dataclass
class InspectConfig:
    """Looking at unknown exports."""

    path: str | None = MISSING
    out: str | None = MISSING
    name: str | None = MISSING

    def __post_init__(self) -> None:
        if self.name is not None and not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ConfigurationError(f"inspect.name={self.name}: lower-case letters, digits and _, a letter first")


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


@dataclass
class RunConfig:
    """What holds for `run` and for gates."""

    force: bool = MISSING


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

    A setting that was not there yet takes its value of now.

    Raises:
        ConfigurationError: a stored value is refused.
    """
    node = OmegaConf.structured(current)
    gone = sorted(set(stored) - {str(key) for key in node})
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
