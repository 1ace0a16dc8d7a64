"""train.tune: Optuna proposes settings of the trees, tried on the recipe's own folds; kept on disk, so it goes on."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from threadpoolctl import threadpool_limits

from leadml.config import ModelConfig
from leadml.features.dictionary import Feature
from leadml.models.tuning import SPACE, apply_settings
from leadml.recipe_data import prepare
from leadml.search import best_trial, open_study, run_trials
from leadml.stages.context import Context
from leadml.stages.settings import plain, recipe
from leadml.stages.stored import Extracted

STAGE = "train"


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
    folder = context.workspace.data / "tuning"
    folder.mkdir(parents=True, exist_ok=True)
    study = open_study(str(folder / f"{search_key(context, extracted, features)}.log"), context.config.seed)
    begun = time.monotonic()
    with threadpool_limits(1, user_api="blas"):
        new = run_trials(study, (data.X, data.folds()), data.given, asked.minutes, asked.trials)
    found, seconds = best_trial(study), time.monotonic() - begun
    if found is None:
        return Tuned(context.config.model, [], seconds, new, None, None)
    best, settings = found
    trials = [
        {"number": t.number, "loss": t.value if t.state.name == "COMPLETE" else None} | dict(t.params)
        for t in study.trials
        if t.params
    ]
    first = next((t["loss"] for t in trials if t["number"] == 0), None)
    return Tuned(apply_settings(context.config.model, settings), trials, seconds, new, best, first)


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
