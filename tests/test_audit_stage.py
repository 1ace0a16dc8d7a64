"""The leak audit from the command line: policies, exit codes, what is published, and what looks at the future."""

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from audit_lookalikes import made_education

from leadml.audit import Evidence
from leadml.cli import main
from leadml.features import build as feature_build
from leadml.stages.auditing import late_fields

pytestmark = pytest.mark.slow
QUICK = ("train.bootstrap=10", "tracking.enabled=false", "model.max_trees=15")
SUSPECTS = '["Call remark","How good is it"]'


def leadml(*words):
    """`leadml` in this process: the exit code, and what was printed."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([str(w) for w in words])
    return SimpleNamespace(code=ended.value.code, out=out.getvalue(), err=err.getvalue())


@pytest.fixture
def school(extracted):
    """`leadml STAGE` on the school's file, or on another one beside it."""

    def run(stage, *settings, file="leads.csv"):
        return leadml(stage, *of_school(extracted, file), *settings)

    return run


def of_school(root, file="leads.csv"):
    return ("source=flat", f"source.path={root}/{file}", "source.label=Enrolled", "source.lead_id=Id",
            f"paths.root={root}", *QUICK)  # fmt: skip


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    """A workspace with the school's leads extracted, and the file they came from."""
    root = tmp_path_factory.mktemp("school")
    X, label = made_education(2400, seed=1)
    lost = np.flatnonzero(label == 0)
    X["Dropped because"] = None
    X.loc[lost[: len(lost) // 2], "Dropped because"] = np.resize(["price", "time", "no answer"], len(lost) // 2)
    X.insert(0, "Id", [f"S{i:05}" for i in range(len(X))])
    X.assign(Enrolled=label.astype(int)).to_csv(root / "leads.csv", index=False)
    shown = leadml("extract", *of_school(root))
    assert shown.code == 0, shown.err
    return root


def manifest(root, name):
    return json.loads((root / "data/runs" / f"latest-{name}.json").read_text())["stages"]


def test_train_works_without_suspects_and_asks(extracted, school):
    shown = school("train")
    assert shown.code == 5 and len(shown.err.strip().splitlines()) == 1
    for word in ("Call remark", "How good is it", f"audit.exclude='{SUSPECTS}'", f"audit.allow='{SUSPECTS}'"):
        assert word in shown.err
    assert not (extracted / "models/champion").exists()
    told = manifest(extracted, "train")["train"]["audit"]
    assert told["open"] == ["Call remark", "How good is it"] and told["excluded"] == ["Dropped because"]
    with_, without = (told["figures"][n]["auc"]["value"] for n in ("with_suspects", "model"))
    assert with_ > without + 0.05
    scorer = json.loads((extracted / "models/challenger/scorer.json").read_text())
    used = {f["name"] for f in scorer["encoder"]["features"]}
    assert "Seconds on site" in used and not used & {"Call remark", "How good is it", "Dropped because"}
    assert scorer["about"]["verdict"]["name"] == "leak suspects"


@pytest.mark.parametrize(
    ("settings", "code", "used"),
    [
        (("audit.policy=exclude",), 0, set()),
        (("audit.policy=keep", "train.suspicious_auc=0.999"), 0, {"Call remark", "How good is it"}),
        (('audit.exclude=["Call remark"]', 'audit.allow=["How good is it","Dropped because"]'), 0,
         {"How good is it", "Dropped because"}),
        (('audit.allow=["Call remarks"]',), 2, None),
    ],
)  # fmt: skip
def test_a_word_decides(extracted, school, settings, code, used):
    shown = school("train", *settings, "train.promote=never")
    assert shown.code == code, shown.err
    if used is None:
        assert "audit.allow=Call remarks" in shown.err and "Seconds on site" in shown.err
        return
    scorer = json.loads((extracted / "models/challenger/scorer.json").read_text())
    names = {f["name"] for f in scorer["encoder"]["features"]}
    assert names & {"Call remark", "How good is it", "Dropped because"} == used
    assert ("without_suspects" in manifest(extracted, "train")["train"]["audit"].get("figures", {})) == (
        "audit.policy=keep" in settings
    )


def test_audit_publishes_and_exits_as_it_found(extracted, school):
    shown = school("audit")
    assert shown.code == 5 and f"audit.allow='{SUSPECTS}'" in shown.err
    assert "one-table source has no dated rows" in shown.out
    entry = json.loads((extracted / "data/audit/audit.json").read_text())
    lots = {f["column"]: (f["severity"], f["done"]) for f in entry["findings"]}
    assert lots["Dropped because"] == ("proof", "excluded") and lots["Call remark"] == ("high", "worked without")
    evidence = {e["kind"]: e for f in entry["findings"] if f["column"] == "Dropped because" for e in f["evidence"]}
    assert "did not convert" in evidence["only_with_outcome"]["words"]
    first = (extracted / "data/audit/audit.json").read_bytes()
    assert school("audit").code == 5
    assert (extracted / "data/audit/audit.json").read_bytes() == first
    assert school("audit", f"audit.exclude={SUSPECTS}").code == 0


def test_an_earlier_export_shows_what_was_rewritten(extracted, school):
    """In the earlier file every second converted lead still had another town."""
    now = pd.read_csv(extracted / "leads.csv", dtype=str)
    rewritten = (now["Enrolled"] == "1") & (np.arange(len(now)) % 2 == 0)
    earlier = now.assign(Town=now["Town"].mask(rewritten, "elsewhere")).drop(columns="Enrolled")
    earlier.to_csv(extracted / "earlier.csv", index=False)
    settings = (f"audit.earlier={extracted}/earlier.csv", "audit.policy=exclude")
    shown = school("audit", *settings)
    assert shown.code == 0, shown.err
    entry = json.loads((extracted / "data/audit/audit.json").read_text())
    town = next(f for f in entry["findings"] if f["column"] == "Town")
    assert town["severity"] == "proof" and town["evidence"][0]["kind"] == "restated"
    assert set(entry["comparisons"]) == {"Town"}
    # What audit found in these very exports, train takes over.
    assert school("train", "audit.policy=exclude", "train.promote=never").code == 0
    assert "Town" in manifest(extracted, "train")["train"]["audit"]["excluded"]
    wrong = school("audit", f"audit.earlier={extracted}/nowhere.csv")
    assert wrong.code == 2 and "audit.earlier" in wrong.err
    (extracted / "data/audit/audit.json").unlink()


def test_what_was_scored_is_archived_and_held_against_later_exports(extracted, school):
    trained = school("train", "audit.policy=exclude")
    assert trained.code == 0 and school("calibrate").code == 0, trained.err
    rows = pd.read_csv(extracted / "leads.csv", dtype=str)
    then = rows.assign(**{"Last thing done": rows["Last thing done"].mask(rows["Enrolled"] == "1", "opened")})
    then.drop(columns="Enrolled").to_csv(extracted / "open.csv", index=False)
    assert school("predict", file="open.csv").code == 0
    folder = extracted / "data/archive/cutoff=undated"
    written = [(folder / n).read_bytes() for n in ("features.parquet", "archive.json")]
    assert school("predict", file="open.csv").code == 0
    assert written == [(folder / n).read_bytes() for n in ("features.parquet", "archive.json")]
    shown = school("audit", "audit.policy=exclude")
    assert shown.code == 0 and "2,400 rows that were scored with earlier exports" in shown.out
    entry = json.loads((extracted / "data/audit/audit.json").read_text())
    assert set(entry["comparisons"]) == {"Last thing done"}
    (evidence,) = entry["comparisons"]["Last thing done"]
    assert Evidence.from_dict(evidence).proof and evidence["kind"] == "archive"


# ------------------------------------------------------------------------------------- several tables
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
    found = late_fields(context, SimpleNamespace(facts={"spec": spec}))
    assert set(found) == {"size"} and found["size"].numbers["late"] == 40
    assert late_fields(context, SimpleNamespace(facts={"spec": None})) == {}


def test_a_feature_that_looks_at_the_future_is_caught_and_no_other(tmp_path, monkeypatch):
    company = (f"paths.root={tmp_path}", "train.min_conversions=5", "problem.horizon_days=30", "problem.age_days=[]",
               "features.windows=[30]", "features.half_lives=[30]", "audit.cutoffs=1", "audit.leads=300",
               *QUICK)  # fmt: skip
    assert leadml("simulate", *company, "simulate.leads=1500", "simulate.months=12").code == 0
    honest = feature_build.build_account

    def ahead(tables):
        """How many leads there are in the whole export, instead of before the cutoff."""
        return honest(tables).mutate(colleagues=tables.leads.count().as_scalar())

    monkeypatch.setattr(feature_build, "build_account", ahead)
    extracted = leadml("extract", *company)
    assert extracted.code == 0, extracted.err
    shown = leadml("audit", *company)
    assert shown.code == 5 and "1 features change when every later row is deleted" in shown.err
    assert (
        "colleagues" in shown.err and "features differ" in shown.out and "looks at nothing dated later" not in shown.out
    )
    wrong = pd.read_parquet(tmp_path / "data/audit/future.parquet")
    assert set(wrong["feature"]) == {"colleagues"} and (wrong["full"] != wrong["rebuilt"]).all()
    entry = json.loads((tmp_path / "data/audit/audit.json").read_text())
    assert entry["future"]["checked"] == 300 and entry["future"]["differ"] == {"colleagues": len(wrong)}
    proven = {f["column"] for f in entry["findings"] if f["evidence"][0]["kind"] == "looks_ahead"}
    assert proven == {"colleagues"} and "colleagues" in entry["excluded"]
