"""Which snapshots' features cannot have changed since they were last built, by fingerprints of what they are made of.

Features at a cutoff are made of rows known before it: the lead's own, its account's and those of the account's other
leads. So where the rows known before an instant have the same fingerprint as last time, features at cutoffs up to that
instant are the same, to the bit, and need not be built again. What all leads share goes into `conditions`.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import TZPATH

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis.backends.duckdb import Backend

from leadml.engine import engine_versions
from leadml.features.spec import FeatureSpec, FeatureTables
from leadml.features.touches import build_types, find_begun


@dataclass(frozen=True)
class Built:
    """Features as they were built before.

    ``keys`` has lead_id and cutoff, and row i of ``X`` belongs to row i of it; ``fingerprints`` lead_id and
    fingerprint, of the rows known before ``end``; ``conditions`` is the digest of everything that leads share.
    """

    keys: pd.DataFrame
    X: pd.DataFrame
    fingerprints: pd.DataFrame
    end: datetime
    conditions: str


def find_same(built: Built, snapshots: pd.DataFrame, now: pd.DataFrame, conditions: str) -> np.ndarray:
    """For each snapshot the row of ``built.X`` that it would have again, -1 where it has to be built.

    Args:
        built: what there is.
        snapshots: lead_id, cutoff.
        now: the fingerprints of the rows known before ``built.end`` today.
        conditions: today's.
    """
    nothing = np.full(len(snapshots), -1)
    if conditions != built.conditions or len(built.keys) != len(built.X):
        return nothing
    both = now.merge(built.fingerprints, on="lead_id", suffixes=("", "_built"))
    same = both.loc[both["fingerprint"] == both["fingerprint_built"], "lead_id"]
    keys = built.keys[["lead_id", "cutoff"]].assign(place=np.arange(len(built.keys)))
    keys = keys[keys["lead_id"].isin(same) & (keys["cutoff"] <= pd.Timestamp(built.end))]
    keys = keys.drop_duplicates(["lead_id", "cutoff"])
    found = snapshots[["lead_id", "cutoff"]].merge(keys, on=["lead_id", "cutoff"], how="left")["place"]
    return found.fillna(-1).astype("int64").to_numpy()


def fingerprint_leads(con: Backend, tables: FeatureTables, end: datetime) -> pd.DataFrame:
    """lead_id and fingerprint (uint64) of every lead known before ``end``, of all rows known before it.

    The sum of the rows' hashes, its own and its account's, so the order of rows is of no matter.
    """
    before = ibis.literal(end)
    leads = tables.leads.filter(tables.leads.known_at < before)
    histories = tables.history.filter(tables.history.changed_at < before)
    own = [
        hashed(con, leads, "lead_id"),
        *[hashed(con, t.filter((t.known_at < before) & t.lead_id.notnull()), "lead_id")
          for t in (tables.touchpoints, tables.conversions, tables.closures)],
        hashed(con, histories.filter(histories.entity == "lead"), "entity_id"),
    ]  # fmt: skip
    company = [
        hashed(con, tables.accounts.filter(tables.accounts.known_at < before), "account_id"),
        hashed(con, histories.filter(histories.entity == "account"), "entity_id"),
    ]
    query = f"""
        WITH known_leads AS ({con.compile(leads.select("lead_id", "account_id"))}),
        own AS (SELECT key AS lead_id, sum(hash) AS total FROM ({" UNION ALL ".join(own)}) GROUP BY key),
        members AS (SELECT account_id AS key, hash(total) AS hash FROM own JOIN known_leads USING (lead_id)
            WHERE account_id IS NOT NULL),
        company AS (SELECT key, sum(hash) AS total FROM ({" UNION ALL ".join(company)} UNION ALL FROM members)
            GROUP BY key)
        SELECT lead_id, hash(own.total, company.total) AS fingerprint FROM known_leads JOIN own USING (lead_id)
            LEFT JOIN company ON company.key = account_id ORDER BY lead_id"""
    return con.con.execute(query).df()


def hashed(con: Backend, rows: ir.Table, key: str) -> str:
    """SQL for key and hash of every row: of all its columns, in the order of their names, and of the table's kind."""
    ordered = rows.select(key=rows[key], **{f"c_{c}": rows[c] for c in sorted(rows.columns)})
    columns = ", ".join(f'"c_{c}"' for c in sorted(rows.columns))
    return f"SELECT key, hash('{','.join(sorted(rows.columns))}', {columns}) AS hash FROM ({con.compile(ordered)})"


def describe_conditions(con: Backend, tables: FeatureTables, spec: FeatureSpec, end: datetime) -> str:
    """The digest of what all leads' features at cutoffs up to ``end`` share.

    The specification, the code, the engines, the rules of the time zones, and when each kind of touchpoint was first
    known, if before ``end``.
    """
    last = int((end - datetime(1970, 1, 1)).total_seconds() * 1_000_000)
    begun = find_begun(build_types(tables.touchpoints, spec), spec)
    facts: dict[str, Any] = {
        "spec": spec.to_dict(),
        "begun": {name: at if at is not None and at < last else None for name, at in begun.items()},
        "engines": engine_versions(con),
        "zones": {zone: digest_zone(zone) for zone in sorted({spec.zone, *spec.zones.values()})},
        "code": digest_code(),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def digest_zone(name: str) -> str:
    """Of the zone's rules: the file that zoneinfo reads, the system's or else that of the package tzdata."""
    files = (Path(folder, name) for folder in TZPATH)
    found = next((f for f in files if f.is_file()), None) or resources.files("tzdata").joinpath("zoneinfo", name)
    return hashlib.sha256(found.read_bytes()).hexdigest()


def digest_code() -> str:
    """Of the files that features are defined in."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
