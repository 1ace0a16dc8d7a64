"""What the judged lists say: ranking, probabilities, what lay at the top and at the bottom, money; and its spread.

Conversions are told per list and averaged, as the headline figures are. Money is told over all lists together: the
amount of each distinct converting lead counts once, in equal parts at its places on the lists that it converted from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leadml.backtest.captured import draw_captured, mean_over_lists, over_all_lists
from leadml.backtest.judge import UNCORRECTED, Judged
from leadml.bootstrap import (
    BootstrapConfig,
    Scores,
    Support,
    bootstrap_scores,
    draw_weights,
    percentile_interval,
)
from leadml.config import TrainConfig
from leadml.judgement import CAPTURE_SHARES

TOP_SHARES = (0.05, 0.10, 0.20)
PROBABILITIES_ONLY = (UNCORRECTED,)  # ordered as the model is: what lies at the top is the same


@dataclass(frozen=True)
class Settings:
    """How it is judged: draws, confidence, seed, and the bottom shares of a list that are told, each in (0, 1)."""

    bootstrap: BootstrapConfig
    bottom: tuple[float, ...]

    @classmethod
    def of(cls, train: TrainConfig, seed: int, bottom: Sequence[float]) -> "Settings":
        """From the settings of the recipe."""
        return cls(BootstrapConfig.of(train, seed), tuple(bottom))

    @property
    def shares(self) -> tuple[float, ...]:
        """The top shares that are told: the best 5, 10 and 20 %, and what is left above each bottom share."""
        return tuple(sorted({*TOP_SHARES, *(above(b) for b in self.bottom)}))


def summarise(judged: Sequence[Judged], settings: Settings) -> dict[str, Any]:
    """Every figure as plain values for JSON.

    Returns:
        ``origins``: the facts of each with its figures (`judge_lists`). ``overall``: the figures over the lists of all
        origins, of the scorers that every origin has, and ``curve`` (`build_curve`). ``absent``: of each other scorer
        the origins that do not have it. ``spread``: of each scorer and figure the ``lowest``, ``median`` and
        ``highest`` origin of those that have it; of each difference also at how many ``origins`` the model was
        ``better``.
    """
    by_origin = [one.facts | judge_lists(one.test, settings) for one in judged]
    absent = find_absent(by_origin)
    tests = pd.concat([one.test for one in judged], ignore_index=True)
    tests = tests.drop(columns=[f"{what}_{name}" for name in absent for what in ("score", "probability")])
    return {
        "origins": by_origin,
        "overall": judge_lists(tests, settings) | {"curve": build_curve(tests, settings)},
        "absent": absent,
        "spread": {
            part: _spread([one[part] for one in by_origin], part == "differences")
            for part in ("scorers", "differences")
        },
    }


def find_absent(origins: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """By scorer the origins (days) that do not have it, where others do: it had no data, or nothing to leave out.

    Over all lists it would be compared on other rows than the model, so it is told at its origins only.
    """
    scorers = dict.fromkeys(name for one in origins for name in one["scorers"])
    lacking = {name: [one["origin"] for one in origins if name not in one["scorers"]] for name in scorers}
    return {name: days for name, days in lacking.items() if days}


def judge_lists(test: pd.DataFrame, settings: Settings) -> dict[str, Any]:
    """The figures of some lists.

    Args:
        test: as `judge.Judged.test`.
        settings: how.

    Returns:
        ``judged``: what the lists hold (`count_judged`) and the ends of the rate's interval. ``scorers`` and
        ``differences``: `bootstrap.bootstrap_scores`, model minus the other. ``skipped``: by bottom share and scorer
        the share of the conversions that lay there. ``money``: `judge_money`.
    """
    scores = read_scores(test)
    ordered = {name: pair for name, pair in scores.items() if name not in PROBABILITIES_ONLY}
    label = test["label"].to_numpy(dtype=np.float64)
    captured = draw_captured(test, ordered, label, settings.shares, settings.bootstrap)
    return {
        "judged": count_judged(test) | {"rate_interval": _rate_interval(test, settings.bootstrap)},
        **bootstrap_scores(test, scores, settings.bootstrap),
        "skipped": {_named(bottom): captured.rest(above(bottom), mean_over_lists) for bottom in settings.bottom},
        "money": judge_money(test, ordered, settings),
    }


def build_curve(test: pd.DataFrame, settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """By scorer the share of the conversions in the top 5, 10, ... 100 % of a list, with intervals."""
    scores = {name: pair for name, pair in read_scores(test).items() if name not in PROBABILITIES_ONLY}
    label = test["label"].to_numpy(dtype=np.float64)
    captured = draw_captured(test, scores, label, CAPTURE_SHARES, settings.bootstrap)
    told = {share: captured.share(share, mean_over_lists)["scorers"] for share in CAPTURE_SHARES}
    return {name: [{"share": share} | told[share][name] for share in CAPTURE_SHARES] for name in scores}


def read_scores(test: pd.DataFrame) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Score and probability (n,) of the model, which comes first, and of every scorer beside it."""
    scores = {"model": (test["margin"].to_numpy(dtype=np.float64), test["probability"].to_numpy(dtype=np.float64))}
    for column in test.columns:
        if column.startswith("score_"):
            name = column.removeprefix("score_")
            pair = test[column], test[f"probability_{name}"]
            scores[name] = (pair[0].to_numpy(dtype=np.float64), pair[1].to_numpy(dtype=np.float64))
    return scores


