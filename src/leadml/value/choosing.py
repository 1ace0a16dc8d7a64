"""Which form of the amounts is used, decided out of time, and how the judged one does on the test.

Forms are compared by the gamma deviance of their means, 2 (y / m - 1 - log(y / m)): it is least for the true mean
whatever the amounts' distribution (Patton 2011), and an amount of 100 missed by half weighs as much as one of 10,000.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from leadml.account_means import bootstrap_ratios
from leadml.bootstrap import BootstrapConfig, Support
from leadml.features.dictionary import Feature
from leadml.splits import Split
from leadml.value.fitting import Amounts, fit_form, fit_forms, known_amounts
from leadml.value.model import ValueModel
from leadml.value.money import judge_money

LEARNT = ("log-normal", "gamma")
MIN_JUDGED = 20  # converting leads with an amount that the choice looks at; fewer cannot tell forms apart


@dataclass(frozen=True)
class FittedValue:
    """The final model, the one that the figures are of, the figures (plain values) and what people are told."""

    final: ValueModel
    judged: ValueModel
    metrics: dict[str, Any]
    notes: tuple[str, ...]


def fit_value(
    snapshots: pd.DataFrame,
    X: pd.DataFrame,
    features: Sequence[Feature],
    split: Split,
    test: pd.DataFrame,
    config: BootstrapConfig,
) -> FittedValue:
    """Chooses the form on the forward folds, judges it on the test, fits it again on everything matured.

    Args:
        snapshots: `schema.SNAPSHOT_COLUMNS`, row i belongs to row i of ``X``.
        X: feature frame.
        features: candidates.
        split: rows of the folds, of training, of the test and of the final model.
        test: `training.Trained.test`: snapshot, list, lead_id, account_id, label, amount, probability.
        config: of the intervals.
    """
    test_features = X.iloc[test["snapshot"].to_numpy()]
    found, chosen = compare_forms(snapshots, X, features, split, config)
    trained = fit_forms(("mean", chosen), X, known_amounts(snapshots, split.train), features, config.confidence)
    judged, mean = trained[chosen], trained["mean"]
    final = fit_form(chosen, X, known_amounts(snapshots, split.final), features, config.confidence)
    metrics: dict[str, Any] = {"form": final.form, "choice": found, "fitted": final_facts(final)}
    if judged.form != "none":
        metrics["test"] = judge_amounts(judged, mean, test, test_features, config)
        metrics["money"] = judge_money(judged, test, test_features, config)
    return FittedValue(final, judged, metrics, tuple(_notes(metrics)))


def compare_forms(
    snapshots: pd.DataFrame, X: pd.DataFrame, features: Sequence[Feature], split: Split, config: BootstrapConfig
) -> tuple[dict[str, Any], str]:
    """The forms' out-of-time deviances over the folds, and the form to use.

    A learnt form is used where its gain on the mean, paired and with accounts drawn together, is above one standard
    error of the difference. Under normality the interval's width gives that error.
    """
    parts = []
    for fit, validation in split.folds:
        learnt, judged = known_amounts(snapshots, fit), known_amounts(snapshots, validation)
        if not learnt.leads or not judged.leads:
            continue
        models = fit_forms(("mean", *LEARNT), X, learnt, features, config.confidence)
        parts.append(_deviances(models, snapshots, X, judged))
    if not parts:
        return {"leads": 0, "deviance": {}, "gain": {}}, "mean"
    rows = pd.concat(parts, ignore_index=True)
    support = Support.of(rows.assign(label=1))
    weight = 1.0 / rows.groupby("lead_id")["lead_id"].transform("size").to_numpy()
    figures = bootstrap_ratios(
        {form: (weight * rows[form].to_numpy(), weight) for form in ("mean", *LEARNT)},
        rows["account_id"].to_numpy(dtype=object), np.zeros(len(rows)), support, config,
        {f"gain_{form}": ("mean", form) for form in LEARNT},
    )  # fmt: skip
    told: dict[str, Any] = {"leads": support.leads, "deviance": {f: figures[f].to_dict() for f in ("mean", *LEARNT)}}
    told["gain"] = {form: figures[f"gain_{form}"].to_dict() for form in LEARNT}
    best = max(LEARNT, key=lambda form: (told["gain"][form]["value"], form == LEARNT[0]))
    return told, best if support.leads >= MIN_JUDGED and _clear(told["gain"][best], config) else "mean"


def judge_amounts(
    judged: ValueModel, mean: ValueModel, test: pd.DataFrame, X: pd.DataFrame, config: BootstrapConfig
) -> dict[str, Any]:
    """The amounts of the test's converting leads against what was said of them; every lead counts once."""
    amounts = known_amounts(test, np.arange(len(test)))
    told: dict[str, Any] = {"leads": amounts.leads, "missing": amounts.missing, "not_positive": amounts.not_positive}
    if not amounts.leads:
        return told
    said, low, high = judged.amounts(X.iloc[amounts.rows])
    plain = mean.amounts(X.iloc[amounts.rows])[0]
    cap = judged.cap or np.inf
    y, weight = np.minimum(amounts.amount, cap), amounts.weight
    inside = ((amounts.amount >= low) & (amounts.amount <= high)).astype(np.float64)
    part = test.iloc[amounts.rows]
    figures = bootstrap_ratios(
        {
            "deviance": (weight * gamma_deviance(y, said), weight),
            "deviance_mean": (weight * gamma_deviance(y, plain), weight),
            "covered": (weight * inside, weight),
            "amount": (weight * y, weight),
            "predicted": (weight * said, weight),
        },
        part["account_id"].to_numpy(dtype=object), np.zeros(len(part)), Support.of(part), config,
        {"gain": ("deviance_mean", "deviance"), "bias": ("predicted", "amount")},
    )  # fmt: skip
    capped = round(float(weight[amounts.amount > cap].sum()))
    return told | {"capped": capped} | {name: figure.to_dict() for name, figure in figures.items()}


