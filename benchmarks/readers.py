"""Measures reading and mapping against DuckDB reading the same files bare, and prints one table; about two minutes.

    python benchmarks/readers.py [millions of touchpoints, 2 unless said]

Every figure is of this very run; the three are measured by turns, each in a process of its own, whose peak memory is
told. Only a temporary folder is written.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from leadml.sources.mapping import parse_mapping
from leadml.sources.quarantine import Ledger
from leadml.sources.raw import read_raw
from leadml.sources.tables import read_tables

TURNS = 3
KINDS = ("csv", "csv.gz", "csv.zst", "parquet")
WAYS = ("bare", "read", "map")
MEMORY_LIMIT = "1GB"
TOUCHPOINTS = """
    SELECT printf('tp-%09d', i) AS touchpoint_id, printf('00Q%015d', (hash(i) % {leads})::BIGINT) AS lead_id,
        TIMESTAMP '2023-01-01' + to_seconds(i * 30) AS occurred_at,
        TIMESTAMP '2023-01-01' + to_seconds(i * 30 + (hash(i + 7) % 3600)::BIGINT) AS known_at,
        ['email', 'web', 'call', 'form', 'chat'][1 + (hash(i + 1) % 5)::INT] AS channel,
        ['opened', 'clicked', 'visit', 'replied', 'submitted'][1 + (hash(i + 2) % 5)::INT] AS kind,
        ['lead', 'company'][1 + (hash(i + 3) % 2)::INT] AS initiator,
        CASE WHEN hash(i + 4) % 3 = 0 THEN (hash(i + 5) % 1000)::INT / 10 END AS value,
        '/pages/' || (hash(i + 6) % 5000) || '/landing' AS content, 'note ' || (hash(i + 8) % 100000) AS note
    FROM range({rows}) r(i)"""
LEADS = """
    SELECT printf('00Q%015d', i) AS lead_id, TIMESTAMP '2022-12-01' + to_seconds(i) AS created_at,
        ['web', 'ads', 'referral'][1 + i % 3] AS lead_source FROM range({leads}) r(i)"""
CONVERSIONS = """
    SELECT printf('00Q%015d', i * 50) AS lead_id, TIMESTAMP '2023-02-01' + to_seconds(i) AS converted_at
    FROM range({leads} // 50) r(i)"""


def main() -> None:
    """Makes the files, measures, prints."""
    if len(sys.argv) == 4:
        print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]), sys.argv[3])))
        return
    millions = float(sys.argv[1]) if len(sys.argv) > 1 else 2
    with tempfile.TemporaryDirectory(prefix="leadml-bench-") as name:
        folder = Path(name)
        rows = int(millions * 1_000_000)
        make_files(folder, rows)
        print(f"{rows:,} touchpoints, {os.cpu_count()} cores, DuckDB {duckdb.__version__}, limit {MEMORY_LIMIT}\n")
        print(f"{'files':10}{'way':8}{'seconds':>9}{'cpu s':>8}{'rows/s':>12}{'speed':>8}{'peak MB':>9}")
        for kind in KINDS if rows <= 5_000_000 else ("csv", "parquet"):
            print_kind(kind, folder, rows)


def make_files(folder: Path, rows: int) -> None:
    """The same tables in every kind of file, in a folder for each."""
    con = duckdb.connect()
    con.execute(f"SET temp_directory = '{folder}/spill'")
    sizes = {"rows": rows, "leads": max(rows // 10, 1000)}
    for kind in KINDS if rows <= 5_000_000 else ("csv", "parquet"):
        (folder / kind).mkdir()
        packing = {"csv.gz": ", COMPRESSION gzip", "csv.zst": ", COMPRESSION zstd"}.get(kind, "")
        options = "FORMAT parquet" if kind == "parquet" else f"HEADER, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%SZ'{packing}"
        for table, query in (("touchpoints", TOUCHPOINTS), ("leads", LEADS), ("conversions", CONVERSIONS)):
            con.execute(f"COPY ({query.format(**sizes)}) TO '{folder / kind / table}.{kind}' ({options})")


def print_kind(kind: str, folder: Path, rows: int) -> None:
    """The three ways by turns; the speed is that of the bare reading over it."""
    turns: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(TURNS if rows <= 5_000_000 else 1):
        for way in WAYS:
            command = [sys.executable, __file__, way, str(folder), kind]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"{way} of {kind} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
            turns[way].append(json.loads(done.stdout.splitlines()[-1]))
    bare = statistics.median(t["seconds"] for t in turns["bare"])
    for way, listed in turns.items():
        seconds, cpu = (statistics.median(t[k] for t in listed) for k in ("seconds", "cpu"))
        peak = max(t["peak_mb"] for t in listed)
        print(f"{kind:10}{way:8}{seconds:9.2f}{cpu:8.2f}{rows / seconds:12,.0f}{bare / seconds:8.2f}{peak:9,.0f}")


def measure(way: str, folder: Path, kind: str) -> dict[str, float]:
    """Seconds, seconds of the processor and peak memory of one way in this process."""
    with tempfile.TemporaryDirectory(prefix="leadml-spill-") as spill:
        settings: dict[str, Any] = {"autoinstall_known_extensions": "false", "memory_limit": MEMORY_LIMIT}
        con = duckdb.connect(config=settings | {"temp_directory": spill, "threads": 2})
        mapping = parse_mapping(mapping_of(folder / kind))
        begun, used = time.perf_counter(), time.process_time()
        if way == "bare":
            read = "read_parquet" if kind == "parquet" else "read_csv"
            for table in mapping.files:
                con.execute(f"CREATE TABLE {table} AS SELECT * FROM {read}('{folder / kind / table}.{kind}')")
        elif way == "read":
            read_raw(con, mapping, "won", Ledger(con))
        else:
            read_tables(mapping, "won", con)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - used
    return {"seconds": seconds, "cpu": cpu, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def mapping_of(folder: Path) -> dict[str, Any]:
    """A mapping of our own tables."""
    rows = {"lead": {"by": "lead", "column": "lead_id"}}
    return {
        "kind": "tables", "name": "bench", "path": str(folder),
        "files": {
            "leads": {"pattern": "leads.*", "id": "lead_id"},
            "touchpoints": {"pattern": "touchpoints.*", "id": "touchpoint_id"},
            "conversions": {"pattern": "conversions.*"},
        },
        "leads": {"from": "leads", "lead_id": "lead_id", "created_at": "created_at", "attributes": {
            "lead_source": {"column": "lead_source", "type": "category", "fixed": True}}},
        "touchpoints": {"made": rows | {
            "from": "touchpoints", "id": "touchpoint_id", "occurred_at": "occurred_at", "known_at": "known_at",
            "channel": {"column": "channel"}, "kind": {"column": "kind"}, "initiator": {"column": "initiator"},
            "value": "value", "content": "content"}},
        "conversions": {"won": rows | {"from": "conversions", "at": "converted_at"}},
    }  # fmt: skip


if __name__ == "__main__":
    main()
