"""How good the probabilities are, beside other learners on the same rows; prints a table a set, and mean ranks.

    python benchmarks/quality.py --peers peers/bin/python      # everything; hours, and goes on where it stopped
    python benchmarks/quality.py --quick                       # one seed, short budgets, some minutes

The peers have an environment of their own, which nothing of leadml needs::

    python3.11 -m venv peers
    peers/bin/pip install pandas pyarrow scikit-learn lightgbm catboost xgboost 'flaml[automl]' autogluon.tabular

Without --peers (or LEADML_PEERS) those learners are compared that leadml's own environment has.

Protocol
    Sets: `quality_sets.SETS`, each through `leadml extract`, so that all learners get the same columns and rows.
    Split: leadml's own. Weekly lists: the newest twelve matured ones are the test, and training ends a horizon before
    them. Cases and rows in order: the newest 30 %. Neither: 30 % of the accounts, drawn; a draw for each of five seeds.
    Where there is an order the rows are the same for all seeds, which are then the learners'.
    Learners: `peers.LEARNERS` with the settings stated there, on two threads; `leadml` is `ConversionClassifier` as it
    comes, told of cutoffs, horizon and accounts where there are any; `leadml tuned` the same with a search of two
    minutes. AutoMLs get sixty seconds. Nobody sees a test label: they are in a file that is read only when figures are
    made, and no setting was chosen by them.
    Figures: of each weekly list, averaged over lists; elsewhere of all test rows as one list; then averaged over seeds.
    Probabilities are held within [1e-6, 1 - 1e-6] for log loss. The calibration error (ten bins of equal mass, all test
    rows) stands beside what a model would show by chance whose every probability is right. Lift: of the top tenth.
    Behind: the difference to the best learner of the set, with a 90 % interval by drawing accounts 300 times (Poisson
    weights, the same for all learners and seeds); a star where it lies above 0. The best of a dozen is partly lucky, so
    a star now and then is no proof. Ranks are over the sets on which every learner was run; ties share theirs.
    Seconds: fitting and predicting, without starting Python and loading libraries; processor seconds beside them, as
    other work on the machine costs an AutoML trials that its budget would have had.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from peers import LEARNERS, THREADS
from quality_sets import ROOT, SETS, Part, TableSet, build_parts
from quality_table import Judged, Result, judge_set, print_ranks, print_set

from leadml import ConversionClassifier

FOLDER = ROOT / ".bench" / "quality"
AUTOML = ("FLAML", "AutoGluon")
HERE = ("constant", "logistic", "HistGradientBoosting", "LightGBM", "careful LightGBM")  # leadml's environment has them
# What a result of ours depends on: another code, another result.
CODE = ("models", "classifier.py", "calibration.py", "forms.py", "encoding.py", "search.py", "metrics.py")


@dataclass(frozen=True)
class Plan:
    """What is compared: learners, seeds, seconds of an AutoML, minutes of tuning, the peers' Python."""

    learners: tuple[str, ...]
    seeds: int
    seconds: float
    minutes: float
    python: str


def read_plan(asked: argparse.Namespace) -> Plan:
    """From the command line."""
    peers = asked.peers or os.environ.get("LEADML_PEERS")
    theirs = [n for n in LEARNERS if peers or n in HERE]
    learners = [*theirs, "leadml", "leadml tuned"]
    if asked.learners:
        learners = [n for n in learners if n in asked.learners.split(",")]
    seeds, seconds, minutes = (1, 15.0, 0.25) if asked.quick else (5, 60.0, 2.0)
    return Plan(tuple(learners), asked.seeds or seeds, seconds, minutes, peers or sys.executable)


def code_digest() -> str:
    """Of leadml's code that decides its probabilities."""
    digest = hashlib.sha256()
    for name in CODE:
        place = ROOT / "src" / "leadml" / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


DIGEST = code_digest()  # of the code that was imported, whatever is written meanwhile


def result_path(part: Part, learner: str, plan: Plan) -> Path:
    """Where a result is kept, without its ending: learner, what it was given, seed."""
    given = f"-{plan.seconds:g}s" if learner in AUTOML else ""
    if learner.startswith("leadml"):
        given = f"-{plan.minutes:g}m-{DIGEST}" if learner.endswith("tuned") else f"-{DIGEST}"
    name = f"{learner.replace(' ', '-').lower()}{given}-{part.number}"
    return part.folder.parent / "results" / name


def read_result(part: Part, learner: str, plan: Plan) -> Result | None:
    """What was kept, None where there is nothing (or where it failed)."""
    path = result_path(part, learner, plan)
    if not path.with_name(path.name + ".json").exists():
        return None
    told = json.loads(path.with_name(path.name + ".json").read_text())
    if "failed" in told:
        return None
    keys = pd.read_parquet(part.folder / "keys.parquet")
    p = np.load(path.with_name(path.name + ".npy"))
    return Result(p, keys, told["seconds"], told["processor_seconds"])


