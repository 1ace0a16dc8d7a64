"""Accounts scored instead of leads: the tables re-made so that each account is one lead.

Everything that later rooms do (population, labels, features) is done with the folded tables as with any others. So that
deleting the future changes nothing, a lead lends its account nothing before it was known itself: what touched it before
counts for the account from then on, and a lead that joins an account whose others were all closed opens it again.
"""

from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir

from leadml.snapshots.eligible import REMOVED, REOPENED, TIME, exits_of, in_microseconds, open_spans

# After every time that data hold: an interval without an end must sort last, where NULL would sort first or last.
FAR = "9999-12-31 00:00:00"


@dataclass(frozen=True)
class UnitTables:
    """The tables of schema.py that snapshots and features are made of; Ibis tables of one backend."""

    leads: ir.Table
    accounts: ir.Table
    history: ir.Table
    touchpoints: ir.Table
    conversions: ir.Table
    closures: ir.Table


def fold_to_accounts(tables: UnitTables, exits: tuple[str, ...]) -> UnitTables:
    """The tables with one lead an account: its lead_id is the account_id. A lead without account stays itself.

    - Known from, and with the attributes and history of, its first known lead (of two at one instant the lesser id).
    - Touchpoints of all its leads and of itself; those of a lead are known no sooner than the lead.
    - Converted with the first conversion of any lead; of several at one instant (contacts of one deal) the largest
      amount counts once, known as soon as any of them.
    - Closed where no known lead is open: at the last exit of them, with the kind "lost" (or, where lost is no exit,
      "opted_out"), or "merged" where each of them was merged or erased. Open again ("reopened") with a lead that
      becomes known later. A closure is known when the last of its leads' is.

    Accounts keep their table and their own history. A lead without account whose id is also an account's is called
    ``lead:ID``.

    Args:
        tables: unfolded, in schema.py's shape.
        exits: the kinds of closures that end a lead's eligibility (``problem.exits``).
    """
    tables = typed(tables)
    keys = unit_keys(tables.leads)
    firsts = keys.filter(keys.place == 0)
    return UnitTables(
        leads=tables.leads.join(firsts.select("lead_id", "unit_id"), "lead_id")
        .mutate(lead_id=ibis._.unit_id)
        .drop("unit_id"),
        accounts=tables.accounts,
        history=fold_history(tables.history, firsts),
        touchpoints=fold_touchpoints(tables.touchpoints, keys),
        conversions=fold_conversions(tables.conversions, keys),
        closures=fold_closures(tables, keys, exits),
    )


def typed(tables: UnitTables) -> UnitTables:
    """The tables with the times that are compared in microseconds."""
    return replace(
        tables,
        leads=in_microseconds(tables.leads, "known_at"),
        touchpoints=in_microseconds(tables.touchpoints, "known_at"),
        conversions=in_microseconds(tables.conversions, "converted_at", "known_at"),
        closures=in_microseconds(tables.closures, "closed_at", "known_at"),
    )


def unit_keys(leads: ir.Table) -> ir.Table:
    """lead_id, account_id, unit_id, tied_at (the lead's known_at) and place (0 for the unit's first lead)."""
    taken = leads.filter(leads.account_id.notnull()).select(taken_id="account_id").distinct()
    checked = leads.select("lead_id", "account_id", tied_at="known_at")
    checked = checked.join(taken, checked.lead_id == taken.taken_id, how="left")
    own = ibis.ifelse(checked.taken_id.notnull(), ibis.literal("lead:") + checked.lead_id, checked.lead_id)
    units = checked.mutate(unit_id=ibis.coalesce(checked.account_id, own)).drop("taken_id")
    order = [units.tied_at, units.lead_id]
    return units.mutate(place=ibis.row_number().over(group_by=units.unit_id, order_by=order))


def fold_history(history: ir.Table, firsts: ir.Table) -> ir.Table:
    """The first leads' rows under their unit's id, and the accounts' as they are."""
    own = history.filter(history.entity == "lead").join(firsts.select("unit_id", entity_id="lead_id"), "entity_id")
    own = own.mutate(entity_id=own.unit_id).select(*history.columns)
    return ibis.union(own, history.filter(history.entity != "lead"))


def fold_touchpoints(touchpoints: ir.Table, keys: ir.Table) -> ir.Table:
    """Touchpoints of the unit's leads, and those that name an account alone; what belongs to no unit is left out."""
    columns = touchpoints.columns
    own = touchpoints.join(keys.select("lead_id", "unit_id", "tied_at"), "lead_id")
    own = own.mutate(lead_id=own.unit_id, known_at=ibis.greatest(own.known_at, own.tied_at)).select(*columns)
    accounts = keys.filter(keys.account_id.notnull() & (keys.place == 0)).select("account_id", "unit_id")
    alone = touchpoints.filter(touchpoints.lead_id.isnull()).join(accounts, "account_id")
    return ibis.union(own, alone.mutate(lead_id=alone.unit_id).select(*columns))


