"""The declarative mapping of one source (``conf/source/*.yaml``) read into the typed `spec.Mapping`, with checks."""

from typing import Any

from leadml.sources.checked import REQUIRED, Node, Problems
from leadml.sources.parse_dated import parse_closure, parse_conversion, parse_rates, parse_touchpoint
from leadml.sources.parse_leads import (
    parse_accounts,
    parse_device,
    parse_history,
    parse_leads,
    parse_link,
    parse_merge,
)
from leadml.sources.parse_pieces import DECIMALS, parse_file
from leadml.sources.references import check_references, check_zones
from leadml.sources.spec import FlatSpec, Mapping

__all__ = ["Mapping", "parse_mapping"]

MISSING_TEXTS = ("", "-", "--", "n/a", "na", "nan", "nat", "null", "none", "select", "--none--", "#n/a", "?")
ID_STYLES = ("plain", "salesforce")
# A rule without a limit of its own that takes more of a file than this stops the run.
DEFAULT_LIMIT = 0.3


def parse_mapping(source: dict[str, Any]) -> Mapping:
    """Build a `Mapping` from the composed ``source`` node.

    Raises:
        ConfigurationError: Every unknown key, wrong type and missing piece, at once.
    """
    problems = Problems()
    top = Node(source, "source", problems)
    flat = top.text("kind", "tables", ("flat", "tables")) == "flat"
    if not flat and not top.has("leads"):
        problems.add("source.leads", "missing: a part such as ga4 joins a CRM, e.g. source=[salesforce,ga4]")
        problems.raise_any(top.text("name", "(a part)"))
    mapping = _parse_flat(top) if flat else _parse_tables(top)
    top.done()
    if not flat and not problems.found:
        check_references(mapping, problems)
    check_zones(mapping, problems)
    problems.raise_any(mapping.name or "(unnamed)")
    return mapping


def _parse_common(top: Node) -> dict[str, Any]:
    limits = top.node("limits")
    return {
        "name": top.text("name"),
        "about": top.text("about", ""),
        "path": top.text("path"),
        "timezone": top.text("timezone", "UTC"),
        "day_first": top.flag("day_first", True),
        "missing": tuple(dict.fromkeys(m.strip().lower() for m in top.texts("missing", MISSING_TEXTS))),
        "exported_at": top.text("exported_at", None),
        "limits": {"default": DEFAULT_LIMIT} | {k: limits.share(k) for k, v in limits.items().items() if v is not None},
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
        delimiter=top.text("delimiter", None),
        sheet=top.text("sheet", None),
    )
    return Mapping(**_parse_common(top), flat=flat)


def _parse_tables(top: Node) -> Mapping:
    return Mapping(
        **_parse_common(top),
        decimal=top.text("decimal", "auto", DECIMALS),
        currency=top.text("currency", None),
        rates=parse_rates(top),
        keep=top.texts("keep", ()),
        id_style=top.text("id_style", "plain", ID_STYLES),
        files=top.nodes("files", parse_file, REQUIRED),
        leads=parse_leads(top.node("leads", REQUIRED)),
        accounts=parse_accounts(top),
        history=top.nodes("history", parse_history),
        merges=tuple(top.nodes("merges", parse_merge).values()),
        links=tuple(top.nodes("links", parse_link).values()),
        devices=tuple(top.nodes("devices", parse_device).values()),
        touchpoints=tuple(top.nodes("touchpoints", parse_touchpoint).values()),
        conversions=top.nodes("conversions", parse_conversion, REQUIRED),
        closures=tuple(top.nodes("closures", parse_closure).values()),
        keywords=top.nodes("keywords", _keywords),
        free_mail=top.texts("free_mail", ()),
        deny=_reasons(top, "deny"),
        handled=_reasons(top, "handled"),
        sensitive=_grouped(top, "sensitive"),
    )


def _reasons(top: Node, key: str) -> dict[str, str]:
    return {k: str(v) for k, v in top.node(key).items().items() if v is not None}


def _grouped(top: Node, key: str) -> tuple[str, ...]:
    """Texts of named groups, so that what several sources list adds up."""
    node = top.node(key)
    return tuple(dict.fromkeys(text for group in node.items() for text in node.texts(group, ())))


def _keywords(_: str, node: Node) -> dict[str, tuple[str, ...]]:
    return {level: node.texts(level) for level, words in node.items().items() if words is not None}
