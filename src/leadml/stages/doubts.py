"""Whether the model that scores uses what an audit left out: said by audit and train, stamped by predict."""

from pathlib import Path
from typing import Any

from leadml.errors import ArtifactError
from leadml.scorer import LeadScorer
from leadml.stages.auditing import AUDIT_FILE, Audited
from leadml.stages.context import Context
from leadml.stages.stored import Extracted, read_json


def champion_doubts(context: Context, extracted: Extracted, audited: Audited) -> list[str]:
    """Features of the champion that the audit leaves out, in the champion's order; none without a champion."""
    folder = context.workspace.models / "champion"
    try:
        scorer = LeadScorer.load_without_decision(folder) if folder.is_dir() else None
    except ArtifactError:  # train says so, and replaces it
        return []
    if scorer is None or scorer.about["source"] != extracted.facts["source"]:
        return []
    out = {*audited.decision.excluded, *audited.decision.without}
    return [n for n in scorer.encoder.names if n in out]


def doubt_stamp(context: Context, scorer: LeadScorer) -> str:
    """What scores must say while the model uses columns that the latest audit or training left out; else "".

    Columns that are allowed now, or were when this model was trained, are decided.
    """
    workspace = context.workspace
    own = read_audit(workspace.evidence / scorer.version / "metrics.json")
    allowed = [f["column"] for f in own.get("findings", []) if f["done"] == "allowed"]
    decided = {name.casefold() for name in (*context.config.audit.allow, *allowed)}
    found = {*own.get("open", ())}
    challenger = workspace.models / "challenger" / "registry.json"
    if challenger.exists():
        version = str(read_json(challenger, "leadml train").get("model_version", ""))
        found |= left_out(read_audit(workspace.evidence / version / "metrics.json"))
    audit = workspace.data / "audit" / AUDIT_FILE
    if audit.exists():
        found |= left_out(read_json(audit, "leadml audit"))
    named = [n for n in scorer.encoder.names if n in found and n.casefold() not in decided]
    return f"uses columns that may give the answer away: {', '.join(named)}" if named else ""


def left_out(audit: dict[str, Any]) -> set[str]:
    """The columns that an audit's decision left out."""
    return {*audit.get("excluded", ()), *audit.get("without", ())}


def read_audit(path: Path) -> dict[str, Any]:
    """The audit in a training's metrics; empty where there is none."""
    return read_json(path, "leadml train").get("audit") or {} if path.exists() else {}
