"""What unknown exports are taken for: roles by evidence, keys, parts, recognised mappings, and never a traceback."""

import gzip
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import yaml
from conftest import ROOT, run_here
from hydra import initialize_config_dir
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadml.catalogue import _composed, _plain, compose_source, merged, source_names
from leadml.cli import for_hydra, main
from leadml.config import SimulateConfig
from leadml.errors import DataError
from leadml.inspection.columns import find_roles
from leadml.inspection.flat import flat_command, flat_settings
from leadml.inspection.inspect import Findings, inspect_tables
from leadml.inspection.known import KnownSource, known_source
from leadml.inspection.lines import quoted
from leadml.inspection.looking import look_around
from leadml.inspection.measures import Look, measure
from leadml.inspection.parts import Part
from leadml.inspection.roles import Role
from leadml.inspection.shapes import Shape, mask, shape_of
from leadml.inspection.words import words_of
from leadml.simulate import simulate
from leadml.sources.mapping import parse_mapping
from leadml.sources.tables import read_tables


@pytest.fixture(scope="module")
def known() -> list[KnownSource]:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        made = [known_source(name, compose_source([name])) for name in source_names()]
    return [k for k in made if k is not None]


def connect() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"autoinstall_known_extensions": "false", "threads": 2})


def inspect(folder: Path, known: list[KnownSource] = ()) -> Findings:
    con = connect()
    con.execute("SET TimeZone='UTC'")
    looks, _ = look_around(con, str(folder))
    return inspect_tables(con, looks, list(known), "mine")


def column_of(values: list[str | None], name: str = "x"):
    """The roles of one column, from its texts."""
    con = connect()
    con.execute("CREATE TABLE t (_file INTEGER, _row BIGINT, c0 VARCHAR)")
    con.executemany("INSERT INTO t VALUES (0, ?, ?)", list(enumerate(values))) if values else None
    return find_roles(measure(con, Look("t", "t.csv", "t.csv", "t", (name,), len(values)))[name])


def csv(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def table(path: Path, header: str, rows: int, row: Callable[[int], str]) -> None:
    """A CSV file whose n-th row (from 0) is ``row(n)``."""
    path.write_text(csv(header, *map(row, range(rows))), encoding="utf-8")


def day(n: int) -> str:
    """A day of the month, two digits."""
    return f"{1 + n % 28:02d}"


# --- single texts


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("2025-01-31", Shape.date),
        ("2025-01-31T10:00:00.000+0000", Shape.zoned),
        ("2025-01-31 10:00", Shape.datetime),
        ("31.01.2025", Shape.day_date),
        ("2/3/2025 3:04 PM", Shape.day_datetime),
        ("31 Jan 2025", Shape.month_name),
        ("20250131", Shape.compact),
        ("20251399", Shape.integer),
        ("1735689600", Shape.epoch_s),
        ("1735689600000", Shape.epoch_ms),
        ("-3", Shape.integer),
        ("1.234", Shape.either),
        ("1.234,56", Shape.comma),
        ("€ 3.500,00", Shape.comma),
        ("1,234.5", Shape.point),
        ("INQ-00001", Shape.code),
        ("USD 12.50", Shape.point),
        ("a@b.co", Shape.email),
        ("+34 600 123 456", Shape.phone),
        ("https://x.y/z", Shape.url),
        ('{"a": 1}', Shape.json),
        ("Calle Mayor 3", Shape.address),
        ("hola", Shape.word),
    ],
)
def test_shapes(text: str, shape: Shape):
    assert shape_of(text) is shape


@given(st.text(min_size=1))
@settings(deadline=None)
def test_every_text_has_a_shape_and_a_mask_without_its_letters(text: str):
    assert isinstance(shape_of(text), Shape)
    assert not set(mask(text)) & set("bcdefgBCDEFG012345678")


@given(st.text())
def test_whatever_a_header_says_is_the_same_text_again_in_yaml(text: str):
    if any(c in text for c in "\x85\u2028\u2029") or not text.isprintable() or "${" in text:
        return
    assert yaml.safe_load(f"[{quoted(text)}]") == [text]
    assert yaml.safe_load(f"{{{quoted(text)}: 1}}") == {text: 1}


