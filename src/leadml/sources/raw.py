"""All files of a mapping as raw tables: which columns are needed, which are there, and the rows set aside at once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from leadml.errors import DataError
from leadml.sources.files import Found, find_files, look_at
from leadml.sources.quarantine import Check, Ledger, RawFile
from leadml.sources.readers import Choice, Rejected, read_file, read_parquet_files
from leadml.sources.spec import Attribute, FileSpec, Key, Mapping, Where, Word
from leadml.sources.sql import Clock, ident, where

Need = Callable[[str, Iterable[str | None], bool], None]


@dataclass(frozen=True)
class Raw:
    """One raw table: its SQL name, the columns that its files have (by logical name), and their headers."""

    name: str
    table: str
    present: frozenset[str]
    headers: tuple[str, ...]
    used_headers: frozenset[str]
    wanted: frozenset[str]


def needed_columns(mapping: Mapping, conversion: str) -> dict[str, dict[str, bool]]:
    """For each file in the mapping, its columns by logical name and whether they are required.

    Required are ids, the first column of each time, the first way to find a lead, and the columns of conditions.
    """
    needed: dict[str, dict[str, bool]] = {name: {} for name in mapping.files}

    def need(file: str, columns: Iterable[str | None], required: bool) -> None:
        for column in columns:
            if column is not None:
                needed[file][column] = needed[file].get(column, False) or required

    for spec in mapping.files.values():
        need(spec.name, spec.id, True)
        need(spec.name, _of_rules(spec), False)
    _need_leads(mapping, need)
    for history in mapping.history.values():
        need(history.source, (history.id, history.field, history.new, history.at[0]), True)
        need(history.source, (history.old, *history.at[1:]), False)
    for link in mapping.links:
        need(link.source, (link.id, link.email), True)
    for device in mapping.devices:
        need(device.source, (device.id, device.at, *(k.column for k in device.lead)), True)
    for touchpoint in mapping.touchpoints:
        words = (touchpoint.channel, touchpoint.kind, touchpoint.initiator)
        need(touchpoint.source, (*touchpoint.id, touchpoint.occurred_at[0]), True)
        need(touchpoint.source, (*touchpoint.occurred_at[1:], *touchpoint.known_at), False)
        need(touchpoint.source, (touchpoint.value, touchpoint.content, *_of_words(words)), False)
        _need_rows(touchpoint.source, touchpoint.lead, touchpoint.where, need)
    for dated in (mapping.conversions[conversion], *mapping.closures):
        need(dated.source, (dated.at[0],), True)
        need(dated.source, (*dated.at[1:], dated.amount, dated.currency, dated.reason), False)
        _need_rows(dated.source, dated.lead, dated.where, need)
        if dated.booked is not None:
            booked = dated.booked
            need(dated.source, (booked.key,), True)
            need(booked.source, (booked.id, booked.at[0], *(c.column for c in booked.where)), True)
    return needed


def time_columns(mapping: Mapping) -> dict[str, set[str]]:
    """For each file in the mapping, its columns that hold times."""
    times: dict[str, set[str]] = {name: set() for name in mapping.files}
    for owner in (mapping.leads, mapping.accounts):
        if owner is not None:
            times[owner.source] |= {*owner.created_at}
    if mapping.leads is not None:
        times[mapping.leads.source] |= {*mapping.leads.deleted_at}
    for device in mapping.devices:
        times[device.source].add(device.at)
    for touchpoint in mapping.touchpoints:
        times[touchpoint.source] |= {*touchpoint.occurred_at, *touchpoint.known_at}
    dated = (*mapping.conversions.values(), *mapping.closures)
    for history in mapping.history.values():
        times[history.source] |= {*history.at}
    for entry in dated:
        times[entry.source] |= {*entry.at}
        if entry.booked is not None:
            times[entry.booked.source] |= {*entry.booked.at}
    return times


def _need_leads(mapping: Mapping, need: Need) -> None:
    leads, accounts = mapping.leads, mapping.accounts
    if leads is not None:
        need(leads.source, (leads.lead_id, leads.created_at[0]), True)
        need(leads.source, (*leads.created_at[1:], leads.email, *leads.ids.values(), *_of(leads.attributes)), False)
        need(leads.source, (leads.merged_into, leads.deleted, *leads.deleted_at), False)
        need(leads.source, (leads.account.column if leads.account else None,), False)
    if accounts is not None:
        need(accounts.source, (accounts.account.column, accounts.created_at[0]), True)
        need(accounts.source, (*accounts.created_at[1:], *_of(accounts.attributes)), False)


def _need_rows(source: str, keys: tuple[Key, ...], conditions: Where, need: Need) -> None:
    need(source, (keys[0].column, *(c.column for c in conditions)), True)
    need(source, (k.column for k in keys[1:]), False)


def _of(attributes: tuple[Attribute, ...]) -> tuple[str, ...]:
    return tuple(a.column for a in attributes)


def _of_words(words: Iterable[Word]) -> tuple[str | None, ...]:
    return tuple(w.column for w in words)


def _of_rules(spec: FileSpec) -> tuple[str, ...]:
    rules = (*spec.ignore.values(), *spec.quarantine.values())
    return tuple(c.column for conditions in rules for c in conditions)


def read_raw(con: duckdb.DuckDBPyConnection, mapping: Mapping, conversion: str, ledger: Ledger) -> dict[str, Raw]:
    """Read every file of the mapping that is there into a raw table, and book its rows in the ledger.

    Raises:
        DataError: Folder or files missing, files that are no tables, required columns missing (all at once).
    """
    folder = Path(mapping.path)
    paths = find_files(folder, mapping.files)
    found = {name: [look_at(con, mapping.files[name], p, folder) for p in paths[name]] for name in paths}
    needed = needed_columns(mapping, conversion)
    _check_columns(mapping, found, needed)
    tables = {}
    for name, files in found.items():
        if files and needed[name]:
            tables[name] = _read_one(con, mapping, files, needed[name], ledger)
    return tables


def _check_columns(mapping: Mapping, found: dict[str, list[Found]], needed: dict[str, dict[str, bool]]) -> None:
    wrong = []
    for name, files in found.items():
        for file in files:
            absent = [
                " or ".join(file.spec.aliases(column))
                for column, required in needed[name].items()
                if required and header_of(file.spec, column, file.header) is None
            ]
            if absent:
                wrong.append(
                    f"{file.relative} lacks {', '.join(sorted(absent))} (found: {', '.join(file.header[:40])})"
                )
    if wrong:
        raise DataError(
            f"required columns missing in {len(wrong)} file(s): {'; '.join(wrong)}. Export them too, or name them "
            "under source.files.NAME.columns"
        )


def header_of(spec: FileSpec, column: str, header: Iterable[str]) -> str | None:
    """The header's name of a logical column, matched case-insensitively; ``a.b`` is found by its outer name ``a``."""
    lower = {h.lower(): h for h in reversed(list(header))}
    for alias in spec.aliases(column):
        if alias.lower() in lower:
            return lower[alias.lower()]
        outer, _, key = alias.partition(".")
        if spec.format == "parquet" and key and outer.lower() in lower:
            return f"{lower[outer.lower()]}.{key}"
    return None


