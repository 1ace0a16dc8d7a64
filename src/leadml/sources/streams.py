"""The bytes of a file: unpacked where they are packed, decoded, digested and counted."""

import codecs
import gzip
import hashlib
import io
import shutil
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

import numpy as np
import pyarrow as pa

from leadml.errors import DataError

# Stands for bytes that cannot be decoded: no valid text holds a lone surrogate.
MARK = "\udcff"
_MARKING = "leadml.marking"
_BLOCK = 1 << 20
_PACKED = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BROKEN = (OSError, EOFError, zlib.error)

codecs.register_error(_MARKING, lambda error: (MARK, error.end))  # type: ignore[attr-defined]  # a UnicodeError


def packing_of(path: Path) -> str:
    """How a file is packed, by its first bytes: gzip, zstd or none."""
    with path.open("rb") as stream:
        head = stream.read(4)
    return next((name for mark, name in _PACKED if head.startswith(mark)), "none")


@contextmanager
def open_bytes(path: Path, packing: str) -> Iterator[BinaryIO]:
    """A file's bytes, unpacked.

    Raises:
        DataError: The packed file is cut off or damaged.
    """
    try:
        if packing == "gzip":
            with gzip.open(path, "rb") as stream:
                yield stream  # type: ignore[misc]  # a GzipFile is a BinaryIO but for its stubs
        elif packing == "zstd":
            with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as packed:
                yield io.BufferedReader(packed, _BLOCK)
        else:
            with path.open("rb") as stream:
                yield stream
    except _BROKEN as error:
        if packing == "none":
            raise DataError(f"{path.name} cannot be read ({type(error).__name__}): copy it again") from error
        raise DataError(f"{path.name} is cut off or damaged ({packing}): export or copy it again") from error


@contextmanager
def open_text(path: Path, packing: str, encoding: str) -> Iterator[TextIO]:
    """A file's text, line ends as they are; what cannot be decoded is `MARK`."""
    with open_bytes(path, packing) as stream:
        yield io.TextIOWrapper(stream, encoding=encoding, errors=_MARKING, newline="")


def read_head(path: Path, packing: str, size: int = 1 << 16) -> bytes:
    """The first bytes of a file, unpacked.

    Raises:
        DataError: The packed file is cut off or damaged.
    """
    with open_bytes(path, packing) as stream:
        return stream.read(size)


def marked_encoding(head: bytes) -> str:
    """The encoding that a byte-order mark tells, or ""."""
    return next((name for mark, name in _BOMS if head.startswith(mark)), "")


def rewrite_text(path: Path, packing: str, encoding: str, target: Path) -> bool:
    """Writes a file's text as UTF-8, unpacked, line ends as they are; False where a byte of it cannot be decoded."""
    try:
        with (
            open_bytes(path, packing) as stream,
            io.TextIOWrapper(stream, encoding=encoding, newline="") as text,
            target.open("w", encoding="utf-8", newline="") as out,
        ):
            shutil.copyfileobj(text, out, _BLOCK)
    except UnicodeError:
        return False
    return True


def guess_encoding(path: Path, packing: str) -> str:
    """utf-8 where all bytes are, or where most letters beyond ASCII are; else cp1252.

    Exports cut long texts at a number of bytes: one half letter does not make a file cp1252, in which two letters
    beyond ASCII hardly ever look like one of UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(_MARKING)
    good = bad = 0
    with open_bytes(path, packing) as stream:
        while block := stream.read(_BLOCK):
            text = decoder.decode(block)
            broken = text.count(MARK)
            bad += broken
            good += len(text) - len(text.encode("ascii", "ignore")) - broken
    return "utf-8" if good >= bad else "cp1252"


class Survey:
    """One pass over a file in a thread of its own: the SHA-256 of its bytes, and the lines of its (unpacked) text."""

    def __init__(self, path: Path, packing: str = "none", lines: bool = False) -> None:
        """``lines``: whether lines are counted at all."""
        self._path, self._packing, self._count = path, packing, lines
        self._thread: threading.Thread | None = None
        self._failed: DataError | None = None
        self._sha256, self._lines = "", 0

    def start(self) -> None:
        """Begin, unless it has."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file as it lies there."""
        self._wait()
        return self._sha256

    @property
    def lines(self) -> int:
        """The number of line feeds, and one more where the last line has none."""
        self._wait()
        return self._lines

    def _wait(self) -> None:
        self.start()
        if self._thread is not None:
            self._thread.join()
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        try:
            digest, lines = hashlib.sha256(), _Lines()
            with open_bytes(self._path, "none") as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
                    if self._count and self._packing == "none":
                        lines.add(block)
            self._sha256 = digest.hexdigest()
            if self._count and self._packing != "none":
                with open_bytes(self._path, self._packing) as stream:
                    while block := stream.read(_BLOCK):
                        lines.add(block)
            self._lines = lines.total
        except DataError as error:
            self._failed = error


class _Lines:
    def __init__(self) -> None:
        self.ends, self.last = 0, b"\n"

    def add(self, block: bytes) -> None:
        # Not bytes.count: this one lets go of the interpreter's lock.
        self.ends += int(np.count_nonzero(np.frombuffer(block, np.uint8) == 10))
        self.last = block[-1:]

    @property
    def total(self) -> int:
        return self.ends + (self.last != b"\n")
