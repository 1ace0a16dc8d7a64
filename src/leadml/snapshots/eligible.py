"""When a lead is open and active: intervals of cutoffs, found once a lead and not once a snapshot.

An interval here is ``(start, end]`` in cutoffs: a cutoff ``c`` is inside when ``start < c <= end``. That is the rule of
strictly-before turned round: a lead known at ``start`` is first known at a later cutoff, and an exit at ``end`` comes
after a cutoff at that same instant.
"""

import ibis
import ibis.expr.types as ir

MICROSECONDS_A_DAY = 86_400_000_000
TIME = "timestamp(6)"
REMOVED = ("merged", "erased")
REOPENED = "reopened"
FOR_GOOD = ("converted", "colleague")


def days(value: float) -> ir.IntervalScalar:
    """An interval of so many days, exact to the microsecond (an age of one hour is 1/24 day)."""
    return ibis.interval(microseconds=round(value * MICROSECONDS_A_DAY))


def in_microseconds(table: ir.Table, *columns: str) -> ir.Table:
    """The table with these times in microseconds, so that times of several tables have one type."""
    return table.mutate(**{c: table[c].cast(TIME) for c in columns})


def exits_of(closures: ir.Table, kinds: tuple[str, ...]) -> ir.Table:
    """Closures of the kinds as exits: lead_id, at, seen_at (from when it can be known: known_at, never before it)."""
    return closures.filter(closures.kind.isin(kinds)).select(
        "lead_id",
        "kind",
        at=closures.closed_at,
        seen_at=ibis.greatest(closures.closed_at, closures.known_at),
    )


def open_spans(leads: ir.Table, exits: ir.Table, closures: ir.Table) -> ir.Table:
    """lead_id, open_from, open_until, seen_until, removed_at: the intervals in which each lead is open.

    A lead is open from when it is known, and again from a closure of the kind "reopened", until its next exit; a
    conversion is for good. ``open_until`` is null while open; from then to ``seen_until`` (until it opens again at
    most) the exit was not known yet. ``removed_at`` is the first merge or erasure at or after the opening. An exit
    dated before the lead was known means that it never was open; its row says only until when that was not known.

    Args:
        leads: lead_id, known_at.
        exits: lead_id, kind, at, seen_at, of everything that ends eligibility.
        closures: lead_id, closed_at, kind; only "reopened" is looked at.
    """
    known = leads.select("lead_id", open_from=leads.known_at, first=ibis.literal(True))
    again = closures.filter(closures.kind == REOPENED)
    again = again.select("lead_id", open_from=again.closed_at, first=ibis.literal(False))
    opened = ibis.union(known, again)
    out = opened.join(exits, "lead_id", how="left", rname="exit_{name}")
    counts = out["first"] | (out["at"] >= out.open_from) | out.kind.isin(FOR_GOOD)
    spans = out.group_by(["lead_id", "open_from"]).aggregate(
        open_until=out["at"].min(where=counts),
        seen_until=out.seen_at.min(where=counts),
        removed_at=out["at"].min(where=counts & out.kind.isin(REMOVED)),
    )
    # Opened twice without an exit between is one span; openings at one instant are one already. (A conversion before
    # both gives two spans one end, but not one instant at which that is known, where there was an exit between.)
    one = spans.group_by(["lead_id", "open_until", "seen_until"]).aggregate(
        open_from=spans.open_from.min(), removed_at=spans.removed_at.min()
    )
    following = one.open_from.lead().over(group_by=one.lead_id, order_by=one.open_from)
    one = one.mutate(seen_until=ibis.least(one.seen_until, following.fill_null(one.seen_until)))
    return one.filter(one.open_until.isnull() | (one.seen_until > one.open_from))


def active_spans(leads: ir.Table, touchpoints: ir.Table, active_days: float) -> ir.Table:
    """lead_id, active_from, active_until: cutoffs at which the lead was created, or active, within ``active_days``.

    Active is a touchpoint that the lead initiated, created is becoming known; either at ``t`` counts at the cutoffs
    ``(t, t + active_days]``, that is for ``t`` in ``[cutoff - active_days, cutoff)``. A lead's intervals are disjoint.
    """
    own = touchpoints.filter((touchpoints.initiator == "lead") & touchpoints.lead_id.notnull())
    # Moments closer together than active_days make one interval: most are folded away by a cheap GROUP BY before the
    # window function sorts the rest. Half the length, so that no rounding joins what is further apart.
    width = max(1, round(active_days * MICROSECONDS_A_DAY) // 2)
    since = own.known_at.delta(ibis.timestamp("1970-01-01 00:00:00"), unit="microsecond")
    bucketed = own.mutate(bucket=(since / width).floor().cast("int64"))
    folded = bucketed.group_by(["lead_id", "bucket"]).aggregate(
        first=bucketed.known_at.min(), last=bucketed.known_at.max()
    )
    parts = ibis.union(folded.drop("bucket"), leads.select("lead_id", first="known_at", last="known_at"))
    order = [parts["first"], parts["last"]]
    reached = parts["last"].max().over(group_by=parts.lead_id, order_by=order, rows=(None, -1))
    parts = parts.mutate(starts=(reached.isnull() | (parts["first"] > reached + days(active_days))).cast("int64"))
    order = [parts["first"], parts["last"]]
    island = parts.starts.sum().over(group_by=parts.lead_id, order_by=order, rows=(None, 0))
    parts = parts.mutate(island=island)
    joined = parts.group_by(["lead_id", "island"]).aggregate(
        active_from=parts["first"].min(), active_until=parts["last"].max() + days(active_days)
    )
    return joined.drop("island")


def eligible_spans(leads: ir.Table, spans: ir.Table, active: ir.Table | None) -> ir.Table:
    """Both at once: the lead's account_id and known_at, and ``(start, end]`` of its cutoffs (end null: no end yet)."""
    known = leads.select("lead_id", "account_id", "known_at")
    both = spans.join(known, "lead_id")
    if active is None:
        return both.mutate(start=both.open_from, end=both.seen_until)
    both = both.join(active, "lead_id")
    both = both.mutate(
        start=ibis.greatest(both.open_from, both.active_from),
        end=ibis.ifelse(both.seen_until.isnull(), both.active_until, ibis.least(both.seen_until, both.active_until)),
    )
    return both.filter(both.start < both.end).drop("active_from", "active_until")
