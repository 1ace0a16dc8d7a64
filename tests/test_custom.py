"""Columns that become attributes by pattern: which, of what type, read from where, and which are left out and named."""

from pathlib import Path

import pytest
from small_source import small
from sources_helpers import show, table

HISTORY = """
files: {changes: {pattern: changes.csv, required: false}}
history: {changes: {from: changes, id: person, field: field, old: old, new: new, at: at}}
"""
CUSTOM = """
leads:
  custom:
    tracked: {columns: ["*__c"], history: changes}
    rest: {columns: ["*"], fixed: true}
deny: {"Last*": true as of the export}
sensitive: {people: ["Birth*"]}
"""
COLUMNS = "id,created,Region,Seats,Renewal Date,Plan__c,Score__c,LastSeen,BirthYear,Gender,Nothing,Note\n"
CHANGES = """person,field,old,new,at
P09,Plan__c,x,Pro,2024-07-01T12:00:00Z
P09,Budget__c,1,,2024-07-01T12:00:00Z
P03,Plan__c,Free,Pro,2024-08-01T00:00:00Z
P03,Budget__c,,"€ 900,00",2024-08-02T00:00:00Z
"""


def people(rows: int = 40) -> str:
    """Rows with a level, a number, a date, tracked and untracked fields, and columns that must not come along."""
    lines = []
    for i in range(rows):
        changing = f"{'EW'[i % 2]}A,{i * 10},2024-07-{1 + i % 9:02},Pro,{i},2024-09-{1 + i % 9:02}"
        lines.append(f"P{i:02},2024-07-01T12:00:00Z,{changing},1990,F,,text {i}")
    return COLUMNS + "\n".join(lines) + "\n"


def test_custom_columns_come_along_by_pattern(tmp_path: Path):
    con, report = small(tmp_path, HISTORY + CUSTOM, people=people(), changes=CHANGES)
    assert report.attributes["leads"] == {"region": "category", "seats": "number", "renewal_date": "number"}
    assert report.as_of_fields == {"plan": "category", "budget": "number"}
    assert show(con, "SELECT lead_id, region, seats, renewal_date FROM leads ORDER BY 1 LIMIT 3") == table("""
        P00 | EA | 0.0 | -0.5
        P01 | WA | 10.0 | 0.5
        P02 | EA | 20.0 | 1.5""")
    assert show(con, "SELECT * EXCLUDE entity FROM history WHERE entity_id IN ('P02', 'P03') ORDER BY ALL") == table("""
        P02 | budget |  | 2024-07-01 12:00:00
        P02 | plan | Pro | 2024-07-01 12:00:00
        P03 | budget | 900.0 | 2024-08-02
        P03 | budget |  | 2024-07-01 12:00:00
        P03 | plan | Free | 2024-07-01 12:00:00
        P03 | plan | Pro | 2024-08-01""")
    why = {d["column"]: d["why"] for d in report.denied}
    assert why["Score__c"].startswith("no change of it in changes: tracking seems to be off")
    assert why["LastSeen"] == "true as of the export" and why["BirthYear"] == "personal data"
    assert why["Gender"] == "sensitive (gender); source.keep=[Gender] takes it in"
    assert why["Nothing"] == "empty" and why["Note"].startswith("near-unique text (40 texts in 40 rows)")


def test_what_is_kept_by_name_is_fixed_though_it_is_denied_or_untracked(tmp_path: Path):
    keep = "\nkeep: [Score__c, people.LastSeen, Gender, BirthYear]"
    _, report = small(tmp_path, HISTORY + CUSTOM + keep, people=people(), changes=CHANGES)
    assert report.attributes["leads"] == {
        "region": "category",
        "seats": "number",
        "renewal_date": "number",
        "score": "number",
        "last_seen": "number",  # a date: days from the lead's creation
        "gender": "category",
    }
    assert [d["why"] for d in report.denied if d["column"] == "BirthYear"] == ["personal data"]


def test_a_column_that_the_mapping_reads_already_is_no_custom_one(tmp_path: Path):
    named = "\nleads: {email: Mail, attributes: {area: {column: Region, type: category, fixed: true}}}"
    text = people().replace("Note\n", "MAIL\n")
    _, report = small(tmp_path, HISTORY + CUSTOM.replace("leads:", "leads:" + "\n  email: Mail") + named, people=text)
    assert "region" not in report.attributes["leads"] and "mail" not in report.attributes["leads"]


