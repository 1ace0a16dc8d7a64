"""Raw tables and how rows get into them: stripped, missing or not, times parsed, each with its file and line."""

from dataclasses import dataclass, field

import duckdb

from leadml.sources import cells
from leadml.sources.sql import Clock, at, ident, plausible

_SAMPLES = 200


@dataclass(frozen=True)
class Choice:
    """What to read of a file: logical name to the header's name (None where it has none), and which are times."""

    table: str
    number: int
    columns: dict[str, str | None]
    times: tuple[str, ...]
    missing: tuple[str, ...]
    clock: Clock


@dataclass(frozen=True)
class Source:
    """A relation of DuckDB to read from: the expression of each column, of the line and of the file's number.

    ``clean``: logical names whose expressions need no stripping. ``instants``: of those times that are typed already.
    ``repeats``: texts that repeat are held once, so that looking at each cell costs less than looking at whole rows.
    """

    relation: str
    exprs: dict[str, str]
    line: str
    number: str
    clean: frozenset[str] = frozenset()
    instants: dict[str, str] = field(default_factory=dict)
    repeats: bool = False


def create_raw(con: duckdb.DuckDBPyConnection, choice: Choice) -> None:
    """Make the raw table of a choice unless it is there."""
    columns = ", ".join(f"{ident(c)} VARCHAR" for c in choice.columns)
    times = "".join(f", {at(t)} TIMESTAMP" for t in choice.times)
    con.execute(f"CREATE TEMP TABLE IF NOT EXISTS {choice.table} (_file INTEGER, _row BIGINT, {columns}{times})")


def insertion(con: duckdb.DuckDBPyConnection, choice: Choice, source: Source) -> str:
    """The statement that adds the rows of a source: strip, drop missing, parse times.

    Written as nested selects, so that DuckDB works each text out once.
    """
    place = {"_file": "_file", "_row": "_row"}
    texts = {ident(c): source.exprs.get(c, "NULL::VARCHAR") for c in choice.columns}
    unclean = [ident(c) for c in choice.columns if c in source.exprs and c not in source.clean]
    blank = {n: cells.has_blanks(n) if source.repeats else "_blank" for n in unclean}
    cleaned = {n: cells.cleaned(n, choice.missing, blank[n]) if n in blank else n for n in texts}
    typed = {at(t): source.instants[t] for t in choice.times if t in source.instants}
    parsed = [t for t in choice.times if t not in source.instants and t in source.exprs]
    samples = _samples(con, source, parsed)
    instants = {at(t): "NULL::TIMESTAMP" for t in choice.times} | {name: name for name in typed}
    instants |= {at(t): cells.instant(choice.clock, ident(t), samples[t]) for t in parsed}
    steps = (
        {"_file": source.number, "_row": source.line, **texts, **typed},
        {"*": "*", "_texts": cells.in_one(unclean)},
        {"* EXCLUDE (_texts)": "* EXCLUDE (_texts)", "_blank": cells.may_have_blanks("_texts")},
        place | cleaned | {name: name for name in typed},
        place | {n: n for n in texts} | instants,
        place | {n: n for n in texts} | {name: plausible(name) for name in instants},
    )
    query = source.relation
    for step in steps:
        query = f"(SELECT {', '.join(e if e == n else f'{e} AS {n}' for n, e in step.items())} FROM {query})"
    return f"INSERT INTO {choice.table} {query}"


def _samples(con: duckdb.DuckDBPyConnection, source: Source, times: list[str]) -> dict[str, list[str]]:
    """Some texts of each time column."""
    if not times:
        return {}
    texts = ", ".join(f"{source.exprs[t]}::VARCHAR" for t in times)
    rows = con.execute(f"SELECT {texts} FROM {source.relation} LIMIT {_SAMPLES}").fetchall()
    return {t: [row[i].strip() for row in rows if row[i] is not None] for i, t in enumerate(times)}


def append(con: duckdb.DuckDBPyConnection, choice: Choice, source: Source, lines: range | None) -> bool:
    """Add a file's rows and give them their lines; False (and nothing written) where DuckDB fails or lines are left.

    ``source.line`` is how many lines a row takes; ``lines`` are those that the rows must take, None for any: rows are
    then numbered.
    """
    con.execute("BEGIN")
    try:
        con.execute(insertion(con, choice, source))
        mine = f"FROM {choice.table} WHERE _file = {choice.number}"
        first_id, rows, taken = con.execute(f"SELECT min(rowid), count(*), sum(_row) {mine}").fetchone() or (0, 0, 0)
        whole = lines is None or (taken or 0) == len(lines)
        if whole and rows:
            _number(con, choice, first_id, lines.start if lines is not None else 1, taken == rows)
    except duckdb.Error:
        con.execute("ROLLBACK")
        return False
    con.execute("COMMIT" if whole else "ROLLBACK")
    return whole


def _number(con: duckdb.DuckDBPyConnection, choice: Choice, first_id: int, first: int, one_each: bool) -> None:
    """Turn the numbers of lines that rows take into the lines at which they begin.

    By row ids, which follow the file; row_number() would make DuckDB read with one thread.
    """
    mine = f"_file = {choice.number}"
    if one_each:
        con.execute(f"UPDATE {choice.table} SET _row = rowid - {first_id} + {first} WHERE {mine}")
        return
    con.execute(
        f"""UPDATE {choice.table} SET _row = s.line FROM (
            SELECT rowid AS id, {first} + sum(_row) OVER (ROWS UNBOUNDED PRECEDING) - _row AS line
            FROM {choice.table} WHERE {mine}) s
        WHERE {choice.table}.rowid = s.id AND {mine}"""
    )
