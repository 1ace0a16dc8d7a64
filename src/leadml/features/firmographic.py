"""Firmographic: who the lead and its company are, as it was known before the cutoff, and what the company bought."""

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from leadml.features.dictionary import Feature, Kind
from leadml.features.family import Family
from leadml.features.spec import FeatureSpec, FeatureTables
from leadml.features.tallies import Row
from leadml.features.timeline import microseconds
from leadml.features.topics import EARLIER_WINS, attribute_topic
from leadml.features.touches import MICROSECONDS_A_DAY
from leadml.features.words import ATTRIBUTE_UNITS, attribute_words
from leadml.features.zones import add_local, zone_of

NAME = "firmographic"
CHANNEL_ATTRIBUTES = ("lead_source",)  # told by the CRM as an attribute, but it is the first channel
STAGE = "pipeline_stage"


def firmographic_features(spec: FeatureSpec) -> Family:
    """Lead and account attributes, fields read from history, what the company bought or turned down before."""
    family = Family(NAME)
    for name, kind in spec.lead_attributes.items():
        family.add(attribute_feature(name, kind), column_of("lead", name))
    for name, kind in spec.account_attributes.items():
        family.add(attribute_feature(name, kind, "account_"), column_of("account", name))
    for name, kind in spec.account_as_of_fields.items():
        if name not in spec.account_attributes:
            family.add(attribute_feature(name, kind, "account_"), column_of("account history", name))
    for name, kind in spec.as_of_fields.items():
        if name not in spec.lead_attributes:
            family.add(attribute_feature(name, kind), column_of("lead history", name))
    if STAGE in spec.as_of_fields:
        words = ("days in the stage of the pipeline", "días en la etapa del proceso")
        family.add(Feature("days_in_stage", "timing", Kind.NUMBER, "days", None, *words, effort=True, topic=STAGE))
    add_past(family, spec)
    return family


def stored(where: str, name: str) -> str:
    """The column of an attribute between the steps: a user's names must not meet those of other columns."""
    return f"{where}: {name}"


def column_of(where: str, name: str) -> Callable[[Row], ir.Value]:
    """What reads the attribute from a snapshot's row."""
    return lambda row: row[stored(where, name)]


def attribute_feature(name: str, kind: str, prefix: str = "") -> Feature:
    """The dictionary entry of an attribute or as-of field."""
    family = "channel" if name in CHANNEL_ATTRIBUTES else "timing" if name == STAGE else NAME
    unit = "category" if kind == "category" else ATTRIBUTE_UNITS.get(name, "number")
    en, es = attribute_words(name)
    if prefix and name not in COMPANY_WORDS:
        en, es = f"{en} (company)", f"{es} (empresa)"
    # The stage is moved by sales: it tells how the lead was worked, so it counts as effort.
    topic = STAGE if name == STAGE else attribute_topic(name)
    return Feature(prefix + name, family, Kind(kind), unit, None, en, es, effort=name == STAGE, topic=topic)


COMPANY_WORDS = ("industry", "employees", "annual_revenue")  # whose words say that they are the company's


def add_past(family: Family, spec: FeatureSpec) -> None:
    """What became of the account's other leads: conversions, their amount, days since the last one, losses."""
    words = ("earlier conversions of the company", "conversiones anteriores de la empresa")
    family.add(Feature("account_conversions", NAME, Kind.NUMBER, "count", None, *words, topic=EARLIER_WINS))
    unit = f"money {spec.currency}" if spec.currency else "money"
    words = ("amount of the company's earlier conversions", "importe de las conversiones anteriores de la empresa")
    family.add(Feature("account_amount", NAME, Kind.NUMBER, unit, None, *words, topic=EARLIER_WINS))
    words = ("days since the company last converted", "días desde la última conversión de la empresa")
    name = "days_since_account_conversion"
    family.add(Feature(name, NAME, Kind.NUMBER, "days", None, *words, never=True, topic=EARLIER_WINS))
    words = ("other leads of the company that were lost", "otros leads de la empresa perdidos")
    family.add(Feature("account_lost", NAME, Kind.NUMBER, "count", None, *words))


