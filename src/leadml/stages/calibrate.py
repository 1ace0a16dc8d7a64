"""calibrate: the threshold that weekly capacity allows, and the grades; can be run again without retraining.

train decides by the same function in the publication that puts a model in place, so that there never is a champion that
cannot score; calibrate chooses again, by other settings too, and logs it.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from leadml.bootstrap import BootstrapConfig
from leadml.errors import ArtifactError, DataError
from leadml.scorer import DECISION, LeadScorer, text_digest
from leadml.stages.context import Context
from leadml.stages.stored import read_frame, registry_entry
from leadml.thresholds import choose_threshold, judge_threshold

STAGE = "calibrate"
ALIASES = ("challenger", "champion")


def run(context: Context) -> None:
    """Writes decision.json beside every model whose evidence is there.

    Raises:
        ArtifactError: no model, or no evidence for any.
    """
    workspace = context.workspace
    folders = [workspace.models / a for a in ALIASES if (workspace.models / a).is_dir()]
    if not folders:
        raise ArtifactError(f"no model in {workspace.models}; run leadml train first")
    with context.manifest.stage(STAGE) as entry:
        decisions: dict[str, dict[str, Any]] = {}
        with workspace.publish() as out:
            for folder in folders:
                version = LeadScorer.load_without_decision(folder).version
                if not (workspace.evidence / version).is_dir():
                    context.progress.say(STAGE, f"the {folder.name} has no evidence; its decision stays as it is")
                    continue
                if version not in decisions:
                    decisions[version] = decide(context, version, workspace.evidence / version)
                out.path(folder / DECISION).write_text(decision_text(decisions[version]), encoding="utf-8")
            if not decisions:
                raise ArtifactError(f"no evidence for any model in {workspace.models}; run leadml train again")
            if context.sweep:
                out.targets.clear()  # a sweep's jobs only tell and log
        entry["decisions"] = decisions
        for version, decision in decisions.items():
            tell(context, version, decision)
        if not context.sweep:
            log_to_mlflow(context, folders, decisions)


def decision_text(decision: dict[str, Any]) -> str:
    """As decision.json holds it."""
    return json.dumps(decision, ensure_ascii=False, indent=1) + "\n"


def decide(context: Context, version: str, evidence: Path) -> dict[str, Any]:
    """Threshold from the out-of-time stream in the folder ``evidence``, judged on its test lists; grades as configured.

    Probabilities of the stream are told by two calibrators: the final one, that scores in production and so gives the
    threshold, and the judged one, by whose threshold the test is judged. The rule is the same, and so is the margin.

    Raises:
        ArtifactError: the evidence is missing or broken.
    """
    try:
        stream, test = (read_frame(evidence / f"{n}.parquet", "leadml train") for n in ("stream", "test"))
    except DataError as error:
        raise ArtifactError(f"no evidence for model {version}: {error}") from error
    settings = context.config.threshold
    bootstrap = BootstrapConfig.of(context.config.train, context.config.seed)
    rule = (settings.weekly_capacity, settings.again_after_days)
    final = in_lists(stream.assign(probability=stream["probability_final"]))
    chosen, tried = choose_threshold(final, *rule), choose_threshold(in_lists(stream), *rule)
    decision = {
        "model_version": version,
        "rule": "capacity",
        "threshold": chosen.threshold,
        "chosen": chosen.to_dict(),
        "judged": judge_threshold(in_lists(test), tried.threshold, settings.again_after_days, bootstrap),
        "grades": dict(context.config.decision.grades),
    }
    return {"decision_version": text_digest(json.dumps(decision, sort_keys=True))[:12]} | decision


def in_lists(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with their list in the place of the cutoff: what is replayed is a list."""
    return rows.assign(cutoff=rows["list"])


def tell(context: Context, version: str, decision: dict[str, Any]) -> None:
    """The choice and its judgement in two lines."""
    judged = decision["judged"]
    precision = judged["observed_precision"]
    expected = judged["expected_precision"]
    if expected is None:
        context.progress.say(STAGE, f"model {version}: threshold {decision['threshold']:.3f}; no test lead reaches it")
        return
    interval = "" if precision["low"] is None else f" [{precision['low']:.1%}, {precision['high']:.1%}]"
    context.progress.say(
        STAGE,
        f"model {version}: threshold {decision['threshold']:.3f} for {decision['chosen']['weekly_capacity']} leads a "
        f"week; on the test lists {judged['entries_per_week']:.0f} a week enter, expected precision {expected:.1%}, "
        f"observed {precision['value']:.1%}{interval}, "
        f"{judged['distinct_conversions']} conversions among them",
    )


def log_to_mlflow(context: Context, folders: list[Path], decisions: dict[str, dict[str, Any]]) -> None:
    """Adds each decision to its training's run; a tracking server that is down does not undo the decision."""
    if not context.config.tracking.enabled:
        return
    from leadml.tracking import log_decision

    for folder in folders:
        entry = registry_entry(folder)
        if "run_id" in entry and entry["model_version"] in decisions:
            try:
                log_decision(
                    context.config.tracking, context.workspace, entry["run_id"], decisions[entry["model_version"]]
                )
            except ArtifactError as error:
                context.progress.say(STAGE, f"the decision is written but not in MLflow: {error}")
