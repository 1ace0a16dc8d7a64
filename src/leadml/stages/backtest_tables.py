"""What a backtest says on the console: for somebody who never saw one."""

from collections.abc import Iterable, Mapping
from typing import Any

from leadml.stages.context import Context

STAGE = "backtest"
NAMES = {
    "model": "leadml",
    "logistic": "logistic regression",
    "points": "points scorecard",
    "recency": "most recent first",
    "constant": "random order",
    "without_effort": "leadml, no sales effort",
    "uncorrected": "leadml, uncorrected",
}
# Figure, its words, its decimals and those of a difference.
FIGURES = (
    ("auc", "AUC", 2, 3),
    ("average_precision", "average precision", 2, 3),
    ("log_loss", "log loss", 3, 4),
    ("lift_10", "lift, top 10 %", 2, 2),
)


def show_backtest(context: Context, summary: Mapping[str, Any]) -> None:
    """The origins, the figures over all of them, what could have been skipped, the differences, and sentences."""
    progress = context.progress
    progress.table(*origins_table(summary))
    progress.table(*scorers_table(summary))
    progress.table(*skipped_table(summary))
    progress.table(*differences_table(summary))
    for line in (*summary["notes"], *build_lines(summary)):
        progress.say(STAGE, line)
    if not context.sweep:
        progress.say(STAGE, f"figures, predictions and plots: {context.workspace.backtest}")


def build_lines(summary: Mapping[str, Any]) -> list[str]:
    """The main findings as sentences."""
    overall, origins = summary["overall"], summary["origins"]
    spread = summary["spread"]["scorers"]["model"]
    accounts = ", ".join(str(one["judged"]["converting_accounts"]) for one in origins)
    lines = [f"converting accounts at each of the {len(origins)} origins: {accounts}"]
    for figure, words, decimals, _ in FIGURES:
        if figure in spread and figure in ("auc", "lift_10"):
            low, middle, high = (f"{spread[figure][k]:.{decimals}f}" for k in ("lowest", "median", "highest"))
            lines.append(f"{words}: lowest origin {low}, median {middle}, highest {high}")
    for bottom, told in overall["skipped"].items():
        lines.append(
            f"skip the bottom {bottom} % of each list: {share_text(told['scorers']['model'])} of the conversions were "
            "there, if worked as before"
        )
    lines += [
        f"{_named(name)} could not be made at {len(days)} of the {len(origins)} origins ({', '.join(days)}), so it is "
        "told at the others only and is not among the figures over all lists"
        for name, days in summary["absent"].items()
    ]
    lines.append(_correction_line(summary))
    if overall["money"] is None:
        lines.append("no converting lead on these lists has an amount, so there is no money to tell")
    elif overall["money"]["without"]:
        lines.append(f"{overall['money']['without']} converting leads have no amount above 0 and count no money")
    return lines


