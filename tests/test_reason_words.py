"""What reasons say, in both languages: comparisons with the reference list, and nothing personal, nothing promised."""

import json
import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.encoding import OTHER, Encoder, fit_encoder
from leadml.features.build import list_features
from leadml.features.dictionary import Feature, Kind
from leadml.features.spec import Content, FeatureSpec, TouchKind
from leadml.features.words import LAST, OURS, THEIRS
from leadml.numbers import round_shown
from leadml.reasons import (
    ReasonsStyle,
    Reference,
    feature_value_words,
    fit_reference,
    fold_levels,
    write_reasons,
)
from leadml.reasons.comparison import COMPARISONS, compare_levels, compare_missing, compare_numbers
from leadml.reasons.levels import looks_personal, shown_level
from leadml.reasons.reference import PERCENTS, Standing
from leadml.stages.scaling import spread_rows

NB = "\u00a0"
VISITS = Feature("visits", "behaviour", Kind.NUMBER, "count", 7, "visits in the last 7 days", "visitas en 7 días")
SIZE = Feature("size", "firmographic", Kind.NUMBER, "number", None, "employees", "empleados")
SINCE = Feature(
    "since", "timing", Kind.NUMBER, "days", None, "days since the last visit", "días desde la visita", never=True
)
SHARE = Feature("share", "channel", Kind.NUMBER, "share", 90, "share through chat", "parte por chat")
FLAG = Feature("flag", "firmographic", Kind.NUMBER, "flag", None, "is a partner", "es socio")
HOUR = Feature("hour", "timing", Kind.NUMBER, "hour", None, "hour at which it came", "hora a la que llegó")
DAY = Feature("day", "timing", Kind.NUMBER, "weekday", None, "weekday on which it came", "día en que llegó")
MONEY = Feature("money", "firmographic", Kind.NUMBER, "money", None, "amount", "importe")
SECTOR = Feature("sector", "firmographic", Kind.CATEGORY, "category", None, "industry", "sector")
MAIL = Feature("mail", "firmographic", Kind.CATEGORY, "category", None, "kind of mail", "tipo de correo")


def reference_list() -> pd.DataFrame:
    """A hundred leads, of whom each column's shares can be counted by eye."""
    return pd.DataFrame(
        {
            "visits": [0.0] * 75 + [1.0] * 10 + [2.0] * 10 + [9.0] * 5,
            "size": [np.nan] * 30 + [float(n) for n in range(1, 71)],
            "since": [np.nan] * 10 + [float(n) for n in range(1, 91)],
            "share": [np.nan] * 60 + [0.5] * 40,
            "flag": [0.0] * 90 + [1.0] * 10,
            "hour": [float(n % 24) for n in range(100)],
            "day": [float(n % 7) for n in range(100)],
            "money": [1000.0] * 70 + [5.0] * 30,
            "sector": ["Retail"] * 12 + ["Software"] * 3 + ["Law"] + [None] * 24 + ["Industry"] * 60,
            "mail": ["company"] * 100,
        },
    )


FEATURES = [VISITS, SIZE, SINCE, SHARE, FLAG, HOUR, DAY, MONEY, SECTOR, MAIL]
# "Law" is too rare: the model reads it, and what it never saw, as other.
LEVELS = {"sector": ("Industry", "Retail", "Software", OTHER), "mail": ("company", "free")}
REFERENCE = fit_reference(reference_list(), Encoder(tuple(FEATURES), LEVELS))

