"""What a mapping says, as dataclasses: files, leads, accounts, history, touchpoints, conversions and closures.

Columns are named once for each file: by their own name, or by a logical name with aliases under ``files.X.columns``.
Names match case-insensitively. Everything else in the mapping uses those names; there is no SQL and no formula in it.
"""

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import Protocol

from leadml.sources.names import bare

PERSONAL = "personal data"  # why a column of the mapping's `sensitive` lists is denied


@dataclass(frozen=True)
class Condition:
    """Rows whose column holds one of the texts, matches a regular expression, or is a time before another column's.

    ``negated`` turns the first two round.
    """

    column: str
    values: tuple[str, ...] = ()
    matches: str | None = None
    negated: bool = False
    before: str | None = None


class Sourced(Protocol):
    """Whatever reads rows of one file."""

    @property
    def source(self) -> str:
        """The file's name in the mapping."""


class Timed(Sourced, Protocol):
    """Whatever reads rows with a time of their own."""

    @property
    def at(self) -> tuple[str, ...]:
        """The columns of the time: the first one present counts."""


class Filtered(Sourced, Protocol):
    """Whatever reads the rows that conditions let through."""

    @property
    def where(self) -> "Where":
        """The conditions."""


class Keyed(Sourced, Protocol):
    """Whatever finds the leads of its rows by keys."""

    @property
    def lead(self) -> "tuple[Key, ...]":
        """The ways, the first that finds a lead counts."""


Where = tuple[Condition, ...]
Rules = dict[str, Where]


@dataclass(frozen=True)
class FileSpec:
    """A raw file (or several of one shape, by a glob): how it is found, read, and which rows are set aside at once.

    ``id`` names the columns that tell rows apart: of rows with the same id the last one is kept. ``timezone``,
    ``day_first`` and ``decimal`` are the source's where None. ``sheet`` is of a workbook; ``table`` and ``query`` are
    of a database. ``prefix``: what a connector puts before the names of columns, and not before those in histories.
    """

    name: str
    pattern: tuple[str, ...]
    format: str = "auto"
    encoding: str = "auto"
    required: bool = True
    id: tuple[str, ...] = ()
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ignore: Rules = field(default_factory=dict)
    quarantine: Rules = field(default_factory=dict)
    delimiter: str | None = None
    quote: str = '"'
    timezone: str | None = None
    day_first: bool | None = None
    decimal: str | None = None
    sheet: str | None = None
    table: str | None = None
    query: str | None = None
    prefix: str | None = None

    def aliases(self, column: str) -> tuple[str, ...]:
        """The names under which a column may appear."""
        names = self.columns.get(column, (column,))
        return names if self.prefix is None else (*names, *(f"{self.prefix}{n}" for n in names))

    def own_name(self, header: str) -> str:
        """A column's name without the prefix of its connector."""
        lower, prefix = header.lower(), (self.prefix or "").lower()
        return header[len(prefix) :] if prefix and lower.startswith(prefix) else header


@dataclass(frozen=True)
class Word:
    """A fixed word, or a column whose texts are turned into words; a text without a word takes the default."""

    fixed: str | None = None
    column: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    default: str | None = None


@dataclass(frozen=True)
class Via:
    """A file that ties rows to ids: its rows whose ``id`` equals this row's ``key`` hold the column of the key."""

    source: str
    id: str
    key: str


@dataclass(frozen=True)
class Key:
    """One way to find the lead of a row: by its id, its e-mail, or another kind of id that leads carry.

    With ``split`` the cell holds several ids, with ``via`` another file does: each of their leads gets the row.
    """

    by: str
    column: str
    split: str | None = None
    via: Via | None = None

    @property
    def many(self) -> bool:
        """Whether one row may lead to several leads."""
        return self.split is not None or self.via is not None

    @property
    def here(self) -> str:
        """The column of the row's own file."""
        return self.via.key if self.via else self.column


@dataclass(frozen=True)
class AccountRule:
    """The account's id: a column as it is, or the domain of an e-mail or web site (free-mail domains form none)."""

    column: str
    domain: bool


@dataclass(frozen=True)
class Attribute:
    """One attribute: fixed at creation, or changing and then read from the history file named.

    ``type`` is number (times ``times``), category, date (days from the lead's creation), mail_kind, domain or
    keywords; and "auto" until the files of a `CustomRule` have been read.
    """

    name: str
    column: str
    type: str
    history: str | None = None
    keywords: str | None = None
    times: float = 1.0

    @property
    def kind(self) -> str:
        """How the model reads it: number or category."""
        return "number" if self.type in ("number", "date") else "category"


@dataclass(frozen=True)
class CustomRule:
    """Columns that become attributes by pattern: fixed at creation, or read from a history where it has them."""

    name: str
    columns: tuple[str, ...]
    history: str | None


@dataclass(frozen=True)
class LeadsSpec:
    """Where leads come from, what they are known by, and how several rows of one lead are joined."""

    source: str
    lead_id: str
    created_at: tuple[str, ...]
    known_at: tuple[str, ...]
    account: AccountRule | None
    email: str | None
    join: tuple[str, ...]
    ids: dict[str, str]
    merged_into: str | None
    deleted: str | None
    deleted_at: tuple[str, ...]
    attributes: tuple[Attribute, ...]
    custom: tuple[CustomRule, ...] = ()
    existing: "tuple[ExistingId, ...]" = ()


@dataclass(frozen=True)
class ExistingId:
    """Ids of a kind that may be older than their tie: those over a day older than ``since`` are the lead's from then.

    A row of ``source`` with its ``at`` tells that an id existed. Younger ids are the lead's from its creation.
    """

    kind: str
    since: tuple[str, ...]
    source: str
    id: str
    at: tuple[str, ...]


