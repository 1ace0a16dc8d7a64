"""predict.only=changed: the leads of which something became known since predict last ran, and nobody else."""

import shutil

import pandas as pd
import pytest
from conftest import run_here
from finished import SCORES, scores

pytestmark = pytest.mark.slow


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


def test_a_new_call_brings_its_lead_and_its_colleagues_with_the_scores_of_a_whole_list(root):
    whole = scores(root)
    called = whole["lead_id"].iloc[7]
    tasks = root / "data/raw/Task.csv"
    lines = tasks.read_text(encoding="utf-8").splitlines(keepends=True)
    heads = [h.strip('"') for h in lines[0].strip().split(",")]
    task = dict.fromkeys(heads, "")
    stamp = "2026-06-30T15:00:00.000+0000"
    task |= {
        "Id": "00T5g0000ZZZZZZEAA",
        "IsDeleted": "false",
        "IsClosed": "true",
        "WhoId": called,
        "Type": "Call",
        "TaskSubtype": "Call",
    }
    task |= {"ActivityDate": "2026-06-30", "Status": "Completed", "CreatedDate": stamp, "CompletedDateTime": stamp}
    task |= {"CallType": "Outbound", "CallDisposition": "Connected", "SystemModstamp": stamp, "LastModifiedDate": stamp}
    line = ",".join('"' + task[h] + '"' for h in heads)
    tasks.write_text("".join([*lines, line + "\n"]), encoding="utf-8")
    shown = run_here("predict", f"paths.root={root}", "predict.only=changed")
    assert shown.returncode == 0, shown.stderr
    part = pd.read_parquet(root / SCORES.replace("scores", "changed") / "scores.parquet")
    accounts = leads_of(root)
    account = accounts[called]
    team = set(accounts.index[accounts == account]) | {called}
    assert called in set(part["lead_id"]) and set(part["lead_id"]) == team & set(whole["lead_id"])
    again = run_here("predict", f"paths.root={root}")
    assert again.returncode == 0, again.stderr
    full = scores(root).set_index("lead_id")
    kept = part.set_index("lead_id")
    columns = ["probability", "score", "grade", "fit", "intent", "reasons", "queue", "model_version"]
    pd.testing.assert_frame_equal(kept[columns], full.loc[kept.index, columns], check_exact=True)
    others = ~full.index.isin(team)
    old = whole.set_index("lead_id")
    assert (full.loc[others, "probability"] == old.loc[full.index[others], "probability"]).all()
    assert "no open lead is new" in run_here("predict", f"paths.root={root}", "predict.only=changed").stdout