def origins_table(summary: Mapping[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    """Title, columns and a row an origin: what it learnt from, what it was judged on, what was said and seen."""
    rows = []
    for one in summary["origins"]:
        judged, train, model = one["judged"], one["train"], one["scorers"]["model"]
        rows.append(
            [
                one["origin"],
                f"{train['rows']:,} / {train['converting_leads']:,}",
                str(judged["lists"]),
                f"{judged['converting_leads']:,} / {judged['converting_accounts']:,}",
                *[f"{judged[key]:.2%}" for key in ("rate", "said", "said_uncorrected")],
                told_text(model["auc"], 2),
                told_text(model["lift_10"], 2),
                one["verdict"]["name"],
            ]
        )
    columns = [
        "origin", "learnt from\nrows / con-\nverting leads", "judged\non lists", "converting\nleads /\naccounts",
        "rate\nseen", "predicted", "without\ncorrection", "AUC", "lift, top 10 %", "verdict",
    ]  # fmt: skip
    title = (
        "Retrained at each origin with what was known then, judged on the lists from there to the next origin; "
        f"{summary['settings']['confidence']:.0%} intervals by account"
    )
    return title, columns, rows


def scorers_table(summary: Mapping[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    """Title, columns and a row a scorer: its figures over all lists."""
    overall = summary["overall"]
    money, judged = overall["money"], overall["judged"]
    rows = []
    for name in _ordered(overall["scorers"]):
        figures = overall["scorers"][name]
        row = [_named(name), *[told_text(figures[f], decimals) for f, _, decimals, _ in FIGURES]]
        row.append(share_text(figures["capture_10"]))
        rows.append([*row, share_text(money["captured"]["10"]["scorers"].get(name))] if money else row)
    title = (
        f"All {judged['lists']} lists from {judged['first']} to {judged['last']}: {judged['rows']:,} rows, "
        f"{judged['converting_leads']:,} converting leads of {judged['converting_accounts']:,} accounts"
    )
    columns = ["ordered by", *[words for _, words, _, _ in FIGURES], "conversions\nin the top 10 %"]
    if money:
        title += f", who brought {money['amount']:,.0f}"
        columns.append("money\nin the top 10 %")
    return title, columns, rows


def skipped_table(summary: Mapping[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    """Title, columns and a row a bottom share, of the conversions and of the money."""
    overall = summary["overall"]
    parts = [("conversions", overall["skipped"]), ("money", (overall["money"] or {"skipped": {}})["skipped"])]
    names = _ordered(next(iter(overall["skipped"].values()))["scorers"])
    rows = [
        [f"{bottom} %: {what}", *[share_text(told["scorers"].get(name)) for name in names]]
        for what, shares in parts
        for bottom, told in shares.items()
    ]
    title = "Skip the bottom of each list: the share that was there, if worked as before"
    return title, ["bottom", *map(_named, names)], rows


def differences_table(summary: Mapping[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    """Title, columns and a row a scorer: what leadml adds to it."""
    overall, spread = summary["overall"]["differences"], summary["spread"]["differences"]
    rows = []
    for other in _ordered(overall):
        better = spread[other].get("log_loss")
        rows.append(
            [
                _named(other),
                *[told_text(overall[other][f], decimals, "+") for f, _, _, decimals in FIGURES],
                "-" if better is None else f"{better['better']} of {better['origins']}",
            ]
        )
    columns = ["leadml minus", *[words for _, words, _, _ in FIGURES], "less log loss\nat origins"]
    return "What leadml adds, paired by account", columns, rows


def told_text(told: Mapping[str, Any] | None, decimals: int, sign: str = "") -> str:
    """A figure with its interval; without where that has no width, a dash where there is no figure."""
    if told is None or told["value"] is None:
        return "-"
    return _with_ends([None if told[end] is None else f"{told[end]:{sign}.{decimals}f}" for end in _ENDS])


def share_text(told: Mapping[str, Any] | None) -> str:
    """A share of 1 with its interval, in percent; as `told_text`."""
    if told is None or told["value"] is None:
        return "-"
    value, low, high = [None if told[end] is None else f"{100 * told[end]:.1f}" for end in _ENDS]
    return _with_ends([f"{value}%", low, high]) if low != high else f"{value}%"


_ENDS = ("value", "low", "high")


def _with_ends(texts: list[str | None]) -> str:
    value, low, high = texts
    return f"{value} [{low}, {high}]" if low != high else str(value)


def _correction_line(summary: Mapping[str, Any]) -> str:
    told = summary["overall"]["differences"]["uncorrected"]["log_loss"]
    judged = [one["judged"] for one in summary["origins"]]
    apart = [sum(abs(j[key] - j["rate"]) for j in judged) / len(judged) for key in ("said", "said_uncorrected")]
    return (
        f"intercept corrected to the matured base rate: log loss {told_text(told, 4, '+')} against the plainly fitted "
        f"one; predicted and seen rate are {100 * apart[0]:.2f} points apart at an origin on average, "
        f"{100 * apart[1]:.2f} without the correction"
    )


def _ordered(names: Iterable[str]) -> list[str]:
    """Ours first, what the recipe adds besides last."""
    places = {name: place for place, name in enumerate(NAMES)}
    return sorted(names, key=lambda name: places.get(name, len(places)))


def _named(name: str) -> str:
    return NAMES.get(name, name.replace("_", " "))
