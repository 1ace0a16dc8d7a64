"""The classifier among scikit-learn's own: its checks, pipelines, cross-validation, frames as they come."""

import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import DEEP, ROOT
from sklearn.base import clone
from sklearn.exceptions import SkipTestWarning
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import estimator_checks_generator

from leadml import ConversionClassifier
from leadml.classifier import _read_groups

QUICK = {"max_trees": 15, "bag": 1, "strengths": (0.05,)}
CHECKS = list(estimator_checks_generator(ConversionClassifier(**QUICK, folds=2)))
NAMES = [f"{i:02d}_{getattr(c, 'func', c).__name__}" for i, (_, c) in enumerate(CHECKS)]
# In `make test` those that touch what is ours: the others ask the base class, and take long together.
TOLD = (
    "unfitted", "dtype", "nan", "categor", "one_label", "regression_target", "dict_unchanged", "params", "n_features",
        "feature_names", "classes", "idempotent", "not_an_array", "pickle", "overwrite", "fit1d", "fit2d", "sparse",
        "complex", "empty", "dataframe")  # fmt: skip


@pytest.mark.parametrize(("estimator", "check"), [
    pytest.param(e, c, id=n) for n, (e, c) in zip(NAMES, CHECKS, strict=True)
    if "array_api" not in n and (DEEP or any(t in n for t in TOLD))
])  # fmt: skip
def test_scikit_learns_own_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        check(estimator)


def make_frame(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"visits": rng.poisson(2, n).astype(float), "noise": rng.normal(size=n)})
    X["source"] = pd.Categorical(rng.choice(["web", "fair", "mail"], n))
    X["free"] = rng.random(n) < 0.4
    X["role"] = pd.Series(rng.choice(["head", "staff", None], n), dtype="str")
    X.loc[rng.random(n) < 0.2, "visits"] = np.nan
    odds = -1.5 + 0.7 * X["visits"].fillna(1) - 1.5 * X["free"] + (X["source"] == "fair")
    return X, np.where(rng.random(n) < 1 / (1 + np.exp(-odds)), "won", "lost")


@pytest.fixture(scope="module")
def fitted():
    X, y = make_frame(1200, 1)
    return ConversionClassifier(**QUICK).fit(X, y), X, y


def test_frames_as_they_come(fitted):
    model, _, _ = fitted
    X, y = make_frame(800, 2)
    p = model.predict_proba(X)
    assert model.classes_.tolist() == ["lost", "won"]
    assert p.shape == (800, 2) and (p > 0).all() and (p < 1).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert roc_auc_score(y == "won", p[:, 1]) > 0.72
    assert p[:, 1].mean() == pytest.approx((y == "won").mean(), abs=0.05)
    np.testing.assert_array_equal(model.predict(X) == "won", p[:, 1] > 0.5)
    strange = X.assign(source="never seen", role=None, visits=np.inf)
    assert np.isfinite(model.decision_function(strange)).all()


def test_contributions_add_up_to_the_log_odds(fitted):
    model, X, _ = fitted
    told = model.contributions(X)
    assert told.columns[0] == "base" and set(told.columns[1:]) <= set(X.columns)
    np.testing.assert_allclose(told.sum(axis=1), model.decision_function(X), atol=1e-9)


def test_cross_validation_pipelines_and_search():
    X, y = make_frame(500, 3)
    model = ConversionClassifier(kind="logistic", strengths=(0.05,))
    assert cross_val_score(model, X, y, cv=3, scoring="roc_auc").mean() > 0.65
    pipeline = make_pipeline(FunctionTransformer(partial(pd.DataFrame.drop, columns="noise")), model)
    assert pipeline.fit(X, y).predict_proba(X).shape == (500, 2)
    search = GridSearchCV(model, {"strengths": [(0.01,), (0.3,)]}, cv=2, scoring="neg_log_loss").fit(X, y)
    assert search.best_params_["strengths"] in ((0.01,), (0.3,))
    assert clone(model).get_params() == model.get_params()


def test_threads_and_runs_give_the_same_bits():
    X, y = make_frame(600, 4)
    found = [ConversionClassifier(kind="blend", **QUICK, n_jobs=n).fit(X, y).decision_function(X) for n in (1, 2, 1)]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_folds_keep_groups_together_and_times_in_order():
    X, y = make_frame(600, 5)
    groups = np.arange(600) // 3
    model = ConversionClassifier(kind="logistic", strengths=(0.05,))
    for fold in model._split((y == "won").astype(float), groups, None, None, 0):
        assert not set(groups[fold.fit]) & set(groups[fold.validation])
    times = pd.date_range("2026-01-01", periods=600, freq="h").to_numpy()[np.random.default_rng(1).permutation(600)]
    for fold in model._split((y == "won").astype(float), groups, times, None, 0):
        assert times[fold.fit].max() < times[fold.validation].min()
    for fold in model._split((y == "won").astype(float), groups, times, np.timedelta64(36, "h"), 0):
        assert times[fold.fit].max() + np.timedelta64(36, "h") == times[fold.validation].min()
    assert model.fit(X, y, groups=groups).predict_proba(X).shape == (600, 2)
    assert model.fit(X, y, times=times, gap="36h").predict_proba(X).shape == (600, 2)
    assert model.fit(X, y, times=times).predict_proba(X).shape == (600, 2)


