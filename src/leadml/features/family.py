"""What a family hands over: its dictionary entries, its aggregates over the pairs, and what is derived from them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import ibis.expr.types as ir

from leadml.features.dictionary import Feature


@dataclass(frozen=True)
class Derived:
    """A feature computed from columns of the joined row; ``value`` takes that table and returns the expression."""

    feature: Feature
    value: Callable[[ir.Table], ir.Value]


@dataclass
class Family:
    """Aggregates over the pairs by column name, zero where a lead has no touchpoint if in ``counts``."""

    aggregates: dict[str, ir.Value] = field(default_factory=dict)
    counts: set[str] = field(default_factory=set)
    derived: list[Derived] = field(default_factory=list)

    def count(self, name: str, value: ir.Value) -> None:
        """Adds an aggregate that is 0, not missing, where there are no touchpoints."""
        self.aggregates[name] = value
        self.counts.add(name)

    def add(self, feature: Feature, value: Callable[[ir.Table], ir.Value] | None = None) -> None:
        """Adds a feature: the column of its own name unless a value is given."""
        name = feature.name
        self.derived.append(Derived(feature, value or (lambda row: row[name])))
