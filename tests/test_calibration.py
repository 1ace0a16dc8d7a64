import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from leadml.calibration import (
    MIN_SLOPE,
    Calibrator,
    calibration_bins,
    calibration_error,
    estimate_base_rate,
    fit_sigmoid,
    recency_weights,
    recentre,
)
from leadml.chance import Judged, chance_calibration_error


def sample(rows: int, slope: float, intercept: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    margin = generator.normal(-2, 1.5, rows)
    return margin, (generator.random(rows) < expit(slope * margin + intercept)).astype(float)


def test_a_known_line_is_found_again():
    found = fit_sigmoid(*sample(40_000, 0.6, 0.4))
    assert found.slope == pytest.approx(0.6, abs=0.03)
    assert found.intercept == pytest.approx(0.4, abs=0.06)


def test_with_many_rows_it_is_plain_logistic_regression():
    margin, label = sample(40_000, 1.3, -0.5)
    weight = np.random.default_rng(1).uniform(0.5, 2, len(margin))
    reference = LogisticRegression(C=np.inf).fit(margin[:, None], label, sample_weight=weight)
    found = fit_sigmoid(margin, label, weight)
    assert found.slope == pytest.approx(reference.coef_[0, 0], abs=0.003)
    assert found.intercept == pytest.approx(reference.intercept_[0], abs=0.005)


def test_few_conversions_stay_near_the_model_as_it_is():
    margin, label = sample(60, 3.0, 0.0)
    plain = LogisticRegression(C=np.inf).fit(margin[:, None], label).coef_[0, 0]
    assert 1 < fit_sigmoid(margin, label).slope < plain


@pytest.mark.parametrize("slope", [0.3, 1.0, 3.0])
def test_newton_finds_the_minimum_that_the_docstring_states(slope):
    margin, label = sample(60, slope, 1.0)
    n1, n0 = label.sum(), (1 - label).sum()
    target = np.where(label == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))

    def penalised(line: np.ndarray) -> float:
        z = line[0] * margin + line[1]
        return float((np.logaddexp(0, z) - target * z).sum() + (line[0] - 1) ** 2 / (2 * 0.5**2))

    reference = minimize(penalised, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12}).x
    found = fit_sigmoid(margin, label)
    assert (found.slope, found.intercept) == pytest.approx(tuple(reference), abs=1e-4)


def test_separable_and_one_sided_labels_stay_finite():
    margin = np.array([-3.0, -2.0, 2.0, 3.0])
    for label in ([0, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1]):
        found = fit_sigmoid(margin, np.array(label, dtype=float))
        p = found.probability(margin)
        assert np.isfinite([found.slope, found.intercept]).all() and (p > 0).all() and (p < 1).all()


def test_the_order_is_never_turned_round():
    margin, label = sample(5_000, -1.0, -3.0)
    found = fit_sigmoid(margin, label)
    assert found.slope == MIN_SLOPE
    assert found.probability(margin).mean() == pytest.approx(label.mean(), rel=0.01)


def test_probability_is_never_0_or_1_and_agrees_with_log_odds():
    calibrator = Calibrator(1.0, 0.0)
    p = calibrator.probability(np.array([-1e9, -3.0, 0.0, 1e9]))
    assert (p > 0).all() and (p < 1).all()
    assert logit(p[1]) == pytest.approx(calibrator.log_odds(np.array([-3.0]))[0], abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(-20, 20), min_size=1, max_size=30),
    st.floats(0.001, 0.999),
    st.integers(0, 1000),
)
def test_recentring_reproduces_the_rate(odds, rate, seed):
    odds = np.array(odds)
    weight = np.random.default_rng(seed).uniform(0.1, 1, len(odds))
    shift = recentre(odds, weight, rate)
    assert np.average(expit(odds + shift), weights=weight) == pytest.approx(rate, rel=1e-6)


