"""Spark gives the feature values that DuckDB gives; asking for it without having it is refused in words.

What Spark takes for rows as few as these is the planning of its queries, whatever their number: so everything that is
compared is put into one set of tables and built once, by two worker processes.
"""

import os
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from conftest import DEEP, counts, find_real_table, run_here
from hydra import compose, initialize_config_dir
from hypothesis import HealthCheck, Phase, given, settings
from lookalikes import write_loans
from sources_helpers import CONF, read
from test_features import TYPES, cases, frame

from leadml.config import ContentRule, EngineConfig, EngineKind, FeaturesConfig, SparkConfig, register_schema, to_config
from leadml.engine import DuckEngine, check_spark, connect, open_engine, put_table
from leadml.errors import ConfigurationError
from leadml.features.build import feature_frame, snapshot_table
from leadml.features.spec import FeatureTables, build_spec

pytestmark = pytest.mark.extra

CLUSTER = "local-cluster[2,1,1024]"  # two worker processes of one core and 1,024 MiB each
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
# Less compiling, as nearly all of the time goes there; `make deep` runs Spark as it is delivered.
QUICK = {
    "spark.driver.extraJavaOptions": QUICK_JAVA,
    "spark.executor.extraJavaOptions": QUICK_JAVA,
    "spark.sql.codegen.wholeStage": False,
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": False,
}
SETTINGS = FeaturesConfig(
    windows=[3, 30], half_lives=[7], kinds=[], min_touchpoints=20, include_effort=True, exclude=[],
    content={"pricing": ContentRule("pric|plans", "p", "p"), "home": ContentRule("^/home$", "h", "h")},
    zone="America/Lima", zone_attribute="industry", zones={"it": "Europe/Madrid", "energy": "Asia/Tokyo"},
    season=True,
)  # fmt: skip
PARTS = ("demo", "histories", "loans", "bpic2012")


def spark_config(master: str = CLUSTER, folder: Path | None = None) -> EngineConfig:
    conf = {"spark.sql.shuffle.partitions": 2} | ({} if DEEP else QUICK)
    spark = SparkConfig(master=master, folder=None if folder is None else str(folder), conf=conf)
    return EngineConfig(kind=EngineKind.spark, threads=2, memory_limit="1GB", spark=spark)


@pytest.fixture(scope="module")
def spark_con(tmp_path_factory):
    """A connection whose features Spark computes; skips (or fails where it is required) without pyspark or Java."""
    try:
        check_spark()
    except ConfigurationError as error:
        pytest.fail(str(error)) if os.environ.get("LEADML_REQUIRE_SPARK") == "1" else pytest.skip(str(error))
    con = connect(spark_config(), tmp_path_factory.mktemp("spill of Spark's own"))
    yield con
    from leadml.engine_spark import open_session

    open_session(spark_config()).stop()


# --------------------------------------------------------------------------------------------------- what is compared
Part = tuple[dict[str, pd.DataFrame], pd.DataFrame]  # tables by name; lead_id, account_id, cutoff of the snapshots


def demo_part(company: Path) -> Part:
    """The demo's tables, and the matured snapshots of every fourth lead (of all under `make deep`)."""
    tables = {n: pd.read_parquet(company / f"data/interim/{n}.parquet") for n in TYPES}
    snapshots = pd.read_parquet(company / "data/features/snapshots.parquet")
    asked = set(sorted(tables["leads"]["lead_id"])[:: counts(4, 1)])
    return tables, snapshots.loc[snapshots["lead_id"].isin(asked), ["lead_id", "account_id", "cutoff"]]


def histories_part() -> Part:
    """Many of the generated histories, each with leads and accounts of its own."""
    drawn = []

    @settings(phases=[Phase.generate], derandomize=True, database=None, deadline=None,
              max_examples=counts(60, 800), suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=cases())
    def draw(case):
        drawn.append(case)

    draw()
    rows, snapshots = {n: [] for n in TYPES}, []
    for i, (data, keys) in enumerate(drawn):
        for name, table in data.items():
            rows[name] += [r | {k: f"{i}{r[k]}" for k in r if k.endswith("_id") and r[k] is not None} for r in table]
        snapshots += [(f"{i}{lead}", f"{i}{account}", cutoff) for lead, account, cutoff in keys]
    keys = pd.DataFrame(snapshots, columns=["lead_id", "account_id", "cutoff"])
    return {n: frame(n, r) for n, r in rows.items()}, keys.astype({"cutoff": "datetime64[us]"})


