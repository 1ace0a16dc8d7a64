"""The leaves of a tree, each with what its path asks of a row: one set of codes and one share for each column."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from leadml.treeshap.codes import Coding, goes_left
from leadml.treeshap.forest import Tree


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
    return list(walk(tree, places, left))


def walk(tree: Tree, places: np.ndarray, left: list[np.ndarray]) -> Iterator[Leaf]:
    """The leaves of a tree with splits: ``places`` of the nodes' columns, ``left`` which codes go left at each."""
    allowed: dict[int, np.ndarray] = {}
    ratio: dict[int, float] = {}
    path: tuple[int, ...] = ()
    ahead = [(0, allowed, ratio, path)]  # a stack of its own: trees may be deeper than Python's
    while ahead:
        node, allowed, ratio, path = ahead.pop()
        if node < 0:
            asked = tuple(sorted(allowed))
            yield Leaf(float(tree.value[~node]), asked, np.array([ratio[p] for p in asked]), allowed, path)
            continue
        place = int(places[node])
        for child, passes in ((int(tree.right[node]), ~left[node]), (int(tree.left[node]), left[node])):
            count = tree.leaf_count[~child] if child < 0 else tree.node_count[child]
            both = allowed[place] & passes if place in allowed else passes
            share = ratio.get(place, 1.0) * count / tree.node_count[node]
            ahead.append((child, allowed | {place: both}, ratio | {place: share}, (*path, node)))
