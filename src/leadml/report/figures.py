"""The test's figures and the threshold, as rows of text; the shapes are those of `judgement` and `thresholds`."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd
from markupsafe import Markup

from leadml.models.points import POINTS_PER_DOUBLING
from leadml.reasons import POINTS_PER_LOG_ODD
from leadml.report import plots
from leadml.report.inputs import ReportInput
from leadml.report.words import Words

RECIPES = ("model", "without_effort", "logistic", "points", "recency", "constant")
# Figure, decimals; lift is a factor, capture a share.
TRUTH_FIGURES = (("auc", 3), ("average_precision", 3), ("log_loss", 4), ("brier", 4))
RANK_FIGURES = tuple((f"{kind}_{share}", 1) for kind in ("lift", "capture") for share in (5, 10, 20))
_LOWER_IS_BETTER = ("log_loss", "brier")
Cell = tuple[str, str]  # figure, interval


def view_test(data: ReportInput, words: Words) -> dict[str, Any] | None:
    """Tables of every recipe's figures, the calibration and capture plots, the model by kind of lead; None if untested.

    ``metrics``: of `judgement.judge_test`: test, scorers, bands, calibration, capture.
    """
    metrics = data.metrics
    if not metrics.get("scorers"):
        return None
    return {
        "note": _test_note(metrics.get("test", {}), data.context.confidence, words),
        "same": scorecard_words(metrics, words),
        "tables": [_figure_table(metrics["scorers"], names, words) for names in (TRUTH_FIGURES, RANK_FIGURES)],
        # Where reliability was judged, it has a section of its own.
        "calibration": _view_calibration({} if "reliability" in metrics else metrics.get("calibration") or {}, words),
        "capture": _view_capture(metrics.get("capture") or {}, words),
        "segments": [_segment_row(name, band, words) for name, band in _kinds(metrics).items()],
    }


def view_threshold(data: ReportInput, words: Words) -> dict[str, Any]:
    """The rule in a sentence, what it gave on the test as facts, and what to keep in mind.

    ``decision``: ``threshold``, ``chosen`` (`ThresholdChoice.to_dict`) and ``judged`` (`judge_threshold`).
    """
    threshold, choice = data.decision.get("threshold"), data.decision.get("chosen") or {}
    if threshold is None:
        return {"sentence": words.t("threshold_none"), "facts": [], "notes": []}
    shown = {"threshold": words.percent(threshold), "score": words.number(_score(threshold, data.context.p50), 0)}
    capacity, again = choice.get("weekly_capacity"), choice.get("again_after_days")
    if capacity is None or again is None:
        sentence = words.t("threshold_plain", **shown)
    else:
        sentence = words.t("threshold_rule", capacity=words.number(capacity), again=words.number(again), **shown)
    above = int((data.scores["probability"] >= threshold).sum())
    judged = data.decision.get("judged") or {}
    notes = [words.t(key) for key in _notes(str(choice.get("note") or ""))]
    if judged:
        notes.append(_judged_note(judged, data.context.confidence, words))
    return {
        "sentence": sentence,
        "facts": [(words.t("now_above"), words.number(above), ""), *_threshold_facts(judged, words)],
        "notes": [*notes, words.t("as_before")],
    }


def interval_words(figure: Mapping[str, Any], told: Callable[[float], str]) -> str:
    """The interval's ends with an en dash between them, "" where it does not exist."""
    low, high = figure.get("low"), figure.get("high")
    return "" if low is None or high is None else f"{told(low)}\u2013{told(high)}"


def _figure_table(scorers: Mapping[str, Any], names: tuple[tuple[str, int], ...], words: Words) -> dict[str, Any]:
    known = [recipe for recipe in RECIPES if recipe in scorers] + sorted(set(scorers) - set(RECIPES))
    return {
        "columns": [_column(name, words) for name, _ in names],
        "rows": [
            {
                "name": words.known(f"recipe_{recipe}", recipe),
                "ours": recipe == "model",
                "cells": [_cell(scorers[recipe].get(name), name, decimals, words) for name, decimals in names],
            }
            for recipe in known
        ],
    }


def _column(name: str, words: Words) -> Cell:
    kind, _, share = name.rpartition("_")
    if kind in ("lift", "capture"):
        return words.t(f"metric_{kind}", share=words.percent(int(share) / 100)), ""
    return words.t(f"metric_{name}"), words.t("lower" if name in _LOWER_IS_BETTER else "higher")


def _cell(figure: Mapping[str, Any] | None, name: str, decimals: int, words: Words) -> Cell:
    if not figure or figure.get("value") is None:
        return "–", ""

    def told(value: float) -> str:
        return words.percent(value, 0) if name.startswith("capture") else words.number(value, decimals)

    times = "×" if name.startswith("lift") else ""
    return told(figure["value"]) + times, interval_words(figure, told)


