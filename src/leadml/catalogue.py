"""The mappings in conf/source and in a --config-dir: their names, and what each says with all that it extends.

Beside `cli` and `config` the only module that knows Hydra and OmegaConf. Works while Hydra is set up, as it is within
a stage; `why_refused` also where it is not.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from leadml.errors import ConfigurationError

GROUP = "source"
# Parts of a mapping that are entries by name, on which the stages that list all mappings rely.
_NAMED = ("files", "leads", "touchpoints", "devices", "deny", "handled", "sensitive", "limits")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def source_names() -> list[str]:
    """The names that `source=NAME` accepts, sorted."""
    loader = GlobalHydra.instance().config_loader()
    return sorted(loader.get_group_options(GROUP, ObjectType.CONFIG))


def source_file(name: str, folders: Sequence[Path] = ()) -> Path | None:
    """The file of a mapping: that of a --config-dir comes before the shipped one, as for Hydra.

    ``folders``: where to look, in that order; Hydra's own unless some are given.
    """
    return next((f for folder in folders or _folders() if (f := folder / GROUP / f"{name}.yaml").is_file()), None)


def _folders() -> list[Path]:
    path = GlobalHydra.instance().config_loader().get_search_path().get_path()
    return [
        Path(e.path.removeprefix("file://")) for e in path if e.path and "://" not in e.path.removeprefix("file://")
    ]


def kind_of(node: dict[str, Any]) -> str | None:
    """Whole for what can be used alone, part for what joins another, None for pieces that others extend."""
    if node.get("kind") == "flat" or node.get("leads"):
        return "whole"
    return "part" if node.get("files") else None


def first_comment(name: str) -> str:
    """The first line of the mapping's file that is a comment of its own, without the sign; "" where there is none."""
    file = source_file(name)
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()[:2] if file else []
    told = [line.lstrip("# ").strip() for line in lines if line.startswith("#") and "@package" not in line]
    return told[0] if told else ""


def compose_source(names: Iterable[str]) -> dict[str, Any]:
    """What `source=[names]` comes to, as plain values; references such as ${paths.raw} stay as they are written.

    Raises:
        ConfigurationError: A file is not there, is no YAML, says nothing, or extends one that is not there.
    """
    whole: dict[str, Any] = {}
    for name in names:
        file = source_file(name) or f"conf/source/{name}.yaml"
        try:
            plain = _plain(name, ())
            wrong = _wrong(file) if plain is None and isinstance(file, Path) else ""
            node = {} if wrong else plain if plain is not None else _composed(name)
        except (HydraException, OmegaConfBaseException, ValueError, yaml.YAMLError, OSError) as error:
            raise ConfigurationError(f"{file} cannot be read: {told(error)}") from error
        wrong = wrong or _misshapen(node)
        if wrong:
            raise ConfigurationError(f"{file}{wrong}")
        whole = merged(whole, node)
    return whole


def _misshapen(node: dict[str, Any]) -> str:
    """Why what a file says is no mapping nor a piece of one, "" where it may be."""
    if not node:
        return " says nothing: write a mapping, or begin with defaults: [salesforce, _self_]"
    wrong = [key for key in _NAMED if not isinstance(node.get(key) or {}, dict)]
    files = node.get("files") if "files" not in wrong else None
    for name, entry in (files or {}).items():
        if not isinstance(entry or {}, dict):
            wrong.append(f"files.{name}")
        elif entry and not isinstance(entry.get("columns") or {}, dict):
            wrong.append(f"files.{name}.columns")
    return f": {', '.join(wrong)} must hold entries by name (NAME: ...)" if wrong else ""


def told(error: Exception) -> str:
    """What is wrong with a file in one line, with the place in it where YAML tells one."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None)
    if mark is None or not problem:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}: {problem} (YAML)"


def _composed(name: str) -> dict[str, Any]:
    node = OmegaConf.to_container(compose(f"{GROUP}/{name}"), resolve=False)
    found = node.get(GROUP) if isinstance(node, dict) else None
    return found if isinstance(found, dict) else {}


def _plain(name: str, above: tuple[str, ...], folders: Sequence[Path] = ()) -> dict[str, Any] | None:
    """The same read without Hydra, ten times as fast; None where its defaults list says more than names beside it."""
    file = source_file(name, folders)
    if file is None or name in above:
        return None  # Hydra has the words for it
    node = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)
    if node is None:
        return {}
    if not isinstance(node, dict):
        return None
    extended = node.pop("defaults", [])
    own = node.get(GROUP, {}) if "@package _global_" in file.read_text(encoding="utf-8")[:200] else node
    if not isinstance(extended, list) or not all(isinstance(e, str) and re.fullmatch(r"\w+", e) for e in extended):
        return None
    whole: dict[str, Any] = {}
    for entry in extended if "_self_" in extended else [*extended, "_self_"]:
        below = own if entry == "_self_" else _plain(entry, (*above, name), folders)
        if below is None:
            return None
        whole = merged(whole, below)
    return whole


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Named entries merged, everything else replaced: as Hydra composes one file over another."""
    both = dict(below)
    for key, value in above.items():
        under = both.get(key)
        both[key] = merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return both


