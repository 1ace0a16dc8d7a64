"""The declarative mapping of one source (``conf/source/*.yaml``) as typed, checked dataclasses.

Columns are named once for each file: by their own name, or by a logical name with aliases under ``files.X.columns``.
Names match case-insensitively. Everything else in the mapping uses those names; there is no SQL and no formula in it.
"""

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

from leadml import schema
from leadml.schema import CHANNELS, CLOSURE_KINDS, INITIATORS
from leadml.sources.checked import REQUIRED, Node, Problems, is_scalar, scalar_text

ATTRIBUTE_TYPES = ("number", "category", "mail_kind", "domain", "keywords")
MISSING_TEXTS = ("", "-", "--", "n/a", "na", "nan", "nat", "null", "none", "select", "--none--", "#n/a", "?")


@dataclass(frozen=True)
class Condition:
    """Rows whose column holds one of the texts, or matches a regular expression; or, negated, does not."""

    column: str
    values: tuple[str, ...] = ()
    matches: str | None = None
    negated: bool = False


Where = tuple[Condition, ...]
Rules = dict[str, Where]


@dataclass(frozen=True)
class FileSpec:
    """A raw file (or several of one shape, by a glob): how it is found, read, and which rows are set aside at once.

    ``id`` names the columns that tell rows apart: of rows with the same id the last one is kept.
    """

    name: str
    pattern: tuple[str, ...]
    format: str
    encoding: str
    required: bool
    id: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]
    ignore: Rules
    quarantine: Rules

    def aliases(self, column: str) -> tuple[str, ...]:
        """The names under which a column may appear."""
        return self.columns.get(column, (column,))


@dataclass(frozen=True)
class Word:
    """A fixed word, or a column whose texts are turned into words; a text without a word takes the default."""

    fixed: str | None = None
    column: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    default: str | None = None


@dataclass(frozen=True)
class Key:
    """One way to find the lead of a row: by its id, its e-mail, or another kind of id that leads carry."""

    by: str
    column: str


@dataclass(frozen=True)
class AccountRule:
    """The account's id: a column as it is, or the domain of an e-mail or web site (free-mail domains form none)."""

    column: str
    domain: bool


@dataclass(frozen=True)
class Attribute:
    """One attribute: fixed at creation, or changing and then read from the history file named."""

    name: str
    column: str
    type: str
    history: str | None = None
    keywords: str | None = None

    @property
    def kind(self) -> str:
        """How the model reads it: number or category."""
        return "number" if self.type == "number" else "category"


@dataclass(frozen=True)
class LeadsSpec:
    """Where leads come from, what they are known by, and how several rows of one lead are joined."""

    source: str
    lead_id: str
    created_at: tuple[str, ...]
    account: AccountRule | None
    email: str | None
    join_email: bool
    ids: dict[str, str]
    merged_into: str | None
    deleted: str | None
    deleted_at: tuple[str, ...]
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True)
class AccountsSpec:
    """Where accounts come from."""

    source: str
    account: AccountRule
    created_at: tuple[str, ...]
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True)
class HistorySpec:
    """A file of field changes of leads."""

    source: str
    id: str
    field: str
    old: str | None
    new: str
    at: tuple[str, ...]


@dataclass(frozen=True)
class Link:
    """A further table that ties an id of another kind to a lead's e-mail, e.g. contacts."""

    kind: str
    source: str
    id: str
    email: str


@dataclass(frozen=True)
class DeviceSpec:
    """A file in which a device (cookie) is seen with a lead: from the first time on, its other rows are that lead's.

    A device seen with several leads belongs to none.
    """

    kind: str
    source: str
    id: str
    lead: tuple[Key, ...]
    at: str


@dataclass(frozen=True)
class TouchpointSpec:
    """One kind of touchpoint. ``occurred_at`` is the first time present, ``known_at`` the latest of those present."""

    name: str
    source: str
    id: tuple[str, ...]
    lead: tuple[Key, ...]
    occurred_at: tuple[str, ...]
    known_at: tuple[str, ...]
    channel: Word
    kind: Word
    initiator: Word
    value: str | None
    value_scale: float
    content: str | None
    content_path: bool
    where: Where


@dataclass(frozen=True)
class Booked:
    """A file that tells the instant at which a dated row was entered; with ``replaces`` it is the time itself."""

    source: str
    id: str
    key: str
    at: tuple[str, ...]
    where: Where
    replaces: bool


@dataclass(frozen=True)
class DatedSpec:
    """A conversion or a closure: which rows, of whom, when."""

    name: str
    source: str
    lead: tuple[Key, ...]
    at: tuple[str, ...]
    where: Where
    booked: Booked | None
    amount: str | None = None
    currency: str | None = None
    kind: str = "lost"
    reason: str | None = None


@dataclass(frozen=True)
class FlatSpec:
    """One table with a row a case: which columns tell the id, the time and the label."""

    lead_id: str | None
    time: str | None
    label: str | None
    positive: tuple[str, ...]
    exclude: tuple[str, ...]
    allow: tuple[str, ...]
    ordered: bool
    encoding: str


