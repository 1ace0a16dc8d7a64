"""The leak audit from the command line: policies, exit codes, what is published, and what looks at the future."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from audit_lookalikes import made_education
from conftest import run_here

from leadml.audit import Evidence
from leadml.errors import DataError
from leadml.features import build as feature_build
from leadml.stages.auditing import late_fields, scoring_population
from leadml.workspace import Workspace

pytestmark = pytest.mark.slow
QUICK = ("train.bootstrap=10", "tracking.enabled=false", "model.max_trees=15")
SUSPECTS = '["Call remark","How good is it"]'


@pytest.fixture
def school(extracted):
    """`leadml STAGE` on the school's file, or on another one beside it."""

    def run(stage, *settings, file="leads.csv"):
        return run_here(stage, *of_school(extracted, file), *settings)

    return run


def of_school(root, file="leads.csv"):
    return ("source=flat", f"source.path={root}/{file}", "source.label=Enrolled", "source.lead_id=Id",
            f"paths.root={root}", *QUICK)  # fmt: skip


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    """A workspace with the school's leads extracted, and the file they came from."""
    root = tmp_path_factory.mktemp("school")
    X, label = made_education(2400, seed=1)
    won = np.flatnonzero(label == 1)
    X["Paid by"] = None
    X.loc[won[: len(won) // 2], "Paid by"] = np.resize(["card", "transfer", "cash"], len(won) // 2)
    X["Empty"] = None
    X.insert(0, "Id", [f"S{i:05}" for i in range(len(X))])
    X.assign(Enrolled=label.astype(int)).to_csv(root / "leads.csv", index=False)
    shown = run_here("extract", *of_school(root))
    assert shown.returncode == 0, shown.stderr
    return root


def manifest(root, name):
    return json.loads((root / "data/runs" / f"latest-{name}.json").read_text())["stages"]


def test_train_works_without_suspects_and_asks(extracted, school):
    shown = school("train")
    assert shown.returncode == 5 and len(shown.stderr.strip().splitlines()) == 1
    for word in ("Call remark", "How good is it", f"audit.exclude='{SUSPECTS}'", f"audit.allow='{SUSPECTS}'"):
        assert word in shown.stderr
    assert not (extracted / "models/champion").exists()
    told = manifest(extracted, "train")["train"]["audit"]
    assert told["open"] == ["Call remark", "How good is it"] and told["excluded"] == ["Paid by"]
    with_, without = (told["figures"][n]["auc"]["value"] for n in ("with_suspects", "model"))
    assert with_ > without + 0.05
    scorer = json.loads((extracted / "models/challenger/scorer.json").read_text())
    used = {f["name"] for f in scorer["encoder"]["features"]}
    assert "Seconds on site" in used and not used & {"Call remark", "How good is it", "Paid by"}
    assert scorer["about"]["verdict"]["name"] == "leak suspects"


@pytest.mark.parametrize(
    ("settings", "code", "used"),
    [
        (("audit.policy=exclude",), 0, set()),
        (("audit.policy=keep", "train.suspicious_auc=0.999"), 0, {"Call remark", "How good is it"}),
        (('audit.exclude=["Call remark"]', 'audit.allow=["How good is it","Paid by"]'), 0,
         {"How good is it", "Paid by"}),
        (('audit.allow=["Call remarks"]',), 2, None),
    ],
)  # fmt: skip
def test_a_word_decides(extracted, school, settings, code, used):
    shown = school("train", *settings, "train.promote=never")
    assert shown.returncode == code, shown.stderr
    if used is None:
        assert "audit.allow=Call remarks" in shown.stderr and "Seconds on site" in shown.stderr
        return
    scorer = json.loads((extracted / "models/challenger/scorer.json").read_text())
    names = {f["name"] for f in scorer["encoder"]["features"]}
    assert names & {"Call remark", "How good is it", "Paid by"} == used
    assert ("without_suspects" in manifest(extracted, "train")["train"]["audit"].get("figures", {})) == (
        "audit.policy=keep" in settings
    )


def test_audit_publishes_and_exits_as_it_found(extracted, school):
    shown = school("audit")
    assert shown.returncode == 5 and f"audit.allow='{SUSPECTS}'" in shown.stderr
    assert "one-table source has no dated rows" in shown.stdout
    entry = json.loads((extracted / "data/audit/audit.json").read_text())
    lots = {f["column"]: (f["severity"], f["done"]) for f in entry["findings"]}
    assert lots["Paid by"] == ("proof", "excluded") and lots["Call remark"] == ("high", "worked without")
    evidence = {e["kind"]: e for f in entry["findings"] if f["column"] == "Paid by" for e in f["evidence"]}
    assert "on leads that converted" in evidence["only_with_outcome"]["words"]
    first = (extracted / "data/audit/audit.json").read_bytes()
    assert school("audit").returncode == 5
    assert (extracted / "data/audit/audit.json").read_bytes() == first
    assert school("audit", f"audit.exclude={SUSPECTS}").returncode == 0


@pytest.mark.extra
def test_an_earlier_export_shows_what_was_rewritten(extracted, school):
    """In the earlier file every second converted lead still had another town."""
    now = pd.read_csv(extracted / "leads.csv", dtype=str)
    rewritten = (now["Enrolled"] == "1") & (np.arange(len(now)) % 2 == 0)
    earlier = now.assign(Town=now["Town"].mask(rewritten, "elsewhere")).drop(columns="Enrolled")
    earlier.to_csv(extracted / "earlier.csv", index=False)
    settings = (f"audit.earlier={extracted}/earlier.csv", "audit.policy=exclude")
    shown = school("audit", *settings)
    assert shown.returncode == 0, shown.stderr
    entry = json.loads((extracted / "data/audit/audit.json").read_text())
    town = next(f for f in entry["findings"] if f["column"] == "Town")
    assert town["severity"] == "proof" and town["evidence"][0]["kind"] == "restated"
    assert set(entry["comparisons"]) == {"Town"}
    # Without the earlier export the proof stays, as long as everything else is the same.
    assert school("audit", "audit.policy=exclude").returncode == 0
    again = json.loads((extracted / "data/audit/audit.json").read_text())
    assert again["comparisons"] == entry["comparisons"] and "Town" in again["excluded"]
    # What audit found in these very exports, train takes over.
    assert school("train", "audit.policy=exclude", "train.promote=never").returncode == 0
    assert "Town" in manifest(extracted, "train")["train"]["audit"]["excluded"]
    wrong = school("audit", f"audit.earlier={extracted}/nowhere.csv")
    assert wrong.returncode == 2 and "audit.earlier" in wrong.stderr
    (extracted / "data/audit/audit.json").unlink()


@pytest.mark.extra
def test_what_was_scored_is_archived_and_held_against_later_exports(extracted, school):
    trained = school("train", "audit.policy=exclude")
    assert trained.returncode == 0, trained.stderr
    decided = (extracted / "models/champion/decision.json").read_bytes()  # the first champion can score at once
    assert school("calibrate").returncode == 0
    assert decided == (extracted / "models/champion/decision.json").read_bytes()
    assert decided == (extracted / "models/challenger/decision.json").read_bytes()
    rows = pd.read_csv(extracted / "leads.csv", dtype=str)
    then = rows.assign(**{"Last thing done": rows["Last thing done"].mask(rows["Enrolled"] == "1", "opened")})
    then.drop(columns="Enrolled").to_csv(extracted / "open.csv", index=False)
    assert school("predict", file="open.csv").returncode == 0
    folder = extracted / "data/archive/cutoff=undated"
    written = [(folder / n).read_bytes() for n in ("features.parquet", "archive.json")]
    assert school("predict", file="open.csv").returncode == 0
    assert written == [(folder / n).read_bytes() for n in ("features.parquet", "archive.json")]
    shown = school("audit", "audit.policy=exclude")
    assert shown.returncode == 5 and "2,400 rows that were scored with earlier exports" in shown.stdout
    assert "the champion uses 1 column that this audit leaves out: Last thing done" in shown.stderr
    entry = json.loads((extracted / "data/audit/audit.json").read_text())
    assert set(entry["comparisons"]) == {"Last thing done"}
    (evidence,) = entry["comparisons"]["Last thing done"]
    assert Evidence.from_dict(evidence).proof and evidence["kind"] == "archive"
    # The champion goes on scoring, and every output says what it uses.
    shown = school("predict", file="open.csv")
    stamp = "uses columns that may give the answer away: Last thing done"
    assert shown.returncode == 0 and stamp in shown.stdout
    assert set(pd.read_csv(extracted / "data/scores/cutoff=undated/crm.csv")["forced"]) == {stamp}
    assert stamp not in school("predict", 'audit.allow=["last thing done"]', file="open.csv").stdout
    again = school("train", "audit.policy=exclude")
    assert again.returncode == 0 and "the champion uses Last thing done, which this audit leaves out" in again.stdout
    # An audit of another mapping or split takes nothing over.
    assert school("train", "audit.policy=exclude", "train.split.test_share=0.4", "train.promote=never").returncode == 0
    assert "Last thing done" not in manifest(extracted, "train")["train"]["audit"]["excluded"]


def test_names_are_asked_before_anything_is_published(tmp_path):
    g, label = np.random.default_rng(0), (np.arange(600) % 3 == 0) * 1
    rows = pd.DataFrame({"Id": [f"S{i}" for i in range(600)], "x": g.normal(size=600), "Visits": g.poisson(3, 600)})
    rows.assign(Empty=None, Enrolled=label).to_csv(tmp_path / "leads.csv", index=False)
    shown = run_here("extract", *of_school(tmp_path), "audit.exclude=[nope]")
    assert shown.returncode == 2 and "audit.exclude=nope" in shown.stderr and not (tmp_path / "data/features").exists()
    shown = run_here("extract", *of_school(tmp_path), "audit.allow=[Empty]")
    assert shown.returncode == 2 and "source.allow='[Empty]' takes them in" in shown.stderr
    shown = run_here("extract", *of_school(tmp_path), "audit.exclude=[EMPTY,visits]")
    assert shown.returncode == 0, shown.stderr


def test_a_table_of_proofs_alone_is_extracted_shown_and_refused_by_train(tmp_path):
    paid = np.where(np.arange(600) % 3 == 0, 7.0 + np.arange(600) % 5, np.nan)
    pd.DataFrame({"Id": [f"S{i}" for i in range(600)], "Paid": paid, "Enrolled": (np.arange(600) % 3 == 0) * 1}).to_csv(
        tmp_path / "leads.csv", index=False
    )
    shown = run_here("extract", *of_school(tmp_path))
    assert shown.returncode == 0 and "Paid (proof)" in shown.stdout, shown.stderr
    shown = run_here("train", *of_school(tmp_path))
    assert (
        shown.returncode == 3 and "audit.allow='[Paid]' takes them in" in shown.stderr and "Leak audit" in shown.stdout
    )


@pytest.mark.extra
def test_rows_without_ids_are_not_held_against_another_list(tmp_path):
    """The n-th row of the list that was scored is another lead than the n-th row of the table."""
    g = np.random.default_rng(0)
    label = (np.arange(1500) % 3 == 0) * 1
    flags = {n: g.choice(["a", "b"], 1500, p=[0.7, 0.3]) for n in ("f", "g", "h")}
    X = pd.DataFrame({"x": g.normal(size=1500) + label} | flags)
    X.assign(Won=label).to_csv(tmp_path / "leads.csv", index=False)
    X.iloc[::-1].to_csv(tmp_path / "open.csv", index=False)
    words = ("source=flat", "source.label=Won", f"paths.root={tmp_path}", *QUICK)
    for stage in ("extract", "train", "calibrate"):
        assert run_here(stage, *words, f"source.path={tmp_path}/leads.csv").returncode == 0
    assert run_here("predict", *words, f"source.path={tmp_path}/open.csv").returncode == 0
    shown = run_here("audit", *words, f"source.path={tmp_path}/leads.csv")
    assert shown.returncode == 0 and "only rows with ids can be matched (source.lead_id)" in shown.stdout, shown.stderr
    assert json.loads((tmp_path / "data/audit/audit.json").read_text())["comparisons"] == {}


def test_train_sees_the_leads_to_score_as_audit_does(tmp_path):
    """A field that is filled for two thirds in training and for hardly any lead to score."""
    g = np.random.default_rng(5)
    label = (g.random(3000) < 0.3) * 1
    filled = g.random(3000) < np.where(label == 1, 0.97, 0.68)
    rows = pd.DataFrame({"id": np.arange(3000), "x": label * 0.9 + g.normal(size=3000),
                         "field": np.where(filled, g.normal(size=3000), np.nan)})  # fmt: skip
    rows.assign(won=label).to_csv(tmp_path / "leads.csv", index=False)
    rows.assign(field=np.where(g.random(3000) < 0.02, 1.0, np.nan)).to_csv(tmp_path / "open.csv", index=False)
    words = ("source=flat", "source.label=won", "source.lead_id=id", f"paths.root={tmp_path}", *QUICK)
    here = (*words, f"source.path={tmp_path}/leads.csv", "audit.policy=exclude")
    for stage in ("extract", "train", "calibrate"):
        assert run_here(stage, *here).returncode == 0
    assert run_here("predict", *words, f"source.path={tmp_path}/open.csv").returncode == 0
    run_here("train", *here, "train.promote=never")
    findings = {f["column"]: f for f in manifest(tmp_path, "train")["train"]["audit"]["findings"]}
    assert "scored" in [e["numbers"].get("against") for e in findings["field"]["evidence"]]


# ------------------------------------------------------------------------------------- several tables
def test_the_open_leads_are_those_that_extract_wrote(tmp_path):
    context, of_tables = SimpleNamespace(workspace=Workspace(tmp_path)), SimpleNamespace(facts={"spec": {}})
    with pytest.raises(DataError, match=r"open\.parquet is missing; run leadml extract first"):
        scoring_population(context, of_tables)
    for rows in (pd.DataFrame({"x": [1.0, np.nan], "y": ["a", None]}), pd.DataFrame({"x": [], "y": []})):
        (tmp_path / "data/features").mkdir(parents=True, exist_ok=True)
        rows.to_parquet(tmp_path / "data/features/open.parquet", index=False)
        found = scoring_population(context, of_tables)
        assert (found is None) if rows.empty else found["x"].isna().tolist() == [False, True]


def test_changes_of_fixed_attributes_are_read_from_what_extract_published(tmp_path):
    """extract leaves changes.parquet; only attributes that are read as fixed are asked about."""
    known = pd.Timestamp("2026-01-01")
    leads = pd.DataFrame({"lead_id": [f"L{i}" for i in range(100)], "known_at": known})
    won = leads["lead_id"][:40]
    changed = pd.concat([pd.DataFrame({"lead_id": won, "field": f, "changed_at": known + pd.Timedelta(days=9)})
                         for f in ("size", "stage")])  # fmt: skip
    leads.to_parquet(tmp_path / "leads.parquet")
    changed.to_parquet(tmp_path / "changes.parquet")
    at = known + pd.to_timedelta([9.5, 30.0], unit="D")
    pd.DataFrame({"lead_id": [*won, *won], "converted_at": np.repeat(at, 40)}).to_parquet(
        tmp_path / "conversions.parquet"
    )
    settings = SimpleNamespace(audit=SimpleNamespace(written_within_days=1.0), seed=0)
    context = SimpleNamespace(config=settings, workspace=SimpleNamespace(interim=tmp_path))
    spec = {"lead_attributes": {"size": "number"}, "as_of_fields": {"stage": "category"}}
    # What converts in the test's period has not converted yet, and what is written in it is not written yet.
    early = late_fields(context, SimpleNamespace(facts={"spec": spec}), known + pd.Timedelta(days=9.2))
    assert early == {}
    found = late_fields(context, SimpleNamespace(facts={"spec": spec}), None)
    assert set(found) == {"size"} and found["size"].numbers["late"] == 40
    assert late_fields(context, SimpleNamespace(facts={"spec": None}), None) == {}


@pytest.mark.extra
def test_a_feature_that_looks_at_the_future_is_caught_and_no_other(tmp_path, monkeypatch):
    company = (f"paths.root={tmp_path}", "train.min_conversions=5", "problem.horizon_days=30", "problem.age_days=[]",
               "features.windows=[30]", "features.half_lives=[30]", "audit.cutoffs=1", "audit.leads=100",
               *QUICK)  # fmt: skip
    assert run_here("simulate", *company, "simulate.leads=1500", "simulate.months=12").returncode == 0
    honest = feature_build.build_colleagues

    def ahead(tables, *rest):
        """How many leads there are in the whole export, instead of before the cutoff."""
        return honest(tables, *rest).mutate(colleagues=tables.leads.count().as_scalar())

    monkeypatch.setattr(feature_build, "build_colleagues", ahead)
    extracted = run_here("extract", *company)
    assert extracted.returncode == 0, extracted.stderr
    shown = run_here("audit", *company)
    assert shown.returncode == 5 and "1 feature changes when every later row is deleted" in shown.stderr
    assert (
        "colleagues" in shown.stderr
        and "features differ" in shown.stdout
        and "looks at nothing dated later" not in shown.stdout
    )
    wrong = pd.read_parquet(tmp_path / "data/audit/future.parquet")
    assert wrong["cutoff"].nunique() == 1  # only at the cutoff has all of a snapshot's future been deleted
    assert set(wrong["feature"]) == {"colleagues"} and (wrong["full"] != wrong["rebuilt"]).all()
    entry = json.loads((tmp_path / "data/audit/audit.json").read_text())
    assert entry["future"]["checked"] == 100 and entry["future"]["differ"] == {"colleagues": len(wrong)}
    proven = {f["column"] for f in entry["findings"] if f["evidence"][0]["kind"] == "looks_ahead"}
    assert proven == {"colleagues"} and "colleagues" in entry["excluded"]
