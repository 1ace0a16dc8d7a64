"""What chance alone would show: the conversions of leads whose probabilities are exactly right.

*Chance* is a model whose every probability is exactly right. Its labels are simulated with one uniform number a lead: a
lead that recurs in many lists converts in all of them together, as in the data. Leads of one account convert together
in some companies (one deal, several contacts; always where a colleague's conversion counts as one's own) and each for
itself in others, and neither may be assumed: how much they do is estimated from the residuals (`share_together`), and
in that share of the accounts all leads have the account's number. Each lead's own probability stays exact.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from leadml.calibration import bin_codes

DRAWS = 200


@dataclass(frozen=True)
class Judged:
    """Rows that were judged: probability, label (0 or 1), lead and account codes from 0, each (n,).

    ``together`` is the share of the accounts whose leads convert together. Rows of a lead are of one account.
    """

    p: np.ndarray
    y: np.ndarray
    lead: np.ndarray
    account: np.ndarray
    together: float = 0.0

    @classmethod
    def of(cls, test: pd.DataFrame) -> "Judged":
        """From ``probability``, ``label``, ``lead_id`` and ``account_id``, all of them: `take` those of a group then.

        ``together`` is estimated here, for a group's few conversions tell little of it.
        """
        found = cls(
            test["probability"].to_numpy(dtype=np.float64),
            test["label"].to_numpy(dtype=np.float64),
            pd.factorize(test["lead_id"])[0],
            pd.factorize(test["account_id"])[0],
        )
        return replace(found, together=share_together(found))

    def take(self, rows: np.ndarray) -> "Judged":
        """Some of the rows, by a mask (n,)."""
        return Judged(self.p[rows], self.y[rows], self.lead[rows], self.account[rows], self.together)

    def converting(self) -> int:
        """Distinct converting leads."""
        return len(np.unique(self.lead[self.y == 1]))


def share_together(judged: Judged) -> float:
    """The share of the accounts, 0 to 1, whose leads would have to convert together for what is seen.

    With e the residuals y - p summed over a lead's rows, the products of e of two leads of an account, beside those of
    a lead with itself, are compared with what they would be if all leads of an account shared one uniform number u,
    where cov(1[u < p], 1[u < q]) = min(p, q) - p q::

        share = (sum e_i e_j / sum e_i^2) / (sum cov_ij / sum cov_ii)      i and j of one account, i != j

    (the analysis-of-variance estimate of an intra-class correlation, with expected products for unequal probabilities;
    a ratio on both sides, so that more or fewer conversions than expected cancel). 0 where no account has two leads.
    """
    residual = judged.y - judged.p
    of_lead, of_account = (_products(residual, judged.p, code) for code in (judged.lead, judged.account))
    seen, expected = (account - lead for account, lead in zip(of_account, of_lead, strict=True))
    if expected <= 1e-9 * of_account[1] or of_lead[0] <= 0:
        return 0.0
    return float(np.clip(seen / of_lead[0] * of_lead[1] / expected, 0.0, 1.0))


def simulate_conversions(judged: Judged, codes: np.ndarray, seed: int, draws: int = DRAWS) -> np.ndarray:
    """Converted rows by bin (draws, bins) of codes (n,) where every probability is exactly right.

    Only rows of leads whose number is below the largest of their probabilities are looked at: few, where rates are low.
    """
    generator = np.random.default_rng(seed)
    order = np.argsort(judged.lead, kind="stable")
    p, bin_of = judged.p[order], codes[order]
    rows = np.bincount(judged.lead)
    account = account_of_leads(judged)
    first = np.concatenate([[0], np.cumsum(rows)[:-1]])
    largest = np.zeros(len(rows))
    np.maximum.at(largest, judged.lead, judged.p)
    found = np.empty((draws, int(codes.max()) + 1))
    for draw in range(draws):
        uniform = draw_uniform(generator, account, judged.together)
        hit = np.flatnonzero(uniform < largest)
        count = rows[hit]
        # The places of these leads' rows: each lead's first one, and on from there.
        place = np.repeat(first[hit] - np.cumsum(count) + count, count) + np.arange(count.sum())
        converted = np.repeat(uniform[hit], count) < p[place]
        found[draw] = np.bincount(bin_of[place[converted]], minlength=found.shape[1])
    return found


def chance_calibration_error(judged: Judged, seed: int, bins: int = 10, draws: int = 100) -> dict[str, float]:
    """What `calibration.calibration_error` is by chance: ``mean`` and ``high`` (95th percentile) over ``draws``."""
    generator = np.random.default_rng(seed)
    codes, account = bin_codes(judged.p, bins), account_of_leads(judged)
    errors = []
    for _ in range(draws):
        converted = draw_uniform(generator, account, judged.together)[judged.lead] < judged.p
        errors.append(np.abs(np.bincount(codes, weights=judged.p - converted)).sum() / len(codes))
    return {"mean": float(np.mean(errors)), "high": float(np.quantile(errors, 0.95))}


def account_of_leads(judged: Judged) -> np.ndarray:
    """The account of each lead code (leads,); 0 for codes without a row."""
    account = np.zeros(int(judged.lead.max()) + 1, dtype=np.int64)
    account[judged.lead] = judged.account
    return account


def draw_uniform(generator: np.random.Generator, account: np.ndarray, together: float) -> np.ndarray:
    """One number in [0, 1) a lead (leads,): the account's in a share ``together`` of accounts, its own elsewhere."""
    own = generator.random(len(account))
    if together == 0:
        return own
    shared, common = generator.random((2, int(account.max()) + 1))
    return np.where((shared < together)[account], common[account], own)


def _products(residual: np.ndarray, p: np.ndarray, code: np.ndarray) -> tuple[float, float]:
    """Products of residuals over all pairs of rows (twice, and with themselves) of a code, and their covariances."""
    sums, said = np.bincount(code, weights=residual), np.bincount(code, weights=p)
    order = np.lexsort((-p, code))
    counts = np.bincount(code)
    place = np.arange(len(p)) - np.repeat(np.cumsum(counts) - counts, counts)
    # In falling order, a row is the smaller one of its pairs with the rows before it.
    smaller = float(p[order] @ (2 * place + 1))
    return float(sums @ sums), smaller - float(said @ said)
