"""Lines of YAML, written so that whatever a header or a level says is a plain text again when it is read."""

import json
import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[ /-][A-Za-z0-9_]+)*")
_WORDS = {"yes", "no", "on", "off", "true", "false", "null", "y", "n", "none"}


def quoted(text: str) -> str:
    """A text as a YAML scalar, in quotes wherever it could be read as something else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    # YAML reads every JSON string; ${ would begin a reference.
    return spelled(json.dumps(text.replace("${", "\\${"), ensure_ascii=False))


def spelled(text: str) -> str:
    """The text with what no reader could see as YAML's escapes: they could end a comment, or the file."""
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)


def listed(texts: Iterable[str]) -> str:
    """A list in one line."""
    return f"[{', '.join(quoted(t) for t in texts)}]"


def one_or_list(texts: Iterable[str]) -> str:
    """One text, or a list of them."""
    many = list(texts)
    return quoted(many[0]) if len(many) == 1 else listed(many)


def mapped(pairs: dict[str, str]) -> str:
    """Texts to texts in one line."""
    return "{" + ", ".join(f"{quoted(k)}: {quoted(v)}" for k, v in pairs.items()) + "}"


def indented(lines: Iterable[str], by: int = 2) -> list[str]:
    """The lines, further in."""
    return [" " * by + line if line else line for line in lines]


def doubted(lines: Iterable[str], why: str) -> list[str]:
    """The lines as comments under their reason: uncommented, they hold."""
    return [f"# ? {spelled(why)}", *(f"# {line}" for line in lines)]


def noted(line: str, note: str) -> str:
    """The line with a note behind it, where there is one."""
    return f"{line}   # {spelled(note)}" if note else line
