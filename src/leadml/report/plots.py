"""The report's plots of probabilities and time: each takes numbers and gives an inline SVG."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from leadml.report.canvas import (
    BLUE,
    FAINT,
    GREY,
    INK,
    PINK,
    SKY,
    VERMILLION,
    new_figure,
    number_axis,
    style,
    to_svg,
    wrap,
)
from leadml.report.words import Words

# Line and colour of each recipe, ours first; the dashes tell them apart without colour.
_RECIPE_LINES = {
    "model": (BLUE, "-", 2.4),
    "without_effort": (GREY, "-", 1.5),
    "logistic": (VERMILLION, "--", 1.5),
    "points": (PINK, "-.", 1.5),
    "recency": (SKY, ":", 1.8),
}


def plot_calibration(bins: pd.DataFrame, words: Words) -> str:
    """Said against seen probability by bin; on the diagonal what is said is what happens.

    Args:
        bins: mean_probability, rate (shares of 1), and where known rate_low and rate_high, the ends of its interval.
        words: of the report's language.
    """
    with style("calibration"):
        figure, (axes,) = new_figure(4.9, 4.3)
        shown = [c for c in ("mean_probability", "rate", "rate_high") if c in bins]
        top = 1.06 * max(float(np.nanmax(bins[shown].to_numpy(dtype=float))), 1e-6)
        axes.plot([0, top], [0, top], color=GREY, linewidth=1, linestyle="--", zorder=1)
        if {"rate_low", "rate_high"} <= set(bins.columns):
            axes.vlines(bins["mean_probability"], bins["rate_low"], bins["rate_high"], color=SKY, linewidth=2, zorder=2)
        axes.scatter(bins["mean_probability"], bins["rate"], s=30, color=BLUE, zorder=3)
        axes.set(xlim=(0, top), ylim=(0, top), xlabel=words.t("axis_said"), ylabel=words.t("axis_seen"))
        axes.set_aspect("equal")
        for axis in (axes.xaxis, axes.yaxis):
            number_axis(axis, words.language, "share")
        _light_grid(axes, "both")
        return to_svg(figure)


def plot_capture(capture: pd.DataFrame, words: Words) -> str:
    """Share of conversions caught by working the best leads first, one line a recipe.

    Args:
        capture: recipe ("model", "points", ...), share (of leads worked), capture (of conversions).
        words: of the report's language.
    """
    with style("capture"):
        figure, (axes,) = new_figure(4.9, 4.3)
        right = float(capture["share"].max())
        axes.plot([0, right], [0, right], color=GREY, linewidth=1, linestyle="--", label=words.t("by_chance"))
        for recipe, (colour, dash, width) in reversed(_RECIPE_LINES.items()):
            line = capture[capture["recipe"] == recipe].sort_values("share")
            if len(line):
                x, y = np.append(0, line["share"]), np.append(0, line["capture"])
                mark = "o" if len(line) <= 12 else None
                label = words.t(f"recipe_{recipe}")
                axes.plot(x, y, dash, color=colour, linewidth=width, marker=mark, markersize=4, label=label)
        top = min(1.02, 1.05 * max(float(np.nanmax(capture["capture"])), right))
        axes.set(xlim=(0, right), ylim=(0, top), xlabel=words.t("axis_worked"), ylabel=words.t("axis_caught"))
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles[::-1], labels[::-1], loc="outside upper left", ncols=2)
        for axis, end in ((axes.xaxis, right), (axes.yaxis, top)):
            number_axis(axis, words.language, "share")
            if end > 0.9:  # to the whole and no further
                axis.set_ticks(np.linspace(0, 1, 6))
        _light_grid(axes, "both")
        return to_svg(figure)


def plot_scores(scores: np.ndarray, grades: dict[str, float], words: Words) -> str:
    """How many leads have each score, with the grades' ranges.

    Args:
        scores: (n,) 0-100.
        grades: lower end of each grade's range, best first.
        words: of the report's language.
    """
    with style("scores"):
        figure, (axes,) = new_figure(9.4, 2.5)
        counts, edges = np.histogram(scores, bins=np.arange(0, 102, 2))
        axes.bar(edges[:-1], counts, width=2, align="edge", color=SKY, edgecolor="white", linewidth=0.6)
        tops = [100.0, *list(grades.values())[:-1]]
        for (grade, low), high in zip(grades.items(), tops, strict=True):
            if low > 0:
                axes.axvline(low, color=GREY, linewidth=1, linestyle="--")
            # Above the axes, in the axes' own height: a tall bar never runs into it.
            axes.text((low + high) / 2, 1.02, grade, ha="center", va="bottom", transform=axes.get_xaxis_transform())
        axes.set(xlim=(0, 100), xlabel=words.t("axis_score"), ylabel=words.t("axis_leads"))
        number_axis(axes.xaxis, words.language)
        number_axis(axes.yaxis, words.language)
        _light_grid(axes, "y")
        return to_svg(figure)


def plot_time_to_conversion(curve: pd.DataFrame, horizon_days: float, words: Words) -> str:
    """Share of the known conversions that had come by each age of the lead, with the horizon.

    Args:
        curve: days, share (of conversions, 0-1).
        horizon_days: where the horizon is drawn.
        words: of the report's language.
    """
    with style("time"):
        figure, (axes,) = new_figure(9.4, 2.7)
        curve = curve.sort_values("days")
        x, y = np.append(0, curve["days"]), np.append(0, curve["share"])
        axes.plot(x, y, color=BLUE, linewidth=2, marker="o", markersize=4)
        axes.fill_between(x, y, color=SKY, alpha=0.25, linewidth=0)
        right = max(float(curve["days"].max()) * 1.01, horizon_days * 1.05)
        axes.axvline(horizon_days, color=INK, linewidth=1, linestyle="--")
        axes.text(horizon_days + right * 0.008, 0.04, words.t("horizon_mark"), ha="left", va="bottom")
        axes.set(xlim=(0, right), ylim=(0, 1.02), xlabel=words.t("axis_age"), ylabel=words.t("axis_conversions"))
        number_axis(axes.xaxis, words.language)
        number_axis(axes.yaxis, words.language, "share")
        _light_grid(axes, "both")
        return to_svg(figure)


def plot_moved(sums: pd.DataFrame, labels: list[str], words: Words) -> str:
    """What each feature's new data did to the list: points up to the right, down to the left, and what is left of both.

    Args:
        sums: up, down and total (points over all leads), one row a bar from the top.
        labels: the bars' features in words.
        words: of the report's language.
    """
    with style("moved"):
        figure, (axes,) = new_figure(9.4, 1.2 + 0.38 * len(sums))
        places = np.arange(len(sums))
        axes.barh(places, sums["up"], color=BLUE, height=0.6, label=words.t("points_up"))
        axes.barh(places, sums["down"], color=VERMILLION, height=0.6, label=words.t("points_down"))
        axes.axvline(0, color=GREY, linewidth=0.9)
        left = words.t("points_left")
        axes.scatter(sums["total"], places, marker="D", s=26, color=INK, edgecolor="white", zorder=3, label=left)
        axes.set_yticks(places, [wrap(label, 46) for label in labels])
        axes.set_ylim(len(sums) - 0.4, -0.6)
        low, high = float(sums["down"].min()), float(sums["up"].max())
        room = 0.04 * (high - low)
        axes.set(xlim=(low - room, high + room), xlabel=words.t("axis_summed"))
        number_axis(axes.xaxis, words.language)
        handles, names = axes.get_legend_handles_labels()
        figure.legend([*handles[1:], handles[0]], [*names[1:], names[0]], loc="outside upper left", ncols=3)
        _light_grid(axes, "x")
        return to_svg(figure)


def _light_grid(axes: Axes, which: str) -> None:
    axes.grid(True, axis=which, color=FAINT, linewidth=0.7)  # type: ignore[arg-type]  # a Literal in the stubs
    axes.set_axisbelow(True)