def test_words_of_names():
    assert {"last", "visit", "date"} <= words_of("lastVisitDates")
    assert {"inquiry"} <= words_of("inquiries") and {"email", "subject"} <= words_of("E-mail Subject")


# --- single columns


@pytest.mark.parametrize(
    ("name", "values", "roles", "told"),
    [
        ("id", ["7", "8", "9", "12"], (Role.id, Role.number), "unique"),
        ("order_no", ["A-1", "A-2", "B-9"], (Role.id,), "unique (A-9)"),
        ("fecha", ["13.01.2025", "02.02.2025"], (Role.time,), "day first"),
        ("day", ["1/13/2025", "2/2/2025"], (Role.time,), "month first"),
        ("day", ["1/2/2025", "2/2/2025"], (Role.time,), "no number above 12 tells"),
        ("day", ["13/2/2025", "2/13/2025"], (Role.time,), "both orders"),
        ("when", ["2025-01-01T10:00:00Z"] * 2, (Role.constant, Role.time), "with time of day, with zone"),
        ("start_date", ["45000", "45001"], (Role.time,), "Excel"),
        ("created", ["1735689600", "1735689700"], (Role.time,), "epoch seconds"),
        ("amount", ["45000", "45001", "45002", "3"], (Role.number,), "whole numbers"),
        ("importe", ["1.234,50", "3,20"], (Role.number,), "decimal comma"),
        ("price", ["1,234.50", "3.20"], (Role.number,), "decimal point"),
        ("price", ["1.234", "3.200"], (Role.number,), "thousands or decimals?"),
        ("city", ["Vigo", "Vigo", "Lugo"], (Role.category,), "2 levels"),
        ("Converted", ["0", "1", "0"], (Role.outcome,), "yes or no, 33% yes"),
        ("stage", ["Closed Won", "Closed Lost", "New"], (Role.outcome, Role.leak), "Closed Won / Closed Lost"),
        ("estado", ["Ganado", "No interesado", "Perdido"], (Role.outcome, Role.leak), "Ganado / Perdido"),
        ("contacto", ["a@b.co", "c@d.es"], (Role.personal,), "e-mail addresses"),
        ("x9", ["+34 600 100 200", "+34 600 100 201"], (Role.personal,), "phone numbers"),
        ("sent_by", ["Ana Soler", "Luis Gil", "Marta Rey"], (Role.personal,), "given names"),
        ("birth_date", ["1980-01-01", "1981-02-02", "1990-03-03"], (Role.personal, Role.time), "own data"),
        ("email_count", ["1", "2", "3"], (Role.leak, Role.number), "a counter"),
        ("Company name", ["Acme", "Beta", "Gamma", "Acme"], (Role.category,), "3 levels"),
        ("last_seen", ["2025-01-01", "2025-02-01"], (Role.leak, Role.time), "the latest as of the export"),
        ("owner", ["x1", "x2", "x1"], (Role.leak,), "re-assigned"),
        ("score", ["10", "20", "35"], (Role.leak, Role.number), "another score"),
        ("state", ["Texas", "Ohio"], (Role.category,), "2 levels"),
        ("state", ["open", "closed"], (Role.leak, Role.category), "as of the export"),
        ("notes", ["word " * 30, "other " * 30], (Role.text,), "texts"),
        ("nothing", [None, None], (Role.empty,), "no value"),
        ("same", ["a", "a"], (Role.constant,), "one value in all 2 rows"),
    ],
)
def test_roles(name: str, values: list[str | None], roles: tuple[Role, ...], told: str):
    column = column_of(values, name)
    assert column.roles[: len(roles)] == roles, column
    assert told in column.evidence


@given(st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=30), st.text(max_size=15))
@settings(max_examples=25, deadline=None)
def test_any_column_gets_a_role(values: list[str | None], name: str):
    values = [v if v is None else v.replace("\x00", "") or None for v in values]
    column = column_of(values, name or "x")
    assert column.role in Role and column.evidence


