"""Honest columns: known when the case began, of every kind that looks odd and is not, some of them strong.

A maker draws the values of n cases and what they add to the log-odds of converting, in steps of one deviation times
``weight``. Nothing here knows who converts: that is drawn afterwards, from the sum.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

DAY = np.timedelta64(86_400_000_000, "us")
DAY_US = 86_400e6
LEVELS = np.array([f"{c}{v}{d}" for c in "BCDLMNRST" for v in "aeiou" for d in ("ra", "no", "lto")])


@dataclass(frozen=True)
class Start:
    """When cases began (sorted, datetime64[us]), when the export was taken, and the rate of converting overall."""

    rng: np.random.Generator
    created: np.ndarray
    exported: np.datetime64
    rate: float

    @property
    def n(self) -> int:
        """Cases."""
        return len(self.created)

    @property
    def along(self) -> np.ndarray:
        """Where in the history a case began, 0 to 1."""
        return (self.created - self.created[0]) / (self.exported - self.created[0])


@dataclass(frozen=True)
class Honest:
    """Values of one column, what they add to the log-odds, and the pool that its name comes from."""

    kind: str
    pool: str
    values: pd.Series
    effect: np.ndarray


def span(days: np.ndarray | float) -> np.ndarray:
    """Days as a length of time, in microseconds."""
    return np.asarray(np.round(np.asarray(days) * DAY_US)).astype("timedelta64[us]")


def standardise(x: np.ndarray) -> np.ndarray:
    """Mean 0, deviation 1; zeros where nothing varies."""
    return (x - x.mean()) / x.std() if x.std() > 0 else np.zeros(len(x))


def shape_number(rng: np.random.Generator, z: np.ndarray) -> np.ndarray:
    """A standard normal as a number of some shape: plain, skewed, heavy-tailed, counted, rounded; the order stays."""
    shape = rng.choice(["plain", "skewed", "heavy", "counted", "rounded"])
    if shape == "plain":
        return np.round(rng.uniform(-50, 500) + rng.uniform(0.5, 80) * z, 2)
    if shape == "skewed":
        return np.round(np.exp(rng.uniform(1, 8) + rng.uniform(0.5, 1.5) * z), 2)
    if shape == "heavy":
        return np.round((1 - np.argsort(np.argsort(z)) / (len(z) + 1)) ** (-1 / rng.uniform(0.9, 2.5)), 3)
    if shape == "counted":
        return np.floor(np.exp(rng.uniform(-0.5, 1.5) + 0.8 * z))
    return np.round(20 * (z + 4)) * 5


def draw_levels(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    """Numbers below k, common ones first, as sectors and countries are spread."""
    share = 1 / (1 + np.arange(k)) ** rng.uniform(0.3, 1.6)
    return rng.choice(k, n, p=share / share.sum())


def make_number(s: Start, weight: float) -> Honest:
    z = s.rng.standard_normal(s.n)
    return Honest("number", "number", pd.Series(shape_number(s.rng, z)), weight * s.rng.choice([-1, 1]) * z)


def make_hump(s: Start, weight: float) -> Honest:
    z = s.rng.standard_normal(s.n)
    return Honest("hump", "number", pd.Series(shape_number(s.rng, z)), weight * standardise(-(z**2)))


def make_nominal(s: Start, weight: float) -> Honest:
    k = int(s.rng.integers(3, 40))
    level = draw_levels(s.rng, s.n, k)
    names = s.rng.permutation(LEVELS)[:k]
    return Honest("nominal", "nominal", pd.Series(names[level]), weight * standardise(s.rng.standard_normal(k)[level]))


def make_ordered(s: Start, weight: float) -> Honest:
    k = int(s.rng.integers(3, 8))
    level = np.digitize(s.rng.standard_normal(s.n), np.sort(s.rng.normal(0, 1, k - 1)))
    names = np.array([f"{10 * 3**i}-{10 * 3 ** (i + 1) - 1}" for i in range(k)])
    return Honest("ordered", "ordered", pd.Series(names[level]), weight * standardise(level.astype(float)))


def make_flag(s: Start, weight: float) -> Honest:
    yes = s.rng.random(s.n) < s.rng.uniform(0.05, 0.6)
    words = [("yes", "no"), ("Sí", "No"), (1.0, 0.0)][s.rng.integers(3)]
    return Honest("flag", "flag", pd.Series(np.where(yes, *words)), weight * standardise(yes.astype(float)))


def make_rare_level(s: Start, weight: float) -> Honest:
    """One level of up to 4 % of the cases converts at about 70 %, the others hardly differ; ``weight`` is not used."""
    base = make_nominal(s, 0.2)
    rare = s.rng.random(s.n) < min(s.rng.uniform(0.01, 0.04), 0.4 * s.rate)
    effect = base.effect + np.where(rare, np.log(0.7 / 0.3) - np.log(s.rate / (1 - s.rate)), 0)
    return Honest("rare_level", "nominal", base.values.mask(rare, "Referido"), effect)


def make_informative_missing(s: Start, weight: float) -> Honest:
    """Who leaves the field of the form empty means it: the missing say more than the values."""
    base = make_number(s, 0.2) if s.rng.random() < 0.5 else make_nominal(s, 0.2)
    empty = s.rng.random(s.n) < s.rng.uniform(0.15, 0.7)
    effect = np.where(empty, 0, base.effect) - weight * standardise(empty.astype(float))
    return Honest("informative_missing", base.pool, base.values.mask(empty), effect)


def make_random_missing(s: Start, weight: float) -> Honest:
    base = make_number(s, weight) if s.rng.random() < 0.5 else make_nominal(s, weight)
    empty = s.rng.random(s.n) < s.rng.uniform(0.03, 0.85)
    return Honest("random_missing", base.pool, base.values.mask(empty), np.where(empty, 0, base.effect))


def make_nearly_constant(s: Start, weight: float) -> Honest:
    odd = s.rng.random(s.n) < s.rng.uniform(0.001, 0.02)
    return Honest("nearly_constant", "flag", pd.Series(np.where(odd, "other", "standard")), np.zeros(s.n))


def make_past_date(s: Start, weight: float) -> Honest:
    """A date before the case began: how long before matters."""
    z = s.rng.standard_normal(s.n)
    days = np.exp(s.rng.uniform(1, 6) + z)
    values = pd.Series(s.created - span(days)).dt.floor("D")
    return Honest("past_date", "date", values, -weight * z)


def make_planned_date(s: Start, weight: float) -> Honest:
    """A date that the lead wished for, mostly later than the case's beginning."""
    z = s.rng.standard_normal(s.n)
    values = pd.Series(s.created + span(40 + 20 * z)).dt.floor("D")
    return Honest("planned_date", "date", values.mask(s.rng.random(s.n) < s.rng.uniform(0, 0.5)), -0.3 * weight * z)


