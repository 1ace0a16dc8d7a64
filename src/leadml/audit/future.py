"""Delete the future: features of the full export against features of the export without every later row.

Equality shows that our code looks at nothing that is dated later. It shows no more: what the source itself rewrote or
dated back is the same in both.
"""

import pandas as pd

from leadml.audit.writing import unequal

DISAGREEMENT = ["lead_id", "cutoff", "feature", "full", "rebuilt"]


def compare_features(full: pd.DataFrame, rebuilt: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """Every value that differs: ``lead_id``, ``cutoff``, ``feature``, ``full``, ``rebuilt`` (texts, None: missing).

    Values must be exactly equal, missing equals missing. A feature that only one of the frames has differs in every
    row. All frames are aligned row by row; ``keys`` has ``lead_id`` and ``cutoff``.

    Raises:
        ValueError: The frames are not of the same length.
    """
    if not len(full) == len(rebuilt) == len(keys):
        raise ValueError(f"{len(full)}, {len(rebuilt)} and {len(keys)} rows are not aligned")
    parts = []
    for name in dict.fromkeys([*full.columns, *rebuilt.columns]):
        nothing = pd.Series([None] * len(full), dtype=object)
        one, other = (f[name].reset_index(drop=True) if name in f else nothing for f in (full, rebuilt))
        wrong = unequal(one, other) if name in full and name in rebuilt else [True] * len(full)
        part = keys.reset_index(drop=True)[wrong][["lead_id", "cutoff"]]
        parts.append(part.assign(feature=name, full=_texts(one[wrong]), rebuilt=_texts(other[wrong])))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=DISAGREEMENT)


def _texts(values: pd.Series) -> pd.Series:
    texts = [None if pd.isna(v) else repr(v) if isinstance(v, float) else str(v) for v in values]
    return pd.Series(texts, index=values.index, dtype=object)
