"""An intercept for each level of a segment: how far its log-odds are off out of time, and whether telling helps.

A level's shift is estimated on rows that the model did not learn from, shrunken towards 0 by how far levels differ
beyond chance (empirical Bayes), and used only where it is proven: the mean log loss of the folds must be lower, by more
than one account-clustered standard error of the difference, with the shifts of the other folds and with those of the
earlier ones alone, and with the latter that of the newest fold must be lower too. What changed once and for all, the
next model learns by itself: to shift it as well would count it twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from leadml.calibration import SMALLEST, Calibrator, Form, recentre
from leadml.config import Rung
from leadml.encoding import OTHER, level_texts
from leadml.forms import FormChoice, calibrate_form, smoothed_rate
from leadml.metrics import row_losses
from leadml.models.ladder import clustered_error
from leadml.models.plan import FoldRows, Plan
from leadml.models.shifts import SegmentShift
from leadml.recipe_data import RecipeData
from leadml.segment_choice import category_names

HALF = 0.5  # a conversion, added to a level's: none at all has no log-odds
FADING = 0.5  # of a fold's weight, against the one after it: the next model will have learnt from it what it tells


@dataclass(frozen=True)
class OutOfTime:
    """The validation rows of all folds, one fold after the other, (n,) each; ``fold`` counts from 0."""

    margin: np.ndarray
    label: np.ndarray
    weight: np.ndarray
    lead: np.ndarray
    account: np.ndarray
    fold: np.ndarray

    @classmethod
    def of(cls, margins: Sequence[np.ndarray], folds: Sequence[FoldRows], lead: np.ndarray) -> "OutOfTime":
        """From the margins of each fold's validation rows, the folds, and the lead of each row (n,)."""
        label, weight, account = (
            np.concatenate([getattr(f, part) for f in folds]) for part in ("labels", "weight", "account")
        )
        fold = np.repeat(np.arange(len(folds)), [len(f.labels) for f in folds])
        return cls(np.concatenate(margins), label, weight, pd.factorize(lead)[0], account, fold)

    @property
    def borders(self) -> np.ndarray:
        """(folds + 1,) where each fold begins, and n."""
        return np.cumsum(np.r_[0, np.bincount(self.fold)])

    def others(self, fold: int) -> np.ndarray:
        """The rows (mask) of every fold but the one; of that one, where it is the only one."""
        found = self.fold != fold
        return found if found.any() else ~found

    def before(self, fold: int) -> np.ndarray:
        """How much each row (n,) counts for what comes with a fold: 1 in the one before, `FADING` in that before it."""
        return np.where(self.fold < fold, FADING ** (fold - 1.0 - self.fold), 0.0)


@dataclass(frozen=True)
class LevelShift:
    """One level: its shift of the calibrated log-odds, as seen and shrunken, and the distinct leads behind it."""

    name: str
    seen: float
    shift: float
    leads: int
    converting_leads: int


