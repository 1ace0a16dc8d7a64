"""What the report is built from: plain tables, arrays and dicts that the stages have read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from leadml.errors import ArtifactError
from leadml.features.dictionary import Feature
from leadml.moves import Moves
from leadml.reasons import ReasonsStyle, Reference, fold_levels


@dataclass(frozen=True)
class ReportContext:
    """What is said in the header.

    Attributes:
        model_version: the scorer's digest or registered version.
        p50: the probability that scores 50.
        cutoff: UTC without a zone; None for rows without dates.
        horizon_days: None where there is no horizon (undated tables).
        event: "won", "opportunity" or "conversion".
        style: language and lengths of the reasons.
        forced: True where a gate said no and ``run.force=true`` scored anyway.
        confidence: of the intervals in the metrics.
        seed: of the leads drawn into a plot, and of the intervals' draws.
        draws: of an interval.
    """

    model_version: str
    p50: float
    cutoff: datetime | None = None
    horizon_days: float | None = None
    event: str = "conversion"
    style: ReasonsStyle = field(default_factory=ReasonsStyle)
    forced: bool = False
    confidence: float = 0.90
    seed: int = 0
    draws: int = 200


@dataclass(frozen=True)
class Evidence:
    """What the manifests know about the data.

    Attributes:
        cohorts: month, snapshots, leads, conversions, rate, immature_share (`snapshots.build_cohorts`).
        time_to_conversion: days, share, conversions (`snapshots.build_conversion_curve`).
        denied: ``column``, ``why`` and, where there are several, ``file`` (`SourceReport.denied`).
        lost: rows lost by rule.
    """

    cohorts: pd.DataFrame | None = None
    time_to_conversion: pd.DataFrame | None = None
    denied: Sequence[Mapping[str, str]] = field(default_factory=list)
    lost: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """How the list moved since an earlier one, that one's cutoff (UTC without a zone), model version and stamp."""

    moves: Moves
    cutoff: datetime
    model_version: str
    forced: str = ""


@dataclass(frozen=True)
class ReportInput:
    """Everything of the report; rows of ``scores``, ``points`` and ``X`` belong together by position.

    Attributes:
        scores: lead_id, probability, score, grade; fit and intent where known.
        points: (n, k) from `reasons.explain_points`.
        X: n rows of feature values; levels that the model does not know are read as other, as it does.
        features: k entries of the feature dictionary, in the order of the columns of ``points``.
        context: header and language.
        metrics: of `judgement.judge_test`; {} where there was no test.
        verdict: name and why, of `verdict.build_verdict`; {} where nothing was judged.
        decision: as in decision.json: grades (name to lower end, best first), threshold, chosen
            (`ThresholdChoice.to_dict`), judged (`judge_threshold`); each may be missing.
        evidence: about the data.
        accounts: (n,) the account of each lead; None where each is its own.
        strength: (k, k) mean absolute points that pairs of features give together (`LeadScorer.pair_points`); None
            where it is not known.
        bag: (b, k) how far each of b boosters alone moves scores, over all of them (`importance.measure_bag`); None or
            b of 0 where the model has no bag.
        changes: since the last list; None where there is none to compare with.
        reference: what reasons compare a lead's values with.
        card: the model card (Markdown); None where the model has none.
        succession: the history's entry by which this model became champion; {} where there is none.
    """

    scores: pd.DataFrame
    points: np.ndarray
    X: pd.DataFrame
    features: list[Feature]
    context: ReportContext
    metrics: Mapping[str, Any] = field(default_factory=dict)
    verdict: Mapping[str, Any] = field(default_factory=dict)
    decision: Mapping[str, Any] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    accounts: np.ndarray | None = None
    strength: np.ndarray | None = None
    bag: np.ndarray | None = None
    changes: Changes | None = None
    reference: Reference = field(default_factory=Reference)
    card: str | None = None
    succession: Mapping[str, Any] = field(default_factory=dict)

    @property
    def account_ids(self) -> np.ndarray:
        """(n,) whose rows are drawn together."""
        return np.arange(len(self.scores)) if self.accounts is None else self.accounts

    def __post_init__(self) -> None:
        object.__setattr__(self, "X", fold_levels(self.X, self.reference.levels))  # frozen: once, for all that is shown
        missing = {"lead_id", "probability", "score", "grade"} - set(self.scores.columns)
        if missing:
            raise ArtifactError(f"report: the scores lack {', '.join(sorted(missing))}; run leadml predict again")
        if not len(self.scores) == len(self.points) == len(self.X):
            raise ArtifactError(
                f"report: {len(self.scores)} scores, {len(self.points)} rows of points, {len(self.X)} of features"
            )
