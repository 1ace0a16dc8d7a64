"""A rule of the quarantine that takes more than its share stops the run, and says where and how to go on."""

from pathlib import Path

import pytest
from small_source import small, touchpoint

from leadml.errors import DataError

CALL = touchpoint("calls", "{by: lead, column: who}")


def calls(bad: int, good: int) -> str:
    """Rows of which the first ``bad`` have a time that is none."""
    lines = [f"C{i},{'31/02/2024' if i < bad else '2024-07-05'},L1" for i in range(bad + good)]
    return "id,at,who\n" + "\n".join(lines) + "\n"


def test_up_to_the_limit_the_run_goes_on(tmp_path: Path):
    _, report = small(tmp_path, CALL, calls=calls(30, 70))
    assert report.counts["files"][2]["quarantined"] == {"bad_date": 30}


def test_above_it_the_worst_rules_are_told_with_an_example(tmp_path: Path):
    with pytest.raises(DataError) as error:
        small(tmp_path, CALL, calls=calls(31, 69))
    assert str(error.value) == (
        "1 quarantine rule(s) above their limit: bad_date took 31 rows (31%, limit 30%) of calls.csv, e.g. line 2, "
        "at = '31/02/2024'. Mend the export or the mapping, or allow it with source.limits.bad_date=0.32"
    )


def test_a_rule_has_a_limit_of_its_own_and_a_handful_is_never_too_much(tmp_path: Path):
    small(tmp_path, CALL + "\nlimits: {bad_date: 0.9}", calls=calls(31, 69))
    small(tmp_path, CALL + "\nlimits: {default: 0}", calls=calls(9, 3))
    with pytest.raises(DataError, match=r"bad_date took 9 rows"):
        small(tmp_path, CALL + "\nlimits: {bad_date: 0}", calls=calls(9, 3))
    with pytest.raises(DataError, match=r"bad_date took 10 rows \(50%, limit 0%\)"):
        small(tmp_path, CALL + "\nlimits: {default: 0}", calls=calls(10, 10))


def test_rows_whose_times_are_reversed_are_set_aside_by_a_rule(tmp_path: Path):
    mapping = CALL.replace("required: false", "quarantine: {reversed: {until: {before: at}}}")
    text = "id,at,until,who\nC1,2024-07-05,2024-07-06,L1\nC2,2024-07-05,2024-07-04,L1\nC3,2024-07-05,,L1\n"
    con, report = small(tmp_path, mapping, calls=text)
    assert report.counts["files"][2]["quarantined"] == {"reversed": 1}
    assert con.execute('SELECT line, rule, "column", value FROM quarantine').fetchall() == [
        (3, "reversed", "until", "2024-07-04")
    ]


def test_values_of_personal_columns_are_never_written(tmp_path: Path):
    mapping = CALL.replace("required: false", "quarantine: {test: {who: {matches: '^x'}}}, columns: {who: [mail]}")
    con, _ = small(
        tmp_path,
        mapping + "\nsensitive: {people: [calls.mail]}",
        calls="id,at,mail\nC1,2024-07-05,x@y.z\nC2,2024-07-05,L1\n",
    )
    assert con.execute('SELECT rule, "column", value FROM quarantine').fetchall() == [("test", "who", None)]


def test_conversions_after_the_last_lead_say_how_to_go_on(tmp_path: Path):
    deals = "deal,person,closed,amount,currency\n" + "".join(f"D{i},L1,2024-09-{i + 1:02},1,\n" for i in range(20))
    with pytest.raises(DataError, match=r"source.exported_at=DATE"):
        small(tmp_path, CALL + "\nexported_at: '2024-08-01'\nlimits: {after_export: 0.1}", deals=deals)
    con, _ = small(tmp_path, "exported_at: null", deals=deals)
    assert con.execute("SELECT count(*) FROM conversions").fetchone() == (20,)
