import json

import numpy as np
import pandas as pd
import pytest

from leadml import bootstrap
from leadml.bootstrap import (
    BootstrapConfig,
    Support,
    bootstrap_scores,
    draw_weights,
    log_interval,
    normal_interval,
    percentile_interval,
)
from leadml.metrics import evaluate_lists

CONFIG = BootstrapConfig(draws=200, confidence=0.9, seed=5)
MANY = Support(leads=30, accounts=30)


def make_lists(accounts: int, per_account: int, seed: int) -> pd.DataFrame:
    """Rows of an account share their label and score: two lists, every account in both."""
    generator = np.random.default_rng(seed)
    label = (generator.random(accounts) < 0.3).astype(float)
    score = label + generator.normal(size=accounts)
    account = np.repeat(np.arange(accounts), per_account)
    frame = pd.DataFrame({"account_id": [f"A{a}" for a in account], "label": label[account], "score": score[account]})
    frame["lead_id"] = frame["account_id"] + "." + (frame.groupby("account_id").cumcount() // 2).astype(str)
    frame["list"] = frame.groupby("account_id").cumcount() % 2
    frame["probability"] = 1 / (1 + np.exp(-frame["score"]))
    return frame


def scores(frame: pd.DataFrame) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    size = len(frame)
    return {
        "model": (frame["score"].to_numpy(), frame["probability"].to_numpy()),
        "constant": (np.zeros(size), np.full(size, frame["label"].mean())),
    }


def test_values_are_the_plain_figures_and_count_converting_leads():
    frame = make_lists(80, 4, 1)
    found = bootstrap_scores(frame, scores(frame), CONFIG)
    plain = evaluate_lists(frame)
    for figure in ("auc", "lift_10", "log_loss", "average_precision"):
        assert found["scorers"]["model"][figure]["value"] == pytest.approx(plain[figure], abs=1e-12)
    assert found["scorers"]["model"]["auc"]["conversions"] == frame.loc[frame["label"] == 1, "lead_id"].nunique()
    json.dumps(found, allow_nan=False)


def test_the_account_is_the_unit():
    """Ten times the rows of the same accounts bring no certainty."""
    few, many = make_lists(60, 2, 2), make_lists(60, 20, 2)
    widths = []
    for frame in (few, many):
        auc = bootstrap_scores(frame, scores(frame), CONFIG)["scorers"]["model"]["auc"]
        widths.append(auc["high"] - auc["low"])
    assert widths[1] == pytest.approx(widths[0], rel=1e-6)


def test_differences_are_paired():
    frame = make_lists(80, 4, 3)
    pair = scores(frame) | {"twin": scores(frame)["model"]}
    found = bootstrap_scores(frame, pair, CONFIG)["differences"]
    assert found["twin"]["log_loss"] == {
        "value": 0.0,
        "low": 0.0,
        "high": 0.0,
        "conversions": pytest.approx(46, abs=40),
    }
    assert found["constant"]["auc"]["low"] > 0
    assert "model" not in found


def test_a_slow_twin_draws_the_same_interval():
    """Rows repeated as often as their account was drawn, figure by figure."""
    frame = make_lists(30, 4, 4)
    config = BootstrapConfig(draws=25, confidence=0.8, seed=9)
    found = bootstrap_scores(frame, scores(frame), config)["scorers"]["model"]
    weights = np.hstack(list(draw_weights(30, 25, 9)))
    code = pd.factorize(frame["account_id"])[0]
    drawn = [
        evaluate_lists(frame.loc[frame.index.repeat(weights[code, d].astype(int))].reset_index(drop=True))
        for d in range(25)
    ]
    for figure in ("auc", "lift_20", "brier"):
        low, high = np.quantile([d[figure] for d in drawn], [0.1, 0.9])
        assert (found[figure]["low"], found[figure]["high"]) == pytest.approx((low, high), abs=1e-9)
    # Average precision rises with every account that is drawn twice: the normal interval about the figure itself.
    drawn_ap, told = [d["average_precision"] for d in drawn], found["average_precision"]
    half = 1.2815515655 * np.std(drawn_ap, ddof=1)
    assert told["value"] - told["low"] == pytest.approx(half) and told["high"] - told["value"] == pytest.approx(half)


def test_same_seed_same_draws_whatever_the_blocks(monkeypatch):
    whole = np.hstack(list(draw_weights(50, 20, 1)))
    monkeypatch.setattr(bootstrap, "MOST_WEIGHTS", 150)
    parts = list(draw_weights(50, 20, 1))
    assert len(parts) == 7
    np.testing.assert_array_equal(np.hstack(parts), whole)
    assert whole.mean() == pytest.approx(1, abs=0.1)


def test_the_interval_covers_what_it_should():
    """Of many worlds with a true rate of 0.3, about 90 % of the intervals of the Brier score hold the true one."""
    held = 0
    for seed in range(100):
        label = (np.random.default_rng(seed).random(150) < 0.3).astype(float)
        frame = pd.DataFrame({"list": 0, "lead_id": np.arange(150), "account_id": np.arange(150), "label": label})
        pair = {"model": (np.zeros(150), np.full(150, 0.2))}
        brier = bootstrap_scores(frame, pair, BootstrapConfig(100, 0.9, seed))["scorers"]["model"]["brier"]
        held += brier["low"] <= 0.3 * 0.64 + 0.7 * 0.04 <= brier["high"]
    assert 80 <= held <= 98


def test_no_interval_where_most_draws_have_no_figure():
    interval = percentile_interval(1.0, np.array([np.nan, np.nan, 1.0]), 0.9, MANY)
    assert (interval.low, interval.high, interval.value) == (None, None, 1.0)
    assert percentile_interval(np.nan, np.ones(5), 0.9, MANY).value is None
    interval = normal_interval(0.9, np.array([np.nan, np.nan, 1.0]), (0.0, 1.0), 0.9, MANY)
    assert (interval.low, interval.high, interval.value) == (None, None, 0.9)


@pytest.mark.parametrize(
    "interval", [percentile_interval, log_interval, lambda *a: normal_interval(*a[:2], (0, 1), *a[2:])]
)
def test_no_interval_below_five_accounts(interval):
    draws = np.linspace(0.4, 0.6, 9)
    assert interval(0.5, draws, 0.9, Support(7, 5)).low is not None
    few = interval(0.5, draws, 0.9, Support(7, 4))
    assert (few.value, few.low, few.high, few.conversions) == (0.5, None, None, 7)


def test_support_counts_what_converted_once():
    frame = pd.DataFrame({"lead_id": list("aabc"), "account_id": [1, 1, 1, None], "label": [1, 1, 0, 1]})
    assert Support.of(frame) == Support(leads=2, accounts=2)


def test_a_normal_interval_stays_within_what_can_be():
    near = normal_interval(0.98, np.array([0.9, 0.95, 1.0, 1.0]), (0.0, 1.0), 0.9, MANY)
    assert near.low < 0.98 and near.high == 1.0


def test_an_interval_of_logarithms_lets_skewed_money_escape_above_less_often_than_percentiles():
    generator = np.random.default_rng(4)
    truth, above = np.exp(1.4**2 / 2), {log_interval: 0, percentile_interval: 0}
    for seed in range(300):
        amounts = np.exp(1.4 * generator.normal(size=25))
        weights = next(draw_weights(25, 200, seed))
        draws = amounts @ weights / weights.sum(axis=0)
        for interval in above:
            above[interval] += truth > interval(float(amounts.mean()), draws, 0.9, MANY).high
    assert above[log_interval] <= above[percentile_interval] - 6
    found = log_interval(10.0, np.array([5.0, 15.0, 0.0, 20.0]), 0.9, MANY)
    assert found.low * found.high == pytest.approx(100) and found.low > 0
    assert log_interval(0.0, np.zeros(4), 0.9, MANY) == percentile_interval(0.0, np.zeros(4), 0.9, MANY)


@pytest.mark.parametrize(("converting", "told"), [(1, False), (4, False), (5, True)])
def test_no_interval_rests_on_a_few_converting_accounts(converting, told):
    """Their draws without a conversion have no AUC and the others hardly vary, so it would look the tightest."""
    accounts = np.repeat(np.arange(60), 2)
    frame = pd.DataFrame({"list": 0, "lead_id": np.arange(120), "account_id": accounts})
    frame["label"] = (accounts < converting).astype(float)
    p = np.linspace(0.2, 0.01, 120)
    found = bootstrap_scores(frame, {"model": (p, p), "constant": (np.zeros(120), np.full(120, 0.1))}, CONFIG)
    intervals = [*found["scorers"]["model"].values(), *found["differences"]["constant"].values()]
    assert [i["low"] is not None and i["high"] is not None for i in intervals] == [told] * len(intervals)
    assert all(i["value"] is not None and i["conversions"] == 2 * converting for i in intervals)
    json.dumps(found, allow_nan=False)
