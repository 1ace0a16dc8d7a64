"""Who a row belongs to, and since when that could be known: keys, ties, merges and joined leads."""

from pathlib import Path

import pytest
from conftest import counts
from hypothesis import given, settings
from hypothesis import strategies as st
from small_source import DEALS, PEOPLE, small, touchpoint
from sources_helpers import connect, show, table

from leadml.errors import ConfigurationError, DataError
from leadml.sources.ids import _first_of

TOUCHPOINTS = "SELECT touchpoint_id, lead_id, occurred_at, known_at FROM touchpoints ORDER BY known_at, touchpoint_id"
CALLS = "id,at,who,mail\n"


def test_a_cell_with_several_ids_gives_the_row_to_each_of_their_leads(tmp_path: Path):
    mapping = touchpoint("calls", "{by: lead, column: who, split: ';'}")
    calls = CALLS + "C1,2024-07-05T10:00:00Z,L1; L2;L9,\nC2,2024-07-06T10:00:00Z,L2,\nC3,2024-07-07T10:00:00Z,L8,\n"
    con, report = small(tmp_path, mapping, calls=calls)
    assert show(con, TOUCHPOINTS) == table("""
        call:C1|L1 | L1 | 2024-07-05 10:00:00 | 2024-07-05 10:00:00
        call:C1|L2 | L2 | 2024-07-05 10:00:00 | 2024-07-05 10:00:00
        call:C2|L2 | L2 | 2024-07-06 10:00:00 | 2024-07-06 10:00:00""")
    assert report.counts["files"][2]["ignored"] == {"unknown_lead": 1}


def test_rows_are_found_through_a_table_of_ties(tmp_path: Path):
    mapping = (
        touchpoint("calls", "{by: lead, column: person, via: {from: ties, id: call, key: id}}")
        + "\nconversions: {won: {lead: {by: lead, column: person, via: {from: dealers, id: deal, key: deal}}}}"
    )
    mapping = mapping.replace("files: {", "files: {ties: {pattern: ties.csv}, dealers: {pattern: dealers.csv}, ")
    con, report = small(
        tmp_path,
        mapping,
        calls=CALLS + "C1,2024-07-05T10:00:00Z,,\nC2,2024-07-06T10:00:00Z,,\n",
        ties="call,person\nC1,L1\nC1,L2\nC9,L1\n,L1\n",
        deals=DEALS + "D1,,2024-08-01T00:00:00Z,10,EUR\n",
        dealers="deal,person\nD1,L2\nD1,L1\n",
    )
    assert show(con, "SELECT touchpoint_id, lead_id FROM touchpoints ORDER BY ALL") == table("""
        call:C1|L1 | L1
        call:C1|L2 | L2""")
    assert show(con, "SELECT lead_id, converted_at, amount FROM conversions ORDER BY ALL") == table("""
        L1 | 2024-08-01 | 10.0
        L2 | 2024-08-01 | 10.0""")
    assert {f["name"]: f["quarantined"] for f in report.counts["files"]}["ties"] == {"missing_id": 1}


def test_a_link_by_any_key_is_known_from_its_own_time(tmp_path: Path):
    mapping = touchpoint("calls", "{by: token, column: who}") + (
        "\nlinks: {token: {from: tokens, id: token, at: at, "
        "lead: [{by: lead, column: person}, {by: email, column: mail}]}}"
        "\nleads: {email: mail}"
    )
    mapping = mapping.replace("files: {", "files: {tokens: {pattern: tokens.csv}, ")
    con, _ = small(
        tmp_path,
        mapping,
        people="id,created,mail\nL1,2024-07-01T08:00:00Z,\nL2,2024-07-02T08:00:00Z,Bo@Bee.example\n",
        tokens="token,person,mail,at\nT1,L1,,2024-07-10\nT2,,bo@bee.example,2024-07-03T12:00:00Z\n",
        calls=CALLS + "C1,2024-07-05T10:00:00Z,T1,\nC2,2024-07-06T10:00:00Z,T2,\nC3,2024-07-12T10:00:00Z,T1,\n",
    )
    # T1 was tied on the 10th, a date: known from the 11th.
    assert show(con, TOUCHPOINTS) == table("""
        call:C2 | L2 | 2024-07-06 10:00:00 | 2024-07-06 10:00:00
        call:C1 | L1 | 2024-07-05 10:00:00 | 2024-07-11
        call:C3 | L1 | 2024-07-12 10:00:00 | 2024-07-12 10:00:00""")


