"""The leak audit: what speaks against a column, how gravely, and what to do about it.

    from leadml.audit import AuditInput, audit_frame, columns_of

    findings = audit_frame(AuditInput(X, label, columns_of(X, dated=["visits_30d"]), seed=7))
    for finding in findings:                     # the gravest first
        finding.column, finding.severity         # "low", "medium", "high" or "proof"
        [(e.kind, e.points, e.numbers) for e in finding.evidence]

Frames in, findings out; nothing here reads a file or a setting. The rule from evidence to severity is in
`leadml.audit.findings`, each detector's own in its module, and what becomes of a finding in `leadml.audit.policy`.
"""

from leadml.audit.columns import AuditColumn, columns_of
from leadml.audit.core import AuditInput, audit_frame
from leadml.audit.duplicates import duplicate_leads, duplicate_rows
from leadml.audit.findings import SEVERITIES, Evidence, Finding, judge_column, sort_findings
from leadml.audit.future import compare_features
from leadml.audit.policy import Columns, Decision, decide
from leadml.audit.telling import evidence_words, finding_words
from leadml.audit.writing import compare_values, differing_evidence, written_late

__all__ = [
    "SEVERITIES",
    "AuditColumn",
    "AuditInput",
    "Columns",
    "Decision",
    "Evidence",
    "Finding",
    "audit_frame",
    "columns_of",
    "compare_features",
    "compare_values",
    "decide",
    "differing_evidence",
    "duplicate_leads",
    "duplicate_rows",
    "evidence_words",
    "finding_words",
    "judge_column",
    "sort_findings",
    "written_late",
]
