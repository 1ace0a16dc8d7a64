"""The proposed conversions and closures, as lines of YAML, with the reason beside what is not sure."""

from leadml.inspection import words
from leadml.inspection.keys import View
from leadml.inspection.lines import doubted, indented, listed, noted, quoted
from leadml.inspection.parts import Part, Plan, Way, amount_column, closing_column, created_column
from leadml.inspection.roles import Column, Role
from leadml.inspection.suspects import is_flag
from leadml.inspection.touchpoints import keys_text, occurred_column

_NO_TIME = "THE TIME OF IT"
Lines = list[str]


def outcome_column(view: View) -> Column | None:
    """The column that tells won from lost best: both told by words, else a yes or no."""
    columns = [c for c in view.of(Role.outcome) if c.outcome[0] or is_flag(c.measures)]
    return max(columns, key=lambda c: (bool(c.outcome[0] and c.outcome[1]), bool(c.outcome[0])), default=None)


def won_levels(column: Column) -> tuple[str, ...]:
    """The levels that mean won."""
    if column.outcome[0]:
        return column.outcome[0]
    return tuple(t for t in column.measures.levels if t.lower() in words.YES | {"1.0"})


def _is(column: Column, levels: tuple[str, ...]) -> str:
    return f"  where: {{{quoted(column.name)}: {listed(levels)}}}"


def _lost(name: str, base: Lines, column: Column, levels: tuple[str, ...]) -> Lines:
    """The entry of ``closures`` for the levels that say lost; nothing without any."""
    if not levels:
        return []
    return [f"{name}_lost:", *base, _is(column, levels), "  kind: lost", f"  reason: {quoted(column.name)}"]


def deal_lines(view: View, ways: list[Way]) -> tuple[Lines, Lines]:
    """The entries of ``conversions`` and of ``closures`` that a table of deals or orders gives."""
    outcome, closing = outcome_column(view), closing_column(view)
    at = closing or occurred_column(view)
    if at is None:
        return [], []
    served = f"finds the lead of {ways[0].rows:.0%} of the rows"
    head = [f"  from: {view.name}", noted(f"  lead: {keys_text(ways)}", served)]
    base = [*head, f"  at: {quoted(at.name)}"]
    unsure = "" if closing or outcome is None else "is it when it was won?"
    won = ["won:", *head, noted(base[-1], unsure)]
    won += [_is(outcome, won_levels(outcome))] if outcome else _without_cancelled(view)
    money, currency, begun = amount_column(view), _currency(view), created_column(view)
    won += [f"  amount: {quoted(money.name)}"] if money else []
    won += [f"  currency: {quoted(currency.name)}"] if currency else []
    if outcome is not None and begun is not None and begun.name != at.name:
        won += ["opportunity:", *head, f"  at: {quoted(begun.name)}"]
    return won, _lost(view.name, base, outcome, outcome.outcome[1]) if outcome else []


def _without_cancelled(view: View) -> Lines:
    for column in view.of(Role.category):
        levels = [t for t in column.measures.levels if words.words_of(t) & (words.CANCELLED | words.LOST)]
        if levels and len(levels) < len(column.measures.levels):
            return [noted(f"  where: {{{quoted(column.name)}: {{not: {listed(levels)}}}}}", "the others count as won")]
    return ["  # where: every row counts; if some do not: {COLUMN: [the texts that mean won]}"]


def _currency(view: View) -> Column | None:
    columns = (c for c in view.of(Role.category, Role.constant) if c.words & words.CURRENCY)
    return next((c for c in columns if 0 < c.measures.length <= 3.5), None)


def own_outcome_lines(leads: View) -> tuple[Lines, Lines, str]:
    """Conversions and closures that the leads' own table tells, and why they are not sure ("" where they are)."""
    outcome, closing = outcome_column(leads), closing_column(leads)
    if outcome is None or leads.id is None:
        return [], [], ""
    at = closing.name if closing else _NO_TIME
    base = [f"  from: {leads.name}", f"  lead: {{by: lead, column: {quoted(leads.id.name)}}}", f"  at: {quoted(at)}"]
    why = "" if closing else f"{outcome.name} tells how it ended, but no column tells when"
    won = ["won:", *base, _is(outcome, won_levels(outcome))]
    return won, _lost(leads.name, base, outcome, outcome.outcome[1]), why


def logged_outcomes(view: View) -> tuple[Column, tuple[str, ...], tuple[str, ...]] | None:
    """A column of a log of touchpoints whose levels include won or lost: (column, won levels, lost levels)."""
    columns = [c for c in view.of(Role.category) if any(c.outcome) and not c.has(Role.personal)]
    return next(((c, *c.outcome) for c in columns), None)


def logged_lines(view: View, ways: list[Way]) -> tuple[Lines, Lines]:
    """Conversions and closures that a log of touchpoints tells by words."""
    told, at = logged_outcomes(view), occurred_column(view)
    if told is None or at is None:
        return [], []
    column, won, lost = told
    base = [f"  from: {view.name}", f"  lead: {keys_text(ways)}", f"  at: {quoted(at.name)}"]
    return ["won:", *base, _is(column, won)] if won else [], _lost(view.name, base, column, lost)


def outcome_lines(plan: Plan, views: dict[str, View]) -> tuple[Lines, Lines]:
    """The entries ``conversions`` and ``closures``; what only might be one is a comment."""
    found: list[tuple[str, Lines, Lines, str]] = []
    for name in sorted((n for n, p in plan.parts.items() if p is Part.deals), key=lambda n: -plan.ways[n][0].rows):
        found.append((name, *deal_lines(views[name], plan.ways[name]), ""))
    for name, part in plan.parts.items():
        if part is Part.touchpoints and logged_outcomes(views[name]):
            found.append((name, *logged_lines(views[name], plan.ways[name]), ""))
    if plan.leads is not None:
        found.append((plan.leads.name, *own_outcome_lines(plan.leads)))
    won: Lines = []
    lost: Lines = []
    doubts: Lines = []
    for name, conversion, closure, why in found:
        if why:
            doubts += doubted([*conversion, *closure], why)
        elif conversion and won:
            doubts += doubted(conversion, f"{name} tells conversions too")
        else:
            won = won or conversion
        lost += [] if why else closure
    if not won and not doubts:
        why = "no table tells who converted and when: deals, orders, or an outcome with its time"
        doubts = doubted(["won: {from: FILE, lead: {by: lead, column: COLUMN}, at: COLUMN, amount: COLUMN}"], why)
    closures = ["", "closures:", *indented(lost)] if lost else []
    return ["", "conversions:", *indented(won), *indented(doubts)], closures
