import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.bootstrap import BootstrapConfig
from leadml.errors import DataError
from leadml.thresholds import choose_threshold, count_weeks, grade_of, judge_threshold, replay_lists

CONFIG = BootstrapConfig(draws=100, confidence=0.9, seed=1)

LISTS = """
cutoff,lead_id,probability,label
2024-01-01,a,0.9,1
2024-01-01,b,0.2,0
2024-01-08,a,0.9,1
2024-01-08,b,0.6,0
2024-01-15,a,0.8,1
2024-01-15,b,0.6,0
2024-01-15,c,0.5,1
2024-01-22,a,0.1,0
2024-01-22,b,0.7,0
"""

ENTRIES = """
cutoff,lead_id
2024-01-01,a
2024-01-08,b
2024-01-15,a
2024-01-15,c
2024-01-22,b
"""


def read(text: str) -> pd.DataFrame:
    frame = pd.read_csv(io.StringIO(text.strip()), parse_dates=["cutoff"])
    frame["cutoff"] = frame["cutoff"].astype("datetime64[us]")
    return frame.assign(account_id=frame["lead_id"])


def test_replay_by_eye():
    """A fortnight apart: a may enter again on the 15th (exactly 14 days), b on the 22nd."""
    found = replay_lists(read(LISTS), 0.5, again_after_days=14)
    pd.testing.assert_frame_equal(
        found[["cutoff", "lead_id"]].reset_index(drop=True), read(ENTRIES)[["cutoff", "lead_id"]]
    )
    later = replay_lists(read(LISTS), 0.5, again_after_days=14.001)
    assert [(t.day, lead) for t, lead in zip(later["cutoff"], later["lead_id"], strict=True)] == [
        (1, "a"),
        (8, "b"),
        (15, "c"),
    ]


def slow_replay(lists: pd.DataFrame, threshold: float, again_after_days: float) -> set[int]:
    """Week by week, with a dictionary of who entered when."""
    worked: dict[str, pd.Timestamp] = {}
    entries = set()
    for cutoff in sorted(lists["cutoff"].unique()):
        for row in lists[lists["cutoff"] == cutoff].itertuples():
            recent = row.lead_id in worked and cutoff - worked[row.lead_id] < pd.Timedelta(days=again_after_days)
            if row.probability >= threshold and not recent:
                worked[row.lead_id] = cutoff
                entries.add(row.Index)
    return entries


lists_strategy = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 5), st.integers(0, 8)),
    min_size=1,
    max_size=60,
    unique_by=lambda r: (r[0], r[1]),
)


