"""Attributes that change: a full timeline for each lead and tracked field."""

from datetime import datetime

import duckdb

from leadml import schema
from leadml.sources import sql
from leadml.sources.identity import Reading, text_level
from leadml.sources.names import bare
from leadml.sources.quarantine import OTHER_FIELD, Check, Source
from leadml.sources.raw import Raw
from leadml.sources.spec import Attribute, HistorySpec, Mapping
from leadml.sources.sql import at, ident, literal

# A history need not have a row on the very day from which it is kept.
_SLACK = "INTERVAL 30 DAY"


def build_history(reading: Reading) -> dict[str, str]:
    """Make ``_history``: for each lead and tracked field its value at the lead's known_at, then each change.

    The first value is the old value of the first change, or the current one where nothing was changed, and it holds
    from the lead's known_at; of a lead that is over 30 days older than the first row of the file, from that row on:
    what changed before was not tracked, or is no longer kept. Of a complete history, whose first row is the first
    value, there is none. A field of which the file has no row at all is left out. Gives the fields with their kinds.
    """
    con, spec = reading.con, reading.mapping.leads
    columns = ", ".join(f"{name} {kind}" for name, kind in schema.HISTORY.columns.items())
    con.execute(f"CREATE OR REPLACE TEMP TABLE _history ({columns}, _old VARCHAR, _order BIGINT)")
    tracked = [] if spec is None else [a for a in spec.attributes if is_tracked(con, reading.mapping, reading.raw, a)]
    for name in dict.fromkeys(a.history for a in tracked if a.history):
        _changes(reading, reading.mapping.history[name], [a for a in tracked if a.history == name])
    count = reading.ledger.table("history")
    for attribute in tracked:
        now = _read_as(attribute, reading, ident(f"_now_{attribute.name}"))
        history = reading.mapping.history[attribute.history or ""]
        if history.complete:
            continue
        since = _kept_since(reading, history)
        begun = f"CASE WHEN l._known >= {since} - {_SLACK} THEN l._known ELSE {since} END"
        added = con.execute(
            f"""INSERT INTO _history SELECT 'lead', l._id, {literal(attribute.name)},
            CASE WHEN c.entity_id IS NULL THEN {now} ELSE c.old END, {begun}, NULL, 0
            FROM _leads l LEFT JOIN (
                SELECT entity_id, arg_min({{old: _old}}, (changed_at, _order)).old AS old FROM _history
                WHERE field = {literal(attribute.name)} GROUP BY entity_id) c ON c.entity_id = l._id"""
        ).fetchone()
        count.add("first_value", added[0] if added else 0)
    # A change dated before the lead was known is its value at that time.
    con.execute("UPDATE _history SET changed_at = greatest(changed_at, _known) FROM _leads WHERE _id = entity_id")
    return {a.name: a.kind for a in tracked}


def _kept_since(reading: Reading, history: HistorySpec) -> str:
    """From when on a history's file has changes, of any field, as SQL: older ones were not tracked, or not kept."""
    raw = reading.raw[history.source]
    moment = reading.moment(history.at, raw)
    found = reading.con.execute(f"SELECT min({moment.at})::VARCHAR FROM {raw.table}").fetchone()
    # Without any date nobody knows: not before the end.
    return f"TIMESTAMP {literal(found[0] if found and found[0] else reading.end)}"


def restore_values(con: duckdb.DuckDBPyConnection, mapping: Mapping, raw: dict[str, Raw], until: datetime) -> None:
    """Give the raw leads the values of ``until``: the old value of each tracked field's first change from then on.

    The leads' file holds values as of the export; an export made at ``until`` would have held these. What was changed
    nobody knows when is missing.
    """
    spec = mapping.leads
    for attribute in spec.attributes if spec is not None else ():
        if spec is None or not is_tracked(con, mapping, raw, attribute):
            continue
        history = mapping.history[attribute.history or ""]
        changes, leads = raw[history.source], raw[spec.source]
        if history.complete or attribute.column not in leads.present:
            continue
        old = ident(history.old) if history.old in changes.present else "NULL::VARCHAR"
        names = _names(mapping, spec.source, attribute)
        fields = [f for f in _fields(con, history, changes) if bare(f) in names]
        moment = f"least({', '.join(at(c) for c in history.at if c in changes.present)})"
        con.execute(
            f"""UPDATE {leads.table} SET {ident(attribute.column)} = c.back.old FROM (
            SELECT {ident(history.id)} AS key, arg_min({{old: CASE WHEN {moment} IS NOT NULL THEN {old} END}},
                ({moment} IS NOT NULL, {moment}, _file, _row)) AS back
            FROM {changes.table} WHERE {ident(history.field)} IN ({sql.literals(fields)})
            AND coalesce({moment} >= TIMESTAMP {literal(str(until))}, TRUE) GROUP BY 1) c
            WHERE c.key = {leads.table}.{ident(spec.lead_id)}"""
        )


