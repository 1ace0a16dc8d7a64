"""One model of several members: their margins averaged with weights of 0 or more, and so explained exactly."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

from leadml.encoding import Encoder
from leadml.errors import ArtifactError
from leadml.models.linear import LinearModel
from leadml.models.points import PointsModel
from leadml.models.trees import TREES, Trees, predict_margins

if TYPE_CHECKING:
    from leadml.treeshap import Explainer

SMALLEST_WEIGHT = 0.02  # of a member; below, it is left out
# A normal prior on each member's weight around the plain average: standard deviation 1 / sqrt(EQUAL * members).
EQUAL = 4.0


Learner = Trees | LinearModel | PointsModel


@dataclass(frozen=True)
class Member:
    """A learner with its name and its share of the margin."""

    name: str
    weight: float
    learner: Learner


@dataclass(frozen=True)
class Model:
    """An encoder and the members that read its matrix: margin = the sum of weight times margin."""

    encoder: Encoder
    members: tuple[Member, ...]

    @classmethod
    def of(cls, booster: lgb.Booster, encoder: Encoder) -> "Model":
        """The model of one booster alone."""
        return cls(encoder, (Member(TREES, 1.0, Trees((booster,))),))

    @property
    def boosters(self) -> list[lgb.Booster]:
        """All boosters of all members, in their order."""
        return [booster for booster, _ in self._weighted]

    @property
    def trees(self) -> int:
        """How many trees there are in all."""
        return sum(booster.num_trees() for booster in self.boosters)

    def margins(self, X: pd.DataFrame, threads: int = 0) -> np.ndarray:
        """Uncalibrated log-odds (n,) of feature rows (n, ...); threads of 0 are all, and change no bit."""
        return self.matrix_margins(self.encoder.encode(X), threads)

    def matrix_margins(self, matrix: np.ndarray, threads: int = 0) -> np.ndarray:
        """`margins` of the encoder's matrix (n, k)."""
        if not len(matrix):
            return np.zeros(0)
        parts = [weight * predict_margins(booster, matrix, threads) for booster, weight in self._weighted]
        parts += [m.weight * m.learner.margins(matrix) for m in self.members if not isinstance(m.learner, Trees)]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total + self._shift if self._shift else total

    def contributions(self, matrix: np.ndarray) -> tuple[float, np.ndarray]:
        """SHAP's base value and values (n, k) of the margin, of the encoder's matrix.

        Trees by `leadml.treeshap`, sums by themselves; those of a weighted sum are the weighted sum of the members'
        (linearity, Shapley 1953).
        """
        base, values = self._tree_contributions(matrix) if self.boosters else (0.0, np.zeros(matrix.shape))
        base += self._shift
        for member in self.members:
            if not isinstance(member.learner, Trees):
                base += member.weight * member.learner.expected
                values += member.weight * member.learner.contributions(matrix)
        return base, values

    def interaction_strength(self, matrix: np.ndarray) -> np.ndarray | None:
        """Mean absolute margin that pairs of features give together: (k, k), symmetric; None without numba.

        Shapley interaction values of the trees; the other members are sums over features and have none.
        """
        if not self.boosters:
            return np.zeros((matrix.shape[1], matrix.shape[1]))
        return None if self.explainer is None else self.explainer.interaction_strength(matrix)

    def alone(self) -> list["Model"]:
        """One model a booster of the bags, each with that booster alone and the other members; [] where none is a bag.

        Trained with another seed, the whole bag might have been any of them.
        """
        sizes = [len(m.learner.boosters) for m in self.members if isinstance(m.learner, Trees)]
        count = min(sizes, default=0)
        return [
            replace(self, members=tuple(_take_booster(m, i) for m in self.members))
            for i in range(count if count > 1 else 0)
        ]

    @cached_property
    def explainer(self) -> "Explainer | None":
        """What explains the trees; None where numba cannot be used: then LightGBM's pred_contrib serves, far slower.

        Both give the same to 1e-9 of a row's largest value while paths ask for up to 30 columns (beyond, LightGBM's own
        loses digits). How many rows there are makes no difference, so that a lead's points are the same to the bit
        whoever else is on the list.
        """
        try:
            from leadml.treeshap import Explainer  # here: numba takes half a second to load
        except ImportError as error:
            warnings.warn(f"numba cannot be used ({error}): scores are explained by LightGBM, a hundred times slower",
                          RuntimeWarning, stacklevel=2)  # fmt: skip
            return None
        return Explainer.of(self.boosters, [weight for _, weight in self._weighted])

    @cached_property
    def _weighted(self) -> list[tuple[lgb.Booster, float]]:
        return [
            (booster, member.weight / len(member.learner.boosters))
            for member in self.members
            if isinstance(member.learner, Trees)
            for booster in member.learner.boosters
        ]

    @property
    def _shift(self) -> float:
        return sum(m.weight * m.learner.shift for m in self.members if isinstance(m.learner, Trees))

    def _tree_contributions(self, matrix: np.ndarray) -> tuple[float, np.ndarray]:
        if self.explainer is not None:
            found = self.explainer.explain(matrix)
            return found.base, found.values
        base, values = 0.0, np.zeros(matrix.shape)
        if not len(matrix):
            return base, values
        for booster, weight in self._weighted:
            told = np.asarray(booster.predict(matrix, pred_contrib=True), dtype=np.float64)
            base += weight * float(told[0, -1])
            values += weight * told[:, :-1]
        return base, values


