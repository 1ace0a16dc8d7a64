"""Tables of a DuckDB or SQLite file, or of PostgreSQL by URI: which there are, their columns and their rows as texts.

Nothing is ever written: files are opened read-only, PostgreSQL in a read-only transaction.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from leadml.errors import DataError
from leadml.sources import postgres
from leadml.sources.rows import text_of
from leadml.sources.spec import FileSpec
from leadml.sources.sql import ident, literal
from leadml.sources.streams import Survey

_ENDINGS = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".jsonl", ".ndjson", ".json", ".xlsx", ".gz", ".zst", ".*")
_SQLITE, _DUCKDB = b"SQLite format 3\0", b"DUCK"
_FETCH = 20_000


class RowSurvey(Survey):
    """The digest of a table that is no file: of its rows, once they were read."""

    def __init__(self) -> None:
        super().__init__(Path())
        self._digest = hashlib.sha256()
        self._read = False

    def start(self) -> None:
        """There is no file to pass over."""

    def add(self, texts: list[str | None]) -> None:
        """A row that was read."""
        self._read = True
        self._digest.update(repr(texts).encode("utf-8", "surrogatepass"))

    @property
    def sha256(self) -> str:
        """The SHA-256 of the rows read, "" before."""
        return self._digest.hexdigest() if self._read else ""


@dataclass(frozen=True)
class Table:
    """One table, or query, of a database: ``engine`` is duckdb, sqlite or postgres.

    ``relative`` is its name in reports.
    """

    engine: str
    relative: str
    query: str
    path: Path = field(repr=False)
    uri: str = field(default="", repr=False)
    survey: Survey = field(default_factory=RowSurvey, compare=False, repr=False)

    def header(self) -> tuple[str, ...]:
        """The names of its columns.

        Raises:
            DataError: The database, the table or the query cannot be read.
        """
        return _ENGINES[self.engine].header(self)

    def rows(self, columns: list[int]) -> Iterator[tuple[int, list[str | None]]]:
        """(number, texts of the columns) of every row, streamed.

        Raises:
            DataError: The database stopped in the middle.
        """
        for number, texts in enumerate(_ENGINES[self.engine].rows(self, columns), 1):
            if isinstance(self.survey, RowSurvey):
                self.survey.add(texts)
            yield number, texts


def is_database(source: str | Path) -> bool:
    """Whether a source is a database, and not a folder or another file."""
    if postgres.is_uri(source):
        return True
    return engine_of(Path(source)) is not None


def engine_of(path: Path) -> str | None:
    """The engine, sqlite or duckdb, by a file's first bytes, else None."""
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        head = stream.read(16)
    return "sqlite" if head == _SQLITE else "duckdb" if head[8:12] == _DUCKDB else None


def find_tables(source: str | Path, specs: dict[str, FileSpec]) -> dict[str, list[Any]]:
    """The tables of each name in the mapping: by its query or table, else by its pattern without an ending.

    Raises:
        DataError: The database cannot be read, or required tables are missing (all of them, with what there is).
        ConfigurationError: The URI cannot be used, or carries a password.
    """
    uri = postgres.checked_uri(str(source)) if postgres.is_uri(source) else ""
    path = Path() if uri else Path(source)
    engine = "postgres" if uri else engine_of(path) or ""
    label = "postgresql" if uri else path.name
    survey = None if uri else Survey(path)
    names = _ENGINES[engine].names(uri or path)

    def made(relative: str, query: str) -> Table:
        return Table(engine, f"{label}:{relative}", query, path, uri, survey or RowSurvey())

    found: dict[str, list[Any]] = {}
    for name, spec in specs.items():
        if spec.query is not None:
            found[name] = [made(name, spec.query.strip().rstrip(";"))]
        else:
            listed = [n for n in names if _fits(n, spec)]
            found[name] = [made(".".join(n), f"SELECT * FROM {'.'.join(map(ident, n))}") for n in listed]
    absent = [
        f"{n} ({s.table or ', '.join(s.pattern)})" for n, s in sorted(specs.items()) if s.required and not found[n]
    ]
    if absent:
        present = ", ".join(".".join(n) for n in names[:40]) or "none"
        raise DataError(
            f"{len(absent)} required table(s) missing in {label}: {'; '.join(absent)}; found: {present}. "
            "Set source.files.NAME.table to what they are called, or source.files.NAME.query"
        )
    return found


