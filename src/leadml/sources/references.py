"""Names in a mapping that point elsewhere in it must point at something; denied columns stay out of the attributes."""

from collections.abc import Collection, Iterator
from zoneinfo import ZoneInfo

from leadml.sources.checked import Problems
from leadml.sources.spec import PERSONAL, Attribute, Key, LeadsSpec, Mapping, Sourced

# Ids that a part such as ga4 looks for and that not every CRM carries.
_COMMON_KINDS = ("click", "user")


def check_zones(mapping: Mapping, problems: Problems) -> None:
    """Note every time zone that nobody knows."""
    zones = {"source.timezone": mapping.timezone}
    zones |= {f"source.files.{f.name}.timezone": f.timezone for f in mapping.files.values() if f.timezone}
    for where, zone in zones.items():
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            problems.add(where, f"{zone!r} is not a zone, e.g. UTC or Europe/Madrid")


def check_references(mapping: Mapping, problems: Problems) -> None:
    """Every name that points elsewhere in the mapping must point at something; denied columns stay out."""
    leads = mapping.leads
    if leads is None:
        return
    for source in _sources(mapping, leads):
        _check_name(source, mapping.files, "a file under source.files", problems)
    if leads.source in mapping.files and not mapping.files[leads.source].required:
        problems.add(f"source.files.{leads.source}", "the file of the leads must be required: true")
    kinds = {
        "lead",
        "email",
        *_COMMON_KINDS,
        *leads.ids,
        *(x.kind for x in mapping.links),
        *(x.kind for x in mapping.devices),
    }
    for name, keys in _keys(mapping):
        for key in keys:
            _check_name(key.by, kinds, f"a way to find the lead (in {name})", problems)
    for existing in leads.existing:
        _check_name(existing.kind, leads.ids, "a kind of id under source.leads.ids", problems)
    for kind in leads.join:
        _check_name(kind, {*(["email"] if leads.email else []), *leads.ids}, "an id to join leads by", problems)
    for name in [c.history for c in leads.custom if c.history] + _amount_histories(mapping):
        _check_name(name, mapping.history, "a history under source.history", problems)
    owners = [(leads.source, leads.attributes)]
    if mapping.accounts is not None:
        owners.append((mapping.accounts.source, mapping.accounts.attributes))
    for source, attributes in owners:
        for attribute in attributes:
            _check_attribute(mapping, source, attribute, problems)


def _sources(mapping: Mapping, leads: LeadsSpec) -> Iterator[str]:
    """Every file that some part of the mapping names."""
    yield leads.source
    if mapping.accounts is not None:
        yield mapping.accounts.source
    if mapping.rates is not None:
        yield mapping.rates.source
    parts: list[Sourced] = [*leads.existing, *mapping.history.values(), *mapping.merges, *mapping.keyed]
    yield from (x.source for x in parts)
    yield from (x.booked.source for x in mapping.dated if x.booked)
    yield from (key.via.source for _, keys in _keys(mapping) for key in keys if key.via)


def _keys(mapping: Mapping) -> list[tuple[str, tuple[Key, ...]]]:
    named = [(x.name, x.lead) for x in mapping.touchpoints] + [(x.name, x.lead) for x in mapping.dated]
    return named + [(x.kind, x.lead) for x in mapping.links] + [(x.kind, x.lead) for x in mapping.devices]


def _amount_histories(mapping: Mapping) -> list[str]:
    return [x.amount_history.history for x in mapping.conversions.values() if x.amount_history]


def _check_attribute(mapping: Mapping, file: str, attribute: Attribute, problems: Problems) -> None:
    where = f"attribute {attribute.name}"
    if attribute.history is not None:
        _check_name(attribute.history, mapping.history, f"a history under source.history ({where})", problems)
    if attribute.keywords is not None:
        _check_name(attribute.keywords, mapping.keywords, f"a list under source.keywords ({where})", problems)
    exact = {k.lower() for k in mapping.deny if not any(c in k for c in "*?[")}
    named = {attribute.column.lower(), f"{file}.{attribute.column}".lower()}
    why = mapping.denied(file, attribute.column)
    carried = attribute.type in ("number", "category", "date")
    if why and carried and (why == PERSONAL or (attribute.history is None and named & exact)):
        problems.add(where, f"column {attribute.column} is denied ({why}); leave it out, or take it from a history")


def _check_name(name: str, known: Collection[str], what: str, problems: Problems) -> None:
    if name not in known:
        problems.add(f"'{name}'", f"is not {what}; allowed: {', '.join(sorted(known)) or 'none'}")
