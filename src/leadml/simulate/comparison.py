"""Predicted against true probabilities on the test lists: what only a simulation can show."""

from typing import Any

import numpy as np
import pandas as pd

BINS = 10
DRAWS = 2000
CONFIDENCE = 0.95


def compare_with_truth(test: pd.DataFrame, truth: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Mean predicted and mean true probability in ten equal-mass bins, with a simultaneous band.

    The band is what the labels of these very rows could tell apart: outcomes are drawn from the true probabilities,
    one uniform number a lead because a lead that recurs converts in all of its lists, and ``band`` holds half the
    width that the gaps between drawn rates and true means stay within, in all bins at once, in 95 % of the draws
    (in units of each bin's own deviation, so that every bin is judged alike). A gap inside its band is one that the
    data could not have shown.

    Args:
        test: lead_id, cutoff, probability (predicted).
        truth: lead_id, cutoff, probability (true); rows without a truth are left out and counted.
        seed: of the draws.

    Returns:
        ``bins`` (rows, predicted, true, gap, band), ``largest_gap``, ``inside`` (every gap within its band), ``rows``,
        ``without_truth``.
    """
    both = test[["lead_id", "cutoff", "probability"]].merge(
        truth.rename(columns={"probability": "true"}), on=["lead_id", "cutoff"], how="left"
    )
    without = int(both["true"].isna().sum())
    both = both.dropna(subset=["true"]).reset_index(drop=True)
    rank = both["probability"].rank(method="first").to_numpy()
    both["bin"] = np.minimum((rank - 1) * BINS // len(both), BINS - 1).astype(int)
    table = both.groupby("bin").agg(rows=("true", "size"), predicted=("probability", "mean"), true=("true", "mean"))
    table["gap"] = (table["predicted"] - table["true"]).abs()
    table["band"] = simultaneous_band(both, table["true"].to_numpy(), seed)
    return {
        "bins": [{str(k): float(v) for k, v in row.items()} for row in table.to_dict(orient="records")],
        "largest_gap": float(table["gap"].max()),
        "inside": bool((table["gap"] <= table["band"]).all()),
        "rows": len(both),
        "without_truth": without,
    }


def simultaneous_band(both: pd.DataFrame, true_mean: np.ndarray, seed: int) -> np.ndarray:
    """Half the width (bins,) of the band of `compare_with_truth`."""
    generator = np.random.default_rng(seed)
    lead, leads = pd.factorize(both["lead_id"])
    p, code = both["true"].to_numpy(), both["bin"].to_numpy()
    rows = np.bincount(code, minlength=BINS)
    gaps = np.empty((DRAWS, BINS))
    for i in range(DRAWS):
        converted = generator.random(len(leads))[lead] < p
        gaps[i] = np.bincount(code, weights=converted, minlength=BINS) / rows - true_mean
    deviation = gaps.std(axis=0)
    widest = np.quantile((np.abs(gaps) / deviation).max(axis=1), CONFIDENCE)
    return np.asarray(widest * deviation)
