"""Sensitive columns of exports: never features unless named; read for the audit as they were known; told everywhere."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import run_here
from rich.console import Console
from scipy.special import expit
from small_source import BASE, DEALS
from sources_helpers import connect as plain_connect

from leadml.catalogue import merged
from leadml.config import EngineConfig
from leadml.engine import connect, put_table
from leadml.errors import DataError
from leadml.features.audit_only import audit_values, leave_sensitive
from leadml.features.build import snapshot_table
from leadml.features.spec import FeatureSpec, FeatureTables
from leadml.progress import Progress
from leadml.sensitive import AUDIT_ONLY
from leadml.sources.audit_columns import audit_names, with_audit_columns
from leadml.sources.mapping import parse_mapping
from leadml.sources.tables import read_tables
from leadml.stages.sensitive import denied_as_sensitive, tell_not_kept

SPEC = FeatureSpec(
    windows=(7,), half_lives=(7,), content=(), kinds=(), include_effort=True, exclude=(),
    lead_attributes={"gender": "category", "age": "number", "industry": "category", "extra": "category"},
    account_attributes={"age": "number", "size": "category"},
    as_of_fields={"marital_status": "category", "pipeline_stage": "category"},
    account_as_of_fields={"tier": "category"},
)  # fmt: skip
MAPPING = """
leads: {attributes: {segment: {column: Gender__c, type: category, fixed: true}}}
sensitive: {people: ["*birth*"]}
"""
PEOPLE = """id,created,Gender__c,Birthdate,Age
L1,2024-07-01T08:00:00Z,F,1980-02-01,44
L2,2024-07-02T08:00:00Z,M,,51
"""


def test_sensitive_attributes_and_fields_leave_the_specification_and_are_told():
    spec, gone = leave_sensitive(SPEC, [], ["tier"], {"extra": "Religion__c"})
    assert spec.lead_attributes == {"industry": "category"}
    assert spec.account_attributes == {"age": "number", "size": "category"}  # a company's age
    assert spec.as_of_fields == {"pipeline_stage": "category"} and spec.account_as_of_fields == {}
    assert gone == {
        "gender": "sensitive (gender); features.sensitive=[gender] takes it in",
        "age": "sensitive (age); features.sensitive=[age] takes it in",
        "extra": "sensitive (religion); features.sensitive=[extra] takes it in",
        "marital_status": "sensitive (marital status); features.sensitive=[marital_status] takes it in",
        "tier": AUDIT_ONLY,
    }


def test_named_ones_stay_but_those_of_the_audit_never_do():
    spec, gone = leave_sensitive(SPEC, ["Gender", "age", "extra"], ["age"], {"extra": "Religion__c"})
    assert set(spec.lead_attributes) == {"gender", "industry", "extra"}
    assert gone["age"] == AUDIT_ONLY and "gender" not in gone


def times(*texts: str) -> list[pd.Timestamp]:
    return [pd.Timestamp(t) for t in texts]


def test_values_are_those_known_at_each_cutoff():
    con = connect(EngineConfig(threads=1, memory_limit="1GB"))
    leads = pd.DataFrame(
        {"lead_id": ["L1", "L2"], "account_id": ["A1", None], "gender": ["F", "M"], "age": [44.0, 51.0]}
    )
    leads = leads.assign(created_at=times("2024-01-01", "2024-01-01"), known_at=times("2024-01-01", "2024-01-01"))
    accounts = pd.DataFrame({"account_id": ["A1"], "size": ["large"], "age": [3.0]})
    accounts = accounts.assign(created_at=times("2024-02-01"), known_at=times("2024-02-01"))
    history = pd.DataFrame(
        {
            "entity": "lead", "entity_id": "L1", "field": "marital_status",
            "value": ["single", "married"], "changed_at": times("2024-01-01", "2024-03-01"),
        }
    )  # fmt: skip
    keys = pd.DataFrame({"lead_id": ["L1", "L1", "L1", "L2"], "account_id": ["A1", "A1", "A1", "L2"]})
    keys = keys.assign(cutoff=times("2024-01-15", "2024-03-01", "2024-03-02", "2024-03-02"))
    empty = {n: put_table(con, n, pd.DataFrame({"lead_id": ["x"]})) for n in ("touchpoints", "conversions", "closures")}
    put = {n: put_table(con, n, t) for n, t in {"leads": leads, "accounts": accounts, "history": history}.items()}
    tables = FeatureTables(snapshot_table(con, keys), **put, **empty)
    columns = {"Gender": "gender", "marital_status": "marital_status", "size": "size", "Age": "age"}
    found = audit_values(tables, columns, SPEC)
    assert found["Gender"].tolist() == ["F", "F", "F", "M"] and found["Age"].tolist() == [44, 44, 44, 51]
    # The change of 1 March is not known at the cutoff of that instant, nor is the account before it came.
    assert found["marital_status"].where(found["marital_status"].notna(), None).tolist() == [
        "single", "single", "married", None,
    ]  # fmt: skip
    assert found["size"].where(found["size"].notna(), None).tolist() == [None, "large", "large", None]
    with pytest.raises(DataError, match=r"names 1 column.* do not have: shoes; they have account"):
        audit_values(tables, {"shoes": "shoes"}, replace(SPEC, lead_attributes={"account": "category"}))


def test_any_column_of_the_leads_file_can_be_audited_denied_ones_too(tmp_path: Path):
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "deals.csv").write_text(DEALS)
    node = merged(yaml.safe_load(BASE) | {"path": str(tmp_path)}, yaml.safe_load(MAPPING))
    asked = ["Birthdate", "segment", "AGE"]
    con, mapping = plain_connect(), parse_mapping(node)
    report = read_tables(with_audit_columns(mapping, asked), "won", con)
    assert audit_names(mapping, asked) == {"Birthdate": "birthdate", "segment": "segment", "AGE": "age"}
    rows = con.execute("SELECT lead_id, segment, birthdate, age FROM leads ORDER BY 1").fetchall()
    assert rows == [("L1", "F", "1980-02-01", "44"), ("L2", "M", None, "51")]
    assert not {"Birthdate", "Age"} & {d["column"] for d in report.denied}
    assert with_audit_columns(mapping, []) == mapping


OWN = """
leads: {custom: {own: {columns: ["*__c"], fixed: true}}}
keep: [Religion__c, Segment__c]
sensitive: {people: ["*religion*_c"]}
deny: {deals.Salary__c: set at the conversion, "*ethnic*": set at the conversion}
"""


def test_sensitive_columns_are_named_whatever_denies_them(tmp_path: Path):
    (tmp_path / "people.csv").write_text(
        "id,created,Religion__c,Ethnicity__c,Gender,Segment__c\nL1,2024-07-01T08:00:00Z,a,b,F,s\n"
    )
    (tmp_path / "deals.csv").write_text("deal,person,closed,amount,currency,Estado civil,Salary__c\n")
    node = merged(yaml.safe_load(BASE) | {"path": str(tmp_path)}, yaml.safe_load(OWN))
    mapping = parse_mapping(node)
    report = read_tables(mapping, "won", plain_connect())
    assert {d["column"]: d["why"] for d in report.denied if d["column"] != "deal"} == {
        "Religion__c": "personal data",
        "Ethnicity__c": "set at the conversion",
        "Gender": "not in the mapping",
        "Estado civil": "not in the mapping",
        "Salary__c": "set at the conversion",
    }
    assert denied_as_sensitive(report.denied) == ["Estado civil", "Ethnicity__c", "Gender", "Religion__c"]
    context = SimpleNamespace(progress=Progress(Console(file=(io := StringIO()), width=300)))
    tell_not_kept(context, mapping, report)
    said = " ".join(io.getvalue().split())
    assert "1 columns of source.keep stay out as personal data: people.Religion__c; a list of source.sensitive" in said
    # As the line says: the list anew without it.
    mapping = parse_mapping(merged(node, {"sensitive": {"people": ["*birth*"]}}))
    taken = read_tables(mapping, "won", plain_connect())
    assert "Religion__c" not in {d["column"] for d in taken.denied} and "religion" in taken.attributes["leads"]


def write_people(path: Path) -> None:
    """Builders are mostly men and convert more often; nothing else differs."""
    generator = np.random.default_rng(0)
    n = 2000
    gender = generator.choice(["F", "M"], n)
    job = np.where(generator.random(n) < 0.85, np.where(gender == "F", "nurse", "builder"), "clerk")
    visits = generator.poisson(3, n)
    won = generator.random(n) < expit(-2.5 + 0.4 * visits + 0.8 * (job == "builder"))
    frame = pd.DataFrame({"Gender": gender, "Age": generator.integers(18, 80, n), "Job": job, "Visits": visits})
    frame["Religion"] = generator.choice(["a", "b"], n)
    frame["Account age days"] = generator.integers(1, 900, n)
    frame.assign(Converted=won.astype(int)).to_csv(path, index=False)


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], str]:
    """Extract and train with an audit by gender and age; the root, the settings and what was said."""
    root = tmp_path_factory.mktemp("fair")
    write_people(root / "people.csv")
    words = ["source=flat", f"source.path={root}/people.csv", "source.label=Converted", f"paths.root={root}"]
    words += [
        "tracking.enabled=false",
        "train.bootstrap=30",
        "fairness.columns=[gender,Age]",
        "+fairness.bands={age: [40]}",
    ]
    words += ["threshold.weekly_capacity=150", "model.max_trees=60"]
    shown = [run_here(stage, *words) for stage in ("extract", "train")]
    assert [s.returncode for s in shown] == [0, 0], [s.stderr for s in shown]
    return root, words, "".join(s.stdout for s in shown)


def measured(root: Path) -> tuple[dict, str]:
    folder = next((root / "data/evidence").iterdir())
    return json.loads((folder / "metrics.json").read_text()), (folder / "model_card.md").read_text(encoding="utf-8")


def test_the_audit_runs_from_a_flat_table_and_its_columns_are_no_features(flat):
    root, _, said = flat
    metrics, card = measured(root)
    features = json.loads((root / "data/features/dictionary.json").read_text())
    assert {f["name"] for f in features} == {"Job", "Visits", "Account age days"}
    entry = json.loads((root / "data/runs/latest-extract.json").read_text())["stages"]["extract"]
    assert entry["sensitive"] == {"left_out": ["Age", "Gender", "Religion"], "used": []}
    assert "3 sensitive columns are no features: Age, Gender, Religion" in " ".join(said.split())
    gender, age = metrics["fairness"]["columns"]
    assert (gender["topic"], gender["made"], age["topic"], age["edges"]) == ("gender", "levels", "age", [40.0])
    assert {g["name"] for g in age["groups"]} == {"< 40", "≥ 40"}
    assert [p["feature"] for p in gender["proxies"]["proxies"]] == ["Job"] and age["proxies"]["proxies"] == []
    rates = {g["name"]: g["selection_rate"]["value"] for g in gender["groups"]}
    assert rates["M"] > rates["F"]
    assert "fairness by gender: selected" in said and "Sensitive columns, not used: Age, Gender, Religion." in card


def test_the_cards_fairness_is_that_of_the_metrics(flat):
    metrics, card = measured(flat[0])
    for column in metrics["fairness"]["columns"]:
        part = card[card.index(f"### By {column['column']}") :]
        for group in column["groups"]:
            name = group["name"].replace("<", "\\<")
            row = next(line for line in part.splitlines() if line.startswith(f"| {name} |"))
            cells = [c.strip() for c in row.split(" | ")][1:]
            assert cells[0] == str(group["leads"]) and cells[1] == str(group["converting_leads"])
            assert cells[4].startswith(f"{100 * group['selection_rate']['value']:.1f}% (")
            assert cells[3] == f"{100 * group['rate']:.1f}%"


def test_no_persons_value_is_in_logs_or_the_manifest(flat):
    root, _, said = flat
    text = said + (root / "data/runs/latest-train.json").read_text()
    ids = pd.read_parquet(root / "data/features/snapshots.parquet")["lead_id"].iloc[:50]
    assert not [i for i in ids if i in text]
    assert list(pd.read_parquet(root / "data/features/fairness.parquet")) == ["gender", "Age"]


def test_other_columns_need_another_extract_and_unknown_ones_are_refused(flat):
    _, words, _ = flat
    asked = [w for w in words if "fairness." not in w]
    shown = run_here("train", *asked, "fairness.columns=[Religion]")
    assert shown.returncode == 3 and "extract again with fairness.columns=[Religion]" in shown.stderr
    shown = run_here("extract", *asked, "fairness.columns=[Shoes]")
    assert shown.returncode == 3 and "fairness.columns=Shoes" in shown.stderr
