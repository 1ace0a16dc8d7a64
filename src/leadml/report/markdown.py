"""Texts, figures and settings as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from leadml.report.words import Words

_ESCAPED = str.maketrans({c: f"\\{c}" for c in "\\|`*<>[]"} | {"\n": " ", "\r": " "})


def plain(text: object) -> str:
    """A text of the data as Markdown shows it: no markup, no table's border, one line."""
    return str(text).translate(_ESCAPED)


def code(value: object) -> str:
    """A setting's value as code in a table."""
    return f"`{setting_text(value)}`".replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells are as they are given."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def listed(lines: Iterable[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def figure_words(figure: Mapping[str, Any] | None, decimals: int, words: Words) -> str:
    """A figure with its interval, a dash where there is none."""
    if not figure or figure.get("value") is None:
        return "–"
    value = words.number(figure["value"], decimals)
    if figure["low"] is None:
        return value
    low, high = (words.number(figure[end], decimals) for end in ("low", "high"))
    return f"{value} ({words.t('interval', low=low, high=high)})"


def setting_text(value: object) -> str:
    """A setting as conf/ writes it."""
    if isinstance(value, list):
        return f"[{', '.join(map(setting_text, value))}]"
    if isinstance(value, dict):
        return str(value)
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def cell_text(cell: tuple[str, str], words: Words) -> str:
    """A figure with its interval behind it."""
    value, interval = cell
    low, dash, high = interval.partition("\u2013")
    return f"{value} ({words.t('interval', low=low, high=high)})" if dash else value
