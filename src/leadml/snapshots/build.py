"""Snapshots with labels over all cutoffs, and the population at one: eligibility, cutoffs and outcomes put together."""

from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd

from leadml.errors import DataError
from leadml.problem import ProblemConfig
from leadml.schema import SNAPSHOT_COLUMNS
from leadml.snapshots.cutoffs import at_ages, at_fixed, fixed_cutoffs
from leadml.snapshots.eligible import (
    MICROSECONDS_A_DAY,
    TIME,
    active_spans,
    days,
    eligible_spans,
    exits_of,
    in_microseconds,
    open_spans,
)
from leadml.snapshots.outcomes import add_label, build_outcomes, outcome_exits


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


def build_snapshots(tables: LeadTables, problem: ProblemConfig, data_end: datetime) -> Snapshots:
    """All snapshots of the configured cutoffs up to ``data_end``, labelled; censored ones have a null label.

    Conversions and closures with ``known_at > data_end`` are not looked at: what was booked after the data's end is
    unknown, whenever it happened. One dated before a cutoff but known after it leaves the snapshot out and is counted.

    Raises:
        DataError: there is no cutoff in the data, a given one is outside of it, or no lead was open at any.
    """
    tables = known_until(typed(tables), data_end)
    first = tables.leads.known_at.min().execute()
    spans, outcomes = eligible(tables, problem, None)
    fixed = [] if pd.isna(first) else fixed_cutoffs(problem, pd.Timestamp(first).to_pydatetime(), data_end)
    parts = ([at_fixed(spans, fixed)] if fixed else []) + at_ages(spans, problem, data_end)
    if not parts:
        raise DataError(f"no cutoff lies between the first lead ({first}) and the end of the data ({data_end})")
    candidates = ibis.union(*parts) if len(parts) > 1 else parts[0]
    labelled = add_label(with_outcomes(candidates, outcomes), problem, data_end)
    result = to_frame(add_untouched(labelled, tables.touchpoints))
    if result.frame.empty:
        raise DataError(
            f"no lead was open at any cutoff up to {data_end}: check problem.active_days, problem.exits, and that "
            "closures and conversions are not dated before the leads were created"
        )
    return result


def build_population(tables: LeadTables, problem: ProblemConfig, cutoff: datetime) -> pd.DataFrame:
    """The leads to score at one cutoff: the same rule of who is open, with null labels.

    Nothing known at or after the cutoff is looked at, but for one thing: a conversion or closure *dated* before the
    cutoff and booked after it takes the lead off the list, as design section 3 has it.
    """
    tables = typed(tables)
    spans, _ = eligible(tables, problem, cutoff)
    inside = (spans.start < ibis.literal(cutoff).cast(TIME)) & (
        spans.open_until.isnull() | (spans.open_until >= ibis.literal(cutoff).cast(TIME))
    )
    if problem.active_days is not None:
        inside &= spans.end >= ibis.literal(cutoff).cast(TIME)
    at = spans.filter(inside).mutate(
        cutoff=ibis.literal(cutoff).cast(TIME),
        grid=ibis.literal("given"),
        label=ibis.null("float64"),
        amount=ibis.null("float64"),
        days_to_conversion=ibis.null("float64"),
        left_out=ibis.null("string"),
    )
    return to_frame(add_untouched(at, tables.touchpoints)).frame


def typed(tables: LeadTables) -> LeadTables:
    """The tables with all times in microseconds."""
    return LeadTables(
        in_microseconds(tables.leads, "known_at"),
        in_microseconds(tables.touchpoints, "known_at"),
        in_microseconds(tables.conversions, "converted_at", "known_at"),
        in_microseconds(tables.closures, "closed_at", "known_at"),
    )


def known_until(tables: LeadTables, end: datetime) -> LeadTables:
    """The tables without conversions and closures that were known only after ``end``."""
    until = ibis.literal(end).cast(TIME)
    return LeadTables(
        tables.leads,
        tables.touchpoints,
        tables.conversions.filter(tables.conversions.known_at <= until),
        tables.closures.filter(tables.closures.known_at <= until),
    )


def eligible(tables: LeadTables, problem: ProblemConfig, cutoff: datetime | None) -> tuple[ir.Table, ir.Table]:
    """The spans of cutoffs in which each lead is eligible (see `eligible_spans`), and what the leads converted to.

    For a single ``cutoff`` only the touchpoints that can matter to it are read.
    """
    outcomes = build_outcomes(tables.leads, tables.conversions, problem.colleague_conversion)
    exits = ibis.union(exits_of(tables.closures, tuple(problem.exits)), outcome_exits(outcomes))
    spans = open_spans(tables.leads, exits, tables.closures)
    if problem.active_days is None:
        return eligible_spans(tables.leads, spans, None), outcomes
    touches = tables.touchpoints
    if cutoff is not None:
        moment = ibis.literal(cutoff).cast(TIME)
        touches = touches.filter(touches.known_at < moment, touches.known_at >= moment - days(problem.active_days))
    active = active_spans(tables.leads, touches, problem.active_days)
    return eligible_spans(tables.leads, spans, active), outcomes


def with_outcomes(candidates: ir.Table, outcomes: ir.Table) -> ir.Table:
    """The candidates with converted_at, amount and colleague_at of their leads (null: never)."""
    found = outcomes.select("lead_id", "converted_at", "amount", "colleague_at")
    return candidates.join(found, "lead_id", how="left", rname="outcome_{name}").drop("outcome_lead_id")


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
    # By way of Arrow: Ibis's own to_pandas takes twice as long for millions of rows.
    frame = wanted.order_by(["cutoff", "lead_id", "grid"]).to_pyarrow().to_pandas()
    left_out = frame.loc[frame["left_out"].notna(), "left_out"].value_counts().sort_index()
    kept = frame[frame["left_out"].isna()].reset_index(drop=True)
    kept["position"] = range(len(kept))
    return Snapshots(kept[list(SNAPSHOT_COLUMNS)], {str(k): int(v) for k, v in left_out.items()})
