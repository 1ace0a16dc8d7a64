"""sources: the mappings that there are, and what of them lies in the folder of exports."""

from typing import Any

from leadml.catalogue import compose_source, first_comment, kind_of, source_names
from leadml.config import Config
from leadml.errors import ConfigurationError, LeadmlError
from leadml.progress import Progress
from leadml.sources.files import find_files
from leadml.sources.spec import FileSpec

STEPS = (
    ("look", "leadml inspect FOLDER                     what unknown exports are, and a mapping for them"),
    ("show", "leadml extract source=NAME --cfg job      a mapping with everything that it inherits"),
    ("join", "leadml extract source=[NAME,PART]         one CRM first, then the parts that add to it"),
    ("extend", "a file conf/source/mine.yaml that begins with `defaults: [NAME, _self_]` and says what differs"),
    ("explain", "docs/sources.md                           how to write one, and every key"),
)


def run(config: Config) -> None:
    """Lists every mapping of conf/source and of a --config-dir, with the files that it finds in source.path."""
    progress = Progress()
    folder = str(config.source.get("path") or config.paths.raw)
    rows: dict[str, list[list[str]]] = {"whole": [], "part": [], "broken": []}
    for name in source_names():
        try:
            node = compose_source([name])
        except ConfigurationError as error:
            rows["broken"].append([name, str(error)])
            continue
        kind = kind_of(node)
        if kind is not None:
            rows[kind].append([name, str(node.get("about") or first_comment(name)), found_text(node, folder)])
    heads = ["name", "what it is", f"found in {folder}"]
    progress.table("Mappings: source=NAME", heads, rows["whole"])
    if rows["part"]:
        progress.table("Parts, which join one of them: source=[NAME,PART]", heads, rows["part"])
    progress.console.print()
    for name, why in rows["broken"]:
        progress.say("broken", f"{name}: {why}")
    for word, line in STEPS:
        progress.say(word, line)


def found_text(node: dict[str, Any], folder: str) -> str:
    """Which of a mapping's files are in the folder (or database), and which required ones are missing."""
    if node.get("kind") == "flat":
        return "any one table: source.path=FILE source.label=COLUMN"
    entries = {n: e for n, e in node["files"].items() if isinstance(e, dict)}
    specs = {n: file_spec(n, e) for n, e in entries.items()}
    try:
        places = find_files(folder, specs)
    except LeadmlError:
        return "-"
    found = [n for n in entries if places[n]]
    lacking = [n for n, e in entries.items() if e.get("required", True) is not False and not places[n]]
    if not found:
        return "none of its files"
    told = f"{len(found)} of {len(entries)}: {', '.join(found)}"
    return f"{told}; required and missing: {', '.join(lacking)}" if lacking else told


def file_spec(name: str, entry: dict[str, Any]) -> FileSpec:
    """As much of a file's entry as finds it; never required, so that what is missing is told and not raised."""
    patterns = entry.get("pattern") or []
    listed = patterns if isinstance(patterns, list) else [patterns]
    return FileSpec(name, tuple(map(str, listed)), required=False, table=entry.get("table"), query=entry.get("query"))
