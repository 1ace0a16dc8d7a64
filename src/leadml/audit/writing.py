"""Proof by dates: when a field was written, what two exports say of one lead, what was scored and what is said now."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from leadml.audit.filling import lower_bound, upper_bound
from leadml.audit.findings import Evidence

MIN_CHANGES = 20  # of converted leads, below which a field is not judged
LATE = 0.30  # lower bound of the share of late changes
AFTER_DAYS = 7.0  # after the conversion, within which a change came with it
TIMES_OTHERS = 2.0  # of the same share of leads that did not convert
REWRITTEN = 0.25  # share of the compared values from which they are not what was known, whatever the outcome
CORRECTED = {False: 0.005, True: 0.05}  # share worth a point, of undated and of dated columns
LEAST_DIFFERENT = 5  # values
WITH_OUTCOME = 2.0  # times as often for one outcome as for the other
CHANCE = 1e-3  # of such a difference, by Fisher's exact test
ANOTHER_COMPANY = 0.5  # share of all features and rows beyond which two frames are not of the same data


COUNTS = ["column", "rows", "differ", "converted", "differ_converted", "others", "differ_others"]


def written_late(changes: pd.DataFrame, leads: pd.DataFrame, within_days: float, seed: int = 0) -> dict[str, Evidence]:
    """``written_late``, by field: its changes come with the conversion or after it.

    A change is late from ``within_days`` before the conversion on; where the history is long that is nearly every
    change, so those up to `AFTER_DAYS` after it are asked about as well, by themselves. Leads without a conversion are
    given a moment for comparison: they are matched by the seed with the time that converted leads took from known_at
    on.

    Args:
        changes: ``lead_id``, ``field``, ``changed_at``: every dated change, first values left out.
        leads: ``lead_id``, ``known_at``, ``converted_at`` (NaT where it never was).
        within_days: 0 or more.
        seed: of the matching.
    """
    leads = leads.drop_duplicates("lead_id").sort_values("lead_id", kind="stable").reset_index(drop=True)
    took = (leads["converted_at"] - leads["known_at"]).dropna()
    if took.empty:
        return {}
    drawn = np.random.default_rng(seed).choice(took.to_numpy(), len(leads))
    moment = leads["converted_at"].fillna(leads["known_at"] + pd.Series(drawn, index=leads.index))
    facts = pd.DataFrame({"lead_id": leads["lead_id"], "moment": moment, "won": leads["converted_at"].notna()})
    joined = changes.merge(facts, on="lead_id", how="inner")
    since = joined["changed_at"] - joined["moment"]
    joined["late"] = since >= -pd.Timedelta(days=within_days)
    joined["close"] = joined["late"] & (since <= pd.Timedelta(days=AFTER_DAYS))
    found = {}
    for field, rows in joined.groupby("field", sort=True):
        for test in ("late", "close"):
            numbers = late_numbers(rows.loc[rows["won"], test], rows.loc[~rows["won"], test])
            if numbers is not None:
                within = {"within_days": within_days, "after_days": AFTER_DAYS if test == "close" else None}
                found[str(field)] = Evidence("written_late", numbers | within, 0, proof=True)
                break
    return found


def late_numbers(won: pd.Series, lost: pd.Series) -> dict[str, float | None] | None:
    """Counts of late changes (True) of converted leads and of others; None where they are too few or too alike."""
    if len(won) < MIN_CHANGES:
        return None
    low, compared = lower_bound(int(won.sum()), len(won)), upper_bound(int(lost.sum()), max(len(lost), 1))
    compared = compared if len(lost) >= MIN_CHANGES else 0.0
    if low < LATE or low <= TIMES_OTHERS * compared:
        return None
    shares = {"share": round(float(won.mean()), 4), "share_others": round(float(lost.mean()), 4) if len(lost) else None}
    return {"changes": len(won), "late": int(won.sum()), "changes_others": len(lost)} | shares


def compare_values(first: pd.DataFrame, second: pd.DataFrame, label: np.ndarray | None = None) -> pd.DataFrame:
    """Each shared column's numbers of rows compared and of rows that differ; frames are aligned row by row.

    Missing equals missing. A value that was missing in ``first`` and is there in ``second`` differs. ``label`` (1, 0,
    NaN where unknown or not to be looked at) gives the same numbers of converted rows and of others.

    Returns:
        ``column``, ``rows``, ``differ``, ``converted``, ``differ_converted``, ``others``, ``differ_others``.
    """
    known = np.full(len(first), np.nan) if label is None else np.asarray(label, dtype=np.float64)
    won, lost = known == 1, known == 0
    found = []
    for name in [c for c in first.columns if c in second.columns]:
        differ = unequal(first[name], second[name])
        counts = [len(first), differ.sum(), won.sum(), (differ & won).sum(), lost.sum(), (differ & lost).sum()]
        found.append((name, *map(int, counts)))
    return pd.DataFrame(found, columns=COUNTS)


def unequal(one: pd.Series, other: pd.Series) -> np.ndarray:
    """Which values differ (n,), exactly; missing equals missing."""
    if pd.api.types.is_numeric_dtype(one.dtype) and pd.api.types.is_numeric_dtype(other.dtype):
        a, b = (s.to_numpy(dtype=np.float64, na_value=np.nan) for s in (one, other))
        return ~((a == b) | (np.isnan(a) & np.isnan(b)))
    a, b = (s.astype(object).where(s.notna(), None).to_numpy(dtype=object) for s in (one, other))
    return a != b


def differing_evidence(kind: str, counts: pd.DataFrame, dated: Mapping[str, bool]) -> dict[str, Evidence]:
    """``restated`` or ``archive``, by column.

    A proof where the values of one outcome were rewritten at least twice as often as those of the other, by more than
    chance, or where a quarter of all were. Else a point from 0.5 % of the values on (columns built from dated rows:
    5 %): corrections are no leak, and neither are rows that arrive late. Nothing is said where more than half of the
    columns differ in more than half of the rows: then the two are not about the same data.

    Args:
        kind: of the evidence.
        counts: of `compare_values`.
        dated: which columns are built from dated rows.
    """
    found: dict[str, Evidence] = {}
    for row in [] if is_another(counts) else counts.to_dict(orient="records"):
        name, rows, differ = str(row["column"]), int(row["rows"]), int(row["differ"])
        share = differ / max(rows, 1)
        proof = differ >= LEAST_DIFFERENT and (share >= REWRITTEN or goes_with_outcome(row))
        if proof or share >= CORRECTED[bool(dated.get(name, False))]:
            numbers: dict[str, Any] = {"rows": rows, "differ": differ, "share": round(share, 4)}
            for group in ("converted", "others"):
                known = int(row[group])
                numbers[f"share_{group}"] = round(int(row[f"differ_{group}"]) / known, 4) if known else None
            found[name] = Evidence(kind, numbers, 0 if proof else 1, proof)
    return found


def goes_with_outcome(row: Mapping[Hashable, Any]) -> bool:
    """Whether values of one outcome differ much more often than those of the other (a row of `compare_values`)."""
    won, lost = int(row["converted"]), int(row["others"])
    a, b = int(row["differ_converted"]), int(row["differ_others"])
    if not won or not lost:
        return False
    low, high = sorted((a / won, b / lost))
    from scipy.stats import fisher_exact  # not before it is needed: 0.7 s at every start otherwise

    return bool(high >= WITH_OUTCOME * low and fisher_exact([[a, won - a], [b, lost - b]]).pvalue < CHANCE)


def is_another(counts: pd.DataFrame) -> bool:
    """Whether more than half of the columns differ in more than half of the rows."""
    return bool(len(counts) and (counts["differ"] > ANOTHER_COMPANY * counts["rows"]).mean() > ANOTHER_COMPANY)
