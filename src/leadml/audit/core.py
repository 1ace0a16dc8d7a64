"""The audit of a frame: every column looked at by every detector, findings out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from leadml.audit.columns import AuditColumn, Coded, code_column, columns_of, draw_rows
from leadml.audit.dominance import LEAST_AUC, MOST_CANDIDATES, dominance, others_auc
from leadml.audit.filling import fill_gap, missing_alone, only_with_outcome, population_gap, unusual_only
from leadml.audit.findings import HIGH, Evidence, Finding, count_points, judge_column, sort_findings
from leadml.audit.levels import pure_levels
from leadml.audit.meanings import words_evidence
from leadml.audit.power import Auc, Outcome, alone_evidence, build_outcome, code_auc, order_evidence
from leadml.errors import DataError

TABLE = "table"


@dataclass(frozen=True)
class AuditInput:
    """What is audited; rows of all parts belong together by position (n,).

    Attributes:
        X: feature values, numbers or texts.
        label: 0 or 1, all known; of training rows only where test labels must not be looked at.
        columns: what to look at; empty for every column of ``X``, all undated.
        lead_id: whose row it is; None where every row is a lead of its own.
        account_id: its company, which stays in one fold; None for the lead.
        period: when the lead came to be (a month, a quarter); leads of one period are comparable. None: all are.
        position: place of the row in the source file; None where the file has no order of its own.
        scoring: feature values of the leads that are to be scored (m rows), None where there are none.
        proofs: evidence from elsewhere by column (denied, written_late, restated, archive).
        seed, threads: of folds and of the models; the result does not depend on the threads.
    """

    X: pd.DataFrame
    label: np.ndarray
    columns: Sequence[AuditColumn] = ()
    lead_id: np.ndarray | None = None
    account_id: np.ndarray | None = None
    period: np.ndarray | None = None
    position: np.ndarray | None = None
    scoring: pd.DataFrame | None = None
    proofs: Mapping[str, Sequence[Evidence]] = field(default_factory=dict)
    seed: int = 0
    threads: int = 2


def audit_frame(data: AuditInput) -> list[Finding]:
    """What speaks against each column, the gravest first; columns with nothing against them are not in it.

    Undated columns are judged with one row a lead (its newest, converted if any of its rows is), so that many snapshots
    of a lead count once; dated columns with every row. At most `MOST_ROWS` rows, drawn by the seed.

    Raises:
        DataError: Labels that are not 0 and 1, or all alike; parts of different lengths.
    """
    check_input(data)
    columns = list(data.columns) or columns_of(data.X)
    rows = Population.of(data)
    evidence, coded, powers = {}, {}, {}
    for column in columns:
        population = rows.dated if column.dated else rows.undated
        values = code_column(data.X[column.name].iloc[population.rows], column.kind)
        auc = code_auc(values.codes, population.outcome)
        coded[column.name], powers[column.name] = values, auc
        evidence[column.name] = look_at(column, values, auc, population, data)
    add_dominance([c for c in columns if not c.dated], Judged(evidence, coded, powers), rows.undated, data)
    found = [judge_column(c.name, c.place, evidence[c.name]) for c in columns]
    found += [judge_column(name, "", proofs) for name, proofs in data.proofs.items() if name not in evidence]
    return sort_findings([f for f in found if f is not None] + look_at_table(data, rows.undated))


@dataclass(frozen=True)
class Population:
    """Row numbers with their outcome and period."""

    rows: np.ndarray
    outcome: Outcome
    period: np.ndarray | None

    @dataclass(frozen=True)
    class Both:
        """One row a lead for undated columns, every row for dated ones."""

        undated: "Population"
        dated: "Population"

    @staticmethod
    def of(data: AuditInput) -> "Population.Both":
        """The populations of an input."""
        n = len(data.X)
        lead = np.arange(n) if data.lead_id is None else pd.factorize(data.lead_id)[0]
        account = lead if data.account_id is None else pd.factorize(data.account_id, use_na_sentinel=False)[0]
        period = None if data.period is None else pd.factorize(data.period, use_na_sentinel=False)[0]
        last = np.empty(int(lead.max()) + 1, dtype=np.int64)
        last[lead] = np.arange(n)
        converted = np.zeros(len(last))
        np.maximum.at(converted, lead, data.label.astype(np.float64))

        def build(rows: np.ndarray, label: np.ndarray) -> Population:
            outcome = build_outcome(label, lead[rows], account[rows], data.seed)
            return Population(rows, outcome, None if period is None else period[rows])

        every, one = draw_rows(n, data.seed), last[draw_rows(len(last), data.seed)]
        return Population.Both(build(one, converted[lead[one]]), build(every, data.label[every]))


@dataclass(frozen=True)
class Judged:
    """What is known by column so far."""

    evidence: dict[str, list[Evidence]]
    coded: dict[str, Coded]
    powers: dict[str, Auc]


def look_at(column: AuditColumn, values: Coded, auc: Auc, population: Population, data: AuditInput) -> list[Evidence]:
    """The evidence of one column by itself."""
    outcome = population.outcome
    found: list[Evidence | None] = [*data.proofs.get(column.name, ()), alone_evidence(auc, outcome, column.dated)]
    if not column.dated:
        found += [
            only_with_outcome(values, outcome),
            unusual_only(values, outcome),
            missing_alone(values, outcome),
            pure_levels(values, outcome),
            words_evidence(column.name),
        ]
        if population.period is not None and population.period.max() > 0:
            found.append(fill_gap(values, outcome, population.period))
        if data.scoring is not None and column.name in data.scoring:
            found.append(population_gap(values.missing, data.scoring[column.name].isna().to_numpy(), outcome))
    return [e for e in found if e is not None]


def add_dominance(columns: Sequence[AuditColumn], known: Judged, population: Population, data: AuditInput) -> None:
    """Adds ``dominance`` to the strongest columns, those that are not grave already first, against all the others.

    Columns that are grave already are nobody's other: one leak must not hide a second one.
    """
    grave = {
        c.name
        for c in columns
        if any(e.proof for e in known.evidence[c.name]) or count_points(known.evidence[c.name]) >= HIGH
    }
    usable = [c.name for c in columns if c.name not in grave]
    proven = {c.name for c in columns if any(e.proof for e in known.evidence[c.name])}
    strong = [c.name for c in columns if known.powers[c.name].low >= LEAST_AUC and c.name not in proven]
    for name in sorted(strong, key=lambda n: (n in grave, -known.powers[n].auc, n))[:MOST_CANDIDATES]:
        others = [known.coded[n] for n in usable if n != name]
        found = dominance(known.powers[name], others_auc(others, population.outcome, data.seed, data.threads))
        if found is not None:
            known.evidence[name].append(found)


def look_at_table(data: AuditInput, population: Population) -> list[Finding]:
    """Findings about the order of the rows and of the ids."""
    found = []
    if data.position is not None:
        found.append(("(row order)", order_evidence("row_order", data.position[population.rows], population.outcome)))
    if data.lead_id is not None and data.position is not None:
        order = id_order(np.asarray(data.lead_id)[population.rows])
        found.append(("(id order)", order_evidence("id_order", order, population.outcome)))
    return [table_finding(name, e) for name, e in found if e is not None]


def table_finding(name: str, evidence: Evidence) -> Finding:
    """A finding about the whole table, as grave as its evidence."""
    return Finding(name, TABLE, "high" if evidence.points >= HIGH else "medium", (evidence,))


def id_order(ids: np.ndarray) -> np.ndarray:
    """Ranks of ids: as numbers where all are, else by length and letters (ids that count upwards keep their order)."""
    texts = pd.Series(ids).astype(str)
    keys = pd.DataFrame({"length": texts.str.len(), "text": texts})
    order = keys.sort_values(["length", "text"], kind="stable").index.to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def check_input(data: AuditInput) -> None:
    """Raise `DataError` for labels that are not 0 and 1 or all alike, and for parts of different lengths."""
    label = np.asarray(data.label, dtype=np.float64)
    parts = {"label": data.label, "lead_id": data.lead_id, "account_id": data.account_id, "position": data.position}
    uneven = [f"{name} {len(p)}" for name, p in parts.items() if p is not None and len(p) != len(data.X)]
    if uneven:
        raise DataError(f"the audit's parts are not aligned: {len(data.X)} rows, but {', '.join(uneven)}")
    if not np.isin(label, (0.0, 1.0)).all() or not 0 < label.sum() < len(label):
        raise DataError(
            f"the audit needs labels of 0 and 1, both of them: {int((label == 1).sum())} of {len(label)} rows are 1"
        )
