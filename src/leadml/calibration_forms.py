"""Isotonic and beta calibration beside the line that scores: a diagnostic, never used for a score.

Fitted on the out-of-time stream as the line is, newer rows weighted more, and judged on the test.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

from leadml.bootstrap import BootstrapConfig, Support, draw_weights, percentile_interval
from leadml.calibration import SLOPE_PENALTY, SMALLEST
from leadml.metrics import loss_figures, score_lists

CURVE_POINTS = 41


class Form(Protocol):
    """What turns the probabilities that were said into others."""

    def probability(self, p: np.ndarray) -> np.ndarray:
        """(n,) in (0, 1) of probabilities (n,)."""


@dataclass(frozen=True)
class Isotonic:
    """A rising step function: values between the steps, straight; beyond them the outermost value."""

    x: np.ndarray
    value: np.ndarray

    def probability(self, p: np.ndarray) -> np.ndarray:
        """(n,) of probabilities (n,)."""
        return np.interp(p, self.x, self.value)


@dataclass(frozen=True)
class Beta:
    """Log-odds = a log p - b log(1 - p) + c (Kull, Silva Filho and Flach 2017), a and b of 0 or more."""

    a: float
    b: float
    c: float

    def probability(self, p: np.ndarray) -> np.ndarray:
        """(n,) of probabilities (n,)."""
        p = np.clip(p, SMALLEST, 1 - SMALLEST)
        return np.clip(expit(self.a * np.log(p) - self.b * np.log1p(-p) + self.c), SMALLEST, 1 - SMALLEST)


def fit_isotonic(p: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Isotonic:
    """Weighted isotonic regression of labels on probabilities (n,), (n,), (n,).

    Values stay within half a conversion in all rows and all but half of one: a block of rows without a conversion is no
    proof that there can be none, and a single lead would cost an endless log loss.
    """
    from sklearn.isotonic import IsotonicRegression

    edge = 0.5 / (len(y) + 1)
    found = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(p, y, sample_weight=weight)
    return Isotonic(np.asarray(found.X_thresholds_), np.asarray(found.y_thresholds_))


def fit_beta(p: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Beta:
    """Weighted logistic regression of labels on log p and -log(1 - p), both slopes of 0 or more.

    With the prior of the line's slope (mean 1, `SLOPE_PENALTY`) on both: a = b = 1, c = 0 leaves probabilities as they
    are, and where all are small -log(1 - p) hardly varies, so that without it b would be anything.
    """
    p = np.clip(p, SMALLEST, 1 - SMALLEST)
    columns = np.column_stack([np.log(p), -np.log1p(-p), np.ones(len(p))])

    def loss(found: np.ndarray) -> tuple[float, np.ndarray]:
        z = columns @ found
        apart = found[:2] - 1
        value = float(weight @ (np.logaddexp(0, z) - y * z)) + SLOPE_PENALTY / 2 * float(apart @ apart)
        gradient = columns.T @ (weight * (expit(z) - y))
        gradient[:2] += SLOPE_PENALTY * apart
        return value, gradient

    bounds = [(0, None), (0, None), (None, None)]
    a, b, c = minimize(loss, np.array([1.0, 1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds).x
    return Beta(float(a), float(b), float(c))


def judge_forms(
    stream: pd.DataFrame, test: pd.DataFrame, weight: np.ndarray, config: BootstrapConfig
) -> dict[str, dict[str, Any]]:
    """Both forms, fitted on the stream and judged on the test beside the probabilities that were said.

    Args:
        stream: ``probability`` and ``label``, out of time, of rows before the test's.
        test: ``list``, ``lead_id``, ``account_id``, ``label``, ``probability``.
        weight: of the stream's rows (n,).
        config: draws, confidence and seed of the paired bootstrap by account.

    Returns:
        For ``isotonic`` and ``beta``: ``log_loss`` and ``brier`` (intervals of the probabilities in use minus the form:
        above 0 the form would have been better), ``better`` (True or False where the log loss' interval lies on one
        side of 0, else None), and ``curve`` (``said`` and ``form`` over the test's range).
    """
    said, label = stream["probability"].to_numpy(np.float64), stream["label"].to_numpy(np.float64)
    forms: dict[str, Form] = {"isotonic": fit_isotonic(said, label, weight), "beta": fit_beta(said, label, weight)}
    p = test["probability"].to_numpy(dtype=np.float64)
    found = {name: paired_gain(test, form.probability(p), config) for name, form in forms.items()}
    grid = np.unique(
        np.concatenate([np.quantile(p, np.linspace(0, 1, CURVE_POINTS)), np.linspace(p.min(), p.max(), 9)])
    )
    return {
        name: {
            "log_loss": found[name]["log_loss"],
            "brier": found[name]["brier"],
            "better": one_side(found[name]["log_loss"]),
            "curve": [{"said": float(x), "form": float(q)} for x, q in zip(grid, form.probability(grid), strict=True)],
        }
        for name, form in forms.items()
    }


def paired_gain(test: pd.DataFrame, other: np.ndarray, config: BootstrapConfig) -> dict[str, dict[str, Any]]:
    """Log loss and Brier score of the test's probabilities less those of others (n,), paired, intervals by account.

    No interval where `bootstrap_scores` has none.
    """
    tables = [score_lists(test, p, p) for p in (test["probability"].to_numpy(dtype=np.float64), other)]
    accounts = tables[0].accounts

    def apart(weights: np.ndarray) -> dict[str, np.ndarray]:
        ours, theirs = (loss_figures(table, weights) for table in tables)
        return {name: ours[name] - theirs[name] for name in ours}

    values = apart(np.ones((accounts, 1)))
    blocks = [apart(weights) for weights in draw_weights(accounts, config.draws, config.seed)]
    draws = {name: np.concatenate([block[name] for block in blocks]) for name in values}
    support = Support.of(test)
    return {
        name: percentile_interval(value[0], draws[name], config.confidence, support).to_dict()
        for name, value in values.items()
    }


def one_side(gain: dict[str, Any]) -> bool | None:
    """Whether an interval lies above 0 (True) or below it (False); None where it holds 0 or does not exist."""
    if gain["low"] is None or gain["low"] <= 0 <= gain["high"]:
        return None
    return bool(gain["low"] > 0)
