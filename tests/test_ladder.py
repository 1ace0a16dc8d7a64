"""The ladder: what is chosen where the truth is known, and the arithmetic behind the choice by slow twins."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import counts
from hypothesis import given, settings
from hypothesis import strategies as st
from made_lists import category, make_config, make_leads, number, read_card

from leadml.calibration import Calibrator, Form, fit_temperature
from leadml.config import Rung
from leadml.errors import ConfigurationError
from leadml.forms import choose_form
from leadml.metrics import log_loss
from leadml.models import Model
from leadml.models.blend import fit_weights
from leadml.models.boosted import scale_model, thin_rows
from leadml.models.fit import fit_plan
from leadml.models.ladder import choose_plan, clustered_error
from leadml.models.plan import FoldRows, Ingredient, Ingredients
from leadml.scorecard import PointRule
from leadml.scorer import LeadScorer, Scale
from leadml.training import fit_recipe

MODEL = replace(make_config().model, max_trees=80, strengths=[0.01, 0.1])
FEATURES = (number("a"), number("b"), number("noise"), category("source"))
CARD = tuple(PointRule((name,), 10, at_least=1) for name in ("a", "b", "noise"))


def make_rows(n: int, seed: int, odds) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.poisson(1, n), "b": rng.poisson(1, n), "noise": rng.poisson(1, n)}).astype(float)
    X["source"] = rng.choice(["web", "fair"], n)
    return X, (rng.random(n) < 1 / (1 + np.exp(-odds(X)))).astype(float).to_numpy()


def make_folds(label: np.ndarray, folds: int = 3) -> list[FoldRows]:
    """Forward: the first half of the rows fits the first fold, and so on; two rows an account."""
    blocks = np.array_split(np.arange(len(label) // 2, len(label)), folds)
    return [
        FoldRows(np.arange(block[0]), label[: block[0]], block, label[block], block // 2, np.ones(len(block)))
        for block in blocks
    ]


def plan_of(odds, n: int = 3000, card=(), kind: Rung = Rung.auto, seed: int = 1):
    X, label = make_rows(n, seed, odds)
    given = Ingredients(FEATURES, replace(MODEL, kind=kind), tuple(card), 3, 2)
    return choose_plan(X, make_folds(label), given), X, label, given


def test_the_scorecard_is_kept_where_nothing_adds_to_it():
    plan, X, label, given = plan_of(lambda X: -2 + 0.7 * sum(X[n] >= 1 for n in ("a", "b", "noise")), 1500, CARD)
    assert plan.rung == "points"
    model = fit_plan(plan, X, np.arange(len(X)), label, given)
    assert model.trees == 0
    assert model.interaction_strength(model.encoder.encode(X)).sum() == 0


def test_a_straight_line_is_logistic():
    plan, *_ = plan_of(lambda X: -2 + 0.8 * np.log1p(X["a"]) - 0.8 * (X["source"] == "web"), 1200, CARD)
    assert plan.rung == "logistic"


def test_what_counts_only_together_asks_for_trees():
    plan, *_ = plan_of(lambda X: -2 + 3.0 * ((X["a"] >= 1) ^ (X["b"] >= 1)), 4000)
    assert plan.rung in ("lightgbm", "blend")
    assert any(m.trees for m in plan.members)
    logistic = next(s for s in plan.steps if s.rung == "logistic")
    assert logistic.more > 3 * logistic.error


def test_the_choice_is_the_simplest_within_one_error_of_the_lowest():
    plan, *_ = plan_of(lambda X: -2 + 0.8 * X["a"] * (X["source"] == "web"), 2000, CARD)
    lowest = min(s.loss for s in plan.steps)
    for step in plan.steps:
        assert step.more == pytest.approx(step.loss - lowest)
        if step.chosen:
            assert step.more == 0 or step.more < step.error
            break
        assert step.more >= step.error
    assert sum(s.chosen for s in plan.steps) == 1
    json.dumps(plan.to_dict(), allow_nan=False)


@pytest.mark.parametrize("kind", [k for k in Rung if k is not Rung.auto])
def test_every_rung_by_name(kind):
    plan, X, label, given = plan_of(lambda X: -2 + X["a"] - X["b"], 1200, CARD, kind)
    assert plan.rung == kind.value
    model = fit_plan(plan, X, np.arange(len(X)), label, given)
    assert {s.rung for s in plan.steps} == {kind.value}
    base, values = model.contributions(model.encoder.encode(X))
    np.testing.assert_allclose(base + values.sum(axis=1), model.margins(X), atol=1e-9)
    assert sum(m.weight for m in model.members) == pytest.approx(1)


@pytest.fixture(scope="module")
def blended() -> tuple[Model, pd.DataFrame, np.ndarray]:
    plan, X, label, given = plan_of(lambda X: -2 + X["a"] - X["b"] + 2 * (X["noise"] > X["a"]), 2500, (), Rung.blend)
    every = next(s for s in plan.steps if len(s.weights) == 3)
    members = tuple(replace(m, weight=w) for m, w in zip(plan.members, [0.5, 0.3, 0.2], strict=False))
    assert len(every.weights) == 3
    return fit_plan(replace(plan, members=members), X, np.arange(len(X)), label, given), X, label


def test_a_blend_is_the_weighted_sum_of_its_members(blended):
    model, X, _ = blended
    parts = [m.weight * replace(model, members=(replace(m, weight=1.0),)).margins(X) for m in model.members]
    np.testing.assert_allclose(model.margins(X), np.sum(parts, axis=0), rtol=1e-12, atol=1e-12)
    matrix = model.encoder.encode(X)
    alone = [replace(model, members=(m,)).contributions(matrix) for m in model.members]
    base, values = model.contributions(matrix)
    assert base == pytest.approx(sum(b for b, _ in alone))
    np.testing.assert_allclose(values, np.sum([v for _, v in alone], axis=0), atol=1e-10)


def test_a_blend_is_stored_and_read_to_the_bit(blended, tmp_path):
    model, X, _ = blended
    scorer = LeadScorer(model, Calibrator(0.9, -0.1), Scale(0.1, dict.fromkeys(
        ("firmographic", "behaviour", "timing", "channel"), 0.0)), (), {})  # fmt: skip
    scorer.save(tmp_path)
    again = LeadScorer.load(tmp_path)
    assert again.version == scorer.version
    pd.testing.assert_frame_equal(again.score(X), scorer.score(X))
    part = X.iloc[[7, 3, 100]]
    pd.testing.assert_frame_equal(scorer.score(part), scorer.score(X).loc[part.index])
    base, points = scorer.points(scorer.prepare(X))
    np.testing.assert_allclose(base + points.sum(axis=1), scorer.raw_score(scorer.margin(X)), atol=1e-6)


def test_threads_change_no_bit():
    odds = lambda X: -2 + X["a"] - X["b"]  # noqa: E731  one line of arithmetic
    X, label = make_rows(1500, 5, odds)
    found = []
    for threads in (1, 2):
        given = Ingredients(FEATURES, replace(MODEL, kind=Rung.blend, bag=2, max_trees=20), CARD, 3, threads)
        plan = choose_plan(X, make_folds(label), given)
        found.append((plan.to_dict(), fit_plan(plan, X, np.arange(len(X)), label, given).margins(X, threads)))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_a_bag_is_the_mean_of_its_boosters():
    X, label = make_rows(1000, 6, lambda X: -1 + X["a"])
    given = Ingredients(FEATURES, replace(MODEL, kind=Rung.lightgbm, bag=3, max_trees=15), (), 3, 2)
    model = fit_plan(choose_plan(X, make_folds(label), given), X, np.arange(len(X)), label, given)
    matrix = model.encoder.encode(X)
    assert len(model.boosters) == 3
    expected = np.mean([b.predict(matrix, raw_score=True) for b in model.boosters], axis=0)
    np.testing.assert_allclose(model.margins(X), expected, rtol=1e-12)
    assert len({b.model_to_string() for b in model.boosters}) == 3


def test_fewer_negatives_give_the_same_odds():
    """A tenth of the negatives: the margins without correction would be higher by log 10 = 2.3."""
    X, label = make_rows(12_000, 11, lambda X: -3.5 + 0.5 * X["a"])
    found = {}
    for share in (None, 0.1):
        model = replace(MODEL, kind=Rung.blend, negatives=share, max_trees=40)
        given = Ingredients(FEATURES, model, (), 3, 2)
        plan = choose_plan(X, make_folds(label), given)
        every = replace(plan, members=tuple(Ingredient(*m) for m in (("logistic", 0.5, 0.1), ("trees", 0.5, None, 20))))
        fitted = fit_plan(every, X, np.arange(len(X)), label, given)
        assert (np.mean(np.concatenate(plan.margins)) - np.mean(fitted.margins(X))) == pytest.approx(0, abs=0.15)
        base, values = fitted.contributions(fitted.encoder.encode(X))
        np.testing.assert_allclose(base + values.sum(axis=1), fitted.margins(X), atol=1e-9)
        found[share] = fitted.margins(X)
    assert np.mean(found[0.1] - found[None]) == pytest.approx(0, abs=0.1)
    assert np.corrcoef(found[0.1], found[None])[0, 1] > 0.95


@pytest.mark.parametrize(
    ("rows", "rate", "negatives", "kept"),
    [
        (1000, 0.1, None, 1.0),
        (1000, 0.1, 0.25, 0.25),
        (3_000_000, 0.01, None, (1_000_000 - 30_000) / 2_970_000),
        (3_000_000, 0.05, None, 1_500_000 / 2_850_000),  # ten for each converted row
    ],
)
def test_all_converted_rows_are_kept_and_a_known_share_of_the_others(rows, rate, negatives, kept):
    label = np.zeros(rows)
    label[:: round(1 / rate)] = 1
    chosen, share = thin_rows(label, replace(MODEL, negatives=negatives), 3)
    assert share == pytest.approx(kept, rel=1e-5)
    assert label[chosen].sum() == label.sum()
    assert (label[chosen] == 0).sum() == round(share * (label == 0).sum())
    assert (np.diff(chosen) > 0).all()


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("rung", [Rung.logistic, Rung.blend])
def test_constraints_hold_in_every_member(rung, direction):
    rng = np.random.default_rng(7)
    X, label = make_rows(2000, 7, lambda X: -1 + np.sin(2 * X["a"]) + X["b"])
    model = replace(MODEL, kind=rung, monotone={"a": direction})
    given = Ingredients(FEATURES, model, (), 3, 2)
    plan = choose_plan(X, make_folds(label), given)
    fitted = fit_plan(plan, X, np.arange(len(X)), label, given)
    row = X.iloc[rng.integers(0, len(X), 30)]
    steps = np.array([fitted.margins(row.assign(a=float(value))) for value in range(8)])
    assert (direction * np.diff(steps, axis=0) >= -1e-12).all()


def test_impossible_constraints_and_scorecards_are_refused_by_name():
    with pytest.raises(ConfigurationError, match=r"1 are no features: nothing.*1 are categories: source"):
        X, label = make_rows(200, 1, lambda X: X["a"] - 1)
        model = replace(MODEL, monotone={"nothing": 1, "source": -1})
        choose_plan(X, make_folds(label), Ingredients(FEATURES, model, (), 3, 1))
    with pytest.raises(ConfigurationError, match="too few of the scorecard's features"):
        plan_of(lambda X: X["a"] - 1, 200, read_card(), Rung.points)


def test_open_settings_grow_with_the_data():
    small, large = (
        scale_model(replace(MODEL, num_leaves=None, max_depth=None, min_data_in_leaf=None, bag=None), rows, found, 100)
        for rows, found in ((1500, 60), (2_000_000, 60_000))
    )
    assert (small.num_leaves, small.max_depth, small.min_data_in_leaf, small.bag) == (4, 2, 10, 4)
    assert (large.num_leaves, large.max_depth, large.min_data_in_leaf, large.bag) == (31, 6, 50, 1)
    assert scale_model(MODEL, 10, 1, 5) == MODEL
    shares = [scale_model(replace(MODEL, feature_fraction=None), 10, 1, k).feature_fraction for k in (4, 16, 100)]
    assert shares == [1.0, 0.5, 0.3]


@settings(max_examples=counts(50, 500), deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.floats(-3, 3)), min_size=3, max_size=40))
def test_the_error_by_a_slow_twin(rows):
    """Fold, account, difference: residuals by hand, added up account by account."""
    rows = sorted([*rows, (0, 0, 0.5), (1, 1, -0.5), (2, 2, 0.0)], key=lambda r: r[0])
    difference = np.array([r[2] for r in rows])
    account = np.array([r[1] for r in rows])
    sizes = [sum(r[0] == fold for r in rows) for fold in range(3)]
    found = clustered_error(difference, np.cumsum([0, *sizes]), account)
    sums = {}
    for fold, who, value in rows:
        mean = sum(r[2] for r in rows if r[0] == fold) / sizes[fold]
        sums[who] = sums.get(who, 0.0) + (value - mean) / (sizes[fold] * 3)
    assert found == pytest.approx(sum(v**2 for v in sums.values()) ** 0.5, abs=1e-12)


def test_the_error_is_what_drawing_accounts_again_shows():
    rng = np.random.default_rng(2)
    account = np.repeat(np.arange(400), 5)
    difference = rng.normal(0, 1, 400)[account] + rng.normal(0, 0.5, 2000)
    error = clustered_error(difference, np.array([0, 1000, 2000]), account)
    means = []
    for _ in range(400):
        weight = rng.poisson(1.0, 400)[account]
        means.append(np.mean([np.average(difference[a:b], weights=weight[a:b]) for a, b in ((0, 1000), (1000, 2000))]))
    assert error == pytest.approx(np.std(means), rel=0.15)


@settings(max_examples=counts(4, 60), deadline=None)
@given(st.integers(0, 10_000))
def test_weights_are_the_best_of_a_grid(seed):
    """No weights on a grid have a lower penalised loss than those that were found."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-1, 1, 400)
    margins = np.column_stack([truth + rng.normal(0, s, 400) for s in rng.uniform(0.1, 2, 3)])
    label = (rng.random(400) < 1 / (1 + np.exp(-truth))).astype(float)
    weights = fit_weights(margins, label, np.ones(400))
    assert weights.sum() == pytest.approx(1) and (weights >= 0).all()

    def loss(at, scale):
        mixed = scale * margins @ np.array(at)
        shift = min(np.linspace(-2, 2, 41), key=lambda s: log_loss(label, 1 / (1 + np.exp(-mixed - s))))
        prior = 6 * ((scale * np.array(at) - 1 / 3) ** 2).sum()  # EQUAL * members / 2
        return 400 * log_loss(label, 1 / (1 + np.exp(-mixed - shift))) + prior

    def best(at):
        return min(loss(at, scale) for scale in np.linspace(0.3, 1.5, 9))

    grid = [(i / 5, j / 5, (5 - i - j) / 5) for i in range(6) for j in range(6 - i)]
    assert best(weights) <= min(map(best, grid)) + 0.3


