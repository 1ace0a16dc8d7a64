"""P(converts sooner): never falling with the days, never above the main probability, the same bits for everyone."""

import io
import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.bootstrap import BootstrapConfig
from leadml.calibration import SMALLEST
from leadml.sooner import Sooner, SoonerConfig, column_name, fit_sooner, put_in_order, sooner_labels
from leadml.splits import Split

CONFIG = SoonerConfig((30.0, 14.0, 90.0), 90.0, 0.0, 180.0, BootstrapConfig(40, 0.9, 1))
DAYS = st.floats(0, 400, allow_subnormal=False)
PROBABILITY = st.floats(SMALLEST, 1 - SMALLEST)


def made(leads: int, seed: int, speed: float = 25.0) -> tuple[pd.DataFrame, Split, pd.DataFrame, pd.DataFrame]:
    """One row a lead on 40 weekly lists; the time to a conversion is exponential with the mean ``speed`` days."""
    generator = np.random.default_rng(seed)
    log_odds = generator.normal(-1.5, 1, leads)
    label = (generator.random(leads) < 1 / (1 + np.exp(-log_odds))).astype(float)
    week = np.arange(leads) * 40 // leads
    cutoff = pd.Timestamp("2025-01-06") + pd.to_timedelta(7 * week, unit="D")
    taken = np.minimum(generator.exponential(speed, leads), 89.9)
    snapshots = pd.DataFrame({"snapshot": np.arange(leads), "lead_id": [f"L{i}" for i in range(leads)]})
    snapshots = snapshots.assign(
        account_id=snapshots["lead_id"], cutoff=cutoff.astype("datetime64[us]"), grid="weekly", label=label
    )
    snapshots["list"], snapshots["probability"] = snapshots["cutoff"], 1 / (1 + np.exp(-log_odds))
    snapshots["days_to_conversion"] = np.where(label == 1, taken, np.nan)
    a, b, c = (np.flatnonzero((week >= i) & (week < j)) for i, j in ((0, 10), (10, 30), (30, 40)))
    split = Split("weekly", np.concatenate([a, b]), c, ((a, b),), np.arange(leads), None, None, ())
    return snapshots, split, snapshots.iloc[b].reset_index(drop=True), snapshots.iloc[c].reset_index(drop=True)


@pytest.fixture(scope="module")
def fitted():
    return fit_sooner(*made(6000, 1), CONFIG)


def test_rates_of_the_shorter_horizons_hold_in_the_test(fitted):
    assert fitted.final.days == (14.0, 30.0) and fitted.notes == ()
    for entry in fitted.metrics:
        assert entry["mean_probability"]["value"] == pytest.approx(entry["rate"]["value"], rel=0.15)
        assert entry["bias"]["low"] < 0 < entry["bias"]["high"] and entry["to_constant"]["high"] < 0
        assert entry["conversions"] == entry["rate"]["conversions"] > 50
    json.dumps(fitted.metrics, allow_nan=False)
    assert Sooner.from_dict(json.loads(json.dumps(fitted.final.to_dict()))) == fitted.final


def test_labels_by_eye():
    text = """
    days,within_14,within_30
    0,1,1
    13.999999,1,1
    14,0,1
    29.9,0,1
    30,0,0
    ,0,0
    """
    table = pd.read_csv(io.StringIO(text.replace(" ", "").strip()))
    for days in (14, 30):
        for gap in (0.0, 5.0):
            assert sooner_labels(table["days"].to_numpy() + gap, days, gap).tolist() == table[f"within_{days}"].tolist()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-30, 5), min_size=1, max_size=5), st.lists(PROBABILITY, min_size=1, max_size=20))
def test_probabilities_never_fall_with_the_days_and_never_exceed_the_main_one(shifts, probability):
    ordered = put_in_order(shifts)
    assert ordered == sorted(ordered) and max(ordered) <= 0 and put_in_order(ordered) == ordered
    if shifts == sorted(shifts) and shifts[-1] <= 0:
        assert ordered == shifts
    sooner = Sooner(tuple(10.0 * (k + 1) for k in range(len(shifts))), tuple(ordered))
    p = np.array(probability)
    found = sooner.probabilities(p)
    steps = [found[column_name(d)].to_numpy() for d in sooner.days] + [p]
    for lower, higher in pairwise(steps):
        assert (lower <= higher).all() and (lower >= SMALLEST).all()
    pd.testing.assert_frame_equal(sooner.probabilities(p[::-1])[::-1].reset_index(drop=True), found, check_exact=True)


def test_test_labels_do_not_enter_what_is_judged():
    snapshots, split, stream, test = made(3000, 2)
    changed = snapshots.copy()
    changed.loc[split.test, "days_to_conversion"] = 1.0
    one, other = fit_sooner(snapshots, split, stream, test, CONFIG), fit_sooner(changed, split, stream, test, CONFIG)
    assert one.judged == other.judged and one.final != other.final
    assert one.metrics[0]["rate"] != other.metrics[0]["rate"]


def test_wrong_order_is_put_in_order_and_said():
    """Ten leads convert at once after fifty lists each, a hundred after 25 days and one list: rates by leads cross."""
    text = """
    part,leads,rows,days
    train,50,1,1
    train,50,1,
    stream,10,50,1
    stream,100,1,25
    stream,9000,1,
    test,20,1,1
    test,20,1,
    """
    lines = pd.read_csv(io.StringIO(text.replace(" ", "").strip()))
    rows = lines.loc[lines.index.repeat(lines["leads"])].reset_index(drop=True)
    rows["lead_id"] = [f"L{i}" for i in range(len(rows))]
    rows = rows.loc[rows.index.repeat(rows["rows"])].reset_index(drop=True)
    label = rows["days"].notna().astype(float)
    rows = rows.assign(account_id=rows["lead_id"], label=label, days_to_conversion=rows["days"], probability=0.1)
    rows = rows.assign(cutoff=pd.Timestamp("2026-01-05"), list=pd.Timestamp("2026-01-05"), grid="weekly")
    rows["snapshot"] = np.arange(len(rows))
    train, stream, test = (np.flatnonzero(rows["part"] == p) for p in ("train", "stream", "test"))
    split = Split("weekly", train, test, (), train, None, None, ())
    found = fit_sooner(rows, split, rows.iloc[stream], rows.iloc[test], CONFIG)
    assert "intercepts within 14 days came out in the wrong order" in found.notes[0]
    assert found.final.shifts[0] == found.final.shifts[1] <= 0
    assert put_in_order([-0.5, -0.9, 0.2]) == [-0.9, -0.9, 0.0]


def test_too_few_and_unknown_times_are_said():
    snapshots, split, stream, test = made(3000, 3)
    slow = snapshots.assign(days_to_conversion=snapshots["days_to_conversion"].clip(lower=20))
    found = fit_sooner(slow, split, stream, test, CONFIG)
    assert found.final.days == (30.0,) and "no probability within 14 days: 0 converting leads" in found.notes[0]
    for unknown in (snapshots.drop(columns="days_to_conversion"), snapshots.assign(days_to_conversion=np.nan)):
        found = fit_sooner(unknown, split, stream, test, CONFIG)
        assert found.final == Sooner() and "do not say when" in found.notes[0]
    nothing = fit_sooner(snapshots, split, stream, test, replace(CONFIG, days=(90.0, 120.0)))
    assert nothing.final == Sooner() and nothing.notes == () and nothing.metrics == []
    assert nothing.final.probabilities(np.array([0.1])).shape == (0, 0)
