"""At which instants leads are looked at: a weekly grid, ages, given dates; and whether the data are long enough."""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from leadml.errors import DataError
from leadml.problem import ProblemConfig, told
from leadml.snapshots.eligible import TIME, days

WEEK = timedelta(days=7)


def weekly_cutoffs(first: datetime, last: datetime, weekday: int) -> list[datetime]:
    """Every ``weekday`` (0 is Monday) at 00:00 UTC in ``(first, last]``."""
    midnight = datetime(first.year, first.month, first.day)
    start = midnight + timedelta(days=(weekday - midnight.weekday()) % 7)
    start += WEEK if start <= first else timedelta()
    return [start + i * WEEK for i in range((last - start) // WEEK + 1)]


def fixed_cutoffs(problem: ProblemConfig, first: datetime, data_end: datetime) -> list[tuple[datetime, str]]:
    """The cutoffs that all leads share, in ``(first, data_end]``, with their grid: "weekly" or "given".

    Raises:
        DataError: a given cutoff outside of that.
    """
    outside = [c for c in problem.given if not first < c <= data_end]
    if outside:
        raise DataError(
            f"problem.cutoffs={told(outside)} is outside of the data: give instants after the first lead was known "
            f"({first}) and up to the end of the data ({data_end})"
        )
    weekly = weekly_cutoffs(first, data_end, problem.weekday) if problem.weekly else []
    return [(c, "weekly") for c in weekly] + [(c, "given") for c in problem.given]


def at_fixed(spans: ir.Table, cutoffs: list[tuple[datetime, str]]) -> ir.Table:
    """Every (eligible span, cutoff) with ``start < cutoff <= end``: the spans' columns plus cutoff and grid."""
    frame = pd.DataFrame(
        {
            "cutoff": pd.Series([c for c, _ in cutoffs], dtype="datetime64[us]"),
            "grid": pd.Series([g for _, g in cutoffs], dtype="str"),
        }
    )
    grid = ibis.memtable(frame, schema={"cutoff": TIME, "grid": "string"})
    far = ibis.literal(max(c for c, _ in cutoffs)).cast(TIME)
    ended = spans.mutate(end=spans.end.fill_null(far))
    return ended.join(grid, [ended.start < grid.cutoff, ended.end >= grid.cutoff]).drop("start", "end")


def at_ages(spans: ir.Table, problem: ProblemConfig, data_end: datetime) -> list[ir.Table]:
    """One table an age: the spans that hold known_at + age, shaped as `at_fixed` does; up to ``data_end``."""
    parts = []
    for age in problem.age_days:
        at = spans.mutate(cutoff=(spans.known_at + days(age)).cast(TIME), grid=ibis.literal("age"))
        inside = (at.start < at.cutoff) & (at.end.isnull() | (at.end >= at.cutoff))
        parts.append(at.filter(inside & (at.cutoff <= ibis.literal(data_end).cast(TIME))).drop("start", "end"))
    return parts


def check_history(problem: ProblemConfig, first: datetime, data_end: datetime) -> None:
    """Refuse a horizon that the data cannot hold, before anything is built; ``first`` is the first lead's known_at.

    A test needs a matured cutoff, and a validation before it needs training rows whose horizon is over: the newest
    matured cutoff must come two times gap + horizon after the first lead. The advice is the longest horizon in whole
    days for which that and ``train_every`` further weekly cutoffs are there, so that it can be followed.

    Raises:
        DataError: with the days of history, and the longest horizon that they allow.
    """
    matures = timedelta(days=problem.gap_days + problem.horizon_days)
    last = data_end - matures - timedelta(days=problem.booking_delay_days)
    if last - first >= 2 * matures:
        return
    history = data_end - first
    spare = history - timedelta(days=problem.booking_delay_days) - (problem.train_every + 1) * WEEK
    longest = int((spare / 3 - timedelta(days=problem.gap_days)) / timedelta(days=1))
    found = len(weekly_cutoffs(first, last, problem.weekday)) if problem.weekly and last > first else 0
    way_out = (
        f"problem.horizon_days={longest} is the longest that leaves {_weeks(problem, longest, first, data_end)}, "
        "enough for both"
        if longest >= 1
        else "no horizon fits: bring a longer history"
    )
    raise DataError(
        f"problem.horizon_days={problem.horizon_days:g} is too long: the data hold {history / timedelta(days=1):.0f} "
        f"days of history ({first:%Y-%m-%d} to {data_end:%Y-%m-%d}), in which {found} weekly cutoffs matured, and a "
        f"test and a validation need gap + horizon three times; {way_out}"
    )


def _weeks(problem: ProblemConfig, horizon: int, first: datetime, data_end: datetime) -> str:
    last = data_end - timedelta(days=problem.gap_days + horizon + problem.booking_delay_days)
    return f"{len(weekly_cutoffs(first, last, problem.weekday))} matured weekly cutoffs"
