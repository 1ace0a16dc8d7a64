"""Chance: leads of an account convert together where they do and each for itself where not, and nothing is assumed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from leadml.chance import Judged, account_of_leads, draw_uniform, share_together, simulate_conversions
from leadml.reliability import judge_group, reliability_bins

COMPANIES, LEADS, LISTS = 25, 1000, 3


def company(seed: int, leads_each: int, together: bool) -> pd.DataFrame:
    """Leads on three lists by probabilities that are exactly right; colleagues' differ."""
    generator = np.random.default_rng(seed)
    account = np.arange(LEADS) // leads_each
    p = expit(generator.normal(-2.3, 0.7, account.max() + 1)[account] + generator.normal(0, 0.7, LEADS))
    uniform = generator.random(account.max() + 1)[account] if together else generator.random(LEADS)
    lead = np.tile(np.arange(LEADS), LISTS)
    return pd.DataFrame(
        {
            "lead_id": lead,
            "account_id": account[lead],
            "probability": p[lead],
            "label": (uniform < p)[lead].astype(float),
        }
    )


@pytest.mark.parametrize("leads_each", [1, 5])
@pytest.mark.parametrize("together", [False, True])
def test_right_probabilities_are_in_their_bands_however_accounts_convert(leads_each, together):
    bins, rates, beyond = [], [], []
    for seed in range(COMPANIES):
        judged = Judged.of(company(seed, leads_each, together))
        table, _ = reliability_bins(judged, 10, seed + 1000)
        bins.append(table["rate"].between(table["rate_low"], table["rate_high"]).mean())
        group = judge_group(judged, seed + 1000)
        rates.append(group["rate_low"] <= group["rate"] <= group["rate_high"])
        beyond.append(group["beyond"])
    assert 0.85 <= np.mean(bins) <= 0.95
    assert np.mean(rates) >= 0.8 and np.mean(beyond) <= 0.15


def test_how_much_colleagues_convert_together_is_found_again():
    assert share_together(Judged.of(company(1, 5, together=True))) > 0.9
    assert share_together(Judged.of(company(1, 5, together=False))) < 0.05
    assert share_together(Judged.of(company(1, 1, together=True))) == 0
    # Probabilities that are half of what happens make all residuals alike a little.
    low = company(1, 5, together=False)
    assert share_together(Judged.of(low.assign(probability=low["probability"] / 2))) < 0.2


rows = st.tuples(st.integers(0, 5), st.floats(0.01, 0.99), st.booleans())


@given(st.lists(rows, min_size=1, max_size=25), st.lists(st.integers(0, 2), min_size=6, max_size=6))
@settings(max_examples=60, deadline=None)
def test_the_share_is_that_of_all_pairs_of_rows(found, accounts):
    lead, p, y = (np.array(column) for column in zip(*found, strict=True))
    lead = np.unique(lead, return_inverse=True)[1]
    account = np.array(accounts)[lead]
    e = y - p
    seen, expected = np.zeros(2), np.zeros(2)  # of a lead with itself, of two leads of an account
    for i in range(len(p)):
        for j in range(len(p)):
            if account[i] == account[j]:
                seen[int(lead[i] != lead[j])] += e[i] * e[j]
                expected[int(lead[i] != lead[j])] += min(p[i], p[j]) - p[i] * p[j]
    slow = np.clip(seen[1] / seen[0] / (expected[1] / expected[0]), 0, 1) if expected[1] > 0 and seen[0] > 0 else 0
    assert share_together(Judged(p, y.astype(float), lead, account)) == pytest.approx(slow, abs=1e-6)


@pytest.mark.parametrize("together", [0.0, 0.4, 1.0])
def test_each_leads_probability_stays_exact_and_colleagues_hang_together_as_told(together):
    account = np.repeat(np.arange(2000), 3)
    generator = np.random.default_rng(2)
    drawn = np.array([draw_uniform(generator, account, together) < 0.2 for _ in range(50)])
    assert drawn.mean() == pytest.approx(0.2, abs=0.005)
    pairs = drawn.reshape(50, 2000, 3)
    assert np.cov(pairs[..., 0].ravel(), pairs[..., 1].ravel())[0, 1] / 0.16 == pytest.approx(together, abs=0.02)


def test_conversions_are_those_of_the_numbers_row_by_row():
    test = company(3, 5, together=True).sample(frac=0.4, random_state=1).reset_index(drop=True)
    judged = Judged.of(test).take(test["account_id"].to_numpy() % 2 == 0)  # codes with gaps
    codes = (judged.p > 0.1).astype(int)
    generator, account = np.random.default_rng(9), account_of_leads(judged)
    slow = [
        np.bincount(codes, weights=draw_uniform(generator, account, judged.together)[judged.lead] < judged.p)
        for _ in range(20)
    ]
    assert simulate_conversions(judged, codes, 9, 20).tolist() == np.array(slow).tolist()
