"""Contributions told in points of the score, summed by family, and said in words: the one way to a lead's reasons.

Predict, explain, the report and the Python API all come through here. Every row is treated by itself (ties go to the
feature that comes first), so a lead's text does not depend on which other leads are scored with it. A reason says what
the score rests on; it never says what would change the outcome.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leadml.errors import ArtifactError, ConfigurationError
from leadml.features.dictionary import Feature, Kind
from leadml.numbers import NEVER, NOT_KNOWN, UNIT_WORDS, format_points, round_shown, value_words
from leadml.schema import FAMILIES

SMALLEST_REASON = 0.5  # points; below this a reason would be shown as 0
LONGEST_VALUE = 60  # characters of a category value in a reason
POINTS_PER_LOG_ODD = 10 / math.log(2)  # ten points double the odds (design section 5)
_BLOCK_ROWS = 65_536  # rows chosen at a time: bounds the working copy, changes no result
_OTHER = {"(other)": {"en": "other", "es": "otros"}}


@dataclass(frozen=True)
class ReasonsStyle:
    """How reasons are told: language "en" or "es", and how many at most for and against a lead."""

    language: str = "en"
    most_for: int = 5
    most_against: int = 3

    def __post_init__(self) -> None:
        if self.language not in NOT_KNOWN:
            raise ConfigurationError(f"reasons.language={self.language}: use one of {', '.join(sorted(NOT_KNOWN))}")
        if self.most_for < 0 or self.most_against < 0:
            raise ConfigurationError("reasons.most_for and reasons.most_against must be 0 or more")


@dataclass(frozen=True)
class Reasons:
    """The reasons of n leads: for each the ones for it, strongest first, then the ones against it, strongest first.

    Attributes:
        texts: n lists of texts, "Visits to pricing pages in the last 7 days: 3 (+9)".
        feature: (n, most_for + most_against) int32, index into the features, -1 where there is no reason.
        points: float64 of the same shape, NaN where there is no reason.
    """

    texts: list[list[str]]
    feature: np.ndarray
    points: np.ndarray


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
    _check_fit(points, features)
    unknown = sorted({f.family for f in features} - set(FAMILIES))
    if unknown:
        raise ArtifactError(f"features of unknown families {unknown}; known are {', '.join(FAMILIES)}")
    # Feature by feature: numpy sums a row in another order where it is the only one, and a lead's points may not depend
    # on who else is on the list.
    sums = {name: np.zeros(len(points)) for name in FAMILIES}
    for j, feature in enumerate(features):
        sums[feature.family] += points[:, j]
    return pd.DataFrame(sums)


def choose_reasons(points: np.ndarray, style: ReasonsStyle) -> tuple[np.ndarray, np.ndarray]:
    """The strongest features of each row, by numbers alone.

    Args:
        points: (n, k).
        style: how many for and against; ties go to the lower index.

    Returns:
        feature (n, most_for + most_against) int32 and points of the same shape: first those for, strongest first,
        then those against, strongest first; -1 and NaN where a row has no further one of at least 0.5 points.
    """
    width = style.most_for + style.most_against
    feature = np.full((len(points), width), -1, dtype=np.int32)
    chosen = np.full((len(points), width), np.nan)
    for start in range(0, len(points) if points.shape[1] else 0, _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        for first, count, sign in ((0, style.most_for, 1.0), (style.most_for, style.most_against, -1.0)):
            columns = slice(first, first + count)
            feature[block, columns], chosen[block, columns] = _strongest(sign * points[block], count)
            chosen[block, columns] *= sign
    return feature, chosen


def write_reasons(points: np.ndarray, X: pd.DataFrame, features: Sequence[Feature], style: ReasonsStyle) -> Reasons:
    """The reasons of every lead: chosen by numbers first, words last and each phrase made once.

    Args:
        points: (n, k) from `explain_points`.
        X: n rows with a column for each feature, values as the model read them or as the source gave them.
        features: k entries of the feature dictionary, in the order of the columns of ``points``.
        style: language and lengths.

    Raises:
        ArtifactError: points, X and features do not fit each other.
    """
    _check_fit(points, features)
    missing = [f.name for f in features if f.name not in X.columns]
    if missing or len(X) != len(points):
        raise ArtifactError(
            f"reasons: {len(points)} rows of points for {len(X)} rows of features"
            + (f"; {len(missing)} features missing: {', '.join(missing[:5])}" if missing else "")
        )
    chosen, chosen_points = choose_reasons(points, style)
    phrases = _render(chosen, chosen_points, X, features, style.language)
    texts = [[text for text in row if text is not None] for row in phrases.tolist()]
    return Reasons(texts, chosen, chosen_points)


def reasons_text(reasons: Reasons, separator: str = "; ", most: int | None = None) -> list[str]:
    """One text a lead: its reasons joined; "" where there are none.

    ``most`` keeps the strongest of them, for or against, told in the same order.
    """
    texts = reasons.texts
    if most is not None:
        strength = np.abs(np.nan_to_num(reasons.points))
        rank = np.argsort(np.argsort(-strength, axis=1, kind="stable"), axis=1, kind="stable")
        keep = (rank < most) & (reasons.feature >= 0)
        texts = [
            [t for t, k in zip(row, flags[there].tolist(), strict=True) if k]
            for row, flags, there in zip(texts, keep, reasons.feature >= 0, strict=True)
        ]
    return [separator.join(row) for row in texts]


def feature_value_words(values: pd.Series, feature: Feature, language: str) -> tuple[np.ndarray, list[str]]:
    """Values of one feature in words.

    Returns:
        codes (n,) and the distinct texts that they index.
    """
    if feature.kind == Kind.CATEGORY:
        codes, levels = pd.factorize(values.astype("object").where(values.notna(), None), use_na_sentinel=True)
        texts = [_category_words(level, language) for level in levels]
    else:
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        numbers = np.where(np.isfinite(numbers), numbers, np.nan)  # the model reads infinities as missing, too
        codes, distinct = pd.factorize(round_shown(numbers, feature.unit), use_na_sentinel=True)
        texts = value_words(np.asarray(distinct, dtype=np.float64), feature.unit, language)
        texts = _without_said_unit(texts, feature, language)
    return np.where(codes < 0, len(texts), codes), [*texts, (NEVER if feature.never else NOT_KNOWN)[language]]


def sentence_case(phrase: str) -> str:
    """The phrase with its first letter in upper case, the rest untouched."""
    return phrase[:1].upper() + phrase[1:]


def family_shares(points: np.ndarray, features: Sequence[Feature]) -> pd.DataFrame:
    """How far each family moves a lead's score, up or down, on average, and its share of the whole.

    Returns:
        four rows indexed by family: mean_points (mean absolute sum of the family's points), share (they sum to 1; 0
        where no feature moves anything).
    """
    mean = family_points(points, features).abs().mean() if len(points) else pd.Series(0.0, index=list(FAMILIES))
    return pd.DataFrame({"mean_points": mean, "share": mean / mean.sum() if mean.sum() > 0 else 0.0})


def _strongest(strength: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices and strengths of the ``count`` largest of each row, largest first; -1 and NaN below the smallest."""
    strength = strength.copy()
    rows = np.arange(len(strength))
    index = np.full((len(strength), count), -1, dtype=np.int32)
    value = np.full((len(strength), count), np.nan)
    # A few passes of argmax, not argpartition: its ties always go to the lower index, on every machine.
    for place in range(min(count, strength.shape[1])):
        best = strength.argmax(axis=1)
        top = strength[rows, best]
        there = top >= SMALLEST_REASON
        index[there, place], value[there, place] = best[there], top[there]
        strength[rows, best] = -np.inf
    return index, value


