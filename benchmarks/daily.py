"""Measures what a day costs that brings a day's touchpoints, and prints a table; four minutes.

    python benchmarks/daily.py [leads of the simulated company, 20,000 unless said]

The exports end a day later than those of the extract before. Each way begins with a copy of the same workspace and is
a command of its own, Python's start included; medians of three by turns.
"""

import codecs
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TURNS = 3
QUICK = ("train.bootstrap=10", "model.max_trees=50")
TO = "2026-06-30"  # the last day but one of the simulated exports
WAYS = {
    "extract, everything anew": ("extract", "features.reuse=false"),
    "extract, unchanged snapshots kept": ("extract",),
    "predict, every open lead": ("predict",),
    "predict, only what changed": ("predict", "predict.only=changed"),
}


def run(root: Path, *words: str) -> float:
    """Seconds of a command."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "leadml", *words, f"paths.root={root}"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"leadml {words[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return time.perf_counter() - begun


def make_yesterday(root: Path, leads: str) -> None:
    """A workspace whose exports ended a day before the end, trained and scored; then with the whole exports."""
    run(root, "simulate", f"simulate.leads={leads}")
    raw, whole = root / "data/raw", root / "whole"
    shutil.copytree(raw, whole)
    cut_exports(raw)
    for words in (("extract",), ("train", *QUICK, "run.force=true"), ("calibrate",), ("predict", "run.force=true")):
        run(root, *words)
    shutil.rmtree(raw)
    whole.rename(raw)


def cut_exports(raw: Path) -> None:
    """Leaves out the rows of the last day: those with an instant of it anywhere."""
    for path in raw.rglob("*"):
        if path.suffix in (".csv", ".jsonl") and path.is_file():
            data = path.read_bytes()
            encoding = "utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "latin-1"  # any byte
            lines = data.decode(encoding).splitlines(keepends=True)
            day = TO, TO.replace("-", "")
            kept = "".join([lines[0], *(x for x in lines[1:] if not any(d in x for d in day))])
            path.write_bytes(kept.encode(encoding))


def main() -> None:
    """Measures and prints."""
    leads = sys.argv[1] if len(sys.argv) > 1 else "20000"
    with tempfile.TemporaryDirectory(prefix="leadml-bench-") as name:
        first = Path(name) / "first"
        make_yesterday(first, leads)
        taken: dict[str, list[float]] = {way: [] for way in WAYS}
        told: dict[str, str] = {}
        for _ in range(TURNS):
            for way, (command, *more) in WAYS.items():
                root = Path(name) / "copy"
                shutil.copytree(first, root)
                taken[way].append(run(root, command, *more, "run.force=true"))
                entry = json.loads((root / f"data/runs/latest-{command}.json").read_text())["stages"][command]
                told[way] = f"{entry['reused']:,} of" if "reused" in entry else ""
                told[way] += f" {next(iter(entry['rows'].values())):,}"
                shutil.rmtree(root)
    print("| command | s | rows |\n| --- | ---: | ---: |")
    for way, seconds in taken.items():
        print(f"| {way} | {statistics.median(seconds):.1f} | {told[way]} |")


if __name__ == "__main__":
    main()
