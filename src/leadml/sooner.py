"""P(converts within fewer days) from the main probability: the same margin and slope, an intercept of its own.

log-odds(p_h) = log-odds(p) + shift_h with shift_h <= 0, and the shorter the horizon the lower the shift: for every lead
the probability never falls with the horizon, is never above the main one, and has the same points behind it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from leadml.account_means import bootstrap_ratios
from leadml.bootstrap import BootstrapConfig, Support
from leadml.calibration import SMALLEST, estimate_base_rate, recency_weights, recentre
from leadml.metrics import row_losses
from leadml.splits import Split

COLUMN = "days_to_conversion"
MIN_CONVERSIONS = 10  # converting leads within the shorter horizon, below which its intercept says nothing
MOST_ROWS = 50_000  # that an intercept is found by


@dataclass(frozen=True)
class Sooner:
    """Shorter horizons in days, ascending, with their shifts of the log-odds, ascending and at most 0."""

    days: tuple[float, ...] = ()
    shifts: tuple[float, ...] = ()

    def probabilities(self, probability: np.ndarray) -> pd.DataFrame:
        """One column a horizon, `column_name`, for main probabilities (n,) in (0, 1); each row by itself."""
        log_odds = logit(np.asarray(probability, dtype=np.float64))
        found: dict[str, np.ndarray] = {}
        above = np.asarray(probability, dtype=np.float64)
        # From the longest down: equal shifts must not differ by a rounding.
        for days, shift in zip(self.days[::-1], self.shifts[::-1], strict=True):
            above = np.minimum(np.clip(expit(log_odds + shift), SMALLEST, 1 - SMALLEST), above)
            found[column_name(days)] = above
        return pd.DataFrame({name: found[name] for name in map(column_name, self.days)})

    def to_dict(self) -> dict[str, list[float]]:
        """Plain values for JSON."""
        return {"days": list(self.days), "shifts": list(self.shifts)}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Sequence[float]]) -> "Sooner":
        """The inverse of `to_dict`."""
        return cls(tuple(entry["days"]), tuple(entry["shifts"]))


@dataclass(frozen=True)
class FittedSooner:
    """The final shifts, those that the figures are of, the figures (plain values) and what people are told."""

    final: Sooner
    judged: Sooner
    metrics: list[dict[str, Any]]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SoonerConfig:
    """Days asked for, the main horizon and the gap in days, half-life of the labels' weights, and the intervals."""

    days: tuple[float, ...]
    horizon_days: float
    gap_days: float
    half_life_days: float
    intervals: BootstrapConfig

    @property
    def shorter(self) -> tuple[float, ...]:
        """The days that are below the main horizon, ascending."""
        return tuple(sorted({d for d in self.days if d < self.horizon_days}))


def column_name(days: float) -> str:
    """The column of P(converts within ``days``)."""
    return f"probability_{days:g}d"


def fit_sooner(
    snapshots: pd.DataFrame, split: Split, stream: pd.DataFrame, test: pd.DataFrame, config: SoonerConfig
) -> FittedSooner:
    """Shifts from the out-of-time stream, judged on the test; the final ones from both.

    A list counts only once its main horizon has matured, so every shorter one has too. The rate of each horizon is
    that of matured labels, newer ones weighted more, shrunk towards the training rate, as the main base rate is; the
    shift is what its intercept differs from the main one's on the same rows.

    Args:
        snapshots: lead_id, cutoff, grid, label, days_to_conversion; rows of ``split``.
        split: training and final rows.
        stream: snapshot, lead_id, cutoff, probability (of the judged calibrator).
        test: the same with list, account_id and label.
        config: days, weights and intervals.
    """
    if not config.shorter or COLUMN not in snapshots or not snapshots[COLUMN].notna().any():
        why = "the tables do not say when their leads converted" if config.shorter else ""
        return FittedSooner(Sooner(), Sooner(), [], (f"no shorter horizons: {why}",) if why else ())
    judged, left, _ = _fit(snapshots, split.train, stream, config)
    both = ["snapshot", "lead_id", "cutoff", "probability"]
    matured = pd.concat([stream[both], test[both]], ignore_index=True)
    # The final shifts are of the horizons that were judged.
    final, _, turned = _fit(snapshots, split.final, matured, config, judged.days)
    notes = [f"no probability within {d:g} days: {n} converting leads, {MIN_CONVERSIONS} are needed" for d, n in left]
    if turned:
        notes.append(f"the intercepts within {turned} days came out in the wrong order and were put in order")
    metrics = _judge(snapshots, split, stream, test, judged, config)
    for entry, shift in zip(metrics, final.shifts, strict=True):
        entry["shift"] = shift
    return FittedSooner(final, judged, metrics, tuple(notes))


