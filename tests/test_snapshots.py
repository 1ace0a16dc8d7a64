"""The prediction problem as text tables: who is in, what the label is, and why."""

from datetime import datetime
from io import StringIO

import ibis
import pandas as pd
import pytest

from leadml import snapshots as s
from leadml.config import ConversionEvent, ProblemConfig


def problem(**changes):
    settings = {
        "conversion": ConversionEvent.won,
        "gap_days": 0,
        "horizon_days": 30,
        "booking_delay_days": 0,
        "weekly": True,
        "weekday": 0,
        "age_days": [],
        "train_every": 1,
        "active_days": None,
        "data_end": None,
    }
    return ProblemConfig(**(settings | changes))


def table(text, times, columns):
    frame = pd.read_csv(StringIO(text), skipinitialspace=True, dtype=str)
    frame.columns = frame.columns.str.strip()
    frame = frame.apply(lambda c: c.str.strip())
    for column in times:
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
    for column, kind in columns.items():
        if column not in frame:
            frame[column] = pd.Series([None] * len(frame), dtype=kind)
        frame[column] = frame[column].astype(kind)
    return ibis.memtable(frame)


def tables(leads, touchpoints="", conversions="", closures=""):
    text = {"lead_id": "str", "account_id": "str"}
    return s.LeadTables(
        table(leads, ["known_at"], text),
        table(
            touchpoints or "lead_id,known_at,channel,kind,initiator", ["known_at"], {"kind": "str", "channel": "str"}
        ),
        table(conversions or "lead_id,converted_at,amount", ["converted_at"], {"amount": "float64"}),
        table(closures or "lead_id,closed_at,kind", ["closed_at"], {"kind": "str"}),
    )


def shown(frame):
    out = frame[["lead_id", "cutoff", "label"]].copy()
    out["cutoff"] = out["cutoff"].dt.strftime("%Y-%m-%d %H:%M")
    return [f"{r.lead_id} {r.cutoff} {'-' if pd.isna(r.label) else int(r.label)}" for r in out.itertuples()]


def expected(text):
    return [line.strip() for line in text.strip().splitlines()]


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
    assert got.loc[got["label"] != 1, "amount"].isna().all()


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
        {"lead_id": list("abcd"), "known_at": pd.to_datetime(["2025-01-01", "2025-01-01", "2025-06-01", "2025-12-30"])}
    )
    conversions = pd.DataFrame(
        {"lead_id": ["a", "c", "d"], "converted_at": pd.to_datetime(["2025-01-09", "2025-07-01", "2025-12-31"])}
    )
    got = s.build_conversion_curve(leads, conversions, datetime(2026, 1, 1))
    # Half of the 365 days of history: the curve goes to 180 days, so d (2 days old) is not counted.
    assert got["days"].tolist() == [7, 14, 30, 45, 60, 90, 120, 180]
    assert got["share"].tolist() == [0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert set(got["conversions"]) == {2}
