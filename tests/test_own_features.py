"""Features of the user's own: what their code gives, what is refused of it, and that it may not look ahead."""

import hashlib
import json
import math
import re
from dataclasses import replace
from datetime import datetime
from functools import partial

import ibis
import numpy as np
import pandas as pd
import pytest
from conftest import counts
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.audit.deleting import Sample, at_sample, check_future, delete_future, differing_words, draw_samples
from leadml.config import EngineConfig, FeaturesConfig, OwnFeatureConfig
from leadml.engine import connect, put_table
from leadml.errors import ArtifactError, ConfigurationError, DataError
from leadml.features.build import feature_frame, list_features, snapshot_table
from leadml.features.own import build_own, define_own, own_frame, rounded, with_own_files
from leadml.features.spec import FeatureSpec, FeatureTables, TouchKind

TOUCHPOINTS = """
    id lead occurred    known       channel kind   initiator value
    t1 a    2026-03-01  2026-03-01  web     visit  lead      1.5
    t2 a    2026-03-05  2026-03-05  web     visit  lead      2.0
    t3 a    2026-03-06  2026-03-12  email   opened lead      4.0
    t4 b    2026-03-02  2026-03-02  email   sent   company   8.0
    t5 a    2026-03-10  2026-03-10  web     visit  lead      16.0
"""
SNAPSHOTS = """
    lead cutoff      known before it
    a    2026-03-05  t1                  the visit of the 5th is known at the cutoff itself: too late
    a    2026-03-10  t1 t2               the mail of the 6th is known on the 12th
    b    2026-03-10  t4
    c    2026-03-10  nothing
    a    2026-03-13  t1 t2 t3 t5
"""
COUNTED = [1.0, 2.0, 1.0, None, 4.0]
KNOWN_SQL = """-- what is known
SELECT s.row, count(*) AS value
FROM snapshots s JOIN touchpoints t ON t.lead_id = s.lead_id AND t.known_at < s.cutoff
GROUP BY s.row;
"""
PYTHON = '''"""Functions as people write them."""
import ibis


def pairs_of(tables):
    return tables.snapshots.join(tables.touchpoints, "lead_id")


def known(tables):
    """What is known."""
    pairs = pairs_of(tables)
    pairs = pairs.filter(pairs.known_at < pairs.cutoff)
    return pairs.group_by("row").aggregate(value=lambda t: t.count())


def ahead(tables):
    return pairs_of(tables).group_by("row").aggregate(value=lambda t: t.count())


def occurred(tables):
    pairs = pairs_of(tables)
    pairs = pairs.filter(pairs.occurred_at < pairs.cutoff)
    return pairs.group_by("row").aggregate(value=lambda t: t.count())


def of_other_snapshots(tables):
    return tables.snapshots.select("row", value=lambda t: t.count().over(group_by=t.lead_id))


def row_number(tables):
    return tables.snapshots.select("row", value="row")


def letters(tables):
    return tables.snapshots.select("row", value="lead_id")


def no_row(tables):
    return tables.leads.select(value="lead_id")


def text_row(tables):
    return tables.snapshots.select(row="lead_id", value=1)


def twice(tables):
    return pairs_of(tables).select("row", "value")


def no_table(tables):
    return tables.snapshots.to_pandas()


def clock(tables):
    return tables.snapshots.select("row", value=(ibis.now() - ibis.now()).cast("int64"))


def chance(tables):
    return tables.snapshots.select("row", value=ibis.random())


def wrong(tables):
    return tables.snapshots.select("row", value="no such column")


def ends(tables):
    raise SystemExit("enough")


def nothing(tables):
    empty = tables.snapshots.filter(tables.snapshots.lead_id == "nobody")
    return empty.select("row", value=ibis.null())


def impossible(tables):
    return tables.snapshots.select("row", value=tables.snapshots.lead_id.cast("int64"))
'''
SPEC = FeatureSpec(
    windows=(1, 3),
    half_lives=(2,),
    content=(),
    kinds=(TouchKind("email", "opened", "lead"), TouchKind("web", "visit", "lead")),
    lead_attributes={},
    account_attributes={},
    as_of_fields={},
    account_as_of_fields={},
    include_effort=True,
    exclude=(),
)


