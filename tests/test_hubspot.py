"""HubSpot's traps on rows that a person can check by eye: what each export says, and what becomes of it."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from conftest import DEEP, run_cli
from mappings_helpers import export, read
from sources_helpers import show as show_rows
from sources_helpers import table

from leadml.sources.report import SourceReport

CONTACTS = """
    hs_object_id | createdate               | email
    101          | 2024-03-01T09:00:00Z | ana@acme.example
    102          | 2024-03-02T09:00:00Z | bob@beta.example
"""
DEALS = "hs_object_id | createdate | closedate | dealstage | hs_is_closed_won | hs_is_closed | amount"


def portal(folder: Path, **tables: str) -> Path:
    """A folder of exports by name; contacts and empty tables of deals and their contacts are added where they lack."""
    needed = {"contacts": CONTACTS, "deals": DEALS, "deal_contact": "deal_id | contact_id"}
    for name, text in (needed | tables).items():
        export(folder, f"{name}.csv", text)
    return folder


def tables_of(
    folder: Path, *parts: str, conversion: str = "won", **settings: Any
) -> tuple[duckdb.DuckDBPyConnection, SourceReport]:
    """What the mapping makes of a folder."""
    return read(folder, "hubspot", *parts, conversion=conversion, **settings)


def show(con: duckdb.DuckDBPyConnection, query: str) -> str:
    """The rows of a query, one a line; an empty last cell ends with its bar."""
    return "\n".join(line.rstrip() for line in show_rows(con, query).splitlines())


def left_out(report: SourceReport, column: str) -> str:
    """Why a column is no attribute; fails where it is one, or where nothing is said."""
    (why,) = {x["why"] for x in report.denied if x["column"] == column}
    return why


# --- names


def test_labels_of_a_screens_export(tmp_path: Path) -> None:
    export(
        tmp_path,
        "hubspot-crm-exports-all-contacts-2024-12-31.csv",
        """
        Record ID | Email            | Job Title | Company Name | Lead Status | Create Date      | HubSpot Score
        101       | Ana@Acme.example | CEO       | Acme         | Open Deal   | 2024-03-01 09:00 | 90
        102       | bob@beta.example | Analyst   | Beta         | New         | 2024-03-02 09:00 | 10
        103       | test@example.com |           | Test         | New         | 2024-03-02 09:00 | 10
        """,
    )
    export(
        tmp_path,
        "hubspot-crm-exports-all-deals-2024-12-31.csv",
        """
        Record ID|Amount|Currency|Create Date|Close Date|Is Closed Won|Is Deal Closed?|Associated Contact IDs
        501 | 1200 | EUR | 2024-05-02 08:00 | 2024-06-30 17:00 | true  | true  | 101;102
        502 | 900  | EUR | 2024-11-02 08:00 | 2025-03-31 17:00 | false | false | 102
        """,
    )
    export(
        tmp_path,
        "hubspot-crm-exports-all-calls-2024-12-31.csv",
        """
        Record ID | Activity date | Create date | Call direction | Call outcome | Call duration | Associated Contact IDs
        901 | 2024-04-01 10:00 | 2024-04-01 10:05 | OUTBOUND | Left voicemail | 30000 | 102
        902 | 2024-04-02 10:00 | 2024-04-02 10:00 | INBOUND  | Connected      | 95000 | 101;102
        """,
    )
    con, report = tables_of(tmp_path, timezone="Europe/Madrid")
    # In March Madrid is an hour ahead of UTC, from April on two.
    assert show(con, "SELECT lead_id, account_id, created_at FROM leads") == table(
        """
        101 | acme.example | 2024-03-01 08:00:00
        102 | beta.example | 2024-03-02 08:00:00
        """
    )
    assert show(con, "SELECT * FROM conversions") == table(
        """
        101 | 2024-06-30 15:00:00 | 2024-06-30 15:00:00 | 1200.0 | EUR
        102 | 2024-06-30 15:00:00 | 2024-06-30 15:00:00 | 1200.0 | EUR
        """
    )
    columns = "lead_id, occurred_at, known_at, kind, initiator, value"
    assert show(con, f"SELECT {columns} FROM touchpoints ORDER BY occurred_at, lead_id") == table(
        """
        102 | 2024-04-01 08:00:00 | 2024-04-01 08:05:00 | no_answer | company | 30.0
        101 | 2024-04-02 08:00:00 | 2024-04-02 08:00:00 | connected | lead | 95.0
        102 | 2024-04-02 08:00:00 | 2024-04-02 08:00:00 | connected | lead | 95.0
        """
    )
    # Without a history nothing that changes is used: neither the status nor the title as of the export.
    assert show(con, "SELECT count(*) FROM history") == "0"
    assert set(con.table("leads").columns) - {"lead_id", "account_id", "created_at", "known_at"} == {"mail_kind"}
    assert left_out(report, "HubSpot Score") == "another score, as of the export"


def test_names_of_a_warehouse(tmp_path: Path) -> None:
    export(
        tmp_path,
        "contact.csv",
        """
        id  | property_createdate | property_email   | property_hs_lead_status | property_region | _fivetran_deleted
        101 | 2024-03-01 09:00:00 | ana@acme.example | OPEN_DEAL               | North           | false
        102 | 2024-03-02 09:00:00 | bob@beta.example | NEW                     | South           | true
        """,
        header="property_hubspotscore",
    )
    export(
        tmp_path,
        "contact_property_history.csv",
        """
        contact_id | name           | value     | timestamp           | source
        101        | hs_lead_status | NEW       | 2024-03-01 09:00:00 | FORM
        101        | hs_lead_status | OPEN_DEAL | 2024-05-02 08:00:00 | DEALS
        101        | region         | North     | 2024-03-01 09:00:00 | FORM
        101        | hubspotscore   | 90        | 2024-03-01 09:00:00 | CALCULATED
        """,
    )
    export(
        tmp_path,
        "deal.csv",
        """
        deal_id | property_amount | property_createdate | property_closedate  | property_hs_is_closed_won
        501     | 1200            | 2024-05-02 08:00:00 | 2024-06-30 17:00:00 | true
        """,
        header="deal_pipeline_stage_id,property_hs_is_closed",
    )
    export(tmp_path, "deal_contact.csv", "deal_id | contact_id\n501 | 101")
    export(tmp_path, "engagement_contact.csv", "engagement_id | contact_id\n901 | 101\n902 | 101")
    export(
        tmp_path,
        "engagement_call.csv",
        """
        engagement_id | property_hs_timestamp | property_hs_createdate | property_hs_call_direction
        901           | 2024-04-01 10:00:00   | 2024-04-01 10:00:00    | INBOUND
        """,
    )
    export(
        tmp_path,
        "engagement_email.csv",
        """
        engagement_id | property_hs_timestamp | property_hs_email_direction | property_hs_email_status
        902           | 2024-04-03 10:00:00   | INCOMING_EMAIL              |
        """,
    )
    con, report = tables_of(tmp_path)
    assert show(con, "SELECT lead_id, mail_kind FROM leads") == "101 | business"
    assert show(con, "SELECT lead_id, known_at, amount FROM conversions") == "101 | 2024-06-30 17:00:00 | 1200.0"
    assert show(con, "SELECT field, value, changed_at FROM history") == table(
        """
        pipeline_stage | NEW | 2024-03-01 09:00:00
        pipeline_stage | OPEN_DEAL | 2024-05-02 08:00:00
        region | North | 2024-03-01 09:00:00
        """
    )
    assert show(con, "SELECT occurred_at, channel, kind, initiator FROM touchpoints ORDER BY 1") == table(
        """
        2024-04-01 10:00:00 | call | call | lead
        2024-04-03 10:00:00 | email | replied | lead
        """
    )
    assert left_out(report, "property_hubspotscore") == "another score, as of the export"


# --- what changes


HISTORY = """
    contact_id | name         | value    | timestamp                | source
    101        | industry     | Retail   | 2024-03-05T10:00:00Z | FORM
    101        | industry     | Energy   | 2024-07-02T10:00:00Z | CRM_UI
    101        | jobtitle     | CEO      | 2024-03-01T09:00:00Z | FORM
    101        | jobtitle     | Head of Sales | 2024-07-02T10:00:00Z | ENRICHMENT
    101        | numemployees | 1.200,5  | 2024-03-01T09:00:00Z | FORM
    101        | segment      | mid      | 2024-03-01T09:00:00Z | WORKFLOW
    101        | segment      | top      | 2024-07-02T10:00:00Z | WORKFLOW
    101        | phone        | 555 1234 | 2024-03-01T09:00:00Z | FORM
    102        | industry     | Retail   | 2024-03-02T09:00:00Z | FORM
    102        | segment      |          | 2024-03-02T09:00:00Z | WORKFLOW
