"""demo: an invented company, from its exports to its scored leads."""

from leadml.stages import run as whole
from leadml.stages import simulate
from leadml.stages.context import Context


def run(context: Context) -> None:
    """simulate, then run."""
    simulate.run(context)
    whole.run(context)
