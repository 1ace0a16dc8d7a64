"""The margins of every member on every fold, each from a fit on rows known before the fold's own."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leadml.calibration import Calibrator, fit_sigmoid
from leadml.encoding import Encoder, fit_encoder
from leadml.metrics import row_losses
from leadml.models.boosted import BinnedFold, FoldData, bin_fold, choose_trees, thin_rows
from leadml.models.linear import draw_rows, fit_design, fit_linear
from leadml.models.plan import LOGISTIC, POINTS, FoldRows, Ingredients, list_parameters
from leadml.models.points import fit_points
from leadml.models.trees import LOOSE, TREES

MOST_CELLS = 20_000_000  # of a fold's columns; above, one fold after the other
BLOCK = 1 << 16  # validation rows whose matrix is made at a time


@dataclass(frozen=True)
class Parts:
    """Every member's margins on every fold."""

    margins: dict[str, list[np.ndarray]]
    strength: float | None
    trees: dict[str, int]
    curves: dict[str, np.ndarray]

    @classmethod
    def fit(cls, X: pd.DataFrame, folds: Sequence[FoldRows], given: Ingredients, names: set[str]) -> "Parts":
        """Of the members named; the strength and the numbers of trees are those of the lowest mean loss."""
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
            losses = [mean_loss(list(m), folds) for m in zip(*paths, strict=True)]
            at = int(np.argmin(losses))
            strength, curves[LOGISTIC] = given.model.strengths[at], np.array(losses)
            margins[LOGISTIC] = [path[at] for path in paths]
        return cls(margins, strength, trees, curves)


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
            design = fit_design(matrix, data.encoder, given.model.monotone)
            fitted = fit_linear(matrix, data.fit_labels[drawn], design, given.model.strengths, weight)
            blocks = [[linear.margins(block) for linear in fitted] for block in data.blocks()]
            path = [np.concatenate(margins) for margins in zip(*blocks, strict=True)]
        if names & {TREES, LOOSE}:
            binned = bin_fold(data, list_parameters(given, data.encoder, TREES)[0])
        return cls(points, path, data.encoder, binned)


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


def calibrate_others(margins: Sequence[np.ndarray], folds: Sequence[FoldRows], fold: int) -> Calibrator:
    """A sigmoid fitted on every fold but the one (on that one, where it is the only one); newer rows weigh more."""
    others = [i for i in range(len(folds)) if i != fold] or [fold]
    labels, weights = ([getattr(folds[i], part) for i in others] for part in ("labels", "weight"))
    return fit_sigmoid(np.concatenate([margins[i] for i in others]), np.concatenate(labels), np.concatenate(weights))


def mean_loss(margins: Sequence[np.ndarray], folds: Sequence[FoldRows]) -> float:
    """The mean over folds of the log loss of a member's margins, calibrated on the other folds."""
    losses = [
        row_losses(fold.labels, calibrate_others(margins, folds, k).probability(margins[k]))[0].mean()
        for k, fold in enumerate(folds)
    ]
    return float(np.mean(losses))
