"""The lead's own time: what to add to UTC, day by day, from the time zone database.

A table rather than a function of the engine, so that every engine gives the same hours.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pandas as pd

from leadml.engine import Engine
from leadml.features.spec import FeatureSpec, FeatureTables

MICROSECONDS_A_DAY = 86_400_000_000
HOUR = MICROSECONDS_A_DAY // 24
OFFICE = (9, 18)  # from the first hour to before the second, Monday to Friday
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def build_offsets(zones: Iterable[str], first: date, last: date) -> pd.DataFrame:
    """zone, day, before, switch, after: one row a zone and UTC day in ``[first, last]``.

    ``day`` counts from 1970-01-01. Local time is UTC plus ``before`` at instants below ``switch`` and plus ``after``
    from it on; all three in microseconds, ``switch`` since 1970. On a day without a change ``before`` equals ``after``.
    """
    rows = []
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    for name in sorted(set(zones)):
        zone = ZoneInfo(name)
        for i in range((last - first).days + 1):
            midnight = start + timedelta(days=i)
            end = midnight + timedelta(days=1)
            before, after = offset(zone, midnight), offset(zone, end - timedelta(seconds=1))
            switch = end if before == after else find_switch(zone, midnight, end)
            rows.append((name, (midnight - EPOCH).days, *(s // timedelta(microseconds=1) for s in
                         (before, switch - EPOCH, after))))  # fmt: skip
    return pd.DataFrame(rows, columns=["zone", "day", "before", "switch", "after"])


def offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    """Local time less UTC."""
    return moment.astimezone(zone).utcoffset() or timedelta()


def find_switch(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second in ``(low, high)`` with the offset of the end, where it changes once."""
    old = offset(zone, low)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        low, high = (middle, high) if offset(zone, middle) == old else (low, middle)
    return high


def zone_of(leads: ir.Table, spec: FeatureSpec) -> ir.StringValue:
    """The zone of each lead: by its attribute where that names one, else the usual one."""
    usual = ibis.literal(spec.zone)
    if not spec.zones or spec.zone_attribute is None or spec.zone_attribute not in leads.columns:
        return usual
    said = leads[spec.zone_attribute].cast("string").strip().lower()
    return ibis.cases(*[(said == value.lower(), zone) for value, zone in spec.zones.items()], else_=usual)


def hold_offsets(tables: FeatureTables, spec: FeatureSpec, engine: Engine) -> ir.Table | None:
    """`build_offsets` for the zones and days of these tables; None where everything is in UTC."""
    if spec.zone == "UTC" and not spec.zones:
        return None
    times = tables.touchpoints.aggregate(low=lambda t: t.occurred_at.min(), high=lambda t: t.occurred_at.max())
    known = tables.leads.aggregate(low=lambda t: t.known_at.min(), high=lambda t: t.known_at.max())
    ends = engine.fetch(ibis.union(times, known))
    low, high = ends["low"].min(), ends["high"].max()
    if pd.isna(low):
        return None
    return engine.put("features_offsets", build_offsets({spec.zone, *spec.zones.values()}, low.date(), high.date()))


def add_local(row: ir.Table, instant: str, offsets: ir.Table | None) -> ir.Table:
    """Adds local: the instant (microseconds) as local time; with ``offsets`` the rows have a zone."""
    if offsets is None:
        return row.mutate(local=row[instant])
    dated = row.mutate(day=day_of(row[instant]))
    joined = dated.join(offsets, ["zone", "day"])
    shift = ibis.ifelse(joined[instant] < joined.switch, joined.before, joined.after)
    return joined.mutate(local=joined[instant] + shift).drop("day", "before", "switch", "after")


def day_of(instant: ir.IntegerValue) -> ir.IntegerValue:
    """Days since 1970-01-01."""
    return (instant / MICROSECONDS_A_DAY).floor().cast("int64")


def hour_of(local: ir.IntegerValue) -> ir.IntegerValue:
    """0 to 23."""
    return ((local - day_of(local) * MICROSECONDS_A_DAY) / HOUR).floor().cast("int64")


def weekday_of(local: ir.IntegerValue) -> ir.IntegerValue:
    """0 Monday to 6 Sunday; 1970-01-01 was a Thursday."""
    return (day_of(local) + 3) % 7


def in_evening(local: ir.IntegerValue) -> ir.BooleanValue:
    """Monday to Friday from the end of OFFICE to midnight."""
    return (weekday_of(local) < 5) & (hour_of(local) >= OFFICE[1])


def in_office_hours(local: ir.IntegerValue) -> ir.BooleanValue:
    """Monday to Friday, OFFICE."""
    hour = hour_of(local)
    return (weekday_of(local) < 5) & (hour >= OFFICE[0]) & (hour < OFFICE[1])
