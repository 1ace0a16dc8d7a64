"""What the data lack: every finding at once, with its counts and dates, in both languages."""

import string
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_lists import make_config, make_leads, make_problem

from leadml.config import EnoughConfig
from leadml.errors import ConfigurationError, DataError
from leadml.recipe import split_checked, typed
from leadml.sufficiency import (
    EXTRACT_ONLY,
    SEVERITIES,
    Shortfall,
    check_enough,
    find_shortfalls,
    find_silences,
    find_stops,
)
from leadml.sufficiency_words import TEXTS

CONFIG = make_config()


def asking(**enough: float):
    return replace(CONFIG, train=replace(CONFIG.train, enough=EnoughConfig(**enough)))


@pytest.fixture(scope="module")
def snapshots() -> pd.DataFrame:
    return typed(make_leads(1500, 60, 1)[0])


def kinds(found: list[Shortfall]) -> dict[str, Shortfall]:
    return {s.kind: s for s in found}


def test_enough_is_enough(snapshots):
    assert find_shortfalls(snapshots, CONFIG) == []
    assert split_checked(snapshots, CONFIG).kind == "weekly"


def test_everything_that_stops_is_told_in_one_line(snapshots):
    early = snapshots["cutoff"] < pd.Timestamp("2024-02-05")
    short = snapshots[early].reset_index(drop=True)
    short["label"] = short["label"].where(short.index == 3, 0.0)
    short.loc[3, "label"] = 1.0
    with pytest.raises(DataError) as caught:
        split_checked(short, CONFIG)
    told = str(caught.value)
    assert "1 distinct converting leads in all matured data, 30 are needed" in told
    assert "too few for a test and a validation" in told and "\n" not in told
    assert told.count("problem.horizon_days") >= 2
    found = find_shortfalls(short, CONFIG)
    assert [s.severity for s in found] == sorted([s.severity for s in found], key=SEVERITIES.index)
    assert {"few_conversions", "short_history", "few_leads", "few_months"} <= set(kinds(found))
    with pytest.raises(DataError) as again:
        check_enough(found)
    assert str(again.value) == told


@pytest.mark.parametrize(("value", "kind"), [(np.nan, "no_matured"), (0.0, "none_converted"), (1.0, "all_converted")])
def test_one_outcome_or_none(snapshots, value, kind):
    split, stops = find_stops(snapshots.assign(label=value), CONFIG)
    assert split is None and stops[0].kind == kind
    assert stops[0].counts["snapshots"] == (len(snapshots))


def test_conversions_that_all_lie_in_the_test(snapshots):
    old = snapshots["cutoff"] < pd.Timestamp("2024-12-01")
    late = snapshots.assign(label=snapshots["label"].mask(old & (snapshots["label"] == 1), 0.0))
    found = kinds(find_shortfalls(late, CONFIG))
    assert found["short_history"].severity == "stop" or found["few_in_training"].counts["found"] == 0


def test_thresholds_are_the_settings(snapshots):
    leads = int(snapshots.loc[snapshots["label"].notna(), "lead_id"].nunique())
    asked = {"leads": leads + 1, "conversions": 5000, "months": 40.0, "immature_share": 0.01}
    found = kinds(find_shortfalls(snapshots, asking(**asked)))
    assert set(found) == {"few_leads", "wide_intervals", "few_months", "immature"}
    assert found["few_leads"].counts == {"found": leads, "wanted": leads + 1}
    assert 11 < found["few_months"].counts["found"] < 14 and found["few_months"].dates["first"].startswith("2024-01")
    assert found["immature"].counts["found"] == int(snapshots["label"].isna().sum())
    assert find_shortfalls(snapshots, asking(leads=leads)) == []
    with pytest.raises(ConfigurationError, match=r"train\.enough\.immature_share=1"):
        EnoughConfig(immature_share=1)


def test_one_account_with_most_of_the_conversions(snapshots):
    converting = snapshots["label"] == 1
    one = snapshots.assign(account_id=snapshots["account_id"].mask(converting & (snapshots.index % 3 > 0), "BIG"))
    found = kinds(find_shortfalls(one, CONFIG))["one_account"]
    assert found.severity == "warn" and found.counts["account"] == "BIG"
    assert found.counts["found"] / found.counts["everyone"] > 0.5
    assert "BIG" in found.words() and "BIG" in found.words("es")


