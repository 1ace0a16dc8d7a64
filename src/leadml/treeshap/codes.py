"""A row's values as small codes: two values get one code where no tree can tell them apart.

A numeric column with m thresholds has the codes 0 (missing) and 1 to m + 1 (the intervals between thresholds, which
belong to the interval below them); a categorical one with m levels in some split 0, 1 to m and m + 1 (others).
"""

from dataclasses import dataclass

import numpy as np

from leadml.errors import ArtifactError
from leadml.treeshap.compiled import compiled
from leadml.treeshap.forest import CATEGORICAL, DEFAULT_LEFT, MISSING_NAN, MISSING_ZERO, Forest, Tree

ZERO = float(np.float32(1e-35))  # LightGBM reads what is no larger than this as 0
MOST_CODES = 1 << 16


@dataclass(frozen=True)
class Coding:
    """How the columns that some tree asks for are coded.

    Attributes:
        columns: (u,) those columns of the input, ascending.
        categorical: (u,) whether a column's values are levels.
        bounds: thresholds or levels of all columns, each ascending.
        begins: (u + 1,) where each column's begin.
    """

    columns: np.ndarray
    categorical: np.ndarray
    bounds: np.ndarray
    begins: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """(u,) how many codes a column has."""
        return np.diff(self.begins) + 2

    def own(self, place: int) -> np.ndarray:
        """The bounds of one of the columns."""
        return self.bounds[self.begins[place] : self.begins[place + 1]]

    def encode(self, matrix: np.ndarray) -> np.ndarray:
        """The codes (u, n), uint16, of a float64 matrix (n, columns)."""
        codes = np.empty((len(self.columns), len(matrix)), dtype=np.uint16)
        encode_rows(matrix, self.columns, self.categorical, self.bounds, self.begins, codes)
        return codes


def choose_codes(forest: Forest) -> Coding:
    """The coding that tells apart what the trees tell apart, no more.

    Raises:
        ArtifactError: a column is both numeric and categorical, or has more codes than fit into 16 bits.
    """
    found: dict[tuple[int, bool], list[np.ndarray]] = {}
    for tree in forest.trees:
        categorical = tree.decision & CATEGORICAL > 0
        for column in np.unique(tree.feature[~categorical]):
            mine = (tree.feature == column) & ~categorical
            found.setdefault((int(column), False), []).append(tree.threshold[mine])
            if (missing_type(tree.decision[mine]) == MISSING_ZERO).any():
                found[int(column), False].append(np.array([np.nextafter(-ZERO, -1), ZERO]))
        for node, levels in tree.levels.items():
            found.setdefault((int(tree.feature[node]), True), []).append(levels.astype(np.float64))
    keys = sorted(found)
    bounds = [np.unique(np.concatenate(found[key])) for key in keys]
    columns = np.array([column for column, _ in keys], dtype=np.int64)
    if len(np.unique(columns)) < len(columns):
        raise ArtifactError("a column of the booster is numeric in one tree and categorical in another: train again")
    if max((len(b) for b in bounds), default=0) + 2 > MOST_CODES:
        raise ArtifactError(
            f"a column of the booster has over {MOST_CODES - 2:,} thresholds: train with a smaller max_bin"
        )
    begins = np.cumsum([0, *(len(b) for b in bounds)], dtype=np.int64)
    flat = np.concatenate(bounds) if bounds else np.zeros(0)
    return Coding(columns, np.array([c for _, c in keys], dtype=np.bool_), flat, begins)


def missing_type(decision: np.ndarray) -> np.ndarray:
    """LightGBM's missing type of nodes: none, zero, not a number."""
    return decision >> 2 & 3


def goes_left(tree: Tree, node: int, bounds: np.ndarray) -> np.ndarray:
    """By code of the node's column, whether a row goes left: LightGBM's NumericalDecision and CategoricalDecision."""
    left = np.zeros(len(bounds) + 2, dtype=np.bool_)
    if node in tree.levels:
        left[1:-1] = np.isin(bounds, tree.levels[node])
        return left
    left[1 : np.searchsorted(bounds, tree.threshold[node]) + 2] = True
    zero = np.searchsorted(bounds, 0.0) + 1
    missing, default = missing_type(tree.decision[node]), bool(tree.decision[node] & DEFAULT_LEFT)
    if missing == MISSING_ZERO:
        left[zero] = default
    left[0] = default if missing == MISSING_NAN else left[zero]
    return left


@compiled
def encode_rows(
    matrix: np.ndarray,
    columns: np.ndarray,
    categorical: np.ndarray,
    bounds: np.ndarray,
    begins: np.ndarray,
    codes: np.ndarray,
) -> None:
    """`Coding.encode` into ``codes``: how many bounds are below the value, by halving without branches."""
    for place in range(columns.size):
        column, out = columns[place], codes[place]
        own = bounds[begins[place] : begins[place + 1]]
        size = own.size
        for r in range(matrix.shape[0]):
            value = matrix[r, column]
            if value != value:
                out[r] = 0
                continue
            if categorical[place]:
                value = np.trunc(value)
            elif abs(value) <= ZERO:
                value = 0.0
            low, left = 0, size
            while left > 0:
                half = left >> 1
                above = own[low + half] < value
                low += (half + 1) if above else 0
                left = (left - half - 1) if above else half
            if categorical[place] and (low == size or own[low] != value):
                low = size
            out[r] = low + 1
