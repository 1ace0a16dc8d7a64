"""Invented companies with a known law, as light as they go: leads of accounts that share their luck, on weekly lists.

A lead converts at a constant hazard, so what holds for one list holds for every list, and a very large draw of other
leads of the same law at the same lists tells what a model is truly worth there.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from made_lists import category, number

from leadml.features.dictionary import Feature

LIFE, HORIZON = 8.0, 4.0  # weeks that a lead stays on the lists; in which a conversion counts
START = pd.Timestamp("2024-01-01")
NOISE = 4
FEATURES: list[Feature] = [
    number("visits_30d"), number("recency_lead_days"), number("employees"), category("mail_kind"),
    *(number(f"noise_{j}") for j in range(NOISE)),
]  # fmt: skip


@dataclass(frozen=True)
class Law:
    """A company's: log of the weekly hazard, how much features tell of it, how much the leads of an account share."""

    base: float
    signal: float
    shared: float

    @classmethod
    def drawn(cls, generator: np.random.Generator) -> "Law":
        """Some company's: 3 to 7 % of a list convert in the horizon, by features that tell little or much."""
        return cls(generator.uniform(-5.0, -4.2), generator.uniform(0.4, 1.2), generator.uniform(0.2, 0.8))


def draw_leads(law: Law, generator: np.random.Generator, born: np.ndarray, account: np.ndarray) -> pd.DataFrame:
    """One row a lead, born (weeks) and of an account (codes) as given; ``end`` is the week of its conversion."""
    size = int(account.max()) + 1
    luck, company, free = generator.normal(0, 1, size), generator.normal(0, 1, size), generator.random(size) < 0.35
    interest = generator.normal(0, 1, len(born))
    told = 0.9 * interest + 0.5 * company[account] - 0.8 * free[account]
    hazard = np.exp(law.base + law.signal * told + law.shared * luck[account])
    middle = 6 + 0.6 * company[account] - 0.4 * free[account]
    return pd.DataFrame(
        {
            "lead": np.arange(len(born)),
            "account": account,
            "born": born,
            "interest": interest,
            "company": company[account],
            "free": free[account],
            "end": born + generator.exponential(1 / hazard),
            "amount": np.exp(middle + generator.normal(0, 0.6, len(born))),
        }
    )


def draw_rows(
    leads: pd.DataFrame, weeks: np.ndarray, generator: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Snapshots and features of the leads that are open at each of the weekly cutoffs (weeks from `START`)."""
    parts = []
    for week in weeks:
        on = leads[(leads["born"] < week) & (leads["born"] >= week - LIFE) & (leads["end"] >= week)]
        parts.append(on.assign(week=float(week)))
    rows = pd.concat(parts, ignore_index=True)
    label = (rows["end"] < rows["week"] + HORIZON).astype(float)
    cutoff = START + pd.to_timedelta(7 * rows["week"], unit="D")
    snapshots = pd.DataFrame(
        {
            "lead_id": "L" + rows["lead"].astype(str),
            "account_id": "A" + rows["account"].astype(str),
            "cutoff": cutoff.astype("datetime64[us]"),
            "grid": "weekly",
            "label": label,
            "amount": rows["amount"].where(label == 1),
            "age_days": 7 * (rows["week"] - rows["born"]),
            "untouched": False,
            "position": np.arange(len(rows)),
        }
    )
    X = pd.DataFrame({"visits_30d": generator.poisson(np.exp(0.3 + 0.7 * rows["interest"])).astype(float)})
    X["recency_lead_days"] = generator.exponential(10 * np.exp(-0.3 * rows["interest"]))
    X["employees"] = np.round(np.exp(3 + rows["company"]))
    X["mail_kind"] = np.where(rows["free"], "free", "business")
    for j in range(NOISE):
        X[f"noise_{j}"] = generator.normal(size=len(rows))
    return snapshots, X


def make_company(law: Law, accounts: int, weeks: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Snapshots and features of a company with one to some leads an account over so many weeks; the last are open."""
    generator = np.random.default_rng(seed)
    account = np.repeat(np.arange(accounts), 1 + generator.poisson(0.8, accounts))
    leads = draw_leads(law, generator, generator.uniform(-LIFE, weeks, len(account)), account)
    snapshots, X = draw_rows(leads, np.arange(1, weeks + 1), generator)
    week = (snapshots["cutoff"] - START) / pd.Timedelta(days=7)
    snapshots["label"] = snapshots["label"].where(week <= weeks - HORIZON - 1)  # and a week of booking delay
    snapshots["amount"] = snapshots["amount"].where(snapshots["label"] == 1)
    return snapshots, X


def draw_fresh(law: Law, lists: pd.Series, leads: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Other leads of the same law, an account each, at the very same lists (cutoffs)."""
    generator = np.random.default_rng(seed)
    weeks = np.sort(((lists - START) / pd.Timedelta(days=7)).unique())
    born = generator.uniform(weeks[0] - LIFE, weeks[-1], leads)
    return draw_rows(draw_leads(law, generator, born, np.arange(leads)), weeks, generator)
