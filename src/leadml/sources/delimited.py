"""Records of delimited text, one by one and with their lines: the slow reader that copes with everything."""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TextIO

# A record larger than this is no record but a quote that nobody closed.
_LONGEST = 16 << 20
_MOST_LINES = 20_000


@dataclass(frozen=True)
class Dialect:
    """How fields are parted, and quoted ("" for not at all; a quote within quotes is doubled)."""

    delimiter: str
    quote: str

    def reader(self, lines: Iterator[str], strict: bool) -> Iterator[list[str]]:
        """The standard library's reader of these fields; ``strict`` refuses what follows a closing quote."""
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=self.delimiter, quotechar=self.quote or None, quoting=quoting, strict=strict)


Record = tuple[int, list[str], str]


def read_records(stream: TextIO, dialect: Dialect, width: int | None = None) -> Iterator[Record]:
    """(first line, fields, rule that refuses it or "") of every record that is not a blank line.

    ``width``: how many fields a record has. A quote that is never closed, or closed in the middle of another field,
    costs its own line only: what it seemed to span is read again.
    """
    csv.field_size_limit(_LONGEST)
    lines, line = _Lines(stream), 1
    reader = dialect.reader(lines, strict=True)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            fields, rule = _alone(lines.first_only(), dialect)
            reader = dialect.reader(lines, strict=True)
        else:
            rule = ""
        if fields or rule:
            yield line, fields, rule or _shape(fields, width)
        # No two records may begin at the same line, whatever ends lines here.
        line += max(lines.take(), 1 if fields or rule else 0)


def _shape(fields: list[str], width: int | None) -> str:
    if width is None or len(fields) == width:
        return ""
    return "short_row" if len(fields) < width else "long_row"


def _alone(line: str, dialect: Dialect) -> tuple[list[str], str]:
    """The fields of a line by itself, read leniently; refused where its quotes do not end."""
    rest = iter((line, "\n"))
    try:
        fields = next(dialect.reader(rest, strict=False))
    except csv.Error:
        return [], "unreadable_row"
    return ([], "unclosed_quote") if next(rest, None) is None else (fields, "")


class _Lines:
    """The lines of a stream; those of the record at hand are kept, to be read again one by one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._again: deque[str] = deque()
        self._held: list[str] = []
        self._size = 0
        # A line is what ends in a line feed, unless the file has the line ends of old Macs.
        self._end = ""

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._stream)
        self._end = self._end or line[-1]
        self._held.append(line)
        self._size += len(line)
        if self._size > _LONGEST or len(self._held) > _MOST_LINES:
            raise csv.Error("no end of the record")
        return line

    def take(self) -> int:
        """Let the record go; how many lines it took."""
        count = sum(line.endswith(self._end) for line in self._held)
        self._held, self._size = [], 0
        return count

    def first_only(self) -> str:
        """The record's first line; its others will be read again."""
        self._again.extendleft(reversed(self._held[1:]))
        del self._held[1:]
        return self._held[0]
