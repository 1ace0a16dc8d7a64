"""Numbers, dates and amounts as exports write them, and amounts at the conversion, in one currency."""

from pathlib import Path

import pytest
from small_source import DEALS, small, touchpoint
from sources_helpers import connect, show, table

from leadml.features.values import parse_number
from leadml.sources import sql
from leadml.sources.sql import Clock

RATES = """
files: {rates: {pattern: rates.csv}}
currency: EUR
rates: {from: rates, currency: code, at: since, rate: rate, per: PER}
"""
DEAL_LINES = (
    "D1,L1,2024-08-01,100,USD\nD2,L2,2024-09-15,100,USD\nD3,L2,2024-10-01,100,EUR\n"
    "D4,L2,2024-10-02,100,JPY\nD5,L2,2023-12-01,100,USD\nD6,L2,2024-10-03,€ 7,\n"
)


def evaluate(expression: str, text: str) -> object:
    """An expression over a text column named x."""
    con = connect()
    con.execute("SET TimeZone = 'UTC'")
    row = con.execute(f"SELECT {expression} FROM (SELECT ?::VARCHAR AS x)", [text]).fetchone()
    return row[0] if row else None


@pytest.mark.parametrize(
    ("text", "auto", "comma"),
    [
        ("1,234.5", 1234.5, None),
        ("1.234,56", 1234.56, 1234.56),
        ("€ 3.500,00", 3500.0, 3500.0),
        ("3.500", 3.5, 3500.0),
        ("1234,56", 1234.56, 1234.56),
        ("12,5", 12.5, 12.5),
        ("1,234", 1234.0, 1.234),
        ("1 234,56", 1234.56, 1234.56),
        ("1'234.56", 1234.56, 1234.56),
        ("1.5", 1.5, 1.5),
        ("USD 5", 5.0, 5.0),
        ("5 EUR", 5.0, 5.0),
        ("-1.234.567", -1234567.0, -1234567.0),
        ("1e3", 1000.0, 1000.0),
        ("12,34,5", None, None),
        ("0,123", 0.123, 0.123),  # no thousand begins with nought
        ("0.123", 0.123, 0.123),
        ("1 234 567", 1234567.0, 1234567.0),
        ("12 345 678,90", 12345678.9, 12345678.9),
        ("1'234'567.50", 1234567.5, 1234567.5),
        ("(1,234.50)", -1234.5, None),
        ("-€5", -5.0, -5.0),
        ("−5", -5.0, -5.0),
        ("R$ 1.234,56", 1234.56, 1234.56),
        ("inf", None, None),
        ("abc", None, None),
    ],
)
def test_numbers_as_people_write_them(text: str, auto: float | None, comma: float | None):
    assert evaluate(sql.number("x"), text) == auto
    assert evaluate(sql.number("x", ","), text) == comma
    plain = parse_number(text)
    assert (None if plain != plain else plain) == auto  # one-table sources read the same


@pytest.mark.parametrize(
    ("text", "instant", "known"),
    [  # Europe/Madrid: UTC+1 in winter, UTC+2 in summer
        ("2024-02-03", "2024-02-02 23:00:00", "2024-02-03 23:00:00"),
        ("3.2.2024", "2024-02-02 23:00:00", "2024-02-03 23:00:00"),
        ("03/02/24", "2024-02-02 23:00:00", "2024-02-03 23:00:00"),
        ("20240203", "2024-02-02 23:00:00", "2024-02-03 23:00:00"),
        ("45325", "2024-02-02 23:00:00", "2024-02-03 23:00:00"),  # Excel's day
        ("45325.75", "2024-02-03 17:00:00", "2024-02-03 17:00:00"),  # with a time of day
        ("3 Feb 2024", "2024-02-02 23:00:00", "2024-02-03 23:00:00"),
        ("Feb 3, 2024", "2024-02-02 23:00:00", "2024-02-03 23:00:00"),
        ("03-FEB-24", "2024-02-02 23:00:00", "2024-02-03 23:00:00"),
        ("03/07/2024 02:30 PM", "2024-07-03 12:30:00", "2024-07-03 12:30:00"),
        ("2024-07-03 14:30", "2024-07-03 12:30:00", "2024-07-03 12:30:00"),
        ("2024-07-03T14:30:00Z", "2024-07-03 14:30:00", "2024-07-03 14:30:00"),
        ("2024-07-03 14:30:00 +0000", "2024-07-03 14:30:00", "2024-07-03 14:30:00"),
        ("2024-07-03 14:30:00 UTC", "2024-07-03 14:30:00", "2024-07-03 14:30:00"),
        ("1720010000", "2024-07-03 12:33:20", "2024-07-03 12:33:20"),
        ("1720010000000", "2024-07-03 12:33:20", "2024-07-03 12:33:20"),
        ("31/02/2024", "None", "None"),
        ("99999", "None", "None"),
        ("tomorrow", "None", "None"),
    ],
)
def test_times_as_exports_write_them(text: str, instant: str, known: str):
    clock = Clock("Europe/Madrid", day_first=True)
    assert str(evaluate(clock.instant("x"), text)) == instant
    assert str(evaluate(clock.known("x", clock.instant("x")), text)) == known


