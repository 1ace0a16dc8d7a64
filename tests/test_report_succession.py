"""What the report says about the change of champion, in both languages."""

from dataclasses import replace

import pytest
from test_report import EVIL, made_input, visible

from leadml.report.page import build_report
from leadml.report.succession import view_succession
from leadml.report.words import Words


def figure(value, low, high):
    return {"log_loss": {"value": value, "low": low, "high": high, "conversions": 56}}


TOLD = {
    "by": "train",
    "from": "0a0b0c",
    "to": "1a2b3c",
    "race": {
        "rows": 9516,
        "lists": 12,
        "converting_leads": 56,
        "by": "same recipe",
        "verdict": "not worse",
        "age_days": 35.0,
        "drift": {"ratio": 1.31, "low": 1.1, "high": 1.52, "conversions": 41, "lists": 5},
        "challenger": figure(0.11, 0.09, 0.14),
        "champion": figure(0.12, 0.1, 0.15),
        "difference": figure(-0.01, -0.02, 0.001),
    },
    "churn": {
        "leads": 885,
        "grade_changed": 87,
        "grade_up": 41,
        "grade_down": 46,
        "grid_changed": 223,
        "grades": {"A": {"A": 30, "B": 2}, "D": {"C": 34, "D": 593}, EVIL: {"D": 1}},
        "grid": {},
    },
}
SAID = {
    "en": (
        "Model 1a2b3c took the place of model 0a0b0c when it was trained.",
        "on the same 9,516 rows of 12 lists with 56 converting leads. Both follow the same recipe",
        "The new model was not worse.",
        "−0.0100 −0.0200 to 0.0010 Difference; below 0 is better",
        "35 days Newer data learnt from",
        "1.31 1.10 to 1.52 Conversions per expected one, before",
        "9.8% of 885 leads Leads that change grade",
        "25% Leads that change place among thirds of fit and intent",
        "A 30 2 0 0",
        "D 0 0 34 593",
    ),
    "es": (
        "El modelo 1a2b3c ocupó el lugar del modelo 0a0b0c al entrenarse.",
        "El modelo nuevo no fue peor.",
        "−0,0200 a 0,0010 Diferencia; por debajo de 0 es mejor",
        "Leads que cambian de grado",
    ),
}


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_evidence_and_the_churn_are_told(language):
    html = build_report(replace(made_input(language=language), succession=TOLD))
    text = visible(html)
    for words in SAID[language]:
        assert words in text, words
    assert EVIL not in html


@pytest.mark.parametrize("by", ["train", "promote", "rollback"])
@pytest.mark.parametrize("verdict", ["better", "not worse", "worse", "open"])
@pytest.mark.parametrize("language", ["en", "es"])
def test_every_change_has_words(by, verdict, language):
    race = TOLD["race"] | {"verdict": verdict, "by": "written", "drift": None, "age_days": None}
    data = replace(made_input(4), succession=TOLD | {"by": by, "race": race, "forced": "forced against ..."})
    view = view_succession(data, Words(language))
    assert len(view["sentences"]) == 4 and view["stamp"].endswith("forced against ...")
    alone = replace(data, succession=TOLD | {"by": by, "race": None, "churn": {"why_not": "-"}})
    view = view_succession(alone, Words(language))
    assert len(view["sentences"]) == 2 and not view["facts"] and view["grades"] is None


def test_a_first_champion_took_nobodys_place():
    for told in ({}, TOLD | {"from": None}):
        assert view_succession(replace(made_input(4), succession=told), Words("en")) is None
