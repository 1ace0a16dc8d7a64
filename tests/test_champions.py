"""promote and rollback: what stands in models/ afterwards, what is refused, and what a kill at any moment leaves."""

import json
import shutil
import subprocess
import sys
import textwrap

import pandas as pd
import pytest
from conftest import counts, run_here
from finished import SCORES, champion, registry_of, scores
from made_champions import QUICK, files, history, make_challenger

from leadml.config import TrackingConfig
from leadml.stages import successions
from leadml.tracking import set_champion
from leadml.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def quick(monkeypatch):
    """Without the churn, which explains two lists at every change."""
    monkeypatch.setattr(successions, "churn_between", lambda *models: {"why_not": "not asked here"})


@pytest.fixture
def copy(small_company, tmp_path):
    """A workspace of its own with the small company's state."""
    return shutil.copytree(small_company, tmp_path / "ws")


def leadml(root, *words, code=0):
    shown = run_here(words[0], f"paths.root={root}", *QUICK, *words[1:])
    assert shown.returncode == code, shown.stderr or shown.stdout
    assert len(shown.stderr.strip().splitlines()) == (code != 0)
    return shown.stdout + shown.stderr


def versions(root):
    return [(e["by"], e["from"], e["to"]) for e in history(root)]


def test_rollback_restores_the_previous_champions_scores_to_the_byte(copy):
    old, models, lists = champion(copy).version, files(copy / "models/champion"), files(copy / "data/scores")
    new = make_challenger(copy, 0.7)
    shown = leadml(copy, "promote")
    assert f"champion is {new}, after {old}: asked for" in shown and "change grade" in shown
    assert files(copy / "models/champion") == files(copy / "models/challenger")
    assert files(copy / "models/former" / old) == models
    leadml(copy, "predict")
    assert set(scores(copy)["model_version"]) == {new} and files(copy / "data/scores") != lists
    assert f"champion is {old}, after {new}" in leadml(copy, "rollback")
    assert files(copy / "models/champion") == models
    leadml(copy, "predict")
    assert files(copy / "data/scores") == lists
    assert versions(copy) == [("train", None, old), ("promote", old, new), ("rollback", new, old)]
    assert [e["alias"] for e in history(copy)] == ["moved", "none", "none"]  # the first by a run with MLflow


@pytest.mark.extra
def test_several_steps_back_and_forward_again_with_the_decisions_in_force(copy, quick):
    line, kept = [champion(copy).version], []
    for shift in (0.3, 0.6):
        kept.append(files(copy / "models/champion"))
        line.append(make_challenger(copy, shift))
        leadml(copy, "promote")
        decision = json.loads((copy / "models/champion/decision.json").read_text())
        decision["grades"]["A"] = 80 + shift  # as calibrate may choose it again while the model scores
        (copy / "models/champion/decision.json").write_text(json.dumps(decision))
    kept.append(files(copy / "models/champion"))
    for step in (1, 0):
        leadml(copy, "rollback")
        assert files(copy / "models/champion") == kept[step], step
    said, others = leadml(copy, "rollback", code=4), ", ".join(sorted(line[1:]))
    assert f"no champion before {line[0]}" in said
    assert f"rollback.to=VERSION restores one that is kept: {others}" in said
    leadml(copy, "rollback", f"rollback.to={line[2]}")
    assert files(copy / "models/champion") == kept[2]
    assert "is the champion already" in leadml(copy, "rollback", f"rollback.to={line[2]}")
    leadml(copy, "rollback")
    assert files(copy / "models/champion") == kept[0]
    assert "is no model version" in leadml(copy, "rollback", "rollback.to=latest", code=2)


@pytest.mark.extra
def test_a_verdict_that_says_no_is_refused_and_forced_with_a_stamp(copy, quick):
    old = champion(copy).version
    new = make_challenger(copy, 0.5, "no signal")
    before = files(copy / "models")
    said = leadml(copy, "promote", code=5)
    assert "verdict 'no signal'" in said and "run.force=true" in said
    assert files(copy / "models") == before
    assert "(forced against the verdict 'no signal')" in leadml(copy, "promote", "run.force=true")
    assert history(copy)[-1]["forced"] == "forced against the verdict 'no signal'"
    leadml(copy, "predict")
    assert set(scores(copy)["forced"]) == {"forced against the verdict 'no signal'"}
    assert "forced" in pd.read_csv(copy / SCORES / "crm.csv")
    stamped = files(copy / "models/champion")
    make_challenger(copy, 0.9)
    leadml(copy, "promote")
    assert "forced" not in json.loads((copy / "models/champion/registry.json").read_text())
    leadml(copy, "rollback")  # what was forced comes back with its stamp
    assert files(copy / "models/champion") == stamped and history(copy)[-1]["forced"]
    assert history(copy)[-1]["to"] == new and versions(copy)[1] == ("promote", old, new)


