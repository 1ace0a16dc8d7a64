"""What is learnt: the team's points, a shrunken logistic regression, boosted trees, blends; and the ladder of them.

This is what scoring needs. Fitting is in `boosted`, `linear`, `points` and, of a whole plan, `fit`; the choice is in
`parts` (each member on each fold) and `ladder`; the search in `tuning`. A stored model is served without those.
"""

from leadml.models.blend import Learner, Member, Model, restore_members, store_members
from leadml.models.linear import LinearModel
from leadml.models.points import PointsModel
from leadml.models.trees import Trees

__all__ = [
    "Learner",
    "LinearModel",
    "Member",
    "Model",
    "PointsModel",
    "Trees",
    "restore_members",
    "store_members",
]
