"""How well a list is ordered and how true its probabilities are; with weights, so that a bootstrap costs nothing extra.

Ranking figures depend on a list only through its *segments*: in falling order of the score, each tie group that holds
a conversion is a segment, and so is each run of rows between two such groups. A sparse matrix (segments x accounts) of
row counts, multiplied by account weights (accounts x draws), gives every segment's weight in every draw at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import sparse

FIGURES = (
    "auc",
    "average_precision",
    "log_loss",
    "brier",
    "lift_5",
    "lift_10",
    "lift_20",
    "capture_5",
    "capture_10",
    "capture_20",
)
SHARES = (0.05, 0.10, 0.20)
LOSS_CLIP = 1e-15
Draws = np.ndarray  # (draws,) float64, NaN where a figure does not exist
Segments = tuple[sparse.csr_array, sparse.csr_array]  # of one list: rows, and converted rows or another value


@dataclass(frozen=True)
class ScoredLists:
    """One scorer's rows: list and account as codes from 0, label 0 or 1, the score that orders, the probability.

    Arrays (n,); ``lists`` and ``accounts`` are how many codes there are.
    """

    list_code: np.ndarray
    account_code: np.ndarray
    label: np.ndarray
    score: np.ndarray
    probability: np.ndarray
    lists: int
    accounts: int

    @cached_property
    def segments(self) -> list[Segments]:
        """`segments_of` the labels."""
        return self.segments_of(self.label)

    def segments_of(self, value: np.ndarray) -> list[Segments]:
        """By list, how many rows and how much of ``value`` (n,) an account has in a segment: (segments, accounts)."""
        order = np.lexsort((-self.score, self.list_code))
        borders = np.searchsorted(self.list_code[order], np.arange(self.lists + 1))
        return [
            _segments(self.score[rows], value[rows], self.account_code[rows], self.accounts)
            for rows in (order[low:high] for low, high in pairwise(borders))
        ]

    @cached_property
    def losses(self) -> dict[str, sparse.csr_array]:
        """How many ``rows`` each account has in a list, and their ``log_loss`` and ``brier``: (lists, accounts)."""
        log_losses, squares = row_losses(self.label, self.probability)
        values = {"rows": np.ones(len(self.label)), "log_loss": log_losses, "brier": squares}
        return {
            name: _sums(self.list_code, self.account_code, value, (self.lists, self.accounts))
            for name, value in values.items()
        }


def evaluate_lists(frame: pd.DataFrame) -> dict[str, float | None]:
    """Every one of `FIGURES`, computed on each list and averaged with equal weight, and how many lists there were.

    Args:
        frame: ``list``, ``label`` (0 or 1), ``score`` (orders), ``probability``; one row a lead and list.

    Returns:
        The figures (None where no list has one), ``lists``, and ``lists_without_both`` (only conversions or none).
        AUC leaves those out; lift, capture and average precision leave out lists without a conversion; log loss
        and Brier score use every list.
    """
    scored = score_lists(frame, frame["score"].to_numpy(float), frame["probability"].to_numpy(float))
    draws = weighted_figures(scored, np.ones((scored.accounts, 1)))
    conversions = np.bincount(scored.list_code, weights=scored.label, minlength=scored.lists)
    rows = np.bincount(scored.list_code, minlength=scored.lists)
    result: dict[str, float | None] = {name: plain_number(values[0]) for name, values in draws.items()}
    return result | {
        "lists": scored.lists,
        "lists_without_both": int(((conversions == 0) | (conversions == rows)).sum()),
    }


def score_lists(frame: pd.DataFrame, score: np.ndarray, probability: np.ndarray) -> ScoredLists:
    """`ScoredLists` of ``frame`` (``list``, ``label`` and, where there is one, ``account_id``; else each row alone)."""
    list_code, lists = pd.factorize(frame["list"], sort=True, use_na_sentinel=False)
    if "account_id" in frame:
        account_code, accounts = pd.factorize(frame["account_id"], use_na_sentinel=False)
    else:
        account_code, accounts = np.arange(len(frame)), frame.index
    label = frame["label"].to_numpy(dtype=np.float64)
    return ScoredLists(list_code, account_code, label, score, probability, len(lists), len(accounts))


def weighted_figures(scored: ScoredLists, weights: np.ndarray) -> dict[str, Draws]:
    """`FIGURES` averaged over lists, for every column of account weights (accounts, draws)."""
    by_list = [rank_figures(rows @ weights, converted @ weights) for rows, converted in scored.segments]
    averaged = {name: _mean_over_lists([figures[name] for figures in by_list]) for name in by_list[0]}
    averaged |= loss_figures(scored, weights)
    return {name: averaged[name] for name in FIGURES}


def rank_figures(rows: np.ndarray, positives: np.ndarray) -> dict[str, Draws]:
    """Ranking figures of one list from its segments (segments, draws): weight of rows, and of converted rows.

    Segments are in falling order of the score; rows within one count as tied. AUC is the Mann-Whitney statistic with
    ties as one half; average precision is the sum of recall steps times precision, a tie group at once. A share's
    capture is read off the straight line within a tie group (its expectation over random orders of the tie), at
    exactly that share of the rows; lift is capture / share.
    """
    total, converted = rows.sum(axis=0), positives.sum(axis=0)
    negatives = rows - positives
    after = (total - converted) - np.cumsum(negatives, axis=0)
    above, captured = np.cumsum(rows, axis=0), np.cumsum(positives, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        figures = {
            "auc": (positives * (after + negatives / 2)).sum(axis=0) / (converted * (total - converted)),
            "average_precision": np.where(rows > 0, positives * captured / above, 0).sum(axis=0) / converted,
        }
        for share in SHARES:
            capture = _capture(above, captured, share * total) / converted
            figures[f"capture_{share * 100:.0f}"] = capture
            figures[f"lift_{share * 100:.0f}"] = capture / share
    figures["average_precision"][converted == 0] = np.nan
    return figures


def capture_curve(frame: pd.DataFrame, shares: Sequence[float]) -> list[dict[str, float]]:
    """Mean over lists of the share of conversions in the top ``share`` of each list.

    ``frame`` as for `evaluate_lists`. Lists without a conversion are left out. "Skip the bottom x, lose y" is
    y = 1 - capture at 1 - x.
    """
    curves = []
    for _, rows in frame.groupby("list", sort=True, dropna=False):
        label = rows["label"].to_numpy(dtype=np.float64)
        if label.sum() == 0:
            continue
        order = np.argsort(-rows["score"].to_numpy(dtype=np.float64), kind="stable")
        accounts, ones = np.arange(len(rows)), np.ones((len(rows), 1))
        found = _segments(rows["score"].to_numpy(dtype=np.float64)[order], label[order], accounts, len(rows))
        above, captured = (np.cumsum(matrix @ ones, axis=0) for matrix in found)
        curves.append([_capture(above, captured, np.array([s * len(rows)]))[0] / label.sum() for s in shares])
    mean = np.mean(curves, axis=0) if curves else np.full(len(shares), np.nan)
    return [{"share": float(s), "capture": float(c)} for s, c in zip(shares, mean, strict=True)]


def captured_by_list(
    segments: Sequence[Segments], weights: np.ndarray, shares: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """What of a value, 0 or more, lies in the top shares of each list, for every draw of account weights.

    ``segments`` are `ScoredLists.segments_of` the value, ties as in `rank_figures`. Gives (shares, lists, draws), and
    all that each list holds (lists, draws).
    """
    caught = np.zeros((len(shares), len(segments), weights.shape[1]))
    held = np.zeros((len(segments), weights.shape[1]))
    for place, found in enumerate(segments):
        above, captured = (np.cumsum(matrix @ weights, axis=0) for matrix in found)
        held[place] = captured[-1]
        for number, share in enumerate(shares):
            caught[number, place] = _capture(above, captured, share * above[-1])
    return caught, held


def row_losses(label: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log loss (natural, probabilities clipped to 1e-15) and Brier score of every row."""
    p = np.clip(probability, LOSS_CLIP, 1 - LOSS_CLIP)
    return -np.where(label == 1, np.log(p), np.log1p(-p)), (p - label) ** 2


