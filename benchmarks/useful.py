"""What the features are worth out of time, with the same learner throughout; prints tables, half an hour or more.

    python benchmarks/useful.py [workspace of an extract; a simulated company of 20,000 leads unless said]

Three origins: the newest twelve matured weekly lists, the twelve before them, and the twelve before those; each is
judged by what could be learnt before its first list. One LightGBM: trees by early stopping on the newest fifth of the
training rows, then grown again on all of them. Differences are paired: the same draws of accounts for both.

Where LEADML_FEATURETOOLS names a Python that has Featuretools (it needs an older pandas than leadml), its defaults are
compared as well, on the weekly lists alone: it builds one cutoff after another, and leads' ages are thousands.
"""

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

from leadml.bootstrap import draw_weights
from leadml.encoding import fit_encoder
from leadml.features.dictionary import Feature, Kind
from leadml.stages.stored import Extracted, read_extracted
from leadml.workspace import Workspace

ORIGINS, LISTS, EVERY = 3, 12, 4
DRAWS = 200
PARAMETERS = {
    "objective": "binary", "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 100, "feature_fraction": 0.5,
    "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 10.0, "cat_smooth": 50, "max_cat_to_onehot": 2, "seed": 1,
    "deterministic": True, "verbose": -1, "num_threads": 2,
}  # fmt: skip
# What belongs together; the first pattern that a name matches decides.
GROUPS = {
    "content of pages": r"content_|colleague_(pricing|demo|docs)|pages_",
    "answers and replies": r"answer|answered|reply_|email_answered",
    "recency": r"days_since_|recency_",
    "decayed intensity": r"intensity_",
    "momentum": r"momentum_",
    "gaps and bursts": r"gap_days|burstiness",
    "hours and weekdays": r"(office|evening|weekend)_share|created_",
    "season": r"season_",
    "mix of channels": r"share_|channels_|channel_entropy",
    "first and last channel": r"(first|last)_channel|channel_path",
    "colleagues": r"colleague",
    "the company's past": r"account_(conversions|amount|lost)",
    "days of activity": r"active_days_",
    "counts": r".*_\d+d$",
    "pipeline stage": r"pipeline_stage|days_in_stage",
    "sales' first touch": r"hours_to_first",
    "who they are": r".*",
}


FEATURETOOLS = """
import sys, pandas as pd, featuretools as ft
folder = sys.argv[1]
leads = pd.read_parquet(folder + "/leads.parquet").drop(columns=["known_at", "account_id"])
touches = pd.read_parquet(folder + "/touchpoints.parquet").drop(columns=["account_id", "occurred_at"])
rows = pd.read_parquet(sys.argv[2])
touches = touches[touches["lead_id"].notna()]
text = {c: "Categorical" for c in leads.columns if leads[c].dtype == "object" and c != "lead_id"}
es = ft.EntitySet("leads")
es.add_dataframe(dataframe_name="leads", dataframe=leads, index="lead_id", time_index="created_at", logical_types=text)
es.add_dataframe(dataframe_name="touchpoints", dataframe=touches, index="touchpoint_id", time_index="known_at",
    logical_types={c: "Categorical" for c in ("channel", "kind", "initiator", "content")})
es.add_relationship("leads", "lead_id", "touchpoints", "lead_id")
times = rows.rename(columns={"cutoff": "time"})
matrix, _ = ft.dfs(entityset=es, target_dataframe_name="leads", cutoff_time=times, include_cutoff_time=False,
    cutoff_time_in_index=True)
matrix = matrix.astype({c: "object" for c in matrix.columns if isinstance(matrix[c].dtype, pd.CategoricalDtype)})
matrix = matrix.astype({c: "float64" for c in matrix.columns if matrix[c].dtype != "object"}).add_prefix("ft ")
matrix.rename_axis(["lead_id", "cutoff"]).reset_index().to_parquet(sys.argv[3])
"""


