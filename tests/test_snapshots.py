"""The prediction problem as text tables: who is in, what the label is, and why."""

from datetime import datetime

import pandas as pd
import pytest
from snapshot_tables import expected, problem, shown, tables

from leadml import snapshots as s
from leadml.errors import DataError
from leadml.problem import ColleagueConversion


def test_labels_at_each_weekly_cutoff():
    # Mondays: 2026-01-05, 12, 19, 26, 02-02, 02-09; horizon 14 days, data end 02-20 00:00.
    # A cutoff matures at cutoff + 14 days <= 02-20, so 02-02 is matured and 02-09 is not.
    given = tables(
        leads="""lead_id, known_at
                 a,       2026-01-05 00:00
                 b,       2026-01-04 23:59
                 c,       2026-01-20 10:00""",
        conversions="""lead_id, converted_at,     amount
                       b,       2026-01-26 00:00, 500
                       c,       2026-02-16 00:00, 900""",
    )
    got = s.build_snapshots(given, problem(horizon_days=14), datetime(2026, 2, 20)).frame
    # a is known at the first cutoff itself: strictly before means it first appears a week later.
    # b converts on 01-26 00:00: the cutoff 01-12 ends its horizon [01-12, 01-26) just before, 01-19 holds it, and at
    #   01-26 00:00 the conversion has not happened yet (it is not before the cutoff), so the row is there with label 1.
    # c converts on 02-16 00:00: outside [02-02, 02-16), inside the censored horizon of 02-09.
    assert shown(got) == expected("""
        b 2026-01-05 00:00 0
        a 2026-01-12 00:00 0
        b 2026-01-12 00:00 0
        a 2026-01-19 00:00 0
        b 2026-01-19 00:00 1
        a 2026-01-26 00:00 0
        b 2026-01-26 00:00 1
        c 2026-01-26 00:00 0
        a 2026-02-02 00:00 0
        c 2026-02-02 00:00 0
        a 2026-02-09 00:00 -
        c 2026-02-09 00:00 -
        a 2026-02-16 00:00 -
        c 2026-02-16 00:00 -
    """)
    assert got.loc[got["label"] == 1, "amount"].tolist() == [500.0, 500.0]
    assert got.loc[got["label"] == 1, "days_to_conversion"].tolist() == [7.0, 0.0]
    assert got.loc[got["label"] != 1, ["amount", "days_to_conversion"]].isna().all(axis=None)


def test_ways_out():
    given = tables(
        leads="""lead_id, known_at
                 gap,     2026-01-01 00:00
                 lost,    2026-01-01 00:00
                 merged,  2026-01-01 00:00
                 opted,   2026-01-01 00:00
                 twice,   2026-01-01 00:00""",
        conversions="""lead_id, converted_at,     amount
                       gap,     2026-01-07 00:00, 1
                       twice,   2026-01-14 00:00, 7
                       twice,   2026-01-30 00:00, 8""",
        closures="""lead_id, closed_at,        kind
                    lost,    2026-01-13 09:00, lost
                    merged,  2026-01-13 09:00, merged
                    opted,   2026-01-10 09:00, opted_out""",
    )
    settings = problem(gap_days=3, horizon_days=7, booking_delay_days=1)
    got = s.build_snapshots(given, settings, datetime(2026, 1, 30, 0, 0))
    # Cutoff 01-05: gap [01-05, 01-08), horizon [01-08, 01-15).
    #   gap converted on 01-07, inside the gap: left out. lost closed inside the horizon: 0. merged inside it: left out.
    #   opted out on 01-10, after the cutoff: still there, 0. twice converted on 01-14: 1.
    # Cutoff 01-12: gap [01-12, 01-15): twice converted on 01-14, left out; lost and merged leave during it.
    #   lost is still open at the cutoff: 0; merged is removed before the horizon's end: left out; opted is gone.
    # Cutoff 01-19: everyone has left. Matured: 01-19 + 3 + 7 + 1 = 01-30, just in time.
    assert shown(got.frame) == expected("""
        lost 2026-01-05 00:00 0
        opted 2026-01-05 00:00 0
        twice 2026-01-05 00:00 1
        lost 2026-01-12 00:00 0
    """)
    assert got.left_out == {"converted inside the gap": 2, "merged or erased inside the horizon": 2}
    assert got.frame.loc[got.frame["label"] == 1, "amount"].tolist() == [7.0]


