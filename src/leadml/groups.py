"""Sensitive values as groups that can be compared: levels, stated bands of a number, decades of birth."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from leadml.features.values import parse_number
from leadml.reasons.levels import looks_personal

AGE_EDGES = (25.0, 35.0, 45.0, 55.0, 65.0)
FEW_NUMBERS = 6  # a number with no more distinct values is read by its values
MOST_LEVELS = 10
OTHER = "(other)"
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_NUMBERS = 0.9  # of the texts


@dataclass(frozen=True)
class Groups:
    """The group (n,) of each row, None where the value is missing; their names in order, and how they were made.

    ``made`` is "levels", "bands" (with ``edges``) or "decades".
    """

    of: np.ndarray
    names: tuple[str, ...]
    made: str
    edges: tuple[float, ...] = ()


def make_groups(values: pd.Series, topic: str | None, edges: Sequence[float] = ()) -> Groups:
    """Groups of texts (n,).

    With ``edges`` (rising), or for ages with `AGE_EDGES`, bands of the number: under the first, [first, second), ...,
    from the last on. Dates and years of birth by decade. Other numbers by quartiles of the rows, unless they have few
    values; anything else by its levels, the `MOST_LEVELS` with the most rows, the others and texts that look like a
    person's data together.
    """
    texts = values.astype("object").where(values.notna(), None)
    numbers = texts.map(lambda t: np.nan if t is None else parse_number(str(t).strip())).to_numpy(dtype=np.float64)
    present = texts.notna().to_numpy()
    numeric = bool(present.any()) and np.isfinite(numbers[present]).mean() >= _NUMBERS
    if topic == "birth" and not edges:
        return _decades(texts)
    if edges or (numeric and topic == "age"):
        return _bands(numbers, tuple(float(e) for e in (edges or AGE_EDGES)))
    if numeric and len(np.unique(numbers[np.isfinite(numbers)])) > FEW_NUMBERS:
        quartiles = np.quantile(numbers[np.isfinite(numbers)], [0.25, 0.5, 0.75], method="inverted_cdf")
        return _bands(numbers, tuple(np.unique(quartiles).tolist()))
    return _levels(texts)


def _bands(numbers: np.ndarray, edges: tuple[float, ...]) -> Groups:
    shown = [np.format_float_positional(e, trim="-") for e in edges]
    names = (f"< {shown[0]}", *(f"[{low}, {high})" for low, high in pairwise(shown)), f"≥ {shown[-1]}")
    place: np.ndarray = np.searchsorted(np.array(edges), np.nan_to_num(numbers), side="right")
    of: np.ndarray = np.array(names, dtype=object)[place]
    of[~np.isfinite(numbers)] = None
    return Groups(of, names, "bands", edges)


def _decades(texts: pd.Series) -> Groups:
    years = [None if t is None else _YEAR.search(str(t)) for t in texts]
    names = [None if year is None else f"{year[0][:3]}0-{year[0][:3]}9" for year in years]
    return Groups(np.array(names, dtype=object), tuple(sorted({n for n in names if n is not None})), "decades")


def _levels(texts: pd.Series) -> Groups:
    plain = texts.map(lambda t: None if t is None or not str(t).strip() else str(t).strip())
    counts = plain.value_counts(dropna=True)
    ordered = sorted(counts.index, key=lambda level: (-counts[level], level))
    names = [level for level in ordered if not looks_personal(level)][:MOST_LEVELS]
    known = set(names)
    of = np.array([None if pd.isna(t) else t if t in known else OTHER for t in plain], dtype=object)
    return Groups(of, (*names, OTHER) if len(names) < len(ordered) else tuple(names), "levels")
