"""explain against an archived list: the same model, another one, one that reads other features, one that is gone."""

import json
import re
import shutil
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, SMALL, run_here
from finished import champion, manifest, scores, stored
from hydra import compose, initialize_config_dir

from leadml import LeadScorer
from leadml.config import ExplainConfig, register_schema, to_config
from leadml.errors import ArtifactError, ConfigurationError
from leadml.manifest import Manifest
from leadml.moves import PARTS
from leadml.progress import Progress
from leadml.stages import champions, explain
from leadml.stages.archive import keep_scorer
from leadml.stages.comparing import compare_with_earlier, list_earlier
from leadml.stages.context import Context
from leadml.stages.scoring import score_population
from leadml.workspace import Workspace

pytestmark = pytest.mark.slow
EARLIER = "2026-06-24"
FOLDER = f"data/archive/cutoff={EARLIER}T000000Z"
QUICK = ("tracking.enabled=false", *SMALL)


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
    leadml(copy, "explain", f"explain.against={EARLIER}")
    return copy


@pytest.fixture(scope="module")
def here(root, tmp_path_factory):
    """The same with another seed's model that reads other features: what explain has at hand, its list; reported.

    Train alone, as in a run that was killed before calibrate.
    """
    copy = shutil.copytree(root, tmp_path_factory.mktemp("retrained") / "ws")
    leadml(copy, "train", "train.promote=always", "seed=7", "audit.exclude=[industry]")
    register_schema()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = to_config(compose("explain", overrides=[f"paths.root={copy}"]))
    context = Context(config, Workspace(copy), Manifest("explain", config.seed, {}), Progress())
    scored = score_population(context)
    explain.run(context)
    return context, scored


