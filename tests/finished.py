"""What tests ask of a finished workspace of an invented company."""

import json
from pathlib import Path

import pandas as pd

from leadml import LeadScorer

SCORES = "data/scores/cutoff=2026-07-01T000000Z"  # the end of the invented exports


def manifest(root: Path, command: str) -> dict:
    """What the latest run of the command told."""
    return json.loads((root / "data/runs" / f"latest-{command}.json").read_text())


def scores(root: Path) -> pd.DataFrame:
    """The scores at the end of the data."""
    return pd.read_parquet(root / SCORES / "scores.parquet")


def champion(root: Path) -> LeadScorer:
    """The model that scores."""
    return LeadScorer.load(root / "models/champion")


def stored(root: Path, *folders: str) -> dict[Path, bytes]:
    """The bytes of every file in the folders."""
    return {p: p.read_bytes() for f in folders for p in sorted((root / f).rglob("*")) if p.is_file()}


def registry_of(root: Path):
    """MLflow's client for the workspace's runs and registry, whatever an earlier command of this process used."""
    import mlflow

    uri = f"sqlite:///{root / 'mlflow.db'}"
    return mlflow.MlflowClient(uri, uri)
