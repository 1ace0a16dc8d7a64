"""Exports to tables: one hand-made export for each trap, and the tables that a person expects of it."""

import csv
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import counts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources_helpers import ANA, LEAD, OPPORTUNITY, check_counts, connect, mapping_of, read, show, table, write

from leadml import schema
from leadml.config import SimulateConfig
from leadml.errors import ConfigurationError, DataError
from leadml.simulate import simulate
from leadml.sources.delimited import Dialect, read_records
from leadml.sources.sql import Clock
from leadml.sources.tables import _end_of_days, read_tables

TOUCHPOINTS = "SELECT touchpoint_id, lead_id, occurred_at, known_at, channel, kind, initiator FROM touchpoints "
TASK = "Id,WhoId,TaskSubtype,IsClosed,Subject,CallType,CallDisposition,ActivityDate,CreatedDate,CompletedDateTime\n"
BOB = "L2,false,,Bee,bob@bee.example,Analista,New,-,Web,2024-07-02T00:00:00.000+0000,,,\n"


def lead(identifier: str, email: str, created: str, **fields: str) -> str:
    """One row of Lead.csv."""
    values = {"Id": identifier, "IsDeleted": "false", "Company": "Acme", "Email": email, "Status": "New"} | fields
    values["CreatedDate"] = created
    return ",".join(values.get(c, "") for c in LEAD.strip().split(",")) + "\n"


def test_tables_are_those_of_the_contract(tmp_path: Path):
    con, report = read(write(tmp_path, {}))
    for name, contract in schema.TABLES.items():
        found = dict(con.execute(f"SELECT column_name, column_type FROM (DESCRIBE {name})").fetchall())
        extra = {k: v for k, v in found.items() if k not in contract.columns}
        assert {k: v for k, v in found.items() if k in contract.columns} == contract.columns, name
        assert not extra or contract.open_columns, name
    assert report.attributes["leads"] == {
        "lead_source": "category",
        "mail_kind": "category",
        "seniority": "category",
        "department": "category",
    }
    left = con.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert {n for (n,) in left} == {*schema.TABLES, "changes"}
    assert {(a["file"], a["column"]) for a in report.absent} >= {("Lead", "Country"), ("Lead", "NumberOfEmployees")}


def test_reading_twice_on_one_connection_gives_the_same(tmp_path: Path):
    write(tmp_path, {"Lead.csv": LEAD + ANA + BOB})
    con, first = read(tmp_path)
    before = show(con, "FROM leads")
    assert read_tables(mapping_of(tmp_path), "won", con) == first
    assert show(con, "FROM leads") == before


def test_what_is_derived_from_email_and_title(tmp_path: Path):
    titles = ["Directora de Marketing", "VP Sales", "Técnico de Sistemas", "Jefe de Compras", "Chief Operating Officer"]
    rows = [lead(f"L{i}", f"p{i}@acme.example", "2024-07-01", Title=t) for i, t in enumerate(titles)]
    rows.append(lead("L5", "Someone@GMail.com", "2024-07-01"))
    rows.append(lead("L6", "not an address", "2024-07-01", Title="Poet"))
    con, _ = read(write(tmp_path, {"Lead.csv": LEAD + "".join(rows)}))
    assert show(con, "SELECT lead_id, account_id, mail_kind, seniority, department FROM leads") == table("""
        L0 | acme.example | business | director | marketing
        L1 | acme.example | business | vice_president | sales
        L2 | acme.example | business | specialist | technology
        L3 | acme.example | business | manager | operations
        L4 | acme.example | business | executive | operations
        L5 |  | free |  |
        L6 |  |  | other | other""").replace("free |  |", "free |  | ")


def test_a_converted_lead_is_followed_to_its_contact(tmp_path: Path):
    files = {
        "Lead.csv": LEAD + ANA.replace(",,\n", ",C1,O1\n"),
        "Task.csv": TASK
        + "T1,L1,Call,true,Call,Outbound,Connected,,2024-07-03T10:00:00.000+0000,2024-07-04T10:00:00.000+0000\n"
        + "T2,C1,Call,true,Call,Inbound,Connected,,2024-07-05T10:00:00.000+0000,2024-07-05T10:00:00.000+0000\n"
        + "T3,C9,Call,true,Call,Inbound,Connected,,2024-07-05T10:00:00.000+0000,2024-07-05T10:00:00.000+0000\n",
        "CampaignMember.csv": "Id,LeadId,ContactId,CampaignId,HasResponded,FirstRespondedDate,CreatedDate\n"
        + "M1,,C1,K1,true,2024-07-08,2024-07-06T12:00:00.000+0000\n",
        "Contact.csv": "Id,Email\nC2,ANA@acme.example\nC3,nobody@acme.example\n".encode("utf-16"),
        "Event.csv": "Id,WhoId,StartDateTime,EndDateTime,CreatedDate,Outcome__c\n"
        + "E1,C2,2024-07-20T10:00:00.000+0000,2024-07-20T11:00:00.000+0000,2024-07-10T09:00:00.000+0000,No-show\n",
    }
    con, report = read(write(tmp_path, files))
    assert show(con, TOUCHPOINTS + "ORDER BY known_at") == table("""
        call:T1 | L1 | 2024-07-04 10:00:00 | 2024-07-04 10:00:00 | call | connected | company
        call:T2 | L1 | 2024-07-05 10:00:00 | 2024-07-05 10:00:00 | call | connected | lead
        campaign_member:M1 | L1 | 2024-07-06 12:00:00 | 2024-07-06 12:00:00 | campaign | added | company
        campaign_response:M1 | L1 | 2024-07-08 | 2024-07-09 | campaign | responded | lead
        meeting_booked:E1 | L1 | 2024-07-10 09:00:00 | 2024-07-10 09:00:00 | meeting | booked | lead
        meeting:E1 | L1 | 2024-07-20 10:00:00 | 2024-07-20 11:00:00 | meeting | no_show | company""")
    files = {f["name"]: f for f in report.counts["files"]}
    assert files["Task"]["ignored"] == {"unknown_lead": 1}
    assert files["Contact"] | {"path": ""} == {
        "name": "Contact", "path": "", "rows": 2, "used": 1, "quarantined": {}, "ignored": {"unknown_lead": 1},
    }  # fmt: skip


