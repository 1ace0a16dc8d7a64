"""What a reading of a source says about itself."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class SourceReport:
    """Files, counts and what was left out; plain values, so that it goes into a manifest as it is.

    ``files``: name, path relative to the source folder, sha256, rows.
    ``counts``: ``files`` (for each: rows = used + quarantined + ignored, by rule), ``tables`` (for each: rows_in +
    added - lost = rows_out, by rule) and ``values`` (texts of a number attribute that are no numbers).
    ``denied``: file, column, why. ``absent``: optional columns that the mapping names and the file does not have.
    ``data_end``: UTC without zone; rows from it on were quarantined.
    ``attributes``: for leads and accounts, name to kind. ``as_of_fields``: field of the history to kind.
    """

    files: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    denied: list[dict[str, str]] = field(default_factory=list)
    absent: list[dict[str, str]] = field(default_factory=list)
    data_end: datetime | None = None
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    as_of_fields: dict[str, str] = field(default_factory=dict)
