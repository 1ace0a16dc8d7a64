"""Each unit's own cutoffs in order, and how rows find their place among them: what makes many cutoffs cheap.

A row (a touchpoint, say) that is known from ``since`` on counts for the cutoffs in ``(since, until]``, where ``until``
is when it leaves a window. Seen from the unit's sorted cutoffs that is a run of positions: it enters at the first one
after ``since`` and has left at the first cutoff after ``until``. So a row is added once where it enters and taken away
once where it has left, and a cumulative sum over the cutoffs gives every count: the cost follows rows + cutoffs, not
rows x cutoffs. ``[cutoff - w, cutoff)`` is ``until = occurred_at + w``.

An example: cutoffs of one lead on 1, 8 and 15 March; a visit on 3 March at noon, window of 7 days.

    position   cutoff     enters at 1 (first cutoff after 3 March), has left at 2 (first cutoff after 10 March)
    0          1 March    0
    1          8 March    +1         cumulative sum 1
    2          15 March   -1         cumulative sum 0
"""

from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir

from leadml.engine import Engine

EPOCH = ibis.timestamp("1970-01-01 00:00:00")
# Cutoffs are looked up by buckets of 2^shift microseconds (6.4 days, 19 hours, 2.4 hours, 67 seconds), so that a place
# is found in a few steps however many cutoffs there are; the widest is taken in which few cutoffs share a bucket.
SHIFTS = (39, 36, 33, 26)
FEW = 16
UNIT_COLUMNS = ("unit", "cutoffs", "base", "first", "total")  # what `Timeline.position` needs of a row


@dataclass(frozen=True)
class Timeline:
    """The cutoffs of units (leads, or accounts).

    ``points``: key (text), unit (int64), position (0, 1, ... within the unit), cutoff, instant (microseconds since
    1970). ``units``: key, unit, cutoffs (sorted instants), base (for each bucket: how many cutoffs lie in earlier
    ones), first (instant), total (number of cutoffs).
    ``shift`` and ``crowd``: width of a bucket, most cutoffs in one.
    """

    points: ir.Table
    units: ir.Table
    shift: int
    crowd: int

    def position(self, row: ir.Table, instant: ir.IntegerValue) -> ir.IntegerValue:
        """How many of the unit's cutoffs are at or before the instant: the position of the first one after it.

        ``row`` has UNIT_COLUMNS. Equal to ``total`` where no cutoff comes after.
        """
        bucket = (instant - row["first"]) >> self.shift
        before = row.base[bucket]
        here = [(row.cutoffs[before + i] <= instant).cast("int32").fill_null(0) for i in range(self.crowd)]
        within = sum(here[1:], here[0])
        return ibis.cases(
            (instant < row["first"], 0), (bucket >= row.base.length(), row.total), else_=before + within
        ).cast("int32")

    def with_facts(self, facts: ir.Table, engine: Engine) -> "Timeline":
        """The same with the further columns of ``facts`` (one row a key) in ``units``; units without a row are gone."""
        return replace(self, units=engine.hold("units_with_facts", self.units.join(facts, "key")))


def microseconds(time: ir.TimestampValue) -> ir.IntegerValue:
    """Microseconds since 1970, exactly."""
    return time.delta(EPOCH, unit="microsecond")


def build_timeline(name: str, keys: ir.Table, engine: Engine) -> Timeline:
    """The timeline of ``keys``: key (text), cutoff; doubles are one cutoff.

    Args:
        name: stem of the tables that are held.
        keys: the cutoffs.
        engine: computes and keeps what is used more than once.
    """
    distinct = engine.hold(f"{name}_cutoffs", keys.distinct())
    numbered = distinct.group_by("key").aggregate(n=lambda t: t.count())
    numbered = engine.hold(f"{name}_keys", numbered.select("key", unit=ibis.row_number().over(order_by=numbered.key)))
    joined = distinct.join(numbered, "key").select("key", "unit", "cutoff", instant=microseconds(distinct.cutoff))
    place = ibis.row_number().over(group_by=joined.unit, order_by=joined.instant)
    points = engine.hold(f"{name}_points", joined.mutate(position=place.cast("int32")))
    shift, crowd = choose_buckets(points)
    return Timeline(points, engine.hold(f"{name}_units", build_units(points, shift)), shift, crowd)


def with_buckets(points: ir.Table, shift: int) -> ir.Table:
    """Adds first (the unit's first instant) and bucket."""
    first = points.group_by("unit").aggregate(first=lambda t: t.instant.min())
    joined = points.join(first, "unit")
    return joined.mutate(bucket=(joined.instant - joined["first"]) >> shift)


def choose_buckets(points: ir.Table) -> tuple[int, int]:
    """The width of a bucket (as a shift) and the most cutoffs that share one."""
    crowd = 1
    for shift in SHIFTS:
        shared = with_buckets(points, shift).group_by(["unit", "bucket"]).aggregate(n=lambda t: t.count())
        crowd = int(shared.n.max().fill_null(1).execute())
        if crowd <= FEW:
            break
    return shift, crowd


def build_units(points: ir.Table, shift: int) -> ir.Table:
    """One row a unit, with the arrays that `Timeline.position` looks up."""
    bucketed = with_buckets(points, shift)
    earlier = bucketed.bucket.lag().over(group_by=bucketed.unit, order_by=bucketed.position).fill_null(-1)
    steps = bucketed.mutate(step=bucketed.bucket - earlier)
    steps = steps.mutate(run=ibis.array([steps.position]).repeat(steps.step))
    # Both arrays rise, so sorting restores their order whatever order they were collected in.
    arrays = steps.group_by(["key", "unit", "first"]).aggregate(
        cutoffs=steps.instant.collect(), base=steps.run.collect().flatten(), total=steps.count().cast("int32")
    )
    return arrays.mutate(cutoffs=arrays.cutoffs.sort(), base=arrays.base.sort())


def cumulate(
    timeline: Timeline,
    blocks: list[ir.Table],
    sums: list[str],
    highest: list[str],
    lowest: list[str],
) -> ir.Table:
    """One row a point with its columns, and each column of the blocks accumulated over the unit's points so far.

    Args:
        timeline: the points.
        blocks: tables keyed by (unit, position) with distinct further columns; a point without a row adds nothing.
        sums: columns that are added up; whole numbers, 0 where there was nothing.
        highest: columns of which the highest so far is kept, missing until there was one.
        lowest: likewise the lowest.
    """
    joined = timeline.points
    for block in blocks:
        twins = [f"{c}_right" for c in ("unit", "position")]
        joined = joined.left_join(block, ["unit", "position"])
        joined = joined.drop(*[c for c in twins if c in joined.columns])
    so_far = ibis.window(group_by=joined.unit, order_by=joined.position, preceding=None, following=0)
    return joined.select(
        *timeline.points.columns,
        **{c: joined[c].fill_null(0).sum().over(so_far).cast("int64") for c in sums},
        **{c: joined[c].max().over(so_far) for c in highest},
        **{c: joined[c].min().over(so_far) for c in lowest},
    )