@pytest.mark.parametrize(("ties", "known"), [("known", "2024-07-09 10:00:00"), ("always", "2024-07-05 10:00:00")])
def test_a_device_counts_from_the_tie_or_from_the_start(tmp_path: Path, ties: str, known: str):
    mapping = touchpoint("calls", "[{by: lead, column: who}, {by: device, column: mail}]")
    mapping += (
        f"\ndevices: {{device: {{from: calls, id: mail, lead: {{by: lead, column: who}}, at: at, ties: {ties}}}}}"
    )
    calls = CALLS + "C1,2024-07-05T10:00:00Z,,cookie\nC2,2024-07-09T10:00:00Z,L1,cookie\n"
    con, _ = small(tmp_path, mapping, calls=calls)
    assert show(con, "SELECT touchpoint_id, known_at FROM touchpoints ORDER BY 1") == table(f"""
        call:C1 | {known}
        call:C2 | 2024-07-09 10:00:00""")


def test_a_click_that_no_lead_carries_leaves_the_row_the_devices(tmp_path: Path):
    mapping = touchpoint("calls", "[{by: lead, column: who}, {by: click, column: click}, {by: device, column: mail}]")
    mapping += """
devices: {device: {from: calls, id: mail, lead: [{by: lead, column: who}, {by: click, column: click}], at: at}}
leads: {ids: {click: ad}}"""
    con, _ = small(
        tmp_path,
        mapping,
        people="id,created,ad\nL1,2024-07-01T08:00:00Z,\nL2,2024-07-02T08:00:00Z,G2\n",
        calls="id,at,who,mail,click\n"
        "C1,2024-07-05T10:00:00Z,,one,G9\nC2,2024-07-06T10:00:00Z,L1,one,\n"
        "C3,2024-07-07T10:00:00Z,,two,G2\nC4,2024-07-08T10:00:00Z,,two,\n",
    )
    assert show(con, "SELECT touchpoint_id, lead_id, known_at FROM touchpoints ORDER BY 1") == table("""
        call:C1 | L1 | 2024-07-06 10:00:00
        call:C2 | L1 | 2024-07-06 10:00:00
        call:C3 | L2 | 2024-07-07 10:00:00
        call:C4 | L2 | 2024-07-08 10:00:00""")