"""


def test_properties_are_read_from_their_history(tmp_path: Path) -> None:
    """The industry came four days after the contact: it is missing before. Nothing is taken from the export's day."""
    contacts = """
        hs_object_id | createdate | email | jobtitle | industry | numemployees | segment | tier | phone
        101 | 2024-03-01T09:00:00Z | ana@acme.example | Head of Sales | Energy | 1200 | top | gold | 555 1234
        102 | 2024-03-02T09:00:00Z | bob@beta.example |               | Retail |      |     | lead | 555 1235
    """
    con, report = tables_of(portal(tmp_path, contacts=contacts, contact_property_history=HISTORY))
    told = "SELECT field, value, changed_at FROM history WHERE entity_id = '101' ORDER BY field, changed_at"
    assert show(con, told) == table(
        """
        department | management | 2024-03-01 09:00:00
        department | sales | 2024-07-02 10:00:00
        employees | 1200.5 | 2024-03-01 09:00:00
        industry | Retail | 2024-03-05 10:00:00
        industry | Energy | 2024-07-02 10:00:00
        segment | mid | 2024-03-01 09:00:00
        segment | top | 2024-07-02 10:00:00
        seniority | executive | 2024-03-01 09:00:00
        seniority | director | 2024-07-02 10:00:00
        """
    )
    # A property without any row in the history was written nobody knows when.
    assert "history" in left_out(report, "tier") or "as of the export" in left_out(report, "tier")
    assert "tier" not in con.table("leads").columns
    assert left_out(report, "phone") == "personal data"


