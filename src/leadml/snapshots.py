"""The prediction problem: who is scored at which cutoff, and what happened next (design section 6).

Everything here follows four intervals, whose ends are always these:

- history of a snapshot: what has ``known_at < cutoff``;
- gap: ``[cutoff, cutoff + gap)``, a conversion in it leaves the snapshot out;
- horizon: ``[cutoff + gap, cutoff + gap + horizon)``, a conversion in it is label 1;
- a cutoff is matured when ``cutoff + gap + horizon + booking_delay <= data_end``: all its rows, or none.

One worked example, with gap 0, horizon 90 days, booking delay 7 days and data that end on 2026-07-01 00:00: the cutoff
2026-03-23 00:00 has its horizon end on 2026-06-21 00:00 and matures on 2026-06-28 00:00, so it may be used; the next
one, 2026-03-30 00:00, matures on 2026-07-05 00:00, so every row of it, converted or not, is censored.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from leadml.config import ProblemConfig
from leadml.errors import DataError
from leadml.schema import SNAPSHOT_COLUMNS

MICROSECONDS_A_DAY = 86_400_000_000
TIME = "timestamp(6)"
CURVE_DAYS = (7, 14, 30, 45, 60, 90, 120, 180, 270, 365)


@dataclass(frozen=True)
class LeadTables:
    """The tables that decide who is open and what converted; Ibis tables of one backend, in schema.py's shape."""

    leads: ir.Table
    touchpoints: ir.Table
    conversions: ir.Table
    closures: ir.Table


@dataclass(frozen=True)
class Snapshots:
    """The snapshots (columns of SNAPSHOT_COLUMNS, RangeIndex) and how many were left out, by reason."""

    frame: pd.DataFrame
    left_out: dict[str, int]


def days(value: float) -> ibis.expr.types.IntervalScalar:
    """An interval of so many days, exact to the microsecond (an age of one hour is 1/24 day)."""
    return ibis.interval(microseconds=round(value * MICROSECONDS_A_DAY))


