"""Raw exports to the tables of `leadml.schema`, in the caller's DuckDB connection."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import duckdb

from leadml import schema
from leadml.errors import ConfigurationError, DataError
from leadml.sources import sql
from leadml.sources.events import build_closures, build_conversions, build_touchpoints
from leadml.sources.identity import Reading, account_expr, attribute_expr, build_leads, fixed_attributes
from leadml.sources.mapping import Attribute, HistorySpec, Mapping
from leadml.sources.quarantine import Check, Ledger
from leadml.sources.raw import Raw, read_raw
from leadml.sources.report import SourceReport
from leadml.sources.sql import Clock, ident, literal

# A silence this long after the middle of the data means that later rows are dated wrongly, not that work went on.
_LONGEST_SILENCE_DAYS = 90
_ENOUGH_OF_MEDIAN = 0.01


def read_tables(mapping: Mapping, conversion: str, con: duckdb.DuckDBPyConnection) -> SourceReport:
    """Leave leads, accounts, history, touchpoints, conversions, closures and quarantine in ``con``.

    Tables have exactly the columns, types and keys of `leadml.schema` (leads and accounts also their attributes) and
    are sorted by key, so that the same files give the same rows in the same order.

    Raises:
        DataError: Folder, files or columns missing; files that are no tables; no row of a required file usable.
        ConfigurationError: ``conversion`` is not one that the mapping knows.
    """
    if conversion not in mapping.conversions:
        raise ConfigurationError(
            f"problem.conversion={conversion}: source {mapping.name} has no such conversion; "
            f"allowed: {', '.join(sorted(mapping.conversions)) or 'none (a one-table source)'}"
        )
    # TIMESTAMPTZ values are only passed through; a zone of the session must not colour them.
    con.execute("SET TimeZone = 'UTC'")
    ledger = Ledger(con, mapping.sensitive)
    raw = read_raw(con, mapping, conversion, ledger)
    end = _find_end(con, mapping, raw)
    reading = Reading(con, mapping, raw, ledger, end.isoformat(sep=" "))
    build_leads(reading)
    build_touchpoints(reading)
    build_conversions(reading, conversion)
    build_closures(reading)
    attributes = {"leads": _leads_table(reading), "accounts": _accounts_table(reading)}
    as_of = _history_table(reading)
    _keyed_table(reading, schema.TOUCHPOINTS, "_touchpoints", {}, "lead_id, known_at, touchpoint_id")
    _keyed_table(reading, schema.CONVERSIONS, "_conversions", {"converted_at": "_at"}, "lead_id, converted_at")
    _keyed_table(reading, schema.CLOSURES, "_closures", {}, "lead_id, closed_at, kind")
    report = _report(reading, attributes, as_of)
    report.data_end = end
    _drop_temporary(con)
    _check_usable(mapping, report)
    return report


def _find_end(con: duckdb.DuckDBPyConnection, mapping: Mapping, raw: dict[str, Raw]) -> datetime:
    """The end of the data, UTC: as given, or the end of the last day that still has its share of rows.

    The share is 1 % of the median day's number of lead and touchpoint rows; days after a silence of more than 90 days
    that follows the middle of the data do not count (a few rows dated 2062 are no data).

    Raises:
        ConfigurationError: ``exported_at`` is given and is no time.
    """
    clock = Clock(mapping.timezone, mapping.day_first)
    if mapping.exported_at is not None:
        text = literal(mapping.exported_at)
        given = con.execute(f"SELECT {clock.known(text, clock.instant(text))}").fetchone()
        if given is None or given[0] is None:
            raise ConfigurationError(
                f"source.exported_at={mapping.exported_at!r} is no time: write it like 2026-06-30 or 2026-06-30T18:00:00Z"
            )
        return given[0]
    times = {t.source: t.occurred_at for t in reversed(mapping.touchpoints)}
    if mapping.leads is not None:
        times[mapping.leads.source] = mapping.leads.created_at
    parts = []
    for source, columns in times.items():
        if source in raw:
            moment = sql.moment(clock, [c for c in columns if c in raw[source].present])
            parts.append(f"SELECT date_trunc('day', {moment.at}) AS day FROM {raw[source].table}")
    days = con.execute(
        f"SELECT day::TIMESTAMP, count(*) FROM ({' UNION ALL '.join(parts)}) WHERE day IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return _end_of_days(days)


def _end_of_days(days: list[tuple[datetime, int]]) -> datetime:
    """The midnight after the last day that counts (see `_find_end`) of sorted days and their numbers of rows."""
    if not days:
        return datetime(1990, 1, 2)
    ordered = sorted(n for _, n in days)
    least = _ENOUGH_OF_MEDIAN * (ordered[len(ordered) // 2] + ordered[(len(ordered) - 1) // 2]) / 2
    half, seen, last = sum(ordered) / 2, 0, days[0][0]
    for day, rows in days:
        if seen >= half and (day - last).days > _LONGEST_SILENCE_DAYS:
            break
        seen += rows
        last = day if rows >= least else last
    return last + timedelta(days=1)


def _leads_table(reading: Reading) -> dict[str, str]:
    spec = reading.mapping.leads
    if spec is None:
        return {}
    kept = fixed_attributes(spec.attributes, reading.raw[spec.source])
    names = "".join(f", {ident(a.name)}" for a in kept)
    reading.con.execute(
        "CREATE OR REPLACE TABLE leads AS SELECT _id AS lead_id, _account::VARCHAR AS account_id, _at AS created_at, "
        f"_known AS known_at{names} FROM _leads ORDER BY lead_id"
    )
    return {a.name: a.kind for a in kept}


def _accounts_table(reading: Reading) -> dict[str, str]:
    con, spec = reading.con, reading.mapping.accounts
    columns = ", ".join(f"{name} {kind}" for name, kind in schema.ACCOUNTS.columns.items())
    if spec is None or spec.source not in reading.raw:
        con.execute(f"CREATE OR REPLACE TABLE accounts ({columns})")
        reading.ledger.table("accounts")
        return {}
    raw = reading.raw[spec.source]
    kept, created = fixed_attributes(spec.attributes, raw), reading.moment(spec.created_at, raw)
    outputs = {
        "_file": "_file", "_row": "_row", "account_id": account_expr(spec.account, reading.mapping),
        "created_at": created.at, "known_at": created.known,
    }  # fmt: skip
    outputs |= {a.name: attribute_expr(a, reading.mapping) for a in kept}
    checks = [
        Check("no_account_id", f"{outputs['account_id']} IS NULL", quarantined=False),
        *reading.time_checks(spec.created_at[0], created),
    ]
    reading.ledger.sift("accounts", raw.table, outputs, checks, "_accounts")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _first_accounts AS "
        "SELECT DISTINCT ON (account_id) * FROM _accounts ORDER BY account_id, created_at, _file, _row"
    )
    reading.ledger.take_back(
        "accounts", "same_account", "SELECT _file, _row FROM _accounts ANTI JOIN _first_accounts USING (_file, _row)"
    )
    con.execute("CREATE OR REPLACE TABLE accounts AS SELECT * EXCLUDE (_file, _row) FROM _first_accounts ORDER BY ALL")
    return {a.name: a.kind for a in kept}


def _history_table(reading: Reading) -> dict[str, str]:
    """``history``: for each lead and tracked field its value at the lead's known_at, then each change."""
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
    _keyed_table(reading, schema.HISTORY, "_history", {}, "entity, entity_id, field, changed_at", "_order DESC")
    return {a.name: a.kind for a in tracked}


