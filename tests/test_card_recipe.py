"""The recipe of a Spanish card holds no English: what training chose and what it remarked."""

import re

import pytest

from leadml.report.card_recipe import NOTES, note_words, setting_row
from leadml.report.words import Words
from leadml.value import choosing

EN, ES = Words("en"), Words("es")


def remarks() -> list[str]:
    """What the amounts' model says of every form, as the code says it."""
    fitted = {"features": ["employees"], "leads": 90, "missing": 3, "not_positive": 1, "capped": 2, "cap": 1234567.0}
    return [
        note
        for form in ("none", "mean", "log-normal", "gamma")
        for leads in (0, 5)
        for note in choosing._notes({"form": form, "fitted": fitted, "choice": {"leads": leads}})
    ]


def test_every_remark_on_amounts_is_in_the_cards_language():
    for note in remarks():
        told = note_words(note, ES)
        assert told != note and not re.search(r"\b(amounts?|by|converting|none|above|the|of)\b", told), told
        assert note_words(note, EN) == note
    assert note_words("amounts: log-normal, by employees", ES) == "importes: distribución lognormal, según employees"
    assert "2 pasan de 1.234.567 y" in note_words("amounts: 2 are above 1,234,567 and count as that", ES)
    assert note_words("something new", ES) == "something new"


@pytest.mark.parametrize(("english", "spanish"), NOTES)
def test_both_languages_of_a_remark_have_the_same_figures(english, spanish):
    assert sorted(re.findall(r"{(\w+)}", english)) == sorted(re.findall(r"{(\w+)}", spanish))


def test_what_training_chose_is_told_in_words_and_settings_by_their_names():
    assert setting_row("rung", "blend", ES) == ("forma de aprender", "mezcla")
    assert setting_row("weight of logistic", 0.3, ES) == ("peso de: regresión logística", "`0.3`")
    assert setting_row("trees", 120, ES) == ("árboles", "`120`")
    assert setting_row("model.max_trees", 300, ES) == ("`model.max_trees`", "`300`")
