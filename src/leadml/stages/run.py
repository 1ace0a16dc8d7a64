"""run: from the exports to scored, explained leads; ends where a gate says no."""

from importlib import import_module

from leadml.stages.context import Context

STAGES = ("extract", "train", "calibrate", "explain", "predict")


def run(context: Context) -> None:
    """extract, train, calibrate, explain, predict, and what came of it."""
    for stage in STAGES:  # imported when its turn comes: exports are refused before learning libraries load
        import_module(f"leadml.stages.{stage}").run(context)
    from leadml.stages.summary import show_summary

    show_summary(context)
