"""One column alone against a model of all the others: a leak often equals them, an honest signal seldom does."""

from collections.abc import Sequence

import numpy as np

from leadml.audit.columns import Coded, draw_rows
from leadml.audit.findings import Evidence
from leadml.audit.power import FOLDS, Auc, Outcome, cell_auc

TIE = 0.02  # AUC by which the column may fall short of the others and still count as their equal
LEAST_AUC = 0.74  # of a column alone, from which the others are asked
GOOD_OTHERS = 0.68  # AUC of the others from which a column that beats them is remarkable
MOST_CANDIDATES = 4  # columns asked about: each costs a model
ROWS = 12_000  # rows of that model
TREES = 60
LEVELS = 30  # most frequent levels that the model tells apart
PARAMETERS = {
    "objective": "binary",
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "min_data_per_group": 20,
    "cat_smooth": 20.0,
    "feature_fraction": 0.7,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def dominance(column: Auc, others: float) -> Evidence | None:
    """``dominance``: the lower end of the column's AUC is at most `TIE` below that of the model of all the others."""
    if column.low < others - TIE or column.low < LEAST_AUC:
        return None
    numbers = column.to_dict() | {"others": round(others, 4)}
    return Evidence("dominance", numbers, 2 if others >= GOOD_OTHERS else 1)


def others_auc(columns: Sequence[Coded], outcome: Outcome, seed: int, threads: int) -> float:
    """Out-of-fold AUC of a quick model of the columns; 0.5 where there are none.

    Folds are those of the outcome; at most `ROWS` rows are taken, drawn by the seed.
    """
    import lightgbm as lgb

    from leadml.models.trees import LIGHTGBM

    if not columns:
        return 0.5
    rows = draw_rows(len(outcome.label), seed, ROWS)
    matrix = np.column_stack([_values(column, rows) for column in columns])
    label, fold = outcome.label[rows], outcome.fold[rows]
    categorical = [j for j, column in enumerate(columns) if column.category]
    parameters = PARAMETERS | {"seed": seed, "num_threads": threads}
    margins = np.zeros(len(rows))
    for k in range(FOLDS):
        fit, held = fold != k, fold == k
        if not held.any() or not 0 < label[fit].sum() < fit.sum():
            continue
        with LIGHTGBM:
            data = lgb.Dataset(matrix[fit], label[fit], categorical_feature=categorical, params=parameters)
            booster = lgb.train(parameters, data, TREES)
            margins[held] = booster.predict(matrix[held], num_threads=threads)
    values, codes = np.unique(margins, return_inverse=True)
    return cell_auc(values, np.bincount(codes), np.bincount(codes, weights=label))


def _values(column: Coded, rows: np.ndarray) -> np.ndarray:
    """The numbers, or the codes of the most frequent levels (all rarer ones are one)."""
    if not column.category:
        return column.values[rows]
    counts = np.bincount(column.codes, minlength=len(column.names))
    counts[0] = 0
    place = np.full(len(counts), LEVELS, dtype=np.float64)
    most = np.argsort(-counts, kind="stable")[:LEVELS]
    place[most] = np.arange(len(most))
    place[0] = np.nan
    return place[column.codes[rows]]
