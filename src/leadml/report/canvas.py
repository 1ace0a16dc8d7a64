"""How every plot of the report looks, and how it becomes a deterministic inline SVG."""

import io
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, MaxNLocator

from leadml.numbers import NBSP, format_number, format_percent

# Okabe and Ito (2008), colour universal design: told apart with any colour vision, and in grey.
BLUE, VERMILLION, GREEN, SKY, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#56B4E9", "#CC79A7", "#8A9199"
FAMILY_COLOURS = {"firmographic": BLUE, "behaviour": VERMILLION, "timing": GREEN, "channel": PINK}
INK, FAINT = "#2B3138", "#DDE2E7"

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "path",  # letters as outlines: the same widths on every screen, so nothing can overlap
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 6,
    "ytick.major.pad": 6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "text.parse_math": False,  # a "$" in a category's name is a dollar, not a formula
}


@contextmanager
def style(name: str) -> Iterator[None]:
    """The report's look within a ``with``; ``name`` salts the ids inside the SVG, one for each plot of a page."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        yield


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of inches with its axes in reading order; never registered with pyplot, so nothing is left open."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.ravel())


def to_svg(figure: Figure) -> str:
    """The figure as an ``<svg>`` element without date, creator or XML head: the same input gives the same bytes."""
    buffer = io.StringIO()
    empty = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(buffer, format="svg", dpi=160, metadata=empty)
    text = buffer.getvalue()
    # matplotlib repeats every label in a comment; without them a plot holds no text of the data at all.
    return re.sub(r"<!--.*?-->\s*", "", text[text.index("<svg") :], flags=re.DOTALL).strip()


class _Numbers(Formatter):
    """Ticks as the language writes numbers, all with as many decimals as the finest needs; from 10^6 on in millions."""

    def __init__(self, language: str, unit: str) -> None:
        self.language, self.unit, self.decimals, self.scale = language, unit, 0, 1.0

    def set_locs(self, locs: list[float]) -> None:
        """Called by matplotlib with all ticks of the axis before it asks for their texts."""
        super().set_locs(locs)
        values = np.asarray(locs, dtype=float) * (100 if self.unit == "share" else 1)
        self.scale = 1e6 if self.unit != "share" and np.abs(values).max(initial=0) >= 1e6 else 1.0
        values = values / self.scale
        exact = [d for d in range(5) if np.allclose(np.round(values, d), values, rtol=0, atol=1e-9)]
        self.decimals = exact[0] if exact else 4

    def __call__(self, x: float, pos: int | None = None) -> str:
        told = format_percent if self.unit == "share" else format_number
        millions = "" if self.scale == 1 or x == 0 else "M" if self.language == "en" else NBSP + "M"
        return told(x / self.scale, self.language, self.decimals).replace("-", "\u2212") + millions


def number_axis(axis: mpl.axis.Axis, language: str, unit: str = "number") -> None:
    """About six ticks, labelled as the language writes numbers; ``unit`` "share" is in percent, counts are whole."""
    axis.set_major_locator(MaxNLocator(nbins=7, integer=unit in ("count", "days")))
    axis.set_major_formatter(_Numbers(language, unit))


def wrap(phrase: str, width: int, lines: int = 2) -> str:
    """The phrase on at most ``lines`` lines of about equal length, cut with "…" where it is longer."""

    def at(width: int) -> list[str]:
        return textwrap.wrap(phrase, width, max_lines=lines, placeholder=" …", break_on_hyphens=False)

    found = at(width)
    while len(found) > 1 and len(narrower := at(width - 1)) == len(found) and narrower[-1][-1:] != "…":
        found, width = narrower, width - 1
    return "\n".join(found)


def values_colours() -> Colormap:
    """Pale green (low) to dark violet (high): even steps of lightness, readable in grey and with any colour vision."""
    return ListedColormap(mpl.colormaps["viridis"](np.linspace(0.88, 0.05, 256)), name="leadml_values")