def test_an_audit_of_merges_folds_leads_that_are_gone_and_that_are_there(tmp_path: Path):
    mapping = touchpoint("calls", "{by: lead, column: who}") + (
        "\nmerges: {audit: {from: audit, winner: winner, loser: losers, split: ',', at: at}}"
    )
    mapping = mapping.replace("files: {", "files: {audit: {pattern: audit.csv}, ")
    calls = [("C1", "05", "L8"), ("C2", "12", "L8"), ("C3", "06", "L2"), ("C4", "16", "L2"), ("C5", "07", "L7")]
    con, report = small(
        tmp_path,
        mapping,
        # L7 became L8, L8 became L1, and both are gone; L2 became L1 and is still listed.
        audit='winner,losers,at\nL1,"[""L8""]",2024-07-10T00:00:00Z\nL8,L7,2024-07-08T00:00:00Z\n'
        "L1,L2,2024-07-15T00:00:00Z\nL1,L1,2024-07-15T00:00:00Z\n",
        calls=CALLS + "".join(f"{c},2024-07-{d}T10:00:00Z,{w},\n" for c, d, w in calls),
    )
    # Calls of L8 are L1's from the 10th on, those of L7 too; L2 kept its own until the 15th.
    assert show(con, TOUCHPOINTS) == table("""
        call:C3 | L2 | 2024-07-06 10:00:00 | 2024-07-06 10:00:00
        call:C1 | L1 | 2024-07-05 10:00:00 | 2024-07-10
        call:C5 | L1 | 2024-07-07 10:00:00 | 2024-07-10
        call:C2 | L1 | 2024-07-12 10:00:00 | 2024-07-12 10:00:00
        call:C3>L1 | L1 | 2024-07-06 10:00:00 | 2024-07-15
        call:C4 | L1 | 2024-07-16 10:00:00 | 2024-07-16 10:00:00""")
    assert show(con, "SELECT lead_id, closed_at, kind FROM closures") == "L2 | 2024-07-15 | merged"
    merges = report.counts["tables"]["merges"]
    assert (merges["rows_in"], merges["lost"], merges["rows_out"]) == (4, {"same_lead": 1}, 3)


def test_leads_are_joined_by_any_id_they_share_over_several_steps(tmp_path: Path):
    people = "id,created,mail,ext\n" + "".join(
        f"{i},2024-07-0{d}T08:00:00Z,{m},{e}\n"
        for i, d, m, e in [
            ("A", 3, "x@acme.example", "7"),
            ("B", 2, "X@ACME.example", "8"),
            ("C", 4, "", "8"),
            ("D", 1, "", ""),
            ("E", 5, "", ""),
        ]
    )
    extra = touchpoint("calls", "{by: lead, column: who}")
    calls = CALLS + "C1,2024-07-09T10:00:00Z,A,\nC2,2024-07-09T11:00:00Z,C,\n"
    con, report = small(
        tmp_path, extra + "\nleads: {email: mail, ids: {ext: ext}, join: [email, ext]}", people=people, calls=calls
    )
    assert show(con, "SELECT lead_id, created_at FROM leads ORDER BY 1") == table("""
        B | 2024-07-02 08:00:00
        D | 2024-07-01 08:00:00
        E | 2024-07-05 08:00:00""")
    assert show(con, "SELECT touchpoint_id, lead_id FROM touchpoints ORDER BY 1") == table("""
        call:C1 | B
        call:C2 | B""")
    assert report.counts["tables"]["leads"]["lost"] == {"joined_duplicate": 2}
    alone, _ = small(
        tmp_path, extra + "\nleads: {email: mail, ids: {ext: ext}, join: [ext]}", people=people, calls=calls
    )
    assert show(alone, "SELECT lead_id FROM leads ORDER BY 1") == "A\nB\nD\nE"
    with pytest.raises(ConfigurationError, match="'phone': is not an id to join leads by; allowed: email, ext"):
        small(tmp_path, extra + "\nleads: {email: mail, ids: {ext: ext}, join: [phone]}", people=people)


def test_short_and_long_salesforce_ids_are_one(tmp_path: Path):
    # 0018000000AbCdE with its check is 0018000000AbCdEAAV: capitals at 11, 13 and 15 of the third five.
    mapping = touchpoint("calls", "{by: lead, column: who}") + "\nid_style: salesforce"
    people = "id,created\n0018000000AbCdEAAV,2024-07-01T08:00:00Z\n0018000000abcde,2024-07-01T08:00:00Z\n"
    calls = CALLS + "C1,2024-07-05T10:00:00Z,0018000000AbCdE,\nC2,2024-07-05T11:00:00Z,0018000000abcdeAAA,\n"
    con, _ = small(tmp_path, mapping, people=people, calls=calls)
    assert show(con, "SELECT touchpoint_id, lead_id FROM touchpoints ORDER BY 1") == table("""
        call:C1 | 0018000000AbCdEAAV
        call:C2 | 0018000000abcdeAAA""")


