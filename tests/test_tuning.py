"""The search for settings: it goes on where it stopped, believes only a fold without a say, and says what it did."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, run_here
from made_lists import make_config, number

from leadml import ConversionClassifier
from leadml.errors import ArtifactError
from leadml.models.boosted import scale_model
from leadml.models.plan import FoldRows, Ingredients
from leadml.models.tuning import apply_settings, compare_settings, open_settings, starting_point
from leadml.search import BEFORE, Found, SearchLimits, best_trial, open_study, run_trials
from leadml.stages.tuning import forget_searches

OPEN = ("learning_rate", "num_leaves", "max_depth", "min_data_in_leaf", "feature_fraction")
MODEL = replace(make_config().model, **dict.fromkeys(OPEN))
NAMES = open_settings(MODEL)
GIVEN = Ingredients((number("a"), number("b")), scale_model(MODEL, 900, 100, 2), (), 3, 2)


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, list[FoldRows]]:
    rng = np.random.default_rng(4)
    X = pd.DataFrame({"a": rng.normal(size=900), "b": rng.normal(size=900)})
    label = (rng.random(900) < 1 / (1 + np.exp(2 - 2 * X["a"] * (X["b"] > 0)))).to_numpy(float)
    ends = [(450, 600), (600, 750), (750, 900)]
    held = [np.arange(low, high) for low, high in ends]
    return X, [FoldRows(np.arange(h[0]), label[: h[0]], h, label[h], h, np.ones(len(h))) for h in held]


def search(path, rows, trials, minutes=None, given=GIVEN):
    study = open_study(path)
    made = run_trials(study, rows, given, SearchLimits(minutes, trials, NAMES, 3))
    return study, made


def told(study) -> list:
    return [(t.number, t.params, t.value, t.state.name) for t in study.trials]


def test_in_parts_it_finds_what_it_finds_at_once(rows, tmp_path):
    whole, made = search(None, rows, 14)
    path = str(tmp_path / "trials.log")
    parts = [search(path, rows, most)[1] for most in (4, 9, 14)]
    again = open_study(path)
    assert told(again) == told(whole)
    assert made == sum(parts) == 13  # the settings as they stood are the first of 14
    assert again.trials[0].params == starting_point(scale_model(MODEL, 900, 100, 2), NAMES)
    assert again.trials[0].value == pytest.approx(np.mean(again.user_attrs[BEFORE]))
    assert search(path, rows, 14)[1] == 0


def test_a_search_killed_within_a_trial_goes_on_without_it(rows, tmp_path):
    path = str(tmp_path / "trials.log")
    study, _ = search(path, rows, 3)
    study.ask()  # a process that dies here has answered nothing
    again, made = search(path, rows, 6)
    assert [t.state.name for t in again.trials].count("FAIL") == 1
    assert sum(t.state.name in ("COMPLETE", "PRUNED") for t in again.trials) == 6
    assert made == 3


@pytest.mark.parametrize("cut", [1, 40])
def test_a_last_line_that_was_cut_is_dropped(rows, tmp_path, cut):
    path = tmp_path / "trials.log"
    search(str(path), rows, 4)
    path.write_bytes(path.read_bytes()[:-cut])
    again, _ = search(str(path), rows, 6)
    assert sum(t.state.name in ("COMPLETE", "PRUNED") for t in again.trials) == 6
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_file_that_is_none_is_named(tmp_path):
    path = tmp_path / "trials.log"
    path.write_text("no trials\n{}\n")
    with pytest.raises(ArtifactError, match=r"trials\.log.*remove it and tune again"):
        open_study(str(path))


def test_the_newest_fold_has_no_say(rows):
    """With its outcomes the other way round the same is tried, given up and best; only the proof differs."""
    X, folds = rows
    given = replace(GIVEN, model=apply_settings(GIVEN.model, {"num_leaves": 2, "max_depth": 1}))  # easily bettered
    turned = [*folds[:-1], replace(folds[-1], labels=1 - folds[-1].labels)]
    (one, _), (other, _) = (search(None, (X, f), 12, given=given) for f in (folds, turned))
    assert told(one) == told(other)
    found, denied = best_trial(one, (X, folds), given), best_trial(other, (X, turned), given)
    assert (found.settings, found.loss, found.before) == (denied.settings, denied.loss, denied.before)
    assert found.gain != denied.gain


def test_what_settings_gain_is_told_with_its_error(rows):
    X, folds = rows
    same = starting_point(GIVEN.model, NAMES)
    assert compare_settings(X, folds[-1], GIVEN, same) == (0.0, 0.0)
    stumps = {"num_leaves": 2, "max_depth": 1}  # which cannot see that the columns act together
    gain, error = compare_settings(X, folds[-1], GIVEN, stumps)
    assert gain < -2 * error < 0
    back, _ = compare_settings(X, folds[-1], replace(GIVEN, model=apply_settings(GIVEN.model, stumps)), same)
    assert back == pytest.approx(-gain)


@pytest.mark.parametrize(
    ("gain", "error", "proven"),
    [(0.02, 0.01, True), (0.01, 0.01, False), (0.0, 0.0, False), (-0.02, 0.01, False), (None, None, False)],
)
def test_settings_are_used_where_their_gain_is_above_its_error(gain, error, proven):
    assert Found({}, 0.1, 0.2, gain, error).proven is proven


def test_of_one_fold_nothing_is_proven(rows):
    X, folds = rows
    study, _ = search(None, (X, folds[:1]), 3)
    found = best_trial(study, (X, folds[:1]), GIVEN)
    assert found.gain is None and not found.proven


def test_the_trials_of_the_latest_ten_searches_are_kept(tmp_path):
    for place in range(13):
        (tmp_path / f"{place:x}.log").write_text("")
        os.utime(tmp_path / f"{place:x}.log", (place, place))
    (tmp_path / "notes.txt").write_text("")
    forget_searches(tmp_path, tmp_path / "1.log")
    assert {p.name for p in tmp_path.iterdir()} == {"1.log", *(f"{n:x}.log" for n in range(3, 13)), "notes.txt"}


def test_what_a_person_set_stays():
    by_hand = apply_settings(MODEL, {"num_leaves": 7, "max_depth": 3})
    assert set(NAMES) - set(open_settings(by_hand)) == {"num_leaves", "max_depth"}


def test_settings_outside_the_space_are_tried_as_they_stand(rows):
    study = open_study(None)
    model = apply_settings(scale_model(MODEL, 900, 100, 2), {"lambda_l2": 0})
    given = Ingredients((number("a"), number("b")), model, (), 3, 1)
    assert run_trials(study, rows, given, SearchLimits(None, 2, NAMES, 3)) == 2
    found = best_trial(study, rows, given)
    assert found is not None
    assert found.before == pytest.approx(np.mean(study.user_attrs[BEFORE]))


def test_the_classifier_skips_it_where_nothing_has_trees(rows, monkeypatch):
    def search(*_):
        raise AssertionError("searched")

    monkeypatch.setattr(ConversionClassifier, "_tuned", search)
    X, folds = rows
    label = np.concatenate([folds[0].fit_labels, *(f.labels for f in folds)])
    ConversionClassifier("logistic", folds=2, tune_minutes=1).fit(X, label)


@pytest.mark.extra
def test_train_searches_tells_and_goes_on(small_company, tmp_path):
    root = tmp_path / "company"
    shutil.copytree(small_company, root)
    words = ("train", f"paths.root={root}", *SMALL, "train.promote=never")
    first = run_here(*words, "train.tune.trials=3")
    assert first.returncode == 0, first.stderr
    assert "tuned: 2 trials more, 3 in all" in first.stdout
    second = run_here(*words, "train.tune.trials=4")
    assert "tuned: 1 trials more, 4 in all" in second.stdout
    logs = list((root / "data/tuning").glob("*.log"))
    assert len(logs) == 1
    manifest = json.loads((root / "data/runs/latest-train.json").read_text())
    tuning = manifest["stages"]["train"]["tuning"]
    assert tuning["trials"] == 4
    assert tuning["used"] == (tuning["gain"] > tuning["gain_error"])
    skipped = run_here(*words, "model=logistic", "train.tune.trials=4")
    assert "model=logistic has none: skipped" in skipped.stdout
