"""The model card says what was measured: its figures are those of metrics.json."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from leadml.report.card import DIFFERENCES, FIGURES, CardFacts, build_card
from leadml.report.markdown import plain, setting_text
from leadml.report.words import Words

EN, ES = Words("en"), Words("es")


@pytest.fixture(scope="module")
def evidence(small_company: Path) -> Path:
    version = json.loads((small_company / "models/champion/registry.json").read_text())["model_version"]
    return small_company / "data/evidence" / version


@pytest.fixture(scope="module")
def card(evidence: Path) -> CardFacts:
    metrics, facts = (json.loads((evidence / f"{n}.json").read_text()) for n in ("metrics", "card"))
    return CardFacts(metrics, facts, facts["confidence"])


def rows_of(text: str, first: str) -> dict[str, list[str]]:
    """Cells of the table whose head begins with the words, by their first cell."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first} |"))
    end = next(i for i, line in enumerate([*lines[start:], ""], start) if not line.startswith("|"))
    cells = [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[start + 2 : end]]
    return {row[0]: row[1:] for row in cells}


def numbers(cell: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", cell.replace("−", "-").replace(",", ""))]


def test_the_files_that_train_and_explain_write_are_the_card(small_company, evidence, card):
    assert (evidence / "model_card.md").read_text(encoding="utf-8") == build_card(card, EN)
    shown = (small_company / "data/reports/model_card.md").read_text(encoding="utf-8")
    assert shown == build_card(card, EN)
    assert "Model card: lead scores, model" in (small_company / "data/reports/report.html").read_text(encoding="utf-8")


def test_every_figure_is_that_of_the_metrics_to_the_digits_shown(card):
    told = rows_of(build_card(card, EN), "Method")
    assert set(told) == {EN.t(f"recipe_{n}") for n in card.metrics["scorers"]}
    for name, scorer in card.metrics["scorers"].items():
        for (figure, decimals), cell in zip(FIGURES, told[EN.t(f"recipe_{name}")], strict=True):
            measured = [scorer[figure][key] for key in ("value", "low", "high")]
            assert numbers(cell) == [round(v, decimals) for v in measured if v is not None], (name, figure)


def test_differences_are_paired_ones_with_their_sign(card):
    told = rows_of(build_card(card, EN), "")
    for name, difference in card.metrics["differences"].items():
        cells = told[f"leadml minus {EN.t(f'recipe_{name}')}"]
        for (figure, decimals), cell in zip(DIFFERENCES, cells, strict=True):
            measured = [difference[figure][key] for key in ("value", "low", "high")]
            assert numbers(cell) == [round(v, decimals) for v in measured if v is not None], (name, figure)


def test_counts_calibration_and_versions_are_those_of_the_run(small_company, card):
    text, metrics, facts = build_card(card, EN), card.metrics, card.facts
    run = json.loads((small_company / "data/runs/latest-demo.json").read_text())
    assert f"**{run['stages']['extract']['rows']['converting_leads']} distinct leads converted**" in text
    assert facts["rows"] == run["stages"]["train"]["rows"]
    assert f"**{metrics['test']['converting_leads']} of them converted**" in text
    brier = rows_of(text, EN.t("brier_caption"))
    parts = {"uncertainty": 1, "− resolution": -1, "+ reliability": 1, "+ within the groups": 1}
    total = sum(sign * numbers(brier[name][0])[0] for name, sign in parts.items())
    assert total == pytest.approx(numbers(brier["= Brier score"][0])[0], abs=3e-5)
    assert f"differ by {100 * metrics['reliability']['error']:.2f} percentage points" in text
    for name, version in run["versions"].items():
        assert f"- {name} {version}\n" in text
    assert f"`{run['stages']['train']['model_version']}`" in text and "leadml rollback" in text
    assert {f"`{f['name']}`" for f in facts["features"]} <= set(re.findall(r"`[^`]+`", text))


def test_both_languages_have_the_same_sections_and_the_same_files(card):
    english, spanish = build_card(card, EN), build_card(card, ES)
    assert re.findall(r"^#+", english, flags=re.M) == re.findall(r"^#+", spanish, flags=re.M)
    assert english.count("\n| ") == spanish.count("\n| ")
    assert "Prediction is not effect" in english and "Predecir no es causar" in spanish
    assert not set(re.findall(r"(?m)^## .*", english)) & set(re.findall(r"(?m)^## .*", spanish))


def test_weak_spots_are_told_with_their_counts_and_none_where_there_are_none(card):
    band = {"low": 0.4, "value": 0.55, "high": 0.7, "conversions": 7}
    weak = card.metrics["bands"]["age_0_7"] | {"figures": {"auc": band}, "converting_leads": 7}
    metrics = card.metrics | {"bands": {"age_0_7": weak}, "reliability": None}
    told = build_card(replace(card, metrics=metrics), EN)
    assert "0 to 7 days old: its order is not shown to be better than chance (AUC 0.550: 0.400 to 0.700; 7 conv" in told
    good = weak | {"figures": {"auc": band | {"low": 0.7, "value": 0.8, "high": 0.9}}}
    good |= {"difference_to_constant": {"log_loss": {"value": -0.02, "low": -0.03, "high": -0.01}}}
    assert EN.t("card_weak_none") in build_card(replace(card, metrics=metrics | {"bands": {"age_0_7": good}}), EN)


def test_the_whole_test_comes_first_and_groups_that_only_repeat_it_are_counted(card):
    group = {"kind": "month", "of": "", "name": "2025-01", "converting_leads": 40, "mean_probability": 0.026}
    group |= {"rate_low": 0.02, "rate_high": 0.03, "rate": 0.037, "beyond": False}
    fine, under = group | {"name": "2025-02", "rate": 0.025}, group | {"name": "2025-03", "rate": 0.01}
    found = card.metrics["reliability"] | {"whole": group, "groups": [group, fine, under]}
    metrics = card.metrics | {"bands": {}, "segments": None, "reliability": found}
    part = build_card(replace(card, metrics=metrics), EN).split(f"## {EN.t('card_weak')}")[1].split("\n## ")[0]
    first, note, *_ = part.strip().split("\n\n")
    assert first.startswith(
        "The whole test: said 2.6%, happened 3.7% (a perfect model would show 2.0% to 3.0%; 40 conv"
    )
    assert "Groups below whose rate is off on that same side, and which tell this one fact again: 1." in first
    assert note.startswith("Looked at for their order: 0 bands and segments. Looked at for their probabilities: 3 gr")
    assert part.count("\n- ") == 2
    right = build_card(replace(card, metrics=metrics | {"reliability": found | {"whole": fine, "groups": []}}), EN)
    assert "The whole test: said 2.6%, happened 2.5%" in right and "same side" not in right


def test_only_what_is_there_can_come_back(card):
    text = {}
    for lacking in ((), ("tracked",), ("replaceable",)):
        told = build_card(replace(card, facts=card.facts | dict.fromkeys(lacking, False)), EN)
        text[lacking] = told.split("## How to go back")[1]
    text[()] = build_card(replace(card, facts=card.facts | {"tracked": True}), EN).split("## How to go back")[1]
    assert "MLflow" in text[()] and "MLflow" not in text[("tracked",)]
    assert "has none to put back" in text[("replaceable",)] and "keeps each scorer" in text[("tracked",)]


def test_what_data_say_is_text(card):
    entry = card.facts["files"][0] | {"path": "a|b`<script>\n# no*.csv"}
    text = build_card(replace(card, facts=card.facts | {"files": [entry]}), EN)
    assert r"| a\|b\`\<script\> # no\*.csv |" in text
    assert plain("[x](y)") == r"\[x\](y)" and setting_text([None, True, 0.5]) == "[null, true, 0.5]"


def test_undated_tables_have_no_problem_and_no_cutoffs(card):
    never = card.facts["snapshots"] | {"first": None, "last": None}
    facts = card.facts | {"flat": True, "data_end": None, "immature_share": None, "snapshots": never}
    test = card.metrics["test"] | {"first": None, "last": None}
    text = build_card(CardFacts(card.metrics | {"test": test}, facts, 0.9), EN)
    assert "problem." not in text and "End of the data: rows without dates" in text and "Cutoffs" not in text
