"""The report's section on calibration: reliability diagram, Brier score in parts, groups of leads."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from leadml.encoding import OTHER
from leadml.reasons import sentence_case
from leadml.report.calibration_plot import plot_reliability
from leadml.report.inputs import ReportInput
from leadml.report.words import Words

PARTS = ("uncertainty", "resolution", "reliability", "within", "brier")


def view_calibrated(data: ReportInput, words: Words) -> dict[str, Any] | None:
    """Plot, sentences, parts and groups, of ``metrics["reliability"]``; None where there is none."""
    found = data.metrics.get("reliability")
    if not found:
        return None
    names = {f.name: sentence_case(f.words(words.language)) for f in data.features}
    groups, left_out = told_groups(data.metrics)
    judged = [g for g in groups if g["beyond"] is not None]
    beyond = words.number(sum(g["beyond"] for g in judged))
    return {
        "caption": words.t("reliability_caption", n=words.number(len(found["bins"]))),
        "svg": Markup(plot_reliability(found, words)),
        "notes": [
            *whole_words(found, words),
            error_words(found, words),
            band_words(found, words),
            *form_words(found, words),
        ],
        "parts": [
            (words.t(f"brier_{p}"), words.t(f"brier_{p}_words"), words.number(found["brier"][p], 5)) for p in PARTS
        ],
        "groups": [_group_row(g, names, words) for g in groups],
        "groups_note": words.t("groups_note", n=words.number(len(judged)), beyond=beyond)
        + (" " + words.t("groups_few", **{k: words.number(n) for k, n in left_out.items()}) if left_out["n"] else ""),
    }


def told_groups(metrics: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], dict[str, int]]:
    """The groups whose calibration is told, and how many levels of named segments are not, with what they need.

    That is the same as for their other figures (``metrics["segments"]["least"]``).
    """
    groups, least = metrics["reliability"]["groups"], (metrics.get("segments") or {}).get("least", 0)
    told = [g for g in groups if g["kind"] != "segment" or g["converting_leads"] >= least]
    return told, {"n": len(groups) - len(told), "least": least}


def whole_words(found: Mapping[str, Any], words: Words) -> list[str]:
    """Whether the probabilities are right on the whole: one sentence, none where it was not measured."""
    if not (whole := found.get("whole")):
        return []
    side = {1: "low", -1: "high", 0: "within"}[rate_side(whole)]
    return [words.t(f"whole_{side}", band=words.percent(found["band"], 0), **rate_words(whole, words))]


def whole_off(metrics: Mapping[str, Any], words: Words) -> str:
    """The sentence of `whole_words` where the probabilities are off on the whole, else ""."""
    found = metrics.get("reliability") or {}
    off = found.get("whole") and rate_side(found["whole"]) != 0
    return whole_words(found, words)[0] if off else ""


def rate_side(group: Mapping[str, Any]) -> int:
    """1 where more converted than a perfect model would show, -1 where fewer did, otherwise 0."""
    return int(group["rate"] > group["rate_high"]) - int(group["rate"] < group["rate_low"])


def rate_words(group: Mapping[str, Any], words: Words) -> dict[str, str]:
    """What was said and happened, and the ends of what a perfect model would show, as percentages."""
    shares = {"said": "mean_probability", "rate": "rate", "low": "rate_low", "high": "rate_high"}
    return {name: words.percent(group[key], 1) for name, key in shares.items()}


def error_words(found: Mapping[str, Any], words: Words) -> str:
    """The calibration error beside that of chance, in a sentence."""
    chance, error = found["chance"], found["error"]
    key = "error_beyond" if error > chance["high"] else "error_within"
    shown = {"error": error, "mean": chance["mean"], "high": chance["high"]}
    return words.t(key, **{name: words.number(100 * value, 2) for name, value in shown.items()})


def band_words(found: Mapping[str, Any], words: Words) -> str:
    """How many bins lie in the band of chance, and how far it has colleagues convert together."""
    inside = sum(b["rate_low"] <= b["rate"] <= b["rate_high"] for b in found["bins"])
    numbers = {"inside": words.number(inside), "n": words.number(len(found["bins"]))}
    told = words.t("reliability_note", band=words.percent(found["band"], 0), **numbers)
    if found.get("together"):
        told += " " + words.t("together_note", together=words.percent(found["together"], 0))
    return told


def form_words(found: Mapping[str, Any], words: Words) -> list[str]:
    """One line for each other form of calibration: whether it would have been better, with the paired interval."""
    told = []
    for name, form in (found.get("forms") or {}).items():
        gain = form["log_loss"]
        key = {True: "form_better", False: "form_worse", None: "form_same"}[form["better"]]
        loss = {"value": -gain["value"]} | {
            end: None if gain[other] is None else -gain[other] for end, other in (("low", "high"), ("high", "low"))
        }
        told.append(words.t(key, name=words.t(f"name_{name}"), gain=_told(gain, words), loss=_told(loss, words)))
    return told


def group_name(group: Mapping[str, Any], names: Mapping[str, str], words: Words) -> str:
    """A group in words; ``names`` are those of features."""
    if group["kind"] == "age":
        return words.known(f"segment_{group['name']}", group["name"])
    if group["kind"] == "month":
        return words.t("group_month", month=group["name"])
    level = group["name"] or words.t("group_missing")
    level = words.t("group_other") if level == OTHER else level
    return f"{names.get(group['of'], group['of'])}: {level}"


def _group_row(group: Mapping[str, Any], names: Mapping[str, str], words: Words) -> dict[str, Any]:
    band = f"{words.percent(group['rate_low'], 1)}–{words.percent(group['rate_high'], 1)}"
    chance = words.number(100 * group["chance"]["high"], 2)
    return {
        "name": group_name(group, names, words),
        "beyond": bool(group["beyond"]),
        "cells": [
            (words.number(group["leads"]), ""),
            (words.number(group["converting_leads"]), ""),
            (words.percent(group["mean_probability"], 1), ""),
            (words.percent(group["rate"], 1), band),
            (words.number(100 * group["error"], 2), ""),
            (chance, ""),
            (words.number(group["brier"]["brier"], 4) if "brier" in group else "–", ""),
        ],
    }


def _told(figure: Mapping[str, Any], words: Words) -> str:
    value = words.number(figure["value"], 4)
    if figure["low"] is None:
        return value
    return f"{value} ({words.t('interval', low=words.number(figure['low'], 4), high=words.number(figure['high'], 4))})"
