"""Proof by dates: late writing, restated values, and features that change when the future is deleted."""

from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.audit import compare_features, compare_values, differing_evidence, written_late
from leadml.audit.writing import COUNTS, is_another


def table(text, *times):
    frame = pd.read_csv(StringIO("\n".join(line.strip() for line in text.strip().splitlines())), dtype=str)
    return frame.assign(**{t: pd.to_datetime(frame[t]) for t in times})


def made_leads(n):
    """Half of the leads convert, on the tenth day."""
    known = pd.Series(pd.Timestamp("2026-01-01"), index=range(n))
    converted = known + pd.to_timedelta(np.where(np.arange(n) % 2, 10, np.nan), unit="D")
    return pd.DataFrame({"lead_id": [f"L{i}" for i in range(n)], "known_at": known, "converted_at": converted})


def made_changes(leads, field, day, rows):
    at = leads["known_at"] + pd.to_timedelta(day, unit="D")
    return pd.DataFrame({"lead_id": leads["lead_id"], "field": field, "changed_at": at})[rows]


def test_a_field_written_with_the_conversion_is_named_with_its_share():
    leads = made_leads(200)
    won = leads["converted_at"].notna()
    changes = pd.concat(
        [
            made_changes(leads, "contract", 10, won),  # on the very day, converted leads alone
            made_changes(leads, "industry", 2, won | ~won),  # early, for all
            made_changes(leads, "cleaned", 20, won | ~won),  # late, but for all alike
            made_changes(leads, "rare", 10, won & (leads.index < 20)),  # ten changes: too few
        ]
    )
    found = written_late(changes, leads, within_days=1)
    assert set(found) == {"contract"}
    assert found["contract"].proof
    assert found["contract"].numbers == {
        "changes": 100, "late": 100, "share": 1.0, "changes_others": 0, "share_others": None, "within_days": 1,
        "after_days": None,
    }  # fmt: skip


def test_in_a_long_history_what_came_with_the_conversion_is_told_from_what_came_later():
    """Nearly all changes are after the moment, of both groups; only one field's come within days of it."""
    leads, g = made_leads(400), np.random.default_rng(0)
    won = leads["converted_at"].notna()
    later = pd.Series(g.uniform(12, 300, 400))
    changes = pd.concat(
        [
            made_changes(leads, "status", 10 + g.exponential(0.5, 400), won),
            made_changes(leads, "status", later, ~won),
            made_changes(leads, "town", later + 7, won | ~won),
        ]
    )
    found = written_late(changes, leads, within_days=1)
    assert set(found) == {"status"} and found["status"].numbers["after_days"] == 7.0


@pytest.mark.parametrize(("within", "named"), [(0, False), (1, False), (2, True), (5, True)])
def test_how_close_is_the_setting(within, named):
    leads = made_leads(200)
    changes = made_changes(leads, "stage", 8, leads["converted_at"].notna())  # two days before the conversion
    assert bool(written_late(changes, leads, within_days=within)) == named


def test_nobody_converted_is_no_proof():
    leads = made_leads(40).assign(converted_at=pd.NaT)
    assert written_late(made_changes(leads, "x", 1, leads.index >= 0), leads, 1) == {}


FIRST = """
lead_id,size,industry,town
1,10,Retail,
2,20,Retail,Rome
3,,Energy,Oslo
4,40,,Oslo
"""
SECOND = """
lead_id,size,industry,town
1,10,Retail,Pisa
2,21,Retail,Rome
3,,Energy,Oslo
4,40,,
"""


def test_values_are_compared_exactly_and_missing_equals_missing():
    one, other = (pd.read_csv(StringIO(t.strip()), dtype={"lead_id": str}) for t in (FIRST, SECOND))
    counts = compare_values(one, other)
    assert dict(zip(counts["column"], counts["differ"], strict=True)) == {
        "lead_id": 0, "size": 1, "industry": 0, "town": 2,
    }  # fmt: skip
    assert (counts["rows"] == 4).all()


