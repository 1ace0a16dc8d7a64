"""PostgreSQL by URI: tables, columns, and rows streamed through a server-side cursor of a read-only transaction.

The password comes from PGPASSWORD or ~/.pgpass; a URI that carries one is refused, so that none gets into a message,
a manifest or a log.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from leadml.errors import ConfigurationError, DataError

_SCHEMES = ("postgresql:/", "postgres:/")
_SESSION = "-c TimeZone=UTC -c DateStyle=ISO,YMD -c default_transaction_read_only=on"
_FETCH = 20_000


def is_uri(source: str | Path) -> bool:
    """Whether a source is the URI of a PostgreSQL database."""
    return str(source).lower().startswith(_SCHEMES)


def checked_uri(uri: str) -> str:
    """The URI.

    Raises:
        ConfigurationError: It is malformed, or carries a password. Neither is repeated.
    """
    import psycopg

    try:
        parts = psycopg.conninfo.conninfo_to_dict(uri)
    except psycopg.Error:
        raise ConfigurationError(
            "source.path is no URI that PostgreSQL understands: write postgresql://user@host:5432/database"
        ) from None
    if "password" in parts:
        raise ConfigurationError(
            "source.path carries a password: take it out, and set PGPASSWORD or write it to ~/.pgpass"
        )
    return uri


@contextmanager
def _connect(uri: str, what: str) -> Iterator[Any]:
    import psycopg

    try:
        given = psycopg.conninfo.conninfo_to_dict(uri)
        options = " ".join(filter(None, (str(given.get("options") or ""), _SESSION)))
        wait = int(given.get("connect_timeout") or 15)
        with psycopg.connect(uri, options=options, connect_timeout=wait) as con:
            con.read_only = True
            yield con
    except psycopg.Error as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"{what} cannot be read ({said}): look at source.path, the server and your rights") from None


def names(uri: str) -> list[tuple[str, ...]]:
    """(schema, name) of every table and view that the user may see; those of ``public`` without a schema."""
    with _connect(uri, "PostgreSQL") as con:
        rows = con.execute(
            """SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND NOT c.relispartition
                AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
                AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
            ORDER BY 1, 2"""
        ).fetchall()
    return [(name,) if schema == "public" else (schema, name) for schema, name in rows]


def header(table: Any) -> tuple[str, ...]:
    """The names of a table's columns."""
    with _connect(table.uri, table.relative) as con:
        described = con.execute(f"SELECT * FROM ({table.query}) AS t LIMIT 0").description
        return tuple(column.name for column in described)


def rows(table: Any, columns: list[int]) -> Iterator[list[str | None]]:
    """The texts of the columns of every row, as the server writes them; arrays and composites as JSON."""
    with _connect(table.uri, table.relative) as con:
        described = con.execute(f"SELECT * FROM ({table.query}) AS t LIMIT 0").description
        oids = {described[i].type_code for i in columns}
        plain = con.execute(
            "SELECT oid FROM pg_catalog.pg_type WHERE oid = ANY(%s) AND typcategory NOT IN ('A', 'C')", [list(oids)]
        ).fetchall()
        scalar = {oid for (oid,) in plain}
        texts = ", ".join(
            f"c{i}::text" if described[i].type_code in scalar else f"to_json(c{i})::text" for i in columns
        )
        given = ", ".join(f"c{i}" for i in range(len(described)))
        with con.cursor(name="leadml") as cursor:
            cursor.itersize = _FETCH
            cursor.execute(f"SELECT {texts or 'NULL'} FROM ({table.query}) AS t({given})")
            for row in cursor:
                yield list(row[: len(columns)])
