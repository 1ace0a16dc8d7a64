"""How strong one column is alone, by means of this package's own: what is audited must not measure itself."""

import numpy as np
import pandas as pd

BINS = 20
RARE = 15  # rows below which a level says nothing of its own


def auc(score: np.ndarray, label: np.ndarray) -> float:
    """Area under the ROC curve, ties counted half; 0.5 where one class is missing."""
    ones = label == 1
    n1, n0 = int(ones.sum()), int((~ones).sum())
    if n1 == 0 or n0 == 0:
        return 0.5
    ranks = pd.Series(score).rank().to_numpy()
    return float((ranks[ones].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def to_levels(values: pd.Series, created: pd.Series | None = None) -> np.ndarray:
    """Whole numbers that stand for bins of numbers and ages, levels of texts, and being missing (-1)."""
    if pd.api.types.is_datetime64_any_dtype(values):
        values = (values - (values.min() if created is None else created)).dt.total_seconds()
    if not pd.api.types.is_numeric_dtype(values):
        counts = values.value_counts()
        kept = values.where(values.isna() | values.map(counts).ge(RARE), "(rare)")
        return pd.factorize(kept)[0]
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, BINS + 1)[1:-1])) if values.notna().any() else []
    return np.where(values.isna(), -1, np.searchsorted(edges, values.fillna(0), side="left"))


def auc_alone(values: pd.Series, label: np.ndarray, created: pd.Series | None = None) -> float:
    """AUC of the rate per bin or level, learnt on one half of the labelled rows and judged on the other, both ways."""
    known = ~np.isnan(label)
    levels, y = to_levels(values.reset_index(drop=True), created)[known], label[known]
    half = np.arange(len(y)) % 2
    found = []
    for side in (0, 1):
        learnt = pd.Series(y[half != side]).groupby(levels[half != side]).agg(["sum", "count"])
        rate = (learnt["sum"] + 5 * y.mean()) / (learnt["count"] + 5)
        score = rate.reindex(levels[half == side]).fillna(y.mean()).to_numpy()
        found.append(auc(score, y[half == side]))
    return float(np.mean(found))
