"""Columns that become attributes by pattern: a company's own fields come along without being named one by one."""

import re
from dataclasses import replace
from fnmatch import fnmatchcase

from leadml import schema
from leadml.sources.names import bare
from leadml.sources.needs import needed_columns
from leadml.sources.spec import Attribute, CustomRule, LeadsSpec, Mapping

AUTO = "auto"


def resolve_custom(mapping: Mapping, header: tuple[str, ...]) -> Mapping:
    """The mapping with an attribute of type "auto" for each column of the leads that a rule of ``custom`` takes.

    Left alone are columns that the mapping reads already, those that it denies, and those that are sensitive.
    """
    leads = mapping.leads
    if leads is None or not leads.custom:
        return mapping
    spec = mapping.files[leads.source]
    used = {c for name in mapping.conversions for c in needed_columns(mapping, name)[leads.source]}
    read = {bare(alias) for column in used for alias in (column, *spec.aliases(column))}
    names = {a.name for a in leads.attributes} | {*schema.LEADS.columns}
    found = []
    for column in (spec.own_name(h) for h in header):
        rule = custom_rule(leads, column)
        if not column or rule is None or bare(column) in read or mapping.denied(leads.source, column):
            continue
        name = attribute_name(column, names)
        names.add(name)
        found.append(Attribute(name, column, AUTO, history=rule.history))
    return replace(mapping, leads=replace(leads, attributes=(*leads.attributes, *found)))


def custom_rule(leads: LeadsSpec, column: str) -> CustomRule | None:
    """The first rule of ``custom`` that takes a column."""
    lower = column.lower()
    return next((r for r in leads.custom if any(fnmatchcase(lower, p.lower()) for p in r.columns)), None)


def attribute_name(column: str, taken: set[str]) -> str:
    """A column as a name: snake case, without Salesforce's __c, unlike every name taken."""
    bare = re.sub(r"__c$", "", column, flags=re.IGNORECASE)
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", bare)
    name = re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_") or "column"
    name = name if name[0].isalpha() else f"f_{name}"
    numbers = iter(range(2, len(taken) + 3))
    unique = name
    while unique in taken:
        unique = f"{name}_{next(numbers)}"
    return unique