def weekly_cutoffs(first: datetime, last: datetime, weekday: int) -> list[datetime]:
    """Every ``weekday`` (0 is Monday) at 00:00 UTC in ``(first, last]``."""
    midnight = datetime(first.year, first.month, first.day)
    start = midnight + timedelta(days=(weekday - midnight.weekday()) % 7)
    start += timedelta(days=7) if start <= first else timedelta()
    return [start + timedelta(days=7 * i) for i in range((last - start) // timedelta(days=7) + 1)]


def build_candidates(leads: ir.Table, problem: ProblemConfig, data_end: datetime) -> ir.Table:
    """Every (lead, cutoff) of the grids with ``known_at < cutoff <= data_end``: lead columns plus cutoff and grid."""
    known = leads.select("lead_id", "account_id", "known_at")
    parts = [
        known.mutate(cutoff=known.known_at + days(age), grid=ibis.literal("age")).filter(
            lambda t: t.cutoff <= ibis.literal(data_end)
        )
        for age in problem.age_days
    ]
    first = leads.known_at.min().execute()
    if problem.weekly and not pd.isna(first):
        grid = weekly_cutoffs(pd.Timestamp(first).to_pydatetime(), data_end, problem.weekday)
        if grid:
            cutoffs = ibis.memtable(pd.DataFrame({"cutoff": pd.Series(grid, dtype="datetime64[us]")}))
            pairs = known.join(cutoffs, known.known_at < cutoffs.cutoff)
            parts.append(pairs.select("lead_id", "account_id", "known_at", "cutoff", grid=ibis.literal("weekly")))
    if not parts:
        raise DataError(f"no cutoff lies between the first lead ({first}) and the end of the data ({data_end})")
    parts = [p.mutate(cutoff=p.cutoff.cast(TIME), known_at=p.known_at.cast(TIME)) for p in parts]
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def candidates_at(leads: ir.Table, cutoff: datetime) -> ir.Table:
    """Every lead known before one given cutoff, as `build_candidates` shapes it."""
    known = leads.select("lead_id", "account_id", "known_at").filter(lambda t: t.known_at < ibis.literal(cutoff))
    return known.mutate(cutoff=ibis.literal(cutoff).cast(TIME), grid=ibis.literal("given"))


def add_exits(candidates: ir.Table, tables: LeadTables) -> ir.Table:
    """Adds converted_at and amount of the first conversion, and the first instant of each way out (null: never)."""
    conversions = tables.conversions.group_by("lead_id").aggregate(
        amount=lambda t: t.amount.argmin(t.converted_at), converted_at=lambda t: t.converted_at.min()
    )
    closures = tables.closures.group_by("lead_id").aggregate(
        lost_at=lambda t: t.closed_at.min(where=t.kind == "lost"),
        removed_at=lambda t: t.closed_at.min(where=t.kind.isin(["merged", "erased"])),
        opted_out_at=lambda t: t.closed_at.min(where=t.kind == "opted_out"),
    )
    both = candidates.left_join(conversions, "lead_id").drop("lead_id_right")
    return both.left_join(closures, "lead_id").drop("lead_id_right")


def keep_population(snapshots: ir.Table, tables: LeadTables, problem: ProblemConfig) -> ir.Table:
    """Open, consenting leads that were created or active in ``[cutoff - active_days, cutoff)``.

    Active means a touchpoint that the lead initiated. A conversion or closure at the cutoff itself comes after it.
    """
    exits = ["converted_at", "lost_at", "removed_at", "opted_out_at"]
    open_ones = snapshots.filter([snapshots[c].isnull() | (snapshots[c] >= snapshots.cutoff) for c in exits])
    if problem.active_days is None:
        return open_ones
    since = open_ones.cutoff - days(problem.active_days)
    young = open_ones.filter(open_ones.known_at >= since)
    old = open_ones.filter(open_ones.known_at < since)
    touches = tables.touchpoints.filter(lambda t: t.initiator == "lead").select("lead_id", touched_at="known_at")
    active = old.semi_join(
        touches,
        [
            old.lead_id == touches.lead_id,
            touches.touched_at < old.cutoff,
            touches.touched_at >= old.cutoff - days(problem.active_days),
        ],
    )
    return ibis.union(young, active)


def add_label(snapshots: ir.Table, problem: ProblemConfig, data_end: datetime) -> ir.Table:
    """Adds matured, left_out (reason or null) and label (1, 0; null while censored)."""
    opens = snapshots.cutoff + days(problem.gap_days)
    ends = snapshots.cutoff + days(problem.gap_days + problem.horizon_days)
    matured = ends + days(problem.booking_delay_days) <= ibis.literal(data_end)
    in_gap = (snapshots.converted_at < opens).fill_null(False)
    removed = (snapshots.removed_at < ends).fill_null(False)
    converted = ((snapshots.converted_at >= opens) & (snapshots.converted_at < ends)).fill_null(False)
    return snapshots.mutate(
        matured=matured,
        left_out=ibis.cases(
            (in_gap, ibis.literal("converted inside the gap")),
            (removed & ~converted, ibis.literal("merged or erased inside the horizon")),
            else_=ibis.null("string"),
        ),
        label=ibis.cases((matured, converted.cast("float64")), else_=ibis.null("float64")),
        amount=ibis.cases((matured & converted, snapshots.amount), else_=ibis.null("float64")),
    )


def add_untouched(snapshots: ir.Table, touchpoints: ir.Table) -> ir.Table:
    """Adds untouched: no sales touch (call, meeting, chat or sales mail that the company began) was known before."""
    sales = (touchpoints.initiator == "company") & (
        touchpoints.channel.isin(["call", "meeting", "chat"]) | touchpoints.kind.startswith("sales")
    )
    first = touchpoints.filter(sales).group_by("lead_id").aggregate(first_touch_at=lambda t: t.known_at.min())
    joined = snapshots.left_join(first, "lead_id").drop("lead_id_right")
    return joined.mutate(untouched=joined.first_touch_at.isnull() | (joined.first_touch_at >= joined.cutoff))


def to_frame(labelled: ir.Table) -> Snapshots:
    """Runs the expression: snapshots in the order (cutoff, lead_id, grid), positions from 0, left-out ones counted."""
    age = labelled.cutoff.delta(labelled.known_at, unit="microsecond") / MICROSECONDS_A_DAY
    columns = [c for c in SNAPSHOT_COLUMNS if c not in ("age_days", "position", "account_id")]
    wanted = labelled.select(
        *columns, "left_out", account_id=labelled.account_id.fill_null(labelled.lead_id), age_days=age
    )
    frame = wanted.order_by(["cutoff", "lead_id", "grid"]).to_pandas()
    left_out = frame.loc[frame["left_out"].notna(), "left_out"].value_counts().sort_index()
    kept = frame[frame["left_out"].isna()].reset_index(drop=True)
    kept["position"] = range(len(kept))
    return Snapshots(kept[list(SNAPSHOT_COLUMNS)], {str(k): int(v) for k, v in left_out.items()})


def build_snapshots(tables: LeadTables, problem: ProblemConfig, data_end: datetime) -> Snapshots:
    """All snapshots of the configured grids up to ``data_end``, labelled; censored ones have a null label.

    Raises:
        DataError: there is no cutoff in the data, or no lead was open at any.
    """
    candidates = build_candidates(tables.leads, problem, data_end)
    population = keep_population(add_exits(candidates, tables), tables, problem)
    result = to_frame(add_untouched(add_label(population, problem, data_end), tables.touchpoints))
    if result.frame.empty:
        raise DataError(
            f"no lead was open at any cutoff up to {data_end}: check problem.active_days and that closures and "
            "conversions are not dated before the leads were created"
        )
    return result


def build_population(tables: LeadTables, problem: ProblemConfig, cutoff: datetime) -> pd.DataFrame:
    """The leads to score at one cutoff: the same population rule, with null labels (nothing after it is looked at)."""
    exits = add_exits(candidates_at(tables.leads, cutoff), tables)
    unlabelled = keep_population(exits, tables, problem).mutate(
        label=ibis.null("float64"), amount=ibis.null("float64"), left_out=ibis.null("string")
    )
    return to_frame(add_untouched(unlabelled, tables.touchpoints)).frame


def build_cohorts(snapshots: pd.DataFrame) -> pd.DataFrame:
    """One row a month of cutoffs: snapshots, distinct leads, distinct converting leads, rate, immature share."""
    month = snapshots["cutoff"].dt.strftime("%Y-%m").rename("month")
    groups = snapshots.groupby(month, sort=True)
    table = pd.DataFrame(
        {
            "snapshots": groups.size(),
            "leads": groups["lead_id"].nunique(),
            "conversions": snapshots[snapshots["label"] == 1].groupby(month)["lead_id"].nunique(),
            "rate": groups["label"].mean(),
            "immature_share": groups["label"].apply(lambda s: s.isna().mean()),
        }
    )
    table["conversions"] = table["conversions"].fillna(0).astype("int64")
    return table.reset_index()


def build_conversion_curve(leads: pd.DataFrame, conversions: pd.DataFrame, data_end: datetime) -> pd.DataFrame:
    """Share of the observed conversions that came within so many days of the lead becoming known.

    Only leads that were watched for the longest of the listed days (at most half of the history) count, so that late
    conversions are not missing from the share; ``conversions`` is how many that leaves.

    Args:
        leads: lead_id, known_at.
        conversions: lead_id, converted_at.
        data_end: end of the data, UTC.
    """
    history = (data_end - leads["known_at"].min()) / pd.Timedelta(days=1)
    listed = [d for d in CURVE_DAYS if d <= history / 2] or [CURVE_DAYS[0]]
    watched = leads[leads["known_at"] <= data_end - pd.Timedelta(days=listed[-1])]
    first = conversions.groupby("lead_id")["converted_at"].min().rename("converted_at")
    joined = watched.join(first, on="lead_id", how="inner")
    took = (joined["converted_at"] - joined["known_at"]).dt.total_seconds() / 86_400
    took = took[took <= listed[-1]]
    share = [float((took <= d).mean()) if len(took) else float("nan") for d in listed]
    return pd.DataFrame({"days": listed, "share": share, "conversions": len(took)})