# --- why Hydra refused a composition


def why_refused(error: Exception, names: Sequence[str], own: Sequence[Path], shipped: Path) -> str | None:
    """What is wrong with the files behind a composition that failed, in one line; None where they are not to blame.

    ``names``: those in ``source=[names]``. ``own``: the folders of --config-dir. Hydra need not be set up.
    """
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"{mark.name}, {told(error)}"
    for file in sorted(f for folder in own for f in folder.rglob("*.yaml")):
        wrong = _wrong(file)
        if wrong:
            return f"{file}{wrong}"
    if not names or GROUP not in str(error):
        return None
    folders = (*own, shipped)
    nodes = {name: _plain(name, (), folders) for name in names}
    known = {name: node for name, node in nodes.items() if node is not None}
    return None if len(known) < len(nodes) else _unfit(known, folders)


def _wrong(file: Path) -> str:
    """Why a file is no configuration, "" where it is one."""
    try:
        node = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)
    except yaml.YAMLError as error:
        return f", {told(error)}"
    except (ValueError, OSError) as error:
        return f" cannot be read as UTF-8: {told(error)}"
    if node is not None and not isinstance(node, dict):
        return " holds no settings by name: write NAME: VALUE"
    defaults = (node or {}).get("defaults", [])
    return "" if isinstance(defaults, list) else ": defaults must be a list, e.g. defaults: [salesforce, _self_]"


def _unfit(nodes: dict[str, dict[str, Any]], folders: Sequence[Path]) -> str | None:
    """Why these mappings make no source together: none has leads, or two cannot be merged."""
    written = f"source=[{','.join(nodes)}]"
    if len(nodes) == 1:
        name, node = next(iter(nodes.items()))
        if _misshapen(node):
            return f"{source_file(name, folders)}{_misshapen(node)}"
    if not any(kind_of(node) == "whole" for node in nodes.values()):
        return f"{written} has no leads: a part such as ga4 joins a CRM: source=[salesforce,ga4]"
    found = _clash(nodes)
    if found is None:
        return None
    key, first, second = found
    differently = f"{key} is {_shape(nodes[first], key)} in {first} and {_shape(nodes[second], key)} in {second}"
    if not all(kind_of(nodes[name]) == "whole" for name in (first, second)):
        return f"{written} cannot be joined: {differently}; write it as in {first}"
    files = sorted({f.stem for folder in folders for f in (folder / GROUP).glob("*.yaml")})
    parts = [name for name in files if kind_of(_plain(name, (), folders) or {}) == "part"]
    return (
        f"{written} names two CRMs, which define the same piece differently: {differently}; name one CRM, then the "
        f"parts that join it ({', '.join(parts)}), e.g. source=[{first},{(parts or ['ga4'])[-1]}]"
    )


def _clash(nodes: dict[str, dict[str, Any]]) -> tuple[str, str, str] | None:
    """The first key that is a list in one mapping and entries by name in another before or after it, and both."""
    seen: dict[str, tuple[str, type]] = {}
    for name, node in nodes.items():
        for key, kind in _shapes(node):
            before, other = seen.setdefault(key, (name, kind))
            if other is not kind:
                return key, before, name
    return None


def _shapes(node: dict[str, Any], above: str = "") -> Iterator[tuple[str, type]]:
    for key, value in node.items():
        if isinstance(value, (dict, list)):
            yield f"{above}{key}", type(value)
        if isinstance(value, dict):
            yield from _shapes(value, f"{above}{key}.")


def _shape(node: dict[str, Any], key: str) -> str:
    return "a list" if dict(_shapes(node))[key] is list else "entries by name"
