"""What the report says about the data: fields left out, cohorts, how long conversions take, lost rows."""

from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from leadml.reasons import sentence_case
from leadml.report import plots
from leadml.report.data_words import NO_LEAKS, rule_words, why_words
from leadml.report.inputs import Evidence, ReportInput
from leadml.report.words import Words


def view_denied(evidence: Evidence, words: Words) -> list[tuple[str, str]]:
    """Why, and the fields that are not used for it: first those that would give the answer away, then the others."""
    by_why: dict[str, list[str]] = {}
    for entry in evidence.denied:
        file, column = entry.get("file", ""), entry["column"]
        by_why.setdefault(entry["why"], []).append(f"{file}.{column}" if file else column)
    place = {why: next((i for i, no in enumerate(NO_LEAKS) if why.startswith(no)), -1) for why in by_why}
    order = sorted(by_why, key=lambda why: (place[why], -len(by_why[why]), why))
    return [(sentence_case(why_words(why, words.language)), ", ".join(sorted(by_why[why]))) for why in order]


def view_data(data: ReportInput, words: Words) -> dict[str, Any]:
    """Cohort rows, the time-to-conversion plot with its caption, lost rows."""
    evidence = data.evidence
    cohorts = evidence.cohorts if evidence.cohorts is not None else pd.DataFrame()
    lost = sorted(((str(k), int(v)) for k, v in evidence.lost.items() if v), key=lambda kv: (-kv[1], kv[0]))
    return {
        "cohorts": [_cohort_row(row, words) for row in cohorts.to_dict("records")],
        "time": _view_time(evidence.time_to_conversion, data.context.horizon_days, words),
        "lost": [(sentence_case(rule_words(rule, words.language)), words.number(rows)) for rule, rows in lost],
    }


def _cohort_row(row: dict[Any, Any], words: Words) -> list[str]:
    """Month, snapshots, leads, conversions, rate, immature share; a rate nobody knows yet is a dash."""
    unknown = pd.isna(row["rate"])
    return [
        str(row["month"]),
        words.number(row["snapshots"]),
        words.number(row["leads"]),
        "–" if unknown else words.number(row["conversions"]),
        "–" if unknown else words.percent(row["rate"], 1),
        words.percent(row["immature_share"], 0) if row["immature_share"] else "–",
    ]


def _view_time(curve: pd.DataFrame | None, horizon: float | None, words: Words) -> tuple[str, Markup] | None:
    if curve is None or horizon is None or not len(curve) or curve["share"].isna().all():
        return None
    curve = curve.sort_values("days")
    svg = Markup(plots.plot_time_to_conversion(curve, horizon, words))
    if "conversions" not in curve or float(curve["days"].max()) < horizon:
        return words.t("time_caption_plain"), svg
    held = float(np.interp(horizon, np.append(0, curve["days"]), np.append(0, curve["share"])))
    n = words.number(int(curve["conversions"].max()))
    return words.t("time_caption", held=words.percent(held, 0), n=n), svg