def lines(text):
    """The rows of a text table, without its head."""
    return [line.split() for line in text.strip().splitlines()[1:]]


def made(columns, rows=()):
    kinds = {"t": "datetime64[us]", "f": "float64", "s": "str"}
    names = dict(c.split(":") for c in columns.split())
    return pd.DataFrame(list(rows), columns=list(names)).astype({n: kinds[k] for n, k in names.items()})


@pytest.fixture(scope="module")
def con():
    return connect(EngineConfig(threads=2, memory_limit="1GB"))


@pytest.fixture(scope="module")
def snapshots():
    rows = [(lead, lead, cutoff, "weekly") for lead, cutoff, *_ in lines(SNAPSHOTS)]
    return made("lead_id:s account_id:s cutoff:t grid:s", rows)


@pytest.fixture(scope="module")
def tables(con, snapshots):
    touched = [
        (i, lead, None, at, known, channel, kind, who, float(value), None)
        for i, lead, at, known, channel, kind, who, value in lines(TOUCHPOINTS)
    ]
    touch = "touchpoint_id:s lead_id:s account_id:s occurred_at:t known_at:t channel:s kind:s initiator:s value:f"
    frames = {
        "leads": made(
            "lead_id:s account_id:s created_at:t known_at:t",
            [(lead, None, "2026-02-01", "2026-02-01") for lead in "abc"],
        ),
        "accounts": made("account_id:s created_at:t known_at:t"),
        "history": made("entity:s entity_id:s field:s value:s changed_at:t"),
        "touchpoints": made(f"{touch} content:s", touched),
        "conversions": made("lead_id:s converted_at:t known_at:t amount:f currency:s"),
        "closures": made("lead_id:s closed_at:t known_at:t kind:s reason:s"),
    }
    put = {name: put_table(con, name, frame) for name, frame in frames.items()}
    return FeatureTables(snapshot_table(con, snapshots), **put)


@pytest.fixture
def own(tmp_path):
    """Settings for one feature: of the function in the Python file above, or of an SQL text."""

    def settings(function=None, sql=None, python=PYTHON, name="mine", **entry):
        path = tmp_path / ("own.sql" if sql else "own.py")
        path.write_text(sql or python, encoding="utf-8")
        code = {"sql": str(path)} if sql else {"python": f"{path}:{function}"}
        words = {"kind": "number", "family": "behaviour", "unit": "count", "en": "mine", "es": "mío"}
        return features_config({name: OwnFeatureConfig(**code, **(words | entry))})

    return settings


def features_config(own):
    return FeaturesConfig(windows=[7], half_lives=[7], content={}, kinds=[], min_touchpoints=20, zone="UTC", zones={},
                          include_effort=True, exclude=[], season=False, reuse=True, own=own)  # fmt: skip


def with_own(config, **changes):
    return replace(SPEC, own=define_own(config), **changes)


def values(con, tables, config):
    frame = own_frame(tables, with_own(config), con)
    return [None if pd.isna(v) else v for v in frame["mine"]]


# ------------------------------------------------------------------------------------------------- what the code gives
def test_python_and_sql_give_what_is_known_before_the_cutoff(con, tables, own):
    assert values(con, tables, own("known")) == COUNTED
    assert values(con, tables, own(sql=KNOWN_SQL)) == COUNTED
    assert values(con, tables, own("nothing")) == [None] * 5


def test_they_stand_beside_the_other_features_in_frame_and_dictionary(con, tables, own):
    plain, features = feature_frame(con, tables, SPEC)
    config = own("known", window_days=7, unit="share", effort=True, never=True, family="timing")
    X, entries = feature_frame(con, tables, with_own(config))
    pd.testing.assert_frame_equal(X.drop(columns="mine"), plain, check_exact=True)
    assert entries[:-1] == features and [None if pd.isna(v) else v for v in X["mine"]] == COUNTED
    assert entries[-1].to_dict() == {
        **{"name": "mine", "family": "timing", "kind": "number", "unit": "share", "window_days": 7},
        **{"en": "mine", "es": "mío", "effort": True, "never": True, "topic": "mine", "nothing": False},
    }
    joined = define_own(own("known", topic="activity"))[0].feature
    assert joined.topic == "activity"
    assert "mine" not in feature_frame(con, tables, with_own(config, exclude=("mine",)))[0]
    assert "mine" not in feature_frame(con, tables, with_own(config, include_effort=False))[0]


