"""How well one thing alone orders the outcome: out of fold, whatever the shape, with an interval.

The AUC is that of shrunken conversion rates of the column's bins, learnt on the other folds (whole accounts), so that
a U-shape counts as much as a slope and a category with as many levels as rows counts for nothing. Its interval is that
of Hanley and McNeil (1982), with distinct leads in the place of rows.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri  # not scipy.stats, which takes 0.7 s to import

from leadml.audit.columns import Coded
from leadml.audit.findings import Evidence

FOLDS = 5
SHRINK = 10.0  # rows at the mean rate behind every bin's own
CONFIDENCE = 0.90
ALONE = ((0.80, 4), (0.78, 3), (0.75, 2), (0.70, 1))
DATED = 0.95
ORDER = 0.70  # of the rows or of the ids: honest files drift with time, too
ORDER_BINS = 20


@dataclass(frozen=True)
class Outcome:
    """The rows' labels (0 or 1), folds and leads as arrays (n,), with distinct leads of both outcomes."""

    label: np.ndarray
    fold: np.ndarray
    converting: int
    others: int

    @property
    def rate(self) -> float:
        """Share of converted rows."""
        return float(self.label.mean())


def build_outcome(label: np.ndarray, lead: np.ndarray, account: np.ndarray, seed: int) -> Outcome:
    """Outcome of rows (n,): ``lead`` and ``account`` are codes from 0; folds are whole accounts, drawn by the seed."""
    label = label.astype(np.float64)
    fold_of = np.random.default_rng(seed).integers(0, FOLDS, int(account.max()) + 1 if len(account) else 0)
    converted = np.unique(lead[label == 1])
    return Outcome(label, fold_of[account], len(converted), len(np.setdiff1d(np.unique(lead), converted)))


@dataclass(frozen=True)
class Auc:
    """An AUC with its interval."""

    auc: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Rounded plain values."""
        return {"auc": round(self.auc, 4), "low": round(self.low, 4), "high": round(self.high, 4)}


def code_auc(codes: np.ndarray, outcome: Outcome) -> Auc:
    """The out-of-fold AUC of the codes' shrunken rates."""
    size = int(codes.max()) + 1
    cell = outcome.fold * size + codes
    rows = np.bincount(cell, minlength=FOLDS * size).reshape(FOLDS, size)
    positives = np.bincount(cell, weights=outcome.label, minlength=FOLDS * size).reshape(FOLDS, size)
    other_rows, other_positives = rows.sum(axis=0) - rows, positives.sum(axis=0) - positives
    rates = (other_positives + SHRINK * outcome.rate) / (other_rows + SHRINK)
    return with_interval(cell_auc(rates.ravel(), rows.ravel(), positives.ravel()), outcome)


def cell_auc(score: np.ndarray, rows: np.ndarray, positives: np.ndarray) -> float:
    """AUC of cells with a score, a number of rows and of converted rows each; ties count half."""
    order = np.argsort(score, kind="stable")
    _, group = np.unique(score[order], return_inverse=True)
    good = np.bincount(group, weights=positives[order])
    bad = np.bincount(group, weights=(rows - positives)[order])
    total = good.sum() * bad.sum()
    return float((good * (np.cumsum(bad) - bad / 2)).sum() / total) if total else 0.5


def with_interval(auc: float, outcome: Outcome) -> Auc:
    """The AUC with Hanley and McNeil's interval at `CONFIDENCE`, from distinct leads."""
    m, n = max(outcome.converting, 1), max(outcome.others, 1)
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = (auc * (1 - auc) + (m - 1) * (q1 - auc * auc) + (n - 1) * (q2 - auc * auc)) / (m * n)
    # A perfect order of few leads has a variance of 0 by the formula; half a wrong pair more is not.
    error = np.sqrt(max(variance, 0.25 / min(m, n) ** 2))
    reach = float(ndtri((1 + CONFIDENCE) / 2) * error)
    return Auc(auc, max(0.0, auc - reach), min(1.0, auc + reach))


def alone_evidence(auc: Auc, outcome: Outcome, dated: bool) -> Evidence | None:
    """``alone``: the column's AUC, with points by its interval's lower end; dated columns only above `DATED`."""
    steps = ((DATED, 4),) if dated else ALONE
    points = next((p for least, p in steps if auc.low >= least), 0)
    numbers = auc.to_dict() | {"converting_leads": outcome.converting}
    return Evidence("alone", numbers, points) if points else None


def order_evidence(kind: str, order: np.ndarray, outcome: Outcome) -> Evidence | None:
    """``row_order`` or ``id_order``: the AUC of the place of a row in an order (n,), where it is `ORDER` or more."""
    rank = np.argsort(np.argsort(order, kind="stable"), kind="stable")
    auc = code_auc(rank * ORDER_BINS // max(len(order), 1), outcome)
    points = 4 if auc.low >= 0.9 else 2
    return Evidence(kind, auc.to_dict(), points) if auc.low >= ORDER else None


def shown_code(coded: Coded, code: int) -> str:
    """A code's value for people, shortened."""
    name = coded.names[code] if code else "(missing)"
    return name if len(name) <= 40 else name[:37] + "..."
