"""Segments: intercepts of their own only where they are proven, exact points, figures within each level."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_lists import category, make_config, make_leads
from scipy.special import expit

from leadml.bootstrap import BootstrapConfig
from leadml.config import Rung
from leadml.errors import ConfigurationError
from leadml.forms import choose_form
from leadml.models.plan import EMPTY, FoldRows
from leadml.moves import explain_moves
from leadml.reweighing import ScoredList
from leadml.scorer import LeadScorer, Scale
from leadml.segment_choice import check_segments, choose_segments
from leadml.segment_shifts import OutOfTime, choose_shifts, estimate_shifts, shrink
from leadml.segments import SegmentRows, find_drift, judge_segments
from leadml.training import fit_recipe

FAMILIES = ("firmographic", "behaviour", "timing", "channel")
REGIONS = np.array(["east", "north", "south", "west"], dtype=object)


def stream(seed: int, drift: dict[str, float], leads: int = 3000, folds: int = 4):
    """Margins that are right but for what each region's log-odds are off by; three rows a lead, two leads an account.

    A lead converts in all of its rows or in none.
    """
    generator = np.random.default_rng(seed)
    lead = np.repeat(np.arange(leads), 3)
    margin = generator.normal(-2.2, 1, leads)
    region = REGIONS[generator.integers(0, len(REGIONS), leads)]
    off = np.array([drift.get(r, 0.0) for r in region])
    label = (generator.random(leads) < expit(margin + off)).astype(float)
    parts = np.array_split(np.arange(leads), folds)
    rows = [np.isin(lead, part) for part in parts]
    made = [
        FoldRows(np.zeros(0, int), np.zeros(0), np.flatnonzero(r), label[lead][r], lead[r] // 2, np.ones(r.sum()))
        for r in rows
    ]
    margins = tuple(margin[lead][r] for r in rows)
    return replace(EMPTY, rung="logistic", margins=margins, probabilities=margins), made, lead, region[lead]


def choose(seed: int, drift: dict[str, float], **changes: int):
    plan, folds, lead, region = stream(seed, drift, **changes)
    return choose_shifts(plan, choose_form(plan.margins, folds), folds, lead, {"region": region}), plan


def test_planted_drift_is_found_and_helps():
    choice, plan = choose(1, {"north": 1.0, "south": -1.0})
    (tried,) = choice.tried
    assert tried.used and tried.less > 2 * tried.error
    shift = {level.name: level.shift for level in tried.levels}
    assert shift["north"] == pytest.approx(1.0, abs=0.35) and shift["south"] == pytest.approx(-1.0, abs=0.45)
    assert abs(shift["east"]) < 0.35 and abs(shift["west"]) < 0.35
    assert all(
        abs(level.shift) < abs(level.seen - np.mean([x.seen for x in tried.levels])) + 0.1 for level in tried.levels
    )
    assert [s.feature for s in choice.plan.shifts] == ["region"]
    assert len(choice.plan.margins) == len(plan.margins)
    json.dumps(choice.to_dict(), allow_nan=False)


def test_without_drift_it_is_hardly_ever_used():
    used = sum(choose(seed, {}, leads=1500)[0].tried[0].used for seed in range(20))
    assert used <= 1


def test_what_the_newest_model_has_learnt_is_not_shifted_again():
    """Three folds drift, the newest does not any more: their shifts would help on the whole."""
    plan, folds, lead, region = stream(1, {"north": 1.2, "south": -1.2})
    calm, calm_folds, *_ = stream(1, {})
    margins, mixed = (*plan.margins[:3], calm.margins[3]), [*folds[:3], calm_folds[3]]
    choice = choose_shifts(replace(plan, margins=margins), choose_form(margins, mixed), mixed, lead, {"region": region})
    (tried,) = choice.tried
    assert tried.less > tried.error and tried.forward_less > tried.forward_error
    assert tried.newest_less < 0 and not tried.used
    assert choice.plan.shifts == ()


def test_a_fold_has_the_shifts_of_the_others():
    plan, folds, lead, region = stream(3, {"north": 2.0, "south": -2.0})
    form = choose_form(plan.margins, folds)
    choice = choose_shifts(plan, form, folds, lead, {"region": region})
    rows = OutOfTime.of(plan.margins, folds, lead)
    added = np.concatenate(choice.plan.margins) - rows.margin
    for fold in range(len(folds)):
        for name in REGIONS:
            assert len(np.unique(np.round(added[(rows.fold == fold) & (region == name)], 9))) == 1
    assert len(np.unique(np.round(added[region == "north"], 9))) == len(folds)


def test_shrinking_by_hand():
    """Q = 4 * (0.5^2 + 0.5^2) = 2, less 1 makes 1; over 8 - 32 / 8 = 4: between 0.25, as large as the variance."""
    np.testing.assert_allclose(shrink(np.array([0.5, -0.5]), np.array([0.25, 0.25])), [0.25, -0.25])
    assert (shrink(np.array([0.1, -0.1]), np.array([0.25, 0.25])) == 0).all()
    known, vague = shrink(np.array([-1.0, 1.0, 1.0]), np.array([0.01, 0.01, 0.5]))[1:]
    assert 0 < vague < 0.8 * known


def test_rows_of_one_lead_count_once():
    """The same leads on three times as many lists tell no more."""
    plan, folds, lead, region = stream(5, {"north": 1.0})
    rows = OutOfTime.of(plan.margins, folds, lead)
    found = estimate_shifts(region, rows.margin, rows, np.ones(len(lead)))
    first = (np.arange(len(lead)) % 3 == 0).astype(float)
    once = estimate_shifts(region, rows.margin, rows, first)
    for three, one in zip(found, once, strict=True):
        assert (three.leads, three.converting_leads) == (one.leads, one.converting_leads)
        assert three.shift == pytest.approx(one.shift, abs=1e-9)


def with_regions(snapshots: pd.DataFrame, X: pd.DataFrame, strength) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A region a lead; in the north and the south rows turn into conversions, or out of them, at the shares given.

    ``strength``: of the time (n,), from 0 at the first cutoff to 1 at the last.
    """
    generator = np.random.default_rng(4)
    lead = snapshots["lead_id"].str[1:].astype(int).to_numpy()
    region = REGIONS[generator.integers(0, len(REGIONS), lead.max() + 1)][lead]
    share = strength(snapshots["cutoff"].rank(pct=True).to_numpy())
    drawn, label = generator.random(len(X)), snapshots["label"].to_numpy(copy=True)
    label[(region == "north") & (drawn < share) & (label == 0)] = 1.0
    label[(region == "south") & (drawn < 2 * share) & (label == 1)] = 0.0
    return snapshots.assign(label=label), X.assign(region=region)