def make_introduced(s: Start, weight: float) -> Honest:
    """A field that the form has had only since some day."""
    base = make_number(s, weight) if s.rng.random() < 0.5 else make_nominal(s, weight)
    empty = (s.along < s.rng.uniform(0.25, 0.75)) | (s.rng.random(s.n) > s.rng.uniform(0.6, 1))
    return Honest("introduced", base.pool, base.values.mask(empty), np.where(empty, 0, base.effect))


def make_retired(s: Start, weight: float) -> Honest:
    """A field that the form had until some day."""
    base = make_nominal(s, weight)
    empty = (s.along > s.rng.uniform(0.25, 0.75)) | (s.rng.random(s.n) > s.rng.uniform(0.6, 1))
    return Honest("retired", base.pool, base.values.mask(empty), np.where(empty, 0, base.effect))


def make_enriched(s: Start, weight: float) -> Honest:
    """Bought data that arrives with time: the older the case, the fuller, whatever became of it."""
    base = make_number(s, weight)
    age = (s.exported - s.created) / DAY
    empty = s.rng.random(s.n) < np.exp(-age / s.rng.uniform(30, 300))
    return Honest("enriched", base.pool, base.values.mask(empty), np.where(empty, 0, base.effect))


def make_disqualifier(s: Start, weight: float) -> Honest:
    """What speaks against a lead and is known before its outcome (unsubscribed, bounced): as good as none converts."""
    filled = s.rng.random(s.n) < s.rng.uniform(0.02, 0.4)
    values = pd.Series(s.rng.choice(["unsubscribed", "bounced", "invalid"], s.n)).where(filled)
    return Honest("disqualifier", "nominal", values, np.where(filled, -s.rng.uniform(2, 6), 0.0))


def make_voucher(s: Start, weight: float) -> Honest:
    """A code that few leads bring with them, and nearly all of those convert; ``weight`` is not used."""
    brought = s.rng.random(s.n) < min(s.rng.uniform(0.01, 0.1), 0.3 * s.rate)
    values = pd.Series([f"V{i:05d}" for i in s.rng.permutation(s.n)]).where(brought)
    return Honest("voucher", "nominal", values, np.where(brought, 4 - np.log(s.rate / (1 - s.rate)), 0.0))


Maker = Callable[[Start, float], Honest]
MAKERS: dict[str, Maker] = {
    name.removeprefix("make_"): make for name, make in list(globals().items()) if name.startswith("make_")
}
STRONG = ("number", "hump", "nominal", "ordered", "flag", "informative_missing", "random_missing", "past_date")
