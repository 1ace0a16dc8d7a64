"""Values that are there only for one outcome: exact bounds for proofs, differences of fill rates for suspicions."""

import numpy as np
from scipy.special import betaincinv  # not scipy.stats, which takes 0.7 s to import

from leadml.audit.columns import Coded
from leadml.audit.findings import Evidence
from leadml.audit.power import Auc, Outcome, cell_auc, with_interval

CONFIDENCE = 0.99  # of the exact (Clopper and Pearson 1934) bounds
MIN_CASES = 30  # rows, filled and empty, below which nothing is said of fill rates
ONLY = 0.90  # lower bound of the share of the filled rows that converted, for a proof
EXCEPTIONS = 0.01  # most of the filled rows of a proof that may be of the other outcome
ONLY_HIGH, ONLY_LEAST = 0.85, 0.60  # the same bound for 4 points, and for any
ODDS_RATIO = 8.0  # by which its odds must exceed those of the outcome among all rows
ODDS_FAR = 50.0  # from which a lower bound of 0.60 has 4 points too: a rare outcome has few rows
COVERAGE = 0.10  # of the outcome's rows that must be filled: a flag that few rows carry may honestly be pure
MISSING = ((0.90, 4), (0.80, 3), (0.70, 2), (0.62, 1))
TELLING = 0.53  # AUC of being empty, from which a gap to the leads to score is more than a new field
GAP = ((0.80, 3), (0.50, 2), (0.25, 1))


def lower_bound(hits: int, cases: int, confidence: float = CONFIDENCE) -> float:
    """The exact one-sided lower bound of a share."""
    return float(betaincinv(hits, cases - hits + 1, 1 - confidence)) if hits else 0.0


def upper_bound(hits: int, cases: int, confidence: float = CONFIDENCE) -> float:
    """The exact one-sided upper bound of a share."""
    return 1.0 - lower_bound(cases - hits, cases, confidence)


def only_with_outcome(coded: Coded, outcome: Outcome) -> Evidence | None:
    """``only_with_outcome``: the column is filled for converted rows alone, or for the others alone.

    A proof only on the side of the converted, with hardly an exception: what speaks against a lead (it unsubscribed,
    its address bounced) is honestly filled for leads alone that do not convert.
    """
    if not coded.missing.any():
        return None
    found = _only("only_with_outcome", ~coded.missing, outcome)
    if found is None or found.numbers["outcome"] != "converted" or found.numbers["lower_bound"] < ONLY:
        return found
    wrong = found.numbers["filled"] - found.numbers["with_outcome"]
    return Evidence(found.kind, found.numbers, 0, True) if wrong <= EXCEPTIONS * found.numbers["filled"] else found


def unusual_only(coded: Coded, outcome: Outcome) -> Evidence | None:
    """``unusual_only``: the same of values other than the usual one (0, No, ...): strong, and no proof."""
    counts = np.bincount(coded.codes, minlength=len(coded.names))
    usual = int(counts.argmax())
    if usual == 0 or not coded.exact[usual]:
        return None
    found = _only("unusual_only", (coded.codes != usual) & ~coded.missing, outcome)
    if found is None:
        return None
    certain = found.numbers["outcome"] == "converted" and found.numbers["lower_bound"] >= ONLY_HIGH
    points = 4 if certain else 3
    return Evidence(found.kind, dict(found.numbers) | {"usual": coded.names[usual]}, points)


def _only(kind: str, filled: np.ndarray, outcome: Outcome) -> Evidence | None:
    """A suspicion with 3 or 4 points, by the lower bound of the outcome's share and by its odds against all rows'."""
    cases, label = int(filled.sum()), outcome.label
    if not cases or cases == len(label):
        return None
    converted = int(label[filled].sum())
    for name, hits, total in (
        ("converted", converted, int(label.sum())),
        ("not converted", cases - converted, int((1 - label).sum())),
    ):
        low, share = lower_bound(hits, cases), total / len(label)
        ratio = low * (1 - share) / max(share * (1 - low), 1e-12)
        if low >= ONLY_LEAST and ratio >= ODDS_RATIO and hits >= COVERAGE * total:
            points = 4 if low >= ONLY_HIGH or ratio >= ODDS_FAR else 3
            numbers = {"outcome": name, "filled": cases, "with_outcome": hits, "rows_with_outcome": total}
            return Evidence(kind, numbers | {"lower_bound": round(low, 4), "share": round(share, 4)}, points)
    return None