def fold_conversions(conversions: ir.Table, keys: ir.Table) -> ir.Table:
    """One row a unit and instant."""
    rows = conversions.join(keys.select("lead_id", "unit_id", "tied_at"), "lead_id")
    rows = rows.mutate(lead_id=rows.unit_id, known_at=ibis.greatest(rows.known_at, rows.tied_at))
    rest = {c: rows[c].max() for c in conversions.columns if c not in ("lead_id", "converted_at", "known_at")}
    folded = rows.group_by(["lead_id", "converted_at"]).aggregate(known_at=rows.known_at.min(), **rest)
    return folded.select(*conversions.columns)


def fold_closures(tables: UnitTables, keys: ir.Table, exits: tuple[str, ...]) -> ir.Table:
    """Closures and "reopened" rows of units, in the columns of schema.py's closures."""
    spans = open_spans(tables.leads, exits_of(tables.closures, exits), tables.closures)
    far = ibis.literal(FAR).cast(TIME)
    spans = spans.join(keys.select("lead_id", "unit_id", "tied_at"), "lead_id")
    spans = spans.mutate(until=spans.open_until.fill_null(far))
    islands = open_islands(spans)
    begun = keys.filter(keys.place == 0).select("unit_id", begun_at="tied_at")
    islands = islands.join(begun, "unit_id")
    never = begun.anti_join(islands.filter(islands.open_from == islands.begun_at), "unit_id")
    ends = ibis.union(
        islands.filter(islands.until < far).select("unit_id", closed_at="until"),
        never.select("unit_id", closed_at="begun_at"),
    )
    again = islands.filter(islands.open_from > islands.begun_at)
    again = again.select(lead_id="unit_id", closed_at="open_from", known_at="open_from", kind=ibis.literal(REOPENED))
    closed = ibis.union(close_units(ends, all_exits(tables, keys, exits), exits), again)
    return closed.mutate(reason=ibis.null("string")).select("lead_id", "closed_at", "known_at", "kind", "reason")


def open_islands(spans: ir.Table) -> ir.Table:
    """unit_id, open_from, until: the union of its leads' spans ``(open_from, until]``, as disjoint intervals.

    A lead that never was open, which was not known at once, is an interval of no length: it opens its account at no
    cutoff, but the cutoffs until it is known are left out and counted, as those of a lead are.
    """
    spans = spans.mutate(until=ibis.greatest(spans.until, spans.open_from))
    order = (ibis._.open_from, ibis._.lead_id)
    before = ibis.window(group_by=ibis._.unit_id, order_by=order, rows=(None, -1))
    spans = spans.mutate(reached=spans.until.max().over(before))
    spans = spans.mutate(starts=(spans.reached.isnull() | (spans.open_from > spans.reached)).cast("int64"))
    up_to = ibis.window(group_by=ibis._.unit_id, order_by=order, rows=(None, 0))
    spans = spans.mutate(island=spans.starts.sum().over(up_to))
    return (
        spans.group_by(["unit_id", "island"])
        .aggregate(open_from=spans.open_from.min(), until=spans.until.max())
        .drop("island")
    )


def all_exits(tables: UnitTables, keys: ir.Table, exits: tuple[str, ...]) -> ir.Table:
    """unit_id, lead_id, at, seen_at, removed of every lead's exits; never before the lead itself was known."""
    rows = exits_of(tables.closures, exits).join(keys.select("lead_id", "unit_id", "tied_at"), "lead_id")
    return rows.select(
        "unit_id",
        "lead_id",
        at=ibis.greatest(rows["at"], rows.tied_at),
        seen_at=ibis.greatest(rows.seen_at, rows.tied_at),
        removed=rows.kind.isin(REMOVED),
    )


def close_units(ends: ir.Table, exits: ir.Table, kinds: tuple[str, ...]) -> ir.Table:
    """lead_id, closed_at, known_at, kind of units' ends (unit_id, closed_at), by their leads' exits up to then."""
    both = ends.join(exits, "unit_id")
    both = both.filter(both["at"] <= both.closed_at)
    leads = both.group_by(["unit_id", "closed_at", "lead_id"]).aggregate(
        seen_at=both.seen_at.min(), removed=both.removed.cast("int64").max()
    )
    closed = leads.group_by(["unit_id", "closed_at"]).aggregate(
        known_at=leads.seen_at.max(), all_removed=leads.removed.min()
    )
    stays = "lost" if "lost" in kinds else "opted_out"
    return closed.select(
        "closed_at",
        "known_at",
        lead_id="unit_id",
        kind=ibis.ifelse(closed.all_removed == 1, ibis.literal(REMOVED[0]), ibis.literal(stays)),
    ).select("lead_id", "closed_at", "known_at", "kind")
