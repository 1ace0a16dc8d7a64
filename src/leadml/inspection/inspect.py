"""All of it together: tables to what they are and the mapping that fits them."""

from dataclasses import dataclass

import duckdb

from leadml.inspection.extend import write_extension
from leadml.inspection.flat import write_flat
from leadml.inspection.keys import Tie, View, find_ties, mark_ties, view_tables
from leadml.inspection.known import KnownSource, Recognised, Refusal, recognise, refused_by, refused_elsewhere
from leadml.inspection.measures import Look
from leadml.inspection.parts import Plan, find_plan
from leadml.inspection.ranges import with_ranges
from leadml.inspection.write import Proposal, more_lines, write_mapping


@dataclass(frozen=True)
class Findings:
    """What an inspection found. ``flat``: the only table, a row a case; ``plan`` is None for it."""

    views: dict[str, View]
    ties: list[Tie]
    recognised: Recognised
    proposal: Proposal | None
    plan: Plan | None = None
    flat: View | None = None


def inspect_tables(con: duckdb.DuckDBPyConnection, looks: list[Look], known: list[KnownSource], name: str) -> Findings:
    """Look at every column, find what refers to what, recognise known exports, and propose a mapping named ``name``."""
    recognised = recognise([look for look in looks if look.rows], known)
    owners = {m.table: (source, file) for source, found in recognised for file, m in found.items()}

    def refused(table: str, column: str) -> Refusal | None:
        if table in owners:
            return refused_by(*owners[table], column)
        return refused_elsewhere(known, column)

    views = view_tables(con, looks, refused)
    views = {n: with_ranges(con, v) for n, v in views.items()}
    ties = find_ties(con, views)
    views = mark_ties(views, ties)
    filled = {n: v for n, v in views.items() if v.look.rows}
    if recognised:
        source, matches = recognised[0]
        leads = matches[source.leads].table if source.leads is not None else None
        plan = find_plan(con, filled, ties, leads)
        taken = {m.table for _, found in recognised for m in found.values()}
        more = more_lines(filled, plan, taken)
        return Findings(views, ties, recognised, write_extension(name, filled, recognised, more), plan)
    if not filled:
        return Findings(views, ties, recognised, None)
    if len(filled) == 1:
        only = next(iter(filled.values()))
        return Findings(views, ties, recognised, write_flat(name, only), flat=only)
    plan = find_plan(con, filled, ties)
    return Findings(views, ties, recognised, write_mapping(name, filled, plan), plan)