def test_without_any_key_the_run_says_which_are_needed(tmp_path: Path):
    mapping = touchpoint("calls", "[{by: lead, column: who}, {by: lead, column: whom}]")
    with pytest.raises(DataError, match="call: no way to find the leads of its rows: export one of who in calls, whom"):
        small(tmp_path, mapping, calls="id,at\nC1,2024-07-05T10:00:00Z\n")
    con, report = small(
        tmp_path,
        touchpoint("calls", "[{by: lead, column: who}, {by: lead, column: whom}]", ", required: false"),
        calls="id,at\nC1,2024-07-05T10:00:00Z\n",
    )
    assert show(con, TOUCHPOINTS) == ""
    assert {("calls", "who"), ("calls", "whom")} <= {(a["file"], a["column"]) for a in report.absent}


def test_leads_and_conversions_may_be_known_later_than_they_happened(tmp_path: Path):
    mapping = "leads: {known_at: [imported]}\nconversions: {won: {known_at: booked}}"
    con, _ = small(
        tmp_path,
        mapping,
        people="id,created,imported\nL1,2020-01-01T08:00:00Z,2024-07-01T08:00:00Z\nL2,2024-07-02,\n",
        deals="deal,person,closed,amount,currency,booked\nD1,L1,2024-08-01,5,EUR,2024-08-09T10:00:00Z\n"
        "D2,L2,2024-08-03,5,EUR,\n",
    )
    assert show(con, "SELECT lead_id, created_at, known_at FROM leads ORDER BY 1") == table("""
        L1 | 2020-01-01 08:00:00 | 2024-07-01 08:00:00
        L2 | 2024-07-02 | 2024-07-03""")
    assert show(con, "SELECT lead_id, converted_at, known_at FROM conversions ORDER BY 1") == table("""
        L1 | 2024-08-01 | 2024-08-09 10:00:00
        L2 | 2024-08-03 | 2024-08-04""")


def test_a_time_of_knowing_that_is_none_or_in_the_future_is_no_time(tmp_path: Path):
    people = "id,created,imported\nL1,2024-07-01,31/31/2024\nL2,2024-07-01,2025-06-01\nL3,2024-07-01,\n"
    con, report = small(tmp_path, "leads: {known_at: [imported]}", people=people)
    assert show(con, "SELECT lead_id FROM leads") == "L3"
    assert report.counts["files"][0]["quarantined"] == {"after_export": 1, "bad_date": 1}


def test_an_id_that_existed_before_is_the_leads_from_its_tie_on(tmp_path: Path):
    mapping = (
        touchpoint("calls", "[{by: lead, column: who}, {by: contact, column: who}]")
        + """
leads:
  ids: {contact: contact}
  existing: {contact: {since: converted, from: contacts, id: id, at: created}}
"""
    )
    mapping = mapping.replace("files: {", "files: {contacts: {pattern: contacts.csv, required: false}, ")
    people = "id,created,contact,converted\nL1,2024-07-01T08:00:00Z,OLD,2024-09-01\n"
    people += "L2,2024-07-01T08:00:00Z,NEW,2024-09-01\nL3,2024-07-01T08:00:00Z,UNTOLD,2024-09-01\n"
    contacts = "id,created\nOLD,2023-01-01T08:00:00Z\nNEW,2024-09-01T09:00:00Z\n"
    calls = CALLS + "".join(f"C{i},2024-07-10T10:00:00Z,{who},\n" for i, who in enumerate(["OLD", "NEW", "UNTOLD"]))
    con, _ = small(tmp_path, mapping, people=people, contacts=contacts, calls=calls)
    # OLD was somebody before L1 was converted into it: its calls are L1's from the end of that day.
    assert show(con, "SELECT touchpoint_id, lead_id, known_at FROM touchpoints ORDER BY 1") == table("""
        call:C0 | L1 | 2024-09-02
        call:C1 | L2 | 2024-07-10 10:00:00
        call:C2 | L3 | 2024-07-10 10:00:00""")


