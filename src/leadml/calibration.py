"""Margins to probabilities: one line in log-odds, so that contributions stay exact; and the evidence that it holds."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
import pandas as pd
from scipy.special import expit, logit

SMALLEST = 1e-12  # probabilities stay within [SMALLEST, 1 - SMALLEST], so that their log-odds are finite
MIN_SLOPE = 0.05  # a calibrator never turns the model's order round; a slope at this floor is reported
SLOPE_PENALTY = 4.0  # a normal prior on the slope, mean 1 (the model as it is), standard deviation 1 / sqrt(4)
PRIOR_CONVERSIONS = 20.0  # how many converting leads the training rate is worth against the recent one


@dataclass(frozen=True)
class Calibrator:
    """Calibrated log-odds = slope * margin + intercept."""

    slope: float
    intercept: float

    def log_odds(self, margin: np.ndarray) -> np.ndarray:
        """Calibrated natural log-odds (n,) of the model's margins (n,)."""
        return self.slope * np.asarray(margin, dtype=np.float64) + self.intercept

    def probability(self, margin: np.ndarray) -> np.ndarray:
        """Calibrated P(conversion in the horizon) (n,), never exactly 0 or 1."""
        return np.clip(expit(self.log_odds(margin)), SMALLEST, 1 - SMALLEST)

    def to_dict(self) -> dict[str, float]:
        """Plain values for JSON."""
        return {"slope": self.slope, "intercept": self.intercept}


class Form(Enum):
    """Where the slope comes from; the intercept always reproduces the base rate."""

    identity = "identity"  # slope 1
    temperature = "temperature"  # fitted, as if the intercept were 0
    sigmoid = "sigmoid"  # fitted together with an intercept


@dataclass(frozen=True)
class BaseRate:
    """The rate that the intercept reproduces, and what it was made of.

    ``recent`` is the matured rate with newer labels weighted more, ``prior`` the plain training rate;
    ``conversions`` counts distinct converting leads behind ``recent``, ``effective`` the same weighted.
    """

    rate: float
    recent: float
    prior: float
    conversions: int
    effective: float


def fit_sigmoid(margin: np.ndarray, label: np.ndarray, weight: np.ndarray | None = None) -> Calibrator:
    """Slope and intercept by penalised maximum likelihood (n,), (n,), (n,).

    Platt's smoothed targets, t+ = (N+ + 1) / (N+ + 2) and t- = 1 / (N- + 2) (Platt 1999; Lin, Lin and Weng 2007), a
    normal prior around slope 1 with standard deviation 0.5, and a slope of at least `MIN_SLOPE` (then the intercept is
    refitted at that slope). Newton steps with halving, from slope 1.
    """
    weight = np.ones(len(margin)) if weight is None else np.asarray(weight, dtype=np.float64)
    positive = float(weight[label == 1].sum())
    negative = float(weight.sum()) - positive
    target = np.where(label == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))
    margin = np.asarray(margin, dtype=np.float64)
    slope, intercept = 1.0, recentre(margin, weight, (positive + 0.5) / (positive + negative + 1))
    value = _penalised(slope, intercept, margin, target, weight)
    for _ in range(50):
        step_slope, step_intercept = _newton_step(slope, intercept, margin, target, weight)
        size = 1.0
        while size > 1e-6:
            tried = _penalised(slope + size * step_slope, intercept + size * step_intercept, margin, target, weight)
            if tried <= value:
                break
            size /= 2
        else:
            break
        slope, intercept = slope + size * step_slope, intercept + size * step_intercept
        gained, value = value - tried, tried
        if gained <= 1e-10 * (1 + abs(value)):
            break
    if slope < MIN_SLOPE:
        return Calibrator(MIN_SLOPE, recentre(MIN_SLOPE * margin, weight, float(np.average(target, weights=weight))))
    return Calibrator(float(slope), float(intercept))


def fit_form(form: Form, margin: np.ndarray, label: np.ndarray, weight: np.ndarray) -> float:
    """The slope by the form, of margins, labels and weights (n,) each."""
    if form is Form.identity:
        return 1.0
    return (fit_temperature if form is Form.temperature else fit_sigmoid)(margin, label, weight).slope


def fit_temperature(margin: np.ndarray, label: np.ndarray, weight: np.ndarray | None = None) -> Calibrator:
    """Slope alone (n,), (n,), (n,), by penalised maximum likelihood; intercept 0 (Guo et al. 2017, for two classes).

    The same normal prior around slope 1 as `fit_sigmoid`, and the same floor. Newton steps on a convex function.
    """
    weight = np.ones(len(margin)) if weight is None else np.asarray(weight, dtype=np.float64)
    margin, slope = np.asarray(margin, dtype=np.float64), 1.0
    for _ in range(50):
        p = expit(slope * margin)
        gradient = float((weight * (p - label)) @ margin) + SLOPE_PENALTY * (slope - 1)
        step = -gradient / (float((weight * p * (1 - p)) @ margin**2) + SLOPE_PENALTY)
        slope = max(slope + step, MIN_SLOPE)
        if abs(step) <= 1e-10:
            break
    return Calibrator(float(slope), 0.0)


