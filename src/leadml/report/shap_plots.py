"""The report's SHAP plots, in points of the score and in words: bar and beeswarm (`dependence_plot` has the third).

They are drawn here and not by shap's own functions: those keep pyplot's global figure, put numbers on the axes as
Python prints them, and cannot place native categories.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from leadml.bootstrap import BootstrapConfig
from leadml.features.dictionary import Feature, Kind
from leadml.importance import measure_importance
from leadml.reasons import sentence_case
from leadml.report.canvas import (
    FAINT,
    FAMILY_COLOURS,
    GREY,
    INK,
    new_figure,
    number_axis,
    style,
    to_svg,
    values_colours,
    wrap,
)
from leadml.report.words import Words

MOST_LEADS = 2_000  # drawn in a beeswarm or a dependence plot


@dataclass(frozen=True)
class Explained:
    """Points of a population with the values that they rest on.

    Attributes:
        points: (n, k) in points of the score.
        X: n rows with a column for each feature.
        features: k entries, in the order of the columns of ``points``.
    """

    points: np.ndarray
    X: pd.DataFrame
    features: list[Feature]

    def strongest(self, count: int) -> list[int]:
        """Indices of the features with the largest mean absolute points, largest first, without those of 0."""
        strength = self.strength()
        order = np.argsort(-strength, kind="stable")[:count]
        return [int(k) for k in order if strength[k] > 0]

    def strength(self) -> np.ndarray:
        """Mean absolute points of each feature (k,)."""
        return np.abs(self.points).mean(axis=0) if len(self.points) else np.zeros(self.points.shape[1])

    def measure(self, accounts: np.ndarray, config: BootstrapConfig, bag: np.ndarray | None = None) -> "Measured":
        """With the intervals of the features' importance, and how far each booster of a bag moves scores, over all."""
        return Measured(self, measure_importance(self.points, self.features, accounts, config), bag)

    def sample(self, count: int, seed: int) -> "Explained":
        """At most ``count`` of the rows, drawn with the seed, in their order."""
        if len(self.points) <= count:
            return self
        rows = np.sort(np.random.default_rng(seed).choice(len(self.points), count, replace=False))
        return Explained(self.points[rows], self.X.iloc[rows], self.features)


@dataclass(frozen=True)
class Measured:
    """A population, its `measure_importance`, and the `importance.measure_bag` of the model."""

    explained: Explained
    importance: pd.DataFrame
    bag: np.ndarray | None = None

    def single(self, places: list[int]) -> np.ndarray:
        """Mean absolute points (b, places) by each booster of a bag alone; b is 0 where there is none."""
        bag = np.zeros((0, len(self.importance))) if self.bag is None else self.bag
        return bag[:, places] * self.explained.strength()[places]


def plot_bar(measured: Measured, count: int, words: Words) -> str:
    """Mean absolute points of the ``count`` strongest features with their intervals, coloured by family."""
    explained, importance = measured.explained, measured.importance
    with style("bar"):
        top = explained.strongest(count)
        figure, (axes,) = new_figure(9.4, 1.1 + 0.36 * max(len(top), 1))
        strength = explained.strength()[top]
        colours = [FAMILY_COLOURS[explained.features[k].family] for k in top]
        axes.barh(np.arange(len(top)), strength, color=colours, height=0.66)
        low, high = importance["low"].to_numpy()[top], importance["high"].to_numpy()[top]
        axes.hlines(np.arange(len(top)), low, high, color=INK, linewidth=1.2)
        ends = np.fmax(strength, high)
        for single in measured.single(top):
            axes.scatter(single, np.arange(len(top)), s=15, color="white", edgecolor=INK, linewidth=0.9, zorder=3)
            ends = np.fmax(ends, single)
        room = 0.012 * float(ends.max(initial=1e-9))  # so that a dot does not touch the number
        for place, (value, end) in enumerate(zip(strength, ends, strict=True)):
            axes.text(end + room, place, words.number(value, 1), va="center", ha="left")
        _feature_rows(axes, explained, top, words)
        axes.set_xlim(0, 1.09 * float(ends.max(initial=1e-9)))
        axes.set_xlabel(words.t("axis_mean_points"))
        number_axis(axes.xaxis, words.language)
        handles = [Patch(color=colour, label=words.t(family)) for family, colour in FAMILY_COLOURS.items()]
        figure.legend(handles=handles, loc="outside upper left", ncols=4)
        return to_svg(figure)


