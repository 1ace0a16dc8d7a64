"""Delete the future from tables: features of some snapshots, built again from what was known before their cutoff.

`leadml audit` deletes from the raw exports and maps again, which shows more and takes as long as an extract; this
deletes from the tables, which is quick enough for every extract and shows whether a feature's own code looks ahead.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import ibis
import numpy as np
import pandas as pd

from leadml.audit.future import DISAGREEMENT, compare_features
from leadml.errors import DataError
from leadml.features.spec import FeatureTables

CUTOFFS = 3
MOST = 200  # snapshots at each cutoff
DATED_BY_KNOWN = ("leads", "accounts", "touchpoints", "conversions", "closures")
NAMED = 5  # features, in a refusal


@dataclass(frozen=True)
class Sample:
    """Snapshots of one cutoff: their row numbers, rising."""

    cutoff: datetime
    places: np.ndarray


def draw_samples(snapshots: pd.DataFrame, seed: int, cutoffs: int = CUTOFFS, most: int = MOST) -> list[Sample]:
    """Up to ``most`` snapshots at each of up to ``cutoffs`` cutoffs (an early, a middle and a late one), by the seed.

    Weekly cutoffs where there are any: at those most leads are open. ``snapshots`` has cutoff and grid; the row number
    is the position.
    """
    generator = np.random.default_rng(seed)
    moments = snapshots["cutoff"].to_numpy(dtype="datetime64[us]")
    weekly = moments[(snapshots["grid"] == "weekly").to_numpy(dtype=bool)]
    distinct = np.unique(weekly if len(weekly) else moments)
    samples = []
    for part in np.array_split(distinct, min(cutoffs, len(distinct))) if len(distinct) else []:
        chosen = generator.choice(part)
        at = generator.permutation(np.flatnonzero(moments == chosen))[:most]
        samples.append(Sample(chosen.astype(datetime), np.sort(at)))
    return samples


def cut_tables(tables: FeatureTables, until: datetime) -> FeatureTables:
    """The tables without every row known at or after ``until`` (history: changed then); snapshots as they are."""
    moment = ibis.timestamp(until.isoformat(sep=" "))
    known = {name: getattr(tables, name) for name in DATED_BY_KNOWN}
    kept = {name: table.filter(table.known_at < moment) for name, table in known.items()}
    return replace(tables, history=tables.history.filter(tables.history.changed_at < moment), **kept)


def at_sample(tables: FeatureTables, sample: Sample) -> FeatureTables:
    """The sample's snapshots alone, numbered anew from 0 in their order, and what was known before their cutoff."""
    chosen = tables.snapshots.filter(tables.snapshots.row.isin([int(p) for p in sample.places]))
    numbered = chosen.mutate(row=ibis.row_number().over(order_by=chosen.row))
    return replace(cut_tables(tables, sample.cutoff), snapshots=numbered)


def delete_future(
    tables: FeatureTables,
    X: pd.DataFrame,
    samples: list[Sample],
    keys: pd.DataFrame,
    build: Callable[[FeatureTables], pd.DataFrame],
) -> pd.DataFrame:
    """Every value that differs once the future is gone, as `compare_features` gives them.

    A value may not depend on other snapshots either, nor on the row number: both are other ones in the second building.

    Args:
        tables: those that ``X`` was built from.
        X: the features; row i for snapshot i.
        samples: what is built again.
        keys: lead_id and cutoff of the snapshots.
        build: features of the tables' snapshots, row i for snapshot i; columns that X does not have are not compared.
    """
    parts = []
    for sample in samples:
        rebuilt = build(at_sample(tables, sample))
        full = X.iloc[sample.places].reset_index(drop=True)[list(rebuilt.columns)]
        parts.append(compare_features(full, rebuilt, keys.iloc[sample.places].reset_index(drop=True)))
    parts = [p for p in parts if len(p)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=DISAGREEMENT)


def check_future(
    tables: FeatureTables,
    X: pd.DataFrame,
    snapshots: pd.DataFrame,
    build: Callable[[FeatureTables], pd.DataFrame],
    seed: int,
) -> int:
    """How many sampled snapshots were built again and came out the same once the future was gone.

    Args:
        tables: those that ``X`` was built from.
        X: the features; row i for snapshot i.
        snapshots: lead_id, cutoff and grid, aligned with ``X``.
        build: see `delete_future`.
        seed: of the sample.

    Raises:
        DataError: a feature of one of them differs.
    """
    samples = draw_samples(snapshots, seed)
    wrong = delete_future(tables, X, samples, snapshots[["lead_id", "cutoff"]], build)
    compared = sum(len(s.places) for s in samples)
    if len(wrong):
        raise DataError(
            f"{counted(wrong['feature'].nunique(), 'feature changes', 'features change')} when what became known at or "
            f"after the cutoff is deleted: {differing_words(wrong, compared)}; use rows with known_at < "
            "snapshots.cutoff (history: changed_at), and nothing of other snapshots; see docs/features.md"
        )
    return compared


def counted(n: int, one: str, many: str) -> str:
    """The number in words."""
    return f"{n} {one if n == 1 else many}"


def differing_words(wrong: pd.DataFrame, compared: int) -> str:
    """Which features differ, in how many of the compared rows, with an example of each; the first few by name."""
    said = []
    for name, rows in wrong.groupby("feature", sort=True):
        first = rows.iloc[0]
        full, rebuilt = ("missing" if v is None else v for v in (first["full"], first["rebuilt"]))
        said.append(
            f"{name} in {len(rows)} of {compared} rows (lead {first['lead_id']} at {first['cutoff']}: {full}, and "
            f"{rebuilt} without the future)"
        )
    more = f" and {len(said) - NAMED} more" if len(said) > NAMED else ""
    return "; ".join(said[:NAMED]) + more
