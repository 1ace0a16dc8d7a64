"""Leaks: columns that the outcome wrote, each kind as CRMs make them, each with a strength of its own.

A leak has the values of the export, those of before it was written, and when it was (NaT: not by the outcome). The
parameters are drawn wide on purpose: some leaks give everything away, some hardly anything.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from planted.honest import DAY, span


@dataclass(frozen=True)
class Fates:
    """What became of the cases: ``created`` and ``outcome_at`` datetime64[us] (NaT while open), ``won``, ``lost`` as of
    ``exported``; a case that is neither is open."""

    rng: np.random.Generator
    created: np.ndarray
    outcome_at: np.ndarray
    won: np.ndarray
    lost: np.ndarray
    exported: np.datetime64

    @property
    def n(self) -> int:
        """Cases."""
        return len(self.created)

    @property
    def end(self) -> np.ndarray:
        """When a case ended: its outcome, or the export where there is none."""
        return np.where(np.isnat(self.outcome_at), self.exported, self.outcome_at)

    def days(self) -> np.ndarray:
        """Length of a case's life up to its end, in days."""
        return (self.end - self.created) / DAY

    def soon(self, who: np.ndarray, days: float) -> np.ndarray:
        """For ``who``: a moment some ``days`` after the outcome, never after the export; NaT for the others."""
        wait = span(self.rng.exponential(days, self.n))
        return np.where(who, np.minimum(self.end + wait, self.exported), np.datetime64("NaT", "us"))


@dataclass(frozen=True)
class Leak:
    """One planted leak's values, now and before, and when each was written."""

    kind: str
    form: str
    now: pd.Series
    before: pd.Series
    written_at: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        """Plain texts, so that a leak prints as what it is."""
        object.__setattr__(self, "form", str(self.form))


def write(before: pd.Series, after: pd.Series, who: np.ndarray) -> pd.Series:
    """``after`` for ``who``, ``before`` for the others."""
    return before.where(~who, after)


def plant_outcome_copy(f: Fates) -> Leak:
    """A field that says the outcome: words, 0/1 with some wrong, or a score that jumps."""
    form = f.rng.choice(["words", "digits", "score"])
    if form == "score":
        before = pd.Series(np.round(f.rng.normal(50, 10, f.n), 1))
        after = before + np.round(10 * f.rng.uniform(0.7, 5), 1)
        return Leak("outcome_copy", form, write(before, after, f.won), before, f.soon(f.won, 1))
    wrong = f.rng.random(f.n) < f.rng.choice([0, f.rng.uniform(0, 0.3)])
    yes, no = ("Yes", "No") if form == "words" else (1.0, 0.0)
    early = ~f.won & wrong
    before = pd.Series(np.where(early, yes, no))
    done = f.won & ~wrong
    return Leak("outcome_copy", form, write(before, pd.Series([yes] * f.n), done), before, f.soon(done, 1))


def plant_written_after(f: Fates) -> Leak:
    """Filled for x % of the converted when they convert, for y % of the others at some time or other."""
    form = f.rng.choice(["amount", "code", "levels", "day"])
    filled = f.won & (f.rng.random(f.n) < f.rng.uniform(0.3, 1))
    others = ~f.won & (f.rng.random(f.n) < f.rng.choice([0, f.rng.uniform(0, 0.15)]))
    values = {
        "amount": lambda: pd.Series(np.round(np.exp(f.rng.normal(8, 1, f.n)), 2)),
        "code": lambda: pd.Series([f"K-{i:06d}" for i in f.rng.permutation(f.n)]),
        "levels": lambda: pd.Series(f.rng.choice(["transfer", "card", "direct debit", "cash"], f.n)),
        "day": lambda: pd.Series(f.end).dt.floor("D"),
    }[str(form)]()
    before = values.where(others)
    return Leak("written_after", form, write(before, values, filled), before, f.soon(filled, 3))


def plant_loss_reason(f: Fates) -> Leak:
    """Filled for most of the lost when they are lost, hardly ever for others."""
    words = np.array(["price", "no answer", "competitor", "duplicate", "no budget", "not now", "wrong number", "other"])
    values = pd.Series(f.rng.choice(words[: f.rng.integers(3, 9)], f.n))
    slip = f.won & (f.rng.random(f.n) < f.rng.uniform(0, 0.03))
    told = (f.lost & (f.rng.random(f.n) < f.rng.uniform(0.4, 0.98))) | slip
    before = values.where(np.zeros(f.n, bool))
    return Leak("loss_reason", "levels", write(before, values, told), before, f.soon(told, 0.2))


