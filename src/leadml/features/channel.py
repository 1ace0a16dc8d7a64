"""Channel: the mix of channels that the lead used, the first and the last of them, and breadth within the account."""

from functools import partial

import ibis
import ibis.expr.types as ir

from leadml.features.dictionary import Feature, Kind
from leadml.features.family import Family
from leadml.features.pairs import within
from leadml.features.spec import FeatureSpec, FeatureTables
from leadml.features.words import channel_words, in_window

NAME = "channel"
ACCOUNT_DAYS = 30


def build_channel(pairs: ir.Table, spec: FeatureSpec) -> Family:
    """Share by channel, number of channels and entropy in the longest window; first and last channel."""
    family = Family()
    window = spec.windows[-1]
    channels = sorted({k.channel for k in spec.kinds if k.initiator == "lead"})
    for channel in channels:
        uses = pairs.by_lead & (pairs.channel == channel) & within(pairs, window)
        family.count(f"uses_{channel}", pairs.count(where=uses))
        en, es = channel_words(channel)
        words = in_window((f"share of activity through {en}", f"parte de la actividad por {es}"), window)
        family.add(
            Feature(f"share_{channel}_{window}d", NAME, Kind.NUMBER, "share", window, *words),
            partial(share, channel=channel, channels=channels),
        )
    if channels:
        add_mix(family, channels, window)
        add_ends(family, pairs)
    return family


def total(row: ir.Table, channels: list[str]) -> ir.FloatingValue:
    """Touchpoints by the lead over the channels, missing where there are none."""
    uses = row[f"uses_{channels[0]}"]
    for channel in channels[1:]:
        uses = uses + row[f"uses_{channel}"]
    return uses.nullif(0).cast("float64")


def share(row: ir.Table, channel: str, channels: list[str]) -> ir.FloatingValue:
    """The channel's share of what the lead did."""
    return row[f"uses_{channel}"] / total(row, channels)


def add_mix(family: Family, channels: list[str], window: int) -> None:
    """channels_{w}d: how many were used; channel_entropy_{w}d: Shannon entropy of the shares, in nats."""
    en, es = in_window(("channels used", "canales usados"), window)

    def used(row: ir.Table) -> ir.FloatingValue:
        flags = [(row[f"uses_{c}"] > 0).cast("float64") for c in channels]
        return flags[0] if len(flags) == 1 else sum(flags[1:], flags[0])

    def entropy(row: ir.Table) -> ir.FloatingValue:
        terms = []
        for c in channels:
            p = share(row, c, channels)
            terms.append(ibis.ifelse(p > 0, -p * ibis.greatest(p, 1e-12).ln(), p * 0.0))
        return terms[0] if len(terms) == 1 else sum(terms[1:], terms[0])

    family.add(Feature(f"channels_{window}d", NAME, Kind.NUMBER, "count", window, en, es), used)
    en, es = in_window(("variety of channels", "variedad de canales"), window)
    family.add(Feature(f"channel_entropy_{window}d", NAME, Kind.NUMBER, "number", window, en, es), entropy)


def add_ends(family: Family, pairs: ir.Table) -> None:
    """first_channel and last_channel of what the lead did, in the order of `prepare_touchpoints`'s rank."""
    mine = pairs.by_lead
    family.aggregates["first_channel"] = pairs.channel.argmin(pairs["rank"], where=mine)
    family.aggregates["last_channel"] = pairs.channel.argmax(pairs["rank"], where=mine)
    en, es = "first channel used", "primer canal usado"
    family.add(Feature("first_channel", NAME, Kind.CATEGORY, "category", None, en, es))
    en, es = "last channel used", "último canal usado"
    family.add(Feature("last_channel", NAME, Kind.CATEGORY, "category", None, en, es))


def account_features() -> list[Feature]:
    """The features of `build_account`."""
    active = in_window(("colleagues who were active", "compañeros activos"), ACCOUNT_DAYS)
    return [
        Feature("colleagues", NAME, Kind.NUMBER, "count", None, "other leads of the company", "otros de la empresa"),
        Feature(f"colleagues_active_{ACCOUNT_DAYS}d", NAME, Kind.NUMBER, "count", ACCOUNT_DAYS, *active),
    ]


def build_account(tables: FeatureTables) -> ir.Table:
    """row, colleagues, colleagues_active_30d: other leads of the same account, never the lead itself.

    A colleague counts when known before the cutoff; it was active when it began a touchpoint that occurred in
    ``[cutoff - 30 days, cutoff)`` and was known before the cutoff. Leads without account have no row.
    """
    leads = tables.leads.filter(tables.leads.account_id.notnull()).select(
        "account_id", colleague="lead_id", colleague_known_at="known_at"
    )
    snapshots = tables.snapshots.select("row", "lead_id", "account_id", "cutoff")
    others = snapshots.join(
        leads,
        [
            snapshots.account_id == leads.account_id,
            leads.colleague != snapshots.lead_id,
            leads.colleague_known_at < snapshots.cutoff,
        ],
    ).select("row", "cutoff", "colleague")
    acts = tables.touchpoints.filter(tables.touchpoints.initiator == "lead").select(
        actor="lead_id", act_known_at="known_at", act_at="occurred_at"
    )
    since = others.cutoff - ibis.interval(days=ACCOUNT_DAYS)
    active = others.join(
        acts,
        [
            others.colleague == acts.actor,
            acts.act_known_at < others.cutoff,
            acts.act_at < others.cutoff,
            acts.act_at >= since,
        ],
    )
    counts = others.group_by("row").aggregate(colleagues=lambda t: t.count())
    actives = active.group_by("row").aggregate(actives=lambda t: t.colleague.nunique())
    joined = counts.left_join(actives, "row").drop("row_right")
    return joined.select("row", "colleagues", **{f"colleagues_active_{ACCOUNT_DAYS}d": joined.actives.fill_null(0)})
