"""Models that are sums over features: their margins, their contributions, and the rows that they are fitted on."""

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from conftest import counts
from hypothesis import given, settings
from hypothesis import strategies as st
from made_lists import category, number, read_card
from sklearn.linear_model import LogisticRegression

from leadml.encoding import fit_encoder
from leadml.metrics import auc
from leadml.models import LinearModel, PointsModel
from leadml.models.linear import FIT_ROWS, MOST_ROWS, draw_rows, fit_design, fit_linear
from leadml.models.points import count_points, fit_points
from leadml.scorecard import PointRule

FEATURES = [number("visits"), number("change"), category("source")]


def made_rows(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"visits": rng.poisson(2, n).astype(float), "change": rng.normal(size=n)})
    X["source"] = rng.choice(["web", "fair", None], n)
    X.loc[rng.random(n) < 0.2, "change"] = np.nan
    odds = -1 + 0.5 * X["visits"] - (X["source"] == "fair") - 0.5 * X["change"].isna()
    return X, (rng.random(n) < 1 / (1 + np.exp(-odds))).to_numpy(dtype=float)


@pytest.fixture(scope="module")
def fitted() -> tuple:
    X, label = made_rows(1500, 1)
    encoder = fit_encoder(X, FEATURES, 10, 20)
    matrix = encoder.encode(X)
    return encoder, matrix, label, fit_linear(matrix, label, fit_design(matrix, encoder), [0.01, 0.3])


def by_hand(model: LinearModel, row: list[float]) -> float:
    """The margin of one row, a column after the other, as the docstrings say it."""
    columns = []
    for value, term in zip(row, model.design.terms, strict=True):
        if isinstance(term, int):
            columns += [1.0 if value == level else 0.0 for level in range(term)] + [1.0 if math.isnan(value) else 0.0]
            continue
        missing = math.isnan(value)
        straight = value if missing or not term.logged else math.log1p(max(value, 0.0))
        scaled = 0.0 if missing else min(max((straight - term.mean) / term.spread, -5.0), 5.0)
        columns += [scaled] + [0.0 if missing else max(scaled - knot, 0.0) for knot in term.knots]
        columns += [1.0 if missing else 0.0] if term.flagged else []
    return model.intercept + math.fsum(w * c for w, c in zip(model.weights, columns, strict=True))


def test_margins_are_those_of_a_slow_twin(fitted):
    _, matrix, _, models = fitted
    for model in models:
        expected = [by_hand(model, row) for row in matrix[:200].tolist()]
        np.testing.assert_allclose(model.margins(matrix[:200]), expected, rtol=1e-10, atol=1e-12)


def test_contributions_add_up_and_are_shapley_values_by_definition(fitted):
    """Every order in which features become known, the unknown ones at their average effect."""
    _, matrix, _, models = fitted
    model, rows = models[1], matrix[:20]
    values = model.contributions(rows)
    np.testing.assert_allclose(model.expected + values.sum(axis=1), model.margins(rows), rtol=1e-12)
    effects = [model._effect(j, np.ascontiguousarray(matrix[:, j]), *parts) for j, parts in enumerate(split(model))]
    for i in range(len(rows)):
        total = np.zeros(3)
        for order in itertools.permutations(range(3)):
            known = np.zeros(3, dtype=bool)
            for j in order:
                before = sum(effects[k][i] if known[k] else effects[k].mean() for k in range(3))
                known[j] = True
                total[j] += sum(effects[k][i] if known[k] else effects[k].mean() for k in range(3)) - before
        np.testing.assert_allclose(values[i], total / 6, atol=1e-9)


def split(model: LinearModel) -> list[tuple[np.ndarray, np.ndarray]]:
    ends = np.cumsum(model.design.widths)[:-1]
    return list(zip(np.split(model.weights, ends), np.split(model.means, ends), strict=True))


@settings(max_examples=counts(30, 300), deadline=None)
@given(st.lists(st.integers(0, 1499), min_size=1, max_size=20), st.randoms())
def test_a_row_is_the_same_to_the_bit_whoever_stands_beside_it(fitted, chosen, random):
    _, matrix, _, models = fitted
    order = list(chosen)
    random.shuffle(order)
    margins, values = models[1].margins(matrix), models[1].contributions(matrix)
    np.testing.assert_array_equal(models[1].margins(matrix[order]), margins[order])
    np.testing.assert_array_equal(models[1].contributions(matrix[order]), values[order])


def test_it_learns_and_more_strength_shrinks_less(fitted):
    encoder, matrix, label, models = fitted
    X, unseen = made_rows(2000, 2)
    assert auc(unseen, models[1].margins(encoder.encode(X))) > 0.68
    assert np.abs(models[0].weights).sum() < np.abs(models[1].weights).sum()
    # The mean probability of the training rows is their rate: the intercept is not shrunk.
    for model in models:
        assert (1 / (1 + np.exp(-model.margins(matrix)))).mean() == pytest.approx(label.mean(), abs=1e-4)


def test_values_that_training_never_saw():
    X, label = made_rows(500, 3)
    X["empty"] = np.nan
    X.loc[0, "empty"] = 1.0
    encoder = fit_encoder(X, [*FEATURES, number("empty")], 10, 20)
    model = fit_linear(encoder.encode(X), label, fit_design(encoder.encode(X), encoder), [0.1])[0]
    strange = pd.DataFrame(
        {"visits": [np.inf, -7.0, 1e300, np.nan], "change": [1e300, -1e300, np.nan, 0.0], "empty": [2.0, np.nan, 0, 1]}
    ).assign(source=["never seen", None, "web", "fair"])
    assert np.isfinite(model.margins(encoder.encode(strange))).all()


