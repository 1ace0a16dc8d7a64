"""leadml backtest as people call it: killed and resumed, nothing stale, logged, told."""

import hashlib
import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, run_here
from finished import registry_of, stored
from made_lists import make_config, make_leads

from leadml.backtest import build_origins
from leadml.config import Promote, TuneConfig
from leadml.stages.origin_store import Inputs

pytestmark = pytest.mark.slow
QUICK = ("train.bootstrap=10", "train.min_conversions=30", "model.max_trees=10", "backtest.origins=3")


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """An extracted workspace of 1,200 cases with times of their own, and the words that it is called with."""
    folder = tmp_path_factory.mktemp("cases")
    generator, n = np.random.default_rng(4), 1200
    visits, size = generator.poisson(2, n), generator.choice(["small", "large"], n)
    odds = -2 + 0.5 * visits + (size == "large")
    day = np.sort(generator.uniform(0, 300, n))
    made = pd.DataFrame({"id": [f"C{i}" for i in range(n)], "visits": visits, "size": size})
    made["when"] = (pd.Timestamp("2024-01-01") + pd.to_timedelta(np.round(day * 86_400), unit="s")).strftime("%F %T")
    made["converted"] = np.where(generator.random(n) < 1 / (1 + np.exp(-odds)), "yes", "no")
    made.to_csv(folder / "cases.csv", index=False)
    words = ("source=flat", f"source.path={folder}/cases.csv", "source.label=converted", "source.lead_id=id",
             "source.time=when", "problem.horizon_days=14", "tracking.enabled=false", *QUICK)  # fmt: skip
    shown = run_here("extract", f"paths.root={folder}/ws", *words)
    assert shown.returncode == 0, shown.stderr
    return folder / "ws", words


@pytest.fixture(scope="module")
def one_go(cases, tmp_path_factory):
    """The same, backtested without interruption; and what was said."""
    root = shutil.copytree(cases[0], tmp_path_factory.mktemp("one-go") / "ws")
    shown = run_here("backtest", f"paths.root={root}", *cases[1], "tracking.enabled=true")
    assert shown.returncode == 0, shown.stderr
    return root, shown.stdout


def written(root, folder):
    """The bytes of every file by its place in the folder, which the plots make long to compare: so their digests."""
    found = stored(root, folder)
    return {str(p.relative_to(root)): hashlib.sha256(content).hexdigest() for p, content in found.items()}


@pytest.mark.extra
def test_a_killed_backtest_goes_on_and_gives_the_same_bytes(cases, one_go, tmp_path):
    root = shutil.copytree(cases[0], tmp_path / "ws")
    origins = root / "data/origins"
    process = subprocess.Popen(
        [sys.executable, "-m", "leadml", "backtest", f"paths.root={root}", *cases[1]], stdout=subprocess.DEVNULL
    )
    until = time.monotonic() + 120
    while not (origins.is_dir() and any(origins.iterdir())) and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    process.wait()
    finished = len(list(origins.iterdir()))
    assert 1 <= finished < 3 and not (root / "data/backtest").exists()
    shown = run_here("backtest", f"paths.root={root}", *cases[1])
    assert shown.returncode == 0, shown.stderr
    assert f"{finished} of 3 origins were finished before" in shown.stdout
    assert written(root, "data/origins") == written(one_go[0], "data/origins")
    assert written(root, "data/backtest") == written(one_go[0], "data/backtest")


def test_the_next_run_takes_what_is_finished_and_is_whole(cases, one_go, tmp_path):
    root = shutil.copytree(one_go[0], tmp_path / "ws")
    broken = next((root / "data/origins").iterdir()) / "test.parquet"
    broken.write_bytes(broken.read_bytes()[:-20])
    shutil.rmtree(root / "data/backtest")
    stale, own = root / "data/origins" / ("0" * 64), root / "data/origins/mine"
    for folder in (stale, own):  # of other settings; and something that is not ours to delete
        shutil.copytree(broken.parent, folder)
    again = run_here("backtest", f"paths.root={root}", "engine.threads=1", *cases[1])
    assert "2 of 3 origins were finished before" in again.stdout
    assert "finished origins of earlier data, settings or code, deleted from data/origins: 1" in again.stdout
    assert own.is_dir() and not stale.exists()
    shutil.rmtree(own)
    assert written(root, "data/backtest") == written(one_go[0], "data/backtest")
    assert written(root, "data/origins") == written(one_go[0], "data/origins")


def test_whatever_an_origin_is_made_of_changes_its_digest_and_nothing_else_does():
    snapshots, X, features = make_leads(600, 40, 1)
    config = make_config()
    origin = build_origins(snapshots, replace(config, train=replace(config.train, min_conversions=10)), 2).origins[0]

    def key(snapshots=snapshots, X=X, features=features, config=config):
        return Inputs.of(snapshots, X, features, config).key(origin)

    trains, judges = origin.split.train[0], origin.split.test[0]
    beyond = np.setdiff1d(np.arange(len(snapshots)), origin.rows)[0]

    def relabelled(row):
        changed = snapshots.copy()
        changed.loc[row, "label"] = 1 - changed.loc[row, "label"] if changed["label"].notna()[row] else 1.0
        return changed

    noise = X.columns.get_loc("noise_0")
    moved = X.copy()
    moved.iloc[trains, noise] += 1e-9
    stale = [
        key(relabelled(trains)),
        key(relabelled(judges)),
        key(X=moved),
        key(X=X.rename(columns={"noise_1": "noise_2", "noise_2": "noise_1"})),
        key(features=features[1:]),
        key(config=replace(config, seed=8)),
        key(config=replace(config, model=replace(config.model, max_trees=61))),
        key(config=replace(config, problem=replace(config.problem, booking_delay_days=8))),
    ]
    assert len({key(), *stale}) == 9
    assert key(config=replace(config, threads=2)) == key(relabelled(beyond)) == key()
    for same in ({"tune": TuneConfig(10.0, None)}, {"promote": Promote.never}, {"enough": None}):
        assert key(config=replace(config, train=replace(config.train, **same))) == key(), same


