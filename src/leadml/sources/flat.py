"""One-table sources: any CSV or Parquet file with a row a case, to snapshots and raw feature columns."""

from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pandas as pd

from leadml.errors import ConfigurationError, DataError
from leadml.features.dictionary import Feature
from leadml.features.values import clean_values
from leadml.schema import SNAPSHOT_COLUMNS
from leadml.sensitive import AUDIT_ONLY
from leadml.sources.columns import choose_columns
from leadml.sources.files import Found, look_at
from leadml.sources.limits import check_limits
from leadml.sources.quarantine import Check, Ledger, RawFile, Source
from leadml.sources.readers import Choice, read_file
from leadml.sources.report import SourceReport
from leadml.sources.spec import FileSpec, FlatSpec, Mapping
from leadml.sources.sql import Clock, at, literals, present

_POSITIVE = ("1", "1.0", "true", "yes", "y", "won", "converted", "si", "sí", "ganado")
_NEGATIVE = ("0", "0.0", "false", "no", "n", "lost", "not converted", "perdido")


@dataclass(frozen=True)
class FlatTable:
    """A one-table source: row i of ``X`` and of ``snapshots`` is the same case.

    For training ``X`` holds the typed values of ``features``; a list to score has no features, and ``X`` holds the
    stripped texts (None where empty) of every column, which the scorer reads by its own kinds.
    """

    snapshots: pd.DataFrame
    X: pd.DataFrame
    features: list[Feature]
    report: SourceReport
    audited: pd.DataFrame | None = None


def read_flat(
    mapping: Mapping, con: duckdb.DuckDBPyConnection, labelled: bool, audit: tuple[str, ...] = ()
) -> FlatTable:
    """Read one file with a row a case.

    ``labelled``: the label column must be there, rows without a label or time are left out, of rows with one given id
    and time the last counts, and columns that cannot help (constant, near-unique texts, ids) or are personal are left
    out and named. Otherwise every row that can be read stays in its place, as does every column but id, time and
    label, and labels are NaN. Snapshots have `SNAPSHOT_COLUMNS`, grid "row", cutoff UTC or NaT; ``position`` is the
    1-based number of the row in the file, those that could not be read included. ``audit`` names columns (in any case)
    that are read for the fairness audit alone: they are in ``audited``, as texts, and no features.

    Raises:
        ConfigurationError: ``source.path`` or a column setting is missing.
        DataError: The file is missing or no table, columns are missing, labels cannot be told, no row can be used.
    """
    flat = _check_settings(mapping, labelled)
    con.execute("SET TimeZone = 'UTC'")
    ledger = Ledger(con)
    found = _find(con, mapping, flat)
    columns = _check_columns(found, flat, labelled, audit)
    # The words for missing of a list to score are the model's.
    _read_rows(con, mapping if labelled else replace(mapping, missing=()), found, columns, ledger)
    _sift(con, mapping, columns, ledger, labelled)
    frame = con.execute("SELECT * FROM _cases ORDER BY _case_n").df()
    raw = frame[list(columns.headers)].set_axis(list(found.header), axis=1)
    audited = raw[list(columns.audit)].set_axis(list(audit), axis=1) if audit else None
    raw = raw[[c for c in found.header if c not in columns.taken]]
    report = SourceReport(
        [{"name": mapping.name, "path": found.relative, "sha256": found.sha256, "rows": ledger.files[0].rows}]
    )
    features: list[Feature] = []
    if labelled:
        features, left_out = choose_columns(raw, flat.allow)
        left_out |= {c: "excluded by source.exclude" for c in found.header if c in columns.exclude}
        left_out |= dict.fromkeys(columns.audit, AUDIT_ONLY)
        report.denied = [{"file": mapping.name, "column": c, "why": why} for c, why in left_out.items()]
        X = clean_values(raw, features, mapping.missing)
    else:
        X = raw.astype(object).where(raw.notna(), None)
    snapshots = _build_snapshots(frame)
    ledger.tables["cases"].rows_out = len(frame)
    ledger.tables["cases"].settle()
    report.counts = {"files": ledger.close(), "tables": {k: vars(v) for k, v in ledger.tables.items()}, "values": {}}
    con.execute("DROP TABLE temp._flat; DROP TABLE temp._cases")
    report.attributes = {"leads": {f.name: str(f.kind) for f in features}, "accounts": {}}
    last = snapshots["cutoff"].max()
    report.data_end = None if pd.isna(last) else last.to_pydatetime()
    if frame.empty:
        lost = ledger.tables["cases"].lost
        raise DataError(
            f"no row of {found.relative} can be used ({lost or 'it has none'}): look at its label and dates"
        )
    if labelled:
        check_limits(con, mapping, report)
    return FlatTable(snapshots, X, features, report, audited)


