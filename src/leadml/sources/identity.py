"""Leads from their raw rows, merged and duplicate ones joined.

Leaves temporary tables. ``_aliases``: ids of leads that are gone from the exports, the lead that an audit of merges
says they became, and since when. ``_staged_leads``: one row a lead id, ``_own`` the earliest lead of one person.
``_leads``: of those the ones that stand for themselves (also the merged and erased ones). ``_survivors``: each merged
lead, the living lead that it became, and since when.
"""

from dataclasses import dataclass

import duckdb
import pyarrow as pa
from scipy.cluster.hierarchy import DisjointSet

from leadml.sources import sql
from leadml.sources.quarantine import OTHER_ROWS, Check, Ledger, Source
from leadml.sources.raw import Raw
from leadml.sources.spec import AccountRule, Attribute, LeadsSpec, Mapping, MergeSpec
from leadml.sources.sql import Moment, at, ident, literal, literals

# So many merges in a row are an error in the data, most likely a circle.
_LONGEST_CHAIN = 20
# Mail providers for private people: an address there tells nothing about a company. The first have domains in many
# countries (hotmail.com.mx), the others are these.
_FREE_EVERYWHERE = "hotmail yahoo live outlook gmx msn googlemail aol ymail windowslive icloud yandex mail protonmail"
_FREE_MAIL = (
    "gmail.com rocketmail.com me.com mac.com web.de t-online.de freenet.de mail.ru bk.ru list.ru inbox.ru ukr.net "
    "proton.me pm.me zoho.com tutanota.com tuta.com fastmail.com hey.com qq.com 163.com 126.com sina.com naver.com "
    "daum.net terra.es telefonica.net orange.fr orange.es wanadoo.fr wanadoo.es free.fr laposte.net sfr.fr libero.it "
    "virgilio.it tiscali.it alice.it uol.com.br bol.com.br ig.com.br terra.com.br wp.pl onet.pl o2.pl interia.pl "
    "seznam.cz centrum.cz comcast.net verizon.net att.net sbcglobal.net cox.net btinternet.com sky.com rediffmail.com "
    "prodigy.net.mx bluewin.ch telenet.be ziggo.nl kpnmail.nl"
)


@dataclass(frozen=True)
class Reading:
    """What every builder of a table needs: the mapping, the raw tables, the books, and the end of the data."""

    con: duckdb.DuckDBPyConnection
    mapping: Mapping
    raw: dict[str, Raw]
    ledger: Ledger
    end: str

    def moment(self, columns: tuple[str, ...], raw: Raw) -> Moment:
        """The time in the first of the columns that has one in a row, of those that the files have."""
        return sql.moment(raw.clock, [c for c in columns if c in raw.present])

    def known(self, known: str, columns: tuple[str, ...], raw: Raw) -> str:
        """The latest of when a row's time is known and of its further times; one that is missing hides no other."""
        others = [self.moment((c,), raw).known for c in columns if c in raw.present]
        return f"greatest({', '.join([known, *others])})" if others else known

    def known_checks(self, columns: tuple[str, ...], raw: Raw) -> list[Check]:
        """Rules for the times from which a row is known: each a time, where it is there, and not after the end."""
        checks = []
        for column in columns:
            if column in raw.present:
                moment, end = self.moment((column,), raw), f"TIMESTAMP {literal(self.end)}"
                broken = f"{moment.text} IS NOT NULL AND {moment.at} IS NULL"
                checks.append(Check("bad_date", broken, column=column, value=moment.text))
                # A date on the last day is known at its end: not after the export.
                checks.append(Check("after_export", f"{moment.known} > {end}", column=column, value=moment.text))
        return checks

    def time_checks(self, column: str, moment: Moment) -> list[Check]:
        """Rules for a time that a row cannot do without: present, a time, and not after the export."""
        return [
            Check("missing_date", f"{moment.text} IS NULL", column=column),
            Check("bad_date", f"{moment.at} IS NULL", column=column, value=moment.text),
            Check("after_export", f"{moment.at} >= TIMESTAMP {literal(self.end)}", column=column, value=moment.text),
        ]


def is_free_mail(domain: str, mapping: Mapping) -> str:
    """Whether a domain (an expression) is of a provider of mail for everybody."""
    listed = literals(sorted({*_FREE_MAIL.split(), *(d.lower() for d in mapping.free_mail)}))
    everywhere = "|".join(_FREE_EVERYWHERE.split())
    return (
        rf"({domain} IN ({listed}) OR regexp_full_match({domain}, '({everywhere})(\.(com|co|net|org))?\.[a-z]{{2,3}}'))"
    )


def account_expr(rule: AccountRule | None, mapping: Mapping) -> str:
    """The account id of a row, NULL where there is none."""
    if rule is None:
        return "NULL::VARCHAR"
    if not rule.domain:
        return ident(rule.column)
    domain = sql.domain(ident(rule.column))
    return f"CASE WHEN NOT {is_free_mail(domain, mapping)} THEN {domain} END"


