"""Groups of people: bands, rates as fairlearn has them, intervals by account, what is too small, proxies."""

import numpy as np
import pandas as pd
import pytest

from leadml.bootstrap import BootstrapConfig
from leadml.errors import ConfigurationError
from leadml.fairness import DIFFERENCES, RATES, Least, audit_groups, chance_apart, draw_rates, frame_rates, share_alike
from leadml.fairness_top import audit_top
from leadml.features.dictionary import Feature, Kind
from leadml.groups import Groups, make_groups
from leadml.metrics import auc
from leadml.proxies import clustered_error, find_proxies, newest_rows

CONFIG = BootstrapConfig(80, 0.9, 3)


def made(values: list[object], topic: str | None = None, edges: tuple[float, ...] = ()) -> list[object]:
    return make_groups(pd.Series(values, dtype="string"), topic, edges).of.tolist()


def test_ages_go_into_stated_bands_whose_lower_end_belongs_to_them():
    assert made(["24", "25", "34.9", "35", "80", None, "?"], "age", (25, 35)) == [
        "< 25", "[25, 35)", "[25, 35)", "≥ 35", "≥ 35", None, None,
    ]  # fmt: skip
    assert make_groups(pd.Series(["30", "70"], dtype="string"), "age").names == (
        "< 25", "[25, 35)", "[35, 45)", "[45, 55)", "[55, 65)", "≥ 65",
    )  # fmt: skip


def test_births_go_by_decade_and_other_numbers_by_quartiles_unless_they_are_few():
    assert made(["1984-05-01", "01/02/1990", "1989", None], "birth") == ["1980-1989", "1990-1999", "1980-1989", None]
    assert made([str(i) for i in range(8)])[::2] == ["< 1", "[1, 3)", "[3, 5)", "≥ 5"]
    assert made(["1", "2", "1", "2"]) == ["1", "2", "1", "2"]


def test_ends_of_large_numbers_are_written_out():
    revenue = pd.Series(np.arange(10_000_001, 10_000_101).astype(str))
    groups = make_groups(revenue, None)
    assert groups.names[0] == "< 10000025" and len(set(groups.names)) == 4


def test_levels_are_the_most_frequent_and_none_looks_personal():
    levels = ["b"] * 3 + ["a"] * 2 + ["ana@b.example", " a ", "", None]
    groups = make_groups(pd.Series(levels, dtype="string"), "gender")
    assert groups.names == ("a", "b", "(other)")
    assert groups.of.tolist() == ["b"] * 3 + ["a"] * 2 + ["(other)", "a", None, None]
    many = make_groups(pd.Series([f"l{i:02}" for i in range(30)], dtype="string"), None)
    assert len(many.names) == 11 and many.names[-1] == "(other)"