@dataclass(frozen=True)
class _Columns:
    """The file's own names of the columns with a part to play, and the names under which the engine knows all."""

    lead_id: str | None
    time: str | None
    label: str | None
    exclude: tuple[str, ...]
    header: tuple[str, ...]
    audit: tuple[str, ...] = ()

    @property
    def taken(self) -> set[str]:
        return {c for c in (self.lead_id, self.time, self.label, *self.exclude, *self.audit) if c is not None}

    @property
    def headers(self) -> dict[str, str]:
        """The engine's name of each column to the file's: any header is a name to us, not to a database."""
        return {f"c{i}": name for i, name in enumerate(self.header)}

    def name(self, column: str) -> str:
        """The engine's name of a column."""
        return f"c{self.header.index(column)}"


def _check_settings(mapping: Mapping, labelled: bool) -> FlatSpec:
    if mapping.flat is None:
        raise ConfigurationError(f"source {mapping.name} is not a one-table source: use source=flat")
    if not mapping.path:
        raise ConfigurationError("source.path is missing: source.path=FILE.csv")
    if labelled and mapping.flat.label is None:
        raise ConfigurationError("source.label is missing: source.label=COLUMN, the column that tells who converted")
    return mapping.flat


def _find(con: duckdb.DuckDBPyConnection, mapping: Mapping, flat: FlatSpec) -> Found:
    path = Path(mapping.path)
    if not path.is_file():
        told = "give the path of one table (.csv, .parquet, .jsonl, .xlsx)"
        raise DataError(f"source.path={mapping.path} is not a file: {told}")
    spec = FileSpec(mapping.name, (path.name,), encoding=flat.encoding, delimiter=flat.delimiter, sheet=flat.sheet)
    found = look_at(con, spec, path, path.parent)
    # The name that pandas gives such a column, so that a frame read by it has the same.
    names = tuple(h or f"Unnamed: {i}" for i, h in enumerate(found.header))
    again = sorted({n for n in names if names.count(n) > 1})
    if again:
        raise DataError(f"{found.relative} has columns of one name: {', '.join(again)}; rename them")
    return Found(**{**vars(found), "header": names})


def _check_columns(found: Found, flat: FlatSpec, labelled: bool, audit: tuple[str, ...]) -> _Columns:
    """Match the settings with the header, case-insensitively where the exact name is not there."""
    lower = {h.lower(): h for h in reversed(found.header)}

    def match(name: str | None) -> str | None:
        return None if name is None else name if name in found.header else lower.get(name.lower())

    asked = {"label": flat.label if labelled else None, "lead_id": flat.lead_id, "time": flat.time}
    absent = [f"source.{k}={v}" for k, v in asked.items() if v is not None and match(v) is None]
    absent += [f"source.exclude={e}" for e in flat.exclude if labelled and match(e) is None]
    absent += [f"source.allow={e}" for e in flat.allow if labelled and match(e) is None]
    absent += [f"fairness.columns={e}" for e in audit if match(e) is None]
    if absent:
        raise DataError(
            f"{len(absent)} column(s) missing in {found.relative}: {', '.join(absent)}; "
            f"found: {', '.join(found.header)}"
        )
    exclude = tuple(m for m in map(match, flat.exclude) if m is not None) if labelled else ()
    audited = tuple(m for m in map(match, audit) if m is not None)
    return _Columns(match(flat.lead_id), match(flat.time), match(flat.label), exclude, found.header, audited)


def _read_rows(
    con: duckdb.DuckDBPyConnection, mapping: Mapping, found: Found, columns: _Columns, ledger: Ledger
) -> None:
    """``_flat``: the file's rows as texts under the engine's names, with their number ``_n``; booked in the ledger."""
    con.execute("DROP TABLE IF EXISTS temp._flat; DROP TABLE IF EXISTS temp._cases")
    times = (columns.name(columns.time),) if columns.time else ()
    choice = Choice(
        "_flat", 0, dict(columns.headers), times, mapping.missing, Clock(mapping.timezone, mapping.day_first)
    )
    rejected = read_file(con, found, choice)
    rows = con.execute("SELECT count(*) FROM _flat").fetchone() or (0,)
    ledger.files.append(RawFile(0, mapping.name, found.relative, found.sha256, rows[0] + len(rejected)))
    ledger.reject(0, rejected)
    # A row keeps its number whatever becomes of those before it.
    lines = 'SELECT _row FROM _flat UNION ALL SELECT "row" FROM _verdicts'
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _flat AS SELECT * FROM _flat JOIN "
        f"(SELECT _row, row_number() OVER (ORDER BY _row) AS _n FROM ({lines})) USING (_row)"
    )