@given(st.integers(1, 12), st.integers(13, 28), st.booleans())
@settings(max_examples=15, deadline=None)
def test_one_number_above_twelve_among_many_decides_the_order(month: int, day: int, day_first: bool):
    clear = f"{day}/{month}/2025" if day_first else f"{month}/{day}/2025"
    told = column_of(["1/2/2025"] * 50 + [clear], "day").evidence
    assert ("day first" if day_first else "month first") in told


def test_evidence_never_shows_personal_texts():
    people = [f"secret{i}@hidden.example" for i in range(20)]
    assert "secret" not in column_of(people, "mail").evidence
    assert "Ana" not in column_of(["Ana Soler", "Luis Gil", "Ana Rey"] * 5, "atendio").evidence


# --- folders


def spanish(folder: Path) -> Path:
    """Inquiries, a log of contacts and orders: cp1252, semicolons, D.M.Y, 1.234,56."""
    draw = random.Random(3)
    people, log, orders = [], [], []
    for n in range(1, 201):
        ref = f"S-{1000 + n}"
        people.append(f"{ref};{1 + n % 28:02d}.{1 + n % 12:02d}.2024 10:{n % 60:02d};Persona {n};p{n}@firma{n % 9}.es;"
                      f"{draw.choice(['Web', 'Feria'])};{draw.choice(['Ganado', 'Perdido', 'Nuevo'])};{n}")  # fmt: skip
        for k in range(3):
            kind = draw.choice(["Llamada saliente", "Correo abierto", "Visita web"])
            log.append(f"{ref};{1 + (n + k) % 28:02d}.{1 + n % 12:02d}.2024;{kind};{draw.randrange(900)}")
        if n % 4 == 0:
            status = "Anulado" if n % 20 == 0 else "Pagado"
            amount = f"{draw.randrange(1, 9)}.{draw.randrange(100, 999)},50"
            orders.append(f"P{n:04d};{ref};{day(n)}.12.2024;{amount};EUR;{status}")
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "solicitudes.csv": ["Referencia;Fecha de alta;Nombre;Correo;Origen;Estado;Empleados", *people],
        "contactos.csv": ["Solicitud;Fecha;Tipo;Duración", *log],
        "pedidos.csv": ["Pedido;Referencia;Fecha;Importe;Moneda;Situación", *orders],
    }
    for name, lines in tables.items():
        (folder / name).write_bytes(csv(*lines).encode("cp1252"))
    return folder


def test_unknown_spanish_tables_give_a_mapping_that_runs(tmp_path, known):
    findings = inspect(spanish(tmp_path), known)
    assert not findings.recognised
    assert findings.plan.parts == {
        "contactos": Part.touchpoints,
        "pedidos": Part.deals,
        "solicitudes": Part.leads,
    }
    assert not findings.proposal.missing
    node = yaml.safe_load(findings.proposal.text)
    assert node["decimal"] == "," and node["day_first"] is True
    assert node["leads"]["created_at"] == "Fecha de alta"
    assert node["touchpoints"]["contactos"]["lead"] == {"by": "lead", "column": "Solicitud"}
    assert node["touchpoints"]["contactos"]["channel"]["values"]["Llamada saliente"] == "call"
    assert node["touchpoints"]["contactos"]["initiator"]["values"] == {"Correo abierto": "lead", "Visita web": "lead"}
    assert node["conversions"]["won"]["where"] == {"Situación": ["Pagado"]}
    assert node["sensitive"]["personal"] == ["solicitudes.Nombre", "solicitudes.Correo"]
    assert "solicitudes.Estado" in node["deny"]
    assert node["leads"]["attributes"]["empleados"]["type"] == "number"
    assert "@firma" not in findings.proposal.text and "Persona 1" not in findings.proposal.text
    con = connect()
    report = read_tables(parse_mapping(node | {"path": str(tmp_path)}), "won", con)
    counts = {
        n: con.execute(f"SELECT count(*) FROM {n}").fetchone()[0] for n in ("leads", "touchpoints", "conversions")
    }
    assert counts == {"leads": 200, "touchpoints": 600, "conversions": 40}
    assert con.execute("SELECT min(amount) > 1000 FROM conversions").fetchone()[0]
    assert not [f for f in report.counts["files"] if f["quarantined"]]


