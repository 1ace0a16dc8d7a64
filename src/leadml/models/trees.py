"""Boosted trees that were grown: a bag of them, and their margins."""

from dataclasses import dataclass
from threading import RLock

import lightgbm as lgb
import numpy as np

TREES, LOOSE = "trees", "loose trees"  # the two kinds, as members are named
# Held by whoever calls LightGBM. It keeps one number of threads for the whole process, and sizes its buffers by that:
# a call that asks for more, while another thread is within one that asked for fewer, writes beyond them and crashes.
LIGHTGBM = RLock()


@dataclass(frozen=True)
class Trees:
    """A bag of boosters, whose margins are averaged; ``shift`` corrects them where they learnt from fewer negatives."""

    boosters: tuple[lgb.Booster, ...]
    shift: float = 0.0


def predict_margins(booster: lgb.Booster, matrix: np.ndarray, threads: int, trees: int | None = None) -> np.ndarray:
    """Raw margins (n,), the uncalibrated log-odds, of the first ``trees`` trees (None: all)."""
    number = -1 if trees is None else trees
    with LIGHTGBM:
        return np.asarray(booster.predict(matrix, raw_score=True, num_iteration=number, num_threads=threads))
