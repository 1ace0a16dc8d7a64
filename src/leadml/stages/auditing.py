"""The leak audit as train and audit share it: what extract published to findings, and findings to words."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from leadml.audit import (
    SEVERITIES,
    AuditColumn,
    AuditInput,
    Columns,
    Decision,
    Evidence,
    Finding,
    audit_frame,
    decide,
    duplicate_leads,
    duplicate_rows,
    written_late,
)
from leadml.audit.core import table_finding
from leadml.audit.policy import match_names
from leadml.features.dictionary import Feature
from leadml.recipe import split_checked
from leadml.report.data_words import NO_LEAKS
from leadml.sources.mapping import parse_mapping
from leadml.splits import Split
from leadml.stages.context import Context
from leadml.stages.settings import recipe
from leadml.stages.stored import OPEN_LEADS, Extracted, read_archive, read_extracted, read_frame, read_json

SHOWN = "medium"  # from which severity on a finding has a line on the terminal
NEVER_LEAKS = (
    *NO_LEAKS,
    "constant",
    "empty",
    "sensitive",
    "near-unique",
    "an id",
    "e-mail",
    "excluded",
)  # what the reasons of columns that are left out begin with where they are no leaks
AUDIT_FILE = "audit.json"


@dataclass(frozen=True)
class Known:
    """What is known beyond the training frame: evidence by column, and feature values of the leads to score."""

    proofs: Mapping[str, Sequence[Evidence]] = field(default_factory=dict)
    scoring: pd.DataFrame | None = None


@dataclass(frozen=True)
class Audited:
    """The decision, the features that the model may use, and those with (or without) the suspects beside."""

    decision: Decision
    used: list[Feature]
    beside: dict[str, list[Feature]]

    def to_dict(self) -> dict[str, Any]:
        """What goes into metrics and manifest."""
        decision = self.decision
        return {
            "findings": [f.to_dict() for f in decision.findings],
            "excluded": list(decision.excluded),
            "suspects": list(decision.suspects),
            "without": list(decision.without),
            "open": list(decision.open),
            "kept": list(decision.kept),
        }


def audit_extracted(context: Context, extracted: Extracted, known: Known | None = None) -> Audited:
    """Audits the training rows of what extract published, and applies the settings.

    Labels of test rows are not looked at. Proofs that ``leadml audit`` found in the same exports are taken over.

    Raises:
        DataError: what cannot be trained on.
        ConfigurationError: a name in ``audit.allow`` or ``audit.exclude`` is no column that can be used.
    """
    known = known or known_before(context, extracted)
    split = split_checked(extracted.snapshots, recipe(context.config))
    found = [*audit_training(context, extracted, split, known), *denied(extracted)]
    found += [table_finding("(duplicates)", e) for e in duplicates(extracted, split)]
    decision = decide(
        found, context.config.audit, columns_known(context, extracted.features, extracted.facts["report"])
    )
    usable = set(decision.usable(f.name for f in extracted.features))
    used = [f for f in extracted.features if f.name in usable]
    suspects = {*decision.suspects}
    beside = {}
    if decision.without and used:
        beside["with_suspects"] = [f for f in extracted.features if f.name in usable | suspects]
    elif decision.kept and suspects < usable:
        beside["without_suspects"] = [f for f in used if f.name not in suspects]
    return Audited(decision, used, beside)


def audit_training(context: Context, extracted: Extracted, split: Split, known: Known) -> list[Finding]:
    """`audit_frame` of the training rows; nothing, and that is said, where they hold one outcome only.

    So it is where a scorecard by name starts cold: with no conversion there is nothing to give away.
    """
    label = extracted.snapshots["label"].to_numpy(dtype=np.float64)[split.train]
    if 0 < label.mean() < 1:
        return audit_frame(audit_input(context, extracted, split, known))
    context.progress.say("audit", f"no leak was looked for: the {len(label)} training rows hold one outcome only")
    return []


def known_before(context: Context, extracted: Extracted) -> Known:
    """What train and extract know beyond the training frame: stored proofs, and the leads that would be scored."""
    return Known(stored_proofs(context, extracted), scoring_population(context, extracted))


def scoring_population(context: Context, extracted: Extracted) -> pd.DataFrame | None:
    """Feature values of the leads that would be scored now: open at the end of the data, or the newest flat list."""
    if extracted.facts["spec"] is None:
        archived = read_archive(context.workspace, str(extracted.facts["source"]), 1)
        return archived[0][1] if archived else None
    open_leads = read_frame(context.workspace.features / OPEN_LEADS, "leadml extract")
    return None if open_leads.empty else open_leads


def columns_known(context: Context, features: Sequence[Feature], report: Mapping[str, Any]) -> Columns:
    """The features, and what extract left out (by column and as "file.column"), as names in the settings mean them."""
    entries = report["denied"]
    left_out = [n for e in entries for n in (e["column"], f"{e['file']}.{e['column']}")]
    names = [f.name for f in features]
    flat = parse_mapping(context.config.source).flat is not None
    return Columns(names, [n for n in left_out if n not in names], "source.allow" if flat else "source.keep")


def check_names(context: Context, features: Sequence[Feature], report: Mapping[str, Any]) -> None:
    """Raise `ConfigurationError` for names in the settings that are no column; asked before anything is published."""
    match_names(context.config.audit, columns_known(context, features, report))


def audit_input(context: Context, extracted: Extracted, split: Split, known: Known) -> AuditInput:
    """The training rows as the core wants them, the newest of each lead last."""
    config = context.config
    moments = extracted.snapshots["cutoff"].to_numpy(dtype="datetime64[us]")[split.train]
    rows = split.train[np.argsort(moments, kind="stable")]
    snapshots = extracted.snapshots.iloc[rows]
    flat = extracted.facts["spec"] is None
    proofs = {name: list(evidence) for name, evidence in known.proofs.items()}
    for name, evidence in late_fields(context, extracted, split.test_start).items():
        proofs.setdefault(name, []).append(evidence)
    return AuditInput(
        X=extracted.X.iloc[rows].reset_index(drop=True),
        label=snapshots["label"].to_numpy(dtype=np.float64),
        columns=audit_columns(extracted),
        lead_id=snapshots["lead_id"].to_numpy(dtype=object) if has_ids(extracted) else None,
        account_id=snapshots["account_id"].to_numpy(dtype=object),
        period=periods(snapshots),
        position=snapshots["position"].to_numpy(dtype=np.int64) if flat else None,
        scoring=known.scoring,
        proofs=proofs,
        seed=config.seed,
        threads=config.engine.threads,
    )


def has_ids(extracted: Extracted) -> bool:
    """Whether leads are known by ids of the source, and not by the place of their row in the file."""
    return extracted.facts["spec"] is not None or extracted.facts["mapping"].get("lead_id") is not None


def audit_columns(extracted: Extracted) -> list[AuditColumn]:
    """Every feature with its place; undated are those of flat tables, and attributes that are fixed at creation."""
    spec = extracted.facts["spec"]
    if spec is None:
        place = str(extracted.facts["source"])
        return [AuditColumn(f.name, f.kind, place) for f in extracted.features]
    leads, accounts = set(spec["lead_attributes"]), {f"account_{n}" for n in spec["account_attributes"]}
    fixed = dict.fromkeys(leads, "leads") | dict.fromkeys(accounts, "accounts")
    return [AuditColumn(f.name, f.kind, fixed.get(f.name, f.family), f.name not in fixed) for f in extracted.features]


def periods(snapshots: pd.DataFrame) -> np.ndarray | None:
    """The quarter in which each lead became known, by which leads are comparable; None without times."""
    if snapshots["cutoff"].isna().any():
        return None
    age = pd.to_timedelta(snapshots["age_days"].astype("float64").fillna(0.0), unit="D")
    quarters: np.ndarray = (snapshots["cutoff"] - age).dt.to_period("Q").astype(str).to_numpy(dtype=object)
    return quarters


def denied(extracted: Extracted) -> list[Finding]:
    """Columns that the mapping denies because they give the answer away, with its reason."""
    found = []
    for entry in extracted.facts["report"]["denied"]:
        if not entry["why"].startswith(NEVER_LEAKS):
            evidence = Evidence("denied", {"why": entry["why"]}, 0, proof=True)
            found.append(Finding(f"{entry['file']}.{entry['column']}", entry["file"], "proof", (evidence,)))
    return found


def duplicates(extracted: Extracted, split: Split) -> list[Evidence]:
    """Copies across the split, where a case is meant to have one row."""
    if split.kind == "weekly":
        return []
    snapshots = extracted.snapshots
    label = snapshots["label"].to_numpy(dtype=np.float64)
    found = [
        duplicate_rows(extracted.X, label, split.train, split.test),
        duplicate_leads(snapshots["lead_id"].to_numpy(dtype=object), split.train, split.test),
    ]
    return [e for e in found if e is not None]


def late_fields(context: Context, extracted: Extracted, test_start: pd.Timestamp | None) -> dict[str, Evidence]:
    """``written_late`` by feature, for attributes read as fixed whose changes the exports tell (changes.parquet).

    Leads, changes and conversions are those before ``test_start`` (excluded): what the test's period brought is unknown
    here, and a lead that converts in it has not converted yet.
    """
    folder, spec = context.workspace.interim, extracted.facts["spec"]
    if spec is None or not (folder / "changes.parquet").exists():
        return {}
    changes = read_frame(folder / "changes.parquet", "leadml extract")
    changes = changes[changes["field"].isin(list(spec["lead_attributes"]))]
    leads = read_frame(folder / "leads.parquet", "leadml extract")[["lead_id", "known_at"]]
    first = read_frame(folder / "conversions.parquet", "leadml extract").groupby("lead_id")["converted_at"].min()
    if test_start is not None:
        changes, first = changes[changes["changed_at"] < test_start], first[first < test_start]
        leads = leads[leads["known_at"] < test_start]
    leads = leads.merge(first.astype("datetime64[us]").rename("converted_at").reset_index(), on="lead_id", how="left")
    return written_late(changes, leads, context.config.audit.written_within_days, context.config.seed)


def training_labels(context: Context, extracted: Extracted) -> np.ndarray:
    """The label of every snapshot that trains, NaN for the others: labels of the test are not looked at."""
    split = split_checked(extracted.snapshots, recipe(context.config))
    labels = np.full(len(extracted.snapshots), np.nan)
    labels[split.train] = extracted.snapshots["label"].to_numpy(dtype=np.float64)[split.train]
    return labels


def stored_audit(context: Context, extracted: Extracted) -> dict[str, Any]:
    """What ``leadml audit`` published about the same exports; empty where it did not run, or on others."""
    path = context.workspace.data / "audit" / AUDIT_FILE
    if not path.exists():
        return {}
    entry: dict[str, Any] = read_json(path, "leadml audit")
    return entry if entry.get("key") == audit_key(context, extracted) else {}


def stored_proofs(context: Context, extracted: Extracted) -> dict[str, list[Evidence]]:
    """Evidence that only ``leadml audit`` can have (rewritten values, code that looks ahead), of the same exports."""
    listed = stored_audit(context, extracted).get("comparisons", {})
    return {name: [Evidence.from_dict(e) for e in entries] for name, entries in listed.items()}


def input_digests(extracted: Extracted) -> list[str]:
    """The digests of the exports that extract read, sorted."""
    return sorted(str(f["sha256"]) for f in extracted.facts["report"]["files"])


def audit_key(context: Context, extracted: Extracted) -> str:
    """A digest of what a stored audit is about: the exports, the mapping, and the rows that train."""
    split = split_checked(extracted.snapshots, recipe(context.config))
    about = {"inputs": input_digests(extracted), "mapping": extracted.facts["mapping"], "start": str(split.test_start)}
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode("utf-8"))
    digest.update(split.train.astype("<i8").tobytes())
    return digest.hexdigest()


def audit_extract(context: Context, entry: dict[str, Any]) -> None:
    """What the audit finds in what extract has just published, in one line and in the manifest; train decides on it."""
    extracted = read_extracted(context.workspace)
    decision = audit_extracted(context, extracted).decision
    columns = [f for f in decision.findings if f.evidence[0].kind != "denied"]
    entry["audit"] = {s: [f.column for f in columns if f.severity == s] for s in SEVERITIES}
    grave = [f"{f.column} ({f.severity})" for f in columns if f.at_least(SHOWN)]
    told = ", ".join(grave) if grave else f"nothing of {SHOWN} severity or more"
    context.progress.say("extract", f"leak audit of {len(extracted.features)} columns: {told}")
