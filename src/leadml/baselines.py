"""What the model must beat, on the same rows: constant rate, points, recency, logistic regression.

All but the constant get the model's own mean probability on the test rows (`Baseline.at_level`), so that they lose or
win by what they know of the leads and not by the drift of the rate between training and test. No label is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from leadml.calibration import SMALLEST, recentre
from leadml.encoding import number_values
from leadml.models import Model
from leadml.models.points import FEWEST_FEATURES, count_points
from leadml.scorecard import PointRule

NEVER_DAYS = 3650.0  # recency of a lead that never did anything


@dataclass(frozen=True)
class BaselineRows:
    """Rows of one part: the snapshots (n), their features (n) and which of them are rows of a list (n, bool)."""

    snapshots: pd.DataFrame
    X: pd.DataFrame
    listed: np.ndarray

    @property
    def label(self) -> np.ndarray:
        """0 or 1 (n,), float64."""
        return self.snapshots["label"].to_numpy(dtype=np.float64)


@dataclass(frozen=True)
class Baseline:
    """A baseline on the test rows: ``score`` orders, ``probability`` is its P(conversion in the horizon)."""

    score: np.ndarray
    probability: np.ndarray

    def at_level(self, mean: float) -> "Baseline":
        """The same with all log-odds moved by as much as gives the probabilities this mean, in (0, 1)."""
        odds = logit(self.probability)
        return replace(self, probability=_probability(odds + recentre(odds, np.ones(len(odds)), mean)))


def build_baselines(
    train: BaselineRows, test: BaselineRows, logistic: Model | None, card: Sequence[PointRule], rate: float
) -> tuple[dict[str, Baseline], tuple[str, ...]]:
    """All baselines that the data allow, fitted on ``train``, and notes on those left out.

    ``constant`` comes first, with the base rate ``rate``; the level of the others is that of training. ``logistic`` was
    fitted on the training rows (None: they have one outcome only), ``card`` is the team's scorecard.
    """
    size = len(test.snapshots)
    found = {"constant": Baseline(np.zeros(size), np.full(size, rate))}
    notes = []
    for name, (fitted, scored), reason in (
        (
            "points",
            (count_points(train.X, card), count_points(test.X, card)),
            f"fewer than {FEWEST_FEATURES} features that the scorecard knows",
        ),
        ("recency", (score_recency(train), score_recency(test)), "no time of the last touchpoint and no age"),
    ):
        if fitted is None or scored is None:
            notes.append(f"baseline {name} is not available: {reason}")
            continue
        found[name] = Baseline(scored, _one_dimension(fitted, train, scored, rate))
    if logistic is None:
        return found, (*notes, "baseline logistic is not available: one outcome only in training")
    found["logistic"] = margins_baseline(logistic.margins(test.X))
    return found, tuple(notes)


def score_recency(rows: BaselineRows) -> np.ndarray | None:
    """Minus log(1 + days since the lead last did something), or its age where that is unknown; None without either.

    Leads that never did anything count as ten years ago.
    """
    days = rows.X["recency_lead_days"] if "recency_lead_days" in rows.X else rows.snapshots["age_days"]
    values = number_values(days)
    if np.isnan(values).all():
        return None
    return -np.log1p(np.clip(np.nan_to_num(values, nan=NEVER_DAYS), 0, NEVER_DAYS))


def margins_baseline(margins: np.ndarray) -> Baseline:
    """A fitted model's log-odds (n,) of the test rows as a baseline."""
    return Baseline(margins, _probability(margins))


def _one_dimension(score: np.ndarray, train: BaselineRows, test_score: np.ndarray, rate: float) -> np.ndarray:
    """Probabilities of the test rows by a logistic curve through the score, fitted on the training lists."""
    from sklearn.linear_model import LogisticRegression

    listed = train.listed if 0 < train.label[train.listed].mean() < 1 else np.ones(len(score), dtype=bool)
    fitted, label = score[listed], train.label[listed]
    spread = float(fitted.std())
    if fitted.min() == fitted.max() or not 0 < label.mean() < 1:
        return np.full(len(test_score), rate)
    centre = float(fitted.mean())
    model = LogisticRegression(C=1.0, solver="newton-cholesky").fit(((fitted - centre) / spread)[:, None], label)
    return _probability(model.decision_function(((test_score - centre) / spread)[:, None]))


def _probability(log_odds: np.ndarray) -> np.ndarray:
    return np.clip(expit(log_odds), SMALLEST, 1 - SMALLEST)
