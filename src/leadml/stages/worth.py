"""Beside the probability: what a lead is worth, and how soon it converts; fitted, judged, and read back to score."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from leadml.bootstrap import BootstrapConfig
from leadml.scorer import LeadScorer
from leadml.sooner import Sooner, SoonerConfig, fit_sooner
from leadml.stages.context import Context
from leadml.stages.stored import Extracted
from leadml.training import Trained
from leadml.value import ValueModel, fit_value


def add_worth(context: Context, extracted: Extracted, trained: Trained) -> tuple[Trained, dict[str, Any]]:
    """The training with figures and notes of value and shorter horizons, and what scorer.json holds of them."""
    config = context.config
    intervals = BootstrapConfig.of(config.train, config.seed)
    value = fit_value(
        extracted.snapshots, extracted.X, trained.encoder.features, trained.split, trained.test, intervals
    )
    asked = SoonerConfig(
        tuple(config.problem.sooner_days),
        config.problem.horizon_days,
        config.problem.gap_days,
        config.train.base_rate_half_life_days,
        intervals,
    )
    sooner = fit_sooner(extracted.snapshots, trained.split, trained.stream, trained.test, asked)
    currency = (extracted.facts.get("spec") or {}).get("currency")
    figures = {"value": value.metrics | {"currency": currency}, "sooner": sooner.metrics}
    told = replace(trained, metrics=trained.metrics | figures, notes=(*trained.notes, *value.notes, *sooner.notes))
    return told, {"value": value.final.to_dict(), "sooner": sooner.final.to_dict()}


def score_worth(scorer: LeadScorer, probability: np.ndarray, X: pd.DataFrame) -> pd.DataFrame:
    """expected_value with its ends, and one probability a shorter horizon, of prepared rows with these probabilities.

    A model trained before amounts were learnt has none: its expected values are missing.
    """
    about = scorer.about
    value = ValueModel.from_dict(about["value"]) if "value" in about else ValueModel("none")
    sooner = Sooner.from_dict(about["sooner"]) if "sooner" in about else Sooner()
    return pd.concat([value.expected(probability, X), sooner.probabilities(probability)], axis=1)


def worth_figures(metrics: dict[str, Any]) -> dict[str, float]:
    """The figures of value and shorter horizons for MLflow, with interval ends where there are any."""
    value = metrics["value"]
    named = {f"amount_{name}": value.get("test", {}).get(name) for name in ("gain", "covered")}
    for entry in value.get("money", []):
        named |= {f"money_{100 * entry['share']:g}_{name}": entry[name] for name in ("per_lead_value", "per_lead_gain")}
    for entry in metrics["sooner"]:
        named |= {f"within_{entry['days']:g}d_{name}": entry[name] for name in ("bias", "log_loss", "to_constant")}
    return {
        name + suffix: figure[key]
        for name, figure in named.items()
        for key, suffix in (("value", ""), ("low", "_low"), ("high", "_high"))
        if figure and figure[key] is not None
    }
