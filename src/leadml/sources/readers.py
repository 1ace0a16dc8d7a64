"""Files and tables to raw DuckDB tables, all text: ``_file`` (number of the physical file), ``_row`` (line), columns.

Clean text files are read by DuckDB, those in another encoding than UTF-8 from a copy; whatever it cannot vouch for
(broken rows, letters that cannot be decoded) by a tolerant reader that streams, decodes and counts what it cannot take.
Both give the same rows: a test asserts it.
"""

import io
import itertools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

import duckdb

from leadml.errors import ConfigurationError, DataError
from leadml.sources import cells, excel, jsonlines
from leadml.sources.delimited import read_records
from leadml.sources.files import Found
from leadml.sources.filling import Choice, Source, append, create_raw, insertion
from leadml.sources.names import split_nested
from leadml.sources.nested import json_text, typed_text
from leadml.sources.rows import Rejected, Rows, write_rows
from leadml.sources.sql import ident, literal, literals
from leadml.sources.streams import Survey, guess_encoding, open_text, read_head, rewrite_text

__all__ = ["Choice", "Rejected", "alike", "create_raw", "read_file", "read_parquet_files"]

_HEAD = 1 << 16
_UTF8 = ("", "utf-8", "utf-8-sig")  # "": all bytes would have to be read to tell


def read_file(con: duckdb.DuckDBPyConnection, found: Found, choice: Choice) -> Rejected:
    """Append a file's rows to the raw table ``choice.table`` (made here if need be); gives the rows not taken.

    Missing texts become NULL and every text is stripped; ``_at_X`` (TIMESTAMP, UTC) is added for each time X.

    Raises:
        DataError: The file is cut off or damaged.
    """
    create_raw(con, choice)
    found.survey.start()
    if found.format == "parquet":
        read_parquet_files(con, [found], choice, [choice.number])
        return []
    if found.format == "excel":
        return _read_sheet(con, found, choice)
    if found.table is not None:
        return _read_table(con, found, choice)
    fast = _read_json_fast if found.format == "jsonl" else _read_csv_fast
    if found.encoding in _UTF8 and fast(con, found, choice):
        return []
    if found.format == "jsonl":
        return _read_json_slowly(con, found, choice)
    encoding = found.encoding or guess_encoding(found.path, found.packing)
    if encoding not in _UTF8 and _read_csv_rewritten(con, replace(found, encoding=encoding), choice):
        return []
    return _read_csv_slowly(con, replace(found, encoding=encoding), choice)


