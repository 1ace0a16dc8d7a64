"""rollback: a former champion comes back as it was: its files, its decision, its alias."""

from leadml.errors import ArtifactError
from leadml.stages import champions
from leadml.stages.context import Context
from leadml.stages.stored import registry_entry
from leadml.stages.successions import build_succession, tell_succession
from leadml.succession import previous_champion

STAGE = "rollback"


def run(context: Context) -> None:
    """Publishes models/champion with the files of ``rollback.to``, else of the champion before the one in place.

    A rollback that was killed before it was done is finished, and nothing else is done: asked again, it would go a step
    further back than anybody wanted.

    Raises:
        ArtifactError: nothing to go back to, or it is not kept or broken, with those that can be restored.
    """
    workspace, to = context.workspace, context.config.rollback.to
    with context.manifest.stage(STAGE) as entry:
        history = champions.read_history(workspace)
        unfinished = bool(history) and history[-1].get("alias") == champions.PENDING
        if champions.finish(context, STAGE) and unfinished and history[-1]["by"] == STAGE and to is None:
            entry["model_version"] = history[-1]["to"]
            return context.progress.say(
                STAGE, f"the last rollback was cut short and is finished now: champion is {history[-1]['to']}; "
                "run leadml rollback again to go further back"
            )  # fmt: skip
        champion, broken = champions.champion_in_place(workspace)
        in_place = None if champion is None else champion.version
        target = to or previous_champion(history, in_place)
        entry["model_version"] = target
        if target is None:
            raise ArtifactError(
                f"there is no champion before {in_place or 'this one'} in {workspace.models / champions.HISTORY}; "
                + kept_words(context, in_place)
            )
        if target == in_place:
            return context.progress.say(STAGE, f"{target} is the champion already")
        restored = champions.former_scorer(workspace, target)
        folder = champions.former_folder(workspace, target)
        registry = registry_entry(folder)
        why = "asked for" + (f"; the champion in place was broken: {broken}" if broken else "")
        told = build_succession(context, (STAGE, why), champion, restored, None)
        told |= {"forced": registry["forced"]} if registry.get("forced") else {}
        with workspace.publish() as out:
            champions.keep_champion(out, workspace)
            champions.copy_model(folder, out.folder(workspace.models / "champion"))
            champions.note(out, context, told)
        champions.finish(context, STAGE)
        entry["rollback"] = told
    tell_succession(context, STAGE, told)
    context.progress.say(STAGE, "the lists in data/scores stay as they are: leadml predict scores with the champion")


def kept_words(context: Context, version: str | None) -> str:
    """What can be restored, or that nothing can."""
    kept = [v for v in champions.whole_former(context.workspace) if v != version]
    return f"rollback.to=VERSION restores one that is kept: {', '.join(kept)}" if kept else "none is kept either"
