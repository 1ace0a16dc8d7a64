"""Firmographic: who the lead and its company are, as it was known before the cutoff, and what the company bought."""

import ibis.expr.types as ir

from leadml.features.dictionary import Feature, Kind
from leadml.features.pairs import as_days
from leadml.features.spec import FeatureSpec, FeatureTables
from leadml.features.words import attribute_words

NAME = "firmographic"
CHANNEL_ATTRIBUTES = ("lead_source",)  # told by the CRM as an attribute, but it is the first channel
STAGE = "pipeline_stage"


def attribute_feature(name: str, kind: str, prefix: str = "") -> Feature:
    """The dictionary entry of an attribute or as-of field."""
    family = "channel" if name in CHANNEL_ATTRIBUTES else "timing" if name == STAGE else NAME
    unit = "category" if kind == "category" else "number"
    en, es = attribute_words(name)
    # The stage is moved by sales: it tells how the lead was worked, so it counts as effort.
    return Feature(prefix + name, family, Kind(kind), unit, None, en, es, effort=name == STAGE)


def firmographic_features(spec: FeatureSpec) -> list[Feature]:
    """Entries for lead attributes, account attributes, fields read from history, and past purchases."""
    found = [attribute_feature(n, k) for n, k in spec.lead_attributes.items()]
    found += [attribute_feature(n, k, "account_") for n, k in spec.account_attributes.items()]
    found += [attribute_feature(n, k) for n, k in spec.as_of_fields.items() if n not in spec.lead_attributes]
    if STAGE in spec.as_of_fields:
        words = ("days in the stage of the pipeline", "días en la etapa del proceso")
        found.append(Feature("days_in_stage", "timing", Kind.NUMBER, "days", None, *words, effort=True))
    words = ("earlier conversions of the company", "conversiones anteriores de la empresa")
    found.append(Feature("account_conversions", NAME, Kind.NUMBER, "count", None, *words))
    return found


def build_attributes(tables: FeatureTables, spec: FeatureSpec) -> ir.Table:
    """row, age (microseconds since the lead was known) and the attributes fixed at creation.

    An account's attributes count only where the account was known before the cutoff.
    """
    leads = tables.leads.select(
        "lead_id", lead_known_at="known_at", **{n: tables.leads[n] for n in spec.lead_attributes}
    )
    joined = tables.snapshots.join(leads, "lead_id")
    row = joined.select(
        "row",
        "account_id",
        "cutoff",
        *spec.lead_attributes,
        age=joined.cutoff.delta(joined.lead_known_at, unit="microsecond"),
    )
    if not spec.account_attributes:
        return row.drop("account_id", "cutoff")
    accounts = tables.accounts.select(
        "account_id",
        account_known_at="known_at",
        **{f"account_{n}": tables.accounts[n] for n in spec.account_attributes},
    )
    known = row.left_join(accounts, [row.account_id == accounts.account_id, accounts.account_known_at < row.cutoff])
    return known.drop("account_id", "account_id_right", "cutoff", "account_known_at")


def build_as_of(tables: FeatureTables, spec: FeatureSpec) -> ir.Table | None:
    """Row and each history field's last value with ``changed_at < cutoff``; days_in_stage where there is a stage."""
    if not spec.as_of_fields:
        return None
    history = tables.history.filter(tables.history.entity == "lead").select("entity_id", "field", "value", "changed_at")
    snapshots = tables.snapshots.select("row", "lead_id", "cutoff")
    known = snapshots.join(history, [snapshots.lead_id == history.entity_id, history.changed_at < snapshots.cutoff])
    values = {}
    for name, kind in spec.as_of_fields.items():
        last = known.value.argmax(known.changed_at, where=known.field == name)
        values[name] = last.try_cast("float64") if kind == "number" else last
    if STAGE in spec.as_of_fields:
        entered = known.changed_at.max(where=known.field == STAGE)
        values["days_in_stage"] = as_days(known.cutoff.max().delta(entered, unit="microsecond"))
    return known.group_by("row").aggregate(**values)


def build_purchases(tables: FeatureTables) -> ir.Table:
    """row, account_conversions: conversions of the account's other leads, both known before the cutoff."""
    buyers = tables.leads.select("lead_id", "account_id", buyer_known_at="known_at")
    bought = tables.conversions.join(buyers, "lead_id")
    bought = bought.filter(bought.account_id.notnull()).select(
        "account_id", "buyer_known_at", buyer="lead_id", bought_known_at="known_at"
    )
    snapshots = tables.snapshots.select("row", "lead_id", "account_id", "cutoff")
    pairs = snapshots.join(
        bought,
        [
            snapshots.account_id == bought.account_id,
            bought.buyer != snapshots.lead_id,
            bought.buyer_known_at < snapshots.cutoff,
            bought.bought_known_at < snapshots.cutoff,
        ],
    )
    return pairs.group_by("row").aggregate(account_conversions=lambda t: t.count())
