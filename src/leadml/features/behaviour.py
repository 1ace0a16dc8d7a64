"""Behaviour: what the lead did, how much and how deep; and, flagged as sales effort, what we did and how fast."""

from functools import partial

import ibis.expr.types as ir

from leadml.features.dictionary import Feature, Kind
from leadml.features.family import Counted, Family
from leadml.features.spec import FeatureSpec, is_sales
from leadml.features.tallies import HOUR, Row, days_in
from leadml.features.topics import ACTIVITY, ANSWERS, OUR_TOUCHES, WEB_VISITS, content_topic, kind_topic
from leadml.features.touches import content_flag, kind_counter
from leadml.features.words import in_window, kind_words

NAME = "behaviour"


def behaviour_features(spec: FeatureSpec) -> Family:
    """Counts by kind and window, distinct days and pages, content depth, answers; our own effort and its speed."""
    family = Family(NAME, measured=True)
    add_kind_counts(family, spec)
    add_activity(family, spec)
    add_content(family, spec)
    add_answers(family, spec)
    add_effort(family, spec)
    return family


def add_kind_counts(family: Family, spec: FeatureSpec) -> None:
    """{kind}_{w}d: touchpoints of the kind in ``[cutoff - w, cutoff)``."""
    for code, kind in enumerate(spec.kinds):
        ours = kind.initiator == "company"
        counted = Counted(kind.name, kind_counter(code), kind_words(kind), kind_topic(kind), ours)
        for window in spec.windows:
            family.count(counted, window)


def add_activity(family: Family, spec: FeatureSpec) -> None:
    """activity_{w}d: everything the lead did; active_days_{w}d: on how many UTC days; pages_{w}d: distinct contents."""
    everything = Counted("activity", "lead", ("interactions by the lead", "interacciones del lead"), ACTIVITY)
    for window in spec.windows:
        family.count(everything, window)
    for window in spec.windows:
        en, es = in_window(("days with activity by the lead", "días con actividad del lead"), window)
        feature = Feature(f"active_days_{window}d", NAME, Kind.NUMBER, "days", window, en, es, topic=ACTIVITY)
        family.add(feature, partial(known_count, column=days_in(window)))
    window = spec.windows[-1]
    words = in_window(("different pages and contents seen", "páginas y contenidos distintos vistos"), window)
    feature = Feature(f"pages_{window}d", NAME, Kind.NUMBER, "count", window, *words, topic=WEB_VISITS)
    family.add(feature, partial(known_count, column="pages"))


def known_count(row: Row, column: str) -> ir.Value:
    """A count of what the lead did, missing before the first touchpoint of any lead was known."""
    return row.where_begun("lead", row[column])


def add_content(family: Family, spec: FeatureSpec) -> None:
    """content_{rule}_{w}d: what the lead did with content that the rule recognises."""
    for rule in spec.content:
        words = (f"visits to {rule.en}", f"visitas a {rule.es}")
        counted = Counted(f"content_{rule.name}", content_flag(rule.name), words, content_topic(rule))
        for window in spec.windows:
            family.count(counted, window)


def add_answers(family: Family, spec: FeatureSpec) -> None:
    """answers_{w}d, answered_share_{w}d, answer_hours_{w}d: what the lead did right after we did something.

    To what we did in the longest window. The share is missing where we did nothing, the hours where nothing was
    answered. For mails also email_reactions_{w}d: how often they were opened, clicked or replied to for each one sent.
    """
    window = spec.windows[-1]
    words = in_window(("answers to something that we did", "respuestas a algo que hicimos"), window)
    feature = Feature(f"answers_{window}d", NAME, Kind.NUMBER, "count", window, *words, topic=ANSWERS)
    family.add(feature, partial(known_count, column="answer_n"))
    words = in_window(("share of what we did that was answered", "parte de lo que hicimos con respuesta"), window)
    family.add(
        Feature(f"answered_share_{window}d", NAME, Kind.NUMBER, "share", window, *words, topic=ANSWERS),
        lambda row: row["answer_n"] / row.count("company", window).nullif(0).cast("float64"),
    )
    words = in_window(("average hours until the lead answers", "horas medias hasta que el lead responde"), window)
    family.add(
        Feature(f"answer_hours_{window}d", NAME, Kind.NUMBER, "hours", window, *words),
        lambda row: row["answer_sum"] / row["answer_n"].nullif(0).cast("float64") / 60,
    )
    add_mail_answers(family, spec, window)


def add_mail_answers(family: Family, spec: FeatureSpec, window: int) -> None:
    """email_reactions_{w}d, where the exports tell both mails sent and reactions."""
    mails = [(i, k) for i, k in enumerate(spec.kinds) if k.channel == "email"]
    sent = [kind_counter(i) for i, k in mails if k.initiator == "company" and k.kind == "sent"]
    reactions = [kind_counter(i) for i, k in mails if k.initiator == "lead"]
    if not sent or not reactions:
        return
    words = in_window(("reactions per e-mail sent", "reacciones por correo enviado"), window)
    family.add(
        Feature(f"email_reactions_{window}d", NAME, Kind.NUMBER, "number", window, *words),
        lambda row: total(row, reactions, window) / total(row, sent, window).nullif(0).cast("float64"),
    )


def total(row: Row, counters: list[str], window: int) -> ir.IntegerValue:
    """The sum of counters."""
    counts = [row.count(c, window) for c in counters]
    return sum(counts[1:], counts[0])


def add_effort(family: Family, spec: FeatureSpec) -> None:
    """our_touches_{w}d: all that we did; reply_hours_{w}d: how fast we replied; hours_to_first_sales_touch.

    The last is from the lead becoming known to our first sales touch, missing before it.
    """
    ours = Counted("our_touches", "company", ("touches by us", "contactos nuestros"), OUR_TOUCHES, effort=True)
    for window in spec.windows:
        family.count(ours, window)
    window = spec.windows[-1]
    words = in_window(("average hours until we reply", "horas medias hasta que respondemos"), window)
    family.add(
        Feature(f"reply_hours_{window}d", NAME, Kind.NUMBER, "hours", window, *words, effort=True),
        lambda row: row["reply_sum"] / row["reply_n"].nullif(0).cast("float64") / 60,
    )
    if any(is_sales(k) for k in spec.kinds):
        en, es = "hours until sales first made contact", "horas hasta el primer contacto de ventas"
        family.add(
            Feature("hours_to_first_sales_touch", NAME, Kind.NUMBER, "hours", None, en, es, effort=True, never=True),
            lambda row: (row["first_by_sales"] - row["lead_instant"]).cast("float64") / HOUR,
        )
