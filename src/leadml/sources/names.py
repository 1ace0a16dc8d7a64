"""Matching the names that a mapping gives with the names that an export's header has."""

import re
from collections.abc import Iterable


def match_name(header: Iterable[str], alias: str) -> str | None:
    """The header's name that an alias means: exactly it, else in any case, else by its letters and digits only.

    So "Lead Source", LeadSource and lead_source are one name. Of several that fit equally the first is taken.
    """
    names = list(header)
    for same in (str, str.casefold, bare):
        wanted = same(alias)
        if wanted and (found := next((n for n in names if same(n) == wanted), None)) is not None:
            return found
    return None


def match_nested(header: Iterable[str], alias: str) -> str | None:
    """As `match_name`; and ``a.b``, which no column is called, is found by the column a and given as ``A.b``."""
    names = list(header)
    found = match_name(names, alias)
    outer, _, key = alias.partition(".")
    if found is None and key and (column := match_name(names, outer)) is not None:
        return f"{column}.{key}"
    return found


def split_nested(header: Iterable[str], name: str) -> tuple[str, str]:
    """The column of a name that `match_nested` gave, and the key within it ("" for the column itself)."""
    names = set(header)
    if name in names:
        return name, ""
    cuts = [i for i, letter in enumerate(name) if letter == "."]
    return next(((name[:i], name[i + 1 :]) for i in cuts if name[:i] in names), (name, ""))


def bare(name: str) -> str:
    """A name by its letters and digits alone, in lower case."""
    return re.sub(r"[\W_]+", "", name.casefold())