def _render(
    chosen: np.ndarray, points: np.ndarray, X: pd.DataFrame, features: Sequence[Feature], language: str
) -> np.ndarray:
    """Phrases as an object array of the shape of ``chosen``, None where there is no reason."""
    flat = chosen.ravel()
    phrases = np.full(flat.size, None, dtype=object)
    order = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat[order], np.arange(len(features) + 1))
    whole = np.nan_to_num(np.sign(points) * np.floor(np.abs(points) + 0.5)).ravel()
    for k, feature in enumerate(features):
        places = order[starts[k] : starts[k + 1]]
        if places.size:
            values = X[feature.name].iloc[places // chosen.shape[1]]
            phrases[places] = _phrases(values, whole[places], feature, language)
    return phrases.reshape(chosen.shape)


def _phrases(values: pd.Series, whole: np.ndarray, feature: Feature, language: str) -> np.ndarray:
    """The phrase of each value and whole points of one feature; each distinct pair is written once."""
    codes, texts = feature_value_words(values, feature, language)
    which, pairs = pd.factorize(codes + 1j * whole)  # one number for each pair
    words = sentence_case(feature.words(language))
    written = [f"{words}: {texts[int(pair.real)]} ({format_points(pair.imag)})" for pair in pairs.tolist()]
    return np.array(written, dtype=object)[which]


def _category_words(level: object, language: str) -> str:
    """A category value on one line and of bounded length; the folded level in words."""
    text = re.sub(r"[\x00-\x1f\x7f\s]+", " ", str(level)).strip()
    text = _OTHER.get(text, {}).get(language, text)
    return (text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…") or NOT_KNOWN[language]


def _without_said_unit(texts: list[str], feature: Feature, language: str) -> list[str]:
    """Leave the unit out where the feature's own words begin with it ("days since the last visit: 3")."""
    one, many = UNIT_WORDS[language].get(feature.unit, ("", ""))
    first = feature.words(language).split(" ", 1)[0].lower()
    return [t.split(" ", 1)[0] for t in texts] if first in (one, many) and one else texts


def _check_fit(points: np.ndarray, features: Sequence[Feature]) -> None:
    if points.ndim != 2 or points.shape[1] != len(features):
        raise ArtifactError(f"points of shape {points.shape} for {len(features)} features; the scorer does not fit")
