"""The engine's tables as the problem's unit wants them: of leads as they were read, or folded to accounts.

Tables on disk are always those of leads: the unit belongs to the problem, so it is made anew from a stored model's.
"""

import ibis
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from leadml.problem import ProblemConfig, Unit
from leadml.snapshots import UnitTables, fold_to_accounts

NAMES = ("leads", "accounts", "history", "touchpoints", "conversions", "closures")
# Read once more for every feature family: the large ones stay views, as they are joined again faster than copied.
VIEWS = ("accounts", "history", "touchpoints")


def use_unit(con: Backend, problem: ProblemConfig) -> None:
    """Makes what `unit_table` gives that of the problem's unit; called once the tables are there."""
    for name in NAMES:
        if kind := unit_kind(con, name):
            con.con.execute(f"DROP {kind} temp.{unit_name(name)}")
    if problem.unit is Unit.lead:
        return
    folded = fold_to_accounts(UnitTables(*[con.table(n) for n in NAMES]), tuple(problem.exits))
    for name in NAMES:
        kind = "VIEW" if name in VIEWS else "TABLE"
        query = ibis.to_sql(getattr(folded, name), dialect="duckdb")
        con.con.execute(f"CREATE TEMP {kind} {unit_name(name)} AS {query}")


def unit_table(con: Backend, name: str) -> ir.Table:
    """A table of schema.py, folded where `use_unit` said so."""
    return con.table(unit_name(name) if unit_kind(con, name) else name)


def unit_name(name: str) -> str:
    """What the folded table is called in the engine."""
    return f"unit_{name}"


def unit_kind(con: Backend, name: str) -> str:
    """VIEW or TABLE, "" where the table is not folded."""
    found = con.con.execute(
        "SELECT table_type FROM information_schema.tables WHERE table_catalog = 'temp' AND table_name = ?",
        [unit_name(name)],
    ).fetchall()
    return "" if not found else "VIEW" if found[0][0] == "VIEW" else "TABLE"