SAID = [
    # feature, value, English, Spanish
    ("visits", 0, "0, like most leads", "0, como la mayoría"),
    ("visits", 3, "3, most leads have none", f"3, la mayoría tiene{NB}0"),
    ("visits", np.nan, "not known, unlike most leads", "no consta, a diferencia de la mayoría"),
    ("size", 0, "0, lower than for 7 in 10 leads", "0, por debajo de 7 de cada 10 leads"),
    ("size", 14, "14", "14"),
    ("size", 35, "35", "35"),
    ("size", 57, "57", "57"),
    ("size", 12345, "12,345, higher than for 7 in 10 leads", "12.345, por encima de 7 de cada 10 leads"),
    ("size", np.nan, "not known, like 30% of leads", f"no consta, como el 30{NB}% de los leads"),
    ("since", 3, "3, more recent than for 9 in 10 leads", "3, más reciente que en 9 de cada 10 leads"),
    ("since", 45, "45", "45"),
    ("since", 82, "82, longer ago than for 8 in 10 leads", "82, hace más tiempo que en 8 de cada 10 leads"),
    ("since", np.nan, "never, unlike most leads", "nunca, a diferencia de la mayoría"),
    ("share", 0.5, "50%, known for 40% of leads", f"50{NB}%, consta en el 40{NB}% de los leads"),
    ("share", np.nan, "not known, like most leads", "no consta, como la mayoría"),
    ("flag", 0, "no, like most leads", "no, como la mayoría"),
    ("flag", 1, "yes, unlike most leads", "sí, a diferencia de la mayoría"),
    ("hour", 23, "23:00", "23:00"),
    ("day", 0, "Monday", "lunes"),
    ("money", 20000, "20,000, most leads have 1,000", "20.000, la mayoría tiene 1000"),
    ("sector", "Industry", "Industry, like most leads", "Industry, como la mayoría"),
    ("sector", "Retail", "Retail, 12% of leads", f"Retail, el 12{NB}% de los leads"),
    ("sector", "Law", "other, 1% of leads", f"otros, el 1{NB}% de los leads"),
    ("sector", "Never seen", "other, 1% of leads", f"otros, el 1{NB}% de los leads"),
    ("sector", None, "not known, like 24% of leads", f"no consta, como el 24{NB}% de los leads"),
    ("mail", "free", "free, under 1% of leads", f"free, menos del 1{NB}% de los leads"),
    ("mail", None, "not known, unlike most leads", "no consta, a diferencia de la mayoría"),
]


@pytest.mark.parametrize(("name", "value", "english", "spanish"), SAID)
def test_a_value_is_told_with_its_comparison(name, value, english, spanish):
    feature = next(f for f in FEATURES if f.name == name)
    X = pd.DataFrame({name: pd.Series([value], dtype=object if feature.kind is Kind.CATEGORY else float)})
    for language, said in (("en", english), ("es", spanish)):
        (text,) = write_reasons(np.array([[4.0]]), X, [feature], ReasonsStyle(language), REFERENCE).texts[0]
        words = feature.words(language)
        assert text == f"{words[0].upper()}{words[1:]}: {said} (+4)"


def test_where_most_never_did_it_one_who_did_stands_out():
    standing = Standing(missing=0.7)
    assert compare_numbers(np.array([3.0]), standing, SINCE, "en") == ["never for most leads"]
    assert compare_numbers(np.array([3.0]), standing, SINCE, "es") == ["nunca en la mayoría"]
    assert compare_missing(standing, "en") == "like most leads"
    assert compare_missing(Standing(missing=0.97), "es") == "como casi todos los leads"


def test_a_short_list_compares_nothing_and_a_long_one_tells_hundredths():
    few = fit_reference(reference_list().iloc[:49], Encoder(tuple(FEATURES), LEVELS))
    assert few.standings == {} and few.rows == 49
    many = pd.DataFrame({"size": np.arange(1.0, 1001.0)})
    standing = fit_reference(many, Encoder((SIZE,), {})).standings["size"]
    assert standing.high == (700.0, 800.0, 900.0, 990.0) and standing.low == (301.0, 201.0, 101.0, 11.0)
    assert compare_numbers(np.array([991.0, 990.0, 10.0]), standing, SIZE, "en") == [
        "higher than for 99 in 100 leads", "higher than for 9 in 10 leads", "lower than for 99 in 100 leads",
    ]  # fmt: skip


