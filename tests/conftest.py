"""What all tests share: full counts under `make deep` (resumable), and real data where it is."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DEEP = os.environ.get("LEADML_DEEP") == "1"
DONE = ROOT / ".deep"


def counts(few: int, full: int) -> int:
    """How often a long check repeats: a few times in make test, in full in make deep."""
    return full if DEEP else few


def code_digest() -> str:
    """Of everything that could change a result, so that `make deep` forgets what passed with other code."""
    digest = hashlib.sha256()
    for folder in ("src", "conf", "tests"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".yaml"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest file first, so that no worker ends on it; and `make deep` goes on where it stopped."""
    items.sort(key=lambda item: item.path.name != "test_pipeline.py")
    if not DEEP:
        return
    DONE.mkdir(exist_ok=True)
    config.deep_file = DONE / f"passed-{code_digest()}.txt"
    passed = set(config.deep_file.read_text().splitlines()) if config.deep_file.exists() else set()
    for item in items:
        if item.nodeid in passed:
            item.add_marker(pytest.mark.skip(reason="passed in full with this code already"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Notes what passed in full."""
    report = yield
    if DEEP and report.when == "call" and report.passed and item.get_closest_marker("deep"):
        with item.config.deep_file.open("a") as handle:
            handle.write(item.nodeid + "\n")
    return report


def find_real_table(*columns: str) -> Path:
    """A CSV among the real data sets whose header holds the columns; skips (or fails where required) without it."""
    folder = Path(os.environ.get("LEADML_REAL_DATA", ROOT.parent / "shared" / "data"))
    for path in sorted(folder.rglob("*.csv")) if folder.is_dir() else []:
        with path.open(encoding="utf-8-sig", errors="replace") as handle:
            header = handle.readline()
        if all(column in header for column in columns):
            return path
    reason = f"no real data set with the columns {', '.join(columns)} in {folder}"
    if os.environ.get("LEADML_REQUIRE_REAL_DATA") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def run_cli(*words: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """`leadml` as a person calls it, in a process of its own."""
    import sys

    return subprocess.run(
        [sys.executable, "-m", "leadml", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"COLUMNS": "160"} | environment,
    )
