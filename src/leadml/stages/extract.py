"""extract: exports to tables, snapshots with labels, and features."""

import json
from collections.abc import Hashable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from ibis.backends.duckdb import Backend

from leadml.config import ProblemConfig
from leadml.engine import connect
from leadml.errors import ConfigurationError, DataError
from leadml.features.build import build_features, snapshot_table, to_frame
from leadml.features.dictionary import Feature
from leadml.features.spec import FeatureSpec, FeatureTables, build_spec
from leadml.recipe import split_checked
from leadml.schema import TABLES
from leadml.snapshots import LeadTables, build_cohorts, build_conversion_curve, build_snapshots
from leadml.sources.flat import read_flat
from leadml.sources.mapping import Mapping, parse_mapping
from leadml.sources.report import SourceReport
from leadml.sources.tables import read_tables
from leadml.stages.auditing import audit_extract, check_names
from leadml.stages.context import Context
from leadml.stages.settings import mapping_settings, plain, problem_settings, recipe
from leadml.workspace import Publication, Workspace

STAGE = "extract"


def run(context: Context, to_train: bool = True) -> None:
    """Reads the source's exports and publishes data/interim, data/features and data/quarantine together.

    ``to_train`` asks first whether the snapshots are enough to learn from, so that what cannot be trained on is refused
    before anything is written; predict, which only needs the tables, does not ask.
    """
    mapping = parse_mapping(context.config.source)
    with context.manifest.stage(STAGE) as entry:
        spill = context.workspace.hidden / "spill"
        con = connect(context.config.engine, spill)
        if mapping.flat is not None:
            extract_flat(context, mapping, con, entry)
        else:
            extract_tables(context, mapping, con, entry, to_train)


def extract_flat(context: Context, mapping: Mapping, con: Backend, entry: dict[str, Any]) -> None:
    """One table: its rows are the snapshots."""
    with context.progress.phase(STAGE, f"reading {mapping.path}"):
        flat = read_flat(mapping, con.con, labelled=True)
    split_checked(flat.snapshots, recipe(context.config))
    check_names(context, flat.features, asdict(flat.report))
    with context.workspace.publish() as out:
        write_quarantine(out, con, context.workspace)
        write_features(out, context.workspace, flat.snapshots, flat.X, flat.features)
        write_facts(out, context, flat.report, None)
    tell(context, entry, flat.report, flat.snapshots, len(flat.features))
    audit_extract(context, entry)


def extract_tables(context: Context, mapping: Mapping, con: Backend, entry: dict[str, Any], to_train: bool) -> None:
    """Several exports: tables, snapshots on the grid of cutoffs, features of all families."""
    problem, workspace = context.config.problem, context.workspace
    with context.progress.phase(STAGE, f"reading the exports in {mapping.path}"):
        report = read_tables(mapping, problem.conversion.value, con.con)
    data_end = find_data_end(problem, report)
    with context.progress.phase(STAGE, "snapshots and labels"):
        snapshots = build_snapshots(lead_tables(con), problem, data_end)
    frame = snapshots.frame
    matured = frame[frame["label"].notna()].reset_index(drop=True)
    if to_train:
        split_checked(frame, recipe(context.config))
    with context.progress.phase(STAGE, f"features of {len(matured):,} snapshots"):
        tables = feature_tables(con, matured)
        spec = build_spec(tables, context.config.features)
        expression, features = build_features(tables, spec)
        X = to_frame(expression)
    if to_train:
        check_names(context, features, asdict(report))
    cohorts, curve = build_cohorts(frame), conversion_curve(con, data_end)
    with context.workspace.publish() as out, context.progress.phase(STAGE, "writing tables and features"):
        write_tables(out, con, workspace)
        write_quarantine(out, con, workspace)
        folder = write_features(out, workspace, matured, X, features)
        cohorts.to_csv(folder / "cohorts.csv", index=False)
        curve.to_csv(folder / "time_to_conversion.csv", index=False)
        write_facts(out, context, report, spec, data_end)
    entry["left_out"] = snapshots.left_out
    entry["censored"] = int(frame["label"].isna().sum())
    tell(context, entry, report, matured, len(features))
    show_cohorts(context, cohorts, curve, problem)
    if to_train:
        audit_extract(context, entry)


def lead_tables(con: Backend) -> LeadTables:
    """The engine's tables that snapshots are made of."""
    return LeadTables(con.table("leads"), con.table("touchpoints"), con.table("conversions"), con.table("closures"))


def feature_tables(con: Backend, snapshots: pd.DataFrame) -> FeatureTables:
    """The engine's tables that features are made of."""
    names = ("leads", "accounts", "history", "touchpoints", "conversions")
    return FeatureTables(snapshot_table(con, snapshots), *[con.table(n) for n in names])


def find_data_end(problem: ProblemConfig, report: SourceReport) -> datetime:
    """problem.data_end, else what the source found; `ConfigurationError` for one after the source's."""
    found = report.data_end
    if found is None:
        raise DataError("the end of the data could not be found: no row has a time that can be read")
    asked = found if problem.data_end is None else parse_instant("problem.data_end", problem.data_end)
    if asked > found:
        raise ConfigurationError(
            f"problem.data_end={asked} is after the end of the exports ({found}): what happened between is not known"
        )
    return asked