def test_the_original_source_is_fixed_with_or_without_a_history(tmp_path: Path) -> None:
    contacts = """
        hs_object_id | createdate | email | hs_analytics_source | hs_latest_source
        101 | 2024-03-01T09:00:00Z | ana@acme.example | PAID_SEARCH | DIRECT_TRAFFIC
        102 | 2024-03-02T09:00:00Z | bob@beta.example | REFERRALS   | DIRECT_TRAFFIC
    """
    con, report = tables_of(portal(tmp_path, contacts=contacts))
    assert show(con, "SELECT lead_id, lead_source FROM leads") == "101 | PAID_SEARCH\n102 | REFERRALS"
    assert left_out(report, "hs_latest_source") == "the latest visit as of the export; visits are read from events"


def test_counters_and_latest_dates_are_denied(tmp_path: Path) -> None:
    columns = [
        "lifecyclestage", "hs_lifecyclestage_customer_date", "hs_date_entered_customer", "hs_v2_date_entered_123",
        "num_associated_deals", "recent_deal_amount", "total_revenue", "days_to_close", "hubspotscore",
        "hs_predictivescoringtier", "hubspot_owner_id", "hs_analytics_num_page_views", "hs_analytics_last_timestamp",
        "notes_last_contacted", "num_contacted_notes", "hs_email_open", "hs_email_last_open_date",
        "num_conversion_events", "recent_conversion_date", "hs_sa_first_engagement_date", "lastmodifieddate",
        "engagements_last_meeting_booked", "Last Activity Date", "Number of Associated Deals", "associatedcompanyid",
        "property_hs_email_click", "Contact owner", "hs_latest_source",
    ]  # fmt: skip
    contacts = f"""
        hs_object_id | createdate           | email            | {" | ".join(columns)}
        101          | 2024-03-01T09:00:00Z | ana@acme.example | {" | ".join("7" for _ in columns)}
        102          | 2024-03-02T09:00:00Z | bob@beta.example | {" | ".join("8" for _ in columns)}
    """
    con, report = tables_of(portal(tmp_path, contacts=contacts))
    assert [c for c in columns if c != "lifecyclestage" and left_out(report, c) in ("", "personal data")] == []
    assert set(con.table("leads").columns) == {"lead_id", "account_id", "created_at", "known_at", "mail_kind"}


# --- deals


