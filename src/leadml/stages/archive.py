"""data/archive: every list's feature rows as they were scored, and once a version the scorer that read them."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from leadml.errors import ArtifactError, DataError
from leadml.scorer import DECISION, SCORER, LeadScorer
from leadml.stages.scoring import Scored
from leadml.stages.stored import read_frame, read_json
from leadml.workspace import Publication, Workspace

ARCHIVED = "archived_"  # before the keys' names in the archive, where a feature may be called lead_id
FEATURES, FACTS = "features.parquet", "archive.json"
CUTOFF = "%Y-%m-%dT%H%M%SZ"  # of a cutoff in a partition's name


@dataclass(frozen=True)
class Archived:
    """One archived list: facts of archive.json, and its rows with the leads' ids under `ARCHIVED` names."""

    cutoff: datetime
    facts: dict[str, Any]
    rows: pd.DataFrame


def write_archive(folder: Path, scored: Scored) -> None:
    """The rows (lead_id and account_id first), how to build them again, and the decision that was in force."""
    keys = scored.keys[["lead_id", "account_id"]].add_prefix(ARCHIVED)
    pd.concat([keys, scored.X.reset_index(drop=True)], axis=1).to_parquet(folder / FEATURES, index=False)
    scorer = scored.scorer
    facts = {
        "source": scorer.about["source"],
        "cutoff": None if scored.cutoff is None else scored.cutoff.isoformat(),
        "model_version": scorer.version,
        "spec": scorer.about["spec"],
        "problem": scorer.about["problem"],
        "features": [f.to_dict() for f in scorer.encoder.features],
        "missing": list(scorer.missing),
        "forced": scored.forced,
        "inputs": sorted(str(f["sha256"]) for f in scored.reading["inputs"]),
    }
    for name, value in ((FACTS, facts), (DECISION, scorer.decision)):
        text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
        (folder / name).write_text(text, encoding="utf-8")


def keep_scorer(out: Publication, workspace: Workspace, scorer: LeadScorer) -> None:
    """Puts the scorer's files beside the archive, under its version; files that are there already stay untouched."""
    folder = scorer_folder(workspace, scorer.version)
    if not holds_scorer(folder, scorer):
        scorer.save(out.folder(folder))


def holds_scorer(folder: Path, scorer: LeadScorer) -> bool:
    """Whether the folder has the scorer's files to the byte: a damaged copy is written again."""
    return all(
        (folder / name).is_file() and (folder / name).read_bytes() == text.encode()
        for name, text in scorer.texts.items()
    )


def scorer_folder(workspace: Workspace, version: str) -> Path:
    """Where a version's boosters and scorer.json are kept."""
    return workspace.data / "archive" / "models" / version


def kept_scorer(workspace: Workspace, version: str) -> LeadScorer:
    """The scorer that made an archived list.

    Raises:
        ArtifactError: it was not kept (an archive of an older leadml), is broken, or is not the version it should be.
    """
    folder = scorer_folder(workspace, version)
    if not (folder / SCORER).is_file():
        raise ArtifactError(f"its model {version} was not kept ({folder} has no {SCORER})")
    scorer = LeadScorer.load_without_decision(folder)
    if scorer.version != version:
        raise ArtifactError(f"the model kept in {folder} is {scorer.version}; the folder was changed")
    return scorer


def archived_cutoffs(workspace: Workspace) -> list[datetime]:
    """The cutoffs of the whole lists that are archived, oldest first; lists without times are not among them."""
    found = []
    for folder in (workspace.data / "archive").glob("cutoff=*/"):
        try:
            found.append(datetime.strptime(folder.name.removeprefix("cutoff="), CUTOFF))
        except ValueError:
            continue  # undated
    return sorted(found)


def read_archived(workspace: Workspace, cutoff: datetime) -> Archived:
    """The whole list of one cutoff.

    Raises:
        DataError: a file is missing or broken.
    """
    folder = workspace.data / "archive" / f"cutoff={cutoff.strftime(CUTOFF)}"
    facts, rows = read_json(folder / FACTS, "leadml predict"), read_frame(folder / FEATURES, "leadml predict")
    told = isinstance(facts, dict) and isinstance(facts.get("model_version"), str)
    if f"{ARCHIVED}lead_id" not in rows or not told:
        raise DataError(f"{folder} does not say which leads it is of, or by which model; later lists can be compared")
    return Archived(cutoff, facts, rows)