def missing_alone(coded: Coded, outcome: Outcome) -> Evidence | None:
    """``missing_alone``: how well it orders the rows that the column is empty, with the rates of both sides."""
    missing = coded.missing
    empty = int(missing.sum())
    if min(empty, len(missing) - empty) < MIN_CASES:
        return None
    auc = missing_auc(missing, outcome)
    points = next((p for least, p in MISSING if auc.low >= least), 0)
    if not points:
        return None
    rates = [round(float(outcome.label[rows].mean()), 4) for rows in (missing, ~missing)]
    numbers = auc.to_dict() | {"missing": round(empty / len(missing), 4), "rate_missing": rates[0]}
    return Evidence("missing_alone", numbers | {"rate_filled": rates[1]}, points)


def fill_gap(coded: Coded, outcome: Outcome, strata: np.ndarray) -> Evidence | None:
    """``fill_gap``: fill rate of converted rows against that of comparable others (same stratum, (n,) codes).

    The others are weighted as the converted rows are spread over the strata; strata without others are left out.
    """
    filled, label = ~coded.missing, outcome.label
    size = int(strata.max()) + 1
    good = np.bincount(strata, weights=label, minlength=size)
    bad = np.bincount(strata, weights=1 - label, minlength=size)
    good_filled = np.bincount(strata, weights=label * filled, minlength=size)
    bad_filled = np.bincount(strata, weights=(1 - label) * filled, minlength=size)
    both = (good > 0) & (bad > 0)
    if good[both].sum() < MIN_CASES or bad[both].sum() < MIN_CASES:
        return None
    weight = good[both] / good[both].sum()
    converted = float((good_filled[both] / good[both] * weight).sum())
    others = float((bad_filled[both] / bad[both] * weight).sum())
    return gap_evidence("others", (converted, outcome.converting), (others, outcome.others))


def population_gap(training: np.ndarray, scoring: np.ndarray, outcome: Outcome) -> Evidence | None:
    """``fill_gap`` of the training rows (missing or not, (n,)) against the rows that are to be scored ((m,)).

    More than a point only where being empty also goes with the outcome among the training rows: a field that was
    introduced, dropped or is filled in with time has such a gap as well, and gives nothing away.
    """
    if min(len(training), len(scoring)) < MIN_CASES:
        return None
    found = gap_evidence(
        "scored", (1 - float(training.mean()), len(training)), (1 - float(scoring.mean()), len(scoring))
    )
    if found is None or missing_auc(training, outcome).low >= TELLING:
        return found
    return Evidence(found.kind, found.numbers, 1)


def missing_auc(missing: np.ndarray, outcome: Outcome) -> Auc:
    """How well being empty (n,) orders the rows, in whichever direction."""
    rows = np.array([int(missing.sum()), int((~missing).sum())])
    positives = np.array([outcome.label[missing].sum(), outcome.label[~missing].sum()])
    return with_interval(cell_auc(positives / np.maximum(rows, 1), rows, positives), outcome)


def gap_evidence(against: str, one: tuple[float, int], other: tuple[float, int]) -> Evidence | None:
    """``fill_gap`` of two (fill rate, distinct leads), with points by the lower end of the difference's interval."""
    gap = one[0] - other[0]
    # Weighted fill rates may leave [0, 1] by a rounding error.
    error = float(np.sqrt(sum(max(p * (1 - p), 0.0) / max(n, 1) for p, n in (one, other))))
    least = abs(gap) - 1.645 * error
    points = next((p for step, p in GAP if least >= step), 0)
    if not points:
        return None
    numbers = {"against": against, "fill": round(one[0], 4), "fill_other": round(other[0], 4), "gap": round(gap, 4)}
    return Evidence("fill_gap", numbers | {"low": round(least, 4)}, points)
