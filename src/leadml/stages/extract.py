"""extract: exports to tables, snapshots with labels, and features."""

import json
from collections.abc import Hashable
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from ibis.backends.duckdb import Backend

from leadml.audit.deleting import check_future
from leadml.engine import connect
from leadml.errors import ConfigurationError, DataError
from leadml.features.audit_only import audit_values
from leadml.features.build import snapshot_table
from leadml.features.dictionary import Feature
from leadml.features.own import define_own, own_frame, refuse_own
from leadml.features.spec import FeatureSpec, FeatureTables, build_spec
from leadml.problem import ProblemConfig, parse_instant
from leadml.schema import TABLES
from leadml.snapshots import (
    LeadTables,
    build_cohorts,
    build_conversion_curve,
    build_population,
    build_snapshots,
    check_history,
)
from leadml.sources.audit_columns import audit_names, with_audit_columns
from leadml.sources.flat import read_flat
from leadml.sources.mapping import Mapping, parse_mapping
from leadml.sources.report import SourceReport
from leadml.sources.tables import read_tables
from leadml.stages.auditing import audit_extract, check_names
from leadml.stages.context import Context
from leadml.stages.facts import Facts, write_facts
from leadml.stages.lacking import lacking_rows, lacking_tables, tell_lacking
from leadml.stages.reusing import build_again, read_built, write_built
from leadml.stages.sensitive import tell_not_kept, tell_sensitive, without_sensitive, write_audited
from leadml.stages.settings import mapping_settings, plain
from leadml.stages.stored import OPEN_LEADS
from leadml.stages.units import unit_table, use_unit
from leadml.workspace import Publication, Workspace

STAGE = "extract"
TABLES_FACTS = "tables.json"
KEYS = ["lead_id", "account_id", "cutoff"]


def run(context: Context) -> None:
    """Reads the source's exports and publishes data/interim, data/features and data/quarantine together.

    Asks first whether the snapshots are enough to learn from: what cannot be trained on is refused before anything is
    written.
    """
    mapping = parse_mapping(context.config.source)
    with context.manifest.stage(STAGE) as entry:
        spill = context.workspace.hidden / "spill"
        con = connect(context.config.engine, spill)
        if mapping.flat is not None:
            extract_flat(context, mapping, con, entry)
        else:
            extract_tables(context, mapping, con, entry)


def extract_flat(context: Context, mapping: Mapping, con: Backend, entry: dict[str, Any]) -> None:
    """One table: its rows are the snapshots."""
    refuse_own(context.config.features)
    with context.progress.phase(STAGE, f"reading {mapping.path}"):
        flat = read_flat(mapping, con.con, labelled=True, audit=tuple(context.config.fairness.columns))
    found = lacking_rows(context, flat.snapshots)
    tell_lacking(context, STAGE, entry, found)
    check_names(context, flat.features, asdict(flat.report))
    with context.workspace.publish() as out:
        write_quarantine(out, con, context.workspace)
        write_features(out, context.workspace, flat.snapshots, flat.X, flat.features)
        write_audited(out, context, flat.audited)
        write_facts(out, context, Facts(flat.report, found))
    tell_sensitive(context, entry, flat.report, [f.name for f in flat.features])
    tell(context, entry, flat.report, flat.snapshots, len(flat.features))
    audit_extract(context, entry)


def refresh(context: Context, mapping: Mapping) -> None:
    """Reads the exports and publishes data/interim and data/quarantine: what predict needs, without training features.

    data/features stays as the last extract left it.
    """
    with context.manifest.stage(STAGE) as entry:
        con = connect(context.config.engine, context.workspace.hidden / "spill")
        with context.progress.phase(STAGE, f"reading the exports in {mapping.path}"):
            report = read_tables(mapping, context.config.problem.conversion.value, con.con)
        data_end = find_data_end(context.config.problem, report)
        with context.workspace.publish() as out, context.progress.phase(STAGE, "writing tables"):
            write_tables(out, con, context, report, data_end)
            write_quarantine(out, con, context.workspace)
        entry["inputs"], entry["counts"] = report.files, report.counts


