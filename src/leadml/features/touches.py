"""What each touchpoint is, decided once: its kind, what it counts for, when it enters and leaves each window.

What follows from (channel, kind, initiator, content) alone is worked out once for every distinct combination, as there
are far fewer of those than touchpoints.
"""

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir
import pandas as pd

from leadml.engine import Engine
from leadml.features.packing import Packing
from leadml.features.spec import FeatureSpec, is_sales
from leadml.features.timeline import Timeline, microseconds
from leadml.features.zones import add_local, in_evening, in_office_hours, weekday_of

MICROSECONDS_A_DAY = 86_400_000_000
CHANNEL_BITS = 6  # an instant shifted by so many bits, plus the channel's number, orders by time and then by channel
NO_CHANNEL = (1 << CHANNEL_BITS) - 1
CLOCK = ("office", "evening", "weekend")  # counters of what the lead did, by its local time
TYPE = ["channel", "kind", "initiator", "content"]


def clean_touchpoints(touchpoints: ir.Table) -> ir.Table:
    """Touchpoints of leads with content "" where there is none."""
    own = touchpoints.filter(touchpoints.lead_id.notnull())
    return own.mutate(content=own.content.fill_null(""))


def build_types(touchpoints: ir.Table, spec: FeatureSpec) -> ir.Table:
    """One row a distinct (channel, kind, initiator, content): what it is.

    Columns: begun (the first instant at which one was known), by_lead, sales, code, channel_code, page, content flags.
    ``code`` is the index into ``spec.kinds``, -1 for others; ``channel_code`` that into ``spec.channels``, NO_CHANNEL
    for others; ``page`` a number for the content, 0 where there is none.
    """
    rows = clean_touchpoints(touchpoints)
    known = microseconds(ibis.greatest(rows.occurred_at, rows.known_at))
    types = rows.group_by(TYPE).aggregate(begun=known.min())
    by_lead = types.initiator == "lead"
    codes = [
        ((types.channel == k.channel) & (types.kind == k.kind) & (types.initiator == k.initiator), i)
        for i, k in enumerate(spec.kinds)
    ]
    channels = [(types.channel == c, i) for i, c in enumerate(spec.channels)]
    rules = {content_flag(c.name): types.content.lower().re_search(f"(?i){c.pattern}") & by_lead for c in spec.content}
    sales = [i for i, k in enumerate(spec.kinds) if is_sales(k)]
    coded = types.mutate(
        code=(ibis.cases(*codes, else_=-1) if codes else ibis.literal(-1)).cast("int16"),
        channel_code=ibis.cases(*channels, else_=NO_CHANNEL).cast("int16")
        if channels
        else ibis.literal(NO_CHANNEL, "int16"),
        by_lead=by_lead,
        page=ibis.ifelse(types.content == "", 0, ibis.dense_rank().over(order_by=types.content) + 1).cast("int32"),
        **rules,
    )
    return coded.mutate(sales=coded.code.isin(sales) if sales else ibis.literal(False))


def content_flag(name: str) -> str:
    """The column of a content rule on the types."""
    return f"is_{name}"


def type_flags(types: ir.Table, spec: FeatureSpec) -> dict[str, ir.BooleanValue]:
    """Every counter that a touchpoint's type decides: by side, kind, content rule and the lead's channel."""
    flags = {"lead": types.by_lead, "company": ~types.by_lead}
    flags |= {kind_counter(i): types.code == i for i in range(len(spec.kinds))}
    flags |= {content_flag(c.name): types[content_flag(c.name)] for c in spec.content}
    flags |= {channel_counter(c): types.by_lead & (types.channel_code == i) for i, c in enumerate(spec.channels)}
    return flags


def kind_counter(code: int) -> str:
    """The counter of a kind."""
    return f"kind_{code}"


def channel_counter(channel: str) -> str:
    """The counter of what the lead did through a channel."""
    return f"channel_{channel}"


def until(window: int) -> str:
    """The column that holds the position at which a touchpoint has left the window."""
    return f"until_{window}d"


