"""Leaves that are looked up together, and the numbers that a block of rows is run through.

A bundle is some leaves of a tree that share tables, by the joint state of the columns they ask for: a row looks up a
number for each of those columns, where it would have looked up one for each leaf and column. A dense bundle has a table
of every state. Where those are too many (a leaf twenty levels deep has a million), a bundle has none: the states that a
block of rows meets, a few hundred as a rule, are worked out as they are met (`leadml.treeshap.met`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from leadml.treeshap.codes import Coding
from leadml.treeshap.forest import Forest
from leadml.treeshap.grouping import CELL, ROWS, Group, Grouping, prepare_grouping
from leadml.treeshap.leaves import Leaf, list_leaves
from leadml.treeshap.ranges import NONE, WRAP, find_range, number_cells
from leadml.treeshap.tables import add_leaf, gauss, leaf_cases

MOST_BYTES = 64 << 20  # of all tables
HALVINGS = 2  # of the step, once it is known what fits
MOST_STATES = 1 << 16  # of a dense bundle: they are counted in 16 bits
MOST_RUN = (1 << 32) // ROWS  # cells of a run of slots, beside the number so far: 32 bits


class Bundles(NamedTuple):
    """The bundles of a forest, tree by tree, and their slots, one for each column that a bundle asks for.

    Attributes:
        tree: (b,) the tree, ascending.
        start: (b,) the state before the slots are looked at; a shift that changes nothing where there are no tables.
        cells: (b,) cells of each of its tables; 0 for one without.
        table: (b,) where its tables begin in ``tables``: one a slot, then that of the leaves' values.
        slots: (b + 1,) where its slots begin.
        column: (s,) place among the coding's columns.
        low: (s,) uint16. A code c with (c - low) mod 2^16 <= width adds step to the state.
        width: (s,) uint16.
        step: (s,) uint32; a dense bundle's state wraps round at 2^16, so a step may stand for a subtraction.
        levels: (s,) where the slot's own steps by code begin in ``steps``; -1 where low and width say it all.
        fresh: (s,) whether states are numbered anew before the slot, since more would not fit into 32 bits.
        steps: uint32, steps by code.
        tables: float64.
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
    fresh: np.ndarray
    steps: np.ndarray
    tables: np.ndarray


class Paths(NamedTuple):
    """The leaves of the bundles, in the bundles' order, and the columns that each leaf's path asks for.

    Attributes:
        leaves: (b + 1,) where a bundle's leaves begin.
        value: (l,) the leaf's.
        parts: (l + 1,) where a leaf's columns begin.
        slot: (p,) of the column, in its bundle.
        column: (p,) place among the coding's columns.
        ratio: (p,) r_j.
        low: (p,) uint16. A code c with (c - low) mod 2^16 <= width passes.
        width: (p,) uint16.
        levels: (p,) where, by code, what passes begins in ``passes``; -1 where low and width say it all.
        passes: uint8.
    """

    leaves: np.ndarray
    value: np.ndarray
    parts: np.ndarray
    slot: np.ndarray
    column: np.ndarray
    ratio: np.ndarray
    low: np.ndarray
    width: np.ndarray
    levels: np.ndarray
    passes: np.ndarray


@dataclass(frozen=True)
class Draft:
    """One bundle before all are joined.

    Attributes:
        tree: the tree.
        leaves: its leaves.
        places: by slot, the column's place among the coding's.
        cell: by slot, the cell of each code.
        sizes: (slots,) how many cells.
        dense: whether it has a table of every state.
    """

    tree: int
    leaves: list[Leaf]
    places: tuple[int, ...]
    cell: list[np.ndarray]
    sizes: np.ndarray
    dense: bool

    @property
    def cells(self) -> int:
        """Of one table."""
        return int(np.prod(self.sizes, dtype=np.int64)) if self.dense else 0

    @property
    def size(self) -> int:
        """Numbers in all its tables."""
        return self.cells * (len(self.places) + 1)


