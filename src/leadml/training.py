"""The recipe: split, fit, calibrate, judge on the test, and only then repeat everything on all matured rows.

1. Forward purged folds give the number of trees and the out-of-time stream of margins.
2. The calibrator's slope comes from the stream, its intercept from the matured base rate.
3. The *judged* model is fitted on the training rows and predicts the test; figures and verdict come from there.
4. The *final* model repeats the recipe on everything matured. The test rows enter it as training rows, after the
   judgement is written; no choice (trees, slope, verdict) ever sees their labels.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from leadml.baselines import Baseline, BaselineRows, build_baselines
from leadml.calibration import (
    MIN_SLOPE,
    BaseRate,
    Calibrator,
    estimate_base_rate,
    fit_sigmoid,
    recency_weights,
    recentre,
)
from leadml.encoding import Encoder, fit_encoder
from leadml.errors import DataError
from leadml.features.dictionary import Feature
from leadml.judgement import judge_test, read_evidence
from leadml.models import FoldData, TreeChoice, choose_trees, fit_booster, predict_margins
from leadml.recipe import RecipeConfig, count_converting, split_checked, typed
from leadml.splits import Split, list_keys
from leadml.verdict import Verdict, build_verdict

PART_COLUMNS = ("lead_id", "account_id", "cutoff", "label", "amount", "age_days", "untouched")
CALIBRATED = ["lead_id", "cutoff", "label", "margin"]


@dataclass(frozen=True)
class FittedModel:
    """An encoder and the booster that reads its matrix."""

    encoder: Encoder
    booster: lgb.Booster

    def margins(self, X: pd.DataFrame, threads: int) -> np.ndarray:
        """Uncalibrated log-odds (n,) of feature rows (n, ...)."""
        return predict_margins(self.booster, self.encoder.encode(X), threads)


@dataclass(frozen=True)
class Trained:
    """What `fit_recipe` gives.

    ``final`` with ``calibrator`` is the scorer; ``judged`` with ``judged_calibrator`` is what the figures are of.

    ``stream``: ``snapshot`` (row of the snapshot table), ``lead_id``, ``account_id``, ``cutoff``, ``list``, ``fold``,
    ``margin``, ``probability`` (judged calibrator), ``probability_final`` (final calibrator), ``label``, ``amount``.
    ``test``: the same without fold and probability_final, with ``age_days``, ``untouched``, ``new_account`` and
    ``score_NAME`` and ``probability_NAME`` of every baseline. ``metrics`` and ``shift`` are plain values for JSON.
    """

    final: FittedModel
    judged: FittedModel
    trees: TreeChoice
    calibrator: Calibrator
    judged_calibrator: Calibrator
    base_rate: BaseRate
    judged_base_rate: BaseRate
    stream: pd.DataFrame
    test: pd.DataFrame
    metrics: dict[str, Any]
    verdict: Verdict
    shift: dict[str, float]
    split: Split
    notes: tuple[str, ...]

    @property
    def encoder(self) -> Encoder:
        """The final model's."""
        return self.final.encoder

    @property
    def booster(self) -> lgb.Booster:
        """The final model's."""
        return self.final.booster

    @property
    def n_trees(self) -> int:
        """Trees asked of the judged and of the final model."""
        return self.trees.trees


def fit_recipe(
    snapshots: pd.DataFrame,
    X: pd.DataFrame,
    features: Sequence[Feature],
    config: RecipeConfig,
    beside: Mapping[str, Sequence[Feature]] | None = None,
    split: Split | None = None,
) -> Trained:
    """Train, judge and repeat on everything matured.

    Args:
        snapshots: `schema.SNAPSHOT_COLUMNS`; label null while censored.
        X: feature frame, row i of it belongs to row i of ``snapshots``.
        features: what the model may use.
        config: the recipe.
        beside: other lists of features, by name: the judged model with each is one more scorer of the test.
        split: which rows train and judge (a backtest's origin); None is `recipe.split_checked`.

    Raises:
        DataError: no matured label, one outcome only, fewer distinct converting leads in training than
            ``train.min_conversions``, or too short a history.
        ArtifactError: ``X`` lacks a feature.
    """
    others = {name: tuple(listed) for name, listed in (beside or {}).items()}
    data = replace(_prepare(snapshots, X, features, config, split), beside=others)
    trees = choose_trees(_fold_data(data), config.model, config.seed, config.threads)
    stream = _stream(data, trees)
    slope = fit_sigmoid(stream["margin"].to_numpy(), stream["label"].to_numpy()).slope
    judged = _judge(data, stream, slope, trees.trees)

    # From here on the test rows are training rows: the judgement above is already written.
    final = data.fit(data.split.final, data.features, trees.trees)
    matured = pd.concat([stream[CALIBRATED], judged.test[CALIBRATED]], ignore_index=True)
    calibrator, base_rate = _calibrate(data, matured, data.split.final, slope)
    margins = final.margins(data.X.iloc[data.split.test], config.threads)
    calibrator, shift = bound_shift(
        calibrator, judged.calibrator, margins, judged.test["margin"].to_numpy(), config.train.max_shift
    )
    stream["probability"] = judged.calibrator.probability(stream["margin"].to_numpy())
    stream["probability_final"] = calibrator.probability(stream["margin"].to_numpy())
    return Trained(
        final=final,
        judged=judged.model,
        trees=trees,
        calibrator=calibrator,
        judged_calibrator=judged.calibrator,
        base_rate=base_rate,
        judged_base_rate=judged.rate,
        stream=stream,
        test=judged.test,
        metrics=judged.metrics,
        verdict=judged.verdict,
        shift=shift,
        split=data.split,
        notes=(*_shrinkage(data.split), *judged.notes, *_notes(final.encoder, slope, shift, config)),
    )


