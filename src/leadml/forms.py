"""Which line turns margins into probabilities: as they are, or with a slope that the folds have shown to be better."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadml.calibration import Calibrator, Form, fit_form, recentre
from leadml.metrics import row_losses
from leadml.models.ladder import clustered_error
from leadml.models.plan import FoldRows


@dataclass(frozen=True)
class FormChoice:
    """The form, its slope on all folds, and each form's mean log loss on folds that it was not fitted on."""

    form: Form
    slope: float
    losses: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"form": self.form.value, "slope": self.slope, "losses": self.losses}


def choose_form(margins: Sequence[np.ndarray], folds: Sequence[FoldRows]) -> FormChoice:
    """Identity, temperature or sigmoid for margins (m,) of each fold's validation rows.

    Each form is fitted on the other folds, newer rows weighing more, with the intercept that reproduces their rate, and
    judged on the fold. The form of the lowest mean log loss is taken, or the simplest (in the order above) that is not
    worse by one account-clustered standard error of the difference.
    """
    losses = {form: [_loss(form, margins, folds, k) for k in range(len(folds))] for form in Form}
    means = {form: float(np.mean([fold.mean() for fold in found])) for form, found in losses.items()}
    rows = {form: np.concatenate(found) for form, found in losses.items()}
    best = min(Form, key=lambda form: means[form])
    borders, account = np.cumsum([0, *(len(f.labels) for f in folds)]), np.concatenate([f.account for f in folds])
    form = next(
        f for f in Form if f is best or means[f] - means[best] < clustered_error(rows[f] - rows[best], borders, account)
    )
    labels, weights = np.concatenate([f.labels for f in folds]), np.concatenate([f.weight for f in folds])
    slope = fit_form(form, np.concatenate(margins), labels, weights)
    return FormChoice(form, slope, {f.value: means[f] for f in Form})


def calibrate_form(form: Form, margin: np.ndarray, label: np.ndarray, weight: np.ndarray) -> Calibrator:
    """The form's line through margins (n,), with the intercept that reproduces the weighted rate of the labels (n,)."""
    slope = fit_form(form, margin, label, weight)
    return Calibrator(slope, recentre(slope * margin, weight, smoothed_rate(label, weight)))


def smoothed_rate(label: np.ndarray, weight: np.ndarray) -> float:
    """The weighted rate; half a conversion stands for none, as a rate of 0 has no log-odds."""
    return (float(weight @ label) + 0.5) / (float(weight.sum()) + 1)


def _loss(form: Form, margins: Sequence[np.ndarray], folds: Sequence[FoldRows], fold: int) -> np.ndarray:
    others = [i for i in range(len(folds)) if i != fold] or [fold]
    margin = np.concatenate([margins[i] for i in others])
    label = np.concatenate([folds[i].labels for i in others])
    weight = np.concatenate([folds[i].weight for i in others])
    calibrator = calibrate_form(form, margin, label, weight)
    return row_losses(folds[fold].labels, calibrator.probability(margins[fold]))[0]
