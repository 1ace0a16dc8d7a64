"""Files of every format to raw tables: the same rows whatever they are written in, and by either reader."""

import codecs
import csv
import datetime as dt
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import counts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources_helpers import connect, show, table

from leadml.errors import ConfigurationError, DataError
from leadml.sources import cells, readers, sql
from leadml.sources.files import Found, digests, find_files, look_at
from leadml.sources.filling import Choice, create_raw
from leadml.sources.mapping import parse_mapping
from leadml.sources.names import match_name, match_nested
from leadml.sources.quarantine import Ledger
from leadml.sources.raw import read_raw
from leadml.sources.readers import Rejected, alike, read_file, read_parquet_files
from leadml.sources.spec import FileSpec
from leadml.sources.sql import Clock

MISSING = ("", "n/a", "-", "select")
SLOW = settings(
    max_examples=counts(20, 500), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """One connection for the many small readings."""
    con = connect()
    con.execute("SET TimeZone = 'UTC'")
    yield con
    con.close()


def look(con: duckdb.DuckDBPyConnection, path: Path, **settings: object) -> Found:
    """One look at one file."""
    return look_at(con, FileSpec("x", ("*",), **settings), path, path.parent)


def choose(found: Found, columns: tuple[str, ...] = (), times: tuple[str, ...] = ()) -> Choice:
    """The columns (all of them unless some are named) of a file as the table ``raw``."""
    wanted = {c: match_nested(found.header, c) for c in columns or found.header}
    return Choice("raw", 0, wanted, times, MISSING, Clock("UTC", True))


def read(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    columns: tuple[str, ...] = (),
    times: tuple[str, ...] = (),
    slowly: bool = False,
    **settings: object,
) -> tuple[str, Rejected]:
    """The rows of a file as text, without the number of the file, and the rows that were rejected."""
    con.execute("DROP TABLE IF EXISTS raw")
    found = look(con, path, **settings)
    choice = choose(found, columns, times)
    if slowly:
        create_raw(con, choice)
        way = readers._read_json_slowly if found.format == "jsonl" else readers._read_csv_slowly
        rejected = way(con, found, choice)
    else:
        rejected = read_file(con, found, choice)
    return show(con, "SELECT * EXCLUDE (_file) FROM raw ORDER BY _row"), rejected


def pack(text: bytes, packing: str) -> bytes:
    """Bytes as gzip, zstd or as they are."""
    if packing == "zst":
        return bytes(pa.Codec("zstd").compress(text, asbytes=True))
    return gzip.compress(text) if packing == "gz" else text


# --- one table, many ways to write it

ROWS = [["Id", "Name", "When"], ["1", "Núñez & Söhne", "2024-07-01T09:30:12Z"], ["2", "N/A", "2024-07-02"]]
READ = table("""
    2 | 1 | Núñez & Söhne | 2024-07-01T09:30:12Z | 2024-07-01 09:30:12
    3 | 2 |  | 2024-07-02 | 2024-07-02""")


def as_csv(rows: list[list[str]], delimiter: str = ",", quote: str = '"', end: str = "\n") -> str:
    """A delimited text with every field quoted."""
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, quotechar=quote, quoting=csv.QUOTE_ALL, lineterminator=end).writerows(rows)
    return stream.getvalue()


ENCODINGS = ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-32", "utf-16-le-bom", "utf-16-be-bom"]


