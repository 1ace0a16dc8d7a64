"""Which features are built: what the configuration asks for, met with what the tables hold. Stored with the scorer."""

from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

import ibis.expr.types as ir

from leadml.config import FeaturesConfig
from leadml.errors import ConfigurationError, DataError
from leadml.features.countries import COUNTRY_ZONES
from leadml.features.dictionary import Feature
from leadml.schema import ACCOUNTS, LEADS

SALES_CHANNELS = ("call", "meeting", "chat")
MOST_CHANNELS = 63  # they are numbered in six bits, and one number stands for none
COUNTRY = "country"  # the attribute that tells the zone unless the settings say another; not every source has it


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
class OwnFeature:
    """A feature of the user's own: its dictionary entry, and which file computes it (never the code itself).

    ``language`` is "python" (then ``function`` is its name) or "sql"; ``file`` is as the settings write it, ``sha256``
    the digest of its bytes when the feature was defined.
    """

    feature: Feature
    language: str
    file: str
    function: str
    sha256: str

    @classmethod
    def from_dict(cls, entry: dict[str, Any]) -> "OwnFeature":
        """The inverse of `dataclasses.asdict`."""
        return cls(**{**entry, "feature": Feature.from_dict(entry["feature"])})


@dataclass(frozen=True)
class FeatureSpec:
    """Everything that fixes the columns of the feature frame, so that predict builds what train built.

    ``kinds`` have features of their own; ``channels`` are those through which leads did anything at all, by name.
    ``currency`` is the one that amounts were turned into, None where they are as the exports have them.
    """

    windows: tuple[int, ...]
    half_lives: tuple[int, ...]
    content: tuple[Content, ...]
    kinds: tuple[TouchKind, ...]
    lead_attributes: dict[str, str]
    account_attributes: dict[str, str]
    as_of_fields: dict[str, str]
    account_as_of_fields: dict[str, str]
    include_effort: bool
    exclude: tuple[str, ...]
    zone: str = "UTC"
    zone_attribute: str | None = None
    zones: dict[str, str] = field(default_factory=dict)
    season: bool = False
    own: tuple[OwnFeature, ...] = ()
    channels: tuple[str, ...] = ()
    currency: str | None = None

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
                "channels": tuple(entry["channels"]),
                "own": tuple(OwnFeature.from_dict(o) for o in entry.get("own", ())),
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
    closures: ir.Table

    def with_snapshots(self, snapshots: ir.Table) -> "FeatureTables":
        """The same tables with other snapshots."""
        return replace(self, snapshots=snapshots)


def build_spec(tables: FeatureTables, config: FeaturesConfig) -> FeatureSpec:
    """The specification for these tables: kinds with enough touchpoints, attributes by their column types.

    Raises:
        ConfigurationError: features.kinds names a kind that the tables do not have, or not often enough; the zone's
            attribute is not there.
        DataError: more channels than the engine can number.
    """
    return FeatureSpec(
        windows=tuple(sorted(config.windows)),
        half_lives=tuple(sorted(config.half_lives)),
        content=tuple(Content(name, c.pattern, c.en, c.es) for name, c in config.content.items()),
        kinds=choose_kinds(tables.touchpoints, config),
        lead_attributes=attribute_kinds(tables.leads, set(LEADS.columns)),
        account_attributes=attribute_kinds(tables.accounts, set(ACCOUNTS.columns)),
        as_of_fields=as_of_kinds(tables.history, "lead"),
        account_as_of_fields=as_of_kinds(tables.history, "account"),
        include_effort=config.include_effort,
        exclude=tuple(config.exclude),
        zone=config.zone,
        zone_attribute=config.zone_attribute,
        zones=used_zones(tables.leads, config),
        season=config.season,
        channels=list_channels(tables.touchpoints),
    )