def extract_tables(context: Context, mapping: Mapping, con: Backend, entry: dict[str, Any]) -> None:
    """Several exports: tables, snapshots on the grid of cutoffs, features of all families."""
    problem, workspace = context.config.problem, context.workspace
    own = define_own(context.config.features)
    with context.progress.phase(STAGE, f"reading the exports in {mapping.path}"):
        audit = context.config.fairness.columns
        report = read_tables(with_audit_columns(mapping, audit), problem.conversion.value, con.con)
    data_end = find_data_end(problem, report)
    use_unit(con, problem)
    check_data_span(con, problem, data_end)
    with context.progress.phase(STAGE, "snapshots and labels"):
        snapshots = build_snapshots(lead_tables(con), problem, data_end)
    frame = snapshots.frame
    matured = frame[frame["label"].notna()].reset_index(drop=True)
    found = lacking_tables(context, con, frame, data_end)
    tell_lacking(context, STAGE, entry, found)
    with context.progress.phase(STAGE, f"features of {len(matured):,} snapshots and of the open leads"):
        tables = feature_tables(con, matured)
        whole = replace(build_spec(tables, context.config.features), own=own, currency=mapping.currency)
        spec = without_sensitive(context, mapping, whole, report)
        audited = audit_values(tables, audit_names(mapping, audit), whole) if audit else None
        open_leads = build_population(lead_tables(con), problem, data_end)
        X, X_open, features, reused = build_together(context, con, tables, spec, matured, open_leads)
    if own:
        tables = tables.with_snapshots(snapshot_table(con, matured))  # without the open leads
        compared = check_future(tables, X, matured, partial(own_frame, spec=spec, con=con), context.config.seed)
        told = f"{len(own)} features, {compared:,} snapshots, all the same"
        context.progress.say(STAGE, f"features of your own built again without what came later: {told}")
    check_names(context, features, asdict(report))
    cohorts, curve = build_cohorts(frame), conversion_curve(con, problem, data_end)
    with context.workspace.publish() as out, context.progress.phase(STAGE, "writing tables and features"):
        write_tables(out, con, context, report, data_end)
        write_quarantine(out, con, workspace)
        folder = write_features(out, workspace, matured, X, features)
        X_open.to_parquet(folder / OPEN_LEADS, index=False)
        write_audited(out, context, audited)
        cohorts.to_csv(folder / "cohorts.csv", index=False)
        curve.to_csv(folder / "time_to_conversion.csv", index=False)
        again = write_built(out, workspace, con, tables, spec, data_end)
        write_facts(out, context, Facts(report, found, spec, data_end, again))
    entry["reused"] = reused
    if reused:
        context.progress.say(
            STAGE, f"{reused:,} snapshots have the features of the last extract: nothing changed for them"
        )
    entry["own"] = {o.feature.name: {"file": o.file, "sha256": o.sha256} for o in own}
    entry["left_out"] = snapshots.left_out
    entry["censored"] = int(frame["label"].isna().sum())
    tell_sensitive(context, entry, report, [f.name for f in features])
    tell_not_kept(context, mapping, report)
    tell(context, entry, report, matured, len(features))
    show_cohorts(context, cohorts, curve, problem)
    audit_extract(context, entry)


def lead_tables(con: Backend) -> LeadTables:
    """The engine's tables that snapshots are made of."""
    return LeadTables(*[unit_table(con, n) for n in ("leads", "touchpoints", "conversions", "closures")])


def feature_tables(con: Backend, snapshots: pd.DataFrame) -> FeatureTables:
    """The engine's tables that features are made of."""
    names = ("leads", "accounts", "history", "touchpoints", "conversions", "closures")
    return FeatureTables(snapshot_table(con, snapshots), *[unit_table(con, n) for n in names])


