"""Every id that leads to a lead, and from when it could: what the files say later changes nothing known before.

Leaves two temporary tables. ``_ids``: kind and key of an id, the lead that it stands for (after merging), that lead's
account, its own id before merging, ``since`` (nobody could know the id as that lead's before), ``merged`` (the lead
stands for the own id only from then on; null is always) and ``until`` (rows from then on are nobody's; null is
never). ``_first_ids``: the same with one lead for each (kind, key): the first.
"""

from leadml.sources import sql
from leadml.sources.identity import Reading
from leadml.sources.quarantine import OTHER_ROWS, Check, Source
from leadml.sources.raw import Raw
from leadml.sources.spec import DeviceSpec, ExistingId, Key, Link
from leadml.sources.sql import ident, literal


def build_ids(reading: Reading) -> None:
    """Make ``_ids`` and ``_first_ids`` from the leads that `build_leads` left, the links and the devices."""
    con, spec = reading.con, reading.mapping.leads
    if spec is None:
        return
    folded = """SELECT s.*, coalesce(w._lead, s._own) AS _lead, w.merged FROM _staged_leads s LEFT JOIN (
            SELECT v._id, m._own AS _lead, greatest(v.since, m._known, o._known) AS merged
            FROM _survivors v JOIN _staged_leads m ON m._id = v.root LEFT JOIN _staged_leads o ON o._id = m._own
        ) w USING (_id)"""
    kinds = {"lead": "_id", **{k: f'"_id_{k}"' for k in spec.ids}, "email": "_email"}
    existing = {e.kind: e for e in spec.existing if _is_told(reading, e)}
    parts = [
        f"SELECT {literal(kind)} AS kind, {key} AS key, _lead AS lead_id, _id AS own_id, "
        f"{_tied_since(existing.get(kind))} AS since, merged, NULL::TIMESTAMP AS until, _at "
        f"FROM folded {_born(reading, existing.get(kind), key)} WHERE {key} IS NOT NULL"
        for kind, key in kinds.items()
    ]
    # A lead that is gone is its survivor's from the merging on, and nobody's before: its own row tells nothing now.
    parts.append(
        "SELECT 'lead' AS kind, a._id AS key, _lead AS lead_id, f._id AS own_id, greatest(_known, a.since) AS since, "
        "merged, NULL::TIMESTAMP AS until, _at FROM _aliases a JOIN folded f ON f._id = a.root"
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE _all_ids AS WITH folded AS ({folded}) {' UNION ALL '.join(parts)}")
    for link in reading.mapping.links:
        if link.source in reading.raw:
            _link(reading, link)
    for device in reading.mapping.devices:
        if device.source in reading.raw:
            _device(reading, device)
    first = _first_of("_all_ids", "kind, key, lead_id", "since, merged NULLS FIRST, _at, own_id")
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE _ids AS SELECT i.*, l._account AS account_id
        FROM ({first}) i JOIN _leads l ON l._id = i.lead_id"""
    )
    first = _first_of("_ids", "kind, key", "since, merged NULLS FIRST, _at, lead_id")
    con.execute(f"CREATE OR REPLACE TEMP TABLE _first_ids AS {first}")
    con.execute("DROP TABLE _all_ids")


def _first_of(table: str, key: str, order: str) -> str:
    """The first row of each key. Only rows whose key is not theirs alone are sorted: few are, and sorting is slow."""
    # Two keys of one hash only have their rows sorted in vain.
    hashed = f"hash({key})"
    shared = f"(SELECT {hashed} AS h FROM {table} GROUP BY ALL HAVING count(*) > 1)"
    return (
        f"SELECT * FROM {table} ANTI JOIN {shared} ON {hashed} = h UNION ALL "
        f"(SELECT DISTINCT ON ({key}) * FROM {table} SEMI JOIN {shared} ON {hashed} = h ORDER BY {key}, {order})"
    )


def _is_told(reading: Reading, spec: ExistingId) -> bool:
    """Whether the files tell when ids of a kind came to be."""
    raw = reading.raw.get(spec.source)
    return raw is not None and spec.id in raw.present and any(c in raw.present for c in spec.at)


def _tied_since(spec: ExistingId | None) -> str:
    if spec is None:
        return "_known"
    tied, known = ident(f"_tied_{spec.kind}"), ident(f"_tie_known_{spec.kind}")
    # A day to spare: what a conversion makes is dated just before it, or the day before in another zone.
    before = f"date_trunc('day', {tied}) - INTERVAL 1 DAY"
    return f"CASE WHEN _born < {before} THEN greatest(_known, {known}) ELSE _known END"


def _born(reading: Reading, spec: ExistingId | None, key: str) -> str:
    """A join with when each id of a kind came to be."""
    if spec is None:
        return ""
    raw = reading.raw[spec.source]
    moment = reading.moment(spec.at, raw)
    ids = f"SELECT {ident(spec.id)} AS _existing, min({moment.at}) AS _born FROM {raw.table} GROUP BY 1"
    return f"LEFT JOIN ({ids}) ON _existing = {key}"


def _link(reading: Reading, spec: Link) -> None:
    raw = reading.raw[spec.source]
    keys = [k for k in spec.lead if k.here in raw.present]
    tied = reading.moment(spec.at, raw) if spec.at else None
    joins, found = [], []
    for i, key in enumerate(keys):
        column = sql.email(f"r.{ident(key.column)}") if key.by == "email" else f"r.{ident(key.column)}"
        joins.append(
            f"LEFT JOIN (SELECT DISTINCT ON (key) * FROM _all_ids WHERE kind = {literal(key.by)} "
            f"ORDER BY key, since, merged NULLS FIRST, _at, own_id) i{i} ON i{i}.key = {column}"
        )
        values = "{lead: i0.lead_id, own_id: i0.own_id, since: i0.since, merged: i0.merged, _at: i0._at}"
        found.append(f"CASE WHEN i{i}.lead_id IS NOT NULL THEN {values.replace('i0.', f'i{i}.')} END")
    source = f"(SELECT r.*, coalesce({', '.join(found)}) AS _who FROM {raw.table} r {' '.join(joins)})"
    since = "_who.since" if tied is None else f"greatest(_who.since, {tied.known})"
    columns = {
        "kind": literal(spec.kind), "key": ident(spec.id), "lead_id": "_who.lead", "own_id": "_who.own_id",
        "since": since, "merged": "_who.merged", "until": "NULL::TIMESTAMP", "_at": "_who._at",
    }  # fmt: skip
    checks = [
        Check(OTHER_ROWS, f"NOT ({sql.where(spec.where)})", quarantined=False),
        Check("missing_id", f"{ident(spec.id)} IS NULL", column=spec.id),
    ]
    if tied is not None:
        checks += reading.time_checks(spec.at[0], tied)
    checks.append(Check("unknown_lead", "_who IS NULL", quarantined=False))
    reading.ledger.sift(f"link {spec.kind}", Source(source, spec.source), columns, checks, "_linked")
    reading.con.execute("INSERT INTO _all_ids SELECT * FROM _linked")
    reading.con.execute("DROP TABLE _linked")


def _device(reading: Reading, spec: DeviceSpec) -> None:
    """A device is its first lead's from the first time both were seen together, until another lead is seen on it.

    Whoever comes second must not take away what was known before: the link stays for the rows until then.
    """
    con, raw = reading.con, reading.raw[spec.source]
    keys = [k for k in spec.lead if k.column in raw.present]
    if not keys:
        return
    _seen_devices(reading, spec, raw, keys)
    known = "i.since" if spec.always else "greatest(r._at, i.since)"
    # Not one join on either key, which DuckDB could only do row by row.
    sightings = " UNION ALL ".join(
        f"SELECT r.key, i.* EXCLUDE (key), {known} AS known FROM _seen_devices r "
        f"JOIN _all_ids i ON i.kind = {literal(k.by)} AND i.key = r.{ident(f'_by_{n}')}"
        for n, k in enumerate(keys)
    )
    # Leads of one e-mail are one person; merged ones are two until the merging, whoever knows of it afterwards.
    con.execute(
        f"""INSERT INTO _all_ids
        WITH sightings AS (
            SELECT *, CASE WHEN merged IS NULL THEN lead_id ELSE own_id END AS person FROM ({sightings})),
        people AS (
            SELECT key, person, min(known) AS known, arg_min({{lead_id: lead_id, own_id: own_id, merged: merged,
                _at: _at}}, (known, own_id)) AS who FROM sightings GROUP BY key, person),
        owners AS (
            SELECT key, who, known, lead(known) OVER (PARTITION BY key ORDER BY known, person) AS until,
                row_number() OVER (PARTITION BY key ORDER BY known, person) AS place FROM people)
        SELECT {literal(spec.kind)}, key, who.lead_id, who.own_id, known, who.merged, until, who._at
        FROM owners WHERE place = 1 AND (until IS NULL OR until > known)"""
    )
    con.execute("DROP TABLE _seen_devices")


def _seen_devices(reading: Reading, spec: DeviceSpec, raw: Raw, keys: list[Key]) -> None:
    """``_seen_devices``: each device with what names its lead, and when.

    Rows of a file that touchpoints read too are booked there.
    """
    seen = reading.moment((spec.at,), raw)
    texts = {k.column: sql.email(ident(k.column)) if k.by == "email" else ident(k.column) for k in keys}
    columns = {"key": ident(spec.id), "_at": seen.at}
    columns |= {f"_by_{n}": texts[k.column] for n, k in enumerate(keys)}
    if any(t.source == spec.source for t in reading.mapping.touchpoints):
        outputs = ", ".join(f"{expr} AS {ident(name)}" for name, expr in columns.items())
        named = " OR ".join(f"{text} IS NOT NULL" for text in texts.values())
        reading.con.execute(
            f"CREATE OR REPLACE TEMP TABLE _seen_devices AS SELECT {outputs} FROM {raw.table} "
            f"WHERE {ident(spec.id)} IS NOT NULL AND {seen.at} IS NOT NULL AND ({named})"
        )
        return
    checks = [Check("missing_id", f"{ident(spec.id)} IS NULL", column=spec.id), *reading.time_checks(spec.at, seen)]
    reading.ledger.sift(f"device {spec.kind}", Source(raw.table, raw.name), columns, checks, "_seen_devices")
