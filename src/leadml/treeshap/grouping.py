"""Which leaves of a tree are looked up together: those that ask for much the same columns."""

from dataclasses import dataclass

import numpy as np

from leadml.treeshap.compiled import compiled
from leadml.treeshap.forest import Tree
from leadml.treeshap.leaves import Leaf

ROWS = 1 << 13  # of a block, at most
# What a row costs, in the time of looking up one number: a condition, a cell of a table (it comes from memory for every
# block of rows), numbering the states that a block meets, a point of the rule; measured by benchmarks/explain.py.
CONDITION, CELL, NUMBER, POINT = 0.3, 1 / 1024, 4.0, 0.25
# A block meets 2^(MET * sqrt(H)) states of conditions with the entropy H (bits, by the covers of their nodes): fitted
# to bundles of 1 to 8 leaves, whose paths ask for 9 to 20 columns.
MET = 3.4
MOST_CELLS = 1 << 13  # of one table
NEIGHBOURS = 32  # leaves further apart in the tree are not tried as a pair


@dataclass(frozen=True)
class Group:
    """Leaves that are looked up together, in a table that has every state (dense) or those that a block meets.

    ``cells``: of one dense table, at most.
    """

    leaves: list[Leaf]
    dense: bool
    cells: float


@dataclass(frozen=True)
class Grouping:
    """What grouping the leaves of a tree needs to know, whatever a cell costs: as `group_leaves` takes it."""

    leaves: list[Leaf]
    nodes: np.ndarray
    column: np.ndarray
    columns: int
    entropy: np.ndarray
    work: np.ndarray

    def group(self, cell: float) -> list[Group]:
        """The leaves in groups; ``cell`` is what a cell of a table costs."""
        if len(self.leaves) == 1:
            return [Group(self.leaves, dense=True, cells=1)]
        found, cells = group_leaves(self.nodes, self.column, self.columns, self.entropy, self.work, cell)
        return [
            Group([self.leaves[i] for i in np.flatnonzero(found == g)], bool(cells[g] > 0), float(cells[g]))
            for g in np.unique(found)
        ]


def prepare_grouping(leaves: list[Leaf], tree: Tree) -> Grouping:
    """The `Grouping` of a tree's leaves."""
    asked, column = np.unique(tree.feature, return_inverse=True)
    nodes = np.zeros((len(leaves), len(tree.feature)), dtype=np.bool_)
    for i, leaf in enumerate(leaves):
        nodes[i, list(leaf.path)] = True
    count = np.array([tree.leaf_count[~n] if n < 0 else tree.node_count[n] for n in tree.left.tolist()])
    share = np.clip(count / tree.node_count, 1e-12, 1 - 1e-12)
    entropy = -(share * np.log2(share) + (1 - share) * np.log2(1 - share))
    columns = np.array([len(leaf.places) for leaf in leaves], dtype=np.float64)
    work = columns * (2 + POINT * ((columns + 1) // 2))
    return Grouping(leaves, nodes, column.astype(np.int64), len(asked), entropy, work)


@compiled
def dense_cost(columns: int, cells: float, cell: float) -> float:
    """Of a row, by a table of every state."""
    return columns * CONDITION + (columns + 1) * (1 + cells * cell) if cells <= MOST_CELLS else np.inf


@compiled
def met_cost(columns: int, entropy: float, work: float) -> float:
    """Of a row, by a table of the states that its block meets; ``work`` makes one of them."""
    return 2 * columns * CONDITION + columns + 1 + NUMBER + work * min(1.0, 2 ** (MET * np.sqrt(entropy)) / ROWS)


@compiled
def cheapest(
    used: np.ndarray, column: np.ndarray, cuts: np.ndarray, entropy: np.ndarray, work: float, cell: float
) -> tuple[float, float]:
    """The cost of leaves whose paths go over the nodes ``used``, and the cells of the dense table; 0 if met is cheaper.

    States are counted as if every node cut its column once more, so never too few but where missing values take
    another way at each of several nodes. ``cuts``, by column, is overwritten.
    """
    cuts[:] = 0
    bits = 0.0
    for node in range(column.size):
        if used[node]:
            cuts[column[node]] += 1
            bits += entropy[node]
    cells, asked = 1.0, 0
    for n in cuts:
        cells *= n + 1
        asked += n > 0
    dense, met = dense_cost(asked, cells, cell), met_cost(asked, bits, work)
    return (dense, cells) if dense <= met else (met, 0.0)


@compiled
def group_leaves(
    nodes: np.ndarray, column: np.ndarray, columns: int, entropy: np.ndarray, work: np.ndarray, cell: float
) -> tuple[np.ndarray, np.ndarray]:
    """The group of each leaf, named by its first: the pair that saves most is joined until no pair saves anything.

    Args:
        nodes: (L, nodes), whether a node is on the leaf's path.
        column: (nodes,) numbered from 0.
        columns: how many columns the nodes ask for.
        entropy: (nodes,) bits, of going left or right.
        work: (L,) what making one state of the leaf costs.
        cell: what a cell of a table costs.

    Returns:
        (L,) the group, and (L,) by group the cells of its dense table, 0 where those met are looked up.
    """
    L = nodes.shape[0]
    used, making, cost, cells, group = nodes.copy(), work.copy(), np.zeros(L), np.zeros(L), np.arange(L)
    saved = np.full((L, NEIGHBOURS), -1.0)
    cuts = np.zeros(columns, dtype=np.int64)
    for a in range(L):
        cost[a], cells[a] = cheapest(used[a], column, cuts, entropy, making[a], cell)
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
                    both = cheapest(used[a] | used[b], column, cuts, entropy, making[a] + making[b], cell)
                    saved[a, k] = cost[a] + cost[b] - both[0]
                if saved[a, k] > best:
                    best, first, second = saved[a, k], a, b
        if first < 0:
            return group, cells
        used[first] |= used[second]
        making[first] += making[second]
        cost[first], cells[first] = cheapest(used[first], column, cuts, entropy, making[first], cell)
        group[group == second] = first
        changed = first
