"""The ladder: points, logistic, trees, blends; the simplest that the out-of-time folds do not show to be worse.

Each candidate's margins on a fold come from a fit on rows known before it. What turns them into probabilities, and a
blend's weights, are fitted on the *other* folds, so that every loss is of rows that nothing was fitted on; only the
number of trees and the shrinkage of a logistic regression, one of each, are chosen on all folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leadml.config import Rung
from leadml.errors import ConfigurationError
from leadml.metrics import row_losses
from leadml.models.blend import fit_weights
from leadml.models.parts import Parts, calibrate_others
from leadml.models.plan import LOGISTIC, POINTS, FoldRows, Ingredient, Ingredients, Plan, Step, check_monotone
from leadml.models.points import used_features
from leadml.models.trees import LOOSE, TREES

# Candidates in the order of simplicity: the rung and its members.
CANDIDATES: tuple[tuple[Rung, tuple[str, ...]], ...] = (
    (Rung.points, (POINTS,)),
    (Rung.logistic, (LOGISTIC,)),
    (Rung.lightgbm, (TREES,)),
    (Rung.blend, (LOGISTIC, TREES)),
    (Rung.blend, (TREES, LOOSE)),
    (Rung.blend, (LOGISTIC, TREES, LOOSE)),
)


def choose_plan(X: pd.DataFrame, folds: Sequence[FoldRows], given: Ingredients) -> Plan:
    """Climb the ladder, or take the rung that ``given.model.kind`` names; on rows of the feature frame ``X``.

    The candidate of the lowest loss is compared with every simpler one; the simplest whose loss is not higher by one
    standard error *of the difference* (paired by row, clustered by account) is chosen. A blend's member stays only so.

    Raises:
        ConfigurationError: points asked for by name where too few features of the scorecard are there; a constraint on
            a feature that is not there or no number.
    """
    check_monotone(given)
    wanted = _candidates(given)
    parts = Parts.fit(X, folds, given, {name for _, names in wanted for name in names})
    tried = [_Tried.of(rung.value, names, parts, folds) for rung, names in wanted]
    best = min(tried, key=lambda t: t.loss)
    account, borders = np.concatenate([f.account for f in folds]), np.cumsum([0, *(len(f.labels) for f in folds)])
    errors = [clustered_error(t.losses - best.losses, borders, account) for t in tried]
    chosen = next(i for i, t in enumerate(tried) if t is best or t.loss - best.loss < errors[i])
    steps = tuple(
        Step(t.rung, t.weights, t.loss, t.loss - best.loss, error, i == chosen)
        for i, (t, error) in enumerate(zip(tried, errors, strict=True))
    )
    taken = tried[chosen]
    members = tuple(
        Ingredient(name, weight, parts.strength if name == LOGISTIC else None, parts.trees.get(name))
        for name, weight in taken.weights.items()
        if weight > 0
    )
    strength = given.model.strengths[len(given.model.strengths) // 2] if parts.strength is None else parts.strength
    return Plan(taken.rung, members, taken.margins, taken.probabilities, steps, strength, parts.curves)


@dataclass(frozen=True)
class _Tried:
    """A candidate with its losses on rows that nothing was fitted on."""

    rung: str
    weights: dict[str, float]
    margins: tuple[np.ndarray, ...]
    probabilities: tuple[np.ndarray, ...]
    losses: np.ndarray
    loss: float

    @classmethod
    def of(cls, rung: str, names: Sequence[str], parts: Parts, folds: Sequence[FoldRows]) -> "_Tried":
        tables = [np.column_stack([parts.margins[name][k] for name in names]) for k in range(len(folds))]
        probabilities = []
        for k in range(len(folds)):
            shares = _weights(tables, folds, [i for i in range(len(folds)) if i != k] or [k])
            mixed = [table @ shares for table in tables]
            probabilities.append(calibrate_others(mixed, folds, k).probability(mixed[k]))
        losses = [row_losses(fold.labels, p)[0] for fold, p in zip(folds, probabilities, strict=True)]
        shares = _weights(tables, folds, list(range(len(folds))))
        margins = tuple(table @ shares for table in tables)
        weights = dict(zip(names, shares.tolist(), strict=True))
        loss = float(np.mean([x.mean() for x in losses]))
        return cls(rung, weights, margins, tuple(probabilities), np.concatenate(losses), loss)


def clustered_error(difference: np.ndarray, borders: np.ndarray, account: np.ndarray) -> float:
    """Standard error of the mean over folds of the mean difference, clustered by account.

    Args:
        difference: (n,) of the rows of all folds, one fold after the other.
        borders: (folds + 1,) where each fold begins, and n.
        account: (n,) codes from 0.

    The root of the sum over accounts of the squared sum of their rows' residuals, each over its fold's rows and the
    number of folds (Liang and Zeger 1986, for a mean).
    """
    sizes = np.diff(borders)
    means = np.add.reduceat(difference, borders[:-1]) / sizes
    residual = (difference - np.repeat(means, sizes)) / np.repeat(sizes * len(sizes), sizes)
    return float(np.sqrt((np.bincount(account, weights=residual) ** 2).sum()))


def _candidates(given: Ingredients) -> list[tuple[Rung, tuple[str, ...]]]:
    kind = given.model.kind
    found = [c for c in CANDIDATES if kind in (Rung.auto, c[0])]
    if used_features(given.card, [f.name for f in given.features]) is not None:
        return found
    if kind is Rung.points:
        known = sorted({f for rule in given.card for f in rule.features})
        raise ConfigurationError(
            "model=points: too few of the scorecard's features are there; write rules in scorecard.rules for features "
            f"of data/features/dictionary.json (they look for {', '.join(known[:10])}{', ...' if known[10:] else ''})"
        )
    return [c for c in found if c[0] is not Rung.points]


def _weights(tables: Sequence[np.ndarray], folds: Sequence[FoldRows], of: Sequence[int]) -> np.ndarray:
    margins = np.concatenate([tables[i] for i in of])
    return fit_weights(
        margins, np.concatenate([folds[i].labels for i in of]), np.concatenate([folds[i].weight for i in of])
    )
