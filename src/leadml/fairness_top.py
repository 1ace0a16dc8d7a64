"""Who is in the best tenth of each list, by group: what a threshold that selects everybody cannot tell."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from leadml.bootstrap import BootstrapConfig, percentile_interval
from leadml.fairness import chance_apart, draw_rates, frame_rates, support_of_rows, weakest_support
from leadml.groups import Groups

TOP = 0.10  # of each list
NEARLY = 0.01  # so near to nobody or to everybody no difference of selection is told
PARITY = ("demographic_parity_difference", "demographic_parity_ratio")


def audit_top(test: pd.DataFrame, groups: Groups, told: Sequence[str], config: BootstrapConfig) -> dict[str, Any]:
    """The share of each group in the top tenth of the lists, and how far apart the shares are.

    Args:
        test: ``list``, ``lead_id``, ``account_id``, ``label`` (0 or 1), ``probability``; rows (n,).
        groups: of the same rows.
        told: names of those that are large enough to be told.
        config: draws, confidence, seed of the bootstrap by account.

    Returns:
        ``share``; ``rates`` by group as intervals; ``differences``: `PARITY` as intervals, None with fewer than two
        groups; ``chance``: how large the difference is by chance (`fairness.chance_apart`).
    """
    names = list(told)
    frame = test.assign(group=groups.of, selected=in_top(test, TOP))
    frame = frame[frame["group"].isin(names)].reset_index(drop=True)
    if not names:
        return {"share": TOP, "rates": {}, "differences": dict.fromkeys(PARITY), "chance": {}}
    support = {name: support_of_rows(frame[frame["group"] == name]) for name in names}
    weakest = weakest_support(frame, names, support_of_rows)
    value, drawn = (r["selection_rate"] for r in (frame_rates(frame, names), draw_rates(frame, names, config)))
    point, draws = _parity(value), _parity(drawn)
    chance = chance_apart(frame, names, [False] * len(names), config.seed) if len(names) > 1 else {}
    return {
        "share": TOP,
        "rates": {
            name: percentile_interval(float(value[k]), drawn[k], config.confidence, support[name]).to_dict()
            for k, name in enumerate(names)
        },
        "differences": {
            name: None
            if weakest is None
            else percentile_interval(float(point[name]), draws[name], config.confidence, weakest).to_dict()
            for name in PARITY
        },
        "chance": {name: high for name, high in chance.items() if name in PARITY},
    }


def in_top(test: pd.DataFrame, share: float) -> np.ndarray:
    """Which rows (n, bool) are in the top ``share`` of their ``list`` by ``probability``; ties go by ``lead_id``."""
    order = test.reset_index(drop=True).sort_values(["list", "probability", "lead_id"], ascending=[True, False, True])
    by = order.groupby("list", sort=False, dropna=False)
    top = np.zeros(len(test), dtype=bool)
    top[order.index[by.cumcount() < np.ceil(share * by["lead_id"].transform("size"))]] = True
    return top


def nearly_all_or_none(groups: Sequence[Mapping[str, Any]]) -> str | None:
    """Whether nearly "all" or nearly "none" of every group (`fairness.audit_groups`) is selected; else None."""
    rates = [group["selection_rate"]["value"] for group in groups]
    if rates and min(rates) >= 1 - NEARLY:
        return "all"
    return "none" if rates and max(rates) <= NEARLY else None


def _parity(rates: np.ndarray) -> dict[str, np.ndarray]:
    """`PARITY` of shares (groups, ...) over the first axis; the ratio is 1 where all are 0."""
    high, low = rates.max(axis=0), rates.min(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return dict(zip(PARITY, (high - low, np.where(high == 0, 1.0, low / high)), strict=True))
