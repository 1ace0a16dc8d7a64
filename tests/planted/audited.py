"""The audit on an export, handed over as the stages do it, and what it said of every planted and honest column."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from leadml.audit import (
    AuditInput,
    Evidence,
    Finding,
    audit_frame,
    columns_of,
    compare_values,
    differing_evidence,
    duplicate_rows,
    written_late,
)
from leadml.audit.core import table_finding
from planted.export import Export, Truth

TEST_SHARE = 0.3  # newest cases (any, where there are no dates), which the audit does not look at
WITHIN_DAYS = 1.0
NOTHING = "none"


@dataclass(frozen=True)
class Seen:
    """What was said of one column, planted or honest, or of the table: severity ("none": no finding) and evidence."""

    seed: int
    truth: Truth
    leak: bool
    dated: bool
    severity: str
    kinds: tuple[str, ...]


def audit_export(export: Export) -> list[Seen]:
    """Everything that could have been said about an export: each leak, each honest column, and the honest table.

    What is said of a table without such a leak is a false alarm of that kind: its truth is named after the evidence.
    """
    found = {f.column: f for f in find(export)}
    dated = export.created_column is not None
    of_table = {f.evidence[0].kind: f for f in found.values() if f.of_table}
    planted = {t.kind for t in export.leaks if t.column is None}
    seen = []
    for leak, truths in ((True, export.leaks), (False, export.honest)):
        for truth in truths:
            finding = of_table.get(truth.kind) if truth.column is None else found.get(truth.column)
            seen.append(see(export.seed, truth, leak, dated, finding))
    for kind, finding in of_table.items():
        if kind not in planted:
            seen.append(see(export.seed, Truth(None, f"honest {kind}", "", 0.5, False), False, dated, finding))
    return seen


def see(seed: int, truth: Truth, leak: bool, dated: bool, finding: Finding | None) -> Seen:
    """One line of what was said."""
    if finding is None:
        return Seen(seed, truth, leak, dated, NOTHING, ())
    return Seen(seed, truth, leak, dated, finding.severity, tuple(e.kind for e in finding.evidence))


def find(export: Export) -> list[Finding]:
    """The audit's findings: of the training rows, with the proofs of history and earlier export where there are any."""
    table = export.table
    X = to_features(export)
    train, test = split(export)
    periods = None
    if export.created_column is not None:
        periods = table[export.created_column].dt.to_period("Q").astype(str).to_numpy()[train]
    waiting = np.flatnonzero((export.label.isna() & (export.state == "open")).to_numpy())
    rows = X.iloc[train].reset_index(drop=True)
    data = AuditInput(
        X=rows,
        label=export.label.to_numpy()[train],
        columns=columns_of(rows),
        lead_id=table[export.id_column].to_numpy()[train],
        period=periods,
        position=train,
        scoring=X.iloc[waiting].reset_index(drop=True) if len(waiting) else None,
        proofs=find_proofs(export, X),
        seed=1,
        threads=1,
    )
    twice = duplicate_rows(X, export.label.to_numpy(), train, test)
    return audit_frame(data) + ([] if twice is None else [table_finding("(duplicates)", twice)])


def to_features(export: Export) -> pd.DataFrame:
    """Columns as a mapping makes them: dates are days from the beginning; of an undated table they stay texts."""
    made = {}
    for name in export.columns:
        values = export.table[name]
        if pd.api.types.is_datetime64_any_dtype(values):
            made[name] = to_days(values, export)
        elif pd.api.types.is_numeric_dtype(values):
            made[name] = values.astype(float)
        else:
            made[name] = values.astype(object).where(values.notna(), None)
    return pd.DataFrame(made)


def to_days(values: pd.Series, export: Export) -> pd.Series:
    """Days from the beginning, or the date's text where no beginning is known."""
    if export.created_column is None:
        texts = values.dt.strftime("%Y-%m-%d %H:%M").astype(object)
        return texts.where(values.notna(), None)
    return (values - export.table[export.created_column]) / pd.Timedelta(days=1)


def split(export: Export) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of the labelled cases to train on, and of those to test with."""
    known = np.flatnonzero(export.label.notna())
    if export.created_column is None:
        known = np.random.default_rng(1).permutation(known)
    else:
        known = known[np.argsort(export.table[export.created_column].to_numpy()[known], kind="stable")]
    first = int(len(known) * (1 - TEST_SHARE))
    return np.sort(known[:first]), np.sort(known[first:])


def find_proofs(export: Export, X: pd.DataFrame) -> dict[str, list[Evidence]]:
    """Evidence of the history before the first case to test with, and of the earlier export."""
    proofs: dict[str, list[Evidence]] = {}
    if export.history is not None and export.outcome_at.notna().any():
        created, (_, test) = export.table[export.created_column], split(export)
        start = created.iloc[test].min()
        changes = export.history.rename(columns={"entity_id": "lead_id"})[["lead_id", "field", "changed_at"]]
        leads = pd.DataFrame(
            {
                "lead_id": export.table[export.id_column],
                "known_at": created,
                "converted_at": export.outcome_at.where((export.state == "won") & (export.outcome_at < start)),
            }
        )[created < start]
        changes = changes[changes["changed_at"] < start]
        for name, evidence in written_late(changes, leads, WITHIN_DAYS, seed=1).items():
            proofs.setdefault(name, []).append(evidence)
    if export.earlier is not None:
        for name, evidence in differing_evidence("restated", compare(export, X), {}).items():
            proofs.setdefault(name, []).append(evidence)
    return proofs


def compare(export: Export, X: pd.DataFrame) -> pd.DataFrame:
    """Counts of values that differ, over the cases that both exports hold, by the labels of the training rows."""
    train, _ = split(export)
    label = export.label.where(np.isin(np.arange(len(export.label)), train))
    label.index = pd.Index(export.table[export.id_column])
    then = replace(export, table=export.earlier.reset_index(drop=True))
    first = to_features(then).set_index(then.table[export.id_column].to_numpy())
    now = X.set_index(export.table[export.id_column].to_numpy())
    shared = first.index.intersection(now.index)
    known = label.loc[shared].to_numpy()
    return compare_values(first.loc[shared].reset_index(drop=True), now.loc[shared].reset_index(drop=True), known)
