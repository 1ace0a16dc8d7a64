"""A shrunken logistic regression, and the columns that it reads: a sum over features, so its points are exact.

A number is taken as the logarithm of one plus itself where it is never below 0 (counts, ages, money), standardised and
held within five deviations: one absurd amount must not carry a whole row away. Beside it stand its bends at the
quartiles and a flag where it is missing; a category has a column for every level and one for a missing one. A number
that may only rise or only fall is straight, and is left out where it would go the other way.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from leadml.encoding import Encoder
from leadml.features.dictionary import Kind
from leadml.models.newton import LogLoss

FIT_ROWS = 20_000  # rows that are fitted on, at least; more where there are many conversions
MOST_ROWS = 40_000  # at most: five hundred columns have long been told apart by then
PER_CONVERSION = 10  # others kept for each converted row: ten elevenths of what all rows would tell
LIMIT = 5.0  # standard deviations
QUARTILES = (0.25, 0.5, 0.75)
BLOCK = 1 << 14  # rows whose columns are made at a time


@dataclass(frozen=True)
class Straightened:
    """How a number is read: ``(log1p(x) if logged else x)`` less ``mean``, over ``spread``, and bent at ``knots``.

    ``direction`` is 1 where the margin may only rise with it, -1 where it may only fall, 0 where it is free.
    """

    logged: bool
    mean: float
    spread: float
    knots: tuple[float, ...]
    flagged: bool
    direction: int = 0

    def columns(self, values: np.ndarray) -> Iterator[np.ndarray]:
        """The value, what is above each knot, the flag; (n,) each. A missing value is the mean."""
        missing = np.isnan(values)
        if self.logged:
            values = np.log1p(np.maximum(values, 0))
        scaled = np.clip((values - self.mean) / self.spread, -LIMIT, LIMIT)
        scaled[missing] = 0.0
        yield scaled
        for knot in self.knots:
            yield np.where(missing, 0.0, np.maximum(scaled - knot, 0))
        if self.flagged:
            yield missing.astype(np.float64)


@dataclass(frozen=True)
class Design:
    """The columns of a linear model: by column of the encoder's matrix a `Straightened`, or a number of levels."""

    terms: tuple[Straightened | int, ...]

    @cached_property
    def widths(self) -> list[int]:
        """How many columns each term has."""
        return [t + 1 if isinstance(t, int) else 1 + len(t.knots) + t.flagged for t in self.terms]

    @property
    def size(self) -> int:
        """How many columns there are."""
        return sum(self.widths)

    @cached_property
    def directions(self) -> np.ndarray:
        """By column (size,), the sign that its weight may have; 0: either."""
        signs = np.zeros(self.size)
        for at, term in zip(np.cumsum([0, *self.widths[:-1]]), self.terms, strict=True):
            if isinstance(term, Straightened):
                signs[at] = term.direction
        return signs

    def term_columns(self, j: int, values: np.ndarray) -> Iterator[np.ndarray]:
        """Columns (n,) of the j-th term from the values (n,) of its matrix column."""
        term = self.terms[j]
        if isinstance(term, Straightened):
            yield from term.columns(values)
            return
        for level in range(term):
            yield (values == level).astype(np.float64)
        yield np.isnan(values).astype(np.float64)

    def columns(self, matrix: np.ndarray) -> np.ndarray:
        """All columns (n, size) of a matrix (n, terms)."""
        made = np.empty((len(matrix), self.size), order="F")
        at = 0
        for j in range(len(self.terms)):
            for column in self.term_columns(j, np.ascontiguousarray(matrix[:, j])):
                made[:, at] = column
                at += 1
        return made


