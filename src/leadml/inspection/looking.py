"""A folder, a file or a database as tables in DuckDB: what can be read, which pattern finds it, and what cannot."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from leadml.errors import DataError, LeadmlError
from leadml.inspection.measures import Look
from leadml.inspection.words import snake
from leadml.sources.databases import Table
from leadml.sources.files import Found, find_files, look_at
from leadml.sources.readers import Choice, read_file
from leadml.sources.spec import FileSpec
from leadml.sources.sql import Clock, ident
from leadml.sources.streams import guess_encoding

MISSING = ("", "-", "--", "n/a", "na", "nan", "nat", "null", "none", "select", "--none--", "#n/a", "?")
MOST_FILES = 500
ENDINGS = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".jsonl", ".ndjson", ".json", ".xlsx")
PACKED = (".gz", ".zst")


@dataclass(frozen=True)
class Unread:
    """A file that is no table that can be read, and why."""

    place: str
    why: str


def look_around(con: duckdb.DuckDBPyConnection, source: str) -> tuple[list[Look], list[Unread]]:
    """Every table of a folder, a file or a database, read whole into DuckDB as text; files of one shape are one table.

    Raises:
        DataError: Nothing is there.
        ConfigurationError: A database's URI cannot be used.
    """
    places = find_files(source, {"*": FileSpec("*", ("*",), required=False)})["*"]
    unread = [Unread(_name(p, source), f"not looked at: more than {MOST_FILES} files") for p in places[MOST_FILES:]]
    found: list[Found] = []
    for place in places[:MOST_FILES]:
        try:
            found.append(_look(con, place, source))
        except (LeadmlError, OSError, UnicodeError, ValueError) as error:
            unread.append(Unread(_name(place, source), _one_line(error)))
    looks: list[Look] = []
    for pattern, group in _grouped(found).items():
        try:
            looks.append(_read(con, pattern, group, _free_name(pattern, {x.name for x in looks}), len(looks)))
        except (LeadmlError, OSError, UnicodeError, ValueError, duckdb.Error) as error:
            unread.append(Unread(group[0].relative, _one_line(error)))
    return looks, unread


def _name(place: Path | Table, source: str) -> str:
    if isinstance(place, Table):
        return place.relative
    folder = Path(source)
    return place.name if place == folder else place.relative_to(folder).as_posix()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _look(con: duckdb.DuckDBPyConnection, place: Path | Table, source: str) -> Found:
    name = _name(place, source)
    if isinstance(place, Path):
        ending = next((s.lower() for s in reversed(place.suffixes) if s.lower() not in PACKED), "")
        if ending not in ENDINGS:
            raise DataError(f"no kind of table that is read ({', '.join(ENDINGS)}, packed with .gz or .zst)")
    found = look_at(con, FileSpec(name, (name,)), place, source)
    again = sorted({h for h in found.header if found.header.count(h) > 1})
    if again:
        raise DataError(f"{name} has columns of one name: {', '.join(again[:5]) or '(none)'}; rename them")
    if (
        len(found.header) == 1
        and found.format == "csv"
        and not (" " not in found.header[0] and len(found.header[0]) < 40)
    ):
        raise DataError(f"{name} has one column, and its header is a sentence: no table")
    return found


def _grouped(found: list[Found]) -> dict[str, list[Found]]:
    """Files of one header whose names differ by numbers only (events_20250101) are one table, found by one pattern."""
    groups: dict[tuple[str, tuple[str, ...]], list[Found]] = {}
    for file in found:
        own = _own_name(file)
        stem = re.sub(r"\d+(?:[-_.]\d+)*", "*", own) if file.table is None else own
        groups.setdefault((stem, file.header), []).append(file)
    made: dict[str, list[Found]] = {}
    for (stem, _), files in groups.items():
        pattern = stem if len(files) > 1 else _literal(_own_name(files[0]))
        while pattern in made:  # two shapes under one pattern, or one name in two folders
            pattern = _literal(files[0].relative)
        made[pattern] = files
    return made


def _own_name(file: Found) -> str:
    """A file's name without its folder; a table's without its database."""
    return file.path.name if file.table is None else file.relative.partition(":")[2]


def _literal(name: str) -> str:
    """A file's name as a pattern that finds it alone."""
    return re.sub(r"([\[*?])", r"[\1]", name)


def _encoding(file: Found) -> str:
    """The encoding of a text file; where its beginning does not tell, by all of its bytes."""
    if file.encoding or file.format not in ("csv", "jsonl"):
        return file.encoding
    return guess_encoding(file.path, file.packing)


def _free_name(pattern: str, taken: set[str]) -> str:
    stem = re.sub(r"\.(?:csv|tsv|txt|parquet|pq|jsonl|ndjson|json|xlsx|gz|zst)\b", "", pattern.rsplit("/", 1)[-1])
    name = snake(stem) or "table"
    free = name
    while free in taken:
        free = f"{name}_{sum(t.startswith(name) for t in taken) + 1}"
    return free


def _read(con: duckdb.DuckDBPyConnection, pattern: str, files: list[Found], name: str, number: int) -> Look:
    first = files[0]
    columns: dict[str, str | None] = {f"c{i}": header for i, header in enumerate(first.header)}
    choice = Choice(ident(f"look_{number}"), 0, columns, (), MISSING, Clock("UTC", True))
    con.execute(f"DROP TABLE IF EXISTS {choice.table}")
    rejected = 0
    for i, file in enumerate(files):
        rejected += len(read_file(con, file, replace(choice, number=i)))
    rows = (con.execute(f"SELECT count(*) FROM {choice.table}").fetchone() or (0,))[0]
    return Look(
        name=name,
        place=first.relative if len(files) == 1 else f"{pattern} ({len(files)} files)",
        pattern=pattern,
        table=choice.table,
        header=first.header,
        rows=rows,
        format=first.format,
        encoding=_encoding(first),
        delimiter=first.delimiter,
        rejected=rejected,
    )