def test_ages_are_counted_from_when_the_lead_is_known():
    given = tables(
        leads="""lead_id, known_at
                 a,       2026-01-01 10:30
                 b,       2026-01-01 10:00""",
        conversions="""lead_id, converted_at,     amount
                       b,       2026-01-01 10:45, 5""",
    )
    settings = problem(weekly=False, age_days=[1 / 24, 1], horizon_days=2)
    got = s.build_snapshots(given, settings, datetime(2026, 2, 1)).frame
    # b converted before it was one hour old: no snapshot of it at all.
    assert shown(got) == expected("""
        a 2026-01-01 11:30 0
        a 2026-01-02 10:30 0
    """)
    assert got["age_days"].round(6).tolist() == [0.041667, 1.0]


def test_population_is_created_or_active_within_the_window():
    given = tables(
        leads="""lead_id, known_at
                 quiet,   2026-01-01 00:00
                 mailed,  2026-01-01 00:00
                 active,  2026-01-01 00:00
                 young,   2026-02-01 00:00""",
        touchpoints="""lead_id, known_at,         channel, kind,   initiator
                       mailed,  2026-02-20 00:00, email,   sent,   company
                       active,  2026-02-23 00:00, web,     visit,  lead
                       active,  2026-02-02 00:00, web,     visit,  lead""",
    )
    got = s.build_population(given, problem(active_days=30), datetime(2026, 2, 23))
    # [2026-01-24, 2026-02-23): the visit at the cutoff itself is not known yet, the one of 02-02 is.
    # What marketing sent to a lead does not make it active.
    assert got["lead_id"].tolist() == ["active", "young"]


def test_untouched_looks_at_sales_touches_known_before_the_cutoff():
    given = tables(
        leads="""lead_id, known_at
                 called,  2026-01-01 00:00
                 later,   2026-01-01 00:00
                 mailed,  2026-01-01 00:00""",
        touchpoints="""lead_id, known_at,         channel, kind,   initiator
                       called,  2026-01-02 00:00, call,    made,   company
                       later,   2026-01-05 00:00, call,    made,   company
                       mailed,  2026-01-02 00:00, email,   sent,   company""",
    )
    got = s.build_population(given, problem(), datetime(2026, 1, 5)).set_index("lead_id")
    assert got["untouched"].to_dict() == {"called": False, "later": True, "mailed": True}


def test_scoring_population_ignores_what_comes_after_the_cutoff():
    given = tables(
        leads="""lead_id, known_at
                 a,       2026-01-01 00:00
                 b,       2026-03-01 00:00""",
        conversions="""lead_id, converted_at,     amount
                       a,       2026-02-15 00:00, 5""",
        closures="""lead_id, closed_at,        kind
                    a,       2026-02-14 00:00, merged""",
    )
    got = s.build_population(given, problem(), datetime(2026, 2, 1))
    assert shown(got) == ["a 2026-02-01 00:00 -"]


