"""All files of a mapping as raw tables: which columns are there, and the rows set aside at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import duckdb

from leadml.errors import DataError
from leadml.sources.custom import resolve_custom
from leadml.sources.files import Found, find_files, look_at
from leadml.sources.names import match_nested
from leadml.sources.needs import columns_of, id_columns, needed_columns, number_columns, time_columns
from leadml.sources.quarantine import Check, Ledger, RawFile
from leadml.sources.readers import Choice, Rejected, alike, read_file, read_parquet_files
from leadml.sources.spec import FileSpec, Mapping
from leadml.sources.sql import Clock, has_decimal_comma, has_decimal_point, ident, is_short_id, long_id, number, where


@dataclass(frozen=True)
class Raw:
    """One raw table: its SQL name, the columns that its files have (by logical name), and their headers.

    ``clock``: how its files write times. ``decimals``: how its columns of numbers write fractions.
    """

    name: str
    table: str
    present: frozenset[str]
    headers: tuple[str, ...]
    used_headers: frozenset[str]
    wanted: frozenset[str]
    clock: Clock
    decimals: dict[str, str] = field(default_factory=dict)

    def number(self, column: str) -> str:
        """The expression of a column's numbers."""
        return number(ident(column), self.decimals.get(column, "auto"))


def read_raw(
    con: duckdb.DuckDBPyConnection, mapping: Mapping, conversion: str, ledger: Ledger
) -> tuple[Mapping, dict[str, Raw]]:
    """Read every file of the mapping that is there into a raw table, and book its rows in the ledger.

    Gives the mapping with the attributes that its patterns find in the leads' files, and the raw tables by name.

    Raises:
        DataError: Folder or files missing, files that are no tables, required columns missing (all at once).
    """
    places = find_files(mapping.path, mapping.files)
    found = {name: [look_at(con, mapping.files[name], p, mapping.path) for p in places[name]] for name in places}
    if mapping.leads is not None:
        headers = tuple(dict.fromkeys(h for file in found[mapping.leads.source] for h in file.header))
        mapping = resolve_custom(mapping, headers)
    needed = needed_columns(mapping, conversion)
    _check_columns(mapping, found, needed)
    tables = {}
    for name, files in found.items():
        if files and needed[name]:
            tables[name] = _read_one(con, mapping, files, needed[name], ledger)
    return mapping, tables


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
    """The header's name of a logical column (see `match_name`); ``a.b`` is found by its outer name ``a``."""
    names = tuple(header)
    return next((found for alias in spec.aliases(column) if (found := match_nested(names, alias))), None)


def _read_one(
    con: duckdb.DuckDBPyConnection, mapping: Mapping, files: list[Found], needed: dict[str, bool], ledger: Ledger
) -> Raw:
    spec, first = files[0].spec, len(ledger.files)
    headers = tuple(dict.fromkeys(h for file in files for h in file.header))
    named = {h: {c: header_of(spec, c, h) for c in needed} for h in dict.fromkeys(file.header for file in files)}
    times = tuple(sorted(time_columns(mapping)[spec.name] & needed.keys()))
    choice = Choice(
        table=ident(f"raw_{spec.name}"),
        number=first,
        columns=dict.fromkeys(needed),
        times=times,
        missing=mapping.missing,
        clock=clock_of(mapping, spec),
    )
    con.execute(f"DROP TABLE IF EXISTS {choice.table}")
    rejected: list[Rejected] = [[] for _ in files]
    if all(file.format == "parquet" for file in files):
        for group in alike(files):
            here = replace(choice, columns=named[files[group[0]].header])
            read_parquet_files(con, [files[i] for i in group], here, [first + i for i in group])
    else:
        for i, file in enumerate(files):
            rejected[i] = read_file(con, file, replace(choice, number=first + i, columns=named[file.header]))
    rows = dict(con.execute(f"SELECT _file, count(*) FROM {choice.table} GROUP BY 1").fetchall())
    for i, file in enumerate(files):
        count = rows.get(first + i, 0) + len(rejected[i])
        ledger.files.append(RawFile(first + i, spec.name, file.relative, file.sha256, count))
        ledger.reject(first + i, rejected[i])
    present = frozenset(c for columns in named.values() for c, actual in columns.items() if actual)
    if mapping.id_style == "salesforce":
        _lengthen_ids(con, choice.table, sorted(id_columns(mapping)[spec.name] & present))
    _set_aside(con, choice.table, spec, present, ledger)
    used = frozenset(actual.split(".")[0] for columns in named.values() for actual in columns.values() if actual)
    numbers = sorted(number_columns(mapping)[spec.name] & present)
    decimals = _decimals(con, choice.table, numbers, spec.decimal or mapping.decimal)
    return Raw(spec.name, choice.table, present, headers, used, frozenset(needed), choice.clock, decimals)


def clock_of(mapping: Mapping, spec: FileSpec) -> Clock:
    """How a file writes times: as it says itself, else as the source does."""
    day_first = mapping.day_first if spec.day_first is None else spec.day_first
    return Clock(spec.timezone or mapping.timezone, day_first)


def _lengthen_ids(con: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> None:
    """Reports write ids of 15 characters, where exports write 18: they are made 18 everywhere."""
    for column in columns:
        text = ident(column)
        con.execute(f"UPDATE {table} SET {text} = {long_id(text)} WHERE {is_short_id(text)}")


def _decimals(con: duckdb.DuckDBPyConnection, table: str, columns: list[str], given: str) -> dict[str, str]:
    """For each column of numbers ".", "," or "auto": a comma where a text of it can be read in no other way."""
    if given != "auto" or not columns:
        return dict.fromkeys(columns, given)
    commas = _any(con, table, {c: has_decimal_comma(ident(c)) for c in columns})
    # With both (1234.5 beside 1.234,5) every text is read by itself.
    points = _any(con, table, {c: has_decimal_point(ident(c)) for c in commas})
    return {c: "," if c in commas - points else "auto" for c in columns}


def _any(con: duckdb.DuckDBPyConnection, table: str, tests: dict[str, str]) -> set[str]:
    """The names of the tests that some row of a table passes."""
    if not tests:
        return set()
    asked = ", ".join(f"coalesce(bool_or({test}), FALSE)" for test in tests.values())
    found = con.execute(f"SELECT {asked} FROM {table}").fetchone() or ()
    return {name for name, passed in zip(tests, found, strict=True) if passed}


def _set_aside(
    con: duckdb.DuckDBPyConnection, table: str, spec: FileSpec, present: frozenset[str], ledger: Ledger
) -> None:
    """Take out the rows of the file's own rules, and all but the last of rows with the same id."""
    checks = []
    for rules, bad in ((spec.quarantine, True), (spec.ignore, False)):
        for rule, conditions in rules.items():
            if set(columns_of(conditions)) <= present:
                seen = conditions[0].column
                checks.append(Check(rule, where(conditions), bad, seen, ident(seen)))
    ledger.take_out(table, spec.name, checks)
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
    ledger.take_out(table, spec.name, [Check("same_id", "(_file, _row) IN (SELECT _file, _row FROM _again)", False)])
    con.execute("DROP TABLE _again")
