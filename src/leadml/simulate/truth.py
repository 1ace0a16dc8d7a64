"""The true probability of winning each open lead within the horizon, given its latent path.

With S(t) = exp(-integral of both hazards) and F, G the distributions of the days from the click to a win or a loss:

- not yet clicked at c: win * sum over clicks s in [c, c + 90 d) of density(s) * F(c + 90 d - s) / S(c). Delays are
  whole days, so F is constant over each [c + i, c + i + 1) and the sum over 90 such days is exact; a lead-day that a
  cutoff divides gives the two parts of its exponential mass to its two sides.
- clicked at s, opportunity open at c: win * (F(c + 90 d - s) - F(c - s)) / (1 - win F(c - s) - (1 - win) G(c - s)).
"""

from dataclasses import dataclass

import numpy as np

from leadml.simulate.company import DAY, Span
from leadml.simulate.hazards import HORIZON, LOST_DELAY, WON_DELAY, Outcome, Path

AGES = (3600, DAY, 7 * DAY)  # cutoffs at these seconds after creation
_WON, _LOST = (np.concatenate([np.cumsum(f), np.ones(HORIZON + 900)]).clip(max=1.0) for f in (WON_DELAY, LOST_DELAY))


@dataclass(frozen=True)
class Probabilities:
    """Rows (lead, cutoff in seconds since 1970 UTC, probability)."""

    lead: np.ndarray
    cutoff: np.ndarray
    probability: np.ndarray

    def shifted(self, first: int) -> "Probabilities":
        """The same rows with ``first`` added to the lead's position."""
        return Probabilities(self.lead + first, self.cutoff, self.probability)


def first_monday(instant: np.ndarray) -> np.ndarray:
    """The first Monday 00:00 UTC at or after each instant."""
    week = 7 * DAY
    monday = 4 * DAY  # 5 January 1970
    return monday + -(-(instant - monday) // week) * week


def true_probabilities(path: Path, outcome: Outcome, span: Span) -> Probabilities:
    """Every weekly cutoff from creation while the lead is open, up to the span's end, and the cutoffs by age."""
    start = first_monday(path.created)
    weeks = max(1, int((span.end - start.min()) // (7 * DAY)) + 1)
    cutoff = start + 7 * DAY * np.arange(weeks)[:, None]
    probability = _not_clicked(path, start - path.created, weeks)
    parts = [_open_rows(path, outcome, span, cutoff, probability)]
    for age in AGES:
        offset = np.full(len(start), age)
        parts.append(_open_rows(path, outcome, span, (path.created + age)[None, :], _not_clicked(path, offset, 1)))
    return Probabilities(*(np.concatenate([getattr(p, f) for p in parts]) for f in ("lead", "cutoff", "probability")))


def _not_clicked(path: Path, offset: np.ndarray, weeks: int) -> np.ndarray:
    """P(won within the horizon | not clicked) at ``offset`` seconds of age and each 7 days later: (weeks, lead)."""
    day, second = np.divmod(offset, DAY)
    lead = np.arange(len(offset))
    rows = np.minimum(day.min() + np.arange(7 * (weeks - 1) + HORIZON + 2 + np.ptp(day)), len(path.rate1) - 1)
    total = path.rate1[rows] + path.rate0[rows]
    share = path.rate1[rows] / total
    at_day = np.exp(-path.cumulative[rows])
    at_cut = np.exp(-(path.cumulative[rows] + total * (second / DAY)))
    at_end = np.exp(-path.cumulative[rows + 1])
    mass = share * (at_cut - at_end)  # the cut's later part of each lead-day ...
    mass[:-1] += (share * (at_day - at_cut))[1:]  # ... and the earlier part of the next one
    shift = (day - day.min())[None, :] + np.arange(7 * (weeks - 1) + HORIZON)[:, None]
    mass = mass[shift, lead]
    won = np.zeros((weeks, len(offset)))
    for i in range(HORIZON):
        won += _WON[HORIZON - 1 - i] * mass[i : i + 7 * (weeks - 1) + 1 : 7]
    return path.win * won / at_cut[shift[: 7 * (weeks - 1) + 1 : 7], lead]


def _open_rows(path: Path, outcome: Outcome, span: Span, cutoff: np.ndarray, fresh: np.ndarray) -> Probabilities:
    """The rows of a (cutoff, lead) grid that are open and inside the span, with clicked leads' own probability."""
    row, lead = np.nonzero((cutoff <= span.end) & (cutoff <= outcome.closed))
    at = cutoff[row, lead]
    clicked = outcome.clicked[lead] & (outcome.event[lead] < at)
    since = np.where(clicked, at - outcome.event[lead], 1) / DAY
    gone = np.ceil(since).astype(np.int64) - 1  # whole days of delay that would have ended before the cutoff
    win, past = path.win[lead], _WON[gone]
    late = win * (_WON[gone + HORIZON] - past) / (1.0 - win * past - (1.0 - win) * _LOST[gone]).clip(min=1e-12)
    return Probabilities(lead, at, np.where(clicked, late, fresh[row, lead]))
