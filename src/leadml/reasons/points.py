"""Contributions in the score's own unit, and their sums by family."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from leadml.errors import ArtifactError
from leadml.features.dictionary import Feature
from leadml.schema import FAMILIES

POINTS_PER_LOG_ODD = 10 / math.log(2)  # ten points double the odds (design section 5)


def explain_points(
    contributions: np.ndarray, base: float, slope: float, intercept: float, p50: float
) -> tuple[float, np.ndarray]:
    """SHAP values of the margin as points of the score (design section 5).

    With log odds(p) = slope * margin + intercept and margin = base + contributions, ``base_points + points.sum(1)`` is
    50 + 10 * log2(odds(p) / odds(p50)), the score before it is clipped to 0-100.

    Args:
        contributions: (n, k) SHAP values on the margin.
        base: expected margin, SHAP's base value.
        slope: of the calibrator.
        intercept: of the calibrator.
        p50: the probability that scores 50, in (0, 1).

    Returns:
        base points, and (n, k) float64 points.

    Raises:
        ArtifactError: p50 outside (0, 1), or a number that is not finite.
    """
    if not 0 < p50 < 1:
        raise ArtifactError(f"score scale: p50={p50} must be between 0 and 1, ends excluded; retrain to fix the scale")
    contributions = np.asarray(contributions, dtype=np.float64)
    if not (np.isfinite([base, slope, intercept]).all() and np.isfinite(contributions).all()):
        raise ArtifactError("contributions or calibration hold numbers that are not finite; the scorer is damaged")
    base_points = 50 + POINTS_PER_LOG_ODD * (slope * base + intercept - math.log(p50 / (1 - p50)))
    return base_points, POINTS_PER_LOG_ODD * slope * contributions


def family_points(points: np.ndarray, features: Sequence[Feature]) -> pd.DataFrame:
    """Points summed by family: n rows, columns firmographic, behaviour, timing, channel (0 where none belongs).

    Raises:
        ArtifactError: points and features do not fit, or a feature's family is none of the four.
    """
    check_fit(points, features)
    unknown = sorted({f.family for f in features} - set(FAMILIES))
    if unknown:
        raise ArtifactError(f"features of unknown families {unknown}; known are {', '.join(FAMILIES)}")
    # Feature by feature: numpy sums a row in another order where it is the only one, and a lead's points may not depend
    # on who else is on the list.
    sums = {name: np.zeros(len(points)) for name in FAMILIES}
    for j, feature in enumerate(features):
        sums[feature.family] += points[:, j]
    return pd.DataFrame(sums)


def family_shares(points: np.ndarray, features: Sequence[Feature]) -> pd.DataFrame:
    """How far each family moves a lead's score, up or down, on average, and its share of the whole.

    Returns:
        four rows indexed by family: mean_points (mean absolute sum of the family's points), share (they sum to 1; 0
        where no feature moves anything).
    """
    mean = family_points(points, features).abs().mean() if len(points) else pd.Series(0.0, index=list(FAMILIES))
    return pd.DataFrame({"mean_points": mean, "share": mean / mean.sum() if mean.sum() > 0 else 0.0})


def check_fit(points: np.ndarray, features: Sequence[Feature]) -> None:
    """Raise `ArtifactError` unless points has a column for each feature."""
    if points.ndim != 2 or points.shape[1] != len(features):
        raise ArtifactError(f"points of shape {points.shape} for {len(features)} features; the scorer does not fit")