@pytest.mark.parametrize(
    ("first", "last", "weekday", "cutoffs"),
    [
        ("2026-01-05 00:00", "2026-01-19 00:00", 0, ["2026-01-12", "2026-01-19"]),
        ("2026-01-04 23:59", "2026-01-18 23:59", 0, ["2026-01-05", "2026-01-12"]),
        ("2026-01-05 00:01", "2026-01-06 00:00", 1, ["2026-01-06"]),
        ("2026-01-05 00:01", "2026-01-05 23:00", 1, []),
    ],
)
def test_weekly_cutoffs_exclude_the_first_instant_and_include_the_last(first, last, weekday, cutoffs):
    got = s.weekly_cutoffs(pd.Timestamp(first).to_pydatetime(), pd.Timestamp(last).to_pydatetime(), weekday)
    assert [c.strftime("%Y-%m-%d") for c in got] == cutoffs


def test_cohorts_count_distinct_leads_and_conversions():
    frame = pd.DataFrame(
        {
            "lead_id": ["a", "a", "b", "c"],
            "cutoff": pd.to_datetime(["2026-01-05", "2026-01-12", "2026-01-12", "2026-02-02"]).astype("datetime64[us]"),
            "label": [1.0, 1.0, 0.0, None],
        }
    )
    got = s.build_cohorts(frame)
    assert got.round(4).to_csv(index=False).splitlines() == [
        "month,snapshots,leads,conversions,rate,immature_share",
        "2026-01,3,2,1,0.6667,0.0",
        "2026-02,1,1,0,,1.0",
    ]