def test_categories_are_texts(con, tables, own):
    assert values(con, tables, own("letters", kind="category")) == ["a", "a", "b", "c", "a"]
    config = own(sql="SELECT row, row > 2 AS value FROM snapshots", kind="category", unit=None)
    assert values(con, tables, config) == ["false"] * 3 + ["true"] * 2
    assert define_own(config)[0].feature.unit == "category"


def test_nothing_of_theirs_is_left_in_the_engine(con, tables, own):
    before = con.con.execute("SELECT table_name FROM duckdb_tables() UNION ALL SELECT view_name FROM duckdb_views()")
    names = sorted(before.fetchall())
    values(con, tables, own(sql=KNOWN_SQL))
    feature_frame(con, tables, with_own(own(sql=KNOWN_SQL)))
    with pytest.raises(ConfigurationError):
        values(con, tables, own(sql="SELECT row, no_such AS value FROM snapshots"))
    after = con.con.execute("SELECT table_name FROM duckdb_tables() UNION ALL SELECT view_name FROM duckdb_views()")
    assert sorted(after.fetchall()) == names


def test_fractions_keep_nine_digits_and_whole_numbers_all(con):
    table = """
        given                 kept
        0.1                   0.1
        0.30000000000000004   0.3
        1234567890.55         1234567890.0
        -2.123456789123       -2.12345679
        123456789012345.0     123456789012345.0
        1e300                 1e300
        1.23456789123e-12     1.23456789e-12
        0.0                   0.0
        inf                   -
        nan                   -
    """
    rows = [(float(a), None if b == "-" else float(b)) for a, b in lines(table)]
    put = put_table(con, "numbers", pd.DataFrame({"n": range(len(rows)), "v": [a for a, _ in rows]}))
    found = put.select("n", kept=rounded(put.v)).to_pandas().sort_values("n")["kept"]
    assert [None if pd.isna(v) else v for v in found] == [kept for _, kept in rows]


@settings(max_examples=counts(10, 200), deadline=None)
@given(st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=30))
def test_what_is_kept_has_nine_digits_and_is_the_nearest_such_number(con, numbers):
    put = put_table(con, "numbers", pd.DataFrame({"v": numbers}))
    for row in put.select("v", kept=rounded(put.v)).to_pandas().itertuples():
        if row.v != int(row.v) and abs(row.v) > 1e-200:
            unit = 10.0 ** (math.floor(math.log10(abs(row.v))) - 8)
            assert abs(row.kept - row.v) <= 0.50001 * unit
            assert math.isclose(float(f"{row.kept:.8e}"), row.kept, rel_tol=1e-14)


# ---------------------------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("no_row", r"own.py gives no column row, only value"),
        ("text_row", r"gives row as string"),
        ("letters", r"gives value as string, and is declared as a number; cast it, or set features.own.mine.kind"),
        ("twice", r"gives 3 snapshots more than one row \(the first is row 0\)"),
        ("no_table", r"returned a DataFrame, not an Ibis table"),
        ("clock", r"uses TimestampNow, which is another value at every run; use snapshots.cutoff"),
        ("chance", r"uses RandomScalar"),
        ("wrong", r"own.py line \d+: \w+: .*no such column"),
        ("ends", r"own.py line \d+: SystemExit: enough"),
        ("impossible", r"cannot be run: Conversion Error"),
    ],
)
def test_what_python_gives_is_checked(con, tables, own, function, said):
    with pytest.raises(ConfigurationError, match=rf"features\.own\.mine: .*{said}") as error:
        values(con, tables, own(function))
    assert "Traceback" not in str(error.value) and "\n" not in str(error.value).split("Conversion Error")[0]


