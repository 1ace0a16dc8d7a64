"""A workspace: every file that runs write lies under one root, and is published whole or not at all.

A stage writes into a staging folder. When it is done, a journal that lists the finished files is put in place by one
atomic rename: that is the moment of publication. Only then are the files moved to their places. Killed before that
moment, a run leaves the last good output; killed after it, the next command finishes the moves before it does anything.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadml.errors import BusyError, ConfigurationError


class Workspace:
    """The folders of one root. Paths are absolute."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser().resolve()
        if self.root.exists() and not self.root.is_dir():
            raise ConfigurationError(f"paths.root={root} is a file; name a folder")
        self.data = self.root / "data"
        self.models = self.root / "models"
        self.interim = self.data / "interim"
        self.features = self.data / "features"
        self.quarantine = self.data / "quarantine"
        self.evidence = self.data / "evidence"
        self.origins = self.data / "origins"
        self.backtest = self.data / "backtest"
        self.scores = self.data / "scores"
        self.reports = self.data / "reports"
        self.truth = self.data / "truth"
        self.runs = self.data / "runs"
        self.hidden = self.data / ".leadml"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the workspace for one run, after finishing or clearing what a killed one left.

        Raises:
            BusyError: another run holds it.
        """
        try:
            self.hidden.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"paths.root={self.root} cannot be used ({error.strerror})") from error
        with (self.hidden / "lock").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BusyError(f"another run holds the workspace {self.root}; try again when it has ended") from error
            recover(self.hidden, self.root)
            yield

    def publish(self) -> "Publication":
        """A new publication into this workspace."""
        return Publication(self.hidden, self.root)


class Publication:
    """Files and folders that appear together: `with workspace.publish() as out: write(out.path(target))`.

    ``path`` gives the place to write to; leaving the block without an error publishes all, with one, nothing.
    """

    def __init__(self, hidden: Path, root: Path) -> None:
        self.hidden = hidden
        self.root = root
        self.targets: list[str] = []

    def __enter__(self) -> "Publication":
        shutil.rmtree(self.hidden / "staging", ignore_errors=True)
        (self.hidden / "staging").mkdir(parents=True)
        return self

    def path(self, target: Path) -> Path:
        """Where to write the file or folder that will be at ``target`` (inside the root); its parent exists."""
        relative = target.resolve().relative_to(self.root).as_posix()
        if relative not in self.targets:
            self.targets.append(relative)
        staged = self.hidden / "staging" / relative
        staged.parent.mkdir(parents=True, exist_ok=True)
        return staged

    def folder(self, target: Path) -> Path:
        """`path` for a folder, made empty."""
        staged = self.path(target)
        staged.mkdir(exist_ok=True)
        return staged

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            shutil.rmtree(self.hidden / "staging", ignore_errors=True)
            return
        flush(self.hidden / "staging")
        write_atomically(self.hidden / "journal.json", json.dumps(self.targets))
        apply(self.hidden, self.root)


def recover(hidden: Path, root: Path) -> None:
    """Finishes a publication whose journal is there; clears whatever else a killed run left."""
    if (hidden / "journal.json").exists():
        apply(hidden, root)
    for left in hidden.iterdir():
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        elif left.name != "lock":
            left.unlink()


def apply(hidden: Path, root: Path) -> None:
    """Moves what the journal lists to its place. Safe to repeat after a kill at any point."""
    journal = hidden / "journal.json"
    for number, relative in enumerate(json.loads(journal.read_text(encoding="utf-8"))):
        staged, target, old = hidden / "staging" / relative, root / relative, hidden / f"old-{number}"
        if not os.path.lexists(staged):
            continue  # moved before the kill
        target.parent.mkdir(parents=True, exist_ok=True)
        if staged.is_dir() and target.exists():
            shutil.rmtree(old, ignore_errors=True)
            target.rename(old)
        staged.replace(target)
    journal.unlink()
    shutil.rmtree(hidden / "staging", ignore_errors=True)
    for old in hidden.glob("old-*"):
        shutil.rmtree(old, ignore_errors=True)


def flush(folder: Path) -> None:
    """Forces every file below the folder to disk, so that the journal never speaks of data that a crash can lose."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as handle:
                os.fsync(handle.fileno())


def write_atomically(path: Path, text: str) -> None:
    """Replaces the file by one rename; readers see the old text or the new one."""
    beside = path.with_name(path.name + ".new")
    with beside.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    beside.replace(path)


def replace_outside(path: Path) -> Path:
    """A name beside ``path`` to write to before it is put in place by `Path.replace`."""
    return path.with_name(f".{path.name}.new")
