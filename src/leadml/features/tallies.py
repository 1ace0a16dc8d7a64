"""What a lead's touchpoints add up to at each of its cutoffs: counts by window, the newest and the first, decayed sums.

Every table here has one row a (unit, position) and is accumulated over the unit's cutoffs (`timeline.cumulate`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from leadml.engine import Engine
from leadml.features.decay import build_decayed, decay, tally_grown
from leadml.features.packing import Packing
from leadml.features.spec import FeatureSpec
from leadml.features.timeline import Timeline, cumulate
from leadml.features.touches import (
    CHANNEL_BITS,
    MICROSECONDS_A_DAY,
    content_flag,
    is_live,
    until,
)

HOUR = MICROSECONDS_A_DAY // 24
NEVER = 2**31 - 1
NEVER_BEGUN = 2**62


@dataclass(frozen=True)
class Row:
    """The accumulated table as families read it: columns by name, counters by name and window.

    ``begun`` has, for each counter, when the first touchpoint of any lead that it counts became known (microseconds);
    before, nothing could be known, and a count is missing rather than zero.
    """

    table: ir.Table
    packing: Packing
    begun: Mapping[str, int | None]

    def __getitem__(self, column: str) -> ir.Value:
        """A column."""
        return self.table[column]

    def count(self, counter: str, window: int) -> ir.IntegerValue:
        """Touchpoints of the counter with ``occurred_at`` in ``[cutoff - window, cutoff)``."""
        column, _ = self.packing.place(counter)
        return self.packing.read(self.table[column] - self.table[f"{column}_{window}d"], counter)

    def where_begun(self, counter: str, value: ir.Value) -> ir.Value:
        """The value, missing at cutoffs at or before the counter's first touchpoint."""
        start = self.begun[counter]
        return ibis.ifelse(self.table.instant > (NEVER_BEGUN if start is None else start), value, ibis.null())

    def days_since(self, instant: str) -> ir.FloatingValue:
        """Days from the instant (microseconds) in the column to the cutoff, missing where there is none."""
        return (self.table.instant - self.table[instant]).cast("float64") / MICROSECONDS_A_DAY


def add(column: ir.Column, **where: ir.BooleanValue) -> ir.IntegerValue:
    """The column's sum as int64 (DuckDB widens sums)."""
    return column.sum(**where).cast("int64")


def tally_entering(touches: ir.Table, packing: Packing, spec: FeatureSpec) -> ir.Table:
    """What enters at each position: packed counters, newest and first instants."""
    by_lead, occurred = touches.by_lead, touches.occurred
    ordered = (occurred << CHANNEL_BITS) + touches.channel_code
    kinds = [i for i, k in enumerate(spec.kinds) if k.initiator == "lead"]
    return touches.group_by(["unit", "position"]).aggregate(
        **{c: add(touches[c]) for c in packing.columns},
        **{newest_of_kind(i): occurred.max(where=touches.code == i) for i in kinds},
        **{newest_of_content(c.name): occurred.max(where=touches[content_flag(c.name)]) for c in spec.content},
        first_by_lead=ordered.min(where=by_lead),
        newest_by_lead=ordered.max(where=by_lead),
        newest_by_company=occurred.max(where=~by_lead),
        first_by_sales=occurred.min(where=touches.sales),
    )


def newest_of_kind(code: int) -> str:
    """The column of a kind's newest instant."""
    return f"newest_kind_{code}"


def newest_of_content(rule: str) -> str:
    """The column of a content rule's newest instant."""
    return f"newest_content_{rule}"


def tally_leaving(touches: ir.Table, packing: Packing, spec: FeatureSpec) -> list[ir.Table]:
    """For each window what has left it at each position, in columns ``{pack}_{w}d``."""
    live = touches.filter(is_live(touches, spec))
    blocks = []
    for window in spec.windows:
        gone = live.filter(live[until(window)].notnull())
        keyed = gone.group_by(["unit", until(window)]).aggregate(
            **{f"{c}_{window}d": add(gone[c]) for c in packing.columns}
        )
        blocks.append(keyed.rename(position=until(window)))
    return blocks


