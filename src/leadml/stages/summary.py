"""What `run` and `demo` end with: the best leads, the test figures, and where the files are."""

from typing import Any

import pandas as pd

from leadml.reasons import reasons_text
from leadml.stages.context import Context
from leadml.stages.predict import cutoff_name
from leadml.stages.scoring import Scored, score_population
from leadml.stages.stored import read_json

BEST = 10
SHOWN_REASONS = 3
FIGURES = (
    ("auc", "AUC"),
    ("average_precision", "average precision"),
    ("log_loss", "log loss"),
    ("brier", "Brier score"),
    ("lift_10", "lift, top 10 %"),
    ("capture_10", "conversions in the top 10 %"),
)


def show_summary(context: Context) -> None:
    """Prints the three tables."""
    scored = score_population(context)
    show_best(context, scored)
    metrics = read_json(context.workspace.evidence / scored.scorer.version / "metrics.json", "leadml train")
    show_figures(context, metrics)
    where = context.workspace
    rows = [
        ["scores", str(where.scores / f"cutoff={cutoff_name(scored.cutoff)}" / "scores.parquet")],
        ["for the CRM", str(where.scores / f"cutoff={cutoff_name(scored.cutoff)}" / "crm.csv")],
        ["report", str(where.reports / "report.html")],
        ["model", str(where.models / ("challenger" if scored.forced else "champion"))],
        ["manifest", str(where.runs / f"latest-{context.manifest.facts['command']}.json")],
    ]
    context.progress.table("Where the files are", ["what", "path"], rows)


def show_best(context: Context, scored: Scored) -> None:
    """The ten leads of the highest probability with their strongest reasons."""
    order = scored.frame.assign(lead_id=scored.keys["lead_id"]).sort_values(
        ["probability", "lead_id"], ascending=[False, True], kind="stable"
    )
    best = order.index[:BEST].to_numpy()
    texts = reasons_text(scored.reasons.of(best), "\n", most=SHOWN_REASONS)
    rows = [
        [str(lead.lead_id), f"{lead.score:.0f}", str(lead.grade), f"{lead.probability:.1%}", text]
        for lead, text in zip(order.iloc[:BEST].itertuples(), texts, strict=True)
    ]
    title = f"The {len(rows)} best of {len(scored.keys):,} open leads"
    context.progress.table(title, ["lead", "score", "grade", "probability", "reasons (points)"], rows)


def show_figures(context: Context, metrics: dict[str, Any]) -> None:
    """Each figure with its interval, for the model and every baseline."""
    scorers = metrics["scorers"]
    rows = [
        [words] + [interval_text(figures.get(name)) for figures in scorers.values()]
        for name, words in FIGURES
        if name in scorers["model"]
    ]
    test = metrics["test"]
    title = (
        f"Test: {test['lists']} lists from {test['first']} to {test['last']}, {test['rows']:,} rows, "
        f"{test['converting_leads']} converting leads; {context.config.train.confidence:.0%} intervals"
    )
    if test["first"] is None:
        title = f"Test: {test['rows']:,} rows, {test['converting_leads']} converting leads"
    context.progress.table(title, ["figure", *[name.replace("_", " ") for name in scorers]], rows)


def interval_text(figure: dict[str, Any] | None) -> str:
    """A figure with its interval; a dash where there is none."""
    if figure is None or figure["value"] is None:
        return "-"
    if figure["low"] is None or pd.isna(figure["low"]):
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"
