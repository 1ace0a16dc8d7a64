"""Which table plays which part: leads, accounts, touchpoints, conversions, history; and how each finds its lead."""

from dataclasses import dataclass, field
from enum import StrEnum

import duckdb

from leadml.inspection import meanings, words
from leadml.inspection.keys import MOST_ROWS, Tie, View
from leadml.inspection.measures import overlap
from leadml.inspection.roles import Column, Role

SOME_MAILS = 0.3


class Part(StrEnum):
    """What a table is for."""

    leads = "leads"
    accounts = "accounts"
    history = "history"
    deals = "conversions"
    touchpoints = "touchpoints"
    link = "link"
    other = "not used"


@dataclass(frozen=True)
class Way:
    """How a table's rows find their lead: as a key of the mapping; ``via`` is (table, id, key) of a linking table."""

    by: str
    column: str
    rows: float
    via: tuple[str, str, str] | None = None


@dataclass
class Plan:
    """What the tables are taken for. ``doubts`` are what could not be decided, in words.

    ``ids``: further kinds of id that leads carry, with their column. ``links``: tables that tie an id to an e-mail.
    ``row_ids``: the columns that together tell a table's rows apart, and how many rows still repeat others.
    """

    leads: View | None = None
    created: Column | None = None
    account: Tie | None = None
    parts: dict[str, Part] = field(default_factory=dict)
    ways: dict[str, list[Way]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    links: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    row_ids: dict[str, tuple[tuple[str, ...], int]] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)


def find_plan(
    con: duckdb.DuckDBPyConnection, views: dict[str, View], ties: list[Tie], leads: str | None = None
) -> Plan:
    """Choose the leads' table (unless it is given) and find what every other table is to it."""
    plan = Plan()
    chosen = views.get(leads) if leads is not None else _choose_leads(views, ties, plan)
    if chosen is None:
        plan.parts = dict.fromkeys(views, Part.other)
        return plan
    plan.leads, plan.parts[chosen.name] = chosen, Part.leads
    plan.created = created_column(chosen)
    _find_accounts(plan, views, ties)
    for view in views.values():
        if view.name not in plan.parts:
            plan.ways[view.name] = _ways(con, plan, views, ties, view)
    for view in views.values():
        if view.name not in plan.parts:
            plan.parts[view.name] = _part(view, plan.ways[view.name], plan)
        if plan.parts[view.name] is Part.touchpoints:
            plan.row_ids[view.name] = row_id(con, view, plan.ways[view.name])
    return plan


def row_id(con: duckdb.DuckDBPyConnection, view: View, ways: list[Way]) -> tuple[tuple[str, ...], int]:
    """The id, or the columns that together tell rows apart, and how many rows still repeat others.

    Without an id: the key, the times, kinds and numbers, even where fewer do today; then texts until they suffice.
    """
    if view.own_id is not None:
        return (view.own_id.name,), view.own_id.measures.present - view.own_id.measures.distinct
    told = [c for c in view.of(Role.category, Role.number, Role.text) if not c.has(Role.personal, Role.constant)]
    short = [c.name for c in told if not c.has(Role.text) and (c.has(Role.number) or meanings.kind_score(c))]
    chosen = list(dict.fromkeys((ways[0].column, *(c.name for c in time_columns(view)), *short)))
    rest = [c.name for c in told if c.name not in chosen]
    apart = _apart(con, view, chosen)
    while apart < view.look.rows and rest:
        found = _apart(con, view, [*chosen, rest[0]])
        chosen, apart = ([*chosen, rest[0]], found) if found > apart else (chosen, apart)
        rest = rest[1:]
    return tuple(chosen), view.look.rows - apart


def _apart(con: duckdb.DuckDBPyConnection, view: View, names: list[str]) -> int:
    columns = ", ".join(view.columns[n].measures.sql for n in names)
    row = con.execute(f"SELECT count(DISTINCT ({columns})) FROM {view.look.table}").fetchone()
    return row[0] if row else 0


