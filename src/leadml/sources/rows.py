"""Texts of rows that come one by one, gathered and written to a raw table in batches."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime

import duckdb
import pyarrow as pa

from leadml.sources.streams import MARK

# (line or number of the row, rule, what was seen)
Rejected = list[tuple[int, str, str | None]]
Rows = Iterable[tuple[int, list[str | None]]]
_BATCH = 50_000
_BATCH_SIZE = 32 << 20


def text_of(value: object) -> str | None:
    """A cell's value as an export would write it: times in ISO form, whole numbers without a fraction."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "leadml.marking")
    return str(value)


def write_rows(con: duckdb.DuckDBPyConnection, insert: Callable[[], str], rows: Rows, width: int) -> Rejected:
    """Run a statement (made for each) on batches of rows: a relation ``_batch`` of ``line``, ``c0``, ``c1`` and so on.

    Gives the rows that hold what could not be decoded.
    """
    rejected: Rejected = []
    for batch in _batches(rows, rejected):
        columns = list(zip(*(texts for _, texts in batch), strict=True)) if width else []
        arrays = [pa.array([line for line, _ in batch], pa.int64()), *(pa.array(c, pa.string()) for c in columns)]
        table = pa.table(arrays, names=["line", *(f"c{i}" for i in range(width))])
        con.register("_batch", table)
        try:
            con.execute(insert())
        finally:
            con.unregister("_batch")
    return rejected


def _batches(rows: Rows, rejected: Rejected) -> Iterator[list[tuple[int, list[str | None]]]]:
    batch: list[tuple[int, list[str | None]]] = []
    size = 0
    for line, texts in rows:
        length = 0
        for text in texts:
            if text is not None:
                length += len(text)
        if any(text is not None and not text.isascii() and _broken(text) for text in texts):
            rejected.append((line, "bad_encoding", None))
            continue
        batch.append((line, texts))
        size += length
        if len(batch) == _BATCH or size > _BATCH_SIZE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _broken(text: str) -> bool:
    """Whether a text holds half a letter: what could not be decoded, or (in JSON) half of an escaped one."""
    if MARK in text:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
