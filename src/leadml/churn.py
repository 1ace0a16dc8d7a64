"""What a new champion changes for the people who work the list: grades, and places in the grid of fit by intent."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

THIRDS = ("low", "middle", "high")


def measure_churn(before: pd.DataFrame, after: pd.DataFrame, grades: Sequence[str]) -> dict[str, Any]:
    """How many leads of one list change grade, and how many their place among thirds of fit by thirds of intent.

    The thirds are those of the list by the model before, for both models: the reference stays where it was, so that a
    lead moves because its points did.

    Args:
        before: ``grade``, ``fit`` and ``intent`` (points) of n leads by the model before.
        after: the same leads by the new one, in the same order.
        grades: all grades of either, best first.

    Returns:
        ``leads``; ``grade_changed``, ``grade_up``, ``grade_down`` and ``grid_changed`` (leads); ``grades`` and
        ``grid``: from each grade (or place) to each, how many leads; plain values for JSON.
    """
    place = {name: i for i, name in enumerate(grades)}
    old, new = (table["grade"].map(place).to_numpy(dtype=np.int64) for table in (before, after))
    cells = [_cells(table, before) for table in (before, after)]
    return {
        "leads": len(before),
        "grade_changed": int((old != new).sum()),
        "grade_up": int((new < old).sum()),
        "grade_down": int((new > old).sum()),
        "grid_changed": int((cells[0] != cells[1]).sum()),
        "grades": _moves(before["grade"].to_numpy(), after["grade"].to_numpy(), grades),
        "grid": _moves(cells[0], cells[1], [f"{fit} {intent}" for fit in THIRDS for intent in THIRDS]),
    }


def grade_names(*ranges: Mapping[str, float]) -> list[str]:
    """The grades of all ranges, best first: by the highest lower end that any gives them, ties by name."""
    highest: dict[str, float] = {}
    for each in ranges:
        for name, low in each.items():
            highest[name] = max(low, highest.get(name, low))
    return sorted(highest, key=lambda name: (-highest[name], name))


def churn_words(churn: Mapping[str, Any]) -> str:
    """The figures in a line."""
    leads = max(churn["leads"], 1)
    return (
        f"of {churn['leads']:,} leads {churn['grade_changed'] / leads:.0%} change grade ({churn['grade_up']:,} up, "
        f"{churn['grade_down']:,} down), {churn['grid_changed'] / leads:.0%} their place among thirds of fit by intent"
    )


def _cells(table: pd.DataFrame, reference: pd.DataFrame) -> np.ndarray:
    """The place (n,) of each lead, as "FIT INTENT", each low, middle or high by the thirds of the reference."""
    names = []
    for column in ("fit", "intent"):
        edges = np.quantile(reference[column].to_numpy(dtype=np.float64), [1 / 3, 2 / 3])
        third = np.searchsorted(edges, table[column].to_numpy(dtype=np.float64), side="right")
        names.append(np.array(THIRDS, dtype=object)[third])
    return names[0] + " " + names[1]


def _moves(before: np.ndarray, after: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """From each name to each, where there are leads."""
    counts = pd.Series(after).groupby([before, after]).size()
    return {
        a: {b: int(counts[a, b]) for b in names if (a, b) in counts.index}
        for a in names
        if any((a, b) in counts.index for b in names)
    }
