"""The comparison with other learners: what it hands them, what it makes of their answers; three quick learners run."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from leadml import ConversionClassifier

sys.path.insert(0, str(ROOT / "benchmarks"))

from quality_sets import TableSet, build_parts, made
from quality_table import Result, behind_best, judge_set


def steep():
    """A strong signal, a category with a gap, and noise."""
    g = np.random.default_rng(0)
    X = pd.DataFrame({"signal": g.normal(size=900), "other [x]": g.normal(size=900)})
    X["channel"] = g.choice(["web", "mail", None], 900)
    return X, (g.random(900) < 1 / (1 + np.exp(1 - 2 * X["signal"]))).astype(int)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    table = TableSet("steep", "made", made(steep))
    return build_parts(table, tmp_path_factory.mktemp("quality") / "steep", 2)


def test_splits_share_no_account_and_hide_the_test_labels(parts):
    assert [p.number for p in parts] == [0, 1]
    for part in parts:
        train, test = pd.read_parquet(part.folder / "train.parquet"), pd.read_parquet(part.folder / "test.parquet")
        assert set(train) - set(test) == {"__label", "__when"} and not set(test) - set(train)
        learnt = pd.read_parquet(part.folder / "accounts.parquet")["account"]
        keys = pd.read_parquet(part.folder / "keys.parquet")
        assert not set(learnt) & set(keys["account"])
        assert (len(train), len(test)) == (630, 270) and len(keys) == 270
    first, second = (pd.read_parquet(p.folder / "keys.parquet")["account"].tolist() for p in parts)
    assert first != second


def test_a_set_that_is_not_here_leaves_nothing(tmp_path):
    assert build_parts(TableSet("absent", "real", lambda folder: None), tmp_path / "absent", 2) is None
    assert not (tmp_path / "absent").exists()


def test_learners_answer_in_the_order_of_the_test_rows(parts, tmp_path):
    found = {}
    for learner in ("constant", "careful LightGBM"):
        words = [sys.executable, ROOT / "benchmarks/peers.py", learner, parts[0].folder, tmp_path / "out", "0", "1"]
        shown = subprocess.run([str(w) for w in words], capture_output=True, text=True)
        assert shown.returncode == 0, shown.stderr
        told = json.loads((tmp_path / "out.json").read_text())
        keys = pd.read_parquet(parts[0].folder / "keys.parquet")
        found[learner] = [Result(np.load(tmp_path / "out.npy"), keys, told["seconds"], told["processor_seconds"])]
    judged = judge_set(found)
    assert judged["constant"].figures["auc"] == 0.5
    assert judged["careful LightGBM"].figures["auc"] > 0.8
    best, apart, low, high = behind_best(judged, "constant", "log_loss")
    assert best != "constant" and 0 < low < apart < high


def test_what_is_behind_by_chance_is_not_beyond():
    g = np.random.default_rng(1)
    keys = pd.DataFrame({"label": (g.random(400) < 0.3).astype(float), "account": np.arange(400), "list": 0})
    near = np.clip(0.3 + g.normal(0, 0.001, 400), 0.01, 0.99)
    judged = judge_set({"rate": [Result(np.full(400, 0.3), keys, 0, 0)], "near": [Result(near, keys, 0, 0)]})
    for name in judged:
        assert behind_best(judged, name, "log_loss")[2] <= 0


def test_the_classifier_searches_when_asked():
    X, y = steep()
    tuned = ConversionClassifier("lightgbm", tune_minutes=0.01, max_trees=20, bag=1, folds=2).fit(X, y)
    assert tuned.predict_proba(X)[:, 1].std() > 0.1
