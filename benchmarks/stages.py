"""Measures the stages on this machine and prints the tables of README.md, in Markdown; three to four minutes.

Every figure is of this very run, and what is compared is measured side by side. Only a temporary folder is written.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir

from leadml import LeadScorer
from leadml.cli import conf_dir
from leadml.config import Config, register_schema, to_config
from leadml.models.boosted import bin_rows, fit_boosters
from leadml.models.plan import list_parameters
from leadml.models.trees import TREES
from leadml.recipe_data import prepare
from leadml.stages.settings import recipe
from leadml.stages.stored import Extracted, read_extracted
from leadml.training import Trained, fit_recipe
from leadml.workspace import Workspace

CALLS = 9  # of a command whose start is timed
TREES_TIMED = 150  # of the bare and of our fit
ROUNDS = 5  # of two things that are timed side by side
EXPLAINED = 20_000  # rows that are scored and explained
LIBRARIES = ("lightgbm", "duckdb", "pandas", "numpy")
STAGES = ("simulate", "extract", "train", "calibrate", "explain", "predict")
ENVIRONMENT = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
T = TypeVar("T")


@dataclass(frozen=True)
class Table:
    """A table of the README: what it means and the target in one sentence, and its rows."""

    title: str
    meaning: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def to_markdown(self, loads: tuple[float, float]) -> str:
        """The table below its sentence; all columns but the first are numbers."""
        head = [self.columns, ("---", *["---:"] * (len(self.columns) - 1))]
        lines = [f"| {' | '.join(row)} |" for row in [*head, *self.rows]]
        told = f"{self.meaning} (Load average {loads[0]:.1f} before, {loads[1]:.1f} after.)"
        return "\n".join([f"## {self.title}", "", told, "", *lines, ""])


def main() -> None:
    """Prints where and when, then one table after the other."""
    print(describe_machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="leadml-bench-") as folder:
        root = Path(folder)
        for measure in (measure_start, measure_simulate, measure_demo, measure_training, measure_explaining):
            before = os.getloadavg()[0]
            table = measure(root)
            print(table.to_markdown((before, os.getloadavg()[0])), flush=True)


def describe_machine() -> str:
    """Date, size of the machine and versions; neither its name nor a path."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}; "
        f"python {platform.python_version()}, {versions}.\n"
    )


def measure_start(_: Path) -> Table:
    """Commands that do no work."""
    rows = []
    for words in ((), ("train", "--cfg", "job")):
        seconds = [timed(partial(run_leadml, *words))[0] for _ in range(CALLS)]
        name = " ".join(["leadml", *words])
        rows.append((f"`{name}`", f"{statistics.median(seconds):.2f}", f"{min(seconds):.2f}"))
    meaning = (
        f"How long a person waits for an answer that needs no work, over {CALLS} calls; target: `leadml` alone under "
        "0.3 s."
    )
    return Table("Starting up", meaning, ("command", "median s", "fastest s"), rows)


def measure_simulate(root: Path) -> Table:
    """The invented company in two sizes; the last row is the larger over the smaller."""
    measured = []
    for leads in (5_000, 20_000):
        told = run_stage("simulate", root / f"simulate-{leads}", f"simulate.leads={leads}")
        stage = told["stages"]["simulate"]
        total = sum(stage["rows"].values())
        measured.append((leads, total, stage["seconds"], total / stage["seconds"], told["peak_memory_mb"]))
    rows = [(f"{n:,}", f"{total:,}", f"{s:.1f}", f"{speed:,.0f}", f"{mb:,.0f}") for n, total, s, speed, mb in measured]
    small, large = measured
    ratio = ("ratio", *(f"{b / a:.2f}" for a, b in zip(small[1:], large[1:], strict=True)))
    meaning = (
        "What inventing a company costs, its exports and its truth; target: time grows no faster than the leads, and "
        "memory only up to `simulate.chunk_leads` (50,000)."
    )
    return Table("`leadml simulate`", meaning, ("leads", "rows written", "s", "rows/s", "peak MB"), [*rows, ratio])


def measure_demo(root: Path) -> Table:
    """Seconds within one demo; then each stage again as a command of its own, which has a peak of its own."""
    whole, told = timed(partial(run_stage, "demo", root / "demo"))
    rows = []
    for name in STAGES:
        seconds, alone = timed(partial(run_stage, name, root / "demo"))
        inside = told["stages"][name]["seconds"]
        rows.append((f"`{name}`", f"{inside:.1f}", f"{seconds:.1f}", f"{alone['peak_memory_mb']:,.0f}"))
    rows.append(("whole, `leadml demo`", f"{whole:.1f}", "", f"{told['peak_memory_mb']:,.0f}"))
    meaning = (
        "What a first user waits for, 20,000 leads from exports to report; target: the whole under 90 s. In the demo "
        "`predict` finds the leads already scored by `explain`; as a command of its own a stage also starts Python and "
        "loads libraries."
    )
    return Table("`leadml demo`, stage by stage", meaning, ("stage", "s in the demo", "s alone", "peak MB alone"), rows)


