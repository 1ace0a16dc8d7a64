"""Which columns of which files a mapping needs, and which of them hold times."""

from collections.abc import Callable, Iterable

from leadml.sources.spec import Attribute, FileSpec, Filtered, Key, Mapping, Timed, Where, Word

Need = Callable[[str, Iterable[str | None], bool], None]


def needed_columns(mapping: Mapping, conversion: str) -> dict[str, dict[str, bool]]:
    """For each file in the mapping, its columns by logical name and whether they are required.

    Required are ids, the first column of each time, the first way to find a lead, and the columns of conditions.
    """
    needed: dict[str, dict[str, bool]] = {name: {} for name in mapping.files}

    def need(file: str, columns: Iterable[str | None], required: bool) -> None:
        for column in columns:
            if column is not None:
                needed[file][column] = needed[file].get(column, False) or required

    for spec in mapping.files.values():
        need(spec.name, spec.id, True)
        need(spec.name, _of_rules(spec), False)
    _need_leads(mapping, need)
    _need_ties(mapping, need)
    _need_touchpoints(mapping, need)
    _need_dated(mapping, conversion, need)
    return needed


def time_columns(mapping: Mapping) -> dict[str, set[str]]:
    """For each file in the mapping, its columns that hold times."""
    times: dict[str, set[str]] = {name: set() for name in mapping.files}
    for owner in (mapping.leads, mapping.accounts):
        if owner is not None:
            times[owner.source] |= {*owner.created_at}
    if mapping.leads is not None:
        times[mapping.leads.source] |= {*mapping.leads.deleted_at, *mapping.leads.known_at}
        for existing in mapping.leads.existing:
            times[mapping.leads.source] |= {*existing.since}
            times[existing.source] |= {*existing.at}
    if mapping.rates is not None:
        times[mapping.rates.source].add(mapping.rates.at)
    for device in mapping.devices:
        times[device.source].add(device.at)
    for touchpoint in mapping.touchpoints:
        times[touchpoint.source] |= {*touchpoint.occurred_at, *touchpoint.known_at}
    timed: list[Timed] = [*mapping.history.values(), *mapping.merges, *mapping.links, *mapping.dated]
    for part in timed:
        times[part.source] |= {*part.at}
    for entry in mapping.dated:
        times[entry.source] |= {*entry.known_at}
        if entry.booked is not None:
            times[entry.booked.source] |= {*entry.booked.at}
    for file, conditions in _all_conditions(mapping):
        for condition in conditions:
            if condition.before is not None:
                times[file] |= {condition.column, condition.before}
    return times


def number_columns(mapping: Mapping) -> dict[str, set[str]]:
    """For each file in the mapping, its columns that hold numbers: attributes, magnitudes and amounts."""
    numbers: dict[str, set[str]] = {name: set() for name in mapping.files}
    for owner in (mapping.leads, mapping.accounts):
        if owner is not None:
            numbers[owner.source] |= {a.column for a in owner.attributes if a.type in ("number", "auto")}
    for touchpoint in mapping.touchpoints:
        numbers[touchpoint.source] |= {c for c in (touchpoint.value,) if c is not None}
    for dated in mapping.conversions.values():
        numbers[dated.source] |= {c for c in (dated.amount,) if c is not None}
    if mapping.rates is not None:
        numbers[mapping.rates.source].add(mapping.rates.rate)
    return numbers


def id_columns(mapping: Mapping) -> dict[str, set[str]]:
    """For each file in the mapping, its columns that hold ids by which rows of several files are joined."""
    found: dict[str, set[str]] = {name: set() for name in mapping.files}
    if mapping.leads is not None:
        leads = mapping.leads
        found[leads.source] |= {c for c in (leads.lead_id, leads.merged_into, *leads.ids.values()) if c is not None}
        for existing in leads.existing:
            found[existing.source].add(existing.id)
    booked = [x.booked for x in mapping.dated if x.booked]
    named = [(x.source, x.id) for x in mapping.links] + [(x.source, x.id) for x in mapping.devices]
    named += [(x.source, x.id) for x in mapping.history.values()] + [(x.source, x.id) for x in booked]
    named += [(x.source, c) for x in mapping.merges for c in (x.winner, x.loser)]
    for source, column in named:
        found[source].add(column)
    for touchpoint in mapping.touchpoints:
        found[touchpoint.source] |= {*touchpoint.id}
    for spec in mapping.files.values():
        found[spec.name] |= {*spec.id}
    for entry in mapping.dated:
        keys = (entry.booked.key if entry.booked else None, entry.amount_history.key if entry.amount_history else None)
        found[entry.source] |= {k for k in keys if k is not None}
    for part in mapping.keyed:
        for key in part.lead:
            if key.via is not None:
                found[part.source].add(key.via.key)
                found[key.via.source] |= {key.via.id, key.column}
            elif key.by != "email":
                found[part.source].add(key.column)
    return found