def test_the_same_tables_in_sqlite_and_packed(tmp_path, known):
    folder = spanish(tmp_path / "csv")
    base = sqlite3.connect(tmp_path / "crm.db")
    for path in folder.iterdir():
        header, *rows = [line.split(";") for line in path.read_text(encoding="cp1252").splitlines()]
        base.execute(f"CREATE TABLE {path.stem} ({', '.join(chr(34) + h + chr(34) for h in header)})")
        base.executemany(f"INSERT INTO {path.stem} VALUES ({', '.join('?' * len(header))})", rows)
    base.commit()
    base.close()
    findings = inspect(tmp_path / "crm.db", known)
    assert not findings.proposal.missing
    node = yaml.safe_load(findings.proposal.text)
    con = connect()
    read_tables(parse_mapping(node | {"path": str(tmp_path / "crm.db")}), "won", con)
    assert con.execute("SELECT count(*) FROM conversions").fetchone()[0] == 40
    for path in folder.iterdir():
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    packed = inspect(folder, known)
    assert packed.plan.leads.name == "solicitudes" and not packed.proposal.missing


@pytest.fixture(scope="module")
def salesforce(tmp_path_factory) -> Path:
    raw = tmp_path_factory.mktemp("sf") / "raw"
    raw.mkdir()
    config = SimulateConfig(leads=250, months=5, start="2024-07-01", chunk_leads=1000)
    simulate(config, 5, raw, tmp_path_factory.mktemp("truth"), lambda step: None)
    return raw


@pytest.mark.extra
def test_a_salesforce_export_with_other_names_extends_salesforce(salesforce, tmp_path, known):
    folder = tmp_path / "export"
    folder.mkdir()
    for path in salesforce.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            (folder / path.name).write_bytes(path.read_bytes())
    text = (folder / "Lead.csv").read_text(encoding="utf-8-sig")
    text = text.replace('"CreatedDate"', '"Lead Created Date"', 1).replace('"LeadSource"', '"Lead Source Detail"', 1)
    (folder / "prospects 2026.csv").write_text(text, encoding="utf-8")
    (folder / "Lead.csv").unlink()
    (folder / "Opportunity.csv").rename(folder / "our_deals.csv")
    findings = inspect(folder, known)
    assert {s.name for s, _ in findings.recognised} == {"salesforce", "ga4", "email_events"}
    node = yaml.safe_load(findings.proposal.text)
    assert set(node["files"]) == {"Lead", "Opportunity"}, "only what differs"
    assert node["files"]["Lead"]["columns"]["CreatedDate"][-1] == "Lead Created Date"
    assert node["files"]["Opportunity"] == {"pattern": ["our_deals.csv"]}
    assert not findings.proposal.missing
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        below = compose_source([d for d in node.pop("defaults") if d != "_self_"])
    con = connect()
    read_tables(parse_mapping(merged(below, node) | {"path": str(folder)}), "won", con)
    leads = con.execute("SELECT count(*), count(lead_source) FROM leads").fetchone()
    assert leads[0] > 200 and leads[1] > 100


def test_hubspot_headers_are_recognised(tmp_path, known):
    contacts = "Record ID,First Name,Last Name,Email,Job Title,Lifecycle Stage,Lead Status,Create Date,Original Source"
    deals = "Record ID,Deal Name,Deal Stage,Amount,Close Date,Create Date,Pipeline,Is Closed Won,Associated Contact IDs"
    rows = [f"{n},Ana,Gil,a{n}@x{n}.es,CEO,lead,NEW,2025-01-{n:02d} 10:00,Organic Search" for n in range(1, 20)]
    sold = [f"{n},D,closedwon,100,2025-02-{n:02d} 10:00,2025-01-20 10:00,default,true,{n}" for n in range(1, 9)]
    (tmp_path / "all people.csv").write_text(csv(contacts, *rows))
    (tmp_path / "sales.csv").write_text(csv(deals, *sold))
    findings = inspect(tmp_path, known)
    assert [s.name for s, _ in findings.recognised] == ["hubspot"]
    matches = findings.recognised[0][1]
    assert (matches["contacts"].table, matches["deals"].table) == ("all_people", "sales")
    node = yaml.safe_load(findings.proposal.text)
    assert node["defaults"] == ["hubspot", "_self_"]
    assert node["files"]["contacts"]["pattern"] == ["all people.csv"]
    assert findings.views["all_people"].columns["Lifecycle Stage"].has(Role.leak)


