"""The tables that `quality.py` compares learners on: each extracted by leadml, split by its rules, written as Parquet.

A set is found (a real one, by its header, under ../shared/data or LEADML_REAL_DATA), taken from scikit-learn, or made
here by a rule that is known. `leadml extract` cleans it, so that every learner gets the same columns; nothing personal
or constant, no ids. Nothing of it is kept outside the folder that it is written to.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from leadml.config import SplitConfig
from leadml.features.dictionary import Kind
from leadml.recipe import typed
from leadml.splits import Split, build_split
from leadml.stages.settings import model_problem
from leadml.stages.stored import Extracted, read_extracted
from leadml.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # the lookalikes

from audit_lookalikes import made_bank, made_education  # noqa: E402
from lookalikes import write_bank, write_deals, write_education, write_loans  # noqa: E402

SPLIT = SplitConfig(test_cutoffs=12, test_share=0.3, folds=4)  # as in conf/config.yaml
Write = Callable[[Path], list[str] | None]  # raw files into a folder; what extract is told, None where it is not here


@dataclass(frozen=True)
class TableSet:
    """A set: its name, where it comes from, what writes it; ``quick``: also compared by --quick."""

    name: str
    source: str
    write: Write
    quick: bool = True


@dataclass(frozen=True)
class Part:
    """One split of a set on disk: ``train.parquet``, ``test.parquet``, ``about.json``, ``keys.parquet``.

    ``keys`` has, a test row, ``label``, ``account`` (a code, the same in all splits of the set) and ``list`` (a code).
    """

    folder: Path
    number: int


def build_parts(table: TableSet, folder: Path, seeds: int) -> list[Part] | None:
    """Every split of the set, made once; None where the set is not here.

    Where there is an order in time there is one split, and the seeds are the learners'; else a split a seed.
    """
    if not (folder / "done.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "raw").mkdir(parents=True)
        settings = table.write(folder / "raw")
        if settings is None:
            shutil.rmtree(folder)
            return None
        extract(folder, settings)
        extracted = read_extracted(Workspace(folder / "work"))
        ordered = "source.ordered=true" in settings
        first = write_part(extracted, folder / "split-0", 0, ordered)
        splits = seeds if first.kind == "grouped" else 1
        for seed in range(1, splits):
            write_part(extracted, folder / f"split-{seed}", seed, ordered)
        told = {"source": table.source, "kind": first.kind, "splits": splits}
        (folder / "done.json").write_text(json.dumps(told))
        shutil.rmtree(folder / "work")
    splits = json.loads((folder / "done.json").read_text())["splits"]
    return [Part(folder / f"split-{n if splits > 1 else 0}", n) for n in range(seeds) if splits == 1 or n < splits]


def extract(folder: Path, settings: list[str]) -> None:
    """`leadml extract` into ``folder/work``; the company is simulated there first."""
    root = [f"paths.root={folder / 'work'}", *settings]
    simulated = any(s.startswith("simulate.") for s in settings)
    for stage in ("simulate", "extract") if simulated else ("extract",):
        subprocess.run([sys.executable, "-m", "leadml", stage, *root], check=True, stdout=subprocess.DEVNULL)


def write_part(extracted: Extracted, folder: Path, seed: int, ordered: bool) -> Split:
    """One split's files."""
    snapshots, names = typed(extracted.snapshots), [f.name for f in extracted.features]
    problem = model_problem(extracted.facts["problem"])
    split = build_split(snapshots, problem, SPLIT, seed, ordered)
    dated = snapshots["cutoff"].notna().all()
    when = snapshots["cutoff"].astype("int64") if dated else snapshots["position"].fillna(0).astype("int64")
    lists = snapshots["cutoff"].astype("int64") if split.kind == "weekly" else pd.Series(0, index=snapshots.index)
    account = pd.Series(pd.factorize(snapshots["account_id"], use_na_sentinel=False)[0], index=snapshots.index)
    X, label = extracted.X.reset_index(drop=True)[names], snapshots["label"]
    folder.mkdir(parents=True)
    train, test = split.train, split.test
    keys = {"label": label, "account": account, "list": lists}
    X.iloc[train].assign(__label=label.iloc[train], __when=when.iloc[train]).to_parquet(folder / "train.parquet")
    account.iloc[train].to_frame("account").to_parquet(folder / "accounts.parquet")
    X.iloc[test].to_parquet(folder / "test.parquet")
    pd.DataFrame(keys).iloc[test].to_parquet(folder / "keys.parquet")
    about = {
        "gap": int((problem.gap_days + problem.horizon_days) * 86_400e6) if dated else None,  # in the unit of __when
        "categories": [f.name for f in extracted.features if f.kind is Kind.CATEGORY],
        "ordered": split.kind != "grouped",
        "kind": split.kind,
        "columns": len(names),
        "train": len(train),
        "test": len(test),
        "train_conversions": int(snapshots["lead_id"].iloc[train][label.iloc[train] == 1].nunique()),
        "test_conversions": int(snapshots["lead_id"].iloc[test][label.iloc[test] == 1].nunique()),
        "rate": float(label.iloc[test].mean()),
    }
    (folder / "about.json").write_text(json.dumps(about))
    return split


