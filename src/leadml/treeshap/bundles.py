"""Leaves that are looked up together, and the numbers that a block of rows is run through.

A bundle is some leaves of a tree that share tables, by the joint state of the columns they ask for: a row looks up a
number for each of those columns, where it would have looked up one for each leaf and column. A leaf whose table would
be too dear is summed by the rule of `leadml.treeshap.tables` for each row (the idea of Linear TreeSHAP, arXiv
2209.08192): a bundle of its own, with points instead of tables.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from leadml.treeshap.codes import Coding
from leadml.treeshap.forest import Forest
from leadml.treeshap.grouping import CELL, group_tree, points_cost, table_cost
from leadml.treeshap.leaves import Leaf, list_leaves
from leadml.treeshap.tables import add_leaf, gauss, leaf_cases

MOST_BYTES = 64 << 20  # of all tables
MOST_STATES = 1 << 16  # of a bundle: they are counted in 16 bits


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


def build_bundles(forest: Forest, coding: Coding) -> Bundles:
    """The bundles of all trees, with tables of at most `MOST_BYTES`."""
    leaves = [list_leaves(tree, coding) for tree in forest.trees]
    cell = CELL
    while True:
        drafts = [
            draft
            for t, (own, tree) in enumerate(zip(leaves, forest.trees, strict=True))
            for members in group_tree(own, tree, cell)
            for draft in draft_bundles(t, members, cell)
        ]
        if sum(draft.size for draft in drafts) * 8 <= MOST_BYTES or all(draft.points for draft in drafts):
            return join_drafts(drafts)
        cell *= 2


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


def draft_bundles(tree: int, leaves: list[Leaf], cost: float) -> list[Draft]:
    """The leaves as one bundle, or each as its own where missing values make more states than can be counted."""
    draft = draft_bundle(tree, leaves, cost)
    if draft.points or draft.cells <= MOST_STATES:
        return [draft]
    return [draft_bundle(tree, [leaf], cost) for leaf in leaves]


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
    tables = np.zeros(table[-1])
    start: list[int] = []
    slots: list[Slot] = []
    for i, d in enumerate(drafts):
        strides = np.cumprod(np.concatenate(([1], d.sizes[:-1])), dtype=np.int64)[: len(d.places)]
        steps = np.ones_like(strides) if d.points else strides
        found = [describe_slot(*one) for one in zip(d.cell, d.sizes, steps, strict=True)]
        start.append(sum(slot.start for slot in found))
        slots += found
        if d.points:
            tables[table[i]] = d.leaves[0].value
        else:
            fill_tables(d, strides, tables[table[i] : table[i + 1]].reshape(-1, d.cells))
    held = np.cumsum([0, *(len(slot.steps) for slot in slots)], dtype=np.int64)
    return Bundles(
        tree=np.array([d.tree for d in drafts], dtype=np.int64),
        start=np.array(start, dtype=np.int64).astype(np.uint16),
        cells=np.array([0 if d.points else d.cells for d in drafts], dtype=np.int64),
        table=table,
        slots=np.cumsum([0, *(len(d.places) for d in drafts)], dtype=np.int64),
        column=np.array([p for d in drafts for p in d.places], dtype=np.int64),
        low=np.array([slot.low for slot in slots], dtype=np.uint16),
        width=np.array([slot.width for slot in slots], dtype=np.uint16),
        step=np.array([slot.step for slot in slots], dtype=np.uint16),
        levels=np.array(
            [h if len(slot.steps) else -1 for h, slot in zip(held[:-1], slots, strict=True)], dtype=np.int64
        ),
        ratio=np.concatenate(
            [np.zeros(0), *(d.leaves[0].ratio if d.points else np.ones(len(d.places)) for d in drafts)]
        ),
        steps=np.concatenate([np.zeros(0, dtype=np.uint16), *(slot.steps for slot in slots)]),
        tables=tables,
    )


class Slot(NamedTuple):
    """What a column adds to the state: as in `Bundles`, with the steps by code themselves (empty where unneeded)."""

    start: int
    low: int
    width: int
    step: int
    steps: np.ndarray


def describe_slot(cell: np.ndarray, size: int, stride: int) -> Slot:
    """The slot whose code's cell, of so many, adds ``stride`` for each cell above the first."""
    none = np.zeros(0, dtype=np.uint16)
    if size == 2:
        low, width = find_range(cell == 1)
        if low >= 0:
            return Slot(0, low, width, int(stride), none)
        low, width = find_range(cell == 0)
        if low >= 0:  # the other way round: begin with the step and take it away
            return Slot(int(stride), low, width, int(-stride % (1 << 16)), none)
    return Slot(0, 0, 0, 0, (cell * stride).astype(np.uint16))


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
