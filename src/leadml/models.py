"""Boosted trees: fitted the same way on every machine, and as many as the out-of-time folds ask for.

LightGBM reads the encoder's matrix under safe names (f0, f1, ...): real feature names may hold any character.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from leadml.config import ModelConfig
from leadml.encoding import Encoder

PATIENCE = 30  # stop adding trees when the mean validation loss has not fallen for so many
STRIDE = 5  # trees that a fold grows before it waits for the others
MOST_BINS = 127  # half of LightGBM's default: a quarter off the time, and counts have few distinct values anyway
BIN_ROWS = 50_000  # rows that the split points are read off
CAT_SMOOTH = 20.0  # pseudo-rows behind each level's mean when levels are put in order


@dataclass(frozen=True)
class FoldData:
    """One fold as matrices of the encoder that was fitted on its fitting rows."""

    encoder: Encoder
    fit: np.ndarray
    fit_labels: np.ndarray
    validation: np.ndarray
    validation_labels: np.ndarray


@dataclass(frozen=True)
class TreeChoice:
    """How many trees, and what was seen on the way.

    ``curve[i]`` is the mean over folds of the validation log loss with i + 1 trees; ``margins`` has, a fold, the raw
    margins of its validation rows at the chosen count.
    """

    trees: int
    curve: np.ndarray
    margins: tuple[np.ndarray, ...]


def booster_parameters(model: ModelConfig, seed: int, threads: int) -> dict[str, Any]:
    """LightGBM parameters; with these, trees do not depend on the number of threads or on the machine's load."""
    return {
        "objective": "binary",
        "boost_from_average": True,
        "learning_rate": model.learning_rate,
        "num_leaves": model.num_leaves,
        "max_depth": model.max_depth,
        "min_data_in_leaf": model.min_data_in_leaf,
        "lambda_l2": model.lambda_l2,
        "feature_fraction": model.feature_fraction,
        "bagging_fraction": model.bagging_fraction,
        "bagging_freq": 1,
        "cat_smooth": CAT_SMOOTH,
        "min_data_per_group": model.min_data_in_leaf,
        "max_cat_to_onehot": 4,
        "max_bin": MOST_BINS,
        "bin_construct_sample_cnt": BIN_ROWS,
        "feature_pre_filter": False,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "num_threads": threads,
        "verbosity": -1,
        "metric": "binary_logloss",
    }


def fit_booster(
    matrix: np.ndarray,
    labels: np.ndarray,
    encoder: Encoder,
    model: ModelConfig,
    trees: int,
    seed: int,
    threads: int,
) -> lgb.Booster:
    """Booster of at most ``trees`` trees on (n, k) float64 and (n,) of 0 and 1; fewer where no split is left."""
    parameters = booster_parameters(model, seed, threads)
    return lgb.train(parameters, _dataset(matrix, labels, encoder, parameters), num_boost_round=trees)


def predict_margins(booster: lgb.Booster, matrix: np.ndarray, threads: int, trees: int | None = None) -> np.ndarray:
    """Raw margins (n,), the uncalibrated log-odds, of the first ``trees`` trees (None: all)."""
    count = -1 if trees is None else trees
    return np.asarray(booster.predict(matrix, raw_score=True, num_iteration=count, num_threads=threads))


def choose_trees(folds: Iterable[FoldData], model: ModelConfig, seed: int, threads: int) -> TreeChoice:
    """The number of trees with the lowest validation log loss, averaged over folds, each fold counting the same.

    The folds grow side by side, a tree each, so that the mean is known at every count; growing ends at
    ``model.max_trees`` or `PATIENCE` trees after the lowest mean. Threads are spent on folds, one each, rather than
    within a tree: small trees would spend more time waiting for each other than growing. A fold that finds no further
    split keeps its loss.
    The count is used as it is for models on more rows (more data would bear slightly more trees: the safe side).
    """
    growing = [_Growing(fold, booster_parameters(model, seed, 1)) for fold in folds]
    curve: list[float] = []
    with ThreadPoolExecutor(threads, initializer=_quiet_thread) as pool:
        while len(curve) < model.max_trees and len(curve) - int(np.argmin(curve or [0])) <= PATIENCE:
            losses = pool.map(_Growing.grow, growing, [STRIDE] * len(growing))
            curve.extend(np.mean(list(losses), axis=0).tolist()[: model.max_trees - len(curve)])
    trees = int(np.argmin(curve)) + 1
    margins = tuple(predict_margins(fold.booster, fold.validation, threads, trees) for fold in growing)
    return TreeChoice(trees, np.array(curve), margins)


def top_importance(booster: lgb.Booster, encoder: Encoder) -> dict[str, float]:
    """Each feature's share of the gain of all splits, largest first; shares add up to 1 if there is a split."""
    gain = booster.feature_importance("gain")
    total = gain.sum() or 1.0
    order = np.argsort(-gain, kind="stable")
    return {encoder.names[j]: float(gain[j] / total) for j in order}


class _Growing:
    """A fold's booster that grows a tree at a time and knows its validation loss."""

    def __init__(self, fold: FoldData, parameters: dict[str, Any]) -> None:
        train = _dataset(fold.fit, fold.fit_labels, fold.encoder, parameters)
        self.booster = lgb.Booster(params=parameters, train_set=train)
        valid = lgb.Dataset(fold.validation, label=fold.validation_labels, reference=train, params=parameters)
        self.booster.add_valid(valid, "validation")
        self.validation = fold.validation
        self.finished = False
        self.loss = np.inf

    def grow(self, trees: int) -> list[float]:
        """So many more trees; the validation log loss with each."""
        losses = []
        for _ in range(trees):
            if not self.finished:
                self.finished = self.booster.update()
                self.loss = float(self.booster.eval_valid()[0][2])
            losses.append(self.loss)
        return losses


def _quiet_thread() -> None:
    """LightGBM keeps its verbosity by thread, and reads it where it is given parameters."""
    lgb.Dataset(np.zeros((2, 1)), params={"verbosity": -1, "min_data_in_bin": 1}).construct()


def _dataset(matrix: np.ndarray, labels: np.ndarray, encoder: Encoder, parameters: dict[str, Any]) -> lgb.Dataset:
    return lgb.Dataset(
        matrix,
        label=labels,
        feature_name=[f"f{j}" for j in range(matrix.shape[1])],
        categorical_feature=encoder.categorical,
        params=parameters,
    )