def test_points_are_the_same_however_many_are_written_at_a_time(here, tmp_path, monkeypatch):
    context, scored = here
    whole = pd.read_parquet(context.workspace.reports / "points.parquet")
    monkeypatch.setattr(explain, "POINT_ROWS", 100)
    assert len(whole) > 200
    explain.write_points(scored, tmp_path / "points.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "points.parquet"), whole, check_exact=True)


def test_train_alone_leaves_a_champion_that_scores_and_that_a_rollback_can_bring_back(here, root, tmp_path):
    context, scored = here
    copy, before = context.workspace.root, champion(root)
    now = champion(copy)
    assert now.version == scored.scorer.version != before.version and now.decision["model_version"] == now.version
    told = manifest(copy, "train")["stages"]["train"]["decision"]
    assert told == {name: now.decision[name] for name in ("decision_version", "threshold")}
    assert champions.former_scorer(context.workspace, before.version).decision == before.decision
    kept = shutil.copytree(copy / "models/champion", tmp_path / now.version)  # as the next change of champion keeps it
    assert champions.why_broken(kept) == ""
    leadml(copy, "calibrate", "seed=7")
    assert champion(copy).decision == now.decision


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


@pytest.mark.extra
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
            (folder / "booster-1.txt").write_text(damage)
        with workspace.publish() as out:
            keep_scorer(out, workspace, scorer)
        assert LeadScorer.load_without_decision(folder).version == scorer.version


def test_another_model_that_reads_other_features_is_compared_by_rows_built_again(root, here):
    retrained = here[0].workspace.root
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


def against(here, cutoff):
    """What explain compares with, asked for that cutoff."""
    context, scored = here
    settings = replace(context.config, explain=ExplainConfig(cutoff))
    return compare_with_earlier(replace(context, config=settings), scored)


def test_another_model_on_the_list_of_the_same_cutoff_moves_by_the_model_alone(here, root):
    compared, why_not = against(here, "2026-07-01")
    leads = compared.moves.leads
    assert not why_not and compared.model_version == champion(root).version
    assert compared.moves.came.empty and compared.moves.left.empty
    assert (leads["data"] == 0).all() and (compared.moves.data == 0).all(axis=None)
    assert not compared.moves.changed.any(axis=None) and (leads["model"] != 0).any()
    np.testing.assert_allclose(leads["model"] + leads["calibration"], leads["change"], rtol=0, atol=1e-9)


def test_what_cannot_be_compared_is_left_out_with_a_reason(here, root):
    folder = here[0].workspace.root / FOLDER
    kept = here[0].workspace.data / "archive/models" / champion(root).version
    facts = json.loads((folder / "archive.json").read_text())
    own = {"feature": here[1].scorer.encoder.features[0].to_dict() | {"name": "mine"}, "language": "sql",
           "file": "mine.sql", "function": "", "sha256": "0" * 64}  # fmt: skip
    scorer = (kept / "scorer.json").read_text()

    def trained_on(**changes):
        """Keeps the earlier model as if it had been trained otherwise, under the digest that it then has."""
        entry = json.loads(scorer)
        entry["about"]["spec"] |= changes.pop("spec", {})
        entry["about"]["problem"] |= changes.pop("problem", {})
        entry["about"] |= changes
        (kept / "scorer.json").write_text(json.dumps(entry))
        version = LeadScorer.load_without_decision(kept).version
        shutil.copytree(kept, kept.with_name(version))
        (folder / "archive.json").write_text(json.dumps(facts | {"model_version": version}))

    def why():
        compared, told = against(here, "latest")
        assert compared is None and told.startswith("not compared with the list of 2026-06-24 00:00:00: ")
        return told.partition(": ")[2]

    trained_on(spec={"own": [own]})
    assert "the model needs the feature mine of mine.sql" in why()
    trained_on(spec={"lead_attributes": {"shoe_size": "number"}})
    assert "its model reads shoe_size of leads, which the source no longer has" in why()
    trained_on(source="hubspot")
    assert "it is of source=hubspot, and this one of salesforce" in why()
    trained_on(problem={"unit": "account"})
    assert "it is of accounts, and this one of leads" in why()
    (folder / "archive.json").write_text(json.dumps(facts))
    assert f"the model kept in {kept} is " in why()
    (kept / "scorer.json").write_text("{}")
    assert "scorer format None" in why()
    (kept / "scorer.json").unlink()
    assert f"its model {champion(root).version} was not kept ({kept} has no scorer.json)" in why()
    (folder / "archive.json").write_text("{}")
    assert "does not say which leads it is of" in why()
    (folder / "features.parquet").write_text("")
    assert "features.parquet is broken" in why()


def test_a_report_without_its_comparison_is_made_and_says_why(here, capsys):
    context, root = here[0], here[0].workspace.root
    (root / FOLDER / "features.parquet").write_text("")
    explain.run(context)
    why = context.manifest.facts["stages"]["explain"]["against"]["left_out"]
    assert re.match("not compared with the list of 2026-06-24 00:00:00: .*features.parquet is broken", why)
    assert f"explain   {why}\n" in capsys.readouterr().out
    assert not (root / "data/reports/changes.parquet").exists()
    assert "What moved since" not in (root / "data/reports/report.html").read_text()


def test_a_list_that_is_not_archived_is_refused_and_the_report_stays(here):
    context, before = here[0], stored(here[0].workspace.root, "data/reports")
    settings = replace(context.config, explain=ExplainConfig("2026-06-23"))
    with pytest.raises(ArtifactError, match="against=2026-06-23: no list of that cutoff is archived in") as refused:
        explain.run(replace(context, config=settings))
    assert refused.value.exit_code == 4
    assert str(refused.value).endswith("there is 2026-07-01T00:00:00, 2026-06-24T00:00:00")
    assert stored(context.workspace.root, "data/reports") == before


@pytest.mark.parametrize("word", ["yesterday", "2026-13-01", ""])
def test_against_is_a_cutoff_latest_or_none(word):
    with pytest.raises(ConfigurationError, match=f"explain.against={word} is not a date.*or latest for the latest"):
        ExplainConfig(word)


def asked(against, cutoff, data):
    """The first that `list_earlier` finds in the archive for a list of that cutoff."""
    context = SimpleNamespace(
        config=SimpleNamespace(explain=SimpleNamespace(against=against)), workspace=SimpleNamespace(data=data)
    )
    return next(iter(list_earlier(context, SimpleNamespace(cutoff=cutoff))), None)


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
