"""train: the recipe on what extract published; judged, logged to MLflow, published as challenger or champion."""

from dataclasses import replace
from typing import Any

from leadml.errors import ArtifactError, GateError
from leadml.scorer import LeadScorer, Scale
from leadml.segment_choice import check_segments
from leadml.stages import champions
from leadml.stages.audited import audit_entry, check_left, fit_audited, show_findings, tell_suspects
from leadml.stages.auditing import Audited, audit_extracted
from leadml.stages.context import Context
from leadml.stages.doubts import champion_doubts
from leadml.stages.judging import judge_further, tell_fairness, tell_intercepts
from leadml.stages.lacking import lacking_extracted, tell_lacking
from leadml.stages.publishing import publish
from leadml.stages.race_told import race_lines
from leadml.stages.racing import race_champion, recipe_facts
from leadml.stages.scaling import frozen_scale, new_reference, new_scale, rounded
from leadml.stages.settings import check_extracted
from leadml.stages.stored import Extracted, read_extracted
from leadml.stages.successions import Succession, choose_champion, tell_succession
from leadml.stages.tuning import Tuned, search_settings, tuned_context
from leadml.stages.worth import add_worth
from leadml.training import Trained

STAGE = "train"


def run(context: Context) -> None:
    """Trains, registers, publishes; then raises `GateError` if the verdict is a no (unless run.force)."""
    if not context.sweep:
        champions.finish(context, STAGE)
    extracted = read_extracted(context.workspace)
    check_extracted(context.config, extracted.facts)
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
    tell(context, extracted, audited, trained, champion, succession)
    verdict = trained.verdict
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


def tell(
    context: Context,
    extracted: Extracted,
    audited: Audited,
    trained: Trained,
    champion: LeadScorer | None,
    succession: Succession,
) -> None:
    """What a person reads of it all, the most general first."""
    tell_ladder(context, trained)
    doubts = [] if champion is None or succession.promoted else champion_doubts(context, extracted, audited)
    if doubts:
        context.progress.say(
            STAGE, f"the champion uses {', '.join(doubts)}, which this audit leaves out: its scores are stamped"
        )
    tell_suspects(context, STAGE, trained)
    tell_intercepts(context, STAGE, trained)
    tell_fairness(context, STAGE, trained)
    verdict = trained.verdict
    for line in (*trained.notes, f"verdict: {verdict.name}. {verdict.why}", *race_lines(trained.metrics["race"])):
        context.progress.say(STAGE, line)
    if succession.told:
        tell_succession(context, STAGE, succession.told)
    elif verdict.allows_champion and not succession.promoted and not context.sweep:
        context.progress.say(
            STAGE,
            f"the champion stays ({succession.why.partition(':')[0]}); the new model is the challenger, which leadml "
            "promote makes champion",
        )


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
    entry["settings_chosen"] = trained.metrics["settings"]
    entry["segment_intercepts"] = trained.metrics["segment_intercepts"]
    entry["calibration"] = trained.calibrator.to_dict()
    entry["shift"] = trained.shift
    entry["notes"] = list(trained.notes)
    entry["test"] = trained.metrics["scorers"]["model"]
    entry["value"], entry["sooner"] = trained.metrics["value"], trained.metrics["sooner"]
    entry["p50"] = scorer.scale.p50
