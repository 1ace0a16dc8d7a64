"""The trees of a booster as arrays, read from LightGBM's own text, which holds every number to the last bit."""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from leadml.errors import ArtifactError

CATEGORICAL, DEFAULT_LEFT = 1, 2  # bits of LightGBM's decision_type; the two bits above them are its missing type
MISSING_ZERO, MISSING_NAN = 1, 2


@dataclass(frozen=True)
class Tree:
    """One tree of L leaves and L - 1 nodes; a child below 0 is the leaf ``~child``.

    Attributes:
        feature: (L - 1,) column of the input that a node asks for.
        threshold: (L - 1,) a value goes left up to and with it; of no meaning where the node asks for categories.
        decision: (L - 1,) LightGBM's decision_type.
        left: (L - 1,) child.
        right: (L - 1,) child.
        node_count: (L - 1,) training rows that came to the node.
        leaf_count: (L,) training rows that came to the leaf.
        value: (L,) what the leaf adds to the margin.
        levels: by node that asks for categories, those that go left, ascending.
    """

    feature: np.ndarray
    threshold: np.ndarray
    decision: np.ndarray
    left: np.ndarray
    right: np.ndarray
    node_count: np.ndarray
    leaf_count: np.ndarray
    value: np.ndarray
    levels: dict[int, np.ndarray]

    @property
    def expected(self) -> float:
        """The mean of the leaves' values over the training rows."""
        return float(self.leaf_count @ self.value / self.node_count[0]) if len(self.feature) else float(self.value[0])


@dataclass(frozen=True)
class Forest:
    """The trees in the order in which they are added up, and how many columns their input has."""

    trees: tuple[Tree, ...]
    columns: int

    @property
    def expected(self) -> float:
        """SHAP's base value: the expected margin."""
        return float(sum(tree.expected for tree in self.trees))


def read_forest(boosters: lgb.Booster | Sequence[lgb.Booster], weights: Sequence[float] | None = None) -> Forest:
    """The trees of a booster up to its best iteration; of several, those whose sum is the weighted sum of the margins.

    Args:
        boosters: one or more of the same input.
        weights: one for each; the mean of the margins where there are none.

    Raises:
        ArtifactError: no booster, not as many weights, boosters of different inputs, or one whose contributions do not
            add up: linear leaves, a random forest (it averages), several classes.
    """
    several = [boosters] if isinstance(boosters, lgb.Booster) else list(boosters)
    if not several:
        raise ArtifactError("no booster to explain: pass one or more")
    shares = [1 / len(several)] * len(several) if weights is None else list(weights)
    if len(shares) != len(several):
        raise ArtifactError(f"{len(several)} boosters but {len(shares)} weights: pass one weight for each")
    forests = [parse_text(booster.model_to_string()) for booster in several]
    columns = {forest.columns for forest in forests}
    if len(columns) > 1:
        raise ArtifactError(f"{len(several)} boosters of {sorted(columns)} input columns: pass boosters of one input")
    trees = [
        tree if share == 1 else scale(tree, share)
        for forest, share in zip(forests, shares, strict=True)
        for tree in forest.trees
    ]
    return Forest(tuple(trees), columns.pop())


def parse_text(text: str) -> Forest:
    """The forest in a model's text.

    Raises:
        ArtifactError: as `read_forest`.
    """
    head, *parts = text.split("\nend of trees", 1)[0].split("\nTree=")
    facts = read_lines(head)
    if "average_output" in head.split("\n"):
        raise ArtifactError(
            "boosting=rf averages its trees: exact contributions are for gbdt and dart; train with those"
        )
    if facts.get("num_tree_per_iteration", "1") != "1":
        raise ArtifactError(
            f"the booster has {facts['num_tree_per_iteration']} margins a row: explain one of one margin"
        )
    trees = [read_lines(part) for part in parts]
    linear = sum(tree.get("is_linear", "0") != "0" for tree in trees)
    if linear:
        raise ArtifactError(f"{linear} of {len(trees)} trees have linear leaves: train with linear_tree=false")
    return Forest(tuple(parse_tree(tree) for tree in trees), int(facts["max_feature_idx"]) + 1)


def read_lines(text: str) -> dict[str, str]:
    """``key=value`` a line."""
    return dict(line.split("=", 1) for line in text.split("\n") if "=" in line)


def parse_tree(facts: dict[str, str]) -> Tree:
    """One tree from its lines."""

    def numbers(key: str, dtype: type) -> np.ndarray:
        return np.array(facts.get(key, "").split(), dtype=dtype)

    decision, threshold = numbers("decision_type", np.int64), numbers("threshold", np.float64)
    bounds, words = numbers("cat_boundaries", np.int64), numbers("cat_threshold", np.uint32)
    bits = np.unpackbits(words.view(np.uint8), bitorder="little") if len(words) else np.zeros(0, dtype=np.uint8)
    levels = {}
    for node in np.flatnonzero(decision & CATEGORICAL):
        place = int(threshold[node])
        levels[int(node)] = np.flatnonzero(bits[32 * bounds[place] : 32 * bounds[place + 1]])
    return Tree(
        numbers("split_feature", np.int64),
        threshold,
        decision,
        numbers("left_child", np.int64),
        numbers("right_child", np.int64),
        numbers("internal_count", np.float64),
        numbers("leaf_count", np.float64),
        numbers("leaf_value", np.float64),
        levels,
    )


def scale(tree: Tree, share: float) -> Tree:
    """The tree with a share of its values."""
    return Tree(**(vars(tree) | {"value": tree.value * share}))