def _fits(name: tuple[str, ...], spec: FileSpec) -> bool:
    """Whether a table ("schema", "name") is the one that the mapping means."""
    full, bare = ".".join(name).lower(), name[-1].lower()
    if spec.table is not None:
        return spec.table.lower() in (full, bare)
    return any(fnmatch(n, _without_ending(p.lower())) for p in spec.pattern for n in (full, bare))


def _without_ending(pattern: str) -> str:
    base = pattern.rsplit("/", 1)[-1]
    while ending := next((e for e in _ENDINGS if base.endswith(e)), None):
        base = base.removesuffix(ending)
    return base


# --- SQLite, by the standard library


def _sqlite(table: Table | Path) -> Any:
    import sqlite3

    path = table if isinstance(table, Path) else table.path
    con = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    con.text_factory = lambda raw: raw.decode("utf-8", "leadml.marking")
    con.execute("PRAGMA query_only = ON")
    return con


def _sqlite_names(source: Any) -> list[tuple[str, ...]]:
    with _told(source), closing(_sqlite(source)) as con:
        rows = con.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name").fetchall()
    return [(name,) for (name,) in rows if not name.startswith("sqlite_")]


def _sqlite_header(table: Table) -> tuple[str, ...]:
    with _told(table), closing(_sqlite(table)) as con:
        return tuple(d[0] for d in con.execute(f"SELECT * FROM ({table.query}) LIMIT 0").description)


def _sqlite_rows(table: Table, columns: list[int]) -> Iterator[list[str | None]]:
    with _told(table), closing(_sqlite(table)) as con:
        cursor = con.execute(table.query)
        while rows := cursor.fetchmany(_FETCH):
            for row in rows:
                yield [text_of(row[i]) for i in columns]


# --- DuckDB, in a connection of its own


def _duckdb(source: Table | Path) -> Any:
    import duckdb

    path = source if isinstance(source, Path) else source.path
    settings: dict[str, Any] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    con = duckdb.connect(config=settings)
    try:
        # Under a name of ours: a schema may be called as the file is.
        con.execute(f"ATTACH {literal(str(path))} AS leadml_source (READ_ONLY)")
        con.execute("USE leadml_source")
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET enable_external_access = false")
    except duckdb.Error:
        con.close()
        raise
    return con


def _duckdb_names(source: Any) -> list[tuple[str, ...]]:
    with _told(source), closing(_duckdb(source)) as con:
        rows = con.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = current_database() "
            "ORDER BY ALL"
        ).fetchall()
    return [(name,) if schema == "main" else (schema, name) for schema, name in rows]


def _duckdb_header(table: Table) -> tuple[str, ...]:
    with _told(table), closing(_duckdb(table)) as con:
        return tuple(r[0] for r in con.execute(f"DESCRIBE SELECT * FROM ({table.query})").fetchall())


def _duckdb_rows(table: Table, columns: list[int]) -> Iterator[list[str | None]]:
    from leadml.sources.nested import typed_text

    with _told(table), closing(_duckdb(table)) as con:
        types = [r[1] for r in con.execute(f"DESCRIBE SELECT * FROM ({table.query})").fetchall()]
        texts = ", ".join(typed_text(f"c{i}", "", types[i]) for i in columns) or "NULL"
        names = ", ".join(f"c{i}" for i in range(len(types)))
        con.execute(f"SELECT {texts} FROM ({table.query}) AS t({names})")
        while rows := con.fetchmany(_FETCH):
            for row in rows:
                yield list(row[: len(columns)])


@contextmanager
def _told(table: Table | Path) -> Iterator[None]:
    """Turns what a database says into one line."""
    import sqlite3

    import duckdb

    try:
        yield
    except (sqlite3.Error, duckdb.Error) as error:
        name = table.relative if isinstance(table, Table) else table.name
        said = " ".join(str(error).split())[:200]
        raise DataError(f"{name} cannot be read ({said}): look at the database or the mapping") from error


@dataclass(frozen=True)
class _Engine:
    names: Callable[[Any], list[tuple[str, ...]]]
    header: Callable[[Any], tuple[str, ...]]
    rows: Callable[[Any, list[int]], Iterator[list[str | None]]]


_ENGINES = {
    "sqlite": _Engine(_sqlite_names, _sqlite_header, _sqlite_rows),
    "duckdb": _Engine(_duckdb_names, _duckdb_header, _duckdb_rows),
    "postgres": _Engine(postgres.names, postgres.header, postgres.rows),
}
