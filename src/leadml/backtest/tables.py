"""The summary's figures as one table, a row a figure: for people who compare with their own tools."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

COLUMNS = ["origin", "scorer", "against", "figure", "value", "low", "high", "conversions"]


def tabulate(summary: Mapping[str, Any]) -> pd.DataFrame:
    """All intervals of `figures.summarise`.

    ``origin`` (datetime64[us], NaT: all origins together), ``scorer``, ``against`` (missing, or the other scorer where
    the figure is the paired difference scorer minus other), ``figure`` (``skipped_30``: share of the conversions in the
    bottom 30 % of a list; ``money_10``, ``money_skipped_30``: of the amounts), ``value``, ``low``, ``high``,
    ``conversions`` (distinct converting leads that it rests on; of money those with an amount above 0).
    """
    parts = [*[(pd.Timestamp(one["origin"]), one) for one in summary["origins"]], (pd.NaT, summary["overall"])]
    rows = [
        (at, scorer, against, figure, told["value"], told["low"], told["high"], told["conversions"])
        for at, part in parts
        for scorer, against, figure, told in _intervals(part)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    numbers = dict.fromkeys(("value", "low", "high"), "float64")
    return table.astype({"origin": "datetime64[us]", "scorer": "str", "against": "str", "figure": "str"} | numbers)


def _intervals(part: Mapping[str, Any]) -> Iterator[tuple[str, str | None, str, Mapping[str, Any]]]:
    for scorer, figures in part["scorers"].items():
        for figure, told in figures.items():
            yield scorer, None, figure, told
    for other, figures in part["differences"].items():
        for figure, told in figures.items():
            yield "model", other, figure, told
    money = part["money"] or {"captured": {}, "skipped": {}}
    for prefix, shares in (
        ("skipped", part["skipped"]),
        ("money", money["captured"]),
        ("money_skipped", money["skipped"]),
    ):
        for share, told in shares.items():
            for scorer, interval in told["scorers"].items():
                yield scorer, None, f"{prefix}_{share}", interval
            for other, interval in told["differences"].items():
                yield "model", other, f"{prefix}_{share}", interval
