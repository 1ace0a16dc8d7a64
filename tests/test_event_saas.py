"""Two tables with missing keys, reversed dates and a wrong year, through a mapping of under 40 lines."""

import csv
import os
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from conftest import ROOT
from mappings_helpers import export, show
from sources_helpers import check_counts, connect, table

from leadml.errors import DataError
from leadml.sources.mapping import parse_mapping
from leadml.sources.report import SourceReport
from leadml.sources.tables import read_tables

MAPPING = Path(__file__).parent / "mappings" / "event_saas.yaml"

LEADS = """
    lead_id | created_at          | converted_at        | source   | company_size | status
    u01     | 2024-01-02 09:00:00 | 2024-02-01 10:00:00 | ads      | 10           | customer
    u02     | 2024-01-03 09:00:00 |                     | webinar  | 200          | open
    u03     | 2024-01-04 09:00:00 | 2023-12-01 10:00:00 | ads      | 15           | customer
    u04     | 2062-01-05 09:00:00 |                     | referral | 40           | open
    u05     | 0202-01-06 09:00:00 |                     | ads      | 40           | open
            | 2024-01-07 09:00:00 |                     | ads      | 12           | open
    u07     |                     |                     | ads      | 12           | open
    u08     | 2024-01-09 09:00:00 | 2024-03-09 10:00:00 | webinar  | 5            | customer
    u09     | 2024-01-10 09:00:00 |                     | ads      | 6            | open
    u10     | 2024-01-11 09:00:00 |                     | ads      | N/A          | open
    u11     | 2024-01-12 09:00:00 | 2062-03-09 10:00:00 | ads      | 8            | customer
    """
EVENTS = """
    lead_id | event_name | started_at          | ended_at
    u01     | trial      | 2024-01-05 10:00:00 | 2024-01-19 10:00:00
    u02     | demo       | 2024-01-06 10:00:00 | 2024-01-06 09:00:00
            | demo       | 2024-01-07 10:00:00 | 2024-01-07 11:00:00
    u99     | demo       | 2024-01-07 10:00:00 | 2024-01-07 11:00:00
    u08     | login      | 2062-01-08 10:00:00 |
    u08     | login      | 2024-01-09 10:00:00 |
    u09     | login      |                     | 2024-01-09 11:00:00
    u09     | login      | 2024-02-09 10:00:00 | 2024-02-09 11:00:00
    """


def read_folder(folder: Path, **settings: Any) -> tuple[duckdb.DuckDBPyConnection, SourceReport]:
    """Read a folder by the small mapping, with every row accounted for."""
    source = yaml.safe_load(MAPPING.read_text(encoding="utf-8")) | {"path": str(folder)} | settings
    con = connect()
    report = read_tables(parse_mapping(source), "won", con)
    check_counts(con, report)
    return con, report


def test_the_mapping_is_short():
    assert len(MAPPING.read_text(encoding="utf-8").splitlines()) < 40