def sooner_labels(days_to_conversion: np.ndarray, days: float, gap_days: float) -> np.ndarray:
    """1 where the conversion lies in [cutoff + gap, cutoff + gap + days), else 0 (n,); NaN days never converted."""
    with np.errstate(invalid="ignore"):
        return (days_to_conversion - gap_days < days).astype(np.float64)


def put_in_order(shifts: Sequence[float]) -> list[float]:
    """Shifts of ascending horizons made ascending and at most 0: each is lowered to the one of the next horizon."""
    return np.minimum.accumulate(np.minimum(np.asarray(shifts, dtype=np.float64), 0.0)[::-1])[::-1].tolist()


def _fit(
    snapshots: pd.DataFrame,
    rows: np.ndarray,
    matured: pd.DataFrame,
    config: SoonerConfig,
    days: tuple[float, ...] | None = None,
) -> tuple[Sooner, list[tuple[float, int]], str]:
    """Shifts, the horizons left out with their converting leads, and the days whose shifts were put in order."""
    taken = snapshots[COLUMN].to_numpy(dtype=np.float64)
    weekly = (snapshots["grid"] == "weekly").to_numpy(dtype=bool)
    listed = rows[weekly[rows]] if weekly.any() else rows
    weight = recency_weights(matured["cutoff"], matured["cutoff"].max(), config.half_life_days)
    lead = matured["lead_id"].to_numpy(dtype=object)
    # Rates are of all rows; the shape of their probabilities is well known from some, evenly over them.
    shown = np.linspace(0, len(matured) - 1, min(len(matured), MOST_ROWS)).astype(int)
    log_odds = logit(matured["probability"].to_numpy(dtype=np.float64)[shown])

    def intercept(span: float) -> tuple[float, int]:
        label = sooner_labels(taken, span, config.gap_days)
        prior = (label[listed].sum() + 0.5) / (len(listed) + 1)
        rate = estimate_base_rate(label[matured["snapshot"].to_numpy()], lead, weight, prior)
        return recentre(log_odds, weight[shown], rate.rate), rate.conversions

    main, _ = intercept(config.horizon_days)
    found = [(d, *intercept(d)) for d in (config.shorter if days is None else days)]
    kept = [(d, at - main) for d, at, n in found if days is not None or n >= MIN_CONVERSIONS]
    ordered = put_in_order([shift for _, shift in kept])
    turned = [f"{d:g}" for (d, shift), used in zip(kept, ordered, strict=True) if used != shift]
    left = [(d, n) for d, _, n in found if d not in [k for k, _ in kept]]
    return Sooner(tuple(d for d, _ in kept), tuple(ordered)), left, ", ".join(turned)


def _judge(
    snapshots: pd.DataFrame,
    split: Split,
    stream: pd.DataFrame,
    test: pd.DataFrame,
    judged: Sooner,
    config: SoonerConfig,
) -> list[dict[str, Any]]:
    """One entry a horizon: days, rate and mean probability, their difference, log loss, and that to the constant rate.

    Computed at each list and averaged, as the main figures are. The constant rate is the mean of what was said of the
    stream: known before the test.
    """
    taken = snapshots[COLUMN].to_numpy(dtype=np.float64)[test["snapshot"].to_numpy()]
    said, before = (
        judged.probabilities(test["probability"].to_numpy()),
        judged.probabilities(stream["probability"].to_numpy()),
    )
    lists, ones = pd.factorize(test["list"])[0], np.ones(len(test))
    account = test["account_id"].to_numpy(dtype=object)
    entries = []
    for days in judged.days:
        p = said[column_name(days)].to_numpy()
        y = sooner_labels(taken, days, config.gap_days)
        constant = np.full(len(p), float(before[column_name(days)].mean()))
        support = Support.of(test.assign(label=y))
        figures = bootstrap_ratios(
            {
                "mean_probability": (p, ones),
                "rate": (y, ones),
                "log_loss": (row_losses(y, p)[0], ones),
                "constant": (row_losses(y, constant)[0], ones),
            },
            account, lists, support, config.intervals,
            {"bias": ("mean_probability", "rate"), "to_constant": ("log_loss", "constant")},
        )  # fmt: skip
        entries.append(
            {"days": days, "conversions": support.leads} | {name: f.to_dict() for name, f in figures.items()}
        )
    return entries