def build_bundles(forest: Forest, coding: Coding) -> tuple[Bundles, Paths]:
    """The bundles of all trees, with tables of at most `MOST_BYTES`."""
    trees = [prepare_grouping(list_leaves(tree, coding), tree) for tree in forest.trees]
    grouped = choose_groups(trees)
    drafts = fit_tables([draft_bundle(t, group) for t, groups in enumerate(grouped) for group in groups])
    return join_drafts(drafts), join_paths(drafts)


def fit_tables(drafts: list[Draft]) -> list[Draft]:
    """The drafts, the largest without tables where missing values made them larger than they were taken to be."""
    over = 8 * sum(draft.size for draft in drafts) - MOST_BYTES
    for place in sorted(range(len(drafts)), key=lambda i: -drafts[i].size):
        if over <= 0:
            break
        over -= 8 * drafts[place].size
        drafts[place] = replace(drafts[place], dense=False)
    return drafts


def choose_groups(trees: Sequence[Grouping]) -> list[list[Group]]:
    """The groups of all trees, a cell as cheap as the tables' bytes allow: doubled until they fit, then halved in."""

    def size(groups: list[list[Group]]) -> float:
        return 8 * sum(table_size(group) for own in groups for group in own)

    high, found = CELL, [tree.group(CELL) for tree in trees]
    if size(found) <= MOST_BYTES:
        return found
    while size(found) > MOST_BYTES:
        high *= 2
        found = [tree.group(high) for tree in trees]
    low = high / 2
    for _ in range(HALVINGS):
        middle = (low * high) ** 0.5
        tried = [tree.group(middle) for tree in trees]
        if size(tried) <= MOST_BYTES:
            high, found = middle, tried
        else:
            low = middle
    return found


def table_size(group: Group) -> float:
    """Numbers in the group's tables, at most."""
    return group.cells * (len({p for leaf in group.leaves for p in leaf.places}) + 1) if group.dense else 0.0


def draft_bundle(tree: int, group: Group) -> Draft:
    """The slots of a bundle; without tables where missing values make more states than can be counted."""
    places = tuple(sorted({p for leaf in group.leaves for p in leaf.places}))
    cell, sizes = [], np.ones(len(places), dtype=np.int64)
    for slot, place in enumerate(places):
        ways = [leaf.allowed[place] for leaf in group.leaves if place in leaf.allowed]
        numbered = np.empty(len(ways[0]), dtype=np.int64)
        sizes[slot] = number_cells(np.array(ways), numbered)
        cell.append(numbered)
    dense = group.dense and int(np.prod(sizes, dtype=np.float64)) <= MOST_STATES
    return Draft(tree, group.leaves, places, cell, sizes, dense)


class Slot(NamedTuple):
    """What a column adds to the state: as in `Bundles`, with the steps by code themselves (empty where unneeded)."""

    start: int
    low: int
    width: int
    step: int
    steps: np.ndarray
    fresh: bool = False


def describe_slot(cell: np.ndarray, size: int, stride: int, wrap: int, fresh: bool) -> Slot:
    """The slot whose code's cell, of so many, adds ``stride`` for each above the first; states wrap at ``wrap``."""
    if size == 2:
        low, width = find_range(cell == 1)
        if low >= 0:
            return Slot(0, low, width, stride, NONE, fresh)
        low, width = find_range(cell == 0)
        if low >= 0:  # the other way round: begin with the step and take it away
            return Slot(stride, low, width, -stride % wrap, NONE, fresh)
    return Slot(0, 0, 0, 0, (cell * stride).astype(np.uint32), fresh)


def describe_slots(draft: Draft) -> list[Slot]:
    """All slots of a bundle; without tables, a run of slots has the strides after the number of the states so far."""
    slots, stride, fresh = [], 1, False
    wrap = 1 << 16 if draft.dense else 1 << 32
    for cell, size in zip(draft.cell, draft.sizes.tolist(), strict=True):
        if not draft.dense and stride * size > MOST_RUN * (ROWS if fresh else 1):
            stride, fresh = ROWS, True
            slots.append(describe_slot(cell, size, stride, wrap, True))
        else:
            slots.append(describe_slot(cell, size, stride, wrap, False))
        stride *= size
    return slots