def test_a_task_is_known_when_done_not_when_due_and_not_while_open(tmp_path: Path):
    files = {
        "Task.csv": TASK
        + "T1,L1,Email,true,Email: hello,,,2024-08-01,2024-07-03T10:00:00.000+0000,\n"  # done by now, nobody knows when
        + "T2,L1,Email,true,Re: hello,,,2024-08-01,2024-07-04T10:00:00.000+0000,2024-07-04T10:00:00.000+0000\n"
        + "T3,L1,Call,false,Call,,,2024-07-05,2024-07-03T10:00:00.000+0000,\n"  # open
        + "T4,L1,Task,true,Offer,,,2024-07-05,2024-07-03T10:00:00.000+0000,2024-07-09T08:00:00.000+0000\n"
        + "T5,L1,Call,true,Call,,,,31/02/2025,2024-07-09T08:00:00.000+0000\n"  # logged nobody knows when
    }
    con, report = read(write(tmp_path, files))
    assert show(con, TOUCHPOINTS + "ORDER BY known_at") == table("""
        sales_reply:T2 | L1 | 2024-07-04 10:00:00 | 2024-07-04 10:00:00 | email | replied | lead
        task:T4 | L1 | 2024-07-09 08:00:00 | 2024-07-09 08:00:00 | crm | task | company""")
    task = report.counts["files"][1]
    assert (task["name"], task["quarantined"], task["ignored"]) == (
        "Task",
        {"bad_date": 1},
        {"other_rows": 1, "undated": 1},
    )


def test_merged_and_erased_leads(tmp_path: Path):
    gone = {"IsDeleted": "true", "SystemModstamp": "2024-08-01T00:00:00.000+0000"}
    rows = [
        lead("L1", "ana@acme.example", "2024-07-01"),
        lead("L2", "ana@acme.example", "2024-07-02", MasterRecordId="L3", **gone),  # merged into L3, that into L1
        lead("L3", "a@acme.example", "2024-07-03", MasterRecordId="L1", **gone),
        lead("L4", "x@acme.example", "2024-07-04", **gone),  # erased
        lead("L5", "y@acme.example", "2024-07-05", MasterRecordId="L5", **gone),  # a circle
    ]
    task = "T{0},{1},Call,true,Call,Outbound,,,{2}T10:00:00.000+0000,{2}T10:00:00.000+0000\n"
    tasks = [(1, "L2", "2024-07-10"), (2, "L3", "2024-08-05"), (3, "L5", "2024-07-11")]
    files = {"Lead.csv": LEAD + "".join(rows), "Task.csv": TASK + "".join(task.format(*t) for t in tasks)}
    con, _ = read(write(tmp_path, files))
    assert show(con, "SELECT lead_id FROM leads") == "L1\nL2\nL3\nL4\nL5"
    assert show(con, "SELECT lead_id, closed_at, known_at, kind FROM closures") == table("""
        L2 | 2024-08-01 | 2024-08-01 | merged
        L3 | 2024-08-01 | 2024-08-01 | merged
        L4 | 2024-08-01 | 2024-08-01 | erased
        L5 | 2024-08-01 | 2024-08-01 | merged""")
    # What was done to L2 is L1's from the merging on; until then it was known as L2's, and that stays.
    assert show(con, "SELECT touchpoint_id, lead_id, occurred_at, known_at FROM touchpoints ORDER BY 1") == table("""
        call:T1 | L2 | 2024-07-10 10:00:00 | 2024-07-10 10:00:00
        call:T1>L1 | L1 | 2024-07-10 10:00:00 | 2024-08-01
        call:T2 | L1 | 2024-08-05 10:00:00 | 2024-08-05 10:00:00
        call:T3 | L5 | 2024-07-11 10:00:00 | 2024-07-11 10:00:00""")


DUPLICATES = {
    "Lead.csv": LEAD
    + lead("L2", " ANA@acme.example ", "2024-07-05", ConvertedOpportunityId="O1")
    + lead("L1", "ana@Acme.example", "2024-07-01")
    + lead("L3", "", "2024-07-01")
    + lead("L4", "", "2024-07-02"),
    "Opportunity.csv": OPPORTUNITY + "O1,Closed Won,true,true,2024-09-01,100,EUR,2024-08-01T00:00:00.000+0000\n",
    "email_events.csv": "id,created,type,recipient,emailCampaignId,filteredEvent\n"
    + "1,1720000000000,OPEN,Ana@ACME.example,7,false\n"
    + "2,1720000000000,OPEN,ana@acme.example,7,true\n"
    + "3,1720000000000,DELIVERED,ana@acme.example,7,false\n"
    + "4,1720000000000,SENT,nobody@acme.example,7,false\n",
    "LeadHistory.csv": "Id,LeadId,Field,OldValue,NewValue,CreatedDate\n"
    + "H1,L2,Status,New,Unqualified,2024-07-20T00:00:00.000+0000\n"
    + "H2,L2,HasOptedOutOfEmail,false,true,2024-07-21T00:00:00.000+0000\n",
}


def test_duplicates_are_joined_into_the_earliest(tmp_path: Path):
    con, report = read(write(tmp_path, DUPLICATES))
    assert show(con, "SELECT lead_id, created_at FROM leads") == table("""
        L1 | 2024-07-01
        L3 | 2024-07-01
        L4 | 2024-07-02""")
    assert show(con, "SELECT lead_id, converted_at, known_at, amount, currency FROM conversions") == (
        "L1 | 2024-09-01 | 2024-09-02 | 100.0 | EUR"
    )
    # Only the duplicate was disqualified, the person was not; the person's opting out holds for all.
    assert show(con, "SELECT lead_id, closed_at, kind FROM closures") == "L1 | 2024-07-21 | opted_out"
    assert show(con, "SELECT touchpoint_id, lead_id, content FROM touchpoints") == "email:1 | L1 | 7"
    files = {f["name"]: f for f in report.counts["files"]}
    assert files["Lead"]["ignored"] == {"joined_duplicate": 1}
    assert files["email_events"]["ignored"] == {"bot": 1, "other_kind": 1, "unknown_lead": 1}


def test_duplicates_stay_apart_where_the_mapping_says_so(tmp_path: Path):
    mapping = mapping_of(write(tmp_path, DUPLICATES))
    con = connect()
    leads = type(mapping.leads)(**(vars(mapping.leads) | {"join": ()}))
    read_tables(type(mapping)(**(vars(mapping) | {"leads": leads})), "won", con)
    assert show(con, "SELECT lead_id FROM leads") == "L1\nL2\nL3\nL4"