def test_generic_headers_are_no_vendors(tmp_path, known):
    table(
        tmp_path / "leads.csv",
        "id,created_at,email,source,status",
        20,
        lambda n: f"{n},2025-01-{day(n)},a{n}@b.co,Web,open",
    )
    table(tmp_path / "log.csv", "lead_id,at,kind", 20, lambda n: f"{n},2025-02-{day(n)},call")
    assert not inspect(tmp_path, known).recognised


def test_history_shaped_tables_links_and_tables_of_pairs(tmp_path):
    tables = {
        "leads.csv": (
            "id,created,email,industry,company_ref", 60,
            lambda n: f"L{n:03d},2025-01-{day(n)},a{n}@b{n}.co,{'Energy' if n % 2 else 'Retail'},C{n % 5}",
        ),
        "companies.csv": ("id,created,size", 5, lambda n: f"C{n},2024-01-01,{n * 10}"),
        "lead_changes.csv": (
            "lead_id,field,old_value,new_value,changed_at", 40,
            lambda n: f"L{n:03d},industry,Energy,Retail,2025-02-{day(n)}",
        ),
        "people.csv": ("person_id,mail", 60, lambda n: f"P{n:03d},a{n}@b{n}.co"),
        "calls.csv": (
            "call_id,person_id,at,direction", 100,
            lambda n: f"K{n:03d},P{n % 60:03d},2025-03-01 10:{n % 60:02d},{'inbound' if n % 3 else 'outbound'}",
        ),
        "visits.csv": (
            "visit_id,at,url", 90, lambda n: f"V{n:03d},2025-03-02 10:{n % 60:02d},https://x.y/p{n % 4}?u={n}"
        ),
        "visit_lead.csv": ("visit_id,lead_id", 90, lambda n: f"V{n:03d},L{n % 60:03d}"),
        "orders.csv": ("order_id,lead_id,ordered_at,total", 30, lambda n: f"O{n:03d},L{n:03d},2025-04-{day(n)},{n}.5"),
    }  # fmt: skip
    for name, (header, rows, row) in tables.items():
        table(tmp_path / name, header, rows, row)
    findings = inspect(tmp_path)
    node = yaml.safe_load(findings.proposal.text)
    assert node["history"]["lead_changes"]["field"] == "field"
    assert node["leads"]["attributes"]["industry"]["history"] == "lead_changes"
    assert node["accounts"]["from"] == "companies" and node["leads"]["account_id"] == "company_ref"
    assert node["links"]["people"] == {"from": "people", "id": "person_id", "email": "mail"}
    assert node["touchpoints"]["calls"]["lead"] == {"by": "people", "column": "person_id"}
    assert node["touchpoints"]["calls"]["initiator"]["values"] == {"inbound": "lead", "outbound": "company"}
    assert node["touchpoints"]["visits"]["lead"]["via"] == {"from": "visit_lead", "id": "visit_id", "key": "visit_id"}
    assert node["touchpoints"]["visits"]["content"] == {"path_of": "url"}
    assert node["conversions"]["won"]["at"] == "ordered_at"
    parse_mapping(node)


