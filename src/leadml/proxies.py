"""Which features stand for a sensitive column: how well each, and all of them together, tell a lead's group.

One row a lead, its newest; groups are learnt on the leads of half of the accounts and told on those of the other half,
so that nothing is known of a lead beforehand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtrit

from leadml.encoding import fit_encoder, level_codes
from leadml.features.dictionary import Feature, Kind
from leadml.metrics import auc
from leadml.models.trees import LIGHTGBM, predict_margins

PROXY_AUC = 0.6  # from which on, and beyond chance at `ERRORS` standard errors, a feature is named
ERRORS = 3.0  # of a normal distribution; where accounts are few, as far out in Student's
MOST_PROXIES = 10
MOST_LEADS = 50_000
BINS = 10
LEAST_LEVEL = 10  # leads behind a level that is told apart
TREES = 60


@dataclass(frozen=True)
class Told:
    """A group as seen by a feature: out-of-sample AUC of telling it from the others, and the score (m,) that does."""

    auc: float
    group: str
    score: np.ndarray


def newest_rows(snapshots: pd.DataFrame) -> np.ndarray:
    """The row of each lead's newest snapshot, in the order of the rows; the last one of those without a cutoff."""
    order = snapshots["cutoff"].to_numpy(dtype="datetime64[us]").argsort(kind="stable")
    last = snapshots.iloc[order].reset_index(drop=True).drop_duplicates("lead_id", keep="last").index
    return np.sort(order[last.to_numpy()])


def find_proxies(
    X: pd.DataFrame, features: Sequence[Feature], groups: np.ndarray, accounts: np.ndarray, seed: int
) -> dict[str, Any]:
    """What the features tell of the groups, as plain values for JSON.

    Args:
        X: feature values, one row a lead (n).
        features: of the model.
        groups: of each lead (n,); None leads are left out.
        accounts: of each lead (n,): its leads are all in one half.
        seed: of the halves, and of the leads drawn where there are more than `MOST_LEADS`.

    Returns:
        ``leads``; ``together``: ``auc`` by group of all features (LightGBM of `TREES` small trees); ``proxies``:
        ``feature``, ``auc`` and ``group`` (the one that it tells best) of each feature with an AUC of `PROXY_AUC` or
        more that is beyond chance (`is_proxy`), the strongest `MOST_PROXIES`; ``found``: how many there are.
    """
    rows = np.flatnonzero(pd.notna(groups))
    generator = np.random.default_rng(seed)
    if len(rows) > MOST_LEADS:
        rows = np.sort(generator.choice(rows, MOST_LEADS, replace=False))
    code, names = pd.factorize(accounts[rows])
    fit = (generator.random(len(names)) < 0.5)[code]
    X, groups = X.iloc[rows], groups[rows]
    usable = [g for g in sorted(set(groups)) if all(_both(groups[half] == g) for half in (fit, ~fit))]
    result: dict[str, Any] = {"leads": len(rows), "together": {}, "proxies": [], "found": 0}
    if not usable or not features:
        return result
    found = {f.name: strongest(codes_of(X[f.name], f, fit), groups, usable, fit) for f in features}
    named = sorted((-told.auc, name) for name, told in found.items() if is_proxy(told, groups[~fit], code[~fit]))
    proxies = [{"feature": name, "auc": -less, "group": found[name].group} for less, name in named]
    return result | {
        "together": {g: together(X, features, groups == g, fit, seed) for g in usable},
        "proxies": proxies[:MOST_PROXIES],
        "found": len(named),
    }


def codes_of(values: pd.Series, feature: Feature, fit: np.ndarray) -> np.ndarray:
    """Codes (n,) from 0: tenths of a number, learnt on the rows ``fit``, or levels with enough leads; 0 is missing."""
    if feature.kind is Kind.CATEGORY:
        counts = values[fit].value_counts()
        levels = tuple(sorted(str(level) for level in counts.index[counts >= LEAST_LEVEL]))
        codes = level_codes(values, levels)
        missing = values.isna().to_numpy()
        return np.where(missing, 0, np.where(np.isnan(codes), len(levels) + 1, codes + 1)).astype(np.int64)
    numbers = values.to_numpy(dtype=np.float64)
    known = numbers[fit & np.isfinite(numbers)]
    if not len(known):
        return np.zeros(len(numbers), dtype=np.int64)
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS, method="inverted_cdf"))
    return np.where(np.isfinite(numbers), 1 + np.searchsorted(edges, numbers, side="left"), 0).astype(np.int64)


