"""The threshold above which sales works a lead: what weekly capacity allows, replayed list by list.

A lead *enters* the worked list when its probability is at or above the threshold and it did not enter within
``again_after_days`` before: entries of one lead are at least that far apart, ``[entered, entered + again_after)`` being
closed to it. Cutoffs are gone through in order of time, from an empty worked list.

Never more entries with a higher threshold: taking, of a lead's cutoffs at or above the threshold, the first one and
then each next one that is far enough away gives the largest possible number of them, and a lower threshold only adds
cutoffs to choose from. So the total falls (or stays) as the threshold rises, and bisection is exact. Entries of a
single week may still rise with the threshold; only the mean is held to the capacity.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from leadml.bootstrap import BootstrapConfig, Support, draw_weights, percentile_interval
from leadml.errors import DataError
from leadml.weeks import DAY, week_start


@dataclass(frozen=True)
class ThresholdChoice:
    """The threshold, the rule that chose it, and what it gave on the lists that it was chosen on."""

    threshold: float
    weekly_capacity: int
    again_after_days: float
    entries_per_week: float
    weeks: int
    leads_per_week: float
    note: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def replay_lists(lists: pd.DataFrame, threshold: float, again_after_days: float) -> pd.DataFrame:
    """Entries of the worked list: the rows of ``lists`` that enter, in the order (cutoff, lead_id), same columns.

    Args:
        lists: ``cutoff`` (UTC; all null for one undated list), ``lead_id``, ``probability``; a lead once a cutoff.
        threshold: a lead enters at ``probability >= threshold``.
        again_after_days: days between two entries of a lead, at least.
    """
    rows = np.flatnonzero(lists["probability"].to_numpy(dtype=np.float64) >= threshold)
    return lists.iloc[_entering(_Times.of(lists, again_after_days), rows)].sort_values(
        ["cutoff", "lead_id"], kind="stable"
    )


def choose_threshold(lists: pd.DataFrame, weekly_capacity: int, again_after_days: float) -> ThresholdChoice:
    """The smallest probability in ``lists`` as threshold whose mean entries a calendar week are within the capacity.

    Weeks are those in which ``lists`` has rows; an undated table counts as one week. Capacity is a weekly number of
    leads, not a share: where the lists that are scored are longer or shorter than these, so is the worked list, and
    `judge_threshold` reports it. Where even the highest probability is shared by too many leads, the threshold is that
    probability, over capacity, and ``note`` says so.
    """
    probability = lists["probability"].to_numpy(dtype=np.float64)
    times, weeks = _Times.of(lists, again_after_days), count_weeks(lists)
    candidates = np.unique(probability)

    def entries(position: int) -> int:
        return len(_entering(times, np.flatnonzero(probability >= candidates[position])))

    low, high = 0, len(candidates) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if entries(middle) <= weekly_capacity * weeks else (middle + 1, high)
    found = entries(low) / weeks
    note = None
    if found > weekly_capacity:
        note = f"over capacity: {found:.1f} leads a week share the highest probability; no threshold parts them"
    elif low == 0:
        note = "capacity is above what the lists hold: every lead enters"
    return ThresholdChoice(
        float(candidates[low]), weekly_capacity, again_after_days, found, weeks, len(lists) / weeks, note
    )


def judge_threshold(
    lists: pd.DataFrame, threshold: float, again_after_days: float, config: BootstrapConfig
) -> dict[str, Any]:
    """What the threshold gives on lists with known labels (the test); JSON-ready.

    Args:
        lists: as `replay_lists`, with ``account_id``, ``label`` (0 or 1).
        threshold: probability at or above which a lead enters.
        again_after_days: as `replay_lists`.
        config: of the account bootstrap.

    Returns:
        ``weeks``, ``leads_per_week``, ``entries_per_week``, ``first_week_entries`` (the worked list starts empty, so
        the first week is the fullest), ``expected_precision`` (mean probability of the entries, None without one),
        ``observed_precision`` and ``conversions_per_week`` (distinct converting leads) as intervals,
        ``distinct_conversions`` among the entries, and ``captured`` (their share of all distinct converting leads).
    """
    entries = replay_lists(lists, threshold, again_after_days)
    weeks = count_weeks(lists)
    converted = entries[entries["label"] == 1].drop_duplicates("lead_id")
    everyone = int(lists.loc[lists["label"] == 1, "lead_id"].nunique())
    # One column a sum over entries, by account: entries, converted entries, distinct converting leads.
    account, accounts = pd.factorize(lists["account_id"])
    sums = np.zeros((3, len(accounts)))
    code = pd.Series(account, index=lists.index)
    np.add.at(sums[0], code[entries.index], 1)
    np.add.at(sums[1], code[entries.index], entries["label"].to_numpy(dtype=np.float64))
    np.add.at(sums[2], code[converted.index], 1)
    support = Support.of(entries)
    drawn = np.hstack([sums @ weights for weights in draw_weights(len(accounts), config.draws, config.seed)])
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = percentile_interval(
            sums[1].sum() / np.float64(len(entries)), drawn[1] / drawn[0], config.confidence, support
        )
    found = percentile_interval(len(converted) / weeks, drawn[2] / weeks, config.confidence, support)
    first = entries["cutoff"].isna() | (week_start(entries["cutoff"]) == week_start(lists["cutoff"]).min())
    return {
        "threshold": float(threshold),
        "weeks": weeks,
        "leads_per_week": len(lists) / weeks,
        "entries_per_week": len(entries) / weeks,
        "first_week_entries": int(first.sum()),
        "expected_precision": float(entries["probability"].mean()) if len(entries) else None,
        "observed_precision": precision.to_dict(),
        "conversions_per_week": found.to_dict(),
        "distinct_conversions": len(converted),
        "captured": len(converted) / everyone if everyone else None,
    }


def grade_of(score: np.ndarray, grades: Mapping[str, float]) -> np.ndarray:
    """Grade (n,) of each score in 0-100: the first whose lower end is at or below it, ``[low, next higher low)``.

    ``grades`` maps names to lower ends, best first, the last one 0 (`DecisionConfig` checks that). Text array.

    Raises:
        DataError: a score is missing.
    """
    score = np.asarray(score, dtype=np.float64)
    if np.isnan(score).any():
        raise DataError(f"{int(np.isnan(score).sum())} of {score.size} scores are missing and have no grade")
    names, lows = np.array(list(grades), dtype=object), np.array(list(grades.values()), dtype=np.float64)
    position = np.searchsorted(lows[::-1], score, side="right") - 1
    return names[::-1][np.maximum(position, 0)]


def count_weeks(lists: pd.DataFrame) -> int:
    """Calendar weeks (from Monday, UTC) in which ``lists`` has a cutoff; 1 for an undated table."""
    return max(1, int(week_start(lists["cutoff"]).nunique()))


@dataclass(frozen=True)
class _Times:
    """Lead and time of every row in one increasing key, so that "this lead, that much later" is one search.

    Times are ranks among the distinct cutoffs: microseconds times a million leads would overflow 64 bits.
    """

    key: np.ndarray  # lead code * (number of distinct cutoffs + 1) + rank of the cutoff; the last rank is "never"
    again: np.ndarray  # the key from which the same lead may enter again
    order: np.ndarray  # rows by key
    lead: np.ndarray

    @classmethod
    def of(cls, lists: pd.DataFrame, again_after_days: float) -> "_Times":
        distinct, rank = np.unique(
            lists["cutoff"].to_numpy(dtype="datetime64[us]").astype(np.int64), return_inverse=True
        )
        # At least a microsecond: a row never enters twice.
        later = np.searchsorted(distinct, distinct + max(1, round(again_after_days * DAY)), side="left")
        lead = pd.factorize(lists["lead_id"])[0].astype(np.int64)
        width = len(distinct) + 1
        key = lead * width + rank
        return cls(key, lead * width + later[rank], np.argsort(key, kind="stable"), lead)


def _entering(times: _Times, rows: np.ndarray) -> np.ndarray:
    """Rows among ``rows`` that enter: each lead's first, then the first that is far enough after the last entry."""
    chosen = np.zeros(len(times.key), dtype=bool)
    chosen[rows] = True
    ordered = times.order[chosen[times.order]]
    if not len(ordered):
        return ordered
    lead = times.lead[ordered]
    following = np.searchsorted(times.key[ordered], times.again[ordered], side="left")
    at = np.flatnonzero(np.r_[True, lead[1:] != lead[:-1]])
    entered = []
    while len(at):
        entered.append(at)
        after = following[at]
        inside = after < len(ordered)
        at, after = at[inside], after[inside]
        at = after[lead[after] == lead[at]]
    return np.sort(ordered[np.concatenate(entered)])
