import json
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from made_lists import make_config, make_leads, make_problem
from scipy.special import logit

from leadml.calibration import Calibrator
from leadml.config import Rung
from leadml.errors import DataError
from leadml.recipe_data import prepare
from leadml.training import Trained, bound_shift, fit_recipe, judge_recipe

CONFIG = make_config()


@pytest.fixture(scope="module")
def made():
    return make_leads(2000, 60, 1)


@pytest.fixture(scope="module")
def trained(made) -> Trained:
    return fit_recipe(*made, CONFIG)


def test_signal_is_deployed(trained):
    assert trained.verdict.name == "deploy"
    model = trained.metrics["scorers"]["model"]
    assert 0.65 < model["auc"]["value"] < 0.85
    assert model["auc"]["low"] < model["auc"]["value"] < model["auc"]["high"]
    assert trained.metrics["differences"]["points"]["log_loss"]["high"] < 0
    assert list(trained.metrics["scorers"]) == ["model", "constant", "points", "recency", "logistic", "without_effort"]


def test_no_signal_is_said_aloud():
    snapshots, X, features = make_leads(2000, 60, 2, signal=0.0)
    verdict = fit_recipe(snapshots, X, features, CONFIG).verdict
    assert verdict.name == "no signal"
    assert "do not deploy" in verdict.why


def test_a_leak_is_suspicious(made):
    snapshots, X, features = made
    leaking = X.assign(noise_0=np.where(snapshots["label"] == 1, 1.0, 0.0))
    assert fit_recipe(snapshots, leaking, features, CONFIG).verdict.name == "suspiciously good"


def test_probabilities_hold_in_the_test(trained):
    calibration = trained.metrics["calibration"]
    assert calibration["error"] < calibration["error_by_chance"]["high"] + 0.02
    assert calibration["mean_probability"] == pytest.approx(calibration["rate"], rel=0.25)
    assert calibration["slope"] == pytest.approx(1, abs=0.3)


def test_stream_and_test_line_up_with_the_snapshots(made, trained):
    snapshots, X, _ = made
    for part in (trained.stream, trained.test):
        source = snapshots.iloc[part["snapshot"]].reset_index(drop=True)
        for column in ("lead_id", "account_id", "cutoff", "label"):
            pd.testing.assert_series_equal(part[column], source[column])
        assert (part["list"] == part["cutoff"]).all()
        assert (source["grid"] == "weekly").all()
    np.testing.assert_array_equal(
        trained.test["margin"], trained.judged.margins(X.iloc[trained.test["snapshot"]], threads=1)
    )
    assert not set(trained.stream["snapshot"]) & set(trained.test["snapshot"])
    assert trained.stream["cutoff"].max() < trained.test["cutoff"].min()


def test_the_intercept_reproduces_the_base_rate(trained):
    stream = trained.stream
    age = (stream["cutoff"].max() - stream["cutoff"]) / pd.Timedelta(days=1)
    mean = np.average(stream["probability"], weights=0.5 ** (age / 180))
    assert mean == pytest.approx(trained.judged_base_rate.rate, rel=1e-6)


def test_test_labels_change_nothing_but_the_judgement(made, trained):
    snapshots, X, features = made
    changed = snapshots.copy()
    rows = trained.split.test
    changed.loc[rows, "label"] = 1 - changed.loc[rows, "label"]
    other = fit_recipe(changed, X, features, CONFIG)
    assert other.n_trees == trained.n_trees
    assert other.judged_calibrator == trained.judged_calibrator
    assert other.calibrator.slope == trained.calibrator.slope
    np.testing.assert_array_equal(other.test["margin"], trained.test["margin"])
    for name in ("probability", "probability_points", "probability_logistic", "probability_constant"):
        np.testing.assert_array_equal(other.test[name], trained.test[name])
    pd.testing.assert_frame_equal(
        other.stream.drop(columns="probability_final"), trained.stream.drop(columns="probability_final")
    )
    assert other.metrics["scorers"]["model"]["auc"] != trained.metrics["scorers"]["model"]["auc"]


def test_one_and_two_threads_give_the_same(made):
    # Few trees: two threads on a busy machine wait for each other at every one.
    small = replace(CONFIG, model=replace(CONFIG.model, max_trees=3))
    one, two = (fit_recipe(*made, replace(small, threads=threads)) for threads in (1, 2))
    assert one.metrics == two.metrics
    assert one.calibrator == two.calibrator
    np.testing.assert_array_equal(one.stream["margin"], two.stream["margin"])


def test_metrics_are_plain_json(trained):
    text = json.dumps([trained.metrics, trained.shift], allow_nan=False)
    assert json.loads(text)[0] == trained.metrics


def test_bands_count_what_they_hold(trained):
    bands, test = trained.metrics["bands"], trained.test
    assert {"age_0_7", "age_8_30", "age_31_90", "untouched", "new_accounts"} <= set(bands)
    assert "age_over_90" not in bands  # leads live for 56 days
    assert sum(bands[b]["rows"] for b in bands if b.startswith("age")) == len(test)
    assert bands["untouched"]["rows"] == int(test["untouched"].sum())
    known = set(trained.stream["account_id"])
    assert not set(test.loc[test["new_account"], "account_id"]) & known
    for band in bands.values():
        assert band["figures"]["auc"]["conversions"] == band["converting_leads"]


