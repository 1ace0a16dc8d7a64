"""Which rows train, which judge, and the forward purged folds that make the out-of-time stream.

All intervals are end-exclusive: the label of a row at cutoff ``c`` looks at ``[c + gap, c + gap + horizon)``. A row
may train a model that is judged from the cutoff ``t`` on if ``c + gap + horizon <= t``: its interval then ends before
``t``, the end itself being excluded. Rows whose label is null (censored) are never used.

Weekly grid, horizon of 10 days, two test cutoffs (T), two folds (a, b), every weekly cutoff trains, ``.`` is purged::

    week (day 0 is week 1)    1  2  3  4  5  6  7  8  9
    fold a                    f  f  f  .  a               fits on f: cutoffs up to day 28 - 10 = 18
    fold b                    f  f  f  f  .  b            fits on f: cutoffs up to day 35 - 10 = 25
    judged model              t  t  t  t  t  t  .  T  T   trains on t: cutoffs up to day 49 - 10 = 39
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from leadml.config import ProblemConfig, SplitConfig
from leadml.errors import DataError
from leadml.weeks import DAY, week_start

MIN_FOLD_CONVERSIONS = 10  # distinct converting leads a fold must fit on; below, its margins say nothing

Fold = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Split:
    """Row positions of the snapshot table.

    ``kind`` is ``weekly`` (lists are weekly cutoffs), ``time`` (each case its own cutoff, lists are calendar weeks),
    ``ordered`` (undated, by position) or ``grouped`` (undated, by account). ``folds`` holds (fit, validation) pairs
    inside ``train``'s period, ``final`` the rows of the final model. ``shrunk`` says what was made smaller, and why.
    """

    kind: str
    train: np.ndarray
    test: np.ndarray
    folds: tuple[Fold, ...]
    final: np.ndarray
    test_start: pd.Timestamp | None
    shrunk: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Rows:
    """The snapshot table as arrays; ``time`` is microseconds, of no meaning where undated."""

    time: np.ndarray
    labelled: np.ndarray
    label: np.ndarray
    weekly: np.ndarray
    lead: np.ndarray
    span: int  # gap + horizon, microseconds

    def where(self, mask: np.ndarray) -> np.ndarray:
        return np.flatnonzero(mask & self.labelled)


def build_split(
    snapshots: pd.DataFrame,
    problem: ProblemConfig,
    split: SplitConfig,
    seed: int,
    ordered: bool = False,
    poor: bool = False,
) -> Split:
    """Split of the matured rows of ``snapshots`` (`schema.SNAPSHOT_COLUMNS`), by cutoff alone wherever there are any.

    - Weekly grid. Test: every lead of the newest ``test_cutoffs`` matured weekly cutoffs. Train: every
      ``train_every``-th weekly cutoff, counted back from the newest that may train, and the age rows, both with
      ``cutoff + gap + horizon <= first test cutoff``. Validation: all leads of *every* weekly cutoff in ``folds``
      consecutive blocks that cover the newest half of the weekly cutoffs that have a training row ended before them,
      ``folds * test_cutoffs`` cutoffs at most. A fold fits on training rows with
      ``cutoff + gap + horizon <= its block's first cutoff``.
      Short histories: the test takes the largest number of cutoffs up to ``test_cutoffs`` that leaves at least twice
      as many possible validation cutoffs; folds are at most one a validation cutoff.
    - Own cutoffs. Test: the newest ``test_share`` of the matured rows, ties included; folds as above, in blocks of
      equal numbers of rows with ties kept together. Where fewer than half as many rows as the test has could validate,
      the share is halved, twice at most.
    - Undated. ``ordered``: the last ``test_share`` by ``position``, forward folds by position; else random accounts
      (seeded) until they hold ``test_share`` of the rows, and folds of whole accounts.

    Folds whose fitting rows hold fewer than 10 distinct converting leads are left out and noted, but for ``poor``.

    Raises:
        DataError: no matured row, some rows without a cutoff, or too short a history even when shrunk; with counts.
    """
    rows = _read_rows(snapshots, problem)
    if not rows.labelled.any():
        raise DataError(
            f"none of the {len(snapshots)} snapshots has a matured label; bring older history or set a shorter "
            f"problem.horizon_days (now {problem.horizon_days:g})"
        )
    dated = snapshots["cutoff"].notna().to_numpy()
    if dated.any() and not dated.all():
        raise DataError(
            f"{int((~dated).sum())} of {len(dated)} snapshots have no cutoff; give every row its time, or none of them"
        )
    if rows.weekly.any():
        found = _split_weekly(rows, problem, split)
    elif dated.any():
        found = _split_time(rows, split)
    elif ordered:
        found = _split_ordered(rows, snapshots["position"].to_numpy(), split)
    else:
        found = _split_grouped(rows, pd.factorize(snapshots["account_id"])[0], split, seed)
    return found if poor else _drop_poor_folds(found, rows)


def list_keys(snapshots: pd.DataFrame, kind: str) -> pd.Series:
    """The list that each row belongs to: its cutoff, its calendar week's Monday, or NaT for one list (undated).

    ``kind`` is `Split.kind`; datetime64[us], aligned with ``snapshots``.
    """
    cutoff = snapshots["cutoff"].astype("datetime64[us]")
    if kind == "weekly":
        return cutoff
    if kind == "time":
        return week_start(cutoff)
    return pd.Series(pd.NaT, index=snapshots.index, dtype="datetime64[us]")


def thin_cutoffs(cutoffs: np.ndarray, every: int) -> np.ndarray:
    """Sorted weekly cutoffs (microseconds), each at least ``every`` weeks before the next one kept, newest kept first.

    By the calendar and not by counting, so that a grid that was thinned before is not thinned twice.
    """
    kept: list[int] = []
    for cutoff in np.unique(cutoffs)[::-1]:
        if not kept or kept[-1] - cutoff >= every * 7 * DAY:
            kept.append(int(cutoff))
    return np.array(kept[::-1], dtype=np.int64)


def _read_rows(snapshots: pd.DataFrame, problem: ProblemConfig) -> _Rows:
    label = snapshots["label"].to_numpy(dtype=np.float64, na_value=np.nan)
    return _Rows(
        time=snapshots["cutoff"].to_numpy(dtype="datetime64[us]").astype(np.int64),
        labelled=~np.isnan(label),
        label=label,
        weekly=(snapshots["grid"] == "weekly").to_numpy(dtype=bool),
        lead=pd.factorize(snapshots["lead_id"])[0],
        span=round((problem.gap_days + problem.horizon_days) * DAY),
    )


def _split_weekly(rows: _Rows, problem: ProblemConfig, split: SplitConfig) -> Split:
    weekly = np.unique(rows.time[rows.labelled & rows.weekly])
    for size in range(min(split.test_cutoffs, len(weekly) - 1), 0, -1):
        start = weekly[-size]
        period = weekly[weekly + rows.span <= start]
        train = rows.where(_trainable(rows, period, problem.train_every) & (rows.time + rows.span <= start))
        first = rows.time[train].min() if len(train) else start
        possible = period[period >= first + rows.span]
        if len(possible) >= 2 * size:
            break
    else:
        raise DataError(
            f"{len(weekly)} matured weekly cutoffs are too few for a test and a validation that keep "
            f"{problem.gap_days + problem.horizon_days:g} days of gap + horizon apart; bring a longer history or set a "
            "shorter problem.horizon_days"
        )
    count = min(split.folds * split.test_cutoffs, max(2, len(possible) // 2))
    blocks = np.array_split(possible[-count:], min(split.folds, count))
    folds = []
    for block in blocks:
        inside = rows.weekly & (rows.time >= block[0]) & (rows.time <= block[-1])
        folds.append((train[rows.time[train] + rows.span <= block[0]], rows.where(inside)))
    said = _shrunk(
        {"test cutoffs": (size, split.test_cutoffs), "folds": (len(blocks), split.folds)},
        f"{len(weekly)} matured weekly cutoffs",
    )
    test = rows.where(rows.weekly & (rows.time >= start))
    final = rows.where(_trainable(rows, weekly, problem.train_every))
    return Split("weekly", train, test, tuple(folds), final, _timestamp(start), said, ())


def _trainable(rows: _Rows, weekly: np.ndarray, every: int) -> np.ndarray:
    return ~rows.weekly | np.isin(rows.time, thin_cutoffs(weekly, every))


def _split_time(rows: _Rows, split: SplitConfig) -> Split:
    ordered = np.sort(rows.time[rows.labelled])
    for share in (split.test_share, split.test_share / 2, split.test_share / 4):
        start = ordered[min(int(np.floor(len(ordered) * (1 - share))), len(ordered) - 1)]
        train = rows.where(rows.time + rows.span <= start)
        test = rows.where(rows.time >= start)
        first = rows.time[train].min() if len(train) else start
        possible = np.sort(rows.time[train][rows.time[train] >= first + rows.span])
        if 2 * len(possible) >= len(test):
            break
    if len(possible) < 2:
        raise DataError(
            f"{len(ordered)} matured rows from {_timestamp(ordered[0]):%Y-%m-%d} to {_timestamp(ordered[-1]):%Y-%m-%d} "
            f"span too little time for a test and a validation that keep {rows.span / DAY:g} days of gap + horizon "
            "apart; bring a longer history or set a shorter problem.horizon_days"
        )
    newest = possible[len(possible) // 2 :]
    edges = np.unique([part[0] for part in np.array_split(newest, min(split.folds, len(newest)))])
    ends = [*edges[1:], newest[-1] + 1]
    folds = []
    for low, high in zip(edges, ends, strict=True):
        moment = rows.time[train]
        folds.append((train[moment + rows.span <= low], train[(moment >= low) & (moment < high)]))
    said = _shrunk(
        {"test share": (share, split.test_share), "folds": (len(folds), split.folds)}, f"{len(ordered)} matured rows"
    )
    return Split("time", train, test, tuple(folds), rows.where(rows.labelled), _timestamp(start), said, ())


def _split_ordered(rows: _Rows, position: np.ndarray, split: SplitConfig) -> Split:
    usable = rows.where(rows.labelled)
    usable = usable[np.argsort(position[usable], kind="stable")]
    border = int(np.floor(len(usable) * (1 - split.test_share)))
    train, test = usable[:border], usable[border:]
    if border < 2 * split.folds or not len(test):
        raise DataError(f"{len(usable)} labelled rows are too few for a test and {split.folds} folds; bring more rows")
    blocks = np.array_split(np.arange(border // 2, border), split.folds)
    folds = tuple((np.sort(train[: b[0]]), np.sort(train[b])) for b in blocks)
    return Split("ordered", np.sort(train), np.sort(test), folds, np.sort(usable), None, None, ())


def _split_grouped(rows: _Rows, account: np.ndarray, split: SplitConfig, seed: int) -> Split:
    usable = rows.where(rows.labelled)
    shuffled = np.random.default_rng(seed).permutation(np.unique(account[usable]))
    size = np.bincount(account[usable], minlength=int(account.max()) + 1)[shuffled]
    if len(shuffled) < split.folds + 2:
        raise DataError(
            f"{len(shuffled)} accounts with labelled rows are too few for a test and {split.folds} folds of whole "
            "accounts; check account_id in the source's mapping"
        )
    # The accounts' rows laid end to end: where an account's middle falls decides its part, whatever its size.
    middle = (np.cumsum(size) - size / 2) / size.sum()
    part = np.digitize(middle, split.test_share + (1 - split.test_share) * np.arange(split.folds) / split.folds)
    of_row = part[np.argsort(shuffled)][np.unique(account[usable], return_inverse=True)[1]]
    train, test = usable[of_row > 0], usable[of_row == 0]
    folds = [(train[of_row[of_row > 0] != k], usable[of_row == k]) for k in range(1, split.folds + 1)]
    return Split("grouped", train, test, tuple(f for f in folds if len(f[1])), usable, None, None, ())


def _drop_poor_folds(split: Split, rows: _Rows) -> Split:
    """Leave out folds that cannot be fitted; raise `DataError` where none is left."""
    kept, notes = [], list(split.notes)
    for number, (fit, validation) in enumerate(split.folds, start=1):
        converting = len(np.unique(rows.lead[fit][rows.label[fit] == 1]))
        if converting >= MIN_FOLD_CONVERSIONS and (rows.label[fit] == 0).any():
            kept.append((fit, validation))
        else:
            notes.append(
                f"fold {number} left out: {converting} converting leads among its {len(fit)} fitting rows "
                f"(at least {MIN_FOLD_CONVERSIONS} are needed)"
            )
    if not kept:
        total = len(np.unique(rows.lead[split.train][rows.label[split.train] == 1]))
        raise DataError(
            f"no fold has {MIN_FOLD_CONVERSIONS} converting leads to fit on ({total} in all of training); bring a "
            "longer history, or set a shorter problem.horizon_days"
        )
    return replace(split, folds=tuple(kept), notes=tuple(notes))


def _shrunk(sizes: dict[str, tuple[float, float]], of: str) -> str | None:
    said = [f"{name} {got:g} of {asked:g}" for name, (got, asked) in sizes.items() if got < asked]
    return f"{', '.join(said)}: the history holds {of}" if said else None


def _timestamp(microseconds: Sequence[int] | np.int64) -> pd.Timestamp:
    return pd.Timestamp(int(microseconds), unit="us")  # type: ignore[arg-type]  # a scalar
