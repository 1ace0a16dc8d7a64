"""Columns of the leads' file that are read for the fairness audit alone, though no part of the mapping names them."""

from collections.abc import Sequence
from dataclasses import replace

from leadml.sources.custom import attribute_name
from leadml.sources.names import bare
from leadml.sources.spec import Attribute, Mapping


def with_audit_columns(mapping: Mapping, columns: Sequence[str]) -> Mapping:
    """The mapping with an attribute for each of the columns that it does not name, by its name in the audit.

    A name that an attribute of leads or accounts has stays as it is mapped, with its history. Any other is taken for a
    column of the leads' file, read as text, as it was at the export; that the mapping denies it as personal is
    overruled by asking for it by name, and it never becomes a feature (`features.audit_only`).
    """
    leads = mapping.leads
    if leads is None:
        return mapping
    known = set(_attributes(mapping).values())
    added = {c: n for c, n in audit_names(mapping, columns).items() if n not in known}
    found = [Attribute(name, column, "category") for column, name in added.items()]
    return replace(mapping, leads=replace(leads, attributes=(*leads.attributes, *found)))


def audit_names(mapping: Mapping, columns: Sequence[str]) -> dict[str, str]:
    """The attribute that each column of the audit is read as: the mapping's own of that name, else one of its own."""
    known = _attributes(mapping)
    return {c: known.get(bare(c), audit_name(c)) for c in columns}


def audit_name(column: str) -> str:
    """The name that a column has as an attribute."""
    return attribute_name(column, set())


def _attributes(mapping: Mapping) -> dict[str, str]:
    accounts = mapping.accounts.attributes if mapping.accounts is not None else ()
    leads = mapping.leads.attributes if mapping.leads is not None else ()
    return {bare(a.name): a.name for a in (*accounts, *leads)}
