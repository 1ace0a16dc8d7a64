"""What is built from the tables."""

import re
from dataclasses import dataclass, field
from zoneinfo import available_timezones

from omegaconf import MISSING

from leadml.config.checks import check_pattern, check_positive
from leadml.errors import ConfigurationError
from leadml.problem import LONGEST_DAYS, repeated
from leadml.schema import FAMILIES


@dataclass
class ContentRule:
    """A named part of a site or of content, recognised by a regular expression, with its words."""

    pattern: str = MISSING
    en: str = MISSING
    es: str = MISSING


@dataclass
class OwnFeatureConfig:
    """A feature of the user's own: the file that computes it, and its entry in the dictionary.

    Exactly one of ``python`` (FILE.py:FUNCTION) and ``sql`` (FILE.sql); a relative path is from the working directory.
    """

    python: str | None = None
    sql: str | None = None
    kind: str = MISSING
    family: str = MISSING
    unit: str | None = None
    window_days: int | None = None
    en: str = MISSING
    es: str = MISSING
    effort: bool = False
    never: bool = False
    topic: str | None = None


def check_own(own: dict[str, OwnFeatureConfig]) -> None:
    """Raise `ConfigurationError` naming everything in ``features.own`` that cannot be; files are not looked at."""
    bad = []
    for name, one in own.items():
        found = []
        if not re.fullmatch(r"[a-z][a-z0-9_]*", str(name)):
            found.append("its name: lower-case letters, digits and _, a letter first")
        if (one.python is None) == (one.sql is None):
            found.append("exactly one of python=FILE.py:FUNCTION and sql=FILE.sql is needed")
        if one.python is not None and not re.fullmatch(r".+\.py:[A-Za-z_]\w*", one.python):
            found.append(f"python={one.python}: write FILE.py:FUNCTION")
        if one.sql is not None and not one.sql.endswith(".sql"):
            found.append(f"sql={one.sql}: name a file that ends in .sql")
        if one.kind not in ("number", "category"):
            found.append(f"kind={one.kind}: number or category")
        if one.family not in FAMILIES:
            found.append(f"family={one.family}: {', '.join(FAMILIES)}")
        if one.window_days is not None and one.window_days <= 0:
            found.append(f"window_days={one.window_days}: days above 0, or null for everything before the cutoff")
        if one.topic is not None and not re.fullmatch(r"[a-z][a-z0-9_]*", one.topic):
            found.append(f"topic={one.topic}: lower-case letters, digits and _, a letter first")
        found += [f"{word} is empty: its words are missing" for word in ("en", "es") if not getattr(one, word).strip()]
        bad += [f"features.own.{name}: {what}" for what in found]
    if bad:
        raise ConfigurationError("; ".join(bad))


@dataclass
class FeaturesConfig:
    """What is built from the tables."""

    windows: list[int] = MISSING
    half_lives: list[int] = MISSING
    content: dict[str, ContentRule] = MISSING
    kinds: list[str] = MISSING
    min_touchpoints: int = MISSING
    zone: str = MISSING
    zone_attribute: str | None = None
    zones: dict[str, str] = MISSING
    season: bool = MISSING
    reuse: bool = MISSING
    include_effort: bool = MISSING
    exclude: list[str] = MISSING
    sensitive: list[str] = field(default_factory=list)
    own: dict[str, OwnFeatureConfig] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_own(self.own)
        check_positive(features__min_touchpoints=self.min_touchpoints)
        strange = sorted({z for z in (self.zone, *self.zones.values()) if z not in available_timezones()})
        if strange:
            raise ConfigurationError(
                f"features.zone and features.zones name {len(strange)} unknown time zones: {', '.join(strange)}; "
                "write a name of the IANA database, such as Europe/Madrid"
            )
        for name, days in (("windows", self.windows), ("half_lives", self.half_lives)):
            if not days or not all(0 < d <= LONGEST_DAYS for d in days):
                raise ConfigurationError(f"features.{name}={days}: whole days from 1 to {LONGEST_DAYS}, at least one")
            if twice := repeated(days):
                raise ConfigurationError(f"features.{name}={days} names {twice} twice")
        for name, rule in self.content.items():
            check_pattern(f"features.content.{name}.pattern", rule.pattern)