def test_a_member_that_knows_nothing_gets_nothing():
    rng = np.random.default_rng(3)
    truth = rng.normal(-1, 1.5, 5000)
    label = (rng.random(5000) < 1 / (1 + np.exp(-truth))).astype(float)
    weights = fit_weights(np.column_stack([truth, rng.normal(0, 1, 5000)]), label, np.ones(5000))
    np.testing.assert_array_equal(weights, [1.0, 0.0])


@pytest.mark.parametrize(("scale", "form"), [(1.0, Form.identity), (3.0, None)])
def test_a_slope_is_fitted_only_where_it_helps(scale, form):
    rng = np.random.default_rng(4)
    truth = rng.normal(-1, 1.2, 6000)
    label = (rng.random(6000) < 1 / (1 + np.exp(-truth))).astype(float)
    folds = make_folds(label)
    choice = choose_form([scale * truth[f.validation] for f in folds], folds)
    if form is not None:
        assert (choice.form, choice.slope) == (form, 1.0)
    else:
        assert choice.form is not Form.identity
        assert choice.slope == pytest.approx(1 / 3, rel=0.1)


def test_temperature_is_the_best_of_a_grid():
    rng = np.random.default_rng(5)
    margin = rng.normal(-1, 2, 800)
    label = (rng.random(800) < 1 / (1 + np.exp(-0.5 * margin))).astype(float)

    def loss(slope):
        return 800 * log_loss(label, 1 / (1 + np.exp(-slope * margin))) + 2 * (slope - 1) ** 2

    grid = np.linspace(0.05, 2, 2000)
    found = fit_temperature(margin, label)
    assert found.slope == pytest.approx(min(grid, key=loss), abs=2e-3)
    assert found.intercept == 0