def _choose_leads(views: dict[str, View], ties: list[Tie], plan: Plan) -> View | None:
    scores = {v.name: _leads_score(v, ties) for v in views.values() if v.id is not None and time_columns(v)}
    if not scores:
        plan.doubts.append("no table has both an id that is unique in every row and a time: which one holds the leads?")
        return None
    ranked = sorted(scores, key=lambda n: (-scores[n], n))
    if scores[ranked[0]] <= 0:
        plan.doubts.append(f"no table looks like leads (nearest: {ranked[0]}); say so under leads.from")
        return None
    if len(ranked) > 1 and scores[ranked[0]] - scores[ranked[1]] < 1:
        plan.doubts.append(f"{ranked[0]} is taken as the leads; {ranked[1]} is nearly as likely")
    return views[ranked[0]]


def _leads_score(view: View, ties: list[Tie]) -> float:
    into = {t.table for t in ties if t.sure and t.target == view.name}
    out = {t.target for t in ties if t.sure and t.table == view.name}
    named = view.words
    score = 3.0 * len(into) - 1.5 * len(out - into) + 2.0 * bool(named & words.LEAD_TABLE)
    score += 1.0 * bool(view.of(Role.personal)) + 1.0 * any(c.words & words.CREATED for c in time_columns(view))
    account, deal = bool(named & words.ACCOUNT_TABLE), bool(named & words.DEAL_TABLE)
    return score - 3.0 * account - 2.0 * deal - 2.0 * bool(named & (words.TOUCH_TABLE - words.LEAD_TABLE))


def time_columns(view: View) -> list[Column]:
    """Times that are not a person's own dates, in the header's order."""
    return [c for c in view.of(Role.time) if not c.has(Role.personal)]


def created_column(view: View) -> Column | None:
    """The time at which a row came to be: named so, else the first that is neither a leak nor half empty."""
    ranks = {
        c.name: (
            3 * bool(c.words & words.CREATED) - 3 * c.has(Role.leak) - 2 * bool(c.words & (words.WON | words.LOST))
            + c.measures.present / max(1, c.measures.rows)
        )
        for c in time_columns(view)
    }  # fmt: skip
    return max(time_columns(view), key=lambda c: ranks[c.name], default=None)


def closing_column(view: View) -> Column | None:
    """The time at which the row was decided: named so, or None."""
    closing = words.LEAKS["written by the outcome"] | words.WON | words.LOST
    return next((c for c in time_columns(view) if c.words & closing), None)


def _find_accounts(plan: Plan, views: dict[str, View], ties: list[Tie]) -> None:
    """The table that leads refer to as their company."""
    for tie in ties:
        if plan.leads is not None and tie.sure and tie.table == plan.leads.name:
            target = views[tie.target]
            if target.words & words.ACCOUNT_TABLE or views[tie.table].columns[tie.column].words & words.ACCOUNT_TABLE:
                plan.account, plan.parts[tie.target] = tie, Part.accounts
                return


def _ways(con: duckdb.DuckDBPyConnection, plan: Plan, views: dict[str, View], ties: list[Tie], view: View) -> list[Way]:
    """Every way that a table's rows find a lead, the one that serves most rows first."""
    leads = plan.leads
    if leads is None or not view.look.rows:
        return []
    found = [Way("lead", t.column, t.rows) for t in ties if t.sure and (t.table, t.target) == (view.name, leads.name)]
    if not found:
        found += _by_other_id(con, plan, leads, view)
    found += _by_email(con, leads, view)
    found += _by_link(con, plan, views, ties, view)
    if not found:
        found += _by_via(views, ties, leads, view)
    return sorted(found, key=lambda w: -w.rows)


def _by_email(con: duckdb.DuckDBPyConnection, leads: View, view: View) -> list[Way]:
    if leads.email is None or view.email is None:
        return []
    pair = (view.look.table, view.email.measures.sql), (leads.look.table, leads.email.measures.sql)
    rows, _ = overlap(con, *pair)
    return [Way("email", view.email.name, rows)] if rows >= SOME_MAILS else []


