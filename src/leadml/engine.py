"""The embedded engine: Ibis over DuckDB, set up so that nothing is downloaded and results do not depend on threads."""

from pathlib import Path

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend

from leadml.config import EngineConfig


def connect(config: EngineConfig, spill: Path | None = None) -> Backend:
    """A new in-memory DuckDB that spills to ``spill`` above the memory limit.

    Reading, aggregating and writing keep the order that the expressions state; nothing relies on insertion order.
    """
    settings = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    con = ibis.duckdb.connect(threads=config.threads, memory_limit=config.memory_limit, **settings)
    con.raw_sql("SET TimeZone='UTC'")
    con.raw_sql("SET enable_progress_bar=false")
    if spill is not None:
        con.con.execute("SET temp_directory=?", [str(spill)])
    return con


def put_table(con: Backend, name: str, frame: pd.DataFrame) -> ir.Table:
    """The frame as a temporary table of the engine, replacing one of that name.

    Not `Backend.create_table`: with DuckDB 2 it ends in a DROP VIEW without a name (Ibis 12.0).
    """
    con.con.register("leadml_incoming", frame)
    con.con.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS SELECT * FROM leadml_incoming')
    con.con.unregister("leadml_incoming")
    return con.table(name)
