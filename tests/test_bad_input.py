"""Bad exports: one clear line, exit code 3, nothing written, the last good output untouched."""

import shutil

import pandas as pd
import pytest
from conftest import run_here


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """A small company's raw exports; each test breaks a copy."""
    root = tmp_path_factory.mktemp("exports")
    shown = run_here("simulate", f"paths.root={root}", "simulate.leads=600", "simulate.months=12")
    assert shown.returncode == 0, shown.stderr
    return root / "data/raw"


def read(path):
    return pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False)


def empty_folder(raw):
    shutil.rmtree(raw)
    raw.mkdir()


def no_folder(raw):
    shutil.rmtree(raw)


def missing_table(raw):
    (raw / "Lead.csv").unlink()


def missing_column(raw):
    read(raw / "Lead.csv").drop(columns=["CreatedDate"]).to_csv(raw / "Lead.csv", index=False)


def not_a_csv(raw):
    (raw / "Lead.csv").write_bytes(bytes(range(256)) * 500)


def a_web_page(raw):
    (raw / "Lead.csv").write_text("<!DOCTYPE html><html><body>Please sign in</body></html>")


def all_quarantined(raw):
    frame = read(raw / "Lead.csv")
    frame["CreatedDate"] = "31/02/2025"
    frame.to_csv(raw / "Lead.csv", index=False)


def no_conversion(raw):
    frame = read(raw / "Opportunity.csv")
    frame["IsWon"] = "false"
    frame.to_csv(raw / "Opportunity.csv", index=False)


def header_only(raw):
    read(raw / "Lead.csv").head(0).to_csv(raw / "Lead.csv", index=False)


def written(root):
    return [p for p in root.rglob("*") if p.is_file() and p.name != "lock"]


CASES = [
    (empty_folder, "is empty", "raw"),
    (no_folder, "", "raw"),
    (missing_table, "Lead", ""),
    (missing_column, "CreatedDate", ""),
    (not_a_csv, "Lead.csv", ""),
    (a_web_page, "Lead.csv", ""),
    (all_quarantined, "bad_date", ""),
    (header_only, "Lead", ""),
]


@pytest.mark.parametrize(("broken", "said", "also"), CASES, ids=lambda v: getattr(v, "__name__", ""))
def test_a_broken_export_is_one_line_and_exit_3(exports, tmp_path, broken, said, also):
    raw = tmp_path / "raw"
    shutil.copytree(exports, raw)
    broken(raw)
    shown = run_here("run", f"paths.root={tmp_path}/ws", f"paths.raw={raw}", "tracking.enabled=false")
    assert shown.returncode == 3, shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1, shown.stderr
    assert said.lower() in shown.stderr.lower() and also in shown.stderr
    assert not written(tmp_path / "ws")


def test_no_conversion_at_all(exports, tmp_path):
    raw = tmp_path / "raw"
    shutil.copytree(exports, raw)
    no_conversion(raw)
    shown = run_here("run", f"paths.root={tmp_path}/ws", f"paths.raw={raw}", "tracking.enabled=false")
    assert shown.returncode == 3 and "without a conversion" in shown.stderr, shown.stderr
    assert not written(tmp_path / "ws")


def test_fewer_conversions_than_the_minimum(exports, tmp_path):
    shown = run_here("run", f"paths.root={tmp_path}/ws", f"paths.raw={exports}", "tracking.enabled=false")
    assert shown.returncode == 3 and "train.min_conversions" in shown.stderr, shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1
    # All that is lacking at once, what stops in the line as well.
    said = [line for line in shown.stdout.splitlines() if line.startswith("extract   stop: ")]
    assert len(said) == 2 and all(line.removeprefix("extract   stop: ") in shown.stderr for line in said)
    assert "extract   warn: " in shown.stdout
    assert not written(tmp_path / "ws")


@pytest.mark.parametrize(("label", "said"), [("1", "converted"), ("0", "none means converted")])
def test_a_table_of_one_outcome(tmp_path, label, said):
    frame = pd.DataFrame({"id": range(300), "visits": range(300), "won": label})
    frame.to_csv(tmp_path / "t.csv", index=False)
    shown = run_here(
        "run", "source=flat", f"source.path={tmp_path}/t.csv", "source.label=won", f"paths.root={tmp_path}/ws"
    )
    assert shown.returncode == 3 and said in shown.stderr, shown.stderr
    assert not written(tmp_path / "ws")


def test_a_file_that_is_not_there(tmp_path):
    shown = run_here(
        "run", "source=flat", f"source.path={tmp_path}/no.csv", "source.label=won", f"paths.root={tmp_path}"
    )
    assert shown.returncode == 3 and "no.csv" in shown.stderr


def test_a_label_column_that_is_not_there_names_what_is(tmp_path):
    pd.DataFrame({"id": range(300), "visits": range(300)}).to_csv(tmp_path / "t.csv", index=False)
    shown = run_here(
        "run", "source=flat", f"source.path={tmp_path}/t.csv", "source.label=won", f"paths.root={tmp_path}/ws"
    )
    assert shown.returncode == 3 and "won" in shown.stderr and "visits" in shown.stderr


@pytest.mark.extra
def test_an_end_of_the_data_before_it_and_after_it(exports, tmp_path):
    words = ("extract", f"paths.root={tmp_path}/ws", f"paths.raw={exports}")
    late = run_here(*words, "problem.data_end=2031-01-01")
    assert late.returncode == 2 and "after the end of the exports" in late.stderr, late.stderr
    early = run_here(*words, "problem.data_end=2001-01-01")
    assert early.returncode == 3 and "set problem.data_end later" in early.stderr, early.stderr
    assert not written(tmp_path / "ws")
