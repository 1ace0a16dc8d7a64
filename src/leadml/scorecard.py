"""A rule of the team's own scorecard."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PointRule:
    """Points where the first present feature of ``features`` meets the condition.

    A number is compared with ``at_least`` or ``at_most`` (both inclusive), a category with ``values`` (in lower case);
    missing meets none.
    """

    features: tuple[str, ...]
    points: float
    at_least: float | None = None
    at_most: float | None = None
    values: frozenset[str] = frozenset()