def test_the_win_is_when_the_stage_was_entered_whatever_the_close_date_says(tmp_path: Path) -> None:
    """501: closed on 30 June and re-dated to December. 502: no history, the close date counts. 503: its own stages."""
    deals = """
        hs_object_id | createdate | closedate | dealstage | hs_is_closed_won | hs_is_closed | amount | currency
        501 | 2024-05-02T08:00:00Z | 1734912000000 | closedwon | true | true | 1800 | EUR
        502 | 2024-05-02T08:00:00Z | 2024-08-01T08:00:00Z | closedwon | true | true | 700 | USD
        503 | 2024-05-02T08:00:00Z | 1734912000000 | 98765 | true | true | 900 | USD
        504 | 2024-05-02T08:00:00Z | 2024-07-01T08:00:00Z | contractsent | false | false | 50 | USD
    """
    history = """
        deal_id | name             | value        | timestamp                | source
        501     | dealstage        | contractsent | 2024-05-02T08:00:00Z | CRM_UI
        501     | dealstage        | closedwon    | 2024-06-30T17:00:00Z | CRM_UI
        501     | amount           | 1000         | 2024-05-02T08:00:00Z | CRM_UI
        501     | amount           | 1200         | 2024-06-29T08:00:00Z | CRM_UI
        501     | amount           | 1800         | 2024-09-01T08:00:00Z | CRM_UI
        501     | closedate        | 1734912000000 | 2024-09-02T08:00:00Z | CRM_UI
        503     | hs_is_closed_won | true         | 2024-07-07T17:00:00Z | CALCULATED
        503     | amount           | 900          | 2024-05-02T08:00:00Z | CRM_UI
    """
    links = "deal_id | contact_id\n501 | 101\n502 | 102\n503 | 102\n504 | 101"
    con, _ = tables_of(portal(tmp_path, deals=deals, deal_property_history=history, deal_contact=links))
    assert show(con, "SELECT lead_id, converted_at, known_at, amount, currency FROM conversions") == table(
        """
        101 | 2024-06-30 17:00:00 | 2024-06-30 17:00:00 | 1200.0 | EUR
        102 | 2024-07-07 17:00:00 | 2024-07-07 17:00:00 | 900.0 | USD
        102 | 2024-08-01 08:00:00 | 2024-08-01 08:00:00 | 700.0 | USD
        """
    )


def test_a_deal_is_that_of_each_of_its_contacts(tmp_path: Path) -> None:
    deals = f"{DEALS}\n501 | 2024-05-02T08:00:00Z | 2024-06-30T17:00:00Z | closedwon | true | true | 1200"
    links = "deal_id | contact_id\n501 | 101\n501 | 102\n501 | 999\n501 | 101"
    con, _ = tables_of(portal(tmp_path, deals=deals, deal_contact=links))
    assert show(con, "SELECT lead_id, converted_at FROM conversions") == table(
        """
        101 | 2024-06-30 17:00:00
        102 | 2024-06-30 17:00:00
        """
    )
    con, _ = tables_of(tmp_path, conversion="opportunity")
    assert show(con, "SELECT lead_id, converted_at FROM conversions") == table(
        """
        101 | 2024-05-02 08:00:00
        102 | 2024-05-02 08:00:00
        """
    )


def test_what_closes_a_contact(tmp_path: Path) -> None:
    history = """
        contact_id | name            | value       | timestamp                | source
        101        | hs_lead_status  | NEW         | 2024-03-01T09:00:00Z | FORM
        101        | hs_lead_status  | UNQUALIFIED | 2024-04-01T09:00:00Z | CRM_UI
        102        | hs_email_optout | false       | 2024-03-02T09:00:00Z | FORM
        102        | hs_email_optout | true        | 2024-05-01T09:00:00Z | EMAIL
    """
    deals = f"{DEALS}\n501 | 2024-05-02T08:00:00Z | 2024-06-30T17:00:00Z | closedlost | false | true | 1200"
    links = "deal_id | contact_id\n501 | 102"
    folder = portal(tmp_path, contact_property_history=history, deals=deals, deal_contact=links)
    con, _ = tables_of(folder)
    assert show(con, "SELECT * FROM closures") == table(
        """
        101 | 2024-04-01 09:00:00 | 2024-04-01 09:00:00 | lost | UNQUALIFIED
        102 | 2024-05-01 09:00:00 | 2024-05-01 09:00:00 | opted_out |
        102 | 2024-06-30 17:00:00 | 2024-06-30 17:00:00 | lost | closedlost
        """
    )


