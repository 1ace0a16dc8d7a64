"""What the judged lists say: ranking, probabilities, what lay at the top and at the bottom, money; and its spread.

Conversions are told per list and averaged, as the headline figures are. Money is told over all lists together: the
amount of each distinct converting lead counts once, in equal parts at its places on the lists that it converted from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leadml.backtest.judge import UNCORRECTED, Judged
from leadml.bootstrap import BootstrapConfig, Scores, bootstrap_scores, draw_weights, percentile_interval
from leadml.config import TrainConfig
from leadml.judgement import CAPTURE_SHARES
from leadml.metrics import ScoredLists, captured_by_list, score_lists

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
        return cls(BootstrapConfig(train.bootstrap, train.confidence, seed), tuple(bottom))

    @property
    def shares(self) -> tuple[float, ...]:
        """The top shares that are looked at: every 5 %, and what is left above each bottom share."""
        return tuple(sorted({*CAPTURE_SHARES, *TOP_SHARES, *(round(1 - b, 6) for b in self.bottom)}))


def summarise(judged: Sequence[Judged], settings: Settings) -> dict[str, Any]:
    """Every figure as plain values for JSON.

    Returns:
        ``origins``: the facts of each with its figures (`judge_lists`). ``overall``: the figures over the lists of all
        origins. ``spread``: of each scorer and figure the ``lowest``, ``median`` and ``highest`` origin; of each
        difference also at how many ``origins`` the model was ``better``.
    """
    by_origin = [one.facts | judge_lists(one.test, settings) for one in judged]
    return {
        "origins": by_origin,
        "overall": judge_lists(pd.concat([one.test for one in judged], ignore_index=True), settings),
        "spread": {
            part: _spread([one[part] for one in by_origin], part == "differences")
            for part in ("scorers", "differences")
        },
    }


def judge_lists(test: pd.DataFrame, settings: Settings) -> dict[str, Any]:
    """The figures of some lists.

    Args:
        test: as `judge.Judged.test`.
        settings: how.

    Returns:
        ``judged``: what the lists hold (`count_judged`) and the ends of the rate's interval. ``scorers`` and
        ``differences``: `bootstrap.bootstrap_scores`, model minus the other. ``skipped``: by bottom share and scorer
        the share of the conversions that lay there. ``money``: `judge_money`. ``curve``: by scorer the share of the
        conversions in the top shares of a list.
    """
    scores = {"model": _scores(test, "margin", "probability")}
    for name in scorer_names(test):
        scores[name] = _scores(test, f"score_{name}", f"probability_{name}")
    ordered = {name: pair for name, pair in scores.items() if name not in PROBABILITIES_ONLY}
    captured = _Captured.draw(test, ordered, test["label"].to_numpy(dtype=np.float64), settings)
    return {
        "judged": count_judged(test) | {"rate_interval": _rate_interval(test, settings.bootstrap)},
        **bootstrap_scores(test, scores, settings.bootstrap),
        "skipped": {
            _named(bottom): captured.told(round(1 - bottom, 6), mean_over_lists, left=True)
            for bottom in settings.bottom
        },
        "money": judge_money(test, ordered, settings),
        "curve": {
            name: [{"share": share} | captured.interval(name, share, mean_over_lists) for share in settings.shares]
            for name in ordered
        },
    }


def scorer_names(test: pd.DataFrame) -> list[str]:
    """What stands beside the model in ``test``."""
    return [c.removeprefix("score_") for c in test.columns if c.startswith("score_")]


def judge_money(test: pd.DataFrame, scores: Scores, settings: Settings) -> dict[str, Any] | None:
    """The amounts of the distinct converting leads, and what of them lay in the top shares of the lists.

    Returns:
        ``leads`` with an amount above 0, ``without`` one (they count nothing), the ``amount`` of all, ``captured`` by
        top share and scorer and ``skipped`` by bottom share and scorer; None where no lead has an amount.
    """
    value, leads, without = spread_amounts(test)
    if not leads:
        return None
    drawn = _Captured.draw(test, scores, value, settings)
    bottoms = {_named(b): drawn.told(round(1 - b, 6), over_all_lists, left=True) for b in settings.bottom}
    return {
        "leads": leads,
        "without": without,
        "amount": float(value.sum()),
        "captured": {_named(share): drawn.told(share, over_all_lists) for share in TOP_SHARES},
        "skipped": bottoms,
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


def mean_over_lists(caught: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Share of what each list holds, averaged over the lists that hold some: (lists, draws) twice to (draws,)."""
    known = held > 0
    counts = known.sum(axis=0)
    shares = np.where(known, caught / np.where(known, held, 1), 0).sum(axis=0)
    return np.where(counts > 0, shares / np.maximum(counts, 1), np.nan)


