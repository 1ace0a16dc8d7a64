"""What the points of a population rest on: by feature, by family, by segment; and which features count together."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from leadml.bootstrap import BootstrapConfig, draw_weights
from leadml.errors import ArtifactError
from leadml.features.dictionary import Feature
from leadml.models import Model
from leadml.reasons import family_points
from leadml.schema import FAMILIES

BLOCK = 65_536  # rows whose sizes are held at a time
LEADING, LEADING_SHARE = 3, 0.1  # features told as leading, at most; their share of all mean points, at least


def measure_importance(
    points: np.ndarray, features: Sequence[Feature], accounts: np.ndarray, config: BootstrapConfig
) -> pd.DataFrame:
    """How far each feature moves a score, up or down, on average; intervals by drawing accounts.

    Args:
        points: (n, k) points of the score.
        features: k entries.
        accounts: (n,) the account of each row; its rows are drawn together.
        config: draws, confidence, seed.

    Returns:
        k rows indexed by name, in the features' order: family, mean_points, low, high (NaN where over half of the
        draws have nobody).

    Raises:
        ArtifactError: points, features and accounts do not fit each other.
    """
    if points.shape != (len(accounts), len(features)):
        raise ArtifactError(f"points of shape {points.shape} for {len(accounts)} rows and {len(features)} features")
    table = _mean_size(points, accounts, config)
    table.insert(0, "family", [f.family for f in features])
    return table.set_axis([f.name for f in features])


def leading_features(model: Model, X: pd.DataFrame) -> list[str]:
    """What most of a model's margin rests on over feature rows (n, ...): features, the strongest first, three at most.

    By the mean size of their Shapley values, those with a tenth of all at least.
    """
    _, values = model.contributions(model.encoder.encode(X))
    size = np.abs(values).mean(axis=0)
    order = np.argsort(-size, kind="stable")[:LEADING]
    return [model.encoder.features[j].name for j in order if size[j] > 0 and size[j] >= LEADING_SHARE * size.sum()]


def measure_families(
    points: np.ndarray, features: Sequence[Feature], accounts: np.ndarray, config: BootstrapConfig
) -> pd.DataFrame:
    """`measure_importance` of the families' summed points: four rows indexed by family, mean_points, low, high, share.

    The shares of the families' mean points sum to 1; they are 0 where nothing moves a score.

    Raises:
        ArtifactError: as `family_points`.
    """
    table = _mean_size(family_points(points, features).to_numpy(), accounts, config).set_axis(list(FAMILIES))
    total = table["mean_points"].sum()
    return table.assign(share=table["mean_points"] / total if total > 0 else 0.0)


def measure_segments(
    points: np.ndarray, features: Sequence[Feature], segment: pd.Series, probability: np.ndarray
) -> pd.DataFrame:
    """What scores rest on within each level of a segment.

    Args:
        points: (n, k) points of the score.
        features: k entries.
        segment: (n,) levels; missing ones are a segment of their own (NaN).
        probability: (n,) calibrated.

    Returns:
        One row a level, the largest first (ties by level): level, leads, probability (mean), each family's mean
        absolute points, and strongest: the place of the feature, other than the segment's own, with the largest mean
        absolute points there.
    """
    codes, levels = pd.factorize(segment, sort=True, use_na_sentinel=True)
    codes = np.where(codes < 0, len(levels), codes)
    own = np.array([f.name == segment.name for f in features])
    rows = []
    for code in np.unique(codes):
        inside = codes == code
        size = np.abs(points[inside]).mean(axis=0)
        families = family_points(points[inside], features).abs().mean()
        rows.append(
            {"level": levels[code] if code < len(levels) else np.nan, "leads": int(inside.sum())}
            | {"probability": float(probability[inside].mean())}
            | families.to_dict()
            | {"strongest": int(np.where(own, -1.0, size).argmax())}
        )
    table = pd.DataFrame(rows)
    return table.sort_values("leads", ascending=False, kind="stable").reset_index(drop=True)


def measure_bag(model: Model, matrix: np.ndarray) -> np.ndarray:
    """How far each booster of the bags alone moves a score by each feature, over how far all of them together do.

    Args:
        model: of any members; those that are no bags are part of every one.
        matrix: (n, k) of the model's encoder.

    Returns:
        (b, k) mean absolute contributions over the whole model's, for b boosters a bag; 1 where a feature moves
        nothing; b is 0 where the model has no bag of two or more.
    """
    sizes = [np.abs(m.contributions(matrix)[1]).sum(axis=0) for m in (model, *model.alone())]
    whole = np.where(sizes[0] > 0, sizes[0], np.nan)
    return np.nan_to_num(np.reshape(sizes[1:], (-1, len(whole))) / whole, nan=1.0)


def find_partners(strength: np.ndarray) -> np.ndarray:
    """(k,) for each feature the one that it counts together with most, -1 where with none.

    Args:
        strength: (k, k) mean absolute points that pairs give together, symmetric, 0 at (i, i).
    """
    if not len(strength):
        return np.zeros(0, dtype=np.int64)
    return np.where(strength.max(axis=1) > 0, strength.argmax(axis=1), -1)


def list_pairs(strength: np.ndarray, count: int) -> pd.DataFrame:
    """The pairs that give most together, largest first: one, two (places, one < two), points; none of 0."""
    one, two = np.triu_indices(len(strength), 1)
    points = strength[one, two]
    order = np.argsort(-points, kind="stable")[:count]
    order = order[points[order] > 0]
    return pd.DataFrame({"one": one[order], "two": two[order], "points": points[order]})


def pair_families(strength: np.ndarray, features: Sequence[Feature]) -> pd.DataFrame:
    """Mean absolute points that pairs give together, summed by the pairs' families: (4, 4), symmetric."""
    member = np.array([[f.family == name for f in features] for name in FAMILIES], dtype=np.float64)
    sums = member @ strength @ member.T
    sums[np.diag_indices(len(FAMILIES))] /= 2  # a pair within a family stands in the matrix twice
    return pd.DataFrame(sums, index=list(FAMILIES), columns=list(FAMILIES))


def _mean_size(points: np.ndarray, accounts: np.ndarray, config: BootstrapConfig) -> pd.DataFrame:
    """mean_points, low and high of the absolute values of each column."""
    codes, named = pd.factorize(pd.Series(accounts), use_na_sentinel=False)
    sums = np.zeros((len(named), points.shape[1]))
    for begin in range(0, len(points), BLOCK):
        own = codes[begin : begin + BLOCK]
        member = csr_array((np.ones(len(own)), (own, np.arange(len(own)))), shape=(len(named), len(own)))
        sums += member @ np.abs(points[begin : begin + BLOCK])
    rows = np.bincount(codes, minlength=len(named)).astype(np.float64)
    drawn = []
    for weights in draw_weights(len(named), config.draws, config.seed):
        there = (weights.T @ rows) > 0  # a draw may have nobody
        drawn.append((weights.T @ sums)[there] / (weights.T @ rows)[there, None])
    means, tail = np.concatenate(drawn), (1 - config.confidence) / 2
    low, high = np.full((2, points.shape[1]), np.nan)
    if 2 * len(means) > config.draws:
        low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return pd.DataFrame({"mean_points": sums.sum(axis=0) / max(len(points), 1), "low": low, "high": high})
