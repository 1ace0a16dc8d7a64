"""Tables of the contract with one row for each key."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from leadml import schema
from leadml.sources.identity import Reading
from leadml.sources.sql import ident


@contextmanager
def in_any_order(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """While rows are written whose order nobody asks for: keeping that of the source takes a third more of the time."""
    kept = con.execute("SELECT current_setting('preserve_insertion_order')").fetchone()
    con.execute("SET preserve_insertion_order = false")
    try:
        yield
    finally:
        con.execute(f"SET preserve_insertion_order = {kept is None or kept[0]}")


def keyed_table(
    reading: Reading, table: schema.Table, staged: str, renamed: dict[str, str], prefer: str | None = None
) -> None:
    """Create a table of the contract from a staged one: typed, sorted by its key, one row for each."""
    con, columns = reading.con, ", ".join(f"{name} {kind}" for name, kind in table.columns.items())
    con.execute(f"CREATE OR REPLACE TABLE {table.name} ({columns})")
    if not con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [staged]).fetchone():
        return
    outputs = ", ".join(f"{ident(renamed.get(n, n))}::{kind} AS {n}" for n, kind in table.columns.items())
    con.execute(f"INSERT INTO {table.name} SELECT {outputs} FROM {staged} ORDER BY {', '.join(table.key)}")
    keep_one(reading, table, f"SELECT {outputs}, {prefer} AS _prefer FROM {staged}" if prefer else None)


def keep_one(reading: Reading, table: schema.Table, preferred: str | None = None) -> None:
    """Leave one row for each key of a table, and count the others.

    ``preferred``: its rows again with ``_prefer``, whose first one stays; without it the smallest stays: any, but
    always the same one.
    """
    con, key = reading.con, ", ".join(table.key)
    rows = con.execute(f"SELECT count(*), count(DISTINCT ({key})) FROM {table.name}").fetchone() or (0, 0)
    if rows[0] == rows[1]:
        return
    columns = ", ".join(table.columns)
    first = "_prefer" if preferred else ", ".join(n for n in table.columns if n not in table.key)
    kept = f"SELECT DISTINCT ON ({key}) * FROM ({preferred or 'FROM ' + table.name}) ORDER BY {key}, {first}"
    con.execute(f"CREATE OR REPLACE TABLE {table.name} AS SELECT {columns} FROM ({kept}) ORDER BY {key}")
    reading.ledger.table(table.name).lose("same_key", rows[0] - rows[1])
