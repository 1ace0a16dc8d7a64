"""train: the recipe on what extract published; judged, logged to MLflow, published as challenger or champion."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leadml.errors import ArtifactError, ConfigurationError, GateError
from leadml.reasons import Reference, fit_reference
from leadml.scorer import DECISION, LeadScorer, Scale, centre_reference, read_decision
from leadml.segment_choice import check_segments
from leadml.stages import champions
from leadml.stages.audited import audit_entry, check_left, fit_audited, show_findings, tell_suspects
from leadml.stages.auditing import Audited, audit_extracted
from leadml.stages.carding import write_card
from leadml.stages.context import Context
from leadml.stages.doubts import champion_doubts
from leadml.stages.judging import judge_further, tell_fairness, tell_intercepts
from leadml.stages.lacking import lacking_extracted, tell_lacking
from leadml.stages.racing import race_champion, race_lines, race_metrics, race_tags, recipe_facts
from leadml.stages.settings import SCALE_KEYS, check_problem, plain
from leadml.stages.stored import Extracted, read_extracted
from leadml.stages.successions import Succession, choose_champion, tell_succession
from leadml.stages.tuning import Tuned, search_settings, tuned_context
from leadml.stages.worth import add_worth, worth_figures
from leadml.training import Trained

STAGE = "train"
EXAMPLE_ROWS = 3
REFERENCE_ROWS = 5000  # of the newest test list: enough for four means, quick to explain
P50_STEPS = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


def run(context: Context) -> None:
    """Trains, registers, publishes; then raises `GateError` if the verdict is a no (unless run.force)."""
    if not context.sweep:
        champions.finish(context, STAGE)
    extracted = read_extracted(context.workspace)
    check_problem(context.config, extracted.facts["problem"])
    check_segments(context.config.train.segments or [], extracted.features)
    champion = read_champion(context)
    scale = frozen_scale(context, champion, extracted.facts["problem"])
    with context.manifest.stage(STAGE) as entry:
        lacking = lacking_extracted(context, extracted)
        tell_lacking(context, STAGE, entry, lacking)
        with context.progress.phase(STAGE, f"leak audit of {len(extracted.features)} columns"):
            audited = audit_extracted(context, extracted)
        show_findings(context, STAGE, audited, len(extracted.features))
        check_left(context, extracted, audited)
        tuned = search_settings(context, extracted, audited.used)
        text = f"folds, judged and final model on {len(extracted.snapshots):,} snapshots"
        with context.progress.phase(STAGE, text):
            context = tuned_context(context, tuned)
            trained, worth = learn(context, extracted, audited, tuned)
            trained = replace(trained, metrics=trained.metrics | {"lacking": [s.to_dict() for s in lacking]})
            scorer = build_scorer(context, extracted, trained, scale, worth)
        race = race_champion(context, extracted, audited, trained, champion)
        trained = replace(trained, metrics=trained.metrics | {"race": race})
        entry["inputs"] = extracted.facts["report"]["files"]
        describe(entry, trained, scorer)
        if tuned:
            entry["tuning"] = {k: v for k, v in tuned.to_dict().items() if k != "every"}
        entry["audit"] = audit_entry(trained)
        entry["race"], entry["recipe"] = race, recipe_facts(context, extracted, audited, trained)
        succession = choose_champion(context, scorer, champion, race)
        publish(context, extracted, trained, scorer, succession, entry)
    tell_ladder(context, trained)
    verdict = trained.verdict
    doubts = [] if champion is None or succession.promoted else champion_doubts(context, extracted, audited)
    if doubts:
        context.progress.say(
            STAGE, f"the champion uses {', '.join(doubts)}, which this audit leaves out: its scores are stamped"
        )
    tell_suspects(context, STAGE, trained)
    tell_intercepts(context, STAGE, trained)
    tell_fairness(context, STAGE, trained)
    for note in trained.notes:
        context.progress.say(STAGE, note)
    context.progress.say(STAGE, f"verdict: {verdict.name}. {verdict.why}")
    for line in race_lines(race):
        context.progress.say(STAGE, line)
    if succession.told:
        tell_succession(context, STAGE, succession.told)
    elif verdict.allows_champion and not succession.promoted and not context.sweep:
        context.progress.say(
            STAGE,
            f"the champion stays ({succession.why.partition(':')[0]}); the new model is the challenger, which leadml "
            "promote makes champion once leadml calibrate has run",
        )
    if not verdict.allows_champion and not context.config.run.force and not context.sweep:
        raise GateError(
            f"verdict {verdict.name!r}: {verdict.why}. The model is registered as challenger and scores nothing; "
            "run.force=true scores anyway and stamps every output"
        )


def learn(
    context: Context, extracted: Extracted, audited: Audited, tuned: Tuned | None
) -> tuple[Trained, dict[str, Any]]:
    """The recipe without what the audit took out, with what a search found; and what a conversion is worth."""
    trained = fit_audited(context, extracted, audited)
    trained = judge_further(context, extracted, audited, trained)
    if tuned:
        trained = replace(trained, metrics=trained.metrics | {"tuning": tuned.to_dict()})
    return add_worth(context, extracted, trained)


def build_scorer(
    context: Context, extracted: Extracted, trained: Trained, scale: Scale | None, worth: dict[str, Any]
) -> LeadScorer:
    """The final model with the frozen scale, or with a new one where there is none; ``worth`` is of `add_worth`."""
    facts = extracted.facts
    about = {
        "problem": facts["problem"],
        "source": facts["source"],
        "lead_id": facts["mapping"].get("lead_id"),
        "spec": facts["spec"],
        "trees": trained.n_trees,
        "rung": trained.plan.rung,
        "base_rate": trained.base_rate.rate,
        "verdict": {"name": trained.verdict.name, "why": trained.verdict.why},
        "seed": context.config.seed,
        **worth,
    }
    scorer = LeadScorer(
        model=trained.final,
        calibrator=trained.calibrator,
        scale=scale or Scale(context.config.train.p50 or rounded(trained.base_rate.rate), {}),
        missing=tuple(facts["missing"]),
        about=about,
    )
    scorer = replace(scorer, reference=new_reference(scorer, extracted, trained))
    return scorer if scale else replace(scorer, scale=new_scale(scorer, extracted, trained))


def rounded(rate: float) -> float:
    """The step nearest to the rate in ratio: p50 is a number that people can remember."""
    return min(P50_STEPS, key=lambda step: max(step / rate, rate / step))


def read_champion(context: Context) -> LeadScorer | None:
    """The champion, or None where there is none or it is broken (which is said)."""
    folder = context.workspace.models / "champion"
    if not folder.is_dir():
        return None
    try:
        return LeadScorer.load_without_decision(folder)
    except ArtifactError as error:
        context.progress.say(STAGE, f"{error}: a model that may be deployed will replace it")
        return None


def frozen_scale(context: Context, champion: LeadScorer | None, problem: dict[str, Any]) -> Scale | None:
    """The champion's scale, while the problem is the same; None for the first model or a new problem.

    Raises:
        ConfigurationError: train.p50 asks for another p50 than the one that is frozen.
    """
    if champion is None:
        return None
    if any(champion.about["problem"].get(k) != problem[k] for k in SCALE_KEYS):
        context.progress.say(STAGE, "the problem is not the champion's: this model has a scale of its own")
        return None
    asked, frozen = context.config.train.p50, champion.scale.p50
    if asked is not None and asked != frozen:
        raise ConfigurationError(
            f"train.p50={asked}, but the champion in {context.workspace.models} froze the scale at {frozen}: leave "
            "train.p50 unset, or start another workspace with paths.root=DIR"
        )
    return champion.scale


def new_scale(scorer: LeadScorer, extracted: Extracted, trained: Trained) -> Scale:
    """p50 as given or rounded, and family means over the newest test list (the reference list)."""
    rows = spread_rows(newest_list(trained), REFERENCE_ROWS)
    _, points = scorer.points(scorer.prepare(extracted.X.iloc[rows]))
    return Scale(scorer.scale.p50, centre_reference(points, scorer.encoder))


def new_reference(scorer: LeadScorer, extracted: Extracted, trained: Trained) -> Reference:
    """How the leads of the newest test list stand: what reasons compare with, of this training whatever the scale."""
    return fit_reference(scorer.prepare(extracted.X.iloc[newest_list(trained)]), scorer.encoder)


def spread_rows(rows: np.ndarray, most: int) -> np.ndarray:
    """At most ``most`` of the rows, evenly over them.

    A list is in the order of the leads' ids, which many systems give in the order of time: the first of a long list are
    its oldest leads.
    """
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(int)]


def tell_ladder(context: Context, trained: Trained) -> None:
    """The table of what was tried, and where the ladder stopped."""
    plan = trained.plan
    rows = [
        [
            s.rung,
            ", ".join(f"{name} {weight:.2f}" for name, weight in s.weights.items()),
            f"{s.loss:.4f}",
            f"{s.more:.4f}",
            f"{s.error:.4f}" if s.more else "-",
            "chosen" if s.chosen else "",
        ]
        for s in plan.steps
    ]
    columns = ["rung", "members", "log loss", "above the lowest", "standard error", ""]
    context.progress.table(f"Ladder: mean log loss of {len(plan.margins)} forward folds", columns, rows)
    chosen = next(s for s in plan.steps if s.chosen)
    why = "the lowest log loss" if not chosen.more else "the simplest that is not worse by one standard error"
    context.progress.say(
        STAGE, f"model: {plan.rung} ({why}); calibration {trained.form.form.value}, slope {trained.form.slope:.2f}"
    )


def newest_list(trained: Trained) -> np.ndarray:
    """The snapshots of the newest test list; of the whole test where there are no lists."""
    test = trained.test
    newest = test[test["list"] == test["list"].max()] if test["list"].notna().any() else test
    return newest["snapshot"].to_numpy()


def describe(entry: dict[str, Any], trained: Trained, scorer: LeadScorer) -> None:
    """The manifest's entry."""
    entry["model_version"] = scorer.version
    entry["verdict"] = scorer.about["verdict"]
    entry["rows"] = {
        "train": len(trained.split.train),
        "stream": len(trained.stream),
        "test": len(trained.test),
        "final": len(trained.split.final),
    }
    entry["trees"] = trained.n_trees
    entry["ladder"] = trained.plan.to_dict()
    entry["segment_intercepts"] = trained.metrics["segment_intercepts"]
    entry["calibration"] = trained.calibrator.to_dict()
    entry["shift"] = trained.shift
    entry["notes"] = list(trained.notes)
    entry["test"] = trained.metrics["scorers"]["model"]
    entry["value"], entry["sooner"] = trained.metrics["value"], trained.metrics["sooner"]
    entry["p50"] = scorer.scale.p50


def publish(
    context: Context,
    extracted: Extracted,
    trained: Trained,
    scorer: LeadScorer,
    succession: Succession,
    entry: dict[str, Any],
) -> None:
    """MLflow first (it may refuse), then models/ and data/evidence together, the champion's alias last."""
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
        keep_decision(context, challenger, "challenger", scorer)
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


def keep_decision(context: Context, folder: Path, alias: str, scorer: LeadScorer) -> None:
    """A retrain that gives the very same model keeps the decision that was made for it."""
    old = context.workspace.models / alias / DECISION
    try:
        decision = read_decision(old.parent, scorer.version)
    except ArtifactError:  # of another model, or broken: calibrate chooses a new one
        return
    if decision is not None:
        (folder / DECISION).write_bytes(old.read_bytes())


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
