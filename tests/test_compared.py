"""explain against an archived list: the same model, another one, one that reads other features, one that is gone."""

import json
import re
import shutil
from datetime import datetime
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import run_here
from finished import champion, manifest, scores, stored

from leadml import LeadScorer
from leadml.errors import ArtifactError, ConfigurationError
from leadml.moves import PARTS
from leadml.stages.archive import keep_scorer
from leadml.stages.comparing import find_earlier
from leadml.workspace import Workspace

pytestmark = pytest.mark.slow
EARLIER = "2026-06-24"
FOLDER = f"data/archive/cutoff={EARLIER}T000000Z"
QUICK = ("tracking.enabled=false", "train.bootstrap=10", "train.min_conversions=20", "model.max_trees=30")


def leadml(root, *words, code=0):
    shown = run_here(*words, f"paths.root={root}", *QUICK)
    assert shown.returncode == code, shown.stderr
    return shown


def changes(root):
    return pd.read_parquet(root / "data/reports/changes.parquet")


def check(told, root):
    """Whatever moved a lead adds up, and both scores are those that the two lists gave."""
    both = told[told["list"] == "both"].set_index("lead_id")
    np.testing.assert_allclose(both[list(PARTS)].sum(axis=1), both["change"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(both["now"] - both["earlier"], both["change"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(both.filter(like="data_").sum(axis=1), both["data"], rtol=0, atol=1e-9)
    earlier = pd.read_parquet(root / f"data/scores/cutoff={EARLIER}T000000Z/scores.parquet").set_index("lead_id")
    told = told.set_index("lead_id")
    stays = told[told["list"] != "came"]
    assert set(stays.index) == set(earlier.index)
    assert (stays["earlier"].clip(0, 100) == earlier.loc[stays.index, "score"]).all()
    points = pd.read_parquet(root / "data/reports/points.parquet").set_index("lead_id")["unclipped"]
    there = told[told["list"] != "left"]
    assert (there["now"] == points).all() and there.index.tolist() == points.index.tolist()
    assert told["list"].value_counts().index.isin(["both", "came", "left"]).all()
    return both


@pytest.fixture(scope="module")
def root(small_company, tmp_path_factory):
    """A workspace with an earlier list as well, and a report of now that compares with it."""
    copy = shutil.copytree(small_company, tmp_path_factory.mktemp("compared") / "ws")
    leadml(copy, "predict", f"predict.cutoff={EARLIER}")
    leadml(copy, "explain")
    return copy


@pytest.fixture(scope="module")
def retrained(root, tmp_path_factory):
    """The same with another seed's model that reads other features, and its report."""
    copy = shutil.copytree(root, tmp_path_factory.mktemp("retrained") / "ws")
    leadml(copy, "train", "train.promote=always", "seed=7", "audit.exclude=[industry]")
    leadml(copy, "calibrate")
    leadml(copy, "explain")
    return copy


def test_by_the_same_model_all_is_new_data(root):
    told = changes(root)
    both = check(told, root)
    assert (both[["model", "calibration", "scale"]] == 0).all(axis=None) and (both["data"] != 0).any()
    assert not [c for c in told if c.startswith("model_")]
    facts = manifest(root, "explain")["stages"]["explain"]["against"]
    counted = told["list"].value_counts()
    assert facts == {"cutoff": f"{EARLIER}T00:00:00", "model_version": champion(root).version} | counted.to_dict()
    assert min(counted[["both", "came", "left"]]) > 0
    assert "What moved since the list of 24 June 2026" in (root / "data/reports/report.html").read_text()


def test_predict_again_gives_the_change_as_a_trend_and_leaves_the_models_that_are_kept(root):
    version, kept = champion(root).version, root / "data/archive/models"
    assert [p.name for p in kept.iterdir()] == [version]
    assert LeadScorer.load_without_decision(kept / version).version == version
    assert json.loads((root / FOLDER / "decision.json").read_text()) == champion(root).decision
    before = {p: p.stat().st_ino for p in kept.rglob("*")}
    leadml(root, "predict")
    assert {p: p.stat().st_ino for p in kept.rglob("*")} == before
    told, scored = changes(root).set_index("lead_id"), scores(root).set_index("lead_id")
    both = scored.index[scored["trend"].notna()]
    clipped = told.loc[both, "now"].clip(0, 100) - told.loc[both, "earlier"].clip(0, 100)
    assert set(both) == set(told.index[told["list"] == "both"])
    np.testing.assert_array_equal(clipped, scored.loc[both, "trend"])


def test_a_lead_whose_rows_are_the_same_did_not_move(root):
    told = check(changes(root), root)
    names = champion(root).encoder.names
    then, now = (
        pd.read_parquet(root / f"data/archive/cutoff={day}/features.parquet").set_index("archived_lead_id")
        for day in (f"{EARLIER}T000000Z", "2026-07-01T000000Z")
    )
    still = [i for i in told.index if then.loc[i, names].equals(now.loc[i, names])]
    moved = told["data"] != 0
    assert not moved[still].any() and moved.any()


def test_a_damaged_copy_of_the_model_is_written_again(root, tmp_path):
    scorer, workspace = champion(root), Workspace(tmp_path)
    folder = tmp_path / "data/archive/models" / scorer.version
    for damage in (None, "damaged"):
        if damage:
            (folder / "booster.txt").write_text(damage)
        with workspace.publish() as out:
            keep_scorer(out, workspace, scorer)
        assert LeadScorer.load_without_decision(folder).version == scorer.version


def test_another_model_that_reads_other_features_is_compared_by_rows_built_again(root, retrained):
    old, new = champion(root), champion(retrained)
    assert "industry" in set(old.encoder.names) - set(new.encoder.names)
    told = changes(retrained)
    both = check(told, retrained)
    assert (both["model"].abs() > 0.5).any() and (both["calibration"] != 0).any() and (both["scale"] == 0).all()
    assert {c.removeprefix("data_") for c in told.filter(like="data_")} == set(old.encoder.names)
    effects = both.filter(like="model_")
    assert {c.removeprefix("model_") for c in effects} == {*old.encoder.names, *new.encoder.names}
    np.testing.assert_allclose(effects.sum(axis=1) + both["base"], both["model"], rtol=0, atol=1e-9)
    # What data did is by the earlier model, so it is what the report before the training said, to the bit.
    before = changes(root).set_index("lead_id")
    pd.testing.assert_series_equal(both["data"], before.loc[both.index, "data"], check_exact=True)
    text = (retrained / "data/reports/report.html").read_text()
    assert "New calibration" in text and "Earlier model" in text


def test_what_cannot_be_compared_is_left_out_and_said(retrained):
    shutil.rmtree(retrained / "data/archive/models")
    shown = leadml(retrained, "explain")
    said = r"explain +not compared with the list of 2026-06-24 00:00:00: its model \w+ was not kept"
    assert re.search(said, shown.stdout)
    assert not (retrained / "data/reports/changes.parquet").exists()
    assert "was not kept" in manifest(retrained, "explain")["stages"]["explain"]["against"]["left_out"]
    assert "What moved since" not in (retrained / "data/reports/report.html").read_text()


def test_against_the_list_of_this_very_cutoff_nothing_moved_and_against_none_nothing_is_told(root):
    leadml(root, "explain", "explain.against=2026-07-01")
    told = changes(root)
    assert (told["list"] == "both").all() and (told["change"] == 0).all()
    leadml(root, "explain", "explain.against=none")
    assert not (root / "data/reports/changes.parquet").exists()


def test_a_list_that_is_not_there_is_refused_and_the_report_stays(root):
    before = stored(root, "data/reports")
    shown = leadml(root, "explain", "explain.against=2026-06-23", code=4)
    (line,) = shown.stderr.strip().splitlines()
    assert "explain.against=2026-06-23: no list of that cutoff is archived in" in line
    assert line.endswith("there is 2026-07-01T00:00:00, 2026-06-24T00:00:00")
    shown = leadml(root, "explain", "explain.against=yesterday", code=2)
    (line,) = shown.stderr.strip().splitlines()
    assert "explain.against=yesterday is not a date" in line and "latest for the latest earlier list, none for" in line
    assert stored(root, "data/reports") == before


def asked(against, cutoff, data):
    """What `find_earlier` finds in the archive for a list of that cutoff."""
    context = SimpleNamespace(
        config=SimpleNamespace(explain=SimpleNamespace(against=against)), workspace=SimpleNamespace(data=data)
    )
    return find_earlier(context, SimpleNamespace(cutoff=cutoff))


def test_which_list_is_compared_with(tmp_path):
    june, july, august, september = (datetime(2026, month, 1) for month in (6, 7, 8, 9))
    assert asked("latest", july, tmp_path) is None  # nothing was ever archived
    for name in ("cutoff=2026-06-01T000000Z", "cutoff=undated", "cutoff=2026-08-01T000000Z", "models",
                 "changed-cutoff=2026-06-30T000000Z"):  # fmt: skip
        (tmp_path / "archive" / name).mkdir(parents=True)
    assert [asked("latest", c, tmp_path) for c in (june, july, september)] == [None, june, august]
    assert asked("2026-06-01", september, tmp_path) == june == asked("2026-06-01T02:00+02:00", june, tmp_path)
    assert asked("none", july, tmp_path) is None
    with pytest.raises(ConfigurationError, match=r"2026-08-01 is after the cutoff of this list \(2026-07-01"):
        asked("2026-08-01", july, tmp_path)
    with pytest.raises(ArtifactError, match=r"there is 2026-06-01T00:00:00$"):
        asked("2026-06-02", july, tmp_path)
    with pytest.raises(ArtifactError, match="none is, up to 2026-05-01 00:00:00: leadml predict archives each list"):
        asked("2026-04-01", datetime(2026, 5, 1), tmp_path)


def test_a_table_without_times_has_no_earlier_list(tmp_path):
    assert asked("latest", None, tmp_path) is None is asked("none", None, tmp_path)
    with pytest.raises(ConfigurationError, match="a table without times has no earlier list"):
        asked("2026-06-24", None, tmp_path)