def parse_instant(setting: str, text: str) -> datetime:
    """An ISO date or instant as UTC without zone; `ConfigurationError` for anything else."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ConfigurationError(
            f"{setting}={text} is not a date; write it as 2026-06-30 or 2026-06-30T12:00"
        ) from error
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def conversion_curve(con: Backend, data_end: datetime) -> pd.DataFrame:
    """The time-to-conversion curve of the engine's tables."""
    leads = con.table("leads").select("lead_id", "known_at").to_pandas()
    return build_conversion_curve(leads, con.table("conversions").to_pandas(), data_end)


def write_tables(out: Publication, con: Backend, workspace: Workspace) -> None:
    """Every table of the contract as Parquet, in the order of its key."""
    folder = out.folder(workspace.interim)
    for table in TABLES.values():
        if table.key:
            order = ", ".join(table.key)
            path = str(folder / f"{table.name}.parquet").replace("'", "''")
            con.con.execute(f"COPY (SELECT * FROM {table.name} ORDER BY {order}) TO '{path}' (FORMAT parquet)")
    changes = str(folder / "changes.parquet").replace("'", "''")
    con.con.execute(f"COPY (SELECT * FROM changes ORDER BY ALL) TO '{changes}' (FORMAT parquet)")


def write_quarantine(out: Publication, con: Backend, workspace: Workspace) -> None:
    """The rows that cannot be used, as Parquet: cells of unknown content must not open as formulas in a sheet."""
    path = str(out.folder(workspace.quarantine) / "rows.parquet").replace("'", "''")
    order = 'ORDER BY file, line, rule, "column", value'
    con.con.execute(f"COPY (SELECT * FROM quarantine {order}) TO '{path}' (FORMAT parquet)")


def write_features(
    out: Publication, workspace: Workspace, snapshots: pd.DataFrame, X: pd.DataFrame, features: list[Feature]
) -> Path:
    """snapshots.parquet, features.parquet (row i belongs to row i) and dictionary.json; returns the folder."""
    folder = out.folder(workspace.features)
    snapshots.to_parquet(folder / "snapshots.parquet", index=False)
    X.to_parquet(folder / "features.parquet", index=False)
    entries = [f.to_dict() for f in features]
    (folder / "dictionary.json").write_text(json.dumps(entries, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return folder


def write_facts(
    out: Publication,
    context: Context,
    report: SourceReport,
    spec: FeatureSpec | None,
    data_end: datetime | None = None,
) -> None:
    """extract.json: what later stages and people need to know of this extract."""
    facts = {
        "source": context.config.source.get("name"),
        "problem": problem_settings(context.config),
        "mapping": mapping_settings(context.config),
        "data_end": data_end.isoformat() if data_end else None,
        "spec": spec.to_dict() if spec else None,
        "missing": list(parse_mapping(context.config.source).missing),
        "report": plain(asdict(report)),
    }
    folder = out.path(context.workspace.features)
    (folder / "extract.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def tell(context: Context, entry: dict[str, Any], report: SourceReport, snapshots: pd.DataFrame, features: int) -> None:
    """The manifest's entry, and two lines for people."""
    entry["inputs"] = report.files
    entry["counts"] = report.counts
    entry["left_out_columns"] = report.denied
    entry["handled_columns"] = report.handled
    entry["absent_columns"] = report.absent
    converted = snapshots.loc[snapshots["label"] == 1, "lead_id"].nunique()
    entry["rows"] = {"snapshots": len(snapshots), "features": features, "converting_leads": int(converted)}
    rate = snapshots["label"].mean()
    context.progress.say(
        STAGE,
        f"{len(snapshots):,} snapshots of {snapshots['lead_id'].nunique():,} leads, {converted:,} of which converted "
        f"(rate {rate:.2%}); {features} features; {len(report.denied)} columns left out as leaks or personal",
    )


def show_cohorts(context: Context, cohorts: pd.DataFrame, curve: pd.DataFrame, problem: ProblemConfig) -> None:
    """The cohort table and the share of conversions that the horizon holds, on the terminal."""
    rows = [
        [str(r["month"]), *(f"{r[c]:,}" for c in ("snapshots", "leads", "conversions")), *rates_text(r)]
        for r in cohorts.to_dict(orient="records")
    ]
    heads = ["month", "snapshots", "leads", "conversions", "rate", "not matured"]
    context.progress.table("Cohorts by month of the cutoff", heads, rows)
    inside = curve[curve["days"] <= problem.horizon_days]
    if len(inside) and curve["conversions"].iloc[0]:
        last = inside.iloc[-1]
        context.progress.say(
            STAGE,
            f"{last['share']:.0%} of {int(last['conversions'])} conversions came within {int(last['days'])} days of "
            f"the lead; the horizon is {problem.horizon_days:g} days from each cutoff",
        )


def rates_text(row: dict[Hashable, Any]) -> list[str]:
    """Rate (a dash while nothing has matured) and immature share, in percent."""
    return ["-" if pd.isna(row["rate"]) else f"{row['rate']:.2%}", f"{row['immature_share']:.0%}"]
