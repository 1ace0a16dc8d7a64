"""Measures exact contributions against everything else that gives them, and prints tables; a quarter of an hour.

    python benchmarks/explain.py [rows, 40,000 unless said]
    python benchmarks/explain.py largest [rows]      only the largest models that the defaults allow

Models of 400 trees of 31 leaves on 100 columns, a tenth missing; the same models and rows for all, 2 threads, the ways
by turns. What is slow is measured on fewer rows, in rows a second. ``pip install`` of woodelf-explainer or fasttreeshap
beside leadml adds them.
"""

import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir

from leadml.config import register_schema, to_config
from leadml.models.boosted import bag_seeds, booster_parameters, scale_model
from leadml.models.trees import LOOSE, TREES
from leadml.treeshap import Explainer

TURNS, FEW = 3, 2_000
COLUMNS, LEVELS = 100, 10
SHAPES = {"depth 5": 5, "depth 6": 6, "depth 8": 8, "any depth": -1}
SIZES = ((14_000, 250), (14_000, 1_900), (29_000, 9_000), (100_000, 40_000), (200_000, 60_000))  # rows, conversions
COLD = """
import sys, time
begun = time.perf_counter()
import lightgbm, numpy
booster, X = lightgbm.Booster(model_file=sys.argv[1]), numpy.load(sys.argv[2])
ready = time.perf_counter()
if sys.argv[3] == "leadml":
    from leadml.treeshap import Explainer
    Explainer.of(booster).explain(X, 2)
else:
    booster.predict(X, pred_contrib=True, num_threads=2)
print(time.perf_counter() - ready)
"""


def make_rows(rows: int, categorical: int) -> tuple[np.ndarray, np.ndarray]:
    """Half of the columns continuous, half counts, the first ``categorical`` of them levels; and a label."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(rows, COLUMNS))
    X[:, COLUMNS // 2 :] = np.round(np.exp(X[:, COLUMNS // 2 :]))
    X[:, :categorical] = rng.integers(0, 12, (rows, categorical))
    X[rng.random(X.shape) < 0.1] = np.nan
    weight = np.where(np.arange(COLUMNS) < categorical, 0, rng.normal(size=COLUMNS))
    signal = np.nansum(X * weight, axis=1) + 3 * np.nansum(X[:, :categorical] % 3 == 1, axis=1)
    return X, (signal + 5 * rng.normal(size=rows) > np.median(signal)).astype(float)


def train(X: np.ndarray, y: np.ndarray, depth: int, categorical: int, trees: int = 400) -> lgb.Booster:
    """The model that is explained."""
    parameters = {"objective": "binary", "num_leaves": 31, "max_depth": depth, "learning_rate": 0.05, "max_bin": 127,
                  "min_data_in_leaf": 30, "verbose": -1, "num_threads": 2}  # fmt: skip
    return lgb.train(parameters, lgb.Dataset(X, y, categorical_feature=list(range(categorical)) or "auto"), trees)


def list_ways(booster: lgb.Booster, X: np.ndarray) -> dict[str, tuple[Callable[[], object], int]]:
    """By name what explains (or only scores) rows, and how many it is given."""
    explainer, few = Explainer.of(booster), X[:FEW]
    ways: dict[str, tuple[Callable[[], object], int]] = {
        "leadml": (partial(explainer.explain, X, 2), len(X)),
        "predict": (partial(booster.predict, X, raw_score=True, num_threads=2), len(X)),
        "pred_contrib": (partial(booster.predict, few, pred_contrib=True, num_threads=2), len(few)),
    }
    import shap

    tree = shap.TreeExplainer(booster)
    ways["shap"] = (partial(tree.shap_values, few), len(few))
    frame = pd.DataFrame(X, columns=booster.feature_name())
    for name, module, kind, rows, more in (
        ("woodelf", "woodelf", "WoodelfExplainer", frame, {"verbose": False}),
        ("fasttreeshap", "fasttreeshap", "TreeExplainer", X, {}),
    ):
        try:
            other = getattr(importlib.import_module(module), kind)(booster)
            found = np.asarray(other.shap_values(rows[:10], **more))
            far = np.abs(found - booster.predict(X[:10], pred_contrib=True)[:, :-1]).max()
            print(f"{name}: largest difference to pred_contrib {far:.0e}", file=sys.stderr)
        except Exception as error:  # not installed, or it does not read these models: the column says so
            print(f"{name}: {type(error).__name__}: {str(error)[:100]}", file=sys.stderr)
            continue
        ways[name] = (partial(other.shap_values, rows, **more), len(X))
    return ways


def measure(ways: dict[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """Rows a second, the median of the turns."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for name, (run, _) in ways.items():
        if name != "shap":  # only to compile and to fill caches
            run()
    for _ in range(TURNS):
        for name, (run, _) in ways.items():
            begun = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begun)
    return {name: rows / statistics.median(seconds[name]) for name, (_, rows) in ways.items()}