def build_together(
    context: Context,
    con: Backend,
    tables: FeatureTables,
    spec: FeatureSpec,
    matured: pd.DataFrame,
    open_leads: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame, list[Feature], int]:
    """Features of the snapshots and of the open leads, their dictionary, and how many snapshots the last extract had.

    In one go: no row depends on the others, and a query takes seconds even for few.
    """
    keys = pd.concat([matured[KEYS], open_leads[KEYS]], ignore_index=True)
    built = read_built(context.workspace) if context.config.features.reuse else None
    X, features, reused = build_again(con, tables.with_snapshots(snapshot_table(con, keys)), keys, spec, built)
    n = len(matured)
    return X.iloc[:n], X.iloc[n:].reset_index(drop=True), features, int(reused[:n].sum())


def check_data_span(con: Backend, problem: ProblemConfig, data_end: datetime) -> None:
    """Raise `DataError` where the horizon is longer than the data allow (see `check_history`)."""
    first = con.table("leads").known_at.min().execute()
    if not pd.isna(first) and first >= data_end:
        raise DataError(
            f"no lead was known before the end of the data ({data_end}): the first came at {first}; "
            "set problem.data_end later"
        )
    if not pd.isna(first):
        check_history(problem, pd.Timestamp(first).to_pydatetime(), data_end)


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


def conversion_curve(con: Backend, problem: ProblemConfig, data_end: datetime) -> pd.DataFrame:
    """The time-to-conversion curve of the engine's tables."""
    leads = unit_table(con, "leads").select("lead_id", "known_at").to_pandas()
    return build_conversion_curve(leads, unit_table(con, "conversions").to_pandas(), data_end, problem.horizon_days)


def write_tables(out: Publication, con: Backend, context: Context, report: SourceReport, data_end: datetime) -> None:
    """Every table of the contract as Parquet, in the order of its key; tables.json tells what they were made of."""
    folder = out.folder(context.workspace.interim)
    for table in TABLES.values():
        if table.key:
            order = ", ".join(table.key)
            path = str(folder / f"{table.name}.parquet").replace("'", "''")
            con.con.execute(f"COPY (SELECT * FROM {table.name} ORDER BY {order}) TO '{path}' (FORMAT parquet)")
    changes = str(folder / "changes.parquet").replace("'", "''")
    con.con.execute(f"COPY (SELECT * FROM changes ORDER BY ALL) TO '{changes}' (FORMAT parquet)")
    facts = {
        "source": context.config.source.get("name"),
        "mapping": mapping_settings(context.config),
        "data_end": data_end.isoformat(),
        "report": plain(asdict(report)),
    }
    (folder / TABLES_FACTS).write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


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
    """The cohort table and the time-to-conversion curve, on the terminal."""
    rows = [
        [str(r["month"]), f"{r['snapshots']:,}", f"{r['leads']:,}", *rates_text(r)]
        for r in cohorts.to_dict(orient="records")
    ]
    heads = ["month", "snapshots", f"{problem.unit.value}s", "of them convert", "rate", "not matured"]
    context.progress.table("Cohorts by month of the cutoff", heads, rows)
    count, longest = int(curve["conversions"].iloc[0]), curve["days"].iloc[-1]
    if not count:
        return
    held = curve.loc[curve["horizon"], "share"]
    rows = [
        [f"{r['days']:g}", f"{r['share']:.0%}", "the horizon" if r["horizon"] else ""]
        for r in curve.to_dict(orient="records")
    ]
    title = f"Days from the {problem.unit.value} to its conversion ({count} conversions within {longest:g} days)"
    context.progress.table(title, ["within days", "conversions", ""], rows)
    told = (
        f"holds {held.iloc[0]:.0%} of what converts within {longest:g} days of the {problem.unit.value}"
        if len(held)
        else f"is longer than the {longest:g} days for which enough {problem.unit.value}s could be watched"
    )
    context.progress.say(STAGE, f"the horizon of {problem.horizon_days:g} days {told}; it counts from each cutoff")


def rates_text(row: dict[Hashable, Any]) -> list[str]:
    """How many converted and their rate (dashes while nothing has matured), and the immature share."""
    matured = not pd.isna(row["rate"])
    found = [f"{row['conversions']:,}", f"{row['rate']:.2%}"] if matured else ["-", "-"]
    return [*found, f"{row['immature_share']:.0%}"]