def test_amounts(snapshots):
    assert kinds(find_shortfalls(snapshots.assign(amount=np.nan), CONFIG))["no_amounts"].severity == "note"
    some = snapshots.assign(amount=snapshots["amount"].where(snapshots["lead_id"].str[-1].isin(list("01234"))))
    found = kinds(find_shortfalls(some, CONFIG))["few_amounts"]
    assert 0.4 < found.counts["found"] / found.counts["everyone"] < 0.6


def test_a_fold_and_a_test_of_one_outcome(snapshots):
    split = split_checked(snapshots, CONFIG)
    label = snapshots["label"].copy()
    label.iloc[split.folds[-1][1]] = 0.0
    label.iloc[split.test] = 0.0
    # Judged with the folds of the whole, whose fitting rows hold enough.
    found = kinds(find_shortfalls(snapshots.assign(label=label), CONFIG))
    assert found["one_class_fold"].counts["conversions"] == 0 and found["one_class_fold"].dates["first"] > "2024-06"
    assert found["one_class_test"].counts["rows"] == len(split.test)
    assert all(s.severity == "warn" for s in found.values())


def daily(text: str) -> dict[str, pd.Series]:
    """Rows a day from lines of TABLE FROM TO ROWS, both days included."""
    parts: dict[str, list[pd.Series]] = {}
    for line in text.strip().splitlines():
        name, first, last, rows = line.split()
        parts.setdefault(name, []).append(pd.Series(int(rows), index=pd.date_range(first, last)))
    return {name: pd.concat(found) for name, found in parts.items()}


END = pd.Timestamp("2025-12-31")
WHOLE = """
leads 2025-01-01 2025-12-30 5
touchpoints 2025-01-01 2025-12-30 50
conversions 2025-02-01 2025-12-20 1
"""


def test_no_silence():
    assert find_silences(daily(WHOLE), END, CONFIG) == []


def test_silences_by_eye():
    table = daily("""
    leads 2025-01-01 2025-03-31 5
    leads 2025-06-01 2025-12-30 5
    touchpoints 2025-01-01 2025-11-20 50
    conversions 2025-07-01 2025-09-30 1
    """)
    found = {(s.kind, s.counts.get("table")): s for s in find_silences(table, END, CONFIG)}
    assert set(found) == {("quiet", "leads"), ("quiet", "touchpoints"), ("conversions_stop", None),
                          ("conversions_begin", None)}  # fmt: skip
    leads = found["quiet", "leads"]
    # April and May: 61 days, all other days have leads.
    assert leads.counts["days"] == leads.counts["expected"] == 61
    assert leads.dates == {"first": "2025-04-01", "last": "2025-06-01"}
    assert found["quiet", "touchpoints"].dates == {"first": "2025-11-21", "last": "2025-12-31"}
    # Booked up to a week late, so the data can hold conversions up to December 24th.
    assert found["conversions_stop", None].counts["days"] == 85
    assert found["conversions_begin", None].dates == {"first": "2025-07-01", "lead": "2025-01-01"}
    assert "puntos de contacto" in found["quiet", "touchpoints"].words("es")


def test_a_slow_pace_is_no_silence():
    table = daily(WHOLE)
    rare = pd.Series(1, index=pd.date_range("2025-01-01", END, freq="40D"))
    assert find_silences(table | {"touchpoints": rare}, END, CONFIG) == []
    slow = pd.Series(1, index=pd.to_datetime(["2025-02-01", "2025-05-01", "2025-09-01"]))
    assert find_silences(table | {"conversions": slow}, END, replace(CONFIG, problem=make_problem())) == []


def test_every_kind_has_its_words_in_both_languages():
    for kind, texts in TEXTS.items():
        assert len(texts) == 4 and texts[0] and texts[1] and texts[0] != texts[1] and texts[3], kind
        allowed = {n for _, n, *_ in string.Formatter().parse(texts[0] + texts[1]) if n}
        values = dict.fromkeys(allowed | {"said"}, "7")
        dates = {k: values.pop(k) for k in ("first", "last", "end", "lead") if k in values}
        one = Shortfall(kind, "warn", values, dates)
        assert Shortfall.from_dict(one.to_dict()) == one
        assert "{" not in one.words() + one.words("es") + one.way_out() + one.way_out("es")
    assert set(EXTRACT_ONLY) <= set(TEXTS)
