"""What a leaf gives to each column, in every case there is.

Let a leaf's path ask for D columns, let r_j be the share of training rows that pass its conditions on column j, each
condition's of those that came to it, and s_j 1 where a row passes them, else 0. The leaf gives column j

    value * (s_j - r_j) * integral over t from 0 to 1 of the product over k != j of (1 - t) r_k + t s_k

This is Owen's integral of the multilinear extension (Management Science 18, 1972) for the path-dependent game of
Lundberg et al. (Nature Machine Intelligence 2, 2020). The integrand's degree is D - 1, so Gauss and Legendre's rule is
exact with (D + 1) // 2 points. Of the row only s counts: 2^D cases, made once, as FastTreeSHAP v2 (arXiv 2109.09847)
does for a leaf.
"""

from functools import lru_cache

import numpy as np

from leadml.treeshap.compiled import compiled


@lru_cache
def gauss(columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of Gauss and Legendre's rule on [0, 1], exact for the leaf of so many columns."""
    at, weight = np.polynomial.legendre.leggauss(max(1, (columns + 1) // 2))
    return (at + 1) / 2, weight / 2


@compiled
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


@compiled
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