def test_names_of_one_spelling_get_numbers(tmp_path: Path):
    text = "id,created,Big Deal,big_deal,BigDeal__c\n" + "".join(f"P{i},2024-07-01,{i},{i + 1},{i}\n" for i in range(3))
    _, report = small(tmp_path, "leads: {custom: {rest: {columns: ['*'], fixed: true}}}", people=text)
    assert set(report.attributes["leads"]) == {"big_deal", "big_deal_2", "big_deal_3"}


def test_a_complete_history_has_nothing_before_its_first_row(tmp_path: Path):
    mapping = HISTORY.replace("old: old, ", "").replace("at: at", "at: at, complete: true") + (
        "\nleads: {attributes: {plan: {column: Plan, type: category, history: changes}}}"
    )
    text = "id,created,Plan\nL1,2024-07-01T12:00:00Z,Pro\nL2,2024-07-01T12:00:00Z,Pro\n"
    changes = "person,field,new,at\nL1,plan,Free,2024-07-03T00:00:00Z\nL1,plan,Pro,2024-08-01T00:00:00Z\n"
    con, report = small(tmp_path, mapping, people=text, changes=changes)
    assert report.as_of_fields == {"plan": "category"}
    assert show(con, "SELECT entity_id, value, changed_at FROM history ORDER BY ALL") == table("""
        L1 | Free | 2024-07-03
        L1 | Pro | 2024-08-01""")


PLAN = "\nleads: {attributes: {plan: {column: Plan, type: category, history: changes}}}"


def test_a_lead_older_than_the_history_has_no_value_before_it(tmp_path: Path):
    text = "id,created,Plan\nL1,2021-07-01T12:00:00Z,Customer\nL2,2024-07-02,Pro\n"
    changes = "person,field,old,new,at\nL2,Plan,Free,Pro,2024-08-01T00:00:00Z\n"
    con, _ = small(tmp_path, HISTORY + PLAN, people=text, changes=changes)
    # Whether L1 was a customer in 2021 nobody knows; L2 is less than 30 days older than the history.
    assert show(con, "SELECT entity_id, value, changed_at FROM history ORDER BY ALL") == table("""
        L1 | Customer | 2024-08-01
        L2 | Free | 2024-07-03
        L2 | Pro | 2024-08-01""")


@pytest.mark.parametrize(("at", "value"), [("2025-03-01T00:00:00Z", "Free"), ("31/31/2024", "")])
def test_a_change_after_the_export_or_without_a_date_does_not_make_todays_value_old(
    tmp_path: Path, at: str, value: str
):
    text = "id,created,Plan\nL1,2024-07-01T12:00:00Z,Customer\nL2,2024-07-01T12:00:00Z,Pro\n"
    changes = f"person,field,old,new,at\nL1,Plan,Free,Customer,{at}\nL2,Plan,x,Pro,2024-07-01T12:00:00Z\n"
    con, _ = small(tmp_path, HISTORY + PLAN, people=text, changes=changes)
    assert show(con, "SELECT value FROM history WHERE entity_id = 'L1'") == value


def test_a_history_writes_numbers_as_the_source_does(tmp_path: Path):
    mapping = HISTORY + "\ndecimal: ','" + PLAN.replace("type: category", "type: number")
    text = "id,created,Plan\nL1,2024-07-01T12:00:00Z,1.234\n"
    changes = "person,field,old,new,at\nL1,Plan,2.345,1.234,2024-08-01T00:00:00Z\n"
    con, _ = small(tmp_path, mapping, people=text, changes=changes)
    assert show(con, "SELECT value FROM history") == "1234.0"


def test_cyrillic_look_alikes_are_one_level_with_latin(tmp_path: Path):
    text = "id,created,kind\n" + "".join(
        f"L{i},2024-07-01,{kind}\n" for i, kind in enumerate(["Сompany", "Company", "А", "A", "Москва"])
    )
    con, _ = small(tmp_path, "leads: {attributes: {kind: {column: kind, type: category, fixed: true}}}", people=text)
    assert show(con, "SELECT kind FROM leads ORDER BY lead_id") == "Company\nCompany\nA\nA\nМосква"
