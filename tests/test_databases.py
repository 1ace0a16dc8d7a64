"""Tables of databases as sources: found by name, read as texts, never written to, and no password told."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from sources_helpers import check_counts, connect, show, table

from leadml.errors import ConfigurationError, DataError
from leadml.sources.files import digests, find_files, look_at
from leadml.sources.filling import Choice
from leadml.sources.mapping import parse_mapping
from leadml.sources.names import match_nested
from leadml.sources.readers import Rejected, read_file
from leadml.sources.spec import FileSpec
from leadml.sources.sql import Clock
from leadml.sources.tables import read_tables

LEAD = FileSpec("Lead", ("Lead.*",), id=("Id",))
ROWS = table("""
    1 | 1 | Núñez | 2024-07-01 09:30:12 | 3.5 | 2024-07-01 09:30:12
    2 | 4611686018427387904 |  |  |  |""").replace(" |  |  |  |", " |  |  |  | ")


def read(
    source: str | Path, columns: tuple[str, ...], times: tuple[str, ...] = (), **spec: object
) -> tuple[str, Rejected]:
    """The rows of the one table that fits, as text, and the rows that were rejected."""
    con = connect()
    con.execute("SET TimeZone = 'UTC'")
    made = FileSpec("Lead", ("Lead.*",), **spec)
    (place,) = find_files(source, {"Lead": made})["Lead"]
    found = look_at(con, made, place, source)
    wanted = {c: match_nested(found.header, c) for c in columns}
    rejected = read_file(con, found, Choice("raw", 0, wanted, times, ("n/a",), Clock("UTC", True)))
    return show(con, "SELECT * EXCLUDE (_file) FROM raw ORDER BY _row"), rejected


# --- files


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    path = tmp_path / "crm export.db"
    con = sqlite3.connect(path)
    con.execute("CREATE TABLE lead (Id INTEGER, Name TEXT, At TEXT, Amount REAL, Data TEXT)")
    rows = [(1, "Núñez", "2024-07-01 09:30:12", 3.5, '{"a": 1}'), (2**62, "N/A", None, None, None)]
    con.executemany("INSERT INTO lead VALUES (?, ?, ?, ?, ?)", rows)
    con.execute("CREATE TABLE other (x)")
    con.commit()
    con.close()
    return path


@pytest.fixture
def duckdb_file(tmp_path: Path) -> Path:
    path = tmp_path / "crm.duckdb"
    con = duckdb.connect(str(path))
    con.execute(
        """CREATE TABLE "Lead" AS SELECT * FROM (VALUES
        (1::BIGINT, 'Núñez', TIMESTAMP '2024-07-01 09:30:12', 3.5::DOUBLE, {'a': 1}, [{'key': 'k', 'value': 'v'}]),
        (4611686018427387904, 'N/A', NULL, NULL, NULL, NULL)) AS t(id, name, "at", amount, data, params)"""
    )
    con.execute("CREATE SCHEMA crm; CREATE VIEW crm.crm.deal AS SELECT id FROM crm.main.Lead")
    con.close()
    return path


@pytest.mark.parametrize("kind", ["sqlite_file", "duckdb_file"])
def test_a_table_is_found_by_the_pattern_without_its_ending(kind: str, request: pytest.FixtureRequest):
    path = request.getfixturevalue(kind)
    before = path.read_bytes()
    assert read(path, ("id", "NAME", "At", "Amount"), ("At",)) == (ROWS, [])
    assert read(path, ("data.a",)) == ("1 | 1\n2 | ", [])
    assert path.read_bytes() == before and sorted(p.name for p in path.parent.iterdir()) == [path.name]


@pytest.mark.parametrize("kind", ["sqlite_file", "duckdb_file"])
def test_a_query(kind: str, request: pytest.FixtureRequest):
    path = request.getfixturevalue(kind)
    assert read(path, ("n", "m"), query="SELECT count(*) AS n, max(Id) AS m FROM lead;") == (
        f"1 | 2 | {2**62}",
        [],
    )
    for query in (
        "DELETE FROM lead",
        "SELECT * FROM lead; DROP TABLE lead",
        "SELECT nothing FROM lead",
        "",
        "ATTACH 'x'",
    ):
        with pytest.raises(DataError, match="cannot be read") as error:
            read(path, ("n",), query=query)
        assert "\n" not in str(error.value)
    assert read(path, ("id",))[0].count("\n") == 1


def test_a_table_that_is_named(duckdb_file: Path, sqlite_file: Path):
    assert read(duckdb_file, ("id",), table="crm.deal") == (f"1 | 1\n2 | {2**62}", [])
    assert read(duckdb_file, ("params.k",), table="LEAD") == ("1 | v\n2 | ", [])
    told = r"1 required table\(s\) missing in crm.duckdb: Lead \(Deals\); found: crm.deal, Lead. Set source.files"
    with pytest.raises(DataError, match=told):
        read(duckdb_file, ("id",), table="Deals")
    assert find_files(sqlite_file, {"y": FileSpec("y", ("y.csv",), required=False)}) == {"y": []}


def test_the_digest_of_a_table_is_its_file_s(sqlite_file: Path):
    first = digests(sqlite_file, {"Lead": LEAD})
    assert list(first) == ["crm export.db:lead"] and len(first["crm export.db:lead"]) == 64
    with sqlite3.connect(sqlite_file) as con:
        con.execute("INSERT INTO lead (Id) VALUES (3)")
    con.close()
    assert digests(sqlite_file, {"Lead": LEAD}) != first


def test_a_text_that_is_no_unicode(sqlite_file: Path):
    with sqlite3.connect(sqlite_file) as con:
        con.execute("INSERT INTO lead (Id, Name) VALUES (3, CAST(x'4dc3' AS TEXT))")
    con.close()
    assert read(sqlite_file, ("Id", "Name"))[1] == [(3, "bad_encoding", None)]


@pytest.mark.parametrize("kind", ["sqlite_file", "duckdb_file"])
def test_a_database_that_is_cut_off(kind: str, request: pytest.FixtureRequest):
    path = request.getfixturevalue(kind)
    content = path.read_bytes()
    for size in (100, 1000, len(content) // 2):
        path.write_bytes(content[:size])
        with pytest.raises(DataError) as error:
            read(path, ("id",))
        assert "\n" not in str(error.value)


# --- PostgreSQL

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:] or [
    Path(p).parent for p in [shutil.which("initdb")] if p
]


def as_postgres(*words: str | Path, cwd: Path) -> None:
    """Run one of PostgreSQL's programs, which refuse to be root."""
    switch = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run([*switch, *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a server of its own that listens on a socket in a temporary folder only."""
    if not BINARIES or (os.geteuid() == 0 and not shutil.which("runuser")):
        reason = "no PostgreSQL server on this machine (initdb)"
        pytest.fail(reason) if os.environ.get("LEADML_REQUIRE_POSTGRES") == "1" else pytest.skip(reason)
    import tempfile

    # Not pytest's folder: the server's user must reach it, and the path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="leadml-pg-") as name:
        folder, bin_ = Path(name), BINARIES[0]
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        as_postgres(
            bin_ / "initdb", "-D", folder / "data", "-U", "ana", "-A", "trust", "--no-sync", "-E", "UTF8", cwd=folder
        )
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        start = ("-D", folder / "data", "-l", folder / "log", "-w", "-o", options, "start")
        as_postgres(bin_ / "pg_ctl", *start, cwd=folder)
        try:
            yield f"postgresql://ana@/postgres?host={folder}"
        finally:
            as_postgres(bin_ / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop", cwd=folder)


@pytest.fixture(scope="module")
def crm(server: str) -> str:
    """The same server with a few tables."""
    import psycopg

    with psycopg.connect(server) as con:
        con.execute(
            """CREATE TABLE "Lead" ("Id" bigint, "Name" text, "At" timestamptz, "Amount" numeric, data jsonb,
                tags text[]);
            INSERT INTO "Lead" VALUES
                (1, 'Núñez', '2024-07-01 11:30:12+02', 3.5, '{"a": 1}', '{x,y}'),
                (4611686018427387904, 'N/A', NULL, NULL, NULL, NULL);
            CREATE SCHEMA sales; CREATE VIEW sales.deal AS SELECT "Id" AS "LeadId", date '2024-08-01' AS won FROM "Lead"
                WHERE "Id" = 1;
            CREATE TABLE many AS SELECT i AS "Id", 'name ' || i AS "Name" FROM generate_series(1, 50000) i"""
        )
    return server


def test_postgres(crm: str):
    assert read(crm, ("id", "NAME", "At", "Amount"), ("At",)) == (
        ROWS.replace("2024-07-01 09:30:12 | 3.5", "2024-07-01 09:30:12+00 | 3.5"),
        [],
    )
    assert read(crm, ("data.a", "tags")) == ('1 | 1 | ["x","y"]\n2 |  | ', [])
    assert read(crm, ("leadid",), table="sales.deal") == ("1 | 1", [])
    assert read(crm, ("n",), query="SELECT count(*) AS n FROM many WHERE \"Name\" LIKE '%1'") == ("1 | 5000", [])
    rows, rejected = read(crm, ("Id", "name"), table="many")
    assert (rows.count("\n"), rows.splitlines()[-1], rejected) == (49_999, "50000 | 50000 | name 50000", [])


def test_postgres_is_never_written_to(crm: str):
    for query in ("DELETE FROM many RETURNING *", "SELECT setval('x', 1)", "SELECT 1; DROP TABLE many", "nonsense"):
        with pytest.raises(DataError, match="cannot be read") as error:
            read(crm, ("id",), query=query)
        assert "\n" not in str(error.value)
    assert read(crm, ("n",), query="SELECT count(*) AS n FROM many") == ("1 | 50000", [])
    assert list(digests(crm, {"Lead": LEAD}).values()) == [""]  # only reading would tell


def test_tables_by_a_mapping(crm: str):
    mapping = parse_mapping({
        "kind": "tables", "name": "pg", "path": crm, "exported_at": "2024-12-31",
        "files": {"Lead": {"pattern": "Lead.csv"}, "Deal": {"table": "sales.deal", "pattern": "deal"}},
        "leads": {"from": "Lead", "lead_id": "Id", "created_at": "At", "attributes": {}},
        "touchpoints": {"won": {"from": "Deal", "id": "LeadId", "lead": {"by": "lead", "column": "LeadId"},
            "occurred_at": "won", "channel": "crm", "kind": "won", "initiator": "lead"}},
        "conversions": {"won": {"from": "Deal", "lead": {"by": "lead", "column": "LeadId"}, "at": "won"}},
    })  # fmt: skip
    con = connect()
    report = read_tables(mapping, "won", con)
    check_counts(con, report)
    assert show(con, "SELECT lead_id, converted_at FROM conversions") == "1 | 2024-08-01"
    assert show(con, "FROM quarantine") == "postgresql:Lead | 2 | missing_date | At | "
    assert all(len(file["sha256"]) == 64 for file in report.files)


def test_a_server_that_is_not_there_and_tables_that_are_not(crm: str, tmp_path: Path):
    with pytest.raises(
        DataError, match=r"1 required table\(s\) missing in postgresql: Lead \(Deals\); found: Lead, many"
    ):
        read(crm, ("id",), table="Deals")
    with pytest.raises(DataError, match="PostgreSQL cannot be read") as error:
        read(f"postgresql://ana@/postgres?host={tmp_path}", ("id",))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://ana:s3cret@127.0.0.1:1/db",
        "postgres://ana@127.0.0.1:1/db?password=s3cret",
        "postgresql://ana:s3cret@127.0.0.1:s3cret/db",
        "postgresql://ana:s3cret@[::1/db",
        "postgresql://ana:s3cret@h/db?no=such",
    ],
)
def test_a_password_is_refused_and_never_repeated(uri: str):
    with pytest.raises(ConfigurationError) as error:
        find_files(uri, {"Lead": LEAD})
    chain: BaseException | None = error.value
    while chain is not None:
        assert "s3cret" not in str(chain) or chain.__suppress_context__
        chain = chain.__cause__
    assert "s3cret" not in str(error.value)
    assert "PGPASSWORD" in str(error.value) or "no URI that PostgreSQL understands" in str(error.value)
