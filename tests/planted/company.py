"""One invented company's cases: when they began, their honest columns, and who converts, is lost or stays open."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from planted.honest import DAY, MAKERS, STRONG, Honest, Start, span
from planted.leaks import Fates
from planted.strength import auc

MIN_CONVERTED = 25


@dataclass(frozen=True)
class Company:
    """Cases in the order in which they began.

    ``label`` is 1 where a case converted within ``horizon`` of its beginning, 0 where it did not, NaN while that time
    is not over at the export; ``powers`` are the AUCs of what each honest column adds, against that label.
    """

    start: Start
    fates: Fates
    label: np.ndarray
    horizon: np.timedelta64
    columns: list[Honest]
    powers: list[float]


def draw_company(rng: np.random.Generator) -> Company:
    """300 to 20,000 cases over one to four years of which 1 to 40 % convert (25 cases at least)."""
    n, rate = 0, 0.0
    while n * rate < 1.6 * MIN_CONVERTED:
        n, rate = int(np.exp(rng.uniform(np.log(300), np.log(20_000)))), np.exp(rng.uniform(np.log(0.01), np.log(0.4)))
    start = draw_start(rng, n, rate)
    columns = draw_columns(start)
    horizon = int(rng.choice([30, 60, 90])) * DAY
    effects = [c.effect for c in columns] + [draw_drift(start)]
    converts = rng.random(n) < 1 / (
        1 + np.exp(-(np.sum(effects, axis=0) + find_intercept(np.sum(effects, axis=0), rate)))
    )
    fates = draw_fates(start, converts, horizon)
    mature = start.created + horizon <= start.exported
    label = np.where(mature, converts.astype(float), np.nan)
    powers = [auc(c.effect[mature], label[mature]) for c in columns]
    return Company(start, fates, label, horizon, columns, powers)


def draw_start(rng: np.random.Generator, n: int, rate: float) -> Start:
    """Beginnings, more of them towards the end or towards the beginning, none in some weeks of the year."""
    days = rng.uniform(365, 4 * 365)
    along = np.sort(rng.random(n) ** rng.uniform(0.6, 1.4))
    first = np.datetime64("2020-01-01", "us") + rng.integers(1500) * DAY
    created = first + span(along * days)
    return Start(rng, created, first + span(days), rate)


def draw_columns(start: Start) -> list[Honest]:
    """8 to 30 honest columns; in three exports of four one to three of them are strong."""
    rng = start.rng
    kinds = list(rng.choice(list(MAKERS), int(rng.integers(8, 31))))
    strong = int(rng.integers(1, 4)) if rng.random() < 0.75 else 0
    weak = [MAKERS[k](start, abs(rng.normal(0, 0.25))) for k in kinds[strong:]]
    return [MAKERS[str(rng.choice(STRONG))](start, rng.uniform(0.7, 1.7)) for _ in range(strong)] + weak


def draw_drift(start: Start) -> np.ndarray:
    """How the rate moves with time, in log-odds: a slope, a step, a season."""
    rng, along = start.rng, start.along
    season = np.sin(2 * np.pi * (start.created.astype(float) / DAY.astype(float)) / 365)
    step = rng.choice([0, rng.normal(0, 0.4)]) * (along > rng.uniform(0.2, 0.8))
    return rng.normal(0, 0.5) * along + step + rng.uniform(0, 0.3) * season


def find_intercept(logit: np.ndarray, rate: float) -> float:
    """What to add to the log-odds so that ``rate`` of all convert (bisection)."""
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if np.mean(1 / (1 + np.exp(-(logit + middle)))) > rate else (middle, high)
    return middle


def draw_fates(start: Start, converts: np.ndarray, horizon: np.timedelta64) -> Fates:
    """Conversions within the horizon, losses at any time for a part of the others; what is later than the export is not
    known yet."""
    rng, n = start.rng, start.n
    share = np.minimum(rng.lognormal(np.log(rng.uniform(0.08, 0.4)), 0.8, n), rng.uniform(0.9, 1, n))
    wins = start.created + span(share * (horizon / DAY))
    loses = ~converts & (rng.random(n) < rng.uniform(0.3, 0.95))
    ends = start.created + span(rng.lognormal(np.log(rng.uniform(10, 120)), 1, n))
    at = np.where(converts, wins, np.where(loses, ends, np.datetime64("NaT", "us")))
    at = np.where(at > start.exported, np.datetime64("NaT", "us"), at)
    known = ~np.isnat(at)
    return Fates(rng, start.created, at, converts & known, loses & known, start.exported)


def draw_changes(rng: np.random.Generator, column: Honest, fates: Fates) -> tuple[pd.Series, np.ndarray]:
    """An honest column that people correct now and then, whatever becomes of the case: its later values, and when."""
    changed = rng.random(fates.n) < rng.uniform(0.02, 0.3)
    moment = fates.created + span((fates.exported - fates.created) / DAY * rng.random(fates.n))
    other = column.values.iloc[rng.permutation(fates.n)].reset_index(drop=True)
    return column.values.where(~changed, other), np.where(changed, moment, np.datetime64("NaT", "us"))
