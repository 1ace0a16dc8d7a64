"""models/: the champion, those before it, and the history of who replaced whom, when, by what and on what evidence.

A champion is kept in ``models/former/VERSION`` with its decision and its place in the registry at the moment in which
it is replaced, by the same publication that puts the new one in place and writes ``models/history.json``: whenever a
run is killed, all three tell the same. MLflow's alias follows afterwards; until it has, the last entry says so, and the
next command that changes the champion moves it first.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leadml.errors import ArtifactError
from leadml.scorer import DECISION, SCORER, LeadScorer, read_decision
from leadml.stages.context import Context
from leadml.stages.stored import registry_entry
from leadml.workspace import Publication, Workspace, write_atomically

HISTORY = "history.json"
KEYS = {"at", "by", "from", "to"}
PENDING, MOVED, NONE, UNREGISTERED = "pending", "moved", "none", "not registered"  # of an entry's alias
FILES = (SCORER, DECISION, "registry.json")


def read_history(workspace: Workspace) -> list[dict[str, Any]]:
    """The entries of models/history.json, oldest first; empty where there is none.

    Raises:
        ArtifactError: the file is broken.
    """
    path = workspace.models / HISTORY
    if not path.exists():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path} is broken ({error}); {_way_out(workspace)}") from error
    if not isinstance(entries, list) or not all(isinstance(e, dict) and set(e) >= KEYS for e in entries):
        raise ArtifactError(f"{path} is not the list that leadml wrote; {_way_out(workspace)}")
    return entries


def champion_entry(workspace: Workspace, version: str) -> dict[str, Any]:
    """The last entry, where it is the one that made this version champion; {} otherwise, also of a broken history."""
    try:
        last = read_history(workspace)[-1:]
    except ArtifactError:  # the commands that change the champion say so; a report is none
        return {}
    return last[0] if last and last[0]["to"] == version else {}


def _way_out(workspace: Workspace) -> str:
    return (
        "restore it, or delete it and begin another: champions stay in "
        f"{workspace.models / 'former'}, and leadml rollback rollback.to=VERSION brings one back"
    )


def champion_in_place(workspace: Workspace) -> tuple[LeadScorer | None, str]:
    """The champion; None and why ("" where there is no folder) where there is no whole one.

    A decision that is missing or broken is left out: calibrate makes another.
    """
    folder = workspace.models / "champion"
    if not folder.is_dir():
        return None, ""
    try:
        scorer = LeadScorer.load_without_decision(folder)
    except ArtifactError as error:
        return None, str(error)
    try:
        return scorer.with_decision(read_decision(folder, scorer.version)), ""
    except ArtifactError:
        return scorer, ""


def former_folder(workspace: Workspace, version: str) -> Path:
    """Where a champion that was replaced is kept."""
    return workspace.models / "former" / version


def former_scorer(workspace: Workspace, version: str) -> LeadScorer:
    """A former champion with its decision.

    Raises:
        ArtifactError: it is not kept, broken, or has no decision that is its own.
    """
    folder = former_folder(workspace, version)
    others = ", ".join(v for v in whole_former(workspace) if v != version)
    way = f"rollback.to=VERSION restores another: {others}" if others else "no other is kept; leadml run trains anew"
    if not folder.is_dir():
        raise ArtifactError(f"champion {version} is not kept in {folder.parent}; {way}")
    why = why_broken(folder)
    if why:
        raise ArtifactError(f"the champion kept in {folder} cannot be restored ({why}); {way}")
    return LeadScorer.load(folder)


def whole_former(workspace: Workspace) -> list[str]:
    """Versions of the former champions that can be restored, by name."""
    folder = workspace.models / "former"
    found = sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    return [p.name for p in found if not why_broken(p)]


def why_broken(folder: Path) -> str:
    """What keeps a former champion from being restored, in words; "" where nothing does."""
    try:
        scorer = LeadScorer.load(folder)
        registry_entry(folder)
    except ArtifactError as error:
        return str(error)
    if scorer.version != folder.name:
        return f"its files are those of {scorer.version}"
    return "" if scorer.decision is not None else f"it has no {DECISION}"


def keep_champion(out: Publication, workspace: Workspace) -> None:
    """Puts the champion in place among the former ones, as it is; one that is broken is nothing to go back to."""
    scorer, _ = champion_in_place(workspace)
    if scorer is not None:
        copy_model(workspace.models / "champion", out.folder(former_folder(workspace, scorer.version)))


def copy_model(source: Path, target: Path) -> None:
    """The files of a model's folder, to the byte."""
    for file in [*(source / name for name in FILES), *sorted(source.glob("booster-*.txt"))]:
        if file.exists():
            (target / file.name).write_bytes(file.read_bytes())


def note(out: Publication, context: Context, entry: Mapping[str, Any]) -> None:
    """Adds an entry to the history, within the publication that makes it true; `finish` is what is left to do.

    ``at`` is when the command began.

    Raises:
        ArtifactError: the history is broken.
    """
    workspace = context.workspace
    told = {"at": context.manifest.started.isoformat(timespec="seconds"), **entry, "alias": PENDING}
    text = history_text([*read_history(workspace), told])
    out.path(workspace.models / HISTORY).write_text(text, encoding="utf-8")


def history_text(history: list[dict[str, Any]]) -> str:
    """As it lies on disk."""
    return json.dumps(history, ensure_ascii=False, indent=1) + "\n"


def finish(context: Context, stage: str) -> bool:
    """Moves MLflow's alias where the last change of champion left that to do; whether there was anything to do.

    A tracking server that is down does not undo the change: it is said, and noted in the history.

    Raises:
        ArtifactError: the history is broken.
    """
    history = read_history(context.workspace)
    if not history or history[-1].get("alias") in (None, MOVED, NONE, UNREGISTERED):
        return False
    history[-1]["alias"] = move_alias(context, history[-1], stage)
    write_atomically(context.workspace.models / HISTORY, history_text(history))
    return True


def move_alias(context: Context, entry: Mapping[str, Any], stage: str) -> str:
    """Points the alias at the champion in place and tags its version; what became of it, in words.

    A champion that has no version there leaves the alias where it is, which is said: there is nothing to try again.
    """
    if not context.config.tracking.enabled:
        return NONE
    from leadml.tracking import set_champion

    tags = {"champion_by": str(entry["by"]), "champion_after": str(entry["from"] or "-")}
    try:
        version = registry_entry(context.workspace.models / "champion").get("version")
        if version is None:
            context.progress.say(
                stage, f"models/champion is {entry['to']}, which is not registered in MLflow (it was trained with "
                "tracking.enabled=false): the alias champion stays at the version where it is"
            )  # fmt: skip
            return UNREGISTERED
        set_champion(context.config.tracking, context.workspace, version, tags)
    except ArtifactError as error:
        context.progress.say(
            stage, f"models/champion is {entry['to']}, but MLflow's alias champion is not: {error}; the next change "
            "of champion tries again"
        )  # fmt: skip
        return f"not moved: {error}"
    return MOVED
