"""All or nothing: what a workspace shows after errors, kills at any moment, and two runs at once."""

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from leadml.errors import BusyError, ConfigurationError
from leadml.workspace import Workspace


def publish(workspace, text):
    with workspace.lock(), workspace.publish() as out:
        folder = out.folder(workspace.interim)
        (folder / "a.txt").write_text(text)
        out.path(workspace.models / "champion" / "decision.json").write_text(text)


def shown(workspace):
    files = [workspace.interim / "a.txt", workspace.models / "champion" / "decision.json"]
    return [f.read_text() if f.exists() else None for f in files]


def test_publishes_files_and_folders_together(tmp_path):
    workspace = Workspace(tmp_path)
    publish(workspace, "one")
    publish(workspace, "two")
    assert shown(workspace) == ["two", "two"]
    assert sorted(p.name for p in workspace.hidden.iterdir()) == ["lock"]


def test_an_error_publishes_nothing(tmp_path):
    workspace = Workspace(tmp_path)
    publish(workspace, "one")
    with pytest.raises(ZeroDivisionError), workspace.lock(), workspace.publish() as out:
        (out.folder(workspace.interim) / "a.txt").write_text("two")
        1 / 0  # noqa: B018  the error
    assert shown(workspace) == ["one", "one"]


KILLED = """
import os, signal, sys
from leadml import workspace as w
space = w.Workspace(sys.argv[1])
calls = 0
def count(frame, event, argument):
    global calls
    if frame.f_code.co_filename == w.__file__ and event == "line":
        calls += 1
        if calls == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
    return count
with space.lock():
    sys.settrace(count)
    with space.publish() as out:
        (out.folder(space.interim) / "a.txt").write_text("two")
        out.path(space.models / "champion" / "decision.json").write_text("two")
    sys.settrace(None)
print("finished", calls)
"""


def test_a_kill_at_any_line_leaves_the_old_output_or_the_new(tmp_path):
    seen, line, finished = set(), 1, False
    while not finished:
        workspace = Workspace(tmp_path / str(line))
        publish(workspace, "one")
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(KILLED), str(workspace.root), str(line)],
            capture_output=True,
            text=True,
        )
        finished = done.returncode == 0
        assert finished or done.returncode == -signal.SIGKILL, done.stderr
        with workspace.lock():  # the next command
            now = shown(workspace)
        assert now in (["one", "one"], ["two", "two"]), f"killed at line {line}: {now}"
        assert sorted(p.name for p in workspace.hidden.iterdir()) == ["lock"]
        seen.add(now[0])
        line += 4  # every fourth line: both sides of the journal are met many times
    assert seen == {"one", "two"}


def test_a_second_run_is_told_to_come_back_later(tmp_path):
    workspace = Workspace(tmp_path)
    with workspace.lock(), pytest.raises(BusyError, match="another run holds"), Workspace(tmp_path).lock():
        pass
    with Workspace(tmp_path).lock():
        pass


def test_a_root_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(ConfigurationError, match="is a file"):
        Workspace(tmp_path / "f")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_keeps_the_last_good_output(tmp_path):
    workspace = Workspace(tmp_path)
    publish(workspace, "one")
    with pytest.raises(OSError, match="No space left"), workspace.lock(), workspace.publish() as out:
        (out.folder(workspace.interim) / "a.txt").symlink_to("/dev/full")
        with (out.path(workspace.interim) / "a.txt").open("w") as handle:
            handle.write("two" * 100_000)
            handle.flush()
    assert shown(workspace) == ["one", "one"]


def test_the_journal_is_replayed_from_any_point(tmp_path):
    # Killed after the journal was written and after the first of two moves.
    workspace = Workspace(tmp_path)
    publish(workspace, "one")
    staging = workspace.hidden / "staging"
    (staging / "models/champion").mkdir(parents=True)
    (staging / "models/champion/decision.json").write_text("two")
    (workspace.interim / "a.txt").write_text("two")
    (workspace.hidden / "journal.json").write_text(json.dumps(["data/interim", "models/champion/decision.json"]))
    with workspace.lock():
        assert shown(workspace) == ["two", "two"]
    assert [p.name for p in workspace.hidden.iterdir()] == ["lock"]
