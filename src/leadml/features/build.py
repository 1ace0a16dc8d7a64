"""All families together: one dictionary, one expression, one row a snapshot."""

import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend

from leadml.engine import put_table
from leadml.errors import ConfigurationError
from leadml.features.behaviour import build_behaviour
from leadml.features.channel import account_features, build_account, build_channel
from leadml.features.dictionary import Feature, Kind
from leadml.features.family import Derived, Family
from leadml.features.firmographic import build_as_of, build_attributes, build_purchases, firmographic_features
from leadml.features.pairs import build_pairs
from leadml.features.spec import FeatureSpec, FeatureTables
from leadml.features.timing import build_timing

ZERO_WITHOUT_ROWS = ("colleagues", "colleagues_active_30d", "account_conversions")


def families(pairs: ir.Table, spec: FeatureSpec) -> Family:
    """The families' parts in one."""
    merged = Family()
    for feature in [*firmographic_features(spec), *account_features()]:
        merged.add(feature)
    for part in (build_behaviour(pairs, spec), build_timing(pairs, spec), build_channel(pairs, spec)):
        merged.aggregates |= part.aggregates
        merged.counts |= part.counts
        merged.derived += part.derived
    return merged


def chosen(family: Family, spec: FeatureSpec) -> list[Derived]:
    """What is left after features.exclude and features.include_effort.

    Raises:
        ConfigurationError: features.exclude names a feature that is not there, or two features share a name.
    """
    names = [d.feature.name for d in family.derived]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ConfigurationError(f"{len(twice)} feature names stand for two things: {twice}; rename kind or attribute")
    unknown = sorted(set(spec.exclude) - set(names))
    if unknown:
        raise ConfigurationError(f"features.exclude names {len(unknown)} unknown features: {unknown}; known: {names}")
    kept = [d for d in family.derived if d.feature.name not in spec.exclude]
    return kept if spec.include_effort else [d for d in kept if not d.feature.effort]


def build_features(tables: FeatureTables, spec: FeatureSpec) -> tuple[ir.Table, list[Feature]]:
    """The feature expression, one row a snapshot ordered by ``row``, and its dictionary; columns are the features.

    Uses only rows with ``known_at < cutoff`` (history: ``changed_at < cutoff``).
    """
    pairs = build_pairs(tables, spec)
    family = families(pairs, spec)
    entries = chosen(family, spec)
    touched = pairs.group_by("row").aggregate(**family.aggregates)
    table = build_attributes(tables, spec)
    blocks = [touched, build_account(tables), build_purchases(tables), build_as_of(tables, spec)]
    for block in blocks:
        if block is not None:
            table = table.left_join(block, "row").drop("row_right")
    zeros = [c for c in (*sorted(family.counts), *ZERO_WITHOUT_ROWS) if c in table.columns]
    table = table.mutate(**{c: table[c].fill_null(0) for c in zeros})
    columns = {d.feature.name: typed(d.value(table), d.feature.kind) for d in entries}
    ordered = table.select("row", **columns).order_by("row")
    return ordered, [d.feature for d in entries]


def typed(value: ir.Value, kind: Kind) -> ir.Value:
    """Numbers as float64, categories as text."""
    return value.cast("float64" if kind is Kind.NUMBER else "string")


def to_frame(features: ir.Table) -> pd.DataFrame:
    """Runs the expression: the feature frame with a RangeIndex, row i for snapshot i."""
    return features.to_pandas().drop(columns="row")


def snapshot_table(con: Backend, snapshots: pd.DataFrame) -> ir.Table:
    """The snapshots' keys as a table of the engine: row, lead_id, account_id, cutoff."""
    keys = snapshots[["lead_id", "account_id", "cutoff"]].reset_index(drop=True)
    keys.insert(0, "row", range(len(keys)))
    return put_table(con, "snapshots", keys)