def test_weights_halve_with_the_half_life():
    cutoff = pd.Series(pd.to_datetime(["2024-01-01", "2024-03-31", "2024-06-29"])).astype("datetime64[us]")
    np.testing.assert_allclose(recency_weights(cutoff, cutoff.max(), 90.0), [0.25, 0.5, 1.0])
    np.testing.assert_array_equal(recency_weights(pd.Series([pd.NaT] * 2), None, 90.0), [1.0, 1.0])


def test_base_rate_by_hand():
    # Lead a converts in two rows (counted once, with its largest weight), b in one: c = 1.0 + 0.5 leads.
    label = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=float)
    lead = np.array(["a", "a", "b", "c", "d", "e", "f", "g"], dtype=object)
    weight = np.array([1.0, 0.5, 0.5, 1.0, 1.0, 1.0, 0.5, 0.5])
    found = estimate_base_rate(label, lead, weight, prior=0.1)
    recent = 2.0 / 6.0
    assert found.recent == pytest.approx(recent)
    assert (found.conversions, found.effective) == (2, 1.5)
    assert found.rate == pytest.approx((1.5 + 20) / (1.5 / recent + 20 / 0.1))
    assert 0.1 < found.rate < recent


def test_base_rate_without_a_conversion_is_pulled_down_not_to_zero():
    found = estimate_base_rate(np.zeros(1000), np.arange(1000).astype(object), np.ones(1000), prior=0.05)
    assert found.rate == pytest.approx(20 / (1000 + 400))
    # The same leads on twelve lists each tell hardly more; of a lead the largest weight counts.
    weight = np.repeat([1.0, *[0.5] * 11], 1000)
    often = estimate_base_rate(np.zeros(12_000), np.tile(np.arange(1000), 12).astype(object), weight, prior=0.05)
    assert often.rate == pytest.approx(found.rate)


def test_bins_keep_equal_probabilities_together_and_count_everything():
    p = np.array([0.1] * 50 + [0.2] * 25 + [0.9] * 25)
    y = np.array([0, 1] * 50, dtype=float)
    bins = calibration_bins(p, y, bins=4)
    assert bins["rows"].tolist() == [50, 25, 25]
    assert bins["mean_probability"].tolist() == pytest.approx([0.1, 0.2, 0.9])
    assert bins["rate"].tolist() == pytest.approx([0.5, 12 / 25, 13 / 25])
    expected = (50 * 0.4 + 25 * abs(0.2 - 12 / 25) + 25 * abs(0.9 - 13 / 25)) / 100
    assert calibration_error(p, y, bins=4) == pytest.approx(expected)


def test_bins_have_equal_mass():
    p = np.random.default_rng(0).random(1000)
    assert calibration_bins(p, p > 0.5)["rows"].tolist() == [100] * 10


def singles(p: np.ndarray, rows: int = 1) -> Judged:
    """One lead an account, and so many rows a lead."""
    lead = np.arange(len(p)) // rows
    return Judged(p, np.zeros(len(p)), lead, lead)


def test_error_by_chance_covers_true_probabilities_and_not_false_ones():
    generator = np.random.default_rng(3)
    p = generator.beta(1, 20, 2_000)
    chance = chance_calibration_error(singles(p), seed=1)
    worlds = [(generator.random(2_000) < p).astype(float) for _ in range(100)]
    assert 88 <= sum(calibration_error(p, y) <= chance["high"] for y in worlds) <= 99
    assert all(calibration_error(np.clip(2 * p, 0, 0.99), y) > chance["high"] for y in worlds)
    assert chance == chance_calibration_error(singles(p), seed=1)


def test_leads_that_recur_make_chance_larger():
    p = np.full(2_000, 0.1) + np.linspace(0, 0.1, 2_000)
    alone = chance_calibration_error(singles(p), seed=1)["mean"]
    recurring = chance_calibration_error(singles(p, 20), seed=1)["mean"]
    assert recurring > 2 * alone
