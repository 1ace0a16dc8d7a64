"""Names in a mapping that point elsewhere in it must point at something; denied columns stay out of the attributes."""

from collections.abc import Collection
from zoneinfo import ZoneInfo

from leadml.sources.checked import Problems
from leadml.sources.spec import Attribute, Mapping


def check_zone(mapping: Mapping, problems: Problems) -> None:
    """Note a time zone that nobody knows."""
    try:
        ZoneInfo(mapping.timezone)
    except (KeyError, ValueError, OSError):
        problems.add("source.timezone", f"{mapping.timezone!r} is not a zone, e.g. UTC or Europe/Madrid")


def check_references(mapping: Mapping, problems: Problems) -> None:
    """Every name that points elsewhere in the mapping must point at something; denied columns stay out."""
    leads = mapping.leads
    if leads is None:
        return
    owners = [(leads.source, leads.attributes)]
    if mapping.accounts is not None:
        owners.append((mapping.accounts.source, mapping.accounts.attributes))
    dated = (*mapping.conversions.values(), *mapping.closures)
    sources = [source for source, _ in owners]
    sources += [x.source for x in mapping.history.values()]
    sources += [x.source for x in mapping.links]
    sources += [x.source for x in mapping.devices]
    sources += [x.source for x in mapping.touchpoints]
    sources += [x.source for x in dated]
    sources += [x.booked.source for x in dated if x.booked]
    for source in sources:
        _check_name(source, mapping.files, "a file under source.files", problems)
    if leads.source in mapping.files and not mapping.files[leads.source].required:
        problems.add(f"source.files.{leads.source}", "the file of the leads must be required: true")
    kinds = {"lead", "email", *leads.ids, *(x.kind for x in mapping.links), *(x.kind for x in mapping.devices)}
    keys = [(x.name, x.lead) for x in mapping.touchpoints] + [(x.name, x.lead) for x in dated]
    for name, ways in keys:
        for key in ways:
            _check_name(key.by, kinds, f"a way to find the lead (in {name})", problems)
    for source, attributes in owners:
        for attribute in attributes:
            _check_attribute(mapping, source, attribute, problems)


def _check_attribute(mapping: Mapping, file: str, attribute: Attribute, problems: Problems) -> None:
    where = f"attribute {attribute.name}"
    if attribute.history is not None:
        _check_name(attribute.history, mapping.history, f"a history under source.history ({where})", problems)
    if attribute.keywords is not None:
        _check_name(attribute.keywords, mapping.keywords, f"a list under source.keywords ({where})", problems)
    exact = {k.lower() for k in mapping.deny if not any(c in k for c in "*?[")}
    named = {attribute.column.lower(), f"{file}.{attribute.column}".lower()}
    why = mapping.denied(file, attribute.column)
    carried = attribute.type in ("number", "category")
    if carried and (why == "personal data" or (attribute.history is None and named & exact)):
        problems.add(where, f"column {attribute.column} is denied ({why}); leave it out, or take it from a history")


def _check_name(name: str, known: Collection[str], what: str, problems: Problems) -> None:
    if name not in known:
        problems.add(f"'{name}'", f"is not {what}; allowed: {', '.join(sorted(known)) or 'none'}")
