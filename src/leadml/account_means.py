"""Means over rows with intervals by drawing accounts, the same draws for all, so that differences are paired."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from leadml.bootstrap import BootstrapConfig, Interval, Support, draw_weights, percentile_interval

Key = TypeVar("Key")


def bootstrap_ratios(
    ratios: Mapping[Key, tuple[np.ndarray, np.ndarray]],
    account: np.ndarray,
    group: np.ndarray,
    support: Support,
    config: BootstrapConfig,
    minus: Mapping[Key, tuple[Key, Key]] | None = None,
) -> dict[Key, Interval]:
    """The percentile intervals of `draw_ratios`; ``support``: what the figures rest on."""
    return {
        name: percentile_interval(float(found[0]), found[1:], config.confidence, support)
        for name, found in draw_ratios(ratios, account, group, config, minus).items()
    }


def draw_ratios(
    ratios: Mapping[Key, tuple[np.ndarray, np.ndarray]],
    account: np.ndarray,
    group: np.ndarray,
    config: BootstrapConfig,
    minus: Mapping[Key, tuple[Key, Key]] | None = None,
) -> dict[Key, np.ndarray]:
    """Sum of numerators over sum of denominators within each group of rows, averaged over the groups.

    Args:
        ratios: numerator (n,) and denominator (n,) of every row, by name; a mean is (values, ones), a weighted one
            (weight * values, weight).
        account: (n,) whose rows are drawn together (Poisson(1) weights, as in `bootstrap`).
        group: (n,) the list that each row belongs to; one value for all pools them.
        config: draws and seed.
        minus: further figures by name, each the first ratio of the pair less the second.

    Returns:
        By name (1 + draws,): the figure itself, then the draws; groups whose denominator is 0 are left out of a draw's
        average.
    """
    (groups, lists), (accounts, names) = pd.factorize(group, sort=True), pd.factorize(account, sort=True)
    shape = (len(lists), len(names))
    sums = {
        name: [csr_matrix((part, (groups, accounts)), shape=shape) for part in parts] for name, parts in ratios.items()
    }
    blocks = [np.ones((len(names), 1)), *draw_weights(len(names), config.draws, config.seed)]
    values = {name: np.concatenate([_means(parts, block) for block in blocks]) for name, parts in sums.items()}
    return values | {name: values[one] - values[other] for name, (one, other) in (minus or {}).items()}


def _means(parts: list[csr_matrix], weights: np.ndarray) -> np.ndarray:
    """Mean over groups (draws,) of the ratio under account weights (accounts, draws)."""
    top, bottom = parts[0] @ weights, parts[1] @ weights
    there = bottom > 0
    ratio = np.divide(top, bottom, out=np.zeros_like(top), where=there)
    count = there.sum(axis=0)
    return np.divide(ratio.sum(axis=0), count, out=np.full(count.shape, np.nan), where=count > 0)
