"""How far probabilities can be trusted: what was said against what happened, beside what chance alone would show.

A bin's *consistency band* is where its rate falls if every probability is exactly right (Broecker and Smith 2007,
"Increasing the reliability of reliability diagrams"); `chance` says how leads and accounts are drawn then.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from leadml.calibration import bin_codes
from leadml.chance import DRAWS, Judged, simulate_conversions

MOST_BINS = 10
CONVERSIONS_A_BIN = 5  # distinct converting leads; a group with fewer of them has fewer bins
BAND = 0.90  # of the simulated rates lie in the band
TAILS = ((1 - BAND) / 2, (1 + BAND) / 2)


def judge_reliability(
    test: pd.DataFrame,
    segments: Mapping[str, Sequence[str | None]],
    bands: Mapping[str, tuple[float, float]],
    seed: int,
) -> dict[str, Any]:
    """Everything about the test's probabilities, as plain values for JSON.

    Args:
        test: ``probability``, ``label``, ``lead_id``, ``account_id``, ``cutoff`` (null where undated) and ``age_days``.
        segments: by name, the level (n,) of each row of the test; None is missing.
        bands: of the age, by name: days ``[low, high)``.
        seed: of the simulated labels.

    Returns:
        ``bins`` (`reliability_bins`), ``error`` and ``chance`` (`chance_of`), ``brier`` (`brier_parts`), ``draws``,
        ``band`` and ``together`` of the simulation (`chance.share_together` of the whole test), ``whole``
        (`judge_group` of all rows), and ``groups``: one entry (`judge_group`) for each age band, month of the cutoff
        and level of a segment, with its ``kind`` ("age", "month" or "segment"), ``of`` (the segment's name) and
        ``name``.
    """
    judged = Judged.of(test)
    table, hits = reliability_bins(judged, MOST_BINS, seed)
    return {
        "bins": table.to_dict(orient="records"),
        "error": error_of(table),
        "chance": chance_of(table, hits),
        "brier": brier_parts(judged.p, judged.y, MOST_BINS),
        "groups": [
            {"kind": kind, "of": of, "name": name} | judge_group(judged.take(rows), seed)
            for kind, of, name, rows in _groups(test, segments, bands)
        ],
        "draws": DRAWS,
        "band": BAND,
        "together": judged.together,
        "whole": judge_group(judged, seed),
    }


def judge_group(judged: Judged, seed: int) -> dict[str, Any]:
    """Counts, mean probability, rate and its band, error and what chance shows, Brier score with its parts, of rows.

    ``beyond`` says whether the error is above the 95th percentile of chance; None without a conversion. There are at
    most `MOST_BINS` equal-mass bins, one for every `CONVERSIONS_A_BIN` converting leads, and at least one.
    """
    converting = judged.converting()
    table, hits = reliability_bins(judged, int(np.clip(converting // CONVERSIONS_A_BIN, 1, MOST_BINS)), seed)
    error, chance = error_of(table), chance_of(table, hits)
    low, high = np.quantile(hits.sum(axis=1) / len(judged.p), TAILS)
    return {
        "rows": len(judged.p),
        "leads": len(np.unique(judged.lead)),
        "converting_leads": converting,
        "mean_probability": float(judged.p.mean()),
        "rate": float(judged.y.mean()),
        "rate_low": float(low),
        "rate_high": float(high),
        "bins": len(table),
        "error": error,
        "chance": chance,
        "beyond": None if not converting else bool(error > chance["high"]),
        "brier": brier_parts(judged.p, judged.y, len(table)),
    }


def reliability_bins(judged: Judged, bins: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Equal-mass bins with their consistency bands, and the simulated conversions behind them.

    Returns:
        One row a bin, by probability: ``low``, ``high``, ``rows``, ``leads``, ``conversions`` (converted rows),
        ``converting_leads`` (distinct), ``mean_probability``, ``rate``, ``rate_low`` and ``rate_high`` (the ends of the
        band: 5th and 95th percentile of the simulated rates). And the converted rows (draws, bins) of chance.
    """
    codes = bin_codes(judged.p, bins)
    frame = pd.DataFrame({"bin": codes, "p": judged.p, "y": judged.y, "lead": judged.lead})
    table = frame.groupby("bin", sort=True).agg(
        low=("p", "min"),
        high=("p", "max"),
        rows=("p", "size"),
        leads=("lead", "nunique"),
        conversions=("y", "sum"),
        mean_probability=("p", "mean"),
        rate=("y", "mean"),
    )
    converting = frame[frame["y"] == 1].groupby("bin")["lead"].nunique()
    table.insert(5, "converting_leads", converting.reindex(table.index, fill_value=0))
    hits = simulate_conversions(judged, codes, seed)
    table["rate_low"], table["rate_high"] = np.quantile(hits / table["rows"].to_numpy(), TAILS, axis=0)
    return table.reset_index(drop=True), hits


def error_of(table: pd.DataFrame) -> float:
    """Calibration error over bins (`reliability_bins`): the mean over rows of |mean probability - rate|."""
    apart = np.abs(table["mean_probability"].to_numpy() - table["rate"].to_numpy())
    return float(np.average(apart, weights=table["rows"].to_numpy()))


def chance_of(table: pd.DataFrame, hits: np.ndarray) -> dict[str, float]:
    """``mean`` and ``high`` (95th percentile) of the calibration error where every probability is exactly right."""
    rows = table["rows"].to_numpy()
    errors = np.abs(table["mean_probability"].to_numpy() * rows - hits).sum(axis=1) / rows.sum()
    return {"mean": float(errors.mean()), "high": float(np.quantile(errors, 0.95))}


def brier_parts(p: np.ndarray, y: np.ndarray, bins: int = MOST_BINS) -> dict[str, float]:
    """The Brier score and its parts on equal-mass bins: brier = reliability - resolution + uncertainty + within.

    With n_k rows, mean probability p_k and rate o_k in bin k, and the overall rate o (Murphy 1973)::

        reliability = sum n_k (p_k - o_k)^2 / n      how far what is said is from what happens; 0 is perfect
        resolution  = sum n_k (o_k - o)^2 / n        how far the bins' rates are apart; more is better
        uncertainty = o (1 - o)                      of the outcome itself
        within      = sum ((p - p_k)^2 - 2 (p - p_k)(y - o_k)) / n

    The last is what binning hides (Stephenson, Coelho and Jolliffe 2008): the spread of the probabilities within a bin
    less twice their covariance with the outcome; with it the parts add up exactly.
    """
    codes = bin_codes(p, bins)
    rows = np.bincount(codes)
    said, seen = np.bincount(codes, weights=p) / rows, np.bincount(codes, weights=y) / rows
    rate, n = float(np.mean(y)), len(p)
    apart = p - said[codes]
    return {
        "brier": float(np.mean((p - y) ** 2)),
        "reliability": float(rows @ (said - seen) ** 2 / n),
        "resolution": float(rows @ (seen - rate) ** 2 / n),
        "uncertainty": rate * (1 - rate),
        "within": float(np.mean(apart**2 - 2 * apart * (y - seen[codes]))),
    }


def level_rows(levels: Sequence[str | None]) -> list[tuple[str, np.ndarray]]:
    """Name and rows (mask) of each level (n,): the largest first, ties by name; "", the missing ones, last."""
    values = pd.Series(list(levels), dtype=object)
    order = values.value_counts(dropna=True)
    names = sorted(order.index, key=lambda level: (-order[level], str(level)))
    return [*((str(n), (values == n).to_numpy()) for n in names), ("", values.isna().to_numpy())]


def _groups(
    test: pd.DataFrame, segments: Mapping[str, Sequence[str | None]], bands: Mapping[str, tuple[float, float]]
) -> list[tuple[str, str, str, np.ndarray]]:
    """Kind, of, name and rows (mask) of every group that the test has rows of."""
    age = test["age_days"].to_numpy(dtype=np.float64)
    found = [("age", "", name, (age >= low) & (age < high)) for name, (low, high) in bands.items()]
    month = test["cutoff"].dt.strftime("%Y-%m")
    found += [("month", "", str(m), (month == m).to_numpy()) for m in sorted(month.dropna().unique())]
    found += [("segment", of, name, rows) for of, levels in segments.items() for name, rows in level_rows(levels)]
    return [group for group in found if group[3].any()]
