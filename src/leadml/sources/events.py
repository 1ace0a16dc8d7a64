"""Dated things that happen to leads: touchpoints, conversions and closures."""

from leadml import schema
from leadml.errors import ConfigurationError, DataError
from leadml.sources import sql
from leadml.sources.identity import Reading
from leadml.sources.keyed import in_any_order, keep_one
from leadml.sources.money import amount_columns, with_amount_at
from leadml.sources.needs import columns_of
from leadml.sources.quarantine import OTHER_ROWS, Check, Source
from leadml.sources.raw import Raw
from leadml.sources.spec import Booked, DatedSpec, Key, TouchpointSpec, Via, Word
from leadml.sources.sql import Moment, ident, literal

# Kinds of ids that say who somebody is; a click id that no lead carries leaves a row the device's.
_NAMING = ("lead", "email", "user")


def _word(word: Word, raw: Raw) -> str:
    """The word of a row in lower case, NULL where its text has none."""
    if word.column is None:
        return f"{literal(word.fixed)}::VARCHAR"
    default = f"{literal(word.default)}::VARCHAR"
    if word.column not in raw.present:
        return default
    if not word.values:
        return f"lower(coalesce({ident(word.column)}, {default}))"
    cases = " ".join(f"WHEN {literal(text)} THEN {literal(to)}" for text, to in word.values.items())
    return f"CASE lower({sql.level(ident(word.column))}) {cases} ELSE {default} END"


def _known_keys(name: str, keys: tuple[Key, ...], reading: Reading, raw: Raw) -> list[Key]:
    """The keys whose columns the files have.

    Raises:
        DataError: There is none.
    """
    known = _there(keys, reading, raw)
    if not known:
        ways = ", ".join(f"{k.here} in {raw.name}" + (f" with {k.via.source}" if k.via else "") for k in keys)
        raise DataError(f"{name}: no way to find the leads of its rows: export one of {ways}, or take {name} out")
    return known


def _there(keys: tuple[Key, ...], reading: Reading, raw: Raw) -> list[Key]:
    return [k for k in keys if k.here in raw.present and (k.via is None or k.via.source in reading.raw)]


def _is_read(spec: TouchpointSpec | DatedSpec, reading: Reading) -> bool:
    """Whether an entry's file is there, and for one that is not required all of its columns too."""
    if spec.source not in reading.raw:
        return False
    raw, times = reading.raw[spec.source], spec.occurred_at if isinstance(spec, TouchpointSpec) else spec.at
    needed = {times[0], *columns_of(spec.where)}
    return spec.required or (needed <= raw.present and bool(_there(spec.lead, reading, raw)))


def _with_lead(reading: Reading, relation: str, keys: list[Key], when: str, index: str) -> str:
    """The relation with the lead of each row by the key that found its lead first.

    Added are ``_lead``, ``_own`` (its id before merging), ``_account``, ``_since``, ``_merged`` and ``_kind``.
    ``when`` is the row's time: a device is a lead's for a while only, and a row of a device that names somebody is
    that one's or nobody's. A key with several ids gives the row once for each of their leads.
    """
    named = {d.kind: [k.column for k in d.lead] for d in reading.mapping.devices}
    joins = []
    for i, key in enumerate(keys):
        naming = [k for k in keys if k.by in _NAMING and k.column in named.get(key.by, ())]
        anonymous = "".join(f" AND r.{ident(k.here)} IS NULL" for k in naming)
        joins.append(
            f"LEFT JOIN {_leads_of(reading, relation, key, index)} k{i} ON k{i}.kind = {literal(key.by)} AND "
            f"{_met(key, f'k{i}')} AND (k{i}.until IS NULL OR r._when < k{i}.until){anonymous}"
        )

    def first(column: str) -> str:
        # Not coalesce: another key must not lend its account to the lead that this key found.
        cases = " ".join(f"WHEN {_is_first(i, len(keys))} THEN k{i}.{column}" for i in range(len(keys)))
        return f"CASE {cases} END"

    distinct = "DISTINCT " if any(k.many for k in keys) else ""
    found = {"_lead": "lead_id", "_own": "own_id", "_account": "account_id", "_since": "since", "_merged": "merged"}
    added = ", ".join(f"{first(column)} AS {name}" for name, column in (found | {"_kind": "kind"}).items())
    return f"(SELECT {distinct}r.*, {added} FROM (SELECT *, {when} AS _when FROM {relation}) r {' '.join(joins)})"