def test_the_line_is_that_of_the_users_own_file(con, tables, own):
    line = PYTHON.splitlines().index('    raise SystemExit("enough")') + 1
    with pytest.raises(ConfigurationError, match=f"line {line}: "):
        values(con, tables, own("ends"))
    for code, said in (
        ("x = 1\ny = [\n", r"own.py line 2: SyntaxError: '\[' was never closed"),
        ("x = 1\n\nimport no_such_thing\n", r"line 3: ModuleNotFoundError: No module named 'no_such_thing'"),
        ("def other(tables):\n    return 1\n", r"own.py has no function known; it has: other"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            define_own(own("known", python=code))


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DROP TABLE leads", "the file must hold one SELECT giving row and value"),
        ("COPY leads TO 'x.csv'", "must hold one SELECT"),
        ("SELECT 1; SELECT 2", "the file holds 2 statements"),
        ("", "the file holds 0 statements"),
        ("SELEC 1", "must hold one SELECT .*: syntax error"),
        ("SELECT row, 1 AS value FROM read_csv('x.csv')", r"may not use read_csv\(\); it may read snapshots, leads"),
        ("SELECT row, 1 AS value FROM 'x.parquet'", "the table or file 'x.parquet'"),
        ("SELECT 1 AS row, (SELECT max(value) FROM quarantine) AS value", "the table or file 'quarantine'"),
        ("SELECT row, 1 AS value FROM main.leads", "the table or file 'main.leads'"),
        ("SELECT row, 1 AS value FROM snapshots WHERE EXISTS (FROM glob('*'))", r"glob\(\)"),
        ("SELECT row, 1 AS value FROM query('SELECT 1')", r"query\(\)"),
        ("SELECT * FROM (DESCRIBE leads)", "DESCRIBE, SHOW or SUMMARIZE"),
        ("SELECT row, epoch(now()) AS value FROM snapshots", r"now\(\)"),
        ("SELECT row, current_date - cutoff::DATE AS value FROM snapshots", "current_date"),
        ("SELECT row, epoch(age(cutoff)) AS value FROM snapshots", r"age\(\) of one time"),
        ("SELECT row, epoch(cutoff.age()) AS value FROM snapshots", r"age\(\) of one time"),
        ("SELECT row, epoch(current_localtimestamp()) AS value FROM snapshots", r"current_localtimestamp\(\)"),
        ("SELECT row, 1 AS value FROM snapshots USING SAMPLE 10", "a sample"),
        ("SELECT row, 1 AS value FROM snapshots TABLESAMPLE 10%", "a sample"),
        ("SELECT row, Random() AS value FROM snapshots", r"random\(\)"),
        ("SELECT row, current_setting('threads') AS value FROM snapshots", r"current_setting\(\)"),
        ("SELECT 1 AS row, 1 AS value FROM (WITH \"a.csv\" AS (SELECT 1) FROM \"a.csv\")", "a WITH named 'a.csv'"),
        ("SELECT row, 1 AS value FROM snapshots, (WITH changes AS (SELECT 1) FROM changes), changes", "'changes'"),
    ],
)  # fmt: skip
def test_sql_may_be_one_select_over_the_tables_alone(own, sql, said):
    with pytest.raises(ConfigurationError, match=rf"features\.own\.mine: .*{said}"):
        define_own(own(sql=sql or ";"))


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT row, cutoff AS value FROM snapshots", "gives value as timestamp"),
        ("SELECT row, 1 AS number FROM snapshots", "gives no column value, only row, number"),
        ("SELECT 0 AS row, 1 AS value FROM leads", "gives 1 snapshots more than one row"),
        ("SELECT row, lead_id::INT AS value FROM snapshots", "the SELECT cannot be run: Conversion Error"),
        ("SELECT row, nobody AS value FROM snapshots", "the SELECT cannot be run: Binder Error"),
    ],
)
def test_what_sql_gives_is_checked(con, tables, own, sql, said):
    with pytest.raises(ConfigurationError, match=rf"features\.own\.mine: .*{said}"):
        values(con, tables, own(sql=sql))


def test_sql_that_is_allowed(con, tables, own):
    sql = """
        WITH RECURSIVE mine AS (SELECT s.row, t.value FROM Snapshots s JOIN touchpoints t USING (lead_id)
                                WHERE t.known_at < s.cutoff),
             steps AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM steps WHERE n < 2)
        SELECT row, sum(value) AS value FROM mine, unnest([1, 2]) u(k), range(1), steps GROUP BY row HAVING count(*) > 0
    """
    assert values(con, tables, own(sql=sql)) == [6.0, 14.0, 32.0, None, 94.0]


