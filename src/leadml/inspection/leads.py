"""The proposed leads, accounts, their attributes and history, as lines of YAML."""

from leadml.inspection import words
from leadml.inspection.keys import View
from leadml.inspection.lines import doubted, indented, noted, quoted
from leadml.inspection.parts import Part, Plan, history_columns, time_columns
from leadml.inspection.roles import Column, Role
from leadml.inspection.shapes import Shape

_MERGED = frozenset(("merged", "master", "duplicate", "fusionado", "fusionada", "maestro"))
_UNSURE = "not known to be as they were when the lead came in; uncomment those that are"


def lead_lines(plan: Plan, leads: View, created: Column, views: dict[str, View]) -> list[str]:
    """The entry ``leads``."""
    note = "" if created.words & words.CREATED else "the first time of the table: is it when the lead came to be?"
    lines = [
        "leads:",
        f"  from: {leads.name}",
        f"  lead_id: {quoted(leads.id.name if leads.id else '')}",
        noted(f"  created_at: {quoted(created.name)}", note),
        *indented(_account_rule(plan, leads)),
    ]
    if leads.email is not None:
        told = "joins duplicates and finds leads by e-mail; goes no further"
        lines.append(noted(f"  email: {quoted(leads.email.name)}", told))
    if plan.ids:
        lines.append("  ids: {" + ", ".join(f"{k}: {quoted(v)}" for k, v in plan.ids.items()) + "}")
    merged = next((c for c in leads.columns.values() if c.words & _MERGED and c.words & words.ID), None)
    if merged is not None and not merged.has(Role.empty, Role.id):
        lines.append(noted(f"  merged_into: {quoted(merged.name)}", "by its name: the lead that this one went into"))
    return [*lines, *indented(_attributes(leads, tracked(plan, views)))]


def _account_rule(plan: Plan, leads: View) -> list[str]:
    if plan.account is not None:
        told = f"{plan.account.rows:.0%} are {plan.account.target}.{plan.account.key}"
        return [noted(f"account_id: {quoted(plan.account.column)}", told)]
    sites = [c for c in leads.columns.values() if c.measures.share(Shape.url) >= 0.5 and not c.has(Role.leak)]
    owner = leads.email or next(iter(sites), None)
    return [f"account_id: {{domain_of: {quoted(owner.name)}}}"] if owner is not None else []


def _attributes(owner: View, histories: dict[str, str]) -> list[str]:
    """The entry ``attributes``: what is likely fixed at creation, what has a history, and the rest as comments."""
    sure: list[str] = []
    unsure: list[str] = []
    if owner.email is not None:
        sure.append(f"mail_kind: {{column: {quoted(owner.email.name)}, type: mail_kind, fixed: true}}")
    for column in owner.columns.values():
        if not _is_value(column):
            continue
        kind = "number" if column.has(Role.number) else "category"
        head = f"{words.snake(column.name)}: {{column: {quoted(column.name)}, type: {kind}"
        if words.fold(column.name) in histories:
            sure.append(f"{head}, history: {histories[words.fold(column.name)]}}}")
        elif not column.has(Role.leak, Role.outcome):
            (sure if column.words & words.FIXED else unsure).append(f"{head}, fixed: true}}")
    if not sure:
        return ["attributes: {}", *(doubted(unsure, f"{_UNSURE}, under attributes") if unsure else [])]
    head = noted("attributes:", "fixed: as it was at creation. history: read as of the cutoff")
    return [head, *indented(sure), *indented(doubted(unsure, _UNSURE) if unsure else [])]


def _is_value(column: Column) -> bool:
    return column.has(Role.number, Role.category) and not column.has(Role.personal, Role.id, Role.key, Role.constant)


def tracked(plan: Plan, views: dict[str, View]) -> dict[str, str]:
    """Columns whose changes a history has: their folded name, and the history's name."""
    found: dict[str, str] = {}
    for name, part in plan.parts.items():
        columns = history_columns(views[name]) if part is Part.history else None
        if columns is not None:
            found |= {words.fold(t): name for t in columns[0].measures.levels}
    return found


def account_lines(plan: Plan, views: dict[str, View]) -> list[str]:
    """The entry ``accounts``, a comment where their table has no time."""
    if plan.account is None:
        return []
    view = views[plan.account.target]
    times = time_columns(view)
    entry = ["accounts:", f"  from: {view.name}", f"  account_id: {quoted(plan.account.key)}"]
    if not times:
        why = f"{view.look.place} has no time, so what it says cannot be dated"
        return ["", *doubted([*entry, "  created_at: COLUMN"], why)]
    return ["", *entry, f"  created_at: {quoted(times[0].name)}", *indented(_attributes(view, {}))]


def history_lines(plan: Plan, views: dict[str, View]) -> list[str]:
    """The entry ``history``."""
    lines: list[str] = []
    for name, part in plan.parts.items():
        columns = history_columns(views[name]) if part is Part.history else None
        if columns is not None:
            lines += indented(_history(plan, views[name], columns))
    return ["", "history:" if any("#" not in x[:4] for x in lines) else "history: {}", *lines] if lines else []


def _history(plan: Plan, view: View, columns: tuple[Column, Column | None, Column]) -> list[str]:
    named, old, new = columns
    way = next((w for w in plan.ways[view.name] if w.by == "lead" and w.via is None), None)
    pairs = [f"from: {view.name}", f"id: {quoted(way.column if way else 'COLUMN')}", f"field: {quoted(named.name)}"]
    pairs += [f"old: {quoted(old.name)}"] if old else []
    pairs += [f"new: {quoted(new.name)}", f"at: {quoted(time_columns(view)[0].name)}"]
    pairs += [] if old else ["complete: true"]
    entry = [f"{view.name}: {{{', '.join(pairs)}}}"]
    return entry if way else doubted(entry, "its rows name leads by something else than the lead's id")
