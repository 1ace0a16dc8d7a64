"""The panels of value against points: the axis ends where the dots do, and labels do not touch."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from leadml.features.dictionary import Feature, Kind
from leadml.report.canvas import BLUE, new_figure, style
from leadml.report.dependence_plot import Dots, draw_numbers, wide_ticks
from leadml.report.words import Words

REVENUE = Feature("revenue", "firmographic", Kind.NUMBER, "money", None, "annual revenue", "ingresos anuales")


def revenues() -> np.ndarray:
    """1,000 accounts from 60 thousand to tens of millions, one of 2, and 200 that are not known."""
    rng = np.random.default_rng(1)
    known = np.clip(rng.lognormal(np.log(1e6), 2, 1000), 60_000, None)
    return np.r_[2.0, known, np.full(200, np.nan)]


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_wide_axis_ends_where_the_values_do(language):
    x = revenues()
    with style("test"):
        figure, (axes, _) = new_figure(9.4, 3.3, 1, 2)
        dots = Dots(np.zeros(len(x)), np.full(len(x), BLUE, dtype=object))
        draw_numbers(axes, pd.Series(x), dots, REVENUE, Words(language), np.random.default_rng(2))
        FigureCanvasAgg(figure).draw()
        left, right = axes.get_xlim()
        assert all(left <= tick <= right for tick in axes.get_xticks())
        known, missing = (collection.get_offsets()[:, 0] for collection in axes.collections[:2])
        assert known.min() > 4.7 and 990 <= len(known) < 1000  # 60 thousand is 4.8 there; the one of 2 is not drawn
        assert len(missing) == 200 and left < missing.min() and missing.max() < known.min()
        strip = axes.transData.inverted().transform(axes.patches[0].get_extents())
        assert strip[:, 0] == pytest.approx([left, known.min() - 0.05 * np.ptp(known)])
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
        assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


@pytest.mark.parametrize(("low", "high", "ticks"), [
    (0, 3, [0, 10, 100]),  # 1,000 lies at 3.0004
    (4.7, 8.1, [1e5, 1e6, 1e7, 1e8]),
    (4.7, 6.1, [1e5, 2e5, 5e5, 1e6]),
    (0, 12.1, [0, 1e3, 1e6, 1e9, 1e12]),
    (5.1, 5.2, []),
])  # fmt: skip
def test_ticks_are_powers_of_ten_within_the_ends(low, high, ticks):
    assert wide_ticks(low, high) == ticks
