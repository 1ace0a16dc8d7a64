"""What moved between two lists: the parts add up, as plain Python adds them, whatever the two models read."""

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from conftest import counts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadml.calibration import Calibrator
from leadml.encoding import fit_encoder
from leadml.errors import ArtifactError
from leadml.features.dictionary import Feature, Kind
from leadml.models import Model
from leadml.moves import PARTS, explain_moves, sum_by_feature, sum_parts
from leadml.reweighing import ScoredList, compare_importance
from leadml.scorer import LeadScorer, Scale

FAMILIES = ("behaviour", "behaviour", "timing", "channel", "firmographic", "firmographic")
NAMES = ("visits", "forms", "since", "opened", "revenue", "industry")
FEATURES = {
    n: Feature(n, f, Kind.CATEGORY if n == "industry" else Kind.NUMBER, "count", None, n, n)
    for n, f in zip(NAMES, FAMILIES, strict=True)
}
QUIET = {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 7, "min_data_in_leaf": 10,
         "deterministic": True, "force_row_wise": True}  # fmt: skip


def made_rows(n, seed):
    """n rows of all features, with ties, missing values and levels that few rows have."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({name: np.round(rng.gamma(1, 3, n)) for name in NAMES[:-1]})
    X = X.mask(rng.random(X.shape) < 0.2)
    return X.assign(industry=rng.choice(["retail", "energy", "law", "rare", None], n, p=[0.4, 0.3, 0.2, 0.02, 0.08]))


@cache
def made_scorer(names, seed, slope=1.0, intercept=0.0, p50=0.1):
    """A scorer of the named features, trained on rows of the seed."""
    X, rng = made_rows(400, seed), np.random.default_rng([seed, 1])
    signal = X["visits"].fillna(0) - X["since"].fillna(9) / 3 + 3 * (X["industry"] == "law")
    y = (signal + rng.normal(0, 3, len(X)) > 1).to_numpy(dtype=float)
    encoder = fit_encoder(X, [FEATURES[n] for n in names], min_level_rows=15, max_levels=5)
    data = lgb.Dataset(encoder.encode(X), y, categorical_feature=encoder.categorical or "auto")
    booster = lgb.train(QUIET | {"seed": seed}, data, 12)
    scale = Scale(p50, dict.fromkeys(("firmographic", "behaviour", "timing", "channel"), 0.0))
    return LeadScorer(Model.of(booster, encoder), Calibrator(slope, intercept), scale, (), {"made": seed})


def twin(earlier, now, rows):
    """Each lead's parts, one lead after the other: LightGBM's own contributions, and formulas as they are written."""
    old, new = earlier.scorer, now.scorer

    def contributions(scorer, X):
        found = scorer.model.boosters[0].predict(scorer.encoder.encode(scorer.prepare(X)), pred_contrib=True).tolist()
        return [(dict(zip(scorer.encoder.names, row, strict=False)), row[-1]) for row in found]

    def score(margin, calibrator, p50):
        odds = math.exp(calibrator.slope * margin + calibrator.intercept)
        return 50 + 10 * math.log2(odds / (p50 / (1 - p50)))

    then = dict(zip(earlier.lead_id, contributions(old, earlier.X), strict=True))
    by_old, by_new = contributions(old, rows), contributions(new, now.X)
    unit, told = 10 * math.log2(math.e) * old.calibrator.slope, {}
    for i, lead in enumerate(now.lead_id):
        if lead not in then:
            continue
        (a, base_a), (b, base_b), (c, base_c) = then[lead], by_old[i], by_new[i]
        margins = [base_a + sum(a.values()), base_b + sum(b.values()), base_c + sum(c.values())]
        scores = [
            score(margins[0], old.calibrator, old.scale.p50),
            score(margins[1], old.calibrator, old.scale.p50),
            score(margins[2], old.calibrator, old.scale.p50),
            score(margins[2], new.calibrator, old.scale.p50),
            score(margins[2], new.calibrator, new.scale.p50),
        ]
        told[lead] = {
            "parts": [y - x for x, y in pairwise(scores)],
            "earlier": scores[0],
            "now": scores[-1],
            "data": {n: unit * (b[n] - a[n]) for n in a},
            "model": {n: unit * (c.get(n, 0.0) - b.get(n, 0.0)) for n in {**c, **b}},
            "base": unit * (base_c - base_b),
        }
    return told


def lists(old, new, shift=7, n=40):
    """Two lists of which most leads are on both, with rows of all features for either."""
    ids = pd.Series([f"lead{i}" for i in range(n)], dtype="str")
    then, now = made_rows(n, 5), made_rows(n, 6)
    still = np.arange(n // 2)
    now.iloc[still] = then.iloc[(still + shift) % n].to_numpy()  # of these nothing changed
    return ScoredList(old, ids, then), ScoredList(new, "lead" + (pd.Series(range(n)) + shift).astype("str"), now)


@st.composite
def pairs(draw):
    names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True).map(lambda n: tuple(sorted(n)))
    chosen = [
        made_scorer(draw(names), draw(st.integers(0, 3)), draw(st.sampled_from([0.05, 0.7, 1.0, 1.9])),
                    draw(st.sampled_from([-2.0, 0.0, 0.4])), draw(st.sampled_from([0.02, 0.1, 0.5])))
        for _ in range(2)
    ]  # fmt: skip
    if draw(st.booleans()):
        chosen[1] = chosen[0]
    return (*chosen, draw(st.integers(0, 45)))


@pytest.mark.deep
@settings(max_examples=counts(25, 2000), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pairs())
def test_parts_add_up_and_are_those_of_plain_python(pair):
    earlier, now = lists(*pair)
    moves, told = explain_moves(earlier, now), twin(earlier, now, now.X)
    leads = moves.leads
    assert leads["lead_id"].tolist() == list(told)
    for column in ("earlier", "now"):
        np.testing.assert_allclose(leads[column], [t[column] for t in told.values()], rtol=0, atol=1e-9)
    wanted = np.array([t["parts"] for t in told.values()]).reshape(-1, 4)
    np.testing.assert_allclose(leads[list(PARTS)], wanted, rtol=0, atol=1e-9)
    np.testing.assert_allclose(leads[list(PARTS)].sum(axis=1), leads["change"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(moves.data.sum(axis=1), leads["data"], rtol=0, atol=1e-9)
    for name in moves.data:
        np.testing.assert_allclose(moves.data[name], [t["data"][name] for t in told.values()], rtol=0, atol=1e-9)
    assert (moves.model is None) == (earlier.scorer.version == now.scorer.version)
    if moves.model is None:
        assert (leads[["model", "calibration", "scale"]] == 0).all(axis=None)
        return
    effects = moves.model.by_feature
    np.testing.assert_allclose(effects.sum(axis=1) + moves.model.base, leads["model"], rtol=0, atol=1e-9)
    for name in effects:
        np.testing.assert_allclose(effects[name], [t["model"][name] for t in told.values()], rtol=0, atol=1e-9)
    np.testing.assert_allclose([t["base"] for t in told.values()], moves.model.base, rtol=0, atol=1e-9)


def values_of(moves, feature):
    """The values of the leads on both lists, before and now."""
    told = zip(("before", "now"), moves.rows, moves.places, strict=True)
    return pd.DataFrame({name: rows[feature].iloc[at].to_numpy() for name, rows, at in told})


def test_who_came_who_left_and_whose_data_stood_still():
    scorer = made_scorer(NAMES, 0)
    then = {"a": 0, "b": 1, "c": 2}
    now = {"d": 0, "c": 2, "a": 9}
    first, second = (made_rows(1, 3).loc[[0] * 3].assign(visits=list(t.values())) for t in (then, now))
    moves = explain_moves(*(ScoredList(scorer, pd.Series(list(t)), X) for t, X in ((then, first), (now, second))))
    told = moves.leads.set_index("lead_id")
    assert list(told.index) == ["c", "a"] and told["data"]["c"] == 0 == told["change"]["c"]
    assert told["change"]["a"] == told["data"]["a"] > 1
    assert (moves.data.iloc[0] == 0).all()
    assert values_of(moves, "visits").to_dict("list") == {"before": [2, 0], "now": [2, 9]}
    assert moves.came["lead_id"].tolist() == ["d"] and moves.left["lead_id"].tolist() == ["b"]
    # Whoever came has the new scorer's score, whoever left the earlier one's.
    assert moves.came["now"][0] == told["earlier"]["a"]
    assert moves.left["earlier"][0] == scorer.raw_score(scorer.margin(scorer.prepare(first.iloc[[1]])))[0]


def test_a_leads_moves_do_not_depend_on_who_else_is_on_the_list():
    earlier, now = lists(made_scorer(NAMES, 0), made_scorer(NAMES[1:], 1, 0.7))
    whole = explain_moves(earlier, now)
    alone = explain_moves(
        ScoredList(earlier.scorer, earlier.lead_id.iloc[[30]], earlier.X.iloc[[30]]),
        ScoredList(now.scorer, now.lead_id.iloc[[23]], now.X.iloc[[23]]),
    )
    row = whole.leads.index[whole.leads["lead_id"] == "lead30"]
    for full, one in (
        (whole.leads, alone.leads), (whole.data, alone.data), (whole.model.by_feature, alone.model.by_feature),
    ):  # fmt: skip
        pd.testing.assert_frame_equal(full.loc[row].reset_index(drop=True), one, check_exact=True)


def test_a_recalibrated_model_moves_by_calibration_alone_and_a_new_scale_by_the_scale():
    old = made_scorer(NAMES, 0)
    for changed, part in ((replace(old, calibrator=Calibrator(0.7, 0.3)), "calibration"),
                          (replace(old, scale=replace(old.scale, p50=0.2)), "scale")):  # fmt: skip
        _, now = lists(old, changed)
        moves = explain_moves(ScoredList(old, now.lead_id, now.X), now)
        others = [p for p in PARTS if p != part]
        assert (moves.leads[others] == 0).all(axis=None)
        assert (moves.leads[part] == moves.leads["change"]).all() and (moves.leads["change"] != 0).all()
        assert (moves.model.by_feature == 0).all(axis=None) and moves.model.base == 0
    assert set(moves.leads["change"].round(9)) == {round(-10 * math.log2(0.25 * 9), 9)}


def test_rows_that_only_the_earlier_scorer_reads_are_given_beside():
    old, new = made_scorer(("since", "visits"), 0), made_scorer(("industry", "visits"), 1)
    earlier, now = lists(old, new)
    narrow = replace(now, X=now.X[["visits", "industry"]])
    beside = explain_moves(earlier, narrow, now.X[["visits", "since"]])
    pd.testing.assert_frame_equal(beside.leads, explain_moves(earlier, now).leads, check_exact=True)
    assert set(beside.model.by_feature) == {"visits", "since", "industry"}
    with pytest.raises(ArtifactError, match="1 of 2 features are missing from the frame: since"):
        explain_moves(earlier, narrow)


def test_sums_over_the_list():
    earlier, now = lists(made_scorer(NAMES, 0), made_scorer(NAMES, 1, 0.7, 0.2, 0.05))
    moves = explain_moves(earlier, now)
    parts = sum_parts(moves)
    assert parts["total"][list(PARTS)].sum() == pytest.approx(parts["total"]["change"], abs=1e-9)
    assert parts["mean"]["change"] == pytest.approx(moves.leads["change"].mean())
    sums = sum_by_feature(moves.data)
    assert sums["total"].sum() == pytest.approx(parts["total"]["data"], abs=1e-9)
    np.testing.assert_allclose(sums["up"] + sums["down"], sums["total"], atol=1e-12)
    assert (np.diff(sums["up"] - sums["down"]) <= 0).all()
    told, still = moves.split_still()
    np.testing.assert_allclose(told.sum(axis=1) + still, moves.leads["data"], rtol=0, atol=1e-9)
    for name in NAMES:
        values = values_of(moves, name)
        same = [a == b or (pd.isna(a) and pd.isna(b)) for a, b in zip(values["before"], values["now"], strict=True)]
        assert (told[name][same] == 0).all() and 0 < sum(same) < len(same)
        if name != "industry":  # a rare level is read as any other rare one
            assert moves.changed[name].tolist() == [not s for s in same]
    assert sums["leads"].to_dict() == {n: sum(abs(v) >= 0.5 for v in moves.data[n]) for n in sums.index}
    families = moves.model.families
    assert families["before_share"].sum() == pytest.approx(1) == families["now_share"].sum()


def test_importance_before_and_now():
    before = np.array([[4.0, -1, 0], [-2, 1, 0]]), [FEATURES[n] for n in ("visits", "since", "revenue")]
    now = np.array([[1.0, 2], [1, -8]]), [FEATURES[n] for n in ("visits", "opened")]
    told = compare_importance(before, now).round(3).to_csv(sep="|", index=False)
    assert told.splitlines() == [
        "feature|family|before|now|rank_before|rank_now",
        "opened|channel||5.0||1.0",
        "visits|behaviour|3.0|1.0|1.0|2.0",
        "since|timing|1.0||2.0|",
        "revenue|firmographic|0.0|||",
    ]


def test_lists_without_a_common_lead_and_empty_ones():
    earlier, now = lists(made_scorer(NAMES, 0), made_scorer(NAMES, 1), shift=40)
    moves = explain_moves(earlier, replace(now, X=made_rows(40, 6)))
    assert moves.leads.empty and len(moves.came) == 40 == len(moves.left) and len(moves.model.importance) == 6
    assert (sum_parts(moves) == 0).all(axis=None) and (sum_by_feature(moves.data)["total"] == 0).all()
    nobody = explain_moves(earlier, ScoredList(now.scorer, now.lead_id[:0], now.X[:0]))
    assert nobody.leads.empty and nobody.came.empty and len(nobody.left) == 40


def test_lists_that_do_not_fit_are_refused():
    earlier, now = lists(made_scorer(NAMES, 0), made_scorer(NAMES, 0))
    with pytest.raises(ArtifactError, match="1 of 40 leads are on one list more than once"):
        replace(now, lead_id=now.lead_id.replace("lead8", "lead9"))
    with pytest.raises(ArtifactError, match="a list of 40 leads has 39 rows"):
        replace(now, X=now.X[1:])
    with pytest.raises(ArtifactError, match="39 rows of features are given beside a list of 40 leads"):
        explain_moves(earlier, now, now.X[1:])


def test_levels_that_the_model_does_not_know_are_other_to_whoever_reads_the_moves():
    scorer, then = made_scorer(NAMES, 0), made_rows(3, 1)
    now = then.assign(industry=["Consulta del Dr. Pérez", *then["industry"].tolist()[1:]])
    ids = pd.Series(["a", "b", "c"])
    moves = explain_moves(ScoredList(scorer, ids, then), ScoredList(scorer, ids, now))
    assert values_of(moves, "industry")["now"].tolist()[0] == "(other)"