def largest_difference(booster: lgb.Booster, X: np.ndarray) -> float:
    """Between ours and pred_contrib, of the row's largest value."""
    ours, theirs = Explainer.of(booster).explain(X).values, booster.predict(X, pred_contrib=True)
    return float((np.abs(ours - theirs[:, :-1]).max(axis=1) / np.abs(theirs).max(axis=1)).max())


def print_speed(rows: int) -> None:
    """Rows a second by model and way."""
    found = []
    for categorical in (0, LEVELS):
        X, y = make_rows(rows, categorical)
        for name, depth in SHAPES.items():
            booster = train(X, y, depth, categorical)
            begun = time.perf_counter()
            bundles = Explainer.of(booster).bundles
            made = time.perf_counter() - begun
            speed = measure(list_ways(booster, X))
            found.append(
                {"model": f"{name}, {categorical} categorical"}
                | {way: f"{v:,.0f}" for way, v in speed.items()}
                | {
                    "times pred_contrib": f"{speed['leadml'] / speed['pred_contrib']:.0f}",
                    "time of predict": f"{speed['predict'] / speed['leadml']:.2f}",
                    "largest difference": f"{largest_difference(booster, X[:500]):.0e}",
                    "tables MB": f"{bundles.tables.nbytes / 1e6:.0f}",
                    "made in s": f"{made:.1f}",
                }
            )
            print(found[-1], file=sys.stderr, flush=True)
    print_table(pd.DataFrame(found).fillna("–"))


def print_largest(rows: int) -> None:
    """The default model where the folds ask for all of ``max_trees``, of both kinds: it gets no larger by itself."""
    register_schema()
    with initialize_config_dir(str(Path(__file__).resolve().parents[1] / "conf"), version_base="1.3"):
        settings = to_config(compose("train")).model
    found = []
    for fitted, conversions in SIZES:
        X, _ = make_rows(fitted, 0)
        signal = np.nansum(X[:, :10], axis=1) + 3 * np.random.default_rng(2).normal(size=fitted)
        y = (signal >= np.sort(signal)[-conversions]).astype(float)
        model = scale_model(settings, fitted, conversions, COLUMNS)
        bag = [
            lgb.train(booster_parameters(model, seed, 2, kind), lgb.Dataset(X, y), model.max_trees)
            for kind in (TREES, LOOSE)
            for seed in bag_seeds(1, model.bag)
        ]
        explainer, few = Explainer.of(bag), X[: min(rows, len(X))]

        def score(few: np.ndarray = few, bag: list[lgb.Booster] = bag) -> list[object]:
            return [b.predict(few, raw_score=True, num_threads=2) for b in bag]

        ways: dict[str, tuple[Callable[[], object], int]] = {
            "leadml": (partial(explainer.explain, few, 2), len(few)),
            "predict": (score, len(few)),
        }
        speed = measure(ways)
        trees = sum(b.num_trees() for b in bag)
        leaves = sum(int(t["num_leaves"]) for b in bag for t in b.dump_model()["tree_info"])
        cells = (f"{fitted:,}", f"{conversions:,}", f"{trees:,}", f"{leaves:,}", f"{speed['leadml']:,.0f}",
                 f"{speed['predict']:,.0f}", f"{speed['predict'] / speed['leadml']:.2f}",
                 f"{1e6 / speed['leadml']:.0f}")  # fmt: skip
        heads = ("training rows", "conversions", "trees", "leaves", "leadml", "predict", "time of predict",
                 "s a million")  # fmt: skip
        found.append(dict(zip(heads, cells, strict=True)))
        print(found[-1], file=sys.stderr, flush=True)
    print_table(pd.DataFrame(found))


