"""The compiled loops: a block of rows through all bundles, contributions and margin in one pass."""

import numpy as np

from leadml.treeshap.bundles import Bundles, Paths
from leadml.treeshap.compiled import compiled
from leadml.treeshap.met import add_met


@compiled
def explain_codes(
    codes: np.ndarray,
    b: Bundles,
    p: Paths,
    at: np.ndarray,
    weight: np.ndarray,
    values: np.ndarray,
    margin: np.ndarray,
) -> None:
    """Adds the contributions to ``values`` and the trees' sum to ``margin``.

    The margin is added up tree by tree in float64, as LightGBM's own prediction does, so it has the same bits.

    Args:
        codes: (u, n) uint16; n at most `leadml.treeshap.grouping.ROWS`.
        b: the bundles.
        p: their leaves' paths.
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
        if b.cells[i] == 0:
            add_met(codes, b, p, i, at, weight, values, tree)
            continue
        state[:] = np.uint16(b.start[i])
        for slot in range(b.slots[i], b.slots[i + 1]):
            add_steps(codes[b.column[slot]], b, slot, state)
        place, cells = b.table[i], b.cells[i]
        for slot in range(b.slots[i], b.slots[i + 1]):
            table, out = b.tables[place : place + cells], values[b.column[slot]]
            for r in range(n):
                out[r] += table[state[r]]
            place += cells
        table = b.tables[place : place + cells]
        for r in range(n):
            tree[r] += table[state[r]]
    for r in range(n):
        margin[r] += tree[r]


@compiled
def add_steps(codes: np.ndarray, b: Bundles, slot: int, state: np.ndarray) -> None:
    """Adds the slot's step to the uint16 state of the rows whose code passes."""
    if b.levels[slot] >= 0:
        steps = b.steps[b.levels[slot] :]
        for r in range(state.size):
            state[r] += steps[codes[r]]
        return
    low, width, step, none = b.low[slot], b.width[slot], np.uint16(b.step[slot]), np.uint16(0)
    for r in range(state.size):
        state[r] += step if np.uint16(codes[r] - low) <= width else none


@compiled
def turn(found: np.ndarray, columns: np.ndarray, values: np.ndarray) -> None:
    """Writes (u, n) into the columns of (n, columns)."""
    for r in range(found.shape[1]):
        for place in range(columns.size):
            values[r, columns[place]] = found[place, r]