def test_test_leads_are_quarantined_without_their_address(tmp_path: Path):
    rows = lead("L2", "x@acme.example", "2024-07-01", Company="asdf GmbH") + lead("L3", "qa@example.com", "2024-07-01")
    rows += lead("L4", "x@testa.example", "2024-07-01", Company="Testa Foods")
    con, _ = read(write(tmp_path, {"Lead.csv": LEAD + ANA + rows}))
    assert (
        show(con, "FROM quarantine")
        == table("""
        Lead.csv | 3 | test_company | Company | asdf GmbH
        Lead.csv | 4 | test_mail | Email | """).rstrip()
        + " "
    )
    assert show(con, "SELECT lead_id FROM leads") == "L1\nL4"


def test_times(tmp_path: Path):
    cases = {
        "L1": "2024-07-01T09:30:12.000+0000",
        "L2": "2024-07-01T09:30:12.5+02:00",
        "L3": "2024-07-01 09:30",
        "L4": "2024-07-01",
        "L5": "01/07/2024",
        "L6": "1719826212000",
        "B1": "31/02/2025",
        "B2": "0000-00-00",
        "B3": "",
        "B4": "2062-07-01T09:30:12.000+0000",
        "B5": "2025-13-45T99:00:00.000+0000",
        "B6": "0001-01-01T00:00:00Z",
        "B7": "yesterday",
        "B8": "infinity",
    }
    rows = "".join(lead(k, f"{k}@acme.example", v) for k, v in cases.items())
    con, _ = read(write(tmp_path, {"Lead.csv": LEAD + rows}))
    assert show(con, "SELECT lead_id, created_at, known_at FROM leads") == table("""
        L1 | 2024-07-01 09:30:12 | 2024-07-01 09:30:12
        L2 | 2024-07-01 07:30:12.500000 | 2024-07-01 07:30:12.500000
        L3 | 2024-07-01 09:30:00 | 2024-07-01 09:30:00
        L4 | 2024-07-01 | 2024-07-02
        L5 | 2024-07-01 | 2024-07-02
        L6 | 2024-07-01 09:30:12 | 2024-07-01 09:30:12""")
    assert show(con, 'SELECT line, rule, "column", value FROM quarantine') == table("""
        8 | bad_date | CreatedDate | 31/02/2025
        9 | bad_date | CreatedDate | 0000-00-00
        10 | missing_date | CreatedDate |
        11 | after_export | CreatedDate | 2062-07-01T09:30:12.000+0000
        12 | bad_date | CreatedDate | 2025-13-45T99:00:00.000+0000
        13 | bad_date | CreatedDate | 0001-01-01T00:00:00Z
        14 | bad_date | CreatedDate | yesterday
        15 | bad_date | CreatedDate | infinity""").replace("CreatedDate |\n", "CreatedDate | \n")


def test_times_without_zone_are_the_sources_own(tmp_path: Path):
    # Madrid is two hours ahead in July; on 27 October 2024 its clocks go back, and the day has 25 hours.
    rows = lead("L1", "a@a.example", "2024-07-01 00:30:00") + lead("L2", "b@a.example", "2024-07-01")
    rows += lead("L3", "c@a.example", "2024-10-27") + lead("L4", "d@a.example", "2024-07-01T00:30:00Z")
    con, _ = read(write(tmp_path, {"Lead.csv": LEAD + rows}), timezone="Europe/Madrid")
    assert show(con, "SELECT lead_id, created_at, known_at FROM leads") == table("""
        L1 | 2024-06-30 22:30:00 | 2024-06-30 22:30:00
        L2 | 2024-06-30 22:00:00 | 2024-07-01 22:00:00
        L3 | 2024-10-26 22:00:00 | 2024-10-27 23:00:00
        L4 | 2024-07-01 00:30:00 | 2024-07-01 00:30:00""")


def test_months_first_where_the_source_says_so(tmp_path: Path):
    con, _ = read(write(tmp_path, {"Lead.csv": LEAD + lead("L1", "", "07/13/2024 10:00")}), day_first=False)
    assert show(con, "SELECT created_at FROM leads") == "2024-07-13 10:00:00"


def test_broken_rows_are_told_by_line(tmp_path: Path):
    text = LEAD + ANA.replace("Acme", '"Acme\n""South"", Ltd"') + "L2,false,,cut\n" + BOB.replace("\n", ",more,still\n")
    text += "\n" + lead("L9", "z@z.example", "nonsense")
    con, report = read(write(tmp_path, {"Lead.csv": text}))
    assert show(con, "FROM quarantine") == table("""
        Lead.csv | 4 | short_row |  | 4 of 13 fields
        Lead.csv | 5 | long_row |  | 15 of 13 fields
        Lead.csv | 7 | bad_date | CreatedDate | nonsense""")
    assert report.files[0]["rows"] == 4


def test_history_is_a_whole_timeline(tmp_path: Path):
    history = "Id,LeadId,Field,OldValue,NewValue,CreatedDate\n"
    history += "H2,L1,Status,Working,Qualified,2024-07-10T00:00:00.000+0000\n"
    history += "H1,L1,Status,New,Working,2024-07-06T00:00:00.000+0000\n"
    history += "H3,L1,Industry,,Energy,2024-07-20T00:00:00.000+0000\n"  # empty before
    history += "H4,L2,Status,New,Working,2024-07-01T00:00:00.000+0000\n"  # dated before the lead was known
    history += "H5,L2,created,,,2024-07-02T00:00:00.000+0000\n"
    history += "H6,L2,Status,Working,Lost,2026-07-02T00:00:00.000+0000\n"  # after the export
    files = {"Lead.csv": LEAD + ANA.replace("New", "Qualified") + BOB.replace("-,Web", "Select,Web")}
    con, report = read(write(tmp_path, files | {"LeadHistory.csv": history}))
    assert show(con, "SELECT entity_id, field, value, changed_at FROM history") == table("""
        L1 | industry |  | 2024-07-01 09:30:12
        L1 | industry | Energy | 2024-07-20
        L1 | pipeline_stage | New | 2024-07-01 09:30:12
        L1 | pipeline_stage | Working | 2024-07-06
        L1 | pipeline_stage | Qualified | 2024-07-10
        L2 | industry |  | 2024-07-02
        L2 | pipeline_stage | Working | 2024-07-02""")
    assert report.as_of_fields == {"industry": "category", "pipeline_stage": "category"}
    assert report.counts["tables"]["history"]["added"] == {"first_value": 4}


