"""From when to when a table's times go, and how many cannot be read, by the same rules as an extract reads them."""

from dataclasses import replace

import duckdb

from leadml.inspection.keys import View
from leadml.inspection.roles import Role
from leadml.inspection.settings import day_first_of
from leadml.sources.sql import Clock, plausible


def with_ranges(con: duckdb.DuckDBPyConnection, view: View) -> View:
    """The view with the range of each time in its evidence; times of persons (birthdays) are left as they are."""
    times = [c for c in view.of(Role.time) if not c.has(Role.personal)]
    if not times:
        return view
    day_first = day_first_of(view)
    clock = Clock("UTC", True if day_first is None else day_first)
    columns = dict(view.columns)
    for column in times:
        text = column.measures.sql
        parsed = f"SELECT {text}, {clock.instant(text)} AS t FROM {view.look.table}"
        row = con.execute(
            f"SELECT min(t)::DATE::VARCHAR, max(t)::DATE::VARCHAR, count({text}) - count(t) "
            f"FROM (SELECT {text}, {plausible('t')} AS t FROM ({parsed}))"
        ).fetchone()
        first, last, broken = row or (None, None, 0)
        told = f"{first} to {last}" if first else "none of them can be read"
        told += f", {broken:,} cannot be read" if broken and first else ""
        reasons = column.reasons | {Role.time: f"{column.reasons[Role.time]}, {told}"}
        columns[column.name] = replace(column, reasons=reasons)
    return View(view.look, columns)
