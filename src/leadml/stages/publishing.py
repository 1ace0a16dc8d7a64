"""Publishing what train made: MLflow, models/, data/evidence."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from leadml.errors import ArtifactError
from leadml.scorer import DECISION, LeadScorer, read_decision
from leadml.stages import champions
from leadml.stages.calibrate import decide, decision_text
from leadml.stages.carding import write_card
from leadml.stages.context import Context
from leadml.stages.race_told import race_metrics, race_tags
from leadml.stages.settings import plain
from leadml.stages.stored import Extracted
from leadml.stages.successions import Succession
from leadml.stages.worth import worth_figures
from leadml.training import Trained

STAGE = "train"
EXAMPLE_ROWS = 3


def publish(
    context: Context,
    extracted: Extracted,
    trained: Trained,
    scorer: LeadScorer,
    succession: Succession,
    entry: dict[str, Any],
) -> None:
    """MLflow first (it may refuse), then models/ and data/evidence together, the champion's alias last.

    The decision is of the same publication: whoever is champion can score, wherever a run was ended.
    """
    workspace, config = context.workspace, context.config
    with workspace.publish() as out:
        challenger = out.folder(workspace.models / "challenger")
        scorer.save(challenger)
        evidence = write_evidence(out.folder(workspace.evidence / scorer.version), trained)
        write_card(context, extracted, trained, scorer, evidence)
        registry: dict[str, Any] = {
            "model_version": scorer.version,
            "verdict": scorer.about["verdict"],
            "inputs": extracted.facts["report"]["files"],
            "recipe": entry["recipe"],
        }
        if entry["audit"]["kept"]:
            registry["kept"] = entry["audit"]["kept"]  # suspects that are used unseen
        if config.run.force and not trained.verdict.allows_champion:
            registry["forced"] = entry["forced"] = f"forced against the verdict '{trained.verdict.name}'"
        if config.tracking.enabled:
            with context.progress.phase(STAGE, "logging to MLflow"):
                registry |= log(context, extracted, trained, scorer, challenger, evidence)
        entry["registry"] = {k: registry[k] for k in ("run_id", "version") if k in registry}
        if context.sweep:
            out.targets.clear()  # a sweep's jobs log to MLflow only
            return
        (challenger / "registry.json").write_text(json.dumps(registry, indent=1) + "\n", encoding="utf-8")
        if not keep_decision(context, challenger, "challenger", scorer):
            entry["decision"] = write_decision(context, challenger, evidence, scorer)
        if succession.promoted:
            champion = out.folder(workspace.models / "champion")
            champions.copy_model(challenger, champion)
            keep_decision(context, champion, "champion", scorer)
        if succession.told:
            champions.keep_champion(out, workspace)
            champions.note(out, context, succession.told)
    entry["champion"] = succession.promoted
    if succession.told:
        entry["succession"] = succession.told
        champions.finish(context, STAGE)
    elif succession.promoted:  # the same model, registered again
        champions.move_alias(context, {"by": STAGE, "from": scorer.version, "to": scorer.version}, STAGE)


def keep_decision(context: Context, folder: Path, alias: str, scorer: LeadScorer) -> bool:
    """A retrain that gives the very same model keeps the decision that was made for it; whether there was one."""
    old = context.workspace.models / alias / DECISION
    try:
        decision = read_decision(old.parent, scorer.version)
    except ArtifactError:  # of another model, or broken
        return False
    if decision is not None:
        (folder / DECISION).write_bytes(old.read_bytes())
    return decision is not None


def write_decision(context: Context, folder: Path, evidence: Path, scorer: LeadScorer) -> dict[str, Any]:
    """The decision that calibrate would choose, written beside the model; version and threshold for the manifest."""
    decision = decide(context, scorer.version, evidence)
    (folder / DECISION).write_text(decision_text(decision), encoding="utf-8")
    capacity = decision["chosen"]["weekly_capacity"]
    context.progress.say(
        STAGE, f"threshold {decision['threshold']:.3f} for {capacity} leads a week; leadml calibrate chooses it again"
    )
    return {name: decision[name] for name in ("decision_version", "threshold")}


def write_evidence(folder: Path, trained: Trained) -> Path:
    """What calibrate, explain and people look at: the out-of-time stream, the test, the figures."""
    trained.stream.to_parquet(folder / "stream.parquet", index=False)
    trained.test.to_parquet(folder / "test.parquet", index=False)
    verdict = {"name": trained.verdict.name, "why": trained.verdict.why}
    metrics = plain(trained.metrics | {"verdict": verdict, "notes": list(trained.notes)})
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    return folder


def log(
    context: Context, extracted: Extracted, trained: Trained, scorer: LeadScorer, folder: Path, evidence: Path
) -> dict[str, str]:
    """Parameters, metrics, digests, plots and the model itself."""
    from leadml.tracking import RunRecord, log_training

    write_plots(trained, evidence)
    config = context.config
    parameters = {
        f"{group}.{name}": value
        for group in ("problem", "model", "train", "features")
        for name, value in plain(vars(getattr(config, group))).items()
    }
    parameters |= {"seed": config.seed, "source": extracted.facts["source"], "trees": trained.n_trees}
    parameters |= {f"used.model.{name}": value for name, value in trained.metrics["settings"].items()}
    parameters |= {"rung": trained.plan.rung} | {f"weight {m.name}": m.weight for m in trained.plan.members}
    figures = trained.metrics["scorers"]["model"]
    metrics = worth_figures(trained.metrics) | {
        f"test_{name}{suffix}": figure[key]
        for name, figure in figures.items()
        for key, suffix in (("value", ""), ("low", "_low"), ("high", "_high"))
        if figure[key] is not None
    }
    race = trained.metrics["race"]
    record = RunRecord(
        parameters=parameters,
        metrics=metrics | {"calibration_error": trained.metrics["calibration"]["error"]} | race_metrics(race),
        tags={"verdict": trained.verdict.name, "model_version": scorer.version} | race_tags(race),
        artifacts=evidence,
        scorer=folder,
        example=extracted.X[scorer.encoder.names].iloc[:EXAMPLE_ROWS].reset_index(drop=True),
        texts={"inputs.json": {"files": extracted.facts["report"]["files"]}},
        trials=trained.metrics.get("tuning", {}).get("every", []),
    )
    return log_training(config.tracking, context.workspace, record, register=not context.sweep)


def write_plots(trained: Trained, folder: Path) -> None:
    """calibration.svg and, where any converted, capture.svg of the test, in English: MLflow is the data scientist's."""
    from leadml.report.calibration_plot import plot_reliability
    from leadml.report.plots import plot_capture
    from leadml.report.words import Words

    words = Words("en")
    (folder / "calibration.svg").write_text(plot_reliability(trained.metrics["reliability"], words), encoding="utf-8")
    curves = [pd.DataFrame(curve).assign(recipe=name) for name, curve in trained.metrics["capture"].items() if curve]
    if curves:
        capture = pd.concat(curves, ignore_index=True)
        (folder / "capture.svg").write_text(plot_capture(capture, words), encoding="utf-8")
