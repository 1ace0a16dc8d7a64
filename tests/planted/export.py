"""An export: the company's table with its leaks, and what else a CRM gives: a history of changes, an earlier export."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from planted.company import Company, draw_changes, draw_company
from planted.honest import DAY, Honest
from planted.leaks import OF_THE_TABLE, PLANTERS, Leak
from planted.names import HONEST, LEAKS, Namer
from planted.strength import auc_alone

CLEAN_OF_20 = 3  # of twenty seeds in a row: exports without a leak
CHANGING = ("number", "nominal", "ordered", "flag", "random_missing")


@dataclass(frozen=True)
class Truth:
    """What one column is (None: the table itself), how it is named, and how strong it is alone (its AUC; of duplicates
    the share of the cases that are there twice)."""

    column: str | None
    kind: str
    form: str
    alone: float
    named: bool

    @property
    def band(self) -> str:
        """Of the strength: weak below an AUC of 0.65 (5 % twice), strong from 0.85 (15 %) on."""
        low, high = (0.05, 0.15) if self.kind == "duplicates" else (0.65, 0.85)
        return "weak" if self.alone < low else "middling" if self.alone < high else "strong"


@dataclass(frozen=True)
class Export:
    """Row i of ``table``, ``label``, ``state`` and ``outcome_at`` is one case, in the file's order.

    ``label``: 1 converted within the horizon, 0 not, NaN where that is not known yet. ``state``: won, lost, open, as of
    ``exported_at``. ``created_column`` is None for an undated table, whose ``outcome_at`` is empty. ``history`` has
    entity_id, field, value, changed_at, for some columns; ``earlier`` is the same table as of ``earlier_at``, with the
    cases that were there then. Both may be None.
    """

    seed: int
    table: pd.DataFrame
    id_column: str
    created_column: str | None
    label: pd.Series
    state: pd.Series
    outcome_at: pd.Series
    exported_at: pd.Timestamp
    horizon_days: int
    history: pd.DataFrame | None
    earlier: pd.DataFrame | None
    earlier_at: pd.Timestamp | None
    leaks: list[Truth]
    honest: list[Truth]

    @property
    def columns(self) -> list[str]:
        """Those that could be features: all but id and beginning."""
        return [c for c in self.table if c not in (self.id_column, self.created_column)]


@dataclass(frozen=True)
class Traced:
    """A column with what it was before, and when it was changed (NaT: never)."""

    truth: Truth
    now: pd.Series
    before: pd.Series
    written_at: np.ndarray

    def at(self, moment: np.datetime64) -> pd.Series:
        """The values that an export at ``moment`` would show."""
        late = ~np.isnat(self.written_at) & (self.written_at > moment)
        return self.now.where(~late, self.before)


def make_export(seed: int) -> Export:
    """One export, the same for the same seed, with no leak where seed modulo 20 is below 3, else one to four."""
    rng = np.random.default_rng([seed, 2026])
    company = draw_company(rng)
    dated = bool(rng.random() < 0.75)
    kinds = draw_kinds(rng, seed, dated)
    namer = Namer(rng)
    traced = [trace_honest(rng, namer, company, i) for i in range(len(company.columns))]
    traced += [trace_leak(namer, company, PLANTERS[k](company.fates)) for k in kinds if k in PLANTERS]
    traced = [traced[i] for i in rng.permutation(len(traced))]
    export = assemble(rng, company, seed, traced, kinds)
    for kind in (k for k in kinds if k in OF_THE_TABLE):
        export = plant_in_table(rng, export, kind)
    return finish(rng, export, dated)


def draw_kinds(rng: np.random.Generator, seed: int, dated: bool) -> list[str]:
    """Kinds of the leaks to plant; what is restated can be so only where there are days."""
    if seed % 20 < CLEAN_OF_20:
        return []
    kinds = [k for k in (*PLANTERS, *OF_THE_TABLE) if dated or k != "restated"]
    return [str(k) for k in rng.choice(kinds, int(rng.integers(1, 5)), replace=False)]


def trace_honest(rng: np.random.Generator, namer: Namer, company: Company, i: int) -> Traced:
    """The i-th honest column, named; some change with time."""
    column: Honest = company.columns[i]
    name, named = namer.name(HONEST[column.pool])
    truth = Truth(name, column.kind, column.pool, company.powers[i], named)
    if column.kind in CHANGING and rng.random() < 0.3:
        now, when = draw_changes(rng, column, company.fates)
        return Traced(truth, now, column.values, when)
    never = np.full(company.start.n, np.datetime64("NaT", "us"))
    return Traced(truth, column.values, column.values, never)


def trace_leak(namer: Namer, company: Company, leak: Leak) -> Traced:
    """A leak, named."""
    name, named = namer.name(LEAKS[leak.kind])
    alone = auc_alone(leak.now, company.label, pd.Series(company.start.created))
    return Traced(Truth(name, leak.kind, leak.form, alone, named), leak.now, leak.before, leak.written_at)


def assemble(rng: np.random.Generator, company: Company, seed: int, traced: list[Traced], kinds: list[str]) -> Export:
    """The table in the order of time, with ids that grow with it, and perhaps a history and an earlier export."""
    start, fates = company.start, company.fates
    prefix = str(rng.choice(["", "", "L-", "00Q"]))
    ids = pd.Series([f"{prefix}{i}" for i in 10_000_000 + np.cumsum(rng.integers(1, 9, start.n))])
    first = {"Id": ids, "Created": pd.Series(start.created)}
    moment = start.exported - int(rng.integers(14, 150)) * DAY
    earlier = pd.DataFrame(first | {str(t.truth.column): t.at(moment) for t in traced})[start.created < moment]
    chance = rng.random(2)
    evidence = "restated" in kinds and chance.min() >= 0.4  # a restated value needs one of the two
    with_history, with_earlier = chance[0] < 0.4 or evidence, chance[1] < 0.4
    return Export(
        seed=seed,
        table=pd.DataFrame(first | {str(t.truth.column): t.now for t in traced}),
        id_column="Id",
        created_column="Created",
        label=pd.Series(company.label),
        state=pd.Series(np.where(fates.won, "won", np.where(fates.lost, "lost", "open"))),
        outcome_at=pd.Series(fates.outcome_at),
        exported_at=pd.Timestamp(start.exported),
        horizon_days=int(company.horizon / DAY),
        history=write_history(rng, ids, traced) if with_history else None,
        earlier=earlier if with_earlier else None,
        earlier_at=pd.Timestamp(moment) if with_earlier else None,
        leaks=[t.truth for t in traced if t.truth.kind in PLANTERS],
        honest=[t.truth for t in traced if t.truth.kind not in PLANTERS],
    )


def write_history(rng: np.random.Generator, ids: pd.Series, traced: list[Traced]) -> pd.DataFrame:
    """Changes of the fields that the CRM tracks (all that change, but each with a chance of three in ten not to be)."""
    parts = []
    for t in traced:
        changed = ~np.isnat(t.written_at)
        if changed.any() and rng.random() < 0.7:
            values = t.now[changed].astype(object).map(lambda v: None if pd.isna(v) else str(v))
            parts.append({"entity_id": ids[changed], "field": t.truth.column, "value": values})
            parts[-1]["changed_at"] = t.written_at[changed]
    empty = {"entity_id": [], "field": [], "value": [], "changed_at": np.array([], "datetime64[us]")}
    rows = pd.concat([pd.DataFrame(p) for p in parts or [empty]])
    return rows.sort_values(["changed_at", "entity_id", "field"], ignore_index=True)


def plant_in_table(rng: np.random.Generator, export: Export, kind: str) -> Export:
    """Leaks that are in no column: the order of rows or ids, or cases that are there twice."""
    if kind == "duplicates":
        return repeat_cases(rng, export)
    share = rng.uniform(0.3, 1)
    who = (export.state == "won").to_numpy() & (rng.random(len(export.table)) < share)
    if kind == "row_order":
        order = np.argsort(np.where(who, rng.choice([-1, 1]) * len(who), 0) + np.arange(len(who)), kind="stable")
        moved = take(export, order)
        truth = Truth(None, kind, "block", auc_alone(pd.Series(np.arange(len(who))), moved.label.to_numpy()), False)
        return replace(moved, leaks=[*export.leaks, truth])
    return renumber(rng, export, who)


def renumber(rng: np.random.Generator, export: Export, who: np.ndarray) -> Export:
    """Ids of converted cases that were given at the conversion: in a series of their own, or among the others'."""
    old = export.table["Id"]
    if rng.random() < 0.5:
        form, key = "block", np.where(who, len(who), 0) + np.arange(len(who))
    else:
        form, key = "shifted", np.where(who, export.outcome_at, export.table["Created"]).astype("datetime64[us]")
    rank = np.argsort(np.argsort(key, kind="stable"), kind="stable")
    new = pd.Series(old.to_numpy()[rank])
    lookup = pd.Series(new.to_numpy(), index=old)
    history = export.history
    if history is not None:
        history = history.assign(entity_id=lookup.reindex(history["entity_id"]).to_numpy())
    earlier = export.earlier
    if earlier is not None:
        earlier = earlier.assign(Id=lookup.reindex(earlier["Id"]).to_numpy())
    distance = pd.Series(rank - np.arange(len(rank)))
    truth = Truth(None, "id_order", form, auc_alone(distance, export.label.to_numpy()), False)
    table = export.table.assign(Id=new)
    return replace(export, table=table, history=history, earlier=earlier, leaks=[*export.leaks, truth])


