"""demo: an invented company, from its exports to its scored leads."""

import pandas as pd

from leadml.simulate.comparison import compare_with_truth
from leadml.stages import run as whole
from leadml.stages import simulate
from leadml.stages.context import Context
from leadml.stages.stored import read_frame


def run(context: Context) -> None:
    """simulate, then run; the manifest also gets predicted against true probabilities, which only a demo knows."""
    simulate.run(context)
    whole.run(context)
    with context.manifest.stage("truth") as entry:
        entry |= compare(context)


def compare(context: Context) -> dict[str, object]:
    """Predicted against true mean probability on the test lists."""
    version = context.manifest.facts["stages"]["train"]["model_version"]
    test = read_frame(context.workspace.evidence / version / "test.parquet", "leadml train")
    truth: pd.DataFrame = read_frame(context.workspace.truth / "probabilities.parquet", "leadml simulate")
    found = compare_with_truth(test, truth, context.config.seed)
    context.progress.say(
        "truth",
        f"predicted and true probability, in ten bins of the test lists, differ by {found['largest_gap']:.2%} at most"
        + ("" if found["inside"] else ": more than chance explains"),
    )
    return found
