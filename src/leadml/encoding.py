"""Feature frame to numeric matrix, with levels learnt on the training rows only.

Categories become codes (floats, NaN for missing) in the order of their names, so that LightGBM reads them as native
categoricals. Rare levels are folded into ``(other)``; a level never seen in training is read as ``(other)`` where the
feature has it, else as missing. Nothing is imputed: trees split on missing values themselves.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from leadml.errors import ArtifactError, DataError
from leadml.features.dictionary import Feature, Kind

if TYPE_CHECKING:
    import pyarrow as pa

OTHER = "(other)"


@dataclass(frozen=True)
class Encoder:
    """What turns a feature frame into the model's matrix: features in order, and each category's levels.

    ``dropped`` names the features that were constant or empty on the training rows; they are not in ``features``.
    """

    features: tuple[Feature, ...]
    levels: Mapping[str, tuple[str, ...]]
    dropped: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Feature names, in the matrix' column order."""
        return [f.name for f in self.features]

    @property
    def categorical(self) -> list[int]:
        """Matrix columns that hold category codes."""
        return [j for j, f in enumerate(self.features) if f.kind is Kind.CATEGORY]

    def encode(self, X: pd.DataFrame, rows: np.ndarray | None = None) -> np.ndarray:
        """Float64 matrix (n, k) in C order; columns are taken by name, so their order in ``X`` is of no matter.

        ``rows`` are positions of the n rows wanted, all without: no second frame is made of them. Infinite numbers
        become missing. Raises `ArtifactError` naming every feature that ``X`` lacks, or every number feature that holds
        text.
        """
        self._check(X)
        matrix = np.empty((len(X) if rows is None else len(rows), len(self.features)), dtype=np.float64)
        for j, feature in enumerate(self.features):
            column = _taken(X[feature.name], rows)
            if feature.kind is Kind.CATEGORY:
                matrix[:, j] = level_codes(column, self.levels[feature.name])
            else:
                matrix[:, j] = number_values(column)
        return matrix

    def _check(self, X: pd.DataFrame) -> None:
        missing = sorted(set(self.names) - set(X.columns))
        if missing:
            raise ArtifactError(
                f"{len(missing)} of {len(self.names)} feature columns are missing: {', '.join(missing)}; "
                "build the features with the configuration that the model was trained with"
            )

    def columns(self, X: pd.DataFrame, rows: np.ndarray | None = None) -> "pa.Table":
        """The matrix as an Arrow table of float64 columns f0, f1, ...: numbers of all rows are read where they are.

        What LightGBM learns from, where a matrix of everything would be a second copy. Raises as `encode`.
        """
        import pyarrow as pa

        self._check(X)
        arrays = []
        for feature in self.features:
            column = _taken(X[feature.name], rows)
            if feature.kind is Kind.CATEGORY:
                values = level_codes(column, self.levels[feature.name])
            else:
                values = number_values(column)
            arrays.append(pa.array(values))
        return pa.table(arrays, names=[f"f{j}" for j in range(len(arrays))])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "features": [f.to_dict() for f in self.features],
            "levels": {name: list(levels) for name, levels in self.levels.items()},
            "dropped": list(self.dropped),
        }

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "Encoder":
        """The inverse of `to_dict`; raises `ArtifactError` where a category has no levels."""
        features = tuple(Feature.from_dict(f) for f in entry["features"])
        levels = {str(name): tuple(map(str, values)) for name, values in entry["levels"].items()}
        bare = sorted(f.name for f in features if f.kind is Kind.CATEGORY and f.name not in levels)
        if bare:
            raise ArtifactError(
                f"{len(bare)} category features have no levels: {', '.join(bare)}; train the model again"
            )
        return cls(features, levels, tuple(entry.get("dropped", ())))


