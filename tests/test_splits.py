import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_lists import make_problem

from leadml.config import SplitConfig
from leadml.errors import DataError
from leadml.splits import Split, build_split, list_keys, thin_cutoffs
from leadml.weeks import week_start

START = pd.Timestamp("2024-01-01")  # a Monday, week 1, day 0


def weekly_table(weeks: int, leads: int = 20, matured: int | None = None) -> pd.DataFrame:
    """``leads`` rows a week; leads are new every week, every second converts; weeks after ``matured`` are censored."""
    week = np.repeat(np.arange(weeks), leads)
    table = pd.DataFrame({"cutoff": (START + pd.to_timedelta(7 * week, unit="D")).astype("datetime64[us]")})
    table["lead_id"] = [f"L{i}" for i in range(len(table))]
    table["account_id"] = table["lead_id"]
    table["grid"] = "weekly"
    table["label"] = np.where(np.arange(len(table)) % 2 == 0, 1.0, 0.0)
    table.loc[week >= (matured or weeks), "label"] = np.nan
    table["position"] = np.arange(len(table))
    return table


def uses_by_week(split: Split, table: pd.DataFrame) -> list[str]:
    """One line a use: a letter where a week's rows are used (all or none), a dot elsewhere."""
    week = ((table["cutoff"] - START).dt.days // 7).to_numpy()
    weeks = int(week.max()) + 1

    def line(rows: np.ndarray, letter: str) -> str:
        counts, size = np.bincount(week[rows], minlength=weeks), np.bincount(week, minlength=weeks)
        assert set(counts / size) <= {0.0, 1.0}
        return "".join(letter if c else "." for c in counts)

    lines = [line(split.train, "t"), line(split.test, "T"), line(split.final, "*")]
    for fit, validation in split.folds:
        lines.append(line(fit, "f"))
        lines.append(line(validation, "v"))
    return lines


def test_weekly_grid_as_the_docstring_draws_it():
    table = weekly_table(weeks=9)
    split = build_split(
        table, make_problem(horizon_days=10, train_every=1), SplitConfig(test_cutoffs=2, test_share=0.3, folds=2), 1
    )
    assert uses_by_week(split, table) == [
        "tttttt...",
        ".......TT",
        "*********",
        "fff......",
        "....v....",
        "ffff.....",
        ".....v...",
    ]
    assert split.kind == "weekly"
    assert split.test_start == pd.Timestamp("2024-02-19")
    assert split.shrunk is None


def test_training_is_thinned_validation_is_not():
    table = weekly_table(weeks=20, matured=18)
    split = build_split(
        table, make_problem(horizon_days=14, train_every=2), SplitConfig(test_cutoffs=3, test_share=0.3, folds=2), 1
    )
    # Weeks 16-18 test, from day 105 on, so training goes up to day 91 (week 14) and takes every second week before.
    # Weeks 4-14 have a training row ended before them; their newest half (5 of 11) validates: 10-12 and 13-14.
    assert uses_by_week(split, table) == [
        ".t.t.t.t.t.t.t......",
        "...............TTT..",
        ".*.*.*.*.*.*.*.*.*..",
        ".f.f.f.f............",
        ".........vvv........",
        ".f.f.f.f.f..........",
        "............vv......",
    ]


def test_an_interval_that_ends_at_the_first_test_cutoff_may_train():
    table = weekly_table(weeks=12)
    config = SplitConfig(test_cutoffs=2, test_share=0.3, folds=2)
    exact = build_split(table, make_problem(horizon_days=14, train_every=1), config, 1)
    longer = build_split(table, make_problem(horizon_days=14, gap_days=0.001, train_every=1), config, 1)
    # The test starts on day 70: day 56 + 14 ends there, the end excluded.
    assert uses_by_week(exact, table)[0] == "ttttttttt..."
    assert uses_by_week(longer, table)[0] == "tttttttt...."


def test_age_rows_train_when_their_interval_has_ended_and_never_judge():
    table = weekly_table(weeks=12)
    ages = table.iloc[:6].copy()
    ages["grid"] = "age"
    days = [3.5, 49.0, 56.0, 56.001, 60.0, 74.0]
    ages["cutoff"] = (START + pd.to_timedelta(days, unit="D")).astype("datetime64[us]")
    table = pd.concat([table, ages], ignore_index=True)
    config = SplitConfig(test_cutoffs=2, test_share=0.3, folds=2)
    split = build_split(table, make_problem(horizon_days=14, train_every=4), config, 1)
    # First test cutoff: week 11, day 70; training up to day 56 inclusive.
    trained = sorted((table["cutoff"].iloc[split.train[split.train >= 240]] - START) / pd.Timedelta(days=1))
    assert trained == [3.5, 49.0, 56.0]
    assert not (table["grid"].iloc[split.test] == "age").any()
    assert all(not (table["grid"].iloc[v] == "age").any() for _, v in split.folds)
    assert (table["grid"].iloc[split.final] == "age").sum() == 6


def test_short_history_shrinks_and_says_so():
    table = weekly_table(weeks=9)
    split = build_split(
        table, make_problem(horizon_days=14, train_every=1), SplitConfig(test_cutoffs=12, test_share=0.3, folds=4), 1
    )
    # Two test weeks leave weeks 1-6 to train and 3-6 to validate, twice as many; three would leave 3-5.
    assert uses_by_week(split, table)[:2] == ["tttttt...", ".......TT"]
    assert split.shrunk == "test cutoffs 2 of 12, folds 2 of 4: the history holds 9 matured weekly cutoffs"


def test_too_short_a_history_is_refused_with_counts():
    with pytest.raises(DataError, match=r"6 matured weekly cutoffs .* 28 days of gap \+ horizon"):
        build_split(weekly_table(6), make_problem(horizon_days=28), SplitConfig(12, 0.3, 4), 1)


def test_thinning_goes_by_the_calendar_from_the_newest():
    day = 86_400_000_000
    dense = np.arange(10) * 7 * day
    assert (thin_cutoffs(dense, 4) // day // 7).tolist() == [1, 5, 9]
    assert (thin_cutoffs(dense[[1, 5, 8, 9]], 4) // day // 7).tolist() == [1, 5, 9]


def test_poor_folds_are_left_out_and_noted():
    table = weekly_table(weeks=20, leads=20)
    early = ((table["cutoff"] - START).dt.days < 7 * 12) & (table["label"] == 1)
    table.loc[early & (np.arange(len(table)) > 8), "label"] = 0.0
    problem = make_problem(horizon_days=7, train_every=1)
    split = build_split(table, problem, SplitConfig(test_cutoffs=3, test_share=0.3, folds=4), 1)
    assert len(split.folds) < 4
    assert split.notes[0].startswith("fold 1 left out: 5 converting leads among its ")


def test_own_cutoffs_split_by_time_ties_together():
    text = """
    day,n
    0,40
    10,40
    20,40
    30,40
    40,40
    50,30
    50.5,20
    """
    days = pd.read_csv(io.StringIO(text.replace(" ", "").strip()))
    day = np.repeat(days["day"], days["n"]).to_numpy()
    table = weekly_table(1, leads=len(day))
    table["grid"] = "given"
    table["cutoff"] = (START + pd.to_timedelta(day, unit="D")).astype("datetime64[us]")
    split = build_split(table, make_problem(horizon_days=10), SplitConfig(12, 0.3, 4), 1)
    # 250 rows, share 0.3: the border at row 175 lies among the rows of day 40, and all of those judge.
    assert split.kind == "time"
    assert set(day[split.test]) == {40, 50, 50.5}
    assert set(day[split.train]) == {0, 10, 20, 30}
    # Possible validation: days 10, 20, 30 (120 rows); the newest half starts among the rows of day 20.
    assert [(set(day[f]), set(day[v])) for f, v in split.folds] == [({0, 10}, {20}), ({0, 10, 20}, {30})]
    assert split.shrunk == "folds 2 of 4: the history holds 250 matured rows"


def test_lists_of_own_cutoffs_are_calendar_weeks():
    times = pd.Series(
        ["2024-01-01T00:00:00", "2024-01-07T23:59:59", "2024-01-08T00:00:00", None], dtype="datetime64[us]"
    )
    expected = ["2024-01-01", "2024-01-01", "2024-01-08"]
    assert week_start(times).dropna().dt.strftime("%Y-%m-%d").tolist() == expected
    table = pd.DataFrame({"cutoff": times})
    assert list_keys(table, "time")[:3].tolist() == [pd.Timestamp(d) for d in expected]
    assert list_keys(table, "weekly")[1] == pd.Timestamp("2024-01-07 23:59:59")
    assert list_keys(table, "grouped").isna().all()


def undated(rows: int, accounts: int) -> pd.DataFrame:
    table = weekly_table(1, leads=rows)
    table["cutoff"] = pd.Series(pd.NaT, index=table.index, dtype="datetime64[us]")
    table["grid"] = "row"
    table["account_id"] = [f"A{i % accounts}" for i in range(rows)]
    return table


def test_undated_rows_are_split_by_whole_accounts():
    table = undated(300, 60)
    split = build_split(table, make_problem(), SplitConfig(12, 0.3, 4), seed=3)
    assert split.kind == "grouped" and split.test_start is None
    account = table["account_id"].to_numpy(dtype=object)
    assert not set(account[split.train]) & set(account[split.test])
    assert len(split.test) == 90
    for fit, validation in split.folds:
        assert not set(account[fit]) & set(account[validation])
        assert sorted([*fit, *validation]) == sorted(split.train)
    assert sorted(np.concatenate([v for _, v in split.folds])) == sorted(split.train)
    other = build_split(table, make_problem(), SplitConfig(12, 0.3, 4), seed=4)
    assert set(other.test) != set(split.test)


def test_undated_rows_in_order_are_split_by_position():
    table = undated(100, 100).sample(frac=1, random_state=1).reset_index(drop=True)
    split = build_split(table, make_problem(), SplitConfig(12, 0.3, 4), seed=3, ordered=True)
    position = table["position"].to_numpy()
    assert split.kind == "ordered"
    assert sorted(position[split.test]) == list(range(70, 100))
    for fit, validation in split.folds:
        assert position[fit].max() < position[validation].min()
    assert sorted(np.concatenate([position[v] for _, v in split.folds])) == list(range(35, 70))


def test_nothing_matured_and_half_dated_are_refused():
    table = weekly_table(10, matured=0)
    table["label"] = np.nan
    with pytest.raises(DataError, match="none of the 200 snapshots has a matured label"):
        build_split(table, make_problem(), SplitConfig(12, 0.3, 4), 1)
    table = weekly_table(10)
    table.loc[:4, "cutoff"] = pd.NaT
    with pytest.raises(DataError, match="5 of 200 snapshots have no cutoff"):
        build_split(table, make_problem(), SplitConfig(12, 0.3, 4), 1)


@settings(max_examples=60, deadline=None)
@given(
    weeks=st.integers(8, 40),
    horizon=st.integers(1, 60),
    gap=st.integers(0, 10),
    every=st.integers(1, 5),
    test_cutoffs=st.integers(1, 12),
    ages=st.lists(st.integers(0, 280), max_size=20),
    censored=st.integers(0, 3),
)
def test_no_label_interval_reaches_what_it_is_judged_on(weeks, horizon, gap, every, test_cutoffs, ages, censored):
    table = weekly_table(weeks, matured=weeks - censored)
    extra = table.iloc[[0] * len(ages)].copy()
    extra["cutoff"] = (START + pd.to_timedelta(ages, unit="D")).astype("datetime64[us]") if ages else extra["cutoff"]
    extra["grid"] = "age"
    table = pd.concat([table, extra], ignore_index=True)
    problem = make_problem(horizon_days=horizon, gap_days=gap, train_every=every)
    try:
        split = build_split(table, problem, SplitConfig(test_cutoffs, 0.3, 4), 1)
    except DataError:
        return
    span = pd.Timedelta(days=gap + horizon)
    rows = table.to_dict(orient="records")
    first_test = min(rows[i]["cutoff"] for i in split.test)
    # The slow twin: one row at a time.
    for i in split.train:
        assert rows[i]["cutoff"] + span <= first_test
    for fit, validation in split.folds:
        first = min(rows[i]["cutoff"] for i in validation)
        assert all(rows[i]["cutoff"] + span <= first for i in fit)
        assert all(rows[i]["cutoff"] + span <= first_test for i in validation)
        assert all(rows[i]["grid"] == "weekly" for i in validation)
    assert all(rows[i]["grid"] == "weekly" for i in split.test)
    used = np.concatenate([split.train, split.test, split.final, *[v for _, v in split.folds]])
    assert not np.isnan(table["label"].to_numpy()[used]).any()
    newest = sorted({r["cutoff"] for r in rows if r["grid"] == "weekly" and r["label"] in (0.0, 1.0)})
    taken = {rows[i]["cutoff"] for i in split.test}
    assert taken == set(newest[-len(taken) :]) and len(taken) <= test_cutoffs
