"""Feature rows built a second time: without the future, from an earlier export, or at a cutoff that was scored."""

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ibis.backends.duckdb import Backend

from leadml.audit import Evidence, compare_values, differing_evidence
from leadml.audit.writing import is_another
from leadml.engine import connect
from leadml.errors import ConfigurationError, DataError, LeadmlError
from leadml.features.build import feature_frame
from leadml.features.dictionary import Feature
from leadml.features.own import with_own_files, with_same_files
from leadml.features.spec import FeatureSpec
from leadml.features.values import clean_values
from leadml.problem import ProblemConfig
from leadml.sources.flat import read_flat
from leadml.sources.mapping import Mapping
from leadml.sources.tables import read_tables
from leadml.stages import extract
from leadml.stages.archive import ARCHIVED
from leadml.stages.auditing import audit_columns, has_ids, input_digests, training_labels
from leadml.stages.context import Context
from leadml.stages.scoring import open_tables
from leadml.stages.settings import model_problem
from leadml.stages.stored import Extracted, read_archive
from leadml.stages.units import use_unit

Sample = list[tuple[datetime, np.ndarray]]


@dataclass(frozen=True)
class Compared:
    """One comparison: its name, evidence by column, plain facts, and a line for people."""

    name: str
    told: str
    evidence: dict[str, list[Evidence]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def made(self) -> bool:
        """Whether there was anything to compare."""
        return bool(self.facts.get("rows")) and not self.facts.get("other_data")


def draw_cutoffs(snapshots: pd.DataFrame, cutoffs: int, most: int, seed: int) -> Sample:
    """Cutoffs drawn by the seed, each with the row numbers of up to ``most`` snapshots at it.

    Snapshots before it keep some of their future: nothing is shown of them.
    """
    generator = np.random.default_rng(seed)
    moments = snapshots["cutoff"].to_numpy(dtype="datetime64[us]")
    weekly = moments[(snapshots["grid"] == "weekly").to_numpy(dtype=bool)]
    distinct = np.unique(weekly if len(weekly) else moments)
    # The earliest ones have little behind them; the second half holds what could look ahead.
    distinct = distinct[len(distinct) // 2 :]
    chosen = np.sort(generator.choice(distinct, min(cutoffs, len(distinct)), replace=False))
    samples: Sample = []
    for until in chosen:
        at = generator.permutation(np.flatnonzero(moments == until))
        samples.append((until.astype(datetime), np.sort(at[:most])))
    return samples


def rebuild_features(
    context: Context, mapping: Mapping, keys: pd.DataFrame, spec: Dict[str, Any], until: datetime | None
) -> pd.DataFrame:
    """Features of the snapshots (n rows of ``keys``), in their order, from the mapping's exports as of ``until``.

    A snapshot whose lead is not in those exports has nothing but missing values.
    """
    con = connect(context.config.engine, context.workspace.hidden / "spill")
    read_tables(mapping, context.config.problem.conversion.value, con.con, until=until)
    return features_of(con, keys, own_spec(context, dict(spec)), context.config.problem)


def own_spec(context: Context, stored: dict[str, Any]) -> FeatureSpec:
    """A stored specification, with the user's own features by the files that the settings name."""
    return with_own_files(FeatureSpec.from_dict(stored), context.config.features)


def features_of(con: Backend, keys: pd.DataFrame, spec: FeatureSpec, problem: ProblemConfig) -> pd.DataFrame:
    """Features of the snapshots from the engine's tables; attributes that these do not have are missing."""
    for table, kinds in (("leads", spec.lead_attributes), ("accounts", spec.account_attributes)):
        for name in sorted(set(kinds) - set(con.table(table).columns)):
            kind = "DOUBLE" if kinds[name] == "number" else "VARCHAR"
            con.con.execute(f"ALTER TABLE {table} ADD COLUMN {quoted(name)} {kind}")
    use_unit(con, problem)
    return feature_frame(con, extract.feature_tables(con, keys), spec)[0]


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def compare_archive(context: Context, extracted: Extracted) -> Compared:
    """The archived rows against the same rows built from the exports of today.

    Rows without ids of the source are not compared: the n-th row of another list is another lead.
    """
    if not has_ids(extracted):
        return Compared("archive", "the archive: not compared, as only rows with ids can be matched (source.lead_id)")
    counts, rows, others = [], 0, 0
    labels = pd.Series(training_labels(context, extracted)).groupby(extracted.snapshots["lead_id"].to_numpy())
    converted = labels.max()
    source = str(extracted.facts["source"])
    for facts, archived in read_archive(context.workspace, source, context.config.audit.cutoffs):
        if facts["inputs"] == input_digests(extracted):
            continue  # of these very exports: it cannot differ
        now = rows_now(context, extracted, facts, archived)
        known = now.notna().any(axis=1).to_numpy()
        if not known.any():
            continue
        kept = [c for c in archived.columns if c in now.columns]
        label = archived[f"{ARCHIVED}lead_id"].map(converted).to_numpy(dtype=np.float64)
        part = compare_values(
            archived.loc[known, kept].reset_index(drop=True), now[known].reset_index(drop=True), label[known]
        )
        if is_another(part):
            others += 1
            continue
        counts.append(part)
        rows += int(known.sum())
    told = f"the archive: {rows:,} rows that were scored with earlier exports compared"
    if others:
        told += f"; {others} archived lists are of other data and were left aside"
    return compared("archive", told, counts, dated_columns(extracted), {"rows": rows, "other_data": others})


def rows_now(context: Context, extracted: Extracted, facts: dict[str, Any], archived: pd.DataFrame) -> pd.DataFrame:
    """The archived leads' features by what extract read, row by row; all missing where a lead is gone."""
    ids = archived[f"{ARCHIVED}lead_id"]
    features = [Feature.from_dict(f) for f in facts["features"]]
    if facts["spec"] is None:
        names = [f.name for f in features if f.name in extracted.X]
        newest = extracted.X[names].set_axis(pd.Index(extracted.snapshots["lead_id"]))
        return newest[~newest.index.duplicated(keep="last")].reindex(ids).reset_index(drop=True)
    con = connect(context.config.engine, context.workspace.hidden / "spill")
    open_tables(con, context.workspace)
    use_unit(con, model_problem(facts["problem"]))
    keys = pd.DataFrame({"lead_id": ids, "account_id": archived[f"{ARCHIVED}account_id"]})
    keys["cutoff"] = pd.Series([datetime.fromisoformat(facts["cutoff"])] * len(keys), dtype="datetime64[us]")
    spec = with_same_files(FeatureSpec.from_dict(facts["spec"]), context.config.features)
    built, _ = feature_frame(con, extract.feature_tables(con, keys), spec)
    features = [f for f in features if f.name in built]
    gone = built.isna().all(axis=1)
    return clean_values(built, features, facts["missing"]).mask(gone)


def compare_earlier(context: Context, mapping: Mapping, extracted: Extracted) -> Compared:
    """Feature rows of sampled snapshots by the earlier export against those of the extract.

    Raises:
        ConfigurationError: the earlier export cannot be read.
    """
    path = str(context.config.audit.earlier)
    earlier = replace(mapping, path=str(Path(path).expanduser()))
    try:
        before, places = earlier_rows(context, earlier, extracted)
    except LeadmlError as error:
        raise ConfigurationError(f"audit.earlier={path} cannot be compared: {error}") from error
    known = before.notna().any(axis=1).to_numpy()
    now = extracted.X.iloc[places[known]].reset_index(drop=True)
    label = training_labels(context, extracted)[places[known]]
    part = compare_values(before[known].reset_index(drop=True), now, label)
    told = f"the earlier export: {int(known.sum()):,} rows that both have compared"
    facts = {"rows": int(known.sum()), "other_data": int(is_another(part))}
    if is_another(part):
        told += "; more than half of everything differs, so it is of other data and says nothing"
    return compared("restated", told, [part], dated_columns(extracted), facts)


def earlier_rows(context: Context, earlier: Mapping, extracted: Extracted) -> tuple[pd.DataFrame, np.ndarray]:
    """The features of snapshots that the earlier export can know, and their row numbers in the extract."""
    if earlier.flat is not None:
        con = connect(context.config.engine, context.workspace.hidden / "spill")
        if earlier.flat.lead_id is None:
            raise ConfigurationError("rows of two files are matched by source.lead_id, which is not set")
        flat = read_flat(earlier, con.con, labelled=False)
        shared = [f for f in extracted.features if f.name in flat.X]
        values = clean_values(flat.X, shared, extracted.facts["missing"])
        values = values.set_axis(pd.Index(flat.snapshots["lead_id"]))
        values = values[~values.index.duplicated(keep="last")].reindex(extracted.snapshots["lead_id"])
        return values.reset_index(drop=True), np.arange(len(extracted.snapshots))
    con = connect(context.config.engine, context.workspace.hidden / "spill")
    report = read_tables(earlier, context.config.problem.conversion.value, con.con)
    if report.data_end is None:
        raise DataError("the end of its data could not be found")
    known = (extracted.snapshots["cutoff"] <= pd.Timestamp(report.data_end)).to_numpy()
    places = np.random.default_rng(context.config.seed).permutation(np.flatnonzero(known))
    places = np.sort(places[: context.config.audit.leads])
    keys = extracted.snapshots.iloc[places].reset_index(drop=True)
    return features_of(con, keys, own_spec(context, extracted.facts["spec"]), context.config.problem), places


def dated_columns(extracted: Extracted) -> dict[str, bool]:
    """Whether each feature is built from dated rows."""
    return {c.name: c.dated for c in audit_columns(extracted)}


def compared(
    name: str, told: str, counts: list[pd.DataFrame], dated: dict[str, bool], facts: dict[str, Any]
) -> Compared:
    """The counts of all parts together, as evidence of the kind ``name``."""
    if not counts:
        return Compared(name, told, {}, facts)
    total = pd.concat(counts).groupby("column", as_index=False, sort=True).sum()
    evidence = differing_evidence(name, total, dated)
    facts |= {"differ": {c: int(n) for c, n in zip(total["column"], total["differ"], strict=True) if n}}
    return Compared(name, told, {n: [e] for n, e in evidence.items()}, facts)
