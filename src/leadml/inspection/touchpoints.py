"""The proposed touchpoints, as lines of YAML, with the reason beside what is not sure."""

from leadml.inspection import meanings, words
from leadml.inspection.keys import View
from leadml.inspection.lines import listed, mapped, noted, one_or_list, quoted
from leadml.inspection.parts import Way, time_columns
from leadml.inspection.roles import Column, Role
from leadml.inspection.shapes import Shape

_GENERAL = "crm"


def keys_text(ways: list[Way]) -> str:
    """The entry ``lead`` of rows that find their lead in these ways."""
    made = []
    for way in ways:
        via = ""
        if way.via:
            table, column, key = way.via
            via = f", via: {{from: {quoted(table)}, id: {quoted(column)}, key: {quoted(key)}}}"
        made.append(f"{{by: {quoted(way.by)}, column: {quoted(way.column)}{via}}}")
    return made[0] if len(made) == 1 else f"[{', '.join(made)}]"


def occurred_column(view: View) -> Column | None:
    """When the thing itself was: not when its row was made or changed, where both are told."""
    rest = [c for c in time_columns(view) if not c.has(Role.leak)] or time_columns(view)
    told = [c for c in rest if not c.words & words.CREATED]
    return next(iter(told or rest), None)


def kind_column(view: View) -> Column | None:
    """The column that tells what kind of touchpoint a row is, or None."""
    columns = [c for c in view.of(Role.category) if not c.has(Role.personal, Role.key) and not meanings.is_direction(c)]
    best = max(columns, key=meanings.kind_score, default=None)
    return best if best is not None and meanings.kind_score(best) >= 0.5 else None


def touchpoint_lines(
    view: View, ways: list[Way], row_id: tuple[tuple[str, ...], int], won: dict[str, tuple[str, ...]]
) -> list[str]:
    """One entry of ``touchpoints``. ``won``: column to the levels that are conversions or closures instead."""
    occurred = occurred_column(view)
    if occurred is None:
        return []
    kind = kind_column(view)
    entry = [f"{view.name}:", f"  from: {view.name}"]
    own, repeated = row_id
    told = f"; {repeated:,} of {view.look.rows:,} rows repeat another one and count once" if repeated else ""
    note = "" if len(own) == 1 and not repeated else f"together they tell rows apart{told}"
    entry.append(noted(f"  id: {one_or_list(own)}", note))
    entry.append(noted(f"  lead: {keys_text(ways)}", f"finds the lead of {ways[0].rows:.0%} of the rows"))
    entry.append(f"  occurred_at: {quoted(occurred.name)}")
    logged = [c.name for c in time_columns(view) if c.words & words.CREATED and c.name != occurred.name]
    if logged:
        entry.append(
            noted(f"  known_at: {listed([occurred.name, *logged])}", "the latest of them: when the row was there")
        )
    entry += _channel_lines(view, kind)
    entry += _kind_lines(view, kind)
    entry += _initiator_lines(view, kind)
    entry += _value_lines(view)
    levels = {c: v for c, v in won.items() if c in view.columns}
    if levels:
        parts = ", ".join(f"{quoted(c)}: {{not: {listed(v)}}}" for c, v in levels.items())
        entry.append(noted(f"  where: {{{parts}}}", "those rows are conversions or closures"))
    return entry


def _channel_lines(view: View, kind: Column | None) -> list[str]:
    # A table called events is a log of anything; its levels tell which of them are fairs and webinars.
    fallback = next((c for c in (meanings.channel_of(view.name),) if c not in (None, "event")), _GENERAL)
    told = [c for c in view.of(Role.category) if not c.has(Role.personal, Role.key) and meanings.channels_of(c)]
    named = [c for c in told if c.words & {"channel", "canal", "medium", "medio"}]
    column = next(iter(named), kind)
    if column is None or not meanings.channels_of(column):
        why = "by the file's name" if fallback != _GENERAL else "no word tells the channel"
        return [noted(f"  channel: {fallback}", why)]
    channels = meanings.channels_of(column)
    unknown = [t for t in column.measures.levels if t not in channels]
    note = f"no word tells the channel of {', '.join(unknown[:6])}" if unknown else "by the words of the levels"
    return [
        f"  channel:   # {note}",
        f"    column: {quoted(column.name)}",
        f"    values: {mapped(channels)}",
        f"    default: {fallback}",
    ]


def _kind_lines(view: View, kind: Column | None) -> list[str]:
    if kind is None:
        return [noted(f"  kind: {view.name}", "no column tells kinds apart")]
    named = {t: words.snake(t) for t in kind.measures.levels}
    return ["  kind:", f"    column: {quoted(kind.name)}", f"    values: {mapped(named)}", "    default: other"]


def _initiator_lines(view: View, kind: Column | None) -> list[str]:
    direction = next((c for c in view.of(Role.category) if meanings.is_direction(c)), None)
    if direction is not None:
        return _initiator(direction, meanings.directions_of(direction), "by the words of the levels")
    if kind is None:
        channel = meanings.channel_of(view.name)
        who = meanings.initiator_of(view.name) or ("lead" if channel in meanings.LEAD_CHANNELS else "company")
        return [noted(f"  initiator: {who}", "a guess: who begins these?")]
    said = {t: meanings.initiator_of(t) for t in kind.measures.levels}
    # Without a word for who did it, what happens on a site or a form is the lead's doing.
    ours = {t for t, who in said.items() if who is None and meanings.channel_of(t) not in meanings.LEAD_CHANNELS}
    leads = {t: "lead" for t, who in said.items() if who != "company" and t not in ours}
    unsure = ", ".join(sorted(ours)[:6])
    note = f"not told by a word, taken as the company's: {unsure}" if ours else "by the words of the levels"
    return _initiator(kind, leads, note) if leads else [noted("  initiator: company", note)]


def _initiator(column: Column, values: dict[str, str], note: str) -> list[str]:
    return [
        f"  initiator:   # {note}",
        f"    column: {quoted(column.name)}",
        f"    values: {mapped(values)}",
        "    default: company",
    ]


def _value_lines(view: View) -> list[str]:
    lines = []
    lasting = next((c for c in view.of(Role.number) if c.words & words.DURATION), None)
    if lasting is not None:
        lines.append(f"  value: {quoted(lasting.name)}")
    free = [
        c for c in view.columns.values() if c.words & words.CONTENT and not c.has(Role.personal, Role.key, Role.empty)
    ]
    address = next((c for c in free if c.measures.share(Shape.url) >= 0.5), None)
    plain = next(
        (c for c in free if c.role is Role.category and c.name != getattr(kind_column(view), "name", "")), None
    )
    if address is not None:
        lines.append(
            noted(f"  content: {{path_of: {quoted(address.name)}}}", "without the query, which may name people")
        )
    elif plain is not None:
        lines.append(f"  content: {quoted(plain.name)}")
    return lines
