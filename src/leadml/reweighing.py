"""What another model makes of the same leads: points feature by feature, and how much each feature weighs in both."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from leadml.errors import ArtifactError
from leadml.features.dictionary import Feature
from leadml.reasons import family_shares
from leadml.scorer import LeadScorer

Explained = tuple[np.ndarray, Sequence[Feature]]  # points (n, k) and the k features


@dataclass(frozen=True)
class ScoredList:
    """One list: its scorer, the ids of its n leads, and their rows as that scorer read them (n, its features).

    ``points`` (n, k) are those of `LeadScorer.points` where they are known already; they are computed otherwise.
    """

    scorer: LeadScorer
    lead_id: pd.Series
    X: pd.DataFrame
    points: np.ndarray | None = None

    def __post_init__(self) -> None:
        if len(self.lead_id) != len(self.X) or (self.points is not None and len(self.points) != len(self.X)):
            raise ArtifactError(f"a list of {len(self.lead_id)} leads has {len(self.X)} rows of features, not as many")
        twice = int(self.lead_id.duplicated().sum())
        if twice:
            raise ArtifactError(f"{twice} of {len(self.lead_id)} leads are on one list more than once")

    def prepared(self, X: pd.DataFrame | None = None) -> "ScoredList":
        """The list with values as the scorer reads them: of its own rows, or of others in the same order."""
        rows = self.X if X is None else X
        if len(rows) != len(self.X):
            raise ArtifactError(f"{len(rows)} rows of features are given beside a list of {len(self.X)} leads")
        return replace(self, X=self.scorer.prepare(rows).reset_index(drop=True))


@dataclass(frozen=True)
class ModelMoves:
    """What another model makes of the same rows.

    Attributes:
        by_feature: (m, features of either scorer), points by the earlier calibration: the new booster's less the
            earlier one's. A feature of one of them only has all that it brought, or took away.
        base: points by which the base differs, the same for all leads; a row's points and it are the lead's ``model``.
        importance: `compare_importance` on the whole new list, each scorer with its own calibration.
        families: the same by family: before, now (mean points), before_share, now_share.
        features: the dictionary's entries, in the order of ``by_feature``; the new scorer's where both have one.
    """

    by_feature: pd.DataFrame
    base: float
    importance: pd.DataFrame
    families: pd.DataFrame
    features: list[Feature]


def compare_models(before: ScoredList, base: float, now: ScoredList, leads: np.ndarray) -> ModelMoves:
    """What the new model makes of the same n leads otherwise than the earlier one.

    Args:
        before: the leads by the earlier scorer, with its points.
        base: its base points.
        now: the same leads in the same order by the new one.
        leads: positions of the m leads whose effects are wanted; weights are those of all n.
    """
    old, new = before.scorer, now.scorer
    earlier = old.points(before.X)[1] if before.points is None else before.points
    own = new.points(now.X)[1] if now.points is None else now.points
    told = ((earlier, old.encoder.features), (own, new.encoder.features))
    importance, shares = compare_importance(*told), pd.concat([family_shares(*t) for t in told], axis=1)
    # The new booster by the earlier calibration and scale: what is left of the difference is the booster's alone.
    new_base, points = replace(new, calibrator=old.calibrator, scale=old.scale).points(now.X)
    entries = {f.name: f for f in new.encoder.features}
    entries |= {f.name: f for f in old.encoder.features if f.name not in entries}
    effects = {name: points[leads, j] for j, name in enumerate(new.encoder.names)}
    for j, name in enumerate(old.encoder.names):
        effects[name] = effects.get(name, 0.0) - earlier[leads, j]
    return ModelMoves(
        by_feature=pd.DataFrame(effects, index=pd.RangeIndex(len(leads))),
        base=new_base - base,
        importance=importance,
        families=shares.set_axis(["before", "before_share", "now", "now_share"], axis=1).rename_axis("family"),
        features=list(entries.values()),
    )


def compare_importance(before: Explained, now: Explained) -> pd.DataFrame:
    """How much each feature weighs in two models.

    Args:
        before: points (n, k) of the earlier model, and its k features.
        now: points (n, j) of the new one, and its j features.

    Returns:
        feature (name), family, before and now (mean absolute points; NaN where the model has no such feature),
        rank_before and rank_now (1 is the strongest, ties by the model's own order; NaN where nothing rests on it).
        The strongest first, by the larger of the two.
    """
    tables = []
    for name, (points, features) in (("before", before), ("now", now)):
        table = pd.DataFrame(
            {"feature": [f.name for f in features], name: np.abs(points).mean(axis=0) if len(points) else 0.0}
        )
        table[f"rank_{name}"] = table[name].where(table[name] > 0).rank(ascending=False, method="first")
        tables.append(table)
    families = {f.name: f.family for f in (*before[1], *now[1])}
    both = tables[1].merge(tables[0], on="feature", how="outer", sort=True)
    both.insert(1, "family", both["feature"].map(families))
    larger = both[["before", "now"]].max(axis=1)
    columns = ["feature", "family", "before", "now", "rank_before", "rank_now"]
    return both.loc[larger.sort_values(ascending=False, kind="stable").index, columns].reset_index(drop=True)