def _is_first(i: int, keys: int) -> str:
    """Whether a key is the one that found a lead first in time, in the order of the keys where they did at once.

    A tie of later must not take away what was known by another.
    """
    others = (
        f"(k{j}.lead_id IS NULL OR k{i}.since {'<' if j < i else '<='} k{j}.since)" for j in range(keys) if j != i
    )
    return " AND ".join((f"k{i}.lead_id IS NOT NULL", *others))


def _leads_of(reading: Reading, relation: str, key: Key, index: str) -> str:
    """The ids to join a row with: by their key, or for keys with several ids by what ties rows to them."""
    email = key.by == "email"
    if key.via is not None:
        pairs = _read_via(reading, key.via, key.column)
        value = sql.email("v.value") if email else "v.value"
        return f"(SELECT i.*, v.id AS _tie FROM {ident(pairs)} v JOIN {index} i ON i.key = {value})"
    if key.split is not None:
        text = ident(key.column)
        pieces = (
            f"SELECT DISTINCT {text} AS _tie, trim(unnest(string_split({text}, {literal(key.split)}))) AS piece "
            f"FROM {relation} WHERE {text} IS NOT NULL"
        )
        value = sql.email("p.piece") if email else "p.piece"
        return f"(SELECT i.*, p._tie FROM ({pieces}) p JOIN {index} i ON i.key = {value})"
    return index


def _met(key: Key, joined: str) -> str:
    here = f"r.{ident(key.here)}"
    if key.many:
        return f"{joined}._tie = {here}"
    return f"{joined}.key = {sql.email(here) if key.by == 'email' else here}"


def _read_via(reading: Reading, via: Via, column: str) -> str:
    """The name of a table with the pairs of a file that ties rows to ids, read once."""
    name = f"_via_{via.source}_{via.id}_{column}"
    if reading.con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [name]).fetchone():
        return name
    checks = [Check("missing_id", f"{ident(c)} IS NULL", column=c) for c in (via.id, column)]
    columns = {"id": ident(via.id), "value": ident(column)}
    source = Source(reading.raw[via.source].table, via.source)
    reading.ledger.sift(f"ties {via.source}", source, columns, checks, name)
    return name


def build_touchpoints(reading: Reading) -> None:
    """Make ``touchpoints`` from every touchpoint entry whose file is there."""
    con, contract = reading.con, schema.TOUCHPOINTS
    columns = ", ".join(f"{name} {kind}" for name, kind in contract.columns.items())
    con.execute(f"CREATE OR REPLACE TABLE {contract.name} ({columns})")
    read = [spec for spec in reading.mapping.touchpoints if _is_read(spec, reading)]
    with in_any_order(con):
        for spec in read:
            _touchpoint(reading, spec)
    if not all(_ids_are_unique(spec, reading) for spec in read):
        keep_one(reading, contract)


def _ids_are_unique(spec: TouchpointSpec, reading: Reading) -> bool:
    """Whether rows with the id of another one were set aside when the file was read."""
    return len(spec.id) == 1 and spec.id == reading.mapping.files[spec.source].id


def _touchpoint(reading: Reading, spec: TouchpointSpec) -> None:
    raw = reading.raw[spec.source]
    occurred = reading.moment(spec.occurred_at, raw)
    knowns = {c: reading.moment((c,), raw) for c in spec.known_at if c in raw.present}
    # greatest() skips NULL: a time that is missing does not hide the others.
    known = f"greatest({', '.join(dict.fromkeys([occurred.at, *(k.known for k in knowns.values())]))})"
    keys = _known_keys(spec.name, spec.lead, reading, raw)
    relation = _with_lead(reading, raw.table, keys, occurred.at, "_first_ids")
    columns = _touchpoint_columns(spec, raw, any(k.many for k in keys)) | {
        "occurred_at": occurred.at,
        "known_at": f"greatest({known}, _since, _merged)",
    }
    columns = {name: columns[name] for name in schema.TOUCHPOINTS.columns}
    no_id = " AND ".join(f"{ident(c)} IS NULL" for c in spec.id)
    checks = [
        Check(OTHER_ROWS, f"NOT ({sql.where(spec.where)})", quarantined=False),
        Check("missing_id", no_id, column=spec.id[0]),
        *reading.time_checks(spec.occurred_at[0], occurred),
        *reading.known_checks(tuple(knowns), raw),
        Check("unknown_lead", "_lead IS NULL", quarantined=False),
        Check("other_kind", "kind IS NULL OR initiator IS NULL OR channel IS NULL", quarantined=False, made=True),
    ]
    source = Source(relation, spec.source, several=any(k.many for k in keys))
    reading.ledger.sift("touchpoints", source, columns, checks, "touchpoints")
    own_known = f"greatest({known}, _since)"
    _before_merging(reading, source, columns | {"known_at": own_known}, checks)


