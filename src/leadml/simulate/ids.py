"""Identifiers as the tools write them: 18-character Salesforce ids and random hexadecimal ones."""

import numpy as np
import pyarrow as pa

_DIGITS = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", dtype=np.uint8)
_CHECK = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", dtype=np.uint8)
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_CHUNK_ROOM = 2**36  # numbers a chunk may use per object; 62**9 holds 190,000 chunks


def salesforce_ids(prefix: str, chunk: int, numbers: np.ndarray) -> pa.Array:
    """18-character ids: three of ``prefix``, ``5g0``, nine base-62 digits of (chunk, number), three check characters.

    A check character tells which of five characters are capitals (Salesforce, "15 to 18 character ids").

    Args:
        prefix: object prefix, such as ``00Q``.
        chunk: number of the chunk; the same number in two chunks gives two ids.
        numbers: integers in [0, 2**36).
    """
    rest = numbers.astype(np.int64) + chunk * _CHUNK_ROOM
    text = np.empty((len(rest), 18), dtype=np.uint8)
    text[:, :6] = np.frombuffer(f"{prefix}5g0".encode(), dtype=np.uint8)
    for place in range(14, 5, -1):
        rest, digit = np.divmod(rest, 62)
        text[:, place] = _DIGITS[digit]
    capital = (text[:, :15] >= ord("A")) & (text[:, :15] <= ord("Z"))
    text[:, 15:] = _CHECK[capital.reshape(-1, 3, 5) @ np.array([1, 2, 4, 8, 16])]
    return _strings(text)


def random_hex(rng: np.random.Generator, count: int, width: int = 32) -> pa.Array:
    """``count`` strings of ``width`` random hexadecimal digits."""
    return _strings(_HEX[rng.integers(0, 16, size=(count, width), dtype=np.uint8)])


def _strings(text: np.ndarray) -> pa.Array:
    """A matrix of character codes, one string a row, as an Arrow string array."""
    count, width = text.shape
    offsets = np.arange(count + 1, dtype=np.int32) * width
    data = np.ascontiguousarray(text)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))