def attribute_expr(attribute: Attribute, mapping: Mapping, raw: Raw, created: str) -> str:
    """The attribute's value: DOUBLE for numbers and dates, VARCHAR for categories; ``created``: the row's creation."""
    column = ident(attribute.column)
    if attribute.type == "number":
        times = "" if attribute.times == 1.0 else f" * {attribute.times!r}"
        return f"{raw.number(attribute.column)}{times}"
    if attribute.type == "date":
        return f"epoch_us({sql.plausible(raw.clock.instant(column))} - {created}) / 86400e6"
    return text_level(attribute, mapping, column)


def text_level(attribute: Attribute, mapping: Mapping, text: str) -> str:
    """The level that an attribute makes of a text: of a category the text itself."""
    if attribute.type == "keywords":
        return sql.keyword_level(text, mapping.keywords[attribute.keywords or ""])
    if attribute.type not in ("mail_kind", "domain"):
        return sql.level(text)
    domain = sql.domain(text)
    if attribute.type == "domain":
        return domain
    return f"CASE WHEN {domain} IS NULL THEN NULL WHEN {is_free_mail(domain, mapping)} THEN 'free' ELSE 'business' END"


def fixed_attributes(attributes: tuple[Attribute, ...], raw: Raw) -> list[Attribute]:
    """Attributes fixed at creation whose column the files have."""
    return [a for a in attributes if a.history is None and a.column in raw.present]


def build_leads(reading: Reading) -> None:
    """Make ``_staged_leads``, ``_leads`` and ``_survivors`` from the raw leads."""
    spec = reading.mapping.leads
    if spec is None:
        return
    raw = reading.raw[spec.source]
    _stage(reading, spec, raw)
    fold_audits(reading)
    _join_merged(reading)
    _join_duplicates(reading, spec)


def _stage(reading: Reading, spec: LeadsSpec, raw: Raw) -> None:
    con, created = reading.con, reading.moment(spec.created_at, raw)
    known = reading.known(created.known, spec.known_at, raw)
    deleted_at = ", ".join(at(c) for c in spec.deleted_at) or "NULL::TIMESTAMP"
    email = sql.email(ident(spec.email)) if spec.email else "NULL::VARCHAR"
    columns = {
        "_file": "_file", "_row": "_row", "_at": created.at, "_known": known,
        "_id": ident(spec.lead_id), "_own": ident(spec.lead_id),
        "_account": account_expr(spec.account, reading.mapping),
        "_email": email,
        "_master": ident(spec.merged_into) if spec.merged_into else "NULL::VARCHAR",
        "_deleted": sql.is_true(ident(spec.deleted)) if spec.deleted else "FALSE",
        "_deleted_at": f"coalesce({deleted_at}, NULL)",
    }  # fmt: skip
    columns |= {f"_id_{kind}": ident(column) for kind, column in spec.ids.items()}
    for existing in spec.existing:
        tied = [c for c in existing.since if c in raw.present]
        moment = reading.moment(tuple(tied), raw) if tied else Moment("NULL", "NULL::TIMESTAMP", "NULL::TIMESTAMP")
        columns |= {f"_tied_{existing.kind}": moment.at, f"_tie_known_{existing.kind}": moment.known}
    columns |= {
        a.name: attribute_expr(a, reading.mapping, raw, created.at) for a in fixed_attributes(spec.attributes, raw)
    }
    columns |= {
        f"_now_{a.name}": ident(a.column) if a.column in raw.present else "NULL::VARCHAR"
        for a in spec.attributes
        if a.history is not None
    }
    checks = [Check("missing_id", f"{ident(spec.lead_id)} IS NULL", column=spec.lead_id)]
    checks += reading.time_checks(spec.created_at[0], created)
    checks += reading.known_checks(spec.known_at, raw)
    reading.ledger.sift("leads", Source(raw.table, raw.name), columns, checks, "_staged_leads")
    if reading.mapping.files[spec.source].id == (spec.lead_id,):
        return
    # A lead id that occurs twice (files.id not set): the last row counts, as everywhere.
    again = "rowid NOT IN (SELECT max(rowid) FROM _staged_leads GROUP BY _id)"
    reading.ledger.take_back("leads", "same_id", f"SELECT _file, _row FROM _staged_leads WHERE {again}")
    con.execute(f"DELETE FROM _staged_leads WHERE {again}")