def measure_training(root: Path) -> Table:
    """The recipe against LightGBM itself: the final model's trees, on the final model's matrix."""
    config, extracted = settings(root / "demo"), read_extracted(Workspace(root / "demo"))
    whole, trained = timed(lambda: fit_recipe(extracted.snapshots, extracted.X, extracted.features, recipe(config)))
    bare, ours = side_by_side(*final_fits(config, extracted, trained))
    rows = [
        ("bare `lightgbm.train`", f"{bare:.2f}", "1.00"),
        ("`models.fit_boosters`, the same trees", f"{ours:.2f}", f"{ours / bare:.2f}"),
        ("`training.fit_recipe`, everything", f"{whole:.2f}", f"{whole / bare:.2f}"),
    ]
    meaning = (
        f"What judging costs: {TREES_TIMED} trees on {len(trained.split.final):,} rows of "
        f"{len(trained.encoder.names)} features by LightGBM alone, and the whole recipe: {len(trained.split.folds)} "
        f"folds, a ladder that ended at {trained.plan.rung} ({trained.n_trees} trees), the judged model, the one "
        "without sales effort, the baselines, intervals, the final model; target: the same trees within 1.1 times. "
        "What the recipe costs at scale is in `benchmarks/train.py`."
    )
    return Table("Training against bare LightGBM", meaning, ("what", "s", "ratio"), rows)


def final_fits(config: Config, extracted: Extracted, trained: Trained) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The final model's fit by LightGBM alone and by ours; refuses to compare different trees."""
    import lightgbm as lgb  # not before leadml, which sets how its threads wait

    rows = trained.split.final
    given = prepare(extracted.snapshots, extracted.X, extracted.features, recipe(config)).given
    matrix = trained.encoder.encode(extracted.X, rows)
    labels = extracted.snapshots["label"].to_numpy(dtype=np.float64)[rows]
    parameters = list_parameters(given, trained.encoder, TREES)[0]

    def bare() -> Any:
        data = bin_rows(matrix, labels, trained.encoder, parameters)
        return lgb.train(parameters, data, num_boost_round=TREES_TIMED)

    def ours() -> Any:
        asked = [(parameters, TREES_TIMED)]
        return fit_boosters(matrix, labels, trained.encoder, asked, config.engine.threads)[0]

    if not np.array_equal(bare().predict(matrix), ours().predict(matrix)):
        raise SystemExit("the bare trees are not the recipe's: there is nothing to compare")
    return bare, ours


def measure_explaining(root: Path) -> Table:
    """Exact points against margins, of the same prepared rows."""
    scorer = LeadScorer.load(root / "demo" / "models" / "champion")
    X = pd.read_parquet(root / "demo" / "data" / "features" / "features.parquet")
    prepared = scorer.prepare(X.iloc[-EXPLAINED:].reset_index(drop=True))
    scoring, explaining = side_by_side(lambda: scorer.margin(prepared), lambda: scorer.points(prepared))
    rows = [
        (name, f"{seconds:.3f}", f"{len(prepared) / seconds:,.0f}", f"{seconds / scoring:.1f}")
        for name, seconds in (("`LeadScorer.margin`", scoring), ("`LeadScorer.points`", explaining))
    ]
    meaning = (
        f"What reasons cost: {len(prepared):,} rows scored, and explained by exact SHAP values "
        f"({scorer.model.trees} trees, {len(scorer.encoder.names)} features), encoding included in both; "
        "target: a list of 20,000 leads explained within 10 s."
    )
    return Table("Explaining against scoring", meaning, ("what", "s", "rows/s", "ratio"), rows)


def settings(root: Path) -> Config:
    """The settings that `leadml train` would use there."""
    register_schema()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return to_config(compose("train", overrides=[f"paths.root={root}"]))


def run_stage(stage: str, root: Path, *overrides: str) -> dict[str, Any]:
    """Runs the stage in the workspace; its manifest."""
    run_leadml(stage, f"paths.root={root}", *overrides)
    manifest: dict[str, Any] = json.loads((root / "data" / "runs" / f"latest-{stage}.json").read_text("utf-8"))
    return manifest


def run_leadml(*words: str) -> None:
    """`leadml` in a process of its own; ends the benchmark where it fails."""
    command = [sys.executable, "-m", "leadml", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    if done.returncode:
        raise SystemExit(f"leadml {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Wall seconds, and what came of it."""
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def side_by_side(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[float, float]:
    """Median seconds of both, by turns, so that other work on the machine slows both; a first turn is not counted."""
    turns = [(timed(first)[0], timed(second)[0]) for _ in range(ROUNDS + 1)][1:]
    return statistics.median(t[0] for t in turns), statistics.median(t[1] for t in turns)


if __name__ == "__main__":
    main()