def plot_beeswarm(explained: Explained, count: int, words: Words, seed: int) -> str:
    """One dot a lead and feature: where it lies is its points, its colour how high the lead's value is."""
    with style("beeswarm"):
        top, drawn = explained.strongest(count), explained.sample(MOST_LEADS, seed)
        figure, (axes,) = new_figure(9.4, 1.3 + 0.42 * max(len(top), 1))
        axes.axvline(0, color=GREY, linewidth=0.9)
        edges = np.linspace(*_span(drawn.points[:, top]), 241)
        for place, k in enumerate(top):
            x = drawn.points[:, k]
            y = place + _swarm(x, edges)
            level = value_levels(drawn.X[drawn.features[k].name], drawn.features[k])
            plain = np.isnan(level)
            axes.scatter(x[plain], y[plain], s=5, color=GREY, alpha=0.7, linewidth=0, rasterized=True)
            axes.scatter(
                x[~plain], y[~plain], s=5, c=level[~plain], vmin=0, vmax=1, cmap=values_colours(), linewidth=0,
                rasterized=True,
            )  # fmt: skip
        _feature_rows(axes, explained, top, words)
        axes.set(xlim=(edges[0], edges[-1]), xlabel=words.t("axis_points"))
        axes.grid(True, axis="y", color=FAINT, linewidth=0.7)
        axes.set_axisbelow(True)
        number_axis(axes.xaxis, words.language)
        _value_bar(figure, axes, words)
        return to_svg(figure)


def _feature_rows(axes: Axes, explained: Explained, top: list[int], words: Words) -> None:
    """The features' words as row labels, the strongest on top."""
    labels = [wrap(sentence_case(explained.features[k].words(words.language)), 46) for k in top]
    axes.set_yticks(np.arange(len(top)), labels)
    axes.set_ylim(len(top) - 0.4, -0.6)


def _value_bar(figure: Figure, axes: Axes, words: Words) -> None:
    """The legend of the beeswarm's colours."""
    scale = axes.scatter([], [], c=[], cmap=values_colours(), vmin=0, vmax=1)
    bar = figure.colorbar(scale, ax=axes, aspect=40, pad=0.015, ticks=[0, 1], fraction=0.03)
    bar.ax.set_yticklabels([words.t("low"), words.t("high")])
    bar.set_label(words.t("axis_value"), labelpad=-8)
    bar.outline.set_visible(False)


def value_levels(values: pd.Series, feature: Feature) -> np.ndarray:
    """How high each value is among the feature's values, 0-1, by rank; NaN for a category or a missing value."""
    if feature.kind == Kind.CATEGORY:
        return np.full(len(values), np.nan)
    ranks = pd.Series(plain_numbers(values)).rank(method="average")
    room = ranks.max() - ranks.min()
    return ((ranks - ranks.min()) / room if room else ranks * 0 + 0.5).to_numpy(dtype=np.float64)


def plain_numbers(values: pd.Series) -> np.ndarray:
    """The values as float64 (n,); NaN where one is missing, infinite or no number."""
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _swarm(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Heights that spread dots of one bin evenly about the row's line, in [-0.4, 0.4]; fuller bins spread wider."""
    place = np.clip(np.searchsorted(edges, x), 0, len(edges))
    count = np.bincount(place, minlength=len(edges) + 1)
    order = np.argsort(place, kind="stable")
    within = np.empty(len(x))
    within[order] = np.arange(len(x)) - np.repeat(np.cumsum(count) - count, count)
    # Even ranks go up, odd ranks down; the step shrinks until the fullest bin fits into the row.
    rank = np.ceil(within / 2) * np.where(within % 2 == 0, 1, -1)
    return rank * min(0.035, 0.8 / max(count.max(initial=1), 1))


def _span(points: np.ndarray) -> tuple[float, float]:
    """Ends of the axis of points: all but the outermost thousandth at each side, and always around 0."""
    low, high = np.quantile(points, [0.001, 0.999]) if points.size else (-1.0, 1.0)
    low, high = min(low, -0.5), max(high, 0.5)
    return float(low - 0.04 * (high - low)), float(high + 0.04 * (high - low))