def test_a_search_that_train_would_make_is_said_not_to_be_made(cases, one_go, tmp_path):
    root = shutil.copytree(one_go[0], tmp_path / "ws")
    said = "train.tune is not followed: every origin is judged with the settings of the trees as configured"
    shown = run_here("backtest", f"paths.root={root}", *cases[1], "train.tune.trials=2", "train.promote=never")
    assert "3 of 3 origins were finished before" in shown.stdout and said in " ".join(shown.stdout.split())
    told = json.loads((root / "data/backtest/backtest.json").read_text())
    assert [note for note in told["notes"] if note.startswith(said)]
    assert said not in " ".join(one_go[1].split())


def test_a_stranger_is_told_what_was_done_and_found(one_go):
    root, shown = one_go
    for words in (
        "origin 3 of 3",
        "judged on the lists from there to the next origin; 90% intervals by account",
        "Skip the bottom of each list: the share that was there, if worked as before",
        "random order",
        "logistic regression",
        "of the conversions were there, if worked as before",
        "no converting lead on these lists has an amount",
        "without the correction",
    ):
        assert words in shown, words
    told = json.loads((root / "data/backtest/backtest.json").read_text())
    assert len(told["origins"]) == 3 and told["overall"]["money"] is None
    names = {p.name for p in (root / "data/backtest").iterdir()}
    plots = {f"{name}.svg" for name in ("origins", "differences", "capture", "skipped", "rates")}
    assert names == plots | {"backtest.json", "figures.parquet", "predictions.parquet"}
    table = pd.read_parquet(root / "data/backtest/predictions.parquet")
    snapshots = pd.read_parquet(root / "data/features/snapshots.parquet")
    source = snapshots.iloc[table["snapshot"]].reset_index(drop=True)
    for column in ("lead_id", "cutoff", "label"):
        pd.testing.assert_series_equal(table[column], source[column], check_dtype=False)
    assert not table.duplicated("snapshot").any()


def test_refusals(cases, tmp_path):
    root = shutil.copytree(cases[0], tmp_path / "ws")
    path = root / "data/features/snapshots.parquet"
    table = pd.read_parquet(path)
    table.assign(cutoff=pd.NaT).to_parquet(path, index=False)
    for words, code, said in (
        ((), 3, "rows have no cutoff, and a backtest asks what was known when"),
        (("backtest.origins=1",), 2, "at least 2 are needed"),
        (("backtest.bottom=[0.3,1]",), 2, "shares of a list from 0.01 to 0.99"),
    ):
        shown = run_here("backtest", f"paths.root={root}", *cases[1], *words)
        assert shown.returncode == code and said in shown.stderr, shown.stderr
        assert len(shown.stderr.strip().splitlines()) == 1
    assert run_here("backtest", f"paths.root={tmp_path}/none").stderr.endswith("run leadml extract first\n")


def test_every_origin_is_logged(one_go):
    root = one_go[0]
    told = json.loads((root / "data/backtest/backtest.json").read_text())
    run_id = json.loads((root / "data/runs/latest-backtest.json").read_text())["stages"]["backtest"]["run_id"]
    client = registry_of(root)
    run = client.get_run(run_id)
    auc = told["overall"]["scorers"]["model"]["auc"]
    assert run.data.metrics["backtest_auc"] == pytest.approx(auc["value"])
    assert run.data.metrics["backtest_auc_low"] == pytest.approx(auc["low"])
    history = client.get_metric_history(run_id, "origin_auc_model")
    values = [one["scorers"]["model"]["auc"]["value"] for one in told["origins"]]
    assert {m.step: m.value for m in history} == pytest.approx(dict(enumerate(values, start=1)))
    artifacts = {a.path for a in client.list_artifacts(run_id)}
    assert artifacts == {p.name for p in (root / "data/backtest").iterdir()}
    assert not client.search_registered_models()


@pytest.mark.extra
def test_a_company_with_weekly_lists_and_money(small_company, tmp_path):
    root = shutil.copytree(small_company, tmp_path / "ws")
    before = stored(root, "models")
    shown = run_here("backtest", f"paths.root={root}", *SMALL[1:3], "model.max_trees=5", "backtest.origins=2")
    assert shown.returncode == 0, shown.stderr
    assert stored(root, "models") == before
    told = json.loads((root / "data/backtest/backtest.json").read_text())
    money = told["overall"]["money"]
    assert money["amount"] > 0 and money["leads"] + money["without"] == told["overall"]["judged"]["converting_leads"]
    assert "who brought" in shown.stdout and "30 %: money" in shown.stdout
    assert (root / "data/backtest/money.svg").exists()
