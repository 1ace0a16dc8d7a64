"""The scale of scores and what reasons compare with: frozen with the first champion, or made of the newest list."""

from typing import Any

import numpy as np

from leadml.errors import ConfigurationError
from leadml.reasons import Reference, fit_reference
from leadml.scorer import LeadScorer, Scale, centre_reference
from leadml.stages.context import Context
from leadml.stages.settings import SCALE_KEYS
from leadml.stages.stored import Extracted
from leadml.training import Trained

REFERENCE_ROWS = 5000  # of the newest test list: enough for four means, quick to explain
P50_STEPS = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


def frozen_scale(context: Context, champion: LeadScorer | None, problem: dict[str, Any]) -> Scale | None:
    """The champion's scale, while the problem is the same; None for the first model or a new problem.

    Raises:
        ConfigurationError: train.p50 asks for another p50 than the one that is frozen.
    """
    if champion is None:
        return None
    if any(champion.about["problem"].get(k) != problem[k] for k in SCALE_KEYS):
        context.progress.say("train", "the problem is not the champion's: this model has a scale of its own")
        return None
    asked, frozen = context.config.train.p50, champion.scale.p50
    if asked is not None and asked != frozen:
        raise ConfigurationError(
            f"train.p50={asked}, but the champion in {context.workspace.models} froze the scale at {frozen}: leave "
            "train.p50 unset, or start another workspace with paths.root=DIR"
        )
    return champion.scale


def new_scale(scorer: LeadScorer, extracted: Extracted, trained: Trained) -> Scale:
    """p50 as given or rounded, and family means over the newest test list (the reference list)."""
    rows = spread_rows(newest_list(trained), REFERENCE_ROWS)
    _, points = scorer.points(scorer.prepare(extracted.X.iloc[rows]))
    return Scale(scorer.scale.p50, centre_reference(points, scorer.encoder))


def new_reference(scorer: LeadScorer, extracted: Extracted, trained: Trained) -> Reference:
    """How the leads of the newest test list stand: what reasons compare with, of this training whatever the scale."""
    return fit_reference(scorer.prepare(extracted.X.iloc[newest_list(trained)]), scorer.encoder)


def rounded(rate: float) -> float:
    """The step nearest to the rate in ratio: p50 is a number that people can remember."""
    return min(P50_STEPS, key=lambda step: max(step / rate, rate / step))


def newest_list(trained: Trained) -> np.ndarray:
    """The snapshots of the newest test list; of the whole test where there are no lists."""
    test = trained.test
    newest = test[test["list"] == test["list"].max()] if test["list"].notna().any() else test
    return newest["snapshot"].to_numpy()


def spread_rows(rows: np.ndarray, most: int) -> np.ndarray:
    """At most ``most`` of the rows, evenly over them.

    A list is in the order of the leads' ids, which many systems give in the order of time: the first of a long list are
    its oldest leads.
    """
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(int)]