@pytest.fixture(scope="module")
def drifting():
    """Regions that go apart ever further, so that every model is behind; among the last leads there is a new one."""
    snapshots, X, features = make_leads(3000, 60, 1)
    snapshots, X = with_regions(snapshots, X, lambda time: 0.45 * time)
    late = np.flatnonzero(snapshots["cutoff"] > snapshots["cutoff"].quantile(0.9))
    X.loc[late[::20], "region"] = "overseas"
    return snapshots, X, [*features, category("region")]


@pytest.fixture(scope="module")
def trained(drifting):
    config = make_config()
    named = replace(config.train, segments=["region"])
    return fit_recipe(*drifting, replace(config, train=named, model=replace(config.model, kind=Rung.logistic)))


def test_the_member_is_exact_and_stored(trained, drifting, tmp_path):
    _, X, _ = drifting
    (tried,) = trained.metrics["segment_intercepts"]
    assert tried["feature"] == "region" and tried["used"]
    assert [m.name for m in trained.final.members] == ["logistic", "segments"]
    scorer = LeadScorer(trained.final, trained.calibrator, Scale(0.1, dict.fromkeys(FAMILIES, 0.0)), (), {})
    scorer.save(tmp_path)
    again = LeadScorer.load(tmp_path)
    rows = X.iloc[-300:]
    frame = again.prepare(rows)
    base, points = again.points(frame)
    raw = again.raw_score(again.margin(frame))
    np.testing.assert_allclose(base + points.sum(axis=1), raw, atol=1e-6)
    np.testing.assert_array_equal(again.margin(frame), scorer.margin(scorer.prepare(rows)))
    # One probability, and the lead's own whoever else is on the list.
    scored = again.score(rows)
    np.testing.assert_array_equal(scored["probability"], again.calibrator.probability(again.margin(frame)))
    np.testing.assert_array_equal(again.score(rows.iloc[[5]])["probability"], scored["probability"].iloc[[5]])


def test_the_shift_is_in_the_points_of_its_feature_and_the_base_is_the_mean(trained, drifting):
    _, X, _ = drifting
    model = trained.judged
    alone = replace(model, members=model.members[1:])
    matrix = model.encoder.encode(X.iloc[trained.split.train])
    base, values = alone.contributions(matrix)
    place = model.encoder.names.index("region")
    assert (np.delete(values, place, axis=1) == 0).all()
    assert abs(values.mean(axis=0)).max() < 1e-12 and base == pytest.approx(
        alone.margins(X.iloc[trained.split.train]).mean()
    )


def test_a_level_unseen_in_training_has_no_shift(trained, drifting):
    _, X, _ = drifting
    model = trained.judged
    alone = replace(model, members=model.members[1:])
    shifts = trained.plan.shifts[0].shifts
    asked = X.iloc[:5].assign(region=["overseas", "never", None, "north", "south"])
    expected = [0, 0, 0, shifts["north"], shifts["south"]]
    np.testing.assert_allclose(alone.margins(asked), expected, atol=1e-12)