def over_all_lists(caught: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Share of what all lists hold together: (lists, draws) twice to (draws,)."""
    total = held.sum(axis=0)
    return np.where(total > 0, caught.sum(axis=0) / np.where(total > 0, total, 1), np.nan)


@dataclass(frozen=True)
class _Captured:
    """What of a value lay in the top shares of the lists, with its draws: the first draw of each is the value itself.

    ``caught`` by scorer (shares, lists, 1 + draws), ``held`` (lists, 1 + draws).
    """

    caught: Mapping[str, np.ndarray]
    held: np.ndarray
    settings: Settings
    conversions: int

    @classmethod
    def draw(cls, test: pd.DataFrame, scores: Scores, value: np.ndarray, settings: Settings) -> "_Captured":
        tables = {name: score_lists(test, *pair) for name, pair in scores.items()}
        parts: dict[str, list[np.ndarray]] = {name: [] for name in tables}
        held: list[np.ndarray] = []
        first = next(iter(tables.values()))
        for weights in _weights(first, settings.bootstrap):
            for name, table in tables.items():
                caught, total = captured_by_list(table, value, weights, settings.shares)
                parts[name].append(caught)
            held.append(total)
        leads = int(test.loc[test["label"] == 1, "lead_id"].nunique())
        caught_by = {name: np.concatenate(blocks, axis=2) for name, blocks in parts.items()}
        return cls(caught_by, np.concatenate(held, axis=1), settings, leads)

    def told(self, share: float, over: Any, left: bool = False) -> dict[str, Any]:
        """By scorer the interval of what lay in the top ``share``, or below it (``left``), and the differences.

        ``differences`` are model minus the other, paired.
        """
        drawn = {name: self._drawn(name, share, over, left) for name in self.caught}
        others = {name: drawn["model"] - values for name, values in drawn.items() if name != "model"}
        return {
            "scorers": {name: self._interval(values) for name, values in drawn.items()},
            "differences": {name: self._interval(values) for name, values in others.items()},
        }

    def interval(self, name: str, share: float, over: Any) -> dict[str, Any]:
        """What lay in the top ``share`` for one scorer."""
        return self._interval(self._drawn(name, share, over, left=False))

    def _drawn(self, name: str, share: float, over: Any, left: bool) -> np.ndarray:
        caught = self.caught[name][self.settings.shares.index(share)]
        part: np.ndarray = over(np.maximum(self.held - caught, 0.0) if left else caught, self.held)
        return part

    def _interval(self, values: np.ndarray) -> dict[str, Any]:
        return percentile_interval(
            values[0], values[1:], self.settings.bootstrap.confidence, self.conversions
        ).to_dict()


def _rate_interval(test: pd.DataFrame, config: BootstrapConfig) -> list[float]:
    """Ends of the rate's interval, drawn by account: how far from what was said it may be by chance alone."""
    sums = test.groupby("account_id", sort=False)["label"].agg(["sum", "count"]).to_numpy(dtype=np.float64)
    drawn = [sums.T @ weights for weights in draw_weights(len(sums), config.draws, config.seed)]
    converted, rows = np.concatenate(drawn, axis=1)
    tail = (1 - config.confidence) / 2
    return [float(end) for end in np.quantile(converted / np.maximum(rows, 1), [tail, 1 - tail])]


def _weights(scored: ScoredLists, config: BootstrapConfig) -> Any:
    """Every account once, then the draws of `bootstrap.bootstrap_scores`."""
    yield np.ones((scored.accounts, 1))
    yield from draw_weights(scored.accounts, config.draws, config.seed)


def _scores(test: pd.DataFrame, score: str, probability: str) -> tuple[np.ndarray, np.ndarray]:
    return test[score].to_numpy(dtype=np.float64), test[probability].to_numpy(dtype=np.float64)


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