def test_one_table_gives_a_flat_command(tmp_path):
    words = ("Yes", "No", "No", "No", "No")
    table(
        tmp_path / "cases.csv",
        "case_id,created,source,pages,Converted,last_note_type",
        60,
        lambda n: f"{n},2025-01-{day(n)},{'Web' if n % 2 else 'Fair'},{n % 7},{words[n % 5]},x{n % 3}",
    )
    findings = inspect(tmp_path)
    assert findings.plan is None
    found = flat_settings(findings.flat)
    assert found == {"label": "Converted", "time": "created", "lead_id": "case_id", "exclude": ["last_note_type"]}
    command = flat_command(found, "a b/cases.csv")
    assert command.startswith("leadml run source=flat 'source.path=\"a b/cases.csv\"' source.label=Converted")
    node = yaml.safe_load(findings.proposal.text)
    assert node["defaults"] == ["flat", "_self_"] and node["label"] == "Converted"


def test_what_is_not_known_is_a_comment_and_said_to_be_missing(tmp_path):
    table(tmp_path / "leads.csv", "id,created,source", 30, lambda n: f"L{n},2025-01-{day(n)},Web")
    (tmp_path / "other.csv").write_text(csv("a,b", "1,x", "2,y"))
    proposal = inspect(tmp_path).proposal
    assert proposal.missing == ("the conversion",)
    assert "# ? no table tells who converted and when" in proposal.text
    assert "other.csv: no column refers to the leads" in proposal.text


# --- junk


JUNK = {
    "empty.csv": b"",
    "blank.csv": b"\n\n\n",
    "header_only.csv": b"a,b,c\n",
    "page.csv": b"<!DOCTYPE html><html><body>login</body></html>",
    "binary.csv": bytes(range(256)) * 20,
    "fake.parquet": b"PAR1 this is none",
    "fake.xlsx": b"PK\x03\x04 nor this",
    "fake.jsonl": b"{not json\n[1,2\n",
    "broken.csv.gz": b"\x1f\x8b\x08\x00 cut",
    "twice.csv": b"a,a,b\n1,2,3\n",
    "picture.png": b"\x89PNG\r\n",
    "ragged.csv": b'id,x\n1,2\n1\n1,2,3\n"open,4\n5,6\n',
    "odd.csv": "id;größe;'x\n1;2;3\n4;5;6\n".encode("latin-1"),
}


def test_junk_is_named_and_nothing_breaks(tmp_path, known):
    for name, content in JUNK.items():
        (tmp_path / name).write_bytes(content)
    con = connect()
    looks, unread = look_around(con, str(tmp_path))
    told = {u.place: u.why for u in unread}
    assert {"empty.csv", "page.csv", "binary.csv", "fake.parquet", "fake.xlsx", "twice.csv", "picture.png"} <= set(told)
    assert "web page" in told["page.csv"] and "\n" not in "".join(told.values())
    assert len(looks) + len(unread) == len(JUNK)
    inspect_tables(con, looks, known, "mine")


@given(st.binary(max_size=300), st.sampled_from(["x.csv", "x.jsonl", "x.parquet", "x.xlsx", "x.csv.gz", "x.txt"]))
@example(content=b"\x01\r\x01\r0", name="x.csv")  # a column whose name no reader can see
@example(content="a\u2028b,a\u2028c\n1,2\n".encode(), name="x.csv")
@settings(max_examples=40, deadline=None)
def test_any_bytes_are_a_table_or_named(tmp_path_factory, content: bytes, name: str):
    folder = tmp_path_factory.mktemp("any")
    (folder / name).write_bytes(content)
    con = connect()
    looks, unread = look_around(con, str(folder))
    assert len(looks) + len(unread) == 1
    findings = inspect_tables(con, looks, [], "mine")
    if findings.proposal is not None:
        assert isinstance(yaml.safe_load(findings.proposal.text), dict)


def test_nothing_there_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        look_around(connect(), str(tmp_path / "nope"))
    with pytest.raises(DataError, match="empty"):
        look_around(connect(), str(tmp_path))


# --- the commands


def test_the_path_is_a_word_or_a_setting():
    assert for_hydra("inspect", ["data/raw", "inspect.out=-"]) == ["inspect.path='data/raw'", "inspect.out=-"]
    assert for_hydra("inspect", ["inspect.path=x"]) == ["inspect.path=x"]
    assert for_hydra("inspect", ["--help"]) == ["--help"]
    assert for_hydra("inspect", ["it's"]) == ["inspect.path='it\\'s'"]
    assert for_hydra("inspect", ["postgresql://u@h/db?sslmode=x"]) == ["inspect.path='postgresql://u@h/db?sslmode=x'"]
    assert for_hydra("extract", ["data/raw"]) == ["data/raw"]


