"""Features by Spark: the tables go over as Parquet files in a folder that all of its machines see, and come back so.

The same Ibis expressions as `engine.DuckEngine` runs, compiled to Spark's SQL. Only Java runs on Spark's side: its
machines need neither Python nor leadml. Imported only where the settings ask for it.
"""

import itertools
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp
from typing import Any, TypeVar

import ibis.expr.operations as ops
import ibis.expr.types as ir
import pandas as pd
import sqlglot.expressions as sge
from ibis.backends.duckdb import Backend
from ibis.backends.sql.compilers.pyspark import PySparkCompiler

from leadml.config import EngineConfig
from leadml.engine import fetch_frame
from leadml.errors import ConfigurationError

with warnings.catch_warnings():
    # It warns of pandas 3, which it never sees here: rows pass as Parquet and Arrow.
    warnings.simplefilter("ignore", FutureWarning)
    from ibis.backends.pyspark import Backend as PySparkBackend
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

SETTINGS = {
    "spark.app.name": "leadml",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",  # attributes are named by people: Industry is not industry
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}
LOCAL = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "localhost"}
DIGITS = r"\d+(_\d+)*"
NUMBER = rf"(?i)^\s*[+-]?(({DIGITS}\.?({DIGITS})?|\.{DIGITS})(e[+-]?{DIGITS})?|inf|infinity)\s*$"
UNITS = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2}  # of memory, in MiB
Result = TypeVar("Result")


class SparkCompiler(PySparkCompiler):
    """Where Ibis' SQL for Spark says something else than its SQL for DuckDB, for what features use."""

    def visit_ArrayIndex(self, op: ops.Node, *, arg: sge.Expression, index: sge.Expression) -> sge.Expression:
        """Null outside the array; Ibis' choice raises there."""
        return self.f.get(arg, index)

    def visit_ArrayRepeat(self, op: ops.Node, *, arg: sge.Expression, times: sge.Expression) -> sge.Expression:
        """Spark repeats by an int, not by a bigint."""
        return self.f.flatten(self.f.array_repeat(arg, self.f.int(times)))

    def visit_FloorDivide(self, op: ops.Node, *, left: sge.Expression, right: sge.Expression) -> sge.Expression:
        """In whole numbers where both are: an instant times 64 is more than a double holds exactly."""
        if op.left.dtype.is_integer() and op.right.dtype.is_integer():
            return sge.IntDiv(this=sge.paren(left - self.f.anon.pmod(left, right)), expression=sge.paren(right))
        return super().visit_FloorDivide(op, left=left, right=right)

    def visit_TryCast(self, op: ops.Node, *, arg: sge.Expression, to: Any) -> sge.Expression:
        """Texts that are numbers to DuckDB: 1_000 is one, and 1d is one to Java alone."""
        if not (op.arg.dtype.is_string() and to.is_floating()):
            return super().visit_TryCast(op, arg=arg, to=to)
        cast = super().visit_TryCast(op, arg=self.f.replace(arg, "_", ""), to=to)
        return self.if_(self.f.anon.rlike(arg, NUMBER), cast, sge.Null())

    def visit_Lowercase(self, op: ops.Node, *, arg: sge.Expression) -> sge.Expression:
        """Letter by letter: Java makes two letters of the Turkish I with a dot, and looks at where a sigma stands."""
        return self.f.lower(self.f.anon.translate(arg, "İΣ", "iσ"))

    def visit_RegexSearch(self, op: ops.Node, *, arg: sge.Expression, pattern: sge.Expression) -> sge.Expression:
        """With the flag by which a line ends at a line feed alone, as it does for RE2."""
        return self.f.anon.rlike(arg, self.f.concat("(?d)", pattern))


class SparkBackend(PySparkBackend):
    """Ibis' backend with the compiler above, and Arrow where it takes pandas."""

    compiler = SparkCompiler()

    def execute(self, expr: ir.Expr, /, *, params: Any = None, limit: Any = None, **kwargs: Any) -> Any:
        """The expression's value, as for every backend of Ibis."""
        query = self.compile(expr.as_table(), params=params, limit=limit, **kwargs)
        return expr.__pandas_result__(self._session.sql(query).toArrow().to_pandas())


SparkBackend.register_options()  # as Ibis does for the backends that it loads by name