def alike(files: Iterable[Found]) -> list[list[int]]:
    """The places of the files that have the same columns of the same types, in order: each group is read in one go."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for place, file in enumerate(files):
        groups.setdefault((file.header, file.types), []).append(place)
    return list(groups.values())


def read_parquet_files(con: duckdb.DuckDBPyConnection, files: list[Found], choice: Choice, numbers: list[int]) -> None:
    """Add the rows of Parquet files that are `alike` in one go; ``numbers``: what each file is in the raw table.

    Raises:
        DataError: One of them is damaged.
        ConfigurationError: The memory does not suffice.
    """
    create_raw(con, choice)
    for file in files:
        file.survey.start()
    relation = f"read_parquet([{literals(str(f.path) for f in files)}], file_row_number=true)"
    types = dict(zip(files[0].header, files[0].types, strict=True))
    exprs, clean, instants = {}, set(), {}
    for column, actual in choice.columns.items():
        if actual is not None:
            name, key = split_nested(types, actual)
            exprs[column] = typed_text(name, key, types[name])
            if not key and types[name] not in ("VARCHAR", "BLOB"):
                clean.add(column)
            known = cells.typed_instant(choice.clock, ident(name), types[name]) if not key else None
            if known is not None:
                instants[column] = known
    in_turn = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    number = f"file_index + {numbers[0]}" if in_turn else f"{numbers}[file_index::BIGINT + 1]"
    source = Source(relation, exprs, "file_row_number + 1", number, frozenset(clean), instants, repeats=True)
    names = ", ".join(f.relative for f in files[:3])
    try:
        con.execute(insertion(con, choice, source))
    except duckdb.OutOfMemoryException as error:
        raise ConfigurationError(f"{names} take more memory than engine.memory_limit: raise it") from error
    except duckdb.Error as error:
        raise DataError(f"{names} cannot be read as Parquet (cut off or damaged): export it again") from error


def _exprs(choice: Choice, header: Iterable[str], places: dict[str, str]) -> dict[str, str]:
    """The expression of each column that is there, of a relation whose columns are texts."""
    exprs = {}
    for column, actual in choice.columns.items():
        if actual is not None:
            name, key = split_nested(header, actual)
            exprs[column] = json_text(places[name], key) if key else places[name]
    return exprs


def _used(found: Found, choice: Choice) -> list[str]:
    """The columns of the file that the choice needs, by their names in the header."""
    actual = (name for name in choice.columns.values() if name is not None)
    return list(dict.fromkeys(split_nested(found.header, name)[0] for name in actual))


def _read_rows(con: duckdb.DuckDBPyConnection, found: Found, choice: Choice, rows: Rows) -> Rejected:
    """Add rows that come as texts of the columns that are used, one by one."""
    used = _used(found, choice)
    exprs = _exprs(choice, found.header, {name: f"c{i}" for i, name in enumerate(used)})
    source = Source("_batch", exprs, "line", str(choice.number))
    return write_rows(con, lambda: insertion(con, choice, source), rows, len(used))


# --- CSV


def _read_csv_fast(con: duckdb.DuckDBPyConnection, found: Found, choice: Choice) -> bool:
    """Read by DuckDB; False (and nothing written) unless every line of the file is part of one complete record."""
    names = [f"c{i}" for i in range(len(found.header))]
    places = dict(reversed(list(zip(found.header, names, strict=True))))  # the first of columns of one name
    fields = ", ".join(f"{literal(n)}: 'VARCHAR'" for n in names)
    quote = literal(found.dialect.quote)
    relation = (
        f"read_csv({literal(str(found.path))}, columns={{{fields}}}, auto_detect=false, header=true, "
        f"delim={literal(found.delimiter)}, quote={quote}, escape={quote}, nullstr='', strict_mode=true, "
        f"skip={found.skip}, compression={literal(found.packing)})"
    )
    first = found.skip + 2 + sum(name.count("\n") for name in found.header)
    exprs, number = _exprs(choice, found.header, places), str(choice.number)
    # Line breaks inside fields: a row takes one line more for each of them.
    breaks = (
        f"CASE WHEN contains({n}, '\n') THEN strlen({n}) - strlen(replace({n}, '\n', '')) ELSE 0 END" for n in names
    )
    ways = {False: "1", True: f"1 + {' + '.join(breaks)}"}
    if _has_breaks(found):
        del ways[False]
    return any(
        append(con, choice, Source(relation, exprs, line, number), range(first, found.survey.lines + 1))
        for line in ways.values()
    )


def _read_csv_rewritten(con: duckdb.DuckDBPyConnection, found: Found, choice: Choice) -> bool:
    """Read by DuckDB from a copy in UTF-8, beside what it spills; False as `_read_csv_fast`."""
    ((spill,),) = con.execute("SELECT current_setting('temp_directory')").fetchall()
    if spill:
        Path(spill).mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="leadml-", dir=spill or None) as folder:
        path = Path(folder) / "export.csv"
        if not rewrite_text(found.path, found.packing, found.encoding, path):
            return False
        copy = replace(found, path=path, encoding="utf-8", packing="none", survey=Survey(path, lines=True))
        return _read_csv_fast(con, copy, choice)


def _has_breaks(found: Found) -> bool:
    """Whether a field near the beginning of the file spans lines."""
    with open_text(found.path, found.packing, "utf-8") as stream:
        records = read_records(io.StringIO(stream.read(_HEAD), newline=""), found.dialect)
        return any("\n" in field for _, fields, _ in records for field in fields)


def _read_csv_slowly(con: duckdb.DuckDBPyConnection, found: Found, choice: Choice) -> Rejected:
    """Read by the standard library, decoding as it goes; rows that are no rows are given back."""
    places = [found.header.index(name) for name in _used(found, choice)]
    width, rejected = len(found.header), Rejected()

    def rows(stream: TextIO) -> Rows:
        for line, fields, rule in itertools.islice(read_records(stream, found.dialect, width), 1, None):
            if rule:
                rejected.append((line + found.skip, rule, f"{len(fields)} of {width} fields" if fields else None))
            else:
                yield line + found.skip, [fields[i] for i in places]

    encoding = found.encoding or guess_encoding(found.path, found.packing)
    with open_text(found.path, found.packing, encoding) as stream:
        for _ in range(found.skip):
            stream.readline()
        undecodable = _read_rows(con, found, choice, rows(stream))
    return sorted(rejected + undecodable)


# --- JSON lines, workbooks and databases


def _read_json_fast(con: duckdb.DuckDBPyConnection, found: Found, choice: Choice) -> bool:
    """Read by DuckDB; False (and nothing written) unless every line of the file is one object."""
    used = _used(found, choice)
    paths = literals(["$"]) if not used else literals("$." + '"' + name.replace('"', '\\"') + '"' for name in used)
    array = jsonlines.is_array(read_head(found.path, found.packing))
    relation = (
        f"(SELECT CASE WHEN json_type(json) = 'OBJECT' THEN json_extract_string(json, [{paths}]) "
        f"ELSE error('no object') END AS v FROM {jsonlines.objects(found.path, found.packing, array)})"
    )
    exprs = _exprs(choice, found.header, {name: f"v[{i}]" for i, name in enumerate(used, 1)})
    source = Source(relation, exprs, "1", str(choice.number))
    return append(con, choice, source, None if array else range(1, found.survey.lines + 1))


def _read_json_slowly(con: duckdb.DuckDBPyConnection, found: Found, choice: Choice) -> Rejected:
    used, rejected = _used(found, choice), Rejected()

    def rows() -> Rows:
        for line, value in jsonlines.read_objects(found.path, found.packing, found.encoding, found.relative):
            if isinstance(value, dict):
                yield line, [jsonlines.text_of_json(value.get(name)) for name in used]
            else:
                rejected.append((line, "broken_json" if value is None else "not_an_object", None))

    return sorted(_read_rows(con, found, choice, rows()) + rejected)


def _read_sheet(con: duckdb.DuckDBPyConnection, found: Found, choice: Choice) -> Rejected:
    places = [found.header.index(name) for name in _used(found, choice)]
    rows = excel.read_rows(found.path, found.relative, found.spec.sheet)
    return _read_rows(con, found, choice, ((number, [texts[i] for i in places]) for number, texts in rows))


def _read_table(con: duckdb.DuckDBPyConnection, found: Found, choice: Choice) -> Rejected:
    places = [found.header.index(name) for name in _used(found, choice)]
    return [] if found.table is None else _read_rows(con, found, choice, found.table.rows(places))
