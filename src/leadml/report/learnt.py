"""The report's section on what was learnt: where the ladder stopped and why, and how it holds from period to period."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from leadml.report.figures import interval_words
from leadml.report.inputs import ReportInput
from leadml.report.origins_plot import plot_periods
from leadml.report.words import Words

Cell = tuple[str, str]  # figure, interval
FIGURES = (("auc", 3), ("lift_10", 1))


def view_learnt(data: ReportInput, words: Words) -> dict[str, Any] | None:
    """Sentences, the table of what was tried, and the origins; None where nothing was learnt."""
    metrics = data.metrics
    if not metrics.get("ladder"):
        return None
    periods = list_periods(metrics)
    return {
        "sentences": learnt_words(metrics, words),
        "steps": step_rows(metrics["ladder"], words),
        "origins": None if not periods else {
            "spread": spread_words(periods, words),
            "note": note_words(metrics["ladder"], words),
            "rows": [period_row(p, i, words) for i, p in enumerate(periods, start=1)],
            "caption": words.t("origins_caption", confidence=words.percent(data.context.confidence, 0)),
            "svg": Markup(plot_periods(periods, [period_name(p, i, words) for i, p in enumerate(periods, 1)], words)),
        },
    }  # fmt: skip


def learnt_words(metrics: Mapping[str, Any], words: Words) -> list[str]:
    """How it was chosen, what and why, what became of its probabilities, and what tuning did."""
    ladder, form = metrics["ladder"], metrics["calibration_form"]
    steps = ladder["steps"]
    at = next(i for i, step in enumerate(steps) if step["chosen"])
    told = [words.t("learnt_how", folds=words.number(len(metrics.get("origins", []))))] if len(steps) > 1 else []
    name, chosen = step_name(steps[at], words), steps[at]
    if ladder["rung"] == "points" and len(steps) == 1:
        told.append(words.t("learnt_points"))
    elif len({step["rung"] for step in steps}) == 1:
        told.append(words.t("learnt_named", name=words.t(f"rung_{ladder['rung']}")))
    else:
        key = ("learnt_simplest" if chosen["more"] else "learnt_lowest") + ("" if at else "_first")
        numbers = {end: words.number(chosen[end], 4) for end in ("more", "error")}
        told.append(words.t(key, name=name, **numbers))
    slope = form["slope"]
    cold = any(short["kind"] == "cold_start" for short in metrics.get("lacking", []))
    key = (
        "untried"
        if cold and form["form"] == "identity"
        else "identity"
        if form["form"] == "identity"
        else "wider"
        if slope > 1
        else "closer"
    )
    told.append(words.t(f"learnt_form_{key}", slope=words.number(slope, 2)))
    return told + tuned_words(metrics.get("tuning"), words)


def tuned_words(tuning: Mapping[str, Any] | None, words: Words) -> list[str]:
    """What the search for settings found; nothing where there was none."""
    if not tuning:
        return []
    trials = words.number(tuning["trials"])
    if not tuning["used"]:
        return [words.t("learnt_tuned_none", trials=trials)]
    return [words.t("learnt_tuned", trials=trials, gain=words.number(tuning["gain"], 4))]


def step_name(step: Mapping[str, Any], words: Words) -> str:
    """A candidate in words: its rung, and of a blend the members with their shares, those of nothing too."""
    rung = words.known(f"rung_{step['rung']}", step["rung"])
    if len(step["weights"]) == 1:
        return rung
    shares = step["weights"].items()
    mixed = [f"{words.known(f'member_{name}', name)} {words.percent(weight, 0)}" for name, weight in shares]
    return f"{rung} ({', '.join(mixed)})"


def step_rows(ladder: Mapping[str, Any], words: Words) -> list[dict[str, Any]]:
    """One row a candidate: name, log loss, how far above the lowest, its standard error, chosen or not."""
    rows = []
    for step in ladder["steps"]:
        lowest = not step["more"]
        more = words.t("learnt_is_lowest") if lowest else words.number(step["more"], 4)
        error = "–" if lowest else words.number(step["error"], 4)
        name = step_name(step, words)
        cells = [words.number(step["loss"], 4), more, error, words.t("learnt_chosen") if step["chosen"] else ""]
        rows.append({"name": name[:1].upper() + name[1:], "cells": cells, "chosen": step["chosen"]})
    return rows


def note_words(ladder: Mapping[str, Any], words: Words) -> str:
    """What the rows of the periods are, and what flatters them: a choice of the recipe only where there was one."""
    named = len({step["rung"] for step in ladder["steps"]}) == 1
    return words.t("origins_named_note" if named else "origins_note")


def list_periods(metrics: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The origins, the oldest first, and the test as the last one; each as in `judgement.judge_origins`."""
    origins = metrics.get("origins") or []
    if not origins or not metrics.get("scorers"):
        return []
    test = metrics["test"] | {
        "figures": metrics["scorers"]["model"],
        "difference_to_constant": metrics["differences"]["constant"],
        "test": True,
    }
    return [*origins, test]


def spread_words(periods: Sequence[Mapping[str, Any]], words: Words) -> str:
    """In how many periods it was better than one probability for all, and between which values the AUC lies."""
    losses = [p["difference_to_constant"]["log_loss"]["value"] for p in periods]
    counts = {"better": words.number(sum(x is not None and x < 0 for x in losses)), "n": words.number(len(periods))}
    aucs = [p["figures"]["auc"]["value"] for p in periods if p["figures"]["auc"]["value"] is not None]
    if not aucs:
        return words.t("origins_spread_none", **counts)
    return words.t("origins_spread", low=words.number(min(aucs), 3), high=words.number(max(aucs), 3), **counts)


def period_name(period: Mapping[str, Any], number: int, words: Words) -> str:
    """The period's dates, or its number where there are none; the test is named."""
    if period["first"] is None:
        return words.t("origin_test") if period.get("test") else words.t("origin_number", n=words.number(number))
    first, last = (words.date(datetime.fromisoformat(period[end])) for end in ("first", "last"))
    told = words.t("origin_dates", first=first, last=last)
    return f"{told} ({words.t('origin_test')})" if period.get("test") else told


def period_row(period: Mapping[str, Any], number: int, words: Words) -> dict[str, Any]:
    """A period's name, counts and figures with their intervals."""
    accounts = period.get("converting_accounts")
    counts = [period["leads"], period["converting_leads"], accounts]
    cells: list[Cell] = [("–" if n is None else words.number(n), "") for n in counts]
    cells += [_cell(period["figures"].get(name), decimals, words) for name, decimals in FIGURES]
    cells.append(_cell(gain_of(period), 4, words))
    return {"name": period_name(period, number, words), "cells": cells, "test": bool(period.get("test"))}


def gain_of(period: Mapping[str, Any]) -> dict[str, float | None]:
    """By how much the log loss is below that of the constant rate, with its interval."""
    loss = period["difference_to_constant"]["log_loss"]
    turned = {"value": loss["value"], "low": loss["high"], "high": loss["low"]}
    return {end: None if value is None else -value for end, value in turned.items()}


def _cell(figure: Mapping[str, Any] | None, decimals: int, words: Words) -> Cell:
    if not figure or figure.get("value") is None:
        return "–", ""
    return words.number(figure["value"], decimals), interval_words(figure, lambda value: words.number(value, decimals))