def tally_runs(runs: ir.Table, column: str, engine: Engine) -> ir.Table:
    """How many of the runs ``[position, until)`` cover each position, as steps to be accumulated.

    ``runs`` has unit, position and until (null: never ends); runs of one thing must not overlap.
    """
    starts = runs.select("unit", "position", step=ibis.literal(1, "int64"))
    ends = runs.filter(runs["until"].notnull()).select("unit", position="until", step=ibis.literal(-1, "int64"))
    both = ibis.union(starts, ends)
    return engine.hold(f"features_{column}", both.group_by(["unit", "position"]).aggregate(**{column: add(both.step)}))


def merge_runs(runs: ir.Table, thing: str) -> ir.Table:
    """Runs of the same (unit, thing) made disjoint: each is cut to what the earlier ones do not cover."""
    joined = runs.mutate(until=runs["until"].fill_null(NEVER))
    joined = joined.group_by(["unit", thing, "position"]).aggregate(until=lambda t: t["until"].max())
    before = ibis.window(group_by=["unit", thing], order_by="position", preceding=(None, 1))
    return uncovered(joined.mutate(covered=joined["until"].max().over(before).fill_null(0)), "until", "covered")


def tally_days(touches: ir.Table, spec: FeatureSpec, engine: Engine) -> list[ir.Table]:
    """days_{w}d: UTC days on which the lead did something in ``[cutoff - w, cutoff)``."""
    mine = touches.filter(touches.by_lead & is_live(touches, spec))
    mine = mine.mutate(day=(mine.occurred / MICROSECONDS_A_DAY).floor().cast("int64"))
    ends = [until(w) for w in spec.windows]
    latest = {e: lambda t, e=e: t[e].fill_null(NEVER).max() for e in ends}
    days = mine.group_by(["unit", "day", "position"]).aggregate(**latest)
    before = ibis.window(group_by=["unit", "day"], order_by="position", preceding=(None, 1))
    covered = {f"covered_{e}": days[e].max().over(before).fill_null(0) for e in ends}
    days = engine.hold("features_days", days.mutate(**covered))
    return [tally_runs(uncovered(days, until(w), f"covered_{until(w)}"), days_in(w), engine) for w in spec.windows]


def uncovered(runs: ir.Table, end: str, covered: str) -> ir.Table:
    """Runs ``[position, end)`` less what earlier ones of the same thing cover, up to the position in ``covered``."""
    cut = runs.mutate(position=ibis.greatest(runs.position, runs[covered]))
    cut = cut.filter(cut.position < cut[end])
    return cut.select("unit", "position", until=cut[end].nullif(NEVER))


def days_in(window: int) -> str:
    """The column of distinct days in the window."""
    return f"days_{window}d"


def tally_pages(touches: ir.Table, spec: FeatureSpec, engine: Engine) -> ir.Table:
    """pages: distinct contents that the lead touched in ``[cutoff - longest window, cutoff)``."""
    end = until(spec.windows[-1])
    seen = touches.filter(touches.by_lead & (touches.page > 0) & is_live(touches, spec))
    runs = seen.select("unit", "page", "position", until=seen[end])
    return tally_runs(merge_runs(runs, "page"), "pages", engine)


