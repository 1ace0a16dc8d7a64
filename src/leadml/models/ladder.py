"""The ladder: points, logistic, trees, blends; the simplest that the out-of-time folds do not show to be worse.

Each candidate's margins on a fold come from a fit on rows known before it. What turns them into probabilities, and a
blend's weights, are fitted on the *other* folds, so that every loss is of rows that nothing was fitted on.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from leadml.calibration import Calibrator, fit_sigmoid
from leadml.config import ModelConfig, Rung
from leadml.encoding import Encoder, fit_encoder
from leadml.errors import ConfigurationError
from leadml.features.dictionary import Feature, Kind
from leadml.metrics import row_losses
from leadml.models.blend import Learner, Member, Model, fit_weights
from leadml.models.boosted import (
    BinnedFold,
    FoldData,
    bag_seeds,
    bin_fold,
    booster_parameters,
    choose_trees,
    fit_boosters,
    thin_rows,
)
from leadml.models.linear import LinearModel, draw_rows, fit_linear
from leadml.models.points import fit_points, used_features
from leadml.models.shifts import SegmentShift, shift_members
from leadml.models.trees import LOOSE, TREES, Trees
from leadml.scorecard import PointRule

POINTS, LOGISTIC = "points", "logistic"
MOST_CELLS = 20_000_000  # of a fold's columns; above, one fold after the other
BLOCK = 1 << 16  # validation rows whose matrix is made at a time
# Candidates in the order of simplicity: the rung and its members.
CANDIDATES: tuple[tuple[Rung, tuple[str, ...]], ...] = (
    (Rung.points, (POINTS,)),
    (Rung.logistic, (LOGISTIC,)),
    (Rung.lightgbm, (TREES,)),
    (Rung.blend, (LOGISTIC, TREES)),
    (Rung.blend, (TREES, LOOSE)),
    (Rung.blend, (LOGISTIC, TREES, LOOSE)),
)


@dataclass(frozen=True)
class Ingredients:
    """What is fitted, besides rows: the features, the model's settings with nothing left open, the team's scorecard."""

    features: tuple[Feature, ...]
    model: ModelConfig
    card: tuple[PointRule, ...]
    seed: int
    threads: int


@dataclass(frozen=True)
class FoldRows:
    """One fold: rows of the feature frame to fit on (n) and to validate with (m), with their labels.

    ``account`` (m) holds codes, the same in all folds; ``weight`` (m) is what a row counts for a calibrator.
    """

    fit: np.ndarray
    fit_labels: np.ndarray
    validation: np.ndarray
    labels: np.ndarray
    account: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Ingredient:
    """A member as it will be fitted: its weight, the strength of a logistic one, the trees of a booster."""

    name: str
    weight: float
    strength: float | None = None
    trees: int | None = None


@dataclass(frozen=True)
class Step:
    """One candidate on the ladder.

    ``loss`` is the mean over folds of the log loss; ``more`` is how much more that is than the lowest, with the
    account-clustered standard error ``error`` of that difference (0 for the lowest itself); ``weights`` a member.
    """

    rung: str
    weights: dict[str, float]
    loss: float
    more: float
    error: float
    chosen: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class Plan:
    """What the folds decided.

    ``margins`` are the chosen candidate's of each fold's validation rows, ``probabilities`` theirs by what was fitted
    on the other folds; ``strength`` is that of a logistic regression, member or not; ``curves`` are the mean losses
    seen on the way, by member: at each number of trees, at each strength. ``shifts`` of segments are one more member.
    """

    rung: str
    members: tuple[Ingredient, ...]
    margins: tuple[np.ndarray, ...]
    probabilities: tuple[np.ndarray, ...]
    steps: tuple[Step, ...]
    strength: float
    curves: dict[str, np.ndarray] = field(default_factory=dict)
    shifts: tuple[SegmentShift, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "rung": self.rung,
            "members": [dict(vars(m)) for m in self.members],
            "steps": [s.to_dict() for s in self.steps],
        }


EMPTY = Plan("", (), (), (), (), 0.0)


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
    parts = _Parts.fit(X, folds, given, {name for _, names in wanted for name in names})
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
            learner = fit_linear(matrix, labels[drawn], encoder, [member.strength], weight)[0]
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


def check_monotone(given: Ingredients) -> None:
    """Raise `ConfigurationError` naming every constraint of ``model.monotone`` that cannot be."""
    kinds = {f.name: f.kind for f in given.features}
    asked = dict(given.model.monotone)
    absent = sorted(set(asked) - set(kinds))
    categories = sorted(name for name in asked if kinds.get(name) is Kind.CATEGORY)
    told = [f"{len(absent)} are no features: {', '.join(absent)}"] if absent else []
    told += [f"{len(categories)} are categories: {', '.join(categories)}"] if categories else []
    if told:
        raise ConfigurationError(f"model.monotone: {'; '.join(told)}; name numbers of data/features/dictionary.json")


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


def calibrate_others(margins: Sequence[np.ndarray], folds: Sequence[FoldRows], fold: int) -> Calibrator:
    """A sigmoid fitted on every fold but the one (on that one, where it is the only one); newer rows weigh more."""
    others = [i for i in range(len(folds)) if i != fold] or [fold]
    labels, weights = ([getattr(folds[i], part) for i in others] for part in ("labels", "weight"))
    return fit_sigmoid(np.concatenate([margins[i] for i in others]), np.concatenate(labels), np.concatenate(weights))


@dataclass(frozen=True)
class _Fitted:
    """A fold's margins by the members that need no other fold, and what boosters grow on."""

    points: np.ndarray
    path: list[np.ndarray]
    encoder: Encoder | None
    binned: BinnedFold | None

    @classmethod
    def of(cls, X: pd.DataFrame, fold: FoldRows, given: Ingredients, names: set[str]) -> "_Fitted":
        points, binned = np.zeros(0), None
        path: list[np.ndarray] = []
        if POINTS in names:
            encoder, card = fit_points(X.iloc[fold.fit], given.features, given.card)
            points = card.margins(encoder.encode(X, fold.validation))
        if names == {POINTS}:
            return cls(points, path, None, None)
        data, fit = encode_fold(X, fold, given)
        if LOGISTIC in names:
            drawn, weight = draw_rows(data.fit_labels, given.seed, data.kept)
            matrix = data.encoder.encode(X, fit[drawn])
            fitted = fit_linear(matrix, data.fit_labels[drawn], data.encoder, given.model.strengths, weight)
            blocks = [[linear.margins(block) for linear in fitted] for block in data.blocks()]
            path = [np.concatenate(margins) for margins in zip(*blocks, strict=True)]
        if names & {TREES, LOOSE}:
            binned = bin_fold(data, list_parameters(given, data.encoder, TREES)[0])
        return cls(points, path, data.encoder, binned)


