"""What is shown of a category's value: one short line, and nothing that tells who somebody is."""

import re
from collections.abc import Container, Mapping, Sequence

import pandas as pd

from leadml.encoding import OTHER

LONGEST_VALUE = 60  # characters of a value that are shown
_MAIL = re.compile(r"[^\s@]@[^\s@]+\.[^\s@]")
_PHONE = re.compile(r"(?:\+|00)?[\d ().\-/\u00a0]+")
_AMOUNT = re.compile(r"\d{1,3}(?:(?:[.]\d{3})+|(?:[ \u00a0]000)+)")
_BAND = re.compile(r"([1-9]\d*)\s?[-–/]\s?([1-9]\d*)")
_WIDEST_BAND = 200  # times its lower end, of a range such as 1000-5000
_INTERNATIONAL = range(8, 16)  # digits after + or 00
_NATIONAL = range(9, 12)


def shown_level(level: str, known: Container[str] | None = None) -> str:
    """The level as it is shown: on one line, of at most 60 characters; "(other)" for what may not be shown.

    That is a level which the model does not know (it reads it as other), and one that looks like a mail address or
    a telephone number.
    """
    if (known is not None and level not in known) or looks_personal(level):
        return OTHER
    text = re.sub(r"[\x00-\x1f\x7f\s]+", " ", level).strip()
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def fold_levels(X: pd.DataFrame, levels: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The frame with the levels that the model does not know as "(other)", which is how it reads them."""
    folded = {}
    for name, known in levels.items():
        if name in X.columns:
            values = X[name]
            folded[name] = values.where(values.isna() | values.isin(list(known)), OTHER)
    return X.assign(**folded)


def looks_personal(text: str) -> bool:
    """Whether a text holds a mail address or is a telephone number.

    A number of 9 to 11 digits, or of 8 to 15 after + or 00, is taken for a telephone's, unless it is an amount with
    its thousands apart (by blanks: a round one) or a range of two numbers.
    """
    if _MAIL.search(text):
        return True
    text = text.strip()
    if not _PHONE.fullmatch(text) or _AMOUNT.fullmatch(text):
        return False
    band = _BAND.fullmatch(text)
    if band and int(band[1]) < int(band[2]) <= _WIDEST_BAND * int(band[1]):
        return False
    digits = len(re.sub(r"\D", "", text))
    if text.startswith("+"):
        return digits in _INTERNATIONAL
    return digits in _NATIONAL or (text.startswith("00") and digits - 2 in _INTERNATIONAL)
