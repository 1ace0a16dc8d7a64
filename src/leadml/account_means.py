"""Means over rows with intervals by drawing accounts, the same draws for all, so that differences are paired."""

from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_matrix

from leadml.bootstrap import BootstrapConfig, Interval, draw_weights, percentile_interval

Ratios = Mapping[str, tuple[np.ndarray, np.ndarray]]  # name: (numerator (n,), denominator (n,)) of every row


def bootstrap_ratios(
    ratios: Ratios,
    account: np.ndarray,
    group: np.ndarray,
    conversions: int,
    config: BootstrapConfig,
    minus: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, Interval]:
    """Sum of numerators over sum of denominators within each group of rows, averaged over the groups.

    Args:
        ratios: by name; a mean is (values, ones), a weighted one (weight * values, weight).
        account: (n,) whose rows are drawn together (Poisson(1) weights, as in `bootstrap`).
        group: (n,) the list that each row belongs to; one value for all pools them.
        conversions: distinct converting leads behind the figures.
        config: draws, confidence, seed.
        minus: further figures by name, each the first ratio of the pair less the second.

    Returns:
        Intervals by name; groups whose denominator is 0 are left out of a draw's average.
    """
    codes, groups = np.unique(group, return_inverse=True)[1], len(np.unique(group))
    accounts, distinct = np.unique(account, return_inverse=True)[1], len(np.unique(account))
    sums = {
        name: [csr_matrix((part, (codes, accounts)), shape=(groups, distinct)) for part in parts]
        for name, parts in ratios.items()
    }
    blocks = [np.ones((distinct, 1)), *draw_weights(distinct, config.draws, config.seed)]
    values = {name: np.concatenate([_means(parts, block) for block in blocks]) for name, parts in sums.items()}
    values |= {name: values[one] - values[other] for name, (one, other) in (minus or {}).items()}
    return {
        name: percentile_interval(float(found[0]), found[1:], config.confidence, conversions)
        for name, found in values.items()
    }


def _means(parts: list[csr_matrix], weights: np.ndarray) -> np.ndarray:
    """Mean over groups (draws,) of the ratio under account weights (accounts, draws)."""
    top, bottom = parts[0] @ weights, parts[1] @ weights
    there = bottom > 0
    ratio = np.divide(top, bottom, out=np.zeros_like(top), where=there)
    count = there.sum(axis=0)
    return np.divide(ratio.sum(axis=0), count, out=np.full(count.shape, np.nan), where=count > 0)