def _touchpoint_columns(spec: TouchpointSpec, raw: Raw, several: bool) -> dict[str, str]:
    identifier = " || '|' || ".join(f"coalesce({ident(c)}, '')" for c in spec.id)
    if several:
        identifier += " || '|' || coalesce(_lead, '')"
    content = ident(spec.content) if spec.content in raw.present else "NULL::VARCHAR"
    return {
        "touchpoint_id": f"{literal(spec.name + ':')} || {identifier}",
        "lead_id": "_lead",
        "account_id": "_account",
        "channel": _word(spec.channel, raw),
        "kind": _word(spec.kind, raw),
        "initiator": _word(spec.initiator, raw),
        "value": _value(spec, raw),
        "content": sql.without_people(sql.path(content) if spec.content_path else content),
    }


def _before_merging(reading: Reading, source: Source, columns: dict[str, str], checks: list[Check]) -> None:
    """Give a merged lead what was known of it before the merging: later it is the other lead's, not from the start.

    ``columns`` has the time at which the row was known as the merged lead's own. The other lead's row keeps its time
    and gets an id of its own.
    """
    con = reading.con
    if not con.execute("SELECT 1 FROM _first_ids WHERE own_id <> lead_id AND merged IS NOT NULL LIMIT 1").fetchone():
        return
    passed = " AND ".join(f"NOT coalesce({c.when}, FALSE)" for c in checks if not c.made)
    told = " AND ".join(c.when for c in checks if c.made)
    outputs = ", ".join(f"{expr} AS {ident(name)}" for name, expr in columns.items())
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE _earlier AS SELECT t.* REPLACE (
            _of AS lead_id, l._account AS account_id), t.lead_id AS _survivor
        FROM (SELECT {outputs}, _own AS _of, _merged AS _then FROM {source.relation} WHERE _own <> _lead AND {passed}) t
        JOIN _leads l ON l._id = _of WHERE known_at < _then AND NOT ({told})"""
    )
    con.execute(
        """UPDATE touchpoints t SET touchpoint_id = t.touchpoint_id || '>' || t.lead_id FROM _earlier e
        WHERE e.touchpoint_id = t.touchpoint_id AND e._survivor = t.lead_id"""
    )
    added = con.execute("INSERT INTO touchpoints SELECT * EXCLUDE (_of, _then, _survivor) FROM _earlier").fetchone()
    con.execute("DROP TABLE _earlier")
    reading.ledger.table("touchpoints").add("before_merging", added[0] if added else 0)


def _value(spec: TouchpointSpec, raw: Raw) -> str:
    if spec.value is None or spec.value not in raw.present:
        return "NULL::DOUBLE"
    return raw.number(spec.value) if spec.value_scale == 1.0 else f"{raw.number(spec.value)} * {spec.value_scale!r}"


def build_conversions(reading: Reading, conversion: str) -> None:
    """Make ``_conversions`` from the entry of that name.

    Raises:
        ConfigurationError: The mapping has no such conversion.
    """
    if conversion not in reading.mapping.conversions:
        raise ConfigurationError(
            f"problem.conversion={conversion}: source {reading.mapping.name} has no such conversion; "
            f"allowed: {', '.join(sorted(reading.mapping.conversions))}"
        )
    spec = reading.mapping.conversions[conversion]
    if _is_read(spec, reading):
        _dated(reading, "conversions", spec, "_conversions")


def build_closures(reading: Reading) -> None:
    """Make ``_closures``: the mapping's entries, and the leads that were merged or erased."""
    con = reading.con
    gone_at = f"coalesce(_deleted_at, TIMESTAMP {literal(reading.end)})"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE _closures AS
        SELECT _id AS lead_id, {gone_at} AS _at, {gone_at} AS known_at,
            CASE WHEN _master IS NULL THEN 'erased' ELSE 'merged' END AS kind, NULL::VARCHAR AS reason
        FROM _leads WHERE _deleted"""
    )
    gone = con.execute("SELECT count(*) FROM _closures").fetchone()
    for spec in reading.mapping.closures:
        if _is_read(spec, reading):
            _dated(reading, "closures", spec, "_closures")
    reading.ledger.table("closures").add("merged_or_erased_lead", gone[0] if gone else 0)


def _dated(reading: Reading, table: str, spec: DatedSpec, into: str) -> None:
    raw = reading.raw[spec.source]
    day, relation = reading.moment(spec.at, raw), raw.table
    when = day
    booked = spec.booked if spec.booked and spec.booked.source in reading.raw else None
    if booked is not None:
        _booked(reading, booked)
        relation = (
            f"(SELECT t.*, b._first AS _booked FROM {relation} t LEFT JOIN _booked b ON b.id = t.{ident(booked.key)})"
        )
        when = Moment(day.text, day.at, f"greatest(_booked, {day.known})")
        if booked.replaces:
            when = Moment(day.text, f"coalesce(_booked, {day.at})", f"coalesce(_booked, {day.known})")
    if spec.amount_history is not None:
        relation = with_amount_at(reading, relation, spec, when)
    keys = _known_keys(spec.name, spec.lead, reading, raw)
    joined = _with_lead(reading, relation, keys, when.at, "_ids")
    # A lead that was joined into another, or merged, is not closed for the other one when only itself is lost.
    own = table == "closures" and spec.kind != "opted_out" and all(k.by == "lead" for k in keys)
    columns = {"lead_id": "_own" if own else "_lead", "_at": when.at}
    columns["known_at"] = reading.known(when.known, spec.known_at, raw)
    if table == "conversions":
        columns |= amount_columns(reading, spec, raw)
    else:
        columns |= {
            "kind": f"{literal(spec.kind)}::VARCHAR",
            "reason": ident(spec.reason) if spec.reason in raw.present else "NULL::VARCHAR",
        }
    checks = [
        Check(OTHER_ROWS, f"NOT ({sql.where(spec.where)})", quarantined=False),
        *reading.time_checks(spec.at[0], when),
        *reading.known_checks(spec.known_at, raw),
        Check("unknown_lead", "_lead IS NULL", quarantined=False),
        *_before_tie(reading, columns["known_at"]),
    ]
    if own:
        checks.append(Check("joined_duplicate", "_own NOT IN (SELECT _id FROM _leads)", quarantined=False))
    reading.ledger.sift(table, Source(joined, spec.source, several=True), columns, checks, into)


def _before_tie(reading: Reading, known: str) -> list[Check]:
    """What happened to somebody before the lead was tied to them is not the lead's."""
    kinds = [e.kind for e in reading.mapping.leads.existing] if reading.mapping.leads is not None else []
    if not kinds:
        return []
    return [Check("before_tie", f"_kind IN ({sql.literals(kinds)}) AND {known} < _since", quarantined=False)]


def _booked(reading: Reading, booked: Booked) -> None:
    """``_booked``: for each id the first instant at which the row was entered."""
    raw = reading.raw[booked.source]
    entered = reading.moment(booked.at, raw)
    checks = [
        Check(OTHER_ROWS, f"NOT ({sql.where(booked.where)})", quarantined=False),
        Check("missing_id", f"{ident(booked.id)} IS NULL", column=booked.id),
        *reading.time_checks(booked.at[0], entered),
    ]
    columns = {"id": ident(booked.id), "_at": entered.at}
    source = Source(raw.table, booked.source)
    reading.ledger.sift(f"booked {booked.source}", source, columns, checks, "_instants")
    reading.con.execute(
        "CREATE OR REPLACE TEMP TABLE _booked AS SELECT id, min(_at) AS _first FROM _instants GROUP BY id"
    )
    reading.con.execute("DROP TABLE _instants")
