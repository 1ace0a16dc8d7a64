"""Attributes once the files are read: what type a column is, and whether a history tells its changes."""

from dataclasses import replace

import duckdb

from leadml import schema
from leadml.features.dictionary import Kind
from leadml.sources.columns import NOTHING_NOW, NUMBER_SHARE, choose_columns
from leadml.sources.custom import AUTO, attribute_name, custom_rule
from leadml.sources.history import is_tracked
from leadml.sources.names import bare
from leadml.sources.raw import Raw
from leadml.sources.spec import Attribute, Mapping
from leadml.sources.sql import ident, number, where

# Enough to tell a kind, and whether texts repeat.
_SAMPLE = 50_000
_DATE_SAMPLE = 1_000
_DATE_SHARE = 0.99


def settle_attributes(
    con: duckdb.DuckDBPyConnection, mapping: Mapping, raw: dict[str, Raw]
) -> tuple[Mapping, list[dict[str, str]]]:
    """The mapping with a type for each attribute, and the columns left out with why.

    An attribute whose history has no change of it is as of the export: it stays only where ``keep`` says that it is
    fixed. Types are found on a sample of the leads' rows, always the same one.
    """
    leads = mapping.leads
    if leads is None:
        return mapping, []
    table, left_out = raw[leads.source], []
    kept = []
    autos = _types(con, mapping, table, [a for a in leads.attributes if a.type == AUTO])
    for attribute in leads.attributes:
        tracked = is_tracked(con, mapping, raw, attribute)
        if not tracked and mapping.kept(leads.source, attribute.column):
            attribute = replace(attribute, history=None)
        if attribute.type != AUTO:
            kept.append(attribute)
            continue
        kind, why = autos[attribute.column]
        if tracked and why in NOTHING_NOW:
            why = None
        if kind == "date" and attribute.history:
            why = "a date that changes: no feature is made of those"
        if why is None:
            kept.append(replace(attribute, type=kind))
        else:
            left_out.append({"file": leads.source, "column": attribute.column, "why": why})
    kept += _from_histories(con, mapping, raw, kept)
    return replace(mapping, leads=replace(leads, attributes=tuple(kept))), left_out


def _from_histories(
    con: duckdb.DuckDBPyConnection, mapping: Mapping, raw: dict[str, Raw], known: list[Attribute]
) -> list[Attribute]:
    """Attributes of fields that a history names and the leads' files have no column for, by the rules of ``custom``."""
    leads = mapping.leads
    if leads is None:
        return []
    headers = {bare(h) for h in raw[leads.source].headers}
    headers |= {bare(c) for a in known for c in (a.column, *mapping.files[leads.source].aliases(a.column))}
    names, found = {a.name for a in known} | {*schema.LEADS.columns}, []
    tracking = replace(leads, custom=tuple(r for r in leads.custom if r.history))
    for rule in leads.custom:
        history = mapping.history[rule.history] if rule.history else None
        if history is None or history.source not in raw:
            continue
        field, new, table = ident(history.field), ident(history.new), raw[history.source].table
        counted = con.execute(
            f"SELECT {field}, count({new}), count({number(new)}) FROM {table} WHERE {field} IS NOT NULL AND "
            f"{where(history.where)} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        for column, present, numbers in counted:
            if (
                custom_rule(tracking, column) != rule
                or bare(column) in headers
                or not present
                or mapping.denied(leads.source, column)
            ):
                continue
            headers.add(bare(column))
            name = attribute_name(column, names)
            names.add(name)
            kind = "number" if numbers >= NUMBER_SHARE * present else "category"
            found.append(Attribute(name, column, kind, history=rule.history))
    return found


def _types(
    con: duckdb.DuckDBPyConnection, mapping: Mapping, raw: Raw, attributes: list[Attribute]
) -> dict[str, tuple[str, str | None]]:
    """For each column its type and why it is left out (None where it is not)."""
    if not attributes:
        return {}
    columns = [a.column for a in attributes]
    listed = ", ".join(ident(c) for c in columns)
    # A hash spreads the sample over the file, and gives the same one on any number of threads.
    sampled = f"SELECT {listed} FROM {raw.table} ORDER BY hash(_file, _row), _file, _row LIMIT {_SAMPLE}"
    frame = con.execute(sampled).df()
    features, left_out = choose_columns(frame, mapping.keep, "source.keep")
    dates = _dates(con, raw, columns)
    types: dict[str, tuple[str, str | None]] = {c: ("category", why) for c, why in left_out.items()}
    types |= {f.name: ("number" if f.kind is Kind.NUMBER else "category", None) for f in features}
    near_unique = {c for c, why in left_out.items() if why.startswith("near-unique")}
    for column in dates:
        if types[column] == ("category", None) or column in near_unique:
            types[column] = ("date", None)
    return types


def _dates(con: duckdb.DuckDBPyConnection, raw: Raw, columns: list[str]) -> set[str]:
    """Columns whose texts are times; digits alone are numbers."""
    tests = ", ".join(
        f"count({ident(c)}), count(CASE WHEN NOT regexp_full_match({ident(c)}, '[0-9.]+') THEN "
        f"{raw.clock.instant(ident(c))} END)"
        for c in columns
    )
    some = f"(SELECT * FROM {raw.table} ORDER BY hash(_file, _row), _file, _row LIMIT {_DATE_SAMPLE})"
    counts = con.execute(f"SELECT {tests} FROM {some}").fetchone() or ()
    pairs = zip(columns, counts[::2], counts[1::2], strict=True)
    return {c for c, present, times in pairs if present and times >= _DATE_SHARE * present}
