"""The command line as a person meets it: codes, one line on stderr, nothing written."""

import json
import os
import re
import subprocess
import sys
import time

import pytest
from conftest import run_cli, run_here
from hydra.core.global_hydra import GlobalHydra

from leadml.cli import main

SMALL = ("simulate.leads=400", "simulate.months=12", "tracking.enabled=false")


def test_alone_it_lists_the_stages_in_order_and_at_once():
    begun = time.perf_counter()
    shown = run_cli()
    seconds = time.perf_counter() - begun
    names = [line.split()[0] for line in shown.stdout.splitlines() if re.match(r"^[a-z]+ {2,}", line)]
    assert names[1:] == [
        "sources", "inspect", "simulate", "extract", "audit", "train", "backtest", "calibrate", "explain", "predict",
        "promote", "rollback", "run", "demo",
    ]  # fmt: skip
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "reads" in shown.stdout and "writes" in shown.stdout
    assert seconds < 3  # generous: a machine may be busy; benchmarks/README.md has the figure


MISTAKES = [
    (["trian"], "unknown stage 'trian'; did you mean train?"),
    (["extract", "problem.horizon_days=abc"], "abc"),
    (["extract", "problem.horizn_days=3"], "problem.horizn_days"),
    (["extract", "problem.horizon_days=-3"], "must be above 0: problem.horizon_days=-3"),
    (["extract", "source=nope"], "Available options in 'source'"),
    (["extract", "a b"], "cannot read 'a b' as a setting"),
    (["train", "decision.grades={A: 10, B: 20}"], "decision.grades"),
    (["train", "train.split.folds=1"], "train.split.folds=1"),
    (["predict", "predict.out=scores.xls"], "ends in .csv or .parquet"),
    (["extract", "source.pth=x"], "pth"),
    (["extract", "engine.memory_limit=foo"], "engine.memory_limit=foo"),
    (["extract", "features.content.demo.pattern='['"], "features.content.demo.pattern"),
    (["extract", "features.windows=[7,0]"], "features.windows"),
    (["train", "model.feature_fraction=2"], "model.feature_fraction=2"),
    (["train", "train.bootstrap=1"], "train.bootstrap=1"),
    (["train", "seed=-1"], "seed=-1"),
    (["predict", "predict.out=/proc/x.csv"], "cannot be written"),
    (["run", "-m", "seed=1,2"], "cannot be swept"),
]


@pytest.mark.parametrize(("words", "said"), MISTAKES)
def test_a_mistake_in_the_settings_is_one_line_and_exit_2(tmp_path, words, said):
    check_refused(run_here, tmp_path, words, said)


@pytest.mark.parametrize(("words", "said"), MISTAKES[:4])
def test_a_process_ends_with_the_same_line_and_code(tmp_path, words, said):
    check_refused(run_cli, tmp_path, words, said)


def check_refused(call, tmp_path, words, said):
    root = tmp_path / "ws"
    extra = [] if words == ["trian"] else [f"paths.root={root}"]
    shown = call(*words, *extra, cwd=tmp_path)
    assert shown.returncode == 2, shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1, shown.stderr
    assert said in shown.stderr and "Traceback" not in shown.stderr
    assert not shown.stderr.startswith("Error executing")
    written = [p for p in root.rglob("*") if p.is_file() and p.name != "lock"] if root.exists() else []
    assert not written


# What somebody's own mapping may be by mistake, and what is said of it.
BROKEN = [
    ("files:\n  Lead: [a, b\n", "bad.yaml, line 3: expected ',' or ']'"),
    ("name:\n\t- x\n", "bad.yaml, line 2: found character"),
    ("- a\n", "bad.yaml holds no settings by name"),
    ("just text\n", "bad.yaml holds no settings by name"),
    ("defaults: 5\n", "bad.yaml: defaults must be a list"),
    (b"name: caf\xe9\n", "bad.yaml cannot be read as UTF-8"),
    ("", "bad.yaml says nothing"),
    ("# to be written\n", "bad.yaml says nothing"),
    ("files: [1]\n", "bad.yaml: files must hold entries by name"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN, ids=[said for _, said in BROKEN])
def test_a_broken_mapping_is_named_in_one_line(tmp_path, monkeypatch, capsys, text, said):
    own = tmp_path / "own" / "source"
    own.mkdir(parents=True)
    (own / "bad.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    monkeypatch.chdir(tmp_path)
    told = refused(capsys, "extract", "--config-dir", str(tmp_path / "own"), "source=bad", "source.path=x")
    assert said in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["source=[ga4]", "source.path=x"], "a part such as ga4 joins a CRM: source=[salesforce,ga4]"),
        (["source=ga4"], "a part such as ga4 joins a CRM"),
        (["source=job_titles", "source.path=x"], "a part such as ga4 joins a CRM"),
        (["source=[salesforce,hubspot]"], "closures.disqualified.lead is entries by name in salesforce and a list in"),
        (["source=[salesforce,hubspot]"], "(email_events, ga4), e.g. source=[salesforce,ga4]"),
        (["source=[salesforce,nope]"], "'source/nope'"),
        (["source=[salesforce,ga4]", "problem.horizn_days=3"], "problem.horizn_days"),
    ],
)
def test_sources_that_do_not_join_are_told_in_one_line(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, "extract", *words, f"paths.root={tmp_path}/ws")


