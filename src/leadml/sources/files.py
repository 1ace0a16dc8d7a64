"""Finding the physical files of a mapping, and what one look at each tells: digest, encoding, delimiter, header."""

import codecs
import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import duckdb

from leadml.errors import DataError
from leadml.sources.spec import FileSpec
from leadml.sources.sql import literal

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# What a file is by its first bytes, and what to do about it.
_OTHER_FORMATS = (
    (b"%PDF", "a PDF", "export the table itself as CSV"),
    (b"PK\x03\x04", "an Excel workbook or a zip archive", "save it as CSV, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save it as CSV"),
    (b"\x1f\x8b", "a gzip archive", "unpack it"),
    (b"PAR1", "a Parquet file", "give it the ending .parquet"),
)


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
    bare = re.sub(r'"[^"]*("|$)', "", first)
    delimiter = max(",;\t|", key=bare.count)
    with path.open(encoding=encoding, errors="replace", newline="") as stream:
        header = next(read_records(stream, delimiter), (0, []))[1]
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
    for mark, what, way_out in _OTHER_FORMATS:
        if head.startswith(mark):
            raise DataError(f"{relative} is {what}, not a CSV file: {way_out}")
    if not marked and spec.encoding == "auto" and b"\0" in head:
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


def read_records(stream: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
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
