"""JSON: an object a line, or one array of objects. The keys of all objects are the header."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb

from leadml.errors import DataError
from leadml.sources.sql import literal
from leadml.sources.streams import open_text, read_head

# Larger objects are refused: DuckDB's own limit, as a text.
LONGEST = 64 << 20


def is_array(head: bytes) -> bool:
    """Whether a file is one array, and not an object a line."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def read_header(
    con: duckdb.DuckDBPyConnection, path: Path, packing: str, encoding: str, relative: str
) -> tuple[str, ...]:
    """The keys of all objects, in order of appearance.

    Raises:
        DataError: No object in it, or an array that cannot be read.
    """
    names = _fast_header(con, path, packing, encoding)
    if names is None:
        keys: dict[str, None] = {}
        for _, item in read_objects(path, packing, encoding, relative):
            if isinstance(item, dict):
                keys.update(dict.fromkeys(item))
        names = tuple(key.encode("utf-8", "replace").decode() for key in keys)
    if not names:
        raise DataError(f"{relative} holds no JSON objects: export it again with an object a line")
    return names


def _fast_header(con: duckdb.DuckDBPyConnection, path: Path, packing: str, encoding: str) -> tuple[str, ...] | None:
    """The same by DuckDB; None where it cannot read every line."""
    if encoding not in ("", "utf-8", "utf-8-sig"):
        return None
    head = read_head(path, packing)
    try:
        rows = con.execute(
            f"""SELECT key FROM (
                SELECT key, min(i) AS first FROM (
                    SELECT unnest(keys) AS key, unnest(range(len(keys))) AS i FROM (
                        SELECT json_keys(json) AS keys FROM {objects(path, packing, is_array(head))}))
                GROUP BY key) ORDER BY first, key"""
        ).fetchall()
    except duckdb.Error:
        return None
    return tuple(key for (key,) in rows)


def objects(path: Path, packing: str, array: bool) -> str:
    """DuckDB's relation of a file's JSON values, as ``json``."""
    form = "array" if array else "newline_delimited"
    return (
        f"read_json_objects({literal(str(path))}, format={literal(form)}, compression={literal(packing)}, "
        f"maximum_object_size={LONGEST})"
    )


def read_objects(path: Path, packing: str, encoding: str, relative: str) -> Iterator[tuple[int, object]]:
    """(line, value) of every line that is not blank, None where it is no JSON; of an array (number, value).

    Raises:
        DataError: An array that cannot be read, or too large a file of one.
    """
    if is_array(read_head(path, packing)):
        yield from enumerate(_array(path, packing, encoding, relative), 1)
        return
    with open_text(path, packing, encoding or "utf-8") as stream:
        for number, line in enumerate(stream, 1):
            if text := line.strip("\ufeff \t\r\n"):
                yield number, parse(text)


def _array(path: Path, packing: str, encoding: str, relative: str) -> list[object]:
    with open_text(path, packing, encoding or "utf-8") as stream:
        text = stream.read(LONGEST * 4 + 1)
    if len(text) > LONGEST * 4:
        raise DataError(f"{relative} is one large JSON array that is broken: export it with an object a line (.jsonl)")
    value = parse(text.strip("\ufeff \t\r\n"))
    if not isinstance(value, list):
        raise DataError(f"{relative} is a broken JSON array: export it again, or with an object a line (.jsonl)")
    return value


def parse(text: str) -> object:
    """A JSON value; None where the text is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def text_of_json(value: object) -> str | None:
    """A value as text: texts as they are, and the rest as JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
