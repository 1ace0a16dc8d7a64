"""Rolling origins over the whole history: the recipe retrained at each with what was known then, judged on the rest."""

from leadml.backtest.figures import Settings, judge_lists, summarise
from leadml.backtest.judge import UNCORRECTED, Judged, judge_origin
from leadml.backtest.origins import Origin, Origins, build_origins
from leadml.backtest.tables import tabulate

__all__ = [
    "UNCORRECTED",
    "Judged",
    "Origin",
    "Origins",
    "Settings",
    "build_origins",
    "judge_lists",
    "judge_origin",
    "summarise",
    "tabulate",
]
