"""Accounts as the unit, as text tables: what an account knows, when it is open, when it converted."""

from snapshot_tables import day, expected, folded, problem, shown, table

from leadml import snapshots as s

LEADS = """lead_id, account_id, known_at,         title
           ann,     acme,       2026-03-01 00:00, CTO
           bob,     acme,       2026-03-12 00:00, CFO
           eve,     -,          2026-03-01 00:00, CEO"""


def weekly(tables, **changes):
    """Mondays 2026-03-02, 09, 16, 23, 30 with a horizon of 7 days; all matured."""
    found = s.build_snapshots(tables, problem(horizon_days=7, **changes), day("2026-04-05 00:00"))
    return [line for line in shown(found.frame) if not line.endswith("-")], found.left_out


def test_an_account_converts_once_with_its_first_lead_that_does():
    conversions = """lead_id, converted_at,     amount
                     bob,     2026-03-18 00:00, 40
                     ann,     2026-03-18 00:00, 90
                     ann,     2026-03-25 00:00, 10
                     eve,     2026-03-04 00:00, 5"""
    found = s.build_snapshots(folded(LEADS, conversions=conversions), problem(horizon_days=7), day("2026-04-05 00:00"))
    # Both leads of acme are contacts of the deal of 03-18: one conversion, with the larger amount, and then acme is
    # out. eve has no account and stays herself.
    assert shown(found.frame) == expected("""
        acme 2026-03-02 00:00 0
        eve 2026-03-02 00:00 1
        acme 2026-03-09 00:00 0
        acme 2026-03-16 00:00 1
    """)
    assert found.frame["amount"].dropna().tolist() == [5, 90]
    assert found.frame["account_id"].tolist() == ["acme", "eve", "acme", "acme"]


def test_an_account_is_open_while_any_known_lead_of_it_is():
    closures = """lead_id, closed_at,        kind
                  ann,     2026-03-10 00:00, lost
                  bob,     2026-03-25 00:00, opted_out
                  eve,     2026-03-10 00:00, merged"""
    lines, left_out = weekly(folded(LEADS, closures=closures))
    # ann is lost on 03-10. bob is known from 03-12 on and opens acme again, until 03-25.
    assert lines == expected("""
        acme 2026-03-02 00:00 0
        eve 2026-03-02 00:00 0
        acme 2026-03-09 00:00 0
        acme 2026-03-16 00:00 0
        acme 2026-03-23 00:00 0
    """)
    assert left_out == {"merged or erased inside the horizon": 1}  # eve at 03-09


def test_a_lead_that_was_lost_before_it_was_known_is_counted_while_nobody_knew():
    closures = """lead_id, closed_at,        known_at,         kind
                  ann,     2026-03-03 00:00, 2026-03-03 00:00, lost
                  bob,     2026-03-11 00:00, 2026-03-20 00:00, lost
                  eve,     2026-03-03 00:00, 2026-03-03 00:00, lost"""
    lines, left_out = weekly(folded(LEADS, closures=closures))
    # bob is known from 03-12 on. That he was lost on 03-11 is known on 03-20: at 03-16 acme looks open and is not.
    assert lines == ["acme 2026-03-02 00:00 0", "eve 2026-03-02 00:00 0"]
    assert left_out == {"converted or closed before the cutoff, known after it": 1}
    # The same where ann never was open either: acme begins with an instant of no length.
    never = closures.replace("ann,     2026-03-03 00:00, 2026-03-03", "ann,     2026-02-20 00:00, 2026-02-20")
    lines, left_out = weekly(folded(LEADS, closures=never))
    assert (lines, left_out) == (
        ["eve 2026-03-02 00:00 0"],
        {"converted or closed before the cutoff, known after it": 1},
    )


def test_what_the_account_is_closed_with():
    def closed(text, **changes):
        made = folded(LEADS, closures=text, **changes).closures.order_by("closed_at").execute()
        made = made[made["lead_id"] == "acme"]
        return [f"{r.closed_at:%m-%d} {r.kind} known {r.known_at:%m-%d}" for r in made.itertuples()]

    head = "lead_id, closed_at, known_at, kind\n"
    # Between 03-10 and 03-12 nobody is open. The end is known when both leads' closures are.
    both = head + "ann, 2026-03-10 00:00, 2026-03-28 00:00, lost\nbob, 2026-03-20 00:00, 2026-03-21 00:00, merged"
    assert closed(both) == ["03-10 lost known 03-28", "03-12 reopened known 03-12", "03-20 lost known 03-28"]
    # All of them merged or erased: so is the account. A closure before the lead was known counts from then on.
    gone = head + "ann, 2026-03-15 00:00, 2026-03-15 00:00, merged\nbob, 2026-03-11 00:00, 2026-03-11 00:00, erased"
    assert closed(gone) == ["03-15 merged known 03-15"]
    # Lost is no exit here: ann is open as ever.
    assert closed(both, exits=("merged", "erased", "opted_out")) == []


