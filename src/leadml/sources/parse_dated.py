"""Dated things of a mapping's YAML: touchpoints, conversions, closures, and the rates that turn amounts."""

from typing import Any

from leadml.schema import CHANNELS, CLOSURE_KINDS, INITIATORS
from leadml.sources.checked import Node
from leadml.sources.parse_pieces import parse_keys, parse_where, parse_word
from leadml.sources.spec import AmountHistory, Booked, DatedSpec, Rates, TouchpointSpec

RATES = ("one", "base")


def parse_touchpoint(name: str, node: Node) -> TouchpointSpec:
    """One entry of ``touchpoints``."""
    value, content = (node.node(k) if isinstance(node.raw(k), dict) else None for k in ("value", "content"))
    occurred = node.texts("occurred_at")
    spec = TouchpointSpec(
        name=name,
        source=node.text("from"),
        id=node.texts("id"),
        lead=parse_keys(node),
        occurred_at=occurred,
        known_at=node.texts("known_at", occurred[:1]),
        channel=parse_word(node, "channel", CHANNELS),
        kind=parse_word(node, "kind"),
        initiator=parse_word(node, "initiator", INITIATORS),
        value=value.text("column") if value else node.text("value", None),
        value_scale=value.number("times") if value else 1.0,
        content=content.text("path_of") if content else node.text("content", None),
        content_path=content is not None,
        where=parse_where(node.node("where")),
        required=node.flag("required", True),
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
        "lead": parse_keys(node),
        "at": node.texts("at"),
        "where": parse_where(node.node("where")),
        "booked": _booked(node),
        "known_at": node.texts("known_at", ()),
        "required": node.flag("required", True),
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
        where=parse_where(node.node("where")),
        replaces=node.flag("replaces", False),
    )
    node.done()
    return booked


def parse_conversion(name: str, node: Node) -> DatedSpec:
    """One entry of ``conversions``."""
    amount = node.node("amount") if isinstance(node.raw("amount"), dict) else None
    history = None
    if amount is not None and amount.has("history"):
        history = AmountHistory(history=amount.text("history"), key=amount.text("key"))
    spec = DatedSpec(
        **_dated(name, node),
        amount=amount.text("column") if amount else node.text("amount", None),
        amount_history=history,
        currency=node.text("currency", None),
    )
    if amount:
        amount.done()
    node.done()
    return spec


def parse_closure(name: str, node: Node) -> DatedSpec:
    """One entry of ``closures``."""
    kind = node.text("kind", allowed=CLOSURE_KINDS)
    spec = DatedSpec(**_dated(name, node), kind=kind, reason=node.text("reason", None))
    node.done()
    return spec


def parse_rates(top: Node) -> Rates | None:
    """The entry ``rates``, where there is one."""
    if top.raw("rates") is None:
        return None
    node = top.node("rates")
    rates = Rates(
        source=node.text("from"),
        currency=node.text("currency"),
        at=node.text("at"),
        rate=node.text("rate"),
        per=node.text("per", "one", RATES),
    )
    node.done()
    return rates
