"""All families together: one dictionary, one row a snapshot."""

from collections import Counter
from dataclasses import fields

import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend

from leadml.engine import Engine, open_engine, put_table
from leadml.errors import ConfigurationError
from leadml.features.behaviour import behaviour_features
from leadml.features.channel import channel_features
from leadml.features.colleagues import build_colleagues
from leadml.features.dictionary import Feature, Kind
from leadml.features.family import Derived
from leadml.features.firmographic import build_as_of, build_attributes, build_past, firmographic_features
from leadml.features.own import build_own, own_features
from leadml.features.spec import FeatureSpec, FeatureTables
from leadml.features.tallies import Row, build_tallies
from leadml.features.timeline import build_timeline
from leadml.features.timing import timing_features
from leadml.features.touches import find_begun, hold_touches, hold_types, place_touchpoints
from leadml.features.zones import hold_offsets, zone_of


def list_features(spec: FeatureSpec) -> list[Derived]:
    """What is left of all families after features.exclude and features.include_effort.

    Raises:
        ConfigurationError: features.exclude names a feature that is not there, or two features share a name (A is a).
    """
    families = (firmographic_features, behaviour_features, timing_features, channel_features)
    derived = [d for family in families for d in family(spec).derived] + own_features(spec)
    names = [d.feature.name for d in derived]
    same = Counter(n.lower() for n in names)  # engines do not tell A from a
    twice = sorted(n for n in names if same[n.lower()] > 1)
    if twice:
        raise ConfigurationError(
            f"{len(twice)} features share a name: {', '.join(twice)}; rename the kind, attribute, history field, "
            "content rule or own feature"
        )
    unknown = sorted(set(spec.exclude) - set(names))
    if unknown:
        raise ConfigurationError(f"features.exclude names {len(unknown)} unknown features: {unknown}; known: {names}")
    kept = [d for d in derived if d.feature.name not in spec.exclude]
    return kept if spec.include_effort else [d for d in kept if not d.feature.effort]


def build_features(tables: FeatureTables, spec: FeatureSpec, engine: Engine) -> tuple[ir.Table, list[Feature]]:
    """The features, one row a snapshot in no order, and their dictionary; columns are row and the features.

    Uses only rows with ``known_at < cutoff`` (history: ``changed_at < cutoff``).

    Args:
        tables: the tables, of one engine.
        spec: what is built.
        engine: computes and keeps what is used more than once.
    """
    entries = list_features(spec)
    own_blocks = build_own(tables, spec, engine)  # first: what may fail of the user's should do so at once
    timeline = build_timeline("lead", tables.snapshots.select(key="lead_id", cutoff="cutoff"), engine)
    types, packing = hold_types(tables.touchpoints, spec, engine)
    begun = find_begun(types, spec)
    offsets = hold_offsets(tables, spec, engine)
    timeline = timeline.with_facts(tables.leads.select(key="lead_id", zone=zone_of(tables.leads, spec)), engine)
    placed = place_touchpoints(tables.touchpoints, types, timeline, offsets, spec)
    tallies = build_tallies(hold_touches(placed, packing, spec, engine), packing, timeline, spec, engine)
    attributes = build_attributes(tables, offsets, spec)
    tallies = tallies.rename(tallied="cutoff")
    own = attributes.join(tallies, [attributes.lead_id == tallies.key, attributes.cutoff == tallies.tallied])
    own = engine.hold("features_own", own.drop("key", "tallied"))
    blocks = [
        build_colleagues(tables, Row(own, packing, begun), types, spec, engine),
        build_past(tables),
        build_as_of(tables, spec, "lead"),
        build_as_of(tables, spec, "account"),
        *own_blocks,
    ]
    table = own
    for i, block in enumerate(blocks):
        if block is not None:
            table = table.left_join(engine.hold(f"features_more_{i}", block), "row").drop("row_right")
    row = Row(table, packing, begun)
    columns = {d.feature.name: typed(d.value(row), d.feature.kind) for d in entries}
    return table.select("row", **columns), [d.feature for d in entries]


def typed(value: ir.Value, kind: Kind) -> ir.Value:
    """Numbers as float64, categories as text."""
    return value.cast("float64" if kind is Kind.NUMBER else "string")


def feature_frame(con: Backend, tables: FeatureTables, spec: FeatureSpec) -> tuple[pd.DataFrame, list[Feature]]:
    """The feature frame with a RangeIndex, row i for snapshot i, and its dictionary.

    A snapshot of a lead that is not in the tables has a row of missing values.
    """
    engine = open_engine(con)
    try:
        brought = FeatureTables(**{f.name: engine.bring(f.name, getattr(tables, f.name)) for f in fields(tables)})
        expression, features = build_features(brought, spec, engine)
        frame = engine.fetch(expression).set_index("row")
        count = tables.snapshots.count().execute()
    finally:
        engine.clear()
    return frame.reindex(range(count)).reset_index(drop=True), features


def snapshot_table(con: Backend, snapshots: pd.DataFrame) -> ir.Table:
    """The snapshots' keys as a table of the engine: row, lead_id, account_id, cutoff."""
    keys = snapshots[["lead_id", "account_id", "cutoff"]].reset_index(drop=True)
    keys.insert(0, "row", range(len(keys)))
    return put_table(con, "snapshots", keys)
