"""The compiled loops: a block of rows through all bundles, contributions and margin in one pass."""

import numba
import numpy as np

from leadml.treeshap.bundles import Bundles


@numba.njit(nogil=True, cache=True)
def explain_codes(
    codes: np.ndarray, b: Bundles, at: np.ndarray, weight: np.ndarray, values: np.ndarray, margin: np.ndarray
) -> None:
    """Adds the contributions to ``values`` and the trees' sum to ``margin``.

    The margin is added up tree by tree in float64, as LightGBM's own prediction does, so it has the same bits.

    Args:
        codes: (u, n) uint16.
        b: the bundles.
        at: (D, points) of the rule for leaves of D columns.
        weight: likewise.
        values: (u, n) float64.
        margin: (n,) float64.
    """
    n = codes.shape[1]
    state, tree = np.empty(n, dtype=np.uint16), np.zeros(n)
    for i in range(b.tree.size):
        if i and b.tree[i] != b.tree[i - 1]:
            for r in range(n):
                margin[r] += tree[r]
                tree[r] = 0.0
        first, last = b.slots[i], b.slots[i + 1]
        if b.cells[i] == 0:
            sum_points(codes, b, i, at, weight, values, tree)
            continue
        for r in range(n):
            state[r] = b.start[i]
        for slot in range(first, last):
            add_steps(codes[b.column[slot]], b, slot, state)
        place, cells = b.table[i], b.cells[i]
        for slot in range(first, last):
            table, out = b.tables[place : place + cells], values[b.column[slot]]
            for r in range(n):
                out[r] += table[state[r]]
            place += cells
        table = b.tables[place : place + cells]
        for r in range(n):
            tree[r] += table[state[r]]
    for r in range(n):
        margin[r] += tree[r]


@numba.njit(nogil=True, cache=True)
def add_steps(codes: np.ndarray, b: Bundles, slot: int, state: np.ndarray) -> None:
    """Adds the slot's step to the state of the rows whose code passes."""
    if b.levels[slot] >= 0:
        steps = b.steps[b.levels[slot] :]
        for r in range(state.size):
            state[r] += steps[codes[r]]
        return
    low, width, step, none = b.low[slot], b.width[slot], b.step[slot], np.uint16(0)
    for r in range(state.size):
        state[r] += step if np.uint16(codes[r] - low) <= width else none


TILE = 128  # rows of a block that are summed by points at a time: their factors stay in the nearest cache


@numba.njit(nogil=True, cache=True)
def sum_points(
    codes: np.ndarray, b: Bundles, i: int, at: np.ndarray, weight: np.ndarray, values: np.ndarray, tree: np.ndarray
) -> None:
    """The contributions of a leaf by the rule, and its value to the rows that reach it."""
    first, columns = b.slots[i], b.slots[i + 1] - b.slots[i]
    value, points = b.tables[b.table[i]], (columns + 1) // 2
    passes, before, found = np.empty((columns, TILE)), np.empty((columns, TILE)), np.empty((columns, TILE))
    product, state = np.empty(TILE), np.empty(TILE, dtype=np.uint16)
    for begin in range(0, tree.size, TILE):
        rows = min(TILE, tree.size - begin)
        product[:] = 1.0
        for j in range(columns):
            state[:] = 1 if b.levels[first + j] < 0 and b.step[first + j] > 1 else 0  # a step of -1 where it is turned
            add_steps(codes[b.column[first + j], begin : begin + rows], b, first + j, state[:rows])
            for r in range(rows):
                passes[j, r] = state[r]
                product[r] *= passes[j, r]
                found[j, r] = 0.0
        for r in range(rows):
            tree[begin + r] += value if product[r] > 0 else 0.0
        for k in range(points):
            t = at[columns, k]
            product[:] = weight[columns, k]
            for j in range(columns):
                out = (1 - t) * b.ratio[first + j]
                for r in range(rows):
                    before[j, r] = product[r]
                    product[r] *= out + t * passes[j, r]
            product[:] = 1.0
            for j in range(columns - 1, -1, -1):
                out = (1 - t) * b.ratio[first + j]
                for r in range(rows):
                    found[j, r] += before[j, r] * product[r]
                    product[r] *= out + t * passes[j, r]
        for j in range(columns):
            own = values[b.column[first + j]]
            for r in range(rows):
                own[begin + r] += value * (passes[j, r] - b.ratio[first + j]) * found[j, r]


@numba.njit(nogil=True, cache=True)
def turn(found: np.ndarray, columns: np.ndarray, values: np.ndarray) -> None:
    """Writes (u, n) into the columns of (n, columns)."""
    for r in range(found.shape[1]):
        for place in range(columns.size):
            values[r, columns[place]] = found[place, r]
