"""Our Shapley values against LightGBM's own, and against all subsets of columns on small trees."""

import re
import sys
from contextlib import contextmanager, nullcontext
from fractions import Fraction
from itertools import combinations
from math import factorial
from unittest import mock

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from conftest import counts
from finished import SCORES, champion
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadml.errors import ArtifactError
from leadml.treeshap import Explainer, bundles, explain
from leadml.treeshap.codes import goes_left
from leadml.treeshap.compiled import compiled
from leadml.treeshap.forest import Tree, read_forest

ODD = (
    np.nan,
    0.0,
    -0.0,
    1e-36,
    -1e-36,
    1e-35,
    1.0000000180025095e-35,
    -2e-35,
    1e300,
    -1e300,
    np.inf,
    -np.inf,
    7.0,
    2.5,
)
FIXED = {"verbose": -1, "num_threads": 1, "min_data_in_bin": 1, "min_data_per_group": 1, "cat_smooth": 1, "seed": 1,
         "deterministic": True, "force_row_wise": True}  # fmt: skip


def made(rows, columns, seed, categorical=0, missing=0.2):
    """Numbers with many ties, the first columns categories, some missing; and what they have to do with a label."""
    rng = np.random.default_rng(seed)
    X = np.round(rng.normal(size=(rows, columns)), 1)
    X[:, :categorical] = rng.integers(0, 40, (rows, categorical))
    X[rng.random(X.shape) < missing] = np.nan
    signal = np.nansum(X * np.where(np.arange(columns) < categorical, 0.05, 1), axis=1) + (X[:, 0] == 3)
    return X, (signal + rng.normal(size=rows) > 0.5).astype(float)


def train(X, y, trees=10, categorical=0, **parameters):
    data = lgb.Dataset(X, y, categorical_feature=list(range(categorical)) or "auto")
    return lgb.train(FIXED | {"objective": "binary"} | parameters, data, trees)


def check(booster, X, threads=2):
    """Ours equal LightGBM's to 1e-9 of the row's largest, and the margin to the bit."""
    found = Explainer.of(booster).explain(X, threads)
    wanted = booster.predict(X, pred_contrib=True)
    largest = np.abs(wanted).max(axis=1, initial=1e-12)
    assert np.abs(found.values - wanted[:, :-1]).max(axis=1, initial=0).max(initial=0) <= 1e-9 * largest.max(initial=1)
    assert (np.abs(found.values - wanted[:, :-1]) <= 1e-9 * largest[:, None]).all()
    np.testing.assert_allclose(found.base, wanted[:, -1], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(found.margin, booster.predict(X, raw_score=True))
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), found.margin, rtol=0, atol=1e-9 * largest.max())
    return found


@st.composite
def models(draw):
    columns, categorical = draw(st.integers(1, 12)), draw(st.integers(0, 2))
    X, y = made(draw(st.integers(60, 600)), columns, draw(st.integers(0, 99)), min(categorical, columns),
                draw(st.sampled_from([0, 0.3])))  # fmt: skip
    if draw(st.booleans()):
        X = np.nan_to_num(X) if draw(st.booleans()) else X
    parameters = {
        "num_leaves": draw(st.sampled_from([2, 4, 15, 40])),
        "max_depth": draw(st.sampled_from([-1, 2, 5])),
        "min_data_in_leaf": draw(st.sampled_from([1, 5])),
        "learning_rate": draw(st.sampled_from([0.05, 0.5])),
        "boosting": draw(st.sampled_from(["gbdt", "dart"])),
        "zero_as_missing": draw(st.booleans()),
        "use_missing": draw(st.booleans()),
        "max_cat_to_onehot": draw(st.sampled_from([1, 4])),
        "max_bin": draw(st.sampled_from([8, 255])),
    }
    booster = train(X, y, draw(st.integers(1, 12)), min(categorical, columns), **parameters)
    odd = draw(st.lists(st.lists(st.sampled_from(ODD), min_size=columns, max_size=columns), max_size=5))
    return booster, np.vstack([X[:20], np.array(odd, dtype=float).reshape(-1, columns)])


