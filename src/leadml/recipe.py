"""What is learnt from and whether it is enough: the recipe's settings, and the split of snapshots to train on.

Nothing here needs a learner, so that what cannot be learnt from is refused before any is loaded.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leadml.config import ModelConfig, ProblemConfig, TrainConfig
from leadml.errors import DataError
from leadml.scorecard import PointRule
from leadml.splits import Split, build_split


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

    Raises:
        DataError: no matured label, one outcome only, fewer distinct converting leads than ``train.min_conversions``
            in all or in training, or too short a history.
    """
    snapshots = typed(snapshots)
    check_outcomes(snapshots)
    needed = config.train.min_conversions
    everyone = count_converting(snapshots, np.flatnonzero(snapshots["label"].notna()))
    way_out = "bring a longer history, set a shorter problem.horizon_days, or lower train.min_conversions"
    if everyone < needed:
        raise DataError(f"{everyone} distinct converting leads in all matured data, {needed} are needed; {way_out}")
    split = build_split(snapshots, config.problem, config.train.split, config.seed, config.ordered)
    found = count_converting(snapshots, split.train)
    if found < needed:
        raise DataError(
            f"{found} distinct converting leads in training, {needed} are needed ({everyone} in all matured data, test "
            f"included); {way_out}"
        )
    if not (snapshots["label"].iloc[split.train] == 0).any():
        raise DataError(f"all {len(split.train)} training rows converted; check the leads that did not convert")
    return split


def check_outcomes(snapshots: pd.DataFrame) -> None:
    """Raise `DataError` unless the matured labels hold both outcomes."""
    label = snapshots["label"].dropna()
    if label.empty:
        raise DataError(
            f"none of the {len(snapshots)} snapshots has a matured label: every horizon is still open; bring older "
            "history or set a shorter problem.horizon_days"
        )
    if label.nunique() < 2:
        found = "converted" if label.iloc[0] == 1 else "is without a conversion"
        raise DataError(
            f"every one of the {len(label)} matured snapshots {found}; check the source's mapping of conversions and "
            "of the leads that did not convert, and problem.conversion"
        )


def count_converting(snapshots: pd.DataFrame, rows: np.ndarray) -> int:
    """Distinct converting leads among the rows."""
    part = snapshots.iloc[rows]
    return int(part.loc[part["label"] == 1, "lead_id"].nunique())


def typed(snapshots: pd.DataFrame) -> pd.DataFrame:
    """Rows numbered from 0; columns that hold nothing but nulls (as undated tables have) get the contract's types."""
    numbers = {name: snapshots[name].astype("float64") for name in ("label", "amount", "age_days")}
    cutoff = snapshots["cutoff"].astype("datetime64[us]")
    untouched = snapshots["untouched"].astype("boolean").fillna(False).astype(bool)
    return snapshots.assign(**numbers, cutoff=cutoff, untouched=untouched).reset_index(drop=True)
