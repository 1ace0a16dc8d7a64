"""Bundles without tables: the states that a block of rows meets are numbered, and each is worked out once."""

import numpy as np

from leadml.treeshap.bundles import Bundles, Paths
from leadml.treeshap.compiled import compiled

TILE = 128  # states that are worked out at a time: their factors stay in the nearest cache


@compiled
def add_wide_steps(codes: np.ndarray, b: Bundles, slot: int, state: np.ndarray) -> None:
    """Adds the slot's step to the uint32 state of the rows whose code passes."""
    if b.levels[slot] >= 0:
        steps = b.steps[b.levels[slot] :]
        for r in range(state.size):
            state[r] += steps[codes[r]]
        return
    low, width, step, none = b.low[slot], b.width[slot], b.step[slot], np.uint32(0)
    for r in range(state.size):
        state[r] += step if np.uint16(codes[r] - low) <= width else none


@compiled
def number_states(state: np.ndarray, number: np.ndarray, first: np.ndarray) -> int:
    """Numbers equal states from 0 in the order of rows; returns how many differ.

    Args:
        state: (n,) uint32.
        number: (n,) filled here.
        first: (n,) filled here: the first row of each number.
    """
    bits = 4
    while (1 << bits) < 2 * state.size:
        bits += 1
    held = np.full(1 << bits, -1, dtype=np.int32)
    mask, shift, count = (1 << bits) - 1, np.uint32(32 - bits), 0
    for r in range(state.size):
        own = state[r]
        at = np.int64(np.uint32(own * np.uint32(2654435769)) >> shift)
        while True:
            found = held[at]
            if found < 0:
                held[at] = count
                first[count] = r
                number[r] = count
                count += 1
                break
            if state[first[found]] == own:
                number[r] = found
                break
            at = (at + 1) & mask
    return count


@compiled
def number_rows(codes: np.ndarray, b: Bundles, i: int, number: np.ndarray, first: np.ndarray) -> int:
    """`number_states` of a bundle's states."""
    state = np.full(number.size, b.start[i], dtype=np.uint32)
    for slot in range(b.slots[i], b.slots[i + 1]):
        if b.fresh[slot]:
            number_states(state, number, first)
            for r in range(state.size):
                state[r] = number[r]
        add_wide_steps(codes[b.column[slot]], b, slot, state)
    return number_states(state, number, first)


@compiled
def find_passes(codes: np.ndarray, p: Paths, part: int, rows: np.ndarray, passes: np.ndarray) -> None:
    """1 where the code of a row passes the leaf's conditions on one of its columns, else 0."""
    own = codes[p.column[part]]
    if p.levels[part] >= 0:
        levels = p.passes[p.levels[part] :]
        for d in range(rows.size):
            passes[d] = levels[own[rows[d]]]
        return
    low, width = p.low[part], p.width[part]
    for d in range(rows.size):
        passes[d] = 1.0 if np.uint16(own[rows[d]] - low) <= width else 0.0


@compiled
def add_met(
    codes: np.ndarray,
    b: Bundles,
    p: Paths,
    i: int,
    at: np.ndarray,
    weight: np.ndarray,
    values: np.ndarray,
    tree: np.ndarray,
) -> None:
    """Adds a bundle's contributions, and its leaves' values to the rows that reach them."""
    number, first = np.empty(tree.size, dtype=np.uint16), np.empty(tree.size, dtype=np.int64)
    count = number_rows(codes, b, i, number, first)
    begin, slots = b.slots[i], b.slots[i + 1] - b.slots[i]
    table = np.zeros((slots + 1, count))
    room = np.empty((3, slots, TILE))
    for leaf in range(p.leaves[i], p.leaves[i + 1]):
        for tile in range(0, count, TILE):
            rows = first[tile : min(tile + TILE, count)]
            add_states(codes, p, leaf, rows, at, weight, room[:, :, : rows.size], table[:, tile : tile + rows.size])
    for slot in range(slots):
        own, out = table[slot], values[b.column[begin + slot]]
        for r in range(tree.size):
            out[r] += own[number[r]]
    own = table[slots]
    for r in range(tree.size):
        tree[r] += own[number[r]]


@compiled
def add_states(
    codes: np.ndarray,
    p: Paths,
    leaf: int,
    rows: np.ndarray,
    at: np.ndarray,
    weight: np.ndarray,
    room: np.ndarray,
    table: np.ndarray,
) -> None:
    """Adds what a leaf gives to each column, and its value, in the states of some rows: `leadml.treeshap.tables`.

    Args:
        codes: (u, rows of the block).
        p: the paths.
        leaf: the leaf.
        rows: (n,) a row of each state.
        at: (D, points) of the rule.
        weight: likewise.
        room: (3, slots, n), overwritten.
        table: (slots + 1, n).
    """
    begin, columns, n = p.parts[leaf], p.parts[leaf + 1] - p.parts[leaf], rows.size
    value, passes, before, found = p.value[leaf], room[0], room[1], room[2]
    product = np.ones(n)
    for j in range(columns):
        find_passes(codes, p, begin + j, rows, passes[j])
        for d in range(n):
            product[d] *= passes[j, d]
            found[j, d] = 0.0
    for d in range(n):
        table[-1, d] += value if product[d] > 0 else 0.0
    for k in range((columns + 1) // 2):
        t = at[columns, k]
        product[:] = weight[columns, k]
        for j in range(columns):
            out = (1 - t) * p.ratio[begin + j]
            for d in range(n):
                before[j, d] = product[d]
                product[d] *= out + t * passes[j, d]
        product[:] = 1.0
        for j in range(columns - 1, -1, -1):
            out = (1 - t) * p.ratio[begin + j]
            for d in range(n):
                found[j, d] += before[j, d] * product[d]
                product[d] *= out + t * passes[j, d]
    for j in range(columns):
        ratio, slot = p.ratio[begin + j], p.slot[begin + j]
        for d in range(n):
            table[slot, d] += value * (passes[j, d] - ratio) * found[j, d]