# --- identity


def test_what_names_a_merged_contact_is_the_remaining_ones_from_the_merge_on(tmp_path: Path) -> None:
    """103 was merged into 101 on 1 May, and is gone from the contacts; its call in April still names it."""
    audit = "canonical_vid | vid_to_merge | timestamp\n101 | 103 | 2024-05-01T12:00:00Z"
    calls = """
        hs_object_id | hs_timestamp | hs_createdate
        901 | 2024-04-10T10:00:00Z | 2024-04-10T10:00:00Z
        902 | 2024-06-10T10:00:00Z | 2024-06-10T10:00:00Z
        903 | 2024-06-11T10:00:00Z | 2024-06-11T10:00:00Z
    """
    ties = "engagement_id | contact_id\n901 | 103\n902 | 103\n903 | 104"
    folder = portal(tmp_path, contact_merge_audit=audit, calls=calls, engagement_contact=ties)
    con, _ = tables_of(folder)
    assert show(con, "SELECT lead_id, occurred_at, known_at FROM touchpoints ORDER BY 2") == table(
        """
        101 | 2024-04-10 10:00:00 | 2024-05-01 12:00:00
        101 | 2024-06-10 10:00:00 | 2024-06-10 10:00:00
        """
    )
    assert show(con, "SELECT lead_id FROM leads") == "101\n102"


def test_a_click_id_ties_a_visitor_from_the_form_that_brought_it(tmp_path: Path) -> None:
    """The visit of 1 March is ana's from the form of 5 March on; the property itself holds a later click only."""
    history = """
        contact_id | name               | value | timestamp                | source
        101        | hs_google_click_id | c-1   | 2024-03-05T10:00:00Z | FORM
        101        | hs_google_click_id | c-2   | 2024-06-05T10:00:00Z | FORM
        101        | industry           | c-3   | 2024-06-05T10:00:00Z | FORM
    """
    contacts = """
        hs_object_id | createdate | email | hs_google_click_id | site_user_id
        101 | 2024-03-01T08:00:00Z | ana@acme.example | c-2 | u-1
        102 | 2024-03-01T08:00:00Z | bob@beta.example |     | u-2
    """
    portal(tmp_path, contacts=contacts, contact_property_history=history)
    rows = [
        ("2024-03-01T09:00:00", "cookie-1", "c-1", None),
        ("2024-03-09T09:00:00", "cookie-1", None, None),
        ("2024-03-10T09:00:00", "cookie-2", "c-3", None),
        ("2024-03-11T09:00:00", "cookie-3", None, "u-2"),
    ]
    con = duckdb.connect()
    lines = [
        f"(epoch_us(TIMESTAMP '{at}'), 'page_view', '{cookie}', {user!r}, {{'gclid': {click!r}}})"
        for at, cookie, click, user in rows
    ]
    values = ", ".join(lines).replace("None", "NULL")
    names = "event_timestamp, event_name, user_pseudo_id, user_id, collected_traffic_source"
    con.execute(f"COPY (SELECT * FROM (VALUES {values}) t({names})) TO '{tmp_path}/events_202403.parquet'")
    con, _ = tables_of(tmp_path, "ga4")
    assert show(con, "SELECT lead_id, occurred_at, known_at, kind FROM touchpoints ORDER BY 2") == table(
        """
        101 | 2024-03-01 09:00:00 | 2024-03-05 10:00:00 | visit
        101 | 2024-03-09 09:00:00 | 2024-03-09 09:00:00 | visit
        102 | 2024-03-11 09:00:00 | 2024-03-11 09:00:00 | visit
        """
    )


# --- touchpoints


def told(con: duckdb.DuckDBPyConnection) -> str:
    """The touchpoints by time."""
    columns = "occurred_at, known_at, channel, kind, initiator, value"
    return show(con, f"SELECT {columns} FROM touchpoints ORDER BY occurred_at, kind")


