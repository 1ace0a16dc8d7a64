"""Contributions told in points of the score, summed by family, and said in words: the one way to a lead's reasons.

Predict, explain, the report, the pyfunc and the Python API all come through `write_reasons`. Every row is treated by
itself (ties go to what comes first), so a lead's text does not depend on which other leads are scored with it. A reason
says what the score rests on; it never says what would change the outcome.
"""

from leadml.reasons.choosing import SMALLEST_REASON, Chosen, ReasonsStyle, choose_reasons, group_topics
from leadml.reasons.levels import fold_levels
from leadml.reasons.phrases import feature_value_words, missing_words, sentence_case
from leadml.reasons.points import POINTS_PER_LOG_ODD, explain_points, family_points, family_shares
from leadml.reasons.reference import Reference, Standing, fit_reference
from leadml.reasons.writing import Reasons, reasons_text, write_reasons

__all__ = [
    "POINTS_PER_LOG_ODD",
    "SMALLEST_REASON",
    "Chosen",
    "Reasons",
    "ReasonsStyle",
    "Reference",
    "Standing",
    "choose_reasons",
    "explain_points",
    "family_points",
    "family_shares",
    "feature_value_words",
    "fit_reference",
    "fold_levels",
    "group_topics",
    "missing_words",
    "reasons_text",
    "sentence_case",
    "write_reasons",
]
