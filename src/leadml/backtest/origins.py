"""Which rows train and which judge at each origin: an origin is a day on which the recipe starts anew.

At an origin ``o`` a label is known if its cutoff had matured whole, booking delay included::

    cutoff + gap + horizon + booking delay <= o

Rows that had not are not there, whatever their labels turned out to be. What is there is split as `leadml train` would
have split it at ``o``; the test that it would have held out is the newest fold, and everything matured trains. Judged
are the lists of ``[o, next origin)``, as far as their labels have matured by the end of the data.

Weekly grid, every cutoff trains, horizon of 10 days, booking delay of 7, one test cutoff, two folds. At week 9 train
would have had enough for the first time. t trains, v are the folds' validations, T is judged, ``.`` is not known yet::

    week (day 0 is week 1)    1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16
    origin of week 9          t  t  t  t  t  t  .  .  T  T  T  T               day 56: cutoffs up to day 56 - 17 = 39
      validations                   v  v     v
    origin of week 13         t  t  t  t  t  t  t  t  t  t  .  .  T  T  T  T   day 84: cutoffs up to day 84 - 17 = 67
      validations                               v  v     v
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from leadml.errors import DataError
from leadml.recipe import RecipeConfig, check_outcomes, split_checked, typed
from leadml.splits import Split, list_keys
from leadml.weeks import DAY

LEAST_LISTS = 4  # an origin is judged on so many lists at least: fewer are one month's luck
FEWEST_ORIGINS = 2
WEEK = pd.Timedelta(days=7)
WAY_OUT = "bring a longer history, set a shorter problem.horizon_days, or lower train.min_conversions"


@dataclass(frozen=True)
class Origin:
    """One origin: its lists are those of ``[at, until)``, and ``split`` holds row positions of the snapshot table.

    ``split.train`` is everything that was known at ``at``, ``split.folds`` its forward purged folds, ``split.test`` the
    rows of the lists; ``lists`` is how many lists these are.
    """

    at: pd.Timestamp
    until: pd.Timestamp
    lists: int
    split: Split

    @property
    def rows(self) -> np.ndarray:
        """Positions of all rows that enter, sorted: nothing else of the table may be looked at."""
        folds = [rows for fold in self.split.folds for rows in fold]
        return np.unique(np.concatenate([self.split.train, self.split.test, *folds]))

    def within(self, rows: np.ndarray) -> Split:
        """The split in positions of a table that holds only the given rows (sorted, all of `rows` among them)."""
        split = self.split
        train, test = np.searchsorted(rows, split.train), np.searchsorted(rows, split.test)
        folds = tuple((np.searchsorted(rows, fit), np.searchsorted(rows, seen)) for fit, seen in split.folds)
        return replace(split, train=train, test=test, folds=folds, final=train)


@dataclass(frozen=True)
class Origins:
    """The origins from the earliest on, and what has to be said about them."""

    origins: tuple[Origin, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _History:
    """The snapshot table with what every origin asks of it; ``lists`` are the starts of the matured ones, sorted."""

    snapshots: pd.DataFrame
    config: RecipeConfig
    kind: str
    keys: pd.Series
    judging: np.ndarray
    matures: np.ndarray
    lists: pd.DatetimeIndex

    def known(self, at: pd.Timestamp) -> np.ndarray:
        """Positions of the rows whose labels had matured at ``at``."""
        return np.flatnonzero(self.snapshots["label"].notna().to_numpy() & (self.matures <= at.to_datetime64()))

    def split_known(self, at: pd.Timestamp) -> Split:
        """How train would have split what was known at ``at``, in positions of the whole table; its `DataError`."""
        rows = self.known(at)
        split = split_checked(self.snapshots.iloc[rows], self.config)
        folds = tuple((rows[fit], rows[validation]) for fit, validation in split.folds)
        return Split(
            split.kind, rows[split.train], rows[split.test], folds, rows[split.final], at, split.shrunk, split.notes
        )


def build_origins(snapshots: pd.DataFrame, config: RecipeConfig, wanted: int) -> Origins:
    """``wanted`` origins, or as many as the history allows, spread evenly over it; their lists do not overlap.

    The first one is the earliest list at which `leadml train` would have had enough. The matured lists from there on
    are cut into ``wanted`` blocks of about as many lists each, four at least; the first list of a block is an origin.
    A list is a weekly cutoff; where each case has its own cutoff, a calendar week of them.

    Raises:
        DataError: undated rows, one outcome only, or a history too short for two origins; with counts.
    """
    history = _read_history(snapshots, config)
    first = _first_origin(history)
    lists = history.lists[first:]
    count = min(wanted, len(lists) // LEAST_LISTS)
    if count < FEWEST_ORIGINS:
        raise DataError(
            f"the history is too short for a backtest: of {len(history.lists)} matured lists from "
            f"{history.lists[0]:%Y-%m-%d} to {history.lists[-1]:%Y-%m-%d} the recipe has enough to learn from at "
            f"{lists[0]:%Y-%m-%d} for the first time, which leaves {len(lists)} lists, and {FEWEST_ORIGINS} origins "
            f"are judged on {FEWEST_ORIGINS * LEAST_LISTS} at least; {WAY_OUT}"
        )
    notes = []
    if count < wanted:
        notes.append(f"{count} of {wanted} origins: {len(lists)} lists can be judged, {LEAST_LISTS} an origin at least")
    blocks = np.array_split(np.arange(len(lists)), count)
    starts = [lists[block[0]] for block in blocks]
    ends = [*starts[1:], lists[-1] + WEEK]
    origins = []
    for at, until in zip(starts, ends, strict=True):
        found = _build_origin(history, at, until)
        if isinstance(found, Origin):
            origins.append(found)
        else:
            notes.append(found)
    if len(origins) < FEWEST_ORIGINS:
        raise DataError(f"{len(origins)} origins are too few for a backtest: {'; '.join(notes)}; {WAY_OUT}")
    return Origins(tuple(origins), tuple(notes))


def _read_history(snapshots: pd.DataFrame, config: RecipeConfig) -> _History:
    snapshots = typed(snapshots)
    undated = int(snapshots["cutoff"].isna().sum())
    if undated:
        raise DataError(
            f"{undated} of {len(snapshots)} rows have no cutoff, and a backtest asks what was known when: name the "
            "column with each case's time (source.time=COLUMN) and run leadml extract again; without times leadml "
            "train's own test is all the evidence there is"
        )
    check_outcomes(snapshots)
    problem = config.problem
    span = round((problem.gap_days + problem.horizon_days + problem.booking_delay_days) * DAY)
    weekly = (snapshots["grid"] == "weekly").to_numpy(dtype=bool)
    kind = "weekly" if weekly.any() else "time"
    keys = list_keys(snapshots, kind)
    judging = snapshots["label"].notna().to_numpy() & (weekly if kind == "weekly" else True)
    if not judging.any():
        raise DataError(f"none of the {int(weekly.sum())} rows of weekly lists has a matured label; {WAY_OUT}")
    return _History(
        snapshots=snapshots,
        config=config,
        kind=kind,
        keys=keys,
        judging=judging,
        matures=snapshots["cutoff"].to_numpy(dtype="datetime64[us]") + np.timedelta64(span, "us"),
        lists=pd.DatetimeIndex(np.unique(keys[judging])),
    )


def _first_origin(history: _History) -> int:
    """The earliest list at which train would have had enough, by bisection: more history is never less."""
    low, high = 0, len(history.lists) - 1
    try:
        history.split_known(history.lists[high])
    except DataError as error:
        raise DataError(
            f"the history is too short for a backtest: with what was known at {history.lists[high]:%Y-%m-%d}, the "
            f"newest of {len(history.lists)} matured lists, there is no origin yet: {error}"
        ) from error
    while low < high:
        middle = (low + high) // 2
        try:
            history.split_known(history.lists[middle])
            high = middle
        except DataError:
            low = middle + 1
    return high


def _build_origin(history: _History, at: pd.Timestamp, until: pd.Timestamp) -> Origin | str:
    """The origin, or why there is none."""
    try:
        then = history.split_known(at)
    except DataError as error:
        return f"origin {at:%Y-%m-%d} left out: {error}"
    inside = ((history.keys >= at) & (history.keys < until)).to_numpy()
    test = np.flatnonzero(inside & history.judging)
    folds = (*then.folds, (then.train, then.test))
    split = Split(then.kind, then.final, test, folds, then.final, at, then.shrunk, then.notes)
    return Origin(at, until, history.keys.iloc[test].nunique(), split)
