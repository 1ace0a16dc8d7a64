"""Boosted trees: fitted the same way on every machine, and as many as the out-of-time folds ask for.

LightGBM reads the encoder's matrix under safe names (f0, f1, ...): real feature names may hold any character. There are
two kinds of boosters, made to err differently: ``trees`` are shallow and choose the best split; ``loose trees`` are
deeper and split at random values (extremely randomised trees, Geurts, Ernst and Wehenkel 2006).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pyarrow as pa

from leadml.config import ModelConfig
from leadml.encoding import Encoder
from leadml.models.trees import LIGHTGBM, LOOSE, TREES, predict_margins

PATIENCE = 30  # stop adding trees when the mean validation loss has not fallen for so many
STRIDE = 5  # trees that a fold grows before it waits for the others
MOST_BINS = 127  # half of LightGBM's default: a quarter off the time, and counts have few distinct values anyway
BIN_ROWS = 50_000  # rows that the split points are read off
CAT_SMOOTH = 20.0  # pseudo-rows behind each level's mean when levels are put in order
LOOSE_LEAVES, LOOSE_DEPTH = 4, 2  # times the leaves, levels more: random splits each tell less
# Distinct converting leads from which on trees are larger: leaves, depth.
SIZES = ((0, 4, 2), (300, 6, 3), (2_000, 8, 4), (10_000, 15, 5), (50_000, 31, 6))
SLOW, FAST, FAST_ROWS = 0.04, 0.08, 30_000  # rates; from so many training rows on half the trees tell as much
MOST_ROWS, PER_CONVERSION = 1_000_000, 10  # rows that trees learn from where model.negatives is left open
BAG_ROWS, MOST_BAG = 60_000, 4  # rows that the boosters of a bag read together, about; boosters, at most
LEAST_SHARE, COLUMNS_A_TREE = 0.3, 8  # of the features a tree may use: a share, and at least so many
ROWS_IN_LEAF = (10, 50)  # least rows in a leaf: a hundredth of a half of the rows, within these


@dataclass(frozen=True)
class FoldData:
    """One fold by the encoder that was fitted on its fitting rows.

    ``fit`` (n, k) and ``validation`` (m, k) are the encoder's matrices or Arrow tables; ``blocks`` gives the validation
    rows as matrices, some at a time, whenever it is called. ``kept`` is the share of the rows without conversion that
    are among the fitting ones.
    """

    encoder: Encoder
    fit: np.ndarray | pa.Table
    fit_labels: np.ndarray
    validation: np.ndarray | pa.Table
    validation_labels: np.ndarray
    blocks: Callable[[], Iterator[np.ndarray]]
    kept: float = 1.0


@dataclass(frozen=True)
class BinnedFold:
    """What of a fold boosters grow on: LightGBM's bins of the fitting and of the validation rows; the rest of it."""

    train: lgb.Dataset
    valid: lgb.Dataset
    blocks: Callable[[], Iterator[np.ndarray]]
    kept: float


@dataclass(frozen=True)
class TreeChoice:
    """How many trees, and what was seen on the way.

    ``curve[i]`` is the mean over folds and boosters of the validation log loss with i + 1 trees, ``by_fold`` (folds,)
    that of each fold at the chosen count; ``margins`` has, a fold, the raw margins of its validation rows at that
    count, averaged over the bag.
    """

    trees: int
    curve: np.ndarray
    by_fold: np.ndarray
    margins: tuple[np.ndarray, ...]


def thin_rows(labels: np.ndarray, model: ModelConfig, seed: int) -> tuple[np.ndarray, float]:
    """Rows (m,) to learn from of n labels: all converted ones and a share of the others; and the share that it came to.

    The share is ``model.negatives``; null keeps all up to `MOST_ROWS` rows, and beyond so many that there are that many
    rows, or ten for each converted one, whichever is more. What is learnt from the rest has odds too high by one over
    the share: ``log(share)`` added to the margin corrects them exactly (King and Zeng 2001, the prior correction).
    """
    negatives = np.flatnonzero(labels == 0)
    converted = len(labels) - len(negatives)
    wanted = max(MOST_ROWS - converted, PER_CONVERSION * converted)
    share = min(1.0, wanted / max(len(negatives), 1)) if model.negatives is None else model.negatives
    if share >= 1:
        return np.arange(len(labels)), 1.0
    kept = np.random.default_rng(seed).choice(negatives, max(1, round(share * len(negatives))), replace=False)
    return np.sort(np.concatenate([np.flatnonzero(labels != 0), kept])), len(kept) / len(negatives)


