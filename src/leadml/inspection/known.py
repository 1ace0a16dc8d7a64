"""What the known mappings say of files and columns, and which of the tables are theirs by the headers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from fnmatch import fnmatchcase
from typing import Any

from leadml.inspection import words
from leadml.inspection.measures import Look
from leadml.inspection.roles import Role
from leadml.inspection.words import fold
from leadml.sources.names import match_nested, split_nested

# Entries of a mapping whose texts are columns of the file in the nearest ``from``.
_COLUMN_KEYS = frozenset(
    (
        "id", "lead_id", "created_at", "email", "account_id", "merged_into", "deleted", "deleted_at", "column",
        "occurred_at", "known_at", "at", "value", "content", "amount", "currency", "reason", "field", "old", "new",
        "path_of", "domain_of", "winner", "loser", "rate",
    )
)  # fmt: skip
# Names that any export may have: they tell no vendor.
_EVERYWHERE = frozenset(
    (
        "id", "email", "name", "type", "kind", "status", "source", "date", "at", "time", "country", "city", "state",
        "title", "company", "phone", "leadid", "owner", "amount", "currency", "createdat", "created", "updatedat",
        "channel", "value", "field", "industry", "reason", "content", "url", "website", "accountid", "contactid",
    )
)  # fmt: skip
_LEAST_SHARE = 0.4
_LEAST_COLUMNS = 3
_FIXED_LETTERS = 8  # of a pattern that speaks for other exports too
ALIKE = 0.72
VERY_ALIKE = 0.88


@dataclass(frozen=True)
class KnownFile:
    """A file of a known mapping: each column with the names it may have, and which of them rows cannot do without."""

    source: str
    name: str
    patterns: tuple[str, ...]
    required: bool
    columns: dict[str, tuple[str, ...]]
    needed: frozenset[str]

    def header_of(self, column: str, header: tuple[str, ...]) -> str | None:
        """The header's name of a column, matched as an extract matches it; of a.b in a list or record the outer a."""
        for alias in self.columns.get(column, (column,)):
            found = match_nested(header, alias)
            if found is not None:
                return split_nested(header, found)[0]
        return None

    def fits(self, file_name: str) -> bool:
        """Whether its patterns find a file of this name."""
        return any(fnmatchcase(file_name.lower(), p.lower()) for p in self.patterns)


@dataclass(frozen=True)
class KnownSource:
    """A known mapping as it is composed: its files, the file of its leads (None for a part), what it denies."""

    name: str
    about: str
    files: dict[str, KnownFile]
    leads: str | None
    deny: dict[str, str] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()


@dataclass(frozen=True)
class Match:
    """A table that seems to be a known file: the columns that are there, and how sure that makes it (0 to 1)."""

    table: str
    file: KnownFile
    found: dict[str, str]
    share: float

    @property
    def absent(self) -> tuple[str, ...]:
        """The columns of the known file that the table does not have."""
        return tuple(c for c in self.file.columns if c not in self.found)


Recognised = list[tuple[KnownSource, dict[str, Match]]]
Refusal = tuple[Role, str]


def known_source(name: str, node: dict[str, Any]) -> KnownSource | None:
    """What a composed mapping says of files and columns; None for one without files (flat, word lists)."""
    files = node.get("files")
    if not isinstance(files, dict):
        return None
    named: dict[str, dict[str, bool]] = {f: {} for f, entry in files.items() if isinstance(entry, dict)}
    for file, column, needed in _columns(node, None):
        if file in named:
            named[file][column] = named[file].get(column, False) or needed
    made = {f: _known_file(name, f, files[f], columns) for f, columns in named.items()}
    leads = node.get("leads")
    deny = {k: str(v) for k, v in (node.get("deny") or {}).items() if v is not None and k.strip("*") not in ("", "__c")}
    sensitive = tuple(p.lower() for group in (node.get("sensitive") or {}).values() for p in _texts(group))
    owner = leads.get("from") if isinstance(leads, dict) else None
    return KnownSource(name, str(node.get("about") or ""), made, owner, deny, sensitive)


def _known_file(source: str, name: str, entry: dict[str, Any], named: dict[str, bool]) -> KnownFile:
    aliases = {k: _texts(v) for k, v in (entry.get("columns") or {}).items() if v is not None}
    columns = {c: aliases.get(c, (c,)) for c in (*named, *aliases) if "*" not in c}
    return KnownFile(
        source, name, _texts(entry.get("pattern")), entry.get("required", True) is not False, columns,
        frozenset(c for c, needed in named.items() if needed and c in columns),
    )  # fmt: skip


def _columns(node: Any, file: str | None) -> Iterator[tuple[str, str, bool]]:
    """Every (file, column, whether rows need it) that a mapping names, wherever it does."""
    if isinstance(node, list):
        for entry in node:
            yield from _columns(entry, file)
    if not isinstance(node, dict):
        return
    file = node["from"] if isinstance(node.get("from"), str) else file
    for key, value in node.items():
        if key == "files" and file is None:
            for name, entry in (value or {}).items():
                yield from ((name, c, True) for c in _texts((entry or {}).get("id")))
        elif key == "where" and file and isinstance(value, dict):
            yield from ((file, c, True) for c in value)
        elif key in _COLUMN_KEYS and file and not isinstance(value, dict):
            needed = key in ("lead_id", "created_at", "at", "occurred_at", "id", "field", "new", "winner", "loser")
            yield from ((file, c, needed and i == 0) for i, c in enumerate(_texts(value)))
        elif key == "ids" and file and isinstance(value, dict):
            yield from ((file, str(c), False) for c in value.values() if c is not None)
        elif key not in ("deny", "handled", "sensitive", "keywords", "values", "columns", "custom"):
            yield from _columns(value, file)