def test_calls_and_mails(tmp_path: Path) -> None:
    """Call 902 was made on Friday and logged on Monday; 903 is in the bin; 906 never left."""
    calls = """
        id | hs_timestamp | hs_createdate | call direction | hs_call_disposition | call duration | archived
        901 | 1711965600000 | 2024-04-01T10:00:00Z | OUTBOUND | f240bbac-87c9-4f6e-bf70-924b57d47db7 | 61500 | false
        902 | 1712314800000 | 2024-04-08T09:00:00Z | OUTBOUND | 73a0d17f-1163-4015-bdd5-ec830791da20 |       | false
        903 | 1712656800000 | 2024-04-09T10:00:00Z | INBOUND  |                                      |       | true
    """
    emails = """
        hs_object_id | hs_timestamp | hs_createdate | hs_email_direction | hs_email_status
        904 | 2024-05-01T10:00:00Z | 2024-05-01T10:00:00Z | EMAIL          | SENT
        905 | 2024-05-02T10:00:00Z | 2024-05-02T10:00:00Z | INCOMING_EMAIL |
        906 | 2024-05-03T10:00:00Z | 2024-05-03T10:00:00Z | EMAIL          | FAILED
    """
    ties = "engagement_id | contact_id\n" + "\n".join(f"{n} | 101" for n in range(901, 907))
    con, _ = tables_of(portal(tmp_path, calls=calls, emails=emails, engagement_contact=ties))
    assert told(con) == table(
        """
        2024-04-01 10:00:00 | 2024-04-01 10:00:00 | call | connected | company | 61.5
        2024-04-05 11:00:00 | 2024-04-08 09:00:00 | call | no_answer | company |
        2024-05-01 10:00:00 | 2024-05-01 10:00:00 | email | sales_sent | company |
        2024-05-02 10:00:00 | 2024-05-02 10:00:00 | email | replied | lead |
        """
    )


def test_meetings_are_booked_and_then_held_or_not(tmp_path: Path) -> None:
    """How 901 went was known at its end; 902 was moved (903 is the new one, missed); 904 lies ahead of the export.

    905 and 906 are over, and nobody has said how they went: they were booked, and that is all.
    """
    meetings = """
        hs_object_id | hs_createdate | hs_meeting_start_time | hs_meeting_end_time | hs_meeting_outcome
        901 | 2024-04-01T10:00:00Z | 1712311200000        | 1712314800000        | COMPLETED
        902 | 2024-05-01T10:00:00Z | 2024-05-05T10:00:00Z | 2024-05-05T11:00:00Z | RESCHEDULED
        903 | 2024-05-04T10:00:00Z | 2024-05-08T10:00:00Z | 2024-05-08T11:00:00Z | NO_SHOW
        904 | 2024-12-30T10:00:00Z | 2025-01-08T10:00:00Z | 2025-01-08T11:00:00Z | SCHEDULED
        905 | 2024-06-01T10:00:00Z | 2024-06-08T10:00:00Z | 2024-06-08T11:00:00Z | SCHEDULED
        906 | 2024-06-02T10:00:00Z | 2024-06-09T10:00:00Z | 2024-06-09T11:00:00Z |
        907 | 2024-06-03T10:00:00Z | 2024-06-10T10:00:00Z | 2024-06-10T11:00:00Z | Canceled
    """
    ties = "engagement_id | contact_id\n" + "\n".join(f"{n} | 101" for n in range(901, 908))
    con, _ = tables_of(portal(tmp_path, meetings=meetings, engagement_contact=ties))
    assert told(con) == table(
        """
        2024-04-01 10:00:00 | 2024-04-01 10:00:00 | meeting | booked | lead |
        2024-04-05 10:00:00 | 2024-04-05 11:00:00 | meeting | held | lead |
        2024-05-01 10:00:00 | 2024-05-01 10:00:00 | meeting | booked | lead |
        2024-05-04 10:00:00 | 2024-05-04 10:00:00 | meeting | booked | lead |
        2024-05-08 10:00:00 | 2024-05-08 11:00:00 | meeting | no_show | company |
        2024-06-01 10:00:00 | 2024-06-01 10:00:00 | meeting | booked | lead |
        2024-06-02 10:00:00 | 2024-06-02 10:00:00 | meeting | booked | lead |
        2024-06-03 10:00:00 | 2024-06-03 10:00:00 | meeting | booked | lead |
        2024-06-10 10:00:00 | 2024-06-10 11:00:00 | meeting | no_show | company |
        2024-12-30 10:00:00 | 2024-12-30 10:00:00 | meeting | booked | lead |
        """
    )


