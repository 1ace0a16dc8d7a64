"""What goes wrong around a finished workspace: stale, busy, killed, full, broken, asked for what cannot be."""

import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from conftest import DEEP, SMALL, counts, run_cli, run_here
from finished import champion, registry_of, scores, stored

from leadml import LeadScorer
from leadml.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def copy(small_company, tmp_path):
    """A workspace of its own with the small company's state."""
    return shutil.copytree(small_company, tmp_path / "ws")


@pytest.fixture(scope="module")
def root(small_company, tmp_path_factory):
    """One for calls that may change nothing."""
    return shutil.copytree(small_company, tmp_path_factory.mktemp("troubles") / "ws")


@pytest.mark.extra
def test_predict_notices_new_exports(copy):
    path = copy / "data/raw/Lead.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[len(lines) // 2 :]]))  # the header and the newer half
    shown = run_here("predict", f"paths.root={copy}")
    assert shown.returncode == 0, shown.stderr
    assert "reading them first" in shown.stdout
    assert "reading them first" not in run_here("predict", f"paths.root={copy}").stdout


@pytest.mark.extra
def test_duplicating_touchpoint_files_is_noticed_and_changes_no_score(copy):
    before = scores(copy)
    first = min((copy / "data/raw/ga4").iterdir())
    shutil.copy(first, first.with_name("events_209901.parquet"))
    shutil.copy(copy / "data/raw/email_events.csv", copy / "data/raw/email_events_again.csv")
    shown = run_here("predict", f"paths.root={copy}")
    assert shown.returncode == 0, shown.stderr
    assert "reading them first" in shown.stdout
    pd.testing.assert_frame_equal(scores(copy), before, check_exact=True)


def test_a_run_in_progress_is_busy_75(copy):
    with Workspace(copy).lock():
        shown = run_cli("predict", f"paths.root={copy}")
    assert shown.returncode == 75
    assert "try again" in shown.stderr and len(shown.stderr.strip().splitlines()) == 1


@pytest.mark.extra
@pytest.mark.deep
@pytest.mark.parametrize("stage", ["extract", "train", "predict"] if DEEP else ["predict"])
def test_a_killed_stage_leaves_the_last_good_output_and_the_next_run_works(copy, stage):
    def state():
        return stored(copy, "data/interim", "data/features", "data/scores", "models", "data/evidence")

    words = (stage, f"paths.root={copy}", "tracking.enabled=false", *SMALL)
    begun = time.monotonic()
    assert run_cli(*words).returncode == 0
    takes, before = time.monotonic() - begun, state()
    for part in np.linspace(0.4, 0.98, counts(2, 8)):
        process = subprocess.Popen([sys.executable, "-m", "leadml", *words], stdout=subprocess.DEVNULL)
        time.sleep(part * takes)
        process.kill()
        process.wait()
        assert state() == before
    assert run_cli(*words).returncode == 0
    assert state() == before


def test_a_full_disk_is_told_in_one_line_and_loses_nothing(copy):
    before = stored(copy, "data/features")
    words = f"{sys.executable} -m leadml extract paths.root={copy} {' '.join(SMALL)}"
    limited = f"ulimit -f 900; exec {words}"  # files of 900 KiB at most
    shown = subprocess.run(["bash", "-c", limited], capture_output=True, text=True)
    assert shown.returncode == 75, shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1 and "last good output is untouched" in shown.stderr
    assert stored(copy, "data/features") == before


@pytest.mark.deep
@pytest.mark.skipif(not DEEP, reason="two whole trainings: in make deep; test_cli sweeps too")
def test_a_sweep_logs_to_mlflow_only(copy):
    before = stored(copy, "models")
    shown = run_here("train", "-m", f"paths.root={copy}", "seed=1,2", *SMALL)
    assert shown.returncode == 0, shown.stderr
    assert stored(copy, "models") == before
    client = registry_of(copy)
    experiment = client.get_experiment_by_name("leadml")
    assert len(client.search_runs([experiment.experiment_id])) == 3
    assert len(client.search_model_versions("name='leadml'")) == 1