def slow_place(value: float, known: list[float], never: int, unknown: int) -> int:
    """+p where the value, as it is shown, is above p percent of the leads, -p where it is below, 0 in the middle."""
    total = len(known) + never + unknown
    above = sum(v < value for v in known)
    below = sum(v > value for v in known) + never
    up = max((p for p in PERCENTS if p < 99 and 100 * above >= p * total), default=0)
    down = max((p for p in PERCENTS if p < 99 and 100 * below >= p * total), default=0)
    return up or -down


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_places_are_those_of_counting_the_list(data):
    """Values with many ties, of features whose missing values lie beyond every number and of others."""
    never = data.draw(st.booleans())
    numbers = st.one_of(st.sampled_from([0.0, 1.0, 1.04, 2.5, 7.0]), st.floats(0, 50))
    drawn = data.draw(st.lists(st.one_of(st.none(), numbers), min_size=50, max_size=70))
    feature = SINCE if never else Feature("since", "timing", Kind.NUMBER, "days", None, "x", "x")
    values = np.array([np.nan if v is None else v for v in drawn])
    standing = fit_reference(pd.DataFrame({"since": values}), Encoder((feature,), {})).standings["since"]
    known = round_shown(values[np.isfinite(values)], "days").tolist()
    missing = len(drawn) - len(known)
    asked = round_shown(np.array([*data.draw(st.lists(numbers, min_size=1, max_size=8)), *known[:5]]), "days")
    if 2 * len(known) < len(drawn) or 10 * missing >= 6 * len(drawn):
        return
    words = {0: ""} | {
        s * p: COMPARISONS["en"][key].format(n)
        for s, key in ((1, "older" if never else "more"), (-1, "newer" if never else "less"))
        for p, n in zip(PERCENTS, COMPARISONS["en"]["of"], strict=True)
    }
    total = len(drawn)
    for value, text in zip(asked.tolist(), compare_numbers(asked, standing, feature, "en"), strict=True):
        if 10 * known.count(value) >= 6 * total:
            assert text == "like most leads"
        elif standing.typical is None or never or value < standing.typical:
            assert text == words[slow_place(value, known, *((missing, 0) if never else (0, missing)))]
        else:
            assert text == ("most leads have none" if standing.typical == 0 else text)


def test_the_reference_is_small_and_the_same_when_read_again():
    rng = np.random.default_rng(1)
    X = pd.DataFrame({f"n{j}": np.round(rng.gamma(1, 30, 3000), 3) for j in range(100)})
    X = X.assign(**{f"c{j}": rng.choice([f"level {i}" for i in range(80)], 3000) for j in range(20)})
    features = [Feature(n, "timing", Kind.NUMBER, "days", None, n, n) for n in X if n[0] == "n"]
    features += [Feature(n, "firmographic", Kind.CATEGORY, "category", None, n, n) for n in X if n[0] == "c"]
    encoder = fit_encoder(X, features, 20, 50)
    reference = fit_reference(X, encoder)
    text = json.dumps(reference.to_dict(), indent=1)
    assert len(text) < 60_000
    assert Reference.from_dict(json.loads(text), encoder.levels) == reference
    assert fit_reference(X.iloc[rng.permutation(3000)], encoder).to_dict() == reference.to_dict()


# ------------------------------------------------------------------------------------------------------------- personal
@pytest.mark.parametrize(
    ("text", "personal"),
    [
        ("ana.perez@example.com", True),
        ("write to Ana <ana@example.com>", True),
        ("+34 600 123 456", True),
        ("600 123 456", True),
        ("600123456", True),
        ("(91) 123 45 67", True),
        ("91-1234567", True),
        ("0034600123456", True),
        ("555-867-5309", True),
        ("01632 960001", True),
        ("Retail", False),
        ("@home", False),
        ("28001", False),
        ("2024-01-15", False),
        ("1000-5000", False),
        ("10000-50000", False),
        ("500000 - 1000000", False),
        ("100.000.000", False),
        ("1 000 000 000", False),
        ("100 250 000", True),  # an amount perhaps: better not told
        ("+100", False),
        ("2023/2024", False),
        ("", False),
    ],
)
def test_what_tells_who_somebody_is_is_not_shown(text, personal):
    assert looks_personal(text) is personal
    assert shown_level(text) == (OTHER if personal else text)


