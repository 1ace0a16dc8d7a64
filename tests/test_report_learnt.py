"""What the report and the card say was learnt, and how sure the importance of features is."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_lists import make_config, make_leads

from leadml.bootstrap import BootstrapConfig
from leadml.calibration import Calibrator
from leadml.config import Rung
from leadml.importance import measure_bag
from leadml.models import Model
from leadml.models.fit import fit_plan
from leadml.models.plan import EMPTY, Ingredient, Ingredients
from leadml.report.calibrated import told_groups
from leadml.report.card_learnt import learnt_blocks, segment_blocks
from leadml.report.figures import scorecard_words
from leadml.report.learnt import learnt_words, list_periods, note_words, spread_words, step_rows
from leadml.report.segmented import tell_segments, why_not
from leadml.report.shap_plots import Explained, plot_bar
from leadml.report.words import Words
from leadml.scorer import LeadScorer, Scale

EN, ES = Words("en"), Words("es")


@pytest.fixture(scope="module")
def metrics(small_company: Path) -> dict:
    version = json.loads((small_company / "models/champion/registry.json").read_text())["model_version"]
    return json.loads((small_company / "data/evidence" / version / "metrics.json").read_text())


def ladder(*steps: tuple[str, dict, float, float, float], chosen: int) -> dict:
    names = ("rung", "weights", "loss", "more", "error")
    told = [dict(zip(names, step, strict=True)) | {"chosen": i == chosen} for i, step in enumerate(steps)]
    return {"rung": steps[chosen][0], "members": [], "steps": told}


LOGISTIC = ("logistic", {"logistic": 1.0}, 0.1012, 0.0012, 0.0020)
TREES = ("lightgbm", {"trees": 1.0}, 0.1000, 0.0, 0.0)
BLEND = ("blend", {"logistic": 0.3, "trees": 0.7}, 0.1000, 0.0, 0.0)
SAME = {"form": "identity", "slope": 1.0}


@pytest.mark.parametrize(("found", "said"), [
    (ladder(LOGISTIC, TREES, chosen=0), r"logistic regression, the simplest there is.*0\.0012 above.*0\.0020"),
    (ladder(LOGISTIC, TREES, chosen=1), r"Chosen: decision trees\. Nothing else that was tried has a lower"),
    (ladder(("points", {"points": 1.0}, 0.2, 0.1, 0.01), LOGISTIC, TREES, chosen=1),
     r"Chosen: logistic regression\. It is the simplest that is not shown to be worse"),
    (ladder(BLEND, chosen=0), r"The settings ask for blend; nothing else was tried"),
    (ladder(("points", {"points": 1.0}, 0.2, 0.0, 0.0), chosen=0), r"The model is the team's scorecard"),
])  # fmt: skip
def test_why_it_stopped_where_it_did(found, said):
    told = " ".join(learnt_words({"ladder": found, "calibration_form": SAME, "origins": [{}] * 4}, EN))
    assert re.search(said, told), told
    assert learnt_words({"ladder": found, "calibration_form": SAME}, ES)


def test_the_table_has_every_candidate_with_its_shares_and_one_is_chosen():
    rows = step_rows(ladder(LOGISTIC, BLEND, chosen=0), EN)
    assert [r["name"] for r in rows] == ["Logistic regression", "Blend (logistic regression 30%, trees 70%)"]
    assert rows[0]["cells"] == ["0.1012", "0.0012", "0.0020", "chosen"] and rows[1]["cells"][1:3] == ["lowest", "–"]


def test_slopes_and_tuning_are_told_as_they_are():
    found = {"ladder": ladder(TREES, chosen=0), "calibration_form": {"form": "sigmoid", "slope": 0.8}}
    assert "multiplied by 0.80: on later leads its probabilities were too far apart" in learnt_words(found, EN)[-1]
    tuning = {"trials": 12, "gain": 0.004, "used": True}
    told = learnt_words(found | {"tuning": tuning}, EN)[-1]
    assert "12 settings" in told
    assert "fell by 0.0040" in told
    assert "was not shown to be better" in learnt_words(found | {"tuning": tuning | {"used": False}}, EN)[-1]


@pytest.mark.parametrize("words", [EN, ES])
def test_a_card_at_a_cold_start_is_told_once_and_nothing_is_said_to_have_been_tried(words):
    found = {"ladder": ladder(("points", {"points": 1.0}, 0.2, 0.0, 0.0), chosen=0), "calibration_form": SAME}
    assert learnt_words(found, words)[-1] == words.t("learnt_form_identity")
    assert learnt_words(found | {"lacking": [{"kind": "cold_start"}]}, words)[-1] == words.t("learnt_form_untried")
    both = {"scorers": {"model": {}, "points": {}}}
    assert scorecard_words(found | both, words) == words.t("same_scorecard", points="10")
    assert scorecard_words(found | both | {"calibration_form": {"slope": 0.8}}, words) == words.t(
        "same_scorecard", points=words.number(12.5, 1)
    )
    assert scorecard_words({"ladder": ladder(TREES, chosen=0)} | both, words) == scorecard_words(both, words) == ""


def test_report_and_card_tell_the_ladder_and_the_periods(small_company, metrics):
    page = (small_company / "data/reports/report.html").read_text(encoding="utf-8")
    assert f"<h2>{EN.t('learnt')}</h2>" in page and EN.t("origins") in page
    assert f"<h2>{EN.t('by_segments')}</h2>" not in page  # none is named
    periods = list_periods(metrics)
    assert len(periods) == len(metrics["origins"]) + 1 and periods[-1]["test"]
    aucs = [p["figures"]["auc"]["value"] for p in periods]
    assert f"AUC from {min(aucs):.3f} to {max(aucs):.3f}" in spread_words(periods, EN)
    for words in (EN, ES):
        card = "\n".join(learnt_blocks(metrics, words))
        assert card.count("\n| ") == len(metrics["ladder"]["steps"]) + len(periods) + 4
        assert segment_blocks(metrics, {}, words) == []
    assert [p["converting_accounts"] <= p["converting_leads"] for p in periods] == [True] * len(periods)


@pytest.mark.parametrize("words", [EN, ES])
def test_periods_that_chose_no_recipe_are_not_said_to_have(words):
    assert note_words(ladder(LOGISTIC, chosen=0), words) == words.t("origins_named_note")
    assert note_words(ladder(LOGISTIC, TREES, chosen=0), words) == words.t("origins_note")


def segment_metrics() -> dict:
    interval = {"value": 0.7, "low": 0.6, "high": 0.8, "conversions": 30}
    loss = {"value": -0.02, "low": -0.03, "high": -0.01, "conversions": 30}
    calibration = {"mean_probability": 0.05, "rate": 0.06, "rate_low": 0.03, "rate_high": 0.08, "error": 0.01}
    told = {
        "of": "region", "name": "north|<b>", "rows": 900, "leads": 300, "converting_leads": 30, "told": True,
        "figures": {"auc": interval, "lift_10": interval | {"value": 3.0}},
        "difference_to_constant": {"log_loss": loss},
        "calibration": calibration | {"chance": {"high": 0.02}}, "drift": {"rate": 0.04, "stability": 0.31},
    }  # fmt: skip
    few = {"of": "region", "name": "", "rows": 20, "leads": 9, "converting_leads": 1, "told": False}
    levels = [{"name": "north", "shift": 0.5}, {"name": "south", "shift": -0.3}]
    proof = {"less": 0.004, "error": 0.001, "forward_less": 0.003, "forward_error": 0.001, "newest_less": 0.002}
    tried = {"feature": "region", "used": True, "levels": levels} | proof
    return {"segments": {"least": 10, "groups": [told, few]}, "segment_intercepts": [tried]}


@pytest.mark.parametrize("words", [EN, ES])
def test_a_segment_without_conversions_enough_is_one_sentence_and_has_the_same_minimum_everywhere(words):
    found = segment_metrics()
    few = [{"of": "team", "name": n, "rows": 20, "leads": 9, "converting_leads": k, "told": False} for n, k in
           (("a", 7), ("b", 1), ("", 0))]  # fmt: skip
    said = words.t("segment_few", name="Team", n="3", least="10", most="7")
    told = tell_segments(found | {"segments": {"least": 10, "groups": found["segments"]["groups"] + few}},
                         {"region": "Region", "team": "Team"}, words)  # fmt: skip
    assert [row["name"] for row in told["rows"]] == ["Region: north|<b>", f"Region: {words.t('group_missing')}"]
    assert told["sentences"][-1] == said
    alone = {"segments": {"least": 10, "groups": few}}
    assert segment_blocks(alone, {"team": "Team"}, words) == [f"## {words.t('by_segments')}", f"- {said}"]
    groups = [{"kind": "segment", "name": n, "converting_leads": k} for n, k in (("a", 10), ("b", 9))]
    groups.insert(0, {"kind": "month", "name": "2026-01", "converting_leads": 0})
    reliability = {"reliability": {"groups": groups}}
    assert [g["name"] for g in told_groups(reliability | alone)[0]] == ["2026-01", "a"]
    assert told_groups(reliability | alone)[1] == {"n": 1, "least": 10}
    assert len(told_groups(reliability)[0]) == 3  # segments that the stream chose are not named


def test_segments_are_told_with_their_evidence():
    found = segment_metrics()
    text = "\n".join(segment_blocks(found, {"region": "Region"}, EN))
    assert "lower the log loss by 0.0040 (standard error 0.0010)" in text and "north +7, south −4" in text
    assert r"| Region: north\|\<b\> | 300 | 30 | 5.0% | 6.0% (3.0% to 8.0%) | 0.700 (0.600 to 0.800)" in text
    assert "| 0.0200 (0.0100 to 0.0300) |" in text and "| 4.0% | 0.31 |" in text
    assert "| Region: not known | 9 | 1 | – |" in text
    assert "correcciones propias" in "\n".join(segment_blocks(found, {}, ES))


@pytest.mark.parametrize(("changes", "why"), [
    ({"levels": [{"name": "north", "shift": 0.0}]}, "alike"),
    ({"less": 0.001}, "not_less"),
    ({"forward_less": 0.0005}, "not_forward"),
    ({"newest_less": -0.001}, "not_newest"),
])  # fmt: skip
def test_what_is_lacking_is_said(changes, why):
    (tried,) = segment_metrics()["segment_intercepts"]
    assert why_not(tried | changes) == why
    told = segment_blocks(segment_metrics() | {"segment_intercepts": [tried | {"used": False} | changes]}, {}, EN)
    assert "no corrections of its own" in told[1]


@pytest.fixture(scope="module")
def bagged():
    """Trees of a bag of three, beside a logistic regression, on few rows."""
    snapshots, X, features = make_leads(600, 30, 1)
    rows = np.flatnonzero(snapshots["label"].notna())
    config = make_config()
    model = replace(config.model, kind=Rung.blend, bag=3)
    plan = replace(EMPTY, rung="blend", members=(Ingredient("logistic", 0.4, 0.1), Ingredient("trees", 0.6, None, 20)))
    given = Ingredients(tuple(features), model, (), 3, 1)
    return fit_plan(plan, X, rows, snapshots["label"].to_numpy(float)[rows], given), X.iloc[rows[:500]]


def test_a_bag_averages_its_boosters(bagged):
    model, X = bagged
    alone = model.alone()
    assert [len(m.boosters) for m in alone] == [1, 1, 1]
    np.testing.assert_allclose(np.mean([m.margins(X) for m in alone], axis=0), model.margins(X), atol=1e-9)
    assert Model(model.encoder, model.members[:1]).alone() == []
    assert alone[0].alone() == []


def test_the_spread_of_a_bag_is_each_booster_over_the_whole(bagged):
    model, X = bagged
    scorer = LeadScorer(model, Calibrator(0.8, 0.1), Scale(0.1, {}), (), {})
    frame = scorer.prepare(X)
    matrix = model.encoder.encode(frame)
    spread = measure_bag(model, matrix)
    assert spread.shape == (3, len(scorer.encoder.names))
    whole = np.abs(scorer.points(frame)[1]).mean(axis=0)
    for one, ratios in zip(model.alone(), spread, strict=True):
        own = np.abs(replace(scorer, model=one).points(frame)[1]).mean(axis=0)
        np.testing.assert_allclose(ratios * whole, own, atol=1e-9)
    assert (spread.mean(axis=0) >= 1 - 1e-9).all()  # an average moves no more than what it is of, on average
    no_bag = Model(model.encoder, model.members[:1])
    assert measure_bag(no_bag, matrix).shape == (0, spread.shape[1])
    shown = Explained(scorer.points(frame)[1], X.reset_index(drop=True), list(scorer.encoder.features))
    draws = BootstrapConfig(40, 0.9, 1)
    with_bag, without = (plot_bar(shown.measure(np.arange(len(X)), draws, bag), 5, EN) for bag in (spread, None))
    assert len(with_bag) > len(without)
