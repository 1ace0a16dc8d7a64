"""Leads from their raw rows, merged and duplicate ones joined.

Leaves temporary tables. ``_staged_leads``: one row a lead id, ``_own`` is the earliest lead of the same e-mail.
``_leads``: of those the ones that stand for themselves (also the merged and erased ones). ``_survivors``: each merged
lead, the living lead that it became, and since when.
"""

from dataclasses import dataclass

import duckdb

from leadml.sources import sql
from leadml.sources.quarantine import Check, Ledger
from leadml.sources.raw import Raw
from leadml.sources.spec import AccountRule, Attribute, LeadsSpec, Mapping
from leadml.sources.sql import Clock, Moment, at, ident, literal, literals

# Mail providers for private people: an address there tells nothing about a company.
_FREE_MAIL = (
    "gmail.com googlemail.com hotmail.com hotmail.es hotmail.co.uk hotmail.fr hotmail.it outlook.com outlook.es "
    "live.com live.co.uk msn.com yahoo.com yahoo.es yahoo.co.uk yahoo.fr yahoo.de yahoo.it yahoo.com.mx "
    "yahoo.com.ar ymail.com rocketmail.com aol.com icloud.com me.com mac.com gmx.com gmx.de gmx.net gmx.es web.de "
    "t-online.de freenet.de mail.com mail.ru yandex.ru yandex.com proton.me protonmail.com pm.me zoho.com "
    "tutanota.com fastmail.com hey.com qq.com 163.com 126.com naver.com terra.es telefonica.net orange.fr "
    "wanadoo.fr free.fr laposte.net libero.it virgilio.it tiscali.it uol.com.br bol.com.br terra.com.br "
    "comcast.net verizon.net att.net sbcglobal.net btinternet.com"
)


@dataclass(frozen=True)
class Reading:
    """What every builder of a table needs: the mapping, the raw tables, the books, and the end of the data."""

    con: duckdb.DuckDBPyConnection
    mapping: Mapping
    raw: dict[str, Raw]
    ledger: Ledger
    end: str

    @property
    def clock(self) -> Clock:
        """How the source writes times."""
        return Clock(self.mapping.timezone, self.mapping.day_first)

    def moment(self, columns: tuple[str, ...], raw: Raw) -> Moment:
        """The time in the first of the columns that has one in a row, of those that the files have."""
        return sql.moment(self.clock, [c for c in columns if c in raw.present])

    def time_checks(self, column: str, moment: Moment) -> list[Check]:
        """Rules for a time that a row cannot do without: present, a time, and not after the export."""
        return [
            Check("missing_date", f"{moment.text} IS NULL", column=column),
            Check("bad_date", f"{moment.at} IS NULL", column=column, value=moment.text),
            Check("after_export", f"{moment.at} >= TIMESTAMP {literal(self.end)}", column=column, value=moment.text),
        ]


def free_mail(mapping: Mapping) -> str:
    """The free-mail domains as SQL literals."""
    return literals(sorted({*_FREE_MAIL.split(), *(d.lower() for d in mapping.free_mail)}))


def account_expr(rule: AccountRule | None, mapping: Mapping) -> str:
    """The account id of a row, NULL where there is none."""
    if rule is None:
        return "NULL::VARCHAR"
    if not rule.domain:
        return ident(rule.column)
    domain = sql.domain(ident(rule.column))
    return f"CASE WHEN {domain} NOT IN ({free_mail(mapping)}) THEN {domain} END"


def attribute_expr(attribute: Attribute, mapping: Mapping) -> str:
    """The attribute's value: DOUBLE for numbers, VARCHAR for categories."""
    column = ident(attribute.column)
    if attribute.type == "number":
        return sql.number(column)
    if attribute.type == "category":
        return column
    if attribute.type == "keywords":
        return sql.keyword_level(column, mapping.keywords[attribute.keywords or ""])
    domain = sql.domain(column)
    if attribute.type == "domain":
        return domain
    return (
        f"CASE WHEN {domain} IS NULL THEN NULL WHEN {domain} IN ({free_mail(mapping)}) THEN 'free' ELSE 'business' END"
    )


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
    _join_merged(reading.con)
    _join_duplicates(reading, spec)


