"""Every id that leads to a lead, and from when it could: what the files say later changes nothing known before.

Leaves two temporary tables. ``_ids``: kind and key of an id, the lead that it stands for (after merging), that lead's
account, its own id before merging, ``since`` (nobody could know the id as that lead's before), ``merged`` (the lead
stands for the own id only from then on; null is always) and ``until`` (rows from then on are nobody's; null is
never). ``_first_ids``: the same with one lead for each (kind, key): the first.
"""

from leadml.sources import sql
from leadml.sources.identity import Reading
from leadml.sources.quarantine import Check
from leadml.sources.raw import Raw
from leadml.sources.spec import DeviceSpec
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
    con.execute(f"CREATE OR REPLACE TEMP TABLE _all_ids AS WITH folded AS ({folded}) {' UNION ALL '.join(parts)}")
    for link in reading.mapping.links:
        if link.source in reading.raw:
            _link(reading, link.kind, reading.raw[link.source], link.id, link.email)
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


def _link(reading: Reading, kind: str, raw: Raw, id_column: str, email_column: str) -> None:
    key, mail = ident(id_column), sql.email(ident(email_column))
    checks = [
        Check("missing_id", f"{key} IS NULL", column=id_column),
        Check("unknown_lead", "_lead IS NULL", quarantined=False),
    ]
    source = (
        f"(SELECT r._file, r._row, r.{key}, i.lead_id AS _lead, i.own_id, i.since, i.merged, i._at FROM {raw.table} r "
        f"LEFT JOIN (SELECT DISTINCT ON (key) * FROM _all_ids WHERE kind = 'email' "
        f"ORDER BY key, since, merged NULLS FIRST, _at, own_id) i ON i.key = {mail})"
    )
    columns = {
        "kind": literal(kind), "key": key, "lead_id": "_lead", "own_id": "own_id", "since": "since",
        "merged": "merged", "until": "NULL::TIMESTAMP", "_at": "_at",
    }  # fmt: skip
    reading.ledger.sift(f"link {kind}", source, columns, checks, "_linked")
    # An id that leads carry themselves is surer than one found by e-mail.
    reading.con.execute("INSERT INTO _all_ids SELECT * FROM _linked ANTI JOIN _all_ids USING (kind, key)")
    reading.con.execute("DROP TABLE _linked")


def _device(reading: Reading, spec: DeviceSpec) -> None:
    """A device is its first lead's from the first time both were seen together, until another lead is seen on it.

    Whoever comes second must not take away what was known before: the link stays for the rows until then.
    """
    seen, key = f"r.{at(spec.at)}", f"r.{ident(spec.id)}"
    joins = " OR ".join(f"(i.kind = {literal(k.by)} AND i.key = r.{ident(k.column)})" for k in spec.lead)
    # Leads of one e-mail are one person; merged ones are two until the merging, whoever knows of it afterwards.
    reading.con.execute(
        f"""INSERT INTO _all_ids
        WITH sightings AS (
            SELECT {key} AS key, i.*, greatest({seen}, i.since) AS known,
                CASE WHEN i.merged IS NULL THEN i.lead_id ELSE i.own_id END AS person
            FROM {reading.raw[spec.source].table} r
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