def test_one_value_tells_how_a_column_writes_fractions(tmp_path: Path):
    mapping = touchpoint("calls", "{by: lead, column: who}", ", value: length")
    calls = 'id,at,who,length\nC1,2024-07-05T10:00:00Z,L1,1.500\nC2,2024-07-05T11:00:00Z,L1,"2.000,5"\n'
    con, _ = small(tmp_path, mapping, calls=calls)
    assert show(con, "SELECT value FROM touchpoints ORDER BY touchpoint_id") == "1500.0\n2000.5"
    con, _ = small(tmp_path, mapping, calls=calls.replace('"2.000,5"', "3"))
    assert show(con, "SELECT value FROM touchpoints ORDER BY touchpoint_id") == "1.5\n3.0"
    con, _ = small(tmp_path, mapping + "\ndecimal: ','", calls=calls.replace('"2.000,5"', "3"))
    assert show(con, "SELECT value FROM touchpoints ORDER BY touchpoint_id") == "1500.0\n3.0"


def test_a_file_has_its_own_zone_and_order_of_day_and_month(tmp_path: Path):
    mapping = touchpoint("calls", "{by: lead, column: who}").replace(
        "required: false", "timezone: America/New_York, day_first: false"
    )
    con, _ = small(
        tmp_path, mapping, calls="id,at,who\nC1,07/05/2024 10:00,L1\n", deals=DEALS + "D1,L1,05/07/2024,1,\n"
    )
    assert show(con, "SELECT occurred_at FROM touchpoints") == "2024-07-05 14:00:00"
    assert show(con, "SELECT converted_at FROM conversions") == "2024-07-05"


@pytest.mark.parametrize(("per", "rate"), [("one", ("0.9", "0.8")), ("base", ("1.1111111111111112", "1.25"))])
def test_amounts_in_one_currency_by_the_rate_of_their_day(tmp_path: Path, per: str, rate: tuple[str, str]):
    rates = f"code,since,rate\nusd,2024-01-01,{rate[0]}\nUSD,2024-09-01,{rate[1]}\nUSD,2024-09-02,0\n"
    con, report = small(tmp_path, RATES.replace("PER", per), deals=DEALS + DEAL_LINES, rates=rates)
    assert show(con, "SELECT converted_at, round(amount, 6), currency FROM conversions ORDER BY 1") == table("""
        2023-12-01 |  | USD
        2024-08-01 | 90.0 | EUR
        2024-09-15 | 80.0 | EUR
        2024-10-01 | 100.0 | EUR
        2024-10-02 |  | JPY
        2024-10-03 | 7.0 | EUR""")
    assert report.counts["values"] == {"amounts that are no number or have no rate": 2}
    assert {f["name"]: f["quarantined"] for f in report.counts["files"]}["rates"] == {"bad_rate": 1}


def test_without_a_currency_column_amounts_are_in_the_companys(tmp_path: Path):
    deals = 'deal,person,closed,amount\nD1,L1,2024-08-01,"$ 1,000"\nD2,L2,2024-08-01,5\n'
    con, _ = small(tmp_path, "currency: EUR\nconversions: {won: {currency: null}}", deals=deals)
    assert show(con, "SELECT lead_id, amount, currency FROM conversions ORDER BY 1") == table("""
        L1 |  | USD
        L2 | 5.0 | EUR""")


def test_a_bare_dollar_is_the_companys_own(tmp_path: Path):
    deals = 'deal,person,closed,amount\nD1,L1,2024-08-01,"$ 1.234.567"\nD2,L2,2024-08-01,US$ 5\n'
    con, _ = small(tmp_path, "currency: COP\nconversions: {won: {currency: null}}", deals=deals)
    assert show(con, "SELECT lead_id, amount, currency FROM conversions ORDER BY 1") == table("""
        L1 | 1234567.0 | COP
        L2 |  | USD""")


def test_the_amount_is_the_one_at_the_conversion(tmp_path: Path):
    mapping = """
files: {changes: {pattern: changes.csv}}
history: {deal_changes: {from: changes, id: deal, field: field, old: old, new: new, at: at}}
conversions: {won: {amount: {column: amount, history: deal_changes, key: deal}}}
"""
    deals = DEALS + "".join(f"D{i},L1,2024-08-0{i}T12:00:00Z,999,EUR\n" for i in range(1, 6))
    changes = [
        ("D1", "50", "60", "2024-07-20"),  # before the conversion: the new value
        ("D1", "60", "999", "2024-09-01"),
        ("D2", "70", "999", "2024-09-01"),  # only after: the old value
        ("D3", "999", "80", "2024-08-04T11:00:00Z"),  # within a day of it: typed in just after
        ("D4", "1", "2", "2024-07-01", "Stage"),  # another field
    ]
    lines = "".join(f"{c[0]},{c[4] if len(c) > 4 else 'Amount'},{c[1]},{c[2]},{c[3]}\n" for c in changes)
    con, _ = small(tmp_path, mapping, deals=deals, changes="deal,field,old,new,at\n" + lines)
    assert show(con, "SELECT converted_at, amount FROM conversions ORDER BY 1") == table("""
        2024-08-01 12:00:00 | 60.0
        2024-08-02 12:00:00 | 70.0
        2024-08-03 12:00:00 | 80.0
        2024-08-04 12:00:00 | 999.0
        2024-08-05 12:00:00 | 999.0""")
