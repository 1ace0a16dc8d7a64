"""The race in train: the champion's probabilities of the test rows, by what it wrote or by its recipe retrained."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from leadml.bootstrap import BootstrapConfig
from leadml.config import LEAST_DRAWS, Rung, settings_like
from leadml.errors import ArtifactError, LeadmlError
from leadml.features.dictionary import Feature
from leadml.race import ChampionState, Drift, RaceRules, find_drift, judge_race, run_race
from leadml.recipe_data import prepare
from leadml.scorer import LeadScorer
from leadml.splits import list_keys
from leadml.stages.auditing import Audited
from leadml.stages.champions import champion_entry
from leadml.stages.comparing import build_rows
from leadml.stages.context import Context
from leadml.stages.settings import SCALE_KEYS, plain, read_card, recipe
from leadml.stages.stored import Extracted, registry_entry
from leadml.stages.written import covered, written_probabilities
from leadml.succession import ROLLBACK
from leadml.training import Trained, judge_recipe

WRITTEN, RETRAINED, SAME = "written", "retrained", "same recipe"
# Of train.*: what judges or reports, and gives no other model.
NO_RECIPE = (
    "split", "min_conversions", "min_test_share", "bootstrap", "confidence", "suspicious_auc", "better_origins", "p50",
    "promote", "tune", "enough",
)  # fmt: skip
# Of problem.*, beside what a score means (SCALE_KEYS): which rows are learnt from.
ROWS = ("booking_delay_days", "weekly", "weekday", "age_days", "cutoffs", "train_every")


def recipe_facts(context: Context, extracted: Extracted, audited: Audited, trained: Trained) -> dict[str, Any]:
    """What registry.json keeps of a training, so that its recipe can be retrained and its age told."""
    config = context.config
    newest = pd.to_datetime(extracted.snapshots["cutoff"]).iloc[trained.split.final].max()
    return {
        "model": plain_settings(replace(config.model, kind=Rung.points) if trained.by_verdict else config.model),
        "rows": {k: v for k, v in plain_settings(config.problem).items() if k in ROWS},
        "train": {k: v for k, v in plain_settings(config.train).items() if k not in NO_RECIPE},
        "seed": config.seed,
        "scorecard": plain_settings(config.scorecard),
        "features": [f.name for f in audited.used],
        "newest_cutoff": None if pd.isna(newest) else pd.Timestamp(newest).isoformat(),
        "data_end": extracted.facts.get("data_end"),
    }


def plain_settings(settings: Any) -> dict[str, Any]:
    """A dataclass of settings as plain values for JSON, nested ones too."""
    values: dict[str, Any] = plain(asdict(settings))
    return values


def race_champion(
    context: Context, extracted: Extracted, audited: Audited, trained: Trained, champion: LeadScorer | None
) -> dict[str, Any] | None:
    """The race for metrics.json, the manifest and MLflow; None without a champion or within a sweep.

    ``against`` (the champion's version), and either ``why_not`` (no race could be held) or ``by`` (written, retrained,
    same recipe), the figures of `run_race`, ``age_days``, ``drift``, ``verdict``, ``promoted``, ``why`` and ``notes``.
    """
    if champion is None or context.sweep:
        return None
    told: dict[str, Any] = {"against": champion.version}
    config = context.config
    try:
        registry = registry_entry(context.workspace.models / "champion")
        check_same_problem(champion, extracted)
        notes, by, probabilities = champion_probabilities(context, extracted, audited, trained, (champion, registry))
        figures = run_race(trained.test, probabilities, BootstrapConfig.of(config.train, config.seed))
    except LeadmlError as error:
        return told | {"why_not": str(error)}
    facts = registry.get("recipe") or {}
    state = ChampionState(
        age_days=find_age(facts, recipe_facts(context, extracted, audited, trained)),
        drift=champion_drift(context, extracted, champion, facts, list_keys(extracted.snapshots, trained.split.kind)),
        forced=str(registry.get("forced") or ""),
        restored=champion_entry(context.workspace, champion.version).get("by") == ROLLBACK,
        same_recipe=by == SAME,
    )
    verdict = judge_race(figures, state, RaceRules(config.race.margin, config.race.oldest_days, config.race.drift))
    drift = None if state.drift is None else state.drift.to_dict()
    decided = {"verdict": verdict.name, "promoted": verdict.promoted, "why": verdict.why}
    return told | {"by": by, **figures, "age_days": state.age_days, "drift": drift, **decided, "notes": notes}


def check_same_problem(champion: LeadScorer, extracted: Extracted) -> None:
    """Raise `ArtifactError` where the champion's probabilities mean something else than the challenger's."""
    theirs, ours = champion.about["problem"], extracted.facts["problem"]
    others = [key for key in SCALE_KEYS if theirs.get(key) != ours[key]]
    if others:
        raise ArtifactError(f"the champion's problem is another one ({', '.join(others)})")


def champion_probabilities(
    context: Context,
    extracted: Extracted,
    audited: Audited,
    trained: Trained,
    champion: tuple[LeadScorer, dict[str, Any]],
) -> tuple[list[str], str, np.ndarray]:
    """Notes, where they come from, and the champion's probabilities (n,) of the test rows; NaN where it wrote none.

    Raises:
        LeadmlError: it wrote too few, and its recipe was not kept or cannot be retrained.
    """
    scorer, registry = champion
    facts, test = registry.get("recipe") or {}, trained.test
    if facts.get("data_end") is not None:
        written = written_probabilities(context.workspace, scorer.version, test, facts["data_end"])
        if covered(written, test):
            return [], WRITTEN, written
    if not facts:
        raise ArtifactError("the champion wrote no scores of these lists, and its recipe was not kept with it")
    ours = recipe_facts(context, extracted, audited, trained)
    if same_rows(scorer, extracted) and all(
        ours[k] == facts.get(k) for k in ("model", "rows", "train", "seed", "scorecard", "features")
    ):
        return [], SAME, test["probability"].to_numpy(dtype=np.float64)
    with context.progress.phase("train", "the champion's recipe retrained as of the test's start"):
        notes, probabilities = retrain(context, extracted, audited, trained, champion)
    return notes, RETRAINED, probabilities


def retrain(
    context: Context,
    extracted: Extracted,
    audited: Audited,
    trained: Trained,
    champion: tuple[LeadScorer, dict[str, Any]],
) -> tuple[list[str], np.ndarray]:
    """Notes and the probabilities (n,) that the champion's recipe gives the test rows, fitted on what was before them.

    Features that the audit leaves out now are left out of it too: a leak must not win a race.
    """
    facts, now = champion[1]["recipe"], recipe(context.config)
    model, gone = settings_like(now.model, facts["model"])
    train, more = settings_like(replace(now.train, bootstrap=LEAST_DRAWS), facts["train"])
    out = {*audited.decision.excluded, *audited.decision.without}
    doubted = [n for n in facts["features"] if n in out]
    X, features = champion_rows(context, extracted, champion[0], [n for n in facts["features"] if n not in out])
    rows = facts.get("rows") or {}
    problem = replace(now.problem, train_every=rows.get("train_every", now.problem.train_every))
    others = [k for k, v in plain_settings(now.problem).items() if k in rows and k != "train_every" and rows[k] != v]
    card, other = settings_like(context.config.scorecard, facts.get("scorecard", {}))
    settings = replace(now, problem=problem, model=model, train=train, seed=facts["seed"], card=read_card(card))
    test = judge_recipe(prepare(extracted.snapshots, X, features, settings)).test
    notes = [f"without its features {', '.join(doubted)}, which this audit leaves out"] if doubted else []
    notes += (
        [f"without its settings {', '.join(gone + more + other)}, which this leadml does not know"]
        if gone + more + other
        else []
    )
    if others:
        notes.append(f"on this extract's snapshots, which are others than its own were (problem: {', '.join(others)})")
    found = test.set_index("snapshot")["probability"].reindex(trained.test["snapshot"])
    return notes, found.to_numpy(dtype=np.float64)


def champion_rows(
    context: Context, extracted: Extracted, champion: LeadScorer, names: list[str]
) -> tuple[pd.DataFrame, list[Feature]]:
    """Feature rows of the extract's snapshots with the champion's features, built again where the extract's are others.

    Features of one name by another specification (another time zone, say) are others.

    Raises:
        ArtifactError: a feature of it cannot be had any more.
    """
    known = {f.name: f for f in extracted.features}
    lost = [n for n in names if n not in known]
    one_table = not champion.about["spec"]
    if not lost and (one_table or same_rows(champion, extracted)):
        return extracted.X, [known[n] for n in names]
    if one_table:
        raise ArtifactError(f"its features {', '.join(lost)} are not in this table")
    X, built = build_rows(context, champion, extracted.snapshots)
    found = {f.name: f for f in built}
    lost = [n for n in names if n not in found]
    if lost:
        raise ArtifactError(f"its features {', '.join(lost)} are not what its specification builds")
    return X, [found[n] for n in names]


def same_rows(champion: LeadScorer, extracted: Extracted) -> bool:
    """Whether this extract's features are those that the champion's specification builds."""
    facts = extracted.facts
    return champion.about["spec"] == facts["spec"] and list(champion.missing) == list(facts["missing"])


def find_age(champion: dict[str, Any], challenger: dict[str, Any]) -> float | None:
    """Days between the newest cutoffs that the two learnt from; None where one of them has no times."""
    then, now = champion.get("newest_cutoff"), challenger["newest_cutoff"]
    if then is None or now is None:
        return None
    return (datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds() / 86_400


def champion_drift(
    context: Context, extracted: Extracted, champion: LeadScorer, facts: dict[str, Any], keys: pd.Series
) -> Drift | None:
    """Conversions over expected ones on the lists that matured since the champion was trained; None where none has.

    On what it wrote at the time; rows of other lists from the end of its data on, which it cannot have been fitted on,
    are scored now, by the features of its own specification (`champion_rows`). One table has no such end: there they
    are the rows that are newer than all that it was fitted on. Undated rows say nothing of what came after.

    Args:
        context: the workspace, draws and seed.
        extracted: snapshots, labelled ones among them, and features.
        champion: the model.
        facts: its `recipe_facts`; ``data_end`` and ``newest_cutoff`` are read.
        keys: the list of each snapshot (`splits.list_keys`).
    """
    rows, data_end = extracted.snapshots, facts.get("data_end")
    known = data_end or facts.get("newest_cutoff")
    if known is None:
        return None
    since = rows["cutoff"] > pd.Timestamp(known) if data_end is None else rows["cutoff"] >= pd.Timestamp(known)
    since &= (rows["grid"] != "age") & rows["label"].notna()
    if not since.any():
        return None
    lists = rows[since].assign(list=keys[since])
    probability = written_probabilities(context.workspace, champion.version, lists, known)
    unwritten = np.isnan(probability)
    if unwritten.any():
        at = lists.index[unwritten]
        part = replace(extracted, snapshots=rows.loc[at].reset_index(drop=True), X=extracted.X.loc[at])
        try:
            X = champion.prepare(champion_rows(context, part, champion, champion.encoder.names)[0])
        except LeadmlError:  # what it reads cannot be had any more: what it wrote has to do
            lists, probability = lists[~unwritten], probability[~unwritten]
        else:
            probability[unwritten] = champion.calibrator.probability(champion.margin(X))
    config = BootstrapConfig.of(context.config.train, context.config.seed)
    return find_drift(lists.assign(probability=probability), config)