def build_changes(reading: Reading) -> None:
    """Make ``changes`` (lead_id, field, changed_at): dated changes of attributes that are read as fixed at creation.

    The leak audit asks of them whether they come with the conversion. First values are no changes.
    """
    con, mapping = reading.con, reading.mapping
    con.execute("CREATE OR REPLACE TABLE changes (lead_id VARCHAR, field VARCHAR, changed_at TIMESTAMP)")
    fixed = [a for a in mapping.leads.attributes if a.history is None] if mapping.leads is not None else []
    for spec in mapping.history.values():
        raw = reading.raw.get(spec.source)
        if raw is None or mapping.leads is None:
            continue
        named = [
            f"({literal(field)}, {literal(a.name)})"
            for field in _fields(con, spec, raw)
            for a in fixed
            if bare(field) in _names(mapping, mapping.leads.source, a)
        ]
        if named:
            known = reading.moment(spec.at, raw).known
            con.execute(
                f"""INSERT INTO changes SELECT DISTINCT i.own_id, f.attribute, {known}
                FROM {raw.table} r JOIN (VALUES {", ".join(named)}) f(name, attribute) ON f.name = r.{ident(spec.field)}
                JOIN _first_ids i ON i.kind = 'lead' AND i.key = r.{ident(spec.id)}
                JOIN _leads l ON l._id = i.own_id WHERE {known} > l._known"""
            )


def is_tracked(con: duckdb.DuckDBPyConnection, mapping: Mapping, raw: dict[str, Raw], attribute: Attribute) -> bool:
    """Whether the attribute's history has rows of it."""
    spec = mapping.leads
    if spec is None or attribute.history is None:
        return False
    history = mapping.history[attribute.history]
    if history.source not in raw:
        return False
    fields = _fields(con, history, raw[history.source])
    return any(bare(field) in _names(mapping, spec.source, attribute) for field in fields)


def _fields(con: duckdb.DuckDBPyConnection, history: HistorySpec, raw: Raw) -> list[str]:
    """The fields that a history names."""
    field = ident(history.field)
    named = (
        f"SELECT DISTINCT {field} FROM {raw.table} WHERE {field} IS NOT NULL AND {sql.where(history.where)} ORDER BY 1"
    )
    return [f for (f,) in con.execute(named).fetchall()]


def _names(mapping: Mapping, source: str, attribute: Attribute) -> set[str]:
    """What a history may call the field, by letters and digits."""
    spec = mapping.files[source]
    return {bare(x) for x in (attribute.column, spec.own_name(attribute.column), *spec.aliases(attribute.column))}


def _changes(reading: Reading, spec: HistorySpec, attributes: list[Attribute]) -> None:
    raw, leads = reading.raw[spec.source], reading.mapping.leads
    if leads is None:
        return
    mapping = reading.mapping
    named = [
        f"({literal(field)}, {literal(a.name)})"
        for field in _fields(reading.con, spec, raw)
        for a in attributes
        if bare(field) in _names(mapping, leads.source, a)
    ]
    changed = reading.moment(spec.at, raw)
    # A field may be read by several attributes: its row is given once for each.
    names = f"(VALUES {', '.join(named)}) f(name, attribute)"
    relation = (
        f"(SELECT r.*, f.attribute AS _field, i.own_id AS _own, i.own_id IN (SELECT _id FROM _leads) AS _kept "
        f"FROM {raw.table} r LEFT JOIN {names} ON f.name = r.{ident(spec.field)} "
        f"LEFT JOIN _first_ids i ON i.kind = 'lead' AND i.key = r.{ident(spec.id)})"
    )
    old = ident(spec.old) if spec.old in raw.present else "NULL::VARCHAR"
    outputs = {
        "entity": "'lead'", "entity_id": "_own", "field": "_field",
        "value": _by_attribute(attributes, reading, ident(spec.new)), "changed_at": changed.known,
        "_old": _by_attribute(attributes, reading, old),
        "_order": f"row_number() OVER (ORDER BY {changed.at}, _file, _row)",
    }  # fmt: skip
    checks = [
        Check(OTHER_FIELD, f"_field IS NULL OR NOT ({sql.where(spec.where)})", quarantined=False),
        *reading.time_checks(spec.at[0], changed),
        Check("unknown_lead", "_own IS NULL", quarantined=False),
        Check("joined_duplicate", f"NOT _kept OR _own <> {ident(spec.id)}", quarantined=False),
    ]
    source = Source(relation, spec.source, several=True)
    reading.ledger.sift("history", source, outputs, checks, "_changed")
    reading.con.execute("INSERT INTO _history SELECT * FROM _changed")
    reading.con.execute("DROP TABLE _changed")


def _by_attribute(attributes: list[Attribute], reading: Reading, text: str) -> str:
    """A field's text as each attribute reads it; a number is the plain text of it, NULL where the text is none."""
    cases = "".join(
        f"WHEN {literal(a.name)} THEN {_read_as(a, reading, text)} " for a in attributes if a.type != "category"
    )
    return f"CASE _field {cases}ELSE {sql.level(text)} END" if cases else sql.level(text)


def _read_as(attribute: Attribute, reading: Reading, text: str) -> str:
    mapping, leads = reading.mapping, reading.mapping.leads
    if attribute.type != "number" or leads is None:
        return text_level(attribute, mapping, text)
    history = mapping.history[attribute.history or ""]
    decimal = mapping.files[history.source].decimal or mapping.decimal
    if decimal == "auto":
        # One system writes its numbers in one way.
        decimal = reading.raw[leads.source].decimals.get(attribute.column, "auto")
    times = "" if attribute.times == 1.0 else f" * {attribute.times!r}"
    return f"({sql.number(text, decimal)}{times})::VARCHAR"
