"""The race of a challenger against the champion: on the same test rows, paired, by account; and what follows from it.

Neither is judged on rows that it was fitted on: the caller brings the champion's probabilities as it wrote them at the
time, or those of its recipe retrained as of the test's start. The figure that decides is the log loss, as it is what a
probability is for; the others are told beside it.

    better         the whole interval of the difference (challenger minus champion) lies below 0
    not worse      its upper end is at most ``margin`` of the champion's log loss
    promoted       if better; or if not worse, and the champion is too old, has drifted, or never was allowed: unless a
                   rollback put it in place, which somebody wanted in spite of its age; then only if better

Where both recipes are one, so are the two judged models: the difference is 0 on every row, neither better nor worse,
and the champion's age and drift decide alone, however few conversions the test has.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from leadml.bootstrap import BootstrapConfig, Support, bootstrap_scores, draw_weights, percentile_interval
from leadml.errors import DataError

DECIDES = "log_loss"
BETTER, NOT_WORSE, WORSE, OPEN = "better", "not worse", "worse", "open"


@dataclass(frozen=True)
class RaceRules:
    """When a challenger replaces the champion.

    Attributes:
        margin: share of the champion's log loss by which the upper end of the difference may lie above 0.
        oldest_days: days of data time that the challenger learnt beyond the champion, from which on that one is old.
        drift: factor, above 1, between conversions and what the champion expected, beyond which it has drifted.
    """

    margin: float
    oldest_days: float
    drift: float


@dataclass(frozen=True)
class Drift:
    """Conversions over what the probabilities expected, on lists that the champion was not fitted on; 1 is right.

    ``low`` and ``high`` are None where there is no interval; ``conversions`` counts distinct converting leads.
    """

    ratio: float
    low: float | None
    high: float | None
    conversions: int
    lists: int

    def beyond(self, factor: float) -> bool:
        """Whether the ratio is beyond the factor, up or down, and its interval does not hold 1."""
        if self.low is None or self.high is None:
            return False
        far = not 1 / factor <= self.ratio <= factor
        return far and not self.low <= 1 <= self.high

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class ChampionState:
    """What speaks for a new champion besides the figures.

    Attributes:
        age_days: days of data time between the newest cutoffs that champion and challenger learnt from; None: unknown.
        drift: None where no list has matured since the champion was trained.
        forced: the stamp of a champion that no verdict ever allowed, "" otherwise.
        restored: whether the last change of champion was a rollback to it.
        same_recipe: whether its recipe is the challenger's.
    """

    age_days: float | None = None
    drift: Drift | None = None
    forced: str = ""
    restored: bool = False
    same_recipe: bool = False


@dataclass(frozen=True)
class RaceVerdict:
    """``name`` (better, not worse, worse, or open: none of these is shown), whether to promote, and why, in words."""

    name: str
    promoted: bool
    why: str


def run_race(test: pd.DataFrame, champion: np.ndarray, config: BootstrapConfig) -> dict[str, Any]:
    """Every figure of both on the rows that both have, and their paired differences, drawn by account.

    Args:
        test: one row a lead and list: ``list``, ``lead_id``, ``account_id``, ``label`` (0 or 1), ``probability`` (the
            challenger's).
        champion: (n,) the champion's probabilities of the same rows; NaN where it has none.
        config: draws, confidence, seed.

    Returns:
        ``rows``, ``left_out`` (rows without a probability of the champion), ``lists``, ``converting_leads``,
        ``challenger`` and ``champion`` (figures with intervals), ``difference`` (challenger minus champion); plain
        values for JSON.

    Raises:
        DataError: the champion has no probability of any row.
    """
    champion = np.asarray(champion, dtype=np.float64)
    both = np.isfinite(champion)
    if not both.any():
        raise DataError(f"the champion has no probability of any of the {len(test)} test rows")
    rows, theirs = test[both].reset_index(drop=True), champion[both]
    ours = rows["probability"].to_numpy(dtype=np.float64)
    judged = bootstrap_scores(rows, {"challenger": (ours, ours), "champion": (theirs, theirs)}, config)
    return {
        "rows": len(rows),
        "left_out": int((~both).sum()),
        "lists": int(rows["list"].nunique(dropna=False)),
        "converting_leads": int(rows.loc[rows["label"] == 1, "lead_id"].nunique()),
        "challenger": judged["scorers"]["challenger"],
        "champion": judged["scorers"]["champion"],
        "difference": judged["differences"]["champion"],
    }


def find_drift(lists: pd.DataFrame, config: BootstrapConfig) -> Drift | None:
    """Conversions over expected ones, with an interval by drawing accounts; None where there is no row.

    Where fewer accounts converted than draws can tell anything of (`Support.few`), only that they are far fewer
    than expected can be shown: the interval goes from 0 to the exact upper end for the number of converting accounts
    (Garwood 1936) over the number expected, an account counting as its likeliest lead does on average.

    Args:
        lists: ``list``, ``lead_id``, ``account_id``, ``label`` and ``probability`` of rows that the model had not seen.
        config: draws, confidence, seed.
    """
    if lists.empty:
        return None
    codes, accounts = pd.factorize(lists["account_id"], use_na_sentinel=False)
    label, expected = (
        np.bincount(codes, lists[name].to_numpy(dtype=np.float64), minlength=len(accounts))
        for name in ("label", "probability")
    )
    support = Support.of(lists)
    ratio = float(label.sum() / expected.sum())
    low: float | None = 0.0
    high: float | None
    if support.few:
        mean = lists.groupby([codes, lists["lead_id"].to_numpy()])["probability"].mean()
        converted = int((label > 0).sum())
        most = float(gammaincinv(converted + 1, (1 + config.confidence) / 2))
        high = max(ratio, most / float(mean.groupby(level=0).max().sum()))
    else:
        drawn = [(label @ w) / (expected @ w) for w in draw_weights(len(accounts), config.draws, config.seed)]
        interval = percentile_interval(ratio, np.concatenate(drawn), config.confidence, support)
        low, high = interval.low, interval.high
    return Drift(ratio, low, high, support.leads, int(lists["list"].nunique(dropna=False)))


def judge_race(race: Mapping[str, Any], state: ChampionState, rules: RaceRules) -> RaceVerdict:
    """What follows from the race; see the module."""
    if state.same_recipe:
        told = "one recipe, so no difference"
    else:
        difference, theirs = race["difference"][DECIDES], race["champion"][DECIDES]["value"]
        low, high = difference["low"], difference["high"]
        if low is None or high is None or theirs is None:
            return RaceVerdict(OPEN, False, "no interval of the difference could be made: too few accounts")
        allowed = rules.margin * theirs
        told = f"log loss less the champion's {difference['value']:+.4f} [{low:+.4f}, {high:+.4f}]"
        if high < 0:
            return RaceVerdict(BETTER, True, f"better: {told}")
        if high > allowed:
            name = WORSE if low > 0 else OPEN
            words = "worse" if low > 0 else "not shown to be as good"
            why = f"{words}: {told}; up to {allowed:+.4f} would do where it is old or drifted"
            return RaceVerdict(name, False, why)
    if state.restored:
        return RaceVerdict(
            NOT_WORSE,
            False,
            f"not better: {told}; a rollback put the champion in place, so only a better one replaces it",
        )
    claims = list_claims(state, rules)
    if claims:
        return RaceVerdict(NOT_WORSE, True, f"not worse: {told}; the champion {' and '.join(claims)}")
    return RaceVerdict(NOT_WORSE, False, f"not better: {told}; {_nothing_claimed(state)}")


def list_claims(state: ChampionState, rules: RaceRules) -> list[str]:
    """Why the champion should go where the challenger is not worse, in words; empty where nothing asks for it."""
    claims = []
    if state.forced:
        claims.append("was never allowed by its verdict")
    if state.age_days is not None and state.age_days >= rules.oldest_days:
        claims.append(f"learnt from data {math.floor(state.age_days)} days older")
    if state.drift is not None and state.drift.beyond(rules.drift):
        drift = state.drift
        claims.append(f"has drifted (conversions {drift.ratio:.2f} [{drift.low:.2f}, {drift.high:.2f}] of expected)")
    return claims


def _nothing_claimed(state: ChampionState) -> str:
    """Why the champion may stay, and what of that is not known."""
    if state.age_days is None and state.drift is None:
        return "how old the champion is and whether it has drifted is not known"
    if state.age_days is None:
        return "the champion has not drifted; how old it is is not known"
    if state.drift is None:
        return "the champion is not old, and no outcome since then tells of a drift"
    return "the champion is neither old nor drifted"
