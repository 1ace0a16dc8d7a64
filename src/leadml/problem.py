"""The prediction problem's settings: its words, and what is refused before any data is read.

Every interval's ends are stated in ``conf/problem/default.yaml`` and, where they are used, in `leadml.snapshots`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from enum import Enum
from itertools import pairwise
from typing import TypeVar

from leadml.errors import ConfigurationError
from leadml.schema import CLOSURE_KINDS

T = TypeVar("T")
LONGEST_DAYS = 36_500


class ConversionEvent(Enum):
    """What counts as the conversion where a source knows both."""

    won = "won"
    opportunity = "opportunity"


class Unit(Enum):
    """What is scored: each lead, or each account with all of its leads as one."""

    lead = "lead"
    account = "account"


class ColleagueConversion(Enum):
    """What the conversion of another lead of the same account means for a lead."""

    ignore = "ignore"
    ends = "ends"
    counts = "counts"


@dataclass
class ProblemConfig:
    """The prediction problem of design section 6: who is scored, when, and what counts."""

    conversion: ConversionEvent
    gap_days: float
    horizon_days: float
    booking_delay_days: float
    weekly: bool
    weekday: int
    age_days: list[float]
    train_every: int
    active_days: float | None
    data_end: str | None
    unit: Unit = Unit.lead
    cutoffs: list[str] = field(default_factory=list)
    exits: list[str] = field(default_factory=lambda: list(CLOSURE_KINDS))
    colleague_conversion: ColleagueConversion = ColleagueConversion.ignore
    sooner_days: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        faults = [*self._bad_spans(), *self._bad_cutoffs(), *self._bad_rules()]
        if faults:
            raise ConfigurationError("; ".join(faults))

    @property
    def given(self) -> list[datetime]:
        """``cutoffs`` as instants, UTC without zone, sorted."""
        return sorted(parse_instant("problem.cutoffs", c) for c in self.cutoffs)

    def _bad_spans(self) -> Iterator[str]:
        above = {n: getattr(self, n) for n in ("horizon_days", "train_every", "active_days")}
        bad = [f"problem.{n}={v}" for n, v in above.items() if v is not None and not v > 0]
        if bad:
            yield f"must be above 0: {', '.join(bad)}"
        least = {n: getattr(self, n) for n in ("gap_days", "booking_delay_days")}
        bad = [f"problem.{n}={v}" for n, v in least.items() if not v >= 0]
        if bad:
            yield f"must be 0 or more: {', '.join(bad)}"
        spans = {n: getattr(self, n) for n in (*above, *least)} | {"age_days": max(self.age_days, default=0)}
        bad = [f"problem.{n}={v:g}" for n, v in spans.items() if v is not None and v > LONGEST_DAYS]
        if bad:
            yield f"must be at most {LONGEST_DAYS} (a hundred years): {', '.join(bad)}"

        if wrong := [d for d in self.sooner_days if not 0 < d <= LONGEST_DAYS]:
            yield f"problem.sooner_days={wrong}: days above 0; only those below problem.horizon_days apply"
        if twice := repeated(self.sooner_days):
            yield f"problem.sooner_days names {twice} twice"

    def _bad_cutoffs(self) -> Iterator[str]:
        if self.data_end is not None:
            parse_instant("problem.data_end", self.data_end)
        if not 0 <= self.weekday <= 6:
            yield f"problem.weekday={self.weekday}: 0 is Monday, 6 is Sunday"
        if not self.weekly and not self.age_days and not self.cutoffs:
            yield (
                "no cutoffs: set problem.weekly=true, or give problem.age_days, e.g. [1,7], or problem.cutoffs, "
                "e.g. [2026-01-01,2026-02-01]"
            )
        if young := [a for a in self.age_days if not a > 0]:
            yield f"problem.age_days={young}: ages are days above 0; at the instant of creation nothing is known yet"
        if self.active_days is not None and (old := [a for a in self.age_days if a > self.active_days]):
            yield (
                f"problem.age_days={old} is above problem.active_days={self.active_days:g}: at that age only "
                "leads that were active would be left, so give smaller ages or a longer active_days"
            )
        if twice := repeated(self.age_days):
            yield f"problem.age_days names {twice} twice"
        given = self.given
        if again := repeated(given):
            yield f"problem.cutoffs names {told(again)} twice (times are UTC)"
        if self.weekly and (both := [c for c in given if c.time() == time() and c.weekday() == self.weekday]):
            yield (
                f"problem.cutoffs={told(both)} is on the weekly grid already: leave it out, or set problem.weekly=false"
            )

    def _bad_rules(self) -> Iterator[str]:
        if unknown := sorted({*self.exits} - {*CLOSURE_KINDS}):
            yield f"problem.exits names {unknown}: what can end eligibility is {', '.join(CLOSURE_KINDS)}"
        if missing := [e for e in ("merged", "erased") if e not in self.exits]:
            yield (
                f"problem.exits={self.exits} leaves out {missing}: a merged or erased lead is there no "
                "more, so both always end it; lost and opted_out are yours to choose"
            )
        if twice := repeated(self.exits):
            yield f"problem.exits names {twice} twice"
        if self.unit is Unit.account and self.colleague_conversion is not ColleagueConversion.ignore:
            yield (
                f"problem.colleague_conversion={self.colleague_conversion.value} with problem.unit=account: an account "
                "converts once, with its first lead that does, and has no colleagues; leave it at ignore"
            )


def repeated(values: Sequence[T]) -> list[T]:
    """The values that occur more than once, each once, sorted."""
    ordered = sorted(values)  # type: ignore[type-var]  # numbers, times or words
    return sorted({a for a, b in pairwise(ordered) if a == b})  # type: ignore[type-var]  # as above


def told(instants: list[datetime]) -> str:
    """Instants as they are written in the settings."""
    return ", ".join(c.isoformat() if c.time() != time() else f"{c:%Y-%m-%d}" for c in instants)


def parse_instant(setting: str, text: str) -> datetime:
    """An ISO date or instant as UTC without zone; `ConfigurationError` for anything else."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ConfigurationError(
            f"{setting}={text} is not a date; write it as 2026-06-30 or 2026-06-30T12:00"
        ) from error
    try:
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except OverflowError as error:
        raise ConfigurationError(f"{setting}={text} is no date in UTC, which ends with the year 9999") from error
