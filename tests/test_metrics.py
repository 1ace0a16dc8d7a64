import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from leadml import metrics


def tied_list(seed: int, rows: int = 300, rate: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    label = (generator.random(rows) < rate).astype(float)
    score = np.round(label * 0.5 + generator.normal(size=rows), 1)
    return label, score


@pytest.mark.parametrize("seed", range(5))
def test_figures_agree_with_scikit_learn(seed):
    label, score = tied_list(seed)
    p = 1 / (1 + np.exp(-score))
    assert metrics.auc(label, score) == pytest.approx(reference.roc_auc_score(label, score), abs=1e-12)
    assert metrics.average_precision(label, score) == pytest.approx(
        reference.average_precision_score(label, score), abs=1e-12
    )
    assert metrics.log_loss(label, p) == pytest.approx(reference.log_loss(label, p), abs=1e-12)
    assert metrics.brier(label, p) == pytest.approx(reference.brier_score_loss(label, p), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_weighted_figures_agree_with_scikit_learn(seed):
    """Integer weights of accounts, two lists, ties within and across accounts."""
    generator = np.random.default_rng(seed)
    label, score = tied_list(seed, rows=400)
    p = 1 / (1 + np.exp(-score))
    frame = pd.DataFrame({"list": np.arange(400) % 2, "account_id": generator.integers(0, 40, 400), "label": label})
    scored = metrics.score_lists(frame, score, p)
    weights = generator.poisson(1.0, (scored.accounts, 3)).astype(float)
    found = metrics.weighted_figures(scored, weights)
    for draw in range(3):
        weight = weights[scored.account_code, draw]
        by_list = []
        for part in (frame["list"] == 0, frame["list"] == 1):
            y, s, q, w = label[part], score[part], p[part], weight[part]
            by_list.append(
                (
                    reference.roc_auc_score(y, s, sample_weight=w),
                    reference.average_precision_score(y, s, sample_weight=w),
                    reference.log_loss(y, q, sample_weight=w),
                    reference.brier_score_loss(y, q, sample_weight=w),
                )
            )
        expected = np.mean(by_list, axis=0)
        for name, value in zip(("auc", "average_precision", "log_loss", "brier"), expected, strict=True):
            assert found[name][draw] == pytest.approx(value, abs=1e-9), name


def slow_capture(label: np.ndarray, score: np.ndarray, share: float) -> float:
    """Walks down the list; a tie group gives its rows and its conversions evenly."""
    left, got = share * len(label), 0.0
    for value in sorted(set(score), reverse=True):
        group = label[score == value]
        taken = min(left, len(group))
        got += taken * group.mean()
        left -= taken
    return got / label.sum()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40), st.floats(0.01, 1))
def test_capture_and_auc_agree_with_their_slow_twins(rows, share):
    score = np.array([r[0] for r in rows], dtype=float)
    label = np.array([r[1] for r in rows], dtype=float)
    if label.sum() == 0:
        return
    assert metrics.lift(label, score, share) == pytest.approx(slow_capture(label, score, share) / share, abs=1e-9)
    if label.all():
        assert np.isnan(metrics.auc(label, score))
        return
    pairs = [(a > b) + 0.5 * (a == b) for a in score[label == 1] for b in score[label == 0]]
    assert metrics.auc(label, score) == pytest.approx(np.mean(pairs), abs=1e-12)


def test_lists_are_averaged_and_empty_ones_counted():
    frame = pd.DataFrame(
        {
            "list": ["a"] * 4 + ["b"] * 4 + ["c"] * 2 + ["d"] * 2,
            "score": [4, 3, 2, 1, 4, 3, 2, 1, 1, 2, 1, 2],
            "label": [1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1],
            "probability": 0.5,
        }
    )
    found = metrics.evaluate_lists(frame)
    assert found["lists"] == 4
    assert found["lists_without_both"] == 2  # c has no conversion, d nothing else
    assert found["auc"] == pytest.approx((1 + 0) / 2)  # a is perfect, b upside down
    # Top tenth of four rows is 0.4 rows: list a holds 0.4 of its conversion there, b none, d 0.1 of its two.
    assert found["capture_10"] == pytest.approx((0.4 + 0 + 0.1) / 3)
    assert found["lift_10"] == pytest.approx((4 + 0 + 1) / 3)
    assert found["log_loss"] == pytest.approx(np.log(2))


def test_figures_that_do_not_exist_are_none():
    frame = pd.DataFrame({"list": 0, "score": [1.0, 2.0], "label": [0.0, 0.0], "probability": [0.1, 0.2]})
    found = metrics.evaluate_lists(frame)
    assert found["auc"] is None and found["lift_10"] is None and found["average_precision"] is None
    assert found["log_loss"] == pytest.approx(-np.mean(np.log([0.9, 0.8])))


def test_undated_rows_are_one_list():
    frame = pd.DataFrame({"list": pd.Series([pd.NaT] * 4), "score": [4, 3, 2, 1], "label": [1, 0, 1, 0]})
    frame["probability"] = 0.5
    assert metrics.evaluate_lists(frame)["lists"] == 1
    assert metrics.evaluate_lists(frame)["auc"] == pytest.approx(0.75)


def test_a_constant_score_is_chance():
    label, _ = tied_list(1)
    assert metrics.auc(label, np.zeros(len(label))) == 0.5
    assert metrics.lift(label, np.zeros(len(label)), 0.1) == pytest.approx(1)


def test_capture_curve_rises_to_one():
    label, score = tied_list(2)
    frame = pd.DataFrame({"list": np.arange(300) % 3, "label": label, "score": score})
    curve = [point["capture"] for point in metrics.capture_curve(frame, [0.1, 0.5, 1.0])]
    assert curve == sorted(curve) and curve[-1] == pytest.approx(1)
