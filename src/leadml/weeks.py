"""Calendar weeks."""

import numpy as np
import pandas as pd

DAY = 86_400_000_000  # microseconds


def week_start(times: pd.Series) -> pd.Series:
    """Monday 00:00 of each time's calendar week (UTC), datetime64[us]; NaT stays."""
    days = times.to_numpy(dtype="datetime64[D]")
    since_monday = (days.astype(np.int64) + 3) % 7  # day 0, 1970-01-01, was a Thursday
    return pd.Series((days - since_monday.astype("timedelta64[D]")).astype("datetime64[us]"), index=times.index)