def above(bottom: float) -> float:
    """The top share that is left without a bottom share."""
    return round(1 - bottom, 6)


def judge_money(test: pd.DataFrame, scores: Scores, settings: Settings) -> dict[str, Any] | None:
    """The amounts of the distinct converting leads, and what of them lay in the top shares of the lists.

    Returns:
        ``leads`` with an amount above 0, ``without`` one (they count nothing), the ``amount`` of all, ``captured`` by
        top share and scorer and ``skipped`` by bottom share and scorer; None where no lead has an amount.
    """
    value, leads, without = spread_amounts(test)
    if not leads:
        return None
    drawn = draw_captured(test, scores, value, settings.shares, settings.bootstrap)
    return {
        "leads": leads,
        "without": without,
        "amount": float(value.sum()),
        "captured": {_named(share): drawn.share(share, over_all_lists) for share in TOP_SHARES},
        "skipped": {_named(bottom): drawn.rest(above(bottom), over_all_lists) for bottom in settings.bottom},
    }


def spread_amounts(test: pd.DataFrame) -> tuple[np.ndarray, int, int]:
    """Each converting lead's amount in equal parts over its converted rows (n,), leads with an amount and without.

    Where the rows of a lead tell several amounts (other conversions at later lists), each row's is divided: a lead
    counts with their mean. Amounts that are missing or not above 0 are none.
    """
    converted = (test["label"] == 1).to_numpy()
    amount = test["amount"].to_numpy(dtype=np.float64)
    paid = converted & (amount > 0)
    rows = test.loc[paid, "lead_id"].map(test.loc[paid, "lead_id"].value_counts()).to_numpy(dtype=np.float64)
    value = np.zeros(len(test))
    value[paid] = amount[paid] / rows
    leads = int(test.loc[paid, "lead_id"].nunique())
    return value, leads, int(test.loc[converted, "lead_id"].nunique()) - leads


def count_judged(test: pd.DataFrame) -> dict[str, Any]:
    """What the lists hold: rows, distinct leads and accounts, those that converted, and the rate seen and said."""
    converted = test[test["label"] == 1]
    return {
        "first": f"{test['list'].min():%Y-%m-%d}",
        "last": f"{test['list'].max():%Y-%m-%d}",
        "lists": int(test["list"].nunique()),
        "rows": len(test),
        "leads": int(test["lead_id"].nunique()),
        "accounts": int(test["account_id"].nunique()),
        "converting_leads": int(converted["lead_id"].nunique()),
        "converting_accounts": int(converted["account_id"].nunique()),
        "rate": float(test["label"].mean()),
        "said": float(test["probability"].mean()),
        "said_uncorrected": float(test[f"probability_{UNCORRECTED}"].mean()),
    }


def _rate_interval(test: pd.DataFrame, config: BootstrapConfig) -> list[float | None]:
    """Ends of the rate's interval, drawn by account: how far from what was said it may be by chance alone.

    None twice where too few accounts converted for an interval (`bootstrap.Support`).
    """
    sums = test.groupby("account_id", sort=False)["label"].agg(["sum", "count"]).to_numpy(dtype=np.float64)
    drawn = [sums.T @ weights for weights in draw_weights(len(sums), config.draws, config.seed)]
    converted, rows = np.concatenate(drawn, axis=1)
    rate = float(test["label"].mean())
    found = percentile_interval(rate, converted / np.maximum(rows, 1), config.confidence, Support.of(test))
    return [found.low, found.high]


def _named(share: float) -> str:
    """A share as a key: 0.3 is "30"."""
    return f"{100 * share:g}"


def _spread(parts: Sequence[dict[str, Any]], differences: bool) -> dict[str, Any]:
    """By scorer and figure the lowest, median and highest of the origins that have the figure."""
    found: dict[str, Any] = {}
    for name in dict.fromkeys(n for part in parts for n in part):
        found[name] = {}
        for figure in next(part[name] for part in parts if name in part):
            values = [p[name][figure]["value"] for p in parts if name in p and p[name][figure]["value"] is not None]
            if values:
                told = {"lowest": min(values), "median": float(np.median(values)), "highest": max(values)}
                found[name][figure] = told | {"origins": len(values)}
                if differences:
                    found[name][figure]["better"] = sum(is_better(figure, v) for v in values)
    return found


def is_better(figure: str, difference: float) -> bool:
    """Whether a difference is in the model's favour: losses fall, everything else rises."""
    return difference < 0 if figure in ("log_loss", "brier") else difference > 0
