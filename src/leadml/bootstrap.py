"""Intervals by drawing accounts: rows of one company, and of one lead in many lists, rise and fall together.

Every draw gives each account a Poisson(1) weight (the Poisson bootstrap, Hanley and MacGibbon 2006; Chamandy et al.
2012), and all figures of all scorers are computed under the same weights, so that differences are paired.

Intervals are percentiles of the draws, but for average precision: a draw that counts converted rows twice has them
tied, which raises it, so its draws lie above it. It gets the normal interval about the figure itself, which held what
it should in more simulated companies than percentiles, reflected or bias-corrected ones (benchmarks/README.md). Money a
worked lead, skewed and the less certain the larger it is, gets a normal interval of its logarithm.

Draws without a converted row have no ranking figure. Where one account holds all conversions, those that are left all
count it and hardly vary, and the least certain interval would be the tightest: below `FEWEST_ACCOUNTS` there is none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.special import ndtri

from leadml.metrics import FIGURES, plain_number, score_lists, weighted_figures

if TYPE_CHECKING:  # scoring reads no configuration
    from leadml.config import TrainConfig

MOST_WEIGHTS = 8_000_000  # account weights held at a time (64 MB)
RAISED = ("average_precision",)  # figures whose draws lie above them
FEWEST_ACCOUNTS = 5  # distinct converting accounts that an interval must rest on


@dataclass(frozen=True)
class Support:
    """What figures rest on: distinct converting leads, and distinct accounts of the rows that decide."""

    leads: int
    accounts: int

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Self:
        """Of conversions: rows with ``lead_id``, ``account_id`` and ``label`` (0 or 1)."""
        converted = frame.loc[frame["label"] == 1]
        return cls(int(converted["lead_id"].nunique()), int(converted["account_id"].nunique(dropna=False)))

    @property
    def few(self) -> bool:
        """Whether these are too few accounts for an interval."""
        return self.accounts < FEWEST_ACCOUNTS


@dataclass(frozen=True)
class Interval:
    """A figure, its interval, and how many distinct converting leads it rests on; None: does not exist."""

    value: float | None
    low: float | None
    high: float | None
    conversions: int

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class BootstrapConfig:
    """Number of draws, confidence of the intervals in (0, 1), seed."""

    draws: int
    confidence: float
    seed: int

    @classmethod
    def of(cls, train: "TrainConfig", seed: int) -> Self:
        """As the settings of training have it."""
        return cls(train.bootstrap, train.confidence, seed)


Scores = Mapping[str, tuple[np.ndarray, np.ndarray]]  # scorer: (score that orders, probability), each (n,)


def draw_weights(accounts: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Poisson(1) weights in blocks (accounts, some draws), ``draws`` columns in all; the same whatever the blocks."""
    generator = np.random.default_rng(seed)
    size = max(1, min(draws, MOST_WEIGHTS // max(accounts, 1)))
    for start in range(0, draws, size):
        block = generator.poisson(1.0, (min(size, draws - start), accounts))
        yield np.ascontiguousarray(block.T, dtype=np.float64)


def bootstrap_scores(frame: pd.DataFrame, scores: Scores, config: BootstrapConfig) -> dict[str, dict[str, Any]]:
    """Every figure of every scorer with its interval, and the paired differences of the first scorer with the others.

    Args:
        frame: ``list``, ``lead_id``, ``account_id``, ``label`` (0 or 1); rows (n,).
        scores: the scorers, the one that is judged first.
        config: draws, confidence, seed.

    Returns:
        ``{"scorers": {scorer: {figure: interval}}, "differences": {other: {figure: interval}}}``; a difference is
        first minus other; intervals as `Interval.to_dict`, without ends below `FEWEST_ACCOUNTS` converting accounts.
    """
    tables = {name: score_lists(frame, score, probability) for name, (score, probability) in scores.items()}
    accounts = next(iter(tables.values())).accounts
    values = {name: weighted_figures(table, np.ones((accounts, 1))) for name, table in tables.items()}
    blocks = [
        {name: weighted_figures(table, weights) for name, table in tables.items()}
        for weights in draw_weights(accounts, config.draws, config.seed)
    ]
    draws = {
        name: {figure: np.concatenate([block[name][figure] for block in blocks]) for figure in FIGURES}
        for name in tables
    }
    support = Support.of(frame)

    def told(figure: str, value: np.ndarray, drawn: np.ndarray, least: float = 0.0) -> dict[str, Any]:
        if figure in RAISED:
            return normal_interval(value[0], drawn, (least, 1.0), config.confidence, support).to_dict()
        return percentile_interval(value[0], drawn, config.confidence, support).to_dict()

    first = next(iter(tables))
    return {
        "scorers": {
            name: {figure: told(figure, values[name][figure], draws[name][figure]) for figure in FIGURES}
            for name in tables
        },
        "differences": {
            name: {
                figure: told(
                    figure,
                    values[first][figure] - values[name][figure],
                    draws[first][figure] - draws[name][figure],
                    -1.0,
                )
                for figure in FIGURES
            }
            for name in tables
            if name != first
        },
    }


def percentile_interval(value: float, draws: np.ndarray, confidence: float, support: Support) -> Interval:
    """Percentile interval of the draws (m,).

    No interval where the value or over half of the draws do not exist, or where the support is too few accounts.
    """
    known = draws[np.isfinite(draws)]
    if _without_ends(value, known, draws, support):
        return Interval(plain_number(value), None, None, support.leads)
    tail = (1 - confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return Interval(float(value), float(low), float(high), support.leads)


def normal_interval(
    value: float, draws: np.ndarray, ends: tuple[float, float], confidence: float, support: Support
) -> Interval:
    """The value and the draws' standard deviation, within ``ends`` (Efron and Tibshirani 1993, section 13.3).

    No interval where `percentile_interval` has none.
    """
    known = draws[np.isfinite(draws)]
    if _without_ends(value, known, draws, support):
        return Interval(plain_number(value), None, None, support.leads)
    half = float(ndtri((1 + confidence) / 2) * known.std(ddof=1)) if len(known) > 1 else 0.0
    return Interval(float(value), float(max(value - half, ends[0])), float(min(value + half, ends[1])), support.leads)


def log_interval(value: float, draws: np.ndarray, confidence: float, support: Support) -> Interval:
    """The normal interval of a positive figure's logarithm: value times and over exp(z s / value), s that of the draws.

    s, their standard deviation, over the value is the standard error of the logarithm (delta method); draws of 0 are no
    obstacle. No interval where `percentile_interval` has none, percentiles where the value is not positive.
    """
    known = draws[np.isfinite(draws)]
    if not value > 0 or len(known) < 2 or _without_ends(value, known, draws, support):
        return percentile_interval(value, draws, confidence, support)
    factor = float(np.exp(ndtri((1 + confidence) / 2) * known.std(ddof=1) / value))
    return Interval(float(value), float(value) / factor, float(value) * factor, support.leads)


def _without_ends(value: float, known: np.ndarray, draws: np.ndarray, support: Support) -> bool:
    return bool(np.isnan(value)) or 2 * len(known) <= len(draws) or support.few
