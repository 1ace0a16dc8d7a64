"""The report's section on segments: the model's figures by level, and which levels have intercepts of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

from leadml.reasons import POINTS_PER_LOG_ODD, sentence_case
from leadml.reasons.levels import looks_personal
from leadml.report.calibrated import group_name
from leadml.report.figures import interval_words
from leadml.report.inputs import ReportInput
from leadml.report.learnt import gain_of
from leadml.report.words import Words

MOST_LEVELS = 12  # of a segment whose corrections are told, those that matter most
MUCH = 0.25  # of the stability index: the usual rule of thumb for a large shift
Cell = tuple[str, str]  # figure, interval


def view_segments(data: ReportInput, words: Words) -> dict[str, Any] | None:
    """Head, rows and sentences, of ``metrics["segments"]``; None where no segment is named."""
    return tell_segments(data.metrics, {f.name: sentence_case(f.words(words.language)) for f in data.features}, words)


def tell_segments(metrics: Mapping[str, Any], names: Mapping[str, str], words: Words) -> dict[str, Any] | None:
    """What `view_segments` gives; ``names`` are features in words."""
    found = metrics.get("segments")
    if not found:
        return None
    groups = [g | {"kind": "segment"} for g in found["groups"]]
    told = {g["of"] for g in groups if g["told"]}
    few = {g["of"]: [other for other in groups if other["of"] == g["of"]] for g in groups if g["of"] not in told}
    return {
        "note": words.t("by_segments_note", least=words.number(found["least"]), moved=words.number(MUCH, 2)),
        "head": [
            words.t(key)
            for key in ("distinct", "conversions", "said_rate", "rate", "metric_auc")
        ] + [words.t("metric_lift", share=words.percent(0.1)),
             *(words.t(key) for key in ("segment_gain", "group_error", "segment_then", "segment_moved"))],
        "rows": [
            {"name": group_name(g, names, words), "cells": _cells(g, words)} for g in groups if g["of"] in told
        ],
        "sentences": [
            *(intercept_words(one, names, words) for one in metrics.get("segment_intercepts", [])),
            *(_few_words(levels, found["least"], names, words) for levels in few.values()),
        ],
    }  # fmt: skip


def intercept_words(tried: Mapping[str, Any], names: Mapping[str, str], words: Words) -> str:
    """Whether a segment has intercepts of its own, with the evidence, and what they are in points."""
    name = names.get(tried["feature"], tried["feature"])
    keys = {"less": "less", "error": "error", "forward": "forward_less", "forward_error": "forward_error"}
    shown = {key: words.number(tried[of], 4) for key, of in (keys | {"newest": "newest_less"}).items()}
    if not tried["used"]:
        return words.t(f"intercepts_{why_not(tried)}", name=name, **shown)
    strongest = sorted(tried["levels"], key=lambda level: (-abs(level["shift"]), level["name"]))
    kept = [level for level in strongest if not looks_personal(level["name"])][:MOST_LEVELS]
    kept.sort(key=lambda level: (-level["shift"], level["name"]))
    told = ", ".join(f"{level['name']} {words.points(POINTS_PER_LOG_ODD * level['shift'])}" for level in kept)
    if left := len(tried["levels"]) - len(kept):
        told += f" {words.t('intercepts_more', n=words.number(left))}"
    return words.t("intercepts_used", name=name, levels=told, **shown)


def _few_words(levels: Sequence[Mapping[str, Any]], least: int, names: Mapping[str, str], words: Words) -> str:
    """A segment none of whose levels has the conversions to be told, in place of rows that tell nothing."""
    of = levels[0]["of"]
    numbers = {"n": len(levels), "least": least, "most": max(level["converting_leads"] for level in levels)}
    return words.t("segment_few", name=names.get(of, of), **{key: words.number(n) for key, n in numbers.items()})


def why_not(tried: Mapping[str, Any]) -> str:
    """The first of what it takes that a segment lacks: levels apart at all, then the proofs in their order."""
    if not any(level["shift"] for level in tried["levels"]):
        return "alike"
    if tried["less"] <= tried["error"]:
        return "not_less"
    return "not_forward" if tried["forward_less"] <= tried["forward_error"] else "not_newest"


def _cells(group: Mapping[str, Any], words: Words) -> list[Cell]:
    cells: list[Cell] = [(words.number(group["leads"]), ""), (words.number(group["converting_leads"]), "")]
    if not group["told"]:
        return cells + [("–", "")] * 8
    calibration, drift = group["calibration"], group["drift"]
    ends = {"low": calibration["rate_low"], "high": calibration["rate_high"]}
    cells += [
        (words.percent(calibration["mean_probability"], 1), ""),
        (words.percent(calibration["rate"], 1), interval_words(ends, lambda v: words.percent(v, 1))),
    ]
    figures = [(group["figures"]["auc"], 3), (group["figures"]["lift_10"], 1), (gain_of(group), 4)]
    cells += [_cell(figure, decimals, words) for figure, decimals in figures]
    chance = f"≤ {words.number(100 * calibration['chance']['high'], 2)}"
    cells.append((words.number(100 * calibration["error"], 2), chance))
    if drift is None:
        return [*cells, ("–", ""), ("–", "")]
    return [*cells, (words.percent(drift["rate"], 1), ""), (words.number(drift["stability"], 2), "")]


def _cell(figure: Mapping[str, Any], decimals: int, words: Words) -> Cell:
    if figure.get("value") is None:
        return "–", ""
    return words.number(figure["value"], decimals), interval_words(figure, lambda v: words.number(v, decimals))
