"""The race in train on a small company: who stands by what, what is retrained, and what becomes of the champion."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, run_here
from finished import champion, manifest, registry_of
from hydra import compose, initialize_config_dir
from made_champions import QUICK, history, make_challenger
from made_lists import make_config

from leadml import LeadScorer
from leadml.config import Promote, register_schema, settings_like, to_config
from leadml.errors import ArtifactError, ConfigurationError
from leadml.manifest import Manifest
from leadml.progress import Progress
from leadml.splits import list_keys
from leadml.stages import champions, churning, racing
from leadml.stages.audited import fit_audited
from leadml.stages.auditing import audit_extracted
from leadml.stages.context import Context
from leadml.stages.racing import race_champion, recipe_facts
from leadml.stages.stored import read_extracted
from leadml.stages.successions import promotes
from leadml.workspace import Workspace

pytestmark = pytest.mark.slow


def made_context(root, *words):
    register_schema()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = to_config(compose("train", overrides=[f"paths.root={root}", *QUICK, *words]))
    return Context(config, Workspace(root), Manifest("train", config.seed, {}), Progress())


@pytest.fixture(scope="module")
def trained(small_company, tmp_path_factory):
    """A workspace and what its training knows: the context, extract's tables, the audit, the judged recipe."""
    copy = shutil.copytree(small_company, tmp_path_factory.mktemp("racing") / "ws")
    context = made_context(copy)
    extracted = read_extracted(context.workspace)
    audited = audit_extracted(context, extracted)
    return context, extracted, audited, fit_audited(context, extracted, audited)


@pytest.fixture
def registry(trained):
    """The champion's registry.json with the recipe of this very training; put back afterwards."""
    path = trained[0].workspace.models / "champion/registry.json"
    before = path.read_text()
    told = json.loads(before) | {"recipe": recipe_facts(*trained)}

    def write(**changes):
        path.write_text(json.dumps(told | {"recipe": told["recipe"] | changes}))

    write()
    yield write
    path.write_text(before)


def race(trained):
    return race_champion(*trained, champion(trained[0].workspace.root))


def test_the_same_recipe_is_the_same_model_until_it_is_old(trained, registry, monkeypatch):
    monkeypatch.setattr(racing, "retrain", None)  # nothing is fitted
    young = race(trained)
    assert young["by"] == racing.SAME and young["age_days"] == 0 and young["drift"] is None
    assert [young["difference"]["log_loss"][k] for k in ("value", "low", "high")] == [0, 0, 0]
    assert (young["verdict"], young["promoted"]) == ("not worse", False)
    newest = pd.Timestamp(recipe_facts(*trained)["newest_cutoff"])
    registry(newest_cutoff=(newest - pd.Timedelta(days=28)).isoformat())
    old = race(trained)
    assert old["age_days"] == 28 and old["promoted"] and "learnt from data 28 days older" in old["why"]
    json.dumps(old, allow_nan=False)


def test_a_champion_that_a_rollback_put_in_place_stays_however_old(trained, registry):
    root, mine = trained[0].workspace.root, champion(trained[0].workspace.root).version
    newest, path = pd.Timestamp(recipe_facts(*trained)["newest_cutoff"]), root / "models/history.json"
    registry(newest_cutoff=(newest - pd.Timedelta(days=90)).isoformat())
    before = path.read_text()
    told = {"at": "2026-07-02T00:00:00", "from": "b" * 12, "to": mine, "alias": "none"}
    try:
        for by, promoted in (("rollback", False), ("promote", True)):
            path.write_text(json.dumps([*json.loads(before), told | {"by": by}]))
            found = race(trained)
            assert (found["verdict"], found["promoted"]) == ("not worse", promoted), by
            assert ("a rollback put the champion in place" in found["why"]) is not promoted
    finally:
        path.write_text(before)


def test_another_recipe_is_retrained_as_of_the_tests_start(trained, registry):
    facts = recipe_facts(*trained)
    registry(model=facts["model"] | {"max_trees": 1, "gone_setting": 3}, features=facts["features"][:40])
    told = race(trained)
    assert told["by"] == racing.RETRAINED and told["rows"] == len(trained[3].test)
    assert told["notes"] == ["without its settings gone_setting, which this leadml does not know"]
    assert told["challenger"]["log_loss"]["value"] == pytest.approx(
        trained[3].metrics["scorers"]["model"]["log_loss"]["value"]
    )
    assert told["difference"]["log_loss"]["value"] < 0  # one tree of some features


