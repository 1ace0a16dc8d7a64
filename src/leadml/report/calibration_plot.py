"""The reliability diagram: what was said against what happened, with the band of chance and other forms beside."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

from leadml.report.canvas import BLUE, FAINT, GREY, PINK, SKY, VERMILLION, new_figure, number_axis, style, to_svg
from leadml.report.words import Words

_STEPS = (0.0, 0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
_NEAREST = 0.11  # of the axis' length between two ticks
_FORM_LINES = {"isotonic": (VERMILLION, ":"), "beta": (PINK, "-.")}


def plot_reliability(reliability: Mapping[str, Any], words: Words) -> str:
    """Bins on square-root axes, so that small probabilities, where most leads are, have room; the diagonal is right.

    Args:
        reliability: ``bins`` (`reliability.reliability_bins`) and, where known, ``forms`` (`judge_forms`).
        words: of the report's language.
    """
    bins = pd.DataFrame(reliability["bins"])
    with style("reliability"):
        figure, (axes,) = new_figure(5.2, 4.9)
        top = min(1.0, 1.08 * float(bins[["mean_probability", "rate", "rate_high"]].to_numpy(dtype=float).max()))
        x = bins["mean_probability"]
        axes.plot([0, top], [0, top], color=GREY, linewidth=1, linestyle="--", label=words.t("right_line"), zorder=1)
        ends = (bins["rate_low"], bins["rate_high"])
        axes.vlines(x, *ends, color=SKY, alpha=0.55, linewidth=5, label=words.t("band_label"), zorder=2)
        for name, form in (reliability.get("forms") or {}).items():
            colour, dash = _FORM_LINES[name]
            said, other = ([point[key] for point in form["curve"]] for key in ("said", "form"))
            axes.plot(said, other, dash, color=colour, linewidth=1.6, label=words.t(f"form_{name}"), zorder=3)
        axes.scatter(x, bins["rate"], s=30, color=BLUE, edgecolor="white", label=words.t("bins_label"), zorder=4)
        _square_root(axes, top, words)
        axes.set(xlabel=words.t("axis_said"), ylabel=words.t("axis_seen"))
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)
        axes.grid(True, color=FAINT, linewidth=0.7)
        axes.set_axisbelow(True)
        return to_svg(figure)


def _square_root(axes: Axes, top: float, words: Words) -> None:
    axes.set_xscale("function", functions=(_root, np.square))
    axes.set_yscale("function", functions=(_root, np.square))
    kept: list[float] = []
    for step in _STEPS:
        if step <= top and (not kept or np.sqrt(step) - np.sqrt(kept[-1]) >= _NEAREST * np.sqrt(top)):
            kept.append(step)
    for axis in (axes.xaxis, axes.yaxis):
        number_axis(axis, words.language, "share")
        axis.set_major_locator(FixedLocator(kept))
    axes.set(xlim=(0, top), ylim=(0, top))
    axes.set_aspect(1)


def _root(value: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(value, 0))
