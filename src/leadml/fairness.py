"""What a threshold and the probabilities do to groups of people, by fairlearn's MetricFrame, intervals by account.

Rates are over the rows of the test lists: a lead on several lists counts in each, as it would be worked from each. Who
is *selected* has a probability at or above the threshold.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from leadml.bootstrap import BootstrapConfig, Support, draw_weights, percentile_interval
from leadml.groups import Groups

RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "false_negative_rate", "true_negative_rate")
NEED_CONVERSIONS = ("true_positive_rate", "false_negative_rate", "gap")
DIFFERENCES = (
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equalized_odds_difference",
    "equalized_odds_ratio",
)
CHANCE_DRAWS = 200
_CELLS = ("rows", "selected", "positives", "selected_positives", "said")


@dataclass(frozen=True)
class Least:
    """The smallest group that is told: distinct leads, and distinct converting leads for what needs conversions."""

    leads: int
    conversions: int


def audit_groups(
    test: pd.DataFrame, groups: Groups, threshold: float, least: Least, config: BootstrapConfig
) -> dict[str, Any]:
    """The figures of every group that is large enough, as plain values for JSON.

    Args:
        test: ``lead_id``, ``account_id``, ``label`` (0 or 1), ``probability``; rows (n,).
        groups: of the same rows.
        threshold: from which probability on a lead is selected.
        least: smaller groups are only counted, neither named nor told.
        config: draws, confidence, seed of the bootstrap by account.

    Returns:
        ``groups``: for each its ``name``, ``rows``, ``leads``, ``converting_leads``, ``mean_probability``, ``rate``,
        and as intervals `RATES` and ``gap`` (rate less mean probability); None where its conversions are too few;
        ``differences``: `DIFFERENCES` between the groups as intervals, the largest less or the smallest over the
        largest (equalised odds: the worse of true and false positive rates, among groups whose both are told), None
        with fewer than two groups; ``chance`` (`chance_apart`); ``small``: how many ``groups`` and ``leads`` are not
        told; ``missing_leads``.
    """
    frame = test.assign(group=groups.of, selected=test["probability"].to_numpy() >= threshold)
    leads = frame.groupby("group")["lead_id"].nunique()
    told = [name for name in groups.names if leads.get(name, 0) >= least.leads]
    shown = frame[frame["group"].isin(told)].reset_index(drop=True)
    result: dict[str, Any] = {
        "small": {"groups": len(leads) - len(told), "leads": int(leads.drop(told).sum())},
        "missing_leads": int(frame.loc[frame["group"].isna(), "lead_id"].nunique()),
        "groups": [],
        "differences": dict.fromkeys(DIFFERENCES),
        "chance": {},
    }
    if told:
        drawn = draw_rates(shown, told, config)
        values = frame_rates(shown, told)
        enough = {name: _converting(shown, name) >= least.conversions for name in told}
        result["groups"] = [
            _group(
                shown, name, {r: values[r][k] for r in values}, {r: drawn[r][k] for r in drawn}, enough[name], config
            )
            for k, name in enumerate(told)
        ]
        result["chance"] = chance_apart(shown, told, list(enough.values()), config.seed)
        result["differences"] = _differences(values, drawn, enough, config, shown)
    return result


def frame_rates(frame: pd.DataFrame, names: list[str]) -> dict[str, np.ndarray]:
    """`RATES` and ``gap`` of each named group (groups,), NaN where one has no row to count: fairlearn's MetricFrame."""
    from fairlearn import metrics

    rates = {name: getattr(metrics, name) for name in RATES}
    label = frame["label"].to_numpy(dtype=np.int64)
    found = metrics.MetricFrame(
        metrics={n: lambda y, s, rate=rate: rate(y, s, pos_label=1) for n, rate in rates.items()},
        y_true=label,
        y_pred=frame["selected"].to_numpy(dtype=np.int64),
        sensitive_features=frame["group"].astype(str),
    ).by_group.reindex(names)
    result = {n: found[n].to_numpy(dtype=np.float64) for n in RATES}
    by = frame.groupby("group")
    positives, rows = by["label"].sum().reindex(names).to_numpy(), by.size().reindex(names).to_numpy()
    # fairlearn gives 0 where there is nothing to count; a rate of nothing is none.
    for name in ("true_positive_rate", "false_negative_rate"):
        result[name] = np.where(positives > 0, result[name], np.nan)
    for name in ("false_positive_rate", "true_negative_rate"):
        result[name] = np.where(rows > positives, result[name], np.nan)
    result["gap"] = (by["label"].mean() - by["probability"].mean()).reindex(names).to_numpy(dtype=np.float64)
    return result


