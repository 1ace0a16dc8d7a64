"""What moved between two lists: each lead's change of score, split exactly into data, model, calibration and scale.

A score is made in four steps: rows, margin, calibrated log-odds, points of the scale. From the earlier list to the new
one each step is replaced in that order, and what the score changes by is that step's part::

    earlier      earlier rows  earlier booster  earlier calibration  earlier scale
    data         NEW rows      earlier booster  earlier calibration  earlier scale
    model        new rows      NEW booster      earlier calibration  earlier scale
    calibration  new rows      new booster      NEW calibration      earlier scale
    scale        new rows      new booster      new calibration      NEW scale = now

Neighbours differ by one step, so the parts add up to the change whatever the models are. Data come first because the
question is what became of the lead in the eyes of the model that people know; the rest follows in the order in which a
score is computed. Where the steps interact another order would give other parts with the same sum. With one and the
same scorer everything is data; with unchanged rows nothing is.

Parts by feature are differences of exact Shapley values (`LeadScorer.points`). Those are shared among all features of a
row, so one whose value stood still can weigh more or less beside one that moved: `Moves.split_still` tells them apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from leadml.errors import ArtifactError
from leadml.features.dictionary import Feature
from leadml.reasons import SMALLEST_REASON, family_shares
from leadml.scorer import LeadScorer

PARTS = ("data", "model", "calibration", "scale")
BLOCK_ROWS = 16_384
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


@dataclass(frozen=True)
class Moves:
    """How m leads moved that are on both lists, in the order of the new one; all points are of the unclipped score.

    Attributes:
        leads: lead_id, earlier, now (unclipped scores), change, and the four parts of `PARTS`, which add up to it.
        data: (m, features of the earlier scorer), what new data did; a row adds up to the lead's ``data``.
        model: what the new model did; None where one and the same scorer made both lists.
        came: lead_id and now of leads that are on the new list only.
        left: lead_id and earlier of leads that were on the earlier list only.
        changed: (m, features of the earlier scorer), whether it reads another value than before.
        features: the earlier scorer's, in the order of ``data``.
        rows: the whole earlier list and the whole new one, by the earlier scorer's features.
        places: (2, m) positions of the m leads in each.
    """

    leads: pd.DataFrame
    data: pd.DataFrame
    model: ModelMoves | None
    came: pd.DataFrame
    left: pd.DataFrame
    changed: pd.DataFrame
    features: list[Feature]
    rows: tuple[pd.DataFrame, pd.DataFrame]
    places: np.ndarray

    def values(self, feature: str) -> pd.DataFrame:
        """The m leads' values of a feature of the earlier scorer: before and now."""
        told = zip(("before", "now"), self.rows, self.places, strict=True)
        return pd.DataFrame({name: rows[feature].iloc[at].to_numpy() for name, rows, at in told})

    def split_still(self) -> tuple[pd.DataFrame, pd.Series]:
        """``data`` of features whose value changed (0 elsewhere), and (m,) the sum of all whose value stood still."""
        told = self.data.where(self.changed, 0.0)
        still = self.data.mask(self.changed, 0.0)
        return told, pd.Series(sum((still[name] for name in still), np.zeros(len(still))), name="still")


def explain_moves(earlier: ScoredList, now: ScoredList, by_earlier: pd.DataFrame | None = None) -> Moves:
    """Every lead's change of score by its causes (see the module).

    Args:
        earlier: the earlier list, with its rows as they were archived.
        now: the new list.
        by_earlier: the new list's rows (n, the earlier scorer's features) in its order; None where ``now.X`` has them.

    Raises:
        ArtifactError: rows and leads do not fit, a lead is on one list twice, or features of the earlier scorer are
            missing from the new rows.
    """
    old, one = earlier.scorer, earlier.scorer.version == now.scorer.version
    then, read = earlier.prepared(), replace(now, scorer=old).prepared(by_earlier)
    new = read if one else now.prepared()
    at = pd.Index(then.lead_id).get_indexer(pd.Index(now.lead_id))
    places = np.vstack([at[at >= 0], np.flatnonzero(at >= 0)])
    scored, steps = old.raw_score(old.margin(then.X)), replace_steps(read, new)
    base, points = (0.0, now.points) if one and now.points is not None else old.points(read.X)
    data, changed = _compare_rows(then, read.X, points, places)
    return Moves(
        leads=_lead_table(now.lead_id.iloc[places[1]], scored[places[0]], steps[places[1]]),
        data=pd.DataFrame(data, columns=old.encoder.names),
        model=None if one else compare_models(replace(read, points=points), base, new, places[1]),
        came=_ids_with(now.lead_id, "now", steps[:, -1], np.flatnonzero(at < 0)),
        left=_ids_with(then.lead_id, "earlier", scored, np.setdiff1d(np.arange(len(scored)), places[0])),
        changed=pd.DataFrame(changed, columns=old.encoder.names),
        features=list(old.encoder.features),
        rows=(then.X, read.X),
        places=places,
    )