def _sift(con: duckdb.DuckDBPyConnection, mapping: Mapping, columns: _Columns, ledger: Ledger, labelled: bool) -> None:
    """``_cases``: the rows to keep, with number, id, time and label as ``_case_...`` beside their columns."""

    def text(column: str | None) -> str:
        return present(columns.name(column), mapping.missing) if column else "NULL::VARCHAR"

    label = _label_expr(con, mapping, columns, text(columns.label)) if labelled and columns.label else "NULL::DOUBLE"
    outputs = {"_file": "_file", "_row": "_row", "_case_n": "_n", "_case_given": text(columns.lead_id)}
    outputs["_case_id"] = f"coalesce({outputs['_case_given']}, printf('row-%06d', _n))"
    outputs["_case_at"] = at(columns.name(columns.time)) if columns.time else "NULL::TIMESTAMP"
    outputs["_case_label"] = label
    outputs |= {name: name for name in columns.headers}
    checks = []
    if labelled and columns.time:
        when = text(columns.time)
        checks.append(Check("missing_date", f"{when} IS NULL", column=columns.time))
        checks.append(Check("bad_date", f"{outputs['_case_at']} IS NULL", column=columns.time, value=when))
    if labelled:
        checks.append(Check("missing_label", f"({label}) IS NULL", column=columns.label))
    ledger.sift("cases", Source("_flat", mapping.name), outputs, checks, "_cases")
    if labelled:
        given = "SELECT max(rowid) FROM _cases GROUP BY _case_given, _case_at"
        again = f"_case_given IS NOT NULL AND rowid NOT IN ({given})"
        ledger.take_back("cases", "same_case", f"SELECT _file, _row FROM _cases WHERE {again}")
        con.execute(f"DELETE FROM _cases WHERE {again}")


def _label_expr(con: duckdb.DuckDBPyConnection, mapping: Mapping, columns: _Columns, text: str) -> str:
    """1.0 or 0.0 of the label's text (SQL), NULL where it is missing.

    Raises:
        DataError: No ``source.positive``, and texts that are not a usual yes or no; or no positive at all.
    """
    levels = con.execute(
        f"SELECT lower({text}) AS level, count(*) FROM _flat WHERE level IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 "
        "LIMIT 50"
    ).fetchall()
    wanted = tuple(p.strip().lower() for p in mapping.flat.positive) if mapping.flat else ()
    seen = [value for value, _ in levels]
    if seen and not wanted and set(seen) <= set(_NEGATIVE):
        raise DataError(
            f"source.label={columns.label}: all {sum(n for _, n in levels)} values are "
            f"{' or '.join(repr(v) for v in seen)}, none means converted; a model needs cases of both: name another "
            "column, or export conversions too"
        )
    unknown = [] if wanted else [v for v in seen if v not in _POSITIVE and v not in _NEGATIVE]
    if unknown or (seen and not set(seen) & set(wanted or _POSITIVE)):
        raise DataError(
            f"source.label={columns.label}: which of its values mean converted? found: {', '.join(seen[:10])}; "
            "say it with source.positive=[VALUE]"
        )
    return f"CASE WHEN {text} IS NOT NULL THEN (lower({text}) IN ({literals(wanted or _POSITIVE)}))::DOUBLE END"


def _build_snapshots(frame: pd.DataFrame) -> pd.DataFrame:
    values = {
        "lead_id": frame["_case_id"].astype(object),
        "account_id": frame["_case_id"].astype(object),
        "cutoff": frame["_case_at"].astype("datetime64[us]"),
        "grid": "row",
        "label": frame["_case_label"].astype("float64"),
        "amount": float("nan"),
        "days_to_conversion": float("nan"),
        "age_days": float("nan"),
        "untouched": False,
        "position": frame["_case_n"].astype("int64"),
    }
    return pd.DataFrame(values, index=frame.index)[list(SNAPSHOT_COLUMNS)]
