"""Invented amounts of converting leads, with or without a reason behind them."""

import numpy as np
import pandas as pd
from made_lists import category, number

from leadml.features.dictionary import Feature

FEATURES: list[Feature] = [number("employees"), category("product"), number("noise_0"), number("noise_1")]
EFFECT = {"basic": 0.0, "pro": 0.7, "suite": 1.4}


def make_amounts(
    leads: int, seed: int, signal: float = 1.0, law: str = "log-normal"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One converting snapshot a lead, with its amount, and its features; amounts spread by 0.6 around their middle.

    Log of the middle: 7 + signal * (0.5 * (log1p(employees) - 3) + the product's effect).
    """
    generator = np.random.default_rng(seed)
    employees = np.round(np.exp(generator.normal(3, 1, leads)))
    product = generator.choice(list(EFFECT), leads)
    eta = 7 + signal * (0.5 * (np.log1p(employees) - 3) + pd.Series(product).map(EFFECT).to_numpy())
    noise = np.exp(generator.normal(0, 0.6, leads)) if law == "log-normal" else generator.gamma(2.8, 1 / 2.8, leads)
    snapshots = pd.DataFrame(
        {
            "lead_id": [f"L{i}" for i in range(leads)],
            "account_id": [f"A{i // 2}" for i in range(leads)],
            "label": 1.0,
            "amount": np.exp(eta) * noise,
        }
    )
    X = pd.DataFrame({"employees": employees, "product": product})
    X.loc[generator.random(leads) < 0.1, "employees"] = np.nan
    for j in range(2):
        X[f"noise_{j}"] = generator.normal(size=leads)
    return snapshots, X
