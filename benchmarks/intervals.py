"""How often intervals hold the truth: 90 % intervals of small invented companies against a very large draw of leads.

    python benchmarks/intervals.py [companies; 200 unless said]

Each company (`tests/made_company.py`) has its own size and law; the whole recipe (`model=auto`) is judged on its test
lists as `leadml train` judges it. An interval is one of *the expected figure of this judged model, as it is fitted, for
other accounts of the same law on these lists*: the model, the lists and their number are given, accounts are drawn. It
is worked out on `FRESH` other leads, cut at random into lists as long as the company's and averaged (``expected``);
beside it stands the figure of endless lists (``endless``), from which average precision differs.

What was found for a company stays in .bench/intervals, named by the code that made it: stopped and started again, the
rest is measured. Other forms of the interval are worked out from the same draws.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import numpy as np
import pandas as pd
from made_company import FEATURES, Law, draw_fresh, make_company
from made_lists import make_config
from scipy.stats import norm

from leadml.bootstrap import BootstrapConfig, draw_weights
from leadml.errors import DataError
from leadml.metrics import FIGURES, score_lists, weighted_figures
from leadml.recipe import RecipeConfig
from leadml.recipe_data import prepare
from leadml.training import Judged, judge_recipe
from leadml.value import FittedValue, fit_value, judge_money
from leadml.verdict import NOT_ENOUGH_DATA

ROOT = Path(__file__).resolve().parents[1]
COMPANIES, WEEKS = 200, 60
ACCOUNTS = (800, 5000)  # fewest and most, drawn on a logarithmic scale
FRESH = 40_000
DRAWS, CONFIDENCE, ENOUGH = 200, 0.9, 50  # those of conf/config.yaml
KEPT = ROOT / ".bench" / "coverage"
GAIN = "to_constant"
SHOWN = (*(f for f in FIGURES if not f.startswith("capture")), GAIN)  # a capture is a lift times its share


def main(companies: int) -> None:
    """Measures what is not there yet, then prints the tables."""
    KEPT.mkdir(parents=True, exist_ok=True)
    begun, digest = time.process_time(), code_digest()
    found = []
    for seed in range(companies):
        path = KEPT / f"{digest}-{seed:04d}.json"
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_text(json.dumps(measure(seed)))
            part.rename(path)
        found.append(json.loads(path.read_text()))
        if seed % 20 == 19:
            print(
                f"{seed + 1} companies, {time.process_time() - begun:.0f} s of processor", file=sys.stderr, flush=True
            )
    judged = [f for f in found if "refused" not in f and f["verdict"] != NOT_ENOUGH_DATA]
    print_tables(judged, len(found) - len(judged))


def code_digest() -> str:
    """Of what intervals are made by."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in (*sorted((ROOT / "src" / "leadml").rglob("*.py")), ROOT / "tests" / "made_company.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def measure(seed: int) -> dict[str, Any]:
    """One company's figures, draws and truths, as plain values."""
    generator = np.random.default_rng(seed)
    law = Law.drawn(generator)
    accounts = int(np.exp(generator.uniform(*np.log(ACCOUNTS))))
    snapshots, X = make_company(law, accounts, WEEKS, seed)
    config = make_config(seed=seed)
    train = replace(config.train, bootstrap=DRAWS, confidence=CONFIDENCE, min_conversions=ENOUGH)
    config = replace(config, train=train)
    try:
        data = prepare(snapshots, X, FEATURES, config)
        judged = judge_recipe(data)
    except DataError as error:
        return {"refused": str(error)}
    drawing = BootstrapConfig(DRAWS, CONFIDENCE, seed)
    value = fit_value(data.snapshots, data.X, FEATURES, data.split, judged.test, drawing)
    fresh, fresh_X = draw_fresh(law, judged.test["cutoff"], FRESH, 10_000 + seed)
    fresh = score_fresh(judged, fresh, fresh_X)
    figures, draws = drawn_figures(judged.test, config)
    endless = figures_of(fresh, score_lists(fresh, *scores_of(fresh)), None)
    parts = [figures_of(p, score_lists(p, *scores_of(p)), None) for p in cut(fresh, judged.test, seed)]
    expected = {name: float(np.nanmean([p[name][0] for p in parts])) for name in endless}
    told = judged.metrics["scorers"]["model"] | {GAIN: judged.metrics["differences"]["constant"]["log_loss"]}
    return {
        "accounts": accounts,
        "rung": judged.plan.rung,
        "verdict": judged.verdict.name,
        "converting": judged.metrics["test"]["converting_leads"],
        "rows_a_list": len(judged.test) / judged.metrics["test"]["lists"],
        "value": {k: float(v[0]) for k, v in figures.items()},
        "draws": {k: np.round(v, 7).tolist() for k, v in draws.items()},
        "expected": expected,
        "endless": {k: float(v[0]) for k, v in endless.items()},
        "told": {k: [told[k]["low"], told[k]["high"]] for k in expected},
        **measure_money(judged, value, fresh, fresh_X, drawing),
    }