def fit_encoder(
    X: pd.DataFrame,
    features: Sequence[Feature],
    min_level_rows: int,
    max_levels: int,
    rows: np.ndarray | None = None,
) -> Encoder:
    """Encoder learnt on ``rows`` of ``X`` (all without), which must be training rows only.

    Args:
        X: feature frame (at least the features).
        features: what to encode, in the order of the matrix.
        min_level_rows: a level with fewer rows is folded into ``(other)``.
        max_levels: most levels kept; the most frequent ones, ties by name.
        rows: positions (n,).

    Raises:
        ArtifactError: a feature's column is missing, or a number feature holds text.
        DataError: no feature varies on these rows.
    """
    missing = sorted({f.name for f in features} - set(X.columns))
    if missing:
        raise ArtifactError(
            f"{len(missing)} feature columns are missing: {', '.join(missing)}; build the features again"
        )
    kept, levels, dropped = [], {}, []
    for feature in features:
        if feature.kind is Kind.CATEGORY:
            found = frequent_levels(_taken(X[feature.name], rows), min_level_rows, max_levels)
            values = level_codes(_taken(X[feature.name], rows), found)
        else:
            found, values = (), number_values(_taken(X[feature.name], rows))
        if not _varies(values):
            dropped.append(feature.name)
            continue
        kept.append(feature)
        if feature.kind is Kind.CATEGORY:
            levels[feature.name] = found
    if not kept:
        raise DataError(
            f"none of the {len(features)} features varies on the {len(X if rows is None else rows)} training rows; "
            "check the source's mapping"
        )
    return Encoder(tuple(kept), levels, tuple(dropped))


def frequent_levels(column: pd.Series, min_rows: int, most: int) -> tuple[str, ...]:
    """Levels of at least ``min_rows`` rows, at most ``most``, sorted by name; ``(other)`` last if any were folded."""
    codes, texts = _distinct(column)
    counts: Counter[str] = Counter()
    for text, rows in zip(texts, np.bincount(codes[codes >= 0], minlength=len(texts)).tolist(), strict=True):
        if rows:
            counts[text] += rows
    ranked = sorted((-n, level) for level, n in counts.items() if level != OTHER)
    kept = sorted(level for negative, level in ranked[:most] if -negative >= min_rows)
    return (*kept, OTHER) if len(kept) < len(counts) else tuple(kept)


def level_codes(column: pd.Series, levels: tuple[str, ...]) -> np.ndarray:
    """Position of each value in ``levels`` as float64 (n,); unseen is ``(other)`` where there is one, else NaN."""
    codes, texts = _distinct(column)
    position = {level: float(i) for i, level in enumerate(levels)}
    unseen = position.get(OTHER, np.nan)
    # One more entry for missing values: their code is -1, the last.
    table = np.array([*(position.get(text, unseen) for text in texts), np.nan])
    return table[codes]


def level_texts(column: pd.Series) -> np.ndarray:
    """Each value's level as text (n,), object; None where missing."""
    codes, texts = _distinct(column)
    return np.array([*texts, None], dtype=object)[codes]


def number_values(column: pd.Series) -> np.ndarray:
    """Float64 (n,), NaN for missing and infinite values; raises `ArtifactError` where a value is text."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if not pd.api.types.is_numeric_dtype(column.dtype):
        numbers = pd.to_numeric(column, errors="coerce")
        bad = int((numbers.isna() & column.notna()).sum())
        if bad:
            raise ArtifactError(
                f"feature {column.name}: {bad} of {len(column)} values are not numbers; declare it a category"
            )
        column = numbers
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.isinf(values)
    return np.where(infinite, np.nan, values) if infinite.any() else values


def _taken(column: pd.Series, rows: np.ndarray | None) -> pd.Series:
    return column if rows is None else column.iloc[rows]


def _distinct(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Codes (n,), -1 for a missing value, and their texts; a text may stand twice, or for no row."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(), [
            str(text) for text in _as_text(pd.Series(column.cat.categories, dtype=object))
        ]
    codes, distinct = pd.factorize(_as_text(column))
    return codes, [str(text) for text in distinct]


def _as_text(column: pd.Series) -> pd.Series:
    """Values as text, missing kept missing; whole numbers are spelt without their ``.0``, truths in lower case."""
    if pd.api.types.is_float_dtype(column.dtype) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.astype("str").str.lower()
    text = column.astype("str")
    if pd.api.types.infer_dtype(column, skipna=True) in ("boolean", "mixed", "mixed-integer"):  # truths among others
        truths = column.map(lambda v: isinstance(v, (bool, np.bool_)))
        text = text.where(~truths, text.str.lower())
    return text


def _varies(values: np.ndarray) -> bool:
    """Whether there are two different values, missing counted as one of them."""
    present = values[~np.isnan(values)]
    return bool(present.size and (present.size < values.size or present.min() < present.max()))
