"""Nine in ten intervals hold the truth, over companies each of a law of its own; benchmarks/intervals.py has more."""

import numpy as np
import pandas as pd
import pytest
from conftest import counts
from made_company import Law, draw_fresh, make_company
from scipy.special import expit

from leadml.bootstrap import BootstrapConfig, bootstrap_scores
from leadml.metrics import evaluate_lists

WEEKS, LISTS, FRESH = 20, 6, 16_000
FIGURES = ("auc", "lift_10", "average_precision", "log_loss")


def scored(snapshots: pd.DataFrame, X: pd.DataFrame) -> pd.DataFrame:
    """Lists ordered by some score that knows a little, with probabilities that are too high: no model is fitted."""
    score = 0.6 * np.log1p(X["visits_30d"]) + 0.2 * np.log1p(X["employees"]) - 0.5 * (X["mail_kind"] == "free")
    return snapshots.assign(list=snapshots["cutoff"], score=score, probability=expit(score - 3.5))


def expected_figures(fresh: pd.DataFrame, rows: int) -> dict[str, float]:
    """The mean figures of lists as long as the company's, cut from a very large draw."""
    part = pd.factorize(fresh["lead_id"])[0] % max(1, round(len(fresh) / rows))
    found = [evaluate_lists(p) for _, p in fresh.groupby(part)]
    return {name: float(np.mean([f[name] for f in found if f[name] is not None])) for name in FIGURES}


def holds(seed: int) -> dict[str, bool]:
    """Whether each figure's interval holds what other accounts of the same law give on the same lists."""
    law = Law.drawn(np.random.default_rng(seed))
    snapshots, X = make_company(law, 600, WEEKS, seed)
    newest = np.sort(snapshots.loc[snapshots["label"].notna(), "cutoff"].unique())[-LISTS:]
    kept = snapshots["cutoff"].isin(newest).to_numpy()
    test = scored(snapshots[kept].reset_index(drop=True), X[kept].reset_index(drop=True))
    truth = expected_figures(scored(*draw_fresh(law, test["cutoff"], FRESH, 10_000 + seed)), len(test))
    scores = {"model": (test["score"].to_numpy(), test["probability"].to_numpy())}
    told = bootstrap_scores(test, scores, BootstrapConfig(200, 0.9, seed))["scorers"]["model"]
    return {name: told[name]["low"] <= truth[name] <= told[name]["high"] for name in FIGURES}


@pytest.mark.deep
def test_intervals_hold_the_expected_figure_of_other_accounts():
    companies = counts(12, 200)
    held = pd.DataFrame([holds(seed) for seed in range(companies)]).mean()
    least, most = (0.85, 0.95) if companies == 200 else (0.7, 1.0)
    assert held[["auc", "lift_10"]].between(least, most).all(), held
    assert held.min() > least - 0.03, held
