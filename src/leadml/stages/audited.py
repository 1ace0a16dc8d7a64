"""Training on what the audit left: the figures with and without the suspects, and the verdict that waits for a word."""

from dataclasses import replace
from typing import Any

from leadml.audit import Evidence, finding_words
from leadml.audit.core import table_finding
from leadml.audit.policy import TABLE_WAYS, pasted, way_out
from leadml.errors import DataError
from leadml.stages.auditing import SHOWN, Audited, stored_audit
from leadml.stages.context import Context
from leadml.stages.settings import recipe
from leadml.stages.stored import Extracted
from leadml.stages.summary import interval_text
from leadml.training import Trained, fit_recipe
from leadml.verdict import doubt_verdict, keep_verdict


def fit_audited(context: Context, extracted: Extracted, audited: Audited) -> Trained:
    """The recipe without what the audit took out; its metrics hold the audit, its verdict the open suspects."""
    config = context.config
    trained = fit_recipe(extracted.snapshots, extracted.X, audited.used, recipe(config), audited.beside)
    facts = audited.to_dict()
    auc = trained.metrics["scorers"]["model"]["auc"]["value"]
    if auc is not None and auc > config.train.suspicious_auc:
        told = replace(table_finding("(test)", Evidence("too_good", {"auc": round(auc, 4)}, 4)), done="told")
        told = replace(told, overrule=TABLE_WAYS["too_good"])
        facts["findings"].append(told.to_dict())
    facts["policy"] = config.audit.policy.value
    facts["future"] = stored_audit(context, extracted).get("future")
    verdict = doubt_verdict(trained.verdict, audited.decision.open, question(audited, context))
    verdict = keep_verdict(verdict, audited.decision.kept, bool(audited.beside))
    return replace(trained, metrics=trained.metrics | {"audit": facts}, verdict=verdict)


def tell_suspects(context: Context, stage: str, trained: Trained) -> None:
    """The test figures of the model with and without the suspects, where there are any."""
    scorers = trained.metrics["scorers"]
    for name in ("with_suspects", "without_suspects"):
        if name in scorers:
            parts = [
                f"{words} {interval_text(scorers['model'][figure])}, {name.replace('_', ' ')} "
                f"{interval_text(scorers[name][figure])}"
                for figure, words in (("auc", "test AUC"), ("lift_10", "lift in the top 10 %"))
            ]
            context.progress.say(stage, "; ".join(parts))
    if trained.metrics["audit"]["kept"] and "without_suspects" not in scorers:
        context.progress.say(stage, "every feature is a suspect: there is no model without them to compare with")


def audit_entry(trained: Trained) -> dict[str, Any]:
    """The audit for the manifest, with the test figures of the model with and without the suspects."""
    scorers = trained.metrics["scorers"]
    figures = {name: scorers[name] for name in ("model", "with_suspects", "without_suspects") if name in scorers}
    return trained.metrics["audit"] | ({"figures": figures} if len(figures) > 1 else {})


def check_left(context: Context, extracted: Extracted, audited: Audited) -> None:
    """Raise `DataError` where the audit left no feature, with what takes some in again."""
    if audited.used:
        return
    config, decision = context.config.audit, audited.decision
    named = {n.casefold() for n in config.exclude}
    back = [n for n in (*decision.excluded, *decision.without) if n.casefold() not in named]
    way = f"audit.allow={pasted([*config.allow, *back])} takes them in" if back else "take names out of audit.exclude"
    raise DataError(
        f"none of the {len(extracted.features)} features is left: excluded {', '.join(decision.excluded) or '-'}; "
        f"suspects {', '.join(decision.without) or '-'}. {way}, or bring columns that were written before the outcome"
    )


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