@pytest.mark.parametrize(
    ("broken", "text", "code", "said"),
    [
        ("scorer.json", "{", 4, "is broken"),
        ("scorer.json", '{"format": 1, "about": {}}', 4, "scorer format 1, this version reads 3; train again"),
        ("booster-1.txt", "tree", 4, "is broken"),
        ("decision.json", '{"model_version": "0"}', 4, "run leadml calibrate"),
    ],
)
def test_a_broken_model_is_named(copy, broken, text, code, said):
    (copy / "models/champion" / broken).write_text(text)
    shown = run_here("predict", f"paths.root={copy}")
    assert shown.returncode == code and said in shown.stderr, shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1


@pytest.mark.extra
def test_a_broken_champion_is_replaced_by_training(copy):
    (copy / "models/champion/booster-1.txt").write_text("tree")
    shown = run_here("train", f"paths.root={copy}", "tracking.enabled=false", *SMALL)
    assert shown.returncode == 0, shown.stderr
    assert "is broken" in shown.stdout
    assert run_here("calibrate", f"paths.root={copy}", "tracking.enabled=false").returncode == 0
    assert run_here("predict", f"paths.root={copy}").returncode == 0


def test_a_stored_model_keeps_its_version_whoever_reads_it(copy):
    folder = copy / "models/champion"
    before = champion(copy).version
    text = (folder / "scorer.json").read_text(encoding="utf-8")
    # As an older or newer leadml might have written it: other white space, a field that this one does not know.
    entry = json.loads(text)
    entry["about"]["later"] = 1
    (folder / "scorer.json").write_text(json.dumps(entry), encoding="utf-8")
    (folder / "decision.json").unlink()
    read = LeadScorer.load(folder)
    assert read.version != before
    read.save(copy / "again")
    assert (copy / "again/scorer.json").read_bytes() == (folder / "scorer.json").read_bytes()
    assert LeadScorer.load(copy / "again").version == read.version


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "problem.horizon_days=30"), "problem.horizon_days=30.0 (extracted with 90.0)"),
        (("train", "train.p50=0.2"), "froze the scale"),
        (("predict", "predict.cutoff=yesterday"), "is not a date"),
        (("predict", "predict.cutoff=2001-01-01"), "before the first lead"),
        (("predict", "predict.cutoff=2030-01-01"), "after the end of the data"),
    ],
)
def test_settings_that_do_not_fit_what_is_there_are_refused(root, words, said):
    shown = run_here(*words, f"paths.root={root}", "tracking.enabled=false")
    assert shown.returncode in (2, 3) and said in shown.stderr, shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1


@pytest.mark.extra
def test_a_sweep_of_thresholds_leaves_the_decisions(copy):
    before = [(copy / f"models/{a}/decision.json").read_bytes() for a in ("champion", "challenger")]
    shown = run_here("calibrate", "-m", f"paths.root={copy}", "threshold.weekly_capacity=5,6")
    assert shown.returncode == 0 and "5 leads a week" in shown.stdout and "6 leads a week" in shown.stdout
    assert [(copy / f"models/{a}/decision.json").read_bytes() for a in ("champion", "challenger")] == before


@pytest.mark.extra
def test_other_settings_of_the_source_make_the_tables_stale(copy):
    shown = run_here("predict", f"paths.root={copy}", "source.exported_at=2026-05-01")  # the end of that day
    assert shown.returncode == 0, shown.stderr
    assert "reading them first" in shown.stdout and (copy / "data/scores/cutoff=2026-05-02T000000Z").is_dir()


def test_the_population_is_the_models_own(copy):
    before = scores(copy)
    assert run_here("predict", f"paths.root={copy}", "problem.active_days=30").returncode == 0
    pd.testing.assert_frame_equal(scores(copy), before)


@pytest.mark.extra
def test_scoring_survives_a_tracking_server_that_is_down(copy):
    (copy / "mlflow.db").unlink()
    assert run_here("predict", f"paths.root={copy}", "tracking.uri=http://127.0.0.1:9").returncode == 0


@pytest.mark.extra
def test_training_with_a_server_that_is_down_is_exit_4_and_keeps_the_models(copy):
    before = stored(copy, "models")
    shown = run_here("train", f"paths.root={copy}", "tracking.uri=http://127.0.0.1:9", *SMALL)
    assert shown.returncode == 4 and "MLflow" in shown.stderr, shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1
    assert stored(copy, "models") == before