@dataclass(frozen=True)
class Tried:
    """One segment: by how much the log loss is lower with its intercepts, and the standard error of that.

    ``less`` with ``error``: with those fitted on the other folds; ``forward_less`` with ``forward_error``: on earlier
    ones, which the first fold has none of; ``newest_less``: the same in the newest fold alone.
    """

    feature: str
    less: float
    error: float
    forward_less: float
    forward_error: float
    newest_less: float
    used: bool
    levels: tuple[LevelShift, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dict(vars(self)) | {"levels": [dict(vars(level)) for level in self.levels]}


@dataclass(frozen=True)
class ShiftChoice:
    """The plan with the shifts that are used, what was tried, and why what was asked for was not."""

    plan: Plan
    tried: tuple[Tried, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> list[dict[str, Any]]:
        """Plain values for JSON."""
        return [one.to_dict() for one in self.tried]


def separate_segments(data: RecipeData, plan: Plan, form: FormChoice, folds: Sequence[FoldRows]) -> ShiftChoice:
    """`choose_shifts` by ``train.segments``, as far as they are categories of the model; points stay as they are."""
    names = data.config.train.segments
    if not names:
        return ShiftChoice(plan)
    if plan.rung == Rung.points.value:
        return ShiftChoice(plan, notes=("train.segments: a scorecard has no intercepts by segment; its points stand",))
    known, rows = category_names(data.features), np.concatenate([validation for _, validation in data.split.folds])
    absent = [name for name in names if name not in known]
    notes = [f"train.segments: {', '.join(absent)} not among the model's features: no intercepts by it"] * bool(absent)
    segments = {name: level_texts(data.X[name].iloc[rows]) for name in names if name in known}
    lead = data.snapshots["lead_id"].to_numpy(dtype=object)[rows]
    return replace(choose_shifts(plan, form, folds, lead, segments), notes=tuple(notes))


def choose_shifts(
    plan: Plan, form: FormChoice, folds: Sequence[FoldRows], lead: np.ndarray, segments: Mapping[str, np.ndarray]
) -> ShiftChoice:
    """The plan with a separate intercept for the levels of each segment where that is proven better.

    Segments are tried in their order, each beside those that are used already. Margins and probabilities of the new
    plan have, on each fold, the shifts that were fitted on the *other* folds.

    Args:
        plan: with the margins of each fold's validation rows.
        form: of the calibration.
        folds: as the plan was chosen on.
        lead: (n,) lead of each validation row, one fold after the other.
        segments: by feature the level (n,) of each of these rows, as text; None is missing.
    """
    rows = OutOfTime.of(plan.margins, folds, lead)
    now, ahead = (_Offsets.none(rows, form.form, forward) for forward in (False, True))
    used: dict[str, SegmentShift] = {}
    tried: list[Tried] = []
    whole = calibrate_form(form.form, rows.margin, rows.label, rows.weight).log_odds(rows.margin)
    for name, levels in segments.items():
        then, then_ahead = now.with_levels(rows, levels), ahead.with_levels(rows, levels)
        less, error, _ = _gain(rows, now, then)
        forward_less, forward_error, newest = _gain(rows, ahead, then_ahead)
        found = estimate_shifts(levels, whole, rows, rows.before(len(folds)))
        better = bool(less > error and forward_less > forward_error and newest > 0)
        tried.append(Tried(name, less, error, forward_less, forward_error, newest, better, found))
        if better:
            now, ahead, whole = then, then_ahead, whole + look_up(levels, found)
            used[name] = SegmentShift(name, {level.name: level.shift / form.slope for level in found if level.shift})
    if not used:
        return ShiftChoice(plan, tuple(tried))
    own = [rows.fold == k for k in range(len(folds))]
    margins = tuple(rows.margin[mine] + now.shift[k][mine] / form.slope for k, mine in enumerate(own))
    probabilities = tuple(now.probability(rows, k)[mine] for k, mine in enumerate(own))
    shifts = tuple(used.values())
    return ShiftChoice(replace(plan, margins=margins, probabilities=probabilities, shifts=shifts), tuple(tried))


def estimate_shifts(
    levels: np.ndarray, log_odds: np.ndarray, rows: OutOfTime, counts: np.ndarray
) -> tuple[LevelShift, ...]:
    """What each level's log-odds are off by, shrunken towards 0; levels by name, without missing and other ones.

    Args:
        levels: (n,) text, None missing.
        log_odds: (n,) calibrated, of all rows.
        rows: labels, weights, leads.
        counts: (n,) from 0 to 1, how much of its weight a row has; those of 0 are not looked at.

    A level's shift as *seen* makes its mean probability its rate, in which distinct converting leads count once (rows
    of a lead are not independent) and half a conversion more, at the rate that was said, than there were. Its variance
    is 1/c + 1/(n - c) of c converting leads out of n that they are worth (Woolf 1955). Levels differ by a variance
    estimated from all of them by moments (DerSimonian and Laird 1986), 0 where they differ no more than chance would
    make them; each is shrunken towards the mean of all by its own share of it (Efron and Morris 1975).
    """
    found, variances = [], []
    among, weights = counts > 0, counts * rows.weight
    for name in sorted({str(level) for level in levels[among] if level is not None and level != OTHER}):
        mine = among & (levels == name)
        weight, label, lead = weights[mine], rows.label[mine], rows.lead[mine]
        said = float(np.average(expit(log_odds[mine]), weights=weight))
        converted = pd.Series(weight[label == 1]).groupby(lead[label == 1]).max().sum()
        rate = float(np.average(label, weights=weight))
        # What the evidence is worth in leads: without a conversion as many as there are.
        worth = converted / rate if rate > 0 else float(pd.Series(weight).groupby(lead).max().sum())
        told = (converted + HALF) / (worth + HALF / said)
        seen = recentre(log_odds[mine], weight, min(max(told, SMALLEST), 1 - SMALLEST))
        variances.append(1 / (converted + HALF) + 1 / (max(worth - converted, 0.0) + HALF))
        found.append(LevelShift(name, seen, 0.0, len(np.unique(lead)), len(np.unique(lead[label == 1]))))
    if len(found) < 2:
        return tuple(found)
    shifts = shrink(np.array([level.seen for level in found]), np.array(variances))
    return tuple(replace(level, shift=float(s)) for level, s in zip(found, shifts, strict=True))


def shrink(seen: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Estimates (m,) less their mean, shrunken to 0 by between / (between + variance) each; all 0 where between is."""
    weight = 1 / variance
    excess = float(weight @ (seen - weight @ seen / weight.sum()) ** 2) - (len(seen) - 1)
    between = max(0.0, excess / float(weight.sum() - (weight**2).sum() / weight.sum()))
    weight = 1 / (between + variance)
    return (seen - weight @ seen / weight.sum()) * between * weight + 0.0  # no -0.0


def look_up(levels: np.ndarray, found: Sequence[LevelShift]) -> np.ndarray:
    """The shift (n,) of each row; 0 for a level that is not among them."""
    codes, distinct = pd.factorize(levels)
    by_name = {level.name: level.shift for level in found}
    return np.array([*(by_name.get(str(value), 0.0) for value in distinct), 0.0])[codes]


def _gain(rows: OutOfTime, before: "_Offsets", after: "_Offsets") -> tuple[float, float, float]:
    """By how much the mean over folds of the log loss is lower after, the standard error of that, the newest fold's."""
    difference = before.losses(rows) - after.losses(rows)
    means = np.add.reduceat(difference, rows.borders[:-1]) / np.diff(rows.borders)
    return float(means.mean()), clustered_error(difference, rows.borders, rows.account), float(means[-1])


@dataclass(frozen=True)
class _Offsets:
    """A fold each: the line of the others, how much rows (n,) count for its shifts, and the shift of every row (n,)."""

    lines: tuple[Calibrator, ...]
    known: tuple[np.ndarray, ...]
    shift: tuple[np.ndarray, ...]

    @classmethod
    def none(cls, rows: OutOfTime, form: Form, forward: bool) -> "_Offsets":
        """Without any shift; ``forward``: they will be fitted on the earlier folds, else on all others."""
        count = len(rows.borders) - 1
        others = [rows.others(k) for k in range(count)]
        lines = [calibrate_form(form, rows.margin[o], rows.label[o], rows.weight[o]) for o in others]
        known = [rows.before(k) if forward else others[k].astype(np.float64) for k in range(count)]
        return cls(tuple(lines), tuple(known), tuple(np.zeros(len(rows.margin)) for _ in others))

    def with_levels(self, rows: OutOfTime, levels: np.ndarray) -> "_Offsets":
        """With the shifts of one more segment."""
        shift = []
        for line, known, before in zip(self.lines, self.known, self.shift, strict=True):
            log_odds = line.log_odds(rows.margin) + before
            shift.append(before + look_up(levels, estimate_shifts(levels, log_odds, rows, known)))
        return replace(self, shift=tuple(shift))

    def probability(self, rows: OutOfTime, fold: int) -> np.ndarray:
        """Probabilities (n,) by what was fitted on the other folds, with the intercept that reproduces their rate."""
        log_odds, others = self.lines[fold].log_odds(rows.margin) + self.shift[fold], rows.others(fold)
        rate = smoothed_rate(rows.label[others], rows.weight[others])
        at = recentre(log_odds[others], rows.weight[others], rate)
        return np.clip(expit(log_odds + at), SMALLEST, 1 - SMALLEST)

    def losses(self, rows: OutOfTime) -> np.ndarray:
        """Log loss (n,) of each row by what was fitted on the other folds."""
        found = np.empty(len(rows.margin))
        for k in range(len(self.lines)):
            mine = rows.fold == k
            found[mine] = row_losses(rows.label[mine], self.probability(rows, k)[mine])[0]
        return found