def _texts(value: Any) -> tuple[str, ...]:
    if value is None or isinstance(value, dict):
        return ()
    return tuple(str(v) for v in value) if isinstance(value, list | tuple) else (str(value),)


def refused_by(source: KnownSource, file: str, column: str) -> Refusal | None:
    """What a mapping says against a column of its own file: personal data or a leak, and why; None for nothing."""
    names = (f"{file}.{column}".lower(), column.lower())
    if any(fnmatchcase(n, p) for p in source.sensitive for n in names):
        return Role.personal, f"personal data for {source.name}"
    rules = {k.lower(): v for k, v in source.deny.items()}
    exact = next((rules[n] for n in names if n in rules), None)
    why = exact or next((v for k, v in rules.items() for n in names if fnmatchcase(n, k)), None)
    return (Role.leak, f"{why} ({source.name})") if why else None


def refused_elsewhere(sources: list[KnownSource], column: str) -> Refusal | None:
    """Why some known mapping refuses a column of this name, where the name is one that means the same everywhere."""
    folded = fold(column)
    if folded in _EVERYWHERE or words.words_of(column) & words.FIXED:
        return None
    for source in sources:
        for pattern, why in source.deny.items():
            named = pattern.rpartition(".")[2]
            if len(fold(named)) < (_FIXED_LETTERS if "*" in named else 4):
                continue
            if fnmatchcase(folded, "".join(c for c in named.lower() if c.isalnum() or c == "*")):
                return Role.leak, f"{why} (so {source.name} says of {pattern})"
    return None


def match_tables(looks: list[Look], source: KnownSource) -> dict[str, Match]:
    """The tables that are a source's files, by the file's name: the best pairs first, each table and file once."""
    pairs = []
    for file in source.files.values():
        for look in looks:
            found = {c: h for c in file.columns if (h := file.header_of(c, look.header)) is not None}
            match = Match(look.name, file, found, len(found) / max(1, len(file.columns)))
            named = file.fits(look.place.rsplit("/", 1)[-1])
            if _is_it(match, named):
                pairs.append((match.share + 0.3 * named + 0.01 * len(found), match))
    chosen: dict[str, Match] = {}
    for _, match in sorted(pairs, key=lambda p: (-p[0], p[1].file.name, p[1].table)):
        if match.file.name not in chosen and match.table not in {m.table for m in chosen.values()}:
            chosen[match.file.name] = match
    return chosen


def _is_it(match: Match, named: bool) -> bool:
    """Whether enough of the columns are there that only this known file has; fewer do where the file's name fits."""
    file = match.file
    own = [c for c in file.columns if fold(c) not in _EVERYWHERE]
    found = [c for c in own if c in match.found]
    needed = sum(c in match.found for c in file.needed) / max(1, len(file.needed))
    if len(found) >= min(_LEAST_COLUMNS, len(own)) and len(found) > _LEAST_SHARE * len(own) and needed >= _LEAST_SHARE:
        return bool(own) or named
    return named and needed > _LEAST_SHARE and match.share >= 0.5


def recognise(looks: list[Look], sources: list[KnownSource]) -> Recognised:
    """The known mapping whose leads are here and which explains most columns, then the parts that are here too."""
    scored = []
    for source in sources:
        matches = match_tables(looks, source)
        if matches and (source.leads is None or source.leads in matches):
            scored.append((sum(len(m.found) for m in matches.values()), source, matches))
    scored.sort(key=lambda s: (-s[0], s[1].name))
    whole = next(((s, m) for _, s, m in scored if s.leads is not None), None)
    if whole is None:
        return []
    taken = {m.table for m in whole[1].values()}
    chosen = [whole]
    for _, source, matches in scored:
        if source.leads is None and not {m.table for m in matches.values()} & taken:
            chosen.append((source, matches))
            taken |= {m.table for m in matches.values()}
    return chosen


def renamed(match: Match, look: Look, denied: Mapping[str, str]) -> dict[str, tuple[str, float]]:
    """Columns of the known file that the table may have under another name: column to (header, likeness to 1).

    A header that the known mapping has a reason to refuse is no candidate.
    """
    refused = {fold(k.rpartition(".")[2]) for k in denied}
    free = [h for h in look.header if h not in match.found.values() and fold(h) not in refused]
    likely: dict[str, tuple[str, float]] = {}
    pairs = [(_likeness(alias, h), c, h) for c in match.absent for alias in match.file.columns[c] for h in free]
    for score, column, header in sorted(pairs, key=lambda p: (-p[0], p[1], p[2])):
        if score >= ALIKE and column not in likely and header not in {h for h, _ in likely.values()}:
            likely[column] = (header, score)
    return likely


def _likeness(known: str, header: str) -> float:
    a, b = fold(known), fold(header)
    if not a or not b or min(len(a), len(b)) < 3:
        return 0.0
    if len(a) >= 5 and (b.startswith(a) or b.endswith(a)):
        return 0.9
    return SequenceMatcher(None, a, b).ratio()
