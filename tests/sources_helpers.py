"""Small hand-made exports, and tables as the few lines of text that tests compare."""

from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from leadml.sources.mapping import Mapping, parse_mapping
from leadml.sources.report import SourceReport
from leadml.sources.tables import read_tables

CONF = Path(__file__).parents[1] / "conf" / "source"

SALESFORCE = "salesforce,email_events,ga4"

# The least that a Salesforce folder must hold: one lead, no opportunity, an export on the last day of 2024.
LEAD = "Id,IsDeleted,MasterRecordId,Company,Email,Title,Status,Industry,LeadSource,CreatedDate,SystemModstamp,"
LEAD += "ConvertedContactId,ConvertedOpportunityId\n"
ANA = "L1,false,,Acme,ana@acme.example,CEO,New,Energy,Web,2024-07-01T09:30:12.000+0000,2024-09-01T00:00:00.000+0000,,\n"
OPPORTUNITY = "Id,StageName,IsClosed,IsWon,CloseDate,Amount,CurrencyIsoCode,CreatedDate\n"


def connect() -> duckdb.DuckDBPyConnection:
    """An empty engine, set as the product sets it."""
    return duckdb.connect(config={"autoinstall_known_extensions": "false", "threads": 2})


@cache
def _composed(names: str) -> Any:
    with initialize_config_dir(str(CONF.parent), version_base="1.3"):
        # Without Hydra's struct flag, as an override of a new name has a plus.
        return OmegaConf.to_container(compose(overrides=[f"+source=[{names}]"]))


def load(names: str, path: Path | str, **settings: Any) -> dict[str, Any]:
    """The ``source`` node of files of conf/source, as the product composes them: ``"salesforce,ga4"`` joins two."""
    changed = OmegaConf.merge(_composed(names)["source"], {"path": str(path)}, settings)
    node: Any = OmegaConf.to_container(changed, resolve=True)
    return dict(node)


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write texts (UTF-8) or bytes as files; a Salesforce lead and opportunity file are added where they lack."""
    for name, content in ({"Lead.csv": LEAD + ANA, "Opportunity.csv": OPPORTUNITY} | files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def read(
    folder: Path, conversion: str = "won", name: str = SALESFORCE, **settings: Any
) -> tuple[duckdb.DuckDBPyConnection, SourceReport]:
    """Read a folder by a mapping of conf/source; the export is at the end of 2024 unless it is said otherwise."""
    con = connect()
    mapping = mapping_of(folder, name, **settings)
    report = read_tables(mapping, conversion, con)
    check_counts(con, report)
    return con, report


def mapping_of(folder: Path, name: str = SALESFORCE, **settings: Any) -> Mapping:
    """The mapping of a folder."""
    return parse_mapping(load(name, folder, **({"exported_at": "2024-12-31"} | settings)))


def check_counts(con: duckdb.DuckDBPyConnection, report: SourceReport) -> None:
    """Every source row and every table row must be accounted for."""
    quarantined = dict(con.execute("SELECT file, count(*) FROM quarantine GROUP BY 1").fetchall())
    for file, counts in zip(report.files, report.counts["files"], strict=True):
        lost = sum(counts["quarantined"].values()) + sum(counts["ignored"].values())
        assert counts["rows"] == file["rows"] == counts["used"] + lost, counts
        assert all(n > 0 for n in (*counts["quarantined"].values(), *counts["ignored"].values())), counts
        assert quarantined.get(file["path"], 0) == sum(counts["quarantined"].values()), counts
    for name, count in report.counts["tables"].items():
        assert count["rows_in"] + sum(count["added"].values()) - sum(count["lost"].values()) == count["rows_out"], name


def show(con: duckdb.DuckDBPyConnection, query: str) -> str:
    """The rows of a query, one a line, fields parted by a blank and a bar; midnight is written as a date."""

    def text(value: object) -> str:
        return "" if value is None else str(value).removesuffix(" 00:00:00")

    return "\n".join(" | ".join(map(text, row)) for row in con.execute(query).fetchall())


def table(text: str) -> str:
    """An expected table as it is written in a test: without indentation and empty lines."""
    return "\n".join(line.strip() for line in text.strip().splitlines())
