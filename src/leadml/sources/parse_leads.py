"""Leads, accounts, what changes, and what ties ids to leads, read from a mapping's YAML."""

import re

from leadml import schema
from leadml.sources.checked import Node, is_scalar, scalar_text
from leadml.sources.parse_pieces import parse_keys, parse_where
from leadml.sources.spec import (
    AccountRule,
    AccountsSpec,
    Attribute,
    CustomRule,
    DeviceSpec,
    ExistingId,
    HistorySpec,
    Key,
    LeadsSpec,
    Link,
    MergeSpec,
)

ATTRIBUTE_TYPES = ("number", "category", "date", "mail_kind", "domain", "keywords")
TIES = ("known", "always")


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
        times=node.number("times") if node.has("times") else 1.0,
    )
    if fixed == (history is not None):
        node.problems.add(
            node.where, "say either fixed: true (known at creation) or history: <name under source.history>"
        )
    if (attribute.type == "keywords") != (attribute.keywords is not None):
        node.problems.add(node.where, "type: keywords needs keywords: <name under source.keywords>, and only it")
    if history is not None and attribute.type == "date":
        node.problems.add(node.where, "a date that changes is no attribute: take it as fixed: true, or leave it out")
    if attribute.times != 1.0 and attribute.type != "number":
        node.problems.add(node.where, "times is for type: number")
    if name in schema.LEADS.columns or name in schema.ACCOUNTS.columns:
        node.problems.add(node.where, "the name is taken by the table itself")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        node.problems.add(node.where, "attribute names are lower-case words joined by _")
    node.done()
    return attribute


def _custom(name: str, node: Node) -> CustomRule:
    fixed, history = node.flag("fixed", False), node.text("history", None)
    rule = CustomRule(name=name, columns=node.texts("columns"), history=history)
    if fixed == (history is not None):
        node.problems.add(
            node.where, "say either fixed: true (known at creation) or history: <name under source.history>"
        )
    node.done()
    return rule


def _existing(kind: str, node: Node) -> ExistingId:
    existing = ExistingId(
        kind=kind, since=node.texts("since"), source=node.text("from"), id=node.text("id"), at=node.texts("at")
    )
    node.done()
    return existing


def parse_leads(node: Node) -> LeadsSpec:
    """The entry ``leads``."""
    ids = node.node("ids")
    spec = LeadsSpec(
        source=node.text("from"),
        lead_id=node.text("lead_id"),
        created_at=node.texts("created_at"),
        known_at=node.texts("known_at", ()),
        account=_account(node, required=False),
        email=node.text("email", None),
        join=node.texts("join", ("email",) if node.has("email") else ()),
        ids={k: ids.text(k) for k, v in ids.items().items() if v is not None},
        merged_into=node.text("merged_into", None),
        deleted=node.text("deleted", None),
        deleted_at=node.texts("deleted_at", ()),
        attributes=tuple(node.nodes("attributes", _attribute).values()),
        custom=tuple(node.nodes("custom", _custom).values()),
        existing=tuple(node.nodes("existing", _existing).values()),
    )
    node.done()
    return spec


def parse_accounts(top: Node) -> AccountsSpec | None:
    """The entry ``accounts``, where there is one."""
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


def parse_history(name: str, node: Node) -> HistorySpec:
    """One entry of ``history``."""
    spec = HistorySpec(
        source=node.text("from", name),
        id=node.text("id"),
        field=node.text("field"),
        old=node.text("old", None),
        new=node.text("new"),
        at=node.texts("at"),
        complete=node.flag("complete", False),
        where=parse_where(node.node("where")),
    )
    node.done()
    return spec


def parse_merge(name: str, node: Node) -> MergeSpec:
    """One entry of ``merges``."""
    spec = MergeSpec(
        name=name,
        source=node.text("from"),
        winner=node.text("winner"),
        loser=node.text("loser"),
        at=node.texts("at"),
        split=node.text("split", None),
        where=parse_where(node.node("where")),
    )
    node.done()
    return spec


def parse_link(name: str, node: Node) -> Link:
    """One entry of ``links``; ``email: COL`` is short for a key by e-mail."""
    short = node.text("email", None)
    keys = (Key("email", short),) if short is not None else parse_keys(node)
    if short is not None and node.has("lead"):
        node.problems.add(node.where, "say either email or lead")
    link = Link(
        kind=name,
        source=node.text("from"),
        id=node.text("id"),
        lead=keys,
        at=node.texts("at", ()),
        where=parse_where(node.node("where")),
    )
    node.done()
    return link


def parse_device(name: str, node: Node) -> DeviceSpec:
    """One entry of ``devices``."""
    spec = DeviceSpec(
        kind=name,
        source=node.text("from"),
        id=node.text("id"),
        lead=parse_keys(node),
        at=node.text("at"),
        always=node.text("ties", "known", TIES) == "always",
    )
    node.done()
    return spec