def test_inspect_writes_once_and_never_over_something(tmp_path):
    folder = spanish(tmp_path / "my export")
    shown = run_here("inspect", folder, "inspect.name=mine", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "pedidos.csv: 50 rows, 6 columns (cp1252, delimiter ';')" in shown.stdout
    assert "pedidos: conversions" in shown.stdout and "leadml extract --config-dir conf source=mine" in shown.stdout
    assert "@firma" not in shown.stdout and "Persona 1" not in shown.stdout
    written = (tmp_path / "conf/source/mine.yaml").read_text(encoding="utf-8")
    assert parse_mapping(yaml.safe_load(written)).leads.source == "solicitudes"
    again = run_here("inspect", folder, "inspect.name=mine", cwd=tmp_path)
    assert again.returncode == 2 and "is not overwritten" in again.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"my export", "conf"}, "no workspace is made"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["inspect"], 2, "nothing to look at"),
        (["inspect", "nope"], 3, "does not exist"),
        (["inspect", "junk"], 3, "holds no table that can be read"),
        (["inspect", "junk", "inspect.out=x.txt"], 2, "ends in .yaml"),
        (["inspect", "junk", "inspect.name=A b"], 2, "inspect.name=A b"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys, words, code, said):
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / "page.csv").write_bytes(JUNK["page.csv"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(words)
    told = capsys.readouterr().err
    assert ended.value.code == code, told
    assert said in told and len(told.strip().splitlines()) == 1


def test_sources_lists_every_mapping_and_what_it_finds(salesforce, tmp_path):
    own = tmp_path / "own" / "source"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("defaults: [salesforce, _self_]\nname: mine\nabout: ours\n")
    (own / "broken.yaml").write_text("defaults: [nowhere]\n")
    (own / "listed.yaml").write_text("files: [1]\n")
    (own / "empty.yaml").write_text("# to be written\n")
    (own / "cut.yaml").write_text("files:\n  Lead: [a\n")
    (own / "numbered.yaml").write_text("files: {Lead: 3, Deal: {columns: [1]}}\n")
    (own / "words.yaml").write_text("a mapping\n")
    shown = run_here(
        "sources", "--config-dir", tmp_path / "own", f"source.path={salesforce}", cwd=tmp_path, COLUMNS="300"
    )
    assert shown.returncode == 0, shown.stderr
    lines = {line.split("│")[1].strip(): line for line in shown.stdout.splitlines() if line.startswith("│")}
    shipped = {p.stem for p in (ROOT / "conf" / "source").glob("*.yaml")} - {"job_titles"}
    assert set(lines) - {""} == shipped | {"mine"}
    assert "ours" in lines["mine"] and "Lead" in lines["mine"]
    broken = [line for line in shown.stdout.splitlines() if line.startswith("broken")]
    assert [line.split()[1] for line in broken] == ["broken:", "cut:", "empty:", "listed:", "numbered:", "words:"]
    assert "line 3" in broken[1] and "says nothing" in broken[2] and "files must hold entries" in broken[3]
    assert "files.Lead, files.Deal.columns must hold entries" in broken[4]
    assert "--cfg job" in shown.stdout and "leadml inspect" in shown.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["own"]


def test_looking_imports_no_learning_library(tmp_path):
    code = "import sys; from leadml.cli import main\ntry:\n main(['sources'])\nexcept SystemExit: pass\n"
    code += "print([m for m in ('mlflow', 'shap', 'sklearn', 'lightgbm') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert shown.stdout.strip().endswith("[]"), shown.stdout[-300:] + shown.stderr


def test_composing_without_hydra_gives_what_hydra_gives():
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        for name in ("bpic2012", "flat", "salesforce", "ga4"):
            plain = _plain(name, ())
            assert plain == _composed(name), name
