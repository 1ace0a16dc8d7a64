"""The population scored once, for explain and predict alike: one probability, computed in one place."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ibis.backends.duckdb import Backend

from leadml.config import Config, Only
from leadml.engine import connect
from leadml.errors import ArtifactError, ConfigurationError, DataError
from leadml.features.build import feature_frame
from leadml.features.own import with_own_files
from leadml.features.reuse import fingerprint_leads
from leadml.features.spec import FeatureSpec
from leadml.problem import parse_instant
from leadml.reasons import Reasons, ReasonsStyle
from leadml.schema import TABLES
from leadml.scorer import LeadScorer
from leadml.snapshots import build_population
from leadml.sources.files import digests
from leadml.sources.flat import read_flat
from leadml.sources.mapping import Mapping, parse_mapping
from leadml.stages import extract
from leadml.stages.context import Context
from leadml.stages.settings import mapping_settings, model_problem
from leadml.stages.stored import read_frame, read_json, registry_entry
from leadml.stages.units import use_unit
from leadml.workspace import Workspace

LAST = "archive/fingerprints.parquet"  # of the leads' rows when predict last ran, under data/


@dataclass(frozen=True)
class Scored:
    """Everything about one scored population; rows of all parts belong together by position.

    ``keys`` has lead_id, account_id, cutoff; ``X`` the prepared features; ``points`` (n, k) with ``base`` points;
    ``frame`` probability, score, grade, fit, intent, reasons (as text; ``reasons`` holds them one by one). ``forced``
    is the stamp, "" where no gate was overruled; ``reading`` what was read: files with digests, and rows lost.
    ``fingerprints`` of all leads' rows known before the cutoff, None for tables without times.
    """

    scorer: LeadScorer
    keys: pd.DataFrame
    X: pd.DataFrame
    base: float
    points: np.ndarray
    frame: pd.DataFrame
    reasons: Reasons
    cutoff: datetime | None
    forced: str
    reading: dict[str, Any]
    fingerprints: pd.DataFrame | None = None


def reasons_style(config: Config) -> ReasonsStyle:
    """Language and number of reasons."""
    return ReasonsStyle(config.reasons.language.value, config.reasons.most_for, config.reasons.most_against)


def score_population(context: Context, only: Only = Only.all) -> Scored:
    """Scores every open lead at the cutoff (or every row of a flat table) with the model in charge.

    With ``Only.changed`` only the leads of which something changed since predict last ran; there may be none.

    Raises:
        ConfigurationError: only what changed, of a source of one table.
        ArtifactError: no model, no decision, or a model that does not fit the source or the user's own features.
        DataError: no exports, a cutoff outside the data, or nobody to score.
    """
    if context.scored is not None and only is Only.all:
        return context.scored
    mapping = parse_mapping(context.config.source)
    if mapping.flat is not None and only is Only.changed:
        raise ConfigurationError(
            "predict.only=changed needs dated tables: in a table of its own nobody can tell what is new; leave it at "
            "all"
        )
    scorer, forced = load_scorer(context)
    check_source(scorer, mapping, context.workspace)
    con = connect(context.config.engine, context.workspace.hidden / "spill")
    if mapping.flat is not None:
        flat = read_flat(mapping, con.con, labelled=False)
        keys, raw, cutoff = flat.snapshots, flat.X, None
        trained_id = scorer.about.get("lead_id")
        if mapping.flat.lead_id is None and trained_id in raw.columns:
            keys = keys.assign(lead_id=raw[trained_id].fillna(keys["lead_id"]))
        reading = {"inputs": flat.report.files, "counts": flat.report.counts}
        tell_lost(context, flat.report.counts["files"])
        fingerprints = None
    else:
        spec = with_own_files(FeatureSpec.from_dict(scorer.about["spec"]), context.config.features)
        refresh(context, mapping)
        cutoff = find_cutoff(context.config, context.workspace)
        keys, raw, fingerprints = build_open_leads(context, con, scorer, spec, cutoff, only)
        reading = {"inputs": read_tables_facts(context.workspace)["report"]["files"]}
    if keys.empty and only is Only.all:
        raise DataError(f"no lead is open at the cutoff {cutoff}; check problem.active_days and predict.cutoff")
    if keys.empty:
        nothing = np.empty((0, len(scorer.encoder.features)))
        none = scorer.reasons(raw, nothing)
        return Scored(scorer, keys, raw, 0.0, nothing, pd.DataFrame(), none, cutoff, forced, reading, fingerprints)
    X = scorer.prepare(raw)
    base, points = scorer.points(X)
    reasons = scorer.reasons(X, points, reasons_style(context.config))
    frame = scorer.score_prepared(X, points, reasons)
    keys = keys[["lead_id", "account_id", "cutoff"]].reset_index(drop=True)
    scored = Scored(scorer, keys, X, base, points, frame, reasons, cutoff, forced, reading, fingerprints)
    if only is Only.all:
        context.scored = scored
    return scored


def tell_lost(context: Context, files: list[dict[str, Any]]) -> None:
    """Says which rows of a table could not be read, by rule; they are in no output."""
    for file in files:
        if file["quarantined"]:
            rules = ", ".join(f"{n} {rule}" for rule, n in sorted(file["quarantined"].items()))
            lost = sum(file["quarantined"].values())
            context.progress.say("predict", f"{lost} of {file['rows']} rows of {file['path']} cannot be read: {rules}")


def load_scorer(context: Context) -> tuple[LeadScorer, str]:
    """The champion; with run.force the challenger whose gate said no, and the stamp that says so."""
    models = context.workspace.models
    if context.config.run.force and (models / "challenger").is_dir():
        challenger = LeadScorer.load(models / "challenger")
        verdict = challenger.about["verdict"]["name"]
        if verdict not in ("deploy", "use points"):
            return with_decision(challenger, models / "challenger"), f"forced against the verdict '{verdict}'"
    if not (models / "champion").is_dir():
        refused = (models / "challenger").is_dir()
        what = "the challenger's verdict did not allow it" if refused else "run leadml run first"
        raise ArtifactError(f"no champion in {models}: {what}; run.force=true scores with a challenger and says so")
    champion = with_decision(LeadScorer.load(models / "champion"), models / "champion")
    noted = (models / "champion" / "registry.json").exists()
    return champion, str(registry_entry(models / "champion").get("forced", "")) if noted else ""


def with_decision(scorer: LeadScorer, folder: Path) -> LeadScorer:
    """The scorer, or `ArtifactError` where the threshold was never chosen."""
    if scorer.decision is None:
        raise ArtifactError(f"{folder} has no decision.json (threshold and grades); run leadml calibrate")
    return scorer


def check_source(scorer: LeadScorer, mapping: Mapping, workspace: Workspace) -> None:
    """Raise `ArtifactError` where the model was trained for another source."""
    if scorer.about["source"] != mapping.name:
        raise ArtifactError(
            f"the model in {workspace.models} was trained for source={scorer.about['source']}, not "
            f"{mapping.name}; use another workspace (paths.root=DIR) or train.promote=always with leadml run"
        )


def refresh(context: Context, mapping: Mapping) -> None:
    """Reads the exports again where they are not those that the tables were made of."""
    there = (context.workspace.interim / extract.TABLES_FACTS).exists()
    settings = mapping_settings(context.config)
    if not there or exports_changed(mapping, settings, read_tables_facts(context.workspace)):
        context.progress.say(extract.STAGE, "the exports changed since they were read: reading them first")
        extract.refresh(context, mapping)


def read_tables_facts(workspace: Workspace) -> dict[str, Any]:
    """What the tables were made of; `DataError` where there are none."""
    facts: dict[str, Any] = read_json(workspace.interim / extract.TABLES_FACTS, "leadml extract")
    return facts


def exports_changed(mapping: Mapping, settings: dict[str, Any], facts: dict[str, Any]) -> bool:
    """Whether the files that the mapping finds now, their bytes, or the mapping itself are not those of the extract."""
    if facts["source"] != mapping.name or facts.get("mapping") != settings:
        return True
    known = {entry["path"]: entry["sha256"] for entry in facts["report"]["files"]}
    # A database behind a URI has no digest: only reading tells whether it changed.
    here = digests(mapping.path, mapping.files)
    return here != known or "" in here.values()


def find_cutoff(config: Config, workspace: Workspace) -> datetime:
    """predict.cutoff, else the end of the data.

    Raises:
        ConfigurationError, DataError: not a date, or outside the data.
    """
    facts = read_tables_facts(workspace)
    data_end = datetime.fromisoformat(facts["data_end"])
    if config.predict.cutoff is None:
        return data_end
    cutoff = parse_instant("predict.cutoff", config.predict.cutoff)
    if cutoff > data_end:
        raise DataError(f"predict.cutoff={cutoff} is after the end of the data ({data_end}); bring newer exports")
    return cutoff


def open_tables(con: Backend, workspace: Workspace) -> None:
    """The published tables as tables of the engine.

    Raises:
        DataError: extract has not run here.
    """
    for table in TABLES.values():
        if table.key:
            path = workspace.interim / f"{table.name}.parquet"
            if not path.exists():
                raise DataError(f"{path} is missing; run leadml extract first")
            quoted = str(path).replace("'", "''")
            con.con.execute(f"CREATE OR REPLACE TEMP VIEW {table.name} AS SELECT * FROM read_parquet('{quoted}')")


def build_open_leads(
    context: Context, con: Backend, scorer: LeadScorer, spec: FeatureSpec, cutoff: datetime, only: Only
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Snapshots and features of every open lead (or only of what changed), and the fingerprints of all leads.

    With features of the user's own, which may look at anything, everything counts as changed.
    """
    open_tables(con, context.workspace)
    problem = model_problem(scorer.about["problem"])
    use_unit(con, problem)
    first = con.table("leads").known_at.min().execute()
    if pd.isna(first) or cutoff <= first:
        raise DataError(f"the cutoff {cutoff} is before the first lead was known ({first}); choose a later one")
    # The model's own problem: who is on the list is part of what its probabilities mean.
    population = build_population(extract.lead_tables(con), problem, cutoff)
    tables = extract.feature_tables(con, population)
    fingerprints = fingerprint_leads(con, tables, cutoff)
    if only is Only.changed and not spec.own:
        population = keep_changed(population, fingerprints, context.workspace)
        tables = extract.feature_tables(con, population)
    return population, feature_frame(con, tables, spec)[0], fingerprints


def keep_changed(population: pd.DataFrame, now: pd.DataFrame, workspace: Workspace) -> pd.DataFrame:
    """The leads of which something became known, or was corrected, since predict last ran; all where it never did."""
    path = workspace.data / LAST
    if not path.exists():
        return population
    both = now.merge(read_frame(path, "leadml predict"), on="lead_id", how="left", suffixes=("", "_last"))
    changed = both.loc[both["fingerprint"] != both["fingerprint_last"], "lead_id"]
    return population[population["lead_id"].isin(changed)].reset_index(drop=True)