def tally_sequences(touches: ir.Table, spec: FeatureSpec, engine: Engine) -> list[ir.Table]:
    """What lies between touchpoints in the longest window: gaps, answers of the lead, our answers; steps to accumulate.

    In the order in which they became known (then of occurrence, ours first): ``gap`` is the time since the lead's own
    touchpoint before, ``answer`` the time since ours where ours came right before, ``reply`` the same the other way
    round. Times against the order (something that was entered late) count as none. In whole minutes, so that sums are
    exact. An answer leaves the window with what it answers: so it is a share of what we did there. A reply and a gap
    leave with their later end.
    """
    order = [touches.since, touches.occurred, touches.by_lead]
    end = touches[until(spec.windows[-1])]
    lagged = touches.select(
        "unit", "position", "by_lead", "occurred", until=end,
        other=touches.by_lead.lag().over(group_by=touches.unit, order_by=order),
        other_at=touches.occurred.lag().over(group_by=touches.unit, order_by=order),
        other_until=end.fill_null(NEVER).lag().over(group_by=touches.unit, order_by=order),
        same_at=touches.occurred.lag().over(group_by=[touches.unit, touches.by_lead], order_by=order[:2]),
    )  # fmt: skip
    gap, after = minutes_between(lagged, lagged.same_at), minutes_between(lagged, lagged.other_at)
    turn = lagged.other.notnull() & (lagged.other != lagged.by_lead)
    answer = turn & lagged.by_lead
    live = lagged["until"].isnull() | (lagged.position < lagged["until"])
    asked = lagged.position < lagged.other_until
    measured = lagged.select(
        "unit", "position", "until",
        asked=ibis.ifelse(answer, lagged.other_until.nullif(NEVER), ibis.null("int64")),
        gap=ibis.ifelse(lagged.by_lead & live, gap, ibis.null("int64")),
        answer=ibis.ifelse(answer & asked, after, ibis.null("int64")),
        reply=ibis.ifelse(turn & ~lagged.by_lead & live, after, ibis.null("int64")),
    )  # fmt: skip
    measured = engine.hold("features_sequences", measured.filter(ibis.or_(*(measured[c].notnull() for c in SEQUENCES))))
    blocks = [measured.group_by(["unit", "position"]).aggregate(**sequence_sums(measured, SEQUENCES, ""))]
    for end, things in (("until", ("gap", "reply")), ("asked", ("answer",))):
        gone = measured.filter(measured[end].notnull())
        leaving = gone.group_by(["unit", end]).aggregate(**sequence_sums(gone, things, GONE))
        blocks.append(leaving.rename(position=end))
    return blocks


SEQUENCES = ("gap", "answer", "reply")
GONE = "_gone"


def minutes_between(row: ir.Table, earlier: ir.IntegerValue) -> ir.IntegerValue:
    """Whole minutes from the earlier instant to the touchpoint, null where that is not earlier."""
    span = row.occurred - earlier
    return ibis.ifelse(span >= 0, (span / 60_000_000).round().cast("int64"), ibis.null("int64"))


def sequence_sums(rows: ir.Table, things: tuple[str, ...], end: str) -> dict[str, ir.IntegerValue]:
    """Number and sum of each of the things, and the sum of squared gaps where they are among them."""
    sums = {f"{c}_n{end}": rows[c].count() for c in things}
    sums |= {f"{c}_sum{end}": add(rows[c]) for c in things}
    return sums | ({f"gap_squares{end}": add(rows.gap * rows.gap)} if "gap" in things else {})


def build_tallies(
    touches: ir.Table, packing: Packing, timeline: Timeline, spec: FeatureSpec, engine: Engine
) -> ir.Table:
    """Everything above accumulated: one row a point (unit, position, cutoff, instant, ...)."""
    left = zip(spec.windows, tally_leaving(touches, packing, spec), strict=True)
    sequences = zip(("entering", "leaving", "answered"), tally_sequences(touches, spec, engine), strict=True)
    blocks = [
        engine.hold("features_entered", tally_entering(touches, packing, spec)),
        *[engine.hold(f"features_left_{w}d", block) for w, block in left],
        *tally_days(touches, spec, engine),
        tally_pages(touches, spec, engine),
        *[engine.hold(f"features_sequences_{end}", block) for end, block in sequences],
    ]
    found = [c for b in blocks for c in b.columns if c not in ("unit", "position")]
    newest = [c for c in found if c.startswith("newest_")]
    first = [c for c in found if c.startswith("first_")]
    sums = [c for c in found if c not in (*newest, *first)]
    table = engine.hold("features_accumulated", cumulate(timeline, blocks, sums, newest, first))
    for h in spec.half_lives:
        grown = engine.hold(f"features_grown_{h}d", tally_grown(touches, h))
        table = table.left_join(build_decayed(timeline.points, grown, h), ["unit", "position"])
        table = table.drop("unit_right", "position_right")
    ends = [c for c in table.columns if c.endswith(GONE)]
    return table.mutate(
        **{decay(h): table[decay(h)].fill_null(0.0) for h in spec.half_lives},
        **{c.removesuffix(GONE): table[c.removesuffix(GONE)] - table[c] for c in ends},
    ).drop(*ends)