def place_touchpoints(
    touchpoints: ir.Table, types: ir.Table, timeline: Timeline, offsets: ir.Table | None, spec: FeatureSpec
) -> ir.Table:
    """Touchpoints with their places among their lead's cutoffs; only those that some cutoff can know.

    Columns: unit, since and occurred (microseconds), position (first cutoff with ``known_at < cutoff`` and
    ``occurred_at < cutoff``), ``until`` of each window (see `leave`), local (the lead's own time), and the
    columns of ``types``.
    """
    rows = clean_touchpoints(touchpoints)
    joined = rows.join(timeline.units, rows.lead_id == timeline.units.key).join(types, TYPE)
    occurred, known = microseconds(joined.occurred_at), microseconds(joined.known_at)
    timed = add_local(joined.mutate(occurred=occurred, since=ibis.greatest(occurred, known)), "occurred", offsets)
    timed = timed.mutate(position=timeline.position(timed, timed.since))
    timed = timed.filter(timed.position < timed.total)
    ends = {until(w): leave(timeline, timed, w) for w in spec.windows}
    kept = [c for c in types.columns if c not in (*TYPE, "begun")]
    return timed.select(
        "unit", "since", "occurred", "position", *kept, **ends,
        local="local",
    )  # fmt: skip


def leave(timeline: Timeline, timed: ir.Table, window: int) -> ir.IntegerValue:
    """The position at which a touchpoint has left the window, null where it never does.

    One that became known when it had left already leaves where it enters, so that it never counts.
    """
    end = timeline.position(timed, timed.occurred + window * MICROSECONDS_A_DAY)
    return ibis.greatest(end, timed.position).nullif(timed.total)


def is_live(touches: ir.Table, spec: FeatureSpec) -> ir.BooleanValue:
    """True where the touchpoint lies in the longest window of some cutoff."""
    end = touches[until(spec.windows[-1])]
    return end.isnull() | (touches.position < end)


def fit_packing(touchpoints: ir.Table, names: Iterable[str]) -> Packing:
    """The packing of the counters, wide enough for the lead with most touchpoints."""
    per_lead = touchpoints.filter(touchpoints.lead_id.notnull()).group_by("lead_id").aggregate(n=lambda t: t.count())
    return Packing(tuple(names), highest(per_lead.n))


def highest(counts: ir.IntegerColumn) -> int:
    """The highest of the counts, 0 where there is none."""
    found = counts.max().execute()
    return 0 if pd.isna(found) else int(found)


def find_begun(types: ir.Table, spec: FeatureSpec) -> dict[str, int | None]:
    """For each counter the first instant at which one of its touchpoints was known, None where there is none."""
    flags = type_flags(types, spec)
    begun = types.aggregate(**{name: types.begun.min(where=flag) for name, flag in flags.items()}).to_pandas()
    return {name: None if pd.isna(begun[name].iloc[0]) else int(begun[name].iloc[0]) for name in flags}


def hold_types(touchpoints: ir.Table, spec: FeatureSpec, engine: Engine) -> tuple[ir.Table, Packing]:
    """The types as a table of the engine with their packed counters, and the packing of these and CLOCK."""
    types = build_types(touchpoints, spec)
    flags = type_flags(types, spec)
    packing = fit_packing(touchpoints, [*flags, *CLOCK])
    return engine.hold("features_types", types.mutate(**packing.pack(flags))), packing


def hold_touches(placed: ir.Table, packing: Packing, spec: FeatureSpec, engine: Engine) -> ir.Table:
    """The placed touchpoints as a table of the engine, with packed counters where in a window."""
    live = is_live(placed, spec)
    clock = packing.pack(clock_flags(placed))
    packs = {c: ibis.ifelse(live, placed[c] + clock[c], 0) for c in packing.columns}
    return engine.hold("features_touches", placed.mutate(**packs).drop("local"))


def clock_flags(placed: ir.Table) -> dict[str, ir.BooleanValue]:
    """The counters that a touchpoint's local time decides, for what the lead did."""
    flags = (in_office_hours(placed.local), in_evening(placed.local), weekday_of(placed.local) >= 5)
    return {name: placed.by_lead & flag for name, flag in zip(CLOCK, flags, strict=True)}
