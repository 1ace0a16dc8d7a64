"""The team's own scorecard as a model: hand-made points, no training, additive and so explained exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import log
from typing import Any

import numpy as np
import pandas as pd

from leadml.encoding import OTHER, Encoder, number_values
from leadml.features.dictionary import Feature, Kind
from leadml.scorecard import PointRule

FEWEST_FEATURES = 3  # a scorecard that finds fewer of its features is no scorecard
POINTS_PER_DOUBLING = 10.0  # before calibration ten points double the odds, as they do in the score


@dataclass(frozen=True)
class UsedRule:
    """A rule on the matrix: points where column ``column`` meets the condition; ``codes`` are a category's levels."""

    column: int
    points: float
    at_least: float | None
    at_most: float | None
    codes: tuple[int, ...]

    def met(self, values: np.ndarray) -> np.ndarray:
        """Which of the values (n,) meet it, bool; a missing one never does."""
        if self.codes:
            return np.isin(values, self.codes)
        with np.errstate(invalid="ignore"):
            low = True if self.at_least is None else values >= self.at_least
            high = True if self.at_most is None else values <= self.at_most
            return ~np.isnan(values) & low & high


@dataclass(frozen=True)
class PointsModel:
    """Margin = points x ln 2 / 10. ``means`` (features,) are each feature's mean margin over the training rows."""

    rules: tuple[UsedRule, ...]
    means: np.ndarray

    @property
    def expected(self) -> float:
        """The mean margin of the training rows: SHAP's base value."""
        return float(self.means.sum())

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Exact Shapley values (n, features) of the margin: what a feature's rules give less what they give on average.

        A sum over features has no interactions (Lundberg and Lee 2017, section 4.2).
        """
        return self._effects(matrix) - self.means

    def margins(self, matrix: np.ndarray) -> np.ndarray:
        """The margins (n,)."""
        total = np.zeros(len(matrix))
        for effect in self._effects(matrix).T:
            total += effect
        return total

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"rules": [asdict(r) | {"codes": list(r.codes)} for r in self.rules], "means": self.means.tolist()}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "PointsModel":
        """The inverse of `to_dict`."""
        rules = tuple(UsedRule(**(r | {"codes": tuple(r["codes"])})) for r in entry["rules"])
        return cls(rules, np.array(entry["means"]))

    def _effects(self, matrix: np.ndarray) -> np.ndarray:
        found = np.zeros(matrix.shape)
        unit = log(2) / POINTS_PER_DOUBLING
        for rule in self.rules:
            found[:, rule.column] += unit * rule.points * rule.met(matrix[:, rule.column])
        return found


def used_features(card: Sequence[PointRule], names: Sequence[str]) -> list[str] | None:
    """The feature that each rule looks at, of those that there are; None where they are fewer than three.

    Rules whose features are all absent give nothing and are not in the list; a feature stands once.
    """
    there = set(names)
    found = [name for rule in card if (name := next((f for f in rule.features if f in there), None))]
    distinct = list(dict.fromkeys(found))
    return distinct if len(distinct) >= min(FEWEST_FEATURES, len(card)) and distinct else None


def fit_points(X: pd.DataFrame, features: Sequence[Feature], card: Sequence[PointRule]) -> tuple[Encoder, PointsModel]:
    """The scorecard on the features that it knows, and the encoder of its matrix. Labels are not looked at.

    Args:
        X: feature frame (n, at least the features), training rows: only the mean points are read off them.
        features: of which there are enough (`used_features`).
        card: the rules.
    """
    wanted = used_features(card, [f.name for f in features]) or []
    entries = {f.name: f for f in features}
    chosen = tuple(entries[name] for name in wanted)
    levels = {f.name: _levels(f.name, X[f.name], card, wanted) for f in chosen if f.kind is Kind.CATEGORY}
    encoder = Encoder(chosen, levels)
    rules = tuple(_use(rule, encoder, wanted) for rule in card if set(rule.features) & set(wanted))
    model = PointsModel(tuple(r for r in rules if r is not None), np.zeros(len(chosen)))
    effects = model.contributions(encoder.encode(X))
    return encoder, PointsModel(model.rules, effects.mean(axis=0))


def count_points(X: pd.DataFrame, card: Sequence[PointRule]) -> np.ndarray | None:
    """Points (n,) by the scorecard on any frame; None where it has fewer than three of the card's features."""
    wanted = used_features(card, list(X.columns))
    if wanted is None:
        return None
    total = np.zeros(len(X))
    for rule in card:
        name = next((f for f in rule.features if f in X), None)
        if name is not None:
            total += rule.points * _meets(X[name], rule)
    return total


def _looked_at(rule: PointRule, wanted: Sequence[str]) -> str:
    return next(f for f in rule.features if f in wanted)


def _levels(name: str, column: pd.Series, card: Sequence[PointRule], wanted: Sequence[str]) -> tuple[str, ...]:
    """The levels, as the data spell them, that a rule asks for; every other one is ``(other)``."""
    asked = {v for r in card if set(r.features) & set(wanted) and _looked_at(r, wanted) == name for v in r.values}
    found = sorted({str(v) for v in column.dropna().unique() if str(v).strip().casefold() in asked})
    missing = sorted(asked - {v.strip().casefold() for v in found})
    return (*found, *missing, OTHER)


def _use(rule: PointRule, encoder: Encoder, wanted: Sequence[str]) -> UsedRule | None:
    column = wanted.index(_looked_at(rule, wanted))
    feature = encoder.features[column]
    if feature.kind is Kind.NUMBER:
        return None if rule.values else UsedRule(column, rule.points, rule.at_least, rule.at_most, ())
    codes = tuple(i for i, level in enumerate(encoder.levels[feature.name]) if level.strip().casefold() in rule.values)
    return UsedRule(column, rule.points, None, None, codes) if codes else None


def _meets(column: pd.Series, rule: PointRule) -> np.ndarray:
    if rule.values:
        codes, distinct = pd.factorize(column)
        known = [str(value).strip().casefold() in rule.values for value in distinct]
        return np.array([*known, False])[codes]
    return UsedRule(0, 0.0, rule.at_least, rule.at_most, ()).met(number_values(column))
