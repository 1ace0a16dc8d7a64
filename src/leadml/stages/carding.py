"""The model card's facts beside the evidence, and the card in the language of the reader."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from leadml.config import Config
from leadml.report.card import CardFacts, build_card
from leadml.report.words import Words
from leadml.scorer import LeadScorer
from leadml.sensitive import sensitive_names
from leadml.stages.context import Context
from leadml.stages.sensitive import denied_as_sensitive
from leadml.stages.settings import plain
from leadml.stages.stored import Extracted, read_json
from leadml.training import Trained

FACTS, CARD = "card.json", "model_card.md"
SETTINGS = ("model", "train", "features")
NO_RECIPE = ("train.promote", "features.content.", "features.reuse")  # settings that are not about what is learnt


def write_card(context: Context, extracted: Extracted, trained: Trained, scorer: LeadScorer, folder: Path) -> None:
    """card.json and model_card.md into the evidence ``folder``, which holds metrics.json."""
    facts = card_facts(context, extracted, trained, scorer)
    (folder / FACTS).write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    text = read_card(context, folder)
    (folder / CARD).write_text(text or "", encoding="utf-8")


def read_card(context: Context, folder: Path) -> str | None:
    """The card of an evidence ``folder`` in the language of the settings; None where the model has no facts."""
    if not (folder / FACTS).exists():
        return None
    metrics, facts = (read_json(folder / name, "leadml train") for name in ("metrics.json", FACTS))
    words = Words(context.config.reasons.language.value)
    return build_card(CardFacts(metrics, facts, facts["confidence"]), words)


def card_facts(context: Context, extracted: Extracted, trained: Trained, scorer: LeadScorer) -> dict[str, Any]:
    """What a card tells beyond metrics.json, as plain values."""
    facts, config = extracted.facts, context.config
    return {
        "model_version": scorer.version,
        "seed": config.seed,
        "confidence": config.train.confidence,
        "tracked": config.tracking.enabled,
        "replaceable": (context.workspace.models / "champion").exists(),
        "flat": facts["spec"] is None,
        "source": facts["source"],
        "problem": facts["problem"],
        "files": facts["report"]["files"],
        "data_end": facts["data_end"],
        "denied": facts["report"]["denied"],
        "sensitive": denied_as_sensitive(facts["report"]["denied"]),
        "sensitive_used": sorted(sensitive_names(scorer.encoder.names, ())),
        "snapshots": counted(extracted.snapshots),
        "immature_share": immature_share(context.workspace.features / "cohorts.csv"),
        "rows": {
            "train": len(trained.split.train),
            "stream": len(trained.stream),
            "test": len(trained.test),
            "final": len(trained.split.final),
        },
        "calibrator": trained.calibrator.to_dict(),
        "base_rate": trained.base_rate.rate,
        "p50": scorer.scale.p50,
        "settings": {"rung": trained.plan.rung}
        | {f"weight of {m.name}": round(m.weight, 3) for m in trained.plan.members}
        | {"trees": trained.n_trees}
        | asked(config)
        | {f"model.{name}": f"{value:g} (auto)" for name, value in trained.metrics["settings"].items()},
        "features": [f.to_dict() for f in scorer.encoder.features],
        "versions": context.manifest.versions,
    }


def counted(snapshots: pd.DataFrame) -> dict[str, Any]:
    """Rows, leads, accounts, distinct converting leads, rate and span of the matured snapshots."""
    matured = snapshots[snapshots["label"].notna()]
    cutoff = matured["cutoff"]
    first, last = (None if pd.isna(moment) else f"{moment:%Y-%m-%d}" for moment in (cutoff.min(), cutoff.max()))
    return {
        "rows": len(matured),
        "leads": int(matured["lead_id"].nunique()),
        "accounts": int(matured["account_id"].nunique()),
        "converting": int(matured.loc[matured["label"] == 1, "lead_id"].nunique()),
        "rate": float(matured["label"].mean()),
        "first": first,
        "last": last,
    }


def immature_share(path: Path) -> float | None:
    """The share of all snapshots whose outcome was not known yet, of cohorts.csv; None where there are no cohorts."""
    if not path.exists():
        return None
    cohorts = pd.read_csv(path)
    return float((cohorts["snapshots"] * cohorts["immature_share"]).sum() / max(cohorts["snapshots"].sum(), 1))


def asked(config: Config) -> dict[str, Any]:
    """The settings that decide what is learnt, flat, by their full names."""
    found: dict[str, Any] = {}
    waiting = [(group, plain(asdict(getattr(config, group)))) for group in SETTINGS]
    while waiting:
        name, value = waiting.pop(0)
        if isinstance(value, dict) and value:
            waiting = [(f"{name}.{key}", inner) for key, inner in value.items()] + waiting
        else:
            found[name] = value
    return {name: value for name, value in found.items() if not name.startswith(NO_RECIPE)}