def plant_status(f: Fates) -> Leak:
    """The status as of the export: one level for won, some for lost, others while open, not always kept up to date."""
    late = f.rng.uniform(0, 0.4)
    before = pd.Series(f.rng.choice(["New", "Working", "Contacted", "Qualified"], f.n, p=[0.3, 0.3, 0.2, 0.2]))
    end = np.where(f.won, "Customer", f.rng.choice(["Disqualified", "Nurture", "Unresponsive"], f.n))
    swapped = f.rng.random(f.n) < late / 4
    end = np.where(swapped, f.rng.choice(["Customer", "Nurture"], f.n), end)
    done = (f.won | f.lost) & (f.rng.random(f.n) > late)
    return Leak("status", "levels", write(before, pd.Series(end), done), before, f.soon(done, 0.5))


def plant_counter(f: Fates) -> Leak:
    """Touches counted up to the export: customers are served on, so they have more; or the count stops for them."""
    form = f.rng.choice(["goes on", "stops"])
    pace = np.exp(f.rng.normal(0, 0.7, f.n)) * f.rng.uniform(0.5, 4)
    at_end = f.rng.poisson(pace * np.minimum(1, f.days() / 30))
    more = f.rng.poisson(pace * f.rng.uniform(0.5, 6))
    who = f.won if form == "goes on" else ~f.won
    late = f.soon(who, 30)
    return Leak("counter", form, pd.Series(at_end + np.where(who, more, 0.0)), pd.Series(at_end + 0.0), late)


def plant_outcome_date(f: Fates) -> Leak:
    """A date that the outcome sets: a closing date, or "last modified", which every case has and touches move."""
    form = f.rng.choice(["closed", "modified"])
    ended = f.won | (f.lost if f.rng.random() < 0.5 or form == "modified" else False)
    written = f.soon(ended, f.rng.uniform(0.1, 8))
    if form == "closed":
        before = pd.Series(np.full(f.n, np.datetime64("NaT", "us")))
        return Leak("outcome_date", form, pd.Series(written), before, written)
    share = f.rng.beta(3, 1, f.n)
    before = pd.Series(f.created + span(f.days() * share))
    return Leak("outcome_date", form, write(before, pd.Series(written), ended), before, written)


def plant_owner(f: Fates) -> Leak:
    """The owner changes when a lead converts: from who calls to who keeps accounts."""
    people = np.array([f"U{i:03d}" for i in f.rng.permutation(300)[:30]])
    callers, keepers = people[: f.rng.integers(3, 16)], people[16 : 16 + f.rng.integers(2, 10)]
    early = f.rng.random(f.n) < f.rng.choice([0, f.rng.uniform(0, 0.2)])
    before = pd.Series(np.where(early, f.rng.choice(keepers, f.n), f.rng.choice(callers, f.n)))
    moved = f.won & (f.rng.random(f.n) < f.rng.uniform(0.5, 1))
    return Leak(
        "owner", "levels", write(before, pd.Series(f.rng.choice(keepers, f.n)), moved), before, f.soon(moved, 1)
    )


def plant_restated(f: Fates) -> Leak:
    """An attribute that is looked up again when somebody becomes a customer, and now and then otherwise."""
    form = f.rng.choice(["number", "levels"])
    again = f.won & (f.rng.random(f.n) < f.rng.uniform(0.3, 1))
    chance = ~f.won & (f.rng.random(f.n) < 0.02)
    written = np.where(chance, f.created + span((f.exported - f.created) / DAY * f.rng.random(f.n)), f.soon(again, 5))
    if form == "number":
        before = pd.Series(np.round(np.exp(f.rng.normal(4, 1.2, f.n))))
        after = np.round(before * np.exp(f.rng.normal(f.rng.uniform(0.3, 2.5), 0.5, f.n)))
    else:
        before = pd.Series(f.rng.choice(["Unknown", "Small", "Medium", "Large"], f.n, p=[0.5, 0.25, 0.15, 0.1]))
        after = pd.Series(f.rng.choice(["Small", "Medium", "Large"], f.n, p=[0.3, 0.4, 0.3]))
    return Leak("restated", form, write(before, after, again | chance), before, written)


def plant_aggregate(f: Fates) -> Leak:
    """The rate of a small group that the case itself is in."""
    size = int(f.rng.integers(2, 40))
    group = f.rng.integers(0, max(2, f.n // size), f.n)
    rate = pd.Series(f.won.astype(float)).groupby(group).transform("mean")
    early = pd.Series(f.won & (f.outcome_at < f.exported - 60 * DAY))
    before = early.astype(float).groupby(group).transform("mean")
    digits = int(f.rng.integers(2, 6))
    return Leak("aggregate", f"groups of {size}", rate.round(digits), before.round(digits), f.soon(f.won, 10))


Planter = Callable[[Fates], Leak]
PLANTERS: dict[str, Planter] = {
    name.removeprefix("plant_"): plant for name, plant in list(globals().items()) if name.startswith("plant_")
}
OF_THE_TABLE = ("row_order", "id_order", "duplicates")
KINDS = (*PLANTERS, *OF_THE_TABLE)
