"""Raw values to typed ones: the one reading of numbers and categories, shared by one-table sources and the scorer."""

import math
import re
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from leadml.errors import DataError
from leadml.features.dictionary import Feature, Kind

# What pandas.read_csv takes as missing by itself; a frame read by it must give the same values as one read as text.
_ALWAYS_MISSING = (
    "", "#n/a", "#n/a n/a", "#na", "-1.#ind", "-1.#qnan", "-nan", "1.#ind", "1.#qnan", "<na>", "n/a", "na", "null",
    "nan", "none", "nat", "inf", "-inf", "+inf", "infinity", "-infinity", "+infinity",
)  # fmt: skip
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_POINTS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_COMMAS = re.compile(r"[+-]?([1-9]\d{0,2}((\.\d{3})+,\d+|(\.\d{3}){2,})|\d+,(\d{1,2}|\d{4,})|0,\d+)")
_SPACED = re.compile(r"[+-]?\d{1,3}([ \u00a0\u202f'’]\d{3})+([.,]\d+)?")
_BRACKETS = re.compile(r"\((.*)\)")
# Cyrillic letters that look like Latin ones, and those: exports typed on two keyboards mix them in one level.
LOOK_ALIKES = ("АВЕКМНОРСТУХЅІЈаеорсухѕіј", "ABEKMHOPCTYXSIJaeopcyxsij")
_LATIN = str.maketrans(*LOOK_ALIKES)
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_MONEY = "([A-Z]{0,3}[€$£]|[A-Z]{3})"
_CURRENCY = re.compile(rf"^(-?)\s*{_MONEY}\s*|\s*({_MONEY}|%)$")


def clean_values(X: pd.DataFrame, features: list[Feature], missing: Iterable[str]) -> pd.DataFrame:
    """The features' columns, in their order: float64 for numbers, stripped texts or None (object) for categories.

    Gives the same frame whether the values come as texts or as `pandas.read_csv` guessed them (ints, floats, bools,
    NaN), and gives its own result back unchanged. True is "true", 1.0 as a category is "1". ``missing``: further texts
    that mean missing, in any case.

    Raises:
        DataError: Columns of features are not in ``X`` (all of them are named).
    """
    absent = [f.name for f in features if f.name not in X.columns]
    if absent:
        raise DataError(
            f"{len(absent)} column(s) of the model are not in the data: {', '.join(sorted(absent))}; "
            f"found: {', '.join(map(str, X.columns[:40]))}. Add them (empty if need be)"
        )
    gone = frozenset(_ALWAYS_MISSING) | {m.strip().lower() for m in missing}
    clean = {f.name: _numbers(X[f.name], gone) if f.kind is Kind.NUMBER else _texts(X[f.name], gone) for f in features}
    # dtype=object, or pandas would make str columns of them, in which None is NaN.
    return pd.DataFrame({n: pd.Series(v, index=X.index, dtype=v.dtype) for n, v in clean.items()}, index=X.index)


def parse_number(text: str) -> float:
    """The number in a text, NaN where it is none.

    Besides plain numbers those with a decimal comma or with thousands separators, where nothing else can be meant
    (1,234.5 and 1.234,5; 1,234 is a thousand), with a currency sign or code or a per cent sign beside them, and
    negative ones in brackets or with a typographic minus.
    """
    if not _NUMBER.fullmatch(text):
        text = _BRACKETS.sub(r"-\1", text.replace("−", "-"), count=1) if text[:1] in "(−-" else text
        text = _CURRENCY.sub(lambda m: m.group(1) or "", text).strip()
        text = re.sub("[ \u00a0\u202f'’]", "", text) if _SPACED.fullmatch(text) else text
        if _POINTS.fullmatch(text):
            text = text.replace(",", "")
        elif _COMMAS.fullmatch(text):
            text = text.replace(".", "").replace(",", ".")
        elif not _NUMBER.fullmatch(text):
            return math.nan
    value = float(text)
    return value if math.isfinite(value) else math.nan


def plain_text(value: object, missing: frozenset[str]) -> str | None:
    """A value as its one text: stripped, booleans in lower case, numbers without needless digits; None if missing."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    text = str(value).strip()
    lower = text.lower()
    if lower in missing:
        return None
    if lower in ("true", "false"):
        return lower
    if not _NUMBER.fullmatch(text):
        return _latin(text)
    if text.lstrip("+-").isdigit():
        # Not by way of float: ids of 19 digits would lose some.
        text = str(int(text))
    else:
        number = float(text)
        if not math.isfinite(number):
            return None
        text = str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
    return None if text in missing else text


def _latin(text: str) -> str:
    """The text with Cyrillic look-alikes made Latin, unless it has other Cyrillic letters too."""
    if text.isascii():
        return text
    made = text.translate(_LATIN)
    return text if _CYRILLIC.search(made) else made


def _numbers(column: pd.Series, missing: frozenset[str]) -> np.ndarray:
    plain = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    # A number may be declared missing as well (-1, 9999): then it goes by its text.
    if plain and not any(_NUMBER.fullmatch(m) for m in missing):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(values), values, np.nan)
    return _by_level(column, missing, lambda text: math.nan if text is None else parse_number(text)).astype(np.float64)


def _texts(column: pd.Series, missing: frozenset[str]) -> np.ndarray:
    return _by_level(column, missing, lambda text: text)


def _by_level(
    column: pd.Series, missing: frozenset[str], convert: Callable[[str | None], float | str | None]
) -> np.ndarray:
    """``convert(plain text)`` of every value, worked out once for each distinct one."""
    # 1, 1.0 and True are equal to a hash table and must not be: bools are told apart before.
    values = column.astype(object)
    if values.map(type).nunique() > 1:
        values = values.map(lambda v: str(v) if isinstance(v, bool | np.bool_) else v)
    codes, levels = pd.factorize(values, use_na_sentinel=True)
    table = np.array([*(convert(plain_text(v, missing)) for v in levels), convert(None)], dtype=object)
    return table[codes]