def _stage(reading: Reading, spec: LeadsSpec, raw: Raw) -> None:
    con, created = reading.con, reading.moment(spec.created_at, raw)
    deleted_at = ", ".join(at(c) for c in spec.deleted_at) or "NULL::TIMESTAMP"
    email = sql.email(ident(spec.email)) if spec.email else "NULL::VARCHAR"
    columns = {
        "_file": "_file", "_row": "_row", "_at": created.at, "_known": created.known,
        "_id": ident(spec.lead_id),
        "_account": account_expr(spec.account, reading.mapping),
        "_email": email,
        "_master": ident(spec.merged_into) if spec.merged_into else "NULL::VARCHAR",
        "_deleted": sql.is_true(ident(spec.deleted)) if spec.deleted else "FALSE",
        "_deleted_at": f"coalesce({deleted_at}, NULL)",
    }  # fmt: skip
    columns |= {f"_id_{kind}": ident(column) for kind, column in spec.ids.items()}
    columns |= {a.name: attribute_expr(a, reading.mapping) for a in fixed_attributes(spec.attributes, raw)}
    columns |= {f"_now_{a.name}": ident(a.column) for a in spec.attributes if a.history is not None}
    checks = [Check("missing_id", f"{ident(spec.lead_id)} IS NULL", column=spec.lead_id)]
    checks += reading.time_checks(spec.created_at[0], created)
    reading.ledger.sift("leads", raw.table, columns, checks, "_staged_leads")
    con.execute("ALTER TABLE _staged_leads ADD COLUMN _own VARCHAR")
    # A lead id that occurs twice (files.id not set): the last row counts, as everywhere.
    again = "rowid NOT IN (SELECT max(rowid) FROM _staged_leads GROUP BY _id)"
    reading.ledger.take_back("leads", "same_id", f"SELECT _file, _row FROM _staged_leads WHERE {again}")
    con.execute(f"DELETE FROM _staged_leads WHERE {again}")


def _join_merged(con: duckdb.DuckDBPyConnection) -> None:
    """``_survivors``: each merged lead and the living lead at the end of its chain of merges."""
    con.execute(
        """CREATE OR REPLACE TEMP TABLE _survivors AS
        WITH RECURSIVE
        gone AS (SELECT _id, _master, _deleted_at FROM _staged_leads WHERE _deleted AND _master IS NOT NULL),
        chain(_id, root, since, depth) AS (
            SELECT _id, _master, _deleted_at, 1 FROM gone
            UNION ALL
            -- 20 merges in a row are an error in the data, most likely a circle.
            SELECT c._id, g._master, greatest(c.since, g._deleted_at), depth + 1
            FROM chain c JOIN gone g ON c.root = g._id WHERE depth < 20)
        SELECT c._id, c.root, c.since FROM chain c
        JOIN _staged_leads l ON l._id = c.root AND NOT l._deleted"""
    )


def _join_duplicates(reading: Reading, spec: LeadsSpec) -> None:
    """Point every living lead at the earliest one with its e-mail (``_own``), and move the later ones out."""
    joined = "_email" if spec.join_email and spec.email else "NULL"
    reading.con.execute(
        f"""CREATE OR REPLACE TEMP TABLE _owners AS SELECT _id,
        CASE WHEN _deleted OR {joined} IS NULL THEN _id
             ELSE first_value(_id) OVER (PARTITION BY _deleted, {joined} ORDER BY _at, _id) END AS _own
        FROM _staged_leads"""
    )
    reading.con.execute("UPDATE _staged_leads SET _own = o._own FROM _owners o WHERE o._id = _staged_leads._id")
    reading.con.execute("CREATE OR REPLACE TEMP TABLE _leads AS SELECT * FROM _staged_leads WHERE _id = _own")
    reading.ledger.take_back("leads", "joined_duplicate", "SELECT _file, _row FROM _staged_leads WHERE _id <> _own")
    reading.con.execute("DROP TABLE _owners")