def print_cold() -> None:
    """Seconds to the first contributions of 1,000 rows in a new process, by what is compiled already."""
    X, y = make_rows(20_000, 0)
    found = []
    with tempfile.TemporaryDirectory(prefix="leadml-bench-") as name:
        model, data = Path(name) / "model.txt", Path(name) / "X.npy"
        np.save(data, X[:1000])
        for trees in (100, 400):
            train(X, y, 6, 0, trees).save_model(model)
            cache = os.environ | {"NUMBA_CACHE_DIR": f"{name}/numba-{trees}"}
            for what, way in (("leadml, nothing compiled", "leadml"), ("leadml, compiled before", "leadml"),
                              ("pred_contrib", "pred_contrib")):  # fmt: skip
                done = subprocess.run([sys.executable, "-c", COLD, str(model), str(data), way], env=cache,
                                      capture_output=True, text=True, check=True)  # fmt: skip
                found.append({"trees": str(trees), "first": what, "s": f"{float(done.stdout):.2f}"})
    print_table(pd.DataFrame(found))


def print_pairs(rows: int) -> None:
    """Interactions of all pairs of columns, rows a second: every value, and the mean size of each in bounded memory."""
    import shap

    X, y = make_rows(rows, 0)
    found = []
    for name, depth in SHAPES.items():
        booster = train(X, y, depth, 0)
        explainer, tree = Explainer.of(booster), shap.TreeExplainer(booster)
        speed = measure(
            {
                "every value": (partial(explainer.interactions, X[:FEW], 2), FEW),
                "mean size": (partial(explainer.interaction_strength, X, 2), len(X)),
                "shap": (partial(tree.shap_interaction_values, X[:10]), 10),
            }
        )
        far = np.abs(explainer.interactions(X[:10]) - tree.shap_interaction_values(X[:10])).max()
        found.append({"model": name} | {way: f"{v:,.0f}" for way, v in speed.items()} | {"difference": f"{far:.0e}"})
    print_table(pd.DataFrame(found))


STREAM = """
import resource, sys, lightgbm, numpy, pyarrow, pyarrow.parquet
from leadml.treeshap import Explainer
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
rows = int(sys.argv[2])
X = numpy.random.default_rng(1).normal(size=(rows, 100))
begun = peak()
explainer = Explainer.of(lightgbm.Booster(model_file=sys.argv[1]))
schema = pyarrow.schema([(f"points_{j}", pyarrow.float64()) for j in range(100)])
with pyarrow.parquet.ParquetWriter(sys.argv[3], schema) as out:
    for found in explainer.stream(X, threads=2):
        out.write_table(pyarrow.table(list(found.values.T), schema=schema))
print(X.nbytes / 2**20, begun, peak())
"""


def print_memory() -> None:
    """Peak memory of a million rows of 100 columns, explained to Parquet block by block, in a process of its own."""
    X, y = make_rows(20_000, 0)
    found = []
    with tempfile.TemporaryDirectory(prefix="leadml-bench-") as name:
        model = Path(name) / "model.txt"
        train(X, y, 6, 0).save_model(model)
        for rows in (100_000, 1_000_000):
            begun = time.perf_counter()
            words = [sys.executable, "-c", STREAM, str(model), str(rows), f"{name}/points.parquet"]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            size, before, after = (float(v) for v in done.stdout.split())
            cells = (f"{rows:,}", f"{size:,.0f}", f"{before:,.0f}", f"{after:,.0f}", f"{after - before:,.0f}")
            heads = ("rows", "input MB", "peak with the input MB", "peak explained MB", "more MB")
            found.append(dict(zip(heads, cells, strict=True)) | {"s": f"{time.perf_counter() - begun:.0f}"})
    print_table(pd.DataFrame(found))


def print_table(table: pd.DataFrame) -> None:
    """Markdown."""
    print(f"\n| {' | '.join(table.columns)} |\n| --- |{' ---: |' * (len(table.columns) - 1)}")
    for row in table.itertuples(index=False):
        print(f"| {' | '.join(row)} |")
    sys.stdout.flush()


def main() -> None:
    """Measures and prints."""
    asked = sys.argv[1:]
    if asked[:1] == ["largest"]:
        return print_largest(int(asked[1]) if len(asked) > 1 else 10_000)
    print_speed(int(asked[0]) if asked else 40_000)
    print_largest(10_000)
    print_cold()
    print_pairs(FEW)
    print_memory()


if __name__ == "__main__":
    main()
