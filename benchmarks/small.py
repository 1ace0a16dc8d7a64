"""What few conversions give: leads drawn from an invented company, 20 times for each number; prints a table.

    python benchmarks/small.py [workspace of an extract, and settings; a simulated company of 20,000 leads unless said]

Each draw takes leads until 50, 100, 200 or 500 of them convert in training, and hands their rows alone to the recipe:
`model=auto`, and points and logistic by name. What each gives is judged on the newest lists of *all* the
company's leads, so that the judge is as sharp as it can be; the verdict is by the drawn leads' own lists, as a company
of that size would see it. Differences are paired by row; their standard error holds the spread of the draws and the
judging accounts. What was found stays in .bench/small, a file a draw: stopped and started again, the rest is measured.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import numpy as np
from small_data import RUNGS, Company, Found, judge_draw, mean_gain, settings

from leadml.errors import DataError
from leadml.stages.stored import read_extracted
from leadml.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / ".bench" / "small"
SIZES, DRAWS = (50, 100, 200, 500), 20
QUICK = ("train.bootstrap=100", "engine.threads=1")


def main(root: Path, words: list[str]) -> None:
    """Measures what is not there yet, then prints the table."""
    company = Company.of(read_extracted(Workspace(root)), settings(root, *QUICK, *words))
    KEPT.mkdir(parents=True, exist_ok=True)
    digest, found, begun = code_digest(words), {}, time.process_time()
    for seed in range(DRAWS):  # all sizes side by side: what is there tells something at any time
        for size in SIZES:
            if seed < draws_of(company, size):
                found[size, seed] = kept(company, size, seed, digest)
        print(f"draw {seed + 1}: {time.process_time() - begun:.0f} s of processor", file=sys.stderr, flush=True)
    for size in SIZES:
        print_size(size, [d for (of, _), d in found.items() if of == size], company.judge.account)


def draws_of(company: Company, size: int) -> int:
    """`DRAWS`, or one where a draw is nearly all that the company has."""
    return DRAWS if company.converting > 1.5 * size else int(company.converting >= size)


def code_digest(words: list[str]) -> str:
    """Of everything that decides what is learnt."""
    digest = hashlib.sha256(repr(words).encode())
    for path in (*sorted((ROOT / "src/leadml").rglob("*.py")), *sorted((ROOT / "conf").rglob("*.yaml"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def kept(company: Company, size: int, seed: int, digest: str) -> dict[str, Found]:
    """One draw by every rung, measured now or before; a rung that was refused is not there."""
    path, found = KEPT / f"{digest}-{size}-{seed:02d}.npz", {}
    if not path.exists():
        rows = company.draw(size, 1000 * size + seed)
        for rung in RUNGS:
            try:
                found[rung] = judge_draw(company, rows, rung)
            except DataError:
                continue
        part = path.with_suffix(".part.npz")
        np.savez(part, **{r: f.losses.astype(np.float32) for r, f in found.items()},
                 **{f"{r}_words": np.array([f.verdict, f.rung]) for r, f in found.items()})  # fmt: skip
        part.rename(path)
    with np.load(path) as stored:
        return {r: Found(*map(str, stored[f"{r}_words"]), stored[r].astype(float)) for r in RUNGS if r in stored}


def print_size(size: int, draws: list[dict[str, Found]], account: np.ndarray) -> None:
    """One line a rung: the mean log loss, auto's less its, and in how many standard errors; then verdicts and rungs."""
    for rung in RUNGS:
        both = [d for d in draws if "auto" in d and rung in d]
        if not both:
            continue
        loss = np.mean([d[rung].losses.mean() for d in both])
        gain, error = mean_gain([(d["auto"].losses, d[rung].losses) for d in both], account)
        told = "-" if rung == "auto" else f"{gain:+.5f} ± {error:.5f} ({gain / error:+.1f})"
        print(f"| {size} | {rung} | {len(both)} | {loss:.5f} | {told} |", flush=True)
    autos = [d["auto"] for d in draws if "auto" in d]
    print(f"| {size} | verdicts of auto | {dict(Counter(a.verdict for a in autos))} | refused "
          f"{len(draws) - len(autos)} | stopped at {dict(Counter(a.rung for a in autos))} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    if os.environ.get("OMP_WAIT_POLICY") != "PASSIVE":  # LightGBM's threads wait without spinning
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"OMP_WAIT_POLICY": "PASSIVE"})
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]), sys.argv[2:])
    else:
        with tempfile.TemporaryDirectory(prefix="leadml-bench-") as name:
            for stage in ("simulate", "extract"):
                command = [sys.executable, "-m", "leadml", stage, f"paths.root={name}"]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            main(Path(name), [])
