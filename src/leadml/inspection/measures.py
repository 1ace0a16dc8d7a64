"""What is measured of every column: on all rows by DuckDB, and the shapes of its texts on a spread of rows."""

from collections import Counter
from dataclasses import dataclass, field

import duckdb

from leadml.inspection.shapes import DAY_FIRST_FORMS, Shape, mask, shape_of
from leadml.sources.sql import ident

FIRST_ROWS = 1_000
SPREAD_ROWS = 2_000
MOST_LEVELS = 60
NEARLY_UNIQUE = 0.7


@dataclass(frozen=True)
class Look:
    """One table as it was found: its rows lie in DuckDB as ``table``, all columns as text named c0, c1, ...

    ``name`` is its logical name, ``pattern`` what finds it again, ``place`` what people are told.
    """

    name: str
    place: str
    pattern: str
    table: str
    header: tuple[str, ...]
    rows: int
    format: str = "csv"
    encoding: str = ""
    delimiter: str = ""
    rejected: int = 0

    def sql(self, column: str) -> str:
        """The engine's name of a column."""
        return f"c{self.header.index(column)}"


@dataclass(frozen=True)
class Measures:
    """Figures of one column. Shares are of the rows that have a value.

    ``levels``: every text with its count (all rows), where there are at most `MOST_LEVELS`, else none.
    ``distinct``: exact where it is small or near the number of values; else about right.
    ``first`` and ``second``: the largest first and second number of d/m/y dates, on all rows.
    """

    name: str
    sql: str
    rows: int
    present: int
    distinct: int
    length: float
    shapes: dict[Shape, float] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)
    sample: tuple[str, ...] = field(default=(), repr=False)
    form: str = ""
    first: int = 0
    second: int = 0

    @property
    def unique(self) -> bool:
        """Whether every value is there once."""
        return self.present > 0 and self.distinct == self.present

    def share(self, *shapes: Shape) -> float:
        """The share of values of these shapes."""
        return sum(self.shapes.get(s, 0.0) for s in shapes)


def measure(con: duckdb.DuckDBPyConnection, look: Look) -> dict[str, Measures]:
    """The measures of every column of a table, by the header's name."""
    names = [f"c{i}" for i in range(len(look.header))]
    picks = ", ".join(f"count({n}), approx_count_distinct({n}), coalesce(avg(strlen({n})), 0)" for n in names)
    row = con.execute(f"SELECT {picks} FROM {look.table}").fetchone() or ()
    step = max(1, look.rows // SPREAD_ROWS)
    spread = f"_n < {FIRST_ROWS} OR _n % {step} = 0"
    sample = con.execute(
        f"SELECT {', '.join(names)} FROM (SELECT *, row_number() OVER (ORDER BY _file, _row) - 1 AS _n "
        f"FROM {look.table}) WHERE {spread} ORDER BY _n LIMIT {FIRST_ROWS + 2 * SPREAD_ROWS}"
    ).fetchall()
    columns = list(zip(*sample, strict=True)) or [()] * len(names)
    found = {}
    for i, (header, name) in enumerate(zip(look.header, names, strict=True)):
        present, distinct, length = row[3 * i : 3 * i + 3]
        texts = [t for t in columns[i] if t is not None]
        found[header] = _column(con, look, Measures(header, name, look.rows, present, distinct, length), texts)
    return found


def _column(con: duckdb.DuckDBPyConnection, look: Look, rough: Measures, texts: list[str]) -> Measures:
    counted = Counter(texts)
    shapes: Counter[Shape] = Counter()
    for text, n in counted.items():
        shapes[shape_of(text)] += n
    shares = {s: n / len(texts) for s, n in shapes.most_common()}
    distinct, levels = _distinct(con, look, rough)
    forms = Counter(mask(t) for t in list(counted)[:500])
    values = vars(rough) | {
        "distinct": distinct,
        "levels": levels,
        "shapes": shares,
        "sample": tuple(counted)[:500],
        "form": forms.most_common(1)[0][0] if forms else "",
    }
    made = Measures(**values)
    if made.share(*DAY_FIRST_FORMS) < 0.5:
        return made
    first, second = _largest_parts(con, look.table, rough.sql)
    return Measures(**(vars(made) | {"first": first, "second": second}))


def _distinct(con: duckdb.DuckDBPyConnection, look: Look, rough: Measures) -> tuple[int, dict[str, int]]:
    if rough.distinct <= 2 * MOST_LEVELS:
        found = con.execute(
            f"SELECT {rough.sql}, count(*) FROM {look.table} WHERE {rough.sql} IS NOT NULL GROUP BY 1 "
            f"ORDER BY 2 DESC, 1"
        ).fetchall()
        levels = dict(found) if len(found) <= MOST_LEVELS else {}
        return len(found), levels
    if rough.distinct < NEARLY_UNIQUE * rough.present:
        return min(rough.distinct, rough.present), {}
    exact = con.execute(f"SELECT count(DISTINCT {rough.sql}) FROM {look.table}").fetchone()
    return (exact[0] if exact else 0), {}


def _largest_parts(con: duckdb.DuckDBPyConnection, table: str, column: str) -> tuple[int, int]:
    """The largest first and second number of texts such as 31.01.2025."""
    parts = [
        f"max(try_cast(regexp_extract({column}, '^(\\d{{1,2}})[-/.](\\d{{1,2}})[-/.]', {i}) AS INTEGER))"
        for i in (1, 2)
    ]
    row = con.execute(f"SELECT {', '.join(parts)} FROM {table}").fetchone() or (0, 0)
    return row[0] or 0, row[1] or 0


def overlap(con: duckdb.DuckDBPyConnection, rows: tuple[str, str], ids: tuple[str, str]) -> tuple[float, float]:
    """Share of the rows of (table, column) whose value is among those of (table, column), and of the ids that are used.

    On all rows; compared without regard to case, as a lead is found later.
    """
    (table, column), (target, key) = rows, ids
    left = (
        f"SELECT lower({ident(column)}) AS k, count(*) AS n FROM {table} WHERE {ident(column)} IS NOT NULL GROUP BY 1"
    )
    right = f"SELECT DISTINCT lower({ident(key)}) AS k FROM {target} WHERE {ident(key)} IS NOT NULL"
    row = con.execute(
        f"WITH l AS ({left}), r AS ({right}) SELECT "
        "coalesce(sum(n) FILTER (WHERE k IN (SELECT k FROM r)), 0), sum(n), "
        "count(*) FILTER (WHERE k IN (SELECT k FROM r)), (SELECT count(*) FROM r) FROM l"
    ).fetchone()
    if row is None or not row[1] or not row[3]:
        return 0.0, 0.0
    return float(row[0] / row[1]), float(row[2] / row[3])
