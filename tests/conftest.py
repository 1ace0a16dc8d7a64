"""What all tests share: the command line, a small company, full counts under `make deep`, real data where it is."""

import fcntl
import gc
import hashlib
import os
import subprocess
import sys
import traceback
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest import mock

import pytest
from hydra.core.global_hydra import GlobalHydra

from leadml.cli import main

gc.set_threshold(50_000, 20, 50)  # as the command does: a tenth of the time
ROOT = Path(__file__).resolve().parents[1]
DEEP = os.environ.get("LEADML_DEEP") == "1"
DONE = ROOT / ".deep"
# By what they take: with `--dist loadfile` a file goes whole to one worker, and none should end on a long one.
LONGEST = (
    "test_pipeline.py", "test_troubles.py", "test_spark.py", "test_feature_settings.py", "test_flat_pipeline.py",
    "test_audit_stage.py", "test_bad_input.py", "test_sources.py", "test_features.py", "test_reuse.py",
    "test_docs_sources.py", "test_two_crms.py", "test_browser.py", "test_notebook.py", "test_hubspot.py",
    "test_changed.py", "test_compared.py", "test_champions.py", "test_racing.py",
    "test_problem_twin.py", "test_inspect.py", "test_cli.py",
)  # fmt: skip
# A company whose model is deployed, as small and as quickly trained as that goes.
SMALL = (
    "model=lightgbm",
    "simulate.leads=2000",
    "train.min_conversions=20",
    "train.bootstrap=10",
    "model.max_trees=30",
)


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


def pytest_configure(config: pytest.Config) -> None:
    """The order below holds: pytest-xdist would sort the files by how many tests they have, not by what these take."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest files first, so that no worker ends on one; and `make deep` goes on where it stopped."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
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


@pytest.fixture(scope="session")
def small_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of a small company's finished demo: made once for all workers; who changes something copies it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    root, finished = shared / "small-company", shared / "small-company.finished"
    with (shared / "small-company.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the other worker may be making it
        if not finished.exists():
            shown = run_cli("demo", f"paths.root={root}", *SMALL)
            assert shown.returncode == 0, shown.stderr
            finished.touch()
    return root


def run_cli(*words: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """`leadml` as a person calls it, in a process of its own: where that itself is what is checked."""
    return subprocess.run(
        [sys.executable, "-m", "leadml", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"COLUMNS": "160"} | environment,
    )


def run_here(*words: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same without a process: nothing is imported again, and the libraries' warnings are errors here too.

    What a command leaves behind in a process (words, folder, environment, Hydra) is put back.
    """
    out, err, given = StringIO(), StringIO(), [str(w) for w in words]
    GlobalHydra.instance().clear()
    with (
        mock.patch.dict(os.environ, {"COLUMNS": "160"} | environment),
        mock.patch.object(sys, "argv", ["leadml", *given]),
        chdir(cwd or Path.cwd()),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
            code = None
        except SystemExit as ended:
            code = ended.code
        except Exception:  # our defect: a process ends with its traceback and 1
            traceback.print_exc()
            code = 1
    assert isinstance(code, int), f"leadml ended with {code!r} instead of an exit code"
    return subprocess.CompletedProcess(given, code, out.getvalue(), err.getvalue())