@dataclass(frozen=True)
class LinearModel:
    """Margin = intercept + the sum over features of their columns times ``weights`` (size,).

    ``means`` (size,) are the columns' means over the training rows: what a feature's contribution is counted from.
    """

    design: Design
    weights: np.ndarray
    means: np.ndarray
    intercept: float

    @property
    def expected(self) -> float:
        """The mean margin of the training rows: SHAP's base value."""
        return self.intercept + float(self.weights @ self.means)

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Exact Shapley values (n, features) of the margin: what a feature gives less what it gives on average.

        A sum over features has no interactions, so these are its Shapley values whatever the features' correlation
        (Lundberg and Lee 2017, section 4.2, "Linear SHAP").
        """
        found = np.empty(matrix.shape)
        at = 0
        for j, width in enumerate(self.design.widths):
            part = slice(at, at + width)
            found[:, j] = self._effect(j, np.ascontiguousarray(matrix[:, j]), self.weights[part], self.means[part])
            at += width
        return found

    def margins(self, matrix: np.ndarray) -> np.ndarray:
        """The margins (n,): of a row the same to the bit whatever other rows there are."""
        total = np.full(len(matrix), self.expected)
        for begin in range(0, len(matrix), BLOCK):
            rows = slice(begin, begin + BLOCK)
            for column in self.contributions(matrix[rows]).T:  # one after the other: no sum depends on its neighbours
                total[rows] += column
        return total

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        terms = [t if isinstance(t, int) else vars(t) | {"knots": list(t.knots)} for t in self.design.terms]
        return {
            "terms": terms,
            "weights": self.weights.tolist(),
            "means": self.means.tolist(),
            "intercept": self.intercept,
        }

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "LinearModel":
        """The inverse of `to_dict`."""
        terms = tuple(
            t if isinstance(t, int) else Straightened(**(t | {"knots": tuple(t["knots"])})) for t in entry["terms"]
        )
        return cls(Design(terms), np.array(entry["weights"]), np.array(entry["means"]), float(entry["intercept"]))

    def _effect(self, j: int, values: np.ndarray, weights: np.ndarray, means: np.ndarray) -> np.ndarray:
        total = np.zeros(len(values))
        if isinstance(self.design.terms[j], int):
            # A level's effect is looked up; the last entry is the missing one's.
            table = weights - float(weights @ means)
            codes = np.where(np.isnan(values), len(table) - 1, values).astype(np.int64)
            return table[codes]
        for column, weight, mean in zip(self.design.term_columns(j, values), weights, means, strict=True):
            if weight:
                total += weight * (column - mean)
        return total


def fit_design(matrix: np.ndarray, encoder: Encoder, monotone: Mapping[str, int] | None = None) -> Design:
    """The columns for a matrix (n, k) of training rows; ``monotone`` is a direction (-1, 1) by number feature."""
    terms: list[Straightened | int] = []
    directions = monotone or {}
    for j, feature in enumerate(encoder.features):
        if feature.kind is Kind.CATEGORY:
            terms.append(len(encoder.levels[feature.name]))
        else:
            terms.append(_straighten(matrix[:, j], directions.get(feature.name, 0)))
    return Design(tuple(terms))


def fit_linear(
    matrix: np.ndarray,
    labels: np.ndarray,
    design: Design,
    strengths: Sequence[float],
    weight: np.ndarray | None = None,
) -> list[LinearModel]:
    """Logistic regressions of rising ``strengths`` (scikit-learn's C: the prior variance of a column's weight).

    Args:
        matrix: (n, k) of the encoder.
        labels: (n,) of 0 and 1, both there.
        design: the columns (`fit_design`).
        strengths: ascending; each fit starts from the one before.
        weight: (n,) how many rows each stands for (`draw_rows`); one without.
    """
    weight = np.ones(len(labels)) if weight is None else weight
    columns = design.columns(matrix)
    means = weight @ columns / weight.sum()
    columns -= means
    loss, fitted = LogLoss(columns, labels, weight), []
    at = loss.start()
    for strength in strengths:
        at = loss.minimise(1 / strength, at)
        while (wrong := at[:-1] * design.directions < 0).any():
            columns[:, wrong] = 0.0  # the shrinkage takes the weight of a column of nothing to 0
            loss = LogLoss(columns, labels, weight)
            at = loss.minimise(1 / strength, np.where(np.r_[wrong, False], 0.0, at))
        fitted.append(LinearModel(design, at[:-1], means, float(at[-1] - at[:-1] @ means)))
    return fitted


def draw_rows(labels: np.ndarray, seed: int, kept: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit a logistic regression on, and how many rows each stands for, (m,) each, of n labels.

    All converted ones, and of the others ten for each of them, or so many as make 20,000 rows; 40,000 at most, the
    converted ones half of them at most. ``kept`` is the share of the rows without conversion that are among these n:
    each stands for 1 / share.
    """
    rare = labels == (labels.mean() < 0.5)
    wanted = min(max(FIT_ROWS, (1 + PER_CONVERSION) * int(rare.sum())), MOST_ROWS)
    if len(labels) <= wanted:
        return np.arange(len(labels)), np.where(labels == 0, 1 / kept, 1.0)
    generator = np.random.default_rng(seed)
    few = min(int(rare.sum()), wanted // 2)
    chosen, weight = [], []
    for group, most in ((np.flatnonzero(rare), few), (np.flatnonzero(~rare), wanted - few)):
        drawn = group if len(group) <= most else generator.choice(group, most, replace=False)
        chosen.append(drawn)
        weight.append(np.full(len(drawn), len(group) / len(drawn)))
    rows, weights = np.concatenate(chosen), np.concatenate(weight)
    order = np.argsort(rows)
    rows, weights = rows[order], weights[order]
    return rows, np.where(labels[rows] == 0, weights / kept, weights)


def _straighten(values: np.ndarray, direction: int) -> Straightened:
    present = values[~np.isnan(values)]
    logged = bool(present.min(initial=np.inf) >= 0)
    straight = np.log1p(present) if logged else present
    mean, spread = 0.0, 1.0  # without a present value the column is its flag alone
    if len(present):
        low, high = float(straight.min()), float(straight.max())
        # One value only has no spread; what is computed of it is rounding, by which any other would be far away.
        mean, spread = (float(straight.mean()), float(straight.std())) if low < high else (low, 1.0)
    scaled = np.clip((straight - mean) / spread, -LIMIT, LIMIT)
    knots = np.unique(np.quantile(scaled, QUARTILES)) if len(present) else np.zeros(0)
    inner = knots[(knots > scaled.min(initial=np.inf)) & (knots < scaled.max(initial=-np.inf))]
    bends = () if direction else tuple(inner.tolist())
    return Straightened(logged, mean, spread, bends, len(present) < len(values), direction)
