"""The plots of a backtest: each takes the figures of `backtest.summarise` and gives an inline SVG."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from leadml.report.canvas import BLUE, FAINT, GREY, INK, PINK, SKY, VERMILLION, new_figure, number_axis, style, to_svg
from leadml.report.words import Words

# Colour, marker and dash of each scorer, ours first: told apart without colour too.
LOOKS = {
    "model": (BLUE, "o", "-"),
    "logistic": (VERMILLION, "s", "--"),
    "points": (PINK, "^", "-."),
    "recency": (SKY, "D", ":"),
    "constant": (GREY, "x", "--"),
}
MOST_LYING = 10  # origins whose dates fit side by side
SPREAD = 0.62  # of the room between two ticks, taken by the scorers side by side


def plot_backtest(summary: Mapping[str, Any], words: Words) -> dict[str, str]:
    """All plots by name; ``money`` only where there are amounts."""
    overall = summary["overall"]
    plots = {
        "origins": plot_origins(summary["origins"], words),
        "differences": plot_differences(summary, words),
        "capture": plot_captured(overall["curve"], words),
        "skipped": plot_shares(overall["skipped"], "bt_bottom", "bt_skipped", words),
        "rates": plot_rates(summary["origins"], words),
    }
    if overall["money"]:
        plots["money"] = plot_shares(overall["money"]["captured"], "bt_top", "bt_money", words)
    return plots


def plot_origins(origins: Sequence[Mapping[str, Any]], words: Words) -> str:
    """AUC and lift of every scorer at every origin, with intervals and the converting accounts they rest on."""
    with style("bt_origins"):
        figure, panels = new_figure(9.4, 5.4, rows=2)
        for axes, name, label in zip(panels, ("auc", "lift_10"), ("metric_auc", "bt_lift"), strict=True):
            chance = 0.5 if name == "auc" else 1.0
            axes.axhline(chance, color=GREY, linewidth=1, linestyle="--", label=words.t("bt_random"))
            shown = _shown(_of_any(origins), without=("constant",))
            for place, scorer in enumerate(shown):
                there = [at for at, one in enumerate(origins) if scorer in one["scorers"]]
                places = np.array(there) + _beside(place, len(shown))
                _dots(axes, places, [origins[at]["scorers"][scorer][name] for at in there], scorer, words)
            axes.set(ylabel=words.t(label), xlim=(-0.6, len(origins) - 0.4))
            _origin_ticks(axes, origins, words)
            axes.tick_params(labelbottom=axes is panels[-1])
            number_axis(axes.yaxis, words.language)
            _light_grid(axes, "y")
        panels[-1].set_xlabel(words.t("bt_origin"))
        _legend(figure, panels[0])
        return to_svg(figure)


def plot_differences(summary: Mapping[str, Any], words: Words) -> str:
    """Log loss of the model minus that of each other scorer, paired by account: origin by origin, and over all."""
    origins = summary["origins"]
    others = [n for n in _shown(_of_any(origins)) if n != "model"]
    with style("bt_differences"):
        figure, panels = new_figure(9.4, 1.3 + 0.3 * len(origins), columns=len(others))
        labels = [one["origin"] for one in origins] + [words.t("bt_all")]
        for number, (axes, other) in enumerate(zip(panels, others, strict=True)):
            parts = [*origins, summary["overall"]]
            told = [part["differences"].get(other, {}).get("log_loss") for part in parts]
            axes.axvline(0, color=GREY, linewidth=1, linestyle="--")
            for place, one in enumerate(told):
                if one is None:  # not there at that origin, so not over all either
                    continue
                colour = INK if place == len(origins) else BLUE
                if one["low"] is not None:
                    axes.hlines(place, one["low"], one["high"], color=colour, linewidth=1.6)
                if one["value"] is not None:
                    axes.scatter(one["value"], place, s=26, color=colour, zorder=3)
            axes.axhline(len(origins) - 0.5, color=FAINT, linewidth=0.8)
            axes.set_yticks(range(len(labels)), labels if number == 0 else [""] * len(labels))
            axes.set_ylim(len(labels) - 0.5, -0.5)
            axes.set_title(_name(other, words))
            number_axis(axes.xaxis, words.language)
            axes.locator_params(axis="x", nbins=3)
            _light_grid(axes, "x")
        figure.supxlabel(words.t("bt_better"), fontsize=8.5)
        return to_svg(figure)


def plot_captured(curve: Mapping[str, Sequence[Mapping[str, Any]]], words: Words) -> str:
    """Share of the conversions caught by working the best leads first, with the model's band."""
    with style("bt_capture"):
        figure, (axes,) = new_figure(4.9, 4.5)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label=words.t("bt_random"))
        for scorer in reversed(_shown(curve, without=("constant",))):
            colour, _, dash = LOOKS[scorer]
            line = pd.DataFrame(curve[scorer]).astype("float64").dropna(subset="value")
            x, y = np.append(0, line["share"]), np.append(0, line["value"])
            axes.plot(x, y, dash, color=colour, linewidth=2.2 if scorer == "model" else 1.5, label=_name(scorer, words))
            if scorer == "model":
                low, high = (np.append(0, line[end]) for end in ("low", "high"))
                axes.fill_between(x, low, high, color=SKY, alpha=0.3, linewidth=0)
        axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel=words.t("axis_worked"), ylabel=words.t("axis_caught"))
        for axis in (axes.xaxis, axes.yaxis):
            number_axis(axis, words.language, "share")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles[::-1], labels[::-1], loc="outside upper left", ncols=2)
        _light_grid(axes, "both")
        return to_svg(figure)