def made_counts(**columns):
    """column: differing of 200 converted rows, and of 800 others."""
    rows = [(name, 1000, a + b, 200, a, 800, b) for name, (a, b) in columns.items()]
    return pd.DataFrame(rows, columns=COUNTS)


@pytest.mark.parametrize(
    ("differing", "dated", "expected"),
    [
        ((0, 0), False, None),
        ((0, 4), False, None),  # 0.4 %: a correction now and then
        ((6, 24), False, (False, 1)),  # 3 % of both: corrected, whatever became of the lead
        ((6, 24), True, None),  # rows that arrive late
        ((12, 48), True, (False, 1)),
        ((20, 10), False, (True, 0)),  # 10 % of converted leads, 1 % of the others
        ((20, 10), True, (True, 0)),
        ((0, 60), False, (True, 0)),  # of lost leads alone
        ((3, 1), False, None),  # too few to tell
        ((60, 240), False, (True, 0)),  # 30 %: whatever it was, it was not known as it stands
    ],
)
def test_differences_are_a_proof_where_they_go_with_the_outcome(differing, dated, expected):
    found = differing_evidence("restated", made_counts(x=differing, y=(0, 0), z=(0, 0)), {"x": dated})
    assert ((found["x"].proof, found["x"].points) if found else None) == expected


def test_other_data_say_nothing():
    other = made_counts(a=(180, 700), b=(200, 800), c=(0, 1))
    assert is_another(other) and differing_evidence("archive", other, {}) == {}
    assert not is_another(made_counts(a=(180, 700), b=(0, 0)))


def test_unknown_labels_are_in_neither_group():
    one, other = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]}), pd.DataFrame({"x": [1.0, 9.0, 9.0, 9.0]})
    counts = compare_values(one, other, np.array([1, 1, 0, np.nan]))
    assert counts.to_dict(orient="records") == [
        {"column": "x", "rows": 4, "differ": 3, "converted": 2, "differ_converted": 1, "others": 1, "differ_others": 1}
    ]


KEYS = table("lead_id,cutoff\na,2026-02-02\nb,2026-02-02\nc,2026-03-02", "cutoff")


def test_every_value_that_differs_is_listed():
    full = pd.DataFrame({"visits": [1.0, np.nan, 3.0], "stage": ["new", None, "won"], "gone": [1.0, 1.0, 1.0]})
    rebuilt = pd.DataFrame({"visits": [1.0, np.nan, 2.0], "stage": ["new", "old", None]})
    listed = compare_features(full, rebuilt, KEYS)
    assert listed.astype(object).where(listed.notna(), None).values.tolist() == [
        ["c", pd.Timestamp("2026-03-02"), "visits", "3.0", "2.0"],
        ["b", pd.Timestamp("2026-02-02"), "stage", None, "old"],
        ["c", pd.Timestamp("2026-03-02"), "stage", "won", None],
        ["a", pd.Timestamp("2026-02-02"), "gone", "1.0", None],
        ["b", pd.Timestamp("2026-02-02"), "gone", "1.0", None],
        ["c", pd.Timestamp("2026-03-02"), "gone", "1.0", None],
    ]
    assert compare_features(full, full.copy(), KEYS).empty
    assert list(compare_features(full, full, KEYS).columns) == ["lead_id", "cutoff", "feature", "full", "rebuilt"]
    with pytest.raises(ValueError, match="aligned"):
        compare_features(full, rebuilt.iloc[:2], KEYS)


CELL = st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.0, 0.1 + 0.2, 0.3]))


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_numbers_differ_as_python_says(pairs):
    one, other = (pd.Series([p[i] for p in pairs], dtype="float64") for i in (0, 1))
    slow = sum(a != b for a, b in pairs)
    counts = compare_values(pd.DataFrame({"x": one}), pd.DataFrame({"x": other}))
    assert counts["differ"].tolist() == [slow]
    keys = pd.DataFrame({"lead_id": "a", "cutoff": pd.Timestamp("2026-01-01")}, index=range(len(pairs)))
    assert len(compare_features(pd.DataFrame({"x": one}), pd.DataFrame({"x": other}), keys)) == slow