def loans_part(folder: Path) -> Part:
    """Loan applications a week after they came in, from a log of events."""
    con, _ = read(folder, name="bpic2012", exported_at="2012-03-15")
    tables = {n: con.execute(f"SELECT * FROM {n}").df() for n in TYPES}
    leads = tables["leads"]
    cutoff = (leads["known_at"] + pd.Timedelta(days=7)).astype("datetime64[us]")
    return tables, pd.DataFrame({"lead_id": leads["lead_id"], "account_id": leads["lead_id"], "cutoff": cutoff})


def real_folder() -> Path | None:
    """The folder of the real set, where there is one."""
    try:
        return find_real_table("activity").parent
    except (pytest.skip.Exception, pytest.fail.Exception):
        return None  # the test of the real set says so


@dataclass
class Both:
    """The same snapshots' features by both engines, row by row, and the part that each row is of."""

    part: np.ndarray
    duckdb: pd.DataFrame
    spark: pd.DataFrame


@pytest.fixture(scope="module")
def both(spark_con, small_company, tmp_path_factory) -> Both:
    folder = tmp_path_factory.mktemp("loans")
    write_loans(folder, cases=1000)
    parts = {"demo": demo_part(small_company), "histories": histories_part(), "loans": loans_part(folder)}
    if (real := real_folder()) is not None:
        parts["bpic2012"] = loans_part(real)
    tables = {n: pd.concat([part[0][n] for part in parts.values()], ignore_index=True) for n in TYPES}
    keys = pd.concat([part[1] for part in parts.values()], ignore_index=True)
    sizes = [len(part[1]) for part in parts.values()]

    def build(con):
        put = {n: put_table(con, n, table) for n, table in tables.items()}
        known = FeatureTables(snapshot_table(con, keys), **put)
        return feature_frame(con, known, build_spec(known, SETTINGS))[0]

    by_duckdb = build(connect(EngineConfig(threads=2, memory_limit="1GB")))
    return Both(np.repeat(list(parts), sizes), by_duckdb, build(spark_con))


def assert_same(both: Both, part: str, rows: int, features: int) -> None:
    """Values equal to 1e-9, categories equal, missing the same; of at least so many rows and features that vary."""
    here = both.part == part
    duckdb, spark = both.duckdb[here], both.spark[here]
    assert len(duckdb) >= rows
    pd.testing.assert_frame_equal(duckdb, spark, rtol=1e-9, atol=1e-9)
    varied = [c for c in duckdb if duckdb[c].nunique() > 1]
    assert len(varied) >= features, f"only {len(varied)} features have two values"


@pytest.mark.slow
def test_the_demo_is_the_same_on_spark(both):
    assert_same(both, "demo", 3000, 80)


def test_generated_histories_are_the_same_on_spark(both):
    assert_same(both, "histories", 50, 40)


def test_a_log_of_loan_applications_is_the_same_on_spark(both):
    assert_same(both, "loans", 1000, 30)


def test_bpic2012_is_the_same_on_spark(both):
    find_real_table("activity")
    assert_same(both, "bpic2012", 10_000, 30)


# ------------------------------------------------------------------------ where Ibis' words for Spark say another thing
TEXTS = ["1d", "1f", "1L", " 1 ", "\t1\n", "1e5", "1E+05", "0x1F", "1_000", "1__0", "_1", "NaN", "inf", "-Infinity",
         "+1", "--1", ".5", "5.", ".", "1,5", "", "1e400", "1e-400", "\u0661", "1e", "1.2.3", "\u00a01", "1_0.5",
         "1._5", "API-x\n", "x\rDocs", "İstanbul ΠΛΑΣ", "demo\u2028y", "Ñandú", None]  # fmt: skip


def test_texts_and_whole_numbers_are_read_alike(spark_con):
    texts = pd.DataFrame({"text": pd.array(TEXTS, dtype="str"), "n": np.arange(len(TEXTS)) - 7})
    texts["big"] = 10**17 + 64 * texts["n"]
    found = []
    for engine in (DuckEngine(spark_con), open_engine(spark_con)):
        table = engine.put("texts", texts)
        lists = table.group_by("n").aggregate(list=table.big.collect())
        asked = table.join(lists, "n").select(
            "n", "text",
            number=table.text.try_cast("float64"),
            lower=table.text.lower(),
            found=table.text.lower().re_search("api.x|docs$|^docs|demo.y"),
            floor=table.n // 4,
            bit=table.big >> 3,
            outside=lists.list[table.n],
            repeated=ibis.array([table.n]).repeat(ibis.greatest(table.n, 0)).length(),
            rounded=(table.n / 2).round().cast("int64"),
            **{"odd, (name) of 'it'": table.n},
        )  # fmt: skip
        found.append(engine.fetch(engine.hold("asked", asked)).sort_values("n", ignore_index=True))
        engine.clear()
    by_duckdb, by_spark = found
    # Below zero DuckDB counts from the end: features ask there only in branches that are not taken.
    by_duckdb.loc[by_duckdb["n"] < 0, "outside"] = np.nan
    pd.testing.assert_frame_equal(by_duckdb, by_spark, check_exact=True, check_dtype=False)
    assert by_duckdb["number"].notna().sum() == 13 and by_duckdb["found"].sum() == 3


