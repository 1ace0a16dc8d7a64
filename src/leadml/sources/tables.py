"""Raw exports to the tables of `leadml.schema`, in the caller's DuckDB connection."""

from datetime import datetime, timedelta

import duckdb

from leadml import schema
from leadml.errors import ConfigurationError
from leadml.sources import sql
from leadml.sources.events import build_closures, build_conversions, build_touchpoints
from leadml.sources.history import build_changes, build_history, restore_values
from leadml.sources.identity import Reading, account_expr, attribute_expr, build_leads, fixed_attributes
from leadml.sources.ids import build_ids
from leadml.sources.keyed import keyed_table
from leadml.sources.limits import check_limits, check_usable
from leadml.sources.needs import time_columns
from leadml.sources.quarantine import Check, Ledger, Source
from leadml.sources.raw import Raw, read_raw
from leadml.sources.report import SourceReport, build_report
from leadml.sources.settle import settle_attributes
from leadml.sources.spec import PERSONAL, Mapping
from leadml.sources.sql import Clock, at, ident, literal

# A silence this long after the middle of the data means that later rows are dated wrongly, not that work went on.
_LONGEST_SILENCE_DAYS = 90
_ENOUGH_OF_MEDIAN = 0.01


def read_tables(
    mapping: Mapping, conversion: str, con: duckdb.DuckDBPyConnection, until: datetime | None = None
) -> SourceReport:
    """Leave leads, accounts, history, touchpoints, conversions, closures and quarantine in ``con``.

    Tables have exactly the columns, types and keys of `leadml.schema` (leads and accounts also their attributes). The
    same files give the same rows; touchpoints are in no order, the others in that of their key.

    ``until`` (UTC) gives the tables of an export made then, as far as rows tell: every row all of whose times are at
    or after it is taken out of the raw exports first. What was written into older rows since then stays.

    Raises:
        DataError: Folder, files or columns missing; files that are no tables; no row of a required file usable; a
            quarantine rule took more of a file than its limit.
        ConfigurationError: ``conversion`` is not one that the mapping knows.
    """
    if conversion not in mapping.conversions:
        raise ConfigurationError(
            f"problem.conversion={conversion}: source {mapping.name} has no such conversion; "
            f"allowed: {', '.join(sorted(mapping.conversions)) or 'none (a one-table source)'}"
        )
    # TIMESTAMPTZ values are only passed through; a zone of the session must not colour them.
    con.execute("SET TimeZone = 'UTC'")
    # Temporary tables need no checkpoints, which would write every one of them again.
    con.execute("SET checkpoint_threshold = '1TB'")
    _drop_temporary(con)
    ledger = Ledger(con, lambda file, column: is_personal(mapping, file, column))
    mapping, raw = read_raw(con, mapping, conversion, ledger)
    mapping, left_out = settle_attributes(con, mapping, raw)
    end = _find_end(con, mapping, raw)
    end = end if until is None else min(end, until)
    restore_values(con, mapping, raw, end)
    if until is not None:
        _forget_later(con, mapping, raw, until)
    reading = Reading(con, mapping, raw, ledger, end.isoformat(sep=" "))
    build_leads(reading)
    build_ids(reading)
    build_touchpoints(reading)
    build_conversions(reading, conversion)
    build_closures(reading)
    attributes = {"leads": _leads_table(reading), "accounts": _accounts_table(reading)}
    as_of = build_history(reading)
    build_changes(reading)
    keyed_table(reading, schema.HISTORY, "_history", {}, "-_order")
    keyed_table(reading, schema.CONVERSIONS, "_conversions", {"converted_at": "_at"})
    keyed_table(reading, schema.CLOSURES, "_closures", {"closed_at": "_at"})
    report = build_report(reading, attributes, as_of)
    report.data_end = end
    report.denied += left_out
    _drop_temporary(con)
    if until is None:
        check_usable(mapping, report)
        check_limits(con, mapping, report)
    return report


def is_personal(mapping: Mapping, file: str, column: str) -> bool:
    """Whether a column holds personal data, under whatever name the mapping or a file calls it."""
    names = (column, *mapping.files[file].aliases(column)) if file in mapping.files else (column,)
    return any(mapping.denied(file, name) == PERSONAL for name in names)


def _forget_later(con: duckdb.DuckDBPyConnection, mapping: Mapping, raw: dict[str, Raw], until: datetime) -> None:
    """Take every row out of the raw tables all of whose times are at or after ``until``."""
    times = time_columns(mapping)
    for name, table in raw.items():
        columns = [at(c) for c in sorted(times[name] & table.present)]
        if columns:
            # least() skips NULL; a row without any time is not known to be later.
            first = f"least({', '.join(columns)})"
            con.execute(f"DELETE FROM {table.table} WHERE {first} >= TIMESTAMP {literal(str(until))}")


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
                f"source.exported_at={mapping.exported_at!r} is no time: write it like 2026-06-30 or "
                "2026-06-30T18:00:00Z"
            )
        return given[0]
    times = {t.source: t.occurred_at for t in reversed(mapping.touchpoints)}
    if not times.keys() & raw.keys():
        # Without touchpoints the conversions tell how far the data go.
        times = {d.source: d.at for d in mapping.conversions.values()}
    if mapping.leads is not None:
        times[mapping.leads.source] = mapping.leads.created_at
    parts = []
    for source, columns in times.items():
        there = [c for c in columns if c in raw[source].present] if source in raw else []
        if there:
            moment = sql.moment(raw[source].clock, there)
            parts.append(f"SELECT date_trunc('day', {moment.at}) AS day FROM {raw[source].table}")
    days = con.execute(
        f"SELECT day::TIMESTAMP, count(*) FROM ({' UNION ALL '.join(parts)}) WHERE day IS NOT NULL "
        "GROUP BY 1 ORDER BY 1"
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
    outputs |= {a.name: attribute_expr(a, reading.mapping, raw, created.at) for a in kept}
    checks = [
        Check("no_account_id", f"{outputs['account_id']} IS NULL", quarantined=False),
        *reading.time_checks(spec.created_at[0], created),
    ]
    reading.ledger.sift("accounts", Source(raw.table, raw.name), outputs, checks, "_accounts")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _first_accounts AS "
        "SELECT DISTINCT ON (account_id) * FROM _accounts ORDER BY account_id, created_at, _file, _row"
    )
    reading.ledger.take_back(
        "accounts", "same_account", "SELECT _file, _row FROM _accounts ANTI JOIN _first_accounts USING (_file, _row)"
    )
    con.execute("CREATE OR REPLACE TABLE accounts AS SELECT * EXCLUDE (_file, _row) FROM _first_accounts ORDER BY ALL")
    return {a.name: a.kind for a in kept}


def _drop_temporary(con: duckdb.DuckDBPyConnection) -> None:
    names = con.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
    for (name,) in names:
        if name.startswith(("_", "raw_")):
            con.execute(f"DROP TABLE IF EXISTS temp.{ident(name)}")
