"""Reading a nested mapping with checks: every problem is collected, and all are raised at once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from leadml.errors import ConfigurationError

T = TypeVar("T")
_REQUIRED: Any = object()


@dataclass
class Problems:
    """What is wrong with a mapping, gathered while it is read."""

    found: list[str] = field(default_factory=list)

    def add(self, where: str, what: str) -> None:
        """Note one problem at a dotted place such as ``source.leads.from``."""
        self.found.append(f"{where}: {what}")

    def raise_any(self, name: str) -> None:
        """Raise one `ConfigurationError` that lists every problem, sorted, where there is any."""
        if self.found:
            listed = "; ".join(sorted(set(self.found)))
            raise ConfigurationError(
                f"source {name}: {len(set(self.found))} problem(s) in its mapping: {listed}. "
                "Mend the YAML file (or the override) that sets them"
            )


class Node:
    """One mapping of the YAML file: typed getters that note what is wrong and go on with a harmless value."""

    def __init__(self, entries: Any, where: str, problems: Problems) -> None:
        self.where = where
        self.problems = problems
        self._seen: set[str] = set()
        if not isinstance(entries, dict):
            if entries is not None:
                problems.add(where, f"expected a mapping, got {_kind(entries)}")
            entries = {}
        self._entries: dict[str, Any] = {str(k): v for k, v in entries.items()}

    def _get(self, key: str, default: Any) -> Any:
        self._seen.add(key)
        value = self._entries.get(key)
        if value is None and default is _REQUIRED:
            self.problems.add(f"{self.where}.{key}", "missing")
        return value

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self._entries.get(key) is not None

    def raw(self, key: str) -> Any:
        """The value as it is, for the few places with several shapes."""
        return self._get(key, None)

    def text(self, key: str, default: Any = _REQUIRED, allowed: Iterable[str] = ()) -> Any:
        """A text (numbers become text), optionally one of a list."""
        value = self._get(key, default)
        if value is None:
            return "" if default is _REQUIRED else default
        if not is_scalar(value):
            self.problems.add(f"{self.where}.{key}", f"expected a text, got {_kind(value)}")
            return ""
        value = scalar_text(value)
        if (options := sorted(allowed)) and value not in options:
            self.problems.add(f"{self.where}.{key}", f"{value!r} is not allowed; allowed: {', '.join(options)}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """A true or false."""
        value = self._get(key, default)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.problems.add(f"{self.where}.{key}", f"expected true or false, got {value!r}")
            return default
        return value

    def number(self, key: str) -> float:
        """A number."""
        value = self._get(key, _REQUIRED)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problems.add(f"{self.where}.{key}", f"expected a number, got {value!r}")
            return 1.0
        return float(value)

    def share(self, key: str) -> float:
        """A share, from 0 to 1."""
        value = self.number(key)
        if not 0 <= value <= 1:
            self.problems.add(f"{self.where}.{key}", f"expected a share from 0 to 1, got {value:g}")
        return value

    def texts(self, key: str, default: Any = _REQUIRED) -> tuple[str, ...]:
        """One text or a list of them."""
        value = self._get(key, default)
        if value is None:
            return () if default is _REQUIRED else tuple(default)
        values = value if isinstance(value, list | tuple) else [value]
        bad = [v for v in values if not is_scalar(v)]
        if bad:
            self.problems.add(f"{self.where}.{key}", f"expected a text or a list of texts, got {_kind(bad[0])} in it")
        return tuple(scalar_text(v) for v in values if is_scalar(v))

    def node(self, key: str, default: Any = None) -> "Node":
        """A nested mapping."""
        return Node(self._get(key, default), f"{self.where}.{key}", self.problems)

    def nodes(self, key: str, build: Callable[[str, "Node"], T], default: Any = None) -> dict[str, T]:
        """Named nested mappings, each built by ``build(name, node)``; a null one (an override) is left out."""
        outer = self.node(key, default)
        outer._seen = set(outer._entries)
        return {k: build(k, outer.node(k)) for k, v in outer._entries.items() if v is not None}

    def items(self) -> dict[str, Any]:
        """Every entry, for mappings whose keys are free."""
        self._seen = set(self._entries)
        return dict(self._entries)

    def done(self) -> None:
        """Note every key that nobody asked for."""
        unknown = sorted(set(self._entries) - self._seen)
        if unknown:
            self.problems.add(
                self.where, f"unknown key(s) {', '.join(unknown)}; allowed: {', '.join(sorted(self._seen))}"
            )


REQUIRED = _REQUIRED


def is_scalar(value: Any) -> bool:
    """Whether a YAML value is a text, number or true/false."""
    return isinstance(value, str | int | float | bool)


def scalar_text(value: Any) -> str:
    """A YAML scalar as text; true and false in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else repr(value)
