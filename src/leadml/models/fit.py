"""The plan's model, fitted on rows."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd
import pyarrow as pa

from leadml.config import Rung
from leadml.encoding import Encoder, fit_encoder
from leadml.models.blend import Learner, Member, Model
from leadml.models.boosted import fit_boosters, thin_rows
from leadml.models.linear import LinearModel, draw_rows, fit_design, fit_linear
from leadml.models.plan import EMPTY, LOGISTIC, POINTS, Ingredient, Ingredients, Plan, list_parameters
from leadml.models.points import fit_points
from leadml.models.shifts import shift_members
from leadml.models.trees import Trees


def fit_plan(plan: Plan, X: pd.DataFrame, rows: np.ndarray, labels: np.ndarray, given: Ingredients) -> Model:
    """The plan's model on rows (n,) of the feature frame with their labels (n,), with an encoder of their own."""
    if plan.rung == Rung.points.value:
        return points_model(X.iloc[rows], given)
    kept, share = thin_rows(labels, given.model, given.seed)
    rows, labels = rows[kept], labels[kept]
    encoder = fit_encoder(X, given.features, given.model.min_level_rows, given.model.max_levels, rows)
    kinds = [m for m in plan.members if m.strength is None]
    asked = [(p, m.trees or 1) for m in kinds for p in list_parameters(given, encoder, m.name)]
    grown = iter(fit_boosters(_columns(encoder, X, rows), labels, encoder, asked, given.threads) if asked else [])
    members = []
    for member in plan.members:
        if member.strength is None:
            learner: Learner = Trees(tuple(islice(grown, given.model.bag or 1)), float(np.log(share)))
        else:
            drawn, weight = draw_rows(labels, given.seed, share)
            matrix = encoder.encode(X, rows[drawn])
            design = fit_design(matrix, encoder, given.model.monotone)
            learner = fit_linear(matrix, labels[drawn], design, [member.strength], weight)[0]
        members.append(Member(member.name, member.weight, learner))
    if plan.shifts:
        stands = np.where(labels == 0, 1 / share, 1.0)
        members.extend(shift_members(plan.shifts, encoder, encoder.encode(X, rows), stands))
    return Model(encoder, tuple(members))


def points_model(X: pd.DataFrame, given: Ingredients) -> Model:
    """The team's scorecard as the whole model."""
    encoder, learner = fit_points(X, given.features, given.card)
    return Model(encoder, (Member(POINTS, 1.0, learner),))


def logistic_model(
    model: Model, X: pd.DataFrame, rows: np.ndarray, labels: np.ndarray, given: Ingredients, strength: float
) -> Model:
    """The logistic regression alone: the fitted model's own member where it has one, else fitted on the same rows."""
    for member in model.members:
        if isinstance(member.learner, LinearModel):
            return Model(model.encoder, (replace(member, weight=1.0),))
    alone = replace(EMPTY, rung=Rung.logistic.value, members=(Ingredient(LOGISTIC, 1.0, strength),))
    return fit_plan(alone, X, rows, labels, given)


def _columns(encoder: Encoder, X: pd.DataFrame, rows: np.ndarray) -> pa.Table:
    """The rows' columns; where they are all rows, numbers are read where they are."""
    return encoder.columns(X, None if len(rows) == len(X) and (np.diff(rows) == 1).all() else rows)
