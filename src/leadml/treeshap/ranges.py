"""Codes that pass, as one range of 16-bit numbers, and codes that no leaf tells apart, as cells."""

import numpy as np

from leadml.treeshap.compiled import compiled

WRAP = 1 << 32
NONE = np.zeros(0, dtype=np.uint32)


@compiled
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


@compiled
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
