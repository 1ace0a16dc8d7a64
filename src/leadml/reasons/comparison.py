"""A value compared with those of the reference list, in a few words; nothing where that would say nothing.

The words tell where the lead stands, never what another value would bring.
"""

from collections.abc import Sequence

import numpy as np

from leadml.features.dictionary import Feature
from leadml.numbers import NBSP, format_percent, value_words
from leadml.reasons.reference import MOST, SMALLEST_SHARE, Standing

FEW, ALMOST_ALL = 20, 95  # percent of the leads
NO_ORDER = ("hour", "weekday", "season", "year")  # units of numbers of which a larger one is not more
COMPARISONS = {
    "en": {
        "more": "higher than for {} leads",
        "less": "lower than for {} leads",
        "newer": "more recent than for {} leads",
        "older": "longer ago than for {} leads",
        "like": "like most leads",
        "unlike": "unlike most leads",
        "like all": "like almost all leads",
        "like share": "like {} of leads",
        "none": "most leads have none",
        "typical": "most leads have {}",
        "never": "never for most leads",
        "known": "known for {} of leads",
        "share": "{} of leads",
        "rare": "under {} of leads",
        "of": ("7 in 10", "8 in 10", "9 in 10", "99 in 100"),
    },
    "es": {
        "more": "por encima de {} leads",
        "less": "por debajo de {} leads",
        "newer": "más reciente que en {} leads",
        "older": "hace más tiempo que en {} leads",
        "like": "como la mayoría",
        "unlike": "a diferencia de la mayoría",
        "like all": "como casi todos los leads",
        "like share": "como el {} de los leads",
        "none": f"la mayoría tiene{NBSP}0",
        "typical": "la mayoría tiene {}",
        "never": "nunca en la mayoría",
        "known": "consta en el {} de los leads",
        "share": "el {} de los leads",
        "rare": "menos del {} de los leads",
        "of": ("7 de cada 10", "8 de cada 10", "9 de cada 10", "99 de cada 100"),
    },
}


def compare_missing(standing: Standing, language: str) -> str:
    """How common it is that a value is missing."""
    return _commonness(standing.missing, "like share", language)


def compare_levels(shown: Sequence[str], standing: Standing, language: str) -> list[str]:
    """How common each level is, by how it is shown."""
    words = COMPARISONS[language]
    rare = str(words["rare"]).format(format_percent(SMALLEST_SHARE, language, 0))
    found = []
    for level in shown:
        share = standing.shares.get(level)
        if share is None:
            found.append(rare)
        elif 100 * share >= MOST:
            found.append(str(words["like"]))
        else:
            found.append(str(words["share"]).format(format_percent(share, language, 0)))
    return found


def compare_numbers(shown: np.ndarray, standing: Standing, feature: Feature, language: str) -> list[str]:
    """Where each number, rounded as it is shown, stands; "" in the middle of the field."""
    if feature.unit in NO_ORDER:
        return [""] * len(shown)
    words = COMPARISONS[language]
    typical = standing.typical
    if feature.unit == "flag":
        if typical is None:
            return [""] * len(shown)
        return [str(words["like" if v == typical else "unlike"]) for v in shown.tolist()]
    if 100 * standing.missing >= MOST:
        return [str(words["never"]) if feature.never else _known(standing, language)] * len(shown)
    recency = feature.never and feature.unit == "days"
    places = _places(shown, standing, ("older", "newer") if recency else ("more", "less"), language)
    if typical is None:
        return places
    none = typical == 0 and feature.unit == "count"
    most = str(words["none"] if none else words["typical"]).format(value_words([typical], feature.unit, language)[0])
    above = most if typical >= 0 and not recency else ""
    return [
        str(words["like"]) if v == typical else (above or place) if v > typical else place
        for v, place in zip(shown.tolist(), places, strict=True)
    ]


def _known(standing: Standing, language: str) -> str:
    """Of how few leads a number is known at all."""
    return str(COMPARISONS[language]["known"]).format(format_percent(1 - standing.missing, language, 0))


def _places(shown: np.ndarray, standing: Standing, keys: tuple[str, str], language: str) -> list[str]:
    """Above or below how many leads each number is."""
    words = COMPARISONS[language]
    more, less = ([str(words[key]).format(n) for n in words["of"]] for key in keys)
    texts = [*reversed(less), "", *more]
    # How many bounds a number is beyond: at most those below or those above are.
    above = (shown[:, None] > np.array(standing.high)).sum(axis=1)
    below = (shown[:, None] < np.array(standing.low)).sum(axis=1)
    return [texts[place] for place in (len(less) + above - below).tolist()]


def _commonness(share: float, key: str, language: str) -> str:
    words = COMPARISONS[language]
    if 100 * share >= ALMOST_ALL:
        return str(words["like all"])
    if 100 * share >= MOST:
        return str(words["like"])
    if 100 * share < FEW:
        return str(words["unlike"])
    return str(words[key]).format(format_percent(share, language, 0))