def _by_other_id(con: duckdb.DuckDBPyConnection, plan: Plan, leads: View, view: View) -> list[Way]:
    """By an id of another kind that leads carry, named alike in both tables."""
    for own in leads.columns.values():
        if own.name == (leads.id.name if leads.id else None) or not own.words & words.ID:
            continue
        other = next((c for c in view.columns.values() if words.fold(c.name) == words.fold(own.name)), None)
        if other is None or other.has(Role.empty):
            continue
        rows, _ = overlap(con, (view.look.table, other.measures.sql), (leads.look.table, own.measures.sql))
        if rows >= MOST_ROWS:
            kind = words.snake(own.name).removesuffix("_id") or "other"
            plan.ids[kind] = own.name
            return [Way(kind, other.name, rows)]
    return []


def _by_link(
    con: duckdb.DuckDBPyConnection, plan: Plan, views: dict[str, View], ties: list[Tie], view: View
) -> list[Way]:
    """By a table of people that ties its ids to e-mail addresses of leads."""
    found = []
    for tie in ties:
        people = views[tie.target]
        if tie.table != view.name or not tie.sure or people is plan.leads or plan.leads is None:
            continue
        if people.name == view.name or not _by_email(con, plan.leads, people) or people.email is None:
            continue
        plan.links[people.name] = (people.name, tie.key, people.email.name)
        plan.parts[people.name] = Part.link
        found.append(Way(people.name, tie.column, tie.rows))
    return found


def _by_via(views: dict[str, View], ties: list[Tie], leads: View, view: View) -> list[Way]:
    """By a table of pairs: one column is this table's id, another one the lead's."""
    for tie in ties:
        if not tie.sure or tie.target != view.name or view.id is None:
            continue
        pair = next((t for t in ties if t.sure and t.table == tie.table and t.target == leads.name), None)
        if pair is not None and not time_columns(views[tie.table]):
            return [Way("lead", pair.column, pair.rows, (tie.table, tie.column, view.id.name))]
    return []


def _part(view: View, ways: list[Way], plan: Plan) -> Part:
    if any(w.via and w.via[0] == view.name for found in plan.ways.values() for w in found):
        return Part.link
    if not ways:
        return Part.other
    times = time_columns(view)
    if history_columns(view) is not None and times:
        return Part.history
    if not times:
        plan.doubts.append(f"{view.look.place} refers to leads but has no time: nothing of it can be used")
        return Part.other
    return Part.deals if _deal_score(view) >= 2 else Part.touchpoints


def _deal_score(view: View) -> float:
    kinds = max((meanings.kind_score(c) for c in view.of(Role.category)), default=0.0)
    score = 2.0 * bool(view.words & words.DEAL_TABLE) + 1.5 * (amount_column(view) is not None)
    score += 1.0 * any(c.outcome[0] for c in view.of(Role.outcome)) - 1.5 * (kinds >= 1)
    return score - 2.0 * bool(view.words & words.TOUCH_TABLE)


def amount_column(view: View) -> Column | None:
    """The column with the money, or None."""
    found = [c for c in view.of(Role.number) if c.words & words.AMOUNT and not c.has(Role.id, Role.key)]
    return next(iter(found), None)


def history_columns(view: View) -> tuple[Column, Column | None, Column] | None:
    """The columns (field, old, new) of a table of changes, or None."""
    rest = [c for c in view.columns.values() if not c.has(Role.time, Role.id, Role.key) or c.words & words.NEW]
    named = next((c for c in rest if c.words & words.FIELD and c.has(Role.category, Role.text)), None)
    if named is None and view.words & words.HISTORY_TABLE:
        named = next((c for c in rest if c.words == frozenset(("name",)) and c.has(Role.category)), None)
    others = [c for c in rest if named is not None and c.name != named.name]
    new = next((c for c in others if c.words & words.NEW and not c.words & words.OLD), None)
    old = next((c for c in others if c.words & words.OLD), None)
    if named is None or new is None or (old is None and not view.words & words.HISTORY_TABLE):
        return None
    return named, old, new
