"""Runs one command under the workspace's lock and leaves its manifest, whether a gate said no or not."""

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module

from leadml.config import Config
from leadml.errors import BusyError, ConfigurationError, GateError
from leadml.manifest import Manifest
from leadml.progress import Progress
from leadml.stages.context import Context
from leadml.stages.settings import plain
from leadml.workspace import Workspace, write_atomically


def execute(command: str, config: Config, sweep: bool = False) -> None:
    """Runs the stage named by the command.

    Raises:
        LeadmlError: what the stage refuses; BusyError while another run holds the workspace.
    """
    workspace = Workspace(config.paths.root)
    with workspace.lock():
        manifest = Manifest(command, config.seed, plain(asdict(config)))
        context = Context(config, workspace, manifest, Progress(), sweep)
        stage = import_module(f"leadml.stages.{command}")
        try:
            with told_as_ours(workspace):
                stage.run(context)
        except GateError:
            write_manifest(context)
            raise
        write_manifest(context)


@contextmanager
def told_as_ours(workspace: Workspace) -> Iterator[None]:
    """What the machine refuses, in words: a disk that is full (try later), a place that may not be written to."""
    import duckdb

    untouched = "nothing was published and the last good output is untouched"
    try:
        yield
    except duckdb.IOException as error:
        raise BusyError(f"the disk could not be used under {workspace.root} ({error}); {untouched}") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise BusyError(
                f"no room left to write under {workspace.root} ({error.strerror}): free some and run again; {untouched}"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise ConfigurationError(f"{error.filename} may not be used ({error.strerror}); {untouched}") from error
        raise


def write_manifest(context: Context) -> None:
    """data/runs/TIME-COMMAND.json, and the same as data/runs/latest-COMMAND.json."""
    text = json.dumps(context.manifest.to_dict(), ensure_ascii=False, indent=1, default=str) + "\n"
    runs = context.workspace.runs
    runs.mkdir(parents=True, exist_ok=True)
    write_atomically(runs / f"{context.manifest.run_name}.json", text)
    write_atomically(runs / f"latest-{context.manifest.facts['command']}.json", text)
