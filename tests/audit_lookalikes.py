"""Invented tables with the published statistics of two well-known sets, under other names: leaks beside honest signals.

What is known of them: how many rows there are of each level and how many of these convert, how strong each column is by
itself and what all the others reach together. The rows themselves are drawn here.
"""

import numpy as np
import pandas as pd

# level: (rows among converted, rows among others), by thousand or so; None is missing
REMARK = {
    "will think about it": (2007, 65), "rings out": (34, 1169), "other school": (13, 500), "already student": (4, 461),
    "took a place": (347, 4), "abroad": (172, 3), "busy": (105, 81), "switched off": (4, 236), "other": (34, 648),
    None: (841, 2512),
}  # fmt: skip
HOW_GOOD = {
    "maybe": (1180, 380),
    "unsure": (262, 830),
    "fine": (603, 34),
    "bad": (12, 589),
    "low": (477, 106),
    None: (1027, 3740),
}


def made_education(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Leads of an online school, 38 % of which enrol; a remark after the call, and what the team thinks of the lead."""
    g = np.random.default_rng(seed)
    seconds = np.where(g.random(rows) < 0.24, 0.0, g.gamma(1, 500, rows).round())
    origin = g.choice(["api", "landing page", "add form", "import"], rows, p=[0.387, 0.529, 0.078, 0.006])
    work = g.choice(["none", "employed", "student", None], rows, p=[0.606, 0.077, 0.025, 0.292])
    last = g.choice(["changed", "opened", "sms", "visited", "chat"], rows, p=[0.37, 0.31, 0.235, 0.05, 0.035])
    log_odds = -1.4 + 0.0016 * np.minimum(seconds, 2000) + 3.2 * (origin == "add form")
    log_odds += np.select([work == "employed", pd.isna(work)], [2.6, -1.7], 0.35)
    log_odds += np.select([last == "sms", last == "changed", last == "chat"], [1.5, -0.9, -1.5], 0)
    label = (g.random(rows) < 1 / (1 + np.exp(-log_odds))).astype(float)
    X = pd.DataFrame(
        {
            "Call remark": drawn(g, label, REMARK),
            "How good is it": drawn(g, label, HOW_GOOD),
            "Seconds on site": seconds,
            "Origin": origin,
            "Work": work,
            "Last thing done": last,
            "Town": g.choice(["north", "south", None], rows, p=[0.4, 0.4, 0.2]),
            "Visits": g.poisson(3, rows).astype(float),
        }
    )
    return X, label


def made_bank(rows: int, seed: int, rate: float = 0.113) -> tuple[pd.DataFrame, np.ndarray]:
    """Calls of a bank: how long each took (known when it is over) beside rates of interest and earlier campaigns."""
    g = np.random.default_rng(seed)
    interest = g.choice([4.96, 4.86, 1.34, 1.41, 0.9, 4.12], rows, p=[0.35, 0.3, 0.12, 0.1, 0.05, 0.08])
    earlier = g.choice(["none", "no", "yes"], rows, p=[0.863, 0.103, 0.034])
    how, job = g.choice(["mobile", "fixed"], rows, p=[0.635, 0.365]), g.integers(0, 12, rows)
    years = g.integers(18, 80, rows).astype(float)
    log_odds = 1.7 * (interest < 2) + 0.9 * (interest < 1) + 2.4 * (earlier == "yes") + 0.6 * (how == "mobile")
    log_odds += 0.03 * np.abs(years - 42) + np.linspace(-0.6, 0.6, 12)[job]
    offset = np.quantile(log_odds, 0.5) + 3.25 - 12 * (rate - 0.113)
    label = (g.random(rows) < 1 / (1 + np.exp(offset - log_odds))).astype(float)
    talked = np.where(label == 1, g.gamma(2.0, 300, rows), g.gamma(1.14, 194, rows)).round()
    X = pd.DataFrame(
        {
            "seconds_talked": talked,
            "rate_3m": (interest + g.normal(0, 0.004, rows)).round(3),
            "earlier_campaign": earlier,
            "how": how,
            "job": job.astype(str),
            "years": years,
            "calls": g.poisson(2, rows).astype(float),
        }
    )
    return X, label


def drawn(g: np.random.Generator, label: np.ndarray, levels: dict[str | None, tuple[int, int]]) -> np.ndarray:
    """A level a row, as often among converted rows and among the others as the table says."""
    names = np.array([*levels], dtype=object)
    counts = np.array([*levels.values()], dtype=np.float64)
    parts = [g.choice(len(names), len(label), p=counts[:, j] / counts[:, j].sum()) for j in (0, 1)]
    return names[np.where(label == 1, parts[0], parts[1])]
