"""Levels that always or never convert: people write such words when they know how it ended."""

import numpy as np

from leadml.audit.columns import Coded
from leadml.audit.filling import MIN_CASES, lower_bound, upper_bound
from leadml.audit.findings import Evidence
from leadml.audit.power import Outcome, shown_code

ALWAYS = 0.85  # lower bound of a level's rate, at a usual base rate
LEAST_RATIO, MOST_RATIO = 10.0, 50.0  # odds of "always" against those of the base rate lie between
NEVER_RATIO = 10.0
COVERS_CONVERTED, COVERS_OTHERS = 0.05, 0.20
SHOWN = 3


def pure_levels(coded: Coded, outcome: Outcome) -> Evidence | None:
    """``pure_levels``: exact values with many rows whose rate is as good as 1 or 0, against the base rate.

    A level *always* converts where the lower bound of its odds is that of a rate of 0.85, but at least 10 and at most
    50 times the odds of the base rate; it *never* does where their upper bound is a tenth of them. 2 points where
    the former hold 5 % of the converted rows, else 1 where the latter hold 20 % of the others. Missing is no level.
    """
    rows = np.bincount(coded.codes, minlength=len(coded.names))
    positives = np.bincount(coded.codes, weights=outcome.label, minlength=len(coded.names)).astype(int)
    base = odds(outcome.rate)
    always_from = float(np.clip(odds(ALWAYS), LEAST_RATIO * base, MOST_RATIO * base))
    always, never = [], []
    for code in np.flatnonzero((rows >= MIN_CASES) & coded.exact):
        if code == 0 or rows[code] == len(coded.codes):
            continue
        if odds(lower_bound(positives[code], rows[code])) >= always_from:
            always.append(int(code))
        elif odds(upper_bound(positives[code], rows[code])) <= base / NEVER_RATIO:
            never.append(int(code))
    held = float(positives[always].sum() / max(outcome.label.sum(), 1))
    refused = float((rows - positives)[never].sum() / max((1 - outcome.label).sum(), 1))
    points = 2 if held >= COVERS_CONVERTED else 1 if refused >= COVERS_OTHERS else 0
    if not points:
        return None
    shown = sorted(always + never, key=lambda c: (-rows[c], c))[:SHOWN]
    levels = [
        {"level": shown_code(coded, c), "rows": int(rows[c]), "rate": round(float(positives[c] / rows[c]), 4)}
        for c in shown
    ]
    numbers = {"always": len(always), "never": len(never), "held": round(held, 4), "refused": round(refused, 4)}
    return Evidence("pure_levels", numbers | {"levels": levels, "base_rate": round(outcome.rate, 4)}, points)


def odds(rate: float) -> float:
    """The odds of a rate, finite."""
    return float(rate / max(1 - rate, 1e-12))
