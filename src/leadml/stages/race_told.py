"""What the race of champion and challenger says on the console and in MLflow."""

from collections.abc import Iterator
from typing import Any

from leadml.stages.racing import RETRAINED, SAME, WRITTEN


def race_lines(race: dict[str, Any] | None) -> Iterator[str]:
    """What the console says of the race."""
    if race is None:
        return
    if "why_not" in race:
        yield f"no race against the champion {race['against']}: {race['why_not']}"
        return
    how = {
        WRITTEN: "by the scores that it wrote at the time",
        RETRAINED: "by its recipe retrained as of the test's start",
        SAME: "its recipe is this one, so as of the test's start both are one model",
    }[race["by"]]
    left_out = f", {race['left_out']:,} rows without its score left out" if race["left_out"] else ""
    yield (
        f"race against the champion {race['against']} on {race['rows']:,} rows of {race['lists']} lists{left_out}, "
        f"{how}: {race['why']}"
    )
    yield from (f"the champion was retrained {note}" for note in race["notes"])


def race_metrics(race: dict[str, Any] | None) -> dict[str, float]:
    """For MLflow: the differences with their interval ends, the age, the drift."""
    if race is None or "why_not" in race:
        return {}
    metrics = {
        f"race_{name}_difference{suffix}": figure[key]
        for name, figure in race["difference"].items()
        for key, suffix in (("value", ""), ("low", "_low"), ("high", "_high"))
        if figure[key] is not None
    }
    metrics |= {} if race["age_days"] is None else {"race_champion_age_days": race["age_days"]}
    return metrics | ({} if race["drift"] is None else {"race_champion_drift": race["drift"]["ratio"]})


def race_tags(race: dict[str, Any] | None) -> dict[str, str]:
    """For MLflow: against whom, how, and what came of it."""
    if race is None:
        return {}
    told = {"race": race.get("verdict", "none"), "race_by": race.get("by", "-"), "race_why": race.get("why_not", "")}
    return {"race_champion": race["against"]} | told | ({"race_why": race["why"]} if "why" in race else {})
