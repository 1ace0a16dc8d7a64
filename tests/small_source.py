"""A small mapping of people, deals and what else a test needs, over CSV files that the test writes."""

from pathlib import Path
from typing import Any

import duckdb
import yaml
from sources_helpers import check_counts, connect

from leadml.catalogue import merged
from leadml.sources.mapping import parse_mapping
from leadml.sources.report import SourceReport
from leadml.sources.tables import read_tables

BASE = """
name: small
exported_at: "2024-12-31"
files: {people: {pattern: people.csv}, deals: {pattern: deals.csv}}
leads: {from: people, lead_id: id, created_at: created}
conversions: {won: {from: deals, lead: {by: lead, column: person}, at: closed, amount: amount, currency: currency}}
"""
PEOPLE = "id,created\nL1,2024-07-01T08:00:00Z\nL2,2024-07-02T08:00:00Z\n"
DEALS = "deal,person,closed,amount,currency\n"


def small(
    folder: Path, mapping: str = "", until: Any = None, **files: str
) -> tuple[duckdb.DuckDBPyConnection, SourceReport]:
    """Write ``files`` (name to text, people and deals if they lack) and read them by the base and ``mapping``."""
    for name, text in ({"people": PEOPLE, "deals": DEALS} | files).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    node = merged(yaml.safe_load(BASE) | {"path": str(folder)}, yaml.safe_load(mapping) or {})
    con = connect()
    report = read_tables(parse_mapping(node), "won", con, until)
    if until is None:
        check_counts(con, report)
    return con, report


def touchpoint(source: str, lead: str, extra: str = "") -> str:
    """A mapping of one kind of touchpoint from a file with id and at."""
    return f"""
files: {{{source}: {{pattern: {source}.csv, required: false}}}}
touchpoints:
  call: {{from: {source}, id: id, lead: {lead}, occurred_at: at, channel: call, kind: call, initiator: lead{extra}}}
"""