# ------------------------------------------------------------------------------------------------------- where from


def company(leads: int, seed: int = 1) -> Write:
    """A simulated software company and all features of extract, in weekly lists."""
    return lambda folder: [f"simulate.leads={leads}", f"seed={seed}"]


def flat(path: Path, label: str, *settings: str) -> list[str]:
    """What extract is told of one table."""
    return ["source=flat", f"source.path='{path}'", f"source.label='{label}'", *settings]


def made(make: Callable[[], tuple[pd.DataFrame, np.ndarray]], *settings: str) -> Write:
    """A table made here: its columns and its labels."""

    def write(folder: Path) -> list[str]:
        X, label = make()
        X.assign(won=np.asarray(label).astype(int)).to_csv(folder / "table.csv", index=False)
        return flat(folder / "table.csv", "won", *settings)

    return write


def lookalike(write_table: Callable[..., object], rows: int, label: str, *settings: str) -> Write:
    """A table of tests/lookalikes.py."""

    def write(folder: Path) -> list[str]:
        write_table(folder / "table.csv", rows)
        return flat(folder / "table.csv", label, *settings)

    return write


def loans(folder: Path) -> list[str]:
    """Loan applications, scored at day seven."""
    write_loans(folder, 6000)
    return ["source=bpic2012", f"paths.raw='{folder}'"]


def noise() -> tuple[pd.DataFrame, np.ndarray]:
    """Leads of a school whose labels were dealt out anew: nothing can be learnt."""
    X, label = made_education(4000, 11)
    return X, np.random.default_rng(0).permutation(label)


def education() -> tuple[pd.DataFrame, np.ndarray]:
    """Leads of a school without what the team wrote down about them."""
    X, label = made_education(9000, 12)
    return X.drop(columns=["Call remark", "How good is it"]), label


def bank() -> tuple[pd.DataFrame, np.ndarray]:
    """Calls of a bank without how long each took."""
    X, label = made_bank(9000, 13)
    return X.drop(columns=["seconds_talked"]), label


def interactions() -> tuple[pd.DataFrame, np.ndarray]:
    """Steps and products that no sum over columns can say, beside columns of noise."""
    g = np.random.default_rng(14)
    Z = pd.DataFrame(g.normal(size=(8000, 12)), columns=[f"signal_{j}" for j in range(12)])
    Z["kind"] = g.choice(list("abcdef"), len(Z))
    odds = -2.2 + 1.6 * ((Z["signal_0"] > 0) ^ (Z["signal_1"] > 0.3)) + 0.9 * Z["signal_2"] * Z["signal_3"]
    odds += 0.8 * np.where(Z["kind"].isin(["a", "d"]), Z["signal_4"], -Z["signal_4"]) - 0.7 * (Z["signal_5"] > 1)
    return Z, (g.random(len(Z)) < 1 / (1 + np.exp(-odds))).astype(int)


