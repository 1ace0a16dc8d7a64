"""The leak audit in the report: findings with their evidence, figures with and without the suspects."""

from collections.abc import Mapping
from typing import Any

from leadml.audit.findings import Finding
from leadml.audit.telling import finding_words
from leadml.report.words import Words

BESIDE = {"with_suspects": "audit_with", "without_suspects": "audit_without"}


def view_audit(metrics: Mapping[str, Any], words: Words) -> dict[str, Any] | None:
    """Rows of findings and notes; None where the model was made without an audit.

    Args:
        metrics: of the training, whose ``audit`` holds the findings (`leadml.audit.findings.Finding.to_dict`).
        words: of the report's language. What the mapping denies has a section of its own.
    """
    audit = metrics.get("audit")
    if not audit:
        return None
    findings = [Finding.from_dict(f) for f in audit["findings"]]
    rows = [_row(f, words) for f in findings if f.evidence[0].kind != "denied"]
    return {"rows": rows, "notes": [*_figures(metrics, words), *_future(audit, words)], "stamp": _stamp(audit, words)}


def _row(finding: Finding, words: Words) -> dict[str, Any]:
    return {
        "column": finding.column,
        "key": finding.severity,
        "severity": words.t(f"severity_{finding.severity}"),
        "evidence": finding_words(finding, words.language),
        "done": words.t(f"done_{finding.done}"),
        "overrule": finding.overrule.splitlines(),
    }


def _stamp(audit: Mapping[str, Any], words: Words) -> str:
    return words.t("audit_kept", names=", ".join(audit["kept"])) if audit["kept"] else ""


def _figures(metrics: Mapping[str, Any], words: Words) -> list[str]:
    scorers = metrics.get("scorers", {})
    return [
        words.t(key, model=_auc(scorers["model"], words), other=_auc(scorers[name], words))
        for name, key in BESIDE.items()
        if name in scorers
    ]


def _auc(figures: Mapping[str, Any], words: Words) -> str:
    value = figures["auc"]["value"]
    return "–" if value is None else words.number(value, 3)


def _future(audit: Mapping[str, Any], words: Words) -> list[str]:
    future = audit.get("future") or {}
    if not future.get("checked"):
        return []
    rows, names = words.number(future["checked"]), ", ".join(future["differ"])
    return [words.t("audit_future_differs" if names else "audit_future_same", rows=rows, names=names)]
