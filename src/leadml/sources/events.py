"""Dated things that happen to leads: touchpoints, conversions and closures."""

from leadml.errors import ConfigurationError
from leadml.sources import sql
from leadml.sources.identity import Reading
from leadml.sources.quarantine import OTHER_ROWS, Check
from leadml.sources.raw import Raw
from leadml.sources.spec import Booked, DatedSpec, Key, TouchpointSpec, Word
from leadml.sources.sql import Moment, ident, literal


def _word(word: Word, raw: Raw) -> str:
    """The word of a row, NULL where its text has none."""
    if word.column is None:
        return f"{literal(word.fixed)}::VARCHAR"
    default = f"{literal(word.default)}::VARCHAR"
    if word.column not in raw.present:
        return default
    if not word.values:
        return f"coalesce({ident(word.column)}, {default})"
    cases = " ".join(f"WHEN {literal(text)} THEN {literal(to)}" for text, to in word.values.items())
    return f"CASE lower({ident(word.column)}) {cases} ELSE {default} END"


def _known_keys(keys: tuple[Key, ...], raw: Raw) -> list[Key]:
    return [k for k in keys if k.column in raw.present]


def _key(key: Key) -> str:
    return sql.email(f"r.{ident(key.column)}") if key.by == "email" else f"r.{ident(key.column)}"


def _with_lead(reading: Reading, relation: str, keys: list[Key], when: str, index: str) -> str:
    """The relation with ``_lead``, ``_own``, ``_account``, ``_since`` and ``_merged`` by the first key with a lead.

    ``when`` is the row's time: a device is a lead's for a while only, and a row of a device that names somebody is
    that one's or nobody's.
    """
    named = {d.kind: [k.column for k in d.lead] for d in reading.mapping.devices}
    joins = []
    for i, key in enumerate(keys):
        anonymous = "".join(f" AND r.{ident(k.column)} IS NULL" for k in keys if k.column in named.get(key.by, ()))
        joins.append(
            f"LEFT JOIN {index} k{i} ON k{i}.kind = {literal(key.by)} AND k{i}.key = {_key(key)} "
            f"AND (k{i}.until IS NULL OR r._when < k{i}.until){anonymous}"
        )

    def first(column: str) -> str:
        # Not coalesce: a later key must not lend its account to the lead that an earlier key found.
        cases = " ".join(f"WHEN k{i}.lead_id IS NOT NULL THEN k{i}.{column}" for i in range(len(keys)))
        return f"CASE {cases} END"

    return (
        f"(SELECT r.*, {first('lead_id')} AS _lead, {first('own_id')} AS _own, {first('account_id')} AS _account, "
        f"{first('since')} AS _since, {first('merged')} AS _merged "
        f"FROM (SELECT *, {when} AS _when FROM {relation}) r {' '.join(joins)})"
    )


def build_touchpoints(reading: Reading) -> None:
    """Make ``_touchpoints`` from every touchpoint entry whose file is there."""
    read = [spec for spec in reading.mapping.touchpoints if spec.source in reading.raw]
    for spec in read:
        _touchpoint(reading, spec, "_touchpoints")
    if read:
        _before_merging(reading)


def _before_merging(reading: Reading) -> None:
    """Give a merged lead what was known of it before the merging: later it is the other lead's, not from the start.

    The other lead's row keeps its time and gets an id of its own.
    """
    con = reading.con
    earlier = "t._own <> lead_id AND _own_known < _merged"
    added = con.execute(
        f"""CREATE OR REPLACE TEMP TABLE _earlier AS SELECT t.* REPLACE (
            t._own AS lead_id, l._account AS account_id, _own_known AS known_at)
        FROM _touchpoints t JOIN _leads l ON l._id = t._own WHERE {earlier}"""
    ).fetchone()
    con.execute(f"UPDATE _touchpoints t SET touchpoint_id = touchpoint_id || '>' || lead_id WHERE {earlier}")
    con.execute("INSERT INTO _touchpoints SELECT * FROM _earlier")
    con.execute("DROP TABLE _earlier")
    reading.ledger.table("touchpoints").add("before_merging", added[0] if added else 0)