def test_the_final_model_has_seen_the_test_period(trained):
    assert set(trained.split.test) & set(trained.split.final)
    assert [m.name for m in trained.final.members] == [m.name for m in trained.judged.members]
    assert trained.encoder.dropped == ("empty",)
    assert "1 features do not vary and are left out: empty" in trained.notes


def test_the_shift_is_bounded_and_reported():
    judged, final = Calibrator(0.8, 0.1), Calibrator(0.8, 0.3)
    same, shift = bound_shift(final, judged, np.array([0.1, 0.2]), np.array([0.0, 0.1]), most=0.25)
    assert same == final
    assert shift["margin"] == pytest.approx(0.08)
    assert shift["total"] == pytest.approx(0.08 + 0.2)
    corrected, shift = bound_shift(final, judged, np.array([-1.0, -1.0]), np.array([0.0, 0.0]), most=0.25)
    assert shift["margin"] == pytest.approx(-0.8)
    assert shift["correction"] == pytest.approx(0.55)
    assert corrected.intercept == pytest.approx(0.85)
    assert shift["total"] == pytest.approx(-0.25 + 0.2)


def test_own_cutoffs_are_judged_in_calendar_weeks(made):
    snapshots, X, features = made
    rows = np.flatnonzero(snapshots["grid"] == "age")
    part = snapshots.iloc[rows].assign(grid="given")
    trained = fit_recipe(part, X.iloc[rows], features, CONFIG)
    assert trained.split.kind == "time"
    assert (trained.test["list"].dt.day_of_week == 0).all()
    assert trained.metrics["test"]["lists"] > 5


def test_what_is_compared_has_the_models_level_and_the_constant_the_base_rate(made, trained):
    test = trained.test
    compared = [name for name in trained.metrics["scorers"] if name not in ("model", "constant")]
    assert {"points", "logistic", "without_effort"} <= set(compared)
    for name in compared:
        assert test[f"probability_{name}"].mean() == pytest.approx(test["probability"].mean(), rel=1e-6), name
    np.testing.assert_allclose(test["probability_constant"], trained.judged_base_rate.rate)


def test_the_same_regression_as_model_and_as_baseline_differs_by_the_slope_alone(made):
    config = replace(CONFIG, model=replace(CONFIG.model, kind=Rung.logistic))
    judged = judge_recipe(prepare(*made, config))
    test = judged.test
    one, other = (logit(test[name].to_numpy()) for name in ("probability", "probability_logistic"))
    np.testing.assert_allclose(one / judged.calibrator.slope, other + (one[0] / judged.calibrator.slope - other[0]))


@pytest.mark.parametrize(
    ("ordered", "counts"),
    [  # the oldest row of the first of the three folds, the newest of every fold
        (True, [1 / 8, 1 / 4, 1 / 2, 1]),
        (False, [1, 1, 1, 1]),
    ],
)
def test_newer_rows_count_more_where_their_order_is_known(made, ordered, counts):
    snapshots, X, features = made
    rows = snapshots.index[snapshots["grid"] == "weekly"][:4000]
    part = snapshots.loc[rows].assign(grid="row", cutoff=None, position=np.arange(4000, 0, -1) * 3)
    data = prepare(part, X.loc[rows], features, replace(CONFIG, ordered=ordered))
    weights = [fold.weight for fold in data.folds()]
    found = [weights[0].min(), *[weight.max() for weight in weights]]
    np.testing.assert_allclose(found, counts, rtol=0.01)


@pytest.mark.parametrize("ordered", [False, True])
def test_undated_tables(made, ordered):
    snapshots, X, features = made
    rows = np.flatnonzero((snapshots["grid"] == "age") & snapshots["label"].notna())
    part = snapshots.iloc[rows].assign(grid="row", cutoff=None, age_days=None, untouched=None, amount=None)
    trained = fit_recipe(part, X.iloc[rows], features, replace(CONFIG, ordered=ordered))
    assert trained.split.kind == ("ordered" if ordered else "grouped")
    assert trained.metrics["test"]["lists"] == 1
    assert trained.metrics["test"]["first"] is None
    assert trained.metrics["scorers"]["model"]["auc"]["value"] > 0.6
    json.dumps(trained.metrics, allow_nan=False)


def test_too_few_conversions_are_refused_with_counts(made):
    snapshots, X, features = made
    config = replace(CONFIG, train=replace(CONFIG.train, min_conversions=5000))
    with pytest.raises(DataError, match=r"\d+ distinct converting leads in all matured data, 5000 are needed"):
        fit_recipe(snapshots, X, features, config)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "none of the .* snapshots has a matured label"),
        (0.0, "every one of the .* matured snapshots is without a conversion"),
        (1.0, "every one of the .* matured snapshots converted"),
    ],
)
def test_one_outcome_is_refused(made, value, message):
    snapshots, X, features = made
    with pytest.raises(DataError, match=message):
        fit_recipe(snapshots.assign(label=value), X, features, CONFIG)


def test_rows_that_do_not_match_are_refused(made):
    snapshots, X, features = made
    with pytest.raises(DataError, match="feature rows"):
        fit_recipe(snapshots, X.iloc[:-1], features, CONFIG)


def test_a_horizon_longer_than_the_history_is_refused(made):
    snapshots, X, features = made
    with pytest.raises(DataError, match="too few for a test and a validation"):
        fit_recipe(snapshots, X, features, replace(CONFIG, problem=make_problem(horizon_days=400)))


def test_every_part_is_set(trained):
    assert all(getattr(trained, f.name) is not None for f in fields(trained))
