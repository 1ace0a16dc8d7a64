"""The trees' settings by trial on the same folds: each trial grows boosters on every fold and is told how they did."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from leadml.config import ModelConfig
from leadml.encoding import Encoder
from leadml.models.boosted import BinnedFold, bin_fold, choose_trees
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

Suggest = Callable[[], Mapping[str, float] | None]  # settings to try next, None to end
Answer = Callable[[float], None]  # told the loss of what was suggested last
GiveUp = Callable[[int, float], bool]  # asked after every few trees: their number, the lowest loss so far


@dataclass(frozen=True)
class Trials:
    """Who proposes settings and is told how they did; a search of its own, such as Optuna's, is behind it."""

    suggest: Suggest
    answer: Answer
    give_up: GiveUp


def starting_point(model: ModelConfig) -> dict[str, float]:
    """The settings as they are, nothing left open, within the search's space: the first trial."""
    told = {}
    for name, (low, high, kind) in SPACE.items():
        value = float(np.clip(getattr(model, name), low, high))
        told[name] = round(value) if "whole" in kind else value
    return told


def try_settings(X: pd.DataFrame, folds: Sequence[FoldRows], given: Ingredients, trials: Trials) -> int:
    """Tries settings of the trees until ``trials`` has no more; the number of trials.

    A trial's loss is the lowest mean validation log loss of one booster a fold. The folds are encoded and binned once.
    """
    with ThreadPoolExecutor(given.threads) as pool:
        found = list(pool.map(lambda fold: _bin(X, fold, given), folds))
    binned, encoders = [b for b, _ in found], [e for _, e in found]
    done = 0
    while (settings := trials.suggest()) is not None:
        tried = replace(given, model=apply_settings(given.model, {**settings, "bag": 1}))
        bags = [list_parameters(tried, encoder, TREES) for encoder in encoders]
        choice = choose_trees(binned, bags, given.model.max_trees, given.threads, trials.give_up)
        trials.answer(float(choice.curve.min()))
        done += 1
    return done


def _bin(X: pd.DataFrame, fold: FoldRows, given: Ingredients) -> tuple[BinnedFold, Encoder]:
    data = encode_fold(X, fold, given)[0]
    return bin_fold(data, list_parameters(given, data.encoder, TREES)[0]), data.encoder


def apply_settings(model: ModelConfig, settings: Mapping[str, Any]) -> ModelConfig:
    """The model with the settings of a trial."""
    whole = {name for name, (_, _, kind) in SPACE.items() if "whole" in kind}
    changes: dict[str, Any] = {name: int(value) if name in whole else value for name, value in settings.items()}
    return replace(model, **changes)
