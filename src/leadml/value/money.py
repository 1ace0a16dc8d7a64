"""Money that a ranking finds: won by the leads at the top of each list, by expected value against by probability."""

from typing import Any

import numpy as np
import pandas as pd

from leadml.account_means import draw_ratios
from leadml.bootstrap import BootstrapConfig, Support, log_interval, percentile_interval
from leadml.value.model import ValueModel

SHARES = (0.05, 0.1, 0.2)
SKEWED = ("per_lead_value", "per_lead_probability")  # amounts of money: intervals of their logarithm


def judge_money(
    model: ValueModel, test: pd.DataFrame, X: pd.DataFrame, config: BootstrapConfig
) -> list[dict[str, Any]]:
    """One entry a share of the lists worked, "if worked as before".

    Args:
        model: fitted without the test.
        test: list (NaT is one list), lead_id, account_id, label, amount, probability; rows (n,).
        X: their features.
        config: of the intervals; the leads at the top stay the same under every draw.

    Returns:
        ``share``, and as intervals ``per_lead_value`` and ``per_lead_probability`` (money won per lead worked, averaged
        over lists), ``per_lead_gain`` (their difference), ``captured_value``, ``captured_probability`` and
        ``captured_gain`` (share of a list's money). Amounts above the model's cap count as the cap; conversions whose
        amount is not known bring no money here.
    """
    value = model.expected(test["probability"].to_numpy(dtype=np.float64), X)["expected_value"].to_numpy()
    probability = test["probability"].to_numpy(dtype=np.float64)
    won = np.where(test["label"] == 1, test["amount"].to_numpy(dtype=np.float64), 0.0)
    money = np.minimum(np.where(won > 0, won, 0.0), model.cap or np.inf)
    lists = pd.factorize(test["list"].astype("object").where(test["list"].notna(), ""))[0]
    lead = test["lead_id"].to_numpy(dtype=object)
    paid = Support.of(test.assign(label=money > 0))
    orders = {"value": rank_in_lists(value, lists, lead), "probability": rank_in_lists(probability, lists, lead)}
    size = np.bincount(lists)[lists]
    ratios, minus = {}, {}
    for share in SHARES:
        for name, place in orders.items():
            top = (place < np.maximum(1, np.floor(share * size + 0.5))).astype(np.float64)
            ratios[f"per_lead_{name}", share] = (top * money, top)
            ratios[f"captured_{name}", share] = (top * money, money)
        for what in ("per_lead", "captured"):
            minus[f"{what}_gain", share] = ((f"{what}_value", share), (f"{what}_probability", share))
    account = test["account_id"].to_numpy(dtype=object)
    used = np.any([part > 0 for pair in ratios.values() for part in pair], axis=0)  # other rows add nothing
    ratios = {key: (top[used], bottom[used]) for key, (top, bottom) in ratios.items()}
    found = draw_ratios(ratios, account[used], lists[used], config, minus)
    told: list[dict[str, Any]] = [{"share": share} for share in SHARES]
    for (name, share), drawn in found.items():
        interval = log_interval if name in SKEWED else percentile_interval
        figure = interval(float(drawn[0]), drawn[1:], config.confidence, paid)
        told[SHARES.index(share)][name] = figure.to_dict()
    return told


def rank_in_lists(score: np.ndarray, lists: np.ndarray, lead: np.ndarray) -> np.ndarray:
    """Place (n,) of each row in its list, 0 the highest; ties by lead_id."""
    order = np.lexsort((pd.factorize(lead, sort=True)[0], -score, lists))
    start = np.zeros(len(score), dtype=np.int64)
    sizes = np.bincount(lists)
    start[order] = np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = np.empty(len(score), dtype=np.int64)
    place[order] = np.arange(len(score))
    return place - start
