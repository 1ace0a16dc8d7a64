"""Columns to be careful with: what tells who somebody is, what tells the outcome, what was written late."""

from leadml.inspection import words
from leadml.inspection.measures import Measures
from leadml.inspection.roles import FEW_LEVELS, TEXT_LENGTH, Role
from leadml.inspection.shapes import Shape

MANY_PEOPLE = 3
PHONE_DIGITS = 7
_COUNTS = frozenset(("num", "number", "numero", "no"))


def personal_reason(m: Measures, content: Role) -> str | None:
    """What of a person it tells, by its name or by its texts."""
    if m.share(Shape.email) >= 0.5:
        return "e-mail addresses"
    if m.share(Shape.address) >= 0.5:
        return "street addresses"
    named = words.words_of(m.name)
    phones = m.share(Shape.phone) >= 0.6 and not named & (words.ID | words.TIME)
    if phones and not (named & words.THING):
        return "phone numbers"
    what = next((k for k, listed in words.PERSONAL.items() if named & listed), None)
    if what and not named & words.THING and m.distinct >= MANY_PEOPLE and _can_tell(what, m, content):
        return f"named like {what}"
    if content in (Role.category, Role.text) and _people(m):
        return "given names in the texts"
    return None


def _can_tell(what: str, m: Measures, content: Role) -> bool:
    """Whether the texts can be that: counts of mails are no mail, and a date is personal only as a birthday."""
    if content is Role.time:
        return what == words.OWN_DATA
    if content is Role.number:
        return what in (words.OWN_DATA, "an address") or (what == "a phone" and m.length >= PHONE_DIGITS)
    return True


def _people(m: Measures) -> bool:
    texts = [t for t in m.sample if 1 <= t.count(" ") <= 3 and len(t) < TEXT_LENGTH]
    known = [t for t in texts if set(words.plain(t).split()) & words.GIVEN_NAMES]
    return len(known) >= 3 and len(known) > 0.3 * len(m.sample)


def outcome_levels(m: Measures) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The levels that say won and those that say lost, as they are written, the most frequent first."""
    if not m.levels or len(m.levels) > FEW_LEVELS:
        return (), ()
    found: tuple[list[str], list[str]] = ([], [])
    for text in m.levels:
        said = words.words_of(text)
        if len(said) > 8:
            continue
        negated = said & words.NEGATION
        if said & words.LOST or (negated and said & words.WON):
            found[1].append(text)
        elif said & words.WON and not negated:
            found[0].append(text)
    return tuple(found[0]), tuple(found[1])


def is_flag(m: Measures) -> bool:
    """Whether its texts are a yes and a no (or only one of them)."""
    texts = {t.lower() for t in m.levels}
    return 0 < len(texts) <= 2 and texts <= (words.YES | words.NO | {"1.0", "0.0"})


def outcome_reason(m: Measures, outcome: tuple[tuple[str, ...], tuple[str, ...]]) -> str | None:
    """Why the column may tell how it ended, or None."""
    named = words.words_of(m.name) & words.OUTCOME
    won, lost = outcome
    if is_flag(m) and named - {"state"}:
        yes = sum(n for t, n in m.levels.items() if t.lower() in words.YES | {"1.0"})
        return f"yes or no, {yes / m.present:.0%} yes"
    if won and (lost or named or len(m.levels) == 2):
        n = sum(m.levels[t] for t in won)
        told = f"{', '.join(won[:3])} / {', '.join(lost[:3])}" if lost else ", ".join(won[:3])
        return f"words of an outcome: {told}, {n / m.present:.0%} won"
    if lost and named:
        return f"words of a closure: {', '.join(lost[:3])}"
    return None


def leak_reason(m: Measures, content: Role) -> str | None:
    """Why the column may tell more than was known at the time, by its name; or None."""
    named = words.words_of(m.name)
    for why, listed in words.LEAKS.items():
        found = named & listed
        if found and not (found <= {"close", "current"} and content is Role.number):
            return f"named like what is {why}"
    counted = {"num", "number", "numero"} & named and len(named) > 1 and not named & (words.FIXED | words.ID - _COUNTS)
    if counted and content is Role.number and m.distinct > 2:
        return "named like what is a counter as of the export"
    states = words.words_of(" ".join(m.levels)) & words.STATES
    if {"state", "estado"} & named and m.levels and (any(outcome_levels(m)) or states):
        return "named like what is true as of the export"
    return None
