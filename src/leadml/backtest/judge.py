"""One origin: the recipe retrained on what was known then, and what it said of the lists that came."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leadml.backtest.origins import Origin
from leadml.calibration import Calibrator, recentre
from leadml.features.dictionary import Feature
from leadml.recipe import RecipeConfig, count_converting
from leadml.recipe_data import prepare
from leadml.training import Judged as Recipe
from leadml.training import judge_recipe, settle

UNCORRECTED = "uncorrected"  # the model's margins, with the intercept that was simply fitted


@dataclass(frozen=True)
class Judged:
    """What an origin gave: ``test`` has one row a lead and list, ``facts`` are plain values for JSON.

    ``test``: the columns of `training.Judged.test`, ``snapshot`` being the row of the whole snapshot table, with
    ``origin`` and with score and probability of `UNCORRECTED`.
    """

    test: pd.DataFrame
    facts: dict[str, Any]


def judge_origin(
    snapshots: pd.DataFrame, X: pd.DataFrame, features: Sequence[Feature], config: RecipeConfig, origin: Origin
) -> Judged:
    """The recipe retrained at the origin, on its lists.

    Only the origin's own rows are handed on, so that nothing else of ``snapshots`` and ``X`` (row i of one belongs to
    row i of the other) can enter. What is judged is what the folds chose, whatever the verdict on these lists: nobody
    knew it at the origin. Errors are those of `training.fit_recipe`.
    """
    rows = origin.rows
    known = snapshots.iloc[rows]
    data = prepare(known, X.iloc[rows], features, config, split=origin.within(rows))
    trained = judge_recipe(data)
    verdict = settle(data, trained).verdict
    plain = uncorrected(trained)
    test = trained.test.assign(snapshot=rows[trained.test["snapshot"]])
    test[f"score_{UNCORRECTED}"] = test["margin"]
    test[f"probability_{UNCORRECTED}"] = plain.probability(test["margin"].to_numpy())
    test.insert(0, "origin", origin.at)
    facts = {
        "origin": f"{origin.at:%Y-%m-%d}",
        "until": f"{origin.until:%Y-%m-%d}",
        "lists": origin.lists,
        "train": {
            "rows": len(origin.split.train),
            "converting_leads": count_converting(snapshots, origin.split.train),
            "newest": f"{snapshots['cutoff'].iloc[origin.split.train].max():%Y-%m-%d}",
        },
        "calibration": trained.calibrator.to_dict(),
        "uncorrected": plain.to_dict(),
        "rung": trained.plan.rung,
        "trees": trained.model.trees,
        "verdict": {"name": verdict.name, "why": verdict.why},
        "notes": list(trained.notes),
    }
    return Judged(test, facts)


def uncorrected(trained: Recipe) -> Calibrator:
    """The judged calibrator with the intercept at which the out-of-time stream's mean probability is its plain rate.

    That is what fitting the line gives (at the maximum of the likelihood the means agree): every fold's labels count
    alike, however old, and nothing is shrunk. Half a conversion stands for none.
    """
    margin, label = trained.stream["margin"].to_numpy(), trained.stream["label"].to_numpy(dtype=np.float64)
    slope = trained.calibrator.slope
    rate = (label.sum() + 0.5) / (len(label) + 1)
    return Calibrator(slope, recentre(slope * margin, np.ones(len(margin)), float(rate)))