@pytest.mark.parametrize("y", [["won"] + ["lost"] * 39, ["won", "lost"] * 20])
def test_too_little_gives_the_rate_and_no_error(y):
    model = ConversionClassifier().fit(pd.DataFrame({"same": [1.0] * 40}), y)
    rate = (np.mean(np.array(y) == "won") * 40 + 0.5) / 41
    np.testing.assert_allclose(model.predict_proba(pd.DataFrame({"same": [1.0, 2.0]}))[:, 1], rate)
    assert model.contributions(pd.DataFrame({"same": [1.0]})).columns.tolist() == ["base"]


def test_what_cannot_be_is_said():
    X, y = make_frame(60, 6)
    with pytest.raises(ValueError, match="only one class"):
        ConversionClassifier().fit(X, np.full(60, "won"))
    with pytest.raises(ValueError, match="Only binary"):
        ConversionClassifier().fit(X, np.arange(60) % 3)
    with pytest.raises(ValueError, match="is not a valid Rung"):
        ConversionClassifier(kind="magic").fit(X, y)


def test_its_defaults_are_those_of_the_configuration():
    told = yaml.safe_load((ROOT / "conf/model/auto.yaml").read_text())
    own = ConversionClassifier().get_params()
    for name, value in told.items():
        assert (
            (own[name] or {}) == value
            if name == "monotone"
            else (list(own[name]) if isinstance(own[name], tuple) else own[name]) == value
        ), name


def test_truths_are_truths_whatever_column_holds_them(fitted):
    model, X, _ = fitted
    as_objects = X.assign(free=X["free"].astype(object))
    np.testing.assert_array_equal(model.predict_proba(as_objects), model.predict_proba(X))
    some = as_objects.copy()
    some.loc[some.index[0], "free"] = None
    np.testing.assert_array_equal(model.predict_proba(some)[1:], model.predict_proba(X)[1:])


def test_a_missing_group_is_one_of_its_own():
    X, y = make_frame(400, 6)
    groups = np.where(np.arange(400) % 3 == 0, None, np.arange(400) // 4)
    model = ConversionClassifier(**QUICK, folds=2).fit(X, y, groups=groups)
    assert model.predict_proba(X).shape == (400, 2)
    codes = _read_groups(groups, 400)
    missing = codes[np.arange(400) % 3 == 0]
    assert len(np.unique(missing)) == len(missing)
    known = codes[np.arange(400) % 3 != 0]
    assert len(np.unique(known)) == 100
    assert not set(missing) & set(known)


@pytest.mark.parametrize(("words", "told"), [
    ({"times": np.arange(10)}, "inconsistent numbers of samples"),
    ({"groups": np.arange(10)}, "inconsistent numbers of samples"),
    ({"times": np.r_[np.nan, np.arange(99)]}, "1 of 100 are missing"),
])  # fmt: skip
def test_groups_and_times_of_another_length_are_refused(words, told):
    X, y = make_frame(100, 6)
    with pytest.raises(ValueError, match=told):
        ConversionClassifier(**QUICK).fit(X, y, **words)


def test_rows_whose_outcome_is_open_are_not_learnt_from():
    """Leads in list after list with one outcome each: an id tells it while the last list's answers are known."""
    rng = np.random.default_rng(3)
    lead, week = np.repeat(np.arange(150), 12), np.tile(np.arange(12), 150)
    start = rng.integers(0, 60, 150)[lead]
    y = (rng.random(150) < 0.4)[lead]
    X, times = pd.DataFrame({"id": [f"L{i}" for i in lead], "x": rng.normal(size=len(lead))}), start + week
    words = {"groups": lead, "times": times}
    free, held = (
        ConversionClassifier("logistic", **QUICK, folds=3, min_level_rows=2, max_levels=200).fit(X, y, **words, gap=gap)
        for gap in (None, 12)
    )
    assert free.plan_.steps[0].loss + 0.03 < held.plan_.steps[0].loss


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"gap": 3}, "needs times"),
        ({"gap": -1, "times": np.arange(200)}, "below 0"),
        ({"gap": 500, "times": np.arange(200)}, "no fold is left"),
    ],
)
def test_a_gap_that_cannot_be_is_refused(words, why):
    X, y = make_frame(200, 5)
    with pytest.raises(ValueError, match=why):
        ConversionClassifier("logistic", **QUICK).fit(X, y, **words)


def test_the_rate_of_few_recent_rows_is_drawn_to_that_of_all():
    """Folds that halve leave few labels: what the newest few say alone is chance."""
    found = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        X, y = pd.DataFrame({"a": rng.normal(size=1000)}), rng.random(1000) < 0.05
        newest = y[500:].reshape(4, 125).mean(axis=1) @ [1, 2, 4, 8] / 15
        model = ConversionClassifier("logistic", **QUICK, folds=4).fit(X, y, times=np.arange(1000))
        found.append((model.predict_proba(X)[:, 1].mean() - 0.05, newest - 0.05, y.mean() - 0.05))
    told, alone, overall = np.std(found, axis=0)
    assert overall < told < alone


def test_a_matrix_for_a_frame_and_any_number_of_threads(fitted):
    rng = np.random.default_rng(9)
    X = pd.DataFrame(rng.normal(size=(300, 3)), columns=["base", "b", "c"])
    y = X["b"] + rng.normal(size=300) > 1
    model = ConversionClassifier("logistic", **QUICK, folds=2, n_jobs=-1, random_state=None).fit(X, y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        np.testing.assert_array_equal(model.predict_proba(X.to_numpy()), model.predict_proba(X))
    assert list(model.contributions(X).columns) == ["base", "base", "b", "c"]
    np.testing.assert_allclose(model.contributions(X).sum(axis=1), model.decision_function(X))
