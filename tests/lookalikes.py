"""Small invented tables with the headers and habits of well-known public sets; the sets themselves are never kept here.

The values follow a known rule plus noise, so that a model has something to find; nothing in them is anybody's data.
"""

from pathlib import Path

import numpy as np
import pandas as pd


def write_education(path: Path, rows: int = 1500, seed: int = 1) -> pd.DataFrame:
    """Leads of an online school: `Select` as missing, an id a row, a tag written after the call."""
    g = np.random.default_rng(seed)
    visits, seconds = g.poisson(3, rows), g.exponential(500, rows).round()
    source = g.choice(["Google", "Direct Traffic", "Olark Chat", "Reference"], rows, p=[0.4, 0.3, 0.2, 0.1])
    chance = 1 / (1 + np.exp(-(-2.2 + 0.002 * seconds + 1.5 * (source == "Reference") + 0.1 * visits)))
    converted = (g.random(rows) < chance).astype(int)
    frame = pd.DataFrame(
        {
            "Prospect ID": [f"{g.integers(1 << 60):015x}" for _ in range(rows)],
            "Lead Number": 600000 + np.arange(rows),
            "Lead Origin": g.choice(["API", "Landing Page Submission", "Lead Add Form"], rows),
            "Lead Source": source,
            "Do Not Email": g.choice(["No", "Yes"], rows, p=[0.9, 0.1]),
            "Converted": converted,
            "TotalVisits": np.where(g.random(rows) < 0.02, np.nan, visits),
            "Total Time Spent on Website": seconds,
            "Page Views Per Visit": (visits / 2).round(2),
            "Specialization": g.choice(["Select", "Finance Management", "Media and Advertising"], rows),
            "Tags": np.where(converted == 1, "Will revert after reading the email", "Ringing"),
            "City": g.choice(["Mumbai", "Select", "Thane & Outskirts"], rows),
            "I agree to pay the amount through cheque": "No",
        }
    )
    frame.to_csv(path, index=False)
    return frame


def write_bank(path: Path, rows: int = 1500, seed: int = 2) -> pd.DataFrame:
    """Calls of a bank in the order in which they were made: semicolons, quotes, `unknown`, dots in names, `y`."""
    g = np.random.default_rng(seed)
    euribor = np.linspace(4.9, 0.7, rows).round(3)
    previous = g.poisson(0.3, rows)
    chance = 1 / (1 + np.exp(-(-1.2 - 0.4 * (euribor - 2) + 0.8 * previous)))
    frame = pd.DataFrame(
        {
            "age": g.integers(18, 90, rows),
            "job": g.choice(["admin.", "blue-collar", "technician", "unknown"], rows),
            "marital": g.choice(["married", "single"], rows),
            "housing": g.choice(["yes", "no", "unknown"], rows),
            "contact": g.choice(["cellular", "telephone"], rows),
            "month": g.choice(["may", "jun", "nov"], rows),
            "campaign": g.poisson(2, rows) + 1,
            "previous": previous,
            "emp.var.rate": g.choice([-1.8, 1.1, 1.4], rows),
            "euribor3m": euribor,
            "nr.employed": g.choice([5099.1, 5191.0, 5228.1], rows),
            "y": np.where(g.random(rows) < chance, "yes", "no"),
        }
    )
    frame.to_csv(path, index=False, sep=";", quoting=2)
    return frame


def write_deals(path: Path, rows: int = 1500, seed: int = 3) -> pd.DataFrame:
    """Opportunities of a vendor: long 19-digit ids, `Won` and `Loss`, brackets and slashes in names."""
    g = np.random.default_rng(seed)
    days, route = g.integers(1, 200, rows), g.choice(["Fields Sales", "Reseller", "Telesales"], rows)
    chance = 1 / (1 + np.exp(-(0.6 - 0.02 * days + 0.8 * (route == "Reseller"))))
    frame = pd.DataFrame(
        {
            "Opportunity Number": [str(1641984000000000000 + int(i) * 7) for i in range(rows)],
            "Supplies Subgroup": g.choice(["Exterior Accessories", "Motorcycle Parts", "Shelters & RV"], rows),
            "Region": g.choice(["Northwest", "Pacific", "Midwest"], rows),
            "Route To Market": route,
            "Elapsed Days In Sales Stage": days,
            "Opportunity Result": np.where(g.random(rows) < chance, "Won", "Loss"),
            "Opportunity Amount USD": g.lognormal(10, 1, rows).round(),
            "Client Size By Revenue": g.integers(1, 6, rows),
            "Ratio Days Identified To Total Days": g.random(rows).round(4),
        }
    )
    frame.to_csv(path, index=False)
    return frame


def write_loans(folder: Path, cases: int = 3000, seed: int = 4) -> None:
    """A case table and an event log of loan applications over 166 days, with zones in its times."""
    g = np.random.default_rng(seed)
    start = pd.Timestamp("2011-10-01", tz="Europe/Amsterdam")
    registered = start + pd.to_timedelta(np.sort(g.random(cases)) * 160, unit="D")
    amount = (g.lognormal(9.3, 0.7, cases) / 100).round() * 100
    keen = g.normal(0, 1, cases)
    events = []
    for i in range(cases):
        case, at = str(173688 + 3 * i), registered[i]
        events.append((case, "A_SUBMITTED", "COMPLETE", at))
        for _ in range(g.poisson(np.exp(0.8 + 0.7 * keen[i]))):
            events.append((case, "W_Completeren aanvraag", "COMPLETE", at + pd.Timedelta(days=g.exponential(6))))
        if g.random() < 0.6:
            sent = at + pd.Timedelta(days=1 + g.exponential(3))
            events.append((case, "O_SENT", "COMPLETE", sent))
            if g.random() < 1 / (1 + np.exp(-1.5 * keen[i])):
                events.append((case, "O_SENT_BACK", "COMPLETE", sent + pd.Timedelta(days=g.exponential(4))))
        ends = at + pd.Timedelta(days=5 + g.exponential(12))
        won = g.random() < 1 / (1 + np.exp(-(2.2 * keen[i] - 0.9)))
        events.append((case, "A_ACTIVATED" if won else g.choice(["A_DECLINED", "A_CANCELLED"]), "COMPLETE", ends))
    last = start + pd.Timedelta(days=166)
    log = pd.DataFrame(events, columns=["case_id", "activity", "lifecycle", "timestamp"])
    log = log[log["timestamp"] < last]
    log.assign(timestamp=as_iso(log["timestamp"])).to_csv(folder / "events.csv", index=False)
    pd.DataFrame(
        {
            "case_id": [str(173688 + 3 * i) for i in range(cases)],
            "amount_req": amount,
            "reg_date": as_iso(pd.Series(registered)),
        }
    ).to_csv(folder / "cases.csv", index=False)


def as_iso(times: pd.Series) -> pd.Series:
    """Times as texts with their zone, e.g. 2011-10-01T00:38:44.546+02:00."""
    return times.map(lambda t: t.isoformat(timespec="milliseconds"))