def test_a_level_that_is_a_mail_address_is_in_no_reason_though_the_model_knows_it():
    X = pd.DataFrame({"sector": ["ana@example.com"] * 30 + ["Retail"] * 30})
    encoder = fit_encoder(X, [SECTOR], 5, 10)
    assert "ana@example.com" in encoder.levels["sector"]
    reference = fit_reference(X, encoder)
    assert "ana@" not in str(reference.to_dict())
    for language, other in (
        ("en", "Industry: other, 50% of leads (+2)"),
        ("es", f"Sector: otros, el 50{NB}% de los leads (+2)"),
    ):
        texts = write_reasons(np.full((60, 1), 2.0), X, [SECTOR], ReasonsStyle(language), reference).texts
        assert texts[0] == [other] and "ana@" not in str(texts)
    assert "ana@" not in str(write_reasons(np.full((60, 1), 2.0), X, [SECTOR], ReasonsStyle()).texts)


def test_plots_show_the_levels_that_the_model_knows_and_no_others():
    X = pd.DataFrame({"sector": ["Retail", "Ana Perez", None], "size": [1.0, 2.0, 3.0]})
    folded = fold_levels(X, LEVELS)
    assert folded["sector"].tolist()[:2] == ["Retail", OTHER] and pd.isna(folded["sector"][2])
    assert X["sector"][1] == "Ana Perez" and folded["size"].tolist() == [1.0, 2.0, 3.0]
    codes, texts = feature_value_words(folded["sector"], SECTOR, "en")
    assert [texts[c] for c in codes] == ["Retail", "other", "not known"]


# ------------------------------------------------------------------------------------------------------- words, numbers
@pytest.mark.parametrize(
    ("unit", "value", "english", "spanish"),
    [
        ("days", 0, "0 days", "0 días"),
        ("days", 1, "1 day", "1 día"),
        ("days", 1.04, "1 day", "1 día"),
        ("days", 1.5, "1.5 days", "1,5 días"),
        ("days", 12345, "12,345 days", "12.345 días"),
        ("hours", 0, "0 hours", "0 horas"),
        ("hours", 1, "1 hour", "1 hora"),
        ("hours", 26.4, "26 hours", "26 horas"),
        ("count", 1234, "1,234", "1234"),
        ("share", 0, "0%", f"0{NB}%"),
        ("share", 1, "100%", f"100{NB}%"),
        ("share", 0.125, "12%", f"12{NB}%"),
        ("money", 12.5, "12.50", "12,50"),
        ("money", 1234567, "1,234,567", "1.234.567"),
        ("money EUR", 1234, "€1,234", f"1234{NB}€"),
        ("money CLP", 12500, f"CLP{NB}12,500", f"12.500{NB}CLP"),
        ("hour", 9, "9:00", "9:00"),
        ("weekday", 2, "Wednesday", "miércoles"),
        ("weekday", np.nan, "not known", "no consta"),
        ("flag", 1, "yes", "sí"),
    ],
)
def test_values_as_each_language_writes_them(unit, value, english, spanish):
    feature = Feature("x", "timing", Kind.NUMBER, unit, None, "what", "qué")
    X = pd.DataFrame({"x": [float(value)]})
    assert write_reasons(np.array([[1.0]]), X, [feature], ReasonsStyle("en")).texts == [[f"What: {english} (+1)"]]
    assert write_reasons(np.array([[-1.0]]), X, [feature], ReasonsStyle("es")).texts == [[f"Qué: {spanish} (-1)"]]


