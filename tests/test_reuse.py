"""An extract that keeps what cannot have changed gives the very rows of one that builds everything."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from conftest import DEEP, counts, run_here
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_features import SPEC, START, TYPES, cases, delete_future, frame, hours

from leadml.config import EngineConfig
from leadml.engine import connect, put_table
from leadml.features.build import feature_frame, snapshot_table
from leadml.features.reuse import Built, describe_conditions, find_same, fingerprint_leads
from leadml.features.spec import FeatureTables
from leadml.stages.reusing import build_again

FEW = settings(max_examples=counts(4, 150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def con():
    return connect(EngineConfig(threads=2, memory_limit="1GB"))


def tables_of(con, data, keys):
    tables = {name: put_table(con, name, frame(name, data.get(name, []))) for name in TYPES}
    return FeatureTables(snapshot_table(con, keys), **tables)


def keys_of(snapshots):
    keys = pd.DataFrame(snapshots, columns=["lead_id", "account_id", "cutoff"])
    return keys.astype({"lead_id": "str", "account_id": "str", "cutoff": "datetime64[us]"})


def build(con, data, keys, end):
    """What an extract with these rows would leave."""
    tables = tables_of(con, data, keys)
    X, _ = feature_frame(con, tables, SPEC)
    return Built(keys, X, fingerprint_leads(con, tables, end), end, describe_conditions(con, tables, SPEC, end))


@st.composite
def changes(draw):
    """A history, an end, and what became of the history after the end: a row of the past may be changed or gone."""
    data, snapshots = draw(cases())
    end = draw(hours) + timedelta(hours=1)
    later = {name: list(rows) for name, rows in data.items()}
    table = draw(st.sampled_from(["touchpoints", "history", "conversions", "closures", "leads"]))
    what = draw(st.sampled_from(["nothing", "gone", "changed"]))
    if later[table] and what != "nothing":
        i = draw(st.integers(0, len(later[table]) - 1))
        if what == "gone" and table != "leads":
            del later[table][i]
        elif table == "touchpoints":
            later[table][i] = later[table][i] | {"occurred_at": draw(hours)}
        elif table == "leads":
            later[table][i] = later[table][i] | {"industry": "retail"}
    return delete_future(data, end), later, snapshots, end


@pytest.mark.deep
@FEW
@given(case=changes())
def test_an_extract_that_reuses_equals_a_full_one(con, case):
    before, later, snapshots, end = case
    first = [s for s in snapshots if s[2] <= end]
    if not first:
        return
    known = {r["lead_id"]: r["known_at"] for r in later["leads"]}
    every = keys_of([s for s in snapshots if known[s[0]] < s[2]])
    built = build(con, before, keys_of(first), end)
    tables = tables_of(con, later, every)
    full, features = feature_frame(con, tables, SPEC)
    again, listed, reused = build_again(con, tables, every, SPEC, built)
    assert listed == features
    assert 0 <= reused.sum() <= len(first)
    pd.testing.assert_frame_equal(again, full, check_exact=True)


TWO = {
    "leads": [
        {"lead_id": n, "account_id": a, "created_at": START, "known_at": START, "industry": "it", "employees": 1.0}
        for n, a in (("a", "acme"), ("b", "acme"), ("c", None))
    ],
    "touchpoints": [
        {"touchpoint_id": f"t{i}", "lead_id": n, "account_id": None, "occurred_at": START + timedelta(days=d),
         "known_at": START + timedelta(days=d), "channel": "web", "kind": "visit", "initiator": "lead", "value": None,
         "content": "/pricing"}
        for i, (n, d) in enumerate((("a", 1), ("b", 2), ("c", 3), ("b", 9), ("c", 9)))
    ],
}  # fmt: skip
END = START + timedelta(days=7)


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ("nothing", ["a", "b", "c"]),
        ("a row of b after the end", ["a", "b", "c"]),
        ("a row of b before the end", ["c"]),  # a is its colleague
        ("the attribute of c", ["a", "b"]),
        ("a kind that nobody had before", []),  # its counts were missing, and are zero now
    ],
)
def test_what_changes_whose_features(con, changed, kept):
    keys = keys_of([(n, n, START + timedelta(days=5)) for n in "abc"])
    built = build(con, delete_future(TWO | {n: [] for n in TYPES if n not in TWO}, END), keys, END)
    data = {name: [dict(r) for r in rows] for name, rows in TWO.items()}
    if changed == "a row of b after the end":
        data["touchpoints"][3]["content"] = "/home"
    elif changed == "a row of b before the end":
        data["touchpoints"][1]["content"] = "/home"
    elif changed == "the attribute of c":
        data["leads"][2]["employees"] = 2.0
    elif changed == "a kind that nobody had before":
        data["touchpoints"].append(
            data["touchpoints"][0] | {"touchpoint_id": "x", "channel": "email", "kind": "opened"}
        )
    tables = tables_of(con, data, keys)
    now = fingerprint_leads(con, tables, END)
    place = find_same(built, keys, now, describe_conditions(con, tables, SPEC, END))
    assert list(keys["lead_id"][place >= 0]) == kept
    assert np.array_equal(place[place >= 0], np.flatnonzero(place >= 0))


def test_another_specification_reuses_nothing(con):
    keys = keys_of([("a", "a", START + timedelta(days=5))])
    data = TWO | {n: [] for n in TYPES if n not in TWO}
    built = build(con, delete_future(data, END), keys, END)
    tables = tables_of(con, data, keys)
    other = replace(SPEC, windows=(1, 2))
    X, features, reused = build_again(con, tables, keys, other, built)
    assert not reused.any()
    assert "web_visit_2d" in X.columns
    assert len(features) == len(X.columns)


@pytest.mark.deep
@pytest.mark.skipif(not DEEP, reason="three whole extracts: in make deep; test_pipeline extracts again too")
def test_extract_again_on_grown_exports_gives_the_bytes_of_a_full_one(tmp_path):
    small = ["simulate.leads=2000", "problem.horizon_days=45", "train.min_conversions=5"]
    grown, whole = f"paths.root={tmp_path / 'grown'}", f"paths.root={tmp_path / 'whole'}"
    assert run_here("simulate", grown, *small).returncode == 0
    assert run_here("extract", grown, *small, "problem.data_end=2026-04-30").returncode == 0
    tasks = tmp_path / "grown/data/raw/Task.csv"
    lines = tasks.read_text(encoding="utf-8").splitlines(keepends=True)
    tasks.write_text("".join([*lines[:400], *lines[402:]]), encoding="utf-8")  # two tasks are gone since
    again = run_here("extract", grown, *small)
    assert again.returncode == 0, again.stderr
    assert "features of the last extract" in again.stdout + again.stderr
    (tmp_path / "whole/data").mkdir(parents=True)
    (tmp_path / "grown/data/raw").rename(tmp_path / "whole/data/raw")
    full = run_here("extract", whole, *small, "features.reuse=false")
    assert full.returncode == 0, full.stderr
    for name in ("features.parquet", "snapshots.parquet", "dictionary.json", "open.parquet", "fingerprints.parquet"):
        paths = [tmp_path / w / "data/features" / name for w in ("grown", "whole")]
        assert paths[0].read_bytes() == paths[1].read_bytes(), name
