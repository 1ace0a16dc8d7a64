"""What the model must beat, on the same rows: constant rate, points, recency, logistic regression.

Every baseline gets the base rate that the model's intercept reproduces, so that it loses or wins by what it knows of
the leads and not by the drift of the rate between training and test.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

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


def build_baselines(
    train: BaselineRows, test: BaselineRows, logistic: Model | None, card: Sequence[PointRule], rate: float
) -> tuple[dict[str, Baseline], tuple[str, ...]]:
    """All baselines that the data allow, fitted on ``train``, and notes on those left out.

    ``constant`` comes first. ``rate`` is the base rate that every baseline reproduces on the training lists;
    ``logistic`` was fitted on the training rows (None: they have one outcome only), ``card`` is the team's scorecard.
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
    odds = score_logistic(train, test, logistic, rate)
    found["logistic"] = Baseline(odds, _probability(odds))
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


def score_logistic(train: BaselineRows, test: BaselineRows, model: Model, rate: float) -> np.ndarray:
    """Log-odds (m,) of the test rows, moved so that the mean probability of the training lists is ``rate``."""
    listed = train.listed if train.listed.any() else np.ones(len(train.X), dtype=bool)
    odds = model.margins(train.X[listed])
    return model.margins(test.X) + recentre(odds, np.ones(len(odds)), rate)


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
    shift = recentre(model.decision_function(((fitted - centre) / spread)[:, None]), np.ones(len(fitted)), rate)
    return _probability(model.decision_function(((test_score - centre) / spread)[:, None]) + shift)


def _probability(log_odds: np.ndarray) -> np.ndarray:
    return np.clip(expit(log_odds), SMALLEST, 1 - SMALLEST)
