"""The embedded engine: Ibis over DuckDB, set up so that nothing is downloaded and results do not depend on threads.

It reads, makes snapshots and, unless the settings name another engine, computes the features.
"""

import os
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Protocol

import duckdb
import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend

from leadml.config import EngineConfig, EngineKind
from leadml.errors import ConfigurationError


class Embedded(Backend):
    """DuckDB with what a run's settings say of engines, and the folder that this one spills to."""

    config: EngineConfig | None = None
    spill: Path | None = None


def connect(config: EngineConfig, spill: Path | None = None) -> Embedded:
    """A new in-memory DuckDB that spills to ``spill`` above the memory limit.

    Reading, aggregating and writing keep the order that the expressions state; nothing relies on insertion order.

    Raises:
        ConfigurationError: the settings ask for Spark, which is not installed here.
    """
    if config.kind is EngineKind.spark:
        check_spark()
    settings = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    con = Embedded().connect(threads=config.threads, memory_limit=config.memory_limit, **settings)
    con.config, con.spill = config, spill
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


def check_spark() -> None:
    """Raise `ConfigurationError` where pyspark or Java is missing: asked before anything is read."""
    if find_spec("pyspark") is None:
        raise ConfigurationError("engine=spark needs pyspark, which is not installed: pip install 'leadml[spark]'")
    home = os.environ.get("JAVA_HOME")
    if which("java", path=str(Path(home) / "bin") if home else None) is None:
        where = f"JAVA_HOME={home} has no bin/java" if home else "there is no java on the PATH"
        raise ConfigurationError(f"engine=spark needs Java 17 or newer, but {where}: apt install default-jre-headless")


def open_engine(con: Backend) -> "Engine":
    """What computes the features of the connection's tables: itself, or Spark where its settings say so.

    Raises:
        ConfigurationError: Spark does not start.
    """
    if isinstance(con, Embedded) and con.config is not None and con.config.kind is EngineKind.spark:
        from leadml.engine_spark import SparkEngine  # an extra, and slow to import

        return SparkEngine(con, con.config, con.spill)
    return DuckEngine(con)


def engine_versions(con: Backend) -> list[str]:
    """The engines that `open_engine` would use, with their versions: what else a value may depend on."""
    found = [f"duckdb {duckdb.__version__}"]
    if isinstance(con, Embedded) and con.config is not None and con.config.kind is EngineKind.spark:
        found.append(f"spark {metadata.version('pyspark')}")
    return found


def fetch_frame(con: Backend, query: str) -> pd.DataFrame:
    """The query's rows, texts as str."""
    frame = con.con.execute(query).df()
    return frame.astype({c: "str" for c in frame.columns if frame[c].dtype == object})  # a column without any text


class Engine(Protocol):
    """What features need of an engine: tables in, tables kept, a frame out."""

    def bring(self, name: str, table: ir.Table) -> ir.Table:
        """A table of the embedded engine as a table of this one."""

    def put(self, name: str, frame: pd.DataFrame) -> ir.Table:
        """The frame as a table of the engine."""

    def hold(self, name: str, expression: ir.Table) -> ir.Table:
        """The expression computed once and kept as a table."""

    def fetch(self, expression: ir.Table) -> pd.DataFrame:
        """The expression's rows, in no order."""

    def clear(self) -> None:
        """Drops what was put and held."""


class DuckEngine:
    """The embedded engine; what is kept are temporary tables that may spill to disk."""

    def __init__(self, con: Backend) -> None:
        self.con = con
        self.kept: list[str] = []

    def bring(self, name: str, table: ir.Table) -> ir.Table:
        """See `Engine`; the table as it is."""
        return table

    def put(self, name: str, frame: pd.DataFrame) -> ir.Table:
        """See `Engine`."""
        self.kept.append(name)
        return put_table(self.con, name, frame)

    def hold(self, name: str, expression: ir.Table) -> ir.Table:
        """See `Engine`."""
        self.kept.append(name)
        self.con.con.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {self.con.compile(expression)}')
        return self.con.table(name)

    def fetch(self, expression: ir.Table) -> pd.DataFrame:
        """See `Engine`; three times as fast for wide tables as `ir.Table.to_pandas`."""
        return fetch_frame(self.con, self.con.compile(expression))

    def clear(self) -> None:
        """See `Engine`."""
        for name in self.kept:
            self.con.con.execute(f'DROP TABLE IF EXISTS "{name}"')
        self.kept.clear()