@pytest.fixture(scope="module")
def plain(drifting):
    config = make_config()
    return fit_recipe(*drifting, replace(config, model=replace(config.model, kind=Rung.logistic)))


def test_what_a_new_model_with_shifts_changes_is_in_the_segments_points(trained, plain, drifting):
    _, X, _ = drifting
    scale = Scale(0.1, dict.fromkeys(FAMILIES, 0.0))
    rows, ids = X.iloc[-200:].reset_index(drop=True), pd.Series([f"L{i}" for i in range(200)])
    lists = [ScoredList(LeadScorer(t.final, t.calibrator, scale, (), {}), ids, rows) for t in (plain, trained)]
    moves = explain_moves(*lists)
    assert (moves.model.by_feature.drop(columns="region").abs().to_numpy() < 1e-9).all()
    told = moves.model.base + moves.model.by_feature.sum(axis=1)
    np.testing.assert_allclose(told, moves.leads["model"], atol=1e-6)
    assert moves.model.by_feature["region"].abs().max() > 1


def test_it_helps_on_the_test_where_the_drift_goes_on(trained, plain, drifting):
    assert plain.metrics["segment_intercepts"] == [] and plain.plan.shifts == ()
    losses = [t.metrics["scorers"]["model"]["log_loss"]["value"] for t in (trained, plain)]
    assert losses[0] < losses[1] - 0.0005
    np.testing.assert_array_equal(
        trained.test["margin"], trained.judged.margins(drifting[1].iloc[trained.test["snapshot"]])
    )


def test_what_is_no_feature_of_the_model_is_told(drifting):
    snapshots, X, features = drifting
    config = make_config()
    named = replace(config.train, segments=["region"])
    without = [f for f in features if f.name != "region"]
    logistic = replace(config.model, kind=Rung.logistic)
    trained = fit_recipe(snapshots, X, without, replace(config, train=named, model=logistic))
    assert any("region not among the model's features" in note for note in trained.notes)
    with pytest.raises(
        ConfigurationError, match="1 of 2 are no category features: regiom; there are mail_kind, region"
    ):
        check_segments(["region", "regiom"], features)
    with pytest.raises(ConfigurationError, match=r"names .*region.* twice"):
        replace(config.train, segments=["region", "region"])


def test_figures_within_a_level_are_those_of_its_rows_and_few_conversions_are_only_counted():
    generator = np.random.default_rng(2)
    n = 900
    region = np.where(np.arange(n) % 3 == 0, "north", "south").astype(object)
    region[:12] = None
    p = np.clip(generator.beta(1, 6, n), 0.01, 0.9)
    rows = pd.DataFrame({"lead_id": np.arange(n).astype(str), "account_id": np.arange(n) // 2, "list": 0})
    rows["cutoff"] = pd.Timestamp("2025-01-06")
    rows["label"] = (generator.random(n) < p).astype(float)
    rows.loc[:11, "label"] = 0.0
    rows = rows.assign(margin=np.log(p / (1 - p)), probability=p, probability_other=p, score_constant=0.0)
    rows["probability_constant"] = rows["label"].mean()
    levels = {"region": list(region)}
    config = BootstrapConfig(40, 0.9, 1)
    found = judge_segments(SegmentRows(rows, rows, levels, levels), 10, config)
    assert [(g["name"], g["leads"], g["told"]) for g in found] == [
        ("south", 592, True), ("north", 296, True), ("", 12, False)
    ]  # fmt: skip
    assert sum(g["converting_leads"] for g in found) == rows["label"].sum()
    assert set(found[2]) == {"of", "name", "rows", "leads", "converting_leads", "told"}
    for group in found[:2]:
        mine = rows[region == group["name"]]
        assert group["calibration"]["rate"] == pytest.approx(mine["label"].mean())
        assert group["drift"]["stability"] == pytest.approx(0)
        assert group["figures"]["auc"]["low"] < group["figures"]["auc"]["value"]
        assert group["difference_to_constant"]["log_loss"]["value"] < 0
    json.dumps(found, allow_nan=False)
    moved = rows.assign(probability=np.clip(p * 3, 0, 0.95))
    assert find_drift(moved, rows)["stability"] > 0.25


def test_named_segments_keep_their_order_and_small_levels():
    X = pd.DataFrame({"region": ["n"] * 8 + ["s"] * 2, "team": list("abcdefghij")})
    stream_rows = pd.DataFrame({"snapshot": range(10), "lead_id": [str(i) for i in range(10)], "label": 0.0})
    told = choose_segments(X, stream_rows, [category("region"), category("team")], ["team", "region"])
    assert list(told) == ["team", "region"] and told["region"] == ("n", "s") and len(told["team"]) == 10
