"""One table with a row a case: the settings of `source=flat` that fit it."""

import json
import shlex

from leadml.inspection import words
from leadml.inspection.keys import View
from leadml.inspection.lines import listed, noted, quoted
from leadml.inspection.outcomes import outcome_column, won_levels
from leadml.inspection.parts import created_column
from leadml.inspection.roles import Column, Role
from leadml.inspection.settings import source_settings
from leadml.inspection.suspects import is_flag
from leadml.inspection.write import Proposal

# Texts that `source=flat` takes for a yes or a no by itself.
_UNDERSTOOD = {"1", "1.0", "0", "0.0", "true", "false", "yes", "no", "y", "n", "si", "sí"}


def label_column(view: View) -> Column | None:
    """The column that tells who converted: won and lost by words, else a yes or no, named like an outcome."""
    found = [c for c in view.of(Role.outcome) if c.outcome[0] or is_flag(c.measures)]
    ranks = {
        c.name: (is_flag(c.measures) and bool(c.words & words.WON), len(c.measures.levels) == 2, bool(c.outcome[0]))
        for c in found
    }
    return max(found, key=lambda c: ranks[c.name], default=outcome_column(view))


def flat_settings(view: View) -> dict[str, str | list[str]]:
    """The settings under ``source`` that the table needs; without a label where none could be found."""
    label = label_column(view)
    settings: dict[str, str | list[str]] = {}
    if label is not None:
        settings["label"] = label.name
        won = won_levels(label)
        if not {t.lower() for t in label.measures.levels} <= _UNDERSTOOD:
            settings["positive"] = list(won)
    created = created_column(view)
    if created is not None and not created.has(Role.leak):
        settings["time"] = created.name
    if view.id is not None:
        settings["lead_id"] = view.id.name
    taken = {str(v) for v in settings.values()}
    late = [c.name for c in view.of(Role.leak, Role.outcome) if c.name not in taken and not c.has(Role.empty)]
    if late:
        settings["exclude"] = late
    return settings


def flat_command(settings: dict[str, str | list[str]], path: str) -> str:
    """The command to paste: quoted for the shell, and for Hydra within it."""
    words_ = ["leadml", "run", "source=flat", shlex.quote(f"source.path={_value(path)}")]
    words_ += [shlex.quote(f"source.{key}={_value(value)}") for key, value in settings.items()]
    return " ".join(words_)


def _value(value: str | list[str]) -> str:
    if isinstance(value, list):
        return "[" + ",".join(_value(v) for v in value) + "]"
    plain = value.replace("_", "").replace("/", "").replace(".", "").replace("-", "")
    return (
        value if plain.isascii() and plain.isalnum() and not plain.isdigit() else json.dumps(value, ensure_ascii=False)
    )


def write_flat(name: str, view: View) -> Proposal:
    """The same settings as a mapping that extends flat."""
    settings = flat_settings(view)
    notes = {c.name: c.evidence for c in view.columns.values()}
    lines = [
        "# Proposed by leadml inspect: one table with a row a case. Read it before you use it.",
        "defaults: [flat, _self_]",
        f"name: {quoted(name)}",
        "path: null            # source.path=FILE on the command line",
    ]
    for key, value in settings.items():
        if key == "exclude":
            lines.append("exclude:   # they may tell more than was known at the time; take out of the list what was")
            lines += [noted(f"  - {quoted(v)}", notes[v]) for v in value]
        elif isinstance(value, list):
            lines.append(f"{key}: {listed(value)}")
        else:
            lines.append(noted(f"{key}: {quoted(value)}", notes[value]))
    if "label" not in settings:
        lines.append("# ? label: COLUMN   no column tells by its name or its texts who converted")
    lines += [line for line in source_settings([view]).lines if not line.startswith("decimal")]
    return Proposal("\n".join(lines) + "\n", () if "label" in settings else ("the label",))
