"""Text tables to the tables of the contract, as far as the prediction problem reads them."""

from datetime import datetime
from io import StringIO

import ibis
import pandas as pd

from leadml import snapshots as s
from leadml.config import ConversionEvent, ProblemConfig

COLUMNS = {
    "leads": {"lead_id": "str", "account_id": "str", "known_at": "t"},
    "accounts": {"account_id": "str"},
    "history": {"entity": "str", "entity_id": "str", "field": "str", "value": "str", "changed_at": "t"},
    "touchpoints": {
        "lead_id": "str", "account_id": "str", "known_at": "t", "channel": "str", "kind": "str", "initiator": "str",
    },
    "conversions": {"lead_id": "str", "converted_at": "t", "known_at": "t", "amount": "float64"},
    "closures": {"lead_id": "str", "closed_at": "t", "known_at": "t", "kind": "str"},
}  # fmt: skip
ALIKE = {"conversions": "converted_at", "closures": "closed_at"}  # known at once where the table does not say


def problem(**changes):
    settings = {
        "conversion": ConversionEvent.won,
        "gap_days": 0,
        "horizon_days": 30,
        "booking_delay_days": 0,
        "weekly": True,
        "weekday": 0,
        "age_days": [],
        "train_every": 1,
        "active_days": None,
        "data_end": None,
    }
    return ProblemConfig(**(settings | changes))


def read(text):
    frame = pd.read_csv(StringIO(text), skipinitialspace=True, dtype=str)
    frame.columns = frame.columns.str.strip()
    frame = frame.apply(lambda c: c.str.strip())
    return frame.mask(frame == "-")  # nothing


def table(name, rows):
    """An Ibis table of the rows: CSV text, or a list of mappings; columns that are not there are null."""
    frame = (read(rows) if rows else pd.DataFrame()) if isinstance(rows, str) else pd.DataFrame(rows)
    if "known_at" not in frame and ALIKE.get(name) in frame:
        frame["known_at"] = frame[ALIKE[name]]
    frame = frame.reindex(columns=[*COLUMNS[name], *(c for c in frame if c not in COLUMNS[name])])
    for column, kind in COLUMNS[name].items():
        as_time = kind == "t"
        frame[column] = pd.to_datetime(frame[column]) if as_time else frame[column]
        frame[column] = frame[column].astype("datetime64[us]" if as_time else kind)
    return ibis.memtable(frame)


def tables(leads, touchpoints="", conversions="", closures=""):
    return s.LeadTables(
        table("leads", leads),
        table("touchpoints", touchpoints),
        table("conversions", conversions),
        table("closures", closures),
    )


def folded(leads, touchpoints="", conversions="", closures="", exits=("lost", "merged", "erased", "opted_out")):
    """The same, folded to accounts."""
    plain = tables(leads, touchpoints, conversions, closures)
    units = s.UnitTables(
        plain.leads, table("accounts", []), table("history", []), plain.touchpoints, plain.conversions, plain.closures
    )
    made = s.fold_to_accounts(units, exits)
    return s.LeadTables(made.leads, made.touchpoints, made.conversions, made.closures)


def shown(frame):
    """One line a snapshot: lead, cutoff, label (- while censored)."""
    out = frame[["lead_id", "cutoff", "label"]].copy()
    out["cutoff"] = out["cutoff"].dt.strftime("%Y-%m-%d %H:%M")
    return [f"{r.lead_id} {r.cutoff} {'-' if pd.isna(r.label) else int(r.label)}" for r in out.itertuples()]


def expected(text):
    return [line.strip() for line in text.strip().splitlines()]


def day(text):
    return datetime.fromisoformat(text)