def test_a_field_without_any_change_is_not_used(tmp_path: Path):
    history = "Id,LeadId,Field,OldValue,NewValue,CreatedDate\nH1,L1,Status,New,Working,2024-07-06T00:00:00.000+0000\n"
    con, report = read(write(tmp_path, {"Lead.csv": LEAD + ANA + BOB, "LeadHistory.csv": history}))
    assert report.as_of_fields == {"pipeline_stage": "category"}
    assert show(con, "SELECT DISTINCT field FROM history") == "pipeline_stage"
    why = {d["column"]: d["why"] for d in report.denied if d["file"] == "Lead"}
    assert why["Industry"].startswith("no change of it in LeadHistory: tracking seems to be off, so its value is only")
    assert "Industry in source.keep" in why["Industry"]
    assert "Industry" not in {h["column"] for h in report.handled}
    # A history of other fields only: no field is left, and its rows are still accounted for.
    con, report = read(write(tmp_path, {"LeadHistory.csv": history.replace("Status", "Rating")}))
    assert (report.as_of_fields, show(con, "FROM history")) == ({}, "")


def test_without_a_history_file_the_field_is_not_guessed(tmp_path: Path):
    con, report = read(write(tmp_path, {}))
    assert report.as_of_fields == {}
    assert show(con, "FROM history") == ""


WON = "O1,Closed Won,true,true,2024-08-01,100,EUR,2024-07-20T00:00:00.000+0000\n"
STAGES = "Id,OpportunityId,Field,OldValue,NewValue,CreatedDate\n"


@pytest.mark.parametrize(
    ("stages", "known"),
    [
        ("", "2024-08-02"),  # a date is known at its end
        ("S1,O1,StageName,Proposal,Closed Won,2024-08-01T15:00:00.000+0000\n", "2024-08-02"),
        ("S1,O1,StageName,Proposal,Closed Won,2024-08-06T15:00:00.000+0000\n", "2024-08-06 15:00:00"),  # booked late
        ("S1,O1,StageName,Proposal,Negotiation,2024-08-06T15:00:00.000+0000\n", "2024-08-02"),
        ("S1,O2,StageName,Proposal,Closed Won,2024-08-06T15:00:00.000+0000\n", "2024-08-02"),
    ],
)
def test_a_win_is_known_when_it_was_booked(tmp_path: Path, stages: str, known: str):
    files = {
        "Lead.csv": LEAD + ANA.replace(",,\n", ",C1,O1\n"),
        "Opportunity.csv": OPPORTUNITY + WON,
        "OpportunityFieldHistory.csv": STAGES + "S0,O1,created,,,2024-07-20T00:00:00.000+0000\n" + stages,
    }
    con, _ = read(write(tmp_path, files))
    assert show(con, "FROM conversions") == f"L1 | 2024-08-01 | {known} | 100.0 | EUR"


def test_the_other_conversion_is_the_opportunity(tmp_path: Path):
    files = {"Lead.csv": LEAD + ANA.replace(",,\n", ",C1,O1\n"), "Opportunity.csv": OPPORTUNITY + WON}
    con, _ = read(write(tmp_path, files), "opportunity")
    assert show(con, "FROM conversions") == "L1 | 2024-07-20 | 2024-07-20 | 100.0 | EUR"
    with pytest.raises(ConfigurationError, match=r"problem.conversion=sale: .* allowed: opportunity, won"):
        read(tmp_path, "sale")


def test_two_leads_of_one_opportunity_both_convert(tmp_path: Path):
    rows = lead("L1", "a@a.example", "2024-07-01", ConvertedOpportunityId="O1")
    rows += lead("L2", "b@a.example", "2024-07-02", ConvertedOpportunityId="O1")
    con, _ = read(write(tmp_path, {"Lead.csv": LEAD + rows, "Opportunity.csv": OPPORTUNITY + WON}))
    assert show(con, "SELECT lead_id, converted_at FROM conversions") == "L1 | 2024-08-01\nL2 | 2024-08-01"


@pytest.mark.parametrize(
    ("stages", "closed"),
    [
        ("", "2024-08-01 | 2024-08-02"),
        (
            "S1,O1,StageName,Proposal,Closed Lost,2024-07-30T15:00:00.000+0000\n",
            "2024-07-30 15:00:00 | 2024-07-30 15:00:00",
        ),
    ],
)
def test_a_lost_deal_closes_the_lead(tmp_path: Path, stages: str, closed: str):
    lost = "O1,Closed Lost,true,false,2024-08-01,100,EUR,2024-07-20T00:00:00.000+0000\n"
    lost += "O2,Proposal,false,false,2024-12-01,100,EUR,2024-07-20T00:00:00.000+0000\n"
    rows = lead("L1", "a@a.example", "2024-07-01", ConvertedOpportunityId="O1")
    rows += lead("L2", "b@a.example", "2024-07-01", ConvertedOpportunityId="O2")
    files = {
        "Lead.csv": LEAD + rows,
        "Opportunity.csv": OPPORTUNITY + lost,
        "OpportunityFieldHistory.csv": STAGES + stages,
    }
    con, _ = read(write(tmp_path, files))
    assert show(con, "FROM closures") == f"L1 | {closed} | lost | Closed Lost"
    assert show(con, "FROM conversions") == ""


def test_a_disqualified_lead_is_closed(tmp_path: Path):
    history = "Id,LeadId,Field,OldValue,NewValue,CreatedDate\n"
    history += "H1,L1,Status,New,Unqualified,2024-07-06T08:00:00.000+0000\n"
    con, _ = read(write(tmp_path, {"LeadHistory.csv": history}))
    assert show(con, "FROM closures") == "L1 | 2024-07-06 08:00:00 | 2024-07-06 08:00:00 | lost | Unqualified"


def ga4(path: Path, rows: list[tuple[str, str, str | None, str, str | None]]) -> None:
    """A GA4 table of (instant, cookie, user id, event, page)."""
    texts, whole, real = pa.string(), pa.int64(), pa.float64()
    fields = {"string_value": texts, "int_value": whole, "float_value": real, "double_value": real}
    value = pa.struct(list(fields.items()))
    kinds = pa.schema(
        [
            ("event_timestamp", pa.int64()),
            ("user_pseudo_id", pa.string()),
            ("user_id", pa.string()),
            ("event_name", pa.string()),
            ("event_params", pa.list_(pa.struct([("key", pa.string()), ("value", value)]))),
        ]
    )
    epoch = datetime(1970, 1, 1)
    entries = [
        {
            "event_timestamp": (datetime.fromisoformat(t) - epoch) // timedelta(microseconds=1),
            "user_pseudo_id": cookie,
            "user_id": user,
            "event_name": event,
            "event_params": [
                {"key": "engagement_time_msec", "value": {"int_value": 2500}},
                *([{"key": "page_location", "value": {"string_value": page}}] if page else []),
            ],
        }
        for t, cookie, user, event, page in rows
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(entries, schema=kinds), path)


