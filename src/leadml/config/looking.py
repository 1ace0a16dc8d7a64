"""Looking at the data: the leak audit, fairness, inspect."""

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from leadml.config.checks import check_positive, rising
from leadml.errors import ConfigurationError
from leadml.problem import repeated


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


@dataclass
class InspectConfig:
    """Looking at unknown exports."""

    path: str | None = MISSING
    out: str | None = MISSING
    name: str | None = MISSING

    def __post_init__(self) -> None:
        if self.name is not None and not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ConfigurationError(f"inspect.name={self.name}: lower-case letters, digits and _, a letter first")
