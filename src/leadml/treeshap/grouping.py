"""Which leaves of a tree share a table: those that ask for much the same columns."""

import numba
import numpy as np

from leadml.treeshap.forest import Tree
from leadml.treeshap.leaves import Leaf

# What a row costs, in the time of looking up one number: a condition, a cell of a table (it comes from memory for every
# block of rows), a point of the rule; measured by benchmarks/explain.py.
CONDITION, CELL, POINT = 0.3, 1 / 1024, 0.6
MOST_CELLS = 1 << 13  # of one table; states are counted in 16 bits
NEIGHBOURS = 32  # leaves further apart in the tree are not tried as a pair


def group_tree(leaves: list[Leaf], tree: Tree, cell: float) -> list[list[Leaf]]:
    """The leaves in bundles."""
    if len(leaves) == 1:
        return [leaves]
    asked, column = np.unique(tree.feature, return_inverse=True)
    nodes = np.zeros((len(leaves), len(tree.feature)), dtype=np.bool_)
    for i, leaf in enumerate(leaves):
        nodes[i, list(leaf.path)] = True
    group = group_leaves(nodes, column.astype(np.int64), len(asked), cell)
    return [[leaves[i] for i in np.flatnonzero(group == g)] for g in np.unique(group)]


@numba.njit(cache=True)
def table_cost(columns: int, cells: float, cell: float) -> float:
    """Of a row, by tables."""
    return columns * CONDITION + (columns + 1) * (1 + cells * cell) if cells <= MOST_CELLS else np.inf


@numba.njit(cache=True)
def points_cost(columns: int) -> float:
    """Of a row, by points."""
    return columns * (CONDITION + 1 + POINT * ((columns + 1) // 2))


@numba.njit(cache=True)
def group_leaves(nodes: np.ndarray, column: np.ndarray, columns: int, cell: float) -> np.ndarray:
    """The bundle of each leaf, named by its first: the pair that saves most is joined until no pair saves anything.

    A bundle's states are counted as if every node on its paths cut its column once more, so it is never told too small
    but where missing values take another way at each of several nodes.

    Args:
        nodes: (L, nodes), whether a node is on the leaf's path.
        column: (nodes,) numbered from 0.
        columns: how many columns the nodes ask for.
        cell: what a cell of a table costs.
    """
    L = nodes.shape[0]
    used, cost, group = nodes.copy(), np.zeros(L), np.arange(L)
    saved = np.full((L, NEIGHBOURS), -1.0)
    cuts = np.zeros(columns, dtype=np.int64)
    for a in range(L):
        cuts[:] = 0
        for node in range(column.size):
            if used[a, node]:
                cuts[column[node]] = 1
        asked = cuts.sum()
        cost[a] = min(table_cost(asked, 2.0**asked, cell), points_cost(asked))
    changed = -1
    while True:
        best, first, second = 0.0, -1, -1
        for a in range(L):
            if group[a] != a:
                continue
            for k in range(min(NEIGHBOURS, L - a - 1)):
                b = a + k + 1
                if group[b] != b:
                    continue
                if changed < 0 or a == changed or b == changed:
                    cuts[:] = 0
                    for node in range(column.size):
                        if used[a, node] or used[b, node]:
                            cuts[column[node]] += 1
                    cells, asked = 1.0, 0
                    for n in cuts:
                        cells *= n + 1
                        asked += n > 0
                    saved[a, k] = cost[a] + cost[b] - table_cost(asked, cells, cell)
                if saved[a, k] > best:
                    best, first, second = saved[a, k], a, b
        if first < 0:
            return group
        used[first] |= used[second]
        cost[first] += cost[second] - best
        group[group == second] = first
        changed = first