def test_where_the_scorecard_is_as_good_it_becomes_the_scorer():
    """Labels that follow the scorecard alone, and trees by name: they can only lose."""
    snapshots, X, features = make_leads(2500, 60, 8, signal=0.0)
    rng = np.random.default_rng(8)
    card = (
        *(PointRule((f"noise_{i}",), 30, at_least=0.5) for i in range(3)),
        PointRule(("visits_30d",), 0, at_least=1),
    )
    names = [f"noise_{i}" for i in range(3)]
    odds = -2.5 + 1.2 * sum((X[n] >= 0.5).astype(float) for n in names)
    drawn = (rng.random(len(X)) < 1 / (1 + np.exp(-odds))).astype(float)
    snapshots = snapshots.assign(label=np.where(snapshots["label"].isna(), np.nan, drawn))
    model = replace(make_config().model, kind=Rung.lightgbm, max_trees=3, learning_rate=0.001)
    trained = fit_recipe(snapshots, X, features, make_config(card=card, model=model))
    assert trained.verdict.name == "use points"
    assert trained.plan.rung == "points"
    assert [m.name for m in trained.final.members] == ["points"]
    assert trained.metrics["scorers"]["model"]["auc"]["value"] == pytest.approx(
        trained.metrics["scorers"]["points"]["auc"]["value"]
    )


def test_scoring_needs_neither_configuration_nor_what_fits():
    """A registered model is served with the few libraries that it names."""
    code = (
        "import sys; from leadml.scorer import LeadScorer; "
        "print([m for m in ('hydra', 'omegaconf', 'duckdb', 'ibis', 'mlflow', 'optuna', 'shap') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