def gamma_deviance(y: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Unit deviance (n,) of amounts above 0 (n,) and their means (n,)."""
    ratio = y / mean
    return 2 * (ratio - 1 - np.log(ratio))


def final_facts(model: ValueModel) -> dict[str, Any]:
    """What the final model is, for the report and the manifest."""
    return {
        "form": model.form,
        "features": [t.feature for t in model.terms],
        "cap": model.cap,
        "confidence": model.confidence,
        **model.counts,
    }


def _deviances(
    models: Mapping[str, ValueModel], snapshots: pd.DataFrame, X: pd.DataFrame, judged: Amounts
) -> pd.DataFrame:
    """lead_id, account_id and each form's deviance of converting rows whose amount is known."""
    part = snapshots.iloc[judged.rows][["lead_id", "account_id"]].reset_index(drop=True)
    for form, model in models.items():
        y = np.minimum(judged.amount, model.cap or np.inf)
        part[form] = gamma_deviance(y, model.amounts(X.iloc[judged.rows])[0])
    return part


def _clear(gain: Mapping[str, Any], config: BootstrapConfig) -> bool:
    """Whether the gain is above one standard error, by the width of its percentile interval."""
    if gain["low"] is None or gain["value"] <= 0:
        return False
    error = (gain["high"] - gain["low"]) / (2 * float(norm.ppf((1 + config.confidence) / 2)))
    return bool(gain["value"] > error)


def _notes(metrics: Mapping[str, Any]) -> list[str]:
    fitted, choice = metrics["fitted"], metrics["choice"]
    notes = []
    if metrics["form"] == "none":
        notes.append("no converting lead has an amount: there is no expected value")
    elif metrics["form"] == "mean":
        why = (
            f"{choice['leads']} converting leads with an amount out of time"
            if choice["leads"]
            else "no fold to judge by"
        )
        notes.append(
            f"amounts cannot be predicted better than their mean ({why}): the expected value is the probability "
            "times the mean amount"
        )
    else:
        notes.append(f"amounts: {metrics['form']}, by {', '.join(fitted['features'])}")
    if fitted.get("missing") or fitted.get("not_positive"):
        notes.append(
            f"amounts: {fitted['leads']} converting leads have one, {fitted['missing']} have none, "
            f"{fitted['not_positive']} have one of 0 or less, which is not used"
        )
    if fitted.get("capped"):
        notes.append(f"amounts: {fitted['capped']} are above {fitted['cap']:,.0f} and count as that")
    return notes
