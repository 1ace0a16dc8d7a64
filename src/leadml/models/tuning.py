"""The trees' settings by trial: each grows boosters on all folds of training but the newest and is told how they did.

The best of many trials looks better than it is, on the rows that chose it. What it is worth is told by a fold that had
no say at all, neither in what was proposed nor in what was given up: the newest, on which it is compared with the
settings as they stand.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from leadml.config import ModelConfig
from leadml.encoding import Encoder
from leadml.metrics import row_losses
from leadml.models.boosted import BinnedFold, bin_fold, choose_trees
from leadml.models.ladder import clustered_error
from leadml.models.parts import encode_fold
from leadml.models.plan import FoldRows, Ingredients, list_parameters
from leadml.models.trees import TREES

# Setting: lowest, highest, and how values lie between them.
SPACE: dict[str, tuple[float, float, str]] = {
    "learning_rate": (0.015, 0.12, "log"),
    "num_leaves": (3, 48, "log whole"),
    "max_depth": (2, 8, "whole"),
    "min_data_in_leaf": (5, 200, "log whole"),
    "lambda_l2": (0.1, 100.0, "log"),
    "feature_fraction": (0.1, 1.0, "even"),
    "bagging_fraction": (0.5, 1.0, "even"),
}

Losses = np.ndarray  # (folds,) validation log loss of each


@dataclass(frozen=True)
class Trials:
    """Who proposes settings and is told how they did; a search of its own, such as Optuna's, is behind it.

    ``as_they_stand`` is told the losses of the given settings before anything is suggested, None where they are known;
    ``suggest`` gives settings to try next, None to end; ``answer`` is told the losses of what was suggested last;
    ``give_up`` is asked after every few trees, with their number and the lowest mean loss so far.
    """

    as_they_stand: Callable[[Losses], None] | None
    suggest: Callable[[], Mapping[str, float] | None]
    answer: Callable[[Losses], None]
    give_up: Callable[[int, float], bool]


def open_settings(model: ModelConfig) -> tuple[str, ...]:
    """The settings that a search may change: those left open (null), and the shrinkage and share of rows of a tree."""
    always = ("lambda_l2", "bagging_fraction")
    return tuple(name for name in SPACE if name in always or getattr(model, name) is None)


def starting_point(model: ModelConfig, names: Collection[str]) -> dict[str, float] | None:
    """These settings as they stand, nothing left open; None where one is outside the search's space."""
    told: dict[str, float] = {}
    for name in names:
        low, high, kind = SPACE[name]
        value = getattr(model, name)
        if not low <= value <= high:
            return None
        told[name] = int(value) if "whole" in kind else float(value)
    return told


def try_settings(X: pd.DataFrame, folds: Sequence[FoldRows], given: Ingredients, trials: Trials) -> int:
    """Tries settings of the trees until ``trials`` has no more; the number of trials.

    A trial's losses are those of one booster a fold at the number of trees with the lowest mean. The folds are encoded
    and binned once.
    """
    with ThreadPoolExecutor(given.threads) as pool:
        found = list(pool.map(lambda fold: _bin(X, fold, given), folds))
    binned, encoders = [b for b, _ in found], [e for _, e in found]

    def grow(settings: Mapping[str, float], give_up: Callable[[int, float], bool] | None = None) -> Losses:
        tried = replace(given, model=apply_settings(given.model, {**settings, "bag": 1}))
        bags = [list_parameters(tried, encoder, TREES) for encoder in encoders]
        return choose_trees(binned, bags, given.model.max_trees, given.threads, give_up).by_fold

    if trials.as_they_stand is not None:
        trials.as_they_stand(grow({}))
    done = 0
    while (settings := trials.suggest()) is not None:
        trials.answer(grow(settings, trials.give_up))
        done += 1
    return done


def compare_settings(
    X: pd.DataFrame, fold: FoldRows, given: Ingredients, settings: Mapping[str, float]
) -> tuple[float, float]:
    """What settings gain on a fold that had no say in them: the mean log loss as they stand less theirs.

    Returns:
        The gain and the standard error of it, paired by row and clustered by account (`clustered_error`). Both grow one
        booster, to the number of trees that suits each best on the fold.
    """
    binned, encoder = _bin(X, fold, given)
    losses = []
    for tried in ({}, settings):
        model = apply_settings(given.model, {**tried, "bag": 1})
        parameters = [list_parameters(replace(given, model=model), encoder, TREES)]
        grown = choose_trees([binned], parameters, given.model.max_trees, given.threads)
        losses.append(row_losses(fold.labels, expit(grown.margins[0]))[0])
    gained = losses[0] - losses[1]
    return float(gained.mean()), clustered_error(gained, np.array([0, len(gained)]), fold.account)


def _bin(X: pd.DataFrame, fold: FoldRows, given: Ingredients) -> tuple[BinnedFold, Encoder]:
    data = encode_fold(X, fold, given)[0]
    return bin_fold(data, list_parameters(given, data.encoder, TREES)[0]), data.encoder


def apply_settings(model: ModelConfig, settings: Mapping[str, Any]) -> ModelConfig:
    """The model with the settings of a trial."""
    whole = {name for name, (_, _, kind) in SPACE.items() if "whole" in kind}
    changes: dict[str, Any] = {name: int(value) if name in whole else value for name, value in settings.items()}
    return replace(model, **changes)