def test_every_bad_row_is_counted_by_rule_and_nothing_is_lost(tmp_path: Path):
    export(tmp_path, "saas_leads.csv", LEADS)
    export(tmp_path, "saas_events.csv", EVENTS)
    con, report = read_folder(tmp_path, exported_at="2024-12-31")
    assert show(con, "SELECT lead_id, created_at, source, company_size FROM leads") == table("""
        u01 | 2024-01-02 09:00:00 | ads | 10.0
        u02 | 2024-01-03 09:00:00 | webinar | 200.0
        u08 | 2024-01-09 09:00:00 | webinar | 5.0
        u09 | 2024-01-10 09:00:00 | ads | 6.0
        u10 | 2024-01-11 09:00:00 | ads |
        u11 | 2024-01-12 09:00:00 | ads | 8.0""")
    assert show(con, "SELECT lead_id, converted_at FROM conversions") == table("""
        u01 | 2024-02-01 10:00:00
        u08 | 2024-03-09 10:00:00""")
    assert show(con, "SELECT lead_id, kind, occurred_at, known_at FROM touchpoints ORDER BY ALL") == table("""
        u01 | trial | 2024-01-05 10:00:00 | 2024-01-05 10:00:00
        u08 | login | 2024-01-09 10:00:00 | 2024-01-09 10:00:00
        u09 | login | 2024-02-09 10:00:00 | 2024-02-09 10:00:00""")
    counts = {f["name"]: f for f in report.counts["files"]}
    assert (counts["leads"]["rows"], counts["events"]["rows"]) == (11, 8)
    assert counts["leads"]["quarantined"] == {
        "converted_before_created": 1, "after_export": 1, "bad_date": 1, "missing_id": 1, "missing_date": 1,
    }  # fmt: skip
    assert counts["events"]["quarantined"] == {
        "ended_before_started": 1, "no_lead": 1, "after_export": 1, "missing_date": 1,
    }  # fmt: skip
    assert counts["events"]["ignored"] == {"unknown_lead": 1}
    # The lead of a win in 2062 stays, its win does not.
    assert report.counts["tables"]["conversions"]["lost"] == {"other_rows": 7, "after_export": 1}
    assert show(con, "SELECT line, rule FROM quarantine WHERE file = 'saas_leads.csv' ORDER BY line") == table("""
        4 | converted_before_created
        5 | after_export
        6 | bad_date
        7 | missing_id
        8 | missing_date""")
    assert "status" in {d["column"] for d in report.denied}


def test_the_end_is_found_in_spite_of_the_wrong_year(tmp_path: Path):
    export(tmp_path, "saas_leads.csv", LEADS)
    export(tmp_path, "saas_events.csv", EVENTS)
    _, report = read_folder(tmp_path)
    assert report.data_end is not None
    assert report.data_end.year == 2024


def test_too_many_bad_rows_stop_the_run(tmp_path: Path):
    reversed_ = "".join(f"x{i} | 2024-01-02 | 2023-12-02 | ads | 1 | customer\n" for i in range(12))
    export(tmp_path, "saas_leads.csv", LEADS.rstrip() + "\n" + reversed_)
    export(tmp_path, "saas_events.csv", EVENTS)
    with pytest.raises(DataError, match=r"converted_before_created took 13 rows \(57%, limit 30%\)"):
        read_folder(tmp_path, exported_at="2024-12-31")


def _header(path: Path) -> set[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        return {h.strip().lower() for h in next(csv.reader(stream), [])}


def _real_pair() -> tuple[Path, str, str] | None:
    """A folder of the real data with a table that fits the leads and one that fits the events, and their names."""
    folder = Path(os.environ.get("LEADML_REAL_DATA", ROOT.parent / "shared" / "data"))
    files = yaml.safe_load(MAPPING.read_text(encoding="utf-8"))["files"]

    def fits(path: Path, name: str, needed: tuple[str, ...]) -> bool:
        return all(set(files[name]["columns"][column]) & _header(path) for column in needed)

    places = sorted({p.parent for p in folder.rglob("*.csv")}) if folder.is_dir() else []
    for place in places:
        tables = sorted(place.glob("*.csv"))
        leads = [p.name for p in tables if fits(p, "leads", ("lead_id", "created_at", "converted_at"))]
        events = [p.name for p in tables if fits(p, "events", ("lead_id", "name", "started"))]
        if leads and events:
            return place, leads[0], events[0]
    return None


def test_the_real_set_goes_through():
    found = _real_pair()
    if found is None:
        reason = "no real folder with a table of leads and one of their events that this mapping fits"
        if os.environ.get("LEADML_REQUIRE_REAL_DATA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    folder, leads, events = found
    files = yaml.safe_load(MAPPING.read_text(encoding="utf-8"))["files"]
    files["leads"]["pattern"], files["events"]["pattern"] = leads, events
    con, report = read_folder(folder, limits={"default": 1.0}, files=files)
    assert show(con, "SELECT count(*) > 0 FROM leads") == "True"
    assert sum(sum(f["quarantined"].values()) for f in report.counts["files"]) > 0
