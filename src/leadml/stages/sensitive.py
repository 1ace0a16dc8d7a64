"""Sensitive columns in extract: out of the features and told; those of the fairness audit kept beside the snapshots."""

from collections.abc import Mapping as Names
from collections.abc import Sequence
from typing import Any

import pandas as pd

from leadml.features.audit_only import leave_sensitive
from leadml.features.spec import FeatureSpec
from leadml.sensitive import AUDIT_ONLY, sensitive_names, sensitive_topic
from leadml.sources.audit_columns import audit_name
from leadml.sources.mapping import Mapping
from leadml.sources.report import SourceReport
from leadml.sources.spec import PERSONAL
from leadml.stages.context import Context
from leadml.workspace import Publication

AUDITED = "fairness.parquet"


def without_sensitive(context: Context, mapping: Mapping, spec: FeatureSpec, report: SourceReport) -> FeatureSpec:
    """The specification without sensitive columns, which go into the report's ``denied``.

    A column in ``source.keep`` was asked for by name, as was one in ``features.sensitive``.
    """
    settings = context.config
    columns = {a.name: a.column for a in mapping.leads.attributes} if mapping.leads is not None else {}
    allow = [*settings.features.sensitive, *(audit_name(k.rpartition(".")[2]) for k in mapping.keep)]
    audit = [n for c in settings.fairness.columns for n in (c, audit_name(c))]
    spec, gone = leave_sensitive(spec, allow, audit, columns)
    denied = {entry["column"] for entry in report.denied}
    source = mapping.leads.source if mapping.leads is not None else mapping.name
    for name, why in gone.items():
        if (column := columns.get(name, name)) not in denied:
            report.denied.append({"file": source, "column": column, "why": why})
    return spec


def denied_as_sensitive(denied: Sequence[Names[str, str]]) -> list[str]:
    """The columns of a report that are sensitive, or kept for the audit, each once, by name.

    By whatever name they are denied: a column of a sensitive name that the mapping calls personal data, or a leak, or
    does not read, is one of them.
    """
    told = ("sensitive (", AUDIT_ONLY)
    return sorted({e["column"] for e in denied if e["why"].startswith(told) or sensitive_topic(e["column"])})


def tell_sensitive(context: Context, entry: dict[str, Any], report: SourceReport, features: Sequence[str]) -> None:
    """Which sensitive columns are no features and which are all the same: in the manifest, and a line for people."""
    gone, used = denied_as_sensitive(report.denied), sorted(sensitive_names(features, ()))
    entry["sensitive"] = {"left_out": gone, "used": used}
    if gone:
        context.progress.say("extract", f"{len(gone)} sensitive columns are no features: {', '.join(gone)}")
    if used:
        context.progress.say(
            "extract", f"{len(used)} sensitive columns are features, asked for by name: {', '.join(used)}"
        )


def tell_not_kept(context: Context, mapping: Mapping, report: SourceReport) -> None:
    """A line for columns that ``source.keep`` names and a ``sensitive`` list of the mapping keeps out all the same."""
    named = [(e["file"], e["column"]) for e in report.denied if e["why"] == PERSONAL]
    if stay := sorted({f"{file}.{column}" for file, column in named if mapping.kept(file, column)}):
        context.progress.say(
            "extract",
            f"{len(stay)} columns of source.keep stay out as personal data: {', '.join(stay)}; a list of "
            "source.sensitive names them: give it anew without them to take them in",
        )


def write_audited(out: Publication, context: Context, frame: pd.DataFrame | None) -> None:
    """fairness.parquet beside the snapshots (row i belongs to row i), all of it text; none without fairness.columns."""
    if frame is not None:
        texts = frame.map(lambda value: None if pd.isna(value) else str(value)).astype("string")
        texts.to_parquet(out.path(context.workspace.features) / AUDITED, index=False)
