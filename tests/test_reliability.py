"""What was said against what happened: parts that add up, bands that count a lead once, forms beside."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from leadml.bootstrap import BootstrapConfig, bootstrap_scores
from leadml.calibration import calibration_error
from leadml.calibration_forms import Beta, fit_beta, fit_isotonic, judge_forms, one_side, paired_gain
from leadml.chance import Judged, chance_calibration_error
from leadml.encoding import level_texts
from leadml.features.dictionary import Feature, Kind
from leadml.judgement import AGE_BANDS
from leadml.reliability import brier_parts, chance_of, judge_group, judge_reliability, reliability_bins
from leadml.segment_choice import choose_segments, fold


def leads_in_lists(leads: int, lists: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Leads that are on every list with one probability, and convert in all lists or in none; log-odds off by shift."""
    generator = np.random.default_rng(seed)
    p = expit(generator.normal(-2.5, 1, leads))
    converts = generator.random(leads) < expit(logit(p) + shift)
    lead = np.tile(np.arange(leads), lists)
    return pd.DataFrame(
        {
            "lead_id": [f"L{i}" for i in lead],
            "account_id": [f"A{i // 2}" for i in lead],
            "list": np.repeat(np.arange(lists), leads),
            "cutoff": (pd.Timestamp("2025-01-06") + pd.to_timedelta(7 * np.repeat(np.arange(lists), leads), unit="D")),
            "age_days": 7.0 * np.repeat(np.arange(lists), leads) + 1,
            "label": converts[lead].astype(float),
            "probability": p[lead],
        }
    )


