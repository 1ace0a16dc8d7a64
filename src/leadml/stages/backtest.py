"""backtest: the recipe retrained at past origins with what was known then, judged on the lists that came."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from leadml.backtest import Judged, Origins, Settings, build_origins, judge_origin, summarise, tabulate
from leadml.config import TuneConfig
from leadml.errors import DataError
from leadml.features.dictionary import Feature
from leadml.report.words import Words
from leadml.segment_choice import check_segments
from leadml.stages.audited import check_left
from leadml.stages.auditing import audit_extracted
from leadml.stages.backtest_tables import show_backtest
from leadml.stages.context import Context
from leadml.stages.origin_store import Inputs, drop_others, read_origin, write_origin
from leadml.stages.settings import check_extracted, plain, recipe
from leadml.stages.stored import Extracted, read_extracted

STAGE = "backtest"


def run(context: Context) -> None:
    """Publishes data/backtest and logs it to MLflow; changes no model. Origins that are finished are not repeated."""
    extracted = read_extracted(context.workspace)
    check_extracted(context.config, extracted.facts)
    check_segments(context.config.train.segments or [], extracted.features)
    config = context.config
    found = build_origins(extracted.snapshots, recipe(config), config.backtest.origins)
    with context.manifest.stage(STAGE) as entry:
        with context.progress.phase(STAGE, f"leak audit of {len(extracted.features)} columns"):
            audited = audit_extracted(context, extracted)
        check_left(context, extracted, audited)
        left_out = len(extracted.features) - len(audited.used)
        judged = judge_all(context, extracted, audited.used, found, entry)
        settings = Settings.of(config.train, config.seed, config.backtest.bottom)
        with context.progress.phase(STAGE, f"figures of {len(judged)} origins and of all together"):
            notes = [*found.notes, *tuning_note(config.train.tune)]
            summary = plain(summarise(judged, settings)) | {"notes": notes, "settings": told(context)}
        entry["inputs"] = extracted.facts["report"]["files"]
        publish(context, judged, summary, entry)
        if not context.sweep:  # its next job may go on from them
            tell_dropped(context, drop_others(context.workspace, entry["origins"].values()), entry)
    if left_out:
        context.progress.say(STAGE, f"{left_out} columns that today's audit leaves out are left out at every origin")
    show_backtest(context, summary)


def judge_all(
    context: Context, extracted: Extracted, features: list[Feature], found: Origins, entry: dict[str, Any]
) -> list[Judged]:
    """Every origin, those that are finished already as they were."""
    config, workspace = recipe(context.config), context.workspace
    inputs = Inputs.of(extracted.snapshots, extracted.X, features, config)
    keys = [inputs.key(origin) for origin in found.origins]
    judged, kept = [], 0
    for number, (origin, key) in enumerate(zip(found.origins, keys, strict=True), start=1):
        one = read_origin(workspace, key, origin)
        kept += one is not None
        if one is None:
            text = f"origin {number} of {len(keys)}: {origin.at:%Y-%m-%d}, judged on {origin.lists} lists"
            with context.progress.phase(STAGE, text):
                made = judge_origin(extracted.snapshots, extracted.X, features, config, origin)
                write_origin(workspace, key, origin, made)
            one = read_origin(workspace, key, origin)  # as the next run will read it: the same bytes come out
            if one is None:
                raise DataError(f"{workspace.origins / key} could not be read back; run leadml backtest again")
        judged.append(one)
    if kept:
        context.progress.say(STAGE, f"{kept} of {len(keys)} origins were finished before and are taken as they are")
    entry["origins"] = {f"{o.at:%Y-%m-%d}": key for o, key in zip(found.origins, keys, strict=True)}
    entry["finished_before"] = kept
    return judged


def tell_dropped(context: Context, dropped: int, entry: dict[str, Any]) -> None:
    """How many finished origins of other data, settings or code were deleted, where any was."""
    entry["dropped"] = dropped
    if dropped:
        context.progress.say(
            STAGE, f"finished origins of earlier data, settings or code, deleted from data/origins: {dropped}"
        )


def tuning_note(tune: TuneConfig) -> list[str]:
    """That the search which train would make is not made here; nothing where none is asked for."""
    if tune.minutes is None and tune.trials is None:
        return []
    return [
        "train.tune is not followed: every origin is judged with the settings of the trees as configured, not with "
        "those that a search at that origin would have found"
    ]


def told(context: Context) -> dict[str, Any]:
    """The settings that one needs to read the figures."""
    config = context.config
    problem = {name: getattr(config.problem, name) for name in ("gap_days", "horizon_days", "booking_delay_days")}
    return (
        problem
        | asdict(config.backtest)
        | {
            "bootstrap": config.train.bootstrap,
            "confidence": config.train.confidence,
            "seed": config.seed,
        }
    )


def publish(context: Context, judged: list[Judged], summary: dict[str, Any], entry: dict[str, Any]) -> None:
    """MLflow first (it may refuse), then data/backtest whole; a sweep's jobs log to MLflow only."""
    config, workspace = context.config, context.workspace
    with workspace.publish() as out:
        folder = write_backtest(out.folder(workspace.backtest), judged, summary, Words(config.reasons.language.value))
        entry["rows"] = {"judged": sum(len(one.test) for one in judged)}
        entry["overall"] = summary["overall"]["scorers"]["model"]
        if config.tracking.enabled:
            with context.progress.phase(STAGE, "logging to MLflow"):
                entry["run_id"] = log(context, summary, folder)
        if context.sweep:
            out.targets.clear()


def write_backtest(folder: Path, judged: list[Judged], summary: dict[str, Any], words: Words) -> Path:
    """backtest.json, figures.parquet, predictions.parquet and the plots."""
    from leadml.report.backtest_plots import plot_backtest

    (folder / "backtest.json").write_text(json.dumps(summary, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    tabulate(summary).to_parquet(folder / "figures.parquet", index=False)
    tests = pd.concat([one.test for one in judged], ignore_index=True)
    tests.to_parquet(folder / "predictions.parquet", index=False)
    for name, svg in plot_backtest(summary, words).items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    return folder


def log(context: Context, summary: dict[str, Any], folder: Path) -> str:
    """A run with parameters, figures over all origins and by origin (step 1 is the first), and the files."""
    from leadml.tracking import BacktestRecord, log_backtest

    config = context.config
    parameters = {
        f"{group}.{name}": value
        for group in ("problem", "model", "train", "features", "backtest")
        for name, value in plain(vars(getattr(config, group))).items()
    }
    overall = summary["overall"]["scorers"]["model"]
    metrics = {
        f"backtest_{name}{suffix}": figure[key]
        for name, figure in overall.items()
        for key, suffix in (("value", ""), ("low", "_low"), ("high", "_high"))
        if figure[key] is not None
    }
    record = BacktestRecord(
        parameters=parameters | {"seed": config.seed},
        metrics=metrics,
        by_origin=[origin_metrics(origin) for origin in summary["origins"]],
        tags={"stage": STAGE, "origins": str(len(summary["origins"]))},
        artifacts=folder,
    )
    return log_backtest(config.tracking, context.workspace, record)


def origin_metrics(origin: dict[str, Any]) -> dict[str, float]:
    """One origin's figures of every scorer, with what was seen and said."""
    judged = origin["judged"]
    found = {f"origin_{name}": float(judged[name]) for name in ("converting_accounts", "rate", "said")}
    for scorer, figures in origin["scorers"].items():
        for name in ("auc", "average_precision", "log_loss", "lift_10", "capture_10"):
            if figures[name]["value"] is not None:
                found[f"origin_{name}_{scorer}"] = figures[name]["value"]
    return found
