"""Files to raw DuckDB tables, all text: ``_file`` (number of the physical file), ``_row`` (line), and the columns used.

Clean UTF-8 files are read by DuckDB; anything else (other encodings, line breaks inside fields, broken rows) by a
tolerant reader that streams, decodes and counts what it cannot take. Both give the same rows: a test asserts it.
"""

import codecs
import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import duckdb
import pyarrow as pa

from leadml.errors import DataError
from leadml.sources.mapping import FileSpec
from leadml.sources.sql import Clock, at, ident, literal, plausible, present, stripped

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_BATCH = 50_000


@dataclass(frozen=True)
class Found:
    """One physical file with what was learnt by looking at it once."""

    spec: FileSpec
    path: Path
    relative: str
    sha256: str
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    lines: int


def find_files(folder: Path, specs: dict[str, FileSpec]) -> dict[str, list[Path]]:
    """The physical files of each name in the mapping, sorted by path; symbolic links out of the folder count too.

    Raises:
        DataError: Folder missing or empty; required files missing (all of them, with what was found).
    """
    if not folder.is_dir():
        raise DataError(f"source folder {folder} does not exist: put the exports there, or set source.path")
    present = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    if not present:
        raise DataError(f"source folder {folder} is empty: put the exports there, or set source.path")
    relative = {p: p.relative_to(folder).as_posix() for p in present}
    found = {
        name: [p for p in present if any(_fits(relative[p], pattern) for pattern in spec.pattern)]
        for name, spec in specs.items()
    }
    absent = [f"{n} ({', '.join(s.pattern)})" for n, s in sorted(specs.items()) if s.required and not found[n]]
    if absent:
        names = ", ".join(sorted(relative.values())[:20])
        raise DataError(
            f"{len(absent)} required file(s) missing in {folder}: {'; '.join(absent)}; found: {names}. "
            "Add the files, or set source.files.NAME.pattern to what they are called"
        )
    return found


def _fits(relative: str, pattern: str) -> bool:
    name = relative if "/" in pattern else relative.rsplit("/", 1)[-1]
    return fnmatch(name.lower(), pattern.lower())


def look_at(con: duckdb.DuckDBPyConnection, spec: FileSpec, path: Path, folder: Path) -> Found:
    """Digest, encoding, delimiter and header of one file.

    Raises:
        DataError: The file is not what the mapping says (binary, HTML, unreadable Parquet), or has no header.
    """
    relative = path.relative_to(folder).as_posix()
    if spec.format == "parquet":
        try:
            rows = con.execute(f"DESCRIBE SELECT * FROM read_parquet({literal(str(path))})").fetchall()
        except duckdb.Error as error:
            raise DataError(f"{relative} is not a Parquet file that can be read: export it again") from error
        return Found(spec, path, relative, _digest(path), "", "", tuple(r[0] for r in rows), 0)
    encoding = _encoding_of(spec, path, relative)
    digest, encoding, lines = _scan(path, encoding)
    with path.open(encoding=encoding, errors="replace", newline="") as stream:
        first = stream.readline(1 << 16)
    delimiter = max(",;\t|", key=first.count)
    with path.open(encoding=encoding, errors="replace", newline="") as stream:
        header = next(_records(stream, delimiter), (0, []))[1]
    if not any(h.strip() for h in header):
        raise DataError(f"{relative} has no header line: export it again with column names in its first line")
    names = tuple(h.strip().lstrip("\ufeff") for h in header)
    return Found(spec, path, relative, digest, encoding, delimiter, names, lines)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _encoding_of(spec: FileSpec, path: Path, relative: str) -> str:
    """The encoding by its mark or the mapping, "" where the bytes must tell; refuses what is no text."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    marked = next((name for mark, name in _BOMS if head.startswith(mark)), "")
    start = head.lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise DataError(f"{relative} is a web page, not a CSV file: export it again (a login page was saved, perhaps)")
    if not marked and spec.encoding == "auto" and (b"\0" in head or head.startswith((b"PK\x03\x04", b"\x1f\x8b"))):
        raise DataError(f"{relative} is not a CSV file (binary content): save it as CSV, or unpack it")
    if spec.encoding == "auto":
        return marked
    try:
        return codecs.lookup(spec.encoding).name
    except LookupError as error:
        raise DataError(f"source.files.{spec.name}.encoding={spec.encoding!r} is unknown: use auto or utf-8") from error


def _scan(path: Path, encoding: str) -> tuple[str, str, int]:
    """One pass over the bytes: digest, encoding (utf-8 if all of it is, else cp1252) and number of line ends."""
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    decoder = codecs.getincrementaldecoder("utf-8")() if encoding in ("", "utf-8-sig") else None
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n")
            last = block[-1:]
            if decoder is not None:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    decoder = None
                    encoding = encoding or "cp1252"
    return digest.hexdigest(), encoding or "utf-8", lines + (last != b"\n")


def _records(stream: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(first line, fields) of every record that is not a blank line; an unreadable one has no fields."""
    reader = csv.reader(stream, delimiter=delimiter)
    line = 1
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield line, []
        else:
            if fields:
                yield line, fields
        line = reader.line_num + 1