def test_a_tie_of_later_takes_nothing_away(tmp_path: Path):
    mapping = touchpoint("calls", "[{by: lead, column: who}, {by: click, column: click}, {by: device, column: mail}]")
    mapping += """
devices: {device: {from: calls, id: mail, lead: [{by: lead, column: who}], at: at}}
leads: {ids: {click: ad}}"""
    calls = "id,at,who,mail,click\nC1,2024-07-05T10:00:00Z,L1,one,\nC2,2024-07-06T10:00:00Z,,one,K\n"
    people = "id,created,ad\nL1,2024-07-01T08:00:00Z,\n"
    before, _ = small(tmp_path, mapping, people=people, calls=calls)
    after, _ = small(tmp_path, mapping, people=people + "L9,2024-11-01T08:00:00Z,K\n", calls=calls)
    query = "SELECT touchpoint_id, lead_id, known_at FROM touchpoints ORDER BY 1"
    assert show(before, query) == show(after, query)


def test_an_id_that_a_later_lead_carries_leaves_the_earlier_link(tmp_path: Path):
    mapping = touchpoint("calls", "{by: contact, column: who}") + (
        "\nlinks: {contact: {from: contacts, id: id, email: mail}}\nleads: {email: mail, ids: {contact: contact}}"
    )
    mapping = mapping.replace("files: {", "files: {contacts: {pattern: contacts.csv}, ")
    people = "id,created,mail,contact\nL1,2024-07-01T08:00:00Z,ana@acme.example,\n"
    files = {"contacts": "id,mail\nK1,ana@acme.example\n", "calls": CALLS + "C1,2024-07-05T10:00:00Z,K1,\n"}
    before, _ = small(tmp_path, mapping, people=people, **files)
    after, _ = small(tmp_path, mapping, people=people + "L9,2024-11-01T08:00:00Z,x@y.example,K1\n", **files)
    assert show(before, TOUCHPOINTS) == show(after, TOUCHPOINTS) != ""


def test_a_merging_without_a_date_is_known_at_the_end_only(tmp_path: Path):
    mapping = touchpoint("calls", "{by: lead, column: who}") + "\nleads: {merged_into: master, deleted: gone}"
    people = "id,created,master,gone\nL1,2024-07-01T08:00:00Z,,\nL2,2024-07-02T08:00:00Z,L1,true\n"
    con, _ = small(tmp_path, mapping, people=people, calls=CALLS + "C1,2024-07-05T10:00:00Z,L2,\n")
    assert show(con, TOUCHPOINTS) == table("""
        call:C1 | L2 | 2024-07-05 10:00:00 | 2024-07-05 10:00:00
        call:C1>L1 | L1 | 2024-07-05 10:00:00 | 2025-01-01""")


def test_two_ways_through_one_file(tmp_path: Path):
    ways = "[{by: lead, column: person, via: {from: ties, id: call, key: id}}, "
    ways += "{by: email, column: mail, via: {from: ties, id: call, key: id}}]"
    mapping = touchpoint("calls", ways).replace("files: {", "files: {ties: {pattern: ties.csv}, ")
    con, _ = small(
        tmp_path,
        mapping + "\nleads: {email: mail}",
        people="id,created,mail\nL1,2024-07-01T08:00:00Z,\nL2,2024-07-02T08:00:00Z,b@acme.example\n",
        ties="call,person,mail\nC1,L1,\nC2,,b@acme.example\n",
        calls=CALLS + "C1,2024-07-05T10:00:00Z,,\nC2,2024-07-06T10:00:00Z,,\n",
    )
    assert show(con, "SELECT touchpoint_id, lead_id FROM touchpoints ORDER BY 1") == table("""
        call:C1|L1 | L1
        call:C2|L2 | L2""")