@given(st.lists(st.tuples(st.floats(0.001, 0.999), st.integers(0, 1)), min_size=1, max_size=60), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_the_parts_of_the_brier_score_add_up(rows, bins):
    p, y = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    found = brier_parts(p, y, bins)
    total = found["reliability"] - found["resolution"] + found["uncertainty"] + found["within"]
    assert total == pytest.approx(found["brier"], abs=1e-12) == np.mean((p - y) ** 2)
    assert min(found[k] for k in ("reliability", "resolution", "uncertainty")) >= -1e-15


def test_parts_that_a_person_can_check():
    # Two bins of two: said 0.2 and 0.6, happened 0 and 1/2; overall rate 1/4.
    found = brier_parts(np.array([0.2, 0.2, 0.6, 0.6]), np.array([0.0, 0.0, 0.0, 1.0]), 2)
    assert found["reliability"] == pytest.approx((0.2**2 + 0.1**2) / 2)
    assert found["resolution"] == pytest.approx(0.25**2)
    assert found["uncertainty"] == pytest.approx(0.25 * 0.75)
    assert found["within"] == pytest.approx(0)


def test_error_and_chance_are_those_of_calibration():
    test = leads_in_lists(800, 3, seed=1)
    table, hits = reliability_bins(Judged.of(test), 10, seed=3)
    p, y = test["probability"].to_numpy(), test["label"].to_numpy()
    whole = judge_reliability(test, {}, AGE_BANDS, seed=3)
    assert whole["error"] == pytest.approx(calibration_error(p, y))
    slow = chance_calibration_error(Judged.of(test), seed=3, draws=len(hits))
    assert chance_of(table, hits) == pytest.approx(slow)
    assert (
        table["rows"].sum() == len(test)
        and table["converting_leads"].sum() == test.query("label == 1")["lead_id"].nunique()
    )


def test_bands_hold_their_share_of_a_perfect_models_bins_though_leads_recur():
    inside = []
    for seed in range(30):
        table, _ = reliability_bins(Judged.of(leads_in_lists(600, 4, seed)), 10, seed=seed + 1000)
        inside.append(table["rate"].between(table["rate_low"], table["rate_high"]).mean())
    assert 0.84 <= np.mean(inside) <= 0.96
    # Rows taken for independent would make bands half as wide, and promise what nobody can keep.
    single = Judged.of(leads_in_lists(600, 4, 0).assign(lead_id=np.arange(2400), account_id=np.arange(2400)))
    narrow = reliability_bins(single, 1, seed=1)[0]
    honest = reliability_bins(Judged.of(leads_in_lists(600, 4, 0)), 1, seed=1)[0]
    width = [t["rate_high"] - t["rate_low"] for t in (narrow, honest)]
    assert (width[1] / width[0]).iloc[0] == pytest.approx(2, rel=0.25)


def test_probabilities_that_are_off_are_found_out():
    off = judge_group(Judged.of(leads_in_lists(2000, 2, seed=5, shift=0.8)), seed=1)
    right = judge_group(Judged.of(leads_in_lists(2000, 2, seed=5)), seed=1)
    assert off["beyond"] is True and off["rate"] > off["rate_high"]
    assert right["beyond"] is False and right["rate_low"] < right["rate"] < right["rate_high"]
    for parts in (off["brier"], right["brier"]):
        added = parts["uncertainty"] - parts["resolution"] + parts["reliability"] + parts["within"]
        assert added == pytest.approx(parts["brier"], abs=1e-12)
    assert off["brier"]["reliability"] > 5 * right["brier"]["reliability"]


def test_a_group_without_a_conversion_has_one_bin_and_no_verdict():
    few = leads_in_lists(12, 1, seed=2).assign(label=0.0)
    found = judge_group(Judged.of(few), seed=1)
    assert (found["bins"], found["beyond"], found["converting_leads"], found["leads"]) == (1, None, 0, 12)


def test_groups_are_ages_months_and_segments():
    test = leads_in_lists(300, 6, seed=3)
    level = ["b" if i % 3 else None for i in range(len(test))]
    found = judge_reliability(test, {"industry": level}, AGE_BANDS, seed=1)["groups"]
    assert [(g["kind"], g["of"], g["name"]) for g in found] == [
        ("age", "", "age_0_7"), ("age", "", "age_8_30"), ("age", "", "age_31_90"),
        ("month", "", "2025-01"), ("month", "", "2025-02"),
        ("segment", "industry", "b"), ("segment", "industry", ""),
    ]  # fmt: skip
    assert sum(g["rows"] for g in found if g["kind"] == "age") == len(test)
    assert sum(g["rows"] for g in found if g["kind"] == "segment") == len(test)


def test_the_whole_is_the_group_of_all_rows():
    test = leads_in_lists(300, 6, seed=3)
    whole, group = judge_reliability(test, {}, AGE_BANDS, seed=1)["whole"], judge_group(Judged.of(test), seed=1)
    assert whole == group
    assert whole["rows"] == len(test) and whole["rate"] == test["label"].mean()


def test_undated_rows_have_no_months_and_no_ages():
    test = leads_in_lists(200, 1, seed=3).assign(
        cutoff=pd.Series(pd.NaT, range(200), "datetime64[us]"), age_days=np.nan
    )
    assert judge_reliability(test, {}, AGE_BANDS, seed=1)["groups"] == []


def test_segments_are_chosen_on_the_stream_by_how_far_their_rates_are_apart():
    generator = np.random.default_rng(0)
    n = 1200
    X = pd.DataFrame({"same": generator.choice(["a", "b"], n), "apart": np.where(np.arange(n) % 2, "x", "y")})
    X["mail"] = [f"a{i % 3}@b.example" for i in range(n)]
    X["rare"] = ["r" if i < 20 else "s" for i in range(n)]
    X["visits"] = 1.0
    stream = pd.DataFrame({"snapshot": np.arange(n), "lead_id": np.arange(n).astype(str)})
    stream["label"] = (generator.random(n) < np.where(X["apart"] == "x", 0.3, 0.05)).astype(float)
    features = [Feature(c, "firmographic", Kind.CATEGORY, "", None, c, c) for c in ("same", "apart", "mail", "rare")]
    features.append(Feature("visits", "behaviour", Kind.NUMBER, "", None, "v", "v"))
    assert list(choose_segments(X, stream, features)) == ["apart", "same"]
    assert choose_segments(X, stream, features, most=1) == {"apart": ("x", "y")}
    assert fold(level_texts(pd.Series(["x", "q", None, np.nan], dtype=object)), ("x", "y")) == [
        "x",
        "(other)",
        None,
        None,
    ]


def test_beta_is_logistic_regression_on_its_two_columns():
    generator = np.random.default_rng(4)
    p = generator.uniform(0.02, 0.98, 60_000)
    y = (generator.random(len(p)) < Beta(0.6, 1.5, 0.2).probability(p)).astype(float)
    reference = LogisticRegression(C=np.inf).fit(np.column_stack([np.log(p), -np.log1p(-p)]), y)
    found = fit_beta(p, y, np.ones(len(p)))
    assert [found.a, found.b] == pytest.approx(reference.coef_[0], abs=0.01)
    assert found.c == pytest.approx(reference.intercept_[0], abs=0.01)


def test_forms_never_say_0_or_1_and_beta_never_turns_the_order_round():
    p = np.linspace(0.01, 0.5, 200)
    y = (p < 0.2).astype(float)  # the wrong way round
    beta, isotonic = fit_beta(p, y, np.ones(200)), fit_isotonic(p, p > 0.3, np.ones(200))
    assert beta.a >= 0 and beta.b >= 0
    for form in (beta, isotonic):
        q = form.probability(np.array([1e-15, 0.01, 0.29, 0.31, 1 - 1e-15]))
        assert (q > 0).all() and (q < 1).all() and (np.diff(q) >= 0).all()


def test_a_bent_model_would_have_been_straightened_and_a_right_one_not():
    config = BootstrapConfig(60, 0.9, 1)
    stream, test = leads_in_lists(4000, 1, seed=8), leads_in_lists(4000, 1, seed=9)
    right = judge_forms(stream, test, np.ones(len(stream)), config)
    assert right["beta"]["better"] is not True and right["isotonic"]["better"] is not True
    bent = [t.assign(probability=np.sqrt(t["probability"])) for t in (stream, test)]
    found = judge_forms(*bent, np.ones(len(stream)), config)
    assert found["beta"]["better"] is True and found["isotonic"]["better"] is True
    assert found["beta"]["log_loss"]["low"] > 0
    curve = pd.DataFrame(found["beta"]["curve"])
    assert curve["said"].is_monotonic_increasing and curve["form"].is_monotonic_increasing
    # The curve is the square again, where the test has its rows.
    middle = curve[(curve["said"] > 0.2) & (curve["said"] < 0.5)]
    assert np.abs(middle["form"] - middle["said"] ** 2).max() < 0.03


def test_gains_are_those_of_the_paired_bootstrap_of_all_figures():
    test, config = leads_in_lists(300, 3, seed=4), BootstrapConfig(30, 0.9, 2)
    p = test["probability"].to_numpy()
    slow = bootstrap_scores(test, {"ours": (p, p), "other": (p, p**0.8)}, config)["differences"]["other"]
    fast = paired_gain(test, p**0.8, config)
    assert {name: pytest.approx(slow[name]) for name in fast} == fast and set(fast) == {"log_loss", "brier"}


def test_an_interval_that_holds_0_or_is_none_decides_nothing():
    assert one_side({"low": 0.1, "high": 0.2}) is True
    assert one_side({"low": -0.2, "high": -0.1}) is False
    assert one_side({"low": -0.1, "high": 0.1}) is None
    assert one_side({"low": None, "high": None}) is None
