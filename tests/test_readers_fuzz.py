"""Broken files of every kind: an error in one line or rows that add up, never a traceback and never a silent loss."""

import gzip
import io
import json
import random
import re
import shutil
import sqlite3
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import counts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources_helpers import check_counts, connect

from leadml.errors import LeadmlError
from leadml.sources.files import find_files, look_at
from leadml.sources.filling import Choice
from leadml.sources.mapping import parse_mapping
from leadml.sources.names import match_nested
from leadml.sources.readers import Rejected, read_file
from leadml.sources.spec import FileSpec
from leadml.sources.sql import Clock
from leadml.sources.tables import read_tables

HEADER = ["id", "created_at", "source", "note"]
ROWS = [[f"t{i:03}", f"2024-07-{1 + i % 28:02}T10:00:00Z", "web", f"note é {i}"] for i in range(40)]
LINES = "".join(",".join(row) + "\n" for row in [HEADER, *ROWS])


def workbook() -> bytes:
    """The rows as an Excel workbook."""
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in [HEADER, *ROWS]:
        book.active.append(row)
    book.save(stream)
    return stream.getvalue()


def parquet() -> bytes:
    """The rows as a Parquet file."""
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(zip(HEADER, row, strict=True)) for row in ROWS]), stream)
    return stream.getvalue()


def sqlite(folder: Path) -> bytes:
    """The rows as a SQLite database."""
    path = folder / "made.db"
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE leads (id, created_at, source, note)")
        con.executemany("INSERT INTO leads VALUES (?, ?, ?, ?)", ROWS)
    con.close()
    return path.read_bytes()


