"""The declarative mapping of one source (``conf/source/*.yaml``) read into the typed `spec.Mapping`, with checks."""

import re
from typing import Any

from leadml import schema
from leadml.schema import CHANNELS, CLOSURE_KINDS, INITIATORS
from leadml.sources.checked import REQUIRED, Node, Problems, is_scalar, scalar_text
from leadml.sources.references import check_references, check_zone
from leadml.sources.spec import (
    AccountRule,
    AccountsSpec,
    Attribute,
    Booked,
    Condition,
    DatedSpec,
    DeviceSpec,
    FileSpec,
    FlatSpec,
    HistorySpec,
    Key,
    LeadsSpec,
    Link,
    Mapping,
    TouchpointSpec,
    Where,
    Word,
)

__all__ = ["Mapping", "parse_mapping"]

ATTRIBUTE_TYPES = ("number", "category", "mail_kind", "domain", "keywords")
MISSING_TEXTS = ("", "-", "--", "n/a", "na", "nan", "nat", "null", "none", "select", "--none--", "#n/a", "?")


def parse_mapping(source: dict[str, Any]) -> Mapping:
    """Build a `Mapping` from the composed ``source`` node.

    Raises:
        ConfigurationError: Every unknown key, wrong type and missing piece, at once.
    """
    problems = Problems()
    top = Node(source, "source", problems)
    flat = top.text("kind", "tables", ("flat", "tables")) == "flat"
    mapping = _parse_flat(top) if flat else _parse_tables(top)
    top.done()
    if not flat and not problems.found:
        check_references(mapping, problems)
    check_zone(mapping, problems)
    problems.raise_any(mapping.name or "(unnamed)")
    return mapping


def _parse_common(top: Node) -> dict[str, Any]:
    return {
        "name": top.text("name"),
        "path": top.text("path"),
        "timezone": top.text("timezone", "UTC"),
        "day_first": top.flag("day_first", True),
        "missing": tuple(dict.fromkeys(m.strip().lower() for m in top.texts("missing", MISSING_TEXTS))),
        "exported_at": top.text("exported_at", None),
    }


def _parse_flat(top: Node) -> Mapping:
    flat = FlatSpec(
        lead_id=top.text("lead_id", None),
        time=top.text("time", None),
        label=top.text("label", None),
        positive=top.texts("positive", ()),
        exclude=top.texts("exclude", ()),
        allow=top.texts("allow", ()),
        ordered=top.flag("ordered", False),
        encoding=top.text("encoding", "auto"),
    )
    return Mapping(**_parse_common(top), flat=flat)


def _parse_tables(top: Node) -> Mapping:
    leads = top.node("leads", REQUIRED)
    history = top.nodes("history", _history)
    return Mapping(
        **_parse_common(top),
        files=top.nodes("files", _file, REQUIRED),
        leads=_leads(leads),
        accounts=_accounts(top),
        history=history,
        links=tuple(top.nodes("links", _link).values()),
        devices=tuple(top.nodes("devices", _device).values()),
        touchpoints=tuple(top.nodes("touchpoints", _touchpoint).values()),
        conversions=top.nodes("conversions", _conversion, REQUIRED),
        closures=tuple(top.nodes("closures", _closure).values()),
        keywords=top.nodes("keywords", _keywords),
        free_mail=top.texts("free_mail", ()),
        deny={k: str(v) for k, v in top.node("deny").items().items()},
        handled={k: str(v) for k, v in top.node("handled").items().items()},
        sensitive=top.texts("sensitive", ()),
    )


def _file(name: str, node: Node) -> FileSpec:
    spec = FileSpec(
        name=name,
        pattern=node.texts("pattern"),
        format=node.text("format", "csv", ("csv", "parquet")),
        encoding=node.text("encoding", "auto"),
        required=node.flag("required", True),
        id=node.texts("id", ()),
        columns=_aliases(node.node("columns")),
        ignore=node.nodes("ignore", lambda _, n: _where(n)),
        quarantine=node.nodes("quarantine", lambda _, n: _where(n)),
    )
    node.done()
    return spec


def _aliases(node: Node) -> dict[str, tuple[str, ...]]:
    names = node.items()
    return {name: node.texts(name) for name in names}


def _where(node: Node) -> Where:
    conditions = []
    for column, wanted in node.items().items():
        if not isinstance(wanted, dict):
            conditions.append(Condition(column, node.texts(column)))
            continue
        inner = node.node(column)
        keys = [k for k in ("not", "matches", "not_matches") if inner.has(k)]
        values, patterns = inner.texts("not", ()), (inner.text("matches", None), inner.text("not_matches", None))
        pattern = patterns[0] if patterns[0] is not None else patterns[1]
        conditions.append(Condition(column, values, pattern, "matches" not in keys))
        if len(keys) != 1:
            node.problems.add(inner.where, "expected a list of texts, or one of not: [texts], matches, not_matches")
        if pattern is not None:
            _check_pattern(inner, pattern)
        inner.done()
    return tuple(conditions)


