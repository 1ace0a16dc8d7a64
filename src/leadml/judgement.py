"""The judgement of a recipe on its test lists: every figure, with intervals, as plain values for JSON."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from leadml.bootstrap import BootstrapConfig, Interval, bootstrap_scores
from leadml.calibration import calibration_bins, calibration_error, fit_sigmoid
from leadml.chance import Judged, chance_calibration_error
from leadml.config import TrainConfig
from leadml.metrics import auc, capture_curve, evaluate_lists, plain_number
from leadml.verdict import Evidence

# Ages in completed days: "0-7" is [0, 8) days since the lead was known.
AGE_BANDS = {"age_0_7": (0, 8), "age_8_30": (8, 31), "age_31_90": (31, 91), "age_over_90": (91, np.inf)}
CAPTURE_SHARES = tuple(round(0.05 * i, 2) for i in range(1, 21))


def judge_test(test: pd.DataFrame, baselines: Sequence[str], train: TrainConfig, seed: int) -> dict[str, Any]:
    """All figures of the test.

    Args:
        test: one row a lead and list: ``list``, ``lead_id``, ``account_id``, ``cutoff``, ``label`` (0 or 1),
            ``age_days``, ``untouched``, ``new_account``, ``margin``, ``probability``, and for every baseline
            ``score_NAME`` and ``probability_NAME``.
        baselines: their names; ``constant`` is one of them.
        train: bootstrap draws and confidence.
        seed: of the draws.

    Returns:
        ``test`` (what it holds), ``scorers`` and ``differences`` (`bootstrap_scores`; model minus baseline),
        ``points_to_constant`` (points minus constant, where there is a scorecard),
        ``bands`` (a band's counts and the model's figures and its difference to the constant rate; missing where the
        test has no such row), ``calibration``, ``capture`` (model and points: share of each list, share of its
        conversions; nothing where none converted), ``pooled_auc`` (all lists as one).
    """
    config = BootstrapConfig.of(train, seed)
    scores = {"model": _scores(test)} | {name: _scores(test, f"_{name}") for name in baselines}
    result: dict[str, Any] = {"test": _counts(test)} | bootstrap_scores(test, scores, config)
    if "points" in scores:
        pair = {name: scores[name] for name in ("points", "constant")}
        result["points_to_constant"] = bootstrap_scores(test, pair, config)["differences"]["constant"]
    result["bands"] = {name: judge_rows(rows, config) for name, rows in _bands(test) if len(rows)}
    result["calibration"] = _judge_calibration(test, seed)
    shown = {"model": "margin"} | {name: f"score_{name}" for name in baselines if name == "points"}
    shares = CAPTURE_SHARES if test["label"].any() else ()
    result["capture"] = {name: capture_curve(test.assign(score=test[column]), shares) for name, column in shown.items()}
    result["pooled_auc"] = plain_number(auc(test["label"].to_numpy(float), test["margin"].to_numpy(float)))
    return result


def judge_rows(rows: pd.DataFrame, config: BootstrapConfig) -> dict[str, Any]:
    """Counts of some rows of the test (as in `judge_test`), the model's figures and its differences to the constant."""
    figures = bootstrap_scores(rows, {"model": _scores(rows), "constant": _scores(rows, "_constant")}, config)
    return _counts(rows) | {
        "figures": figures["scorers"]["model"],
        "difference_to_constant": figures["differences"]["constant"],
    }


def judge_origins(stream: pd.DataFrame, train: TrainConfig, seed: int) -> list[dict[str, Any]]:
    """The figures at each origin before the test: the folds, whose models knew nothing later than their beginning.

    What makes probabilities of their margins (line, weights of a blend, shifts of segments), and the one rate that they
    are compared with, come from all the other folds, later ones too. The folds chose the recipe, so each of them alone
    flatters it a little; a model that is better at the test only is another matter than one better at every origin.

    Args:
        stream: one row a lead and list: ``fold``, ``list``, ``lead_id``, ``account_id``, ``cutoff``, ``label``,
            ``margin``, ``probability_other``, ``recency`` (what the row counts in the rate of the others).
        train: bootstrap draws and confidence.
        seed: of the draws.

    Returns:
        A fold each, the oldest first: what it holds, ``figures`` and ``difference_to_constant`` (the rate of the other
        folds) as in `judge_test`.
    """
    config, found = BootstrapConfig.of(train, seed), []
    weight = stream["recency"].to_numpy(float)
    label = stream["label"].to_numpy(float)
    for fold, rows in stream.groupby("fold", sort=True):
        others = (stream["fold"] != fold).to_numpy()
        known = others if others.any() else ~others
        rate = (float(weight[known] @ label[known]) + 0.5) / (float(weight[known].sum()) + 1)
        scores = {
            "model": (rows["margin"].to_numpy(float), rows["probability_other"].to_numpy(float)),
            "constant": (np.zeros(len(rows)), np.full(len(rows), rate)),
        }
        figures = bootstrap_scores(rows, scores, config)
        counts = _counts(rows.assign(probability=rows["probability_other"]))
        told = {"figures": figures["scorers"]["model"], "difference_to_constant": figures["differences"]["constant"]}
        found.append(counts | told)
    return found


