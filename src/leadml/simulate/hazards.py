"""Latent intent, the daily hazards it drives, and what then happens to each lead.

A lead's clock counts lead-days from its creation. Within a lead-day both hazards are constant: ``rate1`` of the rep's
Convert click and ``rate0`` of being disqualified. After the click the opportunity is won with probability ``win``
after k whole days with probability ``WON_DELAY[k]``, else lost after ``LOST_DELAY``. Touchpoints are drawn from the
same path and from nothing else, so that given the path they say nothing more about the outcome.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc

from leadml.simulate.company import DAY, Leads, Span
from leadml.simulate.words import SOURCES

HORIZON = 90  # days of the true probabilities
NEVER = np.int64(2**62)

# log-hazards a day of the click and of disqualification
CLICK = -8.0
CLICK_FIT = 0.85
CLICK_INTENT = 0.95
LOST = -5.0
LOST_FIT = -0.20
LOST_INTENT = -0.25
WIN = -0.70
WIN_FIT = 0.45
WIN_BASE = 0.35

BURSTS_A_DAY = 1 / 60
CEILING = 4.0  # of intent: nobody visits a hundred times a day
HALF_LIFE = (5.0, 15.0)  # days
COOLING = 0.32  # fall of intent with log(1 + age / 30 days)
_SEASON = np.array([0.95, 1.0, 1.1, 1.05, 1.05, 1.0, 0.85, 0.6, 1.05, 1.15, 1.15, 0.9])  # January ... December


def _delay(shape: float, mean: float) -> np.ndarray:
    """P(k days) for k = 0 ... 240 of a gamma distribution cut into days; k = 0 is impossible."""
    edges = gammainc(shape, np.arange(241) * shape / mean)
    return np.concatenate([[0.0], np.diff(edges) / edges[-1]])


WON_DELAY = _delay(2.2, 33.0)
LOST_DELAY = _delay(1.8, 38.0)


@dataclass(frozen=True)
class Path:
    """The latent truth of some leads; matrices are (lead-day, lead), days past the span's end by the horizon."""

    created: np.ndarray
    intent: np.ndarray
    season: np.ndarray
    rate1: np.ndarray
    rate0: np.ndarray
    cumulative: np.ndarray  # integral of both hazards from creation to the start of each lead-day; one row more
    win: np.ndarray

    def intent_at(self, lead: np.ndarray, instant: np.ndarray) -> np.ndarray:
        """Intent of leads (positions in this path) at instants at or after their creation."""
        day = (instant - self.created[lead]) // DAY
        return self.intent[day, lead]


@dataclass(frozen=True)
class Outcome:
    """What happens to each lead, seen or not by the end; instants in seconds since 1970 UTC, `NEVER` where not.

    ``event`` is the click or the disqualification; ``closed`` the disqualification or the opportunity's end.
    """

    event: np.ndarray
    clicked: np.ndarray
    won: np.ndarray
    closed: np.ndarray


def month_season(day: np.ndarray) -> np.ndarray:
    """Seasonal factor of days since 1970."""
    return _SEASON[day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12]


def build_path(rng: np.random.Generator, leads: Leads, chosen: slice, span: Span) -> Path:
    """The latent path of the chosen leads, long enough for a horizon after the span's end."""
    created, fit, base = leads.created[chosen], leads.fit[chosen], leads.base[chosen]
    days = int((span.end - created.min()) // DAY) + HORIZON + 9
    intent = _draw_bursts(rng, leads.source[chosen], days)
    intent += base
    intent -= (COOLING * np.log1p(np.arange(days) / 30.0))[:, None]
    np.minimum(intent, CEILING, out=intent)
    seasons = month_season(span.start // DAY + np.arange(span.days + days + 2))
    season = seasons[((created - span.start) // DAY)[None, :] + np.arange(days)[:, None]]
    rate1 = np.exp(CLICK_INTENT * intent + (CLICK + CLICK_FIT * fit))
    rate1 *= season
    rate0 = np.exp(LOST_INTENT * intent + (LOST + LOST_FIT * fit))
    rate0 *= _weariness(days)[:, None]
    cumulative = np.zeros((days + 1, len(created)))
    np.cumsum(rate1 + rate0, axis=0, out=cumulative[1:])
    win = 1.0 / (1.0 + np.exp(-(WIN + WIN_FIT * fit + WIN_BASE * base)))
    return Path(created, intent, season, rate1, rate0, cumulative, win)


def draw_outcome(rng: np.random.Generator, path: Path) -> Outcome:
    """Draw click or disqualification by inverting the integrated hazard, then the opportunity's end."""
    count = len(path.created)
    left = rng.exponential(size=count)
    day = (path.cumulative[1:] <= left).sum(axis=0)
    happens = day < len(path.rate1)
    day = np.minimum(day, len(path.rate1) - 1)
    lead = np.arange(count)
    rate1, rate0 = path.rate1[day, lead], path.rate0[day, lead]
    seconds = (day + (left - path.cumulative[day, lead]) / (rate1 + rate0)) * DAY
    event = np.where(happens, path.created + np.where(happens, seconds, 0).astype(np.int64), NEVER)
    clicked = happens & (rng.random(count) < rate1 / (rate1 + rate0))
    won = clicked & (rng.random(count) < path.win)
    u = rng.random(count)
    wait = np.where(won, *(np.searchsorted(np.cumsum(f), u, side="right") for f in (WON_DELAY, LOST_DELAY)))
    return Outcome(event, clicked, won, np.where(clicked, event + wait * DAY, event))


def _draw_bursts(rng: np.random.Generator, source: np.ndarray, days: int) -> np.ndarray:
    """Bursts of interest, one at creation and further ones at random, each halving after the lead's own half-life."""
    count = len(source)
    first = np.array([s[4] for s in SOURCES])[source] * rng.gamma(4.0, 0.25, count)
    x = np.zeros((days, count))
    number = rng.poisson(BURSTS_A_DAY * days * count)
    place = rng.integers(0, days, number), rng.integers(0, count, number)
    np.add.at(x, place, rng.gamma(2.0, 0.7, number))
    x[0] += first
    keep = 0.5 ** (1.0 / rng.uniform(*HALF_LIFE, count))
    for day in range(1, days):
        x[day] += keep * x[day - 1]
    return x


def _weariness(days: int) -> np.ndarray:
    """How the hazard of disqualification grows with age: reps clear out from day 45 on, most about day 120."""
    age = np.arange(days)
    return 0.6 + 1.1 / (1.0 + np.exp(-(age - 45) / 8.0)) + 1.3 / (1.0 + np.exp(-(age - 120) / 10.0))
