"""The leak audit on simulated exports with planted leaks: that they are what they say, and how many it finds."""

import numpy as np
import pandas as pd
import pytest
from conftest import counts
from planted import KINDS, Export, make_export
from planted.audited import Seen, audit_export
from planted.strength import auc, auc_alone

LOOK_ALIKE = ("disqualifier", "voucher")  # honest columns that are filled for one outcome alone
SEVERITIES = ("none", "low", "medium", "high", "proof")


@pytest.fixture(scope="module")
def exports() -> list[Export]:
    return [make_export(seed) for seed in range(20)]


def text(values: pd.Series) -> pd.Series:
    return values.astype(object).map(lambda v: None if pd.isna(v) else str(v))


def test_an_export_is_a_pure_function_of_its_seed(exports):
    again = make_export(7)
    pd.testing.assert_frame_equal(again.table, exports[7].table)
    pd.testing.assert_series_equal(again.label, exports[7].label)
    assert again.leaks == exports[7].leaks and again.honest == exports[7].honest
    assert not exports[7].table.equals(exports[8].table)


def test_three_exports_of_twenty_have_no_leak_and_the_others_one_to_four(exports):
    assert [len(e.leaks) for e in exports[:3]] == [0, 0, 0]
    assert all(1 <= len(e.leaks) <= 4 for e in exports[3:])
    assert {leak.kind for e in exports for leak in e.leaks} <= set(KINDS)
    assert len({leak.kind for e in exports for leak in e.leaks}) > len(KINDS) / 2


def test_every_column_is_told_once_and_is_there(exports):
    for e in exports:
        told = [t.column for t in (*e.leaks, *e.honest) if t.column is not None]
        assert sorted(told) == sorted(e.columns)
        assert 8 <= len(e.honest) <= 30
        assert e.table[e.id_column].is_unique
        assert e.label.dropna().isin([0.0, 1.0]).all() and e.label.sum() >= 10


def test_an_export_knows_nothing_of_later_days(exports):
    for e in exports:
        assert not (e.outcome_at > e.exported_at).any()
        assert not (e.state[e.outcome_at.notna()] == "open").any()
        if e.created_column is None:
            assert e.history is None and e.earlier is None and e.outcome_at.isna().all()
            continue
        immature = e.table[e.created_column] + pd.Timedelta(days=e.horizon_days) > e.exported_at
        twice = any(leak.kind == "duplicates" for leak in e.leaks)  # copies are entered later than the case began
        assert twice or (e.label.isna() == immature).all()


def test_a_history_ends_with_the_values_of_the_table(exports):
    rows = 0
    for e in (e for e in exports if e.history is not None):
        assert not (e.history["changed_at"] > e.exported_at).any()
        table = e.table.set_index(e.id_column)
        for field, changes in e.history[e.history["entity_id"].isin(table.index)].groupby("field"):
            now = text(table.loc[changes["entity_id"], field]).tolist()
            assert now == text(changes["value"]).tolist()
            rows += len(changes)
    assert rows > 1000


def test_an_earlier_export_holds_the_cases_of_then(exports):
    found = [e for e in exports if e.earlier is not None]
    assert found
    for e in found:
        assert list(e.earlier.columns) == list(e.table.columns)
        assert (e.earlier[e.created_column] < e.earlier_at).all()


def test_leaks_know_the_outcome_and_honest_columns_are_up_to_085(exports):
    strong = [t.alone for e in exports for t in e.honest]
    assert 0.02 < np.mean(np.array(strong) > 0.65) < 0.2 and max(strong) < 0.9
    leaks = [t.alone for e in exports for t in e.leaks if t.column is not None]
    assert np.median(leaks) > 0.75 and min(leaks) < 0.65 and max(leaks) > 0.95


def test_strength_counts_pairs_and_reads_missing_as_a_level():
    label = np.array([0.0, 0.0, 1.0, 1.0])
    assert auc(np.array([1.0, 3.0, 2.0, 4.0]), label) == 0.75
    assert auc(np.array([5.0, 5.0, 5.0, 5.0]), label) == 0.5
    rng = np.random.default_rng(3)
    many = (rng.random(4000) < 0.3).astype(float)
    values = pd.Series(rng.random(4000)).mask(many == 1)
    assert auc_alone(values, many) == 1.0
    assert abs(auc_alone(pd.Series(rng.random(4000)), many) - 0.5) < 0.04


def said(seen: list[Seen], severity: str) -> list[Seen]:
    return [s for s in seen if SEVERITIES.index(s.severity) >= SEVERITIES.index(severity)]


def share_of_leaks(seen: list[Seen]) -> float:
    return float(np.mean([s.leak for s in seen]))


@pytest.mark.deep
def test_the_audit_finds_what_is_planted_and_little_else():
    """12 exports, 200 in full; the figures of all are in docs/audit.md, these are floors well below them."""
    seen = [s for seed in range(counts(12, 200)) for s in audit_export(make_export(seed))]
    # Nothing but their owners tells these from leaks: they are asked about, and must never be a proof.
    odd = [s for s in seen if not s.leak and s.truth.kind in LOOK_ALIKE]
    assert len(odd) > 12 and not said(odd, "proof")
    assert len(said(odd, "high")) / len(odd) < 0.25
    seen = [s for s in seen if s not in odd]
    leaks = [s for s in seen if s.leak]
    strong = [s for s in leaks if s.truth.band == "strong"]
    assert len(said(leaks, "low")) / len(leaks) > 0.50
    assert len(said(strong, "medium")) / len(strong) > 0.70
    assert len(said(strong, "high")) / len(strong) > 0.55
    assert share_of_leaks(said(seen, "medium")) > 0.80
    assert share_of_leaks(said(seen, "high")) > 0.85
    assert share_of_leaks(said(seen, "proof")) > 0.90


def test_of_exports_without_a_leak_hardly_anything_is_left_out(exports):
    clean = [e for e in exports if not e.leaks]
    columns = sum(len(e.honest) for e in clean)
    alarms = [s for e in clean for s in said(audit_export(e), "high") if s.truth.kind not in LOOK_ALIKE]
    assert len(clean) == 3 and columns > 30
    assert len(alarms) <= 1
