"""What the report says about the movement since the last list: words that a person can check, in both languages."""

import re
from dataclasses import replace
from datetime import datetime
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from test_report import FEATURES, made_input, visible

from leadml.moves import ModelMoves, Moves, compare_importance
from leadml.report.changes import view_changes, why_moved
from leadml.report.inputs import Changes
from leadml.report.page import build_report
from leadml.report.words import Words

# Nothing changed for "still"; "only_model" has a change that its data did not make.
LEADS = """
lead_id    | earlier | now  | change | data | model | calibration | scale
up         | 40      | 52   | 12     | 11   | 1     | 0           | 0
down       | 60      | 50.4 | -9.6   | -9   | -0.4  | -0.2        | 0
still      | 50      | 50   | 0      | 0    | 0     | 0           | 0
only_model | 104     | 110  | 6      | 0    | 6.2   | -0.2        | 0
"""
DATA = """
pricing | since | opened | revenue | industry | empty
9       | 1     | 0.4    | 0       | 0.6      | 0
-2      | -4    | -2     | -0.6    | 0        | -0.4
0       | 0     | 0      | 0       | 0        | 0
0       | 0     | 0      | 0       | 0        | 0
"""
BEFORE = """
pricing | since | opened | revenue | industry | empty
0       |       | 0.1    | 100     | Retail   |
4       | 2     | 0.2    | 100     | Energy   |
1       | 3     | 0.3    | 100     | Retail   |
1       | 3     | 0.3    | 100     | Retail   |
"""
AFTER = """
pricing | since | opened | revenue | industry | empty
3       | 1     | 0.1    | 100     | Retail   |
1       | 9     | 0.05   | 100     | Energy   |
1       | 3     | 0.3    | 100     | Retail   |
1       | 3     | 0.3    | 100     | Retail   |
"""


def table(text):
    return pd.read_csv(StringIO(re.sub(" +", "", text.strip())), sep="|")


def made_moves(other=True):
    points = np.array([[3.0, -1, 0, 0, 2, 0], [1, 1, 0, 0, -2, 0]])
    importance = compare_importance((points[:, :5], FEATURES[:5]), (points[:, ::-1][:, 1:], FEATURES[1:]))
    families = pd.DataFrame(
        {"before": [1.0, 4, 2, 0], "now": [2.0, 1, 2, 0]}, index=["firmographic", "behaviour", "timing", "channel"]
    )
    effects = pd.DataFrame({f.name: [0.0, 0, 0, 0] for f in FEATURES}).assign(
        since=[-3.0, 0, 0, 0], opened=[0.2, 0, 0, 4]
    )
    model = ModelMoves(effects, 0.0, importance, families, FEATURES)
    came = pd.DataFrame({"lead_id": ["new"], "now": [50.0]})
    left = pd.DataFrame({"lead_id": ["gone", "lost"], "earlier": [50.0, 40.0]})
    before, after = table(BEFORE), table(AFTER)
    changed = before.ne(after) & ~(before.isna() & after.isna())
    told, model = (table(LEADS), table(DATA)), model if other else None
    return Moves(*told, model, came, left, changed, FEATURES, (before, after), np.vstack([range(4)] * 2))


def made(language="en", other=True, moves=None):
    data = made_input(language=language)
    return replace(data, changes=Changes(moves or made_moves(other), datetime(2026, 6, 24), "9f8e7d"))


@pytest.fixture(scope="module")
def english():
    return build_report(made())


def test_why_a_lead_moved_adds_up_and_names_what_changed():
    told = {lead: why_moved(made_moves(), row, Words("en")) for row, lead in enumerate(table(LEADS)["lead_id"])}
    assert told["up"] == [
        ("Visits to pricing pages: 0 then, 3 now", "+9", False),
        ("Days since the last visit: not known then, 1 now", "+1", False),
        ("All other data together", "+1", False),  # among it the industry, which stood still
        ("New model", "+1", False),
    ]
    assert told["down"] == [
        ("Days since the last visit: 2 then, 9 now", "\u22124", True),
        ("Visits to pricing pages: 4 then, 1 now", "\u22122", True),
        ("E-mails opened --> <b>: 20% then, 5% now", "\u22122", True),
        ("All other data together", "\u22121", True),
    ]
    assert told["still"] == []
    assert told["only_model"] == [("New model, above all for: e-mails opened --> <b>", "+6", False)]
    spanish = why_moved(made_moves(), 0, Words("es"))
    assert spanish[:2] == [
        ("Visitas a precios: antes 0, ahora 3", "+9", False),
        ("Días desde la última visita: antes no consta, ahora 1", "+1", False),
    ]


def test_english_words(english):
    text = visible(english)
    for words in (
        "What moved since the list of 24 June 2026",
        "Model 1a2b3c made this list, model 9f8e7d the earlier one.",
        "4 Leads on both lists 1 Came onto the list 2 Left the list +2.1 points Mean change of score",
        "2 Rose by 5 points or more 1 Fell by 5 points or more",
        "New data what became known, or became older +0.5 5.0",
        "Change of the score before it is clipped to 0 to 100 +2.1 6.9",
        "The leads that rose most",
        "up 40 52 +12 +9 Visits to pricing pages: 0 then, 3 now",
        "only_model 100 100 +6 +6 New model, above all for: e-mails opened",
        "down 60 50 \u221210 \u22124 Days since the last visit: 2 then, 9 now",
        "Behaviour 4.0 1.0 \u22123.0",
        "Visits to pricing pages 2.0 place 1 – not in this model \u22122.0",
        "E-mails opened --> <b> 0.0 not used 0.0 not used 0.0",
    ):
        assert words in text, words
    assert "still" not in text.split("The leads that rose most")[1].split("Lead Score then")[1]
    assert "<b>" not in re.sub(r"<(li class=\"chip[^\"]*\"><b|td><b|td class=\"num\"><b)>", "", english)


def test_spanish_words():
    text = visible(build_report(made("es"))).replace("\u00a0", " ")
    for words in (
        "Qué se ha movido desde la lista del 24 de junio de 2026",
        "4 Leads en ambas listas 1 Entran en la lista 2 Salen de la lista +2,1 puntos Cambio medio",
        "Visitas a precios: antes 0, ahora 3",
        "Los leads que más suben",
        "puesto 1 – no está en este modelo",
    ):
        assert words in text, words
    part = text.split("Qué se ha movido")[1].split("umbral")[0]
    assert not re.search(r"\b(then|now|place|model|earlier|points|change)\b", part)


def test_the_same_model_is_said_once_and_nothing_is_told_of_models():
    view = view_changes(made(other=False), Words("en"))
    assert view["sentence"].startswith("The same model made both lists")
    assert view["parts"] == [] == view["weighs"] and view["plot"] and view["movers"]


def test_without_an_earlier_list_or_a_common_lead():
    assert view_changes(made_input(), Words("en")) is None
    moves = made_moves(other=False)
    nobody = replace(moves, **{n: getattr(moves, n)[:0] for n in ("leads", "data", "changed")})
    text = visible(build_report(made(moves=nobody)))
    assert "No lead is on both lists" in text and "1 Came onto the list 2 Left the list" in text
    assert "The leads that rose most" not in text


def test_the_same_bytes_twice():
    assert view_changes(made(), Words("es")) == view_changes(made(), Words("es"))