def test_logins_that_only_tell_devices_are_in_the_books(tmp_path: Path):
    mapping = touchpoint("calls", "{by: device, column: mail}") + (
        "\ndevices: {device: {from: logins, id: cookie, lead: {by: lead, column: who}, at: at}}"
    )
    mapping = mapping.replace("files: {", "files: {logins: {pattern: logins.csv}, ")
    con, report = small(
        tmp_path,
        mapping,
        logins="cookie,who,at\nK,L1,2024-07-04T10:00:00Z\nK,L1,nonsense\n",
        calls=CALLS + "C1,2024-07-05T10:00:00Z,,K\n",
    )
    assert show(con, "SELECT lead_id FROM touchpoints") == "L1"
    logins = next(f for f in report.counts["files"] if f["name"] == "logins")
    assert (logins["used"], logins["quarantined"]) == (1, {"bad_date": 1})


def test_free_mail_of_any_country_forms_no_account(tmp_path: Path):
    mails = ["a@hotmail.com.mx", "b@yahoo.com.br", "c@gmx.at", "d@outlook.es", "e@wp.pl", "f@mail.acme.com"]
    people = "id,created,mail\n" + "".join(f"L{i},2024-07-01,{m}\n" for i, m in enumerate(mails))
    con, _ = small(tmp_path, "leads: {email: mail, account_id: {domain_of: mail}}", people=people)
    assert show(con, "SELECT lead_id, account_id FROM leads WHERE account_id IS NOT NULL") == "L5 | mail.acme.com"


def test_until_gives_the_tables_of_an_earlier_export(tmp_path: Path):
    from datetime import datetime

    mapping = touchpoint("calls", "[{by: lead, column: who}, {by: device, column: mail}]")
    mapping += "\ndevices: {device: {from: calls, id: mail, lead: {by: lead, column: who}, at: at}}"
    calls = CALLS + "C1,2024-07-05T10:00:00Z,,cookie\nC2,2024-07-09T10:00:00Z,L1,cookie\nC3,2024-07-20T10:00:00Z,L1,\n"
    deals = DEALS + "D1,L1,2024-08-01T00:00:00Z,5,EUR\n"
    con, report = small(tmp_path, mapping, datetime(2024, 7, 9, 10), people=PEOPLE, calls=calls, deals=deals)
    assert show(con, TOUCHPOINTS) == "" and show(con, "FROM conversions") == ""
    assert report.data_end == datetime(2024, 7, 9, 10)
    con, _ = small(tmp_path, mapping, datetime(2024, 7, 9, 10, 0, 1), people=PEOPLE, calls=calls, deals=deals)
    assert show(con, "SELECT touchpoint_id FROM touchpoints ORDER BY 1") == "call:C1\ncall:C2"


columns = [st.sampled_from(letters) for letters in ("pq", "ab", "xyz")]


@pytest.mark.deep
@settings(max_examples=counts(25, 1000), deadline=None)
@given(rows=st.lists(st.tuples(*columns, st.none() | st.integers(0, 2)), min_size=1, max_size=25))
def test_the_first_of_each_key_is_that_of_sorting_every_row(rows: list[tuple[str, str, str, int | None]]):
    with connect() as con:
        con.execute("CREATE TABLE given (kind VARCHAR, key VARCHAR, lead VARCHAR, since INTEGER, number INTEGER)")
        con.executemany("INSERT INTO given VALUES (?, ?, ?, ?, ?)", [(*row, i) for i, row in enumerate(rows)])
        for key, order in (("kind, key, lead", "since NULLS FIRST, number"), ("kind, key", "since, lead, number")):
            every = f"SELECT DISTINCT ON ({key}) * FROM given ORDER BY {key}, {order}"
            few = f"SELECT * FROM ({_first_of('given', key, order)}) ORDER BY {key}"
            assert con.execute(few).fetchall() == con.execute(every).fetchall()
