"""predict.only=changed: the leads of which something became known since predict last ran, and nobody else."""

import shutil

import pandas as pd
import pytest
from conftest import run_here
from finished import SCORES, scores, stored

pytestmark = pytest.mark.slow
PARTS = SCORES.replace("scores", "changed")


@pytest.fixture(scope="module")
def root(small_company, tmp_path_factory):
    """A workspace of which one lead has a new call, on the day before the end of the exports."""
    copy = shutil.copytree(small_company, tmp_path_factory.mktemp("changed") / "ws")
    before = run_here("predict", f"paths.root={copy}")
    assert before.returncode == 0, before.stderr
    return copy


def leads_of(root):
    return pd.read_parquet(root / "data/interim/leads.parquet").set_index("lead_id")["account_id"]


def test_nothing_new_nothing_written(root):
    shown = run_here("predict", f"paths.root={root}", "predict.only=changed", f"predict.out={root}/out.csv")
    assert shown.returncode == 0, shown.stderr
    assert "no open lead is new or changed" in shown.stdout
    assert not (root / "data/changed").exists() and not (root / "out.csv").exists()


def call(root, lead, number):
    """Adds a call to the lead, on the day before the end of the exports."""
    tasks = root / "data/raw/Task.csv"
    text = tasks.read_text(encoding="utf-8")
    heads = [h.strip('"') for h in text.split("\n", 1)[0].strip().split(",")]
    stamp = "2026-06-30T15:00:00.000+0000"
    task = dict.fromkeys(heads, "") | {
        "Id": f"00T5g0000ZZZZZ{number}EAA", "IsDeleted": "false", "IsClosed": "true", "WhoId": lead, "Type": "Call",
        "TaskSubtype": "Call", "ActivityDate": "2026-06-30", "Status": "Completed", "CreatedDate": stamp,
        "CompletedDateTime": stamp, "CallType": "Outbound", "CallDisposition": "Connected", "SystemModstamp": stamp,
        "LastModifiedDate": stamp,
    }  # fmt: skip
    tasks.write_text(text + ",".join(f'"{task[h]}"' for h in heads) + "\n", encoding="utf-8")


def predict_changed(root):
    shown = run_here("predict", f"paths.root={root}", "predict.only=changed")
    assert shown.returncode == 0, shown.stderr
    return shown


@pytest.mark.extra
def test_a_new_call_brings_its_lead_and_its_colleagues_with_the_scores_of_a_whole_list(root):
    whole = scores(root)
    called = whole["lead_id"].iloc[7]
    call(root, called, 1)
    predict_changed(root)
    part = pd.read_parquet(root / PARTS / "part=0001/scores.parquet")
    accounts = leads_of(root)
    team = set(accounts.index[accounts == accounts[called]]) | {called}
    assert called in set(part["lead_id"]) and set(part["lead_id"]) == team & set(whole["lead_id"])
    # Percentile and trend are against the latest whole list, which is of the same cutoff here.
    old = whole.set_index("lead_id")
    for lead in part.itertuples():
        assert lead.percentile == pytest.approx((whole["probability"] <= lead.probability).mean() * 100)
        assert lead.trend == lead.score - old["score"][lead.lead_id]
    again = run_here("predict", f"paths.root={root}")
    assert again.returncode == 0, again.stderr
    full = scores(root).set_index("lead_id")
    kept = part.set_index("lead_id")
    columns = ["probability", "score", "grade", "fit", "intent", "reasons", "queue", "model_version"]
    pd.testing.assert_frame_equal(kept[columns], full.loc[kept.index, columns], check_exact=True)
    others = ~full.index.isin(team)
    assert (full.loc[others, "probability"] == old.loc[full.index[others], "probability"]).all()
    assert "no open lead is new" in predict_changed(root).stdout


@pytest.mark.extra
def test_a_second_list_of_the_same_cutoff_leaves_the_first_and_its_archive(root):
    call(root, scores(root)["lead_id"].iloc[60], 3)
    predict_changed(root)
    before = stored(root, "data/changed", "data/archive")
    parts = sorted(p.parent.name for p in before if p.name == "archive.json" and p.parent.name.startswith("part="))
    assert parts[0] == "part=0001"
    call(root, scores(root)["lead_id"].iloc[70], 2)
    predict_changed(root)
    after = stored(root, "data/changed", "data/archive")
    changed = {p for p in before if after.get(p) != before[p]}
    assert {p.name for p in changed} == {"fingerprints.parquet"}
    assert {p.parent.name for p in set(after) - set(before)} == {f"part={len(parts) + 1:04d}"}


@pytest.mark.extra
def test_the_report_is_of_the_whole_list_whatever_predict_is_asked_for(root):
    shown = run_here("explain", f"paths.root={root}", "predict.only=changed")
    assert shown.returncode == 0, shown.stderr
    assert len(pd.read_parquet(root / "data/reports/points.parquet")) == len(scores(root))


def test_of_one_table_nobody_can_tell_what_changed(root):
    words = ("source=flat", f"source.path={root}/data/raw/Lead.csv", "predict.only=changed")
    shown = run_here("predict", f"paths.root={root}", *words)
    assert shown.returncode == 2
    (line,) = shown.stderr.strip().splitlines()
    assert line.startswith("leadml predict: predict.only=changed needs dated tables")
