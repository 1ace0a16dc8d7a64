"""The verdict of the evidence, told in the report's language from the figures that it rests on."""

from collections.abc import Mapping
from typing import Any

from leadml.reasons import sentence_case
from leadml.report.words import TEXTS, Words
from leadml.sufficiency import Shortfall


def view_verdict(verdict: Mapping[str, Any], metrics: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """Key (class of the style sheet), title, and why.

    Args:
        verdict: name (one of `verdict.VERDICTS`) and why; {} where nothing was judged.
        metrics: of `judgement.judge_test`; without them the verdict's own words stand.
        words: of the report's language.
    """
    key = str(verdict.get("name", "unknown")).replace(" ", "_")
    if f"verdict_{key}" not in TEXTS:
        return {"key": "unknown", "title": str(verdict.get("name")), "why": str(verdict.get("why", ""))}
    scorers = metrics.get("scorers", {})
    loss = metrics.get("differences", {}).get("constant", {}).get("log_loss")
    cold = next((s for s in metrics.get("lacking", []) if s["kind"] == "cold_start"), None)
    if key == "unknown":
        why = ""
    elif cold and key == "use_points":
        why = sentence_case(Shortfall.from_dict(cold).words(words.language)) + "."
    elif "model" in scorers:
        why = words.t(
            f"why_{key}",
            auc=_told(scorers["model"].get("auc"), 3, words),
            lift=_told(scorers["model"].get("lift_10"), 1, words),
            loss=_told(loss, 4, words),
            gain=_told(_reversed(loss), 4, words),
            points_auc=_told(scorers.get("points", {}).get("auc"), 3, words),
            conversions=words.number(metrics.get("test", {}).get("converting_leads", 0)),
            leading=", ".join(metrics.get("leading", [])) or "–",
            suspects=", ".join(metrics.get("audit", {}).get("open", [])) or "–",
        )
    else:
        why = str(verdict.get("why", ""))
    return {"key": key, "title": words.t(f"verdict_{key}"), "why": why}


def _told(figure: Mapping[str, Any] | None, decimals: int, words: Words) -> str:
    if not figure or figure.get("value") is None:
        return "–"
    value, low, high = figure["value"], figure.get("low"), figure.get("high")
    if low is None or high is None:
        return words.number(value, decimals)
    interval = words.t("interval", low=words.number(low, decimals), high=words.number(high, decimals))
    return f"{words.number(value, decimals)} ({interval})"


def _reversed(figure: Mapping[str, Any] | None) -> dict[str, float | None]:
    """The figure with its sign turned: a difference below 0 told as a gain."""
    turned = {end: (figure or {}).get(of) for end, of in (("value", "value"), ("low", "high"), ("high", "low"))}
    return {end: None if value is None else -value for end, value in turned.items()}
