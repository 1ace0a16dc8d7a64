"""A change of champion: whether train makes one, what the history keeps of it, and what is said."""

from dataclasses import dataclass, field
from typing import Any

from leadml.churn import churn_words
from leadml.config import Promote
from leadml.scorer import LeadScorer
from leadml.stages import champions
from leadml.stages.churning import churn_between
from leadml.stages.context import Context
from leadml.succession import rolled_back
from leadml.verdict import DEPLOY, USE_POINTS

DECIDES, BESIDE = "log_loss", "auc"  # what the history keeps of a race's figures


@dataclass(frozen=True)
class Succession:
    """Whether the new model becomes champion, and why (not); ``told``: the history's entry where it replaces one."""

    promoted: bool
    why: str
    told: dict[str, Any] = field(default_factory=dict)


def choose_champion(
    context: Context, scorer: LeadScorer, champion: LeadScorer | None, race: dict[str, Any] | None
) -> Succession:
    """What train does with the model that it made: train.promote, on a verdict that allows a champion."""
    promoted, why = promotes(context, scorer, champion, race)
    if not promoted or (champion is not None and champion.version == scorer.version):
        return Succession(promoted, why)
    return Succession(promoted, why, build_succession(context, ("train", why), champion, scorer, race))


def promotes(
    context: Context, scorer: LeadScorer, champion: LeadScorer | None, race: dict[str, Any] | None
) -> tuple[bool, str]:
    """Whether the model becomes champion by itself, and why, in words."""
    rule, allowed = context.config.train.promote, scorer.about["verdict"]["name"] in (DEPLOY, USE_POINTS)
    if context.sweep or not allowed:
        return False, "a sweep changes no champion" if context.sweep else "its verdict does not allow it"
    if rule is Promote.never:
        return False, "train.promote=never"
    if champion is None:
        return True, "there was no champion"
    if champion.version == scorer.version:
        return True, "it is the same model"
    if scorer.version in rolled_back(champions.read_history(context.workspace)):
        return False, "it was rolled back before"
    if rule is not Promote.better or race is None:
        return rule is Promote.always, f"train.promote={rule.value}"
    if "why_not" in race:
        return False, f"there was no race: {race['why_not']}"
    return race["promoted"], race["why"]


def build_succession(
    context: Context,
    by_why: tuple[str, str],
    before: LeadScorer | None,
    after: LeadScorer,
    race: dict[str, Any] | None,
) -> dict[str, Any]:
    """The history's entry: by which command and why, from whom to whom, the verdict, the race, the churn."""
    nobody = {"why_not": "there is no whole champion to compare with"}
    return {
        "by": by_why[0],
        "why": by_why[1],
        "from": None if before is None else before.version,
        "to": after.version,
        "verdict": after.about["verdict"]["name"],
        "race": None if race is None else summarise_race(race),
        "churn": nobody if before is None else churn_between(context, before, after),
    }


def summarise_race(race: dict[str, Any]) -> dict[str, Any]:
    """What the history keeps of a race: the figure that decided, of both and their difference, and what was said."""
    kept = {k: v for k, v in race.items() if k not in ("challenger", "champion", "difference", "notes")}
    for side in ("challenger", "champion", "difference"):
        if isinstance(race.get(side), dict):
            kept[side] = {name: race[side][name] for name in (DECIDES, BESIDE)}
    return kept


def tell_succession(context: Context, stage: str, told: dict[str, Any]) -> None:
    """Who replaced whom, and what it changes."""
    say, race, churn = context.progress.say, told.get("race"), told.get("churn") or {}
    stamp = f" ({told['forced']})" if told.get("forced") else ""
    say(stage, f"champion is {told['to']}{stamp}, after {told['from'] or 'none'}: {told['why']}")
    if stage == "promote":
        say(stage, f"evidence: {race.get('why') or race['why_not']}" if race else "evidence: no race between the two")
    if told["from"] is None and stage == "train":
        return
    say(stage, f"churn: {churn_words(churn)}" if "leads" in churn else f"churn unknown: {churn.get('why_not', '-')}")
