"""The figures of `quality.py`: every learner of a set under the same draws of accounts, and the tables of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from leadml import chance
from leadml.bootstrap import draw_weights
from leadml.calibration import calibration_error
from leadml.metrics import ScoredLists, weighted_figures

DRAWS, CONFIDENCE = 300, 0.90
SMALLEST = 1e-6  # a probability of exactly 0 or 1 would have an infinite log loss: held within [1e-6, 1 - 1e-6]
RISING = {"auc": 1, "log_loss": -1}  # what is judged against the best, and which way is better


@dataclass(frozen=True)
class Result:
    """One learner on one split with one seed: probabilities (n,) of the test rows, seconds, and where it was taken."""

    p: np.ndarray
    keys: pd.DataFrame
    seconds: float
    processor: float


@dataclass(frozen=True)
class Judged:
    """A learner on a set, over its seeds: mean figures, and their values under each draw of accounts (draws,)."""

    figures: dict[str, float]
    drawn: dict[str, np.ndarray]
    error: float
    chance: float
    seconds: float
    processor: float


def judge_set(results: Mapping[str, Sequence[Result]]) -> dict[str, Judged]:
    """Every learner's figures; the accounts are drawn alike for all learners and seeds, so differences are paired."""
    accounts = 1 + max(int(r.keys["account"].max()) for listed in results.values() for r in listed)
    weights = np.concatenate([np.ones((accounts, 1)), *draw_weights(accounts, DRAWS, 1)], axis=1)
    return {name: judge(listed, weights) for name, listed in results.items()}


def judge(results: Sequence[Result], weights: np.ndarray) -> Judged:
    """One learner; the figures are those of each list, averaged over lists, then over seeds."""
    every = [weighted_figures(_scored(r, len(weights)), weights) for r in results]
    values = {name: np.nanmean([figures[name] for figures in every], axis=0) for name in every[0]}
    errors, chances = [], []
    for r in results:
        label = r.keys["label"].to_numpy(dtype=np.float64)
        errors.append(calibration_error(r.p, label))
        account = r.keys["account"].to_numpy()  # as if all rows of one were a lead's
        chances.append(chance.chance_calibration_error(chance.Judged(r.p, label, account, account), 1)["mean"])
    return Judged(
        {name: float(v[0]) for name, v in values.items()},
        {name: v[1:] for name, v in values.items()},
        float(np.mean(errors)),
        float(np.mean(chances)),
        float(np.mean([r.seconds for r in results])),
        float(np.mean([r.processor for r in results])),
    )


def _scored(result: Result, accounts: int) -> ScoredLists:
    keys, p = result.keys, np.clip(result.p, SMALLEST, 1 - SMALLEST)
    lists, codes = np.unique(keys["list"].to_numpy(), return_inverse=True)
    label = keys["label"].to_numpy(dtype=np.float64)
    return ScoredLists(codes, keys["account"].to_numpy(), label, result.p, p, len(lists), accounts)


def behind_best(judged: Mapping[str, Judged], name: str, figure: str) -> tuple[str, float, float, float]:
    """The best learner on the figure, how far ``name`` is behind it (0 or more), and the paired interval of that."""
    way = RISING[figure]
    best = max(judged, key=lambda other: way * judged[other].figures[figure])
    apart = way * (judged[best].figures[figure] - judged[name].figures[figure])
    drawn = way * (judged[best].drawn[figure] - judged[name].drawn[figure])
    low, high = np.nanquantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return best, apart, float(low), float(high)


def print_set(judged: Mapping[str, Judged]) -> None:
    """One set's table; what is behind the best beyond the interval is starred."""
    print("| learner | AUC | behind | average precision | log loss | behind | calibration error (chance) | lift 10 % |"
          " s | processor s |")  # fmt: skip
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, found in judged.items():
        f = found.figures
        cells = [name, f"{f['auc']:.4f}", _behind(judged, name, "auc", 4), f"{f['average_precision']:.4f}"]
        cells += [f"{f['log_loss']:.5f}", _behind(judged, name, "log_loss", 5)]
        cells += [f"{found.error:.4f} ({found.chance:.4f})", f"{f['lift_10']:.2f}"]
        cells += [f"{found.seconds:.1f}", f"{found.processor:.1f}"]
        print(f"| {' | '.join(cells)} |")
    print(flush=True)


def _behind(judged: Mapping[str, Judged], name: str, figure: str, digits: int) -> str:
    best, apart, low, high = behind_best(judged, name, figure)
    if best == name or apart == 0:
        return "best"
    return f"{apart:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]{' *' if low > 0 else ''}"


def print_ranks(sets: Mapping[str, Mapping[str, Judged]]) -> None:
    """Mean ranks over sets of the learners that were run on all of them, and on how many each is beyond the best."""
    names = [n for n in next(iter(sets.values())) if all(n in judged for judged in sets.values())]
    ranks = {
        figure: np.array([rankdata([-way * judged[n].figures[figure] for n in names]) for judged in sets.values()])
        for figure, way in RISING.items()
    }
    beyond = {
        (n, figure): sum(behind_best({m: judged[m] for m in names}, n, figure)[2] > 0 for judged in sets.values())
        for n in names
        for figure in RISING
    }
    print(
        f"| learner | mean rank on log loss | on AUC | sets of {len(sets)} beyond the best on log loss | on AUC | s |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for i in np.argsort(ranks["log_loss"].mean(axis=0), kind="stable"):
        n = names[i]
        seconds = np.mean([judged[n].seconds for judged in sets.values()])
        print(f"| {n} | {ranks['log_loss'][:, i].mean():.2f} | {ranks['auc'][:, i].mean():.2f} | "
              f"{beyond[n, 'log_loss']} | {beyond[n, 'auc']} | {seconds:.1f} |")  # fmt: skip
    print(flush=True)