@pytest.mark.parametrize("packing", ["", "gz", "zst"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_are_told_by_the_bytes(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path, encoding: str, packing: str
):
    marked = {"utf-16-le-bom": codecs.BOM_UTF16_LE, "utf-16-be-bom": codecs.BOM_UTF16_BE}
    content = marked.get(encoding, b"") + as_csv(ROWS).encode(encoding.removesuffix("-bom"))
    path = tmp_path / f"x.csv.{packing}".rstrip(".")
    path.write_bytes(pack(content, packing))
    assert read(engine, path, times=("When",)) == (READ, [])
    assert read(engine, path, times=("When",), slowly=True) == (READ, [])


@pytest.mark.parametrize(
    "encoding", ["latin-1", "cp1250", "iso8859-15", "utf-16-le", "utf-16-be", "mac-roman", "cp850"]
)
def test_an_encoding_that_is_said(engine: duckdb.DuckDBPyConnection, tmp_path: Path, encoding: str):
    path = tmp_path / "x.csv"
    text = as_csv([["Id", "Größe"], ["1", "Tür"]])
    path.write_bytes(text.encode(encoding))
    assert read(engine, path, ("Größe",), encoding=encoding) == ("2 | Tür", [])


def test_an_encoding_that_there_is_not(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    for name in ("klingon", "hex", "rot13"):
        with pytest.raises(ConfigurationError, match=f"encoding='{name}' is unknown"):
            look(engine, tmp_path / "x.csv", encoding=name)


def test_half_a_letter_does_not_make_a_file_cp1252(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_bytes("Id,Name\n1,Núñez\n2,Mar".encode() + b"\xc3\n3,Ana\n")
    assert read(engine, path) == ("2 | 1 | Núñez\n4 | 3 | Ana", [(3, "bad_encoding", None)])
    assert read(engine, path, ("Id",)) == ("2 | 1\n3 | 2\n4 | 3", [])  # the broken field is not used


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(engine: duckdb.DuckDBPyConnection, tmp_path: Path, delimiter: str, end: str):
    path = tmp_path / "x.csv"
    path.write_bytes(as_csv([["Id", "A", "B"], ["1", "a b", "\t c"], ["2", "", "N/A"]], delimiter, end=end).encode())
    assert read(engine, path) == ("2 | 1 | a b | c\n3 | 2 |  | ", [])


def test_a_delimiter_and_a_quote_that_are_said(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text("Id:Name, full\n1:'it''s: me'\n2:\"so\"\n")
    assert read(engine, path, delimiter=":", quote="'") == ('2 | 1 | it\'s: me\n3 | 2 | "so"', [])
    path.write_text('Id,Name\n1,5" pipe\n2,"x\n')
    assert read(engine, path, quote="") == ('2 | 1 | 5" pipe\n3 | 2 | "x', [])


@pytest.mark.parametrize(
    "header", ['"Total, net, gross";sp ace ;y', '"a ""b, c, d"" e";f', 'x;"a,\nb,c"', '"a,b";"c,d";"e,f"']
)
def test_commas_in_quotes_are_no_delimiters(engine: duckdb.DuckDBPyConnection, tmp_path: Path, header: str):
    (tmp_path / "x.csv").write_text(header + "\n1;2\n")
    assert look(engine, tmp_path / "x.csv").delimiter == ";"


def test_the_line_by_which_excel_names_the_delimiter(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xef\xbb\xbfsep=;\r\nId;a,b,c\r\n1;x\r\n2;y;z\r\n")
    assert read(engine, path) == ("3 | 1 | x", [(4, "long_row", "3 of 2 fields")])
    path.write_bytes(b"sep=,\r\nId,A\r\n1,x\r\n")
    assert read(engine, path) == ("3 | 1 | x", [])


def test_columns_of_one_name(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    (tmp_path / "x.csv").write_text("Id,Name,Name\n1,first,second\n")
    assert read(engine, tmp_path / "x.csv", ("Id", "Name")) == ("2 | 1 | first", [])
    assert read(engine, tmp_path / "x.csv", ("Id", "Name"), slowly=True) == ("2 | 1 | first", [])


def test_broken_rows_have_their_lines_and_rules(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    text = 'Id,Name\n1,a\n2\n3,b,c\n\n"4,open\n5,"two\nlines"\n"6"x,sloppy\n7,z\n'
    (tmp_path / "x.csv").write_text(text)
    assert read(engine, tmp_path / "x.csv") == (
        "2 | 1 | a\n7 | 5 | two\nlines\n9 | 6x | sloppy\n10 | 7 | z",
        [(3, "short_row", "1 of 2 fields"), (4, "long_row", "3 of 2 fields"), (6, "unclosed_quote", None)],
    )


def test_a_quote_that_is_never_closed_costs_one_line(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    rows = "".join(f"{i},name\n" for i in range(30_000))
    (tmp_path / "x.csv").write_text("Id,Name\n" + '"x,open\n' + rows)
    _, rejected = read(engine, tmp_path / "x.csv")
    assert rejected == [(2, "unclosed_quote", None)]
    assert show(engine, "SELECT count(*), min(_row), max(_row) FROM raw") == "30000 | 3 | 30002"


def test_huge_cells_are_read(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    path = tmp_path / "x.csv"
    for size in (200_000, 1_000_000, 5_000_000):
        path.write_text(f'Id,Name,Note\n1,a,"{"x" * size}"\n2,c,d\n')
        assert read(engine, path, ("Id", "Name")) == ("2 | 1 | a\n3 | 2 | c", [])
        assert read(engine, path, ("Id", "Name"), slowly=True) == ("2 | 1 | a\n3 | 2 | c", [])


def test_nul_letters(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"Id,Name\n" + b"1,a\n" * 2000 + b"2,b\0c\n")
    read(engine, path)
    assert engine.execute("SELECT count(*), max(Name) FROM raw WHERE Id = '2'").fetchone() == (1, "b\0c")


@pytest.mark.parametrize("way", [",", "\t"])
def test_a_nul_near_the_beginning_does_not_cost_the_file(engine: duckdb.DuckDBPyConnection, tmp_path: Path, way: str):
    path = tmp_path / "x.csv"
    for before in (0, 1, 50):
        path.write_bytes(b"Id,Name\n" + b"1,a\n" * before + b"2,b\0c\n" + b"3,d\n" * 50)
        _, rejected = read(engine, path)
        rows = engine.execute("SELECT Id, count(*) FROM raw GROUP BY 1").fetchall()
        assert dict(rows) | {"2": 0} == ({"1": before} if before else {}) | {"2": 0, "3": 50}
        assert dict(rows).get("2", 0) + len(rejected) == 1


def test_bytes_that_are_no_text_are_refused(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    path = tmp_path / "x.csv"
    numbers = b"".join(n.to_bytes(4, "little") for n in range(2000))
    scattered = bytes((n * 7919 + n // 7) % 256 for n in range(5000))
    for content in ("Id,Name\n1,a\n".encode("utf-16-le"), b"Id,Name\n" + numbers, b"Id\n" + scattered, b"I\0d\n1\n"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="binary content"):
            look(engine, path)


# --- the fast reader and its slow twin

cell = st.text(st.sampled_from("ab1é,;\" \t'\u00a0\n\r"), max_size=5)
odd = st.sampled_from(
    ['"', "a,b\n", "\n", "\r", "\r\n", '"x\ny",1,2\n', "é,,\n", ",,\n", '""', "1,2,3\n", 'a,"b\n', "\ufeff"]
)


@pytest.mark.deep
@SLOW
@given(rows=st.lists(st.tuples(cell, cell, cell), max_size=6), end=st.sampled_from(["\n", "\r\n"]))
def test_both_readers_give_the_same_of_a_proper_file(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path, rows: list[tuple[str, ...]], end: str
):
    stream = io.StringIO()
    csv.writer(stream, lineterminator=end).writerows([["Id", "Name", "Note"], *rows])
    path = tmp_path / "x.csv"
    path.write_bytes(stream.getvalue().encode())
    got, rejected = read(engine, path)
    assert (got, rejected) == read(engine, path, slowly=True)
    # The writer leaves a carriage return alone bare, which ends a line.
    if not any("\r" in text for row in rows for text in row):
        assert not rejected
        assert engine.execute("SELECT count(*) FROM raw").fetchone() == (len(rows),)


@pytest.mark.deep
@SLOW
@given(
    parts=st.lists(odd, max_size=12),
    columns=st.sampled_from([(), ("Id",), ("Note", "Id")]),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
def test_both_readers_give_the_same_of_any_text(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path, parts: list[str], columns: tuple[str, ...], encoding: str
):
    path = tmp_path / "x.csv"
    path.write_bytes(("Id,Name,Note\n" + "".join(parts)).encode(encoding))
    assert read(engine, path, columns) == read(engine, path, columns, slowly=True)


def test_clean_files_take_the_fast_way(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(readers, "_read_csv_slowly", lambda *_: pytest.fail("slow"))
    monkeypatch.setattr(readers, "_read_json_slowly", lambda *_: pytest.fail("slow"))
    text = b'\xef\xbb\xbfId,Name\n1,"a, ""b"""\n2,"two\nlines"\n3,x\n'
    for name, packing in (("x.csv", ""), ("x.csv.gz", "gz"), ("x.csv.zst", "zst")):
        (tmp_path / name).write_bytes(pack(text, packing))
        assert read(engine, tmp_path / name) == ('2 | 1 | a, "b"\n3 | 2 | two\nlines\n5 | 3 | x', [])
    for encoding in ("utf-16", "utf-32", "cp1252"):
        (tmp_path / "y.csv").write_bytes('Id,Name\r\n1,"Núñez\nII"\r\n2,x'.encode(encoding))
        assert read(engine, tmp_path / "y.csv") == ("2 | 1 | Núñez\nII\n4 | 2 | x", [])
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    assert read(engine, tmp_path / "x.jsonl") == ("1 | 1\n2 | 2", [])


def test_files_of_one_table_are_added_up(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    texts = ["Id,Name\n1,a\n2,b\n", 'Name,Id\nc,3\n"d\ne",4\nf,5\n', "Id,Name\n6\n7,g\n"]
    engine.execute("DROP TABLE IF EXISTS raw")
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.csv").write_text(text)
        found = look(engine, tmp_path / f"{number}.csv")
        read_file(engine, found, Choice("raw", number, {"Id": "Id"}, (), MISSING, Clock("UTC", True)))
    assert show(engine, "SELECT * FROM raw ORDER BY ALL") == table("""
        0 | 2 | 1
        0 | 3 | 2
        1 | 2 | 3
        1 | 3 | 4
        1 | 5 | 5
        2 | 3 | 7""")


# --- cells

text = st.text(st.sampled_from("aA0-/nN\u00a0\u202f \t\n\r\x1f\x7fé#?."), max_size=9) | st.sampled_from(
    ["N/A ", "select", "Ş"]
)


@pytest.mark.deep
@SLOW
@given(texts=st.lists(text | st.none(), min_size=1, max_size=40))
def test_cleaned_is_trimmed_and_then_missing_or_not(engine: duckdb.DuckDBPyConnection, texts: list[str | None]):
    missing = (*MISSING, "n.a.", "#?", "ş")
    trimmed = f"trim(t, {sql.literal(sql.BLANKS)})"
    blank = cells.may_have_blanks(cells.in_one(["u", "t"]))
    rows = engine.execute(
        f"SELECT t, {cells.cleaned('t', missing, blank)}, {sql.present(trimmed, missing)} "
        "FROM (SELECT unnest($1) AS t, unnest($2) AS u)",
        [texts, texts[::-1]],
    ).fetchall()
    assert all(fast == slow for _, fast, slow in rows), rows


days = st.sampled_from(["2024-02-29", "2024-13-01", "2023-02-29", "2024-2-9", "29/02/2024", "02/29/2024", "9999-12-31"])
hours = st.sampled_from(["", "T10:00:00", " 10:00:00", "T24:00:00", " 1:2:3", "T10:00:60", " 10:00", "T10:00:00.123"])
parts = st.sampled_from(
    ["", ".5", ".123456", ".1234567", "Z", "+0000", "+00:00", "+02", " UTC", ".000+0000", "+0200", "x"]
)
wild = st.text(st.sampled_from("0123456789-/:T .+Z"), max_size=26)


@pytest.mark.deep
@SLOW
@given(
    times=st.lists(st.builds(lambda *p: "".join(p), days, hours, parts) | wild, min_size=1, max_size=30),
    zone=st.sampled_from(["UTC", "Europe/Madrid", "America/Sao_Paulo"]),
    day_first=st.booleans(),
)
def test_a_guessed_way_to_write_times_changes_nothing(
    engine: duckdb.DuckDBPyConnection, times: list[str], zone: str, day_first: bool
):
    clock = Clock(zone, day_first)
    for sample in times[:5]:
        rows = engine.execute(
            f"SELECT t, {cells.instant(clock, 't', [sample])}, {clock.instant('t')} FROM (SELECT unnest($1) AS t)",
            [times],
        ).fetchall()
        assert all(fast == slow for _, fast, slow in rows), rows


def test_every_way_to_write_times_is_tried_first_where_it_is_the_file_s(engine: duckdb.DuckDBPyConnection):
    clock = Clock("Europe/Madrid", True)
    for form in [*cells._iso(), *cells._slashed(True), *cells._epochs()]:
        query = f"SELECT strftime(TIMESTAMP '2024-07-01 08:09:10.123456', '{form.format}')"
        written = ("1719821350123456"[: form.length],) if form.factor else engine.execute(query).fetchone()
        assert len(written[0]) == form.length
        general = engine.execute(f"SELECT {clock.instant('$1::VARCHAR')}", written).fetchone()
        fast = engine.execute(f"SELECT {cells.instant(clock, '$1::VARCHAR', written)}", written).fetchone()
        assert general == fast and general[0] is not None, form
        assert cells.instant(clock, "t", written) != clock.instant("t")


epochs = st.integers(0, 10**17).map(str) | st.builds(
    lambda digits, size, extra: extra.replace("#", (digits * 17)[:size]),
    st.sampled_from(["1", "9", "0", "17198"]),
    st.integers(4, 17),
    st.sampled_from(["#", "-#", "+#", "#.5", "0#", "#e1", "1e#", "1_#", " #", "0x#", "#Z"]),
)


@pytest.mark.deep
@SLOW
@given(times=st.lists(epochs | wild, min_size=1, max_size=30), size=st.sampled_from([9, 10, 12, 13, 15, 16]))
def test_a_guessed_epoch_changes_nothing(engine: duckdb.DuckDBPyConnection, times: list[str], size: int):
    clock = Clock("Europe/Madrid", True)
    fast = cells.instant(clock, "t", ["1719821350123456"[:size]])
    assert fast != clock.instant("t")
    rows = engine.execute(f"SELECT t, {fast}, {clock.instant('t')} FROM (SELECT unnest($1) AS t)", [times]).fetchall()
    assert all(quick == slow for _, quick, slow in rows), rows


@pytest.mark.parametrize("kind", ["BIGINT", "UBIGINT", "INTEGER", "UINTEGER", "HUGEINT"])
def test_whole_numbers_are_the_times_of_their_texts(engine: duckdb.DuckDBPyConnection, kind: str):
    clock = Clock("Europe/Madrid", True)
    ends = [10**n + d for n in range(4, 17) for d in (-1, 0, 1)]
    numbers = [*ends, 0, -1, -(10**9), 45474, 20240701, 1719821350, 1719821350123, 1719821350123456]
    quick = cells.typed_instant(clock, "n", kind)
    given = "(SELECT try_cast(unnest($1) AS " + kind + ") AS n)"
    rows = engine.execute(f"SELECT n, {quick}, {clock.instant('n::VARCHAR')} FROM {given}", [numbers]).fetchall()
    assert all(fast == slow for _, fast, slow in rows), rows
    assert sum(fast is not None for _, fast, _ in rows) >= 8


@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "DATE", "TIMESTAMPTZ"])
def test_times_that_are_typed_are_those_of_their_texts(engine: duckdb.DuckDBPyConnection, tmp_path: Path, kind: str):
    texts = ["2024-07-01 10:00:00", "1989-12-31", "2024-03-31 02:30:00", "2200-01-01 00:00:00", None]
    path = tmp_path / "x.parquet"
    values = ", ".join(f"({sql.literal(t)}::{kind}, {sql.literal(t)}::{kind}::VARCHAR)" for t in texts)
    engine.execute(f"COPY (SELECT * FROM (VALUES {values}) v(a, b)) TO '{path}'")
    engine.execute("DROP TABLE IF EXISTS raw")
    found = look(engine, path)
    read_file(engine, found, Choice("raw", 0, {"a": "a", "b": "b"}, ("a", "b"), MISSING, Clock("Europe/Madrid", True)))
    rows = engine.execute("SELECT a, b, _at_a, _at_b FROM raw ORDER BY _row").fetchall()
    assert all(a == b and at_a == at_b for a, b, at_a, at_b in rows) and len({r[2] for r in rows}) == 4, rows


# --- Parquet, JSON, Excel

PARAMS = [{"key": "page", "value": {"string_value": "/x", "int_value": None}}]
PARAMS.append({"key": "n", "value": {"string_value": None, "int_value": 5}})


def test_parquet_and_json_lines_of_ga4_are_the_same(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    item = {"id": "1", "event_params": PARAMS, "device": {"web": {"host": "h"}}, "event_timestamp": 1719826212000000}
    plain = {"id": "2", "event_params": [], "device": {"web": {"host": None}}, "event_timestamp": 1719826212000001}
    pq.write_table(pa.Table.from_pylist([item, plain]), tmp_path / "x.parquet")
    # As BigQuery writes it: numbers as texts, and nothing where there is nothing.
    told = json.loads(json.dumps(item).replace(": 5", ': "5"').replace('"int_value": null, ', ""))
    short = {"id": "2", "event_timestamp": "1719826212000001"}
    (tmp_path / "x.json").write_text(json.dumps(told) + "\n" + json.dumps(short) + "\n")
    columns = ("id", "event_params.page", "event_params.n", "device.web.host", "event_timestamp")
    expected = table("""
        1 | 1 | /x | 5 | h | 1719826212000000 | 2024-07-01 09:30:12
        2 | 2 |  |  |  | 1719826212000001 | 2024-07-01 09:30:12.000001""")
    for name, slowly in (("x.parquet", False), ("x.json", False), ("x.json", True)):
        assert read(engine, tmp_path / name, columns, ("event_timestamp",), slowly) == (expected, []), name


def test_several_parquet_files_at_once(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    engine.execute("DROP TABLE IF EXISTS raw")
    for name, rows in (("a", [{"x": 1, "y": "n/a"}, {"x": 2, "y": "b"}]), ("b", [{"x": 3, "y": "c"}])):
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
    found = [look(engine, tmp_path / f"{name}.parquet") for name in "ab"]
    for numbers in ([7, 8], [3, 1]):
        engine.execute("DROP TABLE IF EXISTS raw")
        choice = Choice("raw", 0, {"x": "x", "y": "y"}, (), MISSING, Clock("UTC", True))
        read_parquet_files(engine, found, choice, numbers)
        a, b = numbers
        rows = sorted([f"{a} | 1 | 1 | ", f"{a} | 2 | 2 | b", f"{b} | 1 | 3 | c"])
        assert show(engine, "SELECT * FROM raw ORDER BY ALL") == "\n".join(rows)


def test_parquet_files_with_the_same_columns_and_types_are_alike(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    columns = [{"x": 1}, {"X": 1}, {"x": 2}, {"x": "1"}, {"x": 1, "y": 1}, {"X": 3}]
    for i, row in enumerate(columns):
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / f"{i}.parquet")
    found = [look(engine, tmp_path / f"{i}.parquet") for i in range(len(columns))]
    assert alike(found) == [[0, 2], [1, 5], [3], [4]]


# What the same company's Parquet files of one name may differ in, and what is read of them as of CSV files.
PARQUETS = [
    {"Lead_Id": ["L1"], "Created": ["2024-07-01"], "size": ["10"]},
    {"lead_id": ["L2"], "created": ["2024-07-02"], "employees": ["20"]},
    {"LEAD ID": ["L3"], "Created": [dt.datetime(2024, 7, 3)], "employees": [30]},
    {"Lead_Id": ["L4"], "Created": ["2024-07-04"], "size": ["40"]},
    {"Lead_Id": [5], "Created": [1720137600000000], "size": [None]},
]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_files_of_one_name_may_call_and_type_their_columns_differently(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path, kind: str
):
    for i, columns in enumerate(PARQUETS):
        made = pa.table(columns)
        path = tmp_path / f"leads_{i}.{kind}"
        pq.write_table(made, path) if kind == "parquet" else made.to_pandas().to_csv(path, index=False)
    node = {
        "name": "mine", "path": str(tmp_path), "kind": "tables",
        "files": {"leads": {
            "pattern": "leads_*", "id": "lead_id", "columns": {"staff": ["size", "employees"], "at": "created"},
        }},
        "leads": {
            "from": "leads", "lead_id": "lead_id", "created_at": "at",
            "attributes": {"staff": {"column": "staff", "type": "category", "fixed": True}},
        },
        "conversions": {
            "won": {
                "from": "leads", "lead": {"by": "lead", "column": "lead_id"}, "where": {"staff": ["1"]},
                "at": "at",
            },
        },
    }  # fmt: skip
    ledger = Ledger(engine)
    _, tables = read_raw(engine, parse_mapping(node), "won", ledger)
    raw = tables["leads"]
    told = show(engine, f"SELECT _file, _row, lead_id, staff, _at_at FROM {raw.table} ORDER BY _file")
    row = 1 if kind == "parquet" else 2
    assert told == table(f"""
        0 | {row} | L1 | 10 | 2024-07-01
        1 | {row} | L2 | 20 | 2024-07-02
        2 | {row} | L3 | 30 | 2024-07-03
        3 | {row} | L4 | 40 | 2024-07-04
        4 | {row} | 5 |  | 2024-07-05""")
    assert raw.used_headers >= {"size", "employees", "Lead_Id", "lead_id", "LEAD ID"} and "staff" in raw.present
    assert [f.rows for f in ledger.files] == [1] * 5


def test_json_in_a_cell_of_a_csv(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    values = [
        '{"page": "/x", "o": {"p": 1}}',
        '[{"name": "page", "value": "/y"}]',
        '[{"key": "page"}]',
        "no json",
        "{",
        "",
    ]
    with (tmp_path / "x.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["id", "properties"], *enumerate(values)])
    assert (
        read(engine, tmp_path / "x.csv", ("id", "Properties.page", "properties.o.p"))[0]
        == table("""
        2 | 0 | /x | 1
        3 | 1 | /y |
        4 | 2 |  |
        5 | 3 |  |
        6 | 4 |  |
        7 | 5 |  |""").replace(" |\n", " | \n")
        + " "
    )


def test_json_lines_that_are_none(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"a": 1234567890123456789012}\n\n{"a":\n[1]\n7\n{"a": "\\ud800"}\n{"b": true, "a": null}\n{"a": "x'
    )
    assert read(engine, path) == (
        "1 | 1234567890123456789012 | \n7 |  | true",
        [(3, "broken_json", None), (4, "not_an_object", None), (5, "not_an_object", None),
         (6, "bad_encoding", None), (8, "broken_json", None)],
    )  # fmt: skip


def test_an_array_of_objects(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    path = tmp_path / "x.json"
    path.write_text('[\n  {"a": 1},\n  {"a": 2,\n   "b": {"c": "d"}}\n]\n')
    assert read(engine, path, ("a", "b.c")) == ("1 | 1 | \n2 | 2 | d", [])
    assert read(engine, path, ("a", "b.c"), slowly=True) == ("1 | 1 | \n2 | 2 | d", [])
    path.write_text('[{"a": 1}, {"a": 2}')
    with pytest.raises(DataError, match=r"x.json is a broken JSON array: export it again"):
        read(engine, path)
    path.write_text('{\n  "a": 1\n}\n')
    with pytest.raises(DataError, match=r"x.json holds no JSON objects: export it again with an object a line"):
        read(engine, path)


values = st.none() | st.booleans() | st.integers(-(10**25), 10**25) | cell | st.lists(st.integers(0, 3), max_size=2)


@pytest.mark.deep
@SLOW
@given(objects=st.lists(st.dictionaries(st.sampled_from(["a", "b", "c d", 'q"']), values, max_size=4), max_size=5))
def test_both_json_readers_give_the_same(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path, objects: list[dict[str, object]]
):
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(o, separators=(",", ":")) + "\n" for o in [{"a": "", "b": ""}, *objects]))
    assert read(engine, path, ("a", "b", "c d")) == read(engine, path, ("a", "b", "c d"), slowly=True)


def a_workbook(path: Path) -> Path:
    """Two sheets; the second one begins below and right of its corner."""
    from datetime import date, datetime

    book = openpyxl.Workbook()
    first, second = book.active, book.create_sheet("Leads 2024")
    first.append(["Id", "When", "Day", "Amount", "Open", None])
    first.append([7, datetime(2024, 7, 1, 9, 30, 12), date(2024, 7, 1), 3500.5, True, "loose"])
    first.append([None] * 5)
    first.append(["x8", None, "1/7/2024", 12000, False])
    for column, value in enumerate(["Id", "Name"], 2):
        second.cell(3, column, value)
    second.cell(4, 2, 1)
    second.cell(4, 3, "Ana")
    book.save(path)
    return path


def test_workbooks(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    path = a_workbook(tmp_path / "x.xlsx")
    columns = ("Id", "When", "Day", "Amount", "Open")
    assert read(engine, path, columns, ("When", "Day"))[0] == table("""
        2 | 7 | 2024-07-01T09:30:12 | 2024-07-01 | 3500.5 | true | 2024-07-01 09:30:12 | 2024-07-01
        4 | x8 |  | 1/7/2024 | 12000 | false |  | 2024-07-01""")
    assert read(engine, path, ("Id", "Name"), sheet="leads 2024") == ("4 | 1 | Ana", [])
    with pytest.raises(DataError, match=r"no sheet 'Deals': set source.files.NAME.sheet to one of Sheet, Leads 2024"):
        read(engine, path, sheet="Deals")


# --- files that are not what they say

PDF = b"%PDF-1.7\n%text,only\n"
OTHERS = [
    ("x.csv", b"<!DOCTYPE html><html>log in</html>", "x.csv is a web page, not a CSV file: export it again"),
    ("x.csv", b"\xef\xbb\xbf\n <HTML>", "x.csv is a web page"),
    ("x.jsonl", b"<html>", "x.jsonl is a web page, not a JSON lines file"),
    ("x.csv", b"PK\x03\x04rest", "x.csv is an Excel workbook or a zip archive, not a CSV file: save it as CSV"),
    ("x.csv", PDF, "x.csv is a PDF, not a CSV file: export the table itself as CSV"),
    ("x.csv.gz", gzip.compress(PDF), "x.csv.gz is a PDF, not a CSV file"),
    ("x.csv", gzip.compress(gzip.compress(b"a,b\n1,2\n")), "x.csv is a gzip archive of a gzip archive"),
    ("x.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "x.csv is an old Excel workbook, not a CSV file: save it as CSV"),
    ("x.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "x.xlsx is not an Excel workbook that can be read"),
    ("x.xlsx", b"PK\x03\x04rest", "x.xlsx is not an Excel workbook that can be read"),
    ("x.parquet", b"nothing", "x.parquet is not a Parquet file that can be read: export it again"),
    ("x.csv", b"PAR1rest", "x.csv is a Parquet file, not a CSV file: give it the ending .parquet"),
    ("x.csv", b"Id,Cre\x00\x00atedDate\n", r"x.csv is not a CSV file \(binary content\).*UTF-16"),
    ("x.csv", b"\x1f\x8b\x08rest", "x.csv is cut off or damaged"),
    ("x.csv", b"\x28\xb5\x2f\xfdrest", "x.csv is cut off or damaged"),
    ("x.csv", b'a,"b\n' + b"1,2\n" * 20 + b'"\n', "x.csv has a quote in its header that is not closed"),
    ("x.csv", b"\n\n", "x.csv has no header line"),
    ("x.csv", b"", "x.csv has no header line"),
    ("x.jsonl", b"", "x.jsonl holds no JSON objects"),
]


@pytest.mark.parametrize(("name", "content", "told"), OTHERS, ids=[f"{n}-{t[:40]}" for n, _, t in OTHERS])
def test_files_that_are_something_else(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path, name: str, content: bytes, told: str
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=told) as error:
        read(engine, tmp_path / name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_a_packed_file_that_is_cut_off(engine: duckdb.DuckDBPyConnection, tmp_path: Path, packing: str):
    content = pack(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(100_000)), packing)
    path = tmp_path / f"x.csv.{packing}"
    for part in (2, 3, 10):
        path.write_bytes(content[: len(content) - len(content) // part])
        with pytest.raises(DataError, match="is cut off or damaged"):
            read(engine, path)


# --- finding files and columns


def test_patterns_are_names_or_paths_in_any_case(tmp_path: Path):
    for name in ("LEAD.CSV", "old/lead.csv.gz", "old/other.csv", "~$lead.csv", ".lead.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a\n")

    def found(*pattern: str) -> list[str]:
        spec = FileSpec("x", pattern, required=False)
        return [p.relative_to(tmp_path).as_posix() for p in find_files(tmp_path, {"x": spec})["x"]]

    assert found("Lead.csv") == ["LEAD.CSV", "old/lead.csv.gz"]
    assert found("lead.*") == ["LEAD.CSV", "old/lead.csv.gz"]
    assert found("old/*") == ["old/lead.csv.gz", "old/other.csv"]
    assert found("nothing", "*ther*") == ["old/other.csv"]


def test_a_source_may_be_one_file(engine: duckdb.DuckDBPyConnection, tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text("a\n1\n")
    specs = {"x": FileSpec("x", ("*",)), "y": FileSpec("y", ("y.csv",), required=False)}
    assert find_files(path, specs) == {"x": [path], "y": []}
    assert look_at(engine, specs["x"], path, path).relative == "x.csv"
    assert list(digests(path, specs)) == ["x.csv"]
    with pytest.raises(DataError, match="does not exist"):
        find_files(tmp_path / "z.csv", specs)
    with pytest.raises(DataError, match=r"1 required file\(s\) missing in .*: z \(z.csv\); found: x.csv"):
        find_files(tmp_path, {"z": FileSpec("z", ("z.csv",))})


def test_names_match_exactly_then_in_any_case_then_by_letters_and_digits():
    header = ["lead source", "Lead Source", "LeadSource", "Größe (m²)", "a.b", "%"]
    assert match_name(header, "Lead Source") == "Lead Source"
    assert match_name(header, "LEAD SOURCE") == "lead source"
    assert match_name(header, "leadsource") == "LeadSource"
    assert match_name(header, "lead_source") == "lead source"
    assert match_name(header, "GRÖSSE m²") == "Größe (m²)"
    assert match_name(header, "#") is None and match_name(header, "Lead") is None
    assert match_nested(header, "A.B") == "a.b"
    assert match_nested(header, "Lead_Source.key") == "lead source.key"
    assert match_nested(header, "other.key") is None
