"""Optuna behind the trials of the trees' settings (`leadml.models.tuning`): for `leadml train` and for the classifier.

A search ends by the clock or by its number of trials. By the clock alone it may find other settings on another machine;
whatever it finds was judged on the folds only.
"""

import logging
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from leadml.errors import ArtifactError
from leadml.models.plan import FoldRows, Ingredients
from leadml.models.tuning import SPACE, Trials, starting_point, try_settings

if TYPE_CHECKING:
    import optuna

WARMING = 5  # trials before one is given up


def open_study(path: str | None, seed: int) -> "optuna.Study":
    """The study kept in a file of lines of JSON, a new one where there is none; None: one that is not kept.

    Raises:
        ArtifactError: the file is broken.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        try:
            study = optuna.create_study(
                storage=None if path is None else JournalStorage(JournalFileBackend(path)),
                study_name="trees", load_if_exists=True, direction="minimize",
                pruner=optuna.pruners.MedianPruner(n_startup_trials=WARMING, n_warmup_steps=30),
            )  # fmt: skip
        except (ValueError, KeyError, OSError) as error:
            raise ArtifactError(
                f"{path} (earlier trials) cannot be read ({error}): remove it and tune again"
            ) from error
    # Another seed after every trial: a search that goes on must not propose again what it proposed at its beginning.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials), n_startup_trials=8)
    return study


def run_trials(
    study: "optuna.Study",
    rows: tuple[pd.DataFrame, Sequence[FoldRows]],
    given: Ingredients,
    minutes: float | None,
    most: int | None,
) -> int:
    """Trials on the folds until ``minutes`` are over or the study has ``most``; how many were made.

    ``rows`` are the feature frame and the folds of it. A new study begins with the settings of ``given``, which have
    nothing left open.
    """
    if not study.trials:
        study.enqueue_trial(starting_point(given.model))
    search = _Search(study, minutes, most, time.monotonic())
    return try_settings(*rows, given, Trials(search.suggest, search.answer, search.give_up))


def best_trial(study: "optuna.Study") -> tuple[float, dict[str, float]] | None:
    """The lowest loss and its settings, of equal ones the earliest; None without a whole trial."""
    done = [t for t in study.trials if t.value is not None and t.state.name == "COMPLETE"]
    if not done:
        return None
    best = min(done, key=lambda t: (t.value, t.number))
    return float(best.value), dict(best.params)  # type: ignore[arg-type]  # None was left out above


@dataclass
class _Search:
    """Optuna behind the three questions of `Trials`."""

    study: "optuna.Study"
    minutes: float | None
    most: int | None
    begun: float
    current: "optuna.Trial | None" = field(default=None)
    pruned: bool = False

    def suggest(self) -> Mapping[str, float] | None:
        if self.most is not None and len(self.study.trials) >= self.most and not self._waiting():
            return None
        if self.minutes is not None and time.monotonic() - self.begun >= 60 * self.minutes:
            return None
        trial = self.study.ask()
        told: dict[str, float] = {}
        for name, (low, high, kind) in SPACE.items():
            if "whole" in kind:
                told[name] = trial.suggest_int(name, int(low), int(high), log="log" in kind)
            else:
                told[name] = trial.suggest_float(name, low, high, log="log" in kind)
        self.current, self.pruned = trial, False
        return told

    def answer(self, loss: float) -> None:
        import optuna

        if self.current is None:
            return
        state = optuna.trial.TrialState.PRUNED if self.pruned else optuna.trial.TrialState.COMPLETE
        self.study.tell(self.current, None if self.pruned else loss, state=state)

    def give_up(self, trees: int, loss: float) -> bool:
        if self.current is None:
            return False
        self.current.report(loss, trees)
        self.pruned = bool(self.current.should_prune())
        return self.pruned

    def _waiting(self) -> bool:
        return any(t.state.name == "WAITING" for t in self.study.trials)
