"""The leak audit's core: planted leaks are found, honest signals are not, and every figure can be checked by hand."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from audit_lookalikes import made_bank, made_education
from conftest import ROOT

from leadml.audit import (
    SEVERITIES,
    AuditInput,
    Evidence,
    Finding,
    audit_frame,
    columns_of,
    duplicate_leads,
    duplicate_rows,
    evidence_words,
    judge_column,
)
from leadml.audit.columns import code_column
from leadml.audit.filling import lower_bound, upper_bound
from leadml.audit.findings import GROUPS, PROOFS, TABLE_KINDS
from leadml.audit.meanings import words_evidence
from leadml.audit.power import build_outcome, code_auc, with_interval
from leadml.audit.telling import TEXTS
from leadml.errors import DataError
from leadml.features.dictionary import Kind


def found(X, label, **more):
    return {f.column: f for f in audit_frame(AuditInput(X, np.asarray(label), **more))}


def kinds(finding):
    return {e.kind for e in finding.evidence}


@pytest.fixture(scope="module")
def half():
    """4,000 rows, half of them converted, and a generator."""
    g = np.random.default_rng(3)
    return (np.arange(4000) % 2).astype(float), g


# ------------------------------------------------------------------------------------- sets with known statistics
def test_an_online_school_names_what_was_written_after_the_call():
    X, label = made_education(9240, seed=1)
    result = found(X, label)
    assert {n for n, f in result.items() if f.at_least("high")} == {"Call remark", "How good is it"}
    assert {"alone", "pure_levels"} <= kinds(result["Call remark"])
    assert {"alone", "missing_alone", "pure_levels"} <= kinds(result["How good is it"])
    assert not {"Seconds on site", "Origin", "Last thing done", "Town", "Visits"} & {
        n for n, f in result.items() if f.at_least("high")
    }


@pytest.mark.parametrize("rate", [0.116, 0.113])
def test_a_bank_names_how_long_the_call_took_by_its_dominance(rate):
    X, label = made_bank(20_000, seed=2, rate=rate)
    result = found(X, label)
    assert {n for n, f in result.items() if f.at_least("high")} == {"seconds_talked"}
    assert {"alone", "dominance"} <= kinds(result["seconds_talked"])
    told = {e.kind: e.numbers for e in result["seconds_talked"].evidence}
    assert 0.79 < told["alone"]["auc"] < 0.84 and told["dominance"]["others"] > 0.7
    assert "rate_3m" not in result or not result["rate_3m"].at_least("high")


def test_without_the_leak_nothing_is_grave():
    X, label = made_bank(20_000, seed=2)
    assert not [f for f in found(X.drop(columns="seconds_talked"), label).values() if f.at_least("high")]


def test_several_leaks_do_not_hide_each_other():
    X, label = made_bank(12_000, seed=5)
    X["verdict"] = np.where(label == 1, "yes", "no")
    X["again"] = np.where(label == 1, 1.0, 0.0)
    result = found(X, label)
    assert {"verdict", "again", "seconds_talked"} <= {n for n, f in result.items() if f.at_least("high")}


# ------------------------------------------------------------------------------------- each kind of evidence
def test_values_that_exist_only_where_leads_convert_are_a_proof(half):
    label, _ = half
    lost = np.flatnonzero(label == 0)
    reason = np.full(4000, None, dtype=object)
    reason[lost[:1200]] = ["price", "no budget", "went elsewhere"] * 400
    revenue = np.where(label == 1, 100.0, np.nan)
    result = found(pd.DataFrame({"a": reason, "b": revenue}), label)
    assert result["b"].severity == "proof"
    assert result["a"].severity == "high"  # bounced, unsubscribed: such a field may be honest
    numbers = {e.kind: e.numbers for e in result["a"].evidence}["only_with_outcome"]
    assert (numbers["outcome"], numbers["filled"], numbers["with_outcome"]) == ("not converted", 1200, 1200)


@pytest.mark.parametrize(
    ("filled", "wrong", "proof"),
    # 200 of the 2,000 converted rows must be filled; a voucher whose leads convert at 98.5 % is no proof
    [(1000, 0, True), (1000, 10, True), (1000, 15, False), (1000, 60, False), (25, 0, False), (150, 0, False)],
)
def test_only_with_the_outcome_needs_cases_coverage_and_hardly_an_exception(half, filled, wrong, proof):
    label, _ = half
    won, lost = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    column = np.full(4000, np.nan)
    column[won[: filled - wrong]] = 1.0
    column[lost[:wrong]] = 1.0
    result = found(pd.DataFrame({"x": column}), label)
    assert (("x" in result) and result["x"].proof) == proof


@pytest.mark.parametrize(
    ("rows", "rate", "filled", "severity"),
    [
        (5000, 0.02, 50, "proof"),  # 50 of 50: the bound is 0.91
        (5000, 0.02, 35, "high"),  # 35 of 35: 0.88
        (20_000, 0.003, 29, "high"),
        (20_000, 0.003, 8, "low"),  # the bound is 0.56: nothing is said of it but the gap
        (400, 0.25, 15, "medium"),
    ],
)
def test_few_conversions_are_enough_to_be_asked_about(rows, rate, filled, severity):
    label = np.zeros(rows)
    label[: int(rows * rate)] = 1.0
    plan = np.where(np.arange(rows) < filled, 1.0, np.nan)
    result = found(pd.DataFrame({"plan": plan, "other": np.arange(rows) % 7.0}), label)
    assert ("plan" in result and "only_with_outcome" in kinds(result["plan"])) == (severity != "low")
    assert severity == "low" or result["plan"].severity == severity


def test_another_value_than_the_usual_one_is_strong_but_no_proof(half):
    label, _ = half
    column = np.where((label == 1) & (np.arange(4000) % 5 < 2), 250.0, 0.0)
    finding = found(pd.DataFrame({"x": column}), label)["x"]
    assert finding.severity == "high" and "unusual_only" in kinds(finding)


def test_being_empty_tells(half):
    label, g = half
    values = np.where(g.random(4000) < np.where(label == 1, 0.9, 0.25), g.normal(size=4000), np.nan)
    finding = found(pd.DataFrame({"x": values}), label)["x"]
    numbers = next(e.numbers for e in finding.evidence if e.kind == "missing_alone")
    assert 0.79 < numbers["auc"] < 0.86 and numbers["rate_missing"] < 0.15 < numbers["rate_filled"]
    assert finding.at_least("medium")


def test_comparable_leads_are_of_one_period(half):
    """Older leads are filled in more, and convert more: within a period there is no difference to see."""
    label, g = half
    old = g.random(4000) < np.where(label == 1, 0.9, 0.1)
    values = np.where(g.random(4000) < np.where(old, 0.95, 0.05), 1.0, np.nan)
    period = np.where(old, "2025Q1", "2025Q4")
    finding = found(pd.DataFrame({"x": values}), label, period=period)["x"]
    assert "fill_gap" not in kinds(finding)
    wrong = np.where(g.random(4000) < np.where(label == 1, 0.9, 0.3), 1.0, np.nan)
    gap = next(e for e in found(pd.DataFrame({"x": wrong}), label, period=period)["x"].evidence if e.kind == "fill_gap")
    assert gap.numbers["fill"] == pytest.approx(0.9, abs=0.03) and gap.numbers["against"] == "others"


def test_filled_in_training_and_empty_on_the_leads_to_score(half):
    label, g = half
    X = pd.DataFrame({"x": g.normal(size=4000), "y": g.normal(size=4000)})
    scoring = pd.DataFrame({"x": np.full(500, np.nan), "y": g.normal(size=500)})
    result = found(X, label, scoring=scoring)
    assert kinds(result["x"]) == {"fill_gap"} and "y" not in result
    assert evidence_words(result["x"].evidence[0]) == "filled for 100% in training and 0.0% of the leads to score"


def test_power_has_any_shape_and_ids_have_none(half):
    label, g = half
    bent = np.where(label == 1, g.normal(0, 0.3, 4000), g.choice([-2, 2], 4000) + g.normal(0, 0.3, 4000))
    ids = np.array([f"{i:x}" for i in g.permutation(4000)], dtype=object)
    result = found(pd.DataFrame({"bent": bent, "id": ids}), label)
    assert result["bent"].severity == "high" and "id" not in result


def test_dated_columns_are_suspect_only_when_they_say_nearly_everything(half):
    label, g = half
    strong, perfect = label * 2.2 + g.normal(size=4000), label * 4 + g.normal(size=4000)
    X = pd.DataFrame({"contract_stage": strong, "all": perfect})
    assert set(found(X, label, columns=columns_of(X, dated=["contract_stage", "all"]))) == {"all"}
    assert found(X, label)["contract_stage"].at_least("high")


def test_words_only_make_evidence_graver(half):
    label, g = half
    weak, strong = label * 0.5 + g.normal(size=4000), label * 1.25 + g.normal(size=4000)
    X = pd.DataFrame({"Contract signed": weak, "Reason closed": g.normal(size=4000), "plain": strong})
    result = found(X, label)
    assert set(result) == {"plain"}
    points = Evidence("alone", {}, 3), Evidence("words", {"word": "contract", "meaning": "after the sale"})
    assert judge_column("x", "", points[:1]).severity == "medium"
    assert judge_column("x", "", points).severity == "high"
    assert judge_column("x", "", points[1:]) is None


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("Why not", "reason"), ("Motivo del descarte", "reason"), ("resultadoFinal", "outcome"),
        ("Closing__c", "closing"), ("Loss Reason", "outcome"), ("Closed_Won__c", "outcome"),
        ("Fecha de contrato", "after the sale"), ("Deal stage", "state"),
        ("Lead rating", "judgement"), ("Invoice no", "after the sale"),
        ("Country", None), ("Lead source", None), ("Winter campaign", None), ("Pages viewed", None),
    ],
)  # fmt: skip
def test_meanings(name, meaning):
    evidence = words_evidence(name)
    assert (evidence.numbers["meaning"] if evidence else None) == meaning


def test_the_order_of_rows_and_of_ids_is_told_and_blocks_no_column(half):
    label, g = half
    X = pd.DataFrame({"x": g.normal(size=4000)})
    order = np.argsort(np.argsort(-label + g.normal(0, 0.2, 4000)))
    ids = np.array([f"L{i}" for i in order], dtype=object)
    result = found(X, label, position=order, lead_id=ids)
    assert {"(row order)", "(id order)"} == set(result)
    assert all(f.of_table for f in result.values())
    assert not found(X, label, position=np.arange(4000), lead_id=np.arange(4000).astype(str))


def test_a_lead_counts_once_however_many_snapshots_it_has():
    """Forty leads, a hundred rows each: the interval is that of forty."""
    g = np.random.default_rng(0)
    lead = np.repeat(np.arange(40), 100)
    label = (lead % 4 == 0).astype(float)
    noise = g.normal(size=40)[lead]
    assert not found(pd.DataFrame({"x": noise}), label, lead_id=lead)
    only = np.where(lead % 4 == 0, 1.0, np.nan)  # ten filled leads: too few for a proof
    assert not found(pd.DataFrame({"x": only}), label, lead_id=lead).get("x", Finding("x", "", "low", ())).proof


def test_copies_across_the_split_are_told_from_rows_alike_by_chance(half):
    label, g = half
    wide = pd.DataFrame({f"c{i}": g.normal(size=2000) for i in range(4)})
    train, test = np.arange(1400), np.arange(1400, 2000)
    assert duplicate_rows(wide, label[:2000], train, test) is None
    copied, copied_label = wide.copy(), label[:2000].copy()
    copied.iloc[1400:1700] = wide.iloc[:300].to_numpy()
    copied_label[1400:1700] = label[:300]
    assert duplicate_rows(copied, copied_label, train, test).numbers == {"rows": 300, "share": 0.5, "what": "rows"}
    narrow = pd.DataFrame({"flag": g.choice(["a", "b"], 2000)})
    assert duplicate_rows(narrow, label[:2000], train, test) is None
    leads = np.r_[np.arange(1400), np.arange(300), np.arange(5000, 5300)]
    assert duplicate_leads(leads, train, test).numbers == {"rows": 300, "share": 0.5, "what": "leads"}
    assert duplicate_leads(np.arange(2000), train, test) is None


def test_copies_are_told_without_the_labels_of_the_test(half):
    """Rows of two flags that the outcome decides: alike within training, whatever the test's labels are."""
    _, g = half
    pair = np.arange(4000) // 2
    told = (g.random(2000) < 0.5).astype(float)[pair]
    X = pd.DataFrame({"a": pair % 40.0, "b": pair // 40.0})
    train, test = np.arange(0, 2800), np.arange(2000, 4000)
    seen = [duplicate_rows(X, np.where(np.isin(np.arange(4000), train), told, v), train, test) for v in (0, 1, np.nan)]
    assert seen[0] is not None and seen[0] == seen[1] == seen[2]
    mixed = g.permutation(told)
    assert duplicate_rows(pd.DataFrame({"a": pair % 40.0}), mixed, train, test) is None


# ------------------------------------------------------------------------------------- figures and contract
def test_bounds_are_those_of_clopper_and_pearson():
    assert lower_bound(30, 30) == pytest.approx(0.01 ** (1 / 30))  # all of 30: the textbook case
    assert upper_bound(0, 30) == pytest.approx(1 - 0.01 ** (1 / 30))
    assert lower_bound(0, 30) == 0 and upper_bound(30, 30) == 1


def test_the_interval_narrows_with_leads_and_not_with_rows():
    label = np.r_[np.ones(500), np.zeros(1500)]
    lead = np.arange(2000)
    many = build_outcome(label, lead, lead, 0)
    few = build_outcome(label, lead // 20, lead // 20, 0)
    assert with_interval(0.8, few).low < with_interval(0.8, many).low < 0.8


def test_auc_equals_that_of_all_pairs():
    g = np.random.default_rng(1)
    codes, label = g.integers(0, 4, 300), (g.random(300) < 0.3).astype(float)
    outcome = build_outcome(label, np.arange(300), np.arange(300), 0)
    rate = np.empty(300)
    for i in range(300):
        other = outcome.fold != outcome.fold[i]
        same = other & (codes == codes[i])
        rate[i] = (label[same].sum() + 10 * label.mean()) / (same.sum() + 10)
    good, bad = rate[label == 1][:, None], rate[label == 0][None, :]
    assert code_auc(codes, outcome).auc == pytest.approx(((good > bad) + 0.5 * (good == bad)).mean())


def test_numbers_have_bins_and_frequent_values_their_own():
    values = pd.Series(np.r_[np.zeros(500), np.linspace(1, 2, 499), np.nan])
    coded = code_column(values, Kind.NUMBER)
    assert coded.codes[-1] == 0 and coded.missing.sum() == 1
    assert coded.names[1] == "0" and (coded.codes[:500] == 1).all() and coded.exact[1]
    assert len(np.unique(coded.codes[500:999])) > 25 and (np.diff(coded.codes[500:999]) >= 0).all()


def test_the_same_whatever_threads_order_of_columns_and_run():
    X, label = made_bank(6000, seed=3)
    first = audit_frame(AuditInput(X, label, seed=4))
    assert first == audit_frame(AuditInput(X, label, seed=4, threads=1))
    again = audit_frame(AuditInput(X[list(X.columns[::-1])], label, seed=4))
    assert [(f.column, f.severity) for f in again] == [(f.column, f.severity) for f in first]


def test_findings_survive_json_and_come_gravest_first(half):
    X, label = made_education(3000, seed=1)
    result = audit_frame(AuditInput(X, label))
    assert [Finding.from_dict(f.to_dict()) for f in result] == result
    ranks = [SEVERITIES.index(f.severity) for f in result]
    assert ranks == sorted(ranks, reverse=True)


def test_evidence_from_elsewhere_is_taken_in_even_for_columns_that_are_not_there(half):
    label, g = half
    proof = Evidence("restated", {"rows": 100, "differ": 50, "share": 0.5}, 0, proof=True)
    result = found(pd.DataFrame({"x": g.normal(size=4000)}), label, proofs={"x": [proof], "gone": [proof]})
    assert result["x"].proof and result["gone"].proof


def test_labels_and_lengths_are_checked(half):
    label, g = half
    X = pd.DataFrame({"x": g.normal(size=4000)})
    with pytest.raises(DataError, match="0 and 1"):
        audit_frame(AuditInput(X, np.ones(4000)))
    with pytest.raises(DataError, match="0 and 1"):
        audit_frame(AuditInput(X, np.r_[np.nan, label[1:]]))
    with pytest.raises(DataError, match="not aligned: 4000 rows, but label 3999"):
        audit_frame(AuditInput(X, label[1:]))


def test_every_kind_has_words_in_both_languages():
    for kind in {*PROOFS, *TABLE_KINDS, *GROUPS, "words"}:
        keys = [k for k in TEXTS if k == kind or re.fullmatch(kind + "_(others|scored|rows|leads)", k)]
        assert keys
        for key in keys:
            english, spanish = TEXTS[key]
            assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", spanish)) and english != spanish


def test_no_name_of_a_well_known_set_stands_in_code_or_settings():
    names = (
        r"\b(tags|lead quality|duration|poutcome|euribor3m|lead profile|asymmetrique|won_date|lead_behaviour_profile)\b"
    )
    places = [*Path(ROOT / "src/leadml/audit").rglob("*.py"), *Path(ROOT / "src/leadml/stages").glob("*audit*.py")]
    for path in places:
        assert not re.findall(names, path.read_text(encoding="utf-8"), flags=re.I), path


def test_points_of_one_group_count_once():
    both = [Evidence("missing_alone", {}, 2), Evidence("fill_gap", {"against": "others"}, 3)]
    assert judge_column("x", "", both).severity == "medium"
    assert judge_column("x", "", [*both, Evidence("alone", {}, 1)]).severity == "high"
    assert judge_column("x", "", [replace(both[0], points=1)]).severity == "low"