def _read_one(
    con: duckdb.DuckDBPyConnection, mapping: Mapping, files: list[Found], needed: dict[str, bool], ledger: Ledger
) -> Raw:
    spec, first = files[0].spec, len(ledger.files)
    headers = tuple(dict.fromkeys(h for file in files for h in file.header))
    times = tuple(sorted(time_columns(mapping)[spec.name] & needed.keys()))
    choice = Choice(
        table=ident(f"raw_{spec.name}"),
        number=first,
        columns={column: header_of(spec, column, headers) for column in needed},
        times=times,
        missing=mapping.missing,
        clock=Clock(mapping.timezone, mapping.day_first),
    )
    con.execute(f"DROP TABLE IF EXISTS {choice.table}")
    rejected: list[Rejected] = [[] for _ in files]
    if spec.format == "parquet":
        read_parquet_files(con, files, choice)
    else:
        for i, file in enumerate(files):
            here = {column: header_of(spec, column, file.header) for column in needed}
            rejected[i] = read_file(con, file, replace(choice, number=first + i, columns=here))
    rows = dict(con.execute(f"SELECT _file, count(*) FROM {choice.table} GROUP BY 1").fetchall())
    for i, file in enumerate(files):
        count = rows.get(first + i, 0) + len(rejected[i])
        ledger.files.append(RawFile(first + i, spec.name, file.relative, file.sha256, count))
        ledger.reject(first + i, rejected[i])
    present = frozenset(c for c, actual in choice.columns.items() if actual)
    _set_aside(con, choice.table, spec, present, ledger)
    used = frozenset(actual.split(".")[0] for actual in choice.columns.values() if actual)
    return Raw(spec.name, choice.table, present, headers, used, frozenset(needed))


def _set_aside(
    con: duckdb.DuckDBPyConnection, table: str, spec: FileSpec, present: frozenset[str], ledger: Ledger
) -> None:
    """Take out the rows of the file's own rules, and all but the last of rows with the same id."""
    checks = []
    for rules, bad in ((spec.quarantine, True), (spec.ignore, False)):
        for rule, conditions in rules.items():
            if all(c.column in present for c in conditions):
                seen = conditions[0].column
                checks.append(Check(rule, where(conditions), bad, seen, ident(seen)))
    ledger.take_out(table, checks)
    if not spec.id:
        return
    key = ", ".join(ident(c) for c in spec.id)
    # Half a key tells no rows apart: such rows are left to the rules of the tables that read them.
    whole = " AND ".join(f"{ident(c)} IS NOT NULL" for c in spec.id)
    counted = con.execute(f"SELECT count(*), count(DISTINCT ({key})) FROM {table} WHERE {whole}").fetchone()
    if counted is None or counted[0] == counted[1]:
        return
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _again AS SELECT _file, _row FROM {table} WHERE {whole} "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY _file DESC, _row DESC) > 1"
    )
    ledger.take_out(table, [Check("same_id", "(_file, _row) IN (SELECT _file, _row FROM _again)", False)])
    con.execute("DROP TABLE _again")