def _touchpoint(reading: Reading, spec: TouchpointSpec, into: str) -> None:
    raw = reading.raw[spec.source]
    occurred = reading.moment(spec.occurred_at, raw)
    knowns = {c: reading.moment((c,), raw) for c in spec.known_at if c in raw.present}
    # greatest() skips NULL: a time that is missing does not hide the others.
    known = f"greatest({', '.join([occurred.at, *(k.known for k in knowns.values())])})"
    source = _with_lead(reading, raw.table, _known_keys(spec.lead, raw), occurred.at, "_first_ids")
    kind, initiator, channel = (_word(w, raw) for w in (spec.kind, spec.initiator, spec.channel))
    identifier = " || '|' || ".join(f"coalesce({ident(c)}, '')" for c in spec.id)
    content = ident(spec.content) if spec.content in raw.present else "NULL::VARCHAR"
    columns = {
        "touchpoint_id": f"{literal(spec.name + ':')} || {identifier}",
        "lead_id": "_lead",
        "account_id": "_account",
        "occurred_at": occurred.at,
        "known_at": f"greatest({known}, _since, _merged)",
        "channel": channel,
        "kind": kind,
        "initiator": initiator,
        "value": f"{sql.number(ident(spec.value))} * {spec.value_scale!r}"
        if spec.value in raw.present
        else "NULL::DOUBLE",
        "content": sql.without_people(sql.path(content) if spec.content_path else content),
        "_own": "_own",
        "_own_known": f"greatest({known}, _since)",
        "_merged": "_merged",
    }
    no_id = " AND ".join(f"{ident(c)} IS NULL" for c in spec.id)
    checks = [
        Check(OTHER_ROWS, f"NOT ({sql.where(spec.where)})", quarantined=False),
        Check("missing_id", no_id, column=spec.id[0]),
        *reading.time_checks(spec.occurred_at[0], occurred),
        *(
            Check("bad_date", f"{k.text} IS NOT NULL AND {k.at} IS NULL", column=c, value=k.text)
            for c, k in knowns.items()
        ),
        # A date on the last day is known at its end: not after the export.
        Check("after_export", f"{known} > TIMESTAMP {literal(reading.end)}", column=spec.known_at[0]),
        Check("unknown_lead", "_lead IS NULL", quarantined=False),
        Check("other_kind", f"{kind} IS NULL OR {initiator} IS NULL OR {channel} IS NULL", quarantined=False),
    ]
    reading.ledger.sift("touchpoints", source, columns, checks, into)


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
    if spec.source in reading.raw:
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
        if spec.source in reading.raw:
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
    keys = _known_keys(spec.lead, raw)
    joined = _with_lead(reading, relation, keys, when.at, "_ids")
    # A lead that was joined into another, or merged, is not closed for the other one when only itself is lost.
    own = table == "closures" and spec.kind != "opted_out" and all(k.by == "lead" for k in keys)
    columns = {"lead_id": "_own" if own else "_lead", "_at": when.at, "known_at": when.known}
    if table == "conversions":
        columns |= {
            "amount": sql.number(ident(spec.amount)) if spec.amount in raw.present else "NULL::DOUBLE",
            "currency": ident(spec.currency) if spec.currency in raw.present else "NULL::VARCHAR",
        }
    else:
        columns |= {
            "kind": f"{literal(spec.kind)}::VARCHAR",
            "reason": ident(spec.reason) if spec.reason in raw.present else "NULL::VARCHAR",
        }
    checks = [
        Check(OTHER_ROWS, f"NOT ({sql.where(spec.where)})", quarantined=False),
        *reading.time_checks(spec.at[0], when),
        Check("unknown_lead", "_lead IS NULL", quarantined=False),
    ]
    if own:
        checks.append(Check("joined_duplicate", "_own NOT IN (SELECT _id FROM _leads)", quarantined=False))
    reading.ledger.sift(table, joined, columns, checks, into)


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
    reading.ledger.sift(f"booked {booked.source}", raw.table, columns, checks, "_instants")
    reading.con.execute(
        "CREATE OR REPLACE TEMP TABLE _booked AS SELECT id, min(_at) AS _first FROM _instants GROUP BY id"
    )
    reading.con.execute("DROP TABLE _instants")
