"""promote: the challenger becomes champion, where its verdict allows that; the champion before it is kept."""

import json
from typing import Any

from leadml.errors import ArtifactError, GateError, LeadmlError
from leadml.scorer import DECISION, LeadScorer
from leadml.stages import champions
from leadml.stages.context import Context
from leadml.stages.stored import read_json, registry_entry
from leadml.stages.successions import build_succession, tell_succession
from leadml.verdict import DEPLOY, USE_POINTS

STAGE = "promote"


def run(context: Context) -> None:
    """Publishes models/champion with the former champion and the history; MLflow's alias follows.

    Raises:
        ArtifactError: no challenger, a broken one, or one without a decision.
        GateError: its verdict does not allow it (unless run.force, which is stamped).
    """
    workspace = context.workspace
    with context.manifest.stage(STAGE) as entry:
        champions.finish(context, STAGE)
        challenger, registry = read_challenger(context)
        champion, broken = champions.champion_in_place(workspace)
        entry["model_version"] = challenger.version
        if champion is not None and champion.version == challenger.version:
            return context.progress.say(STAGE, f"the challenger {challenger.version} is the champion already")
        forced = check_gate(context, challenger)
        race = find_race(context, challenger, champion)
        told = build_succession(context, (STAGE, broken or "asked for"), champion, challenger, race)
        with workspace.publish() as out:
            champions.keep_champion(out, workspace)
            folder = out.folder(workspace.models / "champion")
            champions.copy_model(workspace.models / "challenger", folder)
            if forced:
                registry["forced"] = told["forced"] = entry["forced"] = forced
                (folder / "registry.json").write_text(json.dumps(registry, indent=1) + "\n", encoding="utf-8")
            champions.note(out, context, told)
        champions.finish(context, STAGE)
        entry["promotion"] = told
    tell_succession(context, STAGE, told)


def read_challenger(context: Context) -> tuple[LeadScorer, dict[str, Any]]:
    """The challenger with its decision, and its registry.json."""
    folder = context.workspace.models / "challenger"
    if not folder.is_dir():
        raise ArtifactError(f"no challenger in {context.workspace.models}; run leadml train first")
    scorer = LeadScorer.load(folder)
    if scorer.decision is None:
        raise ArtifactError(f"{folder} has no {DECISION} (threshold and grades); run leadml calibrate first")
    return scorer, registry_entry(folder)


def check_gate(context: Context, challenger: LeadScorer) -> str:
    """The stamp of a promotion against the verdict, "" where the verdict allows it.

    Raises:
        GateError: it does not, and run.force is not set.
    """
    verdict = challenger.about["verdict"]
    if verdict["name"] in (DEPLOY, USE_POINTS):
        return ""
    if not context.config.run.force:
        raise GateError(
            f"verdict {verdict['name']!r} of the challenger {challenger.version}: {verdict['why']}. The champion "
            "stays; run.force=true promotes it all the same and stamps every score"
        )
    return f"forced against the verdict '{verdict['name']}'"


def find_race(context: Context, after: LeadScorer, before: LeadScorer | None) -> dict[str, Any] | None:
    """The race of the new one's training, where it was against the champion in place; None where there was none."""
    try:
        metrics = read_json(context.workspace.evidence / after.version / "metrics.json", "leadml train")
    except LeadmlError:  # the evidence was deleted: the promotion is on the verdict alone, and says so
        return None
    race = metrics.get("race")
    return race if race and before is not None and race["against"] == before.version else None
