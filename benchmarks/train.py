"""Measures the train stage at scale against bare LightGBM, and prints tables; ten to twenty minutes.

A table of so many rows with 100 features (90 numbers, ten categories, a twentieth missing) and a known law is made;
each row has its own cutoff over two years. One process runs everything that `leadml train` does with it but for the
audit and MLflow, and tells its seconds and its peak of memory beyond what it had before the table was read; then, in
the same process, bare ``lightgbm.Booster`` grows the very same trees: for every fold and kind as many as the fold grew,
then those of the judged, the compared and the final model. Usage: ``python benchmarks/train.py [ROWS ...]``, 200,000
and 1,000,000 without.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir
from stages import Table, describe_machine

from leadml.cli import conf_dir
from leadml.config import Config, register_schema, to_config
from leadml.features.dictionary import Feature, Kind
from leadml.models.boosted import bin_rows
from leadml.models.parts import encode_fold
from leadml.models.plan import Ingredients, list_parameters
from leadml.models.trees import LOOSE, TREES
from leadml.recipe_data import RecipeData, prepare
from leadml.stages.settings import recipe
from leadml.training import Trained, fit_recipe

NUMBERS, CATEGORIES = 90, 10
SIZES = (200_000, 1_000_000)
MEGABYTE = 1 << 20


def make_table(rows: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Snapshots and features; log-odds are linear in a tenth of the numbers, with two products, -3.5 on average."""
    rng = np.random.default_rng(seed)
    leads = rows // 5
    lead = rng.integers(0, leads, rows)
    cutoff = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.uniform(0, 730 * 86_400, rows)).round(), unit="s")
    X = pd.DataFrame({f"n{j}": rng.gamma(1.0, 2.0, rows).round(2) for j in range(NUMBERS)})
    X = X.mask(rng.random(X.shape) < 0.05)
    for j in range(CATEGORIES):
        X[f"c{j}"] = pd.Categorical.from_codes(rng.integers(0, 12, rows), [f"level {i}" for i in range(12)])
    odds = -4.5 + sum(0.15 * np.log1p(X[f"n{j}"].fillna(0)) for j in range(9))
    odds += 0.1 * X["n0"].fillna(0) * (X["c0"].cat.codes < 3) + 0.1 * X["n1"].fillna(0) * (X["n2"].fillna(0) > 2)
    snapshots = pd.DataFrame(
        {
            "lead_id": [f"L{i}" for i in lead],
            "account_id": [f"A{i // 2}" for i in lead],
            "cutoff": cutoff.astype("datetime64[us]"),
            "grid": "given",
            "label": (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(float),
            "amount": np.nan,
            "age_days": rng.uniform(0, 180, rows),
            "untouched": rng.random(rows) < 0.3,
            "position": np.arange(rows),
        }
    )
    return snapshots, X


def list_features() -> list[Feature]:
    """The dictionary; every tenth number is sales effort, so that there is a model to compare with."""
    numbers = [
        Feature(f"n{j}", "behaviour", Kind.NUMBER, "count", None, f"n{j}", f"n{j}", effort=j % 10 == 9)
        for j in range(NUMBERS)
    ]
    names = [f"c{j}" for j in range(CATEGORIES)]
    return numbers + [Feature(n, "firmographic", Kind.CATEGORY, "", None, n, n) for n in names]


def settings(root: Path) -> Config:
    """The shipped settings, with a horizon of 30 days."""
    register_schema()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return to_config(compose("train", overrides=[f"paths.root={root}", "problem.horizon_days=30"]))


def measure(folder: Path) -> dict[str, Any]:
    """Seconds and memory of the recipe on the table in ``folder``, and seconds of the same trees by LightGBM alone."""
    config, before = recipe(settings(folder)), peak_memory()
    snapshots, X = pd.read_parquet(folder / "snapshots.parquet"), pd.read_parquet(folder / "features.parquet")
    begun = time.perf_counter()
    trained = fit_recipe(snapshots, X, list_features(), config)
    seconds, memory = time.perf_counter() - begun, peak_memory() - before
    bare, trees = grow_bare(prepare(snapshots, X, list_features(), config), trained)
    return {
        "rung": trained.plan.rung,
        "trees": trees,
        "seconds": seconds,
        "bare": bare,
        "memory": memory,
        "matrix": len(X) * (NUMBERS + CATEGORIES) * 8 / MEGABYTE,
        "auc": trained.metrics["scorers"]["model"]["auc"]["value"],
    }


def grow_bare(data: RecipeData, trained: Trained) -> tuple[float, int]:
    """Seconds of LightGBM alone for every tree that the recipe grew, and how many those are; matrices cost nothing."""
    given, plan, seconds, trees = data.given, trained.plan, 0.0, 0
    for fold in data.folds():
        encoded = encode_fold(data.X, fold, given)[0]
        matrix = encoded.encoder.encode(data.X, fold.fit)
        for kind in (TREES, LOOSE):
            if kind in plan.curves:
                spent = grow(matrix, fold.fit_labels, encoded.encoder, (kind, len(plan.curves[kind])), given)
                seconds, trees = seconds + spent, trees + len(plan.curves[kind]) * (given.model.bag or 1)
    without = tuple(f for f in data.features if not f.effort)
    for rows, features in (
        (data.split.train, given.features),
        (data.split.train, without),
        (data.split.final, given.features),
    ):
        encoder = (
            trained.encoder
            if features is given.features
            else type(trained.encoder)(
                tuple(f for f in trained.encoder.features if f in features), trained.encoder.levels
            )
        )
        matrix, labels = encoder.encode(data.X, rows), data.labels(rows)
        for member in plan.members:
            if member.trees:
                seconds += grow(matrix, labels, encoder, (member.name, member.trees), given)
                trees += member.trees * (given.model.bag or 1)
    return seconds, trees


def grow(matrix: np.ndarray, labels: np.ndarray, encoder: Any, asked: tuple[str, int], given: Ingredients) -> float:
    """Seconds to bin the matrix and grow so many trees of a kind, once a booster of the bag, on all threads."""
    import lightgbm as lgb

    begun = time.perf_counter()
    for parameters in list_parameters(given, encoder, asked[0]):
        booster = lgb.Booster(params=parameters, train_set=bin_rows(matrix, labels, encoder, parameters))
        for _ in range(asked[1]):
            booster.update()
    return time.perf_counter() - begun


def peak_memory() -> float:
    """The most megabytes that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Each size in a process of its own."""
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(Path(sys.argv[2]))))
        return
    print(describe_machine(), flush=True)
    rows, before = [], os.getloadavg()[0]
    for size in [int(word) for word in sys.argv[1:]] or SIZES:
        with tempfile.TemporaryDirectory(prefix="leadml-bench-") as folder:
            snapshots, X = make_table(size, 1)
            snapshots.to_parquet(Path(folder) / "snapshots.parquet", index=False)
            X.to_parquet(Path(folder) / "features.parquet", index=False)
            del snapshots, X
            command = [sys.executable, __file__, "measure", folder]
            done = subprocess.run(
                command, capture_output=True, text=True, env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
            )
        if done.returncode:
            raise SystemExit(f"{size:,} rows: ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
        told = json.loads(done.stdout.splitlines()[-1])
        rows.append(
            (
                f"{size:,}",
                told["rung"],
                f"{told['trees']:,}",
                f"{told['seconds']:.0f}",
                f"{told['bare']:.0f}",
                f"{told['seconds'] / told['bare']:.2f}",
                f"{told['memory']:,.0f}",
                f"{told['memory'] / told['matrix']:.2f}",
                f"{told['auc']:.3f}",
            )
        )
    meaning = (
        "The recipe (folds, ladder, judged and compared models, baselines, intervals, final model) against LightGBM "
        "growing the same trees on the same matrices, and the peak of memory beyond the libraries, the table included, "
        "against the matrix of 100 float64 columns; targets at a million rows: 1.3 times, 2.5 times."
    )
    columns = ("rows", "rung", "trees", "s", "bare s", "ratio", "peak MB", "of the matrix", "AUC")
    print(Table("Training at scale", meaning, columns, rows).to_markdown((before, os.getloadavg()[0])))


if __name__ == "__main__":
    main()