def strongest(codes: np.ndarray, groups: np.ndarray, names: Sequence[str], fit: np.ndarray) -> Told:
    """The group that the codes tell best, by its share among the leads of each code in the fitting half."""
    found = []
    size = int(codes.max()) + 1
    rows = np.bincount(codes[fit], minlength=size)
    for name in names:
        mine = groups == name
        rate = float(mine[fit].mean())
        # One lead's worth of the overall share: a code that the fitting half does not have says nothing.
        share = (np.bincount(codes[fit & mine], minlength=size) + rate) / (rows + 1)
        score = share[codes[~fit]]
        found.append(Told(float(auc(mine[~fit].astype(float), score)), name, score))
    return max(found, key=lambda told: told.auc)


def together(X: pd.DataFrame, features: Sequence[Feature], mine: np.ndarray, fit: np.ndarray, seed: int) -> float:
    """The AUC (out of sample) of all features together in telling a group."""
    encoder = fit_encoder(X[fit], features, LEAST_LEVEL, 50)
    parameters = {
        "objective": "binary", "num_leaves": 7, "learning_rate": 0.1, "min_data_in_leaf": 20, "lambda_l2": 5.0,
        "deterministic": True, "force_row_wise": True, "num_threads": 1, "seed": seed, "verbosity": -1,
        "feature_fraction": 0.5, "max_cat_to_onehot": 4, "min_data_per_group": 20,
    }  # fmt: skip
    matrix, label, categories = encoder.encode(X[fit]), mine[fit].astype(float), encoder.categorical
    with LIGHTGBM:
        table = lgb.Dataset(matrix, label=label, categorical_feature=categories, params=parameters)
        booster = lgb.train(parameters, table, num_boost_round=TREES)
    return float(auc(mine[~fit].astype(float), predict_margins(booster, encoder.encode(X[~fit]), 1)))


def is_proxy(told: Told, groups: np.ndarray, account: np.ndarray) -> bool:
    """Whether the AUC is large, and too large for chance, of groups and account codes (m,).

    Its standard error is by account (`clustered_error`), and no smaller than that of leads at 0.5 (Hanley and McNeil
    1982). Beyond chance is what a normal distribution has beyond `ERRORS` standard errors, by Student's t with the
    smaller number of accounts that hold leads of the group, or others, less one: few accounts prove nothing.
    """
    if told.auc < PROXY_AUC:
        return False
    mine = groups == told.group
    members, others = int(mine.sum()), int((~mine).sum())
    error = max(np.sqrt((members + others + 1) / (12.0 * members * others)), clustered_error(mine, told.score, account))
    accounts = min(len(np.unique(account[part])) for part in (mine, ~mine))
    return bool(accounts > 1 and told.auc > 0.5 + stdtrit(accounts - 1, ndtr(ERRORS)) * error)


def clustered_error(mine: np.ndarray, score: np.ndarray, account: np.ndarray) -> float:
    """The standard error of an AUC whose leads come by account, of a mask, scores and account codes (m,).

    After Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data". A lead of the group is placed by the
    share of the others below it (ties half), one of the others by the share of the group above it; what is summed is
    how far an account's placements are from the AUC, each as its part of the mean.
    """
    levels, code = np.unique(score, return_inverse=True)
    inside, outside = (np.bincount(code[part], minlength=len(levels)) for part in (mine, ~mine))
    below = (np.cumsum(outside) - outside / 2) / outside.sum()
    above = 1 - (np.cumsum(inside) - inside / 2) / inside.sum()
    area = float(inside @ below) / inside.sum()
    part = np.where(mine, (below[code] - area) / inside.sum(), (above[code] - area) / outside.sum())
    sums = np.bincount(account, weights=part)
    accounts = len(np.unique(account))
    return float(np.sqrt(sums @ sums * accounts / max(accounts - 1, 1)))


def _both(mine: np.ndarray) -> bool:
    return bool(LEAST_LEVEL <= mine.sum() <= len(mine) - LEAST_LEVEL)
