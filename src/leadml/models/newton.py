"""The lowest penalised log loss, by Newton steps that use a curvature again while it serves."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.blas import ssyrk
from scipy.special import expit

MOST_STEPS = 200
WORN = 0.3  # of what the step before promised: a step that promises more needs a new curvature
BLOCK = 1 << 14  # rows whose part of the curvature is made at a time


@dataclass
class LogLoss:
    """The penalised log loss of weights (k,) and, last, the intercept, which nothing penalises.

    ``columns`` (n, k), ``labels`` (n,) of 0 and 1, ``weight`` (n,) how many rows each stands for; ``curvature`` is that
    of an earlier step while it serves.
    """

    columns: np.ndarray
    labels: np.ndarray
    weight: np.ndarray
    curvature: np.ndarray | None = None

    def start(self) -> np.ndarray:
        """No weights, and the intercept of the base rate."""
        rate = float(self.weight @ self.labels / self.weight.sum())
        return np.r_[np.zeros(self.columns.shape[1]), np.log(rate) - np.log1p(-rate)]

    def minimise(self, penalty: float, at: np.ndarray) -> np.ndarray:
        """Weights and intercept of the lowest loss, by Newton steps from ``at``.

        Loss and gradient are in double precision, and so is the result. The curvature, where nearly all the time goes,
        is in single precision, and that of an earlier step is used again until a step promises more than `WORN` times
        what the one before did: a step that is off is made good by the next one. Steps that do not lower the loss are
        halved. It ends where a step promises less than 1e-8 of a row by the curvature in use.
        """
        factor = None if self.curvature is None else self._factor(self.curvature, penalty)
        value, odds = self._value(penalty, at)
        before = np.inf
        for _ in range(MOST_STEPS):
            p = expit(odds)
            error = self.weight * (p - self.labels)
            gradient = np.r_[self.columns.T @ error + penalty * at[:-1], error.sum()]
            if factor is not None:
                step = -cho_solve(factor, gradient)
            if factor is None or -float(gradient @ step) > WORN * before:
                self.curvature = self._curvature(self.weight * p * (1 - p))
                factor = self._factor(self.curvature, penalty)
                step = -cho_solve(factor, gradient)
            before = -float(gradient @ step)
            if before <= 1e-8:
                break
            size = 1.0
            while (tried := self._value(penalty, at + size * step))[0] > value and size > 1e-6:
                size /= 2
            if tried[0] >= value:
                break
            at, (value, odds) = at + size * step, tried
            before *= size
        return at

    def _value(self, penalty: float, at: np.ndarray) -> tuple[float, np.ndarray]:
        odds = self.columns @ at[:-1] + at[-1]
        losses = np.logaddexp(0, odds) - self.labels * odds
        return float(self.weight @ losses) + penalty / 2 * float(at[:-1] @ at[:-1]), odds

    def _curvature(self, weight: np.ndarray) -> np.ndarray:
        """The second derivatives (size + 1, size + 1) without the penalty; their lower half only."""
        size = self.columns.shape[1]
        lower = np.zeros((size, size), dtype=np.float32, order="F")
        for begin in range(0, len(self.columns), BLOCK):
            rows = slice(begin, begin + BLOCK)
            part = np.asfortranarray(self.columns[rows] * np.sqrt(weight[rows])[:, None], dtype=np.float32)
            lower = ssyrk(1.0, part, beta=1.0, c=lower, trans=1, lower=1, overwrite_c=1)
        whole = np.zeros((size + 1, size + 1))
        whole[:size, :size] = lower
        whole[size, :size] = self.columns.T @ weight
        whole[size, size] = weight.sum()
        return whole

    @staticmethod
    def _factor(curvature: np.ndarray, penalty: float) -> tuple[np.ndarray, bool]:
        """The Cholesky factor, with the penalty."""
        whole, size = curvature.copy(), len(curvature) - 1
        # A millionth of the largest: what single precision may have taken from the smallest.
        whole[np.diag_indices(size)] += penalty + 1e-6 * curvature.diagonal()[:size].max(initial=0.0)
        whole[size, size] += 1e-9
        return cho_factor(whole, lower=True)