def draw_rates(frame: pd.DataFrame, names: list[str], config: BootstrapConfig) -> dict[str, np.ndarray]:
    """The same (groups, draws) with Poisson weights by account, from the accounts' sums: nothing is counted again."""
    account, accounts = pd.factorize(frame["account_id"])
    group = pd.Categorical(frame["group"], categories=names).codes.astype(np.int64)
    label, selected = frame["label"].to_numpy(np.float64), frame["selected"].to_numpy(np.float64)
    columns = (np.ones(len(frame)), selected, label, selected * label, frame["probability"].to_numpy(np.float64))
    sums = sparse.vstack(
        [sparse.coo_matrix((c, (group, account)), shape=(len(names), len(accounts))).tocsr() for c in columns]
    )
    blocks = [sums @ weights for weights in draw_weights(len(accounts), config.draws, config.seed)]
    cells = dict(zip(_CELLS, np.split(np.concatenate(blocks, axis=1), len(_CELLS)), strict=True))
    return _rates(cells)


def chance_apart(frame: pd.DataFrame, names: list[str], enough: list[bool], seed: int) -> dict[str, float]:
    """How large the differences are by chance: the 95th percentile where groups are dealt out anew (`deal_groups`).

    A largest difference is never below 0, and the larger the more groups there are and the smaller they are.
    """
    lead, leads = pd.factorize(frame["lead_id"])
    group, account = np.zeros((2, len(leads)), dtype=np.int64)
    group[lead] = pd.Categorical(frame["group"], categories=names).codes
    account[lead] = pd.factorize(frame["account_id"])[0]
    alike = share_alike(group, account)
    label, selected = frame["label"].to_numpy(np.float64), frame["selected"].to_numpy(np.float64)
    columns = (np.ones(len(frame)), selected, label, selected * label)
    # A lead's sums, so that a draw costs as much as there are leads.
    sums = [np.bincount(lead, weights=column, minlength=len(leads)) for column in columns]
    generator = np.random.default_rng(seed)
    apart = []
    for _ in range(CHANCE_DRAWS):
        dealt = deal_groups(generator, group, account, alike)
        cells = [np.bincount(dealt, weights=s, minlength=len(names)) for s in sums]
        rates = _rates(dict(zip(_CELLS, (*cells, cells[0]), strict=True)))
        odds = [_apart(rates[r][enough])[0] for r in ("true_positive_rate", "false_positive_rate")]
        apart.append((float(_apart(rates["selection_rate"])[0]), float(np.max(odds))))
    high = [np.quantile(known, 0.95) if len(known := a[np.isfinite(a)]) else np.nan for a in np.array(apart).T]
    told = {"demographic_parity_difference": (high[0], len(names)), "equalized_odds_difference": (high[1], sum(enough))}
    return {name: float(value) for name, (value, groups) in told.items() if groups > 1 and np.isfinite(value)}


def share_alike(group: np.ndarray, account: np.ndarray) -> float:
    """The share of the accounts, 0 to 1, whose leads would have to be of one group for what is seen.

    Of leads' group codes and accounts (leads,): how often two leads of an account are of one group, beyond how often
    any two are (Cohen's kappa). 1 for a property of the account, about 0 where leads of an account differ like others.
    """
    _, code, inner = np.unique(account * (group.max() + 1) + group, return_index=True, return_counts=True)
    sizes = np.bincount(account[code], weights=inner)
    pairs = float(sizes @ (sizes - 1))
    by_chance = float(np.sum((np.bincount(group) / len(group)) ** 2))
    if not pairs or by_chance == 1:
        return 0.0
    return float(np.clip((float(inner @ (inner - 1)) / pairs - by_chance) / (1 - by_chance), 0.0, 1.0))


