"""Snapshots, features and their split side by side: what each step of the recipe takes its rows from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from leadml.baselines import BaselineRows
from leadml.calibration import recency_weights
from leadml.errors import DataError
from leadml.features.dictionary import Feature
from leadml.models import Model
from leadml.models.boosted import scale_model
from leadml.models.fit import fit_plan
from leadml.models.plan import FoldRows, Ingredients, Plan
from leadml.recipe import RecipeConfig, count_converting, split_checked, typed
from leadml.splits import Split, list_keys

PART_COLUMNS = ("lead_id", "account_id", "cutoff", "label", "amount", "age_days", "untouched")


@dataclass(frozen=True)
class RecipeData:
    """The inputs side by side, with the split made of them; ``beside`` are other lists of features, by name."""

    snapshots: pd.DataFrame
    X: pd.DataFrame
    features: tuple[Feature, ...]
    split: Split
    lists: pd.Series
    config: RecipeConfig
    beside: Mapping[str, tuple[Feature, ...]] = field(default_factory=dict)

    @cached_property
    def given(self) -> Ingredients:
        """What is fitted; what the settings leave open is chosen by the size of training, and the same ever after."""
        train = self.split.train
        model = scale_model(self.config.model, len(train), count_converting(self.snapshots, train), len(self.features))
        return Ingredients(self.features, model, self.config.card, self.config.seed, self.config.threads)

    def listed(self, rows: np.ndarray) -> np.ndarray:
        """Which of the rows belong to a list (n,): age rows only train where there is a weekly grid."""
        if self.split.kind != "weekly":
            return np.ones(len(rows), dtype=bool)
        return (self.snapshots["grid"].iloc[rows] == "weekly").to_numpy(dtype=bool)

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """0 or 1 (n,) of matured rows, float64."""
        return self.snapshots["label"].to_numpy(dtype=np.float64)[rows]

    def part(self, rows: np.ndarray) -> pd.DataFrame:
        """The snapshot columns that judgement needs, with their row numbers and lists."""
        part = self.snapshots.iloc[rows][list(PART_COLUMNS)].reset_index(drop=True)
        part.insert(0, "snapshot", rows)
        part.insert(4, "list", self.lists.iloc[rows].to_numpy())
        return part

    def baseline_rows(self, rows: np.ndarray) -> BaselineRows:
        """The rows as baselines take them."""
        return BaselineRows(self.snapshots.iloc[rows], self.X.iloc[rows], self.listed(rows))

    def recency(self, rows: np.ndarray) -> np.ndarray:
        """What each row (n,) counts where newer ones count more: the newest of them 1, half as much a half-life before.

        A half-life is ``train.base_rate_half_life_days``; of rows that are in order but have no times (source.ordered),
        the rows of a fold. All count the same where nothing tells which are newer.
        """
        if self.split.kind != "ordered":
            cutoff = self.snapshots["cutoff"].iloc[rows]
            return recency_weights(cutoff, cutoff.max(), self.config.train.base_rate_half_life_days)
        place = np.argsort(np.argsort(self.snapshots["position"].to_numpy()))[rows]
        fold = sum(len(validation) for _, validation in self.split.folds) / len(self.split.folds)
        newer: np.ndarray = np.exp2((place - place.max()) / fold)
        return newer

    def folds(self) -> list[FoldRows]:
        """The folds as the ladder takes them; a validation row counts the more the newer it is."""
        account = pd.factorize(self.snapshots["account_id"], use_na_sentinel=False)[0]
        parts = [validation for _, validation in self.split.folds]
        weights = np.split(self.recency(np.concatenate(parts)), np.cumsum([len(part) for part in parts])[:-1])
        return [
            FoldRows(fit, self.labels(fit), validation, self.labels(validation), account[validation], weight)
            for (fit, validation), weight in zip(self.split.folds, weights, strict=True)
        ]

    def fit(self, rows: np.ndarray, plan: Plan, given: Ingredients | None = None) -> Model:
        """The plan's model on the rows, with an encoder of their own."""
        return fit_plan(plan, self.X, rows, self.labels(rows), given or self.given)


def prepare(
    snapshots: pd.DataFrame,
    X: pd.DataFrame,
    features: Sequence[Feature],
    config: RecipeConfig,
    beside: Mapping[str, Sequence[Feature]] | None = None,
    split: Split | None = None,
) -> RecipeData:
    """The recipe's inputs, checked and split; ``split`` is one that was made already.

    Raises:
        DataError: as `split_checked`, or snapshots and feature rows of different numbers.
    """
    if len(snapshots) != len(X):
        raise DataError(f"{len(snapshots)} snapshots but {len(X)} feature rows; build the features again")
    snapshots, X = typed(snapshots), X.reset_index(drop=True)
    split = split or split_checked(snapshots, config)
    others = {name: tuple(listed) for name, listed in (beside or {}).items()}
    return RecipeData(snapshots, X, tuple(features), split, list_keys(snapshots, split.kind), config, others)