def columns_of(conditions: Where) -> tuple[str, ...]:
    """Every column that conditions look at."""
    return tuple(c for x in conditions for c in (x.column, x.before) if c is not None)


def _all_conditions(mapping: Mapping) -> list[tuple[str, Where]]:
    found = [(f.name, w) for f in mapping.files.values() for w in (*f.ignore.values(), *f.quarantine.values())]
    parts: list[Filtered] = [
        *mapping.touchpoints,
        *mapping.merges,
        *mapping.links,
        *mapping.history.values(),
        *mapping.dated,
    ]
    found += [(x.source, x.where) for x in parts]
    return found + [(x.booked.source, x.booked.where) for x in mapping.dated if x.booked]


def _need_leads(mapping: Mapping, need: Need) -> None:
    leads, accounts = mapping.leads, mapping.accounts
    if leads is not None:
        need(leads.source, (leads.lead_id, leads.created_at[0]), True)
        need(leads.source, (*leads.created_at[1:], leads.email, *leads.ids.values(), *_of(leads.attributes)), False)
        need(leads.source, (leads.merged_into, leads.deleted, *leads.deleted_at, *leads.known_at), False)
        need(leads.source, (leads.account.column if leads.account else None,), False)
        for existing in leads.existing:
            need(leads.source, existing.since, False)
            need(existing.source, (existing.id, *existing.at), False)
    if accounts is not None:
        need(accounts.source, (accounts.account.column, accounts.created_at[0]), True)
        need(accounts.source, (*accounts.created_at[1:], *_of(accounts.attributes)), False)


def _need_ties(mapping: Mapping, need: Need) -> None:
    for history in mapping.history.values():
        need(history.source, (history.id, history.field, history.new, history.at[0]), True)
        need(history.source, (history.old, *history.at[1:], *columns_of(history.where)), False)
    for merge in mapping.merges:
        need(merge.source, (merge.winner, merge.loser, merge.at[0], *columns_of(merge.where)), True)
        need(merge.source, merge.at[1:], False)
    for link in mapping.links:
        need(link.source, (link.id, *link.at[:1], *columns_of(link.where)), True)
        need(link.source, link.at[1:], False)
        _need_rows(link.source, link.lead, (), need)
    for device in mapping.devices:
        need(device.source, (device.id, device.at), True)
        need(device.source, (k.here for k in device.lead), False)
    if mapping.rates is not None:
        need(mapping.rates.source, (mapping.rates.currency, mapping.rates.at, mapping.rates.rate), True)


def _need_touchpoints(mapping: Mapping, need: Need) -> None:
    for touchpoint in mapping.touchpoints:
        words = (touchpoint.channel, touchpoint.kind, touchpoint.initiator)
        need(touchpoint.source, (*touchpoint.id, touchpoint.occurred_at[0]), touchpoint.required)
        need(touchpoint.source, (*touchpoint.occurred_at[1:], *touchpoint.known_at), False)
        need(touchpoint.source, (touchpoint.value, touchpoint.content, *_of_words(words)), False)
        _need_rows(touchpoint.source, touchpoint.lead, touchpoint.where, need, touchpoint.required)


def _need_dated(mapping: Mapping, conversion: str, need: Need) -> None:
    for dated in (mapping.conversions[conversion], *mapping.closures):
        need(dated.source, (dated.at[0],), dated.required)
        need(dated.source, (*dated.at[1:], *dated.known_at, dated.amount, dated.currency, dated.reason), False)
        _need_rows(dated.source, dated.lead, dated.where, need, dated.required)
        if dated.amount_history is not None:
            need(dated.source, (dated.amount_history.key,), False)
        if dated.booked is not None:
            booked = dated.booked
            need(dated.source, (booked.key,), dated.required)
            need(booked.source, (booked.id, booked.at[0], *columns_of(booked.where)), True)


def _need_rows(source: str, keys: tuple[Key, ...], conditions: Where, need: Need, required: bool = True) -> None:
    """One key is needed; of several `read_raw` asks for any one of them."""
    # A missing value fulfils a negated condition, and so does a column that is not there.
    need(source, columns_of(tuple(c for c in conditions if not c.negated)), required)
    need(source, columns_of(tuple(c for c in conditions if c.negated)), False)
    need(source, (k.here for k in keys), required and len(keys) == 1)
    for key in keys:
        if key.via is not None:
            need(key.via.source, (key.via.id, key.column), True)


def _of(attributes: tuple[Attribute, ...]) -> tuple[str, ...]:
    return tuple(a.column for a in attributes)


def _of_words(words: Iterable[Word]) -> tuple[str | None, ...]:
    return tuple(w.column for w in words)


def _of_rules(spec: FileSpec) -> tuple[str, ...]:
    rules = (*spec.ignore.values(), *spec.quarantine.values())
    return tuple(c for conditions in rules for c in columns_of(conditions))
