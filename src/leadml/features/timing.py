"""Timing: recency, momentum, decay, gaps and bursts, age, season."""

import math
from functools import partial

import ibis
import ibis.expr.types as ir

from leadml.features.decay import decay
from leadml.features.dictionary import Feature, Kind
from leadml.features.family import Family
from leadml.features.spec import FeatureSpec
from leadml.features.tallies import Row, newest_of_content, newest_of_kind
from leadml.features.topics import ACTIVITY, ACTIVITY_HOURS, OUR_TOUCHES, SEASON, content_topic, kind_topic
from leadml.features.touches import CHANNEL_BITS, MICROSECONDS_A_DAY
from leadml.features.words import in_window, last_words
from leadml.features.zones import hour_of, weekday_of

NAME = "timing"
MINUTES_A_DAY = 24 * 60


def timing_features(spec: FeatureSpec) -> Family:
    """Days since each kind and content, since either side did anything, decay, momentum, gaps, age, season."""
    family = Family(NAME, measured=True)
    add_recency(family, spec)
    add_intensity(family, spec)
    add_momentum(family, spec)
    add_gaps(family, spec)
    family.add(
        Feature("age_days", NAME, Kind.NUMBER, "days", None, "days since the lead came in", "días desde que llegó"),
        lambda row: row.days_since("lead_instant"),
    )
    add_clock(family, spec)
    if spec.season:
        add_season(family)
    return family


def add_recency(family: Family, spec: FeatureSpec) -> None:
    """days_since_{kind} and days_since_content_{rule} for what the lead did; recency of either side over all kinds."""
    listed = [
        (f"days_since_{k.name}", newest_of_kind(i), last_words(k), kind_topic(k))
        for i, k in enumerate(spec.kinds)
        if k.initiator == "lead"
    ]
    for c in spec.content:
        words = (f"the last visit to {c.en}", f"la última visita a {c.es}")
        listed.append((f"days_since_content_{c.name}", newest_of_content(c.name), words, content_topic(c)))
    for name, column, (en, es), topic in listed:
        words = (f"days since {en}", f"días desde {es}")
        family.add(
            Feature(name, NAME, Kind.NUMBER, "days", None, *words, never=True, topic=topic),
            partial(Row.days_since, instant=column),
        )
    words = ("days since the lead last did something", "días desde la última acción del lead")
    family.add(
        Feature("recency_lead_days", NAME, Kind.NUMBER, "days", None, *words, never=True, topic=ACTIVITY),
        lambda row: (row["instant"] - (row["newest_by_lead"] >> CHANNEL_BITS)).cast("float64") / MICROSECONDS_A_DAY,
    )
    words = ("days since we last did something", "días desde nuestra última acción")
    feature = Feature(
        "recency_company_days", NAME, Kind.NUMBER, "days", None, *words, effort=True, never=True, topic=OUR_TOUCHES
    )
    family.add(feature, partial(Row.days_since, instant="newest_by_company"))


def add_intensity(family: Family, spec: FeatureSpec) -> None:
    """intensity_{h}d: each touchpoint by the lead weighs 2^(-age / h days), so recent activity weighs more."""
    for half_life in spec.half_lives:
        words = (
            f"recent interactions (those of {half_life} days ago count half)",
            f"interacciones recientes (las de hace {half_life} días cuentan la mitad)",
        )
        family.add(
            Feature(f"intensity_{half_life}d", NAME, Kind.NUMBER, "decayed", None, *words, topic=ACTIVITY),
            partial(known_intensity, column=decay(half_life)),
        )


def known_intensity(row: Row, column: str) -> ir.Value:
    """The decayed sum, missing before the first touchpoint of any lead was known."""
    return row.where_begun("lead", row[column])


def add_momentum(family: Family, spec: FeatureSpec) -> None:
    """momentum_{w}d: touchpoints by the lead a day in the shortest window less those in the rest of the next one."""
    if len(spec.windows) < 2:
        return
    short, long = spec.windows[:2]
    words = (
        f"change in daily activity, last {short} days against the {long - short} before",
        f"cambio de actividad diaria, últimos {short} días frente a los {long - short} anteriores",
    )

    def momentum(row: Row) -> ir.Value:
        recent, both = row.count("lead", short), row.count("lead", long)
        change = recent.cast("float64") / short - (both - recent).cast("float64") / (long - short)
        return row.where_begun("lead", change)

    family.add(Feature(f"momentum_{short}d", NAME, Kind.NUMBER, "number", long, *words, topic=ACTIVITY), momentum)


