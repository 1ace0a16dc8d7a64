"""Whether the model may be deployed: one rule, from the judgement's numbers alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from leadml.bootstrap import Interval
from leadml.config import TrainConfig

DEPLOY = "deploy"
USE_POINTS = "use points"
NOT_ENOUGH_DATA = "not enough data"
NO_SIGNAL = "no signal"
SUSPICIOUS = "suspiciously good"
SUSPECTS = "leak suspects"
VERDICTS = (DEPLOY, USE_POINTS, NOT_ENOUGH_DATA, NO_SIGNAL, SUSPICIOUS, SUSPECTS)


@dataclass(frozen=True)
class Verdict:
    """One of `VERDICTS`, and why, with the figures, for the person who decides."""

    name: str
    why: str

    @property
    def allows_champion(self) -> bool:
        """Whether the scorer may be promoted without force (deploy and use points)."""
        return self.name in (DEPLOY, USE_POINTS)


@dataclass(frozen=True)
class Evidence:
    """What the rule looks at.

    Log loss differences are model minus the other (``points_to_constant``: points minus constant) on the same rows:
    below 0 is better. Figures of the points scorecard are None where there is none. Conversions count distinct
    converting leads. ``origins``: log loss difference to the constant and lift in the top 10 % at each origin before
    the test. ``is_points``: the model is the scorecard; ``by_hand``: because it was asked for by name.
    ``leading``: what most of the model's points rest on, where its AUC is suspicious.
    """

    auc: Interval
    lift_10: Interval
    loss_to_constant: Interval
    train_conversions: int
    test_conversions: int
    points_auc: Interval | None = None
    points_lift: Interval | None = None
    loss_to_points: Interval | None = None
    points_to_constant: Interval | None = None
    origins: tuple[tuple[Interval, Interval], ...] = ()
    is_points: bool = False
    by_hand: bool = False
    leading: tuple[str, ...] = ()

    @property
    def better_origins(self) -> int:
        """Origins, test included, at which the model's log loss is below the constant's and its lift above 1."""
        return sum(
            loss.value is not None and loss.value < 0 and lift.value is not None and lift.value > 1
            for loss, lift in (*self.origins, (self.loss_to_constant, self.lift_10))
        )


def fewest_in_test(rule: TrainConfig) -> int:
    """Distinct converting leads that a test must hold to judge by."""
    return max(1, round(rule.min_test_share * rule.min_conversions))


def build_verdict(evidence: Evidence, rule: TrainConfig) -> Verdict:
    """The verdict; the first of these that holds.

    0. ``use points``: the scorecard was asked for by name, and there is not enough data (2.) to judge it by.
    1. ``suspiciously good``: the AUC is above ``rule.suspicious_auc``.
    2. ``not enough data``: fewer than ``rule.min_conversions`` distinct converting leads in training, fewer than
       `fewest_in_test` in the test, or a headline figure that does not exist.
    3. ``deploy``: the interval of the log loss difference to the constant lies below 0, that of the lift in the top
       10 % above 1, the same holds without intervals at ``rule.better_origins`` of the origins at least (the test is
       one of them), and the points scorecard is not better (the interval of the difference to it does not lie above 0).
       Where the model is the scorecard itself, it is ``use points``, whatever the same card with a fitted slope shows.
    4. ``use points``: the model is not the scorecard, the interval of the scorecard's AUC lies above 0.5, that of its
       lift in the top 10 % above 1, and that of its log loss difference to the constant below 0. The scorecard is then
       judged as the model, by 3. with its own origins; where that does not hold the verdict is what follows.
    5. ``no signal``.
    """
    min_conversions = rule.min_conversions
    auc, lift, loss = evidence.auc, evidence.lift_10, evidence.loss_to_constant
    wanted = fewest_in_test(rule)
    few = evidence.train_conversions < min_conversions or evidence.test_conversions < wanted
    counted = (
        f"{evidence.train_conversions} distinct converting leads in training (needed: {min_conversions}) and "
        f"{evidence.test_conversions} in the test (needed: {wanted})"
    )
    if few and evidence.by_hand:
        return Verdict(
            USE_POINTS,
            f"too few conversions to judge: {counted}; the team's scorecard orders the leads as it was written, and "
            "the probabilities rest on the base rate of all matured labels",
        )
    if auc.value is not None and auc.value > rule.suspicious_auc:
        return Verdict(
            SUSPICIOUS,
            f"AUC {auc.value:.3f} is above {rule.suspicious_auc:g}{_resting(evidence.leading)}: look for a feature "
            "that is written when a lead converts (leadml audit names candidates), leave it out, and train again",
        )
    if few:
        return Verdict(NOT_ENOUGH_DATA, f"{counted}; bring a longer history")
    if auc.value is None or lift.low is None or loss.high is None:
        return Verdict(
            NOT_ENOUGH_DATA,
            "no interval of AUC, lift or log loss could be made: too few lists or accounts hold both outcomes; bring a "
            "longer history",
        )
    figures = f"lift in the top 10 % {_told(lift)}, log loss against the constant rate {_told(loss, 4)}"
    origins = len(evidence.origins) + 1
    figures += f", better at {evidence.better_origins} of {origins} origins" if origins > 1 else ""
    held = evidence.better_origins >= rule.better_origins * origins
    beaten = not evidence.is_points and _above(evidence.loss_to_points, 0)  # itself with another slope is no rival
    if _below(loss, 0) and _above(lift, 1) and held and not beaten:
        better = f"better than the constant rate on leads it had not seen: {figures}"
        if evidence.is_points:
            return Verdict(USE_POINTS, f"the scorecard is the model, as nothing learnt adds to it; it is {better}")
        return Verdict(DEPLOY, better)
    points = evidence.points_auc
    if (
        not evidence.is_points
        and points is not None
        and _above(points, 0.5)
        and _above(evidence.points_lift, 1)
        and _below(evidence.points_to_constant, 0)
    ):
        return Verdict(
            USE_POINTS,
            f"the points scorecard orders the lists (AUC {_told(points)}) and the model {_lacks(evidence)}: {figures}",
        )
    return Verdict(NO_SIGNAL, f"not better than the constant rate: {figures}; do not deploy")


def doubt_verdict(verdict: Verdict, suspects: Sequence[str], way_out: str) -> Verdict:
    """The verdict while columns that may give the answer away are neither allowed nor excluded by name.

    A verdict that allows a champion becomes ``leak suspects``; one that does not stays, and names them as well.
    ``way_out`` is what ends the question.
    """
    if not suspects:
        return verdict
    many = f"{len(suspects)} column{'s' if len(suspects) > 1 else ''}"
    named = f"{many} may give the answer away and {'were' if len(suspects) > 1 else 'was'} left out of this model: "
    named += f"{', '.join(suspects)}; {way_out}"
    if not verdict.allows_champion:
        return Verdict(verdict.name, f"{verdict.why}; besides, {named}")
    return Verdict(SUSPECTS, f"{named}; without, the verdict is {verdict.name!r}: {verdict.why}")


def keep_verdict(verdict: Verdict, kept: Sequence[str], compared: bool) -> Verdict:
    """The verdict with a word on suspects that are used although nobody has decided about them (audit.policy=keep).

    ``compared``: whether there are figures without them.
    """
    if not kept:
        return verdict
    told = f"{len(kept)} suspect{'s' if len(kept) > 1 else ''} kept unseen (audit.policy=keep): {', '.join(kept)}"
    told += "" if compared else "; no other feature is left, so there is no figure without"
    return Verdict(verdict.name, f"{verdict.why}; {told}")


def _lacks(evidence: Evidence) -> str:
    if _below(evidence.loss_to_points, 0):
        return "is better than it on the test, but not shown to hold"
    return "adds nothing"


def _resting(leading: Sequence[str]) -> str:
    return f", and most of the points rest on {', '.join(leading)}" if leading else ""


def _above(interval: Interval | None, value: float) -> bool:
    return interval is not None and interval.low is not None and interval.low > value


def _below(interval: Interval | None, value: float) -> bool:
    return interval is not None and interval.high is not None and interval.high < value


def _told(interval: Interval, decimals: int = 2) -> str:
    if interval.value is None or interval.low is None or interval.high is None:
        return "unknown"
    return f"{interval.value:.{decimals}f} [{interval.low:.{decimals}f}, {interval.high:.{decimals}f}]"
