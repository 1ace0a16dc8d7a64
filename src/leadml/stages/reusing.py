"""Features built again only where something changed since the last extract: what to read for it, and what to write."""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from ibis.backends.duckdb import Backend

from leadml.errors import DataError
from leadml.features.build import feature_frame, list_features, snapshot_table
from leadml.features.dictionary import Feature
from leadml.features.reuse import Built, describe_conditions, find_same, fingerprint_leads
from leadml.features.spec import FeatureSpec, FeatureTables
from leadml.stages.stored import read_frame, read_json
from leadml.workspace import Publication, Workspace

FINGERPRINTS = "fingerprints.parquet"


def read_built(workspace: Workspace) -> Built | None:
    """What the last extract left, None where it left nothing that can be used: everything is built then."""
    folder = workspace.features
    try:
        facts = read_json(folder / "extract.json", "leadml extract")["built"]
        keys, X, prints = (
            read_frame(folder / n, "leadml extract") for n in ("snapshots.parquet", "features.parquet", FINGERPRINTS)
        )
    except (DataError, KeyError):
        return None
    return None if facts is None else Built(keys, X, prints, datetime.fromisoformat(facts["end"]), facts["conditions"])


def build_again(
    con: Backend, tables: FeatureTables, snapshots: pd.DataFrame, spec: FeatureSpec, built: Built | None
) -> tuple[pd.DataFrame, list[Feature], np.ndarray]:
    """The features of all snapshots, their dictionary, and which rows were taken from ``built`` (n,).

    Features of the user's own may look at anything, so with them nothing is taken.
    """
    if built is None or spec.own:
        return *feature_frame(con, tables, spec), np.zeros(len(snapshots), dtype=bool)
    prints = fingerprint_leads(con, tables, built.end)
    place = find_same(built, snapshots, prints, describe_conditions(con, tables, spec, built.end))
    fresh = np.flatnonzero(place < 0)
    if not len(fresh):
        return built.X.iloc[place].reset_index(drop=True), [d.feature for d in list_features(spec)], place >= 0
    keys = snapshot_table(con, snapshots.iloc[fresh])
    X, features = feature_frame(con, tables.with_snapshots(keys), spec)
    if len(fresh) == len(place):
        return X, features, place >= 0
    order = len(fresh) + place
    order[fresh] = np.arange(len(fresh))
    return pd.concat([X, built.X], ignore_index=True).iloc[order].reset_index(drop=True), features, place >= 0


def write_built(
    out: Publication, workspace: Workspace, con: Backend, tables: FeatureTables, spec: FeatureSpec, end: datetime
) -> dict[str, Any] | None:
    """Writes the fingerprints beside the features; returns what extract.json has to say of them."""
    if spec.own:
        return None
    fingerprint_leads(con, tables, end).to_parquet(out.path(workspace.features) / FINGERPRINTS, index=False)
    return {"end": end.isoformat(), "conditions": describe_conditions(con, tables, spec, end)}
