"""Training on what the audit left: the figures with and without the suspects, and the verdict that waits for a word."""

from dataclasses import replace
from typing import Any

from leadml.audit import Evidence
from leadml.audit.core import table_finding
from leadml.stages.auditing import Audited, question, stored_audit
from leadml.stages.context import Context
from leadml.stages.settings import recipe
from leadml.stages.stored import Extracted
from leadml.stages.summary import interval_text
from leadml.training import Trained, fit_recipe
from leadml.verdict import doubt_verdict


def fit_audited(context: Context, extracted: Extracted, audited: Audited) -> Trained:
    """The recipe without what the audit took out; its metrics hold the audit, its verdict the open suspects."""
    config = context.config
    trained = fit_recipe(extracted.snapshots, extracted.X, audited.used, recipe(config), audited.beside)
    facts = audited.to_dict()
    auc = trained.metrics["scorers"]["model"]["auc"]["value"]
    if auc is not None and auc > config.train.suspicious_auc:
        told = replace(table_finding("(test)", Evidence("too_good", {"auc": round(auc, 4)}, 4)), done="told")
        facts["findings"].append(told.to_dict())
    facts["policy"] = config.audit.policy.value
    facts["future"] = stored_audit(context.workspace, extracted).get("future")
    verdict = doubt_verdict(trained.verdict, audited.decision.open, question(audited, context))
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


def audit_entry(trained: Trained) -> dict[str, Any]:
    """The audit for the manifest, with the test figures of the model with and without the suspects."""
    scorers = trained.metrics["scorers"]
    figures = {name: scorers[name] for name in ("model", "with_suspects", "without_suspects") if name in scorers}
    return trained.metrics["audit"] | ({"figures": figures} if len(figures) > 1 else {})
