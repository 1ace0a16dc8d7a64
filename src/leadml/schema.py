"""The contract of every table that passes between rooms: columns, DuckDB types, keys and meaning.

All times are UTC, stored as TIMESTAMP without a zone (microseconds). All ids are text. A row is *known* from its
``known_at`` on; features at a cutoff use rows with ``known_at < cutoff`` (strictly), never ``<=``.
A date D without a time, in the source's zone, is known from D+1 00:00 of that zone.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """One table: its columns with DuckDB types, its key, and whether mappings may add attribute columns."""

    name: str
    meaning: str
    columns: dict[str, str]
    key: tuple[str, ...]
    open_columns: bool = False
    meanings: dict[str, str] = field(default_factory=dict)


LEADS = Table(
    "leads",
    "One row a lead, after duplicates were joined. Further columns are attributes fixed at creation.",
    {"lead_id": "VARCHAR", "account_id": "VARCHAR", "created_at": "TIMESTAMP", "known_at": "TIMESTAMP"},
    ("lead_id",),
    open_columns=True,
    meanings={
        "account_id": "the company, null where none is known; never derived from the conversion",
        "created_at": "when the lead came to be; an attribute fixed at creation is known from known_at",
        "known_at": "when the system could know the lead: created_at, or D+1 00:00 for a date without time",
    },
)
ACCOUNTS = Table(
    "accounts",
    "One row a company. Further columns are attributes fixed at creation.",
    {"account_id": "VARCHAR", "created_at": "TIMESTAMP", "known_at": "TIMESTAMP"},
    ("account_id",),
    open_columns=True,
)
HISTORY = Table(
    "history",
    "Attributes that change. From changed_at on the field has the value; the first row of a field starts at creation.",
    {
        "entity": "VARCHAR",
        "entity_id": "VARCHAR",
        "field": "VARCHAR",
        "value": "VARCHAR",
        "changed_at": "TIMESTAMP",
    },
    ("entity", "entity_id", "field", "changed_at"),
    meanings={
        "entity": "'lead' or 'account'",
        "changed_at": "when the change was known; read with changed_at < cutoff",
    },
)
TOUCHPOINTS = Table(
    "touchpoints",
    "One dated interaction with a lead or an account.",
    {
        "touchpoint_id": "VARCHAR",
        "lead_id": "VARCHAR",
        "account_id": "VARCHAR",
        "occurred_at": "TIMESTAMP",
        "known_at": "TIMESTAMP",
        "channel": "VARCHAR",
        "kind": "VARCHAR",
        "initiator": "VARCHAR",
        "value": "DOUBLE",
        "content": "VARCHAR",
    },
    ("touchpoint_id",),
    meanings={
        "touchpoint_id": "source and its own id; the same id twice is one touchpoint",
        "channel": "email, web, social, ads, chat, call, meeting, event, form, campaign, crm",
        "kind": "what happened within the channel, e.g. sent, opened, clicked, visit, download, held",
        "initiator": "'lead' or 'company': what we did to a lead is not intent",
        "value": "a magnitude where the kind has one (seconds, minutes, pages), else null",
        "content": "what it was about (page path, asset, campaign), never personal data",
    },
)
CONVERSIONS = Table(
    "conversions",
    "The business event that is predicted. Several rows a lead are allowed; the first one counts.",
    {
        "lead_id": "VARCHAR",
        "converted_at": "TIMESTAMP",
        "known_at": "TIMESTAMP",
        "amount": "DOUBLE",
        "currency": "VARCHAR",
    },
    ("lead_id", "converted_at"),
    meanings={"converted_at": "a conversion dated D without time is at D 00:00 and known from D+1 00:00"},
)
CLOSURES = Table(
    "closures",
    "Why a lead stopped being open without converting.",
    {
        "lead_id": "VARCHAR",
        "closed_at": "TIMESTAMP",
        "known_at": "TIMESTAMP",
        "kind": "VARCHAR",
        "reason": "VARCHAR",
    },
    ("lead_id", "closed_at", "kind"),
    meanings={
        "kind": "lost or opted_out (label 0); merged or erased (left out and counted); reopened (open again: accounts)"
    },
)
QUARANTINE = Table(
    "quarantine",
    "Every source row that cannot be used.",
    {"file": "VARCHAR", "line": "BIGINT", "rule": "VARCHAR", "column": "VARCHAR", "value": "VARCHAR"},
    (),
    meanings={"line": "1-based line of the record in the file where the reader knows it, else null"},
)

TABLES = {t.name: t for t in (LEADS, ACCOUNTS, HISTORY, TOUCHPOINTS, CONVERSIONS, CLOSURES, QUARANTINE)}

CHANNELS = ("email", "web", "social", "ads", "chat", "call", "meeting", "event", "form", "campaign", "crm")
INITIATORS = ("lead", "company")
CLOSURE_KINDS = ("lost", "merged", "erased", "opted_out")
FAMILIES = ("firmographic", "behaviour", "timing", "channel")

# The keys of a snapshot, in snapshots.parquet; row i of features.parquet belongs to row i of it.
SNAPSHOT_COLUMNS = {
    "lead_id": "the lead; the account with problem.unit=account",
    "account_id": "its company, or the lead's own id where none is known: the unit of the bootstrap",
    "cutoff": "UTC; features use what was known strictly before it; null where the source has no times",
    "grid": "weekly, age, given or row (one row a case, no cutoff grid)",
    "label": "1.0 or 0.0; null while censored (its cutoff has not matured)",
    "amount": "of the conversion that made the label 1, else null",
    "days_to_conversion": "days from the cutoff to the conversion that made the label 1, else null",
    "age_days": "days from the lead's known_at to the cutoff; null without times",
    "untouched": "true where no touchpoint by sales (call, meeting, chat, sales mail) was known before the cutoff",
    "position": "row number in the source file for flat input, else the row's rank by (cutoff, lead_id)",
}