def score_fresh(judged: Judged, fresh: pd.DataFrame, X: pd.DataFrame) -> pd.DataFrame:
    """The fresh leads as the judged model scores them, in the lists of their cutoffs."""
    margin = judged.model.margins(X, 1)
    probability = judged.calibrator.probability(margin)
    constant = judged.test["probability_constant"].iloc[0]
    return fresh.assign(list=fresh["cutoff"], margin=margin, probability=probability, probability_constant=constant)


def scores_of(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """What orders, and the probability (n,)."""
    return rows["margin"].to_numpy(), rows["probability"].to_numpy()


def figures_of(rows: pd.DataFrame, scored: Any, weights: np.ndarray | None) -> dict[str, np.ndarray]:
    """All figures under account weights (accounts, draws), or plain ones; and log loss less the constant rate's."""
    weights = np.ones((scored.accounts, 1)) if weights is None else weights
    figures = weighted_figures(scored, weights)
    other = replace(scored, probability=rows["probability_constant"].to_numpy(), score=np.zeros(len(rows)))
    return figures | {GAIN: figures["log_loss"] - weighted_figures(other, weights)["log_loss"]}


def drawn_figures(test: pd.DataFrame, config: RecipeConfig) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The test's figures, and under the recipe's own draws."""
    scored = score_lists(test, *scores_of(test))
    weights = np.hstack(list(draw_weights(scored.accounts, DRAWS, config.seed)))
    return figures_of(test, scored, None), figures_of(test, scored, weights)


def cut(fresh: pd.DataFrame, test: pd.DataFrame, seed: int) -> list[pd.DataFrame]:
    """The fresh leads at random in parts whose lists are as long as the test's."""
    wanted = max(1, round(len(fresh) / len(test)))
    code, leads = pd.factorize(fresh["lead_id"])
    part = np.random.default_rng(seed).integers(0, wanted, len(leads))[code]
    return [rows.reset_index(drop=True) for _, rows in fresh.groupby(part)]


def measure_money(
    judged: Judged, value: FittedValue, fresh: pd.DataFrame, X: pd.DataFrame, drawing: BootstrapConfig
) -> dict[str, Any]:
    """The range of an amount: what share of the fresh conversions it holds. And the money a lead worked brings."""
    money = {m["share"]: m["per_lead_value"] for m in value.metrics.get("money", [])}
    model = value.judged
    if model.form == "none" or 0.1 not in money:
        return {"covered": None, "money": None}
    won = fresh["label"].to_numpy() == 1
    worth = model.expected(fresh["probability"].to_numpy()[won], X[won].reset_index(drop=True))
    got = (fresh["probability"] * fresh["amount"]).to_numpy()[won]
    inside = (got >= worth["expected_value_low"]) & (got <= worth["expected_value_high"])
    few = replace(drawing, draws=2)
    truth = judge_money(model, fresh, X, few)[1]["per_lead_value"]["value"]
    return {"covered": float(inside.mean()), "form": model.form, "money": money[0.1] | {"truth": truth}}


def percentile(value: float, draws: np.ndarray) -> tuple[float, float]:
    """Percentiles of the draws (Efron 1979)."""
    low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def basic(value: float, draws: np.ndarray) -> tuple[float, float]:
    """Reflected: what the draws are above the figure, the figure is above the truth (Davison and Hinkley 1997, 5.2)."""
    low, high = percentile(value, draws)
    return 2 * value - high, 2 * value - low


def normal(value: float, draws: np.ndarray) -> tuple[float, float]:
    """The figure and the draws' standard deviation."""
    half = float(norm.ppf((1 + CONFIDENCE) / 2) * draws.std(ddof=1))
    return value - half, value + half


def unbiased(value: float, draws: np.ndarray) -> tuple[float, float]:
    """The same about the figure less the draws' bias."""
    return normal(2 * value - float(draws.mean()), draws)


def bias_corrected(value: float, draws: np.ndarray) -> tuple[float, float]:
    """BC percentiles (Efron 1981): moved by twice the normal score of the share of draws below the figure."""
    below = ((draws < value).sum() + 0.5 * (draws == value).sum() + 0.5) / (len(draws) + 1)
    moved = 2 * norm.ppf(below)
    shares = norm.cdf(moved + norm.ppf([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]))
    low, high = np.quantile(draws, shares)
    return float(low), float(high)


FORMS: dict[str, Callable[[float, np.ndarray], tuple[float, float]]] = {
    "percentile": percentile, "basic": basic, "normal": normal, "unbiased normal": unbiased, "BC": bias_corrected,
}  # fmt: skip


def ends_of(company: dict[str, Any], figure: str, form: str) -> tuple[float, float]:
    """An interval of a company, as it was told or by another form."""
    if form == "told":
        low, high = company["told"][figure]
        return (np.nan, np.nan) if low is None else (low, high)
    draws = np.array(company["draws"][figure])
    draws = draws[np.isfinite(draws)]
    return FORMS[form](company["value"][figure], draws) if len(draws) > 1 else (np.nan, np.nan)


def print_tables(found: list[dict[str, Any]], refused: int) -> None:
    """Coverage by figure and form; then what is said of money."""
    rungs = pd.Series([f["rung"] for f in found]).value_counts().to_dict()
    converting = np.quantile([f["converting"] for f in found], [0, 0.5, 1]).astype(int)
    rows = np.quantile([f["rows_a_list"] for f in found], [0, 0.5, 1]).astype(int)
    print(f"{len(found)} companies judged, {refused} have not enough data for a verdict; rungs {rungs}; converting")
    print(f"leads in the test {converting.tolist()} and rows a list {rows.tolist()} (fewest, median, most)\n")
    print("| figure | truth | form | held | truth below | truth above | mean width | mean of value - truth |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for figure in SHOWN:
        for truth in ("expected", "endless") if figure == "average_precision" else ("expected",):
            for form in ("told", *FORMS):
                print_row(found, figure, truth, form)
    told = [f for f in found if f.get("money") and f["money"]["low"] is not None]
    held = [f["money"]["low"] <= f["money"]["truth"] <= f["money"]["high"] for f in told]
    print(f"\nmoney a lead worked in the top 10 % by expected value: held {np.mean(held):.1%} of {len(told)}")
    covered = [f["covered"] for f in found if f["covered"] is not None]
    print(f"the range of the expected value holds {np.mean(covered):.1%} of other conversions (nine in ten "
          f"companies {np.quantile(covered, 0.05):.1%} to {np.quantile(covered, 0.95):.1%})")  # fmt: skip


def print_row(found: list[dict[str, Any]], figure: str, truth: str, form: str) -> None:
    """One line of the table."""
    ends = np.array([ends_of(f, figure, form) for f in found])
    true = np.array([f[truth][figure] for f in found])
    value = np.array([f["value"][figure] for f in found])
    there = np.isfinite(ends).all(axis=1)
    low, high, true, value = ends[there, 0], ends[there, 1], true[there], value[there]
    below, above = np.mean(true < low), np.mean(true > high)
    print(f"| {figure} | {truth} | {form} | {1 - below - above:.1%} | {below:.1%} | {above:.1%} | "
          f"{np.mean(high - low):.4f} | {np.mean(value - true):+.4f} |")  # fmt: skip


if __name__ == "__main__":
    if os.environ.get("OMP_WAIT_POLICY") != "PASSIVE":  # LightGBM's threads wait without spinning
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"OMP_WAIT_POLICY": "PASSIVE"})
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COMPANIES)