def _check_pattern(node: Node, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        node.problems.add(node.where, f"not a regular expression: {error}")


def _word(node: Node, key: str, allowed: tuple[str, ...] = ()) -> Word:
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


def _keys(node: Node) -> tuple[Key, ...]:
    value = node.raw("lead")
    entries = value if isinstance(value, list) else [value]
    keys = []
    for i, entry in enumerate(entries):
        inner = Node(entry, f"{node.where}.lead[{i}]", node.problems)
        keys.append(Key(by=inner.text("by"), column=inner.text("column")))
        inner.done()
    return tuple(keys)


def _account(node: Node, required: bool) -> AccountRule | None:
    value = node.raw("account_id")
    if value is None:
        if required:
            node.problems.add(f"{node.where}.account_id", "missing")
        return None
    if is_scalar(value):
        return AccountRule(scalar_text(value), domain=False)
    inner = node.node("account_id")
    rule = AccountRule(inner.text("domain_of"), domain=True)
    inner.done()
    return rule


def _attribute(name: str, node: Node) -> Attribute:
    fixed, history = node.flag("fixed", False), node.text("history", None)
    attribute = Attribute(
        name=name,
        column=node.text("column"),
        type=node.text("type", allowed=ATTRIBUTE_TYPES),
        history=history,
        keywords=node.text("keywords", None),
    )
    if fixed == (history is not None):
        node.problems.add(
            node.where, "say either fixed: true (known at creation) or history: <name under source.history>"
        )
    if (attribute.type == "keywords") != (attribute.keywords is not None):
        node.problems.add(node.where, "type: keywords needs keywords: <name under source.keywords>, and only it")
    if history is not None and attribute.type not in ("number", "category"):
        node.problems.add(node.where, "an attribute with a history is a number or a category")
    if name in schema.LEADS.columns or name in schema.ACCOUNTS.columns:
        node.problems.add(node.where, "the name is taken by the table itself")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        node.problems.add(node.where, "attribute names are lower-case words joined by _")
    node.done()
    return attribute


def _leads(node: Node) -> LeadsSpec:
    ids = node.node("ids")
    spec = LeadsSpec(
        source=node.text("from"),
        lead_id=node.text("lead_id"),
        created_at=node.texts("created_at"),
        account=_account(node, required=False),
        email=node.text("email", None),
        join_email=node.flag("join_email", True),
        ids={k: ids.text(k) for k in ids.items()},
        merged_into=node.text("merged_into", None),
        deleted=node.text("deleted", None),
        deleted_at=node.texts("deleted_at", ()),
        attributes=tuple(node.nodes("attributes", _attribute).values()),
    )
    node.done()
    return spec


def _accounts(top: Node) -> AccountsSpec | None:
    if top.raw("accounts") is None:
        return None
    node = top.node("accounts")
    spec = AccountsSpec(
        source=node.text("from"),
        account=_account(node, required=True) or AccountRule("", domain=False),
        created_at=node.texts("created_at"),
        attributes=tuple(node.nodes("attributes", _attribute).values()),
    )
    node.done()
    return spec


def _history(name: str, node: Node) -> HistorySpec:
    spec = HistorySpec(
        source=node.text("from", name),
        id=node.text("id"),
        field=node.text("field"),
        old=node.text("old", None),
        new=node.text("new"),
        at=node.texts("at"),
    )
    node.done()
    return spec


def _link(name: str, node: Node) -> Link:
    link = Link(kind=name, source=node.text("from"), id=node.text("id"), email=node.text("email"))
    node.done()
    return link


def _device(name: str, node: Node) -> DeviceSpec:
    spec = DeviceSpec(kind=name, source=node.text("from"), id=node.text("id"), lead=_keys(node), at=node.text("at"))
    node.done()
    return spec


def _touchpoint(name: str, node: Node) -> TouchpointSpec:
    value, content = (node.node(k) if isinstance(node.raw(k), dict) else None for k in ("value", "content"))
    occurred = node.texts("occurred_at")
    spec = TouchpointSpec(
        name=name,
        source=node.text("from"),
        id=node.texts("id"),
        lead=_keys(node),
        occurred_at=occurred,
        known_at=node.texts("known_at", occurred[:1]),
        channel=_word(node, "channel", CHANNELS),
        kind=_word(node, "kind"),
        initiator=_word(node, "initiator", INITIATORS),
        value=value.text("column") if value else node.text("value", None),
        value_scale=value.number("times") if value else 1.0,
        content=content.text("path_of") if content else node.text("content", None),
        content_path=content is not None,
        where=_where(node.node("where")),
    )
    for inner in (value, content):
        if inner:
            inner.done()
    node.done()
    return spec


def _dated(name: str, node: Node) -> dict[str, Any]:
    return {
        "name": name,
        "source": node.text("from"),
        "lead": _keys(node),
        "at": node.texts("at"),
        "where": _where(node.node("where")),
        "booked": _booked(node),
    }


def _booked(outer: Node) -> Booked | None:
    if outer.raw("booked") is None:
        return None
    node = outer.node("booked")
    booked = Booked(
        source=node.text("from"),
        id=node.text("id"),
        key=node.text("key"),
        at=node.texts("at"),
        where=_where(node.node("where")),
        replaces=node.flag("replaces", False),
    )
    node.done()
    return booked


def _conversion(name: str, node: Node) -> DatedSpec:
    spec = DatedSpec(**_dated(name, node), amount=node.text("amount", None), currency=node.text("currency", None))
    node.done()
    return spec


def _closure(name: str, node: Node) -> DatedSpec:
    kind = node.text("kind", allowed=CLOSURE_KINDS)
    spec = DatedSpec(**_dated(name, node), kind=kind, reason=node.text("reason", None))
    node.done()
    return spec


def _keywords(_: str, node: Node) -> dict[str, tuple[str, ...]]:
    return {level: node.texts(level) for level in node.items()}
