"""Behaviour: what the lead did, how much and how deep; and, flagged as sales effort, what we did."""

import ibis.expr.types as ir

from leadml.features.dictionary import Feature, Kind
from leadml.features.family import Family
from leadml.features.pairs import MICROSECONDS_A_DAY, content_flag, within
from leadml.features.spec import FeatureSpec, is_sales
from leadml.features.words import in_window, kind_words

NAME = "behaviour"


def build_behaviour(pairs: ir.Table, spec: FeatureSpec) -> Family:
    """Counts by kind and window, content depth, distinct days, answered share, our own effort and its speed."""
    family = Family()
    add_kind_counts(family, pairs, spec)
    add_activity(family, pairs, spec)
    add_content(family, pairs, spec)
    add_answers(family, pairs, spec)
    add_first_sales_touch(family, pairs, spec)
    return family


def add_kind_counts(family: Family, pairs: ir.Table, spec: FeatureSpec) -> None:
    """{kind}_{w}d: touchpoints of the kind in ``[cutoff - w, cutoff)``."""
    for code, kind in enumerate(spec.kinds):
        for window in spec.windows:
            name = f"{kind.name}_{window}d"
            family.count(name, pairs.count(where=(pairs.code == code) & within(pairs, window)))
            en, es = in_window(kind_words(kind), window)
            effort = kind.initiator == "company"
            family.add(Feature(name, NAME, Kind.NUMBER, "count", window, en, es, effort))


def add_activity(family: Family, pairs: ir.Table, spec: FeatureSpec) -> None:
    """activity_{w}d: everything the lead did; active_days_{w}d: on how many distinct UTC days (longest window)."""
    for window in spec.windows:
        family.count(f"activity_{window}d", pairs.count(where=pairs.by_lead & within(pairs, window)))
        en, es = in_window(("interactions by the lead", "interacciones del lead"), window)
        family.add(Feature(f"activity_{window}d", NAME, Kind.NUMBER, "count", window, en, es))
    window = spec.windows[-1]
    name = f"active_days_{window}d"
    family.count(name, pairs.occurred_at.date().nunique(where=pairs.by_lead & within(pairs, window)))
    en, es = in_window(("days with activity by the lead", "días con actividad del lead"), window)
    family.add(Feature(name, NAME, Kind.NUMBER, "days", window, en, es))


def add_content(family: Family, pairs: ir.Table, spec: FeatureSpec) -> None:
    """content_{rule}_{w}d: what the lead did with content that the rule recognises."""
    for rule in spec.content:
        for window in spec.windows:
            name = f"content_{rule.name}_{window}d"
            matches = pairs[content_flag(rule.name)] & pairs.by_lead & within(pairs, window)
            family.count(name, pairs.count(where=matches))
            en, es = in_window((f"visits to {rule.en}", f"visitas a {rule.es}"), window)
            family.add(Feature(name, NAME, Kind.NUMBER, "count", window, en, es))


def add_answers(family: Family, pairs: ir.Table, spec: FeatureSpec) -> None:
    """answered_share: mails opened, clicked or replied to for each one sent, missing where none was sent."""
    window = spec.windows[-1]
    mails = [k for k in spec.kinds if k.channel == "email"]
    sent = [f"{k.name}_{window}d" for k in mails if k.initiator == "company" and k.kind == "sent"]
    answered = [f"{k.name}_{window}d" for k in mails if k.initiator == "lead"]
    if not sent or not answered:
        return
    en, es = in_window(("reactions per e-mail sent", "reacciones por correo enviado"), window)
    family.add(
        Feature(f"email_answered_share_{window}d", NAME, Kind.NUMBER, "share", window, en, es),
        lambda row: sum_of(row, answered) / sum_of(row, sent).nullif(0).cast("float64"),
    )


def sum_of(row: ir.Table, names: list[str]) -> ir.IntegerValue:
    """The sum of count columns."""
    total = row[names[0]]
    for name in names[1:]:
        total = total + row[name]
    return total


def add_first_sales_touch(family: Family, pairs: ir.Table, spec: FeatureSpec) -> None:
    """hours_to_first_sales_touch: from the lead becoming known to our first sales touch; missing before it."""
    codes = [i for i, k in enumerate(spec.kinds) if is_sales(k)]
    if not codes:
        return
    family.aggregates["first_sales_touch"] = pairs.age.max(where=pairs.code.isin(codes))
    en, es = "hours until sales first made contact", "horas hasta el primer contacto de ventas"
    family.add(
        Feature("hours_to_first_sales_touch", NAME, Kind.NUMBER, "hours", None, en, es, effort=True, never=True),
        lambda row: (row.age - row.first_sales_touch).cast("float64") / (MICROSECONDS_A_DAY / 24),
    )