def test_conversion_curve_counts_only_leads_watched_long_enough():
    leads = pd.DataFrame(
        {
            "lead_id": list("abcde"),
            "known_at": pd.to_datetime(["2025-01-01", "2025-01-01", "2025-06-01", "2025-12-30", "2025-02-01"]),
        }
    )
    conversions = pd.DataFrame(
        {
            "lead_id": ["a", "c", "d", "e"],
            "converted_at": pd.to_datetime(["2025-01-09", "2025-07-11", "2025-12-31", "2025-01-31"]),
        }
    )
    got = s.build_conversion_curve(leads, conversions, datetime(2026, 1, 1), 40)
    # Half of the 365 days of history: the curve goes to 180 days, so d (2 days old) is not counted; a took 8 days, c 40
    # (exactly the horizon, which has a row of its own); e converted before it was known, which nobody can predict.
    assert got["days"].tolist() == [7, 14, 30, 40, 45, 60, 90, 120, 180]
    assert got["share"].tolist() == [0.0, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert got.loc[got["horizon"], "days"].tolist() == [40]
    assert set(got["conversions"]) == {2}
    too_long = s.build_conversion_curve(leads, conversions, datetime(2026, 1, 1), 200)
    assert not too_long["horizon"].any() and too_long["days"].max() == 180


def test_every_end_of_gap_and_horizon():
    # One cutoff, 2026-03-02 00:00; gap 5 days: [03-02, 03-07); horizon 10 days: [03-07, 03-17).
    given = tables(
        leads="""lead_id, known_at
                 before,  2026-02-01 00:00
                 at_cut,  2026-02-01 00:00
                 in_gap,  2026-02-01 00:00
                 opens,   2026-02-01 00:00
                 last,    2026-02-01 00:00
                 ends,    2026-02-01 00:00
                 never,   2026-02-01 00:00
                 known,   2026-03-02 00:00
                 later,   2026-03-03 00:00""",
        conversions="""lead_id, converted_at,        amount
                       before,  2026-03-01 23:59:59, 1
                       at_cut,  2026-03-02 00:00:00, 2
                       in_gap,  2026-03-06 23:59:59, 3
                       opens,   2026-03-07 00:00:00, 4
                       last,    2026-03-16 23:59:59, 5
                       ends,    2026-03-17 00:00:00, 6
                       later,   2026-03-08 00:00:00, 7""",
    )
    settings = problem(weekly=False, cutoffs=["2026-03-02"], gap_days=5, horizon_days=10)
    got = s.build_snapshots(given, settings, datetime(2026, 3, 17))
    # before: converted, no longer open. at_cut and in_gap: open, but converted in the gap: left out, counted.
    # known: becomes known at the cutoff itself, not strictly before it. later: created after the cutoff.
    assert shown(got.frame) == expected("""
        ends 2026-03-02 00:00 0
        last 2026-03-02 00:00 1
        never 2026-03-02 00:00 0
        opens 2026-03-02 00:00 1
    """)
    assert got.left_out == {"converted inside the gap": 2}
    assert got.frame["grid"].unique().tolist() == ["given"]
    # The horizon ends on 03-17 00:00, which is the end of the data: matured. A microsecond less of them and it is not.
    short = s.build_snapshots(given, settings, datetime(2026, 3, 16, 23, 59, 59, 999999)).frame
    assert short["label"].isna().all() and len(short) == 4


@pytest.mark.parametrize(
    ("kind", "line", "left_out"),
    [
        ("lost", "a 2026-03-02 00:00 0", {}),
        ("opted_out", "a 2026-03-02 00:00 0", {}),
        ("merged", None, {"merged or erased inside the horizon": 1}),
        ("erased", None, {"merged or erased inside the horizon": 1}),
    ],
)
def test_a_closure_inside_the_horizon_by_its_kind(kind, line, left_out):
    given = tables(
        leads="""lead_id, known_at
                 a,       2026-02-01 00:00
                 other,   2026-02-01 00:00""",
        closures=f"""lead_id, closed_at,        kind
                     a,       2026-03-05 10:00, {kind}""",
    )
    got = s.build_snapshots(given, problem(weekly=False, cutoffs=["2026-03-02"]), datetime(2026, 5, 1))
    assert shown(got.frame) == [*([line] if line else []), "other 2026-03-02 00:00 0"]
    assert got.left_out == left_out


def test_a_conversion_before_the_merge_still_counts_and_of_two_the_first():
    given = tables(
        leads="""lead_id, known_at
                 merged,  2026-02-01 00:00
                 twice,   2026-02-01 00:00""",
        conversions="""lead_id, converted_at,     amount
                       merged,  2026-03-03 00:00, 50
                       twice,   2026-03-20 00:00, 8
                       twice,   2026-03-04 00:00, -""",
        closures="""lead_id, closed_at,        kind
                    merged,  2026-03-09 00:00, merged""",
    )
    got = s.build_snapshots(given, problem(weekly=False, cutoffs=["2026-03-02", "2026-03-05"]), datetime(2026, 6, 1))
    # twice: its first conversion, of unknown amount, counts; at 03-05 it is over, whatever it buys on 03-20.
    assert shown(got.frame) == expected("""
        merged 2026-03-02 00:00 1
        twice 2026-03-02 00:00 1
    """)
    assert got.frame["amount"].fillna(-1).tolist() == [50, -1]


def test_known_late():
    # Weekly cutoffs 2026-03-02, 09, 16, 23; horizon 7 days, booking delay 3 days; the data end on 2026-03-30.
    given = tables(
        leads="""lead_id, known_at
                 import,  2026-03-12 00:00
                 booked,  2026-02-27 00:00
                 unseen,  2026-02-27 00:00
                 lost,    2026-02-27 00:00""",
        conversions="""lead_id, converted_at,     known_at,         amount
                       booked,  2026-03-10 00:00, 2026-03-18 00:00, 5
                       unseen,  2026-03-20 00:00, 2026-03-31 00:00, 6""",
        closures="""lead_id, closed_at,        known_at,         kind
                    lost,    2026-03-05 00:00, 2026-03-09 00:00, lost""",
    )
    settings = problem(horizon_days=7, booking_delay_days=3)
    got = s.build_snapshots(given, settings, datetime(2026, 3, 30))
    # import is known from 03-12 on, so 03-16 is its first cutoff. booked converts in [03-09, 03-16); at 03-16 it has
    # converted, which is known from 03-18 on: no label is honest, so the row is left out and counted. lost likewise at
    # 03-09: the closure becomes known at the cutoff itself. The conversion of unseen is booked after the data's end:
    # 0 at 03-16, for 03-16 + 7 + 3 days was waited. 03-23 matures on 04-02: all of it is censored.
    assert shown(got.frame) == expected("""
        booked 2026-03-02 00:00 0
        lost 2026-03-02 00:00 0
        unseen 2026-03-02 00:00 0
        booked 2026-03-09 00:00 1
        unseen 2026-03-09 00:00 0
        import 2026-03-16 00:00 0
        unseen 2026-03-16 00:00 0
        import 2026-03-23 00:00 -
        unseen 2026-03-23 00:00 -
        import 2026-03-30 00:00 -
        unseen 2026-03-30 00:00 -
    """)
    assert got.left_out == {"converted or closed before the cutoff, known after it": 2}


def test_a_lead_that_is_opened_again():
    given = tables(
        leads="""lead_id, known_at
                 a,       2026-03-01 00:00""",
        closures="""lead_id, closed_at,        kind
                    a,       2026-03-09 00:00, lost
                    a,       2026-03-20 00:00, reopened
                    a,       2026-04-01 00:00, lost""",
    )
    got = s.build_snapshots(given, problem(horizon_days=7), datetime(2026, 5, 1)).frame
    # Closed at 03-09 itself comes after that cutoff; 03-16 is out; opened on 03-20, so 03-23 and 03-30 are in.
    assert shown(got) == expected("""
        a 2026-03-02 00:00 0
        a 2026-03-09 00:00 0
        a 2026-03-23 00:00 0
        a 2026-03-30 00:00 0
    """)


def test_exits_are_the_settings():
    given = tables(
        leads="""lead_id, known_at
                 lost,    2026-02-01 00:00
                 opted,   2026-02-01 00:00
                 open,    2026-02-01 00:00""",
        closures="""lead_id, closed_at,        kind
                    lost,    2026-02-10 00:00, lost
                    opted,   2026-02-10 00:00, opted_out""",
    )
    without_lost = problem(exits=["merged", "erased", "opted_out"])
    assert s.build_population(given, problem(), datetime(2026, 3, 2))["lead_id"].tolist() == ["open"]
    assert s.build_population(given, without_lost, datetime(2026, 3, 2))["lead_id"].tolist() == ["lost", "open"]


COLLEAGUES = {
    "leads": """lead_id, account_id, known_at
                buyer,   acme,       2026-02-01 00:00
                second,  acme,       2026-02-01 00:00
                same,    acme,       2026-02-01 00:00
                quiet,   acme,       2026-02-01 00:00
                alone,   -,          2026-02-01 00:00
                free,    -,          2026-02-01 00:00""",
    "conversions": """lead_id, converted_at,     amount
                      buyer,   2026-03-10 00:00, 100
                      same,    2026-03-10 00:00, 70
                      second,  2026-03-12 00:00, 40
                      alone,   2026-03-11 00:00, 30""",
}


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        # Three of acme convert, each for itself; quiet never does. alone and free have no account: nobody's colleagues.
        ("ignore", """alone 2026-03-09 00:00 1 30
                      buyer 2026-03-09 00:00 1 100
                      free 2026-03-09 00:00 0 -
                      quiet 2026-03-09 00:00 0 -
                      same 2026-03-09 00:00 1 70
                      second 2026-03-09 00:00 1 40
                      free 2026-03-16 00:00 0 -
                      quiet 2026-03-16 00:00 0 -"""),
        # The first conversion, on 03-10, ends everybody's exposure: second, on 03-12, is no positive any more; same
        # converts at that very instant and is one. At 03-16 quiet is out.
        ("ends", """alone 2026-03-09 00:00 1 30
                    buyer 2026-03-09 00:00 1 100
                    free 2026-03-09 00:00 0 -
                    quiet 2026-03-09 00:00 0 -
                    same 2026-03-09 00:00 1 70
                    second 2026-03-09 00:00 0 -
                    free 2026-03-16 00:00 0 -"""),
        # The account's first conversion is that of each: quiet and second take the amount of the larger of the two at
        # 03-10, same keeps its own.
        ("counts", """alone 2026-03-09 00:00 1 30
                      buyer 2026-03-09 00:00 1 100
                      free 2026-03-09 00:00 0 -
                      quiet 2026-03-09 00:00 1 100
                      same 2026-03-09 00:00 1 70
                      second 2026-03-09 00:00 1 100
                      free 2026-03-16 00:00 0 -"""),
    ],
)  # fmt: skip
def test_what_a_colleagues_conversion_means(rule, lines):
    settings = problem(
        weekly=False, cutoffs=["2026-03-09", "2026-03-16"], horizon_days=7,
        colleague_conversion=ColleagueConversion(rule),
    )  # fmt: skip
    got = s.build_snapshots(tables(**COLLEAGUES), settings, datetime(2026, 5, 1)).frame
    amounts = ["-" if pd.isna(a) else f"{a:g}" for a in got["amount"]]
    assert [f"{line} {a}" for line, a in zip(shown(got), amounts, strict=True)] == expected(lines)


