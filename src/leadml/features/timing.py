"""Timing: recency, momentum, decay, age and time in the pipeline stage."""

import ibis
import ibis.expr.types as ir

from leadml.features.dictionary import Feature, Kind
from leadml.features.family import Family
from leadml.features.pairs import as_days, within
from leadml.features.spec import FeatureSpec
from leadml.features.words import kind_words

NAME = "timing"
UNIT = 2**32  # decayed weights are summed as integers in units of 2^-32, so that no thread count changes a bit


def build_timing(pairs: ir.Table, spec: FeatureSpec) -> Family:
    """Days since each kind, since any touch by either side, decayed intensity, momentum, age."""
    family = Family()
    add_recency(family, pairs, spec)
    add_intensity(family, pairs, spec)
    add_momentum(family, pairs, spec)
    family.add(
        Feature("age_days", NAME, Kind.NUMBER, "days", None, "days since the lead came in", "días desde que llegó"),
        lambda row: as_days(row.age),
    )
    return family


def add_recency(family: Family, pairs: ir.Table, spec: FeatureSpec) -> None:
    """days_since_{kind} for what the lead did; recency_lead_days and recency_company_days over all kinds."""
    for code, kind in enumerate(spec.kinds):
        if kind.initiator != "lead":
            continue
        name = f"days_since_{kind.name}"
        family.aggregates[name] = as_days(pairs.age.min(where=pairs.code == code))
        en, es = kind_words(kind)
        words = (f"days since the last of: {en}", f"días desde lo último de: {es}")
        family.add(Feature(name, NAME, Kind.NUMBER, "days", None, *words, never=True))
    for side, mine, words in (
        ("lead", pairs.by_lead, ("days since the lead last did something", "días desde la última acción del lead")),
        ("company", ~pairs.by_lead, ("days since we last did something", "días desde nuestra última acción")),
    ):
        name = f"recency_{side}_days"
        family.aggregates[name] = as_days(pairs.age.min(where=mine))
        family.add(Feature(name, NAME, Kind.NUMBER, "days", None, *words, effort=side == "company", never=True))


def add_intensity(family: Family, pairs: ir.Table, spec: FeatureSpec) -> None:
    """intensity_{h}d: each touchpoint by the lead weighs 2^(-age / h days), so recent activity weighs more."""
    for half_life in spec.half_lives:
        name = f"intensity_{half_life}d"
        weight = (ibis.literal(2.0) ** (-as_days(pairs.age) / half_life) * UNIT).round().cast("int64")
        family.count(name, weight.sum(where=pairs.by_lead).cast("float64") / UNIT)
        words = (
            f"recent activity, halved every {half_life} days",
            f"actividad reciente, a la mitad cada {half_life} días",
        )
        family.add(Feature(name, NAME, Kind.NUMBER, "number", None, *words))


def add_momentum(family: Family, pairs: ir.Table, spec: FeatureSpec) -> None:
    """momentum_{w}d: touchpoints by the lead in ``[cutoff - w, cutoff)`` less those in the window before it."""
    window = spec.windows[0]
    recent, both = f"momentum_recent_{window}d", f"momentum_both_{window}d"
    family.count(recent, pairs.count(where=pairs.by_lead & within(pairs, window)))
    family.count(both, pairs.count(where=pairs.by_lead & within(pairs, 2 * window)))
    words = (
        f"change in activity, last {window} days against the {window} before",
        f"cambio de actividad, últimos {window} días frente a los {window} anteriores",
    )
    family.add(
        Feature(f"momentum_{window}d", NAME, Kind.NUMBER, "number", 2 * window, *words),
        lambda row: (2 * row[recent] - row[both]).cast("float64"),
    )