def test_web_events_and_cookies(tmp_path: Path):
    write(tmp_path, {"Lead.csv": LEAD + ANA + BOB})
    site = "https://www.site.example"
    ga4(
        tmp_path / "ga4" / "events_202407.parquet",
        [
            ("2024-07-03T10:00:00", "c1", None, "page_view", f"{site}/pricing?email=ana@acme.example#top"),
            ("2024-07-05T10:00:00", "c1", "L1", "form_submit", f"{site}"),
            ("2024-07-06T10:00:00", "c1", None, "page_view", f"{site}/u/ana@acme.example/x"),
            ("2024-07-07T10:00:00", "c2", "L1", "page_view", None),
            ("2024-07-08T10:00:00", "c2", "L2", "scroll", None),
            ("2024-07-09T10:00:00", "c2", None, "page_view", None),  # a shared cookie: nobody's
        ],
    )
    ga4(tmp_path / "ga4" / "events_202408.parquet", [("2024-08-01T10:00:00", "c3", None, "page_view", None)])
    con, report = read(tmp_path)
    # Before the form nobody knew whose the first visit was: it is known from then on.
    query = "SELECT lead_id, occurred_at, known_at, channel, kind, value, content FROM touchpoints ORDER BY occurred_at"
    assert (
        show(con, query)
        == table("""
        L1 | 2024-07-03 10:00:00 | 2024-07-05 10:00:00 | web | visit | 2.5 | /pricing
        L1 | 2024-07-05 10:00:00 | 2024-07-05 10:00:00 | form | submitted | 2.5 | /
        L1 | 2024-07-06 10:00:00 | 2024-07-06 10:00:00 | web | visit | 2.5 | /u/*/x
        L1 | 2024-07-07 10:00:00 | 2024-07-07 10:00:00 | web | visit | 2.5 | """).rstrip()
        + " "
    )
    files = {f["path"]: f for f in report.counts["files"]}
    assert files["ga4/events_202407.parquet"]["ignored"] == {"other_kind": 1, "unknown_lead": 1}
    assert files["ga4/events_202408.parquet"]["ignored"] == {"unknown_lead": 1}


def test_a_second_lead_on_a_device_takes_nothing_back(tmp_path: Path):
    write(tmp_path, {"Lead.csv": LEAD + ANA + BOB})
    rows = [
        ("2024-07-03T10:00:00", "c1", None),
        ("2024-07-04T10:00:00", "c1", "L1"),
        ("2024-07-05T10:00:00", "c1", None),
        ("2024-07-06T10:00:00", "c1", "L2"),  # from here on the device is nobody's
        ("2024-07-07T10:00:00", "c1", None),
        ("2024-07-08T10:00:00", "c1", "L1"),
        ("2024-07-09T10:00:00", "c2", "L1"),
        ("2024-07-10T10:00:00", "c2", "somebody"),  # named, but no lead: not the device's lead either
        ("2024-07-11T10:00:00", "c2", None),
    ]
    ga4(tmp_path / "ga4" / "events_1.parquet", [(t, c, u, "page_view", None) for t, c, u in rows])
    con, report = read(tmp_path)
    query = "SELECT lead_id, occurred_at::DATE, known_at::DATE FROM touchpoints ORDER BY occurred_at"
    assert show(con, query) == table("""
        L1 | 2024-07-03 | 2024-07-04
        L1 | 2024-07-04 | 2024-07-04
        L1 | 2024-07-05 | 2024-07-05
        L2 | 2024-07-06 | 2024-07-06
        L1 | 2024-07-08 | 2024-07-08
        L1 | 2024-07-09 | 2024-07-09
        L1 | 2024-07-11 | 2024-07-11""")
    assert report.counts["files"][-1]["ignored"] == {"unknown_lead": 2}


def test_of_rows_with_one_id_the_last_counts(tmp_path: Path):
    text = LEAD + ANA.replace("Web", "Old") + BOB + ANA
    con, report = read(write(tmp_path, {"Lead.csv": text}))
    assert show(con, "SELECT lead_id, lead_source FROM leads") == "L1 | Web\nL2 | Web"
    assert report.counts["files"][0]["ignored"] == {"same_id": 1}


def test_accounts_by_web_site(tmp_path: Path):
    text = "Id,Website,CreatedDate\nA1,https://www.Acme.example/es?x=1,2024-07-01T00:00:00.000+0000\n"
    text += (
        "A2,acme.example,2024-06-01T00:00:00.000+0000\nA3,gmail.com,2024-06-01\nA4,,2024-06-01\nA5,bé.example,nope\n"
    )
    con, report = read(write(tmp_path, {"Account.csv": text.encode("cp1252")}))
    assert show(con, "FROM accounts") == "acme.example | 2024-06-01 | 2024-06-01"
    account = next(f for f in report.counts["files"] if f["name"] == "Account")
    assert account["ignored"] == {"no_account_id": 2, "same_account": 1}
    assert account["quarantined"] == {"bad_date": 1}


def test_denied_columns_are_named_with_why(tmp_path: Path):
    text = LEAD.replace("Status", "Status,Rating,Secret__c,Phone,Product_Interest__c")
    text += ANA.replace("New", "New,Hot,x,555,Core") + BOB.replace("New", "New,Hot,y,556,Core")
    con, report = read(write(tmp_path, {"Lead.csv": text}))
    why = {d["column"]: d["why"] for d in report.denied if d["file"] == "Lead"}
    assert why["Rating"].startswith("true as of the export")
    assert why["Secret__c"].startswith("no change of it in LeadHistory: tracking seems to be off")
    assert why["Phone"] == "personal data"
    assert "Product_Interest__c" not in why
    assert show(con, "SELECT product_interest FROM leads") == "Core\nCore"


def test_numbers_that_are_none_are_missing_and_counted(tmp_path: Path):
    texts = ["1200", '"€ 3.500,00"', '"USD 250,000.00"', "aprox. 500", "N/A", "inf", ""]
    rows = "".join(f"L{i},2024-07-01,{t}\n" for i, t in enumerate(texts))
    con, report = read(write(tmp_path, {"Lead.csv": "Id,CreatedDate,AnnualRevenue\n" + rows}))
    query = "SELECT coalesce(annual_revenue::VARCHAR, 'none') FROM leads"
    assert show(con, query).splitlines() == ["1200.0", "3500.0", "250000.0", "none", "none", "none", "none"]
    assert report.counts["values"] == {"Lead.AnnualRevenue": 2}


# --- the end of the data


def days(*counts: tuple[str, int]) -> list[tuple[datetime, int]]:
    return [(datetime.fromisoformat(d), n) for d, n in counts]