@pytest.mark.extra
def test_a_challenger_that_cannot_score_is_not_promoted(copy, quick):
    assert "is the champion already" in leadml(copy, "promote")
    make_challenger(copy, 0.5)
    before = files(copy / "models/champion")
    (copy / "models/challenger/decision.json").unlink()
    assert "run leadml calibrate first" in leadml(copy, "promote", code=4)
    (copy / "models/challenger/booster-1.txt").write_text("tree")
    assert "is broken" in leadml(copy, "promote", code=4)
    shutil.rmtree(copy / "models/challenger")
    assert "run leadml train first" in leadml(copy, "promote", code=4)
    assert files(copy / "models/champion") == before and len(history(copy)) == 1
    assert "cannot be swept" in leadml(copy, "promote", "-m", code=2)


@pytest.mark.extra
def test_broken_or_missing_former_champions_are_named_with_the_way_out(copy, quick):
    first, said = champion(copy).version, leadml(copy, "rollback", code=4)
    assert f"no champion before {first}" in said and "none is kept either" in said
    second = make_challenger(copy, 0.3)
    leadml(copy, "promote")
    third = make_challenger(copy, 0.6)
    leadml(copy, "promote")
    now, folder = files(copy / "models/champion"), copy / "models/former" / second
    (folder / "booster-1.txt").write_text("tree")
    said = leadml(copy, "rollback", code=4)
    assert f"former/{second} cannot be restored" in said and f"rollback.to=VERSION restores another: {first}" in said
    (folder / "decision.json").unlink()
    shutil.rmtree(folder)
    assert f"champion {second} is not kept" in leadml(copy, "rollback", code=4)
    shutil.copytree(copy / "models/former" / first, folder)
    assert f"its files are those of {first}" in leadml(copy, "rollback", code=4)
    assert files(copy / "models/champion") == now and versions(copy)[-1][2] == third
    leadml(copy, "rollback", f"rollback.to={first}")
    assert champion(copy).version == first


@pytest.mark.extra
def test_a_broken_champion_gives_way_and_is_not_kept(copy, quick):
    first = champion(copy).version
    second = make_challenger(copy, 0.3)
    leadml(copy, "promote")
    (copy / "models/champion/booster-1.txt").write_text("tree")
    assert "the champion in place was broken" in leadml(copy, "rollback")
    assert champion(copy).version == first and not (copy / "models/former" / second).exists()
    assert versions(copy)[-1] == ("rollback", None, first)


@pytest.mark.extra
def test_a_broken_history_is_named(copy, quick):
    make_challenger(copy, 0.3)
    for text, stage in (("[", "promote"), ('{"by": "train"}', "train"), ('[{"by": "train"}]', "rollback")):
        (copy / "models/history.json").write_text(text)
        before = files(copy / "models")
        assert "delete it and begin another" in leadml(copy, stage, code=4)
        assert files(copy / "models") == before


def test_the_alias_is_set_where_tracking_says(copy, monkeypatch):
    """And not in the registry that a shell names."""
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://127.0.0.1:9")
    client, config = registry_of(copy), TrackingConfig(None, "leadml", "leadml", True)
    version = client.get_model_version_by_alias("leadml", "champion").version
    client.delete_registered_model_alias("leadml", "champion")
    set_champion(config, Workspace(copy), version, {"checked": "yes"})
    assert client.get_model_version_by_alias("leadml", "champion").tags["checked"] == "yes"


@pytest.mark.extra
def test_the_alias_follows_and_catches_up_when_the_server_was_down(copy, quick):
    client, old = registry_of(copy), champion(copy).version
    first = client.get_model_version_by_alias("leadml", "champion")
    second = client.create_model_version("leadml", (copy / "mlartifacts").as_uri())
    new = make_challenger(copy, 0.5, version=str(second.version))
    said = leadml(copy, "promote", "tracking.enabled=true", f"tracking.uri=sqlite:///{copy}/mlflow.db/no.db")
    assert "MLflow's alias champion is not" in said and champion(copy).version == new
    assert history(copy)[-1]["alias"].startswith("not moved: ")
    leadml(copy, "promote", "tracking.enabled=true")  # it is champion already: only the alias is left to do
    assert history(copy)[-1]["alias"] == "moved" and versions(copy)[1:] == [("promote", old, new)]
    moved = client.get_model_version_by_alias("leadml", "champion")
    assert moved.version == second.version and moved.tags["champion_after"] == old
    leadml(copy, "rollback", "tracking.enabled=true")
    assert client.get_model_version_by_alias("leadml", "champion").version == first.version


