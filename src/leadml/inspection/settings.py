"""How the tables write numbers and dates, by evidence: the settings of the source, and those of single files."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from leadml.inspection.keys import View
from leadml.inspection.lines import noted, quoted
from leadml.inspection.roles import Role
from leadml.inspection.shapes import DAY_FIRST_FORMS, Shape


@dataclass(frozen=True)
class Dialect:
    """The source's reading of dates and numbers, and its lines of YAML."""

    day_first: bool
    decimal: str
    lines: tuple[str, ...] = ()


def day_first_of(view: View) -> bool | None:
    """Whether a table's d/m/y dates begin with the day, None where nothing tells."""
    votes: Counter[bool] = Counter()
    for column in view.columns.values():
        m = column.measures
        if m.share(*DAY_FIRST_FORMS) >= 0.5 and (m.first > 12) != (m.second > 12):
            votes[m.first > 12] += 1
    return votes.most_common(1)[0][0] if votes else None


def decimal_of(view: View) -> str | None:
    """The decimal sign of a table's numbers, None where they have none or it cannot be told."""
    comma = point = 0.0
    for column in view.of(Role.number):
        comma += column.measures.share(Shape.comma)
        point += column.measures.share(Shape.point)
    return None if comma == point else "," if comma > point else "."


def source_settings(views: Iterable[View]) -> Dialect:
    """The settings that hold for most tables, with the evidence beside them."""
    listed = list(views)
    days = Counter(d for v in listed if (d := day_first_of(v)) is not None)
    decimals = Counter(s for v in listed if (s := decimal_of(v)) is not None)
    written = any(c.measures.share(*DAY_FIRST_FORMS) >= 0.5 for v in listed for c in v.columns.values())
    day_first = days.most_common(1)[0][0] if days else True
    sign: str = decimals.most_common(1)[0][0] if decimals else "auto"
    told = "a number above 12 tells" if days else "? no number above 12 tells: check" if written else "no date needs it"
    zone = "the data do not tell: the zone of times that carry none, e.g. Europe/Madrid"
    lines = [
        noted("timezone: UTC", zone),
        noted(f"day_first: {str(day_first).lower()}", told),
    ]
    if sign == ",":
        lines.append(noted(f"decimal: {quoted(',')}", "1.234 is one thousand two hundred thirty-four"))
    return Dialect(day_first, sign, tuple(lines))


def file_settings(view: View, dialect: Dialect) -> list[str]:
    """What one file writes otherwise than the source."""
    own = []
    days, sign = day_first_of(view), decimal_of(view)
    if days is not None and days != dialect.day_first:
        own.append(f"day_first: {str(days).lower()}")
    if sign is not None and sign != dialect.decimal and "," in (sign, dialect.decimal):
        own.append(f"decimal: {quoted(sign)}")
    return own