def make_test(seed: int = 0, rows: int = 3000) -> tuple[pd.DataFrame, Groups]:
    """Leads of two groups and a tiny third; "F" has lower probabilities, and converts more often than is said."""
    generator = np.random.default_rng(seed)
    group = generator.choice(["F", "M", "X"], rows, p=[0.44, 0.55, 0.01]).astype(object)
    p = np.clip(generator.beta(2, 8, rows) + np.where(group == "M", 0.1, 0), 0.01, 0.99)
    label = (generator.random(rows) < p + np.where(group == "F", 0.15, 0)).astype(float)
    lead = np.arange(rows)
    test = pd.DataFrame({"lead_id": lead.astype(str), "account_id": (lead // 3).astype(str), "label": label})
    group[:5] = None
    return test.assign(probability=p), Groups(group, ("F", "M", "X"), "levels")


def test_rates_are_fairlearns_and_those_that_a_person_would_count():
    test, groups = make_test()
    found = audit_groups(test, groups, 0.3, Least(50, 10), CONFIG)
    assert [g["name"] for g in found["groups"]] == ["F", "M"]
    assert found["small"] == {"groups": 1, "leads": int((groups.of == "X").sum())} and found["missing_leads"] == 5
    for told in found["groups"]:
        mine = test[groups.of == told["name"]]
        selected, converted = mine["probability"] >= 0.3, mine["label"] == 1
        counted = {
            "selection_rate": selected.mean(),
            "true_positive_rate": selected[converted].mean(),
            "false_positive_rate": selected[~converted].mean(),
            "false_negative_rate": (~selected[converted]).mean(),
            "true_negative_rate": (~selected[~converted]).mean(),
            "gap": mine["label"].mean() - mine["probability"].mean(),
        }
        for rate, value in counted.items():
            assert told[rate]["value"] == pytest.approx(value), rate
            assert told[rate]["low"] < value < told[rate]["high"]
        assert (told["leads"], told["converting_leads"]) == (len(mine), converted.sum())
    female, male = found["groups"]
    assert female["gap"]["low"] > 0.05 and male["gap"]["low"] < 0 < male["gap"]["high"]


def test_differences_are_those_of_fairlearn():
    from fairlearn import metrics

    test, groups = make_test()
    kept = np.isin(groups.of.astype(str), ["F", "M"])
    y, s = test["label"][kept].astype(int), (test["probability"][kept] >= 0.3).astype(int)
    found = audit_groups(test, groups, 0.3, Least(50, 10), CONFIG)["differences"]
    for name in DIFFERENCES:
        theirs = getattr(metrics, name)(y, s, sensitive_features=groups.of[kept].astype(str))
        assert found[name]["value"] == pytest.approx(theirs), name


def test_draws_of_weight_one_are_the_rates_themselves(monkeypatch):
    test, groups = make_test()
    frame = test.assign(group=groups.of, selected=test["probability"] >= 0.3).dropna().reset_index(drop=True)
    monkeypatch.setattr("leadml.fairness.draw_weights", lambda n, draws, seed: iter([np.ones((n, 1))]))
    drawn, values = draw_rates(frame, ["F", "M", "X"], CONFIG), frame_rates(frame, ["F", "M", "X"])
    for rate in (*RATES, "gap"):
        np.testing.assert_allclose(drawn[rate][:, 0], values[rate], rtol=1e-12, err_msg=rate)


def test_accounts_are_drawn_whole_so_copies_of_a_lead_add_no_certainty():
    test, groups = make_test()
    twice = pd.concat([test, test], ignore_index=True)
    both = Groups(np.concatenate([groups.of, groups.of]), groups.names, "levels")
    once, again = (audit_groups(t, g, 0.3, Least(50, 10), CONFIG)["groups"] for t, g in ((test, groups), (twice, both)))
    assert once[0]["selection_rate"] == pytest.approx(again[0]["selection_rate"])


def test_differences_beyond_chance_are_told_from_those_within():
    test, groups = make_test()
    apart = audit_groups(test, groups, 0.3, Least(50, 10), CONFIG)
    dealt = Groups(np.random.default_rng(8).permutation(groups.of), groups.names, "levels")
    alike = audit_groups(test, dealt, 0.3, Least(50, 10), CONFIG)
    for name in ("demographic_parity_difference", "equalized_odds_difference"):
        assert apart["differences"][name]["value"] > 2 * apart["chance"][name]
        assert alike["differences"][name]["value"] < alike["chance"][name]
    # Two groups of about 1,300 and 1,650: 1.96 standard errors of a difference of shares near 0.24.
    share = (test["probability"] >= 0.3).mean()
    known = 1.96 * np.sqrt(share * (1 - share) * (1 / (groups.of == "F").sum() + 1 / (groups.of == "M").sum()))
    assert apart["chance"]["demographic_parity_difference"] == pytest.approx(known, rel=0.2)


def grouped(seed: int, leads_each: int, of_account: bool) -> tuple[pd.DataFrame, Groups]:
    """60 accounts whose leads are alike and convert together; the groups tell nothing."""
    generator = np.random.default_rng(seed)
    account = np.repeat(np.arange(60), leads_each)
    p = np.clip(generator.beta(2, 8, 60)[account] + generator.normal(0, 0.03, len(account)), 0.01, 0.99)
    label = (generator.random(60)[account] < p).astype(float)
    group = generator.choice(["F", "M"], 60)[account] if of_account else generator.choice(["F", "M"], len(account))
    test = pd.DataFrame({"lead_id": np.arange(len(account)), "account_id": account, "label": label, "probability": p})
    return test, Groups(group.astype(object), ("F", "M"), "levels")


@pytest.mark.parametrize("of_account", [True, False])
def test_chance_deals_a_property_of_the_account_among_accounts_and_of_the_lead_among_leads(of_account):
    beyond, chance = [], []
    for seed in range(20):
        test, groups = grouped(seed, 12, of_account)
        frame = test.assign(group=groups.of, selected=test["probability"] >= 0.2)
        chance.append(chance_apart(frame, ["F", "M"], [True, True], seed)["demographic_parity_difference"])
        beyond.append(np.ptp(frame.groupby("group")["selected"].mean()) > chance[-1])
    assert np.mean(beyond) <= 0.15  # 0.05 expected; where leads were dealt out, half of them and more
    # 1.96 standard errors of a difference of shares near 0.4, of two groups of 30 accounts or of 360 leads.
    known = 1.96 * np.sqrt(0.4 * 0.6 * 2 / (30 if of_account else 360))
    assert np.mean(chance) == pytest.approx(known, rel=0.15)


def test_how_alike_the_leads_of_an_account_are():
    account = np.array([0, 0, 0, 1, 1, 2])
    assert share_alike(np.array([0, 0, 0, 1, 1, 0]), account) == 1
    # 8 ordered pairs of one account, 4 of one group; any two leads are in half of cases.
    assert share_alike(np.array([0, 0, 1, 1, 1, 0]), account) == pytest.approx((4 / 8 - 1 / 2) / (1 / 2))
    assert share_alike(np.array([0, 1, 0]), np.arange(3)) == 0 and share_alike(np.zeros(4, int), np.zeros(4, int)) == 0


def test_too_few_conversions_say_nothing_that_needs_them_and_too_few_groups_no_difference():
    test, groups = make_test()
    test.loc[groups.of == "F", "label"] = 0.0
    found = audit_groups(test, groups, 0.3, Least(50, 10), CONFIG)
    female = found["groups"][0]
    assert female["rate"] is None and found["groups"][1]["rate"] > 0  # it would tell what the docs say is not told
    assert female["true_positive_rate"] is None and female["gap"] is None and female["selection_rate"] is not None
    assert found["differences"]["equalized_odds_difference"] is None
    assert found["differences"]["demographic_parity_difference"] is not None
    alone = audit_groups(test, groups, 0.3, Least(1500, 10), CONFIG)
    assert [g["name"] for g in alone["groups"]] == ["M"] and set(alone["differences"].values()) == {None}
    nobody = audit_groups(test, groups, 0.3, Least(10_000, 10), CONFIG)
    assert nobody["groups"] == [] and nobody["small"]["groups"] == 3


def test_a_group_of_one_account_has_no_interval_nor_has_a_difference_to_it():
    test, groups = make_test()
    test.loc[groups.of == "F", "account_id"] = "one"
    found = audit_groups(test, groups, 0.3, Least(50, 10), CONFIG)
    female, male = found["groups"][:2]
    assert female["selection_rate"]["low"] is None and male["selection_rate"]["low"] is not None
    for difference in found["differences"].values():
        assert difference["value"] is not None and difference["low"] is None
    top = audit_top(test.assign(list=0), groups, ["F", "M"], CONFIG)
    assert top["rates"]["F"]["low"] is None and top["rates"]["M"]["low"] is not None
    assert all(d["low"] is None for d in top["differences"].values())


@pytest.fixture(scope="module")
def planted() -> tuple[pd.DataFrame, list[Feature], np.ndarray]:
    """Job tells gender, the rest tells nothing."""
    generator = np.random.default_rng(5)
    n = 3000
    gender = generator.choice(["F", "M"], n).astype(object)
    X = pd.DataFrame({"job": np.where(generator.random(n) < 0.8, np.where(gender == "F", "nurse", "builder"), "clerk")})
    X["one"] = generator.uniform(-1, 1, n)
    X["visits"] = generator.poisson(3, n).astype(float)
    X["country"] = generator.choice(["es", "fr", None], n)
    X["empty"] = np.nan
    kinds = {"job": Kind.CATEGORY, "country": Kind.CATEGORY}
    return X, [Feature(c, "firmographic", kinds.get(c, Kind.NUMBER), "", None, c, c) for c in X], gender


def test_the_planted_proxy_is_named_and_nothing_else(planted):
    X, features, gender = planted
    found = find_proxies(X, features, gender, np.arange(len(X)), seed=1)
    assert [p["feature"] for p in found["proxies"]] == ["job"] and found["found"] == 1
    assert found["proxies"][0]["auc"] > 0.85 and found["together"]["F"] > 0.85
    without = find_proxies(X, [f for f in features if f.name != "job"], gender, np.arange(len(X)), seed=1)
    assert without["proxies"] == [] and 0.44 < without["together"]["M"] < 0.56
    assert find_proxies(X, features, gender, np.arange(len(X)), seed=1) == found


def test_no_proxies_among_noise_in_twenty_draws(planted):
    X, features, gender = planted
    noise = [f for f in features if f.name in ("visits", "country")]
    for seed in range(20):
        shuffled = np.random.default_rng(seed).permutation(gender)
        assert find_proxies(X[:400], noise, shuffled[:400], np.arange(400), seed)["proxies"] == []


def test_properties_of_few_accounts_are_no_proxies_of_each_other_by_chance_and_a_planted_one_is_found():
    account, named = np.repeat(np.arange(40), 12), []
    names = [f"f{i}" for i in range(6)]
    features = [Feature(c, "firmographic", Kind.NUMBER, "", None, c, c) for c in names]
    for seed in range(8):
        generator = np.random.default_rng(seed)
        X = pd.DataFrame({name: generator.normal(size=40)[account] for name in names})
        group = generator.permutation(np.repeat(["F", "M"], 20)).astype(object)[account]
        named += find_proxies(X, features, group, account, seed)["proxies"]
        X["f0"] += 4.0 * (group == "F")
        assert [p["feature"] for p in find_proxies(X, features, group, account, seed)["proxies"]] == ["f0"]
    assert named == []


def test_the_error_of_an_auc_is_that_of_drawn_accounts():
    generator, errors, areas = np.random.default_rng(5), [], []
    for _ in range(300):
        account = np.repeat(np.arange(50), 8)
        score = np.round(generator.normal(size=50)[account] + generator.normal(size=400), 1)
        mine = generator.random(400) < 1 / (1 + np.exp(-score / 2))
        errors.append(clustered_error(mine, score, account))
        areas.append(auc(mine.astype(float), score))
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.12)


def test_one_row_a_lead_its_newest():
    snapshots = pd.DataFrame(
        {
            "lead_id": ["a", "b", "a", "b"],
            "cutoff": pd.to_datetime(["2025-03-01", "2025-01-01", "2025-02-01", "2025-04-01"]),
        }
    )
    assert newest_rows(snapshots).tolist() == [0, 3]
    assert newest_rows(snapshots.assign(cutoff=pd.NaT)).tolist() == [2, 3]


def test_bands_that_do_not_rise_are_refused():
    from leadml.config import FairnessConfig

    with pytest.raises(ConfigurationError, match=r"fairness.bands.age=\[50, 30\]"):
        FairnessConfig(bands={"age": [50, 30]})
    with pytest.raises(ConfigurationError, match="twice"):
        FairnessConfig(columns=["Age", "age"])
