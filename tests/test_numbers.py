"""Numbers as people write them: each row of the table can be checked by eye."""

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.numbers import (
    format_date,
    format_money,
    format_number,
    format_percent,
    format_points,
    round_shown,
    value_words,
)

NB = "\u00a0"
UNITS = ["days", "hours", "count", "share", "money", "number", "flag", "year"]


@pytest.mark.parametrize(
    ("value", "english", "spanish"),
    [
        (0, "0", "0"),
        (-0.00001, "0", "0"),
        (3, "3", "3"),
        (2.5, "2.5", "2,5"),
        (12.345, "12.3", "12,3"),
        (0.0868, "0.087", "0,087"),
        (-7.25, "-7.25", "-7,25"),
        (1234, "1,234", "1234"),
        (12345, "12,345", "12.345"),
        (1234567.8, "1,234,568", "1.234.568"),
        (float("nan"), "not known", "no consta"),
        (float("-inf"), "-∞", "-∞"),
        (1.5e20, "1.5e+20", "1,5e+20"),
    ],
)
def test_number(value, english, spanish):
    assert format_number(value, "en") == english
    assert format_number(value, "es") == spanish


def test_number_with_fixed_decimals_keeps_its_zeros():
    assert format_number(1234.5, "en", 2) == "1,234.50"
    assert format_number(0.7, "es", 3) == "0,700"
    assert format_number(-0.001, "en", 2) == "0.00"


@pytest.mark.parametrize(
    ("share", "english", "spanish"),
    [
        (0.5, "50%", f"50{NB}%"),
        (0.031, "3.1%", f"3,1{NB}%"),
        (0.03, "3%", f"3{NB}%"),
        (0.0999, "10%", f"10{NB}%"),
        (0.1234, "12%", f"12{NB}%"),
        (1, "100%", f"100{NB}%"),
        (float("nan"), "not known", "no consta"),
    ],
)
def test_percent(share, english, spanish):
    assert format_percent(share, "en") == english
    assert format_percent(share, "es") == spanish


@pytest.mark.parametrize(
    ("amount", "currency", "english", "spanish"),
    [
        (1200, None, "1,200", "1200"),
        (99.5, None, "99.50", "99,50"),
        (12500.4, "EUR", "€12,500", f"12.500{NB}€"),
        (-3200, "USD", "-$3,200", f"-3200{NB}$"),
        (3200, "CHF", f"CHF{NB}3,200", f"3200{NB}CHF"),
    ],
)
def test_money(amount, currency, english, spanish):
    assert format_money(amount, "en", currency) == english
    assert format_money(amount, "es", currency) == spanish


def test_date():
    assert format_date(datetime(2026, 7, 3), "en") == "3 July 2026"
    assert format_date(datetime(2026, 7, 3), "es", with_time=True) == "3 de julio de 2026"
    assert format_date(datetime(2026, 1, 12, 6, 5), "en", with_time=True) == "12 January 2026, 06:05 UTC"


@pytest.mark.parametrize(
    ("points", "text"),
    [(9.4, "+9"), (0.5, "+1"), (-0.5, "-1"), (-2.5, "-3"), (0.49, "0"), (-0.49, "0"), (12.5, "+13")],
)
def test_points_round_half_away_from_zero(points, text):
    assert format_points(points) == text


@pytest.mark.parametrize(
    ("unit", "value", "english", "spanish"),
    [
        ("days", 1.04, "1 day", "1 día"),
        ("days", 1.06, "1.1 days", "1,1 días"),
        ("days", 12.4, "12 days", "12 días"),
        ("days", 0.0, "0 days", "0 días"),
        ("hours", 30.2, "30 hours", "30 horas"),
        ("share", 0.4567, "46%", f"46{NB}%"),
        ("share", 0.0123, "1.2%", f"1,2{NB}%"),
        ("money", 8499.7, "8,500", "8500"),
        ("flag", 1.0, "yes", "sí"),
        ("flag", 0.0, "no", "no"),
        ("year", 2015.0, "2015", "2015"),
        ("number", 2015.0, "2015", "2015"),
        ("count", 1500.0, "1,500", "1500"),
        ("count", 3.0, "3", "3"),
        ("anything", 0.5, "0.5", "0,5"),
        ("days", float("nan"), "not known", "no consta"),
        ("flag", float("nan"), "not known", "no consta"),
    ],
)
def test_value_words(unit, value, english, spanish):
    assert value_words([value], unit, "en") == [english]
    assert value_words([value], unit, "es") == [spanish]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20), st.sampled_from(UNITS))
def test_rounding_is_by_value_and_says_the_same(values, unit):
    """The bulk path (round, then word the distinct values) says what wording each value by itself says."""
    together = round_shown(np.array(values), unit)
    alone = np.array([round_shown(np.array([v]), unit)[0] for v in values])
    assert together.tobytes() == alone.tobytes()
    assert value_words(values, unit, "en") == [value_words([v], unit, "en")[0] for v in values]
    assert value_words(together, unit, "es") == value_words(values, unit, "es")
