"""leadml: point-in-time features, calibrated probabilities and exact reasons for every open lead."""

import os
from typing import TYPE_CHECKING

# Before LightGBM is loaded: its threads spin while they wait for each other, and on a machine with other work to do
# that makes training ten times slower. Results are the same.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
__all__ = ["ConversionClassifier", "LeadScorer", "__version__"]

if TYPE_CHECKING:
    from leadml.classifier import ConversionClassifier
    from leadml.scorer import LeadScorer


def __getattr__(name: str) -> object:
    """Loads the two classes when they are first asked for, so that `leadml --help` stays instant."""
    if name == "LeadScorer":
        from leadml.scorer import LeadScorer

        return LeadScorer
    if name == "ConversionClassifier":
        from leadml.classifier import ConversionClassifier

        return ConversionClassifier
    raise AttributeError(f"module 'leadml' has no attribute {name!r}")
