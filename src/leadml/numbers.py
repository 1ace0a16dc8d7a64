"""Numbers, percentages, money and dates as English and Spanish write them, without the machine's locale.

Separators, the place of the percent and currency signs and the order of dates follow the Unicode CLDR, root languages
``en`` and ``es``: Spanish groups from five digits on ("1234,5", "12.345,6") and sets a no-break space before the sign.
The minus is the plain hyphen, as in CLDR: texts go to CRM imports whose encoding nobody knows.
"""

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np

NBSP = "\u00a0"
MONTHS = {
    "en": ("January", "February", "March", "April", "May", "June",
           "July", "August", "September", "October", "November", "December"),
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio",
           "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"),
}  # fmt: skip
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}
WEEKDAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
}
NEVER = {"en": "never", "es": "nunca"}
NOTHING = {"en": "nothing to count", "es": "nada que contar"}
NOT_KNOWN = {"en": "not known", "es": "no consta"}
YES_NO = {"en": ("yes", "no"), "es": ("sí", "no")}
# (one, many) of the units that are said with their value.
UNIT_WORDS = {
    "en": {"days": ("day", "days"), "hours": ("hour", "hours")},
    "es": {"days": ("día", "días"), "hours": ("hora", "horas")},
}
_LARGEST_PLAIN = 1e15  # above this a float64 has no decimals left and a row of digits tells nobody anything


@dataclass(frozen=True)
class _Signs:
    group: str
    decimal: str
    group_from: int


_SIGNS = {"en": _Signs(",", ".", 1_000), "es": _Signs(".", ",", 10_000)}


def format_number(value: float, language: str, decimals: int | None = None, group_from: int | None = None) -> str:
    """The number with the language's separators; "not known" for a missing one.

    Args:
        value: any float; infinities give "∞".
        language: "en" or "es".
        decimals: fixed count, or None for three significant digits (two below 1), at most four decimals, no zeros at
            the end.
        group_from: smallest absolute value whose thousands are grouped; None is the language's habit.
    """
    if math.isnan(value):
        return NOT_KNOWN[language]
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) >= _LARGEST_PLAIN:
        return f"{value:.3g}".replace(".", _SIGNS[language].decimal)
    signs = _SIGNS[language]
    text = f"{abs(value):.{_decimals(value) if decimals is None else decimals}f}"
    whole, _, fraction = text.partition(".")
    if decimals is None:
        fraction = fraction.rstrip("0")
    if int(whole) >= (signs.group_from if group_from is None else group_from):
        whole = f"{int(whole):,}".replace(",", signs.group)
    text = whole + (signs.decimal + fraction if fraction else "")
    # A value that rounds to nothing has no sign: "-0" is not a number that people write.
    return "-" + text if value < 0 and text.strip("0.,") else text


def format_percent(share: float, language: str, decimals: int | None = None) -> str:
    """A share of 1 as a percentage: 0.123 is "12.3%" in English and "12,3 %" in Spanish.

    ``decimals`` None gives one decimal below 10 % where it says something, none above.
    """
    if math.isnan(share):
        return NOT_KNOWN[language]
    percent = 100 * share
    if decimals is None:
        decimals = 1 if round(abs(percent), 1) < 10 and not math.isclose(percent, round(percent), abs_tol=0.05) else 0
    return format_number(percent, language, decimals) + ("%" if language == "en" else NBSP + "%")


def format_money(amount: float, language: str, currency: str | None = None) -> str:
    """An amount, with its currency where known: "€1,200", "1200 €"; cents only below 100 and where there are any."""
    if math.isnan(amount):
        return NOT_KNOWN[language]
    decimals = 2 if abs(amount) < 100 and not math.isclose(amount, round(amount), abs_tol=0.005) else 0
    number = format_number(amount, language, decimals)
    if currency is None:
        return number
    if language == "es":
        return f"{number}{NBSP}{SYMBOLS.get(currency, currency)}"
    symbol = SYMBOLS.get(currency, currency + NBSP)
    return f"-{symbol}{number[1:]}" if number.startswith("-") else symbol + number