def run(part: Part, learner: str, plan: Plan) -> None:
    """One learner on one split, kept on disk; what was done is not done again, and a failure is kept as one."""
    path = result_path(part, learner, plan)
    done = path.with_name(path.name + ".json")
    if done.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    if learner.startswith("leadml"):
        run_ours(part, path, plan.minutes if learner.endswith("tuned") else None)
    else:
        words = [plan.python, str(ROOT / "benchmarks" / "peers.py"), learner, str(part.folder), str(path)]
        ended = subprocess.run([*words, str(part.number), str(plan.seconds)], capture_output=True, text=True)
        if ended.returncode:
            why = (ended.stderr.strip().splitlines() or ["no word"])[-1]
            done.write_text(json.dumps({"failed": why}))
            print(f"  {learner}, seed {part.number}: failed: {why}", file=sys.stderr)
            return
    told = json.loads(done.read_text()) | {"load": load}
    done.write_text(json.dumps(told))
    print(f"  {learner}, seed {part.number}: {told['seconds']:.1f} s", file=sys.stderr, flush=True)


def run_ours(part: Part, path: Path, minutes: float | None) -> None:
    """`ConversionClassifier` on the split; what its folds decided is kept beside the seconds."""
    about = json.loads((part.folder / "about.json").read_text())
    train, test = pd.read_parquet(part.folder / "train.parquet"), pd.read_parquet(part.folder / "test.parquet")
    label, when = train.pop("__label").to_numpy(), train.pop("__when").to_numpy()
    account = pd.read_parquet(part.folder / "accounts.parquet")["account"].to_numpy()
    began, used = time.perf_counter(), time.process_time()
    model = ConversionClassifier(tune_minutes=minutes, random_state=part.number, n_jobs=THREADS)
    model.fit(train, label, groups=account, times=when if about["ordered"] else None, gap=about["gap"])
    p = model.predict_proba(test)[:, 1]
    told = {"seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - used}
    if model.plan_ is not None:
        told |= {"plan": model.plan_.to_dict(), "calibrator": model.calibrator_.to_dict()}
    np.save(path.with_name(path.name + ".npy"), p)
    path.with_name(path.name + ".json").write_text(json.dumps(told))


def compare(table: TableSet, plan: Plan, only_print: bool) -> dict[str, Judged] | None:
    """Runs what is missing of a set, and prints its table; None where the set is not here or nothing was run."""
    parts = build_parts(table, FOLDER / table.name, 5)
    if parts is None:
        print(f"{table.name}: not here ({table.source})\n", flush=True)
        return None
    parts = parts[: plan.seeds]
    about = json.loads((parts[0].folder / "about.json").read_text())
    print(
        f"**{table.name}** ({table.source}): {about['columns']} columns, {about['train']:,} rows to learn from with "
        f"{about['train_conversions']:,} converting leads, {about['test']:,} to judge by with "
        f"{about['test_conversions']:,} (rate {about['rate']:.3f}); split: {about['kind']}\n",
        flush=True,
    )
    if not only_print:
        for part in parts:
            for learner in plan.learners:
                run(part, learner, plan)
    found = {n: [read_result(part, n, plan) for part in parts] for n in plan.learners}
    whole = {n: [r for r in listed if r is not None] for n, listed in found.items()}
    short = {n: len(listed) for n, listed in whole.items() if len(listed) < len(parts)}
    if short:
        print(f"seeds of {len(parts)} that are there: {', '.join(f'{n} {k}' for n, k in short.items())}\n")
    judged = judge_set({n: listed for n, listed in whole.items() if len(listed) == len(parts)})
    if judged:
        print_set(judged)
    return judged or None


def main() -> None:
    """Runs and prints, in a process whose threads wait without spinning (LightGBM reads this when it is loaded)."""
    if os.environ.get("OMP_WAIT_POLICY") != "PASSIVE":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"OMP_WAIT_POLICY": "PASSIVE"})
    parser = argparse.ArgumentParser(description="leadml beside other learners", allow_abbrev=False)
    parser.add_argument("--peers", help="the Python that has the other learners")
    parser.add_argument("--quick", action="store_true", help="one seed, 15 seconds an AutoML and a search, fewer sets")
    parser.add_argument("--sets", help="only these, by commas")
    parser.add_argument("--learners", help="only these, by commas")
    parser.add_argument("--seeds", type=int, help="so many (5 by default, 1 with --quick)")
    parser.add_argument("--print", action="store_true", help="run nothing, print what there is")
    asked = parser.parse_args()
    plan, judged = read_plan(asked), {}
    warnings.simplefilter("ignore")
    for table in SETS:
        wanted = table.name in asked.sets.split(",") if asked.sets else table.quick or not asked.quick
        if wanted and (found := compare(table, plan, asked.print)) is not None:
            judged[table.name] = found
    if judged:
        print_ranks(judged)


if __name__ == "__main__":
    main()