@contextmanager
def no_tables():
    """Bundles without tables, whose states are numbered anew after every few of their columns."""
    with mock.patch.object(bundles, "MOST_BYTES", 500), mock.patch.object(bundles, "MOST_RUN", 8):
        yield


@pytest.mark.deep
@settings(max_examples=counts(15, 1500), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(models(), st.booleans())
def test_contributions_are_lightgbms_and_the_margin_to_the_bit(model, tables):
    with nullcontext() if tables else no_tables():
        check(*model)


def brute(tree: Tree, row: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Shapley's definition over all subsets, the value of a subset by the tree's own counts; of columns and of pairs.

    A pair's by the index of Grabisch and Roubens: the mean over subsets of the others of what both add beyond each.
    """
    bounds = [np.unique(tree.threshold[tree.feature == c]) for c in range(columns)]

    def value(subset, node):
        if node < 0:
            return tree.value[~node]
        column, (left, right) = tree.feature[node], (tree.left[node], tree.right[node])
        if column in subset:
            code = 0 if np.isnan(row[column]) else np.searchsorted(bounds[column], row[column]) + 1
            return value(subset, left if goes_left(tree, node, bounds[column])[code] else right)
        share = [tree.leaf_count[~c] if c < 0 else tree.node_count[c] for c in (left, right)]
        return (share[0] * value(subset, left) + share[1] * value(subset, right)) / sum(share)

    values = {s: value(set(s), 0) for n in range(columns + 1) for s in combinations(range(columns), n)}

    def gain(subset, *more):
        """What the columns add to the subset, less what fewer of them add."""
        whole = values[tuple(sorted((*subset, *more)))]
        if not more:
            return whole
        return whole - sum(gain(subset, *few) for n in range(len(more)) for few in combinations(more, n))

    found, pairs = np.zeros(columns), np.zeros((columns, columns))
    for together in (1, 2):
        for some in combinations(range(columns), together):
            others = [o for o in range(columns) if o not in some]
            for size in range(len(others) + 1):
                ways = factorial(size) * factorial(len(others) - size) / factorial(columns - together + 1)
                total = ways * sum(gain(subset, *some) for subset in combinations(others, size))
                if together == 1:
                    found[some] += total
                else:
                    pairs[some] += total
    return found, pairs + pairs.T


@pytest.mark.parametrize("seed", range(3))
def test_contributions_are_shapleys_over_all_subsets(seed):
    X, y = made(300, 5, seed)
    booster = train(X, y, 1, num_leaves=9, min_data_in_leaf=5)
    (tree,) = read_forest(booster).trees
    explainer = Explainer.of(booster)
    found, together = explainer.explain(X[:25]).values, explainer.interactions(X[:25])
    for row, values, pairs in zip(X[:25], found, together, strict=True):
        alone, both = brute(tree, row, 5)
        np.testing.assert_allclose(values, alone, rtol=0, atol=1e-12)
        np.testing.assert_allclose(2 * pairs[~np.eye(5, dtype=bool)], both[~np.eye(5, dtype=bool)], rtol=0, atol=1e-12)


@pytest.mark.deep
@settings(max_examples=counts(8, 500), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(models(), st.booleans())
def test_interactions_are_symmetric_and_add_up_to_the_contributions(model, tables):
    booster, X = model
    with nullcontext() if tables else no_tables():
        explainer = Explainer.of(booster)
        found, values = explainer.interactions(X), explainer.explain(X).values
    scale = np.abs(values).max(initial=1)
    np.testing.assert_array_equal(found, found.transpose(0, 2, 1))
    np.testing.assert_allclose(found.sum(axis=2), values, rtol=0, atol=1e-9 * scale)
    strength = np.abs(2 * found).mean(axis=0)
    np.fill_diagonal(strength, 0)
    np.testing.assert_allclose(explainer.interaction_strength(X), strength, rtol=0, atol=1e-9 * scale)


@pytest.mark.parametrize("tables", [True, False])
def test_interactions_are_shaps_where_shap_works(tables):
    import shap

    X, y = made(500, 8, 7)  # no categories: shap cannot
    booster = train(X, y, 20, num_leaves=15)
    with nullcontext() if tables else no_tables():
        explainer = Explainer.of(booster)
    wanted = np.asarray(shap.TreeExplainer(booster).shap_interaction_values(X[:60]))
    np.testing.assert_allclose(explainer.interactions(X[:60]), wanted, rtol=0, atol=1e-9 * np.abs(wanted).max())
    np.testing.assert_array_equal(explainer.interactions(X[:60], 1), explainer.interactions(X[:60], 2))
    with pytest.raises(ArtifactError, match="8 columns"):
        explainer.interaction_strength(X[:60, :5])


def test_leaves_that_ask_for_many_columns_have_no_table():
    X, y = made(4000, 40, 5)
    booster = train(X, y, 5, num_leaves=200, min_data_in_leaf=1, learning_rate=0.5)
    made_of = Explainer.of(booster).bundles
    assert (made_of.cells == 0).any() and (made_of.cells > 0).any()
    tables = check(booster, X[:3000])
    with no_tables():
        without = Explainer.of(booster).bundles
        assert not without.tables.size and without.fresh.sum() > len(without.tree)
        np.testing.assert_allclose(check(booster, X[:300]).values, tables.values[:300], rtol=0, atol=1e-12)


def chain(columns: int):
    """One tree that asks for one column after another, and its rows."""
    rng = np.random.default_rng(0)
    X, y = np.zeros((4000, columns)), np.zeros(4000)
    for j, rows in enumerate(np.split(rng.permutation(4000)[: 40 * columns], columns)):
        X[rows, j], y[rows] = 1 + rng.random(40), 1.2 ** (columns - j)
    return train(X, y, 1, objective="regression", num_leaves=columns + 5, min_data_in_leaf=1), X


def in_fractions(tree: Tree, row: np.ndarray) -> np.ndarray:
    """The contributions of a row of numbers without missing ones, in rational numbers: the integral as a polynomial."""
    found = [Fraction(0)] * len(row)

    def visit(node: int, asked: dict[int, tuple[Fraction, int]]) -> None:
        if node >= 0:
            column = int(tree.feature[node])
            left = row[column] <= tree.threshold[node]
            for child, passes in ((int(tree.left[node]), left), (int(tree.right[node]), not left)):
                count = tree.leaf_count[~child] if child < 0 else tree.node_count[child]
                ratio, one = asked.get(column, (Fraction(1), 1))
                share = Fraction(int(count), int(tree.node_count[node]))
                visit(child, asked | {column: (ratio * share, one * int(passes))})
            return
        for column, (ratio, one) in asked.items():
            powers = [Fraction(1)]  # of t, in the product over the others of r + t (s - r)
            for other, (r, s) in asked.items():
                if other != column:
                    shifted = [Fraction(0), *(p * (s - r) for p in powers)]
                    powers = [a + b for a, b in zip([*(p * r for p in powers), Fraction(0)], shifted, strict=True)]
            integral = sum(p / (i + 1) for i, p in enumerate(powers))
            found[column] += Fraction(float(tree.value[~node])) * (one - ratio) * integral

    visit(0, {})
    return np.array([float(f) for f in found])


@pytest.mark.parametrize("columns", [12, 32])
def test_long_paths_are_exact_where_lightgbms_own_lose_digits(columns):
    booster, X = chain(columns)
    explainer = Explainer.of(booster)
    assert np.diff(explainer.paths.parts).max() >= columns
    (tree,) = read_forest(booster).trees
    for row in X[[50]]:
        wanted = in_fractions(tree, row)
        np.testing.assert_allclose(
            explainer.explain(row[None]).values[0], wanted, rtol=0, atol=1e-12 * abs(wanted).max()
        )


def test_a_tree_deeper_than_pythons_stack():
    depth = 1100
    X = np.arange(2.0 * depth)[:, None]
    text = train(X, X[:, 0], 1, objective="regression", num_leaves=3).model_to_string()

    def line(name, values):
        return f"{name}=" + " ".join(map(str, values))

    nodes = range(depth - 1)
    tree = "\n".join(["Tree=0", f"num_leaves={depth}", "num_cat=0", line("split_feature", [0 for _ in nodes]),
        line("split_gain", [1 for _ in nodes]), line("threshold", [i + 0.5 for i in nodes]),
        line("decision_type", [2 for _ in nodes]), line("left_child", [~i for i in nodes]),
        line("right_child", [*(i + 1 for i in range(depth - 2)), ~(depth - 1)]),
        line("leaf_value", map(float, range(depth))), line("leaf_weight", [1] * depth), line("leaf_count", [1] * depth),
        line("internal_value", [0 for _ in nodes]), line("internal_weight", [0 for _ in nodes]),
        line("internal_count", [depth - i for i in nodes]), "is_linear=0", "shrinkage=1", "", "", ""])  # fmt: skip
    head, rest = text.split("Tree=0")[0], text.split("end of trees\n")[1]
    head = re.sub("tree_sizes=.*", f"tree_sizes={len(tree) + 1}", head)
    check(lgb.Booster(model_str=f"{head}{tree}\nend of trees\n{rest}"), X[:20])


def test_whole_numbers_are_read_as_lightgbm_reads_them():
    X = np.random.default_rng(0).integers(2**24, 2**24 + 2000, (1000, 2))
    booster = train(X, (X[:, 0] % 7 > 3).astype(float), num_leaves=60, min_data_in_leaf=1)
    check(booster, X)
    check(booster, X.astype(object))
    np.testing.assert_array_equal(explain(booster, X).values, Explainer.of(booster).explain(X).values)


def test_code_that_cannot_be_kept_is_compiled_all_the_same():
    space = {}
    exec("def double(x):\n    return 2 * x", space)  # of no file: numba finds no place for its cache
    assert compiled(space["double"])(4) == 8


def test_threads_and_the_rows_beside_change_no_bit():
    X, y = made(5000, 20, 2, 2)
    made_ = Explainer.of(train(X, y, 30, 2))
    one, two = made_.explain(X, 1), made_.explain(X, 2)
    np.testing.assert_array_equal(one.values, two.values)
    alone = made_.explain(X[1234:1235])
    np.testing.assert_array_equal(alone.values[0], one.values[1234])
    parts = list(made_.stream(X, rows=700))
    assert len(parts) == 8
    np.testing.assert_array_equal(np.concatenate([p.values for p in parts]), one.values)
    np.testing.assert_array_equal(np.concatenate([p.margin for p in parts]), one.margin)
    turned = made_.explain(np.asfortranarray(X))
    np.testing.assert_array_equal(turned.values, one.values)


@pytest.mark.parametrize("columns", [1, 300])
def test_one_column_and_three_hundred(columns):
    X, y = made(2000, columns, 4)
    check(train(X, y, 20), X[:100])


def test_no_rows_one_row_and_a_tree_without_a_split():
    X, y = made(200, 3, 1)
    booster = train(X, y, 5)
    empty = Explainer.of(booster).explain(X[:0])
    assert empty.values.shape == (0, 3) and empty.margin.shape == (0,)
    check(booster, X[:1])
    constant = train(X, y, 3, min_data_in_leaf=150)
    assert not len(Explainer.of(constant).coding.columns)
    check(constant, X[:5])


def test_the_best_iteration_and_a_bag():
    X, y = made(2000, 6, 8)
    stopped = train(X, y, 30)
    stopped.best_iteration = 12
    assert len(read_forest(stopped).trees) == 12
    check(stopped, X[:50])
    bag = [train(X[::2], y[::2], 5), train(X[1::2], y[1::2], 9)]
    both = Explainer.of(bag).explain(X[:50])
    wanted = np.mean([b.predict(X[:50], pred_contrib=True) for b in bag], axis=0)
    np.testing.assert_allclose(both.values, wanted[:, :-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(both.margin, wanted.sum(axis=1), rtol=0, atol=1e-12)


def test_monotone_constraints():
    X, y = made(1000, 4, 3)
    check(train(X, y, 20, monotone_constraints=[1, 0, -1, 0]), X[:100])


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"linear_tree": True}, "trees have linear leaves: train with linear_tree=false"),
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "boosting=rf averages its trees"),
        ({"objective": "multiclass", "num_class": 3}, "the booster has 3 margins a row"),
    ],
)
def test_what_cannot_be_explained_is_refused(parameters, said):
    X, y = made(300, 3, 1, missing=0)
    with pytest.raises(ArtifactError, match=said):
        Explainer.of(train(X, y, 2, **parameters))


def test_a_matrix_of_another_shape_and_boosters_that_do_not_match_are_refused():
    X, y = made(300, 3, 1)
    booster = train(X, y, 2)
    with pytest.raises(ArtifactError, match=r"the matrix is \(300, 2\), the model reads rows of 3 columns"):
        Explainer.of(booster).explain(X[:, :2])
    with pytest.raises(ArtifactError, match=r"2 boosters of \[2, 3\] input columns"):
        Explainer.of([booster, train(X[:, :2], y, 2)])
    with pytest.raises(ArtifactError, match="no booster to explain"):
        Explainer.of([])


def test_frames_are_read_whatever_their_columns_are_called():
    X, y = made(400, 4, 3, 1)
    frame = pd.DataFrame(X)
    frame["self"] = pd.Categorical(np.where(X[:, 0] > 20, "a", "b"))
    booster = lgb.train(FIXED | {"objective": "binary"}, lgb.Dataset(frame.rename(columns=str), y), 5)
    found = explain(booster, frame.rename(columns=lambda c: c if c == "self" else int(c)))
    np.testing.assert_allclose(found.values, booster.predict(frame, pred_contrib=True)[:, :-1], rtol=0, atol=1e-9)
    for odd in (["q"] * 400, pd.Timestamp("2026-01-01")):
        wrong = frame.copy()
        wrong[2] = odd
        with pytest.raises(ArtifactError, match="1 columns are no numbers and no pandas categories: 2"):
            explain(booster, wrong)
    with pytest.raises(ArtifactError, match="no booster"):
        explain([], X)


def test_an_explanation_for_shaps_plots():
    X, y = made(500, 3, 1)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame["d"] = pd.Categorical(np.where(X[:, 0] > 0, "x", "y"), categories=["y", "x"])
    booster = lgb.train(FIXED | {"objective": "binary"}, lgb.Dataset(frame, y), 5)
    told = explain(booster, frame)
    np.testing.assert_allclose(told.values, booster.predict(frame, pred_contrib=True)[:, :-1], rtol=0, atol=1e-12)
    assert told.feature_names == ["a", "b", "c", "d"] and told.data.shape == (500, 4)
    other = frame.assign(d=pd.Categorical(np.where(X[:, 0] > 0, "x", "new"), categories=["new", "x"]))
    wanted = booster.predict(other, pred_contrib=True)[:, :-1]
    np.testing.assert_allclose(explain(booster, other).values, wanted, rtol=0, atol=1e-12)
    with pytest.raises(ArtifactError, match="the frame has 0 categorical columns, the booster knows 1"):
        explain(booster, frame.drop(columns="d"))


def test_without_numba_lightgbms_own_contributions_serve(monkeypatch, small_company):
    scorer, frame = champion(small_company), pd.read_parquet(small_company / SCORES / "features.parquet")
    with_it = scorer.points(scorer.prepare(frame))
    monkeypatch.setitem(sys.modules, "leadml.treeshap", None)
    without = champion(small_company)
    with pytest.warns(RuntimeWarning, match="numba cannot be used"):
        assert without.model.explainer is None
    assert scorer.model.explainer is not None
    base, points = without.points(without.prepare(frame))
    assert base == pytest.approx(with_it[0], abs=1e-9)
    np.testing.assert_allclose(points, with_it[1], rtol=0, atol=1e-9)
