"""What became of a lead: its own first conversion, a colleague's as the settings say, and the label of a snapshot."""

from datetime import datetime

import ibis
import ibis.expr.types as ir

from leadml.problem import ColleagueConversion, ProblemConfig
from leadml.snapshots.eligible import MICROSECONDS_A_DAY, TIME, days

LATE = "converted or closed before the cutoff, known after it"
IN_GAP = "converted inside the gap"
COLLEAGUE_IN_GAP = "a colleague converted inside the gap"
REMOVED_INSIDE = "merged or erased inside the horizon"


def first_conversions(conversions: ir.Table) -> ir.Table:
    """lead_id, converted_at, amount, seen_at of each lead's first conversion; of two at one instant the larger."""
    rows = conversions.select("lead_id", "amount", "known_at", "converted_at")
    order = [rows.converted_at, rows.amount.desc(nulls_first=False), rows.known_at]
    first = rows.mutate(place=ibis.row_number().over(group_by=rows.lead_id, order_by=order))
    first = first.filter(first.place == 0)
    return first.select("lead_id", "converted_at", "amount", seen_at=ibis.greatest(first.converted_at, first.known_at))


def colleague_conversions(leads: ir.Table, first: ir.Table) -> ir.Table:
    """lead_id, and when (and for how much) the first *other* lead of its account converted; only where one did.

    A colleague need not have been known when it converted, as CRMs make the contact of a deal with the deal; but the
    tie is known no sooner than the colleague is, so seen_at is not before that.
    """
    members = leads.filter(leads.account_id.notnull()).select("lead_id", "account_id", tied_at="known_at")
    made = members.join(first, "lead_id")
    made = made.mutate(seen_at=ibis.greatest(made.seen_at, made.tied_at))
    order = [made.converted_at, made.amount.desc(nulls_first=False), made.lead_id]
    ranked = made.mutate(place=ibis.row_number().over(group_by=made.account_id, order_by=order))
    # Of all the others' conversions the first is the account's first, or its second for the lead that made the first.
    ranked = ranked.filter(ranked.place < 2).select(
        "account_id", "converted_at", "amount", "seen_at", "place", colleague="lead_id"
    )
    pairs = members.join(ranked, "account_id")
    pairs = pairs.filter(pairs.lead_id != pairs.colleague)
    least = pairs.mutate(best=ibis.row_number().over(group_by=pairs.lead_id, order_by=pairs.place))
    least = least.filter(least.best == 0)
    return least.select("lead_id", colleague_at="converted_at", colleague_amount="amount", colleague_seen_at="seen_at")


def build_outcomes(leads: ir.Table, conversions: ir.Table, rule: ColleagueConversion) -> ir.Table:
    """lead_id, converted_at, amount, seen_at, colleague_at, colleague_seen_at of every lead with any of them.

    ``counts`` makes the earlier of its own and its colleagues' first conversion the lead's own (its own where both came
    at one instant); only ``ends`` keeps colleague_at.
    """
    first = first_conversions(conversions)
    never = ibis.null(TIME)
    if rule is ColleagueConversion.ignore:
        return first.mutate(colleague_at=never, colleague_seen_at=never)
    others = colleague_conversions(leads, first)
    both = first.join(others, "lead_id", how="outer", rname="other_{name}")
    both = both.mutate(lead_id=ibis.coalesce(both.lead_id, both.other_lead_id))
    if rule is ColleagueConversion.ends:
        return both.select("lead_id", "converted_at", "amount", "seen_at", "colleague_at", "colleague_seen_at")
    others_first = both.converted_at.isnull() | (both.colleague_at < both.converted_at).fill_null(False)
    return both.select(
        "lead_id",
        converted_at=ibis.ifelse(others_first, both.colleague_at, both.converted_at),
        amount=ibis.ifelse(others_first, both.colleague_amount, both.amount),
        seen_at=ibis.ifelse(others_first, both.colleague_seen_at, both.seen_at),
        colleague_at=never,
        colleague_seen_at=never,
    )


def outcome_exits(outcomes: ir.Table) -> ir.Table:
    """Conversions, and those of colleagues that end exposure, as `exits_of` shapes exits."""
    own = outcomes.filter(outcomes.converted_at.notnull())
    own = own.select("lead_id", kind=ibis.literal("converted"), at=own.converted_at, seen_at=own.seen_at)
    other = outcomes.filter(outcomes.colleague_at.notnull())
    other = other.select(
        "lead_id", kind=ibis.literal("colleague"), at=other.colleague_at, seen_at=other.colleague_seen_at
    )
    return ibis.union(own, other)


def add_label(snapshots: ir.Table, problem: ProblemConfig, data_end: datetime) -> ir.Table:
    """Adds left_out (reason or null), label (1, 0; null while censored) and behind a label 1 the amount and its days.

    A conversion counts in ``[cutoff + gap, cutoff + gap + horizon)``, and where a colleague's ended the exposure only
    up to that instant, it included: contacts of one deal convert together.
    """
    opens = snapshots.cutoff + days(problem.gap_days)
    ends = snapshots.cutoff + days(problem.gap_days + problem.horizon_days)
    matured = ends + days(problem.booking_delay_days) <= ibis.literal(data_end).cast(TIME)
    late = (snapshots.open_until < snapshots.cutoff).fill_null(False)
    in_gap = (snapshots.converted_at < opens).fill_null(False)
    colleague_in_gap = (snapshots.colleague_at < opens).fill_null(False)
    exposed = (snapshots.converted_at <= snapshots.colleague_at).fill_null(True)
    inside = (snapshots.converted_at >= opens) & (snapshots.converted_at < ends)
    converted = inside.fill_null(False) & exposed
    removed = (snapshots.removed_at < ends).fill_null(False)
    taken = snapshots.converted_at.delta(snapshots.cutoff, unit="microsecond") / MICROSECONDS_A_DAY
    return snapshots.mutate(
        left_out=ibis.cases(
            (late, ibis.literal(LATE)),
            (in_gap, ibis.literal(IN_GAP)),
            (colleague_in_gap, ibis.literal(COLLEAGUE_IN_GAP)),
            (removed & ~converted, ibis.literal(REMOVED_INSIDE)),
            else_=ibis.null("string"),
        ),
        label=ibis.cases((matured, converted.cast("float64")), else_=ibis.null("float64")),
        amount=ibis.cases((matured & converted, snapshots.amount), else_=ibis.null("float64")),
        days_to_conversion=ibis.cases((matured & converted, taken), else_=ibis.null("float64")),
    )
