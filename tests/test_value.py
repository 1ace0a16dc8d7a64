"""Amounts: learnt where they can be, the mean where not, with a range that holds what it says."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from conftest import counts
from hypothesis import given, settings
from hypothesis import strategies as st
from made_amounts import FEATURES, make_amounts
from made_lists import category, number

from leadml.account_means import bootstrap_ratios
from leadml.bootstrap import BootstrapConfig, Support
from leadml.errors import ArtifactError
from leadml.splits import Split
from leadml.value import ValueModel, fit_form, fit_value, judge_money, known_amounts
from leadml.value.design import fit_term
from leadml.value.fitting import PENALTIES, _Linear, find_cap
from leadml.value.money import rank_in_lists

CONFIG = BootstrapConfig(60, 0.9, 3)


def fitted(form: str, leads: int, seed: int, **made: object) -> ValueModel:
    snapshots, X = make_amounts(leads, seed, **made)
    return fit_form(form, X, known_amounts(snapshots, np.arange(leads)), FEATURES, 0.9)


@pytest.fixture(scope="module")
def learnt() -> ValueModel:
    return fitted("log-normal", 200, 1)


def test_the_features_that_tell_are_found_and_the_others_are_not(learnt):
    assert learnt.form == "log-normal"
    assert sorted(t.feature for t in learnt.terms) == ["employees", "product"]
    assert fitted("log-normal", 200, 2, signal=0.0).form == "mean"


def test_amounts_come_out_as_they_were_made():
    rows = pd.DataFrame({"employees": [20.0, 20.0, 150.0], "product": ["basic", "suite", "suite"]})
    mean, low, high = fitted("log-normal", 3000, 1).amounts(rows)
    middle = np.exp(7 + 0.5 * (np.log1p(rows["employees"]) - 3) + np.array([0, 1.4, 1.4]))
    np.testing.assert_allclose(mean, middle * np.exp(0.6**2 / 2), rtol=0.1)
    np.testing.assert_allclose(low, middle * np.exp(-1.645 * 0.6), rtol=0.1)
    np.testing.assert_allclose(high, middle * np.exp(1.645 * 0.6), rtol=0.1)


@pytest.mark.parametrize(("form", "law"), [("log-normal", "log-normal"), ("gamma", "gamma"), ("mean", "log-normal")])
@pytest.mark.parametrize("leads", [40, 150])
def test_the_range_holds_what_it_says(form, law, leads):
    """Nine in ten amounts of other leads lie in it, over companies that each taught a model of their own."""
    signal = 0.0 if form == "mean" else 1.0
    inside, means = [], []
    for seed in range(counts(30, 200)):
        model = fitted(form, leads, seed, signal=signal, law=law)
        others, X = make_amounts(300, 10_000 + seed, signal, law)
        mean, low, high = model.amounts(X)
        amount = others["amount"].to_numpy()
        inside.append(np.mean((amount >= low) & (amount <= high)))
        means.append(np.mean(mean) / np.mean(amount))
    assert 0.86 <= np.mean(inside) <= 0.94
    assert np.mean(means) == pytest.approx(1, abs=0.08)


def test_every_lead_counts_once_however_many_snapshots_it_has():
    snapshots, X = make_amounts(120, 4)
    again = np.sort(np.concatenate([np.arange(120), np.repeat(np.arange(0, 120, 3), 5)]))
    once = fit_form("log-normal", X, known_amounts(snapshots, np.arange(120)), FEATURES, 0.9)
    many = snapshots.iloc[again].reset_index(drop=True), X.iloc[again].reset_index(drop=True)
    often = fit_form("log-normal", many[1], known_amounts(many[0], np.arange(len(again))), FEATURES, 0.9)
    assert [t.feature for t in often.terms] == [t.feature for t in once.terms] and often.counts == once.counts
    np.testing.assert_allclose(often.amounts(X), once.amounts(X), rtol=1e-9)


def test_amounts_that_are_missing_or_not_positive_are_counted_and_not_used():
    table = pd.DataFrame(
        [("a", 1, 100.0), ("a", 1, 100.0), ("b", 1, np.nan), ("c", 1, 0.0), ("d", 0, np.nan), ("e", 1, -5.0),
         ("f", 1, 50.0), ("g", 1, np.nan), ("g", 1, 80.0)],
        columns=["lead_id", "label", "amount"],
    )  # fmt: skip
    known = known_amounts(table, np.arange(len(table)))
    assert known.rows.tolist() == [0, 1, 6, 8] and known.weight.tolist() == [0.5, 0.5, 1, 1]
    assert (known.leads, known.missing, known.not_positive) == (3, 1, 2)
    model = fit_form("log-normal", pd.DataFrame(index=table.index), known, [], 0.9)
    assert model.form == "mean" and model.amounts(table)[0][0] == pytest.approx((100 + 50 + 80) / 3)


def test_an_outlier_is_capped_by_the_rule_and_counted():
    snapshots, X = make_amounts(100, 5, signal=0.0)
    amounts = known_amounts(snapshots, np.arange(100))
    q1, q3 = np.quantile(np.log(snapshots["amount"]), [0.25, 0.75], method="inverted_cdf")
    assert find_cap(amounts)[0] == pytest.approx(np.exp(q3 + 3 * (q3 - q1)))
    wild = snapshots.assign(amount=snapshots["amount"].where(snapshots.index != 7, 1e12))
    model = fit_form("mean", X, known_amounts(wild, np.arange(100)), [], 0.9)
    assert model.counts["capped"] == 1 and model.cap < 1e6 and model.amounts(X)[0][0] < 1.3 * snapshots["amount"].mean()


@pytest.mark.parametrize("leads", [0, 1, 2, 3, 5])
def test_with_hardly_any_amount_nothing_is_invented(leads):
    snapshots, X = make_amounts(5, 6)
    model = fit_form("log-normal", X, known_amounts(snapshots, np.arange(leads)), FEATURES, 0.9)
    value = model.expected(np.full(5, 0.5), X)
    if leads == 0:
        assert model.form == "none" and value.isna().all(axis=None)
        return
    np.testing.assert_allclose(value["expected_value"], snapshots["amount"].iloc[:leads].mean() / 2)
    assert value["expected_value_low"].isna().all() == (leads == 1)


def test_what_hardly_varies_is_no_term():
    """A category whose levels are all rare is not read as a number; one number only has no spread to speak of."""
    rare = pd.DataFrame({"channel": [f"c{i}" for i in range(60)], "only": [0.1] * 50 + [np.nan] * 10})
    weight = np.ones(60)
    assert fit_term(rare, category("channel"), weight) is None
    term = fit_term(rare, number("only"), weight)
    assert term is not None
    assert term.columns(pd.DataFrame({"only": [0.1, 0.2]}))[0] == pytest.approx([0.0, np.log(1.2 / 1.1)])


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(12)), st.integers(1, 12))
def test_a_row_has_the_same_bits_whoever_else_is_on_the_list(learnt, order, most):
    _, X = make_amounts(12, 7)
    X.loc[3, "product"] = "never seen"
    whole = np.array(learnt.amounts(X))
    part = np.array(learnt.amounts(X.iloc[order[:most]]))
    np.testing.assert_array_equal(part, whole[:, order[:most]])
    assert np.isfinite(whole).all() and (whole[1] < whole[0]).all() and (whole[0] < whole[2]).all()


def test_column_by_column_is_what_matrices_give(learnt):
    """The range of a linear model: exp(middle -+ t sqrt(s^2 (1 + 1/n + z' A z)))."""
    _, X = make_amounts(50, 12)
    Z = np.column_stack([c for term in learnt.terms for c in term.columns(X)])
    L = np.array(learnt.factor)
    middle = learnt.intercept + Z @ np.array(learnt.coefficients)
    noise = (learnt.noise_high / learnt.quantile) ** 2
    wide = learnt.quantile * np.sqrt(noise * (1 + 1 / learnt.counts["leads"]) + np.einsum("ij,jk,ik->i", Z, L @ L.T, Z))
    mean, low, high = learnt.amounts(X)
    np.testing.assert_allclose(mean, np.exp(middle + learnt.log_mean), rtol=1e-12)
    np.testing.assert_allclose(low, np.exp(middle - wide), rtol=1e-12)
    np.testing.assert_allclose(high, np.exp(middle + wide), rtol=1e-12)


def test_shrinkage_is_the_ridge_of_the_best_evidence():
    """Log evidence against the density of y itself: a multivariate Student t by the same prior, up to a constant."""
    generator = np.random.default_rng(11)
    Z = generator.normal(size=(25, 2))
    Z -= Z.mean(axis=0)
    y = Z @ [0.8, -0.2] + generator.normal(size=25) + 3
    fit = _Linear.fit(list(Z.T), y, np.ones(25))
    ridge = np.linalg.solve(Z.T @ Z + fit.penalty * np.eye(2), Z.T @ (y - y.mean()))
    np.testing.assert_allclose(fit.coefficients, ridge, rtol=1e-10)

    def density(penalty: float) -> float:
        # Contrasts of y: 24 normal numbers without the intercept; sigma integrated out with the prior 1 / sigma.
        basis = np.linalg.svd(np.eye(25) - 1 / 25)[0][:, :24]
        contrast, covariance = basis.T @ y, basis.T @ (np.eye(25) + Z @ Z.T / penalty) @ basis
        return -np.linalg.slogdet(covariance)[1] / 2 - 12 * np.log(contrast @ np.linalg.solve(covariance, contrast))

    dense = {penalty: density(penalty) for penalty in PENALTIES}
    assert max(dense, key=dense.get) == fit.penalty
    none = _Linear.fit([], y, np.ones(25)).evidence
    assert fit.evidence - none == pytest.approx(dense[fit.penalty] - density(1e12), abs=1e-6)


def test_the_model_is_plain_values(learnt):
    again = ValueModel.from_dict(json.loads(json.dumps(learnt.to_dict(), allow_nan=False)))
    assert again == learnt
    with pytest.raises(ArtifactError, match=r"(employees|product) is missing"):
        learnt.amounts(pd.DataFrame({"noise_0": [1.0]}))


def lists(leads: int, seed: int, signal: float) -> tuple[pd.DataFrame, pd.DataFrame, Split]:
    """Leads in ten lists, 40 % of which convert; eight lists train in two folds, two are the test."""
    snapshots, X = make_amounts(leads, seed, signal)
    generator = np.random.default_rng(seed)
    snapshots["label"] = (generator.random(leads) < 0.4).astype(float)
    snapshots["amount"] = snapshots["amount"].where(snapshots["label"] == 1)
    snapshots["list"] = pd.Timestamp("2026-01-05") + pd.to_timedelta(7 * (np.arange(leads) * 10 // leads), unit="D")
    snapshots["snapshot"], snapshots["probability"] = np.arange(leads), generator.uniform(0.2, 0.6, leads)
    edges = [0, leads * 4 // 10, leads * 6 // 10, leads * 8 // 10, leads]
    a, b, c, d = (np.arange(i, j) for i, j in pairwise(edges))
    train = np.concatenate([a, b, c])
    folds = ((a, b), (np.concatenate([a, b]), c))
    return snapshots, X, Split("weekly", train, d, folds, np.arange(leads), None, None, ())


def value_of(leads: int, seed: int, signal: float):
    snapshots, X, split = lists(leads, seed, signal)
    return fit_value(snapshots, X, FEATURES, split, snapshots.iloc[split.test].reset_index(drop=True), CONFIG)


def test_amounts_that_can_be_predicted_are_and_the_money_is_found():
    found = value_of(1500, 8, 1.5)
    assert found.final.form in ("log-normal", "gamma") and found.metrics["test"]["gain"]["low"] > 0
    assert 0.8 < found.metrics["test"]["covered"]["value"] < 0.97
    ten = found.metrics["money"][1]
    for figure in (ten["per_lead_value"], ten["per_lead_probability"]):
        assert figure["low"] * figure["high"] == pytest.approx(figure["value"] ** 2) and figure["low"] > 0
    assert ten["share"] == 0.1 and ten["per_lead_gain"]["low"] > 0 and ten["captured_gain"]["low"] > 0
    assert any("by employees" in n or "by product" in n for n in found.notes)
    json.dumps(found.metrics, allow_nan=False)


def test_amounts_that_cannot_be_predicted_get_the_mean_and_it_is_said():
    found = value_of(1500, 9, 0.0)
    assert found.final.form == "mean" and not found.final.terms
    assert "cannot be predicted better than their mean" in found.notes[0]
    ten = found.metrics["money"][1]
    assert ten["per_lead_gain"]["value"] == 0  # the order is the probability's


def test_test_amounts_change_nothing_but_the_judgement():
    snapshots, X, split = lists(800, 10, 1.0)
    test = snapshots.iloc[split.test].reset_index(drop=True)
    split = replace(split, final=split.train)
    one = fit_value(snapshots, X, FEATURES, split, test, CONFIG)
    changed = snapshots.copy()
    changed.loc[split.test, "amount"] *= 7
    other = fit_value(changed, X, FEATURES, split, changed.iloc[split.test].reset_index(drop=True), CONFIG)
    assert (one.final, one.judged, one.metrics["choice"]) == (other.final, other.judged, other.metrics["choice"])
    assert one.metrics["test"] != other.metrics["test"]


def test_money_by_eye():
    table = pd.read_csv(pd.io.common.StringIO("""
list,lead_id,probability,label,amount
1,a,0.9,1,10
1,b,0.5,1,200
1,c,0.4,0,
1,d,0.3,0,
2,e,0.8,0,
2,f,0.7,1,30
2,g,0.6,1,
2,h,0.5,0,
"""))  # fmt: skip
    table["list"] = pd.to_datetime("2026-01-05") + pd.to_timedelta(7 * table["list"], unit="D")
    table["account_id"] = table["lead_id"]
    mean = fit_form("mean", table, known_amounts(table, np.arange(8)), [], 0.9)
    five = judge_money(mean, table, table, CONFIG)[0]
    # One lead of each list is worked: a (10 of 210) and e (0 of 30).
    assert five["per_lead_probability"]["value"] == pytest.approx((10 + 0) / 2)
    assert five["captured_probability"]["value"] == pytest.approx((10 / 210 + 0) / 2)
    assert five["per_lead_probability"]["conversions"] == 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=30))
def test_places_are_those_of_sorting_each_list(rows):
    group, score = np.array(rows).T
    lead = np.array([f"L{i:02d}" for i in range(len(rows))], dtype=object)
    codes = pd.factorize(group)[0]
    slow = np.empty(len(rows), dtype=int)
    for one in set(codes):
        inside = sorted(np.flatnonzero(codes == one), key=lambda i: (-score[i], lead[i]))
        slow[inside] = range(len(inside))
    np.testing.assert_array_equal(rank_in_lists(score.astype(float), codes, lead), slow)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 25))
def test_ratios_are_those_of_adding_up_each_draw(seed, n):
    generator = np.random.default_rng(seed)
    account, group = generator.integers(0, 6, n), generator.integers(0, 3, n)
    top, bottom = generator.random(n), generator.integers(0, 2, n).astype(float)
    config = BootstrapConfig(10, 0.8, seed)
    found = bootstrap_ratios({"r": (top, bottom)}, account, group, Support(5, 5), config)["r"]
    names = np.unique(account)
    drawn = np.random.default_rng(seed).poisson(1.0, (10, len(names)))

    def slow(weight: np.ndarray) -> float:
        parts = []
        for one in np.unique(group):
            w = weight[np.searchsorted(names, account)] * (group == one)
            if (w * bottom).sum() > 0:
                parts.append((w * top).sum() / (w * bottom).sum())
        return float(np.mean(parts)) if parts else np.nan

    value = slow(np.ones(len(names)))
    draws = [d for d in map(slow, drawn) if not np.isnan(d)]
    if np.isnan(value):
        assert found.value is None
        return
    assert found.value == pytest.approx(value)
    if 2 * len(draws) > 10:
        np.testing.assert_allclose([found.low, found.high], np.quantile(draws, [0.1, 0.9]))
