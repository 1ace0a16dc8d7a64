"""Invented snapshots with a known signal, for tests of the recipe."""

import numpy as np
import pandas as pd
import yaml
from conftest import ROOT

from leadml.config import (
    ConversionEvent,
    ModelConfig,
    ProblemConfig,
    Promote,
    Rung,
    SplitConfig,
    TrainConfig,
    TuneConfig,
)
from leadml.features.dictionary import Feature, Kind
from leadml.recipe import RecipeConfig
from leadml.scorecard import PointRule


def number(name: str, effort: bool = False) -> Feature:
    return Feature(name, "behaviour", Kind.NUMBER, "count", None, name, name, effort)


def category(name: str) -> Feature:
    return Feature(name, "firmographic", Kind.CATEGORY, "", None, name, name)


def read_card() -> tuple[PointRule, ...]:
    """conf/scorecard/default.yaml."""
    rules = yaml.safe_load((ROOT / "conf/scorecard/default.yaml").read_text())["rules"]
    return tuple(
        PointRule(
            tuple(r["features"]), r["points"], r.get("at_least"), r.get("at_most"), frozenset(r.get("values", ()))
        )
        for r in rules
    )


def make_problem(**changes: object) -> ProblemConfig:
    values = {
        "conversion": ConversionEvent.won,
        "gap_days": 0,
        "horizon_days": 28,
        "booking_delay_days": 7,
        "weekly": True,
        "weekday": 0,
        "age_days": [1.0],
        "train_every": 2,
        "active_days": 180,
        "data_end": None,
    }
    return ProblemConfig(**{**values, **changes})


def make_config(**changes: object) -> RecipeConfig:
    model = ModelConfig(
        kind=Rung.auto,
        strengths=[0.01, 0.1],
        learning_rate=0.1,
        num_leaves=7,
        max_depth=6,
        min_data_in_leaf=20,
        lambda_l2=5.0,
        feature_fraction=0.8,
        bagging_fraction=0.8,
        max_trees=60,
        bag=1,
        negatives=None,
        monotone={},
        min_level_rows=10,
        max_levels=20,
    )
    train = TrainConfig(
        split=SplitConfig(test_cutoffs=6, test_share=0.3, folds=3),
        tune=TuneConfig(None, None),
        min_conversions=30,
        min_test_share=0.2,
        bootstrap=60,
        confidence=0.9,
        base_rate_half_life_days=180,
        max_shift=0.25,
        suspicious_auc=0.98,
        better_origins=0.6,
        p50=None,
        promote=Promote.never,
    )
    values = {"problem": make_problem(), "model": model, "train": train, "seed": 7, "threads": 1, "ordered": False}
    values["card"] = read_card()
    return RecipeConfig(**{**values, **changes})


def make_leads(
    leads: int, weeks: int, seed: int, signal: float = 1.0, noise_features: int = 3
) -> tuple[pd.DataFrame, pd.DataFrame, list[Feature]]:
    """Leads that live for eight weeks each, on a weekly grid from 2024-01-01, with an age row a day after they came.

    Log-odds of a conversion in the horizon: -2.8 + signal * (0.8 * visits - 1 for free mail + a lead's own luck).
    """
    generator = np.random.default_rng(seed)
    born = np.sort(generator.uniform(0, 7 * weeks, leads))
    account = generator.integers(0, max(2, leads // 2), leads)
    free = generator.random(leads) < 0.4
    luck = generator.normal(0, 0.5, leads)
    alive = 56.0
    first = np.ceil(born / 7).astype(int)
    lead = np.repeat(np.arange(leads), 9)
    cutoff = 7.0 * (first[lead] + np.tile(np.arange(9), leads)).astype(float)
    grid = np.full(len(lead), "weekly", dtype=object)
    age_row = np.tile(np.arange(9), leads) == 8
    cutoff[age_row] = born + 1
    grid[age_row] = "age"
    age = cutoff - born[lead]
    keep = (cutoff <= 7 * weeks) & (age > 0) & (age <= alive)
    lead, cutoff, grid, age = lead[keep], cutoff[keep], grid[keep], age[keep]
    visits = generator.poisson(1.0, len(lead)).astype(float)
    odds = -2.8 + signal * (0.8 * visits - 1.0 * free[lead] + luck[lead])
    label = (generator.random(len(lead)) < 1 / (1 + np.exp(-odds))).astype(float)
    label[cutoff > 7 * weeks - 35] = np.nan
    start = pd.Timestamp("2024-01-01")
    snapshots = pd.DataFrame(
        {
            "lead_id": [f"L{i}" for i in lead],
            "account_id": [f"A{account[i]}" for i in lead],
            "cutoff": (start + pd.to_timedelta(np.round(cutoff * 86_400), unit="s")).astype("datetime64[us]"),
            "grid": grid,
            "label": label,
            "amount": np.where(label == 1, 1000.0, np.nan),
            "age_days": age,
            "untouched": generator.random(len(lead)) < 0.3,
            "position": np.arange(len(lead)),
        }
    )
    X = pd.DataFrame({"visits_30d": np.where(generator.random(len(lead)) < 0.05, np.nan, visits)})
    X["mail_kind"] = np.where(free[lead], "free", "business")
    X["recency_lead_days"] = generator.exponential(10, len(lead))
    X["calls_30d"] = visits + generator.normal(0, 2, len(lead))
    for j in range(noise_features):
        X[f"noise_{j}"] = generator.normal(size=len(lead))
    X["empty"] = np.nan
    features = [number(n, effort=n == "calls_30d") for n in X if n != "mail_kind"] + [category("mail_kind")]
    return snapshots, X, features
