"""Columns as the tools write them: Salesforce instants and dates, picked words, one-word columns."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leadml.simulate.company import DAY

# Any instant at or past this one stands for "never" and is written as an empty cell.
_UNWRITABLE = np.int64(253_402_300_800)


def stamp(seconds: np.ndarray, zone: str = ".000+0000") -> pa.Array:
    """Seconds since 1970 UTC as ``2024-07-01T09:30:12.000+0000``; null where `NEVER`."""
    empty = seconds >= _UNWRITABLE
    text = pa.array(np.where(empty, 0, seconds), mask=empty).cast(pa.timestamp("s")).cast(pa.string())
    return join(pc.utf8_replace_slice(text, 10, 11, "T"), zone)


def date(seconds: np.ndarray) -> pa.Array:
    """The UTC date of seconds since 1970 as ``2024-07-01``; null where `NEVER`."""
    empty = seconds >= _UNWRITABLE
    days = (np.where(empty, 0, seconds) // DAY).astype(np.int32)
    return pa.array(days, mask=empty).cast(pa.date32()).cast(pa.string())


def pick(options: Sequence[str | None], codes: np.ndarray) -> pa.Array:
    """The word of each code; an empty word is a null."""
    return pa.array([o or None for o in options], type=pa.string()).take(pa.array(codes))


def same(value: str | None, count: int) -> pa.Array:
    """One value in every row."""
    return pa.nulls(count, pa.string()) if value is None else pa.repeat(pa.scalar(value, pa.string()), count)


def where(mask: np.ndarray, yes: pa.Array | str | None, no: pa.Array | str | None) -> pa.Array:
    """``yes`` where the mask holds, else ``no``; None is a null."""
    arms = [pa.scalar(arm, pa.string()) if arm is None or isinstance(arm, str) else arm for arm in (yes, no)]
    return pc.if_else(pa.array(mask), *arms)


def join(*parts: pa.Array | str, sep: str = "") -> pa.Array:
    """Texts side by side; null where any part is."""
    return pc.binary_join_element_wise(*parts, sep)


def take(values: pa.Array, index: np.ndarray) -> pa.Array:
    """Rows of a column."""
    return values.take(pa.array(index))
