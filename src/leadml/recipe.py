"""What is learnt from and whether it is enough: the recipe's settings, and the split of snapshots to train on.

Nothing here needs a learner, so that what cannot be learnt from is refused before any is loaded.
"""

from dataclasses import dataclass

import pandas as pd

from leadml.config import ModelConfig, ProblemConfig, TrainConfig
from leadml.errors import DataError
from leadml.scorecard import PointRule
from leadml.splits import Split
from leadml.sufficiency import check_enough, find_outcome_stops, find_stops, stops_words
from leadml.sufficiency import count_converting as count_converting


@dataclass(frozen=True)
class RecipeConfig:
    """Everything that decides what comes out of `fit_recipe`, but for ``threads``, which only decides how fast.

    ``card`` is the team's scorecard; ``ordered`` says that the rows of an undated table lie in order of time
    (``position``).
    """

    problem: ProblemConfig
    model: ModelConfig
    train: TrainConfig
    seed: int
    threads: int
    ordered: bool = False
    card: tuple[PointRule, ...] = ()


def split_checked(snapshots: pd.DataFrame, config: RecipeConfig) -> Split:
    """The split of snapshots that are enough to learn from; extract asks it before features are built.

    `leadml.sufficiency` has every finding with its counts, those included that do not forbid it.

    Raises:
        DataError: all that stops, in one line: no matured label, one outcome only, fewer distinct converting leads
            than ``train.min_conversions`` in all or in training, or too short a history.
    """
    split, stops = find_stops(typed(snapshots), config)
    if split is None:
        raise DataError(stops_words(stops))
    return split


def check_outcomes(snapshots: pd.DataFrame) -> None:
    """Raise `DataError` unless the matured labels hold both outcomes."""
    check_enough(find_outcome_stops(snapshots))


def typed(snapshots: pd.DataFrame) -> pd.DataFrame:
    """Rows numbered from 0; columns that hold nothing but nulls (as undated tables have) get the contract's types."""
    numbers = {name: snapshots[name].astype("float64") for name in ("label", "amount", "age_days")}
    cutoff = snapshots["cutoff"].astype("datetime64[us]")
    untouched = snapshots["untouched"].astype("boolean").fillna(False).astype(bool)
    return snapshots.assign(**numbers, cutoff=cutoff, untouched=untouched).reset_index(drop=True)