def recentre(log_odds: np.ndarray, weight: np.ndarray, rate: float) -> float:
    """The shift that, added to ``log_odds`` (n,), makes the weighted mean probability equal ``rate`` in (0, 1).

    Newton steps on an increasing function, held within a bracket that each of them narrows, to 1e-12.
    """
    low = float(logit(rate) - np.max(log_odds))
    high = float(logit(rate) - np.min(log_odds))
    total, at = weight.sum(), (low + high) / 2
    while high - low > 1e-12 * (1 + abs(low) + abs(high)):
        p = expit(log_odds + at)
        excess = float(weight @ p) / total - rate
        low, high = (at, high) if excess < 0 else (low, at)
        step = excess * total / max(float(weight @ (p * (1 - p))), 1e-300)
        if abs(step) <= 1e-12 * (1 + abs(at)):
            break
        at = at - step if low < at - step < high else (low + high) / 2
    return at


def recency_weights(cutoff: pd.Series, last: pd.Timestamp | None, half_life_days: float) -> np.ndarray:
    """Weights (n,) that halve with every ``half_life_days`` before ``last``; all 1 where there are no times."""
    if last is None or cutoff.isna().all():
        return np.ones(len(cutoff))
    age = (last - cutoff).to_numpy(dtype="timedelta64[us]").astype(np.float64) / 86_400e6
    return np.exp2(-age / half_life_days)


def estimate_base_rate(label: np.ndarray, lead: np.ndarray, weight: np.ndarray, prior: float) -> BaseRate:
    """The matured base rate: newer labels weigh more, shrunk towards the training rate ``prior`` in (0, 1).

    Beta-binomial in units of distinct converting leads, because rows of one lead are not independent. With ``c`` the
    converting leads, each counted once with the largest weight of its converting rows, and ``r`` the weighted rate,
    the evidence is worth ``c / r`` leads and the prior 20 / ``prior`` leads::

        rate = (c + 20) / (c / r + 20 / prior)

    Without any conversion in ``label`` the evidence is worth its leads, each with its largest weight.
    """
    converted = label == 1
    by_lead = pd.Series(weight[converted]).groupby(lead[converted]).max()
    effective = float(by_lead.sum())
    recent = float(np.average(label, weights=weight))
    evidence = effective / recent if recent > 0 else float(pd.Series(weight).groupby(lead).max().sum())
    rate = (effective + PRIOR_CONVERSIONS) / (evidence + PRIOR_CONVERSIONS / prior)
    return BaseRate(float(rate), recent, float(prior), len(by_lead), effective)


def calibration_bins(p: np.ndarray, y: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Bins of about equal numbers of rows, equal probabilities kept together.

    Columns: ``low`` and ``high`` (smallest and largest probability), ``rows``, ``conversions`` (converted rows),
    ``mean_probability``, ``rate``. Sorted by probability; at most ``bins`` rows.
    """
    frame = pd.DataFrame({"bin": bin_codes(p, bins), "p": p, "y": y})
    table = frame.groupby("bin", sort=True).agg(
        low=("p", "min"),
        high=("p", "max"),
        rows=("p", "size"),
        conversions=("y", "sum"),
        mean_probability=("p", "mean"),
        rate=("y", "mean"),
    )
    return table.reset_index(drop=True)


def calibration_error(p: np.ndarray, y: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error over equal-mass bins: the mean over rows of |mean probability - rate| of their bin."""
    p = np.asarray(p, dtype=np.float64)
    apart = np.bincount(bin_codes(p, bins), weights=p - np.asarray(y, dtype=np.float64))
    return float(np.abs(apart).sum() / len(p))


def bin_codes(p: np.ndarray, bins: int) -> np.ndarray:
    """The bin (n,) of each probability, from 0: about equal numbers of rows, equal probabilities kept together."""
    edges = np.unique(np.quantile(p, np.arange(1, bins) / bins, method="inverted_cdf"))
    return np.unique(np.searchsorted(edges, p, side="left"), return_inverse=True)[1]


def _penalised(slope: float, intercept: float, margin: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
    z = slope * margin + intercept
    return float(weight @ (np.logaddexp(0, z) - target * z)) + SLOPE_PENALTY / 2 * (slope - 1) ** 2


def _newton_step(
    slope: float, intercept: float, margin: np.ndarray, target: np.ndarray, weight: np.ndarray
) -> tuple[float, float]:
    p = expit(slope * margin + intercept)
    error, curve = weight * (p - target), weight * p * (1 - p)
    gradient = np.array([error @ margin + SLOPE_PENALTY * (slope - 1), error.sum()])
    cross = curve @ margin
    hessian = np.array([[curve @ margin**2 + SLOPE_PENALTY, cross], [cross, curve.sum() + 1e-9]])
    step = -np.linalg.solve(hessian, gradient)
    return float(step[0]), float(step[1])
