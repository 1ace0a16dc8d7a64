"""What a family hands over: its dictionary entries, and how each is read from a snapshot's row."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import ibis.expr.types as ir

from leadml.features.dictionary import Feature, Kind
from leadml.features.tallies import Row
from leadml.features.words import in_window


@dataclass(frozen=True)
class Derived:
    """A feature and its value: takes the row of a snapshot and returns the expression."""

    feature: Feature
    value: Callable[[Row], ir.Value]


@dataclass(frozen=True)
class Counted:
    """What is counted in windows: the stem of the features' names, the counter, its words, its topic."""

    stem: str
    counter: str
    words: tuple[str, str]
    topic: str
    effort: bool = False


@dataclass
class Family:
    """Features under the family's name, in the order in which they were added.

    ``measured``: its numbers come from touchpoints, so that a missing one says that there was nothing to count.
    """

    name: str
    measured: bool = False
    derived: list[Derived] = field(default_factory=list)

    def add(self, feature: Feature, value: Callable[[Row], ir.Value] | None = None) -> None:
        """Adds a feature: the column of its own name unless a value is given."""
        name = feature.name
        if self.measured and feature.kind is Kind.NUMBER and not feature.never:
            feature = replace(feature, nothing=True)
        self.derived.append(Derived(feature, value or (lambda row: row[name])))

    def count(self, counted_as: Counted, window: int) -> None:
        """Adds a counter's number in ``[cutoff - window, cutoff)``, missing before its first touchpoint of any lead."""
        name, counter = f"{counted_as.stem}_{window}d", counted_as.counter
        words = in_window(counted_as.words, window)
        feature = Feature(
            name, self.name, Kind.NUMBER, "count", window, *words, counted_as.effort, topic=counted_as.topic
        )
        self.add(feature, partial(counted, counter=counter, window=window))


def counted(row: Row, counter: str, window: int) -> ir.Value:
    """The counter in the window, missing before its first touchpoint of any lead was known."""
    return row.where_begun(counter, row.count(counter, window))