def test_sql_may_end_as_people_end_it(con, tables, own):
    for end in ("", ";", " ;\n\n", "; -- that is all\n", " -- that is all", "\n/* all */;"):
        assert (
            values(con, tables, own(sql="\ufeffSELECT row, length(';') AS value FROM snapshots -- ñ;\n" + end))
            == [1.0] * 5
        )


def test_sql_needs_duckdb(tables, own):
    other = type("SparkLike", (), {"con": None})()
    with pytest.raises(ConfigurationError, match=r"own\.sql is DuckDB's SQL and this engine is another one; .*Python"):
        build_own(tables, with_own(own(sql=KNOWN_SQL)), other)


def test_a_name_that_another_feature_has_is_refused(own):
    with pytest.raises(ConfigurationError, match=r"2 features share a name: web_visit_3d, web_visit_3d"):
        list_features(with_own(own("known", name="web_visit_3d")))


# ------------------------------------------------------------------------------------------------- what is stored of it
def test_a_stored_specification_holds_the_definition_and_no_code(own, tmp_path):
    spec = with_own(own("known"))
    stored = json.loads(json.dumps(spec.to_dict()))
    assert FeatureSpec.from_dict(stored) == spec
    assert stored["own"][0]["sha256"] == hashlib.sha256(PYTHON.encode()).hexdigest()
    assert "def known" not in json.dumps(stored)
    older = {k: v for k, v in stored.items() if k != "own"}
    assert FeatureSpec.from_dict(older).own == ()


def test_a_model_runs_only_the_file_that_the_settings_name_and_only_the_one_it_knew(con, tables, own, tmp_path):
    config = own("known")
    spec = with_own(config)
    elsewhere = replace(spec, own=(replace(spec.own[0], file="/no/such/place.py"),))
    assert with_own_files(elsewhere, config) == spec
    with pytest.raises(ArtifactError, match=r"the model needs the feature mine of .*which features.own does not name"):
        with_own_files(spec, features_config({}))
    with pytest.raises(ArtifactError, match=r"features.own.mine is python .* ahead, and was python .* known when"):
        with_own_files(spec, own("ahead"))
    assert with_own_files(replace(elsewhere, exclude=("mine",)), features_config({})).own == elsewhere.own
    (tmp_path / "own.py").write_text(PYTHON + "\n")
    for refuse in (lambda: with_own_files(spec, config), lambda: feature_frame(con, tables, spec)):
        with pytest.raises(
            ArtifactError, match=r"own.py \(SHA-256 \w{12}\) is not the file that extract and train used .* train again"
        ):
            refuse()
    (tmp_path / "own.py").unlink()
    with pytest.raises(ArtifactError, match=r"own.py cannot be read \(No such file or directory\).*restore it, or"):
        with_own_files(spec, config)
    with pytest.raises(ConfigurationError, match=r"own.py cannot be read .*the folder in which leadml was started"):
        define_own(config)


def test_nothing_is_written_beside_the_users_file(con, tables, own, tmp_path):
    values(con, tables, own("known"))
    assert [p.name for p in tmp_path.iterdir()] == ["own.py"]


# ---------------------------------------------------------------------------------------------------- delete the future
def future(con, tables, snapshots, config):
    spec = with_own(config)
    X = own_frame(tables, spec, con)
    return check_future(tables, X, snapshots, partial(own_frame, spec=spec, con=con), seed=1)


def test_what_looks_ahead_is_refused_with_an_example(con, tables, snapshots, own):
    assert future(con, tables, snapshots, own("known")) == 5
    assert future(con, tables, snapshots, own(sql=KNOWN_SQL)) == 5
    told = r"1 feature changes when .* is deleted: mine in 2 of 5 rows \(lead a at 2026-03-05 00:00:00: 4\.0, and 1\.0 "
    with pytest.raises(DataError, match=told + r"without the future\); use rows with known_at < snapshots.cutoff"):
        future(con, tables, snapshots, own("ahead"))
    # On the 10th lead a's mail of the 6th had occurred and was not known.
    with pytest.raises(DataError, match=r"mine in 1 of 5 rows \(lead a at 2026-03-10 00:00:00: 3\.0, and 2\.0"):
        future(con, tables, snapshots, own("occurred"))


