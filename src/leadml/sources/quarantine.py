"""The books: every source row ends as used, quarantined by a rule or ignored by a rule, and the counts add up.

A row may be read by several parts of a mapping. It is *used* if any of them uses it; else *quarantined* if any rule
says that it is broken; else *ignored*, by the first rule that set it aside. Only rows that a part does not take are
written down: a row is lost when every part that reads its file has said no.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import duckdb

from leadml.sources.sql import ident, literal, literals

NOT_MAPPED = "not_mapped"
# Rows, and fields of a history, that a part of the mapping does not read: the least telling of reasons.
OTHER_ROWS, OTHER_FIELD = UNTELLING = ("other_rows", "other_field")
# The part of a verdict that no part of the mapping can overrule.
_EVERY_PART = -1


@dataclass(frozen=True)
class Check:
    """A rule that takes a row out when ``when`` (SQL) is true; ``column`` and ``value`` (SQL) say what was seen.

    ``made``: it looks at what is made of the row, not at the row, and after all rules that look at that.
    """

    rule: str
    when: str
    quarantined: bool = True
    column: str | None = None
    value: str | None = None
    made: bool = False


@dataclass(frozen=True)
class Source:
    """What a part reads: a relation (a name or a bracketed query) with ``_file`` and ``_row``, of the file ``name``.

    ``several``: one row of the file may be several of the relation, each with a verdict of its own.
    """

    relation: str
    name: str
    several: bool = False


@dataclass(frozen=True)
class RawFile:
    """One physical file: the name it has in the mapping, its path in the source folder, and the rows in it."""

    number: int
    name: str
    path: str
    sha256: str
    rows: int


@dataclass
class TableCount:
    """Rows that came in, were added, were lost by rule, and went out: in + added - lost = out."""

    rows_in: int = 0
    added: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    rows_out: int = 0

    def add(self, rule: str, rows: int) -> None:
        """Count rows that were not in the source, such as the first value of a history."""
        if rows:
            self.added[rule] = self.added.get(rule, 0) + rows

    def lose(self, rule: str, rows: int) -> None:
        """Count rows that a rule took."""
        if rows:
            self.lost[rule] = self.lost.get(rule, 0) + rows

    def settle(self) -> None:
        """Take what is left for tables that only help others (links, booking instants) as what goes out."""
        if not self.rows_out:
            self.rows_out = self.rows_in + sum(self.added.values()) - sum(self.lost.values())


class Ledger:
    """Verdicts on source rows while tables are built, in the caller's DuckDB connection."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, personal: Callable[[str, str], bool] = lambda file, column: False
    ) -> None:
        """``personal``: whether the values of a file's column are never written to the quarantine."""
        self.con = con
        self.files: list[RawFile] = []
        self.tables: dict[str, TableCount] = {}
        self._personal = personal
        self._parts: list[str] = []
        self._last_part: dict[str, int] = {}
        con.execute(
            'CREATE OR REPLACE TEMP TABLE _verdicts (part INTEGER, file INTEGER, "row" BIGINT, quarantined BOOLEAN, '
            'rule VARCHAR, "column" VARCHAR, value VARCHAR)'
        )
        con.execute('CREATE OR REPLACE TEMP TABLE _used (file INTEGER, "row" BIGINT)')

    def table(self, name: str) -> TableCount:
        """The counts of a table, made when first asked for."""
        return self.tables.setdefault(name, TableCount())

    def reject(self, file: int, rows: list[tuple[int, str, str | None]]) -> None:
        """Note rows that the reader itself could not take: (line, rule, what was seen)."""
        if rows:
            self.con.execute(
                f"INSERT INTO _verdicts SELECT {_EVERY_PART}, {file}, unnest(?::BIGINT[]), TRUE, unnest(?::VARCHAR[]), "
                "NULL, unnest(?::VARCHAR[])",
                [list(column) for column in zip(*rows, strict=True)],
            )

    def take_out(self, raw: str, name: str, checks: Sequence[Check]) -> None:
        """Remove from the raw table of a file every row that a check takes."""
        if checks:
            any_check = " OR ".join(f"coalesce({c.when}, FALSE)" for c in checks)
            taken = f"SELECT * FROM ({self._sifted(Source(raw, name), {}, checks)}) WHERE _check IS NOT NULL"
            if self._judge(_EVERY_PART, taken, checks):
                self.con.execute(f"DELETE FROM {raw} WHERE {any_check}")

    def sift(self, table: str, source: Source, columns: dict[str, str], checks: Sequence[Check], into: str) -> None:
        """Add ``columns`` of the rows of ``source`` that no check takes to ``into``, counted under ``table``.

        ``into`` is made unless it is there. A second look, at the rows that were not taken, is had only where there
        are any.
        """
        part, count = len(self._parts), self.table(table)
        self._parts.append(source.name)
        self._last_part[table] = part
        kept, sifted = ", ".join(ident(name) for name in columns), self._sifted(source, columns, checks)
        if not self.con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [into]).fetchone():
            self.con.execute(f"CREATE TEMP TABLE {ident(into)} AS SELECT {kept} FROM ({sifted}) LIMIT 0")
        taken = self._count(f"INSERT INTO {ident(into)} SELECT {kept} FROM ({sifted}) WHERE _check IS NULL")
        count.rows_in += taken
        if not source.several and taken == self._rows_left(source.name):
            return
        for number, rows in self._judge(part, f"SELECT * FROM ({sifted}) WHERE _check IS NOT NULL", checks):
            count.rows_in += rows
            count.lose(checks[number].rule, rows)
        if source.several:
            used = f"SELECT DISTINCT _sifted_file, _sifted_row FROM ({sifted}) WHERE _check IS NULL"
            self.con.execute(f"INSERT INTO _used {used}")

    def _sifted(self, source: Source, columns: dict[str, str], checks: Sequence[Check]) -> str:
        """The rows of a source with what is made of them, the first check that takes each, and what it saw.

        In two steps, so that checks of what is made do not make it again. Whoever asks for some of it pays for that.
        """
        outputs = "".join(f"{expr} AS {ident(name)}, " for name, expr in columns.items())
        made = (
            f"SELECT {outputs}_file AS _sifted_file, _row AS _sifted_row, {self._seen(source.name, checks)} AS _seen, "
            f"{self._which(checks, made=False)} AS _first FROM {source.relation}"
        )
        return f"SELECT * EXCLUDE (_first), coalesce(_first, {self._which(checks, made=True)}) AS _check FROM ({made})"

    def take_back(self, table: str, rule: str, rows: str) -> None:
        """Turn used rows (a query of ``_file``, ``_row``) into ignored ones, as when a duplicate is joined."""
        part = self._last_part[table]
        lost = self._count(
            f"INSERT INTO _verdicts SELECT {part}, _file, _row, FALSE, {literal(rule)}, NULL, NULL FROM ({rows})"
        )
        self.table(table).lose(rule, lost)

    def _count(self, insert: str) -> int:
        """Rows that a statement added."""
        done = self.con.execute(insert).fetchone()
        return done[0] if done else 0

    def _rows_left(self, name: str) -> int:
        """Rows of a file that are in its raw table: those read, without those set aside at once."""
        numbers = ", ".join(str(f.number) for f in self.files if f.name == name)
        gone = f"SELECT count(*) FROM _verdicts WHERE part = {_EVERY_PART} AND file IN ({numbers})"
        found = self.con.execute(gone).fetchone() or (0,)
        return sum(f.rows for f in self.files if f.name == name) - int(found[0])

    def _which(self, checks: Sequence[Check], made: bool = False) -> str:
        cases = " ".join(f"WHEN {c.when} THEN {i}" for i, c in enumerate(checks) if c.made == made)
        return f"(CASE {cases} END)" if cases else "NULL::INTEGER"

    def _seen(self, name: str, checks: Sequence[Check]) -> str:
        shown = [c for c in checks if c.value is not None and not self._personal(name, c.column or "")]
        cases = " ".join(f"WHEN {c.when} THEN {c.value if c in shown else 'NULL'}" for c in checks if not c.made)
        return f"(CASE {cases} END)" if shown else "NULL::VARCHAR"

    def _judge(self, part: int, sifted: str, checks: Sequence[Check]) -> list[tuple[int, int]]:
        """Write the verdicts of sifted rows; gives the number of rows of each check."""
        columns = "_sifted_file, _sifted_row, _check, _seen"
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE _judged AS SELECT {columns} FROM ({sifted})")
        counts = self.con.execute("SELECT _check, count(*) FROM _judged GROUP BY 1 ORDER BY 1").fetchall()
        rules = ", ".join(
            f"({i}, {literal(c.rule)}, {str(c.quarantined).upper()}, {literal(c.column)}::VARCHAR)"
            for i, c in enumerate(checks)
        )
        if counts:
            row = 's._sifted_file, s._sifted_row, c.quarantined, c.rule, c."column", s._seen'
            self.con.execute(
                f"INSERT INTO _verdicts SELECT {part}, {row} "
                f'FROM _judged s JOIN (VALUES {rules}) c(number, rule, quarantined, "column") ON s._check = c.number'
            )
        self.con.execute("DROP TABLE _judged")
        return counts

    def close(self) -> list[dict[str, object]]:
        """Write the ``quarantine`` table and give each file's counts: rows = used + quarantined + ignored."""
        files = (
            ", ".join(f"({f.number}, {literal(f.path)}, {self._parts.count(f.name)})" for f in self.files)
            or "(NULL::INTEGER, NULL::VARCHAR, 0)"
        )
        # A row that one of several parts takes is used: it has fewer verdicts than its file has parts.
        self.con.execute(
            f"""CREATE OR REPLACE TEMP TABLE _lost AS
            SELECT file, "row", path, v.* FROM (
                SELECT file, "row", any_value(path) AS path, any_value(parts) AS parts,
                    bool_or(part = {_EVERY_PART}) AS at_once, count(DISTINCT part) AS said,
                    arg_min({{quarantined: quarantined, rule: rule, "column": "column", value: value}},
                        (NOT quarantined, rule IN ({literals(UNTELLING)}), rule)) AS v
                FROM _verdicts JOIN (VALUES {files}) f(number, path, parts) ON file = number GROUP BY file, "row")
            WHERE at_once OR (said >= parts AND (file, "row") NOT IN (FROM _used))"""
        )
        self.con.execute(
            """CREATE OR REPLACE TABLE quarantine AS
            SELECT path AS file, "row" AS line, rule, "column", value
            FROM _lost WHERE quarantined ORDER BY _lost.file, "row", rule"""
        )
        counts = self._count_files()
        for name in ("_verdicts", "_used", "_lost"):
            self.con.execute(f"DROP TABLE {name}")
        return counts

    def _count_files(self) -> list[dict[str, object]]:
        lost = self.con.execute(
            "SELECT file, quarantined, rule, count(*) FROM _lost GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        counts = []
        for file in self.files:
            quarantined = {rule: n for number, bad, rule, n in lost if number == file.number and bad}
            ignored = {rule: n for number, bad, rule, n in lost if number == file.number and not bad}
            rest = file.rows - sum(quarantined.values()) - sum(ignored.values())
            if rest and file.name not in self._parts:
                ignored[NOT_MAPPED], rest = rest, 0
            counts.append(
                {
                    "name": file.name,
                    "path": file.path,
                    "rows": file.rows,
                    "used": rest,
                    "quarantined": quarantined,
                    "ignored": ignored,
                }
            )
        return counts