JSON_LINES = "".join(json.dumps(dict(zip(HEADER, row, strict=True)), ensure_ascii=False) + "\n" for row in ROWS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The same table in every format."""
    zstd = pa.Codec("zstd")
    return {
        "leads.csv": LINES.encode(),
        "leads.tsv": LINES.replace(",", "\t").encode("utf-16"),
        "leads.csv.gz": gzip.compress(LINES.encode()),
        "leads.csv.zst": bytes(zstd.compress(LINES.encode(), asbytes=True)),
        "leads.jsonl": JSON_LINES.encode(),
        "leads.jsonl.gz": gzip.compress(JSON_LINES.encode()),
        "leads.json": ("[" + ",\n".join(JSON_LINES.splitlines()) + "]").encode(),
        "leads.parquet": parquet(),
        "leads.xlsx": workbook(),
        "leads.db": sqlite(tmp_path_factory.mktemp("sqlite")),
    }


NAMES = ["leads.csv", "leads.tsv", "leads.csv.gz", "leads.csv.zst", "leads.jsonl", "leads.jsonl.gz", "leads.json"]
NAMES += ["leads.parquet", "leads.xlsx", "leads.db"]
ODD = [
    b"\0",
    b"\xff",
    b"\x81",
    b'"',
    b"'",
    b"\n",
    b"\r",
    b"\r\n",
    b",",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"{",
    b"]",
    b"\\u",
]


@st.composite
def breakages(draw: st.DrawFn) -> list[tuple[str, int, int, bytes]]:
    """Some ways to break a file: what, where (per mille), how much, with what."""
    kind = st.sampled_from(["cut", "drop", "repeat", "flip", "insert", "shuffle", "empty", "header only"])
    some = st.tuples(kind, st.integers(0, 1000), st.integers(1, 60), st.sampled_from(ODD))
    return draw(st.lists(some, min_size=1, max_size=4))


def broken(content: bytes, ways: list[tuple[str, int, int, bytes]]) -> bytes:
    """The content after all the breakages."""
    for what, where, size, odd in ways:
        at = len(content) * where // 1000
        if what == "cut":
            content = content[:at]
        elif what == "drop":
            content = content[:at] + content[at + size :]
        elif what == "repeat":
            content = content[: at + size] + content[at:]
        elif what == "flip":
            content = content[:at] + bytes(255 - b for b in content[at : at + 1]) + content[at + 1 :]
        elif what == "insert":
            content = content[:at] + odd + content[at:]
        elif what == "shuffle":
            lines = content.splitlines(keepends=True)
            random.Random(where).shuffle(lines)
            content = b"".join(lines)
        else:
            content = b"" if what == "empty" else content.split(b"\n")[0] + b"\n"
    return content


def read(path: Path, every: bool = False) -> tuple[list[tuple[object, ...]], Rejected]:
    """The rows of a file (line first; ``every`` column that there is) and those rejected."""
    con = connect()
    try:
        spec = FileSpec("leads", ("leads.*",))
        (place,) = find_files(path, {"leads": spec})["leads"]
        found = look_at(con, spec, place, path)
        wanted = {c: match_nested(found.header, c) for c in found.header if every and c} or {
            c: match_nested(found.header, c) for c in HEADER
        }
        rejected = read_file(
            con, found, Choice("raw", 0, wanted, () if every else ("created_at",), ("",), Clock("UTC", True))
        )
        assert found.sha256
        return con.execute("SELECT * EXCLUDE (_file) FROM raw").fetchall(), rejected
    finally:
        con.close()


FUZZ = settings(
    max_examples=counts(12, 1500), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of the cells of a megabyte
@pytest.mark.parametrize("name", NAMES)
@FUZZ
@given(ways=breakages())
def test_a_broken_file_is_refused_in_one_line_or_read(
    whole: dict[str, bytes], tmp_path: Path, name: str, ways: list[tuple[str, int, int, bytes]]
):
    path = tmp_path / name
    path.write_bytes(broken(whole[name], ways))
    try:
        rows, rejected = read(path)
    except LeadmlError as error:
        assert "\n" not in str(error) and len(str(error)) < 2000
        return
    lines = [row[0] for row in rows] + [line for line, *_ in rejected]
    assert len(set(lines)) == len(lines)  # no line is counted twice


@pytest.mark.deep
@FUZZ
@given(ways=breakages(), encoding=st.sampled_from(["utf-8", "cp1252", "utf-16-le"]), mixed=st.booleans())
def test_no_line_of_a_text_is_lost(tmp_path: Path, ways: list[tuple[str, int, int, bytes]], encoding: str, mixed: bool):
    text = LINES.replace("note é 7", '"two\nlines"') if mixed else LINES
    content = broken(text.encode(encoding), ways)
    path = tmp_path / "leads.csv"
    path.write_bytes((b"\xff\xfe" if encoding == "utf-16-le" else b"") + content)
    try:
        rows, rejected = read(path, every=True)
    except LeadmlError:
        return
    if len(HEADER) + 1 != len(rows[0] if rows else HEADER) or b'"' in content.split(b"\n")[0]:
        return  # columns of one name, of which the first is read; or a header that spans lines
    taken = {str(value) for row in rows for value in row[1:]}
    begin = sorted([(row[0], False) for row in rows] + [(line, True) for line, *_ in rejected])
    if b"\r" in content.replace(b"\r\n", b""):
        return  # how many lines a file with two kinds of line ends has is anybody's guess
    plain = content.decode("utf-16-le" if encoding == "utf-16-le" else "latin-1", "replace")
    for number, line in enumerate(plain.split("\n")[1:], 2):
        for token in re.findall(r"\bt\d{3}\b", line):
            owner = max((b for b in begin if b[0] <= number), default=(0, False))
            whole = any(token in text for text in taken)
            assert whole or owner[1] or number == 2, (token, number, rows, rejected)


def mapping(folder: Path, pattern: str) -> dict[str, object]:
    """A small mapping whose leads, touchpoints and conversions all come from one file."""
    rows = {"from": "leads", "lead": {"by": "lead", "column": "id"}}
    return {
        "kind": "tables", "name": "fuzz", "path": str(folder), "exported_at": "2024-12-31",
        "limits": {"default": 1.0},
        "files": {"leads": {"pattern": pattern, "id": "id", "quarantine": {"test": {"source": {"matches": "^x"}}}}},
        "leads": {"from": "leads", "lead_id": "id", "created_at": "created_at",
            "attributes": {"source": {"column": "source", "type": "category", "fixed": True}}},
        "touchpoints": {"made": rows | {"id": "id", "occurred_at": "created_at", "channel": "web",
            "kind": {"column": "note"}, "initiator": "lead", "content": "note"}},
        "conversions": {"won": rows | {"at": "created_at", "where": {"source": ["web"]}}},
    }  # fmt: skip


@pytest.mark.deep
@pytest.mark.parametrize("name", NAMES)
@settings(FUZZ, max_examples=counts(4, 150))
@given(ways=breakages())
def test_the_books_of_a_broken_file_add_up(
    whole: dict[str, bytes], tmp_path: Path, name: str, ways: list[tuple[str, int, int, bytes]]
):
    folder = tmp_path / "raw"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / name).write_bytes(broken(whole[name], ways))
    con = connect()
    try:
        report = read_tables(parse_mapping(mapping(folder / name, "leads.*")), "won", con)
        check_counts(con, report)
    except LeadmlError as error:
        assert "\n" not in str(error)
    finally:
        con.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_file_is_read_whole(whole: dict[str, bytes], tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(whole[name])
    rows, rejected = read(tmp_path / name)
    assert not rejected and [list(row[1:5]) for row in sorted(rows)] == ROWS
    con = connect()
    report = read_tables(parse_mapping(mapping(tmp_path / name, "leads.*")), "won", con)
    check_counts(con, report)
    assert report.counts["files"][0]["used"] == 40
    con.close()


@settings(FUZZ, max_examples=counts(40, 2000))
@given(content=st.binary(max_size=300), name=st.sampled_from(NAMES))
def test_any_bytes(tmp_path: Path, content: bytes, name: str):
    (tmp_path / name).write_bytes(content)
    try:
        read(tmp_path / name)
    except LeadmlError as error:
        assert "\n" not in str(error)


def test_a_database_that_is_no_longer_one(tmp_path: Path):
    """Not fuzzed: DuckDB trusts its own pages."""
    con = duckdb.connect(str(tmp_path / "leads.db"))
    con.execute("CREATE TABLE leads AS SELECT range AS id FROM range(100000)")
    con.close()
    content = (tmp_path / "leads.db").read_bytes()
    for broken_content in (content[:20], content[:5000], content[:4096] + b"\xff" * 4096 + content[8192:]):
        (tmp_path / "leads.db").write_bytes(broken_content)
        with pytest.raises(LeadmlError) as error:
            read(tmp_path / "leads.db")
        assert "\n" not in str(error.value)
