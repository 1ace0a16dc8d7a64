"""Every id that leads to a lead, and from when it could: what the files say later changes nothing known before.

Leaves two temporary tables. ``_ids``: kind and key of an id, the lead that it stands for (after merging), that lead's
account, its own id before merging, ``since`` (nobody could know the id as that lead's before), ``merged`` (the lead
stands for the own id only from then on; null is always) and ``until`` (rows from then on are nobody's; null is
never). ``_first_ids``: the same with one lead for each (kind, key): the first.
"""

from leadml.sources import sql
from leadml.sources.identity import Reading
from leadml.sources.quarantine import OTHER_ROWS, Check, Source
from leadml.sources.spec import DeviceSpec, Link
from leadml.sources.sql import at, ident, literal


def build_ids(reading: Reading) -> None:
    """Make ``_ids`` and ``_first_ids`` from the leads that `build_leads` left, the links and the devices."""
    con, spec = reading.con, reading.mapping.leads
    if spec is None:
        return
    # greatest() skips NULL: it is NULL for a lead that was not merged.
    folded = """SELECT s.*, coalesce(m._own, s._own) AS _lead, greatest(v.since, m._known, o._known) AS merged
        FROM _staged_leads s LEFT JOIN _survivors v USING (_id)
        LEFT JOIN _staged_leads m ON m._id = v.root LEFT JOIN _staged_leads o ON o._id = m._own"""
    kinds = {"lead": "_id", **{k: f'"_id_{k}"' for k in spec.ids}, "email": "_email"}
    parts = [
        f"SELECT {literal(kind)} AS kind, {key} AS key, _lead AS lead_id, _id AS own_id, _known AS since, merged, "
        f"NULL::TIMESTAMP AS until, _at FROM folded WHERE {key} IS NOT NULL"
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
    con.execute(
        """CREATE OR REPLACE TEMP TABLE _ids AS SELECT DISTINCT ON (i.kind, i.key, i.lead_id) i.*,
            l._account AS account_id FROM _all_ids i JOIN _leads l ON l._id = i.lead_id
        ORDER BY i.kind, i.key, i.lead_id, i.since, i.merged NULLS FIRST, i._at, i.own_id"""
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _first_ids AS SELECT DISTINCT ON (kind, key) * FROM _ids "
        "ORDER BY kind, key, since, merged NULLS FIRST, _at, lead_id"
    )
    con.execute("DROP TABLE _all_ids")


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
    # An id that leads carry themselves is surer than one found by another.
    reading.con.execute("INSERT INTO _all_ids SELECT * FROM _linked ANTI JOIN _all_ids USING (kind, key)")
    reading.con.execute("DROP TABLE _linked")


def _device(reading: Reading, spec: DeviceSpec) -> None:
    """A device is its first lead's from the first time both were seen together, until another lead is seen on it.

    Whoever comes second must not take away what was known before: the link stays for the rows until then.
    """
    raw = reading.raw[spec.source]
    seen, key = f"r.{at(spec.at)}", f"r.{ident(spec.id)}"
    joins = " OR ".join(
        f"(i.kind = {literal(k.by)} AND i.key = r.{ident(k.column)})" for k in spec.lead if k.column in raw.present
    )
    if not joins:
        return
    known = "i.since" if spec.always else f"greatest({seen}, i.since)"
    # Leads of one e-mail are one person; merged ones are two until the merging, whoever knows of it afterwards.
    reading.con.execute(
        f"""INSERT INTO _all_ids
        WITH sightings AS (
            SELECT {key} AS key, i.*, {known} AS known,
                CASE WHEN i.merged IS NULL THEN i.lead_id ELSE i.own_id END AS person
            FROM {raw.table} r
            JOIN _all_ids i ON {joins} WHERE {key} IS NOT NULL AND {seen} IS NOT NULL),
        people AS (
            SELECT key, person, min(known) AS known, arg_min({{lead_id: lead_id, own_id: own_id, merged: merged,
                _at: _at}}, (known, own_id)) AS who FROM sightings GROUP BY key, person),
        owners AS (
            SELECT key, who, known, lead(known) OVER (PARTITION BY key ORDER BY known, person) AS until,
                row_number() OVER (PARTITION BY key ORDER BY known, person) AS place FROM people)
        SELECT {literal(spec.kind)}, key, who.lead_id, who.own_id, known, who.merged, until, who._at
        FROM owners WHERE place = 1 AND (until IS NULL OR until > known)"""
    )
