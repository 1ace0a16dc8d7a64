"""Who is at the top of the lists, by group, and what a threshold that selects everybody can say."""

import numpy as np
import pandas as pd
import pytest

from leadml.bootstrap import BootstrapConfig
from leadml.fairness import Least, audit_groups
from leadml.fairness_top import audit_top, in_top, nearly_all_or_none
from leadml.groups import Groups
from leadml.report.fair import fair_words
from leadml.report.words import Words

CONFIG = BootstrapConfig(60, 0.9, 3)


@pytest.fixture(scope="module")
def made() -> tuple[pd.DataFrame, Groups]:
    """Two lists of 500; F is at the top half as often as by chance, as its probabilities are lower."""
    generator = np.random.default_rng(6)
    group = generator.choice(["F", "M"], 1000).astype(object)
    p = np.clip(generator.beta(2, 8, 1000) + 0.05 * (group == "M"), 0.01, 0.95)
    test = pd.DataFrame({"list": np.arange(1000) % 2, "lead_id": [f"L{i}" for i in range(1000)], "probability": p})
    test["account_id"] = np.arange(1000) // 2
    test["label"] = (generator.random(1000) < p).astype(float)
    return test, Groups(group, ("F", "M"), "levels")


def test_the_top_of_each_list_is_its_best_tenth_and_ties_go_by_lead():
    test = pd.DataFrame({"list": [1] * 10 + [0] * 11, "probability": [0.5] * 10 + list(np.linspace(0.1, 0.9, 11))})
    test["lead_id"] = [f"L{9 - i}" for i in range(10)] + [f"M{i}" for i in range(11)]
    assert list(test.loc[in_top(test, 0.1), "lead_id"]) == ["L0", "M9", "M10"]  # the tenth of 11 is rounded up


def test_everybody_selected_is_told_as_such_and_the_top_still_differs(made):
    test, groups = made
    found = audit_groups(test, groups, 0.002, Least(50, 10), CONFIG)
    top = audit_top(test, groups, ["F", "M"], CONFIG)
    apart = top["differences"]["demographic_parity_difference"]
    assert nearly_all_or_none(found["groups"]) == "all"
    assert sum(in_top(test, 0.1)) == 100
    assert top["rates"]["F"]["value"] == in_top(test, 0.1)[groups.of == "F"].mean() < top["rates"]["M"]["value"]
    assert apart["value"] == pytest.approx(top["rates"]["M"]["value"] - top["rates"]["F"]["value"])
    assert (
        apart["low"] < apart["value"] < apart["high"]
        and apart["value"] > top["chance"]["demographic_parity_difference"]
    )
    proxies = {"together": {}, "proxies": [], "found": 0}
    column = {"column": "Gender", "proxies": proxies, "top": top} | found
    for words in (Words("en"), Words("es")):
        told = fair_words(
            {"threshold": 0.002, "min_leads": 50, "min_conversions": 10, "columns": [column]}, {}, 0.9, words
        )
        shown = told["columns"][0]
        assert shown["notes"][0] == words.t("fair_nearly_all")
        assert [d[0] for d in shown["differences"]] == [
            words.t(f"fair_top_demographic_parity_{what}") for what in ("difference", "ratio")
        ]
        assert all(len(cells) == len(told["head"]) for _, cells in shown["groups"])


def test_a_threshold_that_selects_some_keeps_its_differences(made):
    test, groups = made
    found = audit_groups(test, groups, 0.3, Least(50, 10), CONFIG)
    assert nearly_all_or_none(found["groups"]) is nearly_all_or_none([]) is None
    assert nearly_all_or_none(audit_groups(test, groups, 0.999, Least(50, 10), CONFIG)["groups"]) == "none"
    alone = audit_top(test, groups, ["F"], CONFIG)
    assert set(alone["rates"]) == {"F"} and set(alone["differences"].values()) == {None} and not alone["chance"]