@dataclass(frozen=True)
class Choice:
    """What to read of a file: logical name to the header's name (None where it has none), and which are times."""

    table: str
    number: int
    columns: dict[str, str | None]
    times: tuple[str, ...]
    missing: tuple[str, ...]
    clock: Clock

    def insert(self, line: str, exprs: list[str], source: str) -> str:
        """The statement that adds rows of a relation, given the expressions of the line and of each column.

        Written as nested selects, so that DuckDB works each text out once: strip, drop missing, parse times.
        """
        names = [ident(c) for c in self.columns]
        raw = ", ".join(f"{stripped(e) if e != 'NULL' else 'NULL::VARCHAR'} AS {n}" for e, n in zip(exprs, names, strict=True))
        kept = ", ".join(f"{present(n, self.missing)} AS {n}" for n in names)
        parsed = "".join(f", {self.clock.instant(ident(t))} AS {at(t)}" for t in self.times)
        checked = "".join(f", {plausible(at(t))}" for t in self.times)
        return (
            f"INSERT INTO {self.table} SELECT {self.number}, _row, {', '.join(names)}{checked} FROM ("
            f"SELECT _row, {', '.join(names)}{parsed} FROM (SELECT _row, {kept} FROM "
            f"(SELECT {line} AS _row, {raw} FROM {source})))"
        )


Rejected = list[tuple[int, str, str | None]]


def read_file(con: duckdb.DuckDBPyConnection, found: Found, choice: Choice) -> Rejected:
    """Append a file's rows to the raw table ``choice.table`` (made here if need be); gives the rows not taken.

    Missing texts become NULL and every text is stripped; ``_at_X`` (TIMESTAMP, UTC) is added for each time X.
    """
    columns = ", ".join(f"{ident(c)} VARCHAR" for c in choice.columns)
    times = "".join(f", {at(t)} TIMESTAMP" for t in choice.times)
    con.execute(f"CREATE TEMP TABLE IF NOT EXISTS {choice.table} (_file INTEGER, _row BIGINT, {columns}{times})")
    if found.spec.format == "parquet":
        _read_parquet(con, found, choice)
        return []
    if found.encoding in ("utf-8", "utf-8-sig") and _read_fast(con, found, choice):
        return []
    return _read_tolerant(con, found, choice)


def _read_parquet(con: duckdb.DuckDBPyConnection, found: Found, choice: Choice) -> None:
    path = literal(str(found.path))
    types = dict(
        con.execute(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet({path}))").fetchall()
    )
    exprs = [_nested(actual, types) if actual else "NULL" for actual in choice.columns.values()]
    source = f"read_parquet({path}, file_row_number=true)"
    con.execute(choice.insert("file_row_number + 1", exprs, source))


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
        records = _records(stream, found.delimiter)
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
