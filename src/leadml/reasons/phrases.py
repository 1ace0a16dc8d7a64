"""The words of reasons: a feature's own, its value, how that compares, the points; each distinct phrase made once."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from leadml.encoding import OTHER
from leadml.features.dictionary import Feature, Kind
from leadml.features.level_words import level_words
from leadml.numbers import NEVER, NOT_KNOWN, NOTHING, UNIT_WORDS, format_points, round_shown, value_words
from leadml.reasons.choosing import Chosen, places_by
from leadml.reasons.comparison import compare_levels, compare_missing, compare_numbers
from leadml.reasons.levels import shown_level
from leadml.reasons.reference import Reference

OTHERS = {"en": "other", "es": "otros"}


def feature_value_words(values: pd.Series, feature: Feature, language: str) -> tuple[np.ndarray, list[str]]:
    """Values of one feature in words.

    Returns:
        codes (n,) and the distinct texts that they index.
    """
    codes, texts, _ = _value_words(values, feature, language, Reference())
    return codes, texts


def sentence_case(phrase: str) -> str:
    """The phrase with its first letter in upper case, the rest untouched."""
    return phrase[:1].upper() + phrase[1:]


def render_phrases(
    chosen: Chosen, X: pd.DataFrame, features: Sequence[Feature], language: str, reference: Reference
) -> np.ndarray:
    """Phrases as an object array of the shape of ``chosen.feature``, None where there is no reason."""
    flat, points = chosen.feature.ravel(), chosen.points.ravel()
    phrases = np.full(flat.size, None, dtype=object)
    for feature, places in zip(features, places_by(flat, len(features)), strict=True):
        if places.size:
            values = X[feature.name].iloc[places // chosen.feature.shape[1]]
            phrases[places] = _phrases(values, points[places], feature, language, reference)
    return phrases.reshape(chosen.feature.shape)


def _phrases(
    values: pd.Series, points: np.ndarray, feature: Feature, language: str, reference: Reference
) -> np.ndarray:
    """The phrase of each value and its whole points."""
    codes, texts, compared = _value_words(values, feature, language, reference)
    words = sentence_case(feature.words(language))
    heads = [f"{words}: {t}, {c}" if c else f"{words}: {t}" for t, c in zip(texts, compared, strict=True)]
    whole = (np.sign(points) * np.floor(np.abs(points) + 0.5)).astype(np.int64)
    low = int(whole.min())
    tails = [f" ({format_points(p)})" for p in range(low, int(whole.max()) + 1)]
    pairs = codes * len(tails) + (whole - low)
    which, distinct = pd.factorize(pairs)
    written = [heads[p // len(tails)] + tails[p % len(tails)] for p in distinct.tolist()]
    return np.array(written, dtype=object)[which]


def _value_words(
    values: pd.Series, feature: Feature, language: str, reference: Reference
) -> tuple[np.ndarray, list[str], list[str]]:
    """Codes (n,), the distinct texts that they index, and of each how it compares ("" where nothing is said)."""
    standing = reference.standings.get(feature.name)
    if feature.kind == Kind.CATEGORY:
        codes, shown = _levels(values, reference.levels.get(feature.name))
        texts = [_level_words(level, feature, language) for level in shown]
        compared = compare_levels(shown, standing, language) if standing else [""] * len(texts)
    else:
        codes, numbers = _numbers(values, feature)
        texts = _without_said_unit(value_words(numbers, feature.unit, language), feature, language)
        compared = compare_numbers(numbers, standing, feature, language) if standing else [""] * len(texts)
    texts.append(missing_words(feature, language))
    compared.append(compare_missing(standing, language) if standing else "")
    return np.where(codes < 0, len(texts) - 1, codes), texts, compared


def missing_words(feature: Feature, language: str) -> str:
    """What it means that a value is missing."""
    return (NEVER if feature.never else NOTHING if feature.nothing else NOT_KNOWN)[language]


def _levels(values: pd.Series, known: Sequence[str] | None) -> tuple[np.ndarray, list[str]]:
    """Codes, -1 where missing, and what is shown of each distinct level."""
    codes, levels = pd.factorize(values.astype("object").where(values.notna(), None), use_na_sentinel=True)
    held = None if known is None else frozenset(known)
    return codes, [shown_level(str(level), held) for level in levels]


def _numbers(values: pd.Series, feature: Feature) -> tuple[np.ndarray, np.ndarray]:
    """Codes, -1 where missing, and the distinct numbers as they are shown."""
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)  # the model reads infinities as missing, too
    codes, distinct = pd.factorize(round_shown(numbers, feature.unit), use_na_sentinel=True)
    return codes, np.asarray(distinct, dtype=np.float64)


def _level_words(shown: str, feature: Feature, language: str) -> str:
    if shown == OTHER:
        return OTHERS[language]
    return level_words(feature.name, shown, language) or NOT_KNOWN[language]


def _without_said_unit(texts: list[str], feature: Feature, language: str) -> list[str]:
    """Leave the unit out where the feature's own words begin with it ("average days since the last visit: 3")."""
    unit = set(UNIT_WORDS[language].get(feature.unit, ()))
    said = unit & set(feature.words(language).lower().split()[:2])
    return [t.split(" ", 1)[0] for t in texts] if said else texts
