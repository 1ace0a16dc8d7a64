"""train.tune: Optuna proposes settings of the trees, tried on the recipe's own folds; kept on disk, so it goes on."""

import hashlib
import json
import logging
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from leadml.config import ModelConfig
from leadml.errors import ArtifactError
from leadml.features.dictionary import Feature
from leadml.models.tuning import SPACE, Trials, apply_settings, starting_point, try_settings
from leadml.recipe_data import prepare
from leadml.stages.context import Context
from leadml.stages.settings import plain, recipe
from leadml.stages.stored import Extracted

if TYPE_CHECKING:
    import optuna

STAGE = "train"
WARMING = 5  # trials before one is given up


@dataclass(frozen=True)
class Tuned:
    """The settings that did best, and every trial: its settings, loss (None where given up) and number."""

    model: ModelConfig
    trials: list[dict[str, Any]]
    seconds: float
    new: int
    best: float | None
    first: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "settings": {name: getattr(self.model, name) for name in SPACE},
            "trials": len(self.trials),
            "new_trials": self.new,
            "loss": self.best,
            "loss_untuned": self.first,
            "every": self.trials,
        }


def search_settings(context: Context, extracted: Extracted, features: Sequence[Feature]) -> Tuned | None:
    """What train.tune asks for, told in a line; None where it asks for nothing."""
    asked = context.config.train.tune
    if asked.minutes is None and asked.trials is None:
        return None
    with context.progress.phase(STAGE, "searching for settings of the trees"):
        tuned = tune(context, extracted, list(features))
    tell_tuned(context, tuned)
    return tuned


def tuned_context(context: Context, tuned: Tuned | None) -> Context:
    """The same with the settings that the search found."""
    return context if tuned is None else replace(context, config=replace(context.config, model=tuned.model))


def tune(context: Context, extracted: Extracted, features: list[Feature]) -> Tuned:
    """Searches for ``train.tune.minutes``, or until there are ``train.tune.trials``.

    What was tried with the same inputs, features and settings before is gone on from. Only the folds of training are
    looked at.

    Raises:
        ArtifactError: the file of earlier trials is broken.
    """
    asked = context.config.train.tune
    data = prepare(extracted.snapshots, extracted.X, features, recipe(context.config))
    given = data.given
    folder = context.workspace.data / "tuning"
    folder.mkdir(parents=True, exist_ok=True)
    study = open_study(str(folder / f"{search_key(context, extracted, features)}.log"), context.config.seed)
    if not study.trials:
        study.enqueue_trial(starting_point(given.model))
    search = _Search(study, asked.minutes, asked.trials, time.monotonic())
    with threadpool_limits(1, user_api="blas"):
        new = try_settings(data.X, data.folds(), given, Trials(search.suggest, search.answer, search.give_up))
    done = {t.number: (t.value, t.params) for t in study.trials if t.value is not None and t.state.name == "COMPLETE"}
    if not done:
        return Tuned(context.config.model, [], time.monotonic() - search.begun, new, None, None)
    best, settings = done[min(done, key=lambda number: (done[number][0], number))]
    trials = [
        {"number": t.number, "loss": t.value if t.state.name == "COMPLETE" else None} | dict(t.params)
        for t in study.trials
        if t.params
    ]
    return Tuned(
        apply_settings(context.config.model, settings),
        trials,
        time.monotonic() - search.begun,
        new,
        best,
        done[0][0] if 0 in done else None,
    )


def open_study(path: str, seed: int) -> "optuna.Study":
    """The study kept in a file of lines of JSON, a new one where there is none."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        try:
            storage = JournalStorage(JournalFileBackend(path))
            study = optuna.create_study(
                storage=storage, study_name="trees", load_if_exists=True, direction="minimize",
                pruner=optuna.pruners.MedianPruner(n_startup_trials=WARMING, n_warmup_steps=30),
            )  # fmt: skip
        except (ValueError, KeyError, OSError) as error:
            raise ArtifactError(
                f"{path} (earlier trials) cannot be read ({error}): remove it and tune again"
            ) from error
    # Another seed after every trial: a search that goes on must not propose again what it proposed at its beginning.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials), n_startup_trials=8)
    return study


def search_key(context: Context, extracted: Extracted, features: list[Feature]) -> str:
    """What a search may go on from: the same inputs, features, model, problem, split and seed."""
    config = context.config
    whole = {
        "inputs": {f["path"]: f["sha256"] for f in extracted.facts["report"]["files"]},
        "rows": len(extracted.snapshots),
        "features": [f.name for f in features],
        "model": plain(vars(config.model)),
        "problem": plain(vars(config.problem)),
        "split": plain(vars(config.train.split)),
        "seed": config.seed,
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()[:12]


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


def tell_tuned(context: Context, tuned: Tuned) -> None:
    """What the search found, in a line."""
    if tuned.best is None or tuned.first is None:
        context.progress.say(
            STAGE, f"tuning ended after {tuned.seconds:.0f} s without a whole trial: settings as they were"
        )
        return
    settings = ", ".join(f"{k}={v:.3g}" for k, v in tuned.to_dict()["settings"].items())
    context.progress.say(
        STAGE,
        f"tuned: {tuned.new} trials more, {len(tuned.trials)} in all, {tuned.seconds:.0f} s; trees' log loss of the "
        f"folds {tuned.first:.4f} untuned, {tuned.best:.4f} with {settings}",
    )