def test_end_of_the_data():
    # 1 % of the median day (400 rows) is 4: the 5th has its share, the 6th has not.
    busy = days(("2024-01-01", 400), ("2024-01-02", 410), ("2024-01-03", 400), ("2024-01-05", 4), ("2024-01-06", 3))
    assert _end_of_days(busy) == datetime(2024, 1, 6)
    # A quiet source: one row in 2062 is as many as any other day has, but after a silence of 38 years.
    quiet = days(("2024-01-01", 1), ("2024-02-20", 2), ("2024-04-30", 1), ("2062-07-01", 1))
    assert _end_of_days(quiet) == datetime(2024, 5, 1)
    assert _end_of_days([]) == datetime(1990, 1, 2)


def test_end_is_found_and_later_rows_are_quarantined(tmp_path: Path):
    rows = "".join(lead(f"L{i}", f"p{i}@a.example", f"2024-03-{i + 1:02d}T10:00:00Z") for i in range(20))
    rows += lead("LX", "x@a.example", "2062-07-01")
    con, report = read(write(tmp_path, {"Lead.csv": LEAD + rows}), exported_at=None)
    assert report.data_end == datetime(2024, 3, 21)
    assert show(con, "SELECT rule, value FROM quarantine") == "after_export | 2062-07-01"


@pytest.mark.parametrize(
    ("given_as", "end"), [("2024-12-31", (2025, 1, 1)), ("2024-12-31T18:00:00Z", (2024, 12, 31, 18))]
)
def test_end_may_be_given(tmp_path: Path, given_as: str, end: tuple[int, ...]):
    _, report = read(write(tmp_path, {}), exported_at=given_as)
    assert report.data_end == datetime(*end)


def test_end_that_is_no_time(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"source.exported_at='soon' is no time"):
        read(write(tmp_path, {}), exported_at="soon")


# --- what cannot be read is refused in one line


def test_missing_folder_and_empty_folder(tmp_path: Path):
    with pytest.raises(DataError, match=r"does not exist: put the exports there, or set source.path"):
        read(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"is empty"):
        read(tmp_path)


def test_all_missing_files_are_named(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "other.csv").write_text("a\n1\n")
    with pytest.raises(DataError) as error:
        read(tmp_path)
    assert "2 required file(s) missing" in str(error.value)
    assert "Lead (Lead.*, Leads.*, Lead_[0-9]*.*); Opportunity (Opportunity.*, " in str(error.value)


def test_all_missing_columns_are_named(tmp_path: Path):
    write(tmp_path, {"Lead.csv": "Id,Name\n1,x\n", "Opportunity.csv": "Id,Amount\n1,2\n"})
    with pytest.raises(DataError) as error:
        read(tmp_path)
    told = str(error.value)
    assert "required columns missing in 2 file(s): Lead.csv lacks CreatedDate or Create Date (found: Id, Name)" in told
    assert "Opportunity.csv lacks " in told and "CloseDate" in told and "(found: Id, Amount)" in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<!DOCTYPE html><html>log in</html>", "Lead.csv is a web page, not a CSV file"),
        (b"PK\x03\x04rest", r"Lead.csv is an Excel workbook or a zip archive, not a CSV file: save it as CSV"),
        (b"%PDF-1.7\n%text,only\n", r"Lead.csv is a PDF, not a CSV file: export the table itself as CSV"),
        (b"\x1f\x8b\x08rest", r"Lead.csv is cut off or damaged \(gzip\): export or copy it again"),
        (b"PAR1rest", r"Lead.csv is a Parquet file, not a CSV file"),
        (b"Id,Cre\x00\x00atedDate\n", r"Lead.csv is not a CSV file \(binary content\)"),
        (b"\n\n", "Lead.csv has no header line"),
        (b"", "Lead.csv has no header line"),
    ],
)
def test_files_that_are_no_csv(tmp_path: Path, content: bytes, told: str):
    with pytest.raises(DataError, match=told):
        read(write(tmp_path, {"Lead.csv": content}))


def test_parquet_that_is_none(tmp_path: Path):
    with pytest.raises(DataError, match=r"ga4/events_1.parquet is not a Parquet file"):
        read(write(tmp_path, {"ga4/events_1.parquet": b"nothing"}))


def test_all_rows_quarantined(tmp_path: Path):
    with pytest.raises(DataError, match=r"none of the 2 rows of Lead.csv can be used \(bad_date 1, test_mail 1\)"):
        read(write(tmp_path, {"Lead.csv": LEAD + lead("L1", "", "x") + lead("L2", "a@example.com", "2024-07-01")}))
    with pytest.raises(DataError, match=r"no lead is left of 0 rows \(the file is empty\)"):
        read(write(tmp_path, {"Lead.csv": LEAD}))


# --- whatever the rows are, they are accounted for

ids = st.sampled_from(["L1", "L2", "C1", "O1", "", "Select", "'; DROP TABLE leads; --"])
instants = st.sampled_from(
    ["2024-07-01T09:30:12.000+0000", "2024-07-05", "31/02/2025", "", "2062-01-01", "12", "99999999999999999999", "=1+1"]
)
words = st.sampled_from(
    ["true", "false", "", "Call", "Email", "Closed Won", "Closed Lost", "Status", "Unqualified", "\x00"]
)
emails = st.sampled_from(["a@b.example", "A@B.example", "x", ""])
SHAPES: dict[str, list[st.SearchStrategy[str]]] = {
    "Lead.csv": [ids, words, ids, words, emails, *[words] * 4, instants, instants, ids, ids],
    "Opportunity.csv": [ids, words, words, words, instants, words, words, instants],
    "Task.csv": [ids, ids, words, words, words, words, words, instants, instants, instants],
    "LeadHistory.csv": [ids, ids, words, words, words, instants],
    "OpportunityFieldHistory.csv": [ids, ids, words, words, words, instants],
}
HEADERS = {
    "Lead.csv": LEAD,
    "Opportunity.csv": OPPORTUNITY,
    "Task.csv": TASK,
    "LeadHistory.csv": "Id,LeadId,Field,OldValue,NewValue,CreatedDate\n",
    "OpportunityFieldHistory.csv": STAGES,
}
garbage = st.sampled_from(['"', "a,b\n", "\n", "\r", '"x\ny"', "é", "a" * 5, ",,,,,,,,,,,,\n", '""'])


