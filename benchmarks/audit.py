"""Measures the leak audit on simulated exports with planted leaks and prints the tables of docs/audit.md.

    python benchmarks/audit.py            200 exports, under a minute on two cores
    python benchmarks/audit.py --few      20 exports
    python benchmarks/audit.py --fresh    200 others

Seeds 0-99 are the half on which rules may be tuned, seeds 100-199 the one held out; as figures of both were seen while
the rules were written, the fresh ones (1000-1199) are those that nobody had looked at.
"""

import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from planted import KINDS, make_export
from planted.audited import NOTHING, Seen, audit_export

from leadml.audit import SEVERITIES

ALL, FEW = 200, 20
HALF = 100
FRESH = 1000
EXAMPLES = 12
PROCESSES = 2
BANDS = ("weak", "middling", "strong")
LEVELS = (NOTHING, *SEVERITIES)
LIBRARIES = ("numpy", "pandas", "scipy", "lightgbm")


def main(few: bool, fresh: bool) -> None:
    """Prints where and when, then the tables."""
    start = time.perf_counter()
    first = FRESH if fresh else 0
    seeds = [first + i for i in ([*range(FEW // 2), *range(HALF, HALF + FEW // 2)] if few else range(ALL))]
    # Spawned: LightGBM's threads do not survive a fork.
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        seen = [line for lines in pool.map(measure, seeds, chunksize=5) for line in lines]
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.system()}; python", end=" ")
    print(f"{platform.python_version()}, {versions}; {len(seeds)} exports, {time.perf_counter() - start:.0f} s.\n")
    for table in (
        tell_halves,
        tell_recall,
        tell_proofs,
        tell_evidence,
        tell_precision,
        tell_honest,
        tell_clean,
        tell_missed,
        tell_false,
    ):
        print(table(seen))


def measure(seed: int) -> list[Seen]:
    """One export, made and audited."""
    return audit_export(make_export(seed))


def at_least(severity: str) -> Callable[[Seen], bool]:
    """Whether something was said with that severity or a higher one."""
    return lambda s: LEVELS.index(s.severity) >= LEVELS.index(severity)


def share(lines: Iterable[Seen], test: Callable[[Seen], bool]) -> str:
    """Hits of all, as a share and in numbers; empty where there are none."""
    lines = list(lines)
    hits = sum(map(test, lines))
    return f"{hits / len(lines):.0%} ({hits}/{len(lines)})" if lines else ""


def precision(lines: Iterable[Seen], test: Callable[[Seen], bool]) -> str:
    """Of what passes the test, the share that is planted."""
    return share(filter(test, lines), lambda s: s.leak)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table below its title; all columns but the first are figures."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join([f"### {title}", "", *(f"| {' | '.join(map(str, row))} |" for row in lines), ""])


def halves(seen: list[Seen]) -> dict[str, list[Seen]]:
    """The half to tune on, and the one held out; of fresh seeds just the two halves."""
    first = min(s.seed for s in seen) // FRESH * FRESH
    names = (f"seeds {first}-{first + HALF - 1}", f"seeds {first + HALF}-{first + ALL - 1}")
    return {name: [s for s in seen if (s.seed >= first + HALF) == second] for second, name in enumerate(names)}


def tell_halves(seen: list[Seen]) -> str:
    """The whole in a few figures, by half."""
    parts = halves(seen)
    rows: list[list[object]] = []
    for name, level in (("named", "low"), ("worked without", "high"), ("proof", "proof")):
        rows.append([f"recall, {name}", *(share((s for s in p if s.leak), at_least(level)) for p in parts.values())])
        telling = [[s for s in p if s.leak and s.truth.band != "weak"] for p in parts.values()]
        rows.append([f"recall without the weak, {name}", *(share(p, at_least(level)) for p in telling)])
        rows.append([f"precision, {name}", *(precision(p, at_least(level)) for p in parts.values())])
    return table("Both halves", ["figure", *parts], rows)


def tell_recall(seen: list[Seen]) -> str:
    """Recall by kind and strength."""
    rows = []
    for kind in KINDS:
        leaks = [s for s in seen if s.leak and s.truth.kind == kind]
        named = [share((s for s in leaks if s.truth.band == band), at_least("low")) for band in BANDS]
        rows.append([kind, *named, share(leaks, at_least("medium")), share(leaks, at_least("high"))])
    columns = ["kind", *(f"{band}, named" for band in BANDS), "all, medium or more", "all, worked without"]
    return table("Recall by kind of leak and by its strength alone", columns, rows)


def tell_proofs(seen: list[Seen]) -> str:
    """Recall by what the export offers."""
    rows = []
    for name, test in (
        ("dated", lambda s: s.dated),
        ("undated", lambda s: not s.dated),
        ("named after what it is", lambda s: s.truth.named),
        ("name without meaning", lambda s: not s.truth.named and s.truth.column is not None),
    ):
        leaks = [s for s in seen if s.leak and test(s)]
        rows.append([name, *(share(leaks, at_least(level)) for level in SEVERITIES)])
    return table("Recall by what the export tells", ["leaks", *(f"{s} or more" for s in SEVERITIES)], rows)


def tell_evidence(seen: list[Seen]) -> str:
    """True and false alarms of each kind of evidence."""
    rows = []
    for kind in sorted({k for s in seen for k in s.kinds}):
        lines = [s for s in seen if kind in s.kinds]
        true = sum(s.leak for s in lines)
        rows.append([kind, true, len(lines) - true, f"{true / len(lines):.0%}"])
    return table("Alarms by kind of evidence", ["evidence", "leaks", "honest", "leaks, share"], rows)


def tell_precision(seen: list[Seen]) -> str:
    """Precision by severity, exactly that one and from it on."""
    rows = []
    for level in SEVERITIES:
        only = precision(seen, lambda s, level=level: s.severity == level)
        rows.append([level, only, precision(seen, at_least(level))])
    return table("Precision by severity", ["severity", "this one: leaks of all", "this or more: leaks of all"], rows)


def tell_honest(seen: list[Seen]) -> str:
    """What became of honest columns, the strong ones by strength, and the kinds that are most often taken for leaks."""
    honest = [s for s in seen if not s.leak and s.truth.column is not None]
    bands = (
        ("below 0.55", 0, 0.55),
        ("0.55 to 0.65", 0.55, 0.65),
        ("0.65 to 0.75", 0.65, 0.75),
        ("0.75 and more", 0.75, 2),
    )
    groups = [(f"AUC {name}", [s for s in honest if low <= s.truth.alone < high]) for name, low, high in bands]
    kinds = sorted({s.truth.kind for s in honest})
    groups += [(kind, [s for s in honest if s.truth.kind == kind]) for kind in kinds]
    rows = [[name, len(lines), *(share(lines, at_least(level)) for level in SEVERITIES)] for name, lines in groups]
    return table("Honest columns flagged", ["honest column", "columns", *(f"{s} or more" for s in SEVERITIES)], rows)


def tell_clean(seen: list[Seen]) -> str:
    """False alarms of exports without a leak, and in how many exports with leaks nothing of weight stays."""
    leaky = {s.seed for s in seen if s.leak}
    clean = sorted({s.seed for s in seen} - leaky)
    rows = []
    for level in SEVERITIES:
        alarms = [s for s in seen if s.seed in clean and at_least(level)(s)]
        missed = {s.seed for s in seen if s.leak and s.truth.band != "weak" and not at_least(level)(s)}
        quiet = len(clean) - len({s.seed for s in alarms})
        rows.append([f"{level} or more", f"{len(alarms) / max(len(clean), 1):.2f}", f"{quiet}/{len(clean)}"])
        rows[-1].append(f"{len(leaky) - len(missed)}/{len(leaky)}")
    columns = [
        "severity",
        "alarms an export without leaks",
        "of them without any",
        "exports with leaks, all but weak ones caught",
    ]
    return table("Whole exports", columns, rows)


def tell_missed(seen: list[Seen]) -> str:
    """The strongest leaks of which nothing was said, one of each kind and form."""
    missed = sorted((s for s in seen if s.leak and s.severity == NOTHING), key=lambda s: -s.truth.alone)
    first = {(s.truth.kind, s.truth.form.split(" of ")[0]): s for s in reversed(missed)}.values()
    rows = [
        [s.seed, s.truth.column or "(table)", s.truth.kind, s.truth.form, f"{s.truth.alone:.2f}", s.dated]
        for s in sorted(first, key=lambda s: -s.truth.alone)[:EXAMPLES]
    ]
    return table("Strongest leaks missed", ["seed", "column", "kind", "form", "alone", "dated"], rows)


def tell_false(seen: list[Seen]) -> str:
    """The gravest false alarms."""
    false = [s for s in seen if not s.leak and s.severity != NOTHING]
    false.sort(key=lambda s: (-LEVELS.index(s.severity), -s.truth.alone, s.seed))
    rows = [
        [s.seed, s.truth.column, s.truth.kind, f"{s.truth.alone:.2f}", s.severity, ", ".join(s.kinds)]
        for s in false[:EXAMPLES]
    ]
    return table("Gravest false alarms", ["seed", "column", "kind", "alone", "severity", "evidence"], rows)


if __name__ == "__main__":
    main("--few" in sys.argv[1:], "--fresh" in sys.argv[1:])