@pytest.mark.parametrize("value", [30.0, 1.0, 0.1, 1e9, 12345.678])
def test_a_number_that_never_varied_tells_nothing_of_others(value):
    """The computed spread of equal numbers is rounding, not 0: any other value would stand at the limit."""
    X, label = made_rows(1000, 4)
    X["only"] = np.where(np.arange(1000) % 10 < 9, value, np.nan)
    encoder = fit_encoder(X, [*FEATURES, number("only")], 10, 20)
    matrix = encoder.encode(X)
    model = fit_linear(matrix, label, fit_design(matrix, encoder), [0.2])[0]
    row = X.iloc[[0] * 3].assign(only=[value, value * 0.9, value * 1.1])
    same, *others = model.margins(encoder.encode(row))
    assert others == pytest.approx([same] * 2, abs=1e-6)


def test_it_comes_back_from_json_to_the_bit(fitted):
    _, matrix, _, models = fitted
    again = LinearModel.from_dict(json.loads(json.dumps(models[1].to_dict())))
    np.testing.assert_array_equal(again.margins(matrix), models[1].margins(matrix))
    assert again.expected == models[1].expected


@pytest.mark.parametrize(("rows", "rate"), [(3000, 0.1), (60_000, 0.01), (60_000, 0.2), (60_000, 0.9), (60_000, 0.5)])
def test_drawn_rows_stand_for_all(rows, rate):
    label = (np.random.default_rng(1).random(rows) < rate).astype(float)
    chosen, weight = draw_rows(label, 7)
    assert (np.diff(chosen) > 0).all()
    assert weight.sum() == pytest.approx(rows)
    assert weight @ label[chosen] == pytest.approx(label.sum())
    rare = label == (label.mean() < 0.5)
    assert rare[chosen].sum() == min(rare.sum(), MOST_ROWS // 2)
    assert len(chosen) <= MOST_ROWS
    if rows > FIT_ROWS and rate < 0.02:
        assert len(chosen) == FIT_ROWS
    np.testing.assert_array_equal(draw_rows(label, 7)[0], chosen)


CARD = read_card()


def test_points_on_the_matrix_are_points_on_the_frame():
    rng = np.random.default_rng(4)
    n = 400
    X = pd.DataFrame(
        {
            "seniority": rng.choice(["Executive", " manager ", "intern", "vp", None], n),
            "mail_kind": rng.choice(["business", "free", "BUSINESS"], n),
            "content_pricing_30d": rng.poisson(0.5, n).astype(float),
            "recency_lead_days": np.where(rng.random(n) < 0.3, np.nan, rng.uniform(0, 90, n)),
            "constant": 1.0,
        }
    )
    features = [category("seniority"), category("mail_kind"), number("content_pricing_30d")]
    features += [number("recency_lead_days"), number("constant")]
    encoder, model = fit_points(X.iloc[:50], features, CARD)
    matrix = encoder.encode(X)
    points = count_points(X, CARD)
    np.testing.assert_allclose(model.margins(matrix), points * math.log(2) / 10, atol=1e-12)
    np.testing.assert_allclose(model.expected + model.contributions(matrix).sum(axis=1), model.margins(matrix))
    assert "constant" not in encoder.names
    again = PointsModel.from_dict(json.loads(json.dumps(model.to_dict())))
    np.testing.assert_array_equal(again.margins(matrix), model.margins(matrix))


def test_a_rule_looks_at_the_first_feature_that_is_there():
    rule = PointRule(("visits_7d", "visits_30d"), 5, at_least=1, at_most=3)
    X = pd.DataFrame({"visits_30d": [0.0, 1.0, 3.0, 4.0, np.nan]})
    encoder, model = fit_points(X, [number("visits_30d")], [rule])
    np.testing.assert_allclose(model.margins(encoder.encode(X)) * 10 / math.log(2), [0, 5, 5, 0, 0])


@pytest.mark.parametrize("strength", [0.002, 0.05, 1.0, 100.0])
def test_the_fit_is_that_of_scikit_learn(strength):
    X, label = made_rows(800, 9)
    encoder = fit_encoder(X, FEATURES, 10, 20)
    matrix = encoder.encode(X)
    weight = np.random.default_rng(1).uniform(0.2, 3, len(X))
    model = fit_linear(matrix, label, fit_design(matrix, encoder), [0.01, strength], weight)[1]
    columns = model.design.columns(matrix) - model.means
    theirs = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-10, max_iter=500)
    theirs.fit(columns, label, sample_weight=weight)
    np.testing.assert_allclose(model.weights, theirs.coef_[0], atol=2e-5)
    assert model.expected == pytest.approx(theirs.intercept_[0], abs=2e-5)


def test_columns_that_say_the_same_share_their_weight():
    X, label = made_rows(600, 10)
    X["again"] = X["visits"]
    encoder = fit_encoder(X, [*FEATURES, number("again")], 10, 20)
    model = fit_linear(encoder.encode(X), label, fit_design(encoder.encode(X), encoder), [1000.0])[0]
    ends = np.cumsum(model.design.widths)
    first = model.weights[: ends[0]]
    np.testing.assert_allclose(first, model.weights[ends[2] : ends[3]], atol=1e-3)
    assert np.isfinite(model.weights).all()
