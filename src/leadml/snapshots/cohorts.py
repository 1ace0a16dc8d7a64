"""Snapshots summed up for people: the cohort table by month, and how long conversions take."""

from datetime import datetime

import pandas as pd

CURVE_DAYS = (7, 14, 30, 45, 60, 90, 120, 180, 270, 365)


def build_cohorts(snapshots: pd.DataFrame) -> pd.DataFrame:
    """One row a month of cutoffs: snapshots, distinct leads, distinct converting leads, rate, immature share."""
    month = snapshots["cutoff"].dt.strftime("%Y-%m").rename("month")
    groups = snapshots.groupby(month, sort=True)
    table = pd.DataFrame(
        {
            "snapshots": groups.size(),
            "leads": groups["lead_id"].nunique(),
            "conversions": snapshots[snapshots["label"] == 1].groupby(month)["lead_id"].nunique(),
            "rate": groups["label"].mean(),
            "immature_share": groups["label"].apply(lambda s: s.isna().mean()),
        }
    )
    table["conversions"] = table["conversions"].fillna(0).astype("int64")
    return table.reset_index()


def build_conversion_curve(
    leads: pd.DataFrame, conversions: pd.DataFrame, data_end: datetime, horizon_days: float
) -> pd.DataFrame:
    """Share of the observed first conversions that came within ``[0, days]`` of the lead becoming known.

    Only leads that were watched for the longest of the listed days (at most half of the history) count, so that late
    conversions are not missing from the share; ``conversions`` is how many that leaves. ``horizon`` is true in the row
    of ``horizon_days``, which is there unless it is longer than that.

    Args:
        leads: lead_id, known_at.
        conversions: lead_id, converted_at; those before the lead was known are not looked at.
        data_end: end of the data, UTC.
        horizon_days: the problem's horizon.
    """
    history = (data_end - leads["known_at"].min()) / pd.Timedelta(days=1)
    listed = [float(d) for d in CURVE_DAYS if d <= history / 2] or [float(CURVE_DAYS[0])]
    watched = leads[leads["known_at"] <= data_end - pd.Timedelta(days=listed[-1])]
    first = conversions.groupby("lead_id")["converted_at"].min().rename("converted_at")
    joined = watched.join(first, on="lead_id", how="inner")
    took = (joined["converted_at"] - joined["known_at"]).dt.total_seconds() / 86_400
    took = took[(took >= 0) & (took <= listed[-1])]
    shown = sorted({*listed, float(horizon_days)} if horizon_days <= listed[-1] else listed)
    share = [float((took <= d).mean()) if len(took) else float("nan") for d in shown]
    return pd.DataFrame(
        {"days": shown, "share": share, "conversions": len(took), "horizon": [d == horizon_days for d in shown]}
    )
