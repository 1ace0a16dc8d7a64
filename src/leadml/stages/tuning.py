"""train.tune: Optuna proposes settings of the trees, tried on the recipe's own folds; kept on disk, so it goes on."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from leadml.config import ModelConfig, Rung
from leadml.features.dictionary import Feature
from leadml.models.tuning import SPACE, apply_settings, open_settings
from leadml.recipe_data import prepare
from leadml.search import Found, SearchLimits, best_trial, open_study, run_trials
from leadml.stages.context import Context
from leadml.stages.settings import plain, recipe
from leadml.stages.stored import Extracted

STAGE = "train"
WITHOUT_TREES = (Rung.points, Rung.logistic)
KEPT = 10  # searches whose trials stay on disk: of other rows or settings they serve only who goes back to those


@dataclass(frozen=True)
class Tuned:
    """The settings to train with, what was found, and every trial: its settings, loss (None where given up), number."""

    model: ModelConfig
    found: Found | None
    trials: list[dict[str, Any]]
    seconds: float
    new: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON.

        ``gain`` is that on the newest fold, which had no say: where it is within ``gain_error``, nothing is ``used``.
        """
        found = self.found
        return {
            "settings": {name: getattr(self.model, name) for name in SPACE},
            "trials": len(self.trials),
            "new_trials": self.new,
            "loss": found and found.loss,
            "loss_untuned": found and found.before,
            "gain": found and found.gain,
            "gain_error": found and found.error,
            "used": bool(found and found.proven),
            "every": self.trials,
        }


def search_settings(context: Context, extracted: Extracted, features: Sequence[Feature]) -> Tuned | None:
    """What train.tune asks for, told in a line; None where it asks for nothing, or nothing has trees."""
    asked, kind = context.config.train.tune, context.config.model.kind
    if asked.minutes is None and asked.trials is None:
        return None
    if kind in WITHOUT_TREES:
        context.progress.say(
            STAGE, f"train.tune searches for settings of trees, and model={kind.value} has none: skipped"
        )
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

    What was tried with the same rows, features and settings before is gone on from. Only the folds of training are
    looked at.

    Raises:
        ArtifactError: the file of earlier trials is broken.
    """
    config, asked = context.config, context.config.train.tune
    data = prepare(extracted.snapshots, extracted.X, features, recipe(config))
    folder = context.workspace.data / "tuning"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{search_key(context, features)}.log"
    if not context.sweep:  # whose jobs, more than are kept perhaps, each go on from their own
        forget_searches(folder, path)
    study = open_study(str(path))
    limits = SearchLimits(asked.minutes, asked.trials, open_settings(config.model), config.seed)
    begun = time.monotonic()
    with threadpool_limits(1, user_api="blas"):
        new = run_trials(study, (data.X, data.folds()), data.given, limits)
        found = best_trial(study, (data.X, data.folds()), data.given)
    seconds = time.monotonic() - begun
    trials = [
        {"number": t.number, "loss": t.value if t.state.name == "COMPLETE" else None} | dict(t.params)
        for t in study.trials
        if t.params
    ]
    model = apply_settings(config.model, found.settings) if found and found.proven else config.model
    return Tuned(model, found, trials, seconds, new)


def forget_searches(folder: Path, used: Path) -> None:
    """Deletes the trials of all but the latest `KEPT` searches and the one to be used."""
    for path in sorted(folder.glob("*.log"), key=lambda p: p.stat().st_mtime)[:-KEPT]:
        if path != used:
            path.unlink()


def search_key(context: Context, features: list[Feature]) -> str:
    """What a search may go on from: the same rows as extract published them, features, model, split and seed."""
    config, folder = context.config, context.workspace.features
    whole = {
        "rows": [_digest(folder / name) for name in ("snapshots.parquet", "features.parquet")],
        "features": [f.to_dict() for f in features],
        "model": plain(vars(config.model)),
        "problem": plain(vars(config.problem)),
        "split": plain(vars(config.train.split)),
        "half_life": config.train.base_rate_half_life_days,
        "seed": config.seed,
        "newest fold": "has no say",
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()[:12]


def tell_tuned(context: Context, tuned: Tuned) -> None:
    """What the search found, in a line."""
    found = tuned.found
    told = f"{tuned.new} trials more, {len(tuned.trials)} in all, {tuned.seconds:.0f} s"
    if found is None:
        context.progress.say(STAGE, f"tuning: {told}; none was tried to its end: settings as they were")
        return
    told += f"; log loss of the trees on the folds {found.before:.4f} before, {found.loss:.4f} at best"
    if found.gain is None:
        told += "; there is no further fold to prove it by: settings as they were"
    elif not found.proven:
        told += f", but {-found.gain:+.4f} ± {found.error:.4f} on the newest, which had no say: settings as they were"
    else:
        settings = ", ".join(f"{k}={v:.3g}" for k, v in found.settings.items())
        told += f", {-found.gain:+.4f} ± {found.error:.4f} on the newest, which had no say; used: {settings}"
    context.progress.say(STAGE, f"tuned: {told}")


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
