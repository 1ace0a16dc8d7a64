"""The plot of the origins: how ranking and probabilities hold from one period to the next."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leadml.report.canvas import BLUE, FAINT, GREY, INK, new_figure, number_axis, style, to_svg
from leadml.report.words import Words

PANELS = (("auc", 0.5), ("lift_10", 1.0), ("gain", 0.0))  # figure, and what no signal gives


def plot_periods(periods: Sequence[Mapping[str, Any]], names: Sequence[str], words: Words) -> str:
    """AUC, lift at 10 % and gain in log loss of each period, with intervals; the test, the last one, in dark.

    Args:
        periods: as `learnt.list_periods`, at least one.
        names: of the periods.
        words: of the report's language.
    """
    labels = (words.t("metric_auc"), words.t("metric_lift", share=words.percent(0.1)), words.t("origin_gain_axis"))
    places = np.arange(len(periods))
    with style("periods"):
        figure, panels = new_figure(9.4, 0.9 + 0.34 * len(periods), columns=len(PANELS))
        for axes, (name, none), label in zip(panels, PANELS, labels, strict=True):
            axes.axvline(none, color=GREY, linewidth=1, linestyle="--")
            value, low, high = _told(periods, name)
            for place, period in enumerate(periods):
                colour = INK if period.get("test") else BLUE
                axes.hlines(place, low[place], high[place], color=colour, linewidth=1.6)
                axes.scatter(value[place], place, s=26, color=colour, zorder=3)
            axes.set_yticks(places, list(names) if axes is panels[0] else [""] * len(places))
            axes.set(ylim=(len(places) - 0.5, -0.5), xlabel=label)
            number_axis(axes.xaxis, words.language)
            axes.locator_params(axis="x", nbins=4)
            axes.grid(True, axis="x", color=FAINT, linewidth=0.7)
            axes.set_axisbelow(True)
        return to_svg(figure)


def _told(periods: Sequence[Mapping[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, low and high (periods,), NaN where they do not exist; a gain is a loss with its sign turned."""
    sign, ends = (1.0, ("value", "low", "high")) if name != "gain" else (-1.0, ("value", "high", "low"))
    figures = [p["figures"][name] if name != "gain" else p["difference_to_constant"]["log_loss"] for p in periods]
    value, low, high = (sign * np.array([f[end] for f in figures], dtype=np.float64) for end in ends)
    return value, low, high
