"""The fairness audit as rows of text, for the report and for the model card."""

from collections.abc import Mapping
from typing import Any

from leadml.fairness import DIFFERENCES, RATES
from leadml.fairness_top import nearly_all_or_none
from leadml.reasons import sentence_case
from leadml.report.figures import interval_words
from leadml.report.inputs import ReportInput
from leadml.report.words import Words

Cell = tuple[str, str]  # figure, interval
# Of the figures of a group, those that the report has room for: those missed, and not selected, are the rest to 100 %.
_SHOWN = (0, 1, 2, 3, 4, 10, 5, 6, 9)


def view_fair(data: ReportInput, words: Words) -> dict[str, Any] | None:
    """What the report shows of ``metrics["fairness"]``; None where there is no audit."""
    found = data.metrics.get("fairness")
    if not found:
        return None
    names = {f.name: sentence_case(f.words(words.language)) for f in data.features}
    return fair_words(found, names, data.context.confidence, words)


def fair_words(found: Mapping[str, Any], names: Mapping[str, str], confidence: float, words: Words) -> dict[str, Any]:
    """A note, the table's head, and a part for each column: its groups, differences and sentences."""
    note = words.t(
        "fair_note",
        threshold=words.percent(found["threshold"], 1),
        leads=words.number(found["min_leads"]),
        conversions=words.number(found["min_conversions"]),
        confidence=words.percent(confidence, 0),
    )
    head = [words.t("distinct"), words.t("conversions"), words.t("said_rate"), words.t("rate")]
    return {
        "note": note,
        "shown": _SHOWN,
        "head": [*head, *(words.t(f"fair_{rate}") for rate in (*RATES, "gap")), words.t("fair_top")],
        "columns": [_column(column, names, words) for column in found["columns"]],
    }


def _column(column: Mapping[str, Any], names: Mapping[str, str], words: Words) -> dict[str, Any]:
    differences = column["differences"]
    told = [
        (
            words.t(f"fair_{name}"),
            *_cell(differences[name], name.endswith("difference"), words),
            _chance(column, name, words),
        )
        for name in DIFFERENCES
        if differences[name] is not None and not nearly_all_or_none(column["groups"])
    ]
    top = column.get("top") or {"rates": {}, "differences": {}}
    told += [
        (words.t(f"fair_top_{name}"), *_cell(figure, name.endswith("difference"), words), _chance(top, name, words))
        for name, figure in top["differences"].items()
        if figure is not None
    ]
    return {
        "title": words.t("fair_by", column=column["column"]),
        "groups": [
            (
                group["name"].replace(", ", ",\u00a0"),
                [*_cells(group, words), _cell(top["rates"].get(group["name"]), True, words)],
            )
            for group in column["groups"]
        ],
        "differences": told,
        "notes": _notes(column, names, words),
    }


def _chance(column: Mapping[str, Any], name: str, words: Words) -> str:
    high = column["chance"].get(name)
    return "–" if high is None else words.percent(high, 1)


def _cells(group: Mapping[str, Any], words: Words) -> list[Cell]:
    counted = [(words.number(group[key]), "") for key in ("leads", "converting_leads")]
    shares = [("–" if group[key] is None else words.percent(group[key], 1), "") for key in ("mean_probability", "rate")]
    return [*counted, *shares, *(_cell(group[rate], True, words) for rate in (*RATES, "gap"))]


def _cell(figure: Mapping[str, Any] | None, share: bool, words: Words) -> Cell:
    """A figure, in per cent or as a factor, with its interval; a dash where it is not told."""
    if figure is None or figure["value"] is None:
        return "–", ""

    def told(value: float) -> str:
        return words.percent(value, 1).replace("-", "\u2212") if share else words.number(value, 2)

    return told(figure["value"]), interval_words(figure, told)


def _notes(column: Mapping[str, Any], names: Mapping[str, str], words: Words) -> list[str]:
    nearly = nearly_all_or_none(column["groups"])
    notes = [words.t(f"fair_nearly_{nearly}")] if nearly else []
    if len(column["groups"]) < 2:
        notes.append(words.t("fair_few"))
    off = [g for g in column["groups"] if g["gap"] and g["gap"]["low"] is not None and not _holds_0(g["gap"])]
    notes += [words.t("fair_apart", name=g["name"], gap=words.number(100 * g["gap"]["value"], 1)) for g in off]
    if not off and any(g["gap"] for g in column["groups"]):
        notes.append(words.t("fair_calibrated"))
    proxies = column["proxies"]
    if proxies["together"]:
        notes.append(_proxy_words(proxies, names, words))
        each = ", ".join(f"{group} {words.number(auc, 2)}" for group, auc in proxies["together"].items())
        notes.append(words.t("fair_together", names=each))
    small, missing = column["small"], column["missing_leads"]
    if small["groups"] or missing:
        counts = {"groups": small["groups"], "leads": small["leads"], "missing": missing}
        notes.append(words.t("fair_small", **{k: words.number(v) for k, v in counts.items()}))
    return notes


def _proxy_words(proxies: Mapping[str, Any], names: Mapping[str, str], words: Words) -> str:
    if not proxies["proxies"]:
        return words.t("fair_no_proxies")
    told = [
        f"{names.get(p['feature'], p['feature'])} ({p['group']}: {words.number(p['auc'], 2)})"
        for p in proxies["proxies"]
    ]
    more = proxies["found"] - len(told)
    return words.t(
        "fair_proxies", names="; ".join(told) + (words.t("fair_more_proxies", n=words.number(more)) if more else "")
    )


def _holds_0(figure: Mapping[str, Any]) -> bool:
    return bool(figure["low"] <= 0 <= figure["high"])
