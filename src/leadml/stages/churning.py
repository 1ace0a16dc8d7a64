"""What a change of champion does to the newest list: the very same leads at one cutoff, by both models."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from leadml.churn import grade_names, measure_churn
from leadml.errors import LeadmlError
from leadml.scorer import LeadScorer
from leadml.stages.archive import Archived, archived_cutoffs, read_archived
from leadml.stages.context import Context
from leadml.stages.racing import champion_rows
from leadml.stages.stored import Extracted, read_extracted
from leadml.thresholds import grade_of


def churn_between(context: Context, before: LeadScorer, after: LeadScorer) -> dict[str, Any]:
    """The churn of `measure_churn` with the list's ``cutoff``; only ``why_not`` where no list can be read by both."""
    grades = context.config.decision.grades
    try:
        cutoff, rows = newest_rows(context, before, after)
        ranges = [(s.decision or {}).get("grades", grades) for s in (before, after)]
        old, new = place_leads(before, rows[0], ranges[0]), place_leads(after, rows[1], ranges[1])
    except LeadmlError as error:
        return {"why_not": str(error)}
    return {"cutoff": cutoff, **measure_churn(old, new, grade_names(*ranges))}


def newest_rows(context: Context, *scorers: LeadScorer) -> tuple[str | None, list[pd.DataFrame]]:
    """Cutoff and leads of the newest list, once a scorer as it reads them: an archived list, else extract's newest.

    An archived list serves where it was built by the specification of all scorers, and holds what they read. Of
    extract's list each one has the rows of its own specification: features of one name may mean something else.

    Raises:
        LeadmlError: there is none.
    """
    workspace = context.workspace
    for cutoff in archived_cutoffs(workspace)[-1:]:
        try:
            archived = read_archived(workspace, cutoff)
        except LeadmlError:  # broken: what extract made has to do
            continue
        if all(reads(scorer, archived) for scorer in scorers):
            return cutoff.isoformat(), [archived.rows] * len(scorers)
    at, part = newest_extracted(read_extracted(workspace))
    return at, [champion_rows(context, part, scorer, scorer.encoder.names)[0] for scorer in scorers]


def reads(scorer: LeadScorer, archived: Archived) -> bool:
    """Whether the archived rows are what the scorer's specification builds, with all that it reads."""
    facts = archived.facts
    theirs, ours = (facts.get("spec"), facts.get("missing")), (scorer.about["spec"], list(scorer.missing))
    return theirs == ours and set(scorer.encoder.names) <= set(archived.rows.columns)


def newest_extracted(extracted: Extracted) -> tuple[str | None, Extracted]:
    """The newest list of the extract with its cutoff; everything where nothing has times."""
    cutoffs = pd.to_datetime(extracted.snapshots["cutoff"])
    listed = cutoffs.where(extracted.snapshots["grid"] != "age")
    if listed.isna().all():
        return None, extracted
    newest = listed == listed.max()
    snapshots = extracted.snapshots[newest].reset_index(drop=True)
    return listed.max().isoformat(), replace(extracted, snapshots=snapshots, X=extracted.X[newest])


def place_leads(scorer: LeadScorer, rows: pd.DataFrame, grades: Mapping[str, float]) -> pd.DataFrame:
    """grade, fit and intent of the rows by one model."""
    X = scorer.prepare(rows).reset_index(drop=True)
    placed = scorer.fit_and_intent(scorer.points(X)[1])
    placed.insert(0, "grade", grade_of(np.clip(scorer.raw_score(scorer.margin(X)), 0, 100), grades))
    return placed