def join_drafts(drafts: Sequence[Draft]) -> Bundles:
    """All bundles, their tables filled."""
    table = np.cumsum([0, *(d.size for d in drafts)], dtype=np.int64)
    tables = np.zeros(table[-1])
    start: list[int] = []
    slots: list[Slot] = []
    for i, d in enumerate(drafts):
        found = describe_slots(d)
        start.append(sum(slot.start for slot in found) % WRAP)
        slots += found
        if d.dense:
            fill_tables(d, tables[table[i] : table[i + 1]].reshape(-1, d.cells))
    levels, steps = gather([slot.steps for slot in slots], np.uint32)
    return Bundles(
        tree=np.array([d.tree for d in drafts], dtype=np.int64),
        start=np.array(start, dtype=np.uint32),
        cells=np.array([d.cells for d in drafts], dtype=np.int64),
        table=table,
        slots=np.cumsum([0, *(len(d.places) for d in drafts)], dtype=np.int64),
        column=np.array([p for d in drafts for p in d.places], dtype=np.int64),
        low=np.array([slot.low for slot in slots], dtype=np.uint16),
        width=np.array([slot.width for slot in slots], dtype=np.uint16),
        step=np.array([slot.step for slot in slots], dtype=np.uint32),
        levels=levels,
        fresh=np.array([slot.fresh for slot in slots], dtype=np.bool_),
        steps=steps,
        tables=tables,
    )


def gather(arrays: Sequence[np.ndarray], dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Where each array begins among the distinct ones, -1 for an empty one; and those, one after the other."""
    begins: dict[bytes, int] = {}
    kept: list[np.ndarray] = [np.zeros(0, dtype=dtype)]
    places, size = [], 0
    for array in arrays:
        key = array.tobytes()
        if key and key not in begins:
            begins[key] = size
            kept.append(array.astype(dtype))
            size += len(array)
        places.append(begins.get(key, -1))
    return np.array(places, dtype=np.int64), np.concatenate(kept)


def fill_tables(draft: Draft, tables: np.ndarray) -> None:
    """Adds what each leaf gives in each state; tables is (slots + 1, cells), the last that of the values."""
    strides = np.cumprod(np.concatenate(([1], draft.sizes[:-1])), dtype=np.int64)[: len(draft.places)]
    most = int(draft.sizes.max(initial=1))
    for leaf in draft.leaves:
        slots = np.searchsorted(draft.places, leaf.places)
        passes = np.zeros((len(slots), most), dtype=np.bool_)
        for row, (slot, place) in enumerate(zip(slots, leaf.places, strict=True)):
            passes[row, draft.cell[slot]] = leaf.allowed[place]
        at, weight = gauss(len(slots))
        cases = leaf_cases(leaf.ratio, leaf.value, at, weight)
        add_leaf(cases, leaf.value, slots, strides, draft.sizes, passes, tables)


def join_paths(drafts: Sequence[Draft]) -> Paths:
    """The paths of the bundles' leaves."""
    leaves = [leaf for d in drafts for leaf in d.leaves]
    allowed = [leaf.allowed[p] for leaf in leaves for p in leaf.places]
    ranges = np.array([find_range(a) for a in allowed], dtype=np.int64).reshape(-1, 2)
    whole = ranges[:, 0] >= 0
    levels, passes = gather([NONE if w else a for w, a in zip(whole, allowed, strict=True)], np.uint8)
    return Paths(
        leaves=np.cumsum([0, *(len(d.leaves) for d in drafts)], dtype=np.int64),
        value=np.array([leaf.value for leaf in leaves]),
        parts=np.cumsum([0, *(len(leaf.places) for leaf in leaves)], dtype=np.int64),
        slot=np.array([d.places.index(p) for d in drafts for leaf in d.leaves for p in leaf.places], dtype=np.int64),
        column=np.array([p for leaf in leaves for p in leaf.places], dtype=np.int64),
        ratio=np.concatenate([np.zeros(0), *(leaf.ratio for leaf in leaves)]),
        low=np.where(whole, ranges[:, 0], 0).astype(np.uint16),
        width=np.where(whole, ranges[:, 1], 0).astype(np.uint16),
        levels=levels,
        passes=passes,
    )