def add_gaps(family: Family, spec: FeatureSpec) -> None:
    """gap_days_{w}d: mean time between what the lead did; burstiness_{w}d: (s - m) / (s + m) of those times.

    Longest window; m is the mean and s the (population) deviation of the gaps, so -1 is a clockwork, 0 chance, 1 bursts
    (Goh and Barabasi, Europhysics Letters 81 (2008) 48002). Missing where there is no gap, or none that is above zero.
    """
    window = spec.windows[-1]
    words = in_window(("average days between the lead's actions", "días medios entre acciones del lead"), window)
    family.add(
        Feature(f"gap_days_{window}d", NAME, Kind.NUMBER, "days", window, *words, topic=ACTIVITY),
        lambda row: mean_gap(row) / MINUTES_A_DAY,
    )
    words = in_window(("how much the lead's activity comes in bursts", "actividad del lead a ráfagas"), window)

    def burstiness(row: Row) -> ir.FloatingValue:
        mean = mean_gap(row)
        squares = row["gap_squares"].cast("float64") / row["gap_n"].nullif(0).cast("float64")
        deviation = ibis.greatest(squares - mean * mean, 0.0).sqrt()
        return (deviation - mean) / (deviation + mean).nullif(0.0)

    family.add(Feature(f"burstiness_{window}d", NAME, Kind.NUMBER, "number", window, *words), burstiness)


def mean_gap(row: Row) -> ir.FloatingValue:
    """Minutes between the lead's touchpoints, on average."""
    return row["gap_sum"].cast("float64") / row["gap_n"].nullif(0).cast("float64")


def add_clock(family: Family, spec: FeatureSpec) -> None:
    """office_share, evening_share, weekend_share of what the lead did; created_hour, created_weekday. In its own time.

    Longest window; missing where the lead did nothing in it. Weekdays count from 0, Monday.
    """
    window = spec.windows[-1]
    for counter, en, es in (
        ("office", "activity in office hours", "la actividad en horas de oficina"),
        ("evening", "activity on weekday evenings", "la actividad en tardes y noches entre semana"),
        ("weekend", "activity at weekends", "la actividad en fin de semana"),
    ):
        words = in_window((f"share of {en}", f"parte de {es}"), window)
        name = f"{counter}_share_{window}d"
        feature = Feature(name, NAME, Kind.NUMBER, "share", window, *words, topic=ACTIVITY_HOURS)
        family.add(feature, partial(clock_share, counter=counter, window=window))
    words = ("hour at which the lead came in, its own time", "hora a la que llegó el lead, en su zona")
    family.add(Feature("created_hour", NAME, Kind.NUMBER, "hour", None, *words), lambda row: hour_of(row["lead_local"]))
    words = ("weekday on which the lead came in", "día de la semana en que llegó el lead")
    feature = Feature("created_weekday", NAME, Kind.NUMBER, "weekday", None, *words)
    family.add(feature, lambda row: weekday_of(row["lead_local"]))


def clock_share(row: Row, counter: str, window: int) -> ir.FloatingValue:
    """The counter's share of what the lead did."""
    return row.count(counter, window) / row.count("lead", window).nullif(0).cast("float64")


def add_season(family: Family) -> None:
    """season_cos and season_sin: the cutoff's place in the year, so that December lies beside January."""
    for name, turn, words in (
        ("season_cos", 0.0, ("time of the year (winter to summer)", "época del año (invierno a verano)")),
        ("season_sin", math.pi / 2, ("time of the year (autumn to spring)", "época del año (otoño a primavera)")),
    ):
        feature = Feature(name, NAME, Kind.NUMBER, "season", None, *words, topic=SEASON)
        family.add(feature, partial(season, turn=turn))


def season(row: Row, turn: float) -> ir.FloatingValue:
    """Cosine of the angle of the day of the year, less ``turn``; rounded, as engines differ in the last bits."""
    angle = row["cutoff"].day_of_year().cast("float64") * (2 * math.pi / 365.25) - turn
    return angle.cos().round(6)
