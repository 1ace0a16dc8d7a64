"""The user's SQL: one SELECT of DuckDB's dialect over the tables that features are built from, and over nothing else.

DuckDB's own parser tells what a statement is. Statements other than one SELECT, other tables (a file's name stands for
one), functions that read files, and those whose value changes from run to run are refused before anything is run. The
engine itself stays as it is: it has to read the exports' Parquet, so its external access cannot be turned off.
"""

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import duckdb
import ibis.expr.types as ir

from leadml.engine import DuckEngine
from leadml.errors import ConfigurationError
from leadml.features.spec import FeatureTables

NAMES = tuple(f.name for f in fields(FeatureTables))
ROWS_OF_NOTHING = ("unnest", "range", "generate_series")  # table functions that read no table
# DuckDB calls these the same at every run, but they tell the time; age() does with one argument.
CLOCKS = ("current_localtime", "current_localtimestamp", "get_current_time")
# Words that DuckDB reads as a function where no column has their name.
MOMENTS = ("current_date", "current_time", "current_timestamp", "localtime", "localtimestamp")
MACHINE = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.InterruptException)


def check_select(name: str, text: str, con: duckdb.DuckDBPyConnection) -> None:
    """Raise `ConfigurationError` for anything but one SELECT over `NAMES`.

    Args:
        name: the feature's.
        text: the file's.
        con: any connection; only parses.
    """
    where = f"features.own.{name}"
    parsed = json.loads(con.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchall()[0][0])
    if parsed["error"]:
        why = "" if parsed["error_type"] == "not implemented" else f": {parsed['error_message']}"
        raise ConfigurationError(f"{where}: the file must hold one SELECT giving row and value{why}")
    if len(parsed["statements"]) != 1:
        raise ConfigurationError(
            f"{where}: the file holds {len(parsed['statements'])} statements; one SELECT is needed"
        )
    bad = sorted(set(refused(parsed["statements"][0], NAMES, changing_functions(con))))
    if bad:
        raise ConfigurationError(f"{where}: the SELECT may not use {', '.join(bad)}; it may read {', '.join(NAMES)}")


def changing_functions(con: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Functions whose value is another one at every run (the time, chance), or that tell of the session."""
    query = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'"
    return frozenset(row[0] for row in con.execute(query).fetchall()) | frozenset(CLOCKS)


def refused(node: Any, tables: tuple[str, ...], changing: frozenset[str]) -> Iterator[str]:
    """What a node of the syntax tree, and those below it, may not use; ``tables`` are the names that are in sight."""
    if isinstance(node, list):
        for part in node:
            yield from refused(part, tables, changing)
    if not isinstance(node, dict):
        return
    named = [entry["key"] for entry in (node.get("cte_map") or {}).get("map", [])]
    yield from (f"a WITH named {n!r} (letters, digits and _)" for n in named if not n.isidentifier())
    tables = (*tables, *(n.lower() for n in named))
    kind = node.get("type")
    if kind == "SHOW_REF":
        yield "DESCRIBE, SHOW or SUMMARIZE"
    elif kind == "BASE_TABLE":
        path = node["qualified_name"]["path"]
        if len(path) != 1 or path[0].lower() not in tables:
            yield f"the table or file {'.'.join(path)!r}"
    elif kind == "TABLE_FUNCTION" and node["function"]["function_name"].lower() not in ROWS_OF_NOTHING:
        yield f"{node['function']['function_name']}()"
    elif kind == "COLUMN_REF" and len(node["column_names"]) == 1 and node["column_names"][0].lower() in MOMENTS:
        yield node["column_names"][0]
    elif str(node.get("function_name")).lower() in changing:
        yield f"{node['function_name']}()"
    elif node.get("function_name") == "age" and len(node["arguments"]) != 2:
        yield "age() of one time (write age(later, earlier))"
    if node.get("sample"):
        yield "a sample"
    for part in node.values():
        yield from refused(part, tables, changing)


def without_end(text: str) -> str:
    """The statement without its semicolon and what follows it, so that it can stand in brackets."""
    content = text.encode()
    ends = [at for at, _ in duckdb.tokenize(text) if content[at : at + 1] == b";"]  # counted in bytes
    return content[: ends[0]].decode() if ends else text


def select_table(name: str, text: str, tables: FeatureTables, engine: DuckEngine) -> ir.Table:
    """The SELECT's rows, as a table that the engine keeps.

    Raises:
        ConfigurationError: it cannot be run, or `check_select` refuses it.
    """
    con = engine.con.con
    check_select(name, text, con)
    statement = without_end(text)
    views = {n: f"leadml_own_{n}" for n in NAMES}
    result = f"leadml_own_{name}"
    try:
        for n, view in views.items():
            con.execute(f'CREATE OR REPLACE TEMP VIEW "{view}" AS {engine.con.compile(getattr(tables, n))}')
        # Named anew by WITH: whatever these tables are called in the engine, the user calls them by these names.
        given = ", ".join(f'{n} AS (SELECT * FROM "{view}")' for n, view in views.items())
        con.execute(f'CREATE OR REPLACE TEMP TABLE "{result}" AS WITH {given} SELECT * FROM (\n{statement}\n)')
    except MACHINE:
        raise
    except duckdb.Error as error:
        raise ConfigurationError(
            f"features.own.{name}: the SELECT cannot be run: {' '.join(str(error).split())}"
        ) from error
    finally:
        for view in views.values():
            con.execute(f'DROP VIEW IF EXISTS "{view}"')
    engine.kept.append(result)
    return engine.con.table(result)
