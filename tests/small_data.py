"""Few conversions: leads drawn from a company, judged by every other lead's lists as well as by their own."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from conftest import ROOT
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from leadml.config import Rung, register_schema, to_config
from leadml.metrics import row_losses
from leadml.recipe import RecipeConfig, count_converting, split_checked, typed
from leadml.recipe_data import prepare
from leadml.stages.settings import recipe
from leadml.stages.stored import Extracted
from leadml.training import judge_recipe, settle

RUNGS = ("auto", "points", "logistic")


@dataclass(frozen=True)
class Judge:
    """The company's own test: its rows, and their accounts as codes."""

    rows: np.ndarray
    label: np.ndarray
    account: np.ndarray


@dataclass(frozen=True)
class Company:
    """All of a company's leads, the recipe's settings, and what trains and judges of it."""

    extracted: Extracted
    config: RecipeConfig
    train: np.ndarray
    judge: Judge

    @classmethod
    def of(cls, extracted: Extracted, config: RecipeConfig) -> "Company":
        """Whatever is extracted, split as the recipe splits it."""
        extracted = replace(extracted, snapshots=typed(extracted.snapshots))
        split = split_checked(extracted.snapshots, config)
        test = extracted.snapshots.iloc[split.test]
        judge = Judge(split.test, test["label"].to_numpy(float), pd.factorize(test["account_id"])[0])
        return cls(extracted, config, split.train, judge)

    @property
    def converting(self) -> int:
        """Distinct converting leads in training."""
        return count_converting(self.extracted.snapshots, self.train)

    def draw(self, converting: int, seed: int) -> np.ndarray:
        """All rows of leads drawn at random until so many of them convert in training."""
        lead, leads = pd.factorize(self.extracted.snapshots["lead_id"])
        won = np.zeros(len(leads), dtype=bool)
        label = self.extracted.snapshots["label"].to_numpy(float)[self.train]
        won[lead[self.train][label == 1]] = True
        order = np.random.default_rng(seed).permutation(len(leads))
        last = np.flatnonzero(np.cumsum(won[order]) >= converting)[0]
        return np.flatnonzero(np.isin(lead, order[: last + 1]))


@dataclass(frozen=True)
class Found:
    """A rung on one draw: what the recipe said by the drawn leads' own lists, and its losses on all the company's."""

    verdict: str
    rung: str
    losses: np.ndarray


def settings(root: Path, *words: str) -> RecipeConfig:
    """The recipe's settings as the command would take them."""
    register_schema()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return recipe(to_config(compose("train", overrides=[f"paths.root={root}", *words])))


def judge_draw(company: Company, rows: np.ndarray, rung: str) -> Found:
    """The recipe on the drawn rows; no second model without sales effort, and few draws, as only losses are asked."""
    snapshots = company.extracted.snapshots.iloc[rows].reset_index(drop=True)
    X, judge = company.extracted.X, company.judge
    features = [replace(f, effort=False) for f in company.extracted.features]
    config = replace(company.config, model=replace(company.config.model, kind=Rung(rung)))
    data = prepare(snapshots, X.iloc[rows].reset_index(drop=True), features, config)
    judged = judge_recipe(data)
    p = judged.calibrator.probability(judged.model.margins(X.iloc[judge.rows], config.threads))
    return Found(settle(data, judged).verdict.name, judged.plan.rung, row_losses(judge.label, p)[0])


def mean_gain(pairs: list[tuple[np.ndarray, np.ndarray]], account: np.ndarray) -> tuple[float, float]:
    """Mean log loss of the first less the second over draws, with a standard error.

    The error holds both: which leads were drawn (the spread of the draws' means) and which accounts judge (clustered;
    the same in every draw, so their losses are averaged over draws first).
    """
    differences = np.array([one - other for one, other in pairs])
    by_draw, by_row = differences.mean(axis=1), differences.mean(axis=0)
    drawn = by_draw.std(ddof=1) / np.sqrt(len(by_draw)) if len(by_draw) > 1 else 0.0
    clustered = np.sqrt((np.bincount(account, by_row - by_row.mean()) ** 2).sum()) / len(by_row)
    return float(by_draw.mean()), float(np.hypot(drawn, clustered))
