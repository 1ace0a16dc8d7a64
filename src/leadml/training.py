"""The recipe: split, fit, calibrate, judge on the test, and only then repeat everything on all matured rows.

1. Forward purged folds decide what is learnt (the ladder) and give the out-of-time stream of margins.
2. The calibrator's slope comes from the stream, as do separate intercepts of segments where they are proven better;
   its intercept comes from the matured base rate.
3. The *judged* model is fitted on the training rows and predicts the test; figures and verdict come from there.
4. The *final* model repeats the recipe on everything matured. The test rows enter it as training rows, after the
   judgement is written. No choice of the recipe (rung, trees, slope) ever sees their labels; the verdict is about
   them, and where it says ``use points`` the scorecard takes the model's place (`settle`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from leadml.baselines import build_baselines, margins_baseline
from leadml.calibration import MIN_SLOPE, BaseRate, Calibrator, estimate_base_rate, recentre
from leadml.config import ModelConfig, Rung
from leadml.encoding import Encoder
from leadml.features.dictionary import Feature
from leadml.forms import FormChoice, choose_form
from leadml.importance import leading_features
from leadml.judgement import judge_origins, judge_test, read_evidence
from leadml.models import Model
from leadml.models.fit import logistic_model
from leadml.models.ladder import choose_plan
from leadml.models.plan import Plan
from leadml.models.points import used_features
from leadml.recipe import RecipeConfig, count_converting
from leadml.recipe_data import RecipeData, prepare
from leadml.segment_shifts import separate_segments
from leadml.splits import Split
from leadml.verdict import USE_POINTS, Verdict, build_verdict

CALIBRATED = ["snapshot", "lead_id", "label", "margin"]


@dataclass(frozen=True)
class Trained:
    """What `fit_recipe` gives.

    ``final`` with ``calibrator`` is the scorer; ``judged`` with ``judged_calibrator`` is what the figures are of.

    ``stream``: ``snapshot`` (row of the snapshot table), ``lead_id``, ``account_id``, ``cutoff``, ``list``, ``fold``,
    ``margin``, ``probability`` (judged calibrator), ``probability_final`` (final calibrator), ``probability_other``
    (by what was fitted on the other folds), ``label``, ``amount``.
    ``test``: the same without fold and the last two probabilities, with ``age_days``, ``untouched``, ``new_account``
    and ``score_NAME`` and ``probability_NAME`` of every baseline. ``metrics`` and ``shift`` are plain values for JSON.
    ``by_verdict``: whether this is the scorecard, in the place of what the recipe chose (`settle`).
    """

    final: Model
    judged: Model
    plan: Plan
    form: FormChoice
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
    by_verdict: bool

    @property
    def encoder(self) -> Encoder:
        """The final model's."""
        return self.final.encoder

    @property
    def n_trees(self) -> int:
        """Trees of the final model, of all its members."""
        return self.final.trees


@dataclass(frozen=True)
class Judged:
    """The recipe judged on its test: what was chosen, and everything that `Trained` has of it under the same names."""

    plan: Plan
    form: FormChoice
    model: Model
    calibrator: Calibrator
    rate: BaseRate
    stream: pd.DataFrame
    test: pd.DataFrame
    metrics: dict[str, Any]
    verdict: Verdict
    notes: tuple[str, ...]
    by_verdict: bool = False


def fit_recipe(
    snapshots: pd.DataFrame,
    X: pd.DataFrame,
    features: Sequence[Feature],
    config: RecipeConfig,
    beside: Mapping[str, Sequence[Feature]] | None = None,
) -> Trained:
    """Train, judge and repeat on everything matured.

    Where the verdict is ``use points``, the scorecard takes the model's place and is judged itself (`settle`).

    Args:
        snapshots: `schema.SNAPSHOT_COLUMNS`; label null while censored.
        X: feature frame, row i of it belongs to row i of ``snapshots``.
        features: what the model may use.
        config: the recipe.
        beside: other lists of features, by name: the judged model with each is one more scorer of the test.

    Raises:
        DataError: no matured label, one outcome only, fewer distinct converting leads in training than
            ``train.min_conversions``, or too short a history.
        ConfigurationError: as `choose_plan`.
        ArtifactError: ``X`` lacks a feature.
    """
    data = prepare(snapshots, X, features, config, beside)
    with threadpool_limits(1, user_api="blas"):  # sums of a thread each differ in their last digits
        return _fit_final(data, settle(data, judge_recipe(data)))


