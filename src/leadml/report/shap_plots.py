"""The report's SHAP plots, in points of the score and in words: bar, beeswarm and dependence.

They are drawn here and not by shap's own functions: those keep pyplot's global figure, put numbers on the axes as
Python prints them, and cannot place native categories.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from leadml.bootstrap import BootstrapConfig
from leadml.features.dictionary import Feature, Kind
from leadml.importance import find_partners, measure_importance
from leadml.reasons import feature_value_words, missing_words, sentence_case
from leadml.report.canvas import (
    BLUE,
    FAINT,
    FAMILY_COLOURS,
    GREY,
    INK,
    VERMILLION,
    new_figure,
    number_axis,
    style,
    to_svg,
    values_colours,
    wrap,
)
from leadml.report.words import Words

MOST_LEADS = 2_000  # drawn in a beeswarm or a dependence plot
_MOST_LEVELS = 8


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
            level = _levels(drawn.X[drawn.features[k].name], drawn.features[k])
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


def plot_dependence(
    explained: Explained, count: int, words: Words, seed: int, strength: np.ndarray | None = None
) -> str:
    """Value against points for the strongest features, two panels a row; categories lie in strips.

    With ``strength`` (k, k), what pairs give together, dots have the colour of the value of the number that the
    feature counts together with most.
    """
    with style("dependence"):
        top, drawn = explained.strongest(count), explained.sample(MOST_LEADS, seed)
        numbers = np.array([f.kind == Kind.NUMBER for f in explained.features])
        together = np.zeros((len(numbers), len(numbers))) if strength is None else np.where(numbers, strength, 0.0)
        partners = find_partners(together)
        rows = max((len(top) + 1) // 2, 1)
        figure, panels = new_figure(9.4, 3.3 * rows, rows, 2)
        for axes, k in zip(panels, top, strict=False):
            feature, points = drawn.features[k], drawn.points[:, k]
            title = wrap(sentence_case(feature.words(words.language)), 44)
            colours, partner = np.full(len(points), BLUE, dtype=object), partners[k]
            if partner >= 0:
                other = drawn.features[partner]
                colours = _value_colours(_levels(drawn.X[other.name], other))
                title += "\n" + wrap(words.t("dependence_colour", name=other.words(words.language)), 56)
            axes.set_title(title)
            rng = np.random.default_rng([seed, k])
            draw = _category_panel if feature.kind == Kind.CATEGORY else _number_panel
            draw(axes, drawn.X[feature.name], Dots(points, colours), feature, words, rng)
        for axes in panels[len(top) :]:
            axes.set_axis_off()
        return to_svg(figure)


@dataclass(frozen=True)
class Dots:
    """The leads of a panel: points and colours, (n,) each."""

    points: np.ndarray
    colours: np.ndarray

    def draw(self, axes: Axes, where: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
        """Those of ``where`` at their places."""
        axes.scatter(x, y, s=7, c=list(self.colours[where]), alpha=0.45, linewidth=0, rasterized=True)


def _value_colours(level: np.ndarray) -> np.ndarray:
    """A colour by how high each value is, 0-1; grey where it is missing."""
    named = np.array([to_hex(c) for c in values_colours()(np.nan_to_num(level))], dtype=object)
    return np.where(np.isnan(level), GREY, named)


def _number_panel(
    axes: Axes, values: pd.Series, dots: Dots, feature: Feature, words: Words, rng: np.random.Generator
) -> None:
    x, points = _numbers(values), dots.points
    known = np.isfinite(x)
    wide = _is_wide(x[known])
    x = np.log10(1 + np.maximum(x, 0)) if wide else x
    low, high = np.quantile(x[known], [0.005, 0.995]) if known.any() else (0.0, 1.0)
    room = (high - low) or 1.0
    few = len(np.unique(x[known])) <= 20
    spread = rng.uniform(-0.012, 0.012, len(x)) * room if few else 0.0
    dots.draw(axes, known, (x + spread)[known], points[known])
    left = low - 0.05 * room
    if not known.all():  # missing values have a strip of their own, left of the smallest value
        left = low - 0.2 * room
        middle = low - 0.125 * room
        missing = missing_words(feature, words.language)
        axes.axvspan(left, low - 0.05 * room, color=FAINT, alpha=0.6, linewidth=0)
        there = middle + rng.uniform(-0.03, 0.03, int((~known).sum())) * room
        dots.draw(axes, ~known, there, points[~known])
        axes.annotate(
            missing, (middle, 0.98), xycoords=axes.get_xaxis_transform(), rotation=90, ha="center",
            va="top", fontsize=7.5,
        )  # fmt: skip
    axes.set_xlim(left, high + 0.05 * room)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set(ylabel=words.t("axis_points_short"), xlabel=words.unit(feature.unit))
    if wide:
        ticks = [0, *(10.0**e for e in range(1, 16) if np.log10(1 + 10.0**e) <= high)]
        axes.set_xticks(np.log10(1 + np.array(ticks)), [_short(t, words) for t in ticks])
    else:
        number_axis(axes.xaxis, words.language, feature.unit)
    if known.any() and not wide:  # ticks only where there are values, not under the strip of missing ones
        axes.set_xticks([t for t in axes.get_xticks() if low - 0.05 * room <= t <= high + 0.05 * room])
    number_axis(axes.yaxis, words.language)


def _is_wide(x: np.ndarray) -> bool:
    """Whether a plain axis would crowd most of the values into its first tenth: then it counts in powers of ten."""
    return len(x) > 0 and x.min() >= 0 and np.quantile(x, 0.995) > max(100.0, 10 * float(np.quantile(x, 0.75)))


def _short(number: float, words: Words) -> str:
    """The number, from a million on in millions."""
    millions = number >= 1e6
    return words.number(number / 1e6 if millions else number, 0) + ("M" if millions else "")


def _category_panel(
    axes: Axes, values: pd.Series, dots: Dots, feature: Feature, words: Words, rng: np.random.Generator
) -> None:
    points = dots.points
    codes, texts = feature_value_words(values, feature, words.language)
    counts = np.bincount(codes, minlength=len(texts))
    kept = [c for c in np.argsort(-counts, kind="stable")[:_MOST_LEVELS] if counts[c]]
    kept.sort(key=lambda c: -float(points[codes == c].mean()))
    axes.axvline(0, color=GREY, linewidth=0.8)
    for place, code in enumerate(kept):
        x = points[codes == code]
        y = place + rng.uniform(-0.25, 0.25, len(x))
        dots.draw(axes, codes == code, x, y)
        axes.plot([x.mean()] * 2, [place - 0.36, place + 0.36], color=VERMILLION, linewidth=1.8)
    axes.set_yticks(np.arange(len(kept)), [wrap(sentence_case(texts[c]), 24) for c in kept])
    axes.set_ylim(len(kept) - 0.5, -0.5)
    axes.set_xlabel(words.t("axis_points_short"))
    number_axis(axes.xaxis, words.language)


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


def _levels(values: pd.Series, feature: Feature) -> np.ndarray:
    """How high each value is among the feature's values, 0-1, by rank; NaN for a category or a missing value."""
    if feature.kind == Kind.CATEGORY:
        return np.full(len(values), np.nan)
    ranks = pd.Series(_numbers(values)).rank(method="average")
    room = ranks.max() - ranks.min()
    return ((ranks - ranks.min()) / room if room else ranks * 0 + 0.5).to_numpy(dtype=np.float64)


def _numbers(values: pd.Series) -> np.ndarray:
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
