"""The change of champion: on what evidence this model took the place of the one before, and what it changes."""

from collections.abc import Callable, Mapping
from typing import Any

from leadml.churn import grade_names
from leadml.report.inputs import ReportInput
from leadml.report.words import Words

Fact = tuple[str, str, str]  # label, figure, remark
LOSS_DECIMALS = 4


def view_succession(data: ReportInput, words: Words) -> dict[str, Any] | None:
    """Everything of the section; None where this model took nobody's place."""
    told = data.succession
    if not told or told.get("from") is None:
        return None
    race, churn = told.get("race") or {}, told.get("churn") or {}
    compared, counted = "difference" in race, "leads" in churn
    return {
        "sentences": [
            words.t(f"succession_{told['by']}", now=told["to"], before=told["from"]),
            *(_race_sentences(race, words) if compared else [words.t("succession_no_race")]),
        ],
        "stamp": f"{words.t('succession_stamp')}: {told['forced']}" if told.get("forced") else "",
        "facts": (_race_facts(race, words) if compared else []) + (_churn_facts(churn, words) if counted else []),
        "grades": _view_grades(churn, data.decision, words) if counted else None,
    }


def _race_sentences(race: Mapping[str, Any], words: Words) -> list[str]:
    counts = {"rows": race["rows"], "lists": race["lists"], "conversions": race["converting_leads"]}
    how = {"written": "written", "retrained": "retrained"}.get(race["by"], "same")
    return [
        words.t("succession_race", **{name: words.number(n) for name, n in counts.items()}),
        words.t(f"succession_{how}"),
        words.t(f"succession_{race['verdict'].replace(' ', '_')}"),
    ]


def _race_facts(race: Mapping[str, Any], words: Words) -> list[Fact]:
    def told(value: float) -> str:
        return words.number(value, LOSS_DECIMALS)

    facts = []
    for label, side in (("loss_before", "champion"), ("loss_now", "challenger"), ("loss_difference", "difference")):
        figure = race[side]["log_loss"]
        if figure["value"] is not None:
            facts.append((words.t(label), told(figure["value"]), _ends(figure, told, words)))
    if race.get("age_days") is not None:
        facts.append((words.t("age_newer"), words.number(race["age_days"], 0), words.t("days_newer")))
    if race.get("drift"):
        drift = race["drift"]
        within = _ends(drift, lambda value: words.number(value, 2), words)
        facts.append((words.t("champion_drift"), words.number(drift["ratio"], 2), within))
    return facts


def _ends(figure: Mapping[str, Any], told: Callable[[float], str], words: Words) -> str:
    """The interval's ends in words, as either may be below 0; "" where it does not exist."""
    if figure.get("low") is None or figure.get("high") is None:
        return ""
    return words.t("interval_ends", low=told(figure["low"]), high=told(figure["high"]))


def _churn_facts(churn: Mapping[str, Any], words: Words) -> list[Fact]:
    leads = max(churn["leads"], 1)
    remark = words.t("of_leads", n=words.number(churn["leads"]))
    facts = [(words.t("grades_changed"), words.percent(churn["grade_changed"] / leads), remark)]
    facts += [(words.t(f"grades_{way}"), words.number(churn[f"grade_{way}"]), "") for way in ("up", "down")]
    return [*facts, (words.t("grid_changed"), words.percent(churn["grid_changed"] / leads), "")]


def _view_grades(churn: Mapping[str, Any], decision: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """From each grade (rows) to each (columns), best first; the diagonal is who stayed."""
    moves: Mapping[str, Mapping[str, int]] = churn["grades"]
    known = grade_names(dict(decision.get("grades", {})))
    met = {grade for row in moves.values() for grade in row} | set(moves)
    names = [g for g in known if g in met] + sorted(met - set(known))
    return {
        "caption": words.t("succession_grades", n=words.number(churn["leads"])),
        "names": [words.t("grade_to", grade=name) for name in names],
        "rows": [
            {"name": a, "cells": [(words.number(moves.get(a, {}).get(b, 0)), a == b) for b in names]} for a in names
        ],
    }
