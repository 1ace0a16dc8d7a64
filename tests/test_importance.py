"""Importance by feature, family and segment against plain loops, and pairs of features, as tables to check by eye."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.bootstrap import BootstrapConfig, draw_weights
from leadml.errors import ArtifactError
from leadml.features.dictionary import Feature, Kind
from leadml.importance import (
    find_partners,
    list_pairs,
    measure_families,
    measure_importance,
    measure_segments,
    pair_families,
)

FAMILIES = ("firmographic", "behaviour", "behaviour", "timing")
FEATURES = [Feature(f"f{i}", family, Kind.NUMBER, "", None, f"f{i}", f"f{i}") for i, family in enumerate(FAMILIES)]
POINTS = np.array([[3.0, -1, 2, 0], [-1, 1, -2, 4], [0, 5, 0, -2], [2, 0, 0, 0]])
STRENGTH = np.array([[0.0, 3, 0, 0], [3, 0, 1, 2], [0, 1, 0, 0], [0, 2, 0, 0]])


def test_importance_is_the_mean_of_absolute_points_by_feature_and_family():
    config = BootstrapConfig(200, 0.9, 1)
    found = measure_importance(POINTS, FEATURES, np.array(["a", "a", "b", "c"]), config)
    assert found["mean_points"].to_dict() == {"f0": 1.5, "f1": 1.75, "f2": 1.0, "f3": 1.5}
    assert found["family"].tolist() == list(FAMILIES)
    families = measure_families(POINTS, FEATURES, np.array(["a", "a", "b", "c"]), config)
    # behaviour, lead by lead: |-1 + 2|, |1 - 2|, |5 + 0|, |0|
    assert families["mean_points"].to_dict() == {"firmographic": 1.5, "behaviour": 1.75, "timing": 1.5, "channel": 0}
    assert families["share"].sum() == pytest.approx(1) and families.loc["channel", "share"] == 0
    with pytest.raises(ArtifactError, match=r"\(4, 4\) for 3 rows and 4 features"):
        measure_importance(POINTS, FEATURES, np.array(["a", "b", "c"]), config)


@settings(max_examples=20, deadline=None)
@given(accounts=st.lists(st.sampled_from("abcd"), min_size=1, max_size=12), seed=st.integers(0, 5))
def test_intervals_are_those_of_accounts_drawn_one_by_one(accounts, seed):
    points = np.random.default_rng(seed).normal(size=(len(accounts), 4)).round(1)
    found = measure_importance(points, FEATURES, np.array(accounts), BootstrapConfig(20, 0.8, seed))
    named = list(dict.fromkeys(accounts))
    draws = []
    for weights in np.concatenate(list(draw_weights(len(named), 20, seed)), axis=1).T:
        drawn = [weights[named.index(a)] for a in accounts]
        if sum(drawn):
            sums = [sum(w * abs(p[j]) for w, p in zip(drawn, points, strict=True)) for j in range(4)]
            draws.append([s / sum(drawn) for s in sums])
    low, high = np.quantile(draws, [0.1, 0.9], axis=0) if len(draws) > 10 else np.full((2, 4), np.nan)
    np.testing.assert_allclose(found["low"], low, atol=1e-12)
    np.testing.assert_allclose(found["high"], high, atol=1e-12)


def test_no_row_has_no_importance():
    config = BootstrapConfig(10, 0.9, 1)
    found = measure_importance(np.zeros((0, 4)), FEATURES, np.array([]), config)
    assert not found["mean_points"].any() and found[["low", "high"]].isna().all(axis=None)


def test_segments_are_told_apart_and_missing_is_one():
    segment = pd.Series(["web", None, "web", "fair"], name="f0")
    found = measure_segments(POINTS, FEATURES, segment, np.array([0.1, 0.2, 0.3, 0.4]))
    shown = [f"{r.level} {r.leads} {r.probability:.1f} {r.firmographic:.1f} {r.behaviour:.1f} {r.timing:.1f} "
             f"f{r.strongest}" for r in found.itertuples()]  # fmt: skip
    assert shown == ["web 2 0.2 1.5 3.0 1.0 f1", "fair 1 0.4 2.0 0.0 0.0 f1", "nan 1 0.2 1.0 1.0 4.0 f3"]


def test_pairs_are_listed_once_the_strongest_first():
    assert list_pairs(STRENGTH, 2).to_dict("list") == {"one": [0, 1], "two": [1, 3], "points": [3.0, 2.0]}
    assert len(list_pairs(STRENGTH, 9)) == 3
    assert find_partners(STRENGTH).tolist() == [1, 0, 1, 1]
    assert find_partners(np.zeros((2, 2))).tolist() == [-1, -1]
    families = pair_families(STRENGTH, FEATURES)
    assert families.loc["firmographic", "behaviour"] == 3 and families.loc["behaviour", "firmographic"] == 3
    assert families.loc["behaviour", "behaviour"] == 1 and families.loc["behaviour", "timing"] == 2
