"""The report's third SHAP plot: a feature's value against its points, a panel a feature."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from leadml.features.dictionary import Feature, Kind
from leadml.importance import find_partners
from leadml.reasons import feature_value_words, missing_words, sentence_case
from leadml.report.canvas import (
    BLUE,
    FAINT,
    GREY,
    VERMILLION,
    new_figure,
    number_axis,
    style,
    to_svg,
    values_colours,
    wrap,
)
from leadml.report.shap_plots import MOST_LEADS, Explained, plain_numbers, value_levels
from leadml.report.words import Words

_MOST_LEVELS = 8
_MOST_TICKS = 5  # of an axis in powers of ten: more of them would touch each other


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
                colours = _value_colours(value_levels(drawn.X[other.name], other))
                title += "\n" + wrap(words.t("dependence_colour", name=other.words(words.language)), 56)
            axes.set_title(title)
            rng = np.random.default_rng([seed, k])
            draw = _category_panel if feature.kind == Kind.CATEGORY else draw_numbers
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


def draw_numbers(
    axes: Axes, values: pd.Series, dots: Dots, feature: Feature, words: Words, rng: np.random.Generator
) -> None:
    """A panel of a number: all but the outermost half percent of the known values at each end, and the missing ones.

    Those have a strip of their own, left of the smallest value. An axis that would crowd counts in powers of ten.
    """
    x = plain_numbers(values)
    known = np.isfinite(x)
    wide = _is_wide(x[known])
    x = np.log10(1 + np.maximum(x, 0)) if wide else x
    low, high = _ends(x[known])
    room = (high - low) or 1.0
    few = len(np.unique(x[known])) <= 20
    spread = rng.uniform(-0.012, 0.012, len(x)) * room if few else 0.0
    shown = known & (x >= low) & (x <= high)
    dots.draw(axes, shown, (x + spread)[shown], dots.points[shown])
    left, right = low - 0.05 * room, high + 0.05 * room
    if not known.all():
        there = low - 0.125 * room + rng.uniform(-0.03, 0.03, int((~known).sum())) * room
        dots.draw(axes, ~known, there, dots.points[~known])
        _missing_strip(axes, (low - 0.2 * room, left), missing_words(feature, words.language))
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set(ylabel=words.t("axis_points_short"), xlabel=words.unit(feature.unit))
    if wide:
        ticks = wide_ticks(left, right)
        axes.set_xticks(np.log10(1 + np.array(ticks)), [_short(t, words) for t in ticks])
    else:
        axes.set_xlim(left, right)
        number_axis(axes.xaxis, words.language, feature.unit)
        if known.any():  # only where there are values, not under the strip of missing ones
            axes.set_xticks([t for t in axes.get_xticks() if left <= t <= right])
    axes.set_xlim(left if known.all() else low - 0.2 * room, right)  # last: ticks would widen it
    number_axis(axes.yaxis, words.language)


def wide_ticks(low: float, high: float) -> list[float]:
    """Values to label on an axis of log10(1 + value) from ``low`` to ``high``: 0, powers of ten, at most five evenly.

    Where fewer than three of these lie on it, twice and five times them too.
    """
    powers = [10.0**e for e in range(1, 16)]
    for steps in ((1,), (1, 2, 5)):
        ticks = [t for t in [0.0, *(s * p for p in powers for s in steps)] if low <= np.log10(1 + t) <= high]
        if len(ticks) >= 3:
            break
    return ticks[:: -(-len(ticks) // _MOST_TICKS) or 1]


def _ends(known: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest value that are drawn: actual ones, so that of few leads none is lost."""
    if not len(known):
        return 0.0, 1.0
    return float(np.quantile(known, 0.005, method="lower")), float(np.quantile(known, 0.995, method="higher"))


def _missing_strip(axes: Axes, ends: tuple[float, float], label: str) -> None:
    axes.axvspan(*ends, color=FAINT, alpha=0.6, linewidth=0)
    axes.annotate(
        label, (sum(ends) / 2, 0.98), xycoords=axes.get_xaxis_transform(), rotation=90, ha="center",
        va="top", fontsize=7.5,
    )  # fmt: skip


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