def format_date(day: datetime, language: str, with_time: bool = False) -> str:
    """Write "3 July 2026" or "3 de julio de 2026", with the time of day in UTC where asked and it is not midnight."""
    month = MONTHS[language][day.month - 1]
    text = f"{day.day} {month} {day.year}" if language == "en" else f"{day.day} de {month} de {day.year}"
    return f"{text}, {day:%H:%M} UTC" if with_time and (day.hour, day.minute) != (0, 0) else text


def format_points(points: float, sign: str = "-") -> str:
    """Signed whole points, halves away from zero: "+9", "-1"; ``sign`` is the minus to write."""
    whole = math.floor(abs(points) + 0.5)
    return "0" if whole == 0 else f"{'+' if points > 0 else sign}{whole}"


def round_shown(values: np.ndarray, unit: str) -> np.ndarray:
    """Round numbers to what `value_words` shows of them, so that few distinct values are left to be worded.

    Args:
        values: any shape, float; NaN stays NaN.
        unit: as in the feature dictionary.

    Returns:
        float64 of the same shape. Each value is rounded by itself: the result does not depend on its neighbours.
    """
    size = np.abs(np.where(np.isfinite(values), values, 0.0))
    if unit in ("days", "hours"):
        decimals = np.where(np.round(size, 1) < 10, 1, 0)
    elif unit == "share":
        decimals = np.where(np.round(size, 3) < 0.1, 3, 2)
    elif unit.startswith("money"):
        decimals = np.where(size < 100, 2, 0)
    elif unit == "decayed":
        decimals = np.ones_like(size)
    else:
        with np.errstate(divide="ignore"):
            digits = np.where(size >= 1, 2, 1)
            decimals = np.where(size > 0, np.clip(digits - np.floor(np.log10(size)), 0, 4), 0)
    step = 10.0**decimals
    with np.errstate(invalid="ignore", over="ignore"):
        rounded = np.round(values * step) / step
    return np.where(size < _LARGEST_PLAIN, rounded, values) + 0.0  # + 0.0 turns -0.0 into 0.0


def value_words(values: np.ndarray | list[float], unit: str, language: str) -> list[str]:
    """Each number in words by its unit: "12 days", "3", "45%", "1,200", "yes"; "not known" where missing.

    Units: days, hours, share (of 1), money (``money EUR`` where the currency is known), flag (0 or 1), hour (of the
    day), weekday (0 is Monday), year; any other is a bare number. Values are rounded by `round_shown` first, so that
    what is said in the singular is what is shown.
    """
    return [_value_word(v, unit, language) for v in round_shown(np.asarray(values, dtype=float), unit).tolist()]


def _value_word(value: float, unit: str, language: str) -> str:
    if math.isnan(value):
        return NOT_KNOWN[language]
    if unit == "share":
        return format_percent(value, language)
    if unit.startswith("money"):
        return format_money(value, language, unit.removeprefix("money").strip() or None)
    if unit == "flag":
        return YES_NO[language][0 if value else 1]
    if unit == "hour" and value in range(24):
        return f"{value:.0f}:00"
    if unit == "weekday" and value in range(7):
        return WEEKDAYS[language][int(value)]
    if unit == "year":
        return format_number(value, language, 0, group_from=10**9)
    if unit in UNIT_WORDS[language]:
        one, many = UNIT_WORDS[language][unit]
        return f"{format_number(value, language)} {one if value == 1 else many}"
    # A number of four digits may be a year or a code, a count cannot.
    return format_number(value, language, group_from=None if unit == "count" else 10_000)


def _decimals(value: float) -> int:
    """Decimals that leave three significant digits, two below 1; at most 4."""
    if value == 0:
        return 0
    digits = 2 if abs(value) >= 1 else 1
    return min(4, max(0, digits - math.floor(math.log10(abs(value)))))