class SparkEngine:
    """See `leadml.engine.Engine`; what is kept are Parquet files in a folder of its own."""

    def __init__(self, con: Backend, config: EngineConfig, spill: Path | None = None) -> None:
        """Takes its tables from ``con``; files are in ``engine.spark.folder``, else in ``spill``.

        Raises:
            ConfigurationError: the folder cannot be used, or Spark does not start.
        """
        self.con = con
        self.session = open_session(config)
        self.spark = SparkBackend().connect(self.session)
        self.folder = open_folder(config, spill)
        self.numbers = itertools.count()
        self.views: set[str] = set()

    def bring(self, name: str, table: ir.Table) -> ir.Table:
        """See `leadml.engine.Engine`."""
        path = self._path(name, ".parquet")
        quoted = str(path).replace("'", "''")
        self.con.con.execute(f"COPY ({self.con.compile(table)}) TO '{quoted}' (FORMAT parquet)")
        return self._view(name, lambda: self.session.read.parquet(f"file://{path}"))

    def put(self, name: str, frame: pd.DataFrame) -> ir.Table:
        """See `leadml.engine.Engine`."""
        self.con.con.register("leadml_leaving", frame)
        try:
            return self.bring(name, self.con.table("leadml_leaving"))
        finally:
            self.con.con.unregister("leadml_leaving")

    def hold(self, name: str, expression: ir.Table) -> ir.Table:
        """See `leadml.engine.Engine`."""
        path, query = self._path(name), self.spark.compile(expression)

        def compute() -> Any:
            rows = self.session.sql(query)
            rows.write.parquet(f"file://{path}")
            return self.session.read.schema(rows.schema).parquet(f"file://{path}")

        return self._view(name, compute)

    def fetch(self, expression: ir.Table) -> pd.DataFrame:
        """See `leadml.engine.Engine`; read by the embedded engine, so of the same types as its own."""
        path, query = self._path("fetched"), self.spark.compile(expression)
        tell("the features", lambda: self.session.sql(query).write.parquet(f"file://{path}"))
        quoted = str(path).replace("'", "''")
        frame = fetch_frame(self.con, f"SELECT * FROM read_parquet('{quoted}/*.parquet')")
        shutil.rmtree(path)
        return frame

    def clear(self) -> None:
        """See `leadml.engine.Engine`."""
        for view in self.views:
            self.session.catalog.dropTempView(view)
        self.views.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name: str, ending: str = "") -> Path:
        """A new path in the folder, which is there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{next(self.numbers):03d}-{name}{ending}"

    def _view(self, name: str, rows: Callable[[], Any]) -> ir.Table:
        """The rows (a data frame of Spark) as a table of that name."""
        tell(name, lambda: rows().createOrReplaceTempView(f"leadml_{name}"))
        self.views.add(f"leadml_{name}")
        return self.spark.table(f"leadml_{name}")


def tell(what: str, work: Callable[[], Result]) -> Result:
    """What the work gives; Spark's errors by the name of their condition, as their words may hold values."""
    try:
        return work()
    except (PySparkException, Py4JError) as error:
        condition = error.getCondition() if isinstance(error, PySparkException) else None
        told = f"Spark could not compute {what}: {condition or type(error).__name__}"
        raise ConfigurationError(f"{told}; give it more by engine.spark.conf, or set engine=local") from error


def open_folder(config: EngineConfig, spill: Path | None) -> Path:
    """A new folder for one engine's files; `ConfigurationError` where none can be made."""
    parent = Path(config.spark.folder).expanduser().absolute() if config.spark.folder is not None else spill
    try:
        if parent is not None:
            parent.mkdir(parents=True, exist_ok=True)
        return Path(mkdtemp(prefix="leadml-spark-", dir=parent))
    except OSError as error:
        raise ConfigurationError(f"engine.spark.folder={parent} cannot be written to ({error.strerror})") from error


def open_session(config: EngineConfig) -> SparkSession:
    """The process's session of Spark, started where there is none.

    Raises:
        ConfigurationError: it does not start, with the last line of what Java said.
    """
    spark, settings = config.spark, dict(SETTINGS)
    if spark.is_local:
        # Otherwise it listens on every interface of the machine.
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ.setdefault("SPARK_LOCAL_HOSTNAME", "localhost")
        settings |= LOCAL | {"spark.driver.memory": f"{mebibytes(config.memory_limit)}m"}
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings |= {str(k): str(v) for k, v in spark.conf.items()}
    builder = SparkSession.builder.master(spark.master).config(map=settings)
    with TemporaryFile() as said:
        try:
            with errors_into(said.fileno()):
                return builder.getOrCreate()
        except (PySparkException, Py4JError, OSError) as error:
            said.seek(0)
            lines = [s for s in said.read().decode(errors="replace").splitlines() if s.strip()]
            last = next((s for s in lines if "Exception" in s or "Error" in s), lines[-1] if lines else str(error))
            raise ConfigurationError(f"Spark does not start at engine.spark.master={spark.master}: {last}") from error


@contextmanager
def errors_into(descriptor: int) -> Iterator[None]:
    """Standard error into a file, also that of programs which are started inside: Java keeps the file."""
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(descriptor, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def mebibytes(limit: str) -> int:
    """A memory limit, such as 8GB or 50% (of the machine), in MiB."""
    if limit.endswith("%"):
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return int(machine * float(limit[:-1]) / 100 / 2**20)
    number, unit = limit.rstrip("iB").rstrip()[:-1], limit.rstrip("iB").rstrip()[-1]
    return int(float(number) * UNITS[unit])
