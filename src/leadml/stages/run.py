"""run: from the exports to scored, explained leads; ends where a gate says no."""

from leadml.stages import calibrate, explain, extract, predict, train
from leadml.stages.context import Context
from leadml.stages.summary import show_summary


def run(context: Context) -> None:
    """extract, train, calibrate, explain, predict, and what came of it."""
    extract.run(context)
    train.run(context)
    calibrate.run(context)
    explain.run(context)
    predict.run(context)
    show_summary(context)