def test_a_mapping_that_does_not_fit_the_one_before_it_is_named(tmp_path, monkeypatch, capsys):
    own = tmp_path / "own" / "source"
    own.mkdir(parents=True)
    (own / "odd.yaml").write_text("files: [1]\n")
    monkeypatch.chdir(tmp_path)
    told = refused(capsys, "extract", f"--config-dir={tmp_path}/own", "source=[salesforce,odd]")
    assert "source=[salesforce,odd] cannot be joined: files is entries by name in salesforce and a list in odd" in told


def refused(capsys, *words: str) -> str:
    """What a call says that ends with code 2 in one line."""
    GlobalHydra.instance().clear()
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    told = capsys.readouterr().err
    assert ended.value.code == 2, told
    assert len(told.strip().splitlines()) == 1, told
    return told


def test_hydra_keeps_working_after_the_stage(tmp_path):
    shown = run_cli("train", "--cfg", "job", "model.num_leaves=31", "--package", "model", cwd=tmp_path)
    assert shown.returncode == 0 and "num_leaves: 31" in shown.stdout
    helped = run_here("train", "--help", cwd=tmp_path)
    assert helped.returncode == 0 and "paths:" in helped.stdout
    (tmp_path / "own" / "experiment").mkdir(parents=True)
    (tmp_path / "own" / "experiment" / "mine.yaml").write_text("# @package _global_\nseed: 7\n")
    own = run_here("train", "--config-dir", tmp_path / "own", "experiment=mine", "--cfg", "job", cwd=tmp_path)
    assert "seed: 7" in own.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["own"]


def test_a_sweep_runs_each_job_and_writes_under_the_root_only(tmp_path):
    shown = run_here(
        "simulate", "-m", "simulate.leads=50,60", f"paths.root={tmp_path}/ws", "simulate.months=6", cwd=tmp_path
    )
    assert shown.returncode == 0, shown.stderr
    runs = [json.loads(p.read_text()) for p in sorted((tmp_path / "ws/data/runs").glob("2*-simulate.json"))]
    assert len(runs) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["ws"]


def test_simulate_never_replaces_what_it_did_not_write(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "Lead.csv").write_text("mine")
    shown = run_here("simulate", f"paths.root={tmp_path}", f"paths.raw={tmp_path}/raw", *SMALL)
    assert shown.returncode == 2 and "did not write" in shown.stderr
    assert (tmp_path / "raw" / "Lead.csv").read_text() == "mine"


def test_stages_out_of_order_say_what_to_run_first(tmp_path):
    for stage, code, said in (
        ("train", 3, "run leadml extract"),
        ("calibrate", 4, "run leadml train"),
        ("predict", 4, "no champion"),
        ("explain", 4, "no champion"),
    ):
        shown = run_here(stage, f"paths.root={tmp_path}", "tracking.enabled=false")
        assert shown.returncode == code, (stage, shown.stderr)
        assert said in shown.stderr and len(shown.stderr.strip().splitlines()) == 1


@pytest.mark.extra
def test_a_sweep_tells_each_refused_job_in_a_line_and_goes_on(tmp_path):
    words = ("-m", "simulate.months=6", f"paths.root={tmp_path}/ws")
    shown = run_here("simulate", *words, "simulate.leads=50,-1,-2", cwd=tmp_path)
    assert shown.returncode == 2
    lines = shown.stderr.splitlines()
    assert len(lines) == 2
    assert "simulate.leads=-1" in lines[0]
    assert "simulate.leads=-2" in lines[1]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "taken").write_text("a file")
    shown = run_here("train", f"paths.root={tmp_path / 'taken'}", cwd=tmp_path)
    assert shown.returncode == 2
    assert "cannot be made" in shown.stderr
    assert "paths.root=DIR" in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_a_reader_that_goes_away_is_no_traceback(tmp_path):
    command = f"{sys.executable} -m leadml train --cfg job; echo $? >&2"
    reader, writer = os.pipe()
    os.close(reader)
    shown = subprocess.run(command, shell=True, stdout=writer, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    os.close(writer)
    assert shown.stderr.strip() == "130"


def test_settings_with_keys_of_ones_own_need_no_plus(tmp_path):
    words = ("train", "model.monotone={visits: 1}", "fairness.bands.age=[30,50]", "--cfg", "job")
    shown = run_here(*words, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "visits: 1" in shown.stdout
