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

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from leadml.features.dictionary import Feature
from leadml.reasons import SMALLEST_REASON, fold_levels
from leadml.reweighing import ModelMoves, ScoredList, compare_models

PARTS = ("data", "model", "calibration", "scale")
BLOCK_ROWS = 16_384


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
        rows: the whole earlier list and the whole new one, by the earlier scorer's features; levels that it does not
            know are other.
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

    def split_still(self) -> tuple[pd.DataFrame, pd.Series]:
        """``data`` of features whose value changed (0 elsewhere), and (m,) the sum of all whose value stood still."""
        still = np.zeros(len(self.data))
        for name in self.data:
            still += self.data[name].mask(self.changed[name], 0.0).to_numpy()
        return self.data.where(self.changed, 0.0), pd.Series(still, name="still")


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
        rows=(fold_levels(then.X, old.encoder.levels), fold_levels(read.X, old.encoder.levels)),
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
    rows = [
        (c.clip(lower=0).sum(), c.clip(upper=0).sum(), (c.abs() >= SMALLEST_REASON).sum()) for _, c in points.items()
    ]
    table = pd.DataFrame(rows, columns=["up", "down", "leads"], index=pd.Index(points.columns, name="feature"))
    table.insert(0, "total", table["up"] + table["down"])
    return table.loc[(table["up"] - table["down"]).sort_values(ascending=False, kind="stable").index]


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