@pytest.mark.extra
def test_a_champion_that_was_never_registered_leaves_the_alias_and_says_so(copy, quick):
    client = registry_of(copy)
    before, new = client.get_model_version_by_alias("leadml", "champion").version, make_challenger(copy, 0.5)
    path = copy / "models/challenger/registry.json"
    told = {k: v for k, v in json.loads(path.read_text()).items() if k not in ("run_id", "version")}
    path.write_text(json.dumps(told))
    said = " ".join(leadml(copy, "promote", "tracking.enabled=true").split())
    assert f"models/champion is {new}, which is not registered in MLflow" in said
    assert "the alias champion stays at the version where it is" in said and champion(copy).version == new
    assert history(copy)[-1]["alias"] == "not registered"
    assert client.get_model_version_by_alias("leadml", "champion").version == before
    again = leadml(copy, "promote", "tracking.enabled=true")  # there is nothing left to do
    assert "not registered" not in again and "is the champion already" in again


# Every line of workspace.py and champions.py is a place to be killed at; forked, so that libraries are loaded once.
KILLED = """
import os, shutil, signal, sys
from leadml import workspace
from leadml.cli import main
from leadml.stages import champions, execute, promote, rollback, successions
successions.churn_between = lambda *models: {"why_not": "not asked here"}  # it takes seconds and writes nothing
root, safe, words = sys.argv[1], sys.argv[2], sys.argv[4:]
line = 1
while True:
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(safe, root)
    child = os.fork()
    if child == 0:
        met = 0
        def count(frame, event, argument):
            global met
            if frame.f_code.co_filename not in (workspace.__file__, champions.__file__):
                return None
            if event == "line" and frame.f_code.co_name in NAMES:
                met += 1
                if met == line:
                    os.kill(os.getpid(), signal.SIGKILL)
            return count
        NAMES = ("__exit__", "apply", "flush", "write_atomically", "note", "keep_champion", "copy_model", "finish")
        sys.settrace(count)
        try:
            main(list(words))
        finally:
            os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(line, "killed" if os.WIFSIGNALED(status) else "finished", flush=True)
    sys.stdin.readline()
    if not os.WIFSIGNALED(status):
        break
    line += int(sys.argv[3])
"""


@pytest.mark.extra
@pytest.mark.deep
@pytest.mark.parametrize("stage", ["promote", "rollback"])
def test_a_kill_at_any_line_leaves_one_champion_or_the_other_with_its_history(copy, quick, tmp_path, stage):
    first = champion(copy).version
    second = make_challenger(copy, 0.7)
    if stage == "rollback":
        leadml(copy, "promote")
    shutil.rmtree(copy / "data/raw")  # nothing here reads them, and each kill gets a copy of its own
    before, steps, victim = files(copy / "models"), len(history(copy)), tmp_path / "victim"
    stays, comes = (first, second) if stage == "promote" else (second, first)
    target = files(copy / ("models/challenger" if stage == "promote" else f"models/former/{first}"))
    words = [sys.executable, "-c", textwrap.dedent(KILLED), str(victim), str(copy), str(counts(40, 1)), stage]
    seen, finished = set(), 0
    with subprocess.Popen(
        [*words, f"paths.root={victim}", *QUICK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        for told in process.stdout:
            if not told.endswith(("killed\n", "finished\n")):
                continue  # what the command itself says
            with Workspace(victim).lock():  # the next command
                pass
            now, model = files(victim / "models"), files(victim / "models/champion")
            if len(history(victim)) == steps:
                assert now == before, told
                seen.add("old")
            else:
                assert model == target and versions(victim)[steps:] == [(stage, stays, comes)], told
                assert files(victim / "models/former" / stays) == files(copy / "models/champion"), told
                seen.add("new")
            if (
                history(victim)[-1]["alias"] == "pending"
            ):  # asked again, as whoever saw it killed will do: no step further
                leadml(victim, stage)
                assert files(victim / "models/champion") == target and len(history(victim)) == steps + 1, told
                finished += 1
            process.stdin.write("\n")
            process.stdin.flush()
    assert seen == {"old", "new"} and finished
