from dataclasses import replace

import pytest
from made_lists import make_config

from leadml.bootstrap import Interval
from leadml.verdict import VERDICTS, Evidence, build_verdict

GOOD = Evidence(
    auc=Interval(0.66, 0.63, 0.69, 80),
    lift_10=Interval(2.1, 1.6, 2.6, 80),
    loss_to_constant=Interval(-0.010, -0.014, -0.005, 80),
    train_conversions=300,
    test_conversions=80,
    points_auc=Interval(0.6, 0.57, 0.63, 80),
    points_lift=Interval(1.8, 1.3, 2.3, 80),
    loss_to_points=Interval(-0.006, -0.01, -0.002, 80),
    points_to_constant=Interval(-0.004, -0.006, -0.002, 80),
)
RULE = replace(make_config().train, min_conversions=50, suspicious_auc=0.95, better_origins=0.6)
BETTER, WORSE = Interval(-0.002, -0.01, 0.006, 20), Interval(0.001, -0.007, 0.009, 20)
LIFT, POOR = Interval(1.4, 0.7, 2.1, 20), Interval(0.9, 0.3, 1.5, 20)
NO_POINTS = {"points_auc": None, "points_lift": None, "loss_to_points": None, "points_to_constant": None}
POOR_LIFT = {"lift_10": Interval(1.5, 0.9, 2.0, 80)}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "deploy"),
        ({"origins": ((BETTER, LIFT), (WORSE, LIFT), (BETTER, LIFT), (WORSE, LIFT))}, "deploy"),
        ({"origins": ((BETTER, LIFT), (WORSE, LIFT), (BETTER, POOR), (WORSE, LIFT))}, "use points"),
        ({"is_points": True}, "use points"),
        ({"is_points": True, "origins": ((BETTER, LIFT), (WORSE, LIFT), (BETTER, POOR), (WORSE, LIFT))}, "no signal"),
        ({"is_points": True} | POOR_LIFT, "no signal"),
        ({"is_points": True, "loss_to_points": Interval(0.003, 0.001, 0.005, 80)}, "use points"),
        (NO_POINTS, "deploy"),
        ({"loss_to_points": Interval(0.001, -0.001, 0.003, 80)}, "deploy"),
        ({"loss_to_points": Interval(0.003, 0.001, 0.005, 80)}, "use points"),
        ({"auc": Interval(0.951, 0.93, 0.97, 80)}, "suspiciously good"),
        ({"auc": Interval(0.95, 0.93, 0.97, 80)}, "deploy"),
        ({"train_conversions": 49}, "not enough data"),
        ({"train_conversions": 50, "test_conversions": 10}, "deploy"),
        ({"test_conversions": 9}, "not enough data"),
        ({"auc": Interval(None, None, None, 80)}, "not enough data"),
        ({"lift_10": Interval(2.0, None, None, 80)}, "not enough data"),
        ({"loss_to_constant": Interval(-0.01, -0.02, 0.0, 80)}, "use points"),
        ({"lift_10": Interval(1.5, 1.0, 2.0, 80)}, "use points"),
        (POOR_LIFT, "use points"),
        (POOR_LIFT | NO_POINTS, "no signal"),
        (POOR_LIFT | {"points_auc": Interval(0.52, 0.5, 0.54, 80)}, "no signal"),
        (POOR_LIFT | {"points_lift": Interval(1.4, 1.0, 1.8, 80)}, "no signal"),
        (POOR_LIFT | {"points_to_constant": Interval(-0.002, -0.005, 0.0, 80)}, "no signal"),
    ],
)
def test_the_rule(changes, name):
    verdict = build_verdict(replace(GOOD, **changes), RULE)
    assert verdict.name == name
    assert name in VERDICTS
    assert verdict.allows_champion == (name in ("deploy", "use points"))


def test_what_the_model_lacks_is_said_as_it_is():
    unsteady = replace(GOOD, origins=((WORSE, LIFT),) * 4)
    assert "is better than it on the test, but not shown to hold" in build_verdict(unsteady, RULE).why
    no_better = replace(unsteady, loss_to_points=BETTER)
    assert "the model adds nothing" in build_verdict(no_better, RULE).why


def test_the_reason_has_the_figures():
    why = build_verdict(GOOD, RULE).why
    assert "2.10 [1.60, 2.60]" in why and "-0.0100 [-0.0140, -0.0050]" in why
    assert "9 in the test (needed: 10)" in build_verdict(replace(GOOD, test_conversions=9), RULE).why


def test_the_share_that_the_test_must_hold_is_a_setting():
    strict = replace(RULE, min_test_share=0.5)
    why = build_verdict(replace(GOOD, test_conversions=24), strict).why
    assert "24 in the test (needed: 25)" in why
    assert build_verdict(replace(GOOD, test_conversions=25), strict).name == "deploy"
