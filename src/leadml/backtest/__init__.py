"""Rolling origins over the whole history: the recipe retrained at each with what was known then, judged on what came."""

from leadml.backtest.figures import Settings, judge_lists, summarise
from leadml.backtest.judge import UNCORRECTED, Judged, judge_origin
from leadml.backtest.origins import Origin, Origins, build_origins

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
]
