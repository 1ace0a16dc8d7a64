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
    intervals = BootstrapConfig(config.train.bootstrap, config.train.confidence, config.seed)
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