@pytest.mark.extra
def test_rows_that_were_chosen_otherwise_make_another_recipe(trained, registry):
    rows = recipe_facts(*trained)["rows"]
    assert rows["train_every"] > 1
    registry(rows=rows | {"train_every": 1, "weekday": 3, "age_days": [2.0]})
    told = race(trained)
    assert told["by"] == racing.RETRAINED and told["difference"]["log_loss"]["value"] != 0
    assert told["notes"] == [
        "on this extract's snapshots, which are others than its own were (problem: weekday, age_days)"
    ]


def test_a_scorecard_by_the_verdict_is_the_scorecards_recipe(trained):
    context, extracted, audited, fitted = trained
    facts = recipe_facts(context, extracted, audited, replace(fitted, by_verdict=True))
    assert facts["model"]["kind"] == "points" != recipe_facts(*trained)["model"]["kind"]


def test_of_one_table_the_drift_is_that_of_the_rows_that_came_after(trained, registry):
    """No end of the data is known there: what the champion was fitted on tells what it had not seen."""
    extracted, test = trained[1], trained[3].test
    lists = test["cutoff"].drop_duplicates().sort_values()
    registry(data_end=None, newest_cutoff=lists.iloc[-3].isoformat())
    told = race(trained)
    late = test[test["cutoff"] > lists.iloc[-3]]
    mine = champion(trained[0].workspace.root)
    expected = mine.calibrator.probability(mine.margin(mine.prepare(extracted.X.loc[late["snapshot"]]))).sum()
    assert told["drift"]["lists"] == 2 and told["drift"]["ratio"] == pytest.approx(late["label"].sum() / expected)
    registry(data_end=None, newest_cutoff=None)
    undated = race(trained)
    assert undated["drift"] is undated["age_days"] is None
    assert undated["why"].endswith("how old the champion is and whether it has drifted is not known")


@pytest.mark.extra
def test_a_champion_of_other_features_has_its_own_built_again(trained):
    context, extracted = trained[:2]
    some = np.sort(np.random.default_rng(1).choice(len(extracted.X), 300, replace=False))
    part = replace(extracted, snapshots=extracted.snapshots.iloc[some].reset_index(drop=True), features=[])
    names = [f.name for f in extracted.features]
    X, features = racing.champion_rows(context, part, champion(context.workspace.root), names)
    assert features == extracted.features
    pd.testing.assert_frame_equal(X[names], extracted.X.iloc[some].reset_index(drop=True), check_exact=True)
    with pytest.raises(ArtifactError, match="its features gone are not what its specification builds"):
        racing.champion_rows(context, part, champion(context.workspace.root), [*names, "gone"])


def test_rows_of_another_specification_are_built_again_before_they_are_scored(trained, monkeypatch):
    """Same names, other hours: as after a change of features.zone."""
    context, extracted = trained[:2]
    mine = champion(context.workspace.root)
    other = {**extracted.facts, "spec": extracted.facts["spec"] | {"zone": "Asia/Tokyo"}}
    wrong = replace(extracted, facts=other, X=extracted.X.iloc[::-1].set_axis(extracted.X.index))
    asked = []

    def build(_, scorer, keys):
        asked.append((scorer.version, len(keys)))
        there = pd.MultiIndex.from_frame(extracted.snapshots[["lead_id", "cutoff"]])
        at = there.get_indexer(pd.MultiIndex.from_frame(keys[["lead_id", "cutoff"]]))
        return extracted.X.iloc[at].reset_index(drop=True), extracted.features

    monkeypatch.setattr(racing, "build_rows", build)
    keys = list_keys(extracted.snapshots, "weekly")
    lists = trained[3].test["cutoff"].drop_duplicates().sort_values()
    since = {"data_end": lists.iloc[-2].isoformat()}
    right = racing.champion_drift(context, extracted, mine, since, keys)
    assert not asked and right.lists == 2
    assert racing.champion_drift(context, wrong, mine, since, keys) == right
    assert asked == [(mine.version, (trained[3].test["cutoff"] >= lists.iloc[-2]).sum())]
    # The churn: the archived list is of the champion's specification, not of the other model's.
    one = replace(mine, about=mine.about | {"spec": other["spec"]}, files=None)
    cutoff, rows = churning.newest_rows(context, mine, mine)
    assert cutoff == "2026-07-01T00:00:00" and rows[0] is rows[1] and len(asked) == 1
    cutoff, rows = churning.newest_rows(context, mine, one)
    listed = extracted.snapshots["grid"] != "age"
    assert pd.Timestamp(cutoff) == extracted.snapshots["cutoff"][listed].max()
    assert asked[1:] == [(one.version, len(rows[0]))] and len(rows[0]) == len(rows[1]) > 100
    pd.testing.assert_frame_equal(rows[0].reset_index(drop=True), rows[1], check_exact=True)
    assert churning.churn_between(context, mine, one)["grade_changed"] == 0


