"""The amount if a lead converts: its mean and its range, from plain numbers that scorer.json holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from leadml.value.design import Term

FORMS = ("none", "mean", "log-normal", "gamma")


@dataclass(frozen=True)
class ValueModel:
    """E[amount | converts, x] = exp(eta + log_mean), with eta = intercept + the sum of coefficient times column.

    ``form`` is one of `FORMS`: ``none`` knows no amount, ``mean`` looks at no feature. The range of an amount holds two
    uncertainties, that of a single amount around its middle (``noise_low`` below it, ``noise_high`` above, in logs) and
    that of the parameters: ``quantile`` standard errors, sqrt(||factor' z||^2 + 1 / n of the noise). Both are put
    together by their squares, which for the log-normal is the exact Student t prediction interval of a linear model.
    ``cap`` is what larger amounts count as. ``counts`` says what it was fitted on.
    """

    form: str
    terms: tuple[Term, ...] = ()
    intercept: float = 0.0
    coefficients: tuple[float, ...] = ()
    factor: tuple[tuple[float, ...], ...] = ()  # lower triangle; factor @ factor' is the coefficients' covariance
    intercept_variance: float = 0.0
    log_mean: float = 0.0
    noise_low: float = 0.0
    noise_high: float = 0.0
    quantile: float = 0.0
    cap: float | None = None
    confidence: float = 0.9
    counts: Mapping[str, int] = field(default_factory=dict)

    def amounts(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, low and high (n,) of the amount of feature rows (n, ...), if they convert; NaN where none is known.

        A row's three numbers hang on no other row: columns are added one after another, never by a matrix product.
        """
        n = len(X)
        if self.form == "none":
            return np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
        columns = [column for term in self.terms for column in term.columns(X)]
        eta = np.full(n, self.intercept)
        for coefficient, column in zip(self.coefficients, columns, strict=True):
            eta += coefficient * column
        variance = np.full(n, self.intercept_variance)
        for k in range(len(columns)):
            part = np.zeros(n)
            for j in range(k, len(columns)):
                part += self.factor[j][k] * columns[j]
            variance += part * part
        mean = np.exp(eta + self.log_mean)
        mean = mean if self.cap is None else np.minimum(mean, self.cap)
        if self.quantile == 0:  # a single amount has no spread
            return mean, np.full(n, np.nan), np.full(n, np.nan)
        spread = self.quantile**2 * variance
        low = np.exp(eta - np.sqrt(self.noise_low**2 + spread))
        return mean, low, np.exp(eta + np.sqrt(self.noise_high**2 + spread))

    def expected(self, probability: np.ndarray, X: pd.DataFrame) -> pd.DataFrame:
        """expected_value, expected_value_low and expected_value_high of rows with these probabilities (n,).

        Probability times the mean amount, and times the ends of the amount's range: ``confidence`` of the amounts of
        leads that convert lie in it; an end beyond the mean, as amounts of extreme spread have, is put at the mean. The
        probability is taken as it is.
        """
        mean, low, high = (probability * part for part in self.amounts(X))
        ends = {"expected_value_low": np.minimum(low, mean), "expected_value_high": np.maximum(high, mean)}
        return pd.DataFrame({"expected_value": mean} | ends)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "form": self.form,
            "terms": [t.to_dict() for t in self.terms],
            "coefficients": list(self.coefficients),
            "factor": [list(row) for row in self.factor],
            "counts": dict(self.counts),
        } | {name: getattr(self, name) for name in _NUMBERS}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "ValueModel":
        """The inverse of `to_dict`."""
        return cls(
            form=str(entry["form"]),
            terms=tuple(Term.from_dict(t) for t in entry["terms"]),
            coefficients=tuple(entry["coefficients"]),
            factor=tuple(tuple(row) for row in entry["factor"]),
            counts=dict(entry["counts"]),
            **{name: entry[name] for name in _NUMBERS},
        )


_NUMBERS = (
    "intercept", "intercept_variance", "log_mean", "noise_low", "noise_high", "quantile", "cap", "confidence",
)  # fmt: skip
