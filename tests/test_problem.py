"""The problem's settings: what is refused, in one line that says what would do; and what is stored with a model."""

import re
from dataclasses import replace
from datetime import datetime
from io import StringIO
from types import SimpleNamespace

import pandas as pd
import pytest
from conftest import DEEP, ROOT, run_here
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from snapshot_tables import problem

from leadml import snapshots as s
from leadml.cli import one_line
from leadml.config import FeaturesConfig, register_schema, to_config
from leadml.errors import ConfigurationError, DataError
from leadml.problem import ColleagueConversion, ProblemConfig, Unit
from leadml.progress import Progress
from leadml.stages.extract import show_cohorts
from leadml.stages.settings import (
    check_extracted,
    feature_settings,
    mapping_settings,
    model_problem,
    plain,
    problem_settings,
)


@pytest.fixture(scope="module")
def base():
    register_schema()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("extract", overrides=["source=flat"])


def changed(base, *words):
    """The problem's settings with a few changed, as an object; refuses as the command line does."""
    settings = OmegaConf.merge(OmegaConf.structured(ProblemConfig), base.problem)
    for word in words:
        name, value = word.split("=", 1)
        OmegaConf.update(settings, name, OmegaConf.create(f"v: {value}").v)
    return OmegaConf.to_object(settings)


FEATURES = FeaturesConfig(
    windows=[7, 30], half_lives=[7], content={}, kinds=[], min_touchpoints=1, zone="UTC", zones={}, season=False,
    reuse=True, include_effort=True, exclude=[],
)  # fmt: skip


def config_of(asked):
    """As much of the configuration as tells the problem and the features."""
    return SimpleNamespace(problem=asked, source={"name": "ours", "path": "here"}, features=FEATURES)


def test_the_defaults_are_those_of_the_design(base):
    got = changed(base)
    assert (got.unit, got.gap_days, got.horizon_days, got.booking_delay_days) == (Unit.lead, 0, 90, 7)
    assert (got.weekly, got.weekday, got.cutoffs, got.active_days) == (True, 0, [], 180)
    assert [round(a * 24) for a in got.age_days] == [1, 24, 168]
    assert (
        got.exits == ["lost", "merged", "erased", "opted_out"]
        and got.colleague_conversion is ColleagueConversion.ignore
    )
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        accounts = compose("extract", overrides=["source=flat", "problem=accounts"])
    assert to_config(accounts).problem == replace(got, unit=Unit.account)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["horizon_days=0"], "must be above 0: problem.horizon_days=0"),
        (["active_days=0"], "must be above 0: problem.active_days=0"),
        (["train_every=0"], "must be above 0: problem.train_every=0"),
        (["horizon_days=nan"], "must be above 0: problem.horizon_days=nan"),
        (["horizon_days=inf"], "must be at most 36500 (a hundred years): problem.horizon_days=inf"),
        (["horizon_days=-1", "gap_days=-2", "weekday=7"], "problem.horizon_days=-1.0; must be 0 or more: problem.gap_"),
        (["booking_delay_days=-1"], "must be 0 or more: problem.booking_delay_days=-1.0"),
        (["weekday=7"], "problem.weekday=7: 0 is Monday, 6 is Sunday"),
        (["weekday=-1"], "problem.weekday=-1"),
        (["age_days=[1,-2,0]"], "problem.age_days=[-2.0, 0.0]: ages are days above 0"),
        (["age_days=[1,200]"], "problem.age_days=[200.0] is above problem.active_days=180"),
        (["age_days=[1,7,1]"], "problem.age_days names [1.0] twice"),
        (["weekly=false", "age_days=[]"], "no cutoffs: set problem.weekly=true, or give problem.age_days, e.g. [1,7]"),
        (["cutoffs=[soon]"], "problem.cutoffs=soon is not a date; write it as 2026-06-30"),
        (["cutoffs=[2026-01-01,2026-01-01T00:00Z]"], "problem.cutoffs names 2026-01-01 twice"),
        (["cutoffs=[2026-01-05]"], "problem.cutoffs=2026-01-05 is on the weekly grid already"),
        (["unit=company"], "lead"),
        (
            ["exits=[lost,won,merged,erased]"],
            "problem.exits names ['won']: what can end eligibility is lost, merged, er",
        ),
        (["colleague_conversion=maybe"], "counts"),
        (["exits=[lost,erased]"], "leaves out ['merged']"),
        (["exits=[lost,lost,merged,erased]"], "problem.exits names ['lost'] twice"),
        (["unit=account", "colleague_conversion=ends"], "problem.colleague_conversion=ends with problem.unit=account"),
        (["conversion=sale"], "opportunity"),
    ],
)
def test_settings_that_cannot_be_are_refused(base, words, said):
    with pytest.raises((ConfigurationError, OmegaConfBaseException)) as refused:
        changed(base, *words)
    assert said in one_line(refused.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["problem.horizon_days=-1", "problem.weekday=7"], "problem.horizon_days=-1.0; problem.weekday=7"),
        (["problem.exits=[lost,won]"], "what can end eligibility is lost, merged, erased, opted_out"),
    ],
)
def test_a_refusal_is_one_line_and_exit_2(tmp_path, words, said):
    shown = run_here("extract", *words, f"paths.root={tmp_path}/ws")
    assert shown.returncode == 2 and said in shown.stderr, shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1, shown.stderr


