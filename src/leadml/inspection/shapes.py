"""What a single text looks like: a date of which form, a number of which spelling, an address, a code, free text."""

import re
from enum import StrEnum


class Shape(StrEnum):
    """The look of one text; each text has exactly one."""

    date = "date"  # 2025-01-31
    datetime = "datetime"  # 2025-01-31 10:00
    zoned = "datetime with zone"  # 2025-01-31T10:00:00Z
    day_date = "d/m/y date"  # 31/01/2025, 31.01.2025, 31-01-25, or month first
    day_datetime = "d/m/y datetime"
    month_name = "date with a month's name"  # 31 Jan 2025
    compact = "yyyymmdd"
    epoch_s = "epoch seconds"
    epoch_ms = "epoch milliseconds"
    epoch_us = "epoch microseconds"
    integer = "integer"
    point = "number, decimal point"  # 1234.5 and 1,234.5
    comma = "number, decimal comma"  # 1234,5 and 1.234,5
    either = "number, point or comma"  # 1.234 or 1,234
    email = "e-mail address"
    phone = "phone number"
    url = "web address"
    uuid = "uuid"
    json = "json"
    markup = "markup"
    address = "street address"
    code = "code"  # no blank, digits in it
    word = "word"
    text = "text"  # long


DATES = (Shape.date, Shape.datetime, Shape.zoned, Shape.day_date, Shape.day_datetime, Shape.month_name)
EPOCHS = (Shape.epoch_s, Shape.epoch_ms, Shape.epoch_us)
NUMBERS = (Shape.integer, Shape.point, Shape.comma, Shape.either, Shape.compact, *EPOCHS)
DAY_FIRST_FORMS = (Shape.day_date, Shape.day_datetime)
LONG_TEXT = 60

_TIME = r"[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[apAP]\.?[mM]\.?)?"
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|ene|abr|ago|dic"
# Any three capitals would make an id such as INQ-00001 an amount.
_SIGN = "(?:[€$£]|EUR|USD|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|MXN|ARS|CLP|COP|PEN|BRL|UYU|ZAR|AED)"
_FORMS = (
    ("zoned", rf"\d{{4}}-\d{{2}}-\d{{2}}{_TIME} ?(?:Z|UTC|[+-]\d{{2}}(?::?\d{{2}})?)"),
    ("datetime", rf"\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}{_TIME}"),
    ("date", r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"),
    ("day_datetime", rf"\d{{1,2}}([-/.])\d{{1,2}}\5(?:\d{{4}}|\d{{2}}),?{_TIME}"),
    ("day_date", r"\d{1,2}([-/.])\d{1,2}\7(?:\d{4}|\d{2})"),
    (
        "month_name",
        rf"(?i:\d{{1,2}}[ -](?:{_MONTHS})[a-z]*\.?[ -]\d{{2,4}}|(?:{_MONTHS})[a-z]*\.? \d{{1,2}},? \d{{4}}).*",
    ),
    ("compact", r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"),
    ("epoch_s", r"1[0-9]\d{8}"),
    ("epoch_ms", r"1[0-9]\d{11}"),
    ("epoch_us", r"1[0-9]\d{14}"),
    ("integer", rf"(?:{_SIGN} ?)?[-+]?\d+(?: ?{_SIGN})?"),
    ("either", rf"(?:{_SIGN} ?)?[-+]?[1-9]\d{{0,2}}[.,]\d{{3}}(?: ?{_SIGN})?"),
    (
        "comma",
        rf"(?:{_SIGN} ?)?[-+]?(?:\d*,\d+|\d{{1,3}}(?:\.\d{{3}})+,\d+|\d{{1,3}}(?:\.\d{{3}}){{2,}})(?: ?{_SIGN})?",
    ),
    (
        "point",
        rf"(?:{_SIGN} ?)?[-+]?(?:\d*\.\d+(?:[eE][-+]?\d+)?|\d{{1,3}}(?:,\d{{3}})+\.\d+|\d{{1,3}}(?:,\d{{3}}){{2,}})"
        rf"(?: ?{_SIGN})?",
    ),
    ("email", r"[^\s@<>]+@[^\s@<>]+\.[A-Za-z]{2,}"),
    ("uuid", r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    ("phone", r"\+?\(?\d[\d ().-]{6,18}\d"),
    ("url", r"(?:https?://|www\.)\S+"),
    ("json", r"[\[{].*[\]}]"),
    ("markup", r"<[a-zA-Z!?][^>]*>.*"),
)
_ANY = re.compile("|".join(f"(?P<{name}>{form})" for name, form in _FORMS), re.DOTALL)
_ADDRESS = re.compile(
    r"(?i)^(?:calle|c/|avda\.?|avenida|plaza|paseo|carrer|rue|via) .*\d|\d+.* (?:street|st\.?|road|rd\.?|avenue|ave\.?|"
    r"lane|drive|blvd\.?)(?: |,|$)"
)


def shape_of(text: str) -> Shape:
    """The shape of a stripped text that is not empty. Never raises; every text has a shape."""
    if len(text) > 400:
        return Shape.json if text[0] in "[{" and text[-1] in "]}" else Shape.text
    found = _ANY.fullmatch(text)
    if found is not None and found.lastgroup is not None:
        return Shape[found.lastgroup]
    if _ADDRESS.search(text):
        return Shape.address
    if len(text) > LONG_TEXT or text.count(" ") > 7:
        return Shape.text
    if " " not in text and any(c.isdigit() for c in text):
        return Shape.code
    return Shape.word


def mask(text: str) -> str:
    """The form of an id without its value: letters become A or a, digits 9, runs are shortened (AB-1234 gives A-9)."""
    made = "".join("9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text)
    return re.sub(r"(.)\1+", r"\1", made)[:20]