def bound_shift(
    calibrator: Calibrator, judged: Calibrator, margins: np.ndarray, judged_margins: np.ndarray, most: float
) -> tuple[Calibrator, dict[str, float]]:
    """The final calibrator, corrected where the final model's mean margin left the judged one's by more than ``most``.

    Args:
        calibrator: the final one, before the correction.
        judged: the judged one.
        margins: final model's margins of the test rows (n,).
        judged_margins: judged model's margins of the same rows.
        most: log-odds, above 0.

    Returns:
        The calibrator to use, and in log-odds: ``margin`` (slope times the difference of the mean margins),
        ``correction`` (what the intercept takes back: what is beyond ``most``), ``intercept`` (difference of the
        intercepts, from the newer base rate, before the correction) and ``total`` (mean difference of the calibrated
        log-odds as they will be used).
    """
    moved = calibrator.slope * float(np.mean(margins) - np.mean(judged_margins))
    correction = float(np.clip(moved, -most, most)) - moved
    used = Calibrator(calibrator.slope, calibrator.intercept + correction)
    total = float(np.mean(used.log_odds(margins)) - np.mean(judged.log_odds(judged_margins)))
    intercept = calibrator.intercept - judged.intercept
    return used, {"margin": moved, "correction": correction, "intercept": intercept, "total": total, "most": most}


@dataclass(frozen=True)
class _Data:
    """The inputs side by side, with the split made of them."""

    snapshots: pd.DataFrame
    X: pd.DataFrame
    features: tuple[Feature, ...]
    split: Split
    lists: pd.Series
    config: RecipeConfig
    beside: dict[str, tuple[Feature, ...]] = field(default_factory=dict)

    def listed(self, rows: np.ndarray) -> np.ndarray:
        """Which of the rows belong to a list (n,): age rows only train where there is a weekly grid."""
        if self.split.kind != "weekly":
            return np.ones(len(rows), dtype=bool)
        return (self.snapshots["grid"].iloc[rows] == "weekly").to_numpy(dtype=bool)

    def part(self, rows: np.ndarray) -> pd.DataFrame:
        """The snapshot columns that judgement needs, with their row numbers and lists."""
        part = self.snapshots.iloc[rows][list(PART_COLUMNS)].reset_index(drop=True)
        part.insert(0, "snapshot", rows)
        part.insert(4, "list", self.lists.iloc[rows].to_numpy())
        return part

    def baseline_rows(self, rows: np.ndarray) -> BaselineRows:
        return BaselineRows(self.snapshots.iloc[rows], self.X.iloc[rows], self.listed(rows))

    def encoder(self, rows: np.ndarray, features: tuple[Feature, ...]) -> Encoder:
        model = self.config.model
        return fit_encoder(self.X.iloc[rows], features, model.min_level_rows, model.max_levels)

    def labels(self, rows: np.ndarray) -> np.ndarray:
        return self.snapshots["label"].to_numpy(dtype=np.float64)[rows]

    def fit(self, rows: np.ndarray, features: tuple[Feature, ...], trees: int) -> FittedModel:
        """The recipe's model on the rows, with an encoder of their own."""
        encoder, config = self.encoder(rows, features), self.config
        matrix = encoder.encode(self.X.iloc[rows])
        booster = fit_booster(matrix, self.labels(rows), encoder, config.model, trees, config.seed, config.threads)
        return FittedModel(encoder, booster)


@dataclass(frozen=True)
class _Judged:
    model: FittedModel
    calibrator: Calibrator
    rate: BaseRate
    test: pd.DataFrame
    metrics: dict[str, Any]
    verdict: Verdict
    notes: tuple[str, ...]


def _prepare(
    snapshots: pd.DataFrame, X: pd.DataFrame, features: Sequence[Feature], config: RecipeConfig, split: Split | None
) -> _Data:
    if len(snapshots) != len(X):
        raise DataError(f"{len(snapshots)} snapshots but {len(X)} feature rows; build the features again")
    snapshots, X = typed(snapshots), X.reset_index(drop=True)
    split = split or split_checked(snapshots, config)
    return _Data(snapshots, X, tuple(features), split, list_keys(snapshots, split.kind), config)