@dataclass(frozen=True)
class _Parts:
    """Every member's margins on every fold."""

    margins: dict[str, list[np.ndarray]]
    strength: float | None
    trees: dict[str, int]
    curves: dict[str, np.ndarray]

    @classmethod
    def fit(cls, X: pd.DataFrame, folds: Sequence[FoldRows], given: Ingredients, names: set[str]) -> "_Parts":
        cells = max(len(fold.fit) for fold in folds) * len(given.features)
        side_by_side = given.threads if cells <= MOST_CELLS else 1  # folds whose columns are in memory at a time
        with ThreadPoolExecutor(side_by_side) as pool:  # a fold a thread, as BLAS has but one
            fitted = list(pool.map(lambda fold: _Fitted.of(X, fold, given, names), folds))
        margins = {POINTS: [f.points for f in fitted]} if POINTS in names else {}
        binned = [f.binned for f in fitted if f.binned is not None]
        encoders = [f.encoder for f in fitted if f.encoder is not None]
        paths = [f.path for f in fitted if f.path]
        trees: dict[str, int] = {}
        curves: dict[str, np.ndarray] = {}
        strength = None
        for kind in (TREES, LOOSE):
            if kind in names:
                bags = [list_parameters(given, encoder, kind) for encoder in encoders]
                choice = choose_trees(binned, bags, given.model.max_trees, given.threads)
                margins[kind], trees[kind], curves[kind] = list(choice.margins), choice.trees, choice.curve
        if paths:
            losses = [_mean_loss(list(m), folds) for m in zip(*paths, strict=True)]
            at = int(np.argmin(losses))
            strength, curves[LOGISTIC] = given.model.strengths[at], np.array(losses)
            margins[LOGISTIC] = [path[at] for path in paths]
        return cls(margins, strength, trees, curves)


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
    def of(cls, rung: str, names: Sequence[str], parts: _Parts, folds: Sequence[FoldRows]) -> "_Tried":
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


def encode_fold(X: pd.DataFrame, fold: FoldRows, given: Ingredients) -> tuple[FoldData, np.ndarray]:
    """The fold by an encoder fitted on its fitting rows, and which rows of ``X`` those are."""
    kept, share = thin_rows(fold.fit_labels, given.model, given.seed)
    fit = fold.fit[kept]
    encoder = fit_encoder(X, given.features, given.model.min_level_rows, given.model.max_levels, fit)

    def blocks() -> Iterator[np.ndarray]:
        for begin in range(0, len(fold.validation), BLOCK):
            yield encoder.encode(X, fold.validation[begin : begin + BLOCK])

    rows, labels = encoder.columns(X, fit), fold.fit_labels[kept]
    data = FoldData(encoder, rows, labels, encoder.columns(X, fold.validation), fold.labels, blocks, share)
    return data, fit


def _columns(encoder: Encoder, X: pd.DataFrame, rows: np.ndarray) -> pa.Table:
    """The rows' columns; where they are all rows, numbers are read where they are."""
    return encoder.columns(X, None if len(rows) == len(X) and (np.diff(rows) == 1).all() else rows)


def _weights(tables: Sequence[np.ndarray], folds: Sequence[FoldRows], of: Sequence[int]) -> np.ndarray:
    margins = np.concatenate([tables[i] for i in of])
    return fit_weights(
        margins, np.concatenate([folds[i].labels for i in of]), np.concatenate([folds[i].weight for i in of])
    )


def _mean_loss(margins: Sequence[np.ndarray], folds: Sequence[FoldRows]) -> float:
    losses = [
        row_losses(fold.labels, calibrate_others(margins, folds, k).probability(margins[k]))[0].mean()
        for k, fold in enumerate(folds)
    ]
    return float(np.mean(losses))


def list_parameters(given: Ingredients, encoder: Encoder, kind: str) -> list[dict[str, Any]]:
    """LightGBM's parameters, a booster of the bag each."""
    asked = dict(given.model.monotone)
    monotone = [asked.get(f.name, 0) for f in encoder.features]
    return [
        booster_parameters(given.model, seed, given.threads, kind, monotone)
        for seed in bag_seeds(given.seed, given.model.bag)
    ]