def drifting() -> tuple[pd.DataFrame, np.ndarray]:
    """In order of time: the rate falls to a third, one signal fades, another one appears."""
    g = np.random.default_rng(15)
    n = 8000
    t = np.linspace(0, 1, n)
    X = pd.DataFrame(g.normal(size=(n, 8)), columns=[f"signal_{j}" for j in range(8)])
    X["visits"], X["channel"] = g.poisson(2, n).astype(float), g.choice(["web", "mail", "fair", "call"], n)
    odds = -1.3 - 1.3 * t + (1.2 - 1.0 * t) * X["signal_0"] + 0.9 * t * X["signal_1"] + 0.5 * X["signal_2"]
    odds += 0.25 * X["visits"] + 0.8 * (X["channel"] == "fair")
    return X, (g.random(n) < 1 / (1 + np.exp(-odds))).astype(int)


def few() -> tuple[pd.DataFrame, np.ndarray]:
    """Sixty weak columns and few conversions."""
    g = np.random.default_rng(16)
    X = pd.DataFrame(g.normal(size=(2500, 60)), columns=[f"signal_{j}" for j in range(60)])
    odds = -3.6 + X.iloc[:, :15].to_numpy() @ g.normal(0, 0.3, 15)
    return X, (g.random(len(X)) < 1 / (1 + np.exp(-odds))).astype(int)


def breast_cancer() -> tuple[pd.DataFrame, np.ndarray]:
    """The Wisconsin diagnostic set as scikit-learn carries it; malignant is 1."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    return bunch.data, 1 - bunch.target.to_numpy()


def real(columns: tuple[str, ...], tell: Callable[[Path], list[str]]) -> Write:
    """A real table, found by the columns in its header."""

    def write(folder: Path) -> list[str] | None:
        place = Path(os.environ.get("LEADML_REAL_DATA", ROOT.parent / "shared" / "data"))
        for path in sorted(place.rglob("*.csv")) if place.is_dir() else []:
            with path.open(encoding="utf-8-sig", errors="replace") as handle:
                header = handle.readline()
            if all(column in header for column in columns):
                return tell(path)
        return None

    return write


SETS = (
    TableSet("x-education", "real: leads of an online school, without what was written after the call",
             real(("Prospect ID", "Lead Origin", "Converted"),
                  lambda p: flat(p, "Converted", "source.exclude=[Tags,Lead Quality]"))),
    TableSet("bank-marketing", "real: calls of a bank in their order, without their length",
             real(("emp.var.rate", "euribor3m"),
                  lambda p: flat(p, "y", "source.ordered=true", "source.exclude=[duration]"))),
    TableSet("ibm-win-loss", "real: opportunities of a vendor",
             real(("Opportunity Result", "Route To Market"),
                  lambda p: flat(p, "Opportunity Result", "source.positive=[Won]"))),
    TableSet("bpic2012", "real: loan applications and their log, at day seven",
             real(("activity",), lambda p: ["source=bpic2012", f"paths.raw='{p.parent}'"])),
    TableSet("breast-cancer", "real, carried by scikit-learn: Wisconsin diagnostic", made(breast_cancer)),
    TableSet("like-education", "made: tests/lookalikes.py, a school",
             lookalike(write_education, 6000, "Converted", "source.exclude=[Tags]")),
    TableSet("like-bank", "made: tests/lookalikes.py, a bank, in order",
             lookalike(write_bank, 6000, "y", "source.ordered=true")),
    TableSet("like-deals", "made: tests/lookalikes.py, opportunities",
             lookalike(write_deals, 6000, "Opportunity Result", "source.positive=[Won]")),
    TableSet("like-loans", "made: tests/lookalikes.py, loan applications and their log", loans),
    TableSet("school", "made: published statistics of a school's leads", made(education)),
    TableSet("bank", "made: published statistics of a bank's calls", made(bank)),
    TableSet("interactions", "made: steps and products", made(interactions)),
    TableSet("drifting", "made: in order, rate and signals drift", made(drifting, "source.ordered=true")),
    TableSet("few", "made: sixty weak columns, few conversions", made(few)),
    TableSet("noise", "made: labels dealt out anew", made(noise)),
    TableSet("company-2500", "simulated company, 2,500 leads, weekly lists", company(2500, 2)),
    TableSet("company-6000", "simulated company, 6,000 leads, weekly lists", company(6000), quick=False),
)  # fmt: skip
