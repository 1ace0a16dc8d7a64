"""A whole mapping for exports that no known mapping fits, as the text of a YAML file."""

from dataclasses import dataclass

from leadml.inspection import words
from leadml.inspection.keys import View
from leadml.inspection.leads import account_lines, history_lines, lead_lines, tracked
from leadml.inspection.lines import doubted, indented, listed, quoted
from leadml.inspection.outcomes import logged_outcomes, outcome_lines
from leadml.inspection.parts import Part, Plan
from leadml.inspection.roles import Role
from leadml.inspection.settings import Dialect, file_settings, source_settings
from leadml.inspection.touchpoints import touchpoint_lines


@dataclass(frozen=True)
class Proposal:
    """A proposed mapping: its text, and what is missing before it can be used (nothing where it is complete)."""

    text: str
    missing: tuple[str, ...] = ()


def write_mapping(name: str, views: dict[str, View], plan: Plan) -> Proposal:
    """The mapping that a plan comes to; every line that is not sure is a comment with its reason."""
    used = {n: v for n, v in views.items() if plan.parts[n] is not Part.other}
    dialect = source_settings(used.values())
    lines = [
        f"# Proposed by leadml inspect from {len(used)} of {len(views)} tables. Read it before you use it: lines that",
        '# begin with "# ?" are not sure and say why. docs/sources.md explains every key.',
        "kind: tables",
        f"name: {quoted(name)}",
        f"about: {quoted(f'proposed from {len(used)} tables')}",
        "path: ${paths.raw}        # or source.path=... on the command line",
        *dialect.lines,
        "",
        *_files(used, views, plan, dialect),
    ]
    missing = []
    if plan.leads is None or plan.leads.id is None or plan.created is None:
        missing.append("the table of leads")
        why = "; ".join(plan.doubts) or "no table of leads was found"
        lines += ["", *doubted(["leads: {from: FILE, lead_id: COLUMN, created_at: COLUMN}"], why)]
    else:
        lines += ["", *lead_lines(plan, plan.leads, plan.created, views)]
        lines += [*account_lines(plan, views), *history_lines(plan, views), *_links(plan)]
    conversions, closures = outcome_lines(plan, views)
    if "  won:" not in conversions:
        missing.append("the conversion")
    lines += [*_touchpoints(plan, views), *conversions, *closures, *_refused(plan, views)]
    return Proposal("\n".join(lines).rstrip() + "\n", tuple(missing))


def _files(used: dict[str, View], views: dict[str, View], plan: Plan, dialect: Dialect) -> list[str]:
    lines = ["files:" if used else "files: {}"]
    for view in used.values():
        own = [f"pattern: {listed([view.look.pattern])}"]
        row = view.id if plan.parts[view.name] is Part.leads else view.own_id
        own += [f"id: {quoted(row.name)}"] if row is not None else []
        own += file_settings(view, dialect)
        if plan.parts[view.name] not in (Part.leads, Part.deals):
            own.append("required: false")
        lines.append(f"  {view.name}: {{{', '.join(own)}}}")
    for view in views.values():
        if view.name not in used:
            why = "no column refers to the leads" if plan.leads else "its part is not known"
            entry = f"{view.name}: {{pattern: {listed([view.look.pattern])}}}"
            lines += indented(doubted([entry], f"{view.look.place}: {why}"))
    return lines


def _links(plan: Plan) -> list[str]:
    if not plan.links:
        return []
    entries = [f"  {k}: {{from: {t}, id: {quoted(i)}, email: {quoted(m)}}}" for k, (t, i, m) in plan.links.items()]
    return ["", "links:", *entries]


def _touchpoints(plan: Plan, views: dict[str, View]) -> list[str]:
    entries: list[str] = []
    for name, part in plan.parts.items():
        if part is Part.touchpoints:
            told = logged_outcomes(views[name])
            decided = {told[0].name: (*told[1], *told[2])} if told else {}
            entries += indented(touchpoint_lines(views[name], plan.ways[name], plan.row_ids[name], decided))
    if not entries:
        return ["", "touchpoints: {}   # no table of dated interactions with leads was found"]
    return ["", "touchpoints:", *entries]


def _refused(plan: Plan, views: dict[str, View]) -> list[str]:
    """``deny`` with the evidence, and ``sensitive``."""
    histories = tracked(plan, views)
    deny: dict[str, str] = {}
    personal: list[str] = []
    for name, part in plan.parts.items():
        if part is not Part.other:
            personal += [f"{name}.{c.name}" for c in views[name].of(Role.personal)]
        if part in (Part.leads, Part.accounts):
            late = [c for c in views[name].of(Role.leak, Role.outcome) if not c.has(Role.personal)]
            late = [c for c in late if words.fold(c.name) not in histories]
            deny |= {f"{name}.{c.name}": c.reasons.get(Role.leak) or c.reasons[Role.outcome] for c in late}
    lines = []
    if deny:
        lines += ["", "deny:   # never features, and why", *(f"  {quoted(k)}: {quoted(v)}" for k, v in deny.items())]
    if personal:
        lines += ["", "sensitive:", f"  personal: {listed(dict.fromkeys(personal))}"]
    return lines


def more_lines(views: dict[str, View], plan: Plan, taken: set[str]) -> list[str]:
    """Lines for tables that a recognised mapping does not have and whose rows find its leads, as comments."""
    extra = [n for n, p in plan.parts.items() if n not in taken and p is Part.touchpoints]
    extra = [n for n in extra if all(w.by in ("lead", "email") and w.via is None for w in plan.ways[n])]
    if not extra:
        return []
    dialect = source_settings([])
    entries = ["files:"]
    for name in extra:
        own = [f"pattern: {listed([views[name].look.pattern])}", *file_settings(views[name], dialect)]
        entries.append(f"  {name}: {{{', '.join([*own, 'required: false'])}}}")
    entries.append("touchpoints:")
    for name in extra:
        entries += indented(touchpoint_lines(views[name], plan.ways[name], plan.row_ids[name], {}))
    head = "# ? tables that the known mapping does not have, as touchpoints; uncomment those that are to be read"
    return ["", head, *(f"# {line}" for line in entries)]
