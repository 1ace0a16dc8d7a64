"""Files to raw DuckDB tables, all text: ``_file`` (number of the physical file), ``_row`` (line), and the columns used.

Clean UTF-8 files are read by DuckDB; anything else (other encodings, line breaks inside fields, broken rows) by a
tolerant reader that streams, decodes and counts what it cannot take. Both give the same rows: a test asserts it.
"""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from leadml.sources.files import Found, read_records
from leadml.sources.sql import Clock, at, ident, literal, literals, plausible, present, stripped

_BATCH = 50_000


@dataclass(frozen=True)
class Choice:
    """What to read of a file: logical name to the header's name (None where it has none), and which are times."""

    table: str
    number: int
    columns: dict[str, str | None]
    times: tuple[str, ...]
    missing: tuple[str, ...]
    clock: Clock

    def insert(self, line: str, exprs: list[str], source: str, number: str | None = None) -> str:
        """The statement that adds rows of a relation, given the expressions of line, columns and file number.

        Written as nested selects, so that DuckDB works each text out once: strip, drop missing, parse times.
        """
        names = [ident(c) for c in self.columns]
        raw = ", ".join(
            f"{stripped(e) if e != 'NULL' else 'NULL::VARCHAR'} AS {n}" for e, n in zip(exprs, names, strict=True)
        )
        kept = ", ".join(f"{present(n, self.missing)} AS {n}" for n in names)
        parsed = "".join(f", {self.clock.instant(ident(t))} AS {at(t)}" for t in self.times)
        checked = "".join(f", {plausible(at(t))}" for t in self.times)
        return (
            f"INSERT INTO {self.table} SELECT _file, _row, {', '.join(names)}{checked} FROM ("
            f"SELECT _file, _row, {', '.join(names)}{parsed} FROM (SELECT _file, _row, {kept} FROM "
            f"(SELECT {number or self.number} AS _file, {line} AS _row, {raw} FROM {source})))"
        )


Rejected = list[tuple[int, str, str | None]]


def create_raw(con: duckdb.DuckDBPyConnection, choice: Choice) -> None:
    """Make the raw table of a choice unless it is there."""
    columns = ", ".join(f"{ident(c)} VARCHAR" for c in choice.columns)
    times = "".join(f", {at(t)} TIMESTAMP" for t in choice.times)
    con.execute(f"CREATE TEMP TABLE IF NOT EXISTS {choice.table} (_file INTEGER, _row BIGINT, {columns}{times})")


def read_file(con: duckdb.DuckDBPyConnection, found: Found, choice: Choice) -> Rejected:
    """Append a file's rows to the raw table ``choice.table`` (made here if need be); gives the rows not taken.

    Missing texts become NULL and every text is stripped; ``_at_X`` (TIMESTAMP, UTC) is added for each time X.
    """
    if found.spec.format == "parquet":
        read_parquet_files(con, [found], choice)
        return []
    create_raw(con, choice)
    if found.encoding in ("utf-8", "utf-8-sig") and _read_fast(con, found, choice):
        return []
    return _read_tolerant(con, found, choice)


def read_parquet_files(con: duckdb.DuckDBPyConnection, files: list[Found], choice: Choice) -> None:
    """Add the rows of all Parquet files of one name in one go; they are numbered from ``choice.number`` on."""
    create_raw(con, choice)
    paths = f"[{literals(str(f.path) for f in files)}]"
    source = f"read_parquet({paths}, union_by_name=true, filename=true, file_row_number=true)"
    types = dict(con.execute(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {source})").fetchall())
    exprs = [_nested(actual, types) if actual else "NULL" for actual in choice.columns.values()]
    number = f"list_position({paths}, filename) + {choice.number - 1}"
    con.execute(choice.insert("file_row_number + 1", exprs, source, number))


def _nested(column: str, types: dict[str, str]) -> str:
    """A column as text; ``params.key`` of a list of key/value structs (GA4), ``struct.field`` of a struct."""
    if column in types or "." not in column:
        return f"{ident(column)}::VARCHAR"
    outer, key = column.split(".", 1)
    if not types[outer].endswith("[]"):
        return f"{ident(outer)}.{ident(key)}::VARCHAR"
    value = f"list_filter({ident(outer)}, lambda p: p.key = {literal(key)})[1].value"
    kinds = ("string_value", "int_value", "double_value", "float_value")
    return f"coalesce({', '.join(f'{value}.{k}::VARCHAR' for k in kinds)})"


def _read_fast(con: duckdb.DuckDBPyConnection, found: Found, choice: Choice) -> bool:
    """Read by DuckDB; False (and nothing written) unless every line of the file is one complete record."""
    names = [f"c{i}" for i in range(len(found.header))]
    places = dict(reversed(list(zip(found.header, names, strict=True))))  # the first of columns of one name
    exprs = [places[actual] if actual else "NULL" for actual in choice.columns.values()]
    fields = ", ".join(f"{literal(n)}: 'VARCHAR'" for n in names)
    reader = (
        f"read_csv({literal(str(found.path))}, columns={{{fields}}}, auto_detect=false, header=true, "
        f"delim={literal(found.delimiter)}, quote='\"', escape='\"', nullstr='\x01', strict_mode=true)"
    )
    try:
        con.execute("BEGIN")
        done = con.execute(choice.insert("row_number() OVER () + 1", exprs, reader)).fetchone()
    except duckdb.Error:
        con.execute("ROLLBACK")
        return False
    whole = done is not None and done[0] == found.lines - 1
    con.execute("COMMIT" if whole else "ROLLBACK")
    return whole


def _read_tolerant(con: duckdb.DuckDBPyConnection, found: Found, choice: Choice) -> Rejected:
    """Read by the standard library, decoding as it goes; rows with too few or too many fields are given back."""
    places = [found.header.index(a) if a else None for a in choice.columns.values()]
    insert = choice.insert("line", [f"c{i}" for i in range(len(places))], "_batch")
    rejected: Rejected = []
    batch: list[tuple[int, list[str]]] = []

    def write() -> None:
        arrays = [pa.array([line for line, _ in batch], pa.int64())]
        for place in places:
            texts = [None if place is None else fields[place] for _, fields in batch]
            arrays.append(pa.array(texts, pa.string()))
        table = pa.table(arrays, names=["line", *(f"c{i}" for i in range(len(places)))])
        con.register("_batch", table)
        con.execute(insert)
        con.unregister("_batch")
        batch.clear()

    with found.path.open(encoding=found.encoding, errors="replace", newline="") as stream:
        records = read_records(stream, found.delimiter)
        next(records, None)
        for line, fields in records:
            if len(fields) != len(found.header):
                rejected.append((line, _shape_rule(fields, found), f"{len(fields)} of {len(found.header)} fields"))
                continue
            batch.append((line, fields))
            if len(batch) == _BATCH:
                write()
    if batch:
        write()
    return rejected


def _shape_rule(fields: list[str], found: Found) -> str:
    if not fields:
        return "unreadable_row"
    return "short_row" if len(fields) < len(found.header) else "long_row"