@st.composite
def exports(draw: st.DrawFn) -> dict[str, str]:
    """Files of random rows in random order, with garbage among them."""
    files = {}
    for name, shape in SHAPES.items():
        rows = [",".join(r) + "\n" for r in draw(st.lists(st.tuples(*shape), max_size=5))]
        rows += draw(st.lists(garbage, max_size=2))
        files[name] = HEADERS[name] + "".join(draw(st.permutations(rows)))
    files["Lead.csv"] = files["Lead.csv"].replace(LEAD, LEAD + lead("L0", "l0@l0.example", "2024-07-01"), 1)
    return files


@settings(
    max_examples=counts(8, 300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(files=exports())
def test_rows_always_add_up(tmp_path: Path, files: dict[str, str]):
    write(tmp_path, files)
    con = connect()
    try:
        con, report = read(tmp_path)  # which checks the counts
    except DataError as error:
        assert "\n" not in str(error)
        return
    for file in report.files:
        with (tmp_path / file["path"]).open(newline="", encoding="utf-8") as stream:
            records = list(read_records(stream, Dialect(",", '"')))
        assert file["rows"] == len(records) - 1
    for name, contract in schema.TABLES.items():
        if contract.key:
            key = ", ".join(contract.key)
            assert show(con, f"SELECT {key} FROM {name} GROUP BY ALL HAVING count(*) > 1") == ""
    orphans = "SELECT lead_id FROM {} ANTI JOIN leads USING (lead_id)"
    assert all(show(con, orphans.format(t)) == "" for t in ("touchpoints", "conversions", "closures"))


# --- a public event log with other names

BPIC = {
    "cases.csv": "case:concept:name,case:AMOUNT_REQ,case:REG_DATE\n"
    + "1,20000,2011-10-01T00:38:44.546000+02:00\n2,5000,2011-10-01T08:08:58+02:00\n",
    "event_log.csv": "case:concept:name,concept:name,time:timestamp,lifecycle:transition,org:resource\n"
    + "1,A_SUBMITTED,2011-10-01T00:38:44.546000+02:00,COMPLETE,112\n"
    + "1,W_Completeren aanvraag,2011-10-01T11:36:00+02:00,START,112\n"
    + "1,W_Completeren aanvraag,2011-10-01T11:45:00+02:00,COMPLETE,112\n"
    + "1,O_SENT,2011-10-01T11:45:13+02:00,COMPLETE,112\n"
    + "1,O_SENT_BACK,2011-10-08T16:26:57+02:00,COMPLETE,112\n"
    + "1,A_REGISTERED,2011-10-13T10:37:29+02:00,COMPLETE,112\n"
    + "2,A_DECLINED,2011-10-01T10:00:00+02:00,COMPLETE,112\n",
}


def test_bpic2012_by_its_xes_names(tmp_path: Path):
    for name, text in BPIC.items():
        (tmp_path / name).write_text(text)
    con, report = read(tmp_path, name="bpic2012", exported_at="2012-03-15")
    assert show(con, "SELECT lead_id, created_at, amount_requested FROM leads") == table("""
        1 | 2011-09-30 22:38:44.546000 | 20000.0
        2 | 2011-10-01 06:08:58 | 5000.0""")
    query = "SELECT lead_id, occurred_at, channel, kind, initiator FROM touchpoints ORDER BY known_at, kind"
    assert show(con, query) == table("""
        1 | 2011-09-30 22:38:44.546000 | crm | a_submitted | company
        2 | 2011-10-01 08:00:00 | crm | a_declined | company
        1 | 2011-10-01 09:45:00 | call | w_completeren aanvraag | company
        1 | 2011-10-01 09:45:13 | email | offer_sent | company
        1 | 2011-10-08 14:26:57 | email | offer_returned | lead
        1 | 2011-10-13 08:37:29 | crm | a_registered | company""")
    assert show(con, "SELECT lead_id, converted_at FROM conversions") == "1 | 2011-10-13 08:37:29"
    assert (
        show(con, "SELECT lead_id, closed_at, kind, reason FROM closures")
        == "2 | 2011-10-01 08:00:00 | lost | A_DECLINED"
    )
    assert {"file": "events", "column": "org:resource", "why": "personal data"} in report.denied


# --- the invented company: what the exports hide must not be lost


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The tables of 400 invented leads, beside their raw rows and the truth."""
    folder = tmp_path_factory.mktemp("company")
    config = SimulateConfig(leads=400, months=12, start="2024-07-01", chunk_leads=400)
    simulate(config, 7, folder / "raw", folder / "truth", lambda _: None)
    con = connect()
    report = read_tables(mapping_of(folder / "raw", exported_at=None), "won", con)
    check_counts(con, report)
    assert report.data_end == datetime(2025, 7, 1)
    con.execute(f"CREATE VIEW truth AS FROM '{folder}/truth/leads.parquet'")
    for name in ("Lead", "Opportunity", "Task", "CampaignMember"):
        reader = f"read_csv('{folder}/raw/{name}.csv', all_varchar=true, null_padding=true, parallel=false)"
        con.execute(f'CREATE TABLE "{name}" AS FROM {reader}')
    return con


def test_invented_people_are_each_one_lead(simulated: duckdb.DuckDBPyConnection):
    # Everybody is there but for unreadable dates; of the copies those merged in the CRM, which closed.
    lost = simulated.execute(
        """SELECT count(*) FROM truth t ANTI JOIN leads USING (lead_id) WHERE NOT is_test AND duplicate_of IS NULL
        AND lead_id NOT IN (SELECT Id FROM "Lead" JOIN quarantine q ON q.file = 'Lead.csv' AND value = CreatedDate)
        AND lead_id NOT IN (SELECT Id FROM "Lead" WHERE CreatedDate IS NULL OR CreatedDate = '')"""
    ).fetchone()
    assert lost == (0,)
    assert show(simulated, "SELECT lead_id FROM leads JOIN truth USING (lead_id) WHERE is_test") == ""
    copies = "SELECT lead_id FROM leads JOIN truth USING (lead_id) WHERE duplicate_of IS NOT NULL ORDER BY 1"
    merged = "SELECT lead_id FROM closures WHERE kind = 'merged' ORDER BY 1"
    assert show(simulated, copies) == show(simulated, merged) != ""
    # Only an unreadable first entry leaves its copy to stand for the person.
    of_copies = "SELECT count(*) FROM touchpoints JOIN truth USING (lead_id) WHERE duplicate_of IS NOT NULL"
    assert simulated.execute(of_copies).fetchone() == (0,)


def test_invented_wins_are_all_found_once(simulated: duckdb.DuckDBPyConnection):
    won = """SELECT count(*) FROM "Opportunity" JOIN "Lead" l ON l.ConvertedOpportunityId = "Opportunity".Id
        JOIN leads ON lead_id = l.Id WHERE IsWon = 'true'"""
    found = simulated.execute("SELECT count(*) FROM conversions").fetchone()
    assert simulated.execute(won).fetchone() == found
    assert found[0] >= 5


def test_invented_converted_leads_keep_their_past(simulated: duckdb.DuckDBPyConnection):
    converted = """SELECT count(*) FILTER (WHERE past = 0), count(*) FROM (
        SELECT l.Id, count(t.touchpoint_id) AS past FROM "Lead" l JOIN leads ON lead_id = l.Id
        LEFT JOIN touchpoints t ON t.lead_id = l.Id AND t.channel IN ('call', 'campaign', 'crm')
        WHERE IsConverted = 'true' GROUP BY 1)"""
    without, all_converted = simulated.execute(converted).fetchone()
    assert all_converted >= 10
    assert without <= 0.2 * all_converted
    before = "SELECT count(*) FROM touchpoints JOIN leads USING (lead_id) WHERE touchpoints.known_at < leads.known_at"
    assert simulated.execute(before).fetchone() == (0,)


def test_invented_first_industry_is_the_one_typed_in(simulated: duckdb.DuckDBPyConnection):
    wrong = """SELECT count(*) FROM history h JOIN truth t ON t.lead_id = h.entity_id JOIN leads l USING (lead_id)
        WHERE field = 'industry' AND changed_at = l.known_at AND duplicate_of IS NULL
        AND value IS DISTINCT FROM CASE WHEN original_industry IN ('Select', 'N/A', '-', '') THEN NULL
            ELSE original_industry END"""
    assert simulated.execute(wrong).fetchone() == (0,)


# --- what the exports say later changes nothing that was known before


def plant(raw: Path, seed: int) -> None:
    """Add shared devices, ids used before their lead was created, copies, and merges into leads created later."""
    rng = np.random.default_rng(seed)
    start = datetime(2024, 7, 1)

    def when() -> datetime:
        return start + timedelta(minutes=int(rng.integers(0, 360 * 24 * 60)))

    with (raw / "Lead.csv").open(newline="", encoding="utf-8-sig") as stream:
        records = csv.DictReader(stream)
        header, people = list(records.fieldnames or ()), [r["Id"] for r in records][:20]
    leads, events, tasks = [], [], []
    for i in range(30):
        # Five leads for each address, some of them merged into the next one, whichever of both came first.
        gone = {"IsDeleted": "true", "MasterRecordId": f"P{i + 1}"} if rng.random() < 0.4 else {"IsDeleted": "false"}
        made = when()
        times = {"CreatedDate": f"{made:%FT%TZ}", "SystemModstamp": f"{made + timedelta(days=40):%FT%TZ}"}
        leads.append({"Id": f"P{i}", "Email": f"p{i // 5}@planted.example", "Company": "P"} | gone | times)
        tasks += [(f"PT{i}-{k}", f"P{i}", f"{when():%FT%TZ}") for k in range(8)]
    people += [r["Id"] for r in leads] + ["stranger"]
    for _ in range(600):
        named = str(rng.choice(people)) if rng.random() < 0.15 else None
        events.append((when().isoformat(), f"shared{rng.integers(0, 25)}", named, "page_view", None))
    with (raw / "Lead.csv").open("a", newline="", encoding="utf-8") as stream:
        csv.DictWriter(stream, header, restval="").writerows(leads)
    (raw / "old").mkdir()
    (raw / "old" / "Task.csv").write_text(TASK + "".join(f"{i},{w},Call,true,,,,,{t},{t}\n" for i, w, t in tasks))
    mails = "".join(f"m{i},{int(when().timestamp() * 1000)},OPEN,p{i % 6}@planted.example,1,\n" for i in range(60))
    (raw / "email_events_old.csv").write_text("id,created,type,recipient,emailCampaignId,filteredEvent\n" + mails)
    ga4(raw / "ga4" / "events_planted.parquet", events)


def cut(raw: Path, past: Path, cutoff: datetime) -> None:
    """Copy the exports without the rows that were not there yet at the cutoff."""
    con, clock = connect(), Clock("UTC", True)
    for path in sorted(p for p in raw.rglob("*") if p.is_file()):
        copy = past / path.relative_to(raw)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            keep = f"event_timestamp < epoch_us(TIMESTAMP '{cutoff}')"
            con.execute(f"COPY (FROM '{path}' WHERE {keep}) TO '{copy}' (FORMAT parquet)")
            continue
        marks = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
        # latin-1 keeps any other bytes as they are.
        encoding = next((e for mark, e in marks.items() if path.read_bytes().startswith(mark)), "latin-1")
        with path.open(newline="", encoding=encoding) as stream:
            rows = list(csv.reader(stream))
        place = rows[0].index("created" if path.name.startswith("email_events") else "CreatedDate")
        texts = pa.table({"n": range(len(rows)), "t": [r[place] if len(r) > place else "" for r in rows]})
        con.register("texts", texts)
        later = f"SELECT n FROM texts WHERE {clock.instant('t')} >= TIMESTAMP '{cutoff}'"
        gone = {n for (n,) in con.execute(later).fetchall()}
        with copy.open("w", newline="", encoding=encoding) as stream:
            csv.writer(stream).writerows(r for n, r in enumerate(rows) if n not in gone)


@pytest.mark.extra
def test_without_the_rows_of_the_future_the_same_was_known(tmp_path: Path):
    config = SimulateConfig(leads=300, months=12, start="2024-07-01", chunk_leads=300)
    simulate(config, 3, tmp_path / "raw", tmp_path / "truth", lambda _: None)
    plant(tmp_path / "raw", 10)
    whole, report = read(tmp_path / "raw", exported_at="2025-07-01")
    assert report.counts["tables"]["touchpoints"]["added"]["before_merging"] > 10
    for cutoff in (datetime(2024, 9, 16), datetime(2025, 1, 13), datetime(2025, 5, 19, 12)):
        past = tmp_path / f"{cutoff:%m}"
        cut(tmp_path / "raw", past, cutoff)
        then, _ = read(past, exported_at="2025-07-01")
        for table_, order in (("touchpoints", "touchpoint_id"), ("leads", "lead_id")):
            query = f"SELECT * FROM {table_} WHERE known_at < TIMESTAMP '{cutoff}' ORDER BY {order}"
            known, known_then = whole.execute(query).fetchall(), then.execute(query).fetchall()
            assert len(known) > 20
            assert sorted(set(known) ^ set(known_then), key=str)[:20] == []