def test_a_lead_lends_its_account_nothing_before_it_is_known():
    touchpoints = """lead_id, account_id, known_at,         channel, kind,  initiator
                     ann,     acme,       2026-03-02 00:00, web,     visit, lead
                     bob,     acme,       2026-03-05 00:00, web,     visit, lead
                     bob,     acme,       2026-03-14 00:00, call,    made,  company
                     -,       acme,       2026-03-20 00:00, web,     visit, lead
                     eve,     -,          2026-03-06 00:00, web,     visit, lead
                     nobody,  -,          2026-03-06 00:00, web,     visit, lead"""
    made = folded(LEADS, touchpoints=touchpoints)
    got = made.touchpoints.execute().sort_values(["lead_id", "known_at"])
    # The visit of bob of 03-05 is acme's from 03-12 on, when bob became known; the last of acme is the account's own.
    assert [f"{r.lead_id} {r.known_at:%m-%d} {r.channel}" for r in got.itertuples()] == expected("""
        acme 03-02 web
        acme 03-12 web
        acme 03-14 call
        acme 03-20 web
        eve 03-06 web
    """)
    before = s.build_population(made, problem(active_days=5), day("2026-03-09 00:00"))
    after = s.build_population(made, problem(active_days=5), day("2026-03-16 00:00")).set_index("lead_id")
    assert before["lead_id"].tolist() == ["eve"] and after["untouched"].to_dict() == {"acme": False}


def test_attributes_and_history_are_those_of_the_first_known_lead():
    history = table(
        "history",
        """entity,  entity_id, field,  value, changed_at
           lead,    ann,       stage,  open,  2026-03-01 00:00
           lead,    bob,       stage,  won,   2026-03-12 00:00
           account, acme,      size,   9,     2026-03-01 00:00""",
    )
    plain = [table(n, []) for n in ("touchpoints", "conversions", "closures")]
    units = s.UnitTables(table("leads", LEADS), table("accounts", []), history, *plain)
    made = s.fold_to_accounts(units, ("lost", "merged", "erased"))
    leads = made.leads.order_by("lead_id").execute()
    assert leads[["lead_id", "account_id", "title"]].fillna("-").to_numpy().tolist() == [
        ["acme", "acme", "CTO"],
        ["eve", "-", "CEO"],
    ]
    got = made.history.order_by("entity", "value").execute()
    assert got[["entity", "entity_id", "value"]].to_numpy().tolist() == [
        ["account", "acme", "9"],
        ["lead", "acme", "open"],
    ]
    assert set(made.leads.columns) == set(units.leads.columns)
    for name in ("history", "touchpoints", "conversions", "closures"):
        assert set(getattr(made, name).columns) >= set(getattr(units, name).columns), name


def test_a_lead_that_is_called_like_an_account_keeps_apart():
    made = folded("""lead_id, account_id, known_at
                     7,       -,          2026-03-01 00:00
                     8,       7,          2026-03-02 00:00""")
    assert sorted(made.leads.execute()["lead_id"]) == ["7", "lead:7"]


def test_exits_reach_the_leads_of_an_account():
    closures = """lead_id, closed_at,        kind
                  ann,     2026-03-03 00:00, opted_out
                  bob,     2026-03-13 00:00, lost"""
    keep = ("merged", "erased", "opted_out")
    tables = folded(LEADS, closures=closures, exits=keep)
    got = s.build_population(tables, problem(exits=list(keep)), day("2026-03-30 00:00"))
    assert got["lead_id"].tolist() == ["acme", "eve"]  # bob is lost, which ends nothing here
    got = s.build_population(folded(LEADS, closures=closures), problem(), day("2026-03-30 00:00"))
    assert got["lead_id"].tolist() == ["eve"]
