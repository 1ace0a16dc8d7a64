"""The report as one self-contained HTML file: plain values are put together here, the template only lays them out."""

from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leadml.reasons import write_reasons
from leadml.report import plots
from leadml.report.audit import view_audit
from leadml.report.calibrated import view_calibrated, whole_off
from leadml.report.changes import view_changes
from leadml.report.evidence import view_data, view_denied
from leadml.report.fair import view_fair
from leadml.report.figures import view_test, view_threshold
from leadml.report.inputs import ReportInput
from leadml.report.learnt import view_learnt
from leadml.report.rests import view_rests
from leadml.report.segmented import view_segments
from leadml.report.succession import view_succession
from leadml.report.verdict import view_verdict
from leadml.report.words import Words
from leadml.report.worth import view_lacking, view_sooner, view_worth

BEST_LEADS = 10
_SCALE = (20, 30, 40, 50, 60, 70, 80, 90)
_GLOSSARY = (
    "lead", "cutoff", "horizon", "list", "snapshot", "interval",
    "auc", "lift", "log_loss", "odds", "scorecard", "effort",
)  # fmt: skip
_TYPOGRAPHIC_MINUS = str.maketrans({"-": "\u2212"})


def build_report(data: ReportInput) -> str:
    """The report: one HTML text without any external resource or script; the same input gives the same bytes."""
    words = Words(data.context.style.language)
    environment = Environment(
        loader=PackageLoader("leadml.report", "."),
        autoescape=True,  # everything from data is text; only our own plots and style sheet are marked as markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    css = environment.loader.get_source(environment, "report.css")[0]  # type: ignore[union-attr]  # set above
    return environment.get_template("report.html.j2").render(
        t=words.t,
        language=words.language,
        css=Markup(css),
        ten_percent=words.percent(0.1),
        header=view_header(data, words),
        verdict=view_verdict(data.verdict, data.metrics, words),
        scale=view_scale(data.context.p50, words),
        off=whole_off(data.metrics, words),
        grades=view_grades(data, words),
        best=view_best(data, words),
        changes=view_changes(data, words),
        succession=view_succession(data, words),
        threshold=view_threshold(data, words),
        test=view_test(data, words),
        learnt=view_learnt(data, words),
        segmented=view_segments(data, words),
        worth=view_worth(data, words),
        sooner=view_sooner(data, words),
        lacking=view_lacking(data, words),
        calibrated=view_calibrated(data, words),
        rests=view_rests(data, words),
        fair=view_fair(data, words),
        audit=view_audit(data.metrics, words),
        denied=view_denied(data.evidence, words),
        data=view_data(data, words),
        card=data.card,
        glossary=[(words.t(f"glossary_{k}"), words.t(f"glossary_{k}_words")) for k in _GLOSSARY],
    )


def view_header(data: ReportInput, words: Words) -> dict[str, Any]:
    """What is predicted, of when, by which model, for how many."""
    context = data.context
    event = context.event if context.event in ("won", "opportunity") else "conversion"
    horizon = context.horizon_days
    within = "" if horizon is None else words.t("within", days=words.number(horizon))
    cutoff = words.t("none_given") if context.cutoff is None else words.date(context.cutoff)
    what = "what_rows" if context.cutoff is None else "what"
    return {
        "formula": words.t(f"formula_{event}", within=within),
        "what": words.t(what, event=words.t(f"event_{event}"), within=within, cutoff=cutoff),
        "forced": context.forced,
        "facts": [
            (words.t("leads_scored"), words.number(len(data.scores)), ""),
            (words.t("expected"), words.number(data.scores["probability"].sum(), 0), words.t("expected_note")),
            (words.t("cutoff"), cutoff, ""),
            (words.t("model_version"), context.model_version, ""),
        ],
    }


def view_scale(p50: float, words: Words) -> dict[str, Any]:
    """The sentence about the scale and the probability of round scores."""
    rows = []
    for score in _SCALE:
        odds = p50 / (1 - p50) * 2 ** ((score - 50) / 10)
        p = odds / (1 + odds)
        rows.append((score, words.percent(p), words.t("one_in", n=words.number(1 / p, 0)) if p < 0.4 else ""))
    return {"rows": rows, "sentence": words.t("read_score", p50=words.percent(p50))}


def view_grades(data: ReportInput, words: Words) -> dict[str, Any]:
    """One row a grade: range, leads, share, mean probability, expected conversions; and the plot of the scores."""
    ranges = {str(k): float(v) for k, v in dict(data.decision.get("grades", {})).items()}
    names = list(ranges) or sorted(data.scores["grade"].dropna().astype(str).unique())
    by_grade = data.scores.groupby(data.scores["grade"].astype(str))["probability"]
    counts, means, sums = by_grade.size(), by_grade.mean(), by_grade.sum()
    rows, high = [], None
    for name in names:
        n, low = int(counts.get(name, 0)), ranges.get(name)
        rows.append(
            {
                "name": name,
                "range": "" if low is None else _range_words(low, high, words),
                "leads": words.number(n),
                "share": words.percent(n / max(len(data.scores), 1)),
                "bar": round(100 * n / max(int(counts.max()) if len(counts) else 1, 1), 1),
                "mean": words.percent(means[name]) if n else "–",
                "expected": words.number(sums.get(name, 0.0), 0),
            }
        )
        high = low
    plot = Markup(plots.plot_scores(data.scores["score"].to_numpy(dtype=float), ranges, words)) if ranges else None
    return {"rows": rows, "plot": plot}


def view_best(data: ReportInput, words: Words) -> dict[str, Any]:
    """The leads of the highest probability with their reasons; ties go by lead_id."""
    order = data.scores.reset_index(drop=True).assign(_id=data.scores["lead_id"].astype(str).to_numpy())
    rows = order.sort_values(["probability", "_id"], ascending=[False, True]).index[:BEST_LEADS].to_numpy()
    reasons = write_reasons(data.points[rows], data.X.iloc[rows], data.features, data.context.style, data.reference)
    leads = []
    for place, row in enumerate(rows):
        lead = data.scores.iloc[row]
        signs = reasons.points[place][reasons.feature[place] >= 0]
        leads.append(
            {
                "lead_id": str(lead["lead_id"]),
                "score": words.number(float(lead["score"]), 0),
                "grade": str(lead["grade"]),
                "probability": words.percent(lead["probability"], 1),
                "fit": _points_or_dash(lead.get("fit"), words),
                "intent": _points_or_dash(lead.get("intent"), words),
                "sides": [
                    [_chip(text) for text, p in zip(reasons.texts[place], signs, strict=True) if (p > 0) == positive]
                    for positive in (True, False)
                ],
            }
        )
    return {"title": words.t("best", n=words.number(len(leads))), "leads": leads}


def _range_words(low: float, high: float | None, words: Words) -> str:
    if high is None:
        return words.t("range_top", low=words.number(low))
    return words.t("range_words", low=words.number(low), high=words.number(high))


def _points_or_dash(value: Any, words: Words) -> str:
    return "–" if value is None or pd.isna(value) or not np.isfinite(value) else words.points(value)


def _chip(text: str) -> tuple[str, str]:
    """A reason's words and its points apart, so that the points can stand out."""
    words, _, points = text.rpartition(" (")
    return words, points.rstrip(")").translate(_TYPOGRAPHIC_MINUS)
