"""A mapping that extends known ones with only the lines that differ."""

from leadml.inspection.keys import View
from leadml.inspection.known import VERY_ALIKE, KnownSource, Match, Recognised, renamed
from leadml.inspection.lines import doubted, indented, listed, noted, quoted
from leadml.inspection.write import Proposal


def write_extension(name: str, views: dict[str, View], recognised: Recognised, more: list[str]) -> Proposal:
    """The text of a mapping over the recognised ones: other file names and other column names.

    ``more``: lines for tables that the known mappings do not have.
    """
    names = [source.name for source, _ in recognised]
    lines = [
        f"# Proposed by leadml inspect: the exports look like {' and '.join(names)}. What stands here is what differs;",
        '# lines that begin with "# ?" are not sure and say why. docs/sources.md explains every key.',
        f"defaults: [{', '.join([*names, '_self_'])}]",
        f"name: {quoted(name)}",
        f"about: {quoted(f'{names[0]}, with other names')}",
    ]
    files: list[str] = []
    missing: list[str] = []
    for source, matches in recognised:
        for file in source.files.values():
            match = matches.get(file.name)
            if match is not None:
                files += _file_lines(match, views[match.table], source, missing)
            elif file.required:
                missing.append(f"{file.name} ({', '.join(file.patterns)})")
                files += doubted([f"{file.name}: {{pattern: [FILE]}}"], "required, and no table here looks like it")
    lines += ["files:", *indented(files)] if any(not f.strip().startswith("#") for f in files) else files
    return Proposal("\n".join([*lines, *more]).rstrip() + "\n", tuple(missing))


def _file_lines(match: Match, view: View, source: KnownSource, missing: list[str]) -> list[str]:
    file, likely = match.file, renamed(match, view.look, source.deny)
    lines = []
    if not file.fits(view.look.place.rsplit("/", 1)[-1]):
        lines.append(f"pattern: {listed([view.look.pattern])}")
    columns: list[str] = []
    for column, (header, score) in likely.items():
        entry = f"{quoted(column)}: {listed([*file.columns[column], header])}"
        if column in file.needed or score >= VERY_ALIKE:
            columns.append(noted(entry, "alike in name: is it the same?"))
        else:
            columns += doubted([entry], "a little alike in name")
    lost = [c for c in match.absent if c in file.needed and c not in likely]
    missing += [f"{file.name}.{c}" for c in lost]
    for column in lost:
        columns += doubted([f"{quoted(column)}: [HEADER]"], "rows need it, and no column is named like it")
    if any(not c.startswith("#") for c in columns):
        lines += ["columns:", *indented(columns)]
    elif lines:
        lines += ["# columns:", *columns]
    elif columns:
        return [f"# ? {file.name}: columns that may have another name here", *(c for c in columns if "# ?" not in c)]
    return [f"{file.name}:", *indented(lines)] if lines else []
