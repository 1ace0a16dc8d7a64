"""Which features are built: what the configuration asks for, met with what the tables hold. Stored with the scorer."""

from dataclasses import asdict, dataclass
from typing import Any

import ibis.expr.types as ir

from leadml.config import FeaturesConfig
from leadml.schema import ACCOUNTS, LEADS

MIN_TOUCHPOINTS = 20  # a kind seen less often than this says nothing that a tree could use
SALES_CHANNELS = ("call", "meeting", "chat")


@dataclass(frozen=True)
class TouchKind:
    """A kind of touchpoint: what happened, through which channel, who began it."""

    channel: str
    kind: str
    initiator: str

    @property
    def name(self) -> str:
        """The stem of its features' names, e.g. email_opened; what we did is our_call_connected."""
        stem = self.kind if self.kind.startswith(self.channel) else f"{self.channel}_{self.kind}"
        return stem if self.initiator == "lead" else f"our_{stem}"


@dataclass(frozen=True)
class Content:
    """A part of the content, recognised by a regular expression on the touchpoint's content."""

    name: str
    pattern: str
    en: str
    es: str


@dataclass(frozen=True)
class FeatureSpec:
    """Everything that fixes the columns of the feature frame, so that predict builds what train built."""

    windows: tuple[int, ...]
    half_lives: tuple[int, ...]
    content: tuple[Content, ...]
    kinds: tuple[TouchKind, ...]
    lead_attributes: dict[str, str]
    account_attributes: dict[str, str]
    as_of_fields: dict[str, str]
    include_effort: bool
    exclude: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, entry: dict[str, Any]) -> "FeatureSpec":
        """The inverse of `to_dict`."""
        return cls(
            **{
                **entry,
                "windows": tuple(entry["windows"]),
                "half_lives": tuple(entry["half_lives"]),
                "content": tuple(Content(**c) for c in entry["content"]),
                "kinds": tuple(TouchKind(**k) for k in entry["kinds"]),
                "exclude": tuple(entry["exclude"]),
            }
        )


@dataclass(frozen=True)
class FeatureTables:
    """The tables that features are built from; Ibis tables of one backend, in schema.py's shape.

    ``snapshots`` has row (0..n-1), lead_id, account_id, cutoff.
    """

    snapshots: ir.Table
    leads: ir.Table
    accounts: ir.Table
    history: ir.Table
    touchpoints: ir.Table
    conversions: ir.Table


def build_spec(tables: FeatureTables, config: FeaturesConfig) -> FeatureSpec:
    """The specification for these tables: kinds with enough touchpoints, attributes by their column types."""
    counted = tables.touchpoints.group_by(["channel", "kind", "initiator"]).aggregate(n=lambda t: t.count())
    kinds = counted.filter(counted.n >= MIN_TOUCHPOINTS).order_by(["channel", "kind", "initiator"]).to_pandas()
    return FeatureSpec(
        windows=tuple(sorted(config.windows)),
        half_lives=tuple(sorted(config.half_lives)),
        content=tuple(Content(name, c.pattern, c.en, c.es) for name, c in config.content.items()),
        kinds=tuple(TouchKind(k.channel, k.kind, k.initiator) for k in kinds.itertuples()),
        lead_attributes=attribute_kinds(tables.leads, set(LEADS.columns)),
        account_attributes=attribute_kinds(tables.accounts, set(ACCOUNTS.columns)),
        as_of_fields=as_of_kinds(tables.history),
        include_effort=config.include_effort,
        exclude=tuple(config.exclude),
    )


def attribute_kinds(table: ir.Table, reserved: set[str]) -> dict[str, str]:
    """Attribute columns of leads or accounts with "number" or "category", by column type."""
    schema = table.schema()
    return {n: "number" if schema[n].is_numeric() else "category" for n in schema.names if n not in reserved}


def as_of_kinds(history: ir.Table) -> dict[str, str]:
    """Fields of the leads' history with "number" where every value is one, else "category"."""
    values = history.filter((history.entity == "lead") & history.value.notnull())
    numeric = values.value.try_cast("float64").notnull().cast("int64").min()
    fields = values.group_by("field").aggregate(numeric=numeric).order_by("field").to_pandas()
    return {r.field: "number" if r.numeric else "category" for r in fields.itertuples()}


def is_sales(kind: TouchKind) -> bool:
    """True for what sales (not marketing) did: calls, meetings, chats and sales mails that the company began."""
    return kind.initiator == "company" and (kind.channel in SALES_CHANNELS or kind.kind.startswith("sales"))