def deal_groups(generator: np.random.Generator, group: np.ndarray, account: np.ndarray, alike: float) -> np.ndarray:
    """The groups (leads,) dealt out anew among the leads; in a share ``alike`` of accounts one of theirs to all."""
    dealt = generator.permutation(group)
    one = np.zeros(int(account.max()) + 1, dtype=np.int64)
    one[account] = dealt
    return np.where((generator.random(len(one)) < alike)[account], one[account], dealt)


def _rates(cells: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    rows, selected, positives, both = (cells[c] for c in _CELLS[:4])
    with np.errstate(divide="ignore", invalid="ignore"):
        true, false = both / positives, (selected - both) / (rows - positives)
        return {
            "selection_rate": selected / rows,
            "true_positive_rate": true,
            "false_positive_rate": false,
            "false_negative_rate": 1 - true,
            "true_negative_rate": 1 - false,
            "gap": (positives - cells["said"]) / rows,
        }


def _group(
    frame: pd.DataFrame,
    name: str,
    values: Mapping[str, float],
    drawn: Mapping[str, np.ndarray],
    enough: bool,
    config: BootstrapConfig,
) -> dict[str, Any]:
    mine = frame[frame["group"] == name]
    selected, converting = support_of_rows(mine), Support.of(mine)
    support = {rate: converting if rate in NEED_CONVERSIONS else selected for rate in (*RATES, "gap")}
    return {
        "name": name,
        "rows": len(mine),
        "leads": int(mine["lead_id"].nunique()),
        "converting_leads": converting.leads,
        "mean_probability": float(mine["probability"].mean()),
        "rate": float(mine["label"].mean()) if enough else None,
    } | {
        rate: percentile_interval(values[rate], drawn[rate], config.confidence, support[rate]).to_dict()
        if enough or rate not in NEED_CONVERSIONS
        else None
        for rate in support
    }


def _differences(
    values: Mapping[str, np.ndarray],
    drawn: Mapping[str, np.ndarray],
    enough: Mapping[str, bool],
    config: BootstrapConfig,
    frame: pd.DataFrame,
) -> dict[str, Any]:
    told = list(enough.values())

    def between(rates: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        kept = {r: np.asarray(rates[r])[told] for r in ("true_positive_rate", "false_positive_rate")}
        apart = [_apart(k) for k in kept.values()]
        parity = _apart(np.asarray(rates["selection_rate"]))
        odds = (np.maximum(apart[0][0], apart[1][0]), np.minimum(apart[0][1], apart[1][1]))
        return dict(zip(DIFFERENCES, (*parity, *odds), strict=True))

    point, draws = between(values), between(drawn)
    parity = weakest_support(frame, list(enough), support_of_rows)
    odds = weakest_support(frame, [name for name, is_told in enough.items() if is_told], Support.of)
    support = {name: parity if name.startswith("demographic") else odds for name in DIFFERENCES}
    return {
        name: None
        if (resting := support[name]) is None
        else percentile_interval(float(point[name]), draws[name], config.confidence, resting).to_dict()
        for name in DIFFERENCES
    }


def _apart(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest less smallest, and smallest over largest, over the first axis; ratio 1 where all are 0."""
    if not len(rates):
        nothing = np.full(rates.shape[1:], np.nan)
        return nothing, nothing
    high, low = rates.max(axis=0), rates.min(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return high - low, np.where(high > 0, low / high, np.where(np.isnan(high), np.nan, 1.0))


def weakest_support(frame: pd.DataFrame, names: Sequence[str], of: Callable[[pd.DataFrame], Support]) -> Support | None:
    """What a difference between these groups rests on: the fewest accounts of any; None of fewer than two groups."""
    if len(names) < 2:
        return None
    return Support(_converting(frame), min(of(frame[frame["group"] == name]).accounts for name in names))


def support_of_rows(frame: pd.DataFrame) -> Support:
    """Of what needs no conversion: the converting leads, for the record, and all accounts of the rows."""
    return Support(_converting(frame), int(frame["account_id"].nunique(dropna=False)))


def _converting(frame: pd.DataFrame, name: str | None = None) -> int:
    rows = frame if name is None else frame[frame["group"] == name]
    return Support.of(rows).leads
