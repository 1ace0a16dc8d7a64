"""The same case on both sides of the split: identical rows, or one id, among training and test.

Rows of few columns are alike by chance. Copies are told from them by the column with the most different values: rows
that agree in all others agree in it, too, as good as always; or, in a table without such a column, by the outcomes of
rows that are identical within training.
"""

import numpy as np
import pandas as pd

from leadml.audit.filling import lower_bound
from leadml.audit.findings import Evidence

LEAST_SHARE = 0.02  # of the test rows
LEAST_ROWS = 20  # test rows that agree in all other columns
SAME_BY_CHANCE = 0.05  # most that two rows may agree in the telling column by chance
AGREE = 0.5  # exact lower bound of how often they do
OUTCOMES_AGREE = 0.9  # the same of the outcomes of copies of converted rows


def duplicate_rows(X: pd.DataFrame, label: np.ndarray, train: np.ndarray, test: np.ndarray) -> Evidence | None:
    """``duplicates``: test rows whose feature values all stand in a training row as well, more often than by chance.

    ``train`` and ``test`` are row numbers; labels of test rows are not looked at.
    """
    if not X.shape[1] or not len(train) or not len(test):
        return None
    digest = pd.util.hash_pandas_object(X, index=False).to_numpy()
    copied = np.isin(digest[test], digest[train])
    share = float(copied.mean())
    if share < LEAST_SHARE:
        return None
    if not (telling_column_agrees(X, train, test) or outcomes_agree(digest[train], label[train])):
        return None
    return Evidence("duplicates", {"rows": int(copied.sum()), "share": round(share, 4), "what": "rows"}, 2)


def telling_column_agrees(X: pd.DataFrame, train: np.ndarray, test: np.ndarray) -> bool:
    """Whether rows that agree in all other columns agree in the one with the most different values, too."""
    codes = {name: pd.factorize(X[name], use_na_sentinel=False)[0] for name in X.columns}
    chance = {name: float(((np.bincount(c) / len(c)) ** 2).sum()) for name, c in codes.items()}
    telling = min(chance, key=lambda name: (chance[name], name))
    if X.shape[1] < 2 or chance[telling] > SAME_BY_CHANCE:
        return False
    others = pd.util.hash_pandas_object(X.drop(columns=telling), index=False).to_numpy()
    alike = np.isin(others[test], others[train])
    pairs = pd.MultiIndex.from_arrays([others, codes[telling]])
    same = pairs[test].isin(pairs[train])
    rows = int(alike.sum())
    return rows >= LEAST_ROWS and lower_bound(int(same.sum()), rows, 0.95) >= AGREE


def outcomes_agree(digest: np.ndarray, label: np.ndarray) -> bool:
    """Whether rows (n,) that are identical to a converted one are converted as well, all of them training rows."""
    rows = pd.Series(label).groupby(digest).transform("size").to_numpy() - 1
    others = pd.Series(label).groupby(digest).transform("sum").to_numpy() - label
    copies = (rows > 0) & (label == 1)
    agreeing = int((others[copies] > 0.5 * rows[copies]).sum())
    return lower_bound(agreeing, max(int(copies.sum()), 1), 0.95) >= OUTCOMES_AGREE


def duplicate_leads(lead: np.ndarray, train: np.ndarray, test: np.ndarray) -> Evidence | None:
    """``duplicates``: leads of the test that training has seen as well (only meant where a case has one row)."""
    again = np.isin(lead[test], lead[train])
    share = float(again.mean()) if len(test) else 0.0
    if share < LEAST_SHARE:
        return None
    return Evidence("duplicates", {"rows": int(again.sum()), "share": round(share, 4), "what": "leads"}, 2)
