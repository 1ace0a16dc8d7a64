"""Attributes that change: a full timeline for each lead and tracked field."""

from leadml import schema
from leadml.sources import sql
from leadml.sources.identity import Reading
from leadml.sources.quarantine import Check
from leadml.sources.spec import Attribute, HistorySpec
from leadml.sources.sql import ident, literal


def build_history(reading: Reading) -> dict[str, str]:
    """Make ``_history``: for each lead and tracked field its value at the lead's known_at, then each change.

    The first value is the old value of the first change, or the current one where nothing was changed. A field of
    which the file has no change at all is left out: it may not be tracked, and then its current value was written
    nobody knows when. Gives the fields with their kinds.
    """
    con, spec = reading.con, reading.mapping.leads
    columns = ", ".join(f"{name} {kind}" for name, kind in schema.HISTORY.columns.items())
    con.execute(f"CREATE OR REPLACE TEMP TABLE _history ({columns}, _old VARCHAR, _order BIGINT)")
    tracked = [] if spec is None else [a for a in spec.attributes if _is_tracked(reading, a)]
    for name in dict.fromkeys(a.history for a in tracked if a.history):
        _changes(reading, reading.mapping.history[name], [a for a in tracked if a.history == name])
    count = reading.ledger.table("history")
    for attribute in tracked:
        added = con.execute(
            f"""INSERT INTO _history SELECT 'lead', l._id, {literal(attribute.name)},
            CASE WHEN c.entity_id IS NULL THEN {ident("_now_" + attribute.name)} ELSE c.old END, l._known, NULL, 0
            FROM _leads l LEFT JOIN (
                SELECT entity_id, arg_min({{old: _old}}, (changed_at, _order)).old AS old FROM _history
                WHERE field = {literal(attribute.name)} GROUP BY entity_id) c ON c.entity_id = l._id"""
        ).fetchone()
        count.add("first_value", added[0] if added else 0)
    # A change dated before the lead was known is its value at that time.
    con.execute("UPDATE _history SET changed_at = greatest(changed_at, _known) FROM _leads WHERE _id = entity_id")
    return {a.name: a.kind for a in tracked}


def _is_tracked(reading: Reading, attribute: Attribute) -> bool:
    spec = reading.mapping.leads
    if spec is None or attribute.history is None or attribute.column not in reading.raw[spec.source].present:
        return False
    history = reading.mapping.history[attribute.history]
    if history.source not in reading.raw:
        return False
    named = f"lower({ident(history.field)}) IN ({_names(reading, spec.source, attribute)})"
    query = f"SELECT 1 FROM {reading.raw[history.source].table} WHERE {named} LIMIT 1"
    return reading.con.execute(query).fetchone() is not None


def _names(reading: Reading, source: str, attribute: Attribute) -> str:
    """What the history may call the field, as SQL literals."""
    return sql.literals(x.lower() for x in reading.mapping.files[source].aliases(attribute.column))


def _changes(reading: Reading, spec: HistorySpec, attributes: list[Attribute]) -> None:
    raw, leads = reading.raw[spec.source], reading.mapping.leads
    if leads is None:
        return
    cases = " ".join(
        f"WHEN lower({ident(spec.field)}) IN ({_names(reading, leads.source, a)}) THEN {literal(a.name)}"
        for a in attributes
    )
    changed = reading.moment(spec.at, raw)
    relation = (
        f"(SELECT r.*, CASE {cases} END AS _field, i.own_id AS _own, i.own_id IN (SELECT _id FROM _leads) AS _kept "
        f"FROM {raw.table} r LEFT JOIN _first_ids i ON i.kind = 'lead' AND i.key = r.{ident(spec.id)})"
    )
    outputs = {
        "entity": "'lead'", "entity_id": "_own", "field": "_field", "value": ident(spec.new),
        "changed_at": changed.known,
        "_old": ident(spec.old) if spec.old in raw.present else "NULL::VARCHAR",
        "_order": f"row_number() OVER (ORDER BY {changed.at}, _file, _row)",
    }  # fmt: skip
    checks = [
        Check("other_field", "_field IS NULL", quarantined=False),
        *reading.time_checks(spec.at[0], changed),
        Check("unknown_lead", "_own IS NULL", quarantined=False),
        Check("joined_duplicate", f"NOT _kept OR _own <> {ident(spec.id)}", quarantined=False),
    ]
    reading.ledger.sift("history", relation, outputs, checks, "_changed")
    reading.con.execute("INSERT INTO _history SELECT * FROM _changed")
    reading.con.execute("DROP TABLE _changed")