@dataclass(frozen=True)
class MergeSpec:
    """A file that tells which leads were merged into which, for sources that drop the losing rows."""

    name: str
    source: str
    winner: str
    loser: str
    at: tuple[str, ...]
    split: str | None
    where: Where


@dataclass(frozen=True)
class AccountsSpec:
    """Where accounts come from."""

    source: str
    account: AccountRule
    created_at: tuple[str, ...]
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True)
class HistorySpec:
    """A file of field changes. ``complete``: it has every value of a field, the first one too."""

    source: str
    id: str
    field: str
    old: str | None
    new: str
    at: tuple[str, ...]
    complete: bool = False
    where: Where = ()


@dataclass(frozen=True)
class Link:
    """A further table that ties an id of another kind to a lead; with ``at`` the tie is known from then."""

    kind: str
    source: str
    id: str
    lead: tuple[Key, ...]
    at: tuple[str, ...] = ()
    where: "Where" = ()


@dataclass(frozen=True)
class DeviceSpec:
    """A file in which a device (cookie) is seen with a lead: its rows that name nobody are its first lead's.

    They are known as that lead's from the first time that both were seen together (``always``: from the start), and
    from the first time that another lead is seen on the device its rows are nobody's.
    """

    kind: str
    source: str
    id: str
    lead: tuple[Key, ...]
    at: str
    always: bool = False


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
    required: bool = True


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
class AmountHistory:
    """The history that tells what an amount was at the conversion; ``key`` is the column that it knows the row by."""

    history: str
    key: str


@dataclass(frozen=True)
class Rates:
    """A dated table of exchange rates: ``per`` "one" (value of one unit) or "base" (units for one of the base)."""

    source: str
    currency: str
    at: str
    rate: str
    per: str


@dataclass(frozen=True)
class DatedSpec:
    """A conversion or a closure: which rows, of whom, when; ``known_at`` the latest of those present, and of ``at``."""

    name: str
    source: str
    lead: tuple[Key, ...]
    at: tuple[str, ...]
    where: Where
    booked: Booked | None
    amount: str | None = None
    amount_history: AmountHistory | None = None
    currency: str | None = None
    kind: str = "lost"
    reason: str | None = None
    known_at: tuple[str, ...] = ()
    required: bool = True


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
    delimiter: str | None
    sheet: str | None


@dataclass(frozen=True)
class Mapping:
    """Everything that turns one source's files into tables; ``flat`` instead of the rest for one-table sources.

    ``limits``: for each quarantine rule ("default" for all others) the largest share of a file's rows it may take.
    ``id_style`` "salesforce": an id of 15 characters is the one of 18 without its check.
    """

    name: str
    path: str
    timezone: str
    day_first: bool
    missing: tuple[str, ...]
    exported_at: str | None
    about: str = ""
    decimal: str = "auto"
    currency: str | None = None
    rates: Rates | None = None
    keep: tuple[str, ...] = ()
    id_style: str = "plain"
    limits: dict[str, float] = field(default_factory=dict)
    flat: FlatSpec | None = None
    files: dict[str, FileSpec] = field(default_factory=dict)
    leads: LeadsSpec | None = None
    accounts: AccountsSpec | None = None
    history: dict[str, HistorySpec] = field(default_factory=dict)
    merges: tuple[MergeSpec, ...] = ()
    links: tuple[Link, ...] = ()
    devices: tuple[DeviceSpec, ...] = ()
    touchpoints: tuple[TouchpointSpec, ...] = ()
    conversions: dict[str, DatedSpec] = field(default_factory=dict)
    closures: tuple[DatedSpec, ...] = ()
    keywords: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    free_mail: tuple[str, ...] = ()
    deny: dict[str, str] = field(default_factory=dict)
    handled: dict[str, str] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()

    @property
    def dated(self) -> tuple[DatedSpec, ...]:
        """Every conversion and closure."""
        return (*self.conversions.values(), *self.closures)

    @property
    def keyed(self) -> list[Keyed]:
        """Every part that finds leads by keys."""
        return [*self.touchpoints, *self.links, *self.devices, *self.dated]

    def denied(self, file: str, column: str) -> str | None:
        """Why a column never becomes an attribute, or None; exact names come before patterns.

        A column in ``keep`` is denied only as personal data.
        """
        names = _spellings(file, column)
        if any(fnmatchcase(n, p) for s in self.sensitive for p in _pattern(s) for n in names):
            return PERSONAL
        if self.kept(file, column):
            return None
        exact = next((v for n in names for k, v in self.deny.items() if n in _pattern(k)), None)
        fits = (v for k, v in self.deny.items() for p in _pattern(k) for n in names if fnmatchcase(n, p))
        return exact or next(fits, None)

    def kept(self, file: str, column: str) -> bool:
        """Whether the mapping says that a column is known to be fixed at creation."""
        names = set(_spellings(file, column))
        return any(set(_pattern(k)) & names for k in self.keep)


@cache
def _spellings(file: str, column: str) -> tuple[str, ...]:
    """The names under which a rule may mean a column: with its file or without, as written or by letters and digits."""
    lower, squeezed = column.lower(), bare(column)
    return (f"{file.lower()}.{lower}", f"{bare(file)}.{squeezed}", lower, squeezed)


@cache
def _pattern(rule: str) -> tuple[str, ...]:
    """A rule's pattern as written, and with letters, digits and wildcards alone (the dot parts file and column)."""
    lower = rule.lower()
    return (lower, re.sub(r"[^\w*?.]|_", "", lower))
