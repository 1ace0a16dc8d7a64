"""What of the conversions, or of the money, lay in the top shares of the lists, with intervals by account."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leadml.bootstrap import BootstrapConfig, Scores, Support, draw_weights, percentile_interval
from leadml.metrics import captured_by_list, score_lists

Over = Callable[[np.ndarray, np.ndarray], np.ndarray]  # caught and held (lists, draws) twice to shares (draws,)


def mean_over_lists(caught: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Share of what each list holds, averaged over the lists that hold some: (lists, draws) twice to (draws,)."""
    known = held > 0
    counts = known.sum(axis=0)
    shares = np.where(known, caught / np.where(known, held, 1), 0).sum(axis=0)
    return np.where(counts > 0, shares / np.maximum(counts, 1), np.nan)


def over_all_lists(caught: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Share of what all lists hold together: (lists, draws) twice to (draws,)."""
    total = held.sum(axis=0)
    return np.where(total > 0, caught.sum(axis=0) / np.where(total > 0, total, 1), np.nan)


@dataclass(frozen=True)
class Captured:
    """What of a value lay in the top ``shares`` of the lists. The first draw is the value itself, then come the draws.

    ``caught`` by scorer (shares, lists, 1 + draws), ``held`` (lists, 1 + draws), ``support`` the distinct leads
    and accounts with a value above 0: converting ones where it is the label, those with an amount where it is money.
    """

    shares: tuple[float, ...]
    caught: Mapping[str, np.ndarray]
    held: np.ndarray
    confidence: float
    support: Support

    def share(self, share: float, over: Over) -> dict[str, Any]:
        """What lay in the top ``share``: ``scorers``, and ``differences``, model minus the other, paired."""
        return self._told({name: over(values[self._at(share)], self.held) for name, values in self.caught.items()})

    def rest(self, share: float, over: Over) -> dict[str, Any]:
        """The same of what lay below the top ``share``."""
        return self._told(
            {
                name: over(np.maximum(self.held - values[self._at(share)], 0.0), self.held)
                for name, values in self.caught.items()
            }
        )

    def _at(self, share: float) -> int:
        return self.shares.index(share)

    def _told(self, drawn: Mapping[str, np.ndarray]) -> dict[str, Any]:
        others = {name: drawn["model"] - values for name, values in drawn.items() if name != "model"}
        return {
            "scorers": {name: self._interval(values) for name, values in drawn.items()},
            "differences": {name: self._interval(values) for name, values in others.items()},
        }

    def _interval(self, values: np.ndarray) -> dict[str, Any]:
        return percentile_interval(values[0], values[1:], self.confidence, self.support).to_dict()


def draw_captured(
    test: pd.DataFrame, scores: Scores, value: np.ndarray, shares: Sequence[float], config: BootstrapConfig
) -> Captured:
    """What of ``value`` (n,), 0 or more, lay in the top shares, under the draws of `bootstrap.bootstrap_scores`.

    Args:
        test: ``list``, ``lead_id``, ``account_id``, ``label``; rows (n,).
        scores: the scorers, ``model`` among them.
        value: of each row, e.g. its label.
        shares: in (0, 1].
        config: draws, confidence, seed.
    """
    tables = {name: score_lists(test, *pair) for name, pair in scores.items()}
    segments = {name: table.segments_of(value) for name, table in tables.items()}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in tables}
    held = []
    for weights in _weights(next(iter(tables.values())).accounts, config):
        for name, found in segments.items():
            caught, total = captured_by_list(found, weights, shares)
            parts[name].append(caught)
        held.append(total)
    return Captured(
        shares=tuple(shares),
        caught={name: np.concatenate(blocks, axis=2) for name, blocks in parts.items()},
        held=np.concatenate(held, axis=1),
        confidence=config.confidence,
        support=Support.of(test.assign(label=value > 0)),
    )


def _weights(accounts: int, config: BootstrapConfig) -> Iterator[np.ndarray]:
    yield np.ones((accounts, 1))
    yield from draw_weights(accounts, config.draws, config.seed)
