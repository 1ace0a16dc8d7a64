import io

import numpy as np
import pandas as pd
import pytest
from made_lists import make_leads, number, read_card
from scipy.special import logit

from leadml.baselines import BaselineRows, build_baselines, margins_baseline, score_recency
from leadml.encoding import fit_encoder
from leadml.metrics import auc
from leadml.models import Member, Model
from leadml.models.linear import fit_design, fit_linear
from leadml.models.plan import LOGISTIC
from leadml.models.points import count_points
from leadml.scorecard import PointRule


def rows_of(X: pd.DataFrame, age_days: list[float] | None = None) -> BaselineRows:
    snapshots = pd.DataFrame({"age_days": age_days or [np.nan] * len(X), "label": 0.0})
    return BaselineRows(snapshots, X, np.ones(len(X), dtype=bool))


CARD = read_card()


def logistic_of(train: BaselineRows, features: list) -> Model:
    encoder = fit_encoder(train.X, features, 10, 20)
    matrix = encoder.encode(train.X)
    learner = fit_linear(matrix, train.label, fit_design(matrix, encoder), [0.1])[0]
    return Model(encoder, (Member(LOGISTIC, 1.0, learner),))


def parts(signal: float = 1.0) -> tuple[BaselineRows, BaselineRows, list]:
    snapshots, X, features = make_leads(1500, 40, 3, signal)
    known = np.flatnonzero(snapshots["label"].notna() & (snapshots["grid"] == "weekly"))
    border = len(known) // 2
    train, test = (
        BaselineRows(snapshots.iloc[r], X.iloc[r], np.ones(len(r), dtype=bool))
        for r in (known[:border], known[border:])
    )
    return train, test, features


def test_points_as_a_person_adds_them_up():
    table = """
    seniority,mail_kind,content_pricing_30d,email_replied_90d,recency_lead_days,points
    Executive,business,2,0,3,40
    manager,free,0,1,90,1
    ,,,,,0
    intern,,0,0,30,0
    """
    X = pd.read_csv(io.StringIO(table.replace(" ", "").strip()))
    expected = X.pop("points")
    # 15 + 5 + 15 + 5;  6 - 10 + 15 - 10;  nothing known;  nothing met
    np.testing.assert_array_equal(count_points(X, CARD), expected)


def test_the_first_present_feature_of_a_rule_counts_once():
    rule = PointRule(("visits_7d", "visits_30d"), 5, at_least=1)
    X = pd.DataFrame({"visits_30d": [9.0, 9.0], "visits_7d": [0.0, 1.0]})
    np.testing.assert_array_equal(count_points(X, [rule]), [0, 5])
    np.testing.assert_array_equal(count_points(X[["visits_30d"]], [rule]), [5, 5])


def test_no_known_feature_means_no_scorecard():
    assert count_points(pd.DataFrame({"V1": [1.0], "V2": ["a"]}), CARD) is None
    assert count_points(pd.DataFrame({"recency_lead_days": [1.0], "mail_kind": ["free"]}), CARD) is None


def test_recency_orders_by_the_last_sign_of_life_then_never():
    X = pd.DataFrame({"recency_lead_days": [0.0, 5.0, np.nan, 100.0]})
    assert np.argsort(-score_recency(rows_of(X))).tolist() == [0, 1, 3, 2]
    by_age = score_recency(rows_of(pd.DataFrame({"x": [1, 2, 3]}), [3.0, 1.0, 2.0]))
    assert np.argsort(-by_age).tolist() == [1, 2, 0]
    assert score_recency(rows_of(pd.DataFrame({"x": [1]}))) is None


@pytest.mark.parametrize("level", [0.001, 0.07, 0.6])
def test_every_baseline_can_be_put_on_a_level_and_keeps_its_order(level):
    train, test, features = parts()
    found, notes = build_baselines(train, test, logistic_of(train, features), CARD, rate=0.07)
    assert list(found) == ["constant", "points", "recency", "logistic"]
    assert notes == ()
    np.testing.assert_array_equal(found["constant"].probability, 0.07)
    for name, baseline in found.items():
        moved = baseline.at_level(level)
        assert moved.probability.mean() == pytest.approx(level, rel=1e-6), name
        np.testing.assert_array_equal(moved.score, baseline.score)
        apart = logit(moved.probability) - logit(baseline.probability)
        np.testing.assert_allclose(apart, apart[0], atol=1e-8)


def test_signal_is_found_by_those_who_can():
    train, test, features = parts()
    found, _ = build_baselines(train, test, logistic_of(train, features), CARD, rate=0.1)
    assert auc(test.label, found["logistic"].score) > 0.7
    assert auc(test.label, found["points"].score) > 0.6
    assert abs(auc(test.label, found["recency"].score) - 0.5) < 0.05
    # A one-dimensional curve keeps the order of the points.
    assert auc(test.label, found["points"].probability) == pytest.approx(auc(test.label, found["points"].score))


def test_logistic_survives_infinite_unseen_and_missing_values():
    train, test, features = parts()
    X = test.X.copy()
    X["mail_kind"] = "never seen"
    X["visits_30d"] = np.inf
    X["noise_0"] = 1e300
    found = margins_baseline(logistic_of(train, features).margins(X))
    assert np.isfinite(found.score).all() and ((found.probability > 0) & (found.probability < 1)).all()


def test_logistic_on_categories_alone():
    train, test, features = parts()
    logistic = logistic_of(train, [f for f in features if f.name == "mail_kind"])
    assert auc(test.label, margins_baseline(logistic.margins(test.X)).score) > 0.55


def test_unavailable_baselines_are_noted():
    train, test, _ = parts()
    bare = [BaselineRows(p.snapshots.assign(age_days=np.nan), p.X[["noise_0"]], p.listed) for p in (train, test)]
    found, notes = build_baselines(*bare, logistic_of(bare[0], [number("noise_0")]), CARD, rate=0.1)
    assert list(found) == ["constant", "logistic"]
    assert notes == (
        "baseline points is not available: fewer than 3 features that the scorecard knows",
        "baseline recency is not available: no time of the last touchpoint and no age",
    )