def _is_tracked(reading: Reading, attribute: Attribute) -> bool:
    spec = reading.mapping.leads
    if spec is None or attribute.history is None:
        return False
    return (
        attribute.column in reading.raw[spec.source].present
        and reading.mapping.history[attribute.history].source in reading.raw
    )


def _changes(reading: Reading, spec: HistorySpec, attributes: list[Attribute]) -> None:
    raw, leads = reading.raw[spec.source], reading.mapping.leads
    if leads is None:
        return
    aliases = {a.name: reading.mapping.files[leads.source].aliases(a.column) for a in attributes}
    cases = " ".join(
        f"WHEN lower({ident(spec.field)}) IN ({sql.literals(x.lower() for x in names)}) THEN {literal(name)}"
        for name, names in aliases.items()
    )
    changed = reading.moment(spec.at, raw)
    relation = (
        f"(SELECT r.*, CASE {cases} END AS _field, i.own_id AS _own, i.own_id IN (SELECT _id FROM _leads) AS _kept "
        f"FROM {raw.table} r LEFT JOIN _first_ids i ON i.kind = 'lead' AND i.key = r.{ident(spec.id)})"
    )
    outputs = {
        "entity": "'lead'", "entity_id": "_own", "field": "_field", "value": ident(spec.new), "changed_at": changed.known,
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


def _keyed_table(
    reading: Reading, table: schema.Table, staged: str, renamed: dict[str, str], order: str, prefer: str = "ALL"
) -> None:
    """Create a table of the contract from a staged one: typed, sorted by ``order``, the first row of each key."""
    con, count = reading.con, reading.ledger.table(table.name)
    columns = ", ".join(f"{name} {kind}" for name, kind in table.columns.items())
    con.execute(f"CREATE OR REPLACE TABLE {table.name} ({columns})")
    if not con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [staged]).fetchone():
        return
    outputs = ", ".join(f"{ident(renamed.get(n, n))}::{kind} AS {n}" for n, kind in table.columns.items())
    con.execute(f"INSERT INTO {table.name} SELECT {outputs} FROM {staged} ORDER BY {order}")
    key = ", ".join(table.key)
    rows = con.execute(f"SELECT count(*), count(DISTINCT ({key})) FROM {table.name}").fetchone() or (0, 0)
    if rows[0] != rows[1]:
        kept = f"SELECT DISTINCT ON ({key}) {outputs} FROM {staged} ORDER BY {key}, {prefer}"
        con.execute(f"CREATE OR REPLACE TABLE {table.name} AS SELECT * FROM ({kept}) ORDER BY {order}")
        count.lose("same_key", rows[0] - rows[1])


