"""What a new champion changes for a list, and who was champion after whom: tables that a person can check by eye."""

import re
from io import StringIO

import pandas as pd
import pytest

from leadml.churn import churn_words, grade_names, measure_churn
from leadml.succession import champion_line, previous_champion, rolled_back

# Thirds of the model before: fit up to 2 is low, from 5 on high; intent likewise at 20 and 50.
LISTS = """
lead | grade | fit | intent | grade_now | fit_now | intent_now
a    | A     | 6   | 60     | A         | 6       | 60
b    | A     | 5   | 50     | B         | 5       | 40
c    | B     | 4   | 40     | B         | 4       | 40
d    | B     | 3   | 30     | C         | 2       | 30
e    | C     | 2   | 20     | A         | 6       | 60
f    | C     | 1   | 10     | C         | 1       | 10
"""


def lists():
    table = pd.read_csv(StringIO(re.sub(" +", "", LISTS.strip())), sep="|")
    columns = ["grade", "fit", "intent"]
    return table[columns], table[[f"{c}_now" for c in columns]].set_axis(columns, axis=1)


def test_churn_by_eye():
    churn = measure_churn(*lists(), ["A", "B", "C", "D"])
    assert churn["leads"] == 6
    assert (churn["grade_changed"], churn["grade_up"], churn["grade_down"]) == (3, 1, 2)
    assert churn["grades"] == {"A": {"A": 1, "B": 1}, "B": {"B": 1, "C": 1}, "C": {"A": 1, "C": 1}}
    assert churn["grid_changed"] == 3
    assert churn["grid"] == {
        "low low": {"low low": 1, "high high": 1},
        "middle middle": {"low middle": 1, "middle middle": 1},
        "high high": {"high middle": 1, "high high": 1},
    }
    assert churn_words(churn) == (
        "of 6 leads 50% change grade (1 up, 2 down), 50% their place among thirds of fit by intent"
    )


def test_the_same_model_moves_nobody():
    before, _ = lists()
    churn = measure_churn(before, before, ["A", "B", "C"])
    assert churn["grade_changed"] == churn["grid_changed"] == 0


def test_grades_of_two_decisions_in_one_order():
    assert grade_names({"A": 75, "B": 60, "D": 0}, {"A": 90, "C": 50, "D": 0}) == ["A", "B", "C", "D"]


HISTORY = """
by       | from | to
train    |      | A
train    | A    | B
promote  | B    | C
rollback | C    | B
rollback | B    | A
rollback | A    | C
train    | C    | D
train    |      | E
"""
AFTER = [["A"], ["A", "B"], ["A", "B", "C"], ["A", "B"], ["A"], ["A", "C"], ["A", "C", "D"], ["A", "C", "D", "E"]]
DOWN = [set(), set(), set(), {"C"}, {"B", "C"}, {"A", "B"}, {"A", "B"}, {"A", "B"}]


def entries():
    table = pd.read_csv(StringIO(re.sub(" +", "", HISTORY.strip())), sep="|", dtype=object)
    return table.where(table.notna(), None).to_dict(orient="records")


@pytest.mark.parametrize("step", range(len(AFTER)))
def test_the_line_of_champions_after_every_step(step):
    history = entries()[: step + 1]
    line = AFTER[step]
    assert champion_line(history) == line
    assert previous_champion(history, line[-1]) == (line[-2] if len(line) > 1 else None)
    assert previous_champion(history, None) == (line[-2] if len(line) > 1 else None)
    assert rolled_back(history) == DOWN[step]


def test_champions_that_the_history_did_not_see_coming():
    assert previous_champion([], "A") is None
    later = [{"by": "train", "from": "X", "to": "B"}]  # X was there before the history
    assert champion_line(later) == ["X", "B"] and previous_champion(later, "B") == "X"
    assert previous_champion(later, "copied by hand") == "B"
    twice = [{"by": "train", "from": "A", "to": "B"}, {"by": "promote", "from": "B", "to": "A"}]
    assert champion_line(twice) == ["A", "B", "A"] and previous_champion(twice, "A") == "B"
