"""Optuna behind the trials of the trees' settings (`leadml.models.tuning`): for `leadml train` and for the classifier.

A search ends by the clock or by its number of trials. By the clock alone it may find other settings on another machine;
whatever it finds was judged on the folds only. Every trial draws by a seed of its own number, so a search that is gone
on from finds what it would have found at once.
"""

import logging
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from leadml.errors import ArtifactError
from leadml.models.plan import FoldRows, Ingredients
from leadml.models.tuning import SPACE, Losses, Trials, compare_settings, starting_point, try_settings

if TYPE_CHECKING:
    import optuna

WARMING = 5  # trials before one is given up
BEFORE, FOLDS = "as they stand", "folds"  # attributes of a study and of a trial: losses by fold


@dataclass(frozen=True)
class SearchLimits:
    """When a search ends, what it may change (`open_settings`), and its seed."""

    minutes: float | None
    trials: int | None
    names: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Found:
    """What a search found: the best trial's settings and loss, and the loss before, on the folds that it looked at.

    ``gain`` is that on the newest fold, which it did not look at, with its standard error; None where there is but one.
    """

    settings: dict[str, float]
    loss: float
    before: float
    gain: float | None
    error: float | None

    @property
    def proven(self) -> bool:
        """Whether the settings are better than before, by over a standard error, on a fold that had no say in them."""
        return self.gain is not None and self.error is not None and self.gain > self.error


def open_study(path: str | None) -> "optuna.Study":
    """The study kept in a file of lines of JSON, a new one where there is none; None: one that is not kept.

    A last line that was cut (a full disk, a loss of power) is dropped, and a trial that was cut short counts as none.

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
            if path is not None:
                _drop_cut_line(Path(path))
            study = optuna.create_study(
                storage=None if path is None else JournalStorage(JournalFileBackend(path)),
                study_name="trees", load_if_exists=True, direction="minimize",
                pruner=optuna.pruners.MedianPruner(n_startup_trials=WARMING, n_warmup_steps=30),
            )  # fmt: skip
            for trial in study.trials:
                if trial.state is optuna.trial.TrialState.RUNNING:
                    study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        except (ValueError, KeyError, OSError) as error:
            raise ArtifactError(
                f"{path} (earlier trials) cannot be read ({error}): remove it and tune again"
            ) from error
    return study


def run_trials(
    study: "optuna.Study", rows: tuple[pd.DataFrame, Sequence[FoldRows]], given: Ingredients, limits: SearchLimits
) -> int:
    """Trials on all folds but the newest until the limits are reached; how many were made.

    ``rows`` are the feature frame and the folds of it, the newest last (where there is one alone, it is looked at). A
    new study begins with the settings of ``given``, which have nothing left open.
    """
    search = _Search(study, limits, starting_point(given.model, limits.names), time.monotonic())
    as_they_stand = None if BEFORE in study.user_attrs else search.as_they_stand
    trials = Trials(as_they_stand, search.suggest, search.answer, search.give_up)
    return try_settings(rows[0], rows[1][:-1] or rows[1], given, trials)


def best_trial(
    study: "optuna.Study", rows: tuple[pd.DataFrame, Sequence[FoldRows]], given: Ingredients
) -> Found | None:
    """The trial of the lowest loss, of equal ones the earliest, tried on the newest fold; None without a whole trial.

    ``rows`` and ``given`` are those of `run_trials`.
    """
    done = [t for t in study.trials if t.state.name == "COMPLETE"]
    if not done or BEFORE not in study.user_attrs:
        return None
    before, tried = np.array(study.user_attrs[BEFORE]), np.array([t.user_attrs[FOLDS] for t in done])
    best = done[int(tried.mean(axis=1).argmin())]
    settings, lowest = dict(best.params), float(tried.mean(axis=1).min())
    if len(rows[1]) < 2:
        return Found(settings, lowest, float(before.mean()), None, None)
    return Found(settings, lowest, float(before.mean()), *compare_settings(rows[0], rows[1][-1], given, settings))


@dataclass
class _Search:
    """Optuna behind the questions of `Trials`."""

    study: "optuna.Study"
    limits: SearchLimits
    start: dict[str, float] | None
    begun: float
    current: "optuna.Trial | None" = field(default=None)
    pruned: bool = False

    def as_they_stand(self, losses: Losses) -> None:
        """Kept with the study; where it lies in the space, it is the first trial too, which the sampler learns from."""
        from optuna.distributions import FloatDistribution, IntDistribution
        from optuna.trial import create_trial

        self.study.set_user_attr(BEFORE, losses.tolist())
        if self.start is None:
            return
        spaces: dict[str, Any] = {}
        for name in self.start:
            low, high, kind = SPACE[name]
            log = "log" in kind
            whole = "whole" in kind
            spaces[name] = IntDistribution(int(low), int(high), log) if whole else FloatDistribution(low, high, log)
        told = {FOLDS: losses.tolist()}
        self.study.add_trial(
            create_trial(params=self.start, distributions=spaces, value=float(losses.mean()), user_attrs=told)
        )

    def suggest(self) -> Mapping[str, float] | None:
        from optuna.samplers import TPESampler

        whole = sum(t.state.is_finished() and t.state.name != "FAIL" for t in self.study.trials)
        if self.limits.trials is not None and whole >= self.limits.trials:
            return None
        if self.limits.minutes is not None and time.monotonic() - self.begun >= 60 * self.limits.minutes:
            return None
        self.study.sampler = TPESampler(seed=self.limits.seed + len(self.study.trials), n_startup_trials=8)
        trial = self.study.ask()
        told: dict[str, float] = {}
        for name in self.limits.names:
            low, high, kind = SPACE[name]
            if "whole" in kind:
                told[name] = trial.suggest_int(name, int(low), int(high), log="log" in kind)
            else:
                told[name] = trial.suggest_float(name, low, high, log="log" in kind)
        self.current, self.pruned = trial, False
        return told

    def answer(self, losses: Losses) -> None:
        import optuna

        if self.current is None:
            return
        self.current.set_user_attr(FOLDS, losses.tolist())
        state = optuna.trial.TrialState.PRUNED if self.pruned else optuna.trial.TrialState.COMPLETE
        self.study.tell(self.current, None if self.pruned else float(losses.mean()), state=state)

    def give_up(self, trees: int, loss: float) -> bool:
        if self.current is None:
            return False
        self.current.report(loss, trees)
        self.pruned = bool(self.current.should_prune())
        return self.pruned


def _drop_cut_line(path: Path) -> None:
    """Cuts a file of lines after its last whole line."""
    if not path.exists():
        return
    text = path.read_bytes()
    if text and not text.endswith(b"\n"):
        with path.open("r+b") as handle:
            handle.truncate(text.rfind(b"\n") + 1)
