"""When a source is too broken to go on with: nothing usable is left, or a quarantine rule took more than its share."""

from typing import Any

import duckdb

from leadml.errors import DataError
from leadml.sources.report import SourceReport
from leadml.sources.spec import Mapping

# A handful of bad rows is for the quarantine, whatever share of a small file they are.
FEW_ROWS = 10
_WORST = 3


def check_usable(mapping: Mapping, report: SourceReport) -> None:
    """Raise `DataError` where no row of a required file, or no lead, can be used."""
    for file in report.counts["files"]:
        broken: dict[str, int] = file["quarantined"]
        if file["rows"] and sum(broken.values()) == file["rows"] and mapping.files[file["name"]].required:
            raise DataError(
                f"none of the {file['rows']} rows of {file['path']} can be used ({_told(broken)}): {_way_out(broken)}"
            )
    leads: dict[str, Any] = report.counts["tables"]["leads"]
    if not leads["rows_out"]:
        raise DataError(
            f"no lead is left of {leads['rows_in']} rows ({_told(leads['lost']) or 'the file is empty'}): "
            "export the leads again"
        )


def check_limits(con: duckdb.DuckDBPyConnection, mapping: Mapping, report: SourceReport) -> None:
    """Raise `DataError` where a rule took more than its limit of a file's rows: the worst three, an example each.

    Files of one name in the mapping (the parts of a table) count together. A rule without a limit of its own that took
    fewer than `FEW_ROWS` rows is never too much. Examples come from the table ``quarantine``, which holds no personal
    values.
    """
    files: dict[str, list[dict[str, Any]]] = {}
    for file in report.counts["files"]:
        files.setdefault(file["name"], []).append(file)
    over = []
    for parts in files.values():
        total = sum(part["rows"] for part in parts)
        for rule in sorted({rule for part in parts for rule in part["quarantined"]}):
            rows, limit = sum(part["quarantined"].get(rule, 0) for part in parts), _limit(mapping, rule)
            few = rule not in mapping.limits and rows < FEW_ROWS
            if rows > limit * total and not few:
                worst = max(parts, key=lambda part: part["quarantined"].get(rule, 0))["path"]
                told = worst if len(parts) == 1 else f"{len(parts)} files such as {worst}"
                example = f"{rule} took {rows:,} rows ({rows / total:.0%}, limit {limit:.0%}) of {told}, e.g. "
                over.append((rows / total, rule, example + _example(con, worst, rule)))
    if not over:
        return
    over.sort(key=lambda o: (-o[0], o[1:]))
    told = "; ".join(example for _, _, example in over[:_WORST])
    hint = "Say when the export ends with source.exported_at=DATE. " if over[0][1] == "after_export" else ""
    rest = f" (and {len(over) - _WORST} more)" if len(over) > _WORST else ""
    raise DataError(
        f"{len(over)} quarantine rule(s) above their limit: {told}{rest}. {hint}Mend the export or the mapping, or "
        f"allow it with source.limits.{over[0][1]}={min(1.0, over[0][0] + 0.01):.2f}"
    )


def _limit(mapping: Mapping, rule: str) -> float:
    """The largest share that a rule may take; whoever says when the export ends wants the later rows out."""
    unless_named = 1.0 if rule == "after_export" and mapping.exported_at is not None else mapping.limits["default"]
    return mapping.limits.get(rule, unless_named)


def _example(con: duckdb.DuckDBPyConnection, path: str, rule: str) -> str:
    row = con.execute(
        'SELECT line, "column", value FROM quarantine WHERE file = ? AND rule = ? ORDER BY value IS NULL, line LIMIT 1',
        [path, rule],
    ).fetchone()
    line, column, value = row if row else (None, None, None)
    where = f"line {line}" if line is not None else "a row"
    return where + (f", {column}" if column else "") + (f" = {value[:80]!r}" if value else "")


def _way_out(rules: dict[str, int]) -> str:
    if "after_export" in rules:
        return "if the export ends later than its leads and touchpoints tell, say when with source.exported_at=DATE"
    return "export it again, or mend source.files and source.leads in the mapping"


def _told(rules: dict[str, int]) -> str:
    return ", ".join(f"{rule} {rows}" for rule, rows in sorted(rules.items()))
