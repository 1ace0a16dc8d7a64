"""What a model wrote about lists at the time: their probabilities in data/scores, else by their archived rows."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from leadml.errors import LeadmlError
from leadml.stages.archive import ARCHIVED, CUTOFF, kept_scorer, read_archived
from leadml.stages.stored import read_frame
from leadml.workspace import Workspace

COVERED_LISTS = 0.5  # share of the test's lists that a champion must have scored to be judged by what it wrote
COVERED_ROWS = 0.9  # share of a list's rows from which on it counts as scored: some leads became known late


def written_probabilities(workspace: Workspace, version: str, rows: pd.DataFrame, data_end: str) -> np.ndarray:
    """The probabilities (n,) that the model gave the rows in the lists of their very cutoffs; NaN where it gave none.

    Only lists from the end of its data on: of those no label can have been known when it was trained. A list that
    another model scored again is that one's.

    Args:
        workspace: where the lists are.
        version: of the model.
        rows: ``lead_id`` and ``cutoff``.
        data_end: ISO instant up to which the model's training knew the data.
    """
    found = np.full(len(rows), np.nan)
    cutoffs = rows["cutoff"]
    for cutoff in sorted(cutoffs[cutoffs >= pd.Timestamp(data_end)].unique()):
        listed = written_list(workspace, version, pd.Timestamp(cutoff).to_pydatetime())
        if listed is not None:
            at = (cutoffs == cutoff).to_numpy(dtype=bool)
            found[at] = rows["lead_id"][at].map(listed).to_numpy(dtype=np.float64)
    return found


def written_list(workspace: Workspace, version: str, cutoff: datetime) -> pd.Series | None:
    """Probability by lead_id of the whole list of one cutoff; None where the model has none, or a broken one."""
    if cutoff.microsecond:
        return None  # lists are named by the second
    for read in (_read_scores, _read_archive):
        try:
            listed = read(workspace, version, cutoff)
        except LeadmlError:  # deleted, or broken: the next place, else there is no such list
            continue
        if listed is not None:
            return listed
    return None


def _read_scores(workspace: Workspace, version: str, cutoff: datetime) -> pd.Series | None:
    path = workspace.scores / f"cutoff={cutoff.strftime(CUTOFF)}" / "scores.parquet"
    scores = read_frame(Path(path), "leadml predict")
    if not {"lead_id", "probability", "model_version"} <= set(scores) or (scores["model_version"] != version).any():
        return None
    return scores.set_index("lead_id")["probability"]


def _read_archive(workspace: Workspace, version: str, cutoff: datetime) -> pd.Series | None:
    """By the rows as they were scored and the scorer that was kept: the same numbers to the last digit."""
    archived = read_archived(workspace, cutoff)
    if archived.facts["model_version"] != version:
        return None
    scorer = kept_scorer(workspace, version)
    probability = scorer.calibrator.probability(scorer.margin(scorer.prepare(archived.rows)))
    return pd.Series(probability, index=archived.rows[f"{ARCHIVED}lead_id"].to_numpy())


def covered(probability: np.ndarray, test: pd.DataFrame) -> bool:
    """Whether enough lists of the test were scored, and those nearly whole."""
    shares = pd.Series(np.isfinite(probability)).groupby(test["list"].to_numpy(), dropna=False).mean()
    return bool((shares >= COVERED_ROWS).mean() >= COVERED_LISTS)
