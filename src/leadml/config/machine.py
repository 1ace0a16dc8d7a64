"""Where things lie, what computes, where runs are recorded, and the invented company."""

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from leadml.config.checks import check_positive
from leadml.errors import ConfigurationError


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
class RunConfig:
    """What holds for `run` and for gates."""

    force: bool = MISSING