def group_of(name: str) -> str:
    """The group of a feature."""
    return next(g for g, pattern in GROUPS.items() if re.match(pattern, name))


def sets_of(features: list[Feature]) -> dict[str, list[Feature]]:
    """Everything, plain counts (who they are and counts by kind and window), and everything less one group."""
    plain = [f for f in features if group_of(f.name) in ("who they are", "counts") or f.name == "pipeline_stage"]
    found = {"all": features, "plain counts": plain}
    for group in GROUPS:
        kept = [f for f in features if group_of(f.name) != group]
        if len(kept) < len(features):
            found[f"without {group}"] = kept
    return found


def with_featuretools(extracted: Extracted, python: str, tables: Path) -> tuple[Extracted, dict[str, list[Feature]]]:
    """The weekly snapshots with Featuretools' defaults beside ours, and the sets to compare."""
    used = np.unique(np.concatenate([np.concatenate(split_at(extracted, o, True)) for o in range(ORIGINS)]))
    with tempfile.TemporaryDirectory(prefix="leadml-bench-") as name:
        rows, target = f"{name}/rows.parquet", f"{name}/made.parquet"
        keys = extracted.snapshots.iloc[used][["lead_id", "cutoff"]].reset_index(drop=True)
        keys.to_parquet(rows)
        words = [python, "-W", "ignore", "-c", FEATURETOOLS, str(tables), rows, target]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        made = keys.merge(pd.read_parquet(target), on=["lead_id", "cutoff"], how="left", validate="one_to_one")
    made = made.drop(columns=["lead_id", "cutoff"]).set_index(extracted.X.index[used])
    kinds = {c: Kind.NUMBER if made[c].dtype.kind == "f" else Kind.CATEGORY for c in made.columns}
    theirs = [Feature(c, "behaviour", kind, "", None, c, c) for c, kind in kinds.items()]
    both = replace(extracted, X=extracted.X.join(made), features=[*extracted.features, *theirs])
    sets = {k: v for k, v in sets_of(extracted.features).items() if k in ("all", "plain counts")}
    return both, sets | {f"Featuretools' defaults ({len(theirs)})": theirs}


