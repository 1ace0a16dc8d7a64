"""The ladder as a scikit-learn classifier, for whoever has a table and no exports: pipelines, cross-validation."""

import numbers
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from joblib import effective_n_jobs
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.utils import Tags, assert_all_finite, check_random_state
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data
from threadpoolctl import threadpool_limits

from leadml.calibration import SMALLEST, Calibrator, estimate_base_rate, recentre
from leadml.config import ModelConfig, Rung
from leadml.encoding import fit_encoder
from leadml.errors import DataError
from leadml.features.dictionary import Feature, Kind
from leadml.forms import choose_form
from leadml.models import Model
from leadml.models.boosted import scale_model
from leadml.models.fit import fit_plan
from leadml.models.ladder import choose_plan
from leadml.models.plan import FoldRows, Ingredients
from leadml.models.tuning import apply_settings, open_settings

FEWEST = 2  # rows of either class, at least, for a choice by folds


class ConversionClassifier(ClassifierMixin, BaseEstimator):
    """Calibrated probability of the second of two classes, by the ladder of logistic regression, trees and blends.

    Frames are taken as they come: columns of text, of pandas' ``category`` or of truths are categories, and missing
    values stay missing. A matrix of numbers is taken too. Columns are those of `fit`, in their order.

    Args:
        kind: ``auto`` (the ladder), ``logistic``, ``lightgbm`` or ``blend``.
        folds: of the choice, at most: fewer where the rarer class has fewer rows.
        strengths, learning_rate, num_leaves, max_depth, min_data_in_leaf, lambda_l2, feature_fraction,
            bagging_fraction, max_trees, bag, negatives, monotone, min_level_rows, max_levels: as in
            conf/model/auto.yaml, whose defaults these are.
        tune_minutes: of search for the settings of the trees that are left open, on the folds before the choice; None:
            none. What it finds depends on how many trials fit into the time; it is used where it is better, by
            over a standard error, on the last fold, which it did not look at.
        random_state: seed of folds, bags and draws; they go by the rows' positions, so other trees grow on rows in
            another order. None: another one every time.
        n_jobs: threads, -1: one a processor; they change no bit.

    Attributes:
        classes_: the two classes; n_features_in_, feature_names_in_ as in scikit-learn.
        model_: `leadml.models.Model`, None where no column varies; calibrator_: its `Calibrator`; plan_: what the folds
            decided (`leadml.models.plan.Plan`); model_ and plan_ are None too where there were too few rows for folds.
    """

    def __init__(
        self,
        kind: str = "auto",
        *,
        folds: int = 4,
        strengths: tuple[float, ...] = (0.005, 0.03, 0.2, 1.0),
        learning_rate: float | None = None,
        num_leaves: int | None = None,
        max_depth: int | None = None,
        min_data_in_leaf: int | None = None,
        lambda_l2: float = 5.0,
        feature_fraction: float | None = None,
        bagging_fraction: float = 0.8,
        max_trees: int = 400,
        bag: int | None = None,
        negatives: float | None = None,
        monotone: dict[str, int] | None = None,
        min_level_rows: int = 30,
        max_levels: int = 50,
        tune_minutes: float | None = None,
        random_state: int | None = 0,
        n_jobs: int | None = 1,
    ) -> None:
        self.kind = kind
        self.folds = folds
        self.strengths = strengths
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.max_depth = max_depth
        self.min_data_in_leaf = min_data_in_leaf
        self.lambda_l2 = lambda_l2
        self.feature_fraction = feature_fraction
        self.bagging_fraction = bagging_fraction
        self.max_trees = max_trees
        self.bag = bag
        self.negatives = negatives
        self.monotone = monotone
        self.min_level_rows = min_level_rows
        self.max_levels = max_levels
        self.tune_minutes = tune_minutes
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, groups: Any = None, times: Any = None, gap: Any = None) -> "ConversionClassifier":
        """Choose by folds, then fit on all rows.

        Args:
            X: (n, k) frame or matrix.
            y: (n,) of two classes; the probability is of the second in sorted order.
            groups: (n,) rows of one group (an account, a lead) count as one in comparisons and, without ``times``,
                stay in one fold; a missing one is a group of its own.
            times: (n,) each row's cutoff: folds then go forward, each fitted on earlier rows, and each counts half of
                the next newer one in calibration.
            gap: how long after its time a row's outcome is known (a time span where ``times`` are dates, else in their
                unit): rows whose outcome was still open when a fold begins are not fitted on for it. Rows of one lead
                in list after list share an outcome, and without this a fold would be judged by rows that know it.

        Raises:
            ValueError: no two classes, another shape than it should be, a missing time, a gap without times, below 0 or
                so long that no fold is left, an unknown ``kind``.
        """
        frame, label = self._read_training(X, y)
        group, when = _read_groups(groups, len(label)), None if times is None else column_or_1d(times)
        check_consistent_length(frame, group, when)
        if when is not None and (missing := int(pd.isna(when).sum())):
            raise ValueError(f"times: {missing} of {len(when)} are missing; give every row one, or no times at all")
        with threadpool_limits(1, user_api="blas"):  # sums of a thread each differ in their last digits
            self._fit(frame, label, group, when, _read_gap(gap, when))
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Calibrated natural log-odds (n,) of the second class."""
        check_is_fitted(self)
        frame = self._frame(X, reset=False)
        if self.model_ is None:
            return np.full(len(frame), self.calibrator_.intercept)
        return self.calibrator_.log_odds(self.model_.margins(frame, effective_n_jobs(self.n_jobs)))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n, 2) of the classes, never exactly 0 or 1."""
        second = np.clip(expit(self.decision_function(X)), SMALLEST, 1 - SMALLEST)
        return np.column_stack([1 - second, second])

    def predict(self, X: Any) -> np.ndarray:
        """The likelier class (n,)."""
        odds = self.decision_function(X)
        return self.classes_[(odds > 0).astype(int)]

    def contributions(self, X: Any) -> pd.DataFrame:
        """Exact Shapley values (n, features) of the log-odds; with the first column, ``base``, they add up to these."""
        check_is_fitted(self)
        frame = self._frame(X, reset=False)
        if self.model_ is None:
            return pd.DataFrame({"base": np.full(len(frame), self.calibrator_.intercept)}, index=frame.index)
        base, values = self.model_.contributions(self.model_.encoder.encode(frame))
        slope = self.calibrator_.slope
        told = pd.DataFrame(slope * values, columns=self.model_.encoder.names, index=frame.index)
        told.insert(0, "base", slope * base + self.calibrator_.intercept, allow_duplicates=True)
        return told

    def __sklearn_tags__(self) -> Tags:
        """Two classes, missing values and categories are welcome."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags

    def _fit(
        self, frame: pd.DataFrame, label: np.ndarray, group: np.ndarray, times: np.ndarray | None, gap: Any
    ) -> None:
        rare = int(min(label.sum(), len(label) - label.sum()))
        model = scale_model(self._settings(), len(label), len(np.unique(group[label == 1])), frame.shape[1])
        given = Ingredients(self._features(frame), model, (), self._seed(), effective_n_jobs(self.n_jobs))
        rate = (label.sum() + 0.5) / (len(label) + 1)
        self.model_: Model | None = None
        self.plan_, self.calibrator_ = None, Calibrator(1.0, float(np.log(rate / (1 - rate))))
        try:
            fit_encoder(frame, given.features, model.min_level_rows, model.max_levels)
        except DataError:  # no column varies: the rate is all that there is to know
            return
        folds = self._split(label, group, times, gap, given.seed) if rare >= FEWEST else []
        if not folds and gap is not None and rare >= FEWEST:
            raise ValueError(f"gap={gap}: no fold is left with rows of both classes to fit on; bring a longer history")
        if not folds:
            return
        if self.tune_minutes is not None and model.kind is not Rung.logistic:
            given = self._tuned(frame, folds, given)
        self.plan_ = choose_plan(frame, folds, given)
        slope = choose_form(self.plan_.margins, folds).slope
        margins = np.concatenate(self.plan_.margins)
        parts = ("weight", "labels", "account")
        weight, known, whose = (np.concatenate([getattr(f, part) for f in folds]) for part in parts)
        known_rate = estimate_base_rate(known, whose, weight, rate).rate
        self.calibrator_ = Calibrator(slope, recentre(slope * margins, weight, known_rate))
        self.model_ = fit_plan(self.plan_, frame, np.arange(len(frame)), label, given)

    def _tuned(self, frame: pd.DataFrame, folds: list[FoldRows], given: Ingredients) -> Ingredients:
        from leadml.search import SearchLimits, best_trial, open_study, run_trials

        study = open_study(None)
        limits = SearchLimits(self.tune_minutes, None, open_settings(self._settings()), given.seed)
        run_trials(study, (frame, folds), given, limits)
        found = best_trial(study, (frame, folds), given)
        if found is None or not found.proven:
            return given
        return replace(given, model=apply_settings(given.model, found.settings))

    def _split(
        self, label: np.ndarray, group: np.ndarray, times: np.ndarray | None, gap: Any, seed: int
    ) -> list[FoldRows]:
        if times is None:
            parts = min(self.folds, len(np.unique(group[label == 1])), len(np.unique(group[label == 0])))
            if parts < FEWEST:
                return []
            settings: dict[str, Any] = {"n_splits": parts, "shuffle": True, "random_state": seed}
            alone = len(np.unique(group)) == len(group)
            pairs = list(
                StratifiedKFold(**settings).split(label, label)
                if alone
                else StratifiedGroupKFold(**settings).split(label, label, group)
            )
        else:
            pairs = _forward(times, self.folds, gap)
        # Where there is time, a fold counts half of the next newer one: rates move.
        shares = [1.0 if times is None else 0.5 ** (len(pairs) - 1 - k) for k in range(len(pairs))]
        return [
            FoldRows(fit, label[fit], held, label[held], group[held], np.full(len(held), share))
            for (fit, held), share in zip(pairs, shares, strict=True)
            if len(held) and len(np.unique(label[fit])) == 2
        ]

    def _read_training(self, X: Any, y: Any) -> tuple[pd.DataFrame, np.ndarray]:
        frame = self._frame(X, reset=True)
        values = column_or_1d(y, warn=True)
        assert_all_finite(values, input_name="y")
        check_consistent_length(frame, values)
        check_classification_targets(values)
        self.classes_, codes = np.unique(values, return_inverse=True)
        if len(self.classes_) == 1:
            raise ValueError("Classifier can't train when only one class is present.")
        if len(self.classes_) > 2:
            kind = type_of_target(values, input_name="y")
            raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
        return frame, codes.astype(np.float64)

    def _frame(self, X: Any, reset: bool) -> pd.DataFrame:
        """The rows as a frame of numbers, text and missing values, columns named as in `fit`."""
        if isinstance(X, pd.DataFrame):
            validate_data(self, X, reset=reset, skip_check_array=True)
            frame = X
        else:
            read = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False, estimator=self)
            frame = pd.DataFrame(read if read.dtype.kind in "fiubO" else read.astype(object)).infer_objects()
        names = getattr(self, "feature_names_in_", [f"x{j}" for j in range(frame.shape[1])])
        return frame.set_axis([str(name) for name in names], axis=1)

    def _features(self, frame: pd.DataFrame) -> tuple[Feature, ...]:
        """An entry a column: what is no number is a category."""
        found = []
        for name in frame.columns:
            dtype = frame[name].dtype
            number = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
            kind = Kind.NUMBER if number else Kind.CATEGORY
            if kind is Kind.CATEGORY and pd.api.types.is_object_dtype(dtype):
                odd = next((v for v in frame[name].dropna() if not isinstance(v, (str, int, float, bool))), None)
                if odd is not None:
                    raise TypeError(
                        f"column {name}: the argument must be a string or a number, not {type(odd).__name__}"
                    )
            found.append(Feature(name, "behaviour", kind, "", None, name, name))
        return tuple(found)

    def _seed(self) -> int:
        """The whole number that ``random_state`` stands for."""
        if isinstance(self.random_state, numbers.Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _settings(self) -> ModelConfig:
        return ModelConfig(
            kind=Rung(self.kind),
            strengths=list(self.strengths),
            learning_rate=self.learning_rate,
            num_leaves=self.num_leaves,
            max_depth=self.max_depth,
            min_data_in_leaf=self.min_data_in_leaf,
            lambda_l2=self.lambda_l2,
            feature_fraction=self.feature_fraction,
            bagging_fraction=self.bagging_fraction,
            max_trees=self.max_trees,
            bag=self.bag,
            negatives=self.negatives,
            monotone=dict(self.monotone or {}),
            min_level_rows=self.min_level_rows,
            max_levels=self.max_levels,
        )


def _read_groups(groups: Any, rows: int) -> np.ndarray:
    """Codes (n,) of the groups from 0; a missing one is a group of its own, as every row is without ``groups``."""
    if groups is None:
        return np.arange(rows)
    codes, known = pd.factorize(column_or_1d(groups))
    return np.where(codes < 0, len(known) + np.arange(len(codes)), codes)


def _read_gap(gap: Any, times: np.ndarray | None) -> Any:
    """The gap as it can be added to the times; None without one."""
    if gap is None:
        return None
    if times is None:
        raise ValueError(f"gap={gap} needs times")
    span = pd.Timedelta(gap).to_timedelta64() if times.dtype.kind == "M" else gap
    if span < span * 0:
        raise ValueError(f"gap={gap} is below 0")
    return span


def _forward(times: np.ndarray, folds: int, gap: Any = None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Blocks of the newer half of the rows, each with all rows that are earlier than its first; ties stay together.

    With a ``gap``, only those whose time plus it is not later than the block's first.
    """
    ordered = np.sort(times)
    newest = ordered[len(ordered) // 2 :]
    starts = np.unique([part[0] for part in np.array_split(newest, min(folds, len(newest)))])
    ends = [*starts[1:], None]
    return [
        (
            np.flatnonzero((times < low) & (True if gap is None else times + gap <= low)),
            np.flatnonzero((times >= low) & (times < high if high is not None else True)),
        )
        for low, high in zip(starts, ends, strict=True)
    ]