def every_feature() -> list[Feature]:
    """All that can be built of every kind of touchpoint that has words by hand, and of one that has none."""
    kinds = [TouchKind(c, k, "lead") for c, k in THEIRS] + [TouchKind(c, k, "company") for c, k in OURS]
    kinds += [TouchKind("pigeon", "landed", "lead"), TouchKind("pigeon", "sent", "company")]
    spec = FeatureSpec(
        windows=(7, 30, 90), half_lives=(7, 30),
        content=(Content("pricing", "x", "pricing pages", "páginas de precios"),),
        kinds=tuple(kinds), channels=("email", "pigeon", "web"),
        lead_attributes={"employees": "number", "employees_range": "category", "industry": "category"},
        account_attributes={"industry": "category", "company_size": "category"},
        as_of_fields={"pipeline_stage": "category", "lead_source": "category"}, account_as_of_fields={},
        include_effort=True, exclude=(), season=True,
    )  # fmt: skip
    return [d.feature for d in list_features(spec)]


PROMISES = {
    "en": r"\b(will|would|should|shall|could|can|may|might|must|if|improve\w*|increase\w*|gain\w*|so that)\b",
    "es": r"\b(si|debe\w*|puede\w*|podr\w*|hay que|mejora\w*|aumenta\w*|sube\w*|(?!mayoría)\w+(?:rá|rán|ría|rían))\b",
}


def test_no_phrase_promises_an_effect():
    """A reason says what the score rests on: no future, no conditional, no advice."""
    for language, promise in PROMISES.items():
        texts = [t for value in COMPARISONS[language].values() for t in ([value] if isinstance(value, str) else value)]
        texts += [f.words(language) for f in every_feature()]
        assert [t for t in texts if re.search(promise, t, flags=re.I)] == []
    assert re.search(PROMISES["es"], "haría subir") and re.search(PROMISES["en"], "would score more")


def test_topics_of_what_is_built():
    """Windows, recency and bands of one thing share a topic, which never mixes fit and intent, ours and theirs."""
    topics: dict[str, list[Feature]] = {}
    for f in every_feature():
        topics.setdefault(f.topic, []).append(f)
    names = {t: [f.name for f in members] for t, members in topics.items()}
    assert names["email_opened"] == [
        "email_opened_7d",
        "email_opened_30d",
        "email_opened_90d",
        "days_since_email_opened",
    ]
    assert names["employees"] == ["employees", "employees_range", "account_company_size"]
    assert names["industry"] == ["industry", "account_industry"]
    assert names["channel_ends"] == ["first_channel", "last_channel", "channel_path"]
    assert names["pipeline_stage"] == ["pipeline_stage", "days_in_stage"]
    assert {"activity_7d", "intensity_7d", "momentum_7d", "recency_lead_days"} <= set(names["activity"])
    assert names["age_days"] == ["age_days"]
    for members in topics.values():
        assert len({(f.family == "firmographic", f.effort) for f in members}) == 1


def test_reasons_fit_on_a_line():
    """The longest of each feature, with its comparison, in the longest language: what a CRM's column shows."""
    for language in ("en", "es"):
        longest = max(len(f.words(language)) for f in every_feature())
        assert longest <= 80
    assert set(LAST) == set(THEIRS)


def test_levels_of_the_reference_are_those_shown():
    standing = Standing(0.0, shares={"Retail": 0.61, OTHER: 0.2})
    assert compare_levels(["Retail", OTHER, "new"], standing, "en") == [
        "like most leads",
        "20% of leads",
        "under 1% of leads",
    ]
    assert all(a < b for a, b in pairwise(PERCENTS))


def test_a_long_list_is_drawn_from_evenly():
    """In the order of ids the first of a list are its oldest leads: the scale must not be centred on them alone."""
    rows = np.arange(100, 112)
    assert spread_rows(rows, 12).tolist() == rows.tolist()
    assert spread_rows(rows, 4).tolist() == [100, 103, 107, 111]