def test_what_the_champion_wrote_comes_first_and_tells_its_drift(trained, registry):
    context, extracted, _, fitted = trained
    version, test = champion(context.workspace.root).version, fitted.test
    lists = test["cutoff"].drop_duplicates().sort_values()
    registry(data_end=lists.iloc[0].isoformat(), newest_cutoff=None)
    assert race(trained)["by"] == racing.SAME  # it wrote none of these lists
    written = []
    for cutoff in lists.iloc[len(lists) // 2 :]:
        rows = test[test["cutoff"] == cutoff]
        folder = context.workspace.scores / f"cutoff={cutoff:%Y-%m-%dT%H%M%SZ}"
        folder.mkdir(parents=True)
        table = pd.DataFrame({"lead_id": rows["lead_id"], "probability": 0.3, "model_version": version})
        table.iloc[::-1].to_parquet(folder / "scores.parquet")
        written.append((folder, len(rows)))
    try:
        told = race(trained)
        assert told["by"] == racing.WRITTEN and told["lists"] == len(written) and told["age_days"] is None
        assert told["rows"] == sum(n for _, n in written) and told["left_out"] == len(test) - told["rows"]
        assert told["verdict"] == "better" and told["promoted"]
        # Written lists by what was written, those before them by scoring rows that it cannot have seen.
        late = test["cutoff"] >= lists.iloc[len(lists) // 2]
        mine = champion(context.workspace.root)
        X = mine.prepare(extracted.X.loc[test.loc[~late, "snapshot"]])
        expected = 0.3 * late.sum() + mine.calibrator.probability(mine.margin(X)).sum()
        assert told["drift"]["ratio"] == pytest.approx(test["label"].sum() / expected)
        registry(data_end="2999-01-01T00:00:00")  # trained later: it may have known the outcomes
        assert race(trained)["by"] == racing.SAME
    finally:
        for folder, _ in written:
            shutil.rmtree(folder)


def test_no_race_where_the_problem_or_the_recipe_is_not_known(trained, registry, monkeypatch):
    context, extracted = trained[:2]
    registry(features=["gone"])
    monkeypatch.setattr(racing, "build_rows", lambda *given: (extracted.X, []))
    assert "its features gone" in race(trained)["why_not"]
    (context.workspace.models / "champion/registry.json").write_text('{"model_version": "x"}')
    assert "its recipe was not kept" in race(trained)["why_not"]
    other = {**extracted.facts, "problem": extracted.facts["problem"] | {"horizon_days": 30.0}}
    facts = (context, replace(extracted, facts=other), *trained[2:])
    assert "another one (horizon_days)" in race_champion(*facts, champion(context.workspace.root))["why_not"]
    assert race_champion(*trained, None) is None
    assert race_champion(replace(context, sweep=True), *trained[1:], champion(context.workspace.root)) is None


@pytest.mark.parametrize(
    ("rule", "verdict", "found", "expected"),
    [
        ("better", "deploy", {"promoted": True, "why": "better"}, True),
        ("better", "deploy", {"promoted": False, "why": "worse"}, False),
        ("better", "deploy", {"why_not": "another problem"}, False),
        ("better", "no signal", {"promoted": True, "why": "better"}, False),
        ("when_none", "deploy", {"promoted": True, "why": "better"}, False),
        ("always", "deploy", {"promoted": False, "why": "worse"}, True),
        ("never", "deploy", {"promoted": True, "why": "better"}, False),
    ],
)
def test_what_train_promote_does_with_a_race(trained, rule, verdict, found, expected, monkeypatch):
    mine = champion(trained[0].workspace.root)
    other = replace(mine, about=mine.about | {"verdict": {"name": verdict, "why": ""}}, files=None)
    one = replace(mine, about=mine.about | {"seed": 1}, files=None)
    config = trained[0].config
    context = replace(trained[0], config=replace(config, train=replace(config.train, promote=Promote(rule))))
    assert promotes(context, other, one, found)[0] is expected
    # What was rolled back does not come back by itself, and without a champion nothing has to be won.
    down = [{"by": "rollback", "from": other.version, "to": one.version}]  # not with train.promote=always either
    monkeypatch.setattr(champions, "read_history", lambda workspace: down)
    assert promotes(context, other, one, found)[0] is False
    assert promotes(context, other, None, None)[0] is (verdict == "deploy" and rule != "never")


def test_settings_of_a_stored_model_keep_what_is_new_since(trained):
    model = trained[0].config.model
    stored, gone = settings_like(model, {"num_leaves": 7, "older": 1})
    assert (stored, gone) == (replace(model, num_leaves=7), ["older"])
    with pytest.raises(ConfigurationError, match="num_leaves"):
        settings_like(model, {"num_leaves": 1})


@pytest.mark.parametrize(
    ("now", "stored", "kept"),
    [
        ({"visits_30d": 1}, {"monotone": {}}, {}),
        ({"visits_30d": 1, "size": -1}, {"monotone": {"size": 1}}, {"size": 1}),
        ({"visits_30d": 1}, {}, {"visits_30d": 1}),  # of a time when there was no such setting
    ],
)
def test_a_mapping_of_a_stored_model_is_not_mixed_with_that_of_now(now, stored, kept):
    model = replace(make_config().model, monotone=now)
    assert settings_like(model, stored)[0] == replace(model, monotone=kept)
    assert model.monotone == now


@pytest.mark.extra
def test_a_better_model_is_promoted_by_train(small_company, tmp_path):
    copy = shutil.copytree(small_company, tmp_path / "ws")
    tracked = [w for w in QUICK if not w.startswith("tracking")]

    def leadml(*words):
        shown = run_here(*words, f"paths.root={copy}", *tracked)
        assert shown.returncode == 0, shown.stderr
        return shown.stdout

    good = champion(copy).version
    poor = make_challenger(copy, 3.0, recipe=None)  # everybody is said to convert: written below, so that it can race
    leadml("promote")
    test = pd.read_parquet(copy / "data/evidence" / good / "test.parquet")
    path = copy / "models/champion/registry.json"
    told = json.loads(path.read_text()) | {"recipe": {"data_end": "2025-01-01T00:00:00"}}
    path.write_text(json.dumps(told))
    for cutoff, rows in test.groupby("cutoff"):
        folder = copy / f"data/scores/cutoff={cutoff:%Y-%m-%dT%H%M%SZ}"
        folder.mkdir(parents=True)
        rows.assign(model_version=poor, probability=np.minimum(0.9, 20 * rows["probability"])).to_parquet(
            folder / "scores.parquet"
        )
    said = leadml("train")
    assert f"race against the champion {poor}" in said and "by the scores that it wrote at the time: better" in said
    assert f"champion is {good}, after {poor}: better" in said and "change grade" in said
    last = history(copy)[-1]
    assert (last["by"], last["from"], last["to"], last["alias"]) == ("train", poor, good, "moved")
    assert last["race"]["difference"]["log_loss"]["high"] < 0 and last["churn"]["leads"] > 100
    entry = manifest(copy, "train")["stages"]["train"]
    assert entry["race"]["promoted"] and entry["champion"] and entry["succession"]["churn"] == last["churn"]
    check_mlflow(copy, poor)


def check_mlflow(root, poor):
    """The race among the run's figures, the alias at its version, and the tag that says whose place it took."""
    client = registry_of(root)
    version = client.get_model_version_by_alias("leadml", "champion")
    run = client.get_run(version.run_id)
    assert run.data.metrics["race_log_loss_difference_high"] < 0
    assert run.data.tags["race"] == "better" and run.data.tags["race_champion"] == poor
    assert version.tags["champion_after"] == poor and version.tags["champion_by"] == "train"
    assert json.loads((root / "models/champion/registry.json").read_text())["version"] == str(version.version)
    assert LeadScorer.load_without_decision(root / "models/champion").version == version.tags["model_version"]
