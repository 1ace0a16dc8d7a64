"""Files written piece by piece, in the encodings that the tools use."""

import codecs
from io import BytesIO
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

_OPTIONS = pc_csv.WriteOptions(quoting_style="all_valid")
# The byte-order mark and the codec of the files that are not plain UTF-8.
_ENCODINGS = {
    "Lead.csv": (codecs.BOM_UTF8, "utf-8"),
    "Account.csv": (b"", "cp1252"),
    "Contact.csv": (codecs.BOM_UTF16_LE, "utf-16-le"),
}


class _Sink:
    """A binary file that takes UTF-8 and writes another encoding; Arrow writes to it as to any file."""

    def __init__(self, path: Path) -> None:
        mark, codec = _ENCODINGS.get(path.name, (b"", "utf-8"))
        self.closed = False
        self._file = path.open("wb")
        self._file.write(mark)
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._codec = codec

    def write(self, data: bytes) -> int:
        """Encode and write; a character may be divided between two calls."""
        self._file.write(data if self._codec == "utf-8" else self._decode(data).encode(self._codec))
        return len(data)

    def flush(self) -> None:
        """Hand what is buffered to the system."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self.closed = True


class Files:
    """Open files of one folder by name, each made by its first table; closes all of them as a context manager."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._sinks: dict[str, _Sink] = {}
        self._csv: dict[str, pc_csv.CSVWriter] = {}
        self._parquet: dict[str, pq.ParquetWriter] = {}
        self.rows: dict[str, int] = {}

    def __enter__(self) -> "Files":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in (*self._csv.values(), *self._parquet.values()):
            writer.close()
        for sink in self._sinks.values():
            sink.close()

    def write(self, name: str, table: pa.Table) -> None:
        """Add rows to a CSV or Parquet file, by the end of its name; the first table gives the columns."""
        self.rows[name] = self.rows.get(name, 0) + len(table)
        if name.endswith(".parquet"):
            if name not in self._parquet:
                path = self._folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                self._parquet[name] = pq.ParquetWriter(path, table.schema, compression="zstd")
            if len(table):
                self._parquet[name].write_table(table)
            return
        if name not in self._csv:
            self._sinks[name] = _Sink(self._folder / name)
            self._csv[name] = pc_csv.CSVWriter(self._sinks[name], table.schema, write_options=_OPTIONS)
        self._csv[name].write_table(table)

    def write_cut(self, name: str, table: pa.Table, fields: np.ndarray) -> None:
        """Add rows of a CSV file that end after the given number of fields, as a broken transfer leaves them.

        No cell of ``table`` may hold a comma, a quote or a line break.
        """
        buffer = BytesIO()
        options = pc_csv.WriteOptions(include_header=False, quoting_style="all_valid")
        pc_csv.write_csv(table, buffer, options)
        lines = buffer.getvalue().decode().splitlines()
        for line, keep in zip(lines, fields.tolist(), strict=True):
            self._sinks[name].write((",".join(line.split(",")[:keep]) + "\n").encode())
        self.rows[name] += len(lines)