def split_at(extracted: Extracted, origin: int, weekly_only: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers to learn from and to judge on."""
    snapshots, days = extracted.snapshots, extracted.facts["problem"]
    weekly = np.sort(snapshots.loc[snapshots["grid"] == "weekly", "cutoff"].unique())
    last = len(weekly) - origin * LISTS
    lists = weekly[last - LISTS : last]
    ends = snapshots["cutoff"] + pd.Timedelta(days=days["gap_days"] + days["horizon_days"])
    thin = snapshots["cutoff"].isin(weekly[last - LISTS - 1 :: -EVERY]) & (snapshots["grid"] == "weekly")
    thin |= (snapshots["grid"] == "age") & (not weekly_only)
    train = np.flatnonzero(thin & (ends <= pd.Timestamp(lists[0])))
    test = np.flatnonzero((snapshots["grid"] == "weekly") & snapshots["cutoff"].isin(lists))
    return train, test


def predict(extracted: Extracted, features: list[Feature], train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Probabilities of the test rows."""
    label = extracted.snapshots["label"].to_numpy()
    encoder = fit_encoder(extracted.X.iloc[train], features, 50, 30)
    matrix = encoder.encode(extracted.X.iloc[train])
    order = np.argsort(extracted.snapshots["cutoff"].to_numpy()[train], kind="stable")
    old, new = np.split(order, [len(order) * 4 // 5])
    data = lgb.Dataset(matrix[old], label[train][old], categorical_feature=encoder.categorical, free_raw_data=False)
    held = data.create_valid(matrix[new], label[train][new])
    stopped = lgb.train(PARAMETERS, data, 600, [held], callbacks=[lgb.early_stopping(40, verbose=False)])
    every = lgb.Dataset(matrix, label[train], categorical_feature=encoder.categorical)
    booster = lgb.train(PARAMETERS, every, max(stopped.best_iteration, 5))
    return np.asarray(booster.predict(encoder.encode(extracted.X.iloc[test])))


def weighted_auc(label: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    """Area under the curve with weights; ties count half."""
    order = np.argsort(score, kind="stable")
    label, weight = label[order], weight[order]
    _, place = np.unique(score[order], return_inverse=True)
    negative = np.bincount(place, weight * (1 - label))
    below = np.cumsum(negative) - negative / 2
    positive = np.bincount(place, weight * label)
    return float((positive * below).sum() / (positive.sum() * negative.sum()))


def compare(extracted: Extracted, sets: dict[str, list[Feature]], weekly_only: bool = False) -> dict[str, np.ndarray]:
    """Each set's (origins, draws + 1, 2) figures, AUC and log loss; the first draw is the data themselves."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in sets}
    for origin in range(ORIGINS):
        train, test = split_at(extracted, origin, weekly_only)
        label = extracted.snapshots["label"].to_numpy()[test]
        account, _ = pd.factorize(extracted.snapshots["account_id"].iloc[test])
        draws = np.concatenate([np.ones((account.max() + 1, 1)), *draw_weights(account.max() + 1, DRAWS, 1)], axis=1)
        leads = extracted.snapshots["lead_id"].iloc[test][label == 1].nunique()
        print(f"origin {origin}: {len(train):,} rows to learn from, {len(test):,} judged, {leads} converting leads",
              file=sys.stderr, flush=True)  # fmt: skip
        for name, features in sets.items():
            p = predict(extracted, features, train, test)
            loss = -np.where(label == 1, np.log(p), np.log1p(-p))
            figures = [
                (weighted_auc(label, p, w[account]), float(np.average(loss, weights=w[account]))) for w in draws.T
            ]
            found[name].append(np.array(figures))
    return {name: np.stack(parts) for name, parts in found.items()}


def print_tables(found: dict[str, np.ndarray]) -> None:
    """Figures of the sets, and what each group adds: all less the set without it, averaged over the origins."""
    print("| features | AUC | log loss | all better by: AUC | log loss |\n| --- | ---: | ---: | ---: | ---: |")
    whole = found["all"]
    for name, figures in found.items():
        mean = figures[:, 0].mean(axis=0)
        gain = (whole - figures).mean(axis=0) * np.array([1, -1])
        low, high = np.percentile(gain[1:], [5, 95], axis=0)
        told = [f"{gain[0, i]:+.4f} [{low[i]:+.4f}, {high[i]:+.4f}]" if name != "all" else "" for i in (0, 1)]
        print(f"| {name} | {mean[0]:.4f} | {mean[1]:.5f} | {told[0]} | {told[1]} |")


def print_all(workspace: Workspace) -> None:
    """The groups of the features, and Featuretools where it is there."""
    extracted, python = read_extracted(workspace), os.environ.get("LEADML_FEATURETOOLS")
    print_tables(compare(extracted, sets_of(extracted.features)))
    if python:
        both, sets = with_featuretools(extracted, python, workspace.interim)
        print("\nOn the weekly lists alone:\n")
        print_tables(compare(both, sets, weekly_only=True))


def main() -> None:
    """Measures and prints, in a process whose threads wait without spinning (LightGBM reads this when it is loaded)."""
    if os.environ.get("OMP_WAIT_POLICY") != "PASSIVE":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"OMP_WAIT_POLICY": "PASSIVE"})
    if len(sys.argv) > 1:
        return print_all(Workspace(sys.argv[1]))
    with tempfile.TemporaryDirectory(prefix="leadml-bench-") as name:
        for stage in ("simulate", "extract"):
            command = [sys.executable, "-m", "leadml", stage, f"paths.root={name}"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        print_all(Workspace(Path(name)))


if __name__ == "__main__":
    main()
