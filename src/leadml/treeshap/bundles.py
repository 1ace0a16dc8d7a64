"""Leaves of a tree that are looked up together: a bundle's table holds every contribution that its leaves can make.

Let a leaf's path ask for D columns, let r_j be the share of training rows that pass its conditions on column j, each
condition's of those that came to it, and s_j 1 where a row passes them, else 0. The leaf gives column j

    value * (s_j - r_j) * integral over t from 0 to 1 of the product over k != j of (1 - t) r_k + t s_k

This is Owen's integral of the multilinear extension (Management Science 18, 1972) for the path-dependent game of
Lundberg et al. (Nature Machine Intelligence 2, 2020). The integrand's degree is D - 1, so Gauss and Legendre's rule is
exact with (D + 1) // 2 points. Of the row only s counts: 2^D cases, made once, as FastTreeSHAP v2 (arXiv 2109.09847)
does for a leaf. Here leaves that ask for much the same columns share a table by the joint state of those columns, so a
row looks up D numbers where it would have looked up D for every leaf. A leaf whose table would be too dear is summed
by the rule for each row (the idea of Linear TreeSHAP, arXiv 2209.08192): a bundle of its own, with points.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from leadml.treeshap.codes import Coding, goes_left
from leadml.treeshap.forest import Forest, Tree

# What a row costs, in the time of looking up one number: a condition, a cell of a table (it comes from memory for every
# block of rows), a point of the rule; measured by benchmarks/explain.py.
CONDITION, CELL, POINT = 0.3, 1 / 1024, 0.6
MOST_CELLS = 1 << 13  # of one table; states are counted in 16 bits
NEIGHBOURS = 32  # leaves further apart in the tree are not tried as a pair
MOST_BYTES = 64 << 20  # of all tables


class Bundles(NamedTuple):
    """The bundles of a forest, tree by tree, and their slots, one for each column that a bundle asks for.

    Attributes:
        tree: (b,) the tree, ascending.
        start: (b,) uint16, the state before the slots are looked at.
        cells: (b,) cells of each of its tables; 0 for a leaf that is summed by points.
        table: (b,) where its tables begin in ``tables``: one a slot, then that of the leaves' values.
        slots: (b + 1,) where its slots begin.
        column: (s,) place among the coding's columns.
        low: (s,) uint16. A code c with (c - low) mod 2^16 <= width adds step to the state.
        width: (s,) uint16.
        step: (s,) uint16; the state wraps round, so a step may stand for a subtraction.
        levels: (s,) where the slot's own steps by code begin in ``steps``; -1 where low and width say it all.
        ratio: (s,) r_j.
        steps: uint16, steps by code.
        tables: float64; of a leaf that is summed by points its value alone.
    """

    tree: np.ndarray
    start: np.ndarray
    cells: np.ndarray
    table: np.ndarray
    slots: np.ndarray
    column: np.ndarray
    low: np.ndarray
    width: np.ndarray
    step: np.ndarray
    levels: np.ndarray
    ratio: np.ndarray
    steps: np.ndarray
    tables: np.ndarray


@dataclass(frozen=True)
class Leaf:
    """A leaf, with the D columns its path asks for.

    Attributes:
        value: what it adds to the margin.
        places: (D,) of the columns among the coding's, ascending.
        ratio: (D,) r_j.
        allowed: by place, which codes pass.
        path: the nodes above it.
    """

    value: float
    places: tuple[int, ...]
    ratio: np.ndarray
    allowed: dict[int, np.ndarray]
    path: tuple[int, ...]


def list_leaves(tree: Tree, coding: Coding) -> list[Leaf]:
    """The leaves from left to right."""
    if not len(tree.feature):
        return [Leaf(float(tree.value[0]), (), np.zeros(0), {}, ())]
    places = np.searchsorted(coding.columns, tree.feature)
    left = [goes_left(tree, node, coding.own(place)) for node, place in enumerate(places)]
    return list(walk(tree, 0, places, left, {}, {}, ()))


def walk(
    tree: Tree,
    node: int,
    places: np.ndarray,
    left: list[np.ndarray],
    allowed: dict[int, np.ndarray],
    ratio: dict[int, float],
    path: tuple[int, ...],
) -> Iterator[Leaf]:
    """The leaves below a child, given the conditions above it."""
    if node < 0:
        asked = tuple(sorted(allowed))
        yield Leaf(float(tree.value[~node]), asked, np.array([ratio[p] for p in asked]), allowed, path)
        return
    place = int(places[node])
    for child, passes in ((int(tree.left[node]), left[node]), (int(tree.right[node]), ~left[node])):
        count = tree.leaf_count[~child] if child < 0 else tree.node_count[child]
        both = allowed[place] & passes if place in allowed else passes
        share = ratio.get(place, 1.0) * count / tree.node_count[node]
        yield from walk(tree, child, places, left, allowed | {place: both}, ratio | {place: share}, (*path, node))


def build_bundles(forest: Forest, coding: Coding) -> Bundles:
    """The bundles of all trees, with tables of at most `MOST_BYTES`."""
    leaves = [list_leaves(tree, coding) for tree in forest.trees]
    cell = CELL
    while True:
        drafts = [
            draft_bundle(t, members, cell)
            for t, (own, tree) in enumerate(zip(leaves, forest.trees, strict=True))
            for members in group_tree(own, tree, cell)
        ]
        if sum(draft.size for draft in drafts) * 8 <= MOST_BYTES or all(draft.points for draft in drafts):
            return join_drafts(drafts)
        cell *= 2


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


@dataclass(frozen=True)
class Draft:
    """One bundle before all are joined.

    Attributes:
        tree: the tree.
        leaves: its leaves; one where it is summed by points.
        places: by slot, the column's place among the coding's.
        cell: by slot, the cell of each code.
        sizes: (slots,) how many cells.
        points: whether it is summed by points.
    """

    tree: int
    leaves: list[Leaf]
    places: tuple[int, ...]
    cell: list[np.ndarray]
    sizes: np.ndarray
    points: bool

    @property
    def cells(self) -> int:
        """Of one table."""
        return int(np.prod(self.sizes, dtype=np.int64))

    @property
    def size(self) -> int:
        """Numbers in all its tables."""
        return 1 if self.points else self.cells * (len(self.places) + 1)


def draft_bundle(tree: int, leaves: list[Leaf], cost: float) -> Draft:
    """The slots of a bundle; ``cost`` is that of a cell."""
    places = leaves[0].places if len(leaves) == 1 else tuple(sorted({p for leaf in leaves for p in leaf.places}))
    cell, sizes = [], []
    for place in places:
        ways = np.stack([leaf.allowed[place] for leaf in leaves if place in leaf.allowed])
        numbered = np.empty(ways.shape[1], dtype=np.int64)
        sizes.append(number_cells(ways, numbered))
        cell.append(numbered)
    columns = len(places)
    points = len(leaves) == 1 and points_cost(columns) < table_cost(columns, 2.0**columns, cost)
    return Draft(tree, leaves, places, cell, np.array(sizes, dtype=np.int64), points)


@numba.njit(cache=True)
def number_cells(ways: np.ndarray, cell: np.ndarray) -> int:
    """Codes that no leaf tells apart get one number, from 0 by their first code; returns how many there are.

    For a single leaf 1 is the cell that passes, whichever code comes first.

    Args:
        ways: (leaves, codes), which codes pass.
        cell: (codes,), filled here.
    """
    if ways.shape[0] == 1:
        for code in range(cell.size):
            cell[code] = ways[0, code]
        return 2
    first, count = np.empty(cell.size, dtype=np.int64), 0
    for code in range(cell.size):
        cell[code] = -1
        for c in range(count):
            same = True
            for leaf in range(ways.shape[0]):
                if ways[leaf, code] != ways[leaf, first[c]]:
                    same = False
                    break
            if same:
                cell[code] = c
                break
        if cell[code] < 0:
            first[count] = code
            cell[code] = count
            count += 1
    return count


@numba.njit(cache=True)
def find_range(inside: np.ndarray) -> tuple[int, int]:
    """Low and width, so that (code - low) mod 2^16 <= width where inside and nowhere else; -1 and -1 if none are."""
    n, begins, low, inner = inside.size, 0, -1, 0
    for code in range(n):
        inner += inside[code]
        if inside[code] and not (inside[code - 1] if code else inside[n - 1]):
            begins, low = begins + 1, code
    if inner == 0 or begins > 1:
        return -1, -1
    if inner == n:
        return 0, n - 1
    if inside[0] and inside[n - 1]:  # it goes round, over the codes that no column has
        return low, inner - 1 + (1 << 16) - n
    return low, inner - 1


def join_drafts(drafts: list[Draft]) -> Bundles:
    """All bundles, their tables filled."""
    table = np.cumsum([0, *(d.size for d in drafts)], dtype=np.int64)
    slots = np.cumsum([0, *(len(d.places) for d in drafts)], dtype=np.int64)
    start = np.zeros(len(drafts), dtype=np.uint16)
    low, width, step = (np.zeros(slots[-1], dtype=np.uint16) for _ in range(3))
    levels, ratio, tables = np.full(slots[-1], -1, dtype=np.int64), np.ones(slots[-1]), np.zeros(table[-1])
    steps: list[np.ndarray] = []
    held = 0
    for i, d in enumerate(drafts):
        strides = np.cumprod(np.concatenate(([1], d.sizes[:-1]))) if len(d.places) else np.zeros(0, dtype=np.int64)
        for slot, (cell, size, stride) in enumerate(zip(d.cell, d.sizes, strides, strict=True), slots[i]):
            stride = 1 if d.points else stride
            found = find_range(cell == 1) if size == 2 else (-1, -1)
            turned = found[0] < 0 and size == 2
            if turned:
                found = find_range(cell == 0)
            if found[0] < 0:
                levels[slot] = held
                steps.append((cell * stride).astype(np.uint16))
                held += len(cell)
                continue
            low[slot], width[slot] = found
            step[slot] = -stride % (1 << 16) if turned else stride
            start[i] += stride if turned else 0
        if d.points:
            tables[table[i]] = d.leaves[0].value
            ratio[slots[i] : slots[i + 1]] = d.leaves[0].ratio
        else:
            fill_tables(d, strides, tables[table[i] : table[i + 1]].reshape(-1, d.cells))
    return Bundles(
        tree=np.array([d.tree for d in drafts], dtype=np.int64),
        start=start,
        cells=np.array([0 if d.points else d.cells for d in drafts], dtype=np.int64),
        table=table,
        slots=slots,
        column=np.array([p for d in drafts for p in d.places], dtype=np.int64),
        low=low,
        width=width,
        step=step,
        levels=levels,
        ratio=ratio,
        steps=np.concatenate(steps) if steps else np.zeros(0, dtype=np.uint16),
        tables=tables,
    )


def fill_tables(draft: Draft, strides: np.ndarray, tables: np.ndarray) -> None:
    """Adds what each leaf gives in each state; tables is (slots + 1, cells), the last that of the values."""
    most = int(draft.sizes.max(initial=1))
    for leaf in draft.leaves:
        slots = np.searchsorted(draft.places, leaf.places)
        passes = np.zeros((len(slots), most), dtype=np.bool_)
        for row, (slot, place) in enumerate(zip(slots, leaf.places, strict=True)):
            passes[row, draft.cell[slot]] = leaf.allowed[place]
        at, weight = gauss(len(slots))
        add_leaf(
            leaf_cases(leaf.ratio, leaf.value, at, weight), leaf.value, slots, strides, draft.sizes, passes, tables
        )


def gauss(columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of Gauss and Legendre's rule on [0, 1], exact for the leaf of so many columns."""
    at, weight = np.polynomial.legendre.leggauss(max(1, (columns + 1) // 2))
    return (at + 1) / 2, weight / 2


@numba.njit(cache=True)
def leaf_cases(ratio: np.ndarray, value: float, at: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """What a leaf gives to each of its D columns, (2^D, D); bit j of the case is s_j."""
    D = ratio.size
    cases = np.zeros((1 << D, D))
    factor, before = np.empty(D), np.empty(D)
    for case in range(1 << D):
        for k in range(at.size):
            product = 1.0
            for j in range(D):
                factor[j] = (1 - at[k]) * ratio[j] + (at[k] if case >> j & 1 else 0.0)
                before[j] = product
                product *= factor[j]
            product = weight[k]
            for j in range(D - 1, -1, -1):
                cases[case, j] += before[j] * product
                product *= factor[j]
        for j in range(D):
            cases[case, j] *= value * ((1.0 if case >> j & 1 else 0.0) - ratio[j])
    return cases


@numba.njit(cache=True)
def add_leaf(
    cases: np.ndarray,
    value: float,
    slots: np.ndarray,
    strides: np.ndarray,
    sizes: np.ndarray,
    passes: np.ndarray,
    tables: np.ndarray,
) -> None:
    """Adds a leaf's cases to its bundle's tables.

    Args:
        cases: (2^D, D) of `leaf_cases`.
        value: the leaf's.
        slots: (D,) of the leaf's columns.
        strides: (slots,) what a cell of the slot adds to the state.
        sizes: (slots,) cells of the slot.
        passes: (D, most cells), whether the cell passes.
        tables: (slots + 1, states).
    """
    D = slots.size
    for state in range(tables.shape[1]):
        case = 0
        for j in range(D):
            if passes[j, state // strides[slots[j]] % sizes[slots[j]]]:
                case |= 1 << j
        for j in range(D):
            tables[slots[j], state] += cases[case, j]
        if case == (1 << D) - 1:
            tables[-1, state] += value
