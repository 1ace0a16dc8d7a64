"""What a reading of a source says about itself."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from leadml import schema
from leadml.sensitive import sensitive_topic
from leadml.sources.identity import Reading
from leadml.sources.spec import Attribute, Mapping
from leadml.sources.sql import ident


@dataclass
class SourceReport:
    """Files, counts and what was left out; plain values, so that it goes into a manifest as it is.

    ``files``: name, path relative to the source folder, sha256, rows.
    ``counts``: ``files`` (for each: rows = used + quarantined + ignored, by rule), ``tables`` (for each: rows_in +
    added - lost = rows_out, by rule) and ``values`` (texts of number attributes and amounts that became missing).
    ``denied``: file, column, why. ``handled``: the same for columns that mislead when read plainly, with how they are
    read instead. ``absent``: optional columns that the mapping names and the file does not have.
    ``data_end``: UTC without zone; rows from it on were quarantined.
    ``attributes``: for leads and accounts, name to kind. ``as_of_fields``: field of the history to kind.
    """

    files: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    denied: list[dict[str, str]] = field(default_factory=list)
    handled: list[dict[str, str]] = field(default_factory=list)
    absent: list[dict[str, str]] = field(default_factory=list)
    data_end: datetime | None = None
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    as_of_fields: dict[str, str] = field(default_factory=dict)


def build_report(reading: Reading, attributes: dict[str, dict[str, str]], as_of: dict[str, str]) -> SourceReport:
    """The report of a reading whose tables are made; closes the books, which makes ``quarantine``."""
    con, ledger = reading.con, reading.ledger
    for name in schema.TABLES:
        if name != schema.QUARANTINE.name:
            rows = con.execute(f"SELECT count(*) FROM {name}").fetchone()
            ledger.table(name).rows_out = rows[0] if rows else 0
    for count in ledger.tables.values():
        count.settle()
    files = [
        {"name": f.name, "path": f.path, "sha256": f.sha256, "rows": f.rows}
        for f in ledger.files
    ]  # fmt: skip
    counts = {
        "files": ledger.close(),
        "tables": {name: asdict(count) for name, count in ledger.tables.items()},
        "values": _not_numbers(reading),
    }
    denied, absent = _left_out(reading)
    untracked = _untracked(reading, as_of)
    unread = {(d["file"], d["column"]) for d in untracked}
    handled = [h for h in _handled(reading) if (h["file"], h["column"]) not in unread]
    return SourceReport(files, counts, untracked + denied, handled, absent, None, attributes, as_of)


def _owners(mapping: Mapping) -> list[tuple[str, tuple[Attribute, ...]]]:
    owners = [(spec.source, spec.attributes) for spec in (mapping.leads, mapping.accounts) if spec is not None]
    return owners


def _not_numbers(reading: Reading) -> dict[str, int]:
    """Texts of number attributes that are no numbers: they become missing."""
    found = {}
    for source, attributes in _owners(reading.mapping):
        for attribute in attributes if source in reading.raw else ():
            column = ident(attribute.column)
            if attribute.type == "number" and attribute.column in reading.raw[source].present:
                raw = reading.raw[source]
                bad = reading.con.execute(
                    f"SELECT count(*) FROM {raw.table} WHERE {column} IS NOT NULL "
                    f"AND {raw.number(attribute.column)} IS NULL"
                ).fetchone()
                if bad and bad[0]:
                    found[f"{source}.{attribute.column}"] = bad[0]
    if reading.con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = '_conversions'").fetchone():
        lost = "SELECT count(*) FROM _conversions WHERE amount IS NULL AND _amount_given IS NOT NULL"
        unread = reading.con.execute(lost).fetchone()
        if unread and unread[0]:
            found["amounts that are no number or have no rate"] = unread[0]
    return found


def _handled(reading: Reading) -> list[dict[str, str]]:
    """The mapping's ``handled`` columns of the files that were read."""
    named = [(*key.split(".", 1), why) for key, why in reading.mapping.handled.items()]
    return [{"file": f, "column": c, "why": why} for f, c, why in named if f in reading.raw]


def _untracked(reading: Reading, as_of: dict[str, str]) -> list[dict[str, str]]:
    """Columns that change and whose changes the files do not have."""
    spec, found = reading.mapping.leads, []
    for attribute in spec.attributes if spec is not None else ():
        if spec is None or attribute.history is None or attribute.name in as_of:
            continue
        if attribute.column in reading.raw[spec.source].present:
            why = (
                f"no change of it in {attribute.history}: tracking seems to be off, so its value is only known as of "
                f"the export; {attribute.column} in source.keep uses it all the same, if it never changes"
            )
            found.append({"file": spec.source, "column": attribute.column, "why": why})
    return found


def _left_out(reading: Reading) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Columns of the files that never become attributes, with why; and columns of the mapping that no file has.

    Of files that no lead or account is read from, those that a rule denies and those of a sensitive name.
    """
    mapping, denied, absent = reading.mapping, [], []
    owners = dict(_owners(mapping))
    for name, raw in sorted(reading.raw.items()):
        carried = {h.lower() for a in owners.get(name, ()) for h in mapping.files[name].aliases(a.column)}
        for header in raw.headers:
            why = mapping.denied(name, header)
            free = header not in raw.used_headers
            named = why or name in owners or sensitive_topic(header)
            if header.lower() not in carried and ((named and free) or (why and name in owners)):
                denied.append({"file": name, "column": header, "why": why or "not in the mapping"})
        absent += [{"file": name, "column": c} for c in sorted(raw.wanted - raw.present)]
    return denied, absent
