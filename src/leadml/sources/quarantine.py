"""The books: every source row ends as used, quarantined by a rule or ignored by a rule, and the counts add up.

A row may be read by several parts of a mapping. It is *used* if any of them uses it; else *quarantined* if any rule
says that it is broken; else *ignored*, by the first rule that set it aside.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from leadml.sources.sql import ident, literal

NOT_MAPPED = "not_mapped"
# Rows of a file that a part of the mapping does not read; the least telling of reasons.
OTHER_ROWS = "other_rows"


@dataclass(frozen=True)
class Check:
    """A rule that takes a row out when ``when`` (SQL) is true; ``column`` and ``value`` (SQL) say what was seen."""

    rule: str
    when: str
    quarantined: bool = True
    column: str | None = None
    value: str | None = None


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

    def __init__(self, con: duckdb.DuckDBPyConnection, personal: Sequence[str] = ()) -> None:
        """``personal``: columns (lower case) whose values are never written to the quarantine."""
        self.con = con
        self.files: list[RawFile] = []
        self.tables: dict[str, TableCount] = {}
        self._personal = {p.lower() for p in personal}
        con.execute(
            'CREATE OR REPLACE TEMP TABLE _verdicts (file INTEGER, "row" BIGINT, quarantined BOOLEAN, rule VARCHAR, '
            '"column" VARCHAR, value VARCHAR)'
        )
        con.execute('CREATE OR REPLACE TEMP TABLE _used (file INTEGER, "row" BIGINT)')

    def table(self, name: str) -> TableCount:
        """The counts of a table, made when first asked for."""
        return self.tables.setdefault(name, TableCount())

    def reject(self, file: int, rows: list[tuple[int, str, str | None]]) -> None:
        """Note rows that the reader itself could not take: (line, rule, what was seen)."""
        if rows:
            self.con.executemany(
                "INSERT INTO _verdicts VALUES (?, ?, TRUE, ?, NULL, ?)", [(file, *row) for row in rows]
            )

    def take_out(self, raw: str, checks: Sequence[Check]) -> None:
        """Remove from a raw table every row that a check takes."""
        if checks:
            self._judge(f"SELECT *, {self._which(checks)} AS _check, {self._seen(checks)} AS _seen FROM {raw}", checks)
            any_check = " OR ".join(f"coalesce({c.when}, FALSE)" for c in checks)
            self.con.execute(f"DELETE FROM {raw} WHERE {any_check}")

    def sift(self, table: str, source: str, columns: dict[str, str], checks: Sequence[Check], into: str) -> None:
        """Add ``columns`` of the rows of ``source`` that no check takes to ``into``, counted under ``table``.

        ``source`` is a relation (a name or a bracketed query) with ``_file`` and ``_row``. ``into`` is made unless it
        is there.
        """
        outputs = ", ".join(f"{expr} AS {ident(name)}" for name, expr in columns.items())
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE _sifted AS SELECT _file, _row, {self._which(checks)} AS _check, "
            f"{self._seen(checks)} AS _seen, {outputs} FROM {source}"
        )
        count = self.table(table)
        for check, rows in self.con.execute("SELECT _check, count(*) FROM _sifted GROUP BY 1 ORDER BY 1").fetchall():
            count.rows_in += rows
            if check is not None:
                count.lose(checks[check].rule, rows)
        self._judge("SELECT * FROM _sifted", checks)
        self.con.execute("INSERT INTO _used SELECT _file, _row FROM _sifted WHERE _check IS NULL")
        kept = ", ".join(ident(name) for name in columns)
        self.con.execute(f"CREATE TEMP TABLE IF NOT EXISTS {into} AS SELECT {kept} FROM _sifted LIMIT 0")
        self.con.execute(f"INSERT INTO {into} SELECT {kept} FROM _sifted WHERE _check IS NULL")
        self.con.execute("DROP TABLE _sifted")

    def take_back(self, table: str, rule: str, rows: str) -> None:
        """Turn used rows (a query of ``_file``, ``_row``) into ignored ones, as when a duplicate is joined."""
        taken = self.con.execute(f"SELECT count(*) FROM ({rows})").fetchone()
        self.table(table).lose(rule, taken[0] if taken else 0)
        self.con.execute(f'DELETE FROM _used WHERE (file, "row") IN ({rows})')
        self.con.execute(f"INSERT INTO _verdicts SELECT _file, _row, FALSE, {literal(rule)}, NULL, NULL FROM ({rows})")

    def _which(self, checks: Sequence[Check]) -> str:
        cases = " ".join(f"WHEN {c.when} THEN {i}" for i, c in enumerate(checks))
        return f"(CASE {cases} END)" if checks else "NULL::INTEGER"

    def _seen(self, checks: Sequence[Check]) -> str:
        shown = [c for c in checks if c.value is not None and (c.column or "").lower() not in self._personal]
        cases = " ".join(f"WHEN {c.when} THEN {c.value if c in shown else 'NULL'}" for c in checks)
        return f"(CASE {cases} END)" if shown else "NULL::VARCHAR"

    def _judge(self, sifted: str, checks: Sequence[Check]) -> None:
        if not checks:
            return
        rules = ", ".join(
            f"({i}, {literal(c.rule)}, {str(c.quarantined).upper()}, {literal(c.column)}::VARCHAR)"
            for i, c in enumerate(checks)
        )
        self.con.execute(
            f'INSERT INTO _verdicts SELECT s._file, s._row, c.quarantined, c.rule, c."column", s._seen '
            f'FROM ({sifted}) s JOIN (VALUES {rules}) c(number, rule, quarantined, "column") ON s._check = c.number'
        )

    def close(self) -> list[dict[str, object]]:
        """Write the ``quarantine`` table and give each file's counts: rows = used + quarantined + ignored."""
        self.con.execute("CREATE OR REPLACE TEMP TABLE _settled_used AS SELECT DISTINCT * FROM _used")
        self.con.execute(
            f"""CREATE OR REPLACE TEMP TABLE _lost AS
            SELECT file, "row", v.* FROM (
                SELECT file, "row", arg_min({{quarantined: quarantined, rule: rule, "column": "column", value: value}},
                    (NOT quarantined, rule = {literal(OTHER_ROWS)}, rule)) AS v
                FROM _verdicts ANTI JOIN _settled_used USING (file, "row") GROUP BY file, "row")"""
        )
        files = ", ".join(f"({f.number}, {literal(f.path)})" for f in self.files) or "(NULL::INTEGER, NULL::VARCHAR)"
        self.con.execute(
            f"""CREATE OR REPLACE TABLE quarantine AS
            SELECT f.path AS file, "row" AS line, rule, "column", value
            FROM _lost JOIN (VALUES {files}) f(number, path) ON _lost.file = f.number
            WHERE quarantined ORDER BY f.number, "row", rule"""
        )
        counts = self._count_files()
        for name in ("_verdicts", "_used", "_settled_used", "_lost"):
            self.con.execute(f"DROP TABLE {name}")
        return counts

    def _count_files(self) -> list[dict[str, object]]:
        used = dict(self.con.execute("SELECT file, count(*) FROM _settled_used GROUP BY 1").fetchall())
        lost = self.con.execute(
            "SELECT file, quarantined, rule, count(*) FROM _lost GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        counts = []
        for file in self.files:
            quarantined = {rule: n for number, bad, rule, n in lost if number == file.number and bad}
            ignored = {rule: n for number, bad, rule, n in lost if number == file.number and not bad}
            rest = file.rows - used.get(file.number, 0) - sum(quarantined.values()) - sum(ignored.values())
            if rest:
                ignored[NOT_MAPPED] = ignored.get(NOT_MAPPED, 0) + rest
            counts.append(
                {
                    "name": file.name,
                    "path": file.path,
                    "rows": file.rows,
                    "used": used.get(file.number, 0),
                    "quarantined": quarantined,
                    "ignored": ignored,
                }
            )
        return counts
