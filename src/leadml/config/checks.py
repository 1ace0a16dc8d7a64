"""What settings of several groups are checked by."""

from itertools import pairwise
from typing import Any

from leadml.errors import ConfigurationError


def check_positive(**values: float | None) -> None:
    """Raise `ConfigurationError` naming every value that is not above 0 (None is skipped)."""
    bad = [f"{k.replace('__', '.')}={v}" for k, v in values.items() if v is not None and not v > 0]
    if bad:
        raise ConfigurationError(f"must be above 0: {', '.join(bad)}")


def check_fraction(**values: float) -> None:
    """Raise `ConfigurationError` naming every value outside (0, 1)."""
    bad = [f"{k.replace('__', '.')}={v}" for k, v in values.items() if not 0 < v < 1]
    if bad:
        raise ConfigurationError(f"must be between 0 and 1, ends excluded: {', '.join(bad)}")


def check_pattern(setting: str, pattern: str) -> None:
    """Raise `ConfigurationError` for what the engine does not read as a regular expression (its syntax is RE2's)."""
    import duckdb  # here: the other settings are checked without loading it

    try:
        duckdb.connect().execute("SELECT regexp_matches('', ?)", [f"(?i){pattern}"])
    except duckdb.Error as error:
        why = " ".join(str(error).split())
        raise ConfigurationError(f"{setting}={pattern!r} is no regular expression of RE2's: {why}") from error


def rising(values: list[Any]) -> bool:
    """Whether these are numbers, at least one, each above the one before."""
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    return bool(values) and numbers and all(a < b for a, b in pairwise(values))
