"""What the texts of a column are: times of which form, numbers of which spelling, categories, free text."""

from leadml.inspection import words
from leadml.inspection.measures import Measures
from leadml.inspection.roles import FEW_LEVELS, MOST, TEXT_LENGTH, Role
from leadml.inspection.shapes import DATES, EPOCHS, NUMBERS, Shape

SERIALS = (20_000, 60_000)  # Excel's day numbers of 1954 to 2064


def content_of(m: Measures) -> tuple[Role, str]:
    """What the texts are: time, number, category or free text; with the evidence."""
    time = time_reason(m)
    if time:
        return Role.time, time
    if m.share(*NUMBERS) >= MOST and not (m.share(Shape.integer) >= MOST and m.distinct <= 2):
        return Role.number, number_reason(m)
    long = m.share(Shape.text, Shape.json, Shape.markup) >= 0.3 or m.length > TEXT_LENGTH
    if m.distinct <= FEW_LEVELS and not long:
        return Role.category, f"{m.distinct} level{'s' if m.distinct != 1 else ''}"
    if long or m.distinct > 0.5 * m.present:
        lead = max(m.shapes, key=lambda s: m.shapes[s])
        return Role.text, f"{m.distinct:,} different texts" + ("" if lead in (Shape.word, Shape.text) else f" ({lead})")
    return Role.category, f"about {m.distinct:,} levels"


def time_reason(m: Measures) -> str | None:
    """What kind of time the column holds, or None."""
    if m.share(*DATES) >= MOST:
        with_time = m.share(Shape.datetime, Shape.zoned, Shape.day_datetime)
        part = "some with time of day"
        if not 1 - MOST < with_time < MOST:
            part = "with time of day" if with_time >= MOST else "dates without time"
        zone = ", with zone" if m.share(Shape.zoned) >= MOST else ""
        return f"{part}{zone}{_day_first_words(m)}"
    named = bool(m.share(*NUMBERS) >= MOST and m.name and words.words_of(m.name) & words.TIME)
    if m.share(Shape.compact) >= MOST and named:
        return "dates as yyyymmdd"
    epoch = next((s for s in EPOCHS if m.share(s) >= MOST), None)
    if epoch and (named or epoch is not Shape.epoch_s):
        return str(epoch)
    if named and not words.words_of(m.name) & (words.DURATION | words.ID) and _within(m, SERIALS):
        return "Excel's day numbers"
    return None


def _day_first_words(m: Measures) -> str:
    if not (m.first or m.second):
        return ""
    if m.first > 12 and m.second > 12:
        return ", day and month in both orders: some are misread whatever is said"
    if m.first > 12:
        return ", day first (a first number above 12)"
    if m.second > 12:
        return ", month first (a second number above 12)"
    return ", day or month first: no number above 12 tells"


def _within(m: Measures, ends: tuple[int, int]) -> bool:
    numbers = [float(t) for t in m.sample if t.replace(".", "", 1).isdigit()]
    return len(numbers) >= MOST * len(m.sample) > 0 and all(ends[0] <= n < ends[1] for n in numbers)


def number_reason(m: Measures) -> str:
    """How the numbers are written."""
    comma, point, either = m.share(Shape.comma), m.share(Shape.point), m.share(Shape.either)
    if comma and point:
        return "decimal comma and point mixed"
    if comma:
        return "decimal comma"
    if point:
        return "decimal point"
    return "1.234 or 1,234: thousands or decimals?" if either else "whole numbers"
