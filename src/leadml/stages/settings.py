"""Settings as stages pass them on: the recipe, plain values for JSON, the problem of a stored model."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from leadml.config import Config, ScorecardConfig
from leadml.errors import ConfigurationError
from leadml.problem import ColleagueConversion, ConversionEvent, ProblemConfig, Unit
from leadml.recipe import RecipeConfig
from leadml.scorecard import PointRule

# What a score means hangs on these: another one is another scale.
SCALE_KEYS = (
    "source",
    "unit",
    "conversion",
    "gap_days",
    "horizon_days",
    "active_days",
    "exits",
    "colleague_conversion",
)

FREE_KEYS = ("sooner_days",)  # of the problem, on which no label hangs


def recipe(config: Config) -> RecipeConfig:
    """The part of the settings that decides what is learnt."""
    return RecipeConfig(
        problem=config.problem,
        model=config.model,
        train=config.train,
        seed=config.seed,
        threads=config.engine.threads,
        ordered=bool(config.source.get("ordered", False)),
        card=read_card(config.scorecard),
    )


def read_card(scorecard: ScorecardConfig) -> tuple[PointRule, ...]:
    """The team's scorecard as rules; values in lower case."""
    return tuple(
        PointRule(
            tuple(r.features), r.points, r.at_least, r.at_most, frozenset(str(v).strip().casefold() for v in r.values)
        )
        for r in scorecard.rules
    )


def plain(value: Any) -> Any:
    """Enums, times and paths as text, for JSON."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, frozenset):
        return sorted(plain(v) for v in value)
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, Path) else value


def mapping_settings(config: Config) -> dict[str, Any]:
    """The source's settings without its place: moving a workspace does not make its tables stale."""
    settings: dict[str, Any] = plain({k: v for k, v in config.source.items() if k != "path"})
    return settings


def problem_settings(config: Config) -> dict[str, Any]:
    """The prediction problem as plain values, with the source's name; without the end of the data, which moves."""
    settings = {k: v for k, v in plain(asdict(config.problem)).items() if k != "data_end"}
    return settings | {"source": config.source.get("name")}


def feature_settings(config: Config) -> dict[str, Any]:
    """What features are built by, as plain values; without `reuse`, which changes none."""
    return {k: v for k, v in plain(asdict(config.features)).items() if k != "reuse"}


def check_extracted(config: Config, facts: Mapping[str, Any]) -> None:
    """Raise `ConfigurationError` where the settings are not those that the tables were extracted with.

    ``facts`` are extract.json's; of what an older extract did not note nothing is said.
    """
    now = {
        "problem": {k: v for k, v in problem_settings(config).items() if k not in FREE_KEYS},
        "features": feature_settings(config),
        "source": mapping_settings(config),
    }
    then = {"problem": facts["problem"], "features": facts.get("features"), "source": facts.get("mapping")}
    told = [
        _tell(f"{group}.{name}", asked, (then[group] or {}).get(name))
        for group, settings in now.items()
        if then[group] is not None
        for name, asked in sorted(settings.items())
        if asked != then[group].get(name)
    ]
    if told:
        raise ConfigurationError(
            f"{', '.join(told)}: run leadml extract with these settings first, or go on with those of the extract"
        )


def _tell(name: str, asked: Any, extracted: Any) -> str:
    if isinstance(asked, (dict, list)) and len(str(asked)) + len(str(extracted)) > 200:
        return f"{name} (not as extracted)"
    return f"{name}={asked} (extracted with {extracted})"


def model_problem(stored: dict[str, Any]) -> ProblemConfig:
    """The problem that a stored model was trained for."""
    settings = {k: v for k, v in stored.items() if k != "source"}
    words = {
        "unit": Unit(settings["unit"]),
        "conversion": ConversionEvent(settings["conversion"]),
        "colleague_conversion": ColleagueConversion(settings["colleague_conversion"]),
    }
    return ProblemConfig(**settings | words | {"data_end": None})
