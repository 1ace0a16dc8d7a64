"""Finding the physical files of a mapping, and what one look at each tells: format, encoding, delimiter, header."""

import codecs
import re
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TextIO

import duckdb

from leadml.errors import ConfigurationError, DataError
from leadml.sources import databases, excel, jsonlines
from leadml.sources.databases import Table
from leadml.sources.delimited import Dialect, read_records
from leadml.sources.spec import FileSpec
from leadml.sources.sql import literal
from leadml.sources.streams import MARK, Survey, guess_encoding, marked_encoding, open_text, packing_of, read_head

_FORMATS = {".parquet": "parquet", ".pq": "parquet", ".xlsx": "excel", ".xlsm": "excel"}
_FORMATS |= dict.fromkeys((".jsonl", ".ndjson", ".json"), "jsonl")
_PACKED = (".gz", ".zst")
_HEADER_BREAKS = 9
_CONTROLS = bytes({*range(32)} - set(b"\t\n\v\f\r\x1a\x1b"))
_FEW_CONTROLS = 3
# What a file is by its first bytes, and what to do about it.
_OTHER_FORMATS = (
    (b"%PDF", "a PDF", "export the table itself as CSV"),
    (b"PK\x03\x04", "an Excel workbook or a zip archive", "save it as CSV or give it the ending .xlsx, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save it as CSV, or as .xlsx without a password"),
    (b"\x1f\x8b", "a gzip archive of a gzip archive", "unpack it"),
    (b"BZh", "a bzip2 archive", "unpack it, or pack it with gzip or zstd"),
    (b"\xfd7zXZ", "an xz archive", "unpack it, or pack it with gzip or zstd"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it"),
    (b"PAR1", "a Parquet file", "give it the ending .parquet"),
    (b"SQLite format 3", "a SQLite database", "set source.path to it"),
)


@dataclass(frozen=True)
class Found:
    """One physical file, or one table of a database, with what was learnt by looking at its beginning.

    ``format`` is csv, parquet, jsonl, excel or table. ``encoding`` is "" where only all bytes can tell. ``skip``: lines
    before the header. ``types``: of Parquet, the type of each column as DuckDB writes it.
    """

    spec: FileSpec
    path: Path
    relative: str
    format: str
    header: tuple[str, ...]
    survey: Survey = field(compare=False, repr=False)
    encoding: str = ""
    delimiter: str = ""
    packing: str = "none"
    skip: int = 0
    table: Table | None = None
    types: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """The digest of the file's bytes; of a PostgreSQL table that of its rows, once they were read."""
        return self.survey.sha256

    @property
    def dialect(self) -> Dialect:
        """How fields are parted and quoted."""
        return Dialect(self.delimiter, self.spec.quote)


def find_files(source: str | Path, specs: dict[str, FileSpec]) -> dict[str, list[Path | Table]]:
    """The physical files (or tables) of each name in the mapping, sorted; symbolic links out of the folder count too.

    ``source``: a folder, one file, a DuckDB or SQLite file, or a PostgreSQL URI.

    Raises:
        DataError: Nothing there; required files missing (all of them, with what was found).
        ConfigurationError: The URI cannot be used, or carries a password.
    """
    if databases.is_database(source):
        return databases.find_tables(source, specs)
    folder = Path(source)
    if not folder.exists():
        raise DataError(f"source folder {folder} does not exist: put the exports there, or set source.path")
    here = [folder] if folder.is_file() else folder.rglob("*")
    present = sorted(p for p in here if p.is_file() and not p.name.startswith((".", "~$")))
    if not present:
        raise DataError(f"source folder {folder} is empty: put the exports there, or set source.path")
    relative = {p: _relative(p, folder) for p in present}
    found: dict[str, list[Path | Table]] = {
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


def digests(source: str | Path, specs: dict[str, FileSpec]) -> dict[str, str]:
    """The SHA-256 of every file (or table) of the mapping by its name in reports; "" where only reading would tell."""
    found = [place for places in find_files(source, specs).values() for place in places]
    return {
        p.relative if isinstance(p, Table) else _relative(p, Path(source)): (
            p.survey if isinstance(p, Table) else Survey(p)
        ).sha256
        for p in found
    }


def _relative(path: Path, folder: Path) -> str:
    return path.name if path == folder else path.relative_to(folder).as_posix()


def _fits(relative: str, pattern: str) -> bool:
    """Whether a pattern fits a name, with its ending or, packed, without ``.gz`` or ``.zst``."""
    name = (relative if "/" in pattern else relative.rsplit("/", 1)[-1]).lower()
    bare = next((name.removesuffix(ending) for ending in _PACKED if name.endswith(ending)), name)
    return fnmatch(name, pattern.lower()) or fnmatch(bare, pattern.lower())


def look_at(con: duckdb.DuckDBPyConnection, spec: FileSpec, place: Path | Table, source: str | Path) -> Found:
    """Format, encoding, delimiter and header of one file or table.

    Raises:
        DataError: The file is not what the mapping says (binary, HTML, unreadable Parquet), or has no header.
    """
    if isinstance(place, Table):
        return Found(spec, place.path, place.relative, "table", place.header(), place.survey, table=place)
    relative, kind = _relative(place, Path(source)), format_of(spec, place)
    if kind == "parquet":
        header, types = _parquet_header(con, place, relative)
        return Found(spec, place, relative, kind, header, Survey(place), types=types)
    if kind == "excel":
        return Found(spec, place, relative, kind, excel.read_header(place, relative, spec.sheet), Survey(place))
    packing = packing_of(place)
    head = read_head(place, packing)
    _refuse_others(head, spec, relative, {"csv": "a CSV file", "jsonl": "a JSON lines file"}[kind])
    survey, encoding = Survey(place, packing, lines=True), encoding_of(spec, head)
    if kind == "jsonl":
        header = jsonlines.read_header(con, place, packing, encoding, relative)
        return Found(spec, place, relative, kind, header, survey, encoding, "", packing)
    return _look_at_text(spec, place, relative, survey, (packing, encoding))


def format_of(spec: FileSpec, path: Path) -> str:
    """csv, parquet, jsonl or excel: as the mapping says, else by the ending."""
    if spec.format != "auto":
        return spec.format
    name = path.name.lower()
    bare = next((name.removesuffix(ending) for ending in _PACKED if name.endswith(ending)), name)
    return _FORMATS.get(Path(bare).suffix, "csv")


def _parquet_header(
    con: duckdb.DuckDBPyConnection, path: Path, relative: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names and the types of a file's columns."""
    try:
        rows = con.execute(f"DESCRIBE SELECT * FROM read_parquet({literal(str(path))})").fetchall()
    except duckdb.Error as error:
        raise DataError(f"{relative} is not a Parquet file that can be read: export it again") from error
    return tuple(r[0] for r in rows), tuple(r[1] for r in rows)


def _look_at_text(spec: FileSpec, path: Path, relative: str, survey: Survey, read_as: tuple[str, str]) -> Found:
    packing, encoding = read_as
    with open_text(path, packing, encoding or "utf-8") as stream:
        first = _first_line(stream)
    if not encoding and not first.isascii():
        # Only the whole file tells what the letters of the header are.
        encoding = guess_encoding(path, packing)
        with open_text(path, packing, encoding) as stream:
            first = _first_line(stream)
    named = re.fullmatch(r'"?sep=(.)"?\s*', first.lstrip("\ufeff"), re.IGNORECASE)  # how Excel tells the delimiter
    with open_text(path, packing, encoding or "utf-8") as stream:
        if named:
            first = (_first_line(stream), _first_line(stream))[1]
    delimiter = spec.delimiter or (named[1] if named else _delimiter(first, spec.quote))
    found = Found(spec, path, relative, "csv", (), survey, encoding, delimiter, packing, 1 if named else 0)
    header = read_csv_header(found)
    if not any(h.strip() for h in header):
        raise DataError(f"{relative} has no header line: export it again with column names in its first line")
    if sum(h.count("\n") for h in header) > _HEADER_BREAKS:
        raise DataError(f"{relative} has a quote in its header that is not closed: export it again")
    names = tuple(h.strip().lstrip("\ufeff").replace(MARK, "\ufffd") for h in header)
    return Found(**{**vars(found), "header": names})


def _first_line(stream: TextIO) -> str:
    try:
        return stream.readline(1 << 16)
    except (UnicodeError, LookupError, ValueError) as error:
        raise DataError(
            f"the text cannot be decoded ({type(error).__name__}): set source.files.NAME.encoding"
        ) from error


def _delimiter(line: str, quote: str) -> str:
    mark = re.escape(quote)
    bare = re.sub(f"{mark}[^{mark}]*({mark}|$)", "", line) if quote else line
    return max(",;\t|", key=bare.count)


def read_csv_header(found: Found) -> list[str]:
    """The fields of a CSV file's header line."""
    with open_text(found.path, found.packing, found.encoding or "utf-8") as stream:
        for _ in range(found.skip):
            stream.readline()
        return next((fields for _, fields, _ in read_records(stream, found.dialect)), [])


def encoding_of(spec: FileSpec, head: bytes) -> str:
    """The encoding by its mark or the mapping, "" where the bytes must tell.

    Raises:
        ConfigurationError: The mapping's encoding is none.
    """
    marked = marked_encoding(head)
    if spec.encoding == "auto":
        return marked
    try:
        known = codecs.lookup(spec.encoding)
    except LookupError:
        known = None
    if known is None or not known._is_text_encoding:
        raise ConfigurationError(f"source.files.{spec.name}.encoding={spec.encoding!r} is unknown: use auto or utf-8")
    return marked if marked and known.name in ("utf-8", "utf-16", "utf-32") else known.name


def _refuse_others(head: bytes, spec: FileSpec, relative: str, wanted: str) -> None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise DataError(f"{relative} is a web page, not {wanted}: export it again (a login page was saved, perhaps)")
    for mark, what, way_out in _OTHER_FORMATS:
        if head.startswith(mark):
            raise DataError(f"{relative} is {what}, not {wanted}: {way_out}")
    if head[8:12] == b"DUCK":
        raise DataError(f"{relative} is a DuckDB database, not {wanted}: set source.path to it")
    if not marked_encoding(head) and spec.encoding == "auto" and _is_binary(head[:4096]):
        raise DataError(
            f"{relative} is not {wanted} (binary content): save it as CSV, unpack it, or set "
            f"source.files.{spec.name}.encoding if it is text in UTF-16"
        )


def _is_binary(head: bytes) -> bool:
    """Whether bytes with NUL among them are no text: one in the first line, or many that are no letters.

    A text has one here and there: a broken cell, for which its file is not refused.
    """
    if b"\0" not in head:
        return False
    odd = len(head) - len(head.translate(None, _CONTROLS))
    return b"\0" in head.lstrip(b"\r\n").split(b"\n", 1)[0] or odd > max(_FEW_CONTROLS, len(head) // 50)
