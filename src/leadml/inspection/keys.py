"""Which columns tell rows apart, and which refer to another table's: every overlap is measured on all rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import duckdb

from leadml.inspection import words
from leadml.inspection.columns import find_roles
from leadml.inspection.measures import Look, measure, overlap
from leadml.inspection.roles import Column, Role
from leadml.inspection.shapes import NUMBERS, Shape

MOST_ROWS = 0.8  # share of the rows that must find their id for a tie to be taken as one
SOME_ROWS = 0.3
LONG_NUMBER = 8  # digits from which equal numbers are no chance
_SAMPLED = 40
_CONTENTS = (Role.number, Role.text, Role.category)


Refused = Callable[[str, str], tuple[Role, str] | None]


def nothing_refused(table: str, column: str) -> None:
    """No known mapping has anything to say."""


@dataclass(frozen=True)
class View:
    """One table with the roles of its columns, in the header's order."""

    look: Look
    columns: dict[str, Column]

    @property
    def name(self) -> str:
        """The logical name."""
        return self.look.name

    @property
    def words(self) -> frozenset[str]:
        """The words of its name."""
        return words.words_of(self.name)

    def of(self, *roles: Role) -> list[Column]:
        """The columns with one of the roles, in the header's order."""
        return [c for c in self.columns.values() if c.has(*roles)]

    @property
    def id(self) -> Column | None:
        """The column that tells its rows apart: named like the table, no reference, else the first unique one."""
        ids = self.of(Role.id)
        named = {"id", *self.words, *(f"{w}id" for w in self.words), *(f"id{w}" for w in self.words)}
        ranks = {c.name: (words.fold(c.name) not in named, c.has(Role.key), not c.words & words.ID) for c in ids}
        return min(ids, key=lambda c: ranks[c.name], default=None)

    @property
    def own_id(self) -> Column | None:
        """`id`, unless it is another table's: unique today, it need not be tomorrow."""
        return None if self.id is None or self.id.has(Role.key) else self.id

    @property
    def email(self) -> Column | None:
        """The column with the most e-mail addresses, if any has them."""
        mails = [c for c in self.columns.values() if c.measures.share(Shape.email) >= 0.5]
        return max(mails, key=lambda c: c.measures.present, default=None)


@dataclass(frozen=True)
class Tie:
    """A column whose values are ids (or e-mail addresses) of another table.

    ``rows``: share of the rows whose value is there; ``ids``: share of the target's ids that are used; ``why`` where
    it is not sure.
    """

    table: str
    column: str
    target: str
    key: str
    rows: float
    ids: float
    why: str = ""

    @property
    def sure(self) -> bool:
        """Whether the evidence suffices."""
        return not self.why


def view_tables(
    con: duckdb.DuckDBPyConnection, looks: list[Look], refused: Refused = nothing_refused
) -> dict[str, View]:
    """The roles of every column of every table, by the table's name.

    ``refused``: as what and why a known mapping refuses (table, column), or None.
    """
    return {
        look.name: View(look, {n: find_roles(m, refused(look.name, n)) for n, m in measure(con, look).items()})
        for look in looks
    }


def find_ties(con: duckdb.DuckDBPyConnection, views: dict[str, View]) -> list[Tie]:
    """Every column that refers to another table's id, sure ones and others; the best target of each column only."""
    candidates = {
        (view.name, column.name): [t for other in views.values() if (t := _tie(con, view, column, other)) is not None]
        for view in views.values()
        for column in view.columns.values()
    }
    refers = {place for place, found in candidates.items() if any(t.sure for t in found)}
    ties = []
    for found in candidates.values():
        # Of several tables with the same ids the one whose own they are: lead_id of a log refers to leads as well.
        first = [t for t in found if (t.target, t.key) not in refers] or found
        if first:
            ties.append(max(first, key=lambda t: (t.sure, t.rows, t.ids)))
    return ties


def mark_ties(views: dict[str, View], ties: list[Tie]) -> dict[str, View]:
    """The same views, in which columns that surely refer to another table have the role of a foreign key."""
    made = dict(views)
    for tie in ties:
        view = made[tie.table]
        column = view.columns[tie.column]
        told = f"{tie.rows:.0%} of the values are {tie.target}.{tie.key}" + (f" ({tie.why})" if tie.why else "")
        reasons = column.reasons
        if tie.sure and not column.has(Role.personal):
            reasons = {Role.key: told} | {r: why for r, why in reasons.items() if r not in _CONTENTS}
        else:
            reasons = reasons | {column.role: f"{reasons[column.role]}; {told}"}
        marked = replace(column, reasons=reasons)
        made[tie.table] = View(view.look, view.columns | {tie.column: marked})
    return made


def _tie(con: duckdb.DuckDBPyConnection, view: View, column: Column, other: View) -> Tie | None:
    key = other.id
    if other.name == view.name or key is None or not _could_be(column, key):
        return None
    named = _named_for(column, view, key, other)
    own = "_" not in view.name and bool(column.words & view.words)  # visit_id of visits, not lead_id of lead_changes
    if view.id is not None and column.name == view.id.name and (own or not named):
        return None  # a table's own ids: that those of others agree with them says nothing
    if not named and not _sampled(con, other, key, column):
        return None
    rows, ids = overlap(con, (view.look.table, column.measures.sql), (other.look.table, key.measures.sql))
    if rows < SOME_ROWS:
        return None
    lengths = (key.measures.length, column.measures.length)
    small = key.measures.share(*NUMBERS) > 0.5 and min(lengths) < LONG_NUMBER
    why = ""
    if rows < MOST_ROWS:
        why = f"only {rows:.0%} are there"
    elif small and not named:
        why = "numbers may agree by chance, and the name does not say so"
    return Tie(view.name, column.name, other.name, key.name, rows, ids, why)


def _could_be(column: Column, key: Column) -> bool:
    """Whether the texts are of one kind, by shape and length."""
    m, k = column.measures, key.measures
    if column.has(Role.empty, Role.constant, Role.outcome) or column.role is Role.time or m.share(Shape.email) > 0.5:
        return False
    decimals = m.share(Shape.point, Shape.comma, Shape.either)
    if decimals > 0.1 or m.distinct < 2 or m.length > 2 * k.length + 2 or k.length > 2 * m.length + 2:
        return False
    return (m.share(*NUMBERS) > 0.5) == (k.share(*NUMBERS) > 0.5)


def _named_for(column: Column, view: View, key: Column, other: View) -> bool:
    """Whether the column's name says whose id it is: inquiry_id for inquiries, or the id's own name."""
    folded, own = words.fold(column.name), words.fold(key.name)
    if (
        folded == own
        and own not in ("id", "key", "code", "number", "no")
        and not (view.id and view.id.name == column.name)
    ):
        return True
    short = {w for w in other.words if len(w) > 2}
    return bool(column.words & short) and (bool(column.words & words.ID) or column.words <= short | words.ID)


def _sampled(con: duckdb.DuckDBPyConnection, other: View, key: Column, column: Column) -> bool:
    """Whether a few values are found at all: a look that spares the whole comparison."""
    texts = [t.lower() for t in column.measures.sample[:: max(1, len(column.measures.sample) // _SAMPLED)]]
    held = f"lower({key.measures.sql})"
    query = f"SELECT count(DISTINCT {held}) FROM {other.look.table} WHERE {held} IN (SELECT unnest(?))"
    found = con.execute(query, [texts]).fetchone()
    return bool(found and found[0] >= max(2, SOME_ROWS * len(set(texts))))