def test_tasks_count_from_their_completion(tmp_path: Path) -> None:
    """901 was due in June and done in May; 902 is open; 903 is a call on the list, which is logged as a call.

    905 is done, and nobody knows since when: it did not count as done when it was planned.
    """
    tasks = """
        hs_object_id | hs_timestamp | hs_createdate | hs_task_status | hs_task_type | hs_task_completion_date
        901 | 2024-06-01T10:00:00Z | 2024-04-01T10:00:00Z | COMPLETED   | TODO      | 2024-05-01T10:00:00Z
        902 | 2024-06-01T10:00:00Z | 2024-04-01T10:00:00Z | NOT_STARTED | TODO      |
        903 | 2024-06-01T10:00:00Z | 2024-04-01T10:00:00Z | COMPLETED   | CALL      | 2024-05-02T10:00:00Z
        904 | 2024-06-01T10:00:00Z | 2024-04-01T10:00:00Z | COMPLETED   | LINKED_IN | 2024-05-03T10:00:00Z
        905 | 2024-06-01T10:00:00Z | 2024-04-01T10:00:00Z | COMPLETED   | TODO      |
    """
    ties = "engagement_id | contact_id\n" + "\n".join(f"{n} | 101" for n in range(901, 906))
    con, report = tables_of(portal(tmp_path, tasks=tasks, engagement_contact=ties))
    assert {f["name"]: f["ignored"] for f in report.counts["files"]}["tasks"] == {"other_rows": 2, "undated": 1}
    assert told(con) == table(
        """
        2024-05-01 10:00:00 | 2024-05-01 10:00:00 | crm | task | company |
        2024-05-03 10:00:00 | 2024-05-03 10:00:00 | social | message | company |
        """
    )


def test_notes_messages_forms_and_lists(tmp_path: Path) -> None:
    notes = "hs_object_id | hs_timestamp | hs_createdate\n901 | 2024-04-01T10:00:00Z | 2024-04-01T10:00:00Z"
    messages = """
        hs_object_id | hs_timestamp | hs_communication_channel_type
        902 | 2024-04-02T10:00:00Z | WHATS_APP
        903 | 2024-04-03T10:00:00Z | LINKEDIN_MESSAGE
    """
    forms = """
        contact_id | form_id | conversion_id | timestamp | title
        101 | f-1 | 1 | 1712224800000 | Ask us
        101 | f-1 | 2 | 1712311200000 | Ask us
        999 | f-1 | 3 | 1712311200000 | Ask us
    """
    lists = "contact_id | contact_list_id | added_at\n101 | 7 | 2024-04-06T10:00:00Z"
    ties = "engagement_id | contact_id\n901 | 101\n902 | 101\n903 | 101"
    folder = portal(
        tmp_path, notes=notes, communications=messages, contact_form_submission=forms, contact_list_member=lists,
        engagement_contact=ties,
    )  # fmt: skip
    con, _ = tables_of(folder)
    columns = "occurred_at, channel, kind, initiator, content"
    assert show(con, f"SELECT {columns} FROM touchpoints ORDER BY 1") == table(
        """
        2024-04-01 10:00:00 | crm | note | company |
        2024-04-02 10:00:00 | chat | message | company |
        2024-04-03 10:00:00 | social | message | company |
        2024-04-04 10:00:00 | form | submitted | lead | f-1
        2024-04-05 10:00:00 | form | submitted | lead | f-1
        2024-04-06 10:00:00 | campaign | added | company | 7
        """
    )


def test_an_engagement_is_each_of_its_contacts(tmp_path: Path) -> None:
    calls = "hs_object_id | hs_timestamp | hs_createdate\n901 | 2024-04-01T10:00:00Z | 2024-04-01T10:00:00Z"
    ties = "engagement_id | contact_id\n901 | 101\n901 | 102"
    con, _ = tables_of(portal(tmp_path, calls=calls, engagement_contact=ties))
    assert show(con, "SELECT lead_id, account_id FROM touchpoints ORDER BY 1") == table(
        """
        101 | acme.example
        102 | beta.example
        """
    )


