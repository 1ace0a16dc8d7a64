"""What a mapping says, as dataclasses: files, leads, accounts, history, touchpoints, conversions and closures.

Columns are named once for each file: by their own name, or by a logical name with aliases under ``files.X.columns``.
Names match case-insensitively. Everything else in the mapping uses those names; there is no SQL and no formula in it.
"""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase


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
    """A file in which a device (cookie) is seen with a lead: its rows that name nobody are its first lead's.

    They are known as that lead's from the first time that both were seen together, and from the first time that
    another lead is seen on the device its rows are nobody's.
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
    handled: dict[str, str] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()

    def denied(self, file: str, column: str) -> str | None:
        """Why a column never becomes an attribute, or None; exact names come before patterns."""
        names = (f"{file}.{column}".lower(), column.lower())
        if any(fnmatchcase(n, s.lower()) for s in self.sensitive for n in names):
            return "personal data"
        rules = {k.lower(): v for k, v in self.deny.items()}
        exact = next((rules[n] for n in names if n in rules), None)
        return exact or next((v for k, v in rules.items() for n in names if fnmatchcase(n, k)), None)
