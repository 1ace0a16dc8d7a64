"""Interactions: what two columns of a path give together, beyond what each gives alone.

With the names of `leadml.treeshap.tables` a leaf gives the columns i and j together

    value * (s_i - r_i) * (s_j - r_j) * integral over t from 0 to 1 of the product over k of (1 - t) r_k + t s_k

where k is every other column. This is the Shapley interaction index (Grabisch and Roubens, International Journal of
Game Theory 28, 1999) in Owen's form; half of it stands at (i, j) and half at (j, i), as in Lundberg et al. (Nature
Machine Intelligence 2, 2020). The integrand's degree is D - 2, so the rule for D - 1 columns is exact.
"""

import numpy as np

from leadml.treeshap.bundles import Bundles, Paths
from leadml.treeshap.compiled import compiled
from leadml.treeshap.met import TILE, find_passes, number_rows


def find_pairs(paths: Paths, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of columns that some path asks for.

    Returns:
        (u, u) by column's place the number of the pair, -1 where no path has both; and (pairs, 2) their places,
        the smaller first.
    """
    together = np.zeros((columns, columns), dtype=np.bool_)
    for begin, end in zip(paths.parts[:-1], paths.parts[1:], strict=True):
        own = paths.column[begin:end]
        together[np.ix_(own, own)] = True
    places = np.argwhere(np.triu(together, 1))
    number = np.full((columns, columns), -1, dtype=np.int64)
    number[places[:, 0], places[:, 1]] = number[places[:, 1], places[:, 0]] = np.arange(len(places))
    return number, places


@compiled
def pair_codes(
    codes: np.ndarray,
    b: Bundles,
    p: Paths,
    at: np.ndarray,
    weight: np.ndarray,
    pair: np.ndarray,
    values: np.ndarray,
) -> None:
    """Adds the interactions of a block of rows to ``values`` (pairs, n).

    Args:
        codes: (u, n) uint16; n at most `leadml.treeshap.grouping.ROWS`.
        b: the bundles.
        p: their leaves' paths.
        at: (D, points) of the rule for leaves of D columns.
        weight: likewise.
        pair: (u, u) of `find_pairs`.
        values: (pairs, n) float64.
    """
    n = codes.shape[1]
    number, first = np.empty(n, dtype=np.uint16), np.empty(n, dtype=np.int64)
    for i in range(b.tree.size):
        begin, slots = b.slots[i], b.slots[i + 1] - b.slots[i]
        if slots < 2:
            continue
        count = number_rows(codes, b, i, number, first)
        table, room = np.zeros((slots * slots, count)), np.empty((slots * slots + 2 * slots + 3, TILE))
        asked = np.zeros((slots, slots), dtype=np.bool_)
        for leaf in range(p.leaves[i], p.leaves[i + 1]):
            own = p.slot[p.parts[leaf] : p.parts[leaf + 1]]
            for one in range(own.size):
                for two in range(one + 1, own.size):
                    asked[own[one], own[two]] = True
            for tile in range(0, count, TILE):
                rows = first[tile : min(tile + TILE, count)]
                end = tile + rows.size
                add_pairs(codes, p, leaf, rows, at, weight, room[:, : rows.size], table[:, tile:end], slots)
        for one in range(slots):
            for two in range(one + 1, slots):
                if asked[one, two]:
                    out = values[pair[b.column[begin + one], b.column[begin + two]]]
                    found = table[one * slots + two]
                    for r in range(n):
                        out[r] += found[number[r]]


@compiled
def add_pairs(
    codes: np.ndarray,
    p: Paths,
    leaf: int,
    rows: np.ndarray,
    at: np.ndarray,
    weight: np.ndarray,
    room: np.ndarray,
    table: np.ndarray,
    slots: int,
) -> None:
    """Adds what a leaf gives each pair of its columns in the states of some rows.

    Args:
        codes: (u, rows of the block).
        p: the paths.
        leaf: the leaf.
        rows: (n,) a row of each state.
        at: (D, points) of the rule.
        weight: likewise.
        room: (slots^2 + 2 slots + 3, n), overwritten.
        table: (slots^2, n): slots i < j at i * slots + j.
        slots: of the bundle.
    """
    begin, columns, n = p.parts[leaf], p.parts[leaf + 1] - p.parts[leaf], rows.size
    if columns < 2:
        return
    passes, after, middle, product = room[:columns], room[columns : 2 * columns + 1], room[-1], room[-2]
    found = room[2 * columns + 1 :]
    for j in range(columns):
        find_passes(codes, p, begin + j, rows, passes[j])
    found[: columns * columns] = 0.0
    for k in range(columns // 2):
        t = at[columns - 1, k]
        after[columns] = 1.0
        for j in range(columns - 1, 0, -1):
            out = (1 - t) * p.ratio[begin + j]
            for d in range(n):
                after[j, d] = after[j + 1, d] * (out + t * passes[j, d])
        product[:] = weight[columns - 1, k]
        for one in range(columns - 1):
            middle[:] = product
            for two in range(one + 1, columns):
                out, to = (1 - t) * p.ratio[begin + two], one * columns + two
                for d in range(n):
                    found[to, d] += middle[d] * after[two + 1, d]
                    middle[d] *= out + t * passes[two, d]
            out = (1 - t) * p.ratio[begin + one]
            for d in range(n):
                product[d] *= out + t * passes[one, d]
    for one in range(columns):
        for two in range(one + 1, columns):
            to = p.slot[begin + one] * slots + p.slot[begin + two]
            for d in range(n):
                both = (passes[one, d] - p.ratio[begin + one]) * (passes[two, d] - p.ratio[begin + two])
                table[to, d] += p.value[leaf] * both * found[one * columns + two, d]
