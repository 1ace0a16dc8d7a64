"""Who was champion after whom: the line that a history of promotions and rollbacks tells."""

from collections.abc import Mapping, Sequence
from typing import Any

ROLLBACK = "rollback"


def champion_line(history: Sequence[Mapping[str, Any]]) -> list[str]:
    """The champions' versions from the first to the one in place, as if what was rolled back had never been.

    A promotion puts its version at the end; a rollback cuts the line behind the version it went back to, or puts that
    one at the end where it is not in the line any more (a step forward again). A champion that the history did not see
    coming enters when it is replaced.

    Args:
        history: entries with ``by``, ``from`` (None: there was no champion) and ``to``, oldest first.
    """
    line: list[str] = []
    for entry in history:
        if entry["from"] is not None and (not line or line[-1] != entry["from"]):
            line.append(entry["from"])
        if entry["by"] == ROLLBACK and entry["to"] in line:
            line = line[: len(line) - line[::-1].index(entry["to"])]
        else:
            line.append(entry["to"])
    return line


def previous_champion(history: Sequence[Mapping[str, Any]], champion: str | None) -> str | None:
    """Whom a rollback restores: the one before ``champion`` in the line; None where there is none.

    ``champion`` is the version in place, None where that is broken or gone: then it is the last of the line.
    """
    line = champion_line(history)
    if champion is not None:
        if champion not in line:
            return line[-1] if line else None
        line = line[: len(line) - line[::-1].index(champion)]
    before = [version for version in line[:-1] if version != line[-1]]
    return before[-1] if before else None


def rolled_back(history: Sequence[Mapping[str, Any]]) -> set[str]:
    """Versions that a rollback took down and that nobody promoted since: train does not bring them back by itself."""
    down: set[str] = set()
    for entry in history:
        if entry["by"] == ROLLBACK and entry["from"] is not None:
            down.add(entry["from"])
        down.discard(entry["to"])
    return down