def test_given_cutoffs_on_another_hour_or_without_a_grid_are_fine():
    assert problem(cutoffs=["2026-01-05T08:00"]).given == [datetime(2026, 1, 5, 8)]
    assert problem(weekly=False, cutoffs=["2026-01-12", "2026-01-05T01:00+01:00"]).given == [
        datetime(2026, 1, 5),
        datetime(2026, 1, 12),
    ]


# Leads from Monday 2026-01-05 12:00 on, data to 2026-07-01: 176.5 days.
FIRST, END = datetime(2026, 1, 5, 12), datetime(2026, 7, 1)


def test_a_horizon_longer_than_the_data_tells_the_longest_that_fits():
    with pytest.raises(DataError) as refused:
        s.check_history(problem(horizon_days=90, booking_delay_days=7, train_every=4), FIRST, END)
    said = str(refused.value)
    # 90 + 7 days before the end is 2026-03-26: the Mondays 01-12 ... 03-23 matured, 11 of them; but the newest lies 80
    # days after the first lead, and two horizons are needed between.
    assert "problem.horizon_days=90 is too long: the data hold 176 days of history (2026-01-05 to 2026-07-01)" in said
    assert "11 weekly cutoffs matured" in said
    longest = int(re.search(r"problem.horizon_days=(\d+) is the longest that leaves (\d+) matured", said)[1])
    s.check_history(problem(horizon_days=longest, booking_delay_days=7, train_every=4), FIRST, END)
    assert longest == 44  # (176.5 - 7 - 5 weeks) / 3


def test_no_horizon_fits_a_few_days():
    with pytest.raises(DataError, match=r"the data hold 10 days of history .* no horizon fits: bring a longer history"):
        s.check_history(problem(horizon_days=30), FIRST, datetime(2026, 1, 15, 12))
    s.check_history(problem(horizon_days=30), datetime(2025, 1, 1), END)


def test_a_model_keeps_its_whole_problem():
    asked = {
        "unit": Unit.account, "cutoffs": ["2026-01-06"], "exits": ["merged", "erased"], "horizon_days": 45.0,
    }  # fmt: skip
    entry = problem_settings(config_of(problem(**asked)))
    assert entry == plain(entry), "plain values only"
    kept = model_problem(entry)
    assert {k: getattr(kept, k) for k in asked} == asked
    colleague = problem_settings(config_of(problem(colleague_conversion=ColleagueConversion.counts)))
    assert model_problem(colleague).colleague_conversion is ColleagueConversion.counts


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"unit": Unit.account}, "problem.unit=lead (extracted with account)"),
        ({"exits": ["merged", "erased"]}, r"problem.exits=['lost', 'merged', 'erased', 'opted_out'] (extracted"),
        ({"cutoffs": ["2026-01-06"]}, "problem.cutoffs=[] (extracted with ['2026-01-06'])"),
        (
            {"colleague_conversion": ColleagueConversion.ends},
            "problem.colleague_conversion=ignore (extracted with ends",
        ),
    ],
)
def test_training_refuses_features_of_another_problem(change, said):
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        check_extracted(config_of(problem()), {"problem": problem_settings(config_of(problem(**change)))})


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ({"features": {"windows": [14]}}, "features.windows=[7, 30] (extracted with [14])"),
        ({"source": {"name": "ours", "keep": ["x"]}}, None),
        ({"mapping": {"name": "theirs"}}, "source.name=ours (extracted with theirs)"),
        ({}, None),
    ],
)
def test_training_refuses_features_built_otherwise(then, said):
    now = config_of(problem())
    facts = {"problem": problem_settings(now), "mapping": mapping_settings(now), "features": feature_settings(now)}
    facts |= {k: facts[k] | v for k, v in then.items() if k in facts}
    if said is None:
        check_extracted(now, facts)
        check_extracted(now, {"problem": facts["problem"]})  # of an extract that did not note it
        return
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        check_extracted(now, facts)