def repeat_cases(rng: np.random.Generator, export: Export) -> Export:
    """A part of the cases a second time, with an id and a beginning of their own and everything else the same."""
    share = rng.uniform(0.02, 0.3)
    n = len(export.table)
    again = np.flatnonzero(rng.random(n) < share)
    order = np.concatenate([np.arange(n), again])
    twice = take(export, order)
    table = twice.table.copy()
    table.loc[n:, "Id"] = [f"{i}9" for i in table.loc[n:, "Id"]]
    room = (export.exported_at - table.loc[n:, "Created"]) * rng.random(len(again))
    table.loc[n:, "Created"] = table.loc[n:, "Created"] + room.dt.floor("us")
    truth = Truth(None, "duplicates", "whole rows", share, False)
    twice = replace(twice, table=table, leaks=[*export.leaks, truth])
    return take(twice, np.argsort(table["Created"].to_numpy(), kind="stable")) if not moved(export) else twice


def moved(export: Export) -> bool:
    """Whether the order of rows is itself a leak, which must stay."""
    return any(leak.kind == "row_order" for leak in export.leaks)


def take(export: Export, rows: np.ndarray) -> Export:
    """The export with these rows in this order."""
    parts = {n: getattr(export, n).iloc[rows].reset_index(drop=True) for n in ("label", "state", "outcome_at")}
    return replace(export, table=export.table.iloc[rows].reset_index(drop=True), **parts)


def finish(rng: np.random.Generator, export: Export, dated: bool) -> Export:
    """Some files are newest first or in no order, some hold closed cases only, some no dates at all."""
    order = rng.choice(["time", "newest first", "shuffled"], p=[0.65, 0.2, 0.15])
    n = len(export.table)
    if order != "time" and not moved(export):
        export = take(export, np.arange(n)[::-1] if order == "newest first" else rng.permutation(n))
    if rng.random() < 0.35:
        export = take(export, np.flatnonzero(export.label.notna()))
    if dated:
        hidden = rng.random() < 0.3
        outcome = export.outcome_at.where(export.outcome_at.isna()) if hidden else export.outcome_at
        return replace(export, outcome_at=outcome)
    return replace(
        export,
        table=export.table.drop(columns="Created"),
        created_column=None,
        outcome_at=export.outcome_at.where(export.outcome_at.isna()),
        history=None,
        earlier=None,
        earlier_at=None,
    )