def read_evidence(
    metrics: dict[str, Any], train_conversions: int, points: bool = False, by_hand: bool = False
) -> Evidence:
    """What the verdict looks at, from the figures of `judge_test`.

    ``points``: the model is the scorecard; ``by_hand``: because it was asked for by name.
    """
    scorers, differences = metrics["scorers"], metrics["differences"]
    with_points = "points" in scorers
    return Evidence(
        auc=Interval(**scorers["model"]["auc"]),
        lift_10=Interval(**scorers["model"]["lift_10"]),
        loss_to_constant=Interval(**differences["constant"]["log_loss"]),
        train_conversions=train_conversions,
        test_conversions=metrics["test"]["converting_leads"],
        points_auc=Interval(**scorers["points"]["auc"]) if with_points else None,
        points_lift=Interval(**scorers["points"]["lift_10"]) if with_points else None,
        loss_to_points=Interval(**differences["points"]["log_loss"]) if with_points else None,
        points_to_constant=Interval(**metrics["points_to_constant"]["log_loss"]) if with_points else None,
        origins=tuple(
            (Interval(**o["difference_to_constant"]["log_loss"]), Interval(**o["figures"]["lift_10"]))
            for o in metrics.get("origins", [])
        ),
        is_points=points,
        by_hand=by_hand,
        leading=tuple(metrics.get("leading", ())),
    )


def _scores(test: pd.DataFrame, suffix: str = "") -> tuple[np.ndarray, np.ndarray]:
    score = test[f"score{suffix}"] if suffix else test["margin"]
    return score.to_numpy(dtype=np.float64), test[f"probability{suffix}"].to_numpy(dtype=np.float64)


def _bands(test: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    bands = [
        (name, test[(test["age_days"] >= low) & (test["age_days"] < high)]) for name, (low, high) in AGE_BANDS.items()
    ]
    return [*bands, ("untouched", test[test["untouched"]]), ("new_accounts", test[test["new_account"]])]


def _counts(rows: pd.DataFrame) -> dict[str, Any]:
    label = rows["label"]
    lists = evaluate_lists(rows.assign(score=rows["margin"]))
    return {
        "rows": len(rows),
        "leads": int(rows["lead_id"].nunique()),
        "accounts": int(rows["account_id"].nunique()),
        "converting_leads": int(rows.loc[label == 1, "lead_id"].nunique()),
        "converting_accounts": int(rows.loc[label == 1, "account_id"].nunique()),
        "rate": float(label.mean()),
        "mean_probability": float(rows["probability"].mean()),
        "lists": lists["lists"],
        "lists_without_both": lists["lists_without_both"],
        "first": _day(rows["cutoff"].min()),
        "last": _day(rows["cutoff"].max()),
    }


def _judge_calibration(test: pd.DataFrame, seed: int) -> dict[str, Any]:
    p, y = test["probability"].to_numpy(dtype=np.float64), test["label"].to_numpy(dtype=np.float64)
    # Slope 1 and intercept 0 here: probabilities that need no correction.
    line = fit_sigmoid(np.log(p) - np.log1p(-p), y)
    return {
        "bins": calibration_bins(p, y).to_dict(orient="records"),
        "error": calibration_error(p, y),
        "error_by_chance": chance_calibration_error(Judged.of(test), seed),
        "slope": line.slope,
        "intercept": line.intercept,
        "mean_probability": float(p.mean()),
        "rate": float(y.mean()),
    }


def _day(moment: Any) -> str | None:
    return None if pd.isna(moment) else f"{moment:%Y-%m-%d}"