def _fold_data(data: _Data) -> Iterator[FoldData]:
    for fit, validation in data.split.folds:
        encoder = data.encoder(fit, data.features)
        yield FoldData(
            encoder,
            encoder.encode(data.X.iloc[fit]),
            data.labels(fit),
            encoder.encode(data.X.iloc[validation]),
            data.labels(validation),
        )


def _stream(data: _Data, trees: TreeChoice) -> pd.DataFrame:
    parts = []
    for number, ((_, validation), margins) in enumerate(zip(data.split.folds, trees.margins, strict=True), start=1):
        parts.append(data.part(validation).assign(fold=number, margin=margins))
    return pd.concat(parts, ignore_index=True)


def _calibrate(data: _Data, matured: pd.DataFrame, rows: np.ndarray, slope: float) -> tuple[Calibrator, BaseRate]:
    """The slope with the intercept that reproduces the base rate of ``matured`` (out-of-time margins and labels).

    ``rows`` are the model's training rows, whose lists give the rate that the matured one is shrunk towards.
    """
    label = data.labels(rows)[data.listed(rows)]
    # Half a conversion stands for none: a rate of 0 has no log-odds.
    prior = (label.sum() + 0.5) / (len(label) + 1)
    cutoff = matured["cutoff"]
    weight = recency_weights(cutoff, cutoff.max(), data.config.train.base_rate_half_life_days)
    rate = estimate_base_rate(matured["label"].to_numpy(), matured["lead_id"].to_numpy(dtype=object), weight, prior)
    return Calibrator(slope, recentre(slope * matured["margin"].to_numpy(), weight, rate.rate)), rate


def _judge(data: _Data, stream: pd.DataFrame, slope: float, trees: int) -> _Judged:
    train, config = data.split.train, data.config
    calibrator, rate = _calibrate(data, stream, train, slope)
    model = data.fit(train, data.features, trees)
    test = data.part(data.split.test)
    test["new_account"] = ~test["account_id"].isin(data.snapshots["account_id"].iloc[train])
    test["margin"] = model.margins(data.X.iloc[data.split.test], config.threads)
    test["probability"] = calibrator.probability(test["margin"].to_numpy())
    scorers, notes = build_baselines(
        data.baseline_rows(train), data.baseline_rows(data.split.test), model.encoder, rate.rate, config.seed
    )
    for name, features in {**_without_effort(data), **data.beside}.items():
        scorers[name] = _judge_beside(data, features, trees, slope, rate.rate)
    for name, scorer in scorers.items():
        test[f"score_{name}"], test[f"probability_{name}"] = scorer.score, scorer.probability
    metrics = judge_test(test, list(scorers), config.train, config.seed)
    verdict = build_verdict(
        read_evidence(metrics, count_converting(data.snapshots, train)),
        config.train.min_conversions,
        config.train.suspicious_auc,
    )
    return _Judged(model, calibrator, rate, test, metrics, verdict, notes)


def _without_effort(data: _Data) -> dict[str, tuple[Feature, ...]]:
    """The features but for those on what sales did; empty where that changes nothing."""
    features = tuple(f for f in data.features if not f.effort)
    return {} if len(features) in (0, len(data.features)) else {"without_effort": features}


def _judge_beside(data: _Data, features: tuple[Feature, ...], trees: int, slope: float, rate: float) -> Baseline:
    """The judged model with other features, as one more scorer."""
    train, threads = data.split.train, data.config.threads
    model = data.fit(train, features, trees)
    listed = train[data.listed(train)]
    fitted = slope * model.margins(data.X.iloc[listed], threads)
    margins = model.margins(data.X.iloc[data.split.test], threads)
    calibrator = Calibrator(slope, recentre(fitted, np.ones(len(fitted)), rate))
    return Baseline(margins, calibrator.probability(margins))


def _shrinkage(split: Split) -> tuple[str, ...]:
    return split.notes if split.shrunk is None else (split.shrunk, *split.notes)


def _notes(encoder: Encoder, slope: float, shift: dict[str, float], config: RecipeConfig) -> Iterator[str]:
    if slope <= MIN_SLOPE:
        yield f"calibration slope at its floor ({MIN_SLOPE:g}): the model's order did not hold out of time"
    if shift["correction"]:
        yield (
            f"the final model's mean margin moved {shift['margin']:+.3f} log-odds from the judged one's; beyond "
            f"{config.train.max_shift:g} was taken back in the intercept ({shift['correction']:+.3f})"
        )
    if encoder.dropped:
        yield f"{len(encoder.dropped)} features do not vary and are left out: {', '.join(encoder.dropped)}"
