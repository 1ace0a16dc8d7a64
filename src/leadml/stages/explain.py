"""explain: points for every lead, and the report."""

from typing import Any

import pandas as pd

from leadml.report.inputs import Evidence, ReportContext, ReportInput
from leadml.report.page import build_report
from leadml.stages.context import Context
from leadml.stages.scoring import Scored, reasons_style, score_population
from leadml.stages.stored import read_json

STAGE = "explain"
FLAT_EVENT = "conversion"


def run(context: Context) -> None:
    """Publishes data/reports: report.html and points.parquet (they add up to the unclipped score)."""
    with context.manifest.stage(STAGE) as entry:
        with context.progress.phase(STAGE, "explaining the open leads"):
            scored = score_population(context)
            html = build_report(report_input(context, scored))
        with context.workspace.publish() as out:
            folder = out.folder(context.workspace.reports)
            (folder / "report.html").write_text(html, encoding="utf-8")
            build_points(scored).to_parquet(folder / "points.parquet", index=False)
        entry["rows"] = {"explained": len(scored.keys)}
        entry["model_version"] = scored.scorer.version
        if scored.forced:
            entry["forced"] = scored.forced
    context.progress.say(STAGE, f"report: {context.workspace.reports / 'report.html'}")


def build_points(scored: Scored) -> pd.DataFrame:
    """lead_id, base, one column a feature, and unclipped: base + all points."""
    points = pd.DataFrame(scored.points, columns=[f"points_{n}" for n in scored.scorer.encoder.names])
    points.insert(0, "lead_id", scored.keys["lead_id"])
    points.insert(1, "base", scored.base)
    if scored.forced:
        points["forced"] = scored.forced
    points["unclipped"] = scored.scorer.raw_score(scored.scorer.margin(scored.X))
    return points


def report_input(context: Context, scored: Scored) -> ReportInput:
    """Everything the report shows, from what earlier stages published."""
    workspace, scorer = context.workspace, scored.scorer
    problem = scorer.about["problem"]
    flat = scored.cutoff is None
    metrics = read_json(workspace.evidence / scorer.version / "metrics.json", "leadml train")
    return ReportInput(
        scores=pd.concat([scored.keys[["lead_id"]], scored.frame], axis=1),
        points=scored.points,
        X=scored.X,
        features=list(scorer.encoder.features),
        context=ReportContext(
            model_version=scorer.version,
            p50=scorer.scale.p50,
            cutoff=scored.cutoff,
            horizon_days=None if flat else problem["horizon_days"],
            event=FLAT_EVENT if flat else problem["conversion"],
            style=reasons_style(context.config),
            forced=bool(scored.forced),
            confidence=context.config.train.confidence,
            seed=context.config.seed,
        ),
        metrics=metrics,
        verdict=scorer.about["verdict"],
        decision=scorer.decision or {},
        evidence=read_evidence(context),
        reference=scorer.reference,
    )


def read_evidence(context: Context) -> Evidence:
    """Cohorts, curve, what was left out and why, rows lost by reason."""
    folder = context.workspace.features
    facts = read_json(folder / "extract.json", "leadml extract")
    tables = {
        n: pd.read_csv(folder / f"{n}.csv") for n in ("cohorts", "time_to_conversion") if (folder / f"{n}.csv").exists()
    }
    return Evidence(
        cohorts=tables.get("cohorts"),
        time_to_conversion=tables.get("time_to_conversion"),
        denied=facts["report"]["denied"],
        lost=lost_rows(facts["report"]["counts"]),
    )


def lost_rows(counts: dict[str, Any]) -> dict[str, int]:
    """Rows that were quarantined or ignored, by rule, over all files."""
    lost: dict[str, int] = {}
    for file in counts.get("files", []):
        for group in ("quarantined", "ignored"):
            for rule, n in file.get(group, {}).items():
                lost[rule] = lost.get(rule, 0) + int(n)
    return dict(sorted(lost.items(), key=lambda item: (-item[1], item[0])))
