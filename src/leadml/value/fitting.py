"""Amounts to a model: few features, all shrunken, chosen by how well they explain the amounts of distinct leads.

The logarithm of the amount is a linear model with one normal prior on all coefficients, b ~ N(0, sigma^2 / lambda), and
flat priors on the intercept and log sigma; lambda is the one on a grid with the largest marginal likelihood (empirical
Bayes; MacKay 1992, Bishop 2006, section 3.5). A feature enters, the best first, where it multiplies that likelihood by
more than the number of candidates, which is what a prior of one in so many asks for. Every lead counts once: its
snapshots share one weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import gamma, norm, t

from leadml.features.dictionary import Feature
from leadml.value.design import Term, fit_term
from leadml.value.model import ValueModel

MOST_FEATURES = 4
SHORTLIST = 12  # features looked at together, the best ones by themselves
MIN_LEADS = 30  # converting leads with an amount, below which no feature is looked at
FENCE = 3.0  # interquartile ranges of the log amounts above their third quartile: Tukey's outer fence is the cap
PENALTIES = tuple(float(2.0**k) for k in range(0, 13))  # lambda: from one lead's worth to four thousand's


@dataclass(frozen=True)
class Amounts:
    """Converting snapshots whose amount is known: positions (n,), amounts (n,) above 0, weights (n,), each lead's 1.

    ``missing`` and ``not_positive`` count distinct converting leads without an amount, or with one of 0 or less.
    """

    rows: np.ndarray
    amount: np.ndarray
    weight: np.ndarray
    leads: int
    missing: int
    not_positive: int


def known_amounts(snapshots: pd.DataFrame, rows: np.ndarray) -> Amounts:
    """The amounts among the ``rows`` (positions) of ``snapshots`` (lead_id, label, amount)."""
    part = snapshots.iloc[rows]
    converted = (part["label"] == 1).to_numpy(dtype=bool)
    amount = part["amount"].to_numpy(dtype=np.float64)
    known = converted & np.isfinite(amount)
    usable = known & (amount > 0)
    lead = part["lead_id"].to_numpy(dtype=object)
    codes, distinct = pd.factorize(lead[usable])
    weight = 1.0 / np.bincount(codes)[codes] if len(codes) else np.zeros(0)
    have = set(lead[known])
    return Amounts(
        rows=np.asarray(rows)[usable],
        amount=amount[usable],
        weight=weight,
        leads=len(distinct),
        missing=len(set(lead[converted]) - have),
        not_positive=len(have - set(distinct)),
    )


def fit_form(
    form: str, X: pd.DataFrame, amounts: Amounts, features: Sequence[Feature], confidence: float
) -> ValueModel:
    """The model of one of `model.FORMS` on the amounts; ``mean`` where no feature earns its place.

    Args:
        form: mean, log-normal or gamma.
        X: feature rows of all snapshots; ``amounts.rows`` are positions in it.
        amounts: what is known.
        features: candidates.
        confidence: of the range, in (0, 1).
    """
    return fit_forms((form,), X, amounts, features, confidence)[form]


def fit_forms(
    forms: Sequence[str], X: pd.DataFrame, amounts: Amounts, features: Sequence[Feature], confidence: float
) -> dict[str, ValueModel]:
    """`fit_form` of several forms, by name: features are looked at once for all of them."""
    counts = {"leads": amounts.leads, "missing": amounts.missing, "not_positive": amounts.not_positive}
    if not amounts.leads:
        return {form: ValueModel("none", confidence=confidence, counts=counts | {"capped": 0}) for form in forms}
    cap, counts["capped"] = find_cap(amounts)
    rows, y = X.iloc[amounts.rows], np.log(np.minimum(amounts.amount, cap))
    chosen: list[Term] = []
    if set(forms) != {"mean"} and amounts.leads >= MIN_LEADS:
        chosen = choose_terms(rows, y, amounts.weight, features)
    models = {}
    for form in forms:
        terms = [] if form == "mean" else chosen
        fitted = _Linear.fit(_columns(terms, rows), y, amounts.weight)
        if form == "gamma" and terms:
            fitted = fitted.as_gamma(np.exp(y), amounts.weight)
        about = (cap, confidence, counts)
        models[form] = fitted.model(form if terms else "mean", terms, np.exp(y), amounts.weight, about)
    return models


def find_cap(amounts: Amounts) -> tuple[float, int]:
    """What larger amounts count as, and how many leads have one.

    exp(Q3 + 3 (Q3 - Q1)) of the log amounts, one a lead: Tukey's outer fence (1977) on the scale on which amounts
    spread evenly; the largest amount where there are fewer than four.
    """
    if amounts.leads < 4:
        return float(amounts.amount.max()), 0
    low, high = _weighted_quantiles(np.log(amounts.amount), amounts.weight, (0.25, 0.75))
    cap = float(np.exp(high + FENCE * (high - low))) if high > low else float(amounts.amount.max())
    return cap, round(float(amounts.weight[amounts.amount > cap].sum()))


def choose_terms(X: pd.DataFrame, y: np.ndarray, weight: np.ndarray, features: Sequence[Feature]) -> list[Term]:
    """Terms of at most `MOST_FEATURES` features, in the order in which they entered."""
    candidates = [term for feature in features if (term := fit_term(X, feature, weight)) is not None]
    if not candidates:
        return []
    price = float(np.log(len(candidates)))
    nothing = log_evidence([], y, weight)
    single = [log_evidence(_columns([term], X), y, weight) for term in candidates]
    order = sorted(range(len(candidates)), key=lambda k: (-single[k], candidates[k].feature))[:SHORTLIST]
    short, best = [candidates[k] for k in order], nothing
    chosen: list[Term] = []
    while short and len(chosen) < MOST_FEATURES:
        tried = [log_evidence(_columns([*chosen, term], X), y, weight) for term in short]
        k = int(np.argmax(tried))
        if tried[k] - best <= price:
            break
        best = tried[k]
        chosen.append(short.pop(k))
    return chosen


def log_evidence(columns: list[np.ndarray], y: np.ndarray, weight: np.ndarray) -> float:
    """Log marginal likelihood of y (n,) given centred columns, up to a constant, at the best of `PENALTIES`."""
    return _Linear.fit(columns, y, weight).evidence


@dataclass(frozen=True)
class _Linear:
    """A shrunken linear model of the log amounts: what it was made of, and what came out."""

    Z: list[np.ndarray]
    gram: np.ndarray
    penalty: float
    intercept: float
    coefficients: np.ndarray
    variance: float  # of the noise around the middle, logs
    shape: float | None  # of the gamma; None: log-normal, its noise is of the variance
    freedom: float
    n: float
    evidence: float

    @classmethod
    def fit(cls, Z: list[np.ndarray], y: np.ndarray, weight: np.ndarray) -> "_Linear":
        n = float(weight.sum())
        intercept = float((weight * y).sum()) / n
        centred = y - intercept
        total = float((weight * centred * centred).sum())
        gram = np.array([[float((weight * a * b).sum()) for b in Z] for a in Z]).reshape(len(Z), len(Z))
        cross = np.array([float((weight * a * centred).sum()) for a in Z])
        eigen, vectors = np.linalg.eigh(gram) if Z else (np.zeros(0), np.zeros((0, 0)))
        eigen, turned = np.maximum(eigen, 0), vectors.T @ cross
        best, penalty = -np.inf, PENALTIES[-1]
        for tried in PENALTIES if Z else PENALTIES[:1]:
            rest = max(total - float((turned**2 / (eigen + tried)).sum()), 1e-9 * (1 + total))
            found = -0.5 * float(np.log1p(eigen / tried).sum()) - (n - 1) / 2 * float(np.log(rest))
            if found > best:
                best, penalty = found, tried
        coefficients = vectors @ (turned / (eigen + penalty))
        residual = centred - sum((c * z for c, z in zip(coefficients, Z, strict=True)), np.zeros(len(y)))
        freedom = n - 1 - float((eigen / (eigen + penalty)).sum())
        variance = float((weight * residual**2).sum()) / freedom if freedom > 0 else 0.0
        return cls(Z, gram, penalty, intercept, coefficients, variance, None, freedom, n, best)

    def eta(self, rows: int) -> np.ndarray:
        """Middle of the fitted rows, logs."""
        start = np.full(rows, self.intercept)
        return sum((c * z for c, z in zip(self.coefficients, self.Z, strict=True)), start)

    def as_gamma(self, amount: np.ndarray, weight: np.ndarray) -> "_Linear":
        """The same columns as a gamma model with a log link, by penalised iterated least squares.

        With that link and variance the working weights are constant (McCullagh and Nelder 1989, section 8.3), so each
        step solves with the same matrix. The dispersion is Pearson's; the penalty keeps the prior of the coefficients.
        """
        b = np.append(np.log((weight * amount).sum() / self.n), self.coefficients)
        dispersion = self.variance
        ratio = np.ones(len(amount))
        for _ in range(50):
            penalty = self.penalty * dispersion / self.variance if self.variance > 0 else self.penalty
            eta = sum((c * z for c, z in zip(b[1:], self.Z, strict=True)), np.full(len(amount), b[0]))
            ratio = amount / np.exp(np.clip(eta, -30, 30))
            pull = np.array([float((weight * (ratio - 1) * z).sum()) for z in self.Z]) - penalty * b[1:]
            step = np.linalg.solve(self.gram + penalty * np.eye(len(self.Z)), pull)
            move = np.append(float((weight * (ratio - 1)).sum()) / self.n, step)
            b = b + np.clip(move, -1, 1)
            dispersion = max(float((weight * (ratio - 1) ** 2).sum()) / max(self.freedom, 1.0), 1e-6)
            if np.abs(move).max() < 1e-9:
                break
        shape = 1 / dispersion
        return _Linear(self.Z, self.gram, penalty, float(b[0]), b[1:], dispersion, shape, self.freedom,
                       self.n, self.evidence)  # fmt: skip

    def model(
        self, form: str, terms: list[Term], amount: np.ndarray, weight: np.ndarray, about: tuple[float, float, dict]
    ) -> ValueModel:
        """The plain values. The mean is exact on the rows that it was fitted on (Duan's smearing, 1983)."""
        cap, confidence, counts = about
        log_mean = float(np.log((weight * amount).sum() / (weight * np.exp(self.eta(len(amount)))).sum()))
        tail = (1 - confidence) / 2
        quantile = float(t.ppf(1 - tail, self.freedom)) if self.freedom > 0 and self.variance > 0 else 0.0
        low = high = quantile * float(np.sqrt(self.variance))
        if self.shape is not None:
            shape = self.shape
            wider = quantile / float(norm.ppf(1 - tail))  # few leads know the shape badly, as they do a deviation
            low, high = (wider * abs(float(np.log(gamma.ppf(q, shape) / shape))) for q in (tail, 1 - tail))
        inverse = np.linalg.inv(self.gram + self.penalty * np.eye(len(self.Z))) if self.Z else np.zeros((0, 0))
        factor = np.linalg.cholesky(self.variance * inverse) if self.Z and self.variance > 0 else 0 * inverse
        return ValueModel(
            form=form,
            terms=tuple(terms),
            intercept=self.intercept,
            coefficients=tuple(map(float, self.coefficients)),
            factor=tuple(tuple(map(float, row)) for row in factor),
            intercept_variance=self.variance / self.n,
            log_mean=log_mean,
            noise_low=low,
            noise_high=high,
            quantile=quantile,
            cap=cap,
            confidence=confidence,
            counts=counts,
        )


def _columns(terms: Sequence[Term], X: pd.DataFrame) -> list[np.ndarray]:
    return [column for term in terms for column in term.columns(X)]


def _weighted_quantiles(values: np.ndarray, weight: np.ndarray, shares: Sequence[float]) -> list[float]:
    """The smallest value with at least the share of the weight at or below it."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weight[order]) / weight.sum()
    return [float(values[order][min(int(np.searchsorted(below, share)), len(values) - 1)]) for share in shares]