def list_channels(touchpoints: ir.Table) -> tuple[str, ...]:
    """The channels through which leads did something, by name.

    Raises:
        DataError: more than `MOST_CHANNELS`.
    """
    mine = touchpoints.filter(touchpoints.lead_id.notnull() & (touchpoints.initiator == "lead"))
    found = tuple(sorted(mine.select("channel").distinct().to_pandas()["channel"]))
    if len(found) > MOST_CHANNELS:
        raise DataError(
            f"what leads did came through {len(found)} channels ({', '.join(found[:3])}, ...), at most {MOST_CHANNELS} "
            "can be told apart: map it to fewer channels, and tell it apart by kind"
        )
    return found


def choose_kinds(touchpoints: ir.Table, config: FeaturesConfig) -> tuple[TouchKind, ...]:
    """The kinds of features.kinds (all where it is empty) with at least features.min_touchpoints touchpoints of leads.

    Raises:
        ConfigurationError: features.kinds names a kind that the touchpoints do not have.
    """
    own = touchpoints.filter(touchpoints.lead_id.notnull())
    counted = own.group_by(["channel", "kind", "initiator"]).aggregate(n=lambda t: t.count())
    found = counted.order_by(["channel", "kind", "initiator"]).to_pandas()
    known = {TouchKind(k.channel, k.kind, k.initiator): int(k.n) for k in found.itertuples()}
    named = {p: [n for k, n in known.items() if fnmatchcase(k.name, p)] for p in config.kinds}
    if unknown := [p for p, numbers in named.items() if not numbers]:
        names = ", ".join(sorted(k.name for k in known)) or "none"
        raise ConfigurationError(
            f"features.kinds names {len(unknown)} unknown kinds: {', '.join(unknown)}; the data have: {names}"
        )
    if few := [f"{p} ({max(numbers)})" for p, numbers in named.items() if max(numbers) < config.min_touchpoints]:
        raise ConfigurationError(
            f"features.kinds names {len(few)} kinds with fewer touchpoints than features.min_touchpoints="
            f"{config.min_touchpoints}: {', '.join(few)}; leave them out or set it lower"
        )
    wanted = [k for k in known if not config.kinds or any(fnmatchcase(k.name, p) for p in config.kinds)]
    return tuple(k for k in wanted if known[k] >= config.min_touchpoints)


def used_zones(leads: ir.Table, config: FeaturesConfig) -> dict[str, str]:
    """What of COUNTRY_ZONES and features.zones (which goes first) the leads' attribute has: lower case, and zone."""
    if config.zone_attribute is None:
        return {}
    if config.zone_attribute not in leads.columns:
        if config.zone_attribute == COUNTRY:
            return {}
        have = ", ".join(sorted(set(leads.columns) - set(LEADS.columns))) or "none"
        raise ConfigurationError(
            f"features.zone_attribute={config.zone_attribute}: leads have no such attribute; they have {have}"
        )
    values = leads.select(said=leads[config.zone_attribute].cast("string").strip().lower()).distinct().to_pandas()
    said = set(values["said"].dropna())
    known = COUNTRY_ZONES | {value.strip().lower(): zone for value, zone in config.zones.items()}
    return {value: known[value] for value in sorted(said & set(known))}


def attribute_kinds(table: ir.Table, reserved: set[str]) -> dict[str, str]:
    """Attribute columns of leads or accounts with "number" or "category", by column type."""
    schema = table.schema()
    return {n: "number" if schema[n].is_numeric() else "category" for n in schema.names if n not in reserved}


def as_of_kinds(history: ir.Table, entity: str) -> dict[str, str]:
    """Fields of the history of leads or accounts with "number" where every value is one, else "category"."""
    values = history.filter((history.entity == entity) & history.value.notnull())
    numeric = values.value.try_cast("float64").notnull().cast("int64").min()
    fields = values.group_by("field").aggregate(numeric=numeric).order_by("field").to_pandas()
    return {r.field: "number" if r.numeric else "category" for r in fields.itertuples()}


def is_sales(kind: TouchKind) -> bool:
    """True for what sales (not marketing) did: calls, meetings, chats and sales mails that the company began."""
    return kind.initiator == "company" and (kind.channel in SALES_CHANNELS or kind.kind.startswith("sales"))