def judge_recipe(data: RecipeData) -> Judged:
    """What the folds decide, the model that it gives on the training rows, and what the test says of it.

    Errors are those of `fit_recipe`.
    """
    with threadpool_limits(1, user_api="blas"):
        return _judge(data)


def settle(data: RecipeData, judged: Judged) -> Judged:
    """What goes on after the judgement: the judged recipe, or the scorecard where the verdict on it is ``use points``.

    The scorecard is judged itself, as a model is, and has its own verdict where that is another one. The test's labels
    have chosen then, so what is returned says nothing more of the recipe: whoever asks how good the recipe is (a
    backtest, a race, a benchmark) takes the figures of `judge_recipe`.
    """
    if judged.verdict.name != USE_POINTS or judged.plan.rung == Rung.points.value:
        return judged
    config = replace(data.config, model=replace(data.config.model, kind=Rung.points))
    points = replace(judge_recipe(replace(data, config=config)), by_verdict=True)
    return replace(points, verdict=judged.verdict) if points.verdict.name == USE_POINTS else points


def _fit_final(data: RecipeData, judged: Judged) -> Trained:
    config, plan, form, stream = data.config, judged.plan, judged.form, judged.stream.copy()
    # From here on the test rows are training rows: the judgement above is already written.
    final = data.fit(data.split.final, plan)
    matured = pd.concat([stream[CALIBRATED], judged.test[CALIBRATED]], ignore_index=True)
    calibrator, base_rate = _calibrate(data, matured, data.split.final, form.slope)
    margins = final.margins(data.X.iloc[data.split.test], config.threads)
    calibrator, shift = bound_shift(
        calibrator, judged.calibrator, margins, judged.test["margin"].to_numpy(), config.train.max_shift
    )
    stream["probability"] = judged.calibrator.probability(stream["margin"].to_numpy())
    stream["probability_final"] = calibrator.probability(stream["margin"].to_numpy())
    return Trained(
        final=final,
        judged=judged.model,
        plan=plan,
        form=form,
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
        notes=(*judged.notes, *_notes(final.encoder, plan, form.slope, shift, config)),
        by_verdict=judged.by_verdict,
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


def _stream(data: RecipeData, plan: Plan) -> pd.DataFrame:
    parts = []
    found = zip(data.split.folds, plan.margins, plan.probabilities, strict=True)
    for number, ((_, validation), margins, probabilities) in enumerate(found, start=1):
        parts.append(data.part(validation).assign(fold=number, margin=margins, probability_other=probabilities))
    stream = pd.concat(parts, ignore_index=True)
    return stream.assign(recency=data.recency(stream["snapshot"].to_numpy()))


def _calibrate(data: RecipeData, matured: pd.DataFrame, rows: np.ndarray, slope: float) -> tuple[Calibrator, BaseRate]:
    """The slope with the intercept that reproduces the base rate of ``matured`` (out-of-time margins and labels).

    ``rows`` are the model's training rows, whose lists give the rate that the matured one is shrunk towards.
    """
    label = data.labels(rows)[data.listed(rows)]
    # Half a conversion stands for none: a rate of 0 has no log-odds.
    prior = (label.sum() + 0.5) / (len(label) + 1)
    weight = data.recency(matured["snapshot"].to_numpy())
    rate = estimate_base_rate(matured["label"].to_numpy(), matured["lead_id"].to_numpy(dtype=object), weight, prior)
    return Calibrator(slope, recentre(slope * matured["margin"].to_numpy(), weight, rate.rate)), rate


def _judge(data: RecipeData) -> Judged:
    train, config, folds = data.split.train, data.config, data.folds()
    plan = choose_plan(data.X, folds, data.given)
    form = choose_form(plan.margins, folds)
    separate = separate_segments(data, plan, form, folds)
    plan, slope = separate.plan, form.slope
    stream = _stream(data, plan)
    calibrator, rate = _calibrate(data, stream, train, slope)
    model = data.fit(train, plan)
    test = data.part(data.split.test)
    test["new_account"] = ~test["account_id"].isin(data.snapshots["account_id"].iloc[train])
    test["margin"] = model.margins(data.X.iloc[data.split.test], config.threads)
    test["probability"] = calibrator.probability(test["margin"].to_numpy())
    labels = data.labels(train)
    both = 0 < labels.mean() < 1
    logistic = logistic_model(model, data.X, train, labels, data.given, plan.strength) if both else None
    scorers, notes = build_baselines(
        data.baseline_rows(train), data.baseline_rows(data.split.test), logistic, config.card, rate.rate
    )
    for name, features in {**_without_effort(data), **data.beside}.items():
        if plan.rung != Rung.points.value or used_features(config.card, [f.name for f in features]) is not None:
            other = data.fit(train, plan, replace(data.given, features=features))
            scorers[name] = margins_baseline(slope * other.margins(data.X.iloc[data.split.test], config.threads))
    level = float(test["probability"].mean())
    for name, scorer in scorers.items():
        scorer = scorer if name == "constant" else scorer.at_level(level)
        test[f"score_{name}"], test[f"probability_{name}"] = scorer.score, scorer.probability
    metrics = judge_test(test, list(scorers), config.train, config.seed)
    metrics["origins"] = judge_origins(stream, config.train, config.seed)
    auc, points = metrics["scorers"]["model"]["auc"]["value"], plan.rung == Rung.points.value
    if auc is not None and auc > config.train.suspicious_auc:
        metrics["leading"] = leading_features(model, data.X.iloc[data.split.test])
    converting, by_hand = count_converting(data.snapshots, train), config.model.kind is Rung.points
    verdict = build_verdict(read_evidence(metrics, converting, points, by_hand), config.train)
    metrics |= {"ladder": plan.to_dict(), "calibration_form": form.to_dict()}
    metrics["segment_intercepts"] = separate.to_dict()
    metrics["settings"] = chosen_settings(config.model, data.given.model)
    told = (*_shrinkage(data.split), *separate.notes, *notes)
    return Judged(plan, form, model, calibrator, rate, stream, test, metrics, verdict, told)


def chosen_settings(asked: ModelConfig, used: ModelConfig) -> dict[str, Any]:
    """What was left open (null) and the value that it was trained with."""
    return {name: value for name, value in vars(used).items() if getattr(asked, name) is None and value is not None}


def _without_effort(data: RecipeData) -> dict[str, tuple[Feature, ...]]:
    """The features but for those on what sales did; empty where that changes nothing."""
    features = tuple(f for f in data.features if not f.effort)
    return {} if len(features) in (0, len(data.features)) else {"without_effort": features}


def _shrinkage(split: Split) -> tuple[str, ...]:
    return split.notes if split.shrunk is None else (split.shrunk, *split.notes)


def _notes(encoder: Encoder, plan: Plan, slope: float, shift: dict[str, float], config: RecipeConfig) -> Iterator[str]:
    most = config.model.max_trees
    if cut := [member.name for member in plan.members if member.trees == most]:
        yield f"{' and '.join(cut)}: the folds asked for more than model.max_trees={most} trees; raise it"
    if slope <= MIN_SLOPE:
        yield f"calibration slope at its floor ({MIN_SLOPE:g}): the model's order did not hold out of time"
    if shift["correction"]:
        yield (
            f"the final model's mean margin moved {shift['margin']:+.3f} log-odds from the judged one's; beyond "
            f"{config.train.max_shift:g} was taken back in the intercept ({shift['correction']:+.3f})"
        )
    if encoder.dropped:
        yield f"{len(encoder.dropped)} features do not vary and are left out: {', '.join(encoder.dropped)}"