def plot_shares(shares: Mapping[str, Any], label: str, axis: str, words: Words) -> str:
    """What lay in some shares of the lists by scorer, with intervals; random order has just the share itself."""
    with style(f"bt_{label}"):
        figure, (axes,) = new_figure(9.4, 1.2 + 0.75 * len(shares))
        first = next(iter(shares.values()))["scorers"]
        shown = _shown(first)
        for place, scorer in enumerate(shown):
            places = np.arange(len(shares)) + _beside(place, len(shown))
            told = [one["scorers"][scorer] for one in shares.values()]
            _dots(axes, places, told, scorer, words, lying=True)
        named = [words.t(label, share=words.percent(float(share) / 100)) for share in shares]
        axes.set_yticks(range(len(shares)), named)
        axes.set_ylim(len(shares) - 0.5, -0.5)
        axes.set(xlim=(0, None), xlabel=words.t(axis))
        number_axis(axes.xaxis, words.language, "share")
        _legend(figure, axes)
        _light_grid(axes, "x")
        return to_svg(figure)


def plot_rates(origins: Sequence[Mapping[str, Any]], words: Words) -> str:
    """What was said of each origin's lists, with and without the correction of the base rate, and what happened."""
    looks = {"said": ("bt_said", BLUE, "o", -0.12), "said_uncorrected": ("bt_uncorrected", VERMILLION, "s", 0.12)}
    judged = [one["judged"] for one in origins]
    with style("bt_rates"):
        figure, (axes,) = new_figure(9.4, 3.0)
        places = np.arange(len(origins))
        low, high = np.array([one["rate_interval"] for one in judged], dtype=np.float64).T
        seen = [one["rate"] for one in judged]
        axes.bar(places, high - low, 0.62, bottom=low, color=FAINT, linewidth=0)
        axes.hlines(seen, places - 0.31, places + 0.31, color=GREY, linewidth=2.2, label=words.t("bt_seen"))
        top = max(seen)
        for key, (label, colour, marker, beside) in looks.items():
            values = [one[key] for one in judged]
            axes.scatter(places + beside, values, s=34, color=colour, marker=marker, label=words.t(label), zorder=3)
            top = max(top, *values, *high)
        axes.set(ylim=(0, 1.06 * top), xlim=(-0.6, len(origins) - 0.4))
        axes.set(ylabel=words.t("bt_rate"), xlabel=words.t("bt_origin"))
        _origin_ticks(axes, origins, words)
        number_axis(axes.yaxis, words.language, "share")
        _legend(figure, axes)
        _light_grid(axes, "y")
        return to_svg(figure)


def _of_any(origins: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The scorers that some origin has: one without data at an origin is not there."""
    return {name: told for one in origins for name, told in one["scorers"].items()}


def _shown(scorers: Mapping[str, Any], without: tuple[str, ...] = ()) -> list[str]:
    return [name for name in LOOKS if name in scorers and name not in without]


def _name(scorer: str, words: Words) -> str:
    return words.t("bt_random") if scorer == "constant" else words.t(f"recipe_{scorer}")


def _beside(place: int, count: int) -> float:
    return SPREAD * ((place + 0.5) / count - 0.5)


def _dots(
    axes: Axes, places: np.ndarray, told: Sequence[Mapping[str, Any]], scorer: str, words: Words, lying: bool = False
) -> None:
    """Values with their intervals at the places; ``lying`` draws them along the x axis."""
    colour, marker, _ = LOOKS[scorer]
    values, low, high = (np.array([one[end] for one in told], dtype=np.float64) for end in ("value", "low", "high"))
    lines = axes.hlines if lying else axes.vlines
    lines(places, low, high, color=colour, linewidth=1.6)
    x, y = (values, places) if lying else (places, values)
    axes.scatter(x, y, s=26, color=colour, marker=marker, label=_name(scorer, words), zorder=3)


def _origin_ticks(axes: Axes, origins: Sequence[Mapping[str, Any]], words: Words) -> None:
    labels = [f"{one['origin']}\n{words.number(one['judged']['converting_accounts'])}" for one in origins]
    axes.set_xticks(range(len(origins)), labels)
    if len(origins) > MOST_LYING:
        axes.tick_params(axis="x", labelrotation=90)


def _legend(figure: Any, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels))


def _light_grid(axes: Axes, which: str) -> None:
    axes.grid(True, axis=which, color=FAINT, linewidth=0.7)  # type: ignore[arg-type]  # a Literal in the stubs
    axes.set_axisbelow(True)