def replace_steps(before: ScoredList, now: ScoredList) -> np.ndarray:
    """Unclipped scores (n, 4) of the new list after each of `PARTS`; the last column is the new scorer's own score.

    Args:
        before: the new list's leads by the earlier scorer.
        now: the same leads by the new one.
    """
    old, new = before.scorer, now.scorer
    told = old.margin(before.X)
    margin = told if old.version == new.version else new.margin(now.X)
    calibrated = replace(old, calibrator=new.calibrator)
    steps = ((old, told), (old, margin), (calibrated, margin), (new, margin))
    return np.column_stack([scorer.raw_score(said) for scorer, said in steps])


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


def sum_parts(moves: Moves) -> pd.DataFrame:
    """Each part and the whole change over the list: total (points), mean, and mean_size (up or down).

    Indexed by `PARTS` and "change"; the totals of the parts add up to that of the change.
    """
    points = moves.leads[[*PARTS, "change"]]
    count = max(len(points), 1)
    total = points.sum()
    return pd.DataFrame({"total": total, "mean": total / count, "mean_size": points.abs().sum() / count})


def sum_by_feature(points: pd.DataFrame) -> pd.DataFrame:
    """What each feature did to the list, those that moved it most first (ties in the model's order).

    Args:
        points: (m, features): ``Moves.data`` or ``ModelMoves.by_feature``.

    Returns:
        indexed by feature: total (points over all leads), up and down (its two sides: total = up + down), leads (how
        many it moved by at least half a point).
    """
    up, down = points.clip(lower=0).sum(), points.clip(upper=0).sum()
    moved = (points.abs() >= SMALLEST_REASON).sum()
    table = pd.DataFrame({"total": up + down, "up": up, "down": down, "leads": moved}).rename_axis("feature")
    return table.loc[(up - down).sort_values(ascending=False, kind="stable").index]


def _lead_table(lead_id: pd.Series, earlier: np.ndarray, steps: np.ndarray) -> pd.DataFrame:
    """One row a lead: scores, change and parts."""
    changes = np.diff(np.column_stack([earlier, steps]), axis=1)
    table = pd.DataFrame({"lead_id": lead_id.to_numpy(), "earlier": earlier, "now": steps[:, -1]})
    return table.assign(change=table["now"] - table["earlier"], **dict(zip(PARTS, changes.T, strict=True)))


def _compare_rows(
    then: ScoredList, X: pd.DataFrame, points: np.ndarray, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What new data did and which values changed, both (m, features), for leads at ``places`` (2, m) of the lists.

    ``X`` and ``points`` are the new list's, by the earlier scorer. In blocks, so that working copies stay small.
    """
    scorer, data = then.scorer, points[places[1]]
    changed = np.zeros(data.shape, dtype=bool)
    for start in range(0, len(data), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        before, after = then.X.iloc[places[0, block]], X.iloc[places[1, block]]
        data[block] -= scorer.points(before)[1]
        a, b = scorer.encoder.encode(before), scorer.encoder.encode(after)
        changed[block] = (a != b) & ~(np.isnan(a) & np.isnan(b))
    return data, changed


def _ids_with(lead_id: pd.Series, name: str, scores: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"lead_id": lead_id.iloc[rows].to_numpy(), name: scores[rows]})
