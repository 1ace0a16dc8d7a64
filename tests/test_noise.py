"""Where there is nothing to learn the answer is no; and what knows the outcome is called by its name."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import DEEP, counts
from made_lists import make_config, make_leads
from small_data import settings

from leadml.recipe import typed
from leadml.recipe_data import RecipeData, prepare
from leadml.stages.stored import read_extracted
from leadml.training import judge_recipe, settle
from leadml.workspace import Workspace

CONFIG = make_config()
SEEDS = 50
MOST = 1  # verdicts of "deploy"
POINTS = 0.05 * SEEDS + 3 * (0.05 * 0.95 * SEEDS) ** 0.5  # of "use points": one interval's one-sided error, and chance


def shuffle_labels(snapshots: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Each lead gets the labels of another one with as many matured rows, in their order: its rows stay together."""
    label = snapshots["label"].to_numpy(float).copy()
    rows = np.flatnonzero(~np.isnan(label))
    lead = pd.factorize(snapshots["lead_id"].iloc[rows])[0]
    rows = rows[np.lexsort((snapshots["cutoff"].iloc[rows], lead))]
    start, size = np.concatenate([[0], np.cumsum(np.bincount(lead))[:-1]]), np.bincount(lead)
    generator, dealt = np.random.default_rng(seed), label.copy()
    for length in np.unique(size):
        places = start[size == length][:, None] + np.arange(length)
        dealt[rows[places]] = label[rows[generator.permutation(places)]]
    return snapshots.assign(label=dealt, amount=snapshots["amount"].where(dealt == 1))


def deal_conversions(snapshots: pd.DataFrame, days: float, seed: int) -> np.ndarray:
    """Labels (n,) of conversions at one constant rate for every lead, NaN for rows after its own and immature ones.

    Leads leave when they convert and nothing tells when that is, neither their age nor how long they stayed. The rate
    is the data's own.
    """
    label = snapshots["label"].to_numpy(float)
    hazard = -np.log1p(-np.nanmean(label)) / days
    day = (snapshots["cutoff"] - snapshots["cutoff"].min()) / pd.Timedelta(days=1)
    lead, leads = pd.factorize(snapshots["lead_id"])
    first = pd.Series(day).groupby(lead).min().to_numpy()
    end = (first + np.random.default_rng(seed).exponential(1 / hazard, len(leads)))[lead]
    dealt = ((end < day + days) & (end >= day)).astype(float)
    return np.where(np.isnan(label) | (end < day), np.nan, dealt)


def counted(verdicts: list[str]) -> dict[str, int]:
    return {name: verdicts.count(name) for name in set(verdicts)}


def test_shuffling_keeps_rows_together_and_every_label():
    snapshots = make_leads(400, 40, 1)[0]
    dealt = shuffle_labels(snapshots, 2)
    assert dealt["label"].isna().equals(snapshots["label"].isna()) and dealt["label"].sum() == snapshots["label"].sum()
    vectors = [
        sorted(tuple(v) for _, v in t.sort_values("cutoff").dropna(subset=["label"]).groupby("lead_id")["label"])
        for t in (snapshots, dealt)
    ]
    assert vectors[0] == vectors[1] and not dealt["label"].equals(snapshots["label"])


def told(data: RecipeData) -> str:
    """The verdict that `leadml train` would tell."""
    return settle(data, judge_recipe(data)).verdict.name


@pytest.mark.deep
def test_of_shuffled_labels_hardly_one_is_deployed():
    verdicts = []
    for seed in range(counts(4, SEEDS)):
        snapshots, X, features = make_leads(1500, 60, seed)
        verdicts.append(told(prepare(shuffle_labels(snapshots, seed), X, features, CONFIG)))
    assert verdicts.count("deploy") <= MOST and verdicts.count("use points") <= POINTS, counted(verdicts)


@pytest.mark.deep
@pytest.mark.skipif(not DEEP, reason="the features of a whole company: in make deep")
def test_of_a_company_whose_conversions_nothing_tells_hardly_one_is_deployed(small_company):
    extracted = read_extracted(Workspace(small_company))
    config = settings(small_company, "train.bootstrap=200", "train.min_conversions=20")  # constant rates give few
    snapshots, verdicts = typed(extracted.snapshots), []
    for seed in range(SEEDS):
        label = deal_conversions(snapshots, config.problem.horizon_days, seed)
        dealt = snapshots.assign(label=label, amount=np.nan)
        verdicts.append(told(prepare(dealt, extracted.X, extracted.features, config)))
    assert verdicts.count("deploy") <= MOST and verdicts.count("use points") <= POINTS, counted(verdicts)


@pytest.mark.parametrize("name", ["calls_30d", "noise_0"])
def test_a_planted_leak_is_called_by_its_name(name):
    """It knows nearly every conversion; whatever else is told, this comes first."""
    snapshots, X, features = make_leads(1000, 60, 3)
    generator = np.random.default_rng(3)
    knows = (snapshots["label"] == 1) & (generator.random(len(X)) < 0.98)
    leaking = X.assign(**{name: np.where(knows, 5.0, X[name].clip(upper=2))})
    config = replace(CONFIG, train=replace(CONFIG.train, suspicious_auc=0.95))
    verdict = judge_recipe(prepare(snapshots, leaking, features, config)).verdict
    assert verdict.name == "suspiciously good" and not verdict.allows_champion
    assert f"most of the points rest on {name}" in verdict.why