def test_opens_by_mail_filters_are_ignored_and_counted(tmp_path: Path) -> None:
    """id | filteredEvent: the opening of e2 was a scanner's, e3 was replaced by e4."""
    events = """
        id | created       | type   | recipient        | filteredEvent | obsoletedBy | emailCampaignId
        e1 | 1712224800000 | SENT   | Ana@acme.example | false         |             | 5
        e2 | 1712224801000 | OPEN   | ana@acme.example | true          |             | 5
        e3 | 1712224802000 | OPEN   | ana@acme.example | false         | e4          | 5
        e4 | 1712224803000 | OPEN   | ana@acme.example |               |             | 5
        e5 | 1712224804000 | CLICK  | ana@acme.example | false         |             | 5
        e6 | 1712224805000 | BOUNCE | bob@beta.example | false         |             | 5
        e7 | 1712224806000 | DELIVERED | ana@acme.example | false      |             | 5
        e8 | 1712224807000 | OPEN   | eva@else.example | false         |             | 5
    """
    con, report = tables_of(portal(tmp_path, email_events=events), "email_events")
    assert show(con, "SELECT lead_id, kind, initiator, content FROM touchpoints ORDER BY occurred_at") == table(
        """
        101 | sent | company | 5
        101 | opened | lead | 5
        101 | clicked | lead | 5
        102 | bounced | company | 5
        """
    )
    (counts,) = (f for f in report.counts["files"] if f["name"] == "email_events")
    assert counts["ignored"] == {"bot": 1, "obsolete": 1, "other_kind": 1, "unknown_lead": 1}


def test_times_of_every_kind(tmp_path: Path) -> None:
    """Milliseconds, ISO with Z, ISO with an offset, a date alone (known when it is over), and nothing."""
    contacts = """
        hs_object_id | createdate | email
        101 | 1709283600000             | ana@acme.example
        102 | 2024-03-01T09:00:00.250Z  | bob@beta.example
        103 | 2024-03-01T10:00:00+01:00 | cem@gama.example
        104 | 2024-03-01                | dua@delta.example
        105 |                           | eva@epsi.example
    """
    con, report = tables_of(portal(tmp_path, contacts=contacts), limits={"default": 0.5})
    assert show(con, "SELECT lead_id, created_at, known_at FROM leads") == table(
        """
        101 | 2024-03-01 09:00:00 | 2024-03-01 09:00:00
        102 | 2024-03-01 09:00:00.250000 | 2024-03-01 09:00:00.250000
        103 | 2024-03-01 09:00:00 | 2024-03-01 09:00:00
        104 | 2024-03-01 | 2024-03-02
        """
    )
    assert report.counts["tables"]["leads"]["lost"] == {"missing_date": 1}


# --- the whole way


@pytest.mark.deep
@pytest.mark.skipif(not DEEP, reason="a whole run of 45 s: in make deep")
def test_a_run_from_a_portal_to_scores(tmp_path: Path) -> None:
    """The invented company's portal: a model worth deploying, and nothing denied or personal among its features."""
    made = run_cli("simulate", f"paths.root={tmp_path}", "simulate.crm=hubspot", "simulate.leads=4000")
    assert made.returncode == 0, made.stderr
    done = run_cli("run", "source=[hubspot,email_events,ga4]", f"paths.root={tmp_path}", "train.bootstrap=20")
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "data/runs/latest-run.json").read_text())["stages"]["train"]
    assert told["verdict"]["name"] == "deploy"
    assert 0.75 < told["test"]["auc"]["value"] < 0.95
    names = {f["name"] for f in json.loads((tmp_path / "data/features/dictionary.json").read_text())}
    assert {"lead_source", "pipeline_stage", "seniority", "employees", "product_interest"} <= names
    assert not names & {"hubspotscore", "lifecyclestage", "num_notes", "hs_email_open", "total_revenue", "firstname"}
    scores = pd.concat(map(pd.read_parquet, (tmp_path / "data/scores").rglob("scores.parquet")))
    contacts = pd.read_csv(tmp_path / "data/raw/contacts.csv", dtype=str)
    assert len(scores) > 100 and set(scores.lead_id) <= set(contacts.hs_object_id)