@pytest.mark.extra
def test_what_only_the_data_can_tell_is_exit_3(tmp_path):
    words = (f"paths.root={tmp_path}", "simulate.leads=300", "simulate.months=10", "tracking.enabled=false")
    assert run_here("simulate", *words).returncode == 0
    shown = run_here("extract", *words, "problem.horizon_days=200")
    assert shown.returncode == 3, shown.stderr
    assert "problem.horizon_days=200 is too long: the data hold 30" in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "data/features").exists()


@pytest.mark.parametrize(
    ("horizon", "said"),
    [
        (
            40,
            "the horizon of 40 days holds 67% of what converts within 180 days of the lead; it counts from each cutoff",
        ),
        (200, "the horizon of 200 days is longer than the 180 days for which enough leads could be watched; it counts"),
    ],
)
def test_the_curve_is_shown_with_what_the_horizon_holds(horizon, said):
    leads = pd.DataFrame({"lead_id": list("abcd"), "known_at": pd.Timestamp("2025-01-01")})
    dates = pd.to_datetime(["2025-01-09", "2025-02-10", "2025-03-10"])
    conversions = pd.DataFrame({"lead_id": list("abc"), "converted_at": dates})
    curve = s.build_conversion_curve(leads, conversions, datetime(2026, 1, 1), horizon)
    cohorts = pd.DataFrame(
        {
            "month": ["2025-01"],
            "snapshots": [1200],
            "leads": [4],
            "conversions": [3],
            "rate": [0.5],
            "immature_share": [0],
        }
    )
    out = StringIO()
    context = SimpleNamespace(progress=Progress(Console(file=out, width=150)))
    show_cohorts(context, cohorts, curve, problem(horizon_days=horizon))
    shown = " ".join(out.getvalue().split())
    assert "1,200" in shown and "50.00%" in shown and said in shown
    assert "Days from the lead to its conversion (3 conversions within 180 days)" in shown
    assert ("│ the horizon" in shown) == (horizon == 40)


@pytest.mark.skipif(not DEEP, reason="a run of more than a minute: make deep")
@pytest.mark.slow
def test_accounts_are_scored_from_the_command_line(tmp_path):
    words = (f"paths.root={tmp_path}", "problem=accounts", "tracking.enabled=false", "train.bootstrap=10")
    assert run_here("simulate", *words, "simulate.leads=6000").returncode == 0
    shown = run_here("run", *words)
    assert shown.returncode == 0, shown.stderr
    for name in ("cohorts", "time_to_conversion"):
        assert len(pd.read_csv(tmp_path / f"data/features/{name}.csv")) > 5
    leads = pd.read_parquet(tmp_path / "data/interim/leads.parquet")  # those of leads, whatever the unit
    scored = pd.read_parquet(next((tmp_path / "data/scores").glob("cutoff=*")) / "scores.parquet")["lead_id"]
    alone = set(leads.loc[leads["account_id"].isna(), "lead_id"])
    assert scored.is_unique and set(scored) <= set(leads["account_id"].dropna()) | alone
    # Predict takes the unit from the model, not from the settings.
    before = scored.tolist()
    assert run_here("predict", f"paths.root={tmp_path}", "problem.unit=lead").returncode == 0
    again = pd.read_parquet(next((tmp_path / "data/scores").glob("cutoff=*")) / "scores.parquet")["lead_id"]
    assert again.tolist() == before
