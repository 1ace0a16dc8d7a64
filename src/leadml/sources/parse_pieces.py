"""The pieces that a mapping is made of, read from YAML: files, conditions, words, and the keys that find a lead."""

import re

from leadml.sources.checked import Node, is_scalar
from leadml.sources.spec import Condition, FileSpec, Key, Via, Where, Word

FORMATS = ("auto", "csv", "parquet", "jsonl", "excel")
DECIMALS = ("auto", ".", ",")


def parse_file(name: str, node: Node) -> FileSpec:
    """One entry of ``files``."""
    day_first = node.flag("day_first", False) if node.has("day_first") else None
    spec = FileSpec(
        name=name,
        pattern=node.texts("pattern"),
        format=node.text("format", "auto", FORMATS),
        encoding=node.text("encoding", "auto"),
        required=node.flag("required", True),
        id=node.texts("id", ()),
        columns=_aliases(node.node("columns")),
        ignore=node.nodes("ignore", lambda _, n: parse_where(n)),
        quarantine=node.nodes("quarantine", lambda _, n: parse_where(n)),
        delimiter=node.text("delimiter", None),
        quote=node.text("quote", '"'),
        timezone=node.text("timezone", None),
        day_first=day_first,
        decimal=node.text("decimal", None, DECIMALS),
        sheet=node.text("sheet", None),
        table=node.text("table", None),
        query=node.text("query", None),
        prefix=node.text("prefix", None),
    )
    for what, text in (("delimiter", spec.delimiter), ("quote", spec.quote)):
        if text is not None and len(text) != 1:
            node.problems.add(f"{node.where}.{what}", f"expected one character, got {text!r}")
    node.done()
    return spec


def _aliases(node: Node) -> dict[str, tuple[str, ...]]:
    names = node.items()
    return {name: node.texts(name) for name, value in names.items() if value is not None}


def parse_where(node: Node) -> Where:
    """Conditions on columns, all of which must hold."""
    conditions = []
    for column, wanted in node.items().items():
        if wanted is None:
            continue
        if not isinstance(wanted, dict):
            conditions.append(Condition(column, node.texts(column)))
            continue
        inner = node.node(column)
        keys = [k for k in ("not", "matches", "not_matches", "before") if inner.has(k)]
        values, patterns = inner.texts("not", ()), (inner.text("matches", None), inner.text("not_matches", None))
        pattern = patterns[0] if patterns[0] is not None else patterns[1]
        before = inner.text("before", None)
        negated = not {"matches", "before"} & set(keys)
        conditions.append(Condition(column, values, pattern, negated, before))
        if len(keys) != 1:
            node.problems.add(
                inner.where, "expected a list of texts, or one of not: [texts], matches, not_matches, before"
            )
        if pattern is not None:
            _check_pattern(inner, pattern)
        inner.done()
    return tuple(conditions)


def _check_pattern(node: Node, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        node.problems.add(node.where, f"not a regular expression: {error}")


def parse_word(node: Node, key: str, allowed: tuple[str, ...] = ()) -> Word:
    """A fixed word, or a column with a table of words."""
    value = node.raw(key)
    if value is None or is_scalar(value):
        return Word(fixed=node.text(key, allowed=allowed))
    inner = node.node(key)
    table = inner.node("values")
    word = Word(
        column=inner.text("column"),
        values={k.lower(): table.text(k, allowed=allowed) for k in table.items()},
        default=inner.text("default", None, allowed),
    )
    inner.done()
    return word


def parse_keys(node: Node, key: str = "lead") -> tuple[Key, ...]:
    """One way or several to find the lead of a row."""
    value = node.raw(key)
    entries = value if isinstance(value, list) else [value]
    if value is None:
        node.problems.add(f"{node.where}.{key}", "missing")
        entries = []
    return tuple(_key(Node(entry, f"{node.where}.{key}[{i}]", node.problems)) for i, entry in enumerate(entries))


def _key(node: Node) -> Key:
    via = None
    if node.has("via"):
        inner = node.node("via")
        via = Via(source=inner.text("from"), id=inner.text("id"), key=inner.text("key"))
        inner.done()
    key = Key(by=node.text("by"), column=node.text("column"), split=node.text("split", None), via=via)
    if key.split is not None and key.via is not None:
        node.problems.add(node.where, "say either split or via")
    node.done()
    return key
