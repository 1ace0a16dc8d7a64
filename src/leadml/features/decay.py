"""Decayed intensity: what a lead did, each touchpoint weighing 2^(-age / half-life), exact at any number of cutoffs.

A weight falls with every cutoff, so the sums of one cutoff cannot be added up to those of the next; but seen from a
fixed instant before a touchpoint its weight never changes. Time is cut into blocks of 8 half-lives from 1970 on; within
a block weights grow from its start, as whole numbers, and are summed exactly. At a cutoff the few blocks before it are
faded to it, in a fixed order. So the value depends on nothing but the touchpoints and the cutoff: not on threads, not
on the order of rows, not on what other cutoffs the lead has.
"""

import ibis
import ibis.expr.types as ir

from leadml.features.touches import MICROSECONDS_A_DAY

BLOCK = 8  # half-lives in a block: a weight within it is 1 to 256 times SCALE
BLOCKS = 6  # further back, 40 half-lives and more, weights are below 2^-40 and left out
SCALE = 2**36


def decay(half_life: int) -> str:
    """The column of the decayed sum."""
    return f"decay_{half_life}d"


def tally_grown(touches: ir.Table, half_life: int) -> ir.Table:
    """unit, entered (position), block, grown: the summed weights of what the lead did, seen from the block's start."""
    step = BLOCK * half_life * MICROSECONDS_A_DAY
    mine = touches.filter(touches.by_lead)
    mine = mine.mutate(block=block_of(mine.occurred, step))
    halvings = (mine.occurred - mine.block * step).cast("float64") / (half_life * MICROSECONDS_A_DAY)
    grown = (ibis.literal(2.0) ** halvings * SCALE).round().cast("int64")
    return mine.group_by(["unit", "position", "block"]).aggregate(grown=grown.sum()).rename(entered="position")


def block_of(instant: ir.IntegerValue, step: int) -> ir.IntegerValue:
    """The number of the block that the instant lies in."""
    return (instant / step).floor().cast("int64")


def build_decayed(points: ir.Table, grown: ir.Table, half_life: int) -> ir.Table:
    """unit, position and the decayed sum at each point where there is one.

    Args:
        points: unit, position, instant.
        grown: of `tally_grown`.
        half_life: days.
    """
    step = BLOCK * half_life * MICROSECONDS_A_DAY
    placed = points.select("unit", "position", "instant", now=block_of(points.instant, step))
    pairs = placed.join(grown, [placed.unit == grown.unit, grown.entered <= placed.position])
    pairs = pairs.mutate(back=pairs.now - pairs.block)
    pairs = pairs.filter(pairs.back < BLOCKS)
    sums = pairs.group_by(["unit", "position", "instant", "now"]).aggregate(
        **{f"sum_{k}": pairs.grown.sum(where=pairs.back == k).fill_null(0).cast("float64") for k in range(BLOCKS)}
    )
    parts = []
    for k in range(BLOCKS):
        halvings = (sums.instant - (sums.now - k) * step).cast("float64") / (half_life * MICROSECONDS_A_DAY)
        parts.append(sums[f"sum_{k}"] / SCALE * ibis.literal(2.0) ** -halvings)
    return sums.select("unit", "position", **{decay(half_life): sum(parts[1:], parts[0])})