def scorecard_words(metrics: Mapping[str, Any], words: Words) -> str:
    """Why the same card stands twice among the figures, where the model is the scorecard itself; "" elsewhere."""
    if (metrics.get("ladder") or {}).get("rung") != "points" or "points" not in metrics["scorers"]:
        return ""
    doubling = POINTS_PER_DOUBLING / metrics["calibration_form"]["slope"]
    return words.t("same_scorecard", points=words.number(doubling, 0 if doubling == POINTS_PER_DOUBLING else 1))


def _kinds(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """All leads of the test, then its bands."""
    test = metrics.get("test", {})
    whole = {"all": {**test, "figures": metrics["scorers"]["model"]}} if "mean_probability" in test else {}
    return whole | dict(metrics.get("bands", {}))


def _segment_row(name: str, band: Mapping[str, Any], words: Words) -> dict[str, Any]:
    figures = band.get("figures", {})
    counted = [(words.number(band[key]), "") for key in ("leads", "converting_leads")]
    cells = [_cell(figures.get(figure), figure, decimals, words) for figure, decimals in (("auc", 3), ("lift_10", 1))]
    rates = [(words.percent(band[key], 1), "") for key in ("rate", "mean_probability")]
    return {"name": words.known(f"segment_{name}", name), "cells": [*counted, *rates, *cells]}


def _view_calibration(calibration: Mapping[str, Any], words: Words) -> dict[str, Any] | None:
    if not calibration.get("bins"):
        return None
    bins = pd.DataFrame(calibration["bins"])
    note = ""
    chance = (calibration.get("error_by_chance") or {}).get("high")
    if calibration.get("error") is not None and chance is not None:
        note = words.t(
            "calibration_note", error=words.number(100 * calibration["error"], 2), chance=words.number(100 * chance, 2)
        )
    caption = words.t("calibration_caption", n=words.number(len(bins)))
    return {"caption": caption, "svg": Markup(plots.plot_calibration(bins, words)), "note": note}


def _view_capture(capture: Mapping[str, Any], words: Words) -> dict[str, Any] | None:
    lines = [pd.DataFrame(curve).assign(recipe=recipe) for recipe, curve in capture.items() if len(curve)]
    if not lines:
        return None
    table = pd.concat(lines, ignore_index=True)
    if table["capture"].isna().all():
        return None
    return {"caption": words.t("capture_caption"), "svg": Markup(plots.plot_capture(table, words)), "note": ""}


def _test_note(test: Mapping[str, Any], confidence: float, words: Words) -> str:
    values = {
        "lists": words.number(test.get("lists", 0)),
        "conversions": words.number(test.get("converting_leads", 0)),
        "leads": words.number(test.get("leads", 0)),
        "confidence": words.percent(confidence, 0),
    }
    if test.get("first") and test.get("last") and test.get("lists", 0) > 1:
        first, last = (words.date(datetime.fromisoformat(str(test[key]))) for key in ("first", "last"))
        return words.t("test_note_dated", first=first, last=last, **values)
    return words.t("test_note", **values)


def _threshold_facts(judged: Mapping[str, Any], words: Words) -> list[tuple[str, str, str]]:
    """Label, figure, interval or remark."""
    if not judged:
        return []
    facts = [(words.t("entries_per_week"), words.number(judged["entries_per_week"], 0), "")]
    precision, weekly = judged.get("observed_precision") or {}, judged.get("conversions_per_week") or {}
    if precision.get("value") is not None:
        interval = interval_words(precision, lambda value: words.percent(value, 1))
        facts.append((words.t("precision"), words.percent(precision["value"], 1), interval))
    if judged.get("expected_precision") is not None:
        facts.append((words.t("precision_said"), words.percent(judged["expected_precision"], 1), ""))
    if weekly.get("value") is not None:
        interval = interval_words(weekly, lambda value: words.number(value, 1))
        facts.append((words.t("conversions_per_week"), words.number(weekly["value"], 1), interval))
    if judged.get("captured") is not None:
        facts.append((words.t("conversions_caught"), words.percent(judged["captured"], 0), ""))
    return facts


def _judged_note(judged: Mapping[str, Any], confidence: float, words: Words) -> str:
    return words.t(
        "judged",
        weeks=words.number(judged.get("weeks", 0)),
        conversions=words.number(judged.get("distinct_conversions", 0)),
        first=words.number(judged.get("first_week_entries", 0)),
        confidence=words.percent(confidence, 0),
    )


def _notes(note: str) -> list[str]:
    """Keys of the texts for what `choose_threshold` remarks."""
    remarks = {"over capacity": "note_over_capacity", "capacity is above": "note_all_enter"}
    return [key for start, key in remarks.items() if note.startswith(start)]


def _score(probability: float, p50: float) -> float:
    if not 0 < probability < 1:
        return 100.0 * probability
    log_odds = math.log(probability / (1 - probability)) - math.log(p50 / (1 - p50))
    return min(100.0, max(0.0, 50 + POINTS_PER_LOG_ODD * log_odds))
