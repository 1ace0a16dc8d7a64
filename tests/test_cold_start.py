"""Too few conversions to judge anything: the team's scorecard by name scores all the same, and says on what."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import run_here
from made_lists import make_config, make_leads

from leadml import LeadScorer
from leadml.config import Rung
from leadml.errors import DataError
from leadml.recipe import split_checked, typed
from leadml.sufficiency import find_shortfalls
from leadml.training import fit_recipe

AUTO = make_config()
POINTS = replace(AUTO, model=replace(AUTO.model, kind=Rung.points))


def company(converting: int):
    """Leads of which only so many ever convert."""
    snapshots, X, features = make_leads(800, 60, 1)
    won = snapshots[snapshots["label"] == 1].drop_duplicates("lead_id")["lead_id"].sample(converting, random_state=4)
    kept = snapshots["label"].where((snapshots["label"] != 1) | snapshots["lead_id"].isin(won), 0.0)
    return snapshots.assign(label=kept, amount=snapshots["amount"].where(kept == 1)), X, features


@pytest.mark.parametrize("converting", [0, 1, 9, 25])
def test_points_by_name_need_no_conversion(converting):
    snapshots, X, features = company(converting)
    with pytest.raises(DataError, match="model=points" if converting else "without a conversion"):
        fit_recipe(snapshots, X, features, AUTO)
    trained = fit_recipe(snapshots, X, features, POINTS)
    assert trained.verdict.name == "use points" and trained.verdict.allows_champion
    assert "too few conversions to judge" in trained.verdict.why and "base rate of all matured" in trained.verdict.why
    p = trained.calibrator.probability(trained.final.margins(X))
    rate = np.nanmean(snapshots["label"])
    assert p.min() > 0 and p.max() < 1
    assert p.mean() == pytest.approx(rate, rel=0.5) if converting > 1 else p.mean() < 0.01
    # Ordered as the scorecard orders, never the other way round.
    margins = trained.final.margins(X)
    assert (np.diff(p[np.argsort(margins)]) >= 0).all()
    json.dumps(trained.metrics, allow_nan=False, default=str)


def test_it_is_told_before_training_and_where_it_ends():
    snapshots = typed(company(9)[0])
    found = {s.kind: s for s in find_shortfalls(snapshots, POINTS)}
    assert found["cold_start"].severity == "warn" and "few_conversions" not in found
    assert found["cold_start"].counts["found"] + found["cold_start"].counts["tested"] <= 9
    assert "cold_start" not in {s.kind for s in find_shortfalls(typed(make_leads(2000, 60, 1)[0]), POINTS)}
    with pytest.raises(DataError, match="none of the"):
        split_checked(snapshots.assign(label=np.nan), POINTS)
    with pytest.raises(DataError, match="too few for a test and a validation"):
        split_checked(snapshots[snapshots["cutoff"] < pd.Timestamp("2024-02-05")].reset_index(drop=True), POINTS)
    with pytest.raises(DataError, match="every one of the"):
        split_checked(snapshots.assign(label=1.0), POINTS)


def write_leads(path: Path, converted: int) -> None:
    """Half a year of a young company's leads, one row a lead at its own time, of which so many became customers."""
    generator, rows = np.random.default_rng(5), 400
    frame = pd.DataFrame(
        {
            "Id": [f"P{i:04}" for i in range(rows)],
            "Created": pd.date_range("2025-01-01", periods=rows, freq="11h").strftime("%Y-%m-%d %H:%M"),
            "Role": generator.choice(["owner", "manager", "intern"], rows),
            "Visits": generator.poisson(2, rows),
            "Heard of us": generator.choice(["referral", "search", "fair"], rows),
            "Won": (np.arange(rows) % (rows // converted) == 7).astype(int),
        }
    )
    frame.to_csv(path, index=False)


CARD = (
    "scorecard.rules=[{features: [Role], values: [owner], points: 10}, {features: [Visits], at_least: 3, points: 5}, "
    "{features: ['Heard of us'], values: [referral], points: 10}]"
)


@pytest.mark.extra
@pytest.mark.parametrize("converted", [1, 8])
def test_a_young_company_scores_by_its_own_card_from_the_command_line(tmp_path, converted):
    write_leads(tmp_path / "leads.csv", converted)
    settings = ("source=flat", f"source.path={tmp_path}/leads.csv", "source.label=Won", "source.lead_id=Id",
                "source.time=Created", "problem.horizon_days=14", f"paths.root={tmp_path}", "tracking.enabled=false",
                "train.bootstrap=10", CARD)  # fmt: skip
    refused = run_here("extract", *settings)
    assert refused.returncode == 3 and "model=points scores by your own scorecard" in refused.stderr
    shown = run_here("run", *settings, "model=points")
    assert shown.returncode == 0, shown.stderr
    assert "verdict: use points. too few conversions to judge" in " ".join(shown.stdout.split())
    scorer = LeadScorer.load(tmp_path / "models/champion")
    assert scorer.about["rung"] == "points" and scorer.about["verdict"]["name"] == "use points"
    assert "Too few conversions to judge" in (tmp_path / "data/reports/report.html").read_text()
    scores = pd.read_parquet(next((tmp_path / "data/scores").rglob("scores.parquet")))
    assert len(scores) and scores["probability"].between(0, 1, inclusive="neither").all()


@pytest.mark.extra
@pytest.mark.parametrize("won", [True, False])
def test_a_company_of_some_months_scores_by_its_own_card_even_before_its_first_conversion(tmp_path, won):
    settings = (f"paths.root={tmp_path}", "tracking.enabled=false", "train.bootstrap=10", "simulate.leads=250",
                "simulate.months=7", "problem.horizon_days=30", "problem.age_days=[]")  # fmt: skip
    assert run_here("simulate", *settings).returncode == 0
    if not won:
        path = tmp_path / "data/raw/Opportunity.csv"
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table[table["IsWon"] != "true"].to_csv(path, index=False)
    refused = run_here("extract", *settings)
    assert refused.returncode == 3 and "model=points scores" in refused.stderr, refused.stderr
    shown = run_here("run", *settings, "model=points")
    assert shown.returncode == 0, shown.stderr
    assert "verdict: use points. too few conversions to judge" in " ".join(shown.stdout.split())
    scorer = LeadScorer.load(tmp_path / "models/champion")
    assert scorer.about["rung"] == "points" and scorer.about["verdict"]["name"] == "use points"
    assert "Too few conversions to judge" in (tmp_path / "data/reports/report.html").read_text()
    scores = pd.read_parquet(next((tmp_path / "data/scores").rglob("scores.parquet")))
    assert len(scores) and scores["probability"].between(0, 1, inclusive="neither").all()
