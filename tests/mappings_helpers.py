"""Mappings composed as the product composes them, and exports written as text tables that a person can check by eye."""

import csv
import io
from pathlib import Path
from typing import Any

import duckdb
from sources_helpers import check_counts, connect, load
from sources_helpers import show as show_blanks

from leadml.sources.mapping import Mapping, parse_mapping
from leadml.sources.report import SourceReport
from leadml.sources.tables import read_tables


def mapping_of(*names: str, path: Path | str, **settings: Any) -> Mapping:
    """The checked mapping of files of conf/source; the export is at the end of 2024 unless it is said otherwise."""
    return parse_mapping(load(",".join(names), path, **({"exported_at": "2024-12-31"} | settings)))


def read(
    folder: Path, *names: str, conversion: str = "won", **settings: Any
) -> tuple[duckdb.DuckDBPyConnection, SourceReport]:
    """Read a folder by mappings of conf/source, with every row accounted for."""
    con = connect()
    report = read_tables(mapping_of(*names, path=folder, **settings), conversion, con)
    check_counts(con, report)
    return con, report


def show(con: duckdb.DuckDBPyConnection, query: str) -> str:
    """The rows of a query as `table` writes them: without blanks at the end of a line."""
    return "\n".join(line.rstrip() for line in show_blanks(con, query).splitlines())


def export(folder: Path, name: str, text: str, header: str = "") -> Path:
    """Write a text table (a header line and rows, fields parted by bars) as CSV.

    A wide table goes on after an empty line, with its first column again. ``header``: the columns that a real export
    has; those that the table does not name are empty.
    """
    blocks = [_fields(block) for block in text.strip().split("\n\n")]
    rows = [list(first) + [f for b in more for f in b[1:]] for first, *more in zip(*blocks, strict=True)]
    assert all([b[i][0] for b in blocks] == [blocks[0][i][0]] * len(blocks) for i in range(len(rows))), "keys differ"
    columns = [*rows[0], *(c for c in map(str.strip, header.split(",")) if c and c not in rows[0])]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(row + [""] * (len(columns) - len(row)) for row in rows[1:])
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(stream.getvalue(), encoding="utf-8")
    return path


def _fields(block: str) -> list[list[str]]:
    rows = [[field.strip() for field in line.split("|")] for line in block.strip("\n").splitlines()]
    return [row + [""] * (len(rows[0]) - len(row)) for row in rows]
