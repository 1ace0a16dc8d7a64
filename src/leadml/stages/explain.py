"""explain: points for every lead, what moved since the last list, and the report."""

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from leadml.importance import measure_bag
from leadml.moves import Moves
from leadml.report.inputs import Changes, Evidence, ReportContext, ReportInput
from leadml.report.page import build_report
from leadml.report.rests import PAIR_LEADS
from leadml.stages.carding import CARD, read_card
from leadml.stages.champions import champion_entry
from leadml.stages.comparing import Compared, compare_with_earlier
from leadml.stages.context import Context
from leadml.stages.scoring import Scored, reasons_style, score_population
from leadml.stages.stored import read_json

STAGE = "explain"
FLAT_EVENT = "conversion"
POINT_ROWS = 1 << 16


def run(context: Context) -> None:
    """Publishes data/reports: report.html, points.parquet (they add up to the unclipped score), changes.parquet.

    The last one only where there is an earlier list to compare with (``explain.against``).
    """
    with context.manifest.stage(STAGE) as entry:
        with context.progress.phase(STAGE, "explaining the open leads"):
            scored = score_population(context)
            compared, why_not = compare_with_earlier(context, scored)
            html = build_report(report_input(context, scored, compared))
        with context.workspace.publish() as out:
            folder = out.folder(context.workspace.reports)
            (folder / "report.html").write_text(html, encoding="utf-8")
            if (card := read_card(context, context.workspace.evidence / scored.scorer.version)) is not None:
                (folder / CARD).write_text(card, encoding="utf-8")
            write_points(scored, folder / "points.parquet")
            if compared is not None:
                build_changes(compared.moves, scored.forced).to_parquet(folder / "changes.parquet", index=False)
        entry["rows"] = {"explained": len(scored.keys)}
        if compared is not None or why_not:
            left_out = {"left_out": why_not} if why_not else {}
            entry["against"] = left_out if compared is None else compared.facts | left_out
        entry["model_version"] = scored.scorer.version
        if scored.forced:
            entry["forced"] = scored.forced
    if why_not:
        context.progress.say(STAGE, why_not)
    context.progress.say(STAGE, f"report: {context.workspace.reports / 'report.html'}")


def write_points(scored: Scored, path: Path) -> None:
    """`build_points` of every lead, so many at a time: a long list is not copied."""
    blocks = (build_points(scored, slice(b, b + POINT_ROWS)) for b in range(0, max(len(scored.X), 1), POINT_ROWS))
    tables = (pa.Table.from_pandas(block, preserve_index=False) for block in blocks)
    first = next(tables)
    with pq.ParquetWriter(path, first.schema) as out:
        for table in chain([first], tables):
            out.write_table(table)


def build_points(scored: Scored, rows: slice) -> pd.DataFrame:
    """lead_id, base, one column a feature, and unclipped: base + all points."""
    points = pd.DataFrame(scored.points[rows], columns=[f"points_{n}" for n in scored.scorer.encoder.names])
    points.insert(0, "lead_id", scored.keys["lead_id"].to_numpy()[rows])
    points.insert(1, "base", scored.base)
    if scored.forced:
        points["forced"] = scored.forced
    points["unclipped"] = scored.scorer.raw_score(scored.scorer.margin(scored.X.iloc[rows]))
    return points


def build_changes(moves: Moves, forced: str) -> pd.DataFrame:
    """One row a lead of either list: the scores before clipping, the change, its parts, and what data did by feature.

    ``list`` is both, came (only on the new one) or left (only on the earlier one); the last two have no change. Where
    the model is another one, ``base`` and model_FEATURE are what ``model`` is made of.
    """
    parts = [moves.leads, moves.data.add_prefix("data_")]
    if moves.model is not None:
        parts += [moves.model.by_feature.add_prefix("model_").assign(base=moves.model.base)]
    tables = {"both": pd.concat(parts, axis=1), "came": moves.came, "left": moves.left}
    changes = pd.concat([t.assign(list=name) for name, t in tables.items()], ignore_index=True)
    changes.insert(1, "list", changes.pop("list"))
    if forced:
        changes["forced"] = forced
    return changes


def report_input(context: Context, scored: Scored, compared: Compared | None) -> ReportInput:
    """Everything the report shows, from what earlier stages published."""
    workspace, scorer = context.workspace, scored.scorer
    problem = scorer.about["problem"]
    flat = scored.cutoff is None
    drawn = draw_rows(scored.X, PAIR_LEADS, context.config.seed)
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
            draws=context.config.train.bootstrap,
        ),
        metrics=metrics,
        verdict=scorer.about["verdict"],
        decision=scorer.decision or {},
        evidence=read_evidence(context),
        accounts=account_ids(scored.keys),
        strength=scorer.pair_points(drawn),
        bag=measure_bag(scorer.model, scorer.encoder.encode(drawn)),
        changes=None
        if compared is None
        else Changes(compared.moves, compared.cutoff, compared.model_version, compared.forced),
        reference=scorer.reference,
        card=read_card(context, workspace.evidence / scorer.version),
        succession=champion_entry(workspace, scorer.version),
    )


def account_ids(keys: pd.DataFrame) -> np.ndarray:
    """(n,) the account of each lead; its lead_id where it has none."""
    return keys["account_id"].fillna(keys["lead_id"]).to_numpy()


def draw_rows(X: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """At most so many of the rows, drawn with the seed, in their order."""
    if len(X) <= most:
        return X
    return X.iloc[np.sort(np.random.default_rng(seed).choice(len(X), most, replace=False))]


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
