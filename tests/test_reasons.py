"""Reasons: points add up, the words say the value, and no lead's text depends on its neighbours."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.errors import ArtifactError, ConfigurationError
from leadml.features.dictionary import Feature, Kind
from leadml.reasons import (
    ReasonsStyle,
    choose_reasons,
    explain_points,
    family_points,
    family_shares,
    group_topics,
    reasons_text,
    write_reasons,
)

PRICING = Feature(
    "pricing_7d",
    "behaviour",
    Kind.NUMBER,
    "count",
    7,
    "visits to pricing pages in the last 7 days",
    "páginas de precios vistas en los últimos 7 días",
)
SINCE = Feature(
    "since", "timing", Kind.NUMBER, "days", None, "days since the last visit", "días desde la última visita"
)
STAGE_AGE = Feature("stage", "timing", Kind.NUMBER, "days", None, "time in the stage", "tiempo en la etapa")
OPENED = Feature("opened", "channel", Kind.NUMBER, "share", 30, "e-mails opened", "correos abiertos")
INDUSTRY = Feature("industry", "firmographic", Kind.CATEGORY, "category", None, "industry", "sector")
FEATURES = [PRICING, SINCE, STAGE_AGE, OPENED, INDUSTRY]
X = pd.DataFrame(
    {
        "pricing_7d": [3.0, 0.0, np.nan],
        "since": [1.0, 45.2, np.inf],
        "stage": [1.0, 12.0, 2.55],
        "opened": [0.25, np.nan, 0.0],
        "industry": pd.Categorical(["Retail", None, "(other)"]),
    }
)
POINTS = np.array(
    [
        [9.2, 4.0, 0.4, -2.5, 6.0],
        [-6.0, -1.0, 3.0, -0.6, -0.5],
        [1.0, 2.0, 3.0, -4.0, 5.0],
    ]
)


def test_texts_in_english():
    reasons = write_reasons(POINTS, X, FEATURES, ReasonsStyle("en", most_for=3, most_against=2))
    assert reasons.texts == [
        [
            "Visits to pricing pages in the last 7 days: 3 (+9)",
            "Industry: Retail (+6)",
            "Days since the last visit: 1 (+4)",
            "E-mails opened: 25% (-3)",
        ],
        [
            "Time in the stage: 12 days (+3)",
            "Visits to pricing pages in the last 7 days: 0 (-6)",
            "Days since the last visit: 45 (-1)",
        ],
        [
            "Industry: other (+5)",
            "Time in the stage: 2.6 days (+3)",
            "Days since the last visit: not known (+2)",
            "E-mails opened: 0% (-4)",
        ],
    ]
    assert reasons.feature.tolist() == [[0, 4, 1, 3, -1], [2, -1, -1, 0, 1], [4, 2, 1, 3, -1]]
    assert np.isnan(reasons.points[0, 4])
    assert reasons.points[1, 3] == -6.0


def test_texts_in_spanish():
    reasons = write_reasons(POINTS, X, FEATURES, ReasonsStyle("es", most_for=1, most_against=3))
    assert reasons.texts[0][0] == "Páginas de precios vistas en los últimos 7 días: 3 (+9)"
    assert reasons.texts[1] == [
        "Tiempo en la etapa: 12 días (+3)",
        "Páginas de precios vistas en los últimos 7 días: 0 (-6)",
        "Días desde la última visita: 45 (-1)",
        "Correos abiertos: no consta (-1)",
    ]
    assert reasons.texts[2][0] == "Sector: otros (+5)"


def test_joined_text_and_the_strongest_of_both_sides():
    reasons = write_reasons(POINTS, X, FEATURES, ReasonsStyle("en", 3, 2))
    assert reasons_text(reasons, " | ")[2].count(" | ") == 3
    # Row 1 has +3, -6 and -1: the two strongest are the first two, still told for before against.
    assert reasons_text(reasons, "; ", most=2)[1] == (
        "Time in the stage: 12 days (+3); Visits to pricing pages in the last 7 days: 0 (-6)"
    )
    assert reasons_text(reasons, most=0) == ["", "", ""]


def test_no_reason_below_half_a_point_and_ties_go_to_the_first_feature():
    points = np.array([[0.49, -0.49, 0.0], [0.5, 0.5, -0.5]])
    chosen = choose_reasons(points, np.arange(3, dtype=np.int32), ReasonsStyle("en", 1, 1))
    assert chosen.feature.tolist() == [[-1, -1], [0, 2]]
    assert chosen.points[1].tolist() == [0.5, -0.5]
    assert chosen.rest.tolist() == [0.0, 0.5]


def test_a_category_value_stays_on_one_line_and_short():
    frame = X.assign(industry=["Retail\n;=cmd|\t'x'", "a" * 500, ""])
    texts = write_reasons(POINTS, frame, FEATURES, ReasonsStyle("en", 5, 5)).texts
    assert "Industry: Retail ;=cmd| 'x' (+6)" in texts[0]
    assert any(t.startswith("Industry: aaaa") and len(t) < 90 and "…" in t for t in texts[1])
    assert "Industry: not known (+5)" in texts[2]


def test_no_leads_and_no_reasons():
    empty = write_reasons(np.zeros((0, 5)), X.iloc[:0], FEATURES, ReasonsStyle())
    assert empty.texts == [] and reasons_text(empty) == [] and reasons_text(empty, most=2) == []
    assert write_reasons(np.zeros((3, 5)), X, FEATURES, ReasonsStyle()).texts == [[], [], []]
    assert write_reasons(np.zeros((3, 0)), X, [], ReasonsStyle()).texts == [[], [], []]


def slow_choice(row: list[float], topics: list[int], style: ReasonsStyle) -> tuple[list[int], list[float], float]:
    """Features, points and rest of one lead, by the words of the documentation."""
    sums = dict.fromkeys(topics, 0.0)
    for p, t in zip(row, topics, strict=True):
        sums[t] += p
    told = []
    for sign, most in ((1, style.most_for), (-1, style.most_against)):
        strong = sorted((t for t in sums if sign * sums[t] >= 0.5), key=lambda t: (-sign * sums[t], t))[:most]
        places = [
            max((j for j in range(len(row)) if topics[j] == t), key=lambda j: (sign * row[j], -j)) for t in strong
        ]
        told.append((places + [-1] * (most - len(strong)), [sums[t] for t in strong]))
    points = told[0][1] + told[1][1]
    return told[0][0] + told[1][0], points, sum(row) - sum(points)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_choice_is_that_of_a_slow_sort(data):
    n, k = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 9))
    values = st.sampled_from([-3.0, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 3.0])
    points = np.array(data.draw(st.lists(st.lists(values, min_size=k, max_size=k), min_size=n, max_size=n)))
    # Topics are numbered as they first come.
    drawn = data.draw(st.lists(st.integers(0, 4), min_size=k, max_size=k))
    topics = [list(dict.fromkeys(drawn)).index(t) for t in drawn]
    style = ReasonsStyle("en", data.draw(st.integers(0, 4)), data.draw(st.integers(0, 3)))
    chosen = choose_reasons(points, np.array(topics, dtype=np.int32), style)
    for i in range(n):
        feature, told, rest = slow_choice(points[i].tolist(), topics, style)
        assert chosen.feature[i].tolist() == feature
        assert [p for p in chosen.points[i] if not np.isnan(p)] == told
        assert chosen.rest[i] == rest  # sums of quarters are exact


def test_a_topic_is_told_once_by_the_feature_that_carries_it():
    week = Feature("mails_7d", "behaviour", Kind.NUMBER, "count", 7, "e-mails opened in 7 days", "-", topic="mails")
    month = Feature("mails_30d", "behaviour", Kind.NUMBER, "count", 30, "e-mails opened in 30 days", "-", topic="mails")
    since = Feature("mail_days", "timing", Kind.NUMBER, "days", None, "days since the last", "-", True, topic="mails")
    ours = Feature("sent", "behaviour", Kind.NUMBER, "count", 7, "e-mails sent", "-", effort=True, topic="mails")
    size = Feature("size", "firmographic", Kind.NUMBER, "count", None, "employees", "-", topic="mails")
    features = [week, month, replace(since, effort=False), ours, size]
    frame = pd.DataFrame({f.name: [1.0, 2.0, 3.0, 4.0] for f in features})
    points = np.array(
        [
            [2.0, 5.0, -1.0, 3.0, 1.0],  # mails 6, by the month
            [2.0, 5.0, -9.0, 3.0, 1.0],  # mails -2, by the days
            [2.0, -1.0, -1.0, 0.0, 0.2],  # mails 0: nothing is told
            [2.0, 2.0, 0.0, -3.0, 0.0],  # mails 4, of equals the first
        ]
    )
    reasons = write_reasons(points, frame, features, ReasonsStyle("en"))
    assert reasons.texts == [
        ["E-mails opened in 30 days: 1 (+6)", "E-mails sent: 1 (+3)", "Employees: 1 (+1)"],
        ["E-mails sent: 2 (+3)", "Employees: 2 (+1)", "Days since the last: 2 (-2)"],
        [],
        ["E-mails opened in 7 days: 4 (+4)", "E-mails sent: 4 (-3)"],
    ]
    assert reasons.rest.tolist() == [0.0, 0.0, 0.2, 0.0]


def test_what_does_not_belong_together_is_no_topic():
    """Fit and intent, ours and the lead's own, are apart even where a topic's name is shared."""
    base = Feature("a", "behaviour", Kind.NUMBER, "count", 7, "a", "a", topic="same")
    found = group_topics(
        [
            base,
            replace(base, family="timing"),
            replace(base, family="channel"),
            replace(base, family="firmographic"),
            replace(base, effort=True),
            replace(base, topic="other"),
            base,
        ]
    )
    assert found.tolist() == [0, 0, 0, 1, 2, 3, 0]
    assert Feature("alone", "timing", Kind.NUMBER, "count", None, "a", "a").topic == "alone"


def test_told_and_rest_and_base_are_the_score():
    rng = np.random.default_rng(3)
    topics = rng.integers(0, 12, 40)
    features = [
        Feature(f"f{j}", "timing", Kind.NUMBER, "count", None, "f", "f", topic=f"t{t}") for j, t in enumerate(topics)
    ]
    points = np.round(rng.normal(0, 1, (5000, 40)), 1)
    frame = pd.DataFrame(np.zeros(points.shape), columns=[f.name for f in features])
    reasons = write_reasons(points, frame, features, ReasonsStyle("en"))
    told = np.nansum(reasons.points, axis=1)
    assert np.abs(told + reasons.rest - points.sum(axis=1)).max() < 1e-9
    assert (reasons.feature >= 0).sum() == sum(map(len, reasons.texts)) > 5000


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_leads_text_does_not_depend_on_the_batch(seed):
    rng = np.random.default_rng(seed)
    n = 12
    frame = pd.DataFrame(
        {
            "pricing_7d": rng.poisson(2, n).astype(float),
            "since": rng.gamma(1, 20, n),
            "stage": np.where(rng.random(n) < 0.3, np.nan, rng.gamma(1, 3, n)),
            "opened": rng.random(n),
            "industry": rng.choice(["Retail", "Software", None], n),
        }
    )
    points = rng.normal(0, 4, (n, 5))
    style = ReasonsStyle("es", 3, 2)
    whole = reasons_text(write_reasons(points, frame, FEATURES, style), most=4)
    order = rng.permutation(n)
    shuffled = reasons_text(write_reasons(points[order], frame.iloc[order], FEATURES, style), most=4)
    alone = [reasons_text(write_reasons(points[[i]], frame.iloc[[i]], FEATURES, style), most=4)[0] for i in range(n)]
    assert whole == alone == [shuffled[list(order).index(i)] for i in range(n)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-3, 3), min_size=1, max_size=6),
    st.floats(-6, 3),
    st.floats(0.2, 3),
    st.floats(-2, 2),
    st.floats(0.001, 0.999),
)
def test_points_add_up_to_the_score(contributions, base, slope, intercept, p50):
    base_points, points = explain_points(np.array([contributions]), base, slope, intercept, p50)
    margin = base + math.fsum(contributions)
    p = 1 / (1 + math.exp(-(slope * margin + intercept)))
    not_p = 1 / (1 + math.exp(slope * margin + intercept))  # 1 - p, without the cancellation
    score = 50 + 10 * math.log2((p / not_p) / (p50 / (1 - p50)))
    assert base_points + points.sum(1)[0] == pytest.approx(score, abs=1e-6)


def test_ten_points_double_the_odds():
    base_points, points = explain_points(np.array([[math.log(2)]]), math.log(0.03 / 0.97), 1.0, 0.0, 0.03)
    assert base_points == pytest.approx(50)
    assert points[0, 0] == pytest.approx(10)


def test_families():
    families = family_points(POINTS, FEATURES)
    assert list(families.columns) == ["firmographic", "behaviour", "timing", "channel"]
    assert families.iloc[0].tolist() == pytest.approx([6.0, 9.2, 4.4, -2.5])
    assert families.sum(axis=1).to_numpy() == pytest.approx(POINTS.sum(axis=1))
    shares = family_shares(POINTS, FEATURES)
    assert shares["share"].sum() == pytest.approx(1)
    assert shares.loc["behaviour", "mean_points"] == pytest.approx((9.2 + 6 + 1) / 3)
    assert family_shares(np.zeros((2, 5)), FEATURES)["share"].tolist() == [0, 0, 0, 0]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ArtifactError, match="5 features"):
        write_reasons(POINTS[:, :3], X, FEATURES, ReasonsStyle())
    with pytest.raises(ArtifactError, match="1 features missing: industry"):
        write_reasons(POINTS, X.drop(columns="industry"), FEATURES, ReasonsStyle())
    with pytest.raises(ArtifactError, match="p50=1"):
        explain_points(POINTS, 0.0, 1.0, 0.0, 1.0)
    with pytest.raises(ArtifactError, match="not finite"):
        explain_points(np.array([[np.nan]]), 0.0, 1.0, 0.0, 0.5)
    with pytest.raises(ConfigurationError, match="language=fr"):
        ReasonsStyle("fr")
    stranger = Feature("x", "weather", Kind.NUMBER, "number", None, "x", "x")
    with pytest.raises(ArtifactError, match="weather"):
        family_points(np.zeros((1, 1)), [stranger])


def test_what_never_happened_reads_so():
    never = Feature("days_since_visit", "timing", Kind.NUMBER, "days", None, "days since a visit", "días", never=True)
    unknown = Feature("employees", "firmographic", Kind.NUMBER, "count", None, "employees", "empleados")
    X = pd.DataFrame({"days_since_visit": [np.nan], "employees": [np.nan]})
    said = write_reasons(np.array([[-9.0, -4.0]]), X, [never, unknown], ReasonsStyle("en")).texts[0]
    assert [t.split(": ")[1].split(" (")[0] for t in said] == ["never", "not known"]
    dicho = write_reasons(np.array([[-9.0, -4.0]]), X, [never, unknown], ReasonsStyle("es")).texts[0]
    assert [t.split(": ")[1].split(" (")[0] for t in dicho] == ["nunca", "no consta"]
