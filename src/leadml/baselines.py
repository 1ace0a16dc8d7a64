"""What the model must beat, on the same rows: constant rate, points, recency, logistic regression.

Every baseline gets the base rate that the model's intercept reproduces, so that it loses or wins by what it knows of
the leads and not by the drift of the rate between training and test.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from leadml.calibration import SMALLEST, recentre
from leadml.encoding import Encoder, number_values
from leadml.features.dictionary import Kind

NEVER_DAYS = 3650.0  # recency of a lead that never did anything
STRENGTH = 0.1  # scikit-learn's C of the logistic regression, on standardised columns
FIT_ROWS = 60_000  # most rows that the logistic regression is fitted on; a seeded sample above


@dataclass(frozen=True)
class PointRule:
    """Points where the first present feature of ``features`` meets the condition.

    A number is compared with ``at_least`` or ``at_most`` (both inclusive), a category with ``values``; missing
    meets none.
    """

    features: tuple[str, ...]
    points: float
    at_least: float | None = None
    at_most: float | None = None
    values: frozenset[str] = frozenset()


FEWEST_FEATURES = 3  # a scorecard that finds fewer of its features is no scorecard

TOP = frozenset({"executive", "founder", "owner", "c_level"})
HEADS = frozenset({"vice_president", "vp", "director", "head"})
MANAGERS = frozenset({"manager"})
BUSINESS = frozenset({"business"})
FREE = frozenset({"free"})
WARM = frozenset({"referral", "customer referral", "employee referral", "partner", "partner referral", "word of mouth"})

# A scorecard as teams write them by hand: who they are, then what they did lately. No label was looked at.
SCORECARD = (
    PointRule(("seniority",), 15, values=TOP),
    PointRule(("seniority",), 12, values=HEADS),
    PointRule(("seniority",), 6, values=MANAGERS),
    PointRule(("mail_kind",), 5, values=BUSINESS),
    PointRule(("mail_kind",), -10, values=FREE),
    PointRule(("employees", "account_employees"), 10, at_least=200),
    PointRule(("lead_source",), 10, values=WARM),
    PointRule(("web_visit_7d", "web_session_7d", "visits_7d", "visits_30d"), 5, at_least=1),
    PointRule(("web_visit_30d", "web_session_30d", "visits_30d"), 5, at_least=3),
    PointRule(("content_pricing_30d", "content_pricing_90d"), 15, at_least=1),
    PointRule(("content_demo_30d", "content_demo_90d"), 15, at_least=1),
    PointRule(("web_download_30d", "web_download_90d"), 5, at_least=1),
    PointRule(("email_opened_30d", "email_opened_90d"), 2, at_least=1),
    PointRule(("email_clicked_30d", "email_clicked_90d"), 5, at_least=1),
    PointRule(("email_replied_90d", "email_replied_30d"), 15, at_least=1),
    PointRule(("form_submitted_90d", "form_submitted_30d"), 10, at_least=1),
    PointRule(("campaign_responded_90d", "campaign_responded_30d"), 5, at_least=1),
    PointRule(("event_attended_90d", "event_attended_30d"), 10, at_least=1),
    PointRule(("meeting_held_90d", "meeting_held_30d"), 20, at_least=1),
    PointRule(("recency_lead_days",), 5, at_most=7),
    PointRule(("recency_lead_days",), -10, at_least=60),
)


@dataclass(frozen=True)
class BaselineRows:
    """Rows of one part: the snapshots (n), their features (n) and which of them are rows of a list (n, bool)."""

    snapshots: pd.DataFrame
    X: pd.DataFrame
    listed: np.ndarray

    @property
    def label(self) -> np.ndarray:
        """0 or 1 (n,), float64."""
        return self.snapshots["label"].to_numpy(dtype=np.float64)


@dataclass(frozen=True)
class Baseline:
    """A baseline on the test rows: ``score`` orders, ``probability`` is its P(conversion in the horizon)."""

    score: np.ndarray
    probability: np.ndarray


def build_baselines(
    train: BaselineRows, test: BaselineRows, encoder: Encoder, rate: float, seed: int
) -> tuple[dict[str, Baseline], tuple[str, ...]]:
    """All baselines that the data allow, fitted on ``train``, and notes on those left out.

    ``constant`` comes first. ``rate`` is the base rate that every baseline reproduces on the training lists.
    """
    size = len(test.snapshots)
    found = {"constant": Baseline(np.zeros(size), np.full(size, rate))}
    notes = []
    for name, scorer, reason in (
        ("points", score_points, f"fewer than {FEWEST_FEATURES} features that the scorecard knows"),
        ("recency", score_recency, "no time of the last touchpoint and no age"),
    ):
        scored = scorer(train), scorer(test)
        if scored[0] is None or scored[1] is None:
            notes.append(f"baseline {name} is not available: {reason}")
            continue
        found[name] = Baseline(scored[1], _one_dimension(scored[0], train, scored[1], rate))
    odds = fit_logistic(train, test, encoder, rate, seed)
    found["logistic"] = Baseline(odds, _probability(odds))
    return found, tuple(notes)


def score_points(rows: BaselineRows, card: Sequence[PointRule] = SCORECARD) -> np.ndarray | None:
    """Points (n,) of a hand-made scorecard; None where ``X`` has fewer than three of its features."""
    used = [(rule, name) for rule in card if (name := next((f for f in rule.features if f in rows.X), None))]
    if len({name for _, name in used}) < min(FEWEST_FEATURES, len(card)):
        return None
    total = np.zeros(len(rows.X))
    for rule, name in used:
        total += rule.points * _meets(rows.X[name], rule)
    return total


def score_recency(rows: BaselineRows) -> np.ndarray | None:
    """Minus log(1 + days since the lead last did something), or its age where that is unknown; None without either.

    Leads that never did anything count as ten years ago.
    """
    days = rows.X["recency_lead_days"] if "recency_lead_days" in rows.X else rows.snapshots["age_days"]
    values = number_values(days)
    if np.isnan(values).all():
        return None
    return -np.log1p(np.clip(np.nan_to_num(values, nan=NEVER_DAYS), 0, NEVER_DAYS))


def fit_logistic(train: BaselineRows, test: BaselineRows, encoder: Encoder, rate: float, seed: int) -> np.ndarray:
    """Log-odds (m,) of the test rows by a logistic regression on standardised, one-hot coded features.

    At most 60,000 training rows, drawn by ``seed``; the intercept is moved so that the mean probability of the
    training lists is ``rate``.
    """
    from sklearn.linear_model import LogisticRegression

    chosen = np.arange(len(train.X))
    if len(chosen) > FIT_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, FIT_ROWS, replace=False))
    matrix = encoder.encode(train.X.iloc[chosen])
    design = _Design(matrix, encoder)
    # Second-order steps converge in a few rounds, whatever the columns' correlation; the penalty keeps them stable.
    model = LogisticRegression(C=STRENGTH, solver="newton-cholesky", max_iter=100)
    fitted_on = design.columns(matrix)
    model.fit(fitted_on, train.label[chosen])
    listed = train.listed[chosen]
    odds = model.decision_function(fitted_on[listed] if listed.any() else fitted_on)
    return model.decision_function(design.columns(encoder.encode(test.X))) + recentre(odds, np.ones(len(odds)), rate)


class _Design:
    """Columns of a linear model: log of counts, standardised, with missing flags and one column a level."""

    def __init__(self, matrix: np.ndarray, encoder: Encoder) -> None:
        self.numbers = [j for j, f in enumerate(encoder.features) if f.kind is not Kind.CATEGORY]
        self.levels = {j: len(encoder.levels[encoder.features[j].name]) for j in encoder.categorical}
        values = matrix[:, self.numbers]
        self.logged = np.nanmin(values, axis=0, initial=np.inf) >= 0
        self.flagged = np.isnan(values).any(axis=0)
        values = self._straight(values)
        self.mean = np.nanmean(values, axis=0) if len(self.numbers) else np.zeros(0)
        spread = np.nanstd(values, axis=0) if len(self.numbers) else np.zeros(0)
        self.spread = np.where(spread > 0, spread, 1.0)

    def _straight(self, values: np.ndarray) -> np.ndarray:
        return np.where(self.logged, np.log1p(np.maximum(values, 0)), values)

    def columns(self, matrix: np.ndarray) -> np.ndarray:
        values = matrix[:, self.numbers]
        # Five deviations: one absurd amount must not carry the whole log-odds away.
        scaled = np.clip((self._straight(values) - self.mean) / self.spread, -5, 5)
        parts = [np.nan_to_num(scaled), np.isnan(values[:, self.flagged]).astype(np.float64)]
        parts += [(matrix[:, [j]] == np.arange(count)).astype(np.float64) for j, count in self.levels.items()]
        return np.hstack(parts)


def _meets(column: pd.Series, rule: PointRule) -> np.ndarray:
    if rule.values:
        codes, distinct = pd.factorize(column)
        known = [str(value).strip().casefold() in rule.values for value in distinct]
        return np.array([*known, False])[codes]
    values = number_values(column)
    met = ~np.isnan(values)
    if rule.at_least is not None:
        met &= values >= rule.at_least
    if rule.at_most is not None:
        met &= values <= rule.at_most
    return met


def _one_dimension(score: np.ndarray, train: BaselineRows, test_score: np.ndarray, rate: float) -> np.ndarray:
    """Probabilities of the test rows by a logistic curve through the score, fitted on the training lists."""
    from sklearn.linear_model import LogisticRegression

    listed = train.listed if 0 < train.label[train.listed].mean() < 1 else np.ones(len(score), dtype=bool)
    fitted, label = score[listed], train.label[listed]
    spread = float(fitted.std())
    if not spread > 0:
        return np.full(len(test_score), rate)
    centre = float(fitted.mean())
    model = LogisticRegression(C=1.0, solver="newton-cholesky").fit(((fitted - centre) / spread)[:, None], label)
    shift = recentre(model.decision_function(((fitted - centre) / spread)[:, None]), np.ones(len(fitted)), rate)
    return _probability(model.decision_function(((test_score - centre) / spread)[:, None]) + shift)


def _probability(log_odds: np.ndarray) -> np.ndarray:
    return np.clip(expit(log_odds), SMALLEST, 1 - SMALLEST)