def auc(label: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve, ties as one half; NaN without both classes."""
    return float(_one_list(label, score)["auc"][0])


def average_precision(label: np.ndarray, score: np.ndarray) -> float:
    """Average precision, tied scores taken together; NaN without a conversion."""
    return float(_one_list(label, score)["average_precision"][0])


def log_loss(label: np.ndarray, probability: np.ndarray) -> float:
    """Mean negative log likelihood, natural logarithm."""
    return float(row_losses(label, probability)[0].mean())


def brier(label: np.ndarray, probability: np.ndarray) -> float:
    """Mean squared difference of probability and label."""
    return float(row_losses(label, probability)[1].mean())


def lift(label: np.ndarray, score: np.ndarray, share: float) -> float:
    """Conversions in the top ``share`` over those a random order would hold there; ties by expectation."""
    figures = pd.DataFrame({"list": 0, "label": label, "score": score})
    return capture_curve(figures, [share])[0]["capture"] / share


def plain_number(value: float) -> float | None:
    """A Python float for JSON; None for NaN."""
    return None if np.isnan(value) else float(value)


def _one_list(label: np.ndarray, score: np.ndarray) -> dict[str, Draws]:
    order = np.argsort(-score, kind="stable")
    rows, converted = _segments(score[order], label[order], np.arange(len(label)), len(label))
    return rank_figures(rows @ np.ones((len(label), 1)), converted @ np.ones((len(label), 1)))


def _segments(score: np.ndarray, label: np.ndarray, account: np.ndarray, accounts: int) -> Segments:
    """How many rows, and how much of ``label``, each account has in a segment; of one list sorted by falling score."""
    new_tie = np.r_[True, score[1:] != score[:-1]]
    tie = np.cumsum(new_tie) - 1
    converting = np.bincount(tie, weights=label) > 0
    new_segment = converting | np.r_[True, converting[:-1]]
    segment = (np.cumsum(new_segment) - 1)[tie]
    shape = (int(segment[-1]) + 1, accounts)
    return _sums(segment, account, np.ones(len(score)), shape), _sums(segment, account, label, shape)


def _sums(group: np.ndarray, account: np.ndarray, value: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """The sums of ``value`` by group and account."""
    used = value != 0
    return sparse.csr_array((value[used], (group[used], account[used])), shape=shape)


def _capture(above: np.ndarray, captured: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Converted weight within the first ``target`` (draws,) of the weight, along the line through segment ends."""
    draws = np.arange(above.shape[1])
    at = np.minimum((above < target).sum(axis=0), len(above) - 1)
    before = np.where(at > 0, above[at - 1, draws], 0.0)
    got = np.where(at > 0, captured[at - 1, draws], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(above[at, draws] > before, (target - before) / (above[at, draws] - before), 0.0)
    return got + part * (captured[at, draws] - got)


def loss_figures(scored: ScoredLists, weights: np.ndarray) -> dict[str, Draws]:
    """Log loss and Brier score averaged over lists, for every column of account weights (accounts, draws)."""
    sums = {name: matrix @ weights for name, matrix in scored.losses.items()}
    with np.errstate(divide="ignore", invalid="ignore"):
        return {name: _mean_over_lists(list(sums[name] / sums["rows"])) for name in ("log_loss", "brier")}


def _mean_over_lists(values: list[Draws]) -> Draws:
    """Mean of each draw over the lists that have the figure; NaN where none has."""
    table = np.vstack(values)
    known = np.isfinite(table)
    counts = known.sum(axis=0)
    return np.where(counts > 0, np.where(known, table, 0).sum(axis=0) / np.maximum(counts, 1), np.nan)