def _take_booster(member: Member, place: int) -> Member:
    """The member with one booster of its bag alone; itself, where it has none."""
    if not isinstance(member.learner, Trees):
        return member
    return replace(member, learner=Trees((member.learner.boosters[place],), member.learner.shift))


def store_members(members: Sequence[Member]) -> tuple[list[dict[str, Any]], list[lgb.Booster]]:
    """The members as plain values for JSON, and the boosters that their places name."""
    entries: list[dict[str, Any]] = []
    boosters: list[lgb.Booster] = []
    for member in members:
        entry: dict[str, Any] = {"name": member.name, "weight": member.weight}
        if isinstance(member.learner, Trees):
            entry["boosters"] = list(range(len(boosters), len(boosters) + len(member.learner.boosters)))
            entry["shift"] = member.learner.shift
            boosters.extend(member.learner.boosters)
        elif isinstance(member.learner, LinearModel):
            entry["linear"] = member.learner.to_dict()
        else:
            entry["points"] = member.learner.to_dict()
        entries.append(entry)
    return entries, boosters


def restore_members(entries: Sequence[Mapping[str, Any]], boosters: Sequence[lgb.Booster]) -> tuple[Member, ...]:
    """The inverse of `store_members`.

    Raises:
        ArtifactError: no member, or one that is none of the kinds.
        KeyError, TypeError, IndexError: a broken entry.
    """
    found = []
    for entry in entries:
        if "boosters" in entry:
            learner: Learner = Trees(tuple(boosters[i] for i in entry["boosters"]), float(entry["shift"]))
        elif "linear" in entry:
            learner = LinearModel.from_dict(entry["linear"])
        elif "points" in entry:
            learner = PointsModel.from_dict(entry["points"])
        else:
            raise ArtifactError(f"member {entry.get('name')!r} of the model is of no known kind; train again")
        found.append(Member(str(entry["name"]), float(entry["weight"]), learner))
    if not found:
        raise ArtifactError("the model has no member; train again")
    return tuple(found)


def fit_weights(margins: np.ndarray, label: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights (m,) of m members, 0 or more, that add up to 1: those of the lowest log loss, shrunk to the average.

    Log loss of a line through the weighted sum of the margins (n, m), with ``weight`` (n,) a row, plus a normal prior
    around 1 / m. Convex; projected quasi-Newton steps (L-BFGS-B, Byrd et al. 1995). Members below 0.02 get nothing.
    """
    members = margins.shape[1]
    if members == 1:
        return np.ones(1)
    equal, prior = np.full(members, 1 / members), EQUAL * members

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        shares, z = at[:-1], margins @ at[:-1] + at[-1]
        error = weight * (expit(z) - label)
        value = float(weight @ (np.logaddexp(0, z) - label * z)) + prior / 2 * float(((shares - equal) ** 2).sum())
        return value, np.r_[margins.T @ error + prior * (shares - equal), error.sum()]

    bounds = [(0.0, None)] * members + [(None, None)]
    found = minimize(loss, np.r_[equal, 0.0], jac=True, bounds=bounds, method="L-BFGS-B").x[:-1]
    found = np.where(found < SMALLEST_WEIGHT * max(found.sum(), 1e-12), 0.0, found)
    return found / found.sum() if found.sum() > 0 else equal