@pytest.mark.parametrize("function", ["of_other_snapshots", "row_number"])
def test_a_value_may_not_hang_on_which_snapshots_there_are(con, tables, snapshots, own, function):
    with pytest.raises(DataError, match="nothing of other snapshots"):
        future(con, tables, snapshots, own(function))


def test_missing_without_the_future_is_a_difference(con, tables, snapshots, own):
    sql = "SELECT row, min(value) AS value FROM snapshots JOIN touchpoints USING (lead_id) GROUP BY row"
    moment = datetime(2026, 3, 2)  # lead b's only touchpoint is known at that very moment
    tables = replace(tables, snapshots=tables.snapshots.mutate(lead_id=ibis.literal("b"), cutoff=ibis.literal(moment)))
    with pytest.raises(DataError, match=r"5 of 5 rows \(lead b at .*: 8\.0, and missing without the future\)"):
        future(con, tables, snapshots.assign(lead_id="b", cutoff=moment), own(sql=sql))


def test_all_features_pass_the_same_test(con, tables, snapshots):
    X, _ = feature_frame(con, tables, SPEC)
    sample = Sample(datetime(2026, 3, 10), np.array([1, 2, 3]))
    rebuilt = []

    def build(cut):
        rebuilt.append(feature_frame(con, cut, SPEC)[0])
        return rebuilt[-1]

    assert X.shape[1] > 20
    assert delete_future(tables, X, [sample], snapshots, build).empty
    changed = X.assign(web_visit_3d=X["web_visit_3d"] + 1)
    wrong = delete_future(tables, changed, [sample], snapshots, lambda cut: rebuilt[-1])
    assert wrong["feature"].tolist() == ["web_visit_3d"] * 3


def test_the_tables_are_cut_at_the_cutoff_itself(tables, snapshots):
    cut = at_sample(tables, Sample(datetime(2026, 3, 10), np.array([1, 2, 3])))
    assert sorted(cut.touchpoints.to_pandas()["touchpoint_id"]) == ["t1", "t2", "t4"]
    frame = cut.snapshots.to_pandas().sort_values("row")
    assert frame["row"].tolist() == [0, 1, 2] and frame["lead_id"].tolist() == ["a", "b", "c"]


def test_samples_are_an_early_a_middle_and_a_late_cutoff_and_the_seed_draws_them():
    weekly = pd.date_range("2026-01-05", periods=30, freq="7D")
    frame = pd.DataFrame({"cutoff": weekly.repeat(300), "grid": "weekly"})
    odd = pd.DataFrame({"cutoff": pd.date_range("2026-01-01 01:00", periods=50), "grid": "age"})
    frame = pd.concat([odd, frame], ignore_index=True).astype({"cutoff": "datetime64[us]"})
    samples = draw_samples(frame, seed=5)
    weeks = [(s.cutoff - weekly[0]).days // 7 for s in samples]
    assert len(samples) == 3 and weeks[0] < 10 <= weeks[1] < 20 <= weeks[2]
    for sample in samples:
        assert len(set(sample.places)) == 200 and (frame["cutoff"].iloc[sample.places] == sample.cutoff).all()
    again = draw_samples(frame, seed=5)
    assert all((a.places == b.places).all() for a, b in zip(samples, again, strict=True))
    assert [s.cutoff for s in draw_samples(frame, seed=6)] != [s.cutoff for s in samples]
    assert len(draw_samples(odd.iloc[:2], seed=5)) == 2 and draw_samples(odd.iloc[:0], seed=5) == []


def test_many_differing_features_are_told_in_a_few_words():
    wrong = pd.DataFrame([("a", "2026", f"f{i}", "1.0", None) for i in range(8)],
                         columns=["lead_id", "cutoff", "feature", "full", "rebuilt"])  # fmt: skip
    told = differing_words(wrong, 10)
    assert told.startswith("f0 in 1 of 10 rows (lead a at 2026: 1.0, and missing without the future); f1")
    assert told.endswith("and 3 more") and not re.search("f5", told)