def scale_model(model: ModelConfig, rows: int, conversions: int, features: int) -> ModelConfig:
    """The settings with everything that is left open (null) chosen by the training's size.

    Args:
        model: the settings.
        rows: training rows.
        conversions: distinct converting leads among them.
        features: how many a tree chooses among; of few it takes most, or what belongs together never meets.
    """
    _, leaves, depth = [size for size in SIZES if conversions >= size[0]][-1]
    least, bag = int(np.clip(rows // 200, *ROWS_IN_LEAF)), int(np.clip(BAG_ROWS // max(rows, 1), 1, MOST_BAG))
    chosen: dict[str, Any] = {"num_leaves": leaves, "max_depth": depth, "bag": bag, "min_data_in_leaf": least}
    chosen["learning_rate"] = FAST if rows >= FAST_ROWS else SLOW
    chosen["feature_fraction"] = float(np.clip(COLUMNS_A_TREE / max(features, 1), LEAST_SHARE, 1))
    return replace(model, **{name: value for name, value in chosen.items() if getattr(model, name) is None})


def booster_parameters(
    model: ModelConfig, seed: int, threads: int, kind: str = TREES, monotone: Sequence[int] = ()
) -> dict[str, Any]:
    """LightGBM parameters; with these, trees do not depend on the number of threads or on the machine's load.

    ``model`` has nothing left open (`scale_model`); ``monotone`` is a direction (-1, 0, 1) a column, or empty.
    """
    parameters = {
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
    if any(monotone):
        parameters |= {"monotone_constraints": list(monotone), "monotone_constraints_method": "intermediate"}
    if kind == LOOSE:
        depth = -1 if model.max_depth is None or model.max_depth < 1 else model.max_depth + LOOSE_DEPTH
        leaves = min(LOOSE_LEAVES * (model.num_leaves or 2), 2**depth if depth > 0 else 10**9)
        parameters |= {"extra_trees": True, "num_leaves": leaves, "max_depth": depth}
    return parameters


def bag_seeds(seed: int, bag: int | None) -> list[int]:
    """The seed of each booster of a bag, the first one the given."""
    return [seed + 7919 * i for i in range(bag or 1)]


def fit_boosters(
    rows: np.ndarray | pa.Table,
    labels: np.ndarray,
    encoder: Encoder,
    asked: Sequence[tuple[Mapping[str, Any], int]],
    threads: int,
) -> list[lgb.Booster]:
    """Boosters on rows (n, k) and (n,) of 0 and 1: parameters and trees each; fewer where no split is left.

    They share the bins of the rows, and grow side by side, a thread each: small trees would spend more time waiting for
    each other than growing.
    """
    each = max(1, threads // len(asked))
    with LIGHTGBM:
        train = bin_rows(rows, labels, encoder, asked[0][0]).construct()
        boosters = [lgb.Booster(params=dict(p) | {"num_threads": each}, train_set=train) for p, _ in asked]
        with _grow_pool(threads, each) as pool:
            list(pool.map(_grow, boosters, [trees for _, trees in asked]))
        return [booster.free_dataset() for booster in boosters]


def bin_rows(
    rows: np.ndarray | pa.Table, labels: np.ndarray, encoder: Encoder, parameters: Mapping[str, Any]
) -> lgb.Dataset:
    """LightGBM's own form of the training rows (n, k) of the encoder."""
    return lgb.Dataset(
        rows,
        label=labels,
        feature_name=[f"f{j}" for j in range(len(encoder.features))],
        categorical_feature=encoder.categorical,
        params=dict(parameters),
    )


def bin_fold(fold: FoldData, parameters: Mapping[str, Any]) -> BinnedFold:
    """The fold as boosters grow on it; both kinds and a whole bag share it. Losses are of corrected margins."""
    corrected = np.full(len(fold.validation_labels), np.log(fold.kept)) if fold.kept < 1 else None
    with LIGHTGBM:
        train = bin_rows(fold.fit, fold.fit_labels, fold.encoder, parameters).construct()
        valid = lgb.Dataset(
            fold.validation,
            label=fold.validation_labels,
            reference=train,
            init_score=corrected,
            params=dict(parameters),
        )
        return BinnedFold(train, valid.construct(), fold.blocks, fold.kept)


def choose_trees(
    folds: Sequence[BinnedFold],
    parameters: Sequence[Sequence[Mapping[str, Any]]],
    most: int,
    threads: int,
    give_up: Callable[[int, float], bool] | None = None,
) -> TreeChoice:
    """The number of trees with the lowest validation log loss, averaged over folds, each fold counting the same.

    The folds grow side by side, a tree each, so that the mean is known at every count; growing ends at ``most`` trees
    or `PATIENCE` trees after the lowest mean. Threads are spent on boosters, one each, rather than within a tree: small
    trees would spend more time waiting for each other than growing. A booster that finds no further split keeps its
    loss. The count is used as it is for models on more rows: more trees for more rows gave newer lists a higher log
    loss (benchmarks/README.md, "Trees for more rows").

    Args:
        folds: what to grow on.
        parameters: LightGBM's, by fold, for each booster of the bag.
        most: trees, at most.
        threads: boosters that grow at a time.
        give_up: told the count and the lowest mean so far after every few trees; true ends growing.
    """
    curve: list[float] = []
    grown: list[np.ndarray] = []  # (boosters, STRIDE) losses
    with LIGHTGBM:
        growing = [
            [_Growing(fold, dict(p) | {"num_threads": 1}) for p in bag]
            for fold, bag in zip(folds, parameters, strict=True)
        ]
        every = [booster for bag in growing for booster in bag]
        with _grow_pool(threads, 1) as pool:
            while len(curve) < most and len(curve) - int(np.argmin(curve or [0])) <= PATIENCE:
                grown.append(np.array(list(pool.map(_Growing.grow, every, [STRIDE] * len(every)))))
                curve.extend(grown[-1].mean(axis=0).tolist()[: most - len(curve)])
                if give_up is not None and give_up(len(curve), min(curve)):
                    break
    trees = int(np.argmin(curve)) + 1
    by_fold = np.concatenate(grown, axis=1)[:, trees - 1].reshape(len(folds), -1).mean(axis=1)
    margins = []
    for fold, bag in zip(folds, growing, strict=True):
        blocks = [
            np.mean([predict_margins(b.booster, block, threads, trees) for b in bag], axis=0) for block in fold.blocks()
        ]
        margins.append(np.concatenate(blocks))
    corrected = tuple(m + np.log(fold.kept) for m, fold in zip(margins, folds, strict=True))
    return TreeChoice(trees, np.array(curve), by_fold, corrected)


class _Growing:
    """A fold's booster that grows a tree at a time and knows its validation loss."""

    def __init__(self, fold: BinnedFold, parameters: dict[str, Any]) -> None:
        self.booster = lgb.Booster(params=parameters, train_set=fold.train)
        self.booster.add_valid(fold.valid, "validation")
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


def _grow(booster: lgb.Booster, trees: int) -> None:
    for _ in range(trees):
        if booster.update():
            return


def _grow_pool(threads: int, each: int) -> ThreadPoolExecutor:
    """Python threads that grow boosters of ``each`` threads; LightGBM keeps its verbosity by Python thread."""

    def quiet() -> None:
        parameters = {"verbosity": -1, "min_data_in_bin": 1, "num_threads": each}
        lgb.Dataset(np.zeros((2, 1)), params=parameters).construct()

    return ThreadPoolExecutor(threads, initializer=quiet)
