"""What a change of champion does to the newest list, by both models on the very same rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from leadml.churn import grade_names, measure_churn
from leadml.errors import ArtifactError, LeadmlError
from leadml.scorer import LeadScorer
from leadml.stages.archive import archived_cutoffs, read_archived
from leadml.stages.context import Context
from leadml.stages.stored import read_extracted
from leadml.thresholds import grade_of
from leadml.workspace import Workspace


def churn_between(context: Context, before: LeadScorer, after: LeadScorer) -> dict[str, Any]:
    """The churn of `measure_churn` with the list's ``cutoff``; only ``why_not`` where no list can be read by both."""
    grades = context.config.decision.grades
    try:
        cutoff, rows = newest_rows(context.workspace, before, after)
        ranges = [(s.decision or {}).get("grades", grades) for s in (before, after)]
        old, new = place_leads(before, rows, ranges[0]), place_leads(after, rows, ranges[1])
    except LeadmlError as error:
        return {"why_not": str(error)}
    return {"cutoff": cutoff, **measure_churn(old, new, grade_names(*ranges))}


def newest_rows(workspace: Workspace, *scorers: LeadScorer) -> tuple[str | None, pd.DataFrame]:
    """Cutoff and rows of the newest list that holds what all scorers read: an archived one, else extract's newest.

    Raises:
        LeadmlError: there is none.
    """
    wanted = {name for scorer in scorers for name in scorer.encoder.names}
    for cutoff in archived_cutoffs(workspace)[-1:]:
        try:
            rows = read_archived(workspace, cutoff).rows
        except LeadmlError:  # broken: what extract made has to do
            continue
        if wanted <= set(rows.columns):
            return cutoff.isoformat(), rows
    extracted = read_extracted(workspace)
    absent = sorted(wanted - set(extracted.X.columns))
    if absent:
        raise ArtifactError(f"no list holds what both models read ({', '.join(absent)})")
    cutoffs = pd.to_datetime(extracted.snapshots["cutoff"])
    listed = cutoffs.where(extracted.snapshots["grid"] != "age")
    if listed.isna().all():
        return None, extracted.X
    return listed.max().isoformat(), extracted.X[listed == listed.max()]


def place_leads(scorer: LeadScorer, rows: pd.DataFrame, grades: Mapping[str, float]) -> pd.DataFrame:
    """grade, fit and intent of the rows by one model."""
    X = scorer.prepare(rows).reset_index(drop=True)
    placed = scorer.fit_and_intent(scorer.points(X)[1])
    placed.insert(0, "grade", grade_of(np.clip(scorer.raw_score(scorer.margin(X)), 0, 100), grades))
    return placed