def _report(reading: Reading, attributes: dict[str, dict[str, str]], as_of: dict[str, str]) -> SourceReport:
    con, ledger = reading.con, reading.ledger
    for name in schema.TABLES:
        if name != schema.QUARANTINE.name:
            rows = con.execute(f"SELECT count(*) FROM {name}").fetchone()
            ledger.table(name).rows_out = rows[0] if rows else 0
    for count in ledger.tables.values():
        count.settle()
    files = [
        {"name": f.name, "path": f.path, "sha256": f.sha256, "rows": f.rows}
        for f in ledger.files
    ]  # fmt: skip
    counts = {
        "files": ledger.close(),
        "tables": {name: asdict(count) for name, count in ledger.tables.items()},
        "values": _not_numbers(reading),
    }
    denied, absent = _left_out(reading)
    return SourceReport(files, counts, denied, absent, None, attributes, as_of)


def _owners(mapping: Mapping) -> list[tuple[str, tuple[Attribute, ...]]]:
    owners = [(spec.source, spec.attributes) for spec in (mapping.leads, mapping.accounts) if spec is not None]
    return owners


def _not_numbers(reading: Reading) -> dict[str, int]:
    """Texts of number attributes that are no numbers: they become missing."""
    found = {}
    for source, attributes in _owners(reading.mapping):
        for attribute in attributes if source in reading.raw else ():
            column = ident(attribute.column)
            if attribute.type == "number" and attribute.column in reading.raw[source].present:
                bad = reading.con.execute(
                    f"SELECT count(*) FROM {reading.raw[source].table} WHERE {column} IS NOT NULL "
                    f"AND {sql.number(column)} IS NULL"
                ).fetchone()
                if bad and bad[0]:
                    found[f"{source}.{attribute.column}"] = bad[0]
    return found


def _left_out(reading: Reading) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Columns of the files that never become attributes, with why; and columns of the mapping that no file has."""
    mapping, denied, absent = reading.mapping, [], []
    owners = dict(_owners(mapping))
    for name, raw in sorted(reading.raw.items()):
        carried = {h.lower() for a in owners.get(name, ()) for h in mapping.files[name].aliases(a.column)}
        for header in raw.headers:
            why = mapping.denied(name, header)
            free = header not in raw.used_headers
            if header.lower() not in carried and ((name in owners and free) or (why and (name in owners or free))):
                denied.append({"file": name, "column": header, "why": why or "not in the mapping"})
        absent += [{"file": name, "column": c} for c in sorted(raw.wanted - raw.present)]
    return denied, absent


def _drop_temporary(con: duckdb.DuckDBPyConnection) -> None:
    names = con.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
    for (name,) in names:
        if name.startswith(("_", "raw_")):
            con.execute(f"DROP TABLE IF EXISTS temp.{ident(name)}")


def _check_usable(mapping: Mapping, report: SourceReport) -> None:
    """Raise `DataError` where no row of a required file, or no lead, can be used."""
    for file in report.counts["files"]:
        broken: dict[str, int] = file["quarantined"]
        if file["rows"] and sum(broken.values()) == file["rows"] and mapping.files[file["name"]].required:
            raise DataError(
                f"none of the {file['rows']} rows of {file['path']} can be used ({_told(broken)}): "
                "export it again, or mend source.files and source.leads in the mapping"
            )
    leads: dict[str, Any] = report.counts["tables"]["leads"]
    if not leads["rows_out"]:
        raise DataError(
            f"no lead is left of {leads['rows_in']} rows ({_told(leads['lost']) or 'the file is empty'}): "
            "export the leads again"
        )


def _told(rules: dict[str, int]) -> str:
    return ", ".join(f"{rule} {rows}" for rule, rows in sorted(rules.items()))