def test_an_instant_with_its_channel_is_divided_exactly(spark_con):
    engine = open_engine(spark_con)
    table = engine.put("instants", pd.DataFrame({"n": [10**17 + 63, 10**17 + 64, -1, -64, -65]}))
    assert engine.fetch(table.select("n", d=table.n // 64)).set_index("n")["d"].to_dict() == {
        n: n // 64 for n in (10**17 + 63, 10**17 + 64, -1, -64, -65)
    }
    engine.clear()


def test_nothing_is_left_behind_and_spark_s_errors_are_told_without_values(spark_con, tmp_path):
    engine = open_engine(spark_con)
    table = engine.put("people", pd.DataFrame({"name": ["ana@acme.example"]}))
    with pytest.raises(ConfigurationError, match="Spark could not compute ages: CAST_INVALID_INPUT") as told:
        engine.hold("ages", table.select(age=table["name"].cast("int64")))
    assert "ana" not in str(told.value)
    assert list(engine.folder.iterdir())
    engine.clear()
    assert not engine.folder.exists()
    from leadml.engine_spark import open_folder

    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"engine\.spark\.folder=.*file cannot be written to"):
        open_folder(spark_config(folder=tmp_path / "file"), None)
    made = open_folder(spark_config(folder=tmp_path / "new"), None)
    assert made.parent == tmp_path / "new"


# ------------------------------------------------------------------------------------------------------ asking for it
def test_engine_spark_is_one_override(monkeypatch):
    monkeypatch.setattr("leadml.engine.check_spark", lambda: None)
    register_schema()
    with initialize_config_dir(str(CONF.parent), version_base="1.3"):
        composed = compose("run", overrides=["engine=spark", "+engine.spark.conf={spark.executor.memory: 2g}"])
        local = to_config(compose("run")).engine
    config = to_config(composed).engine
    assert config.kind is EngineKind.spark and config.spark.master == "local[2]"
    assert config.spark.conf == {"spark.sql.shuffle.partitions": 8, "spark.executor.memory": "2g"}
    assert local.kind is EngineKind.duckdb
    assert isinstance(open_engine(connect(local)), DuckEngine)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["engine=spark", "engine.spark.master=spark://host:7077"], "needs engine.spark.folder: a folder that all"),
        (["engine=spark", "engine.spark.master=sparky"], "engine.spark.master=sparky: write it as local[2], spark://"),
        (["engine.kind=flink"], "duckdb, spark"),
        (["engine=flink"], "Available options in 'engine': local spark"),
    ],
)
def test_another_engine_or_a_wrong_place_is_refused(tmp_path, words, told):
    shown = run_here("extract", *words, f"paths.root={tmp_path}")
    assert shown.returncode == 2 and told in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1


def test_spark_without_pyspark_or_java_is_refused(tmp_path, monkeypatch):
    asked = ("extract", "engine=spark", f"paths.root={tmp_path}", f"paths.raw={tmp_path}")
    monkeypatch.setattr("leadml.engine.find_spec", lambda name: None)
    shown = run_here(*asked)
    assert shown.returncode == 2 and "not installed: pip install 'leadml[spark]'" in shown.stderr
    monkeypatch.setattr("leadml.engine.find_spec", find_spec if find_spec("pyspark") else (lambda name: name))
    shown = run_here(*asked, JAVA_HOME=str(tmp_path))
    assert shown.returncode == 2 and "needs Java 17 or newer, but JAVA_HOME=" in shown.stderr
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("leadml.engine.which", lambda *words, **more: shutil.which("no-java-here"))
    shown = run_here(*asked)
    assert shown.returncode == 2 and "no java on the PATH" in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("limit", "megabytes"), [("8GB", 8192), ("500MB", 500), ("1.5 GiB", 1536), ("1TB", 2**20)])
def test_memory_limits_are_spark_s_too(limit, megabytes):
    pytest.importorskip("pyspark")
    from leadml.engine_spark import mebibytes

    assert mebibytes(limit) == megabytes
    assert 0 < mebibytes("50%") < mebibytes("100%")