def build_attributes(tables: FeatureTables, offsets: ir.Table | None, spec: FeatureSpec) -> ir.Table:
    """One row a snapshot: row, lead_id, account, cutoff, lead_instant, lead_local, attributes fixed at creation.

    lead_instant is when the lead was known, lead_local the same in the lead's own time (see `zones`). An account's
    attributes count only where the account was known before the cutoff. ``account`` is null where the lead has none
    (unlike the snapshots' account_id).
    """
    leads = tables.leads.select(
        "lead_id",
        account="account_id",
        lead_instant=microseconds(tables.leads.known_at),
        zone=zone_of(tables.leads, spec),
        **{stored("lead", n): tables.leads[n] for n in spec.lead_attributes},
    )
    leads = add_local(leads, "lead_instant", offsets).rename(lead_local="local").drop("zone")
    row = tables.snapshots.select("row", "lead_id", "cutoff").join(leads, "lead_id")
    if not spec.account_attributes:
        return row
    accounts = tables.accounts.select(
        account_key="account_id",
        account_known_at="known_at",
        **{stored("account", n): tables.accounts[n] for n in spec.account_attributes},
    )
    known = row.left_join(accounts, [row.account == accounts.account_key, accounts.account_known_at < row.cutoff])
    return known.drop("account_key", "account_known_at")


def build_as_of(tables: FeatureTables, spec: FeatureSpec, entity: str) -> ir.Table | None:
    """Row and each history field's last value with ``changed_at < cutoff``, of the lead or of its account.

    A field that was emptied is missing again. With days_in_stage where leads have a pipeline stage.
    """
    fields = spec.as_of_fields if entity == "lead" else spec.account_as_of_fields
    if not fields:
        return None
    changes = tables.history.filter((tables.history.entity == entity) & tables.history.field.isin(list(fields)))
    following = changes.changed_at.lead().over(group_by=[changes.entity_id, changes.field], order_by=changes.changed_at)
    runs = changes.select("entity_id", "field", "value", "changed_at", until=following)
    snapshots = tables.snapshots.select("row", "lead_id", "cutoff")
    if entity == "account":
        snapshots = snapshots.join(tables.leads.select("lead_id", key="account_id"), "lead_id")
    else:
        snapshots = snapshots.mutate(key=snapshots.lead_id)
    known = snapshots.join(runs, [snapshots.key == runs.entity_id, runs.changed_at < snapshots.cutoff])
    current = known.filter(known["until"].isnull() | (known["until"] >= known.cutoff))
    values: dict[str, ir.Value] = {}
    for name, kind in fields.items():
        last = current.value.max(where=current.field == name)
        values[stored(f"{entity} history", name)] = last.try_cast("float64") if kind == "number" else last
    if entity == "lead" and STAGE in fields:
        entered = current.changed_at.max(where=current.field == STAGE)
        age = (microseconds(current.cutoff.max()) - microseconds(entered)).cast("float64")
        values["days_in_stage"] = age / MICROSECONDS_A_DAY
    return current.group_by("row").aggregate(**values)


def build_past(tables: FeatureTables) -> ir.Table:
    """Row and what became of the account's other leads before the cutoff; leads without account have no row.

    A conversion or loss counts when both it and its lead were known before the cutoff. Amounts are summed in whole
    hundredths, so that no order of rows changes a bit.
    """
    owners = tables.leads.filter(tables.leads.account_id.notnull()).select(
        "lead_id", owner="account_id", lead_known_at="known_at"
    )
    won = tables.conversions.join(owners, "lead_id").select(
        "owner", "lead_id", "amount", at="converted_at",
        known_at=lambda t: ibis.greatest(t.known_at, t.lead_known_at), won=ibis.literal(True),
    )  # fmt: skip
    lost = tables.closures.filter(tables.closures.kind == "lost").join(owners, "lead_id").select(
        "owner", "lead_id", amount=ibis.null("float64"), at="closed_at",
        known_at=lambda t: ibis.greatest(t.known_at, t.lead_known_at), won=ibis.literal(False),
    )  # fmt: skip
    past = ibis.union(won, lost).rename(other="lead_id")
    mine = tables.leads.select("lead_id", account="account_id")
    snapshots = tables.snapshots.select("row", "lead_id", "cutoff").join(mine, "lead_id")
    snapshots = snapshots.filter(snapshots.account.notnull())
    pairs = snapshots.left_join(
        past,
        [snapshots.account == past.owner, past.other != snapshots.lead_id, past.known_at < snapshots.cutoff],
    )
    newest = pairs["at"].max(where=pairs.won)
    return pairs.group_by("row").aggregate(
        account_conversions=pairs.won.cast("int64").sum().fill_null(0),
        account_amount=(pairs.amount * 100).round().cast("int64").sum(where=pairs.won).cast("float64") / 100,
        days_since_account_conversion=(microseconds(pairs.cutoff.max()) - microseconds(newest)).cast("float64")
        / MICROSECONDS_A_DAY,
        account_lost=pairs.other.nunique(where=~pairs.won),
    )
