"""The report's sections on what a lead is worth, how soon it converts, and what the data lack."""

from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from test_report import METRICS, interval, made_input

from leadml.report.inputs import ReportInput
from leadml.report.page import build_report
from leadml.report.words import Words
from leadml.report.worth import view_lacking, view_sooner, view_worth
from leadml.sufficiency import Shortfall

FITTED = {
    "form": "log-normal", "features": ["revenue"], "cap": 250_000.0, "confidence": 0.9, "leads": 191, "capped": 3,
    "missing": 12, "not_positive": 1,
}  # fmt: skip
GAINS = {0.05: interval(900.0, 300.0), 0.1: interval(-914.0, 500.0), 0.2: interval(47.0, 300.0)}


def money(share: float) -> dict[str, Any]:
    captured = {f"captured_{name}": interval(0.5) for name in ("value", "probability", "gain")}
    return {"share": share, "per_lead_value": interval(7000.0, 90.0), "per_lead_probability": interval(6100.0, 90.0),
            "per_lead_gain": GAINS[share]} | captured  # fmt: skip


VALUE = {
    "form": "log-normal", "fitted": FITTED, "currency": "EUR", "money": [money(share) for share in GAINS],
    "test": {"leads": 56, "predicted": interval(17_189.0, 900.0), "amount": interval(16_548.0, 900.0),
             "covered": interval(0.86), "gain": interval(0.65)},
}  # fmt: skip
SOONER = [{"days": 14.0, "conversions": 40, "rate": interval(0.008, 0.001),
           "mean_probability": interval(0.006, 0.001), "to_constant": interval(-0.0238, 0.005)}]  # fmt: skip
LACKING = [
    Shortfall("wide_intervals", "warn", {"found": 71, "wanted": 100}).to_dict(),
    Shortfall("one_account", "warn", {"account": "<b>ACME</b>", "found": 40, "everyone": 71}).to_dict(),
]


def given(language: str, **metrics: Any) -> ReportInput:
    return replace(made_input(n=12, language=language), metrics=METRICS | metrics)


TOLD = {
    "en": (
        "What a lead is worth", "annual revenue", "191 converting leads", "€17,189", "€250,000", "−€914", "14 days",
        "Working 5% of the lists, the expected value found more money", "12 converting leads have no amount", "0.80%",
        "Working 10% of the lists, the probability found", "71 distinct leads converted",
    ),
    "es": (
        "Cuánto vale un lead", "ingresos anuales", "17.189", "el valor esperado halló más dinero", "14 días",
        "la probabilidad halló más dinero", "12 leads que convirtieron no tienen importe",
        "onvirtieron 71 leads distintos",
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", TOLD)
def test_the_page_tells_value_horizons_and_what_is_lacking(language):
    html = build_report(given(language, value=VALUE, sooner=SOONER, lacking=LACKING))
    text = unescape(html).replace("\u00a0", " ")
    assert [words for words in TOLD[language] if words not in text] == []
    assert "<b>ACME" not in html and "&lt;b&gt;ACME" in html


def test_a_page_without_any_of_it_has_no_section_of_it():
    data, words = given("en"), Words("en")
    assert (view_worth(data, words), view_sooner(data, words), view_lacking(data, words)) == (None, [], None)
    assert view_lacking(given("en", lacking=[]), words) == []


@pytest.mark.parametrize("language", TOLD)
def test_the_mean_has_no_money_table_and_none_no_figures(language):
    words = Words(language)
    mean = VALUE | {"form": "mean", "fitted": FITTED | {"form": "mean", "features": []}}
    shown = view_worth(given(language, value=mean), words)
    assert shown["sentences"][0] == words.t("worth_mean", leads="191") and not shown["money"] and shown["facts"]
    assert len(shown["facts"]) == 3
    tried = {"log-normal": interval(-0.21), "gamma": interval(-0.14)}
    shown = view_worth(given(language, value=mean | {"choice": {"leads": 30, "gain": tried}}), words)
    assert shown["facts"][3][1] == words.number(-0.14)
    none = {"form": "none", "fitted": {"form": "none", "features": [], "leads": 0}, "currency": None}
    shown = view_worth(given(language, value=none), words)
    assert shown["sentences"] == [words.t("worth_none")] and not shown["facts"]


def test_orders_that_find_as_much_are_said_to():
    same = [money(0.2) | {"share": share} for share in (0.05, 0.1, 0.2)]
    words = Words("en")
    assert view_worth(given("en", value=VALUE | {"money": same}), words)["remarks"] == [words.t("money_no_gain")]
