"""The leak audit as train and audit share it: what extract published to findings, and findings to words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from leadml.audit import (
    SEVERITIES,
    AuditColumn,
    AuditInput,
    Decision,
    Evidence,
    Finding,
    audit_frame,
    decide,
    duplicate_leads,
    duplicate_rows,
    finding_words,
    written_late,
)
from leadml.audit.core import table_finding
from leadml.audit.policy import way_out
from leadml.errors import DataError
from leadml.features.dictionary import Feature
from leadml.report.data_words import NO_LEAKS
from leadml.splits import Split
from leadml.stages.context import Context
from leadml.stages.settings import recipe
from leadml.stages.stored import Extracted, read_extracted, read_frame, read_json
from leadml.training import split_checked
from leadml.workspace import Workspace

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
        DataError: what cannot be trained on, or no feature is left.
        ConfigurationError: a name in ``audit.allow`` or ``audit.exclude`` is no column.
    """
    known = known or Known(stored_proofs(context.workspace, extracted))
    split = split_checked(extracted.snapshots, recipe(context.config))
    found = [*audit_frame(audit_input(context, extracted, split, known)), *denied(extracted)]
    found += [table_finding("(duplicates)", e) for e in duplicates(extracted, split)]
    decision = decide(found, context.config.audit, [f.name for f in extracted.features])
    usable = set(decision.usable(f.name for f in extracted.features))
    used = [f for f in extracted.features if f.name in usable]
    if not used:
        raise DataError(
            f"none of the {len(extracted.features)} features is left: excluded {', '.join(decision.excluded) or '-'}; "
            f"suspects {', '.join(decision.without) or '-'}. {way_out(decision.without, context.config.audit)}"
        )
    suspects = {*decision.suspects}
    beside = {}
    if decision.without:
        beside["with_suspects"] = [f for f in extracted.features if f.name in usable | suspects]
    elif decision.kept and suspects < usable:
        beside["without_suspects"] = [f for f in used if f.name not in suspects]
    return Audited(decision, used, beside)


def audit_input(context: Context, extracted: Extracted, split: Split, known: Known) -> AuditInput:
    """The training rows as the core wants them."""
    config, rows = context.config, split.train
    snapshots = extracted.snapshots.iloc[rows]
    flat = extracted.facts["spec"] is None
    proofs = {name: list(evidence) for name, evidence in known.proofs.items()}
    for name, evidence in late_fields(context, extracted).items():
        proofs.setdefault(name, []).append(evidence)
    given_ids = not flat or extracted.facts["mapping"].get("lead_id") is not None
    return AuditInput(
        X=extracted.X.iloc[rows].reset_index(drop=True),
        label=snapshots["label"].to_numpy(dtype=np.float64),
        columns=audit_columns(extracted),
        lead_id=snapshots["lead_id"].to_numpy(dtype=object) if given_ids else None,
        account_id=snapshots["account_id"].to_numpy(dtype=object),
        period=periods(snapshots),
        position=snapshots["position"].to_numpy(dtype=np.int64) if flat else None,
        scoring=known.scoring,
        proofs=proofs,
        seed=config.seed,
        threads=config.engine.threads,
    )


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


def late_fields(context: Context, extracted: Extracted) -> dict[str, Evidence]:
    """``written_late`` by feature, for attributes read as fixed whose changes the exports tell (changes.parquet)."""
    folder, spec = context.workspace.interim, extracted.facts["spec"]
    if spec is None or not (folder / "changes.parquet").exists():
        return {}
    changes = read_frame(folder / "changes.parquet", "leadml extract")
    changes = changes[changes["field"].isin(list(spec["lead_attributes"]))]
    leads = read_frame(folder / "leads.parquet", "leadml extract")[["lead_id", "known_at"]]
    first = read_frame(folder / "conversions.parquet", "leadml extract").groupby("lead_id")["converted_at"].min()
    leads = leads.assign(converted_at=leads["lead_id"].map(first).astype("datetime64[us]"))
    return written_late(changes, leads, context.config.audit.written_within_days, context.config.seed)


def training_labels(context: Context, extracted: Extracted) -> np.ndarray:
    """The label of every snapshot that trains, NaN for the others: labels of the test are not looked at."""
    split = split_checked(extracted.snapshots, recipe(context.config))
    labels = np.full(len(extracted.snapshots), np.nan)
    labels[split.train] = extracted.snapshots["label"].to_numpy(dtype=np.float64)[split.train]
    return labels


def stored_audit(workspace: Workspace, extracted: Extracted) -> dict[str, Any]:
    """What ``leadml audit`` published about the same exports; empty where it did not run, or on others."""
    path = workspace.data / "audit" / AUDIT_FILE
    if not path.exists():
        return {}
    entry: dict[str, Any] = read_json(path, "leadml audit")
    return entry if entry["inputs"] == input_digests(extracted) else {}


def stored_proofs(workspace: Workspace, extracted: Extracted) -> dict[str, list[Evidence]]:
    """Evidence that only ``leadml audit`` can have (rewritten values, code that looks ahead), of the same exports."""
    listed = stored_audit(workspace, extracted).get("comparisons", {})
    return {name: [Evidence.from_dict(e) for e in entries] for name, entries in listed.items()}


def input_digests(extracted: Extracted) -> list[str]:
    """The digests of the exports that extract read, sorted."""
    return sorted(str(f["sha256"]) for f in extracted.facts["report"]["files"])


def audit_extract(context: Context, entry: dict[str, Any]) -> None:
    """What the audit finds in what extract has just published, in one line and in the manifest; train decides on it."""
    extracted = read_extracted(context.workspace)
    decision = audit_extracted(context, extracted).decision
    columns = [f for f in decision.findings if f.evidence[0].kind != "denied"]
    entry["audit"] = {s: [f.column for f in columns if f.severity == s] for s in SEVERITIES}
    grave = [f"{f.column} ({f.severity})" for f in columns if f.at_least(SHOWN)]
    told = ", ".join(grave) if grave else f"nothing of {SHOWN} severity or more"
    context.progress.say("extract", f"leak audit of {len(extracted.features)} columns: {told}")


def show_findings(context: Context, stage: str, audited: Audited, columns: int, every: bool = False) -> None:
    """The table for people: what speaks against a column, what was done, how to overrule; denied ones are counted."""
    findings = [f for f in audited.decision.findings if f.evidence[0].kind != "denied"]
    by_mapping = len(audited.decision.findings) - len(findings)
    named = {*context.config.audit.allow, *context.config.audit.exclude}
    shown = [f for f in findings if every or f.at_least(SHOWN) or f.column in named]
    if shown:
        rows = [[f.column, f.severity, finding_words(f), f.done, f.overrule or "-"] for f in shown]
        context.progress.table("Leak audit", ["column", "severity", "evidence", "done", "to overrule"], rows)
    counts = {s: sum(f.severity == s for f in findings) for s in ("proof", "high", "medium", "low")}
    told = ", ".join(f"{n} {s}" for s, n in counts.items())
    context.progress.say(
        stage, f"leak audit of {columns} columns: {told}; {by_mapping} more fields are denied by the mapping"
    )


def question(audited: Audited, context: Context) -> str:
    """What people have to decide about the open suspects, with the settings to paste."""
    return way_out(audited.decision.open, context.config.audit)