def fold_audits(reading: Reading) -> None:
    """Read the audits of merges: leads that are still there are marked as merged, those gone go to ``_aliases``."""
    con = reading.con
    con.execute("CREATE OR REPLACE TEMP TABLE _audit (loser VARCHAR, winner VARCHAR, _at TIMESTAMP)")
    for spec in reading.mapping.merges:
        if spec.source in reading.raw:
            _read_audit(reading, spec)
    # Of several audits of one lead the first counts: it is gone after that.
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _audit AS SELECT loser, arg_min(winner, (_at, winner)) AS winner, "
        "min(_at) AS _at FROM _audit GROUP BY loser"
    )
    con.execute(
        """UPDATE _staged_leads SET _deleted = TRUE, _master = a.winner, _deleted_at = a._at FROM _audit a
        WHERE a.loser = _staged_leads._id AND NOT _deleted"""
    )
    gone = "SELECT loser, winner, _at FROM _audit ANTI JOIN _staged_leads ON _id = loser"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE _aliases AS
        WITH RECURSIVE gone AS ({gone}), chain(_id, root, since, depth) AS (
            SELECT loser, winner, _at, 1 FROM gone
            UNION ALL
            SELECT c._id, g.winner, greatest(c.since, g._at), depth + 1
            FROM chain c JOIN gone g ON c.root = g.loser WHERE depth < {_LONGEST_CHAIN})
        SELECT c._id, c.root, c.since FROM chain c JOIN _staged_leads l ON l._id = c.root"""
    )


def _read_audit(reading: Reading, spec: MergeSpec) -> None:
    raw = reading.raw[spec.source]
    when = reading.moment(spec.at, raw)
    losers = ident(spec.loser)
    if spec.split is not None:
        # Some audits write the ids as a list in brackets.
        bare = rf"regexp_replace({losers}, '[\[\]\"'' ]', '', 'g')"
        # A cell without any id stays one row, for a rule to take.
        losers = f"unnest(coalesce(string_split({bare}, {literal(spec.split)}), [NULL]))"
    relation = f"(SELECT *, nullif(trim({losers}), '') AS _loser FROM {raw.table})" if spec.split else raw.table
    loser = "_loser" if spec.split else losers
    columns = {"loser": loser, "winner": ident(spec.winner), "_at": when.known}
    checks = [
        Check(OTHER_ROWS, f"NOT ({sql.where(spec.where)})", quarantined=False),
        Check("missing_id", f"{loser} IS NULL OR {ident(spec.winner)} IS NULL", column=spec.loser),
        *reading.time_checks(spec.at[0], when),
        Check("same_lead", f"{loser} = {ident(spec.winner)}", quarantined=False),
    ]
    source = Source(relation, raw.name, several=spec.split is not None)
    reading.ledger.sift("merges", source, columns, checks, "_read_audit")
    reading.con.execute("INSERT INTO _audit SELECT * FROM _read_audit")
    reading.con.execute("DROP TABLE _read_audit")


def _join_merged(reading: Reading) -> None:
    """``_survivors``: each merged lead and the living lead at the end of its chain of merges.

    A merging without a date is known at the end of the data only.
    """
    gone_at = f"coalesce(_deleted_at, TIMESTAMP {literal(reading.end)})"
    reading.con.execute(
        f"""CREATE OR REPLACE TEMP TABLE _survivors AS
        WITH RECURSIVE
        gone AS (SELECT _id, _master, {gone_at} AS _gone_at FROM _staged_leads
            WHERE _deleted AND _master IS NOT NULL),
        chain(_id, root, since, depth) AS (
            SELECT _id, _master, _gone_at, 1 FROM gone
            UNION ALL
            SELECT c._id, g._master, greatest(c.since, g._gone_at), depth + 1
            FROM chain c JOIN gone g ON c.root = g._id WHERE depth < {_LONGEST_CHAIN})
        SELECT c._id, c.root, c.since FROM chain c
        JOIN _staged_leads l ON l._id = c.root AND NOT l._deleted"""
    )


def _join_duplicates(reading: Reading, spec: LeadsSpec) -> None:
    """Point every living lead at the earliest one that it shares an id with (``_own``), and move the others out."""
    con = reading.con
    pairs = []
    for kind in spec.join:
        key = "_email" if kind == "email" else ident(f"_id_{kind}")
        pairs += con.execute(
            f"""SELECT _id, first FROM (
                SELECT _id, first_value(_id) OVER (PARTITION BY {key} ORDER BY _at, _id) AS first
                FROM _staged_leads WHERE NOT _deleted AND {key} IS NOT NULL)
            WHERE _id <> first ORDER BY ALL"""
        ).fetchall()
    if pairs:
        _write_owners(con, pairs)
    con.execute("CREATE OR REPLACE TEMP TABLE _leads AS SELECT * FROM _staged_leads WHERE _id = _own")
    reading.ledger.take_back("leads", "joined_duplicate", "SELECT _file, _row FROM _staged_leads WHERE _id <> _own")


def _write_owners(con: duckdb.DuckDBPyConnection, pairs: list[tuple[str, str]]) -> None:
    """``_own`` of leads tied by pairs of ids, over any number of steps: the earliest of each group."""
    groups = DisjointSet(dict.fromkeys(x for pair in pairs for x in pair))
    for one, other in pairs:
        groups.merge(one, other)
    members = [(member, number) for number, group in enumerate(groups.subsets()) for member in group]
    con.register("_members", pa.table({"_id": [m for m, _ in members], "number": [n for _, n in members]}))
    con.execute(
        """UPDATE _staged_leads SET _own = g.first FROM (
            SELECT m._id, first_value(m._id) OVER (PARTITION BY number ORDER BY l._at, m._id) AS first
            FROM _members m JOIN _staged_leads l ON l._id = m._id) g WHERE g._id = _staged_leads._id"""
    )
    con.unregister("_members")