def as_lists(rows: list[tuple[int, int, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["day", "lead", "p"])
    cutoff = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["day"], unit="D")
    return pd.DataFrame(
        {
            "cutoff": cutoff.astype("datetime64[us]"),
            "lead_id": "L" + frame["lead"].astype(str),
            "probability": frame["p"] / 10,
        }
    )


@settings(max_examples=80, deadline=None)
@given(lists_strategy, st.integers(0, 9), st.integers(1, 30))
def test_replay_agrees_with_its_slow_twin(rows, tenths, again):
    lists = as_lists(rows)
    assert set(replay_lists(lists, tenths / 10, again).index) == slow_replay(lists, tenths / 10, again)


@settings(max_examples=60, deadline=None)
@given(lists_strategy, st.integers(1, 6), st.integers(1, 30))
def test_the_smallest_threshold_within_capacity(rows, capacity, again):
    lists = as_lists(rows)
    weeks = count_weeks(lists)
    entries = {p: len(slow_replay(lists, p, again)) for p in sorted(set(lists["probability"]))}
    counts = list(entries.values())
    assert counts == sorted(counts, reverse=True)  # never more entries with a higher threshold
    allowed = [p for p, n in entries.items() if n <= capacity * weeks]
    choice = choose_threshold(lists, capacity, again)
    assert choice.threshold == (allowed[0] if allowed else max(entries))
    assert choice.entries_per_week * weeks == pytest.approx(entries[choice.threshold])
    assert (choice.note is not None and "over capacity" in choice.note) == (not allowed)


def test_capacity_above_the_lists_lets_everyone_in():
    choice = choose_threshold(read(LISTS), 100, 14)
    assert choice.threshold == 0.1
    assert choice.weeks == 4
    assert choice.note == "capacity is above what the lists hold: every lead enters"
    json.dumps(choice.to_dict())


def test_ties_above_capacity_are_said():
    lists = read(LISTS).assign(probability=0.3)
    choice = choose_threshold(lists, 1, 14)
    assert choice.threshold == 0.3
    assert choice.note.startswith("over capacity: 1.2 leads a week share")


def test_an_undated_table_is_one_week():
    lists = pd.DataFrame({"lead_id": list("abcd"), "probability": [0.1, 0.2, 0.3, 0.4]})
    lists["cutoff"] = pd.Series(pd.NaT, index=lists.index, dtype="datetime64[us]")
    assert choose_threshold(lists, 2, 30).threshold == 0.3
    lists = lists.assign(account_id=lists["lead_id"], label=[0.0, 0.0, 1.0, 1.0])
    assert judge_threshold(lists, 0.3, 30, CONFIG)["first_week_entries"] == 2


def test_judgement_by_eye():
    found = judge_threshold(read(LISTS), 0.5, 14, CONFIG)
    # Entries: a (1), b (0), a (1), c (1), b (0) over four weeks; a and c convert.
    assert found["entries_per_week"] == 5 / 4
    assert found["first_week_entries"] == 1
    assert found["expected_precision"] == pytest.approx((0.9 + 0.6 + 0.8 + 0.5 + 0.7) / 5)
    assert found["observed_precision"]["value"] == pytest.approx(3 / 5)
    assert found["conversions_per_week"]["value"] == pytest.approx(2 / 4)
    assert found["distinct_conversions"] == 2
    assert found["captured"] == 1.0
    json.dumps(found, allow_nan=False)


def test_nobody_enters():
    found = judge_threshold(read(LISTS), 0.95, 14, CONFIG)
    assert found["entries_per_week"] == 0
    assert found["expected_precision"] is None
    assert found["observed_precision"]["value"] is None
    assert found["conversions_per_week"]["value"] == 0
    json.dumps(found, allow_nan=False)


def test_intervals_draw_accounts_not_rows():
    """Copies of the lists whose leads stay with their accounts: the more accounts hold them, the narrower."""
    parts = [read(LISTS) for _ in range(40)]
    copies = pd.concat(
        [p.assign(lead_id=p["lead_id"] + str(i), copy=i) for i, p in enumerate(parts)], ignore_index=True
    )

    def width(account: pd.Series) -> float:
        found = judge_threshold(copies.assign(account_id=account), 0.5, 14, CONFIG)["observed_precision"]
        assert found["low"] < 0.6 < found["high"]
        return found["high"] - found["low"]

    assert width(copies["lead_id"].str[0] + (copies["copy"] % 5).astype(str)) > 1.5 * width(copies["lead_id"])


def test_two_converting_accounts_have_no_interval():
    """All leads of one account: every draw that has it at all has the same precision, which is no certainty."""
    for lists in (read(LISTS), read(LISTS).assign(account_id="one")):
        found = judge_threshold(lists, 0.5, 14, CONFIG)
        for figure in (found["observed_precision"], found["conversions_per_week"]):
            assert figure["value"] is not None and figure["low"] is figure["high"] is None


def test_grades_are_half_open_ranges():
    grades = {"A": 75, "B": 60, "C": 45, "D": 0}
    score = np.array([100, 75, 74.999, 60, 59.999, 45, 44.999, 0])
    assert grade_of(score, grades).tolist() == ["A", "A", "B", "B", "C", "C", "D", "D"]
    with pytest.raises(DataError, match="1 of 2 scores"):
        grade_of(np.array([50.0, np.nan]), grades)


def test_a_million_rows_do_not_overflow():
    generator = np.random.default_rng(0)
    lead = np.tile(np.arange(100_000), 3)
    cutoff = pd.Timestamp("2010-01-01") + pd.to_timedelta(np.repeat([0, 7, 5000], 100_000), unit="D")
    lists = pd.DataFrame({"cutoff": cutoff, "lead_id": lead, "probability": generator.random(300_000)})
    entries = replay_lists(lists, 0.0, 30)
    assert entries["cutoff"].value_counts().to_dict() == {
        pd.Timestamp("2010-01-01"): 100_000,
        pd.Timestamp("2010-01-01") + pd.Timedelta(days=5000): 100_000,
    }