@dataclass(frozen=True)
class Mapping:
    """Everything that turns one source's files into tables; ``flat`` instead of the rest for one-table sources."""

    name: str
    path: str
    timezone: str
    day_first: bool
    missing: tuple[str, ...]
    exported_at: str | None
    flat: FlatSpec | None = None
    files: dict[str, FileSpec] = field(default_factory=dict)
    leads: LeadsSpec | None = None
    accounts: AccountsSpec | None = None
    history: dict[str, HistorySpec] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    devices: tuple[DeviceSpec, ...] = ()
    touchpoints: tuple[TouchpointSpec, ...] = ()
    conversions: dict[str, DatedSpec] = field(default_factory=dict)
    closures: tuple[DatedSpec, ...] = ()
    keywords: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    free_mail: tuple[str, ...] = ()
    deny: dict[str, str] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()

    def denied(self, file: str, column: str) -> str | None:
        """Why a column never becomes an attribute, or None; exact names before patterns, ``File.Column`` before both."""
        names = (f"{file}.{column}".lower(), column.lower())
        if any(fnmatchcase(n, s.lower()) for s in self.sensitive for n in names):
            return "personal data"
        rules = {k.lower(): v for k, v in self.deny.items()}
        exact = next((rules[n] for n in names if n in rules), None)
        return exact or next((v for k, v in rules.items() for n in names if fnmatchcase(n, k)), None)


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
        _check_references(mapping, problems)
    _check_common(mapping, problems)
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
        accounts=_accounts(top.node("accounts")) if top.has("accounts") else _nothing(top, "accounts"),
        history=history,
        links=tuple(top.nodes("links", _link).values()),
        devices=tuple(top.nodes("devices", _device).values()),
        touchpoints=tuple(top.nodes("touchpoints", _touchpoint).values()),
        conversions=top.nodes("conversions", _conversion, REQUIRED),
        closures=tuple(top.nodes("closures", _closure).values()),
        keywords=top.nodes("keywords", _keywords),
        free_mail=top.texts("free_mail", ()),
        deny={k: str(v) for k, v in top.node("deny").items().items()},
        sensitive=top.texts("sensitive", ()),
    )


def _nothing(node: Node, key: str) -> None:
    node.raw(key)


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
        node.problems.add(node.where, "say either fixed: true (known at creation) or history: <name under source.history>")
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


def _accounts(node: Node) -> AccountsSpec:
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
        "booked": _booked(node.node("booked")) if node.has("booked") else _nothing(node, "booked"),
    }


def _booked(node: Node) -> Booked:
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


def _check_common(mapping: Mapping, problems: Problems) -> None:
    try:
        ZoneInfo(mapping.timezone)
    except (KeyError, ValueError, OSError):
        problems.add("source.timezone", f"{mapping.timezone!r} is not a zone, e.g. UTC or Europe/Madrid")


def _check_references(mapping: Mapping, problems: Problems) -> None:
    """Every name that points elsewhere in the mapping must point at something; denied columns stay out."""
    leads = mapping.leads
    if leads is None:
        return
    accounts = (mapping.accounts,) if mapping.accounts else ()
    dated = (*mapping.conversions.values(), *mapping.closures)
    booked = tuple(d.booked for d in dated if d.booked)
    named = (leads, *accounts, *mapping.history.values(), *mapping.links, *mapping.devices, *mapping.touchpoints, *dated, *booked)
    for spec in named:
        _check_name(spec.source, mapping.files, "a file under source.files", problems)
    if leads.source in mapping.files and not mapping.files[leads.source].required:
        problems.add(f"source.files.{leads.source}", "the file of the leads must be required: true")
    kinds = {"lead", "email", *leads.ids, *(x.kind for x in (*mapping.links, *mapping.devices))}
    for entry in (*mapping.touchpoints, *dated):
        for key in entry.lead:
            _check_name(key.by, kinds, f"a way to find the lead (in {entry.name})", problems)
    for owner in (leads, *accounts):
        for attribute in owner.attributes:
            _check_attribute(mapping, owner.source, attribute, problems)


def _check_attribute(mapping: Mapping, file: str, attribute: Attribute, problems: Problems) -> None:
    where = f"attribute {attribute.name}"
    if attribute.history is not None:
        _check_name(attribute.history, mapping.history, f"a history under source.history ({where})", problems)
    if attribute.keywords is not None:
        _check_name(attribute.keywords, mapping.keywords, f"a list under source.keywords ({where})", problems)
    exact = {k.lower() for k in mapping.deny if not any(c in k for c in "*?[")}
    named = {attribute.column.lower(), f"{file}.{attribute.column}".lower()}
    why = mapping.denied(file, attribute.column)
    carried = attribute.type in ("number", "category")
    if carried and (why == "personal data" or (attribute.history is None and named & exact)):
        problems.add(where, f"column {attribute.column} is denied ({why}); leave it out, or take it from a history")


def _check_name(name: str, known: Any, what: str, problems: Problems) -> None:
    if name not in known:
        problems.add(f"'{name}'", f"is not {what}; allowed: {', '.join(sorted(known)) or 'none'}")
