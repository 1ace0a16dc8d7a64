"""Sensitive columns: out of the features, and their values as they were known, for the fairness audit alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from leadml.errors import DataError
from leadml.features.firmographic import build_as_of, stored
from leadml.features.spec import FeatureSpec, FeatureTables
from leadml.sensitive import AUDIT_ONLY, sensitive_names, why_left_out

SETTING = "features.sensitive"
KINDS = ("lead_attributes", "account_attributes", "as_of_fields", "account_as_of_fields")


def leave_sensitive(
    spec: FeatureSpec, allow: Sequence[str], audit: Sequence[str], columns: Mapping[str, str]
) -> tuple[FeatureSpec, dict[str, str]]:
    """The specification without sensitive attributes and fields, and why each of those is left out, by name.

    Args:
        spec: with all that the tables have.
        allow: sensitive names that are features all the same.
        audit: names that are there for the fairness audit; they are no features whatever they are called.
        columns: of the exports by attribute, whose names tell as well ("Gender__c" read as ``segment``).
    """
    audited = {a.casefold() for a in audit}
    gone: dict[str, str] = {}
    kept: list[dict[str, str]] = []
    for part in KINDS:
        names = getattr(spec, part)
        of_account = part.startswith("account")
        topics = sensitive_names(names, allow, of_account)
        if not of_account:
            by_column = sensitive_names({columns[n]: n for n in names if n in columns}, allow)
            allowed = {a.casefold() for a in allow}
            topics |= {
                n: by_column[columns[n]] for n in names if columns.get(n) in by_column and n.casefold() not in allowed
            }
        gone |= why_left_out(topics, SETTING)
        only = {n: AUDIT_ONLY for n in names if n.casefold() in audited}
        gone |= only
        kept.append({n: kind for n, kind in names.items() if n not in topics and n not in only})
    leads, accounts, of_leads, of_accounts = kept
    left = replace(spec, lead_attributes=leads, account_attributes=accounts)
    return replace(left, as_of_fields=of_leads, account_as_of_fields=of_accounts), gone


def audit_values(tables: FeatureTables, columns: Mapping[str, str], spec: FeatureSpec) -> pd.DataFrame:
    """The columns of the fairness audit (n snapshots, one a column, object), as known at each cutoff.

    A field of the lead's history has its last value with ``changed_at < cutoff``, an attribute of the lead the one of
    its creation; where the lead has none of that name, its account's, if the account was known before the cutoff.

    Args:
        tables: with the snapshots.
        columns: as the settings call them, each with the name of its attribute or field of the history, in any case.
        spec: with all that the tables have, sensitive ones included.

    Raises:
        DataError: a name that is neither.
    """
    found = {column: _place(name, spec) for column, name in columns.items()}
    if unknown := [c for c, place in found.items() if place is None]:
        there = sorted({n for part in KINDS for n in getattr(spec, part)})
        raise DataError(
            f"fairness.columns names {len(unknown)} column(s) that leads and accounts do not have: "
            f"{', '.join(unknown)}; they have {', '.join(there)}"
        )
    rows = tables.snapshots.count().execute()
    values = {}
    for column, place in found.items():
        part, name = place  # type: ignore[misc]  # none is None here
        values[column] = _read(tables, part, name, spec).reindex(range(rows)).to_numpy(dtype=object)
    return pd.DataFrame(values, index=range(rows), dtype=object)


def _place(column: str, spec: FeatureSpec) -> tuple[str, str] | None:
    for part in ("as_of_fields", "lead_attributes", "account_as_of_fields", "account_attributes"):
        for name in getattr(spec, part):
            if name.casefold() == column.casefold():
                return part, name
    return None


def _read(tables: FeatureTables, part: str, name: str, spec: FeatureSpec) -> pd.Series:
    snapshots, leads, accounts = tables.snapshots, tables.leads, tables.accounts
    if part in ("as_of_fields", "account_as_of_fields"):
        entity = "account" if part.startswith("account") else "lead"
        only = {name: "category"}
        one = replace(spec, account_as_of_fields=only) if entity == "account" else replace(spec, as_of_fields=only)
        table = build_as_of(tables, one, entity)
        frame = pd.DataFrame() if table is None else table.to_pandas()
        return frame.set_index("row")[stored(f"{entity} history", name)] if len(frame) else pd.Series(dtype=object)
    if part == "lead_attributes":
        joined = snapshots.select("row", "lead_id").join(leads.select("lead_id", value=leads[name]), "lead_id")
    else:
        mine = snapshots.select("row", "lead_id", "cutoff").join(leads.select("lead_id", key="account_id"), "lead_id")
        theirs = accounts.select(account="account_id", since="known_at", value=accounts[name])
        joined = mine.join(theirs, [mine.key == theirs.account, theirs.since < mine.cutoff])
    return joined.select("row", "value").to_pandas().set_index("row")["value"]
