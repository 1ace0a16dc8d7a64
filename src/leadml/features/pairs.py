"""The one expensive join: every snapshot with every touchpoint of its lead that was known strictly before the cutoff.

All families read the same pairs and add their aggregates to one GROUP BY. Cost follows the number of pairs, so what can
be decided once per touchpoint (its kind's code, the content it matches, its rank) is decided before the join.
"""

import ibis
import ibis.expr.types as ir

from leadml.features.spec import FeatureSpec, FeatureTables

MICROSECONDS_A_DAY = 86_400_000_000


def prepare_touchpoints(touchpoints: ir.Table, spec: FeatureSpec) -> ir.Table:
    """Touchpoints of leads with code (index into spec.kinds, -1 for others), by_lead, one flag a content rule, rank.

    ``rank`` orders a lead's touchpoints by (occurred_at, known_at, touchpoint_id): equal times never make the
    first or last channel depend on the order of rows.
    """
    own = touchpoints.filter(touchpoints.lead_id.notnull())
    codes = [
        ((own.channel == k.channel) & (own.kind == k.kind) & (own.initiator == k.initiator), i)
        for i, k in enumerate(spec.kinds)
    ]
    order = [own.occurred_at, own.known_at, own.touchpoint_id]
    return own.select(
        "lead_id",
        "known_at",
        "occurred_at",
        "channel",
        code=ibis.cases(*codes, else_=-1).cast("int16") if codes else ibis.literal(-1, "int16"),
        by_lead=own.initiator == "lead",
        rank=ibis.row_number().over(group_by=own.lead_id, order_by=order),
        **{content_flag(c.name): own.content.lower().re_search(c.pattern).fill_null(False) for c in spec.content},
    )


def content_flag(name: str) -> str:
    """The column of a content rule on prepared touchpoints."""
    return f"is_{name}"


def build_pairs(tables: FeatureTables, spec: FeatureSpec) -> ir.Table:
    """One row a (snapshot, touchpoint): ``known_at < cutoff`` and ``occurred_at < cutoff``; age in microseconds."""
    touches = prepare_touchpoints(tables.touchpoints, spec)
    snapshots = tables.snapshots.select("row", "lead_id", "cutoff")
    joined = snapshots.join(
        touches,
        [
            snapshots.lead_id == touches.lead_id,
            touches.known_at < snapshots.cutoff,
            touches.occurred_at < snapshots.cutoff,
        ],
    )
    return joined.mutate(age=joined.cutoff.delta(joined.occurred_at, unit="microsecond"))


def within(pairs: ir.Table, days: int) -> ir.BooleanValue:
    """Occurred in ``[cutoff - days, cutoff)``."""
    return pairs.age <= days * MICROSECONDS_A_DAY


def as_days(microseconds: ir.NumericValue) -> ir.FloatingValue:
    """Microseconds as days."""
    return microseconds.cast("float64") / MICROSECONDS_A_DAY
