"""Channel: the mix of channels that the lead used, the first and the last of them, and breadth within the account."""

from functools import partial

import ibis
import ibis.expr.types as ir

from leadml.features.colleagues import breadth_window
from leadml.features.dictionary import Feature, Kind
from leadml.features.family import Counted, Family
from leadml.features.spec import FeatureSpec
from leadml.features.tallies import Row
from leadml.features.topics import CHANNEL_ENDS, CHANNEL_MIX, CHANNEL_VARIETY, COLLEAGUES_ACTIVE
from leadml.features.touches import NO_CHANNEL, channel_counter, content_flag
from leadml.features.words import channel_words, in_window

NAME = "channel"


def channel_features(spec: FeatureSpec) -> Family:
    """Share by channel, number of channels, entropy (longest window); first and last channel; colleagues."""
    family = Family(NAME, measured=True)
    if spec.channels:
        add_shares(family, spec)
        add_mix(family, spec)
        add_ends(family, spec)
    add_colleagues(family, spec)
    return family


def total(row: Row, spec: FeatureSpec) -> ir.FloatingValue:
    """Touchpoints by the lead over the channels in the longest window, missing where there are none."""
    uses = [row.count(channel_counter(c), spec.windows[-1]) for c in spec.channels]
    return sum(uses[1:], uses[0]).nullif(0).cast("float64")


def share(row: Row, channel: str, spec: FeatureSpec) -> ir.FloatingValue:
    """The channel's share of what the lead did."""
    return row.count(channel_counter(channel), spec.windows[-1]) / total(row, spec)


def add_shares(family: Family, spec: FeatureSpec) -> None:
    """share_{channel}_{w}d."""
    window = spec.windows[-1]
    for channel in spec.channels:
        en, es = channel_words(channel)
        words = in_window((f"share of activity through {en}", f"parte de la actividad por {es}"), window)
        feature = Feature(f"share_{channel}_{window}d", NAME, Kind.NUMBER, "share", window, *words, topic=CHANNEL_MIX)
        family.add(feature, partial(share, channel=channel, spec=spec))


def add_mix(family: Family, spec: FeatureSpec) -> None:
    """channels_{w}d: how many were used; channel_entropy_{w}d: Shannon entropy of the shares, in nats."""
    window = spec.windows[-1]

    def used(row: Row) -> ir.Value:
        flags = [(row.count(channel_counter(c), window) > 0).cast("int64") for c in spec.channels]
        return row.where_begun("lead", sum(flags[1:], flags[0]))

    def entropy(row: Row) -> ir.FloatingValue:
        terms = []
        for channel in spec.channels:
            p = share(row, channel, spec)
            terms.append(ibis.ifelse(p > 0, -p * ibis.greatest(p, 1e-12).ln(), p * 0.0))
        return sum(terms[1:], terms[0])

    words = in_window(("channels used", "canales usados"), window)
    family.add(Feature(f"channels_{window}d", NAME, Kind.NUMBER, "count", window, *words, topic=CHANNEL_VARIETY), used)
    words = in_window(("variety of channels", "variedad de canales"), window)
    feature = Feature(f"channel_entropy_{window}d", NAME, Kind.NUMBER, "number", window, *words, topic=CHANNEL_VARIETY)
    family.add(feature, entropy)


def add_ends(family: Family, spec: FeatureSpec) -> None:
    """first_channel, last_channel and channel_path (first > last) of what the lead did.

    Of several touchpoints at the very first instant the first by the channel's name counts, at the last one the last.
    """

    def named(row: Row, column: str) -> ir.StringValue:
        code = row[column] & NO_CHANNEL
        return ibis.cases(*[(code == i, c) for i, c in enumerate(spec.channels)], else_=ibis.null("string"))

    first, last = partial(named, column="first_by_lead"), partial(named, column="newest_by_lead")
    words = ("first channel used", "primer canal usado")
    family.add(Feature("first_channel", NAME, Kind.CATEGORY, "category", None, *words, topic=CHANNEL_ENDS), first)
    words = ("last channel used", "último canal usado")
    family.add(Feature("last_channel", NAME, Kind.CATEGORY, "category", None, *words, topic=CHANNEL_ENDS), last)
    words = ("first and last channel", "primer y último canal")
    family.add(
        Feature("channel_path", NAME, Kind.CATEGORY, "category", None, *words, topic=CHANNEL_ENDS),
        lambda row: first(row) + " > " + last(row),
    )


def add_colleagues(family: Family, spec: FeatureSpec) -> None:
    """colleagues, colleagues_active_{w}d, colleague_activity_{w}d, colleague_{rule}_{w}d: of `build_colleagues`."""
    words = ("other leads of the company", "otros leads de la empresa")
    family.add(Feature("colleagues", NAME, Kind.NUMBER, "count", None, *words))
    window = breadth_window(spec)
    words = ("colleagues who were active", "compañeros activos")
    add_theirs(family, Counted("colleagues_active", "lead", words, COLLEAGUES_ACTIVE), window)
    words = ("interactions by colleagues", "interacciones de compañeros")
    for window in spec.windows:
        add_theirs(family, Counted("colleague_activity", "lead", words, COLLEAGUES_ACTIVE), window)
    for rule in spec.content:
        words = (f"visits by colleagues to {rule.en}", f"visitas de compañeros a {rule.es}")
        stem = f"colleague_{rule.name}"
        add_theirs(family, Counted(stem, content_flag(rule.name), words, stem), spec.windows[-1])


def add_theirs(family: Family, theirs: Counted, window: int) -> None:
    """A count of what colleagues did, missing before the counter's first touchpoint of any lead was known."""
    name, words = f"{theirs.stem}_{window}d", in_window(theirs.words, window)
    feature = Feature(name, NAME, Kind.NUMBER, "count", window, *words, topic=theirs.topic)
    family.add(feature, lambda row: row.where_begun(theirs.counter, row[name]))
