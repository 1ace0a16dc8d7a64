"""Which rows train and judge at each origin, what can enter, and what is made of the judged lists."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_lists import make_config, make_leads, make_problem
from scipy.special import expit
from test_splits import START, weekly_table

from leadml.backtest import Judged, Settings, build_origins, judge_lists, judge_origin, summarise, tabulate
from leadml.backtest.figures import spread_amounts
from leadml.bootstrap import BootstrapConfig
from leadml.config import Rung, SplitConfig
from leadml.errors import DataError
from leadml.metrics import capture_curve
from leadml.models.points import count_points
from leadml.recipe import RecipeConfig
from leadml.report.backtest_plots import plot_backtest, plot_rates
from leadml.report.canvas import SKY
from leadml.report.words import Words
from leadml.stages.backtest_tables import build_lines, differences_table, origins_table, scorers_table, skipped_table
from leadml.weeks import DAY

DRAWS = Settings(BootstrapConfig(draws=40, confidence=0.9, seed=3), (0.3, 0.5))
SCORED = ("margin", "probability", "score_", "probability_")


def configured(split: tuple[int, int] = (2, 2), **problem: object) -> RecipeConfig:
    """The recipe with its ``split`` (test cutoffs, folds) and settings of the problem."""
    config = make_config(problem=make_problem(**{"age_days": [], **problem}))
    return replace(config, train=replace(config.train, split=SplitConfig(split[0], 0.3, split[1])))


def filled(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(amount=None, age_days=1.0, untouched=False)


def drawn(table: pd.DataFrame, config: RecipeConfig, wanted: int) -> list[str]:
    """Two lines an origin: rows that train and are judged by week, and the weeks of the folds' validations."""
    week = ((table["cutoff"] - START).dt.days // 7).to_numpy()
    lines = []
    for origin in build_origins(table, config, wanted).origins:
        used = np.full(int(week.max()) + 1, ".")
        used[week[origin.split.train]], used[week[origin.split.test]] = "t", "T"
        seen = np.full(len(used), ".")
        seen[[w for _, rows in origin.split.folds for w in week[rows]]] = "v"
        lines += ["".join(used), "".join(seen)]
    return lines


@pytest.fixture(scope="module")
def made():
    return make_leads(1500, 46, 1)


@pytest.fixture(scope="module")
def small():
    config = make_config()
    return replace(config, model=replace(config.model, max_trees=15), train=replace(config.train, bootstrap=20))


@pytest.fixture(scope="module")
def judged(made, small) -> list[Judged]:
    return [judge_origin(*made, small, origin) for origin in build_origins(made[0], small, 2).origins]


@pytest.fixture(scope="module")
def told(judged):
    return summarise(judged, DRAWS)


def test_origins_as_the_docstring_draws_them():
    config = configured((1, 2), horizon_days=10, booking_delay_days=7, train_every=1)
    table = filled(weekly_table(weeks=16))
    assert drawn(table, config, 2) == [
        "tttttt..TTTT....",
        "..vv.v..........",
        "tttttttttt..TTTT",
        "......vv.v......",
    ]


def test_the_booking_delay_decides_what_is_known():
    table = filled(weekly_table(weeks=30))
    found = {}
    for delay in (0, 21):
        config = configured((1, 2), horizon_days=14, booking_delay_days=delay, train_every=1)
        last = build_origins(table, config, 2).origins[-1]
        found[delay] = (last.at - table["cutoff"].iloc[last.split.train].max()).days
    assert found == {0: 14, 21: 35}


def test_training_is_thinned_and_lists_that_have_not_matured_judge_nothing():
    # Weeks 22-24 are censored; from week 10 on train would have had enough, and 12 lists are three times four.
    config = configured((2, 2), horizon_days=14, booking_delay_days=7, train_every=2)
    table = filled(weekly_table(weeks=24, matured=21))
    lines = drawn(table, config, 6)
    assert lines == [
        "t.t.t.t..TTTT...........",
        "...vv.v.................",
        "t.t.t.t.t.t..TTTT.......",
        "......vv.vv.............",
        "t.t.t.t.t.t.t.t..TTTT...",
        "........vvvv.vv.........",
    ]
    assert build_origins(table, config, 6).notes == ("3 of 6 origins: 12 lists can be judged, 4 an origin at least",)


def test_age_rows_train_and_are_never_judged(made, small):
    snapshots = made[0]
    grid, moment = snapshots["grid"].to_numpy(), snapshots["cutoff"]
    span = pd.Timedelta(days=28 + 7)
    origins = build_origins(snapshots, small, 4).origins
    for origin, after in zip(origins, [*origins[1:], None], strict=True):
        train, test = origin.split.train, origin.split.test
        assert set(grid[test]) == {"weekly"} and set(grid[train]) == {"weekly", "age"}
        assert (moment.iloc[train] + span <= origin.at).all()
        assert (moment.iloc[test] >= origin.at).all() and (after is None or (moment.iloc[test] < after.at).all())
        for fit, seen in origin.split.folds:
            assert (moment.iloc[seen] + span <= origin.at).all()
            assert (moment.iloc[fit] + pd.Timedelta(days=28) <= moment.iloc[seen].min()).all()
    lists = [set(moment.iloc[o.split.test]) for o in origins]
    assert sum(map(len, lists)) == len(set.union(*lists)) == sum(o.lists for o in origins)
    newest = moment[snapshots["label"].notna() & (grid == "weekly")].max()
    assert max(lists[-1]) == newest


def test_own_cutoffs_are_judged_in_calendar_weeks(made, small):
    rows = np.flatnonzero(made[0]["grid"] == "age")
    part = made[0].iloc[rows].assign(grid="given").reset_index(drop=True)
    origins = build_origins(part, small, 3).origins
    assert len(origins) == 3
    for origin in origins:
        assert origin.at.day_of_week == 0 and origin.at == origin.at.normalize() and origin.split.kind == "time"
        cutoff = part["cutoff"].iloc[origin.split.test]
        assert (cutoff >= origin.at).all() and (cutoff < origin.until).all()
        assert (part["cutoff"].iloc[origin.split.train] + pd.Timedelta(days=35) <= origin.at).all()
    told = judge_origin(part, made[1].iloc[rows], made[2], small, origins[0])
    assert told.test["list"].nunique() == origins[0].lists and told.test["list"].min() == origins[0].at


def scored(test: pd.DataFrame) -> pd.DataFrame:
    """What was said, without what became of it."""
    return test[[c for c in test.columns if c.startswith(SCORED)]]


def test_no_label_that_matures_later_enters(made, small, judged):
    """Labels that were not known at the origin are turned, deleted, or their rows are not there: the same bytes."""
    snapshots, X, features = made
    origin = build_origins(snapshots, small, 2).origins[0]
    matures = snapshots["cutoff"].to_numpy().astype("datetime64[us]") + np.timedelta64(35 * DAY, "us")
    later = matures > origin.at.to_datetime64()
    assert later[origin.split.test].all() and 0.2 < later.mean() < 0.9
    turned = snapshots.assign(label=np.where(later, 1 - snapshots["label"], snapshots["label"]), amount=np.nan)
    judging = np.isin(np.arange(len(snapshots)), origin.split.test)
    deleted = snapshots.assign(label=snapshots["label"].where(~later | judging))
    gone = ~later | judging
    wild = X.copy()
    wild.loc[~gone] = X.sample(int((~gone).sum()), random_state=1).to_numpy()
    for other, its_X in ((turned, X), (deleted, wild), (snapshots[gone], X[gone])):
        other, its_X = other.reset_index(drop=True), its_X.reset_index(drop=True)
        its_origin = origin
        if len(other) < len(snapshots):  # its rows are at other places
            places = np.cumsum(gone) - 1
            folds = tuple((places[fit], places[seen]) for fit, seen in origin.split.folds)
            parts = {name: places[getattr(origin.split, name)] for name in ("train", "test", "final")}
            its_origin = replace(origin, split=replace(origin.split, folds=folds, **parts))
        again = judge_origin(other, its_X, features, small, its_origin)
        pd.testing.assert_frame_equal(scored(again.test), scored(judged[0].test), check_exact=True)
        for fact in ("calibration", "uncorrected", "trees", "train"):
            assert again.facts[fact] == judged[0].facts[fact]


def test_what_is_judged_is_what_the_folds_chose_even_where_the_verdict_is_for_the_scorecard(made, small):
    """The judged lists made such that the scorecard knows them and the model does not: nobody knew it at the origin."""
    snapshots, X, features = made
    config = replace(small, model=replace(small.model, kind=Rung.logistic))
    origin = build_origins(snapshots, config, 2).origins[1]
    rows = origin.split.test
    points = count_points(X.iloc[rows], config.card)
    odds = -1.5 + (points - points.mean()) / points.std()
    by_card = (np.random.default_rng(0).random(len(rows)) < expit(odds)).astype(float)
    label = snapshots["label"].to_numpy(dtype=np.float64).copy()
    label[rows] = by_card
    plain = judge_origin(snapshots, X, features, config, origin)
    again = judge_origin(snapshots.assign(label=label), X, features, config, origin)
    assert again.facts["verdict"]["name"] == "use points" != plain.facts["verdict"]["name"]
    assert again.facts["rung"] == plain.facts["rung"] == "logistic"
    pd.testing.assert_frame_equal(scored(again.test), scored(plain.test), check_exact=True)


def test_what_was_known_decides(made, small, judged):
    """The check above can fail: turning some labels that were known changes what is said."""
    snapshots, X, features = made
    origin = build_origins(snapshots, small, 2).origins[0]
    changed = snapshots.copy()
    changed.loc[origin.split.train[:40], "label"] = 1 - changed.loc[origin.split.train[:40], "label"]
    again = judge_origin(changed, X, features, small, origin)
    assert not scored(again.test).equals(scored(judged[0].test))


def test_the_uncorrected_intercept_gives_the_streams_plain_rate(judged):
    for one in judged:
        assert one.facts["uncorrected"]["slope"] == one.facts["calibration"]["slope"]
        margin = one.test["margin"].to_numpy()
        odds = one.facts["uncorrected"]["slope"] * margin + one.facts["uncorrected"]["intercept"]
        np.testing.assert_allclose(one.test["probability_uncorrected"], 1 / (1 + np.exp(-odds)), rtol=1e-9)


def test_figures_of_the_origins_and_of_all_lists(judged, told):
    json.dumps(told, allow_nan=False)
    assert [one["origin"] for one in told["origins"]] == [one.facts["origin"] for one in judged]
    both = pd.concat([one.test for one in judged])
    overall = told["overall"]
    assert overall["judged"]["converting_accounts"] == both.loc[both["label"] == 1, "account_id"].nunique()
    assert overall["judged"]["lists"] == sum(one["judged"]["lists"] for one in told["origins"])
    low, high = overall["judged"]["rate_interval"]
    assert low < both["label"].mean() < high
    shown = ["model", "constant", "points", "recency", "logistic", "without_effort", "uncorrected"]
    assert list(overall["scorers"]) == shown and list(overall["differences"]) == shown[1:]
    same = overall["differences"]["uncorrected"]
    assert same["auc"] == {"value": 0.0, "low": 0.0, "high": 0.0, "conversions": same["auc"]["conversions"]}
    assert same["log_loss"]["value"] != 0
    values = [one["scorers"]["model"]["auc"]["value"] for one in told["origins"]]
    spread = told["spread"]["scorers"]["model"]["auc"]
    assert spread == {"lowest": min(values), "median": np.median(values), "highest": max(values), "origins": 2}
    ahead = [one["differences"]["constant"]["log_loss"]["value"] < 0 for one in told["origins"]]
    assert told["spread"]["differences"]["constant"]["log_loss"]["better"] == sum(ahead)


def test_what_was_skipped_is_what_the_curve_does_not_catch(judged, told):
    told_all, told = told, told["origins"][0]
    curve = capture_curve(judged[0].test.assign(score=judged[0].test["margin"]), [0.5, 0.7, 1.0])
    assert told["skipped"]["50"]["scorers"]["model"]["value"] == pytest.approx(1 - curve[0]["capture"], abs=1e-12)
    assert told["skipped"]["30"]["scorers"]["model"]["value"] == pytest.approx(1 - curve[1]["capture"], abs=1e-12)
    assert told["skipped"]["30"]["scorers"]["constant"]["value"] == pytest.approx(0.3, abs=1e-12)
    gain = told["skipped"]["50"]["differences"]["constant"]
    assert gain["high"] < 0 and gain["value"] == pytest.approx(0.5 - curve[0]["capture"])  # 1 - capture - 0.5, negative
    curve = told_all["overall"]["curve"]["model"]
    top = {entry["share"]: entry["value"] for entry in curve}
    assert top[0.1] == pytest.approx(told_all["overall"]["scorers"]["model"]["capture_10"]["value"], abs=1e-12)
    assert len(curve) == 20 and curve[-1]["value"] == pytest.approx(1)


def paid_lists() -> pd.DataFrame:
    """Two lists of ten. A converts from both (300), B from the first (100), C from the second, without an amount."""
    rows = []
    for number, day in enumerate(("2026-01-05", "2026-01-12")):
        for place in range(10):
            lead = "A" if place == number else "B" if (number, place) == (0, 9) else "C" if place == 5 else f"L{place}"
            label = float(lead in ("A", "B") or (lead == "C" and number == 1))
            amount = {"A": 300.0, "B": 100.0}.get(lead, np.nan)
            rows.append((day, lead, label, amount, 1.0 - place / 10))
    table = pd.DataFrame(rows, columns=["list", "lead_id", "label", "amount", "margin"])
    table["list"] = pd.to_datetime(table["list"]).astype("datetime64[us]")
    table["account_id"], table["probability"] = table["lead_id"], 0.1 + table["margin"] / 2
    for name in ("constant", "uncorrected"):
        table[f"score_{name}"], table[f"probability_{name}"] = 0.0, 0.2
    return table


def test_each_lead_brings_its_money_once():
    value, leads, without = spread_amounts(paid_lists())
    assert (value.sum(), leads, without) == (400.0, 2, 1)
    assert sorted(value[value > 0]) == [100.0, 150.0, 150.0]
    told = judge_lists(paid_lists(), DRAWS)["money"]
    assert (told["leads"], told["without"], told["amount"]) == (2, 1, 400.0)
    # The top tenth of the first list is A (half of its 300); on the second A is second. All but B are in the top half.
    assert told["captured"]["10"]["scorers"]["model"]["value"] == pytest.approx(150 / 400)
    assert told["captured"]["20"]["scorers"]["model"]["value"] == pytest.approx(300 / 400)
    assert told["skipped"]["50"]["scorers"]["model"]["value"] == pytest.approx(100 / 400)
    assert told["captured"]["10"]["scorers"]["constant"]["value"] == pytest.approx(0.1)
    assert told["captured"]["10"]["differences"]["constant"]["value"] == pytest.approx(150 / 400 - 0.1)


def test_a_figure_counts_the_leads_that_it_rests_on():
    told = judge_lists(paid_lists(), DRAWS)
    money = told["money"]
    for shares in (money["captured"], money["skipped"]):
        for part in shares.values():
            figures = [*part["scorers"].values(), *part["differences"].values()]
            assert {figure["conversions"] for figure in figures} == {2}  # A and B; C brought nothing
    assert told["skipped"]["50"]["scorers"]["model"]["conversions"] == 3
    assert told["scorers"]["model"]["auc"]["conversions"] == 3


def test_without_amounts_there_is_no_money():
    assert judge_lists(paid_lists().assign(amount=np.nan), DRAWS)["money"] is None
    assert judge_lists(paid_lists().assign(amount=0.0), DRAWS)["money"] is None


def test_every_interval_is_a_row_of_the_table(told):
    table = tabulate(told)
    assert table["origin"].nunique() == 2 and table["origin"].isna().any()
    auc = table[(table["figure"] == "auc") & (table["scorer"] == "model") & table["against"].isna()]
    parts = (*told["origins"], told["overall"])
    assert auc["value"].tolist() == [part["scorers"]["model"]["auc"]["value"] for part in parts]
    assert {"skipped_30", "money_10", "money_skipped_50", "log_loss"} <= set(table["figure"])
    assert not table.duplicated(["origin", "scorer", "against", "figure"]).any()


def test_the_tables_and_plots_hold_what_was_found(told):
    summary = told | {"notes": [], "settings": {"confidence": 0.9}}
    for build in (origins_table, scorers_table, skipped_table, differences_table):
        title, columns, rows = build(summary)
        assert title and rows and all(len(row) == len(columns) for row in rows)
    title, columns, rows = scorers_table(summary)
    assert f"who brought {told['overall']['money']['amount']:,.0f}" in title and columns[-1].startswith("money")
    assert [row[0] for row in rows[:2]] == ["leadml", "logistic regression"]
    assert rows[4][0] == "random order" and rows[4][-1] == "10.0%"  # exact, so without an interval
    kept = told["overall"]["skipped"]["30"]["scorers"]["model"]
    text = f"{100 * kept['value']:.1f}% [{100 * kept['low']:.1f}, {100 * kept['high']:.1f}]"
    assert skipped_table(summary)[2][0][1] == text
    assert f"skip the bottom 30 % of each list: {text} of the conversions" in " ".join(build_lines(summary))
    plots = plot_backtest(summary, Words("en"))
    assert set(plots) == {"origins", "differences", "capture", "skipped", "rates", "money"}
    assert all(svg.startswith("<svg") and svg.endswith("</svg>") for svg in plots.values())
    assert plots == plot_backtest(summary, Words("en")) and plots["rates"] != plot_rates(
        summary["origins"], Words("es")
    )


def test_a_scorer_that_an_origin_lacks_is_told_at_the_others_only(judged, told):
    """As recency is where nothing was known of any lead's last touchpoint at the first origin."""
    first, second = (one.facts["origin"] for one in judged)
    part = judged[0].test.drop(columns=["score_recency", "probability_recency"])
    found = summarise([replace(judged[0], test=part), judged[1]], DRAWS)
    assert found["absent"] == {"recency": [first]} and told["absent"] == {}
    for part in ("scorers", "differences"):
        whole = {name: figures for name, figures in told["overall"][part].items() if name != "recency"}
        assert found["overall"][part] == whole  # none of the others is another one for it
    assert "recency" not in found["overall"]["curve"] and "recency" not in found["overall"]["skipped"]["30"]["scorers"]
    assert found["origins"][1] == told["origins"][1] and "recency" not in found["origins"][0]["scorers"]
    auc = told["origins"][1]["scorers"]["recency"]["auc"]["value"]
    assert found["spread"]["scorers"]["recency"]["auc"] == {
        "lowest": auc, "median": auc, "highest": auc, "origins": 1
    }  # fmt: skip
    plots = plot_backtest(found, Words("en"))
    assert all(svg.endswith("</svg>") for svg in plots.values())
    assert [SKY.lower() in plots[name] for name in ("origins", "skipped")] == [True, False]  # recency's colour
    summary = found | {"notes": [], "settings": {"confidence": 0.9}}
    for build in (origins_table, scorers_table, skipped_table, differences_table):
        assert build(summary)[2]
    said = f"most recent first could not be made at 1 of the 2 origins ({first}), so it is told at the others only"
    assert any(line.startswith(said) for line in build_lines(summary)) and second not in said
    assert not tabulate(found)["value"].isna().all()


def test_undated_tables_are_refused(made, small):
    part = made[0].assign(grid="row", cutoff=None, age_days=None)
    with pytest.raises(DataError, match=r"rows have no cutoff, and a backtest asks what was known when.*source\.time="):
        build_origins(part, small, 3)


def test_a_history_too_short_for_two_origins_is_refused_with_counts():
    config = configured((1, 2), horizon_days=10, booking_delay_days=7, train_every=1)
    with pytest.raises(
        DataError,
        match=r"of 15 matured lists from 2024-01-01 to 2024-04-08 .* at 2024-02-26 for the "
        r"first time, which leaves 7 lists, and 2 origins are judged on 8 at least; ",
    ):
        build_origins(filled(weekly_table(weeks=15)), config, 3)
    with pytest.raises(DataError, match=r"newest of 5 matured lists, there is no origin yet: .* distinct converting"):
        build_origins(filled(weekly_table(weeks=5)), config, 3)
    with pytest.raises(DataError, match=r"none of the .* has a matured label"):
        build_origins(filled(weekly_table(weeks=5)).assign(label=np.nan), config, 3)
