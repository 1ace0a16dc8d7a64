"""Reading back what earlier stages published; a missing or broken file is said with the stage that makes it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow import ArrowInvalid

from leadml.errors import ArtifactError, DataError
from leadml.features.dictionary import Feature
from leadml.workspace import Workspace

OPEN_LEADS = "open.parquet"  # beside the features: those of the leads that were open at the end of the data


@dataclass(frozen=True)
class Extracted:
    """What extract published for training."""

    snapshots: pd.DataFrame
    X: pd.DataFrame
    features: list[Feature]
    facts: dict[str, Any]


def read_extracted(workspace: Workspace) -> Extracted:
    """Snapshots, features, dictionary and facts.

    Raises:
        DataError: extract has not run here, or a file is broken.
    """
    folder = workspace.features
    facts = read_json(folder / "extract.json", "leadml extract")
    features = [Feature.from_dict(e) for e in read_json(folder / "dictionary.json", "leadml extract")]
    snapshots = read_frame(folder / "snapshots.parquet", "leadml extract")
    X = read_frame(folder / "features.parquet", "leadml extract")
    if len(snapshots) != len(X):
        raise DataError(f"{folder}: {len(snapshots)} snapshots but {len(X)} feature rows; run leadml extract again")
    return Extracted(snapshots, X, features, facts)


def read_archive(workspace: Workspace, source: str, most: int) -> list[tuple[dict[str, Any], pd.DataFrame]]:
    """What predict archived for this source, the newest first: facts and rows; at most so many of them."""
    found: list[tuple[dict[str, Any], pd.DataFrame]] = []
    for path in sorted((workspace.data / "archive").glob("cutoff=*"), reverse=True):
        facts = read_json(path / "archive.json", "leadml predict")
        if facts["source"] == source and len(found) < most:
            found.append((facts, read_frame(path / "features.parquet", "leadml predict")))
    return found


def read_json(path: Path, remedy: str) -> Any:
    """A JSON file, or `DataError` with the command that makes it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; run {remedy} first") from error
    except (json.JSONDecodeError, UnicodeDecodeError, OSError) as error:
        raise DataError(f"{path} is broken ({error}); run {remedy} again") from error


def read_frame(path: Path, remedy: str) -> pd.DataFrame:
    """A Parquet file, or `DataError` with the command that makes it."""
    try:
        return pd.read_parquet(path)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; run {remedy} first") from error
    except (ArrowInvalid, OSError) as error:
        raise DataError(f"{path} is broken ({error}); run {remedy} again") from error


def registry_entry(folder: Path) -> dict[str, Any]:
    """registry.json of a model folder: where the model came from (run, version, verdict, forced)."""
    try:
        entry: dict[str, Any] = json.loads((folder / "registry.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{folder / 'registry.json'} is missing or broken; run leadml train") from error
    return entry