@pytest.mark.parametrize(
    ("rule", "leads", "left_out"),
    [
        ("ignore", ["alone", "free", "quiet", "second"], {"converted inside the gap": 2}),
        ("ends", ["alone", "free"], {"a colleague converted inside the gap": 2, "converted inside the gap": 2}),
        ("counts", ["alone", "free"], {"converted inside the gap": 4}),
    ],
)
def test_a_colleagues_conversion_inside_the_gap(rule, leads, left_out):
    # Gap [03-09, 03-11): buyer and same convert in it; quiet and second are their colleagues.
    rule = ColleagueConversion(rule)
    settings = problem(weekly=False, cutoffs=["2026-03-09"], gap_days=2, horizon_days=7, colleague_conversion=rule)
    got = s.build_snapshots(tables(**COLLEAGUES), settings, datetime(2026, 5, 1))
    assert (got.frame["lead_id"].tolist(), got.left_out) == (leads, left_out)


def test_a_colleague_at_the_cutoff_itself_comes_after_it():
    rule = ColleagueConversion.ends
    settings = problem(weekly=False, cutoffs=["2026-03-10"], horizon_days=7, colleague_conversion=rule)
    got = s.build_snapshots(tables(**COLLEAGUES), settings, datetime(2026, 5, 1)).frame
    # [2026-03-10, 2026-03-17) holds the conversions at 03-10 00:00; quiet and second were exposed for no time in it.
    assert dict(zip(got["lead_id"], got["label"], strict=True)) == {
        "alone": 1, "buyer": 1, "free": 0, "quiet": 0, "same": 1, "second": 0,
    }  # fmt: skip


def test_given_dates_stand_beside_the_grid_and_must_lie_in_the_data():
    given = tables(
        leads="""lead_id, known_at
                            a,       2026-03-01 00:00"""
    )
    settings = problem(cutoffs=["2026-03-04T12:00+02:00", "2026-03-14"], horizon_days=3)
    got = s.build_snapshots(given, settings, datetime(2026, 3, 17)).frame
    assert [f"{line} {g}" for line, g in zip(shown(got), got["grid"], strict=True)] == expected("""
        a 2026-03-02 00:00 0 weekly
        a 2026-03-04 10:00 0 given
        a 2026-03-09 00:00 0 weekly
        a 2026-03-14 00:00 0 given
        a 2026-03-16 00:00 - weekly
    """)
    for outside in ("2026-03-01", "2026-03-17T00:00:01"):
        with pytest.raises(DataError, match=rf"problem.cutoffs={outside} is outside of the data: .*2026-03-01.*03-17"):
            s.build_snapshots(given, problem(cutoffs=[outside]), datetime(2026, 3, 17))
