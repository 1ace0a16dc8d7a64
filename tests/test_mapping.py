"""The mapping's checks: whatever is wrong is said at once, with what would be right."""

from pathlib import Path

import pytest
from sources_helpers import CONF, load

from leadml.errors import ConfigurationError
from leadml.sources.mapping import parse_mapping


def source(**settings: object) -> dict[str, object]:
    """A small whole mapping."""
    return {
        "name": "small",
        "path": "raw",
        "files": {"leads": {"pattern": "leads.csv"}, "deals": {"pattern": "deals.csv"}},
        "leads": {"from": "leads", "lead_id": "id", "created_at": "created"},
        "conversions": {"won": {"from": "deals", "lead": {"by": "lead", "column": "lead"}, "at": "closed"}},
    } | settings


def attribute(**entries: object) -> dict[str, object]:
    """The small mapping with one attribute."""
    leads = {"from": "leads", "lead_id": "id", "created_at": "created", "attributes": {"size": entries}}
    return source(leads=leads, history={"changes": {"from": "deals", "id": "a", "field": "f", "new": "n", "at": "t"}})


def test_small_mapping_is_complete():
    mapping = parse_mapping(source())
    assert mapping.leads.created_at == ("created",)
    assert mapping.files["deals"].required
    assert mapping.conversions["won"].lead[0].by == "lead"
    assert mapping.timezone == "UTC"


SHIPPED = sorted(p.stem for p in CONF.glob("*.yaml") if "\nname:" in p.read_text() or "\n  name:" in p.read_text())


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_mappings_parse(name: str):
    assert parse_mapping(load(name, Path("raw"))).name == name


def test_a_part_alone_says_that_it_joins_a_crm():
    with pytest.raises(ConfigurationError, match=r"source.leads: missing: a part such as ga4 joins a CRM"):
        parse_mapping(load("ga4", Path("raw")))


def test_every_problem_is_told_at_once():
    broken = source(
        timezone="Madrid",
        colour="red",
        files={"leads": {"pattern": ["leads.csv"], "format": "xlsx"}, "deals": {"encoding": "auto"}},
        touchpoints={
            "call": {
                "from": "calls",
                "id": "id",
                "lead": {"by": "lead", "column": "who"},
                "occurred_at": "at",
                "channel": "telephone",
                "kind": "call",
                "initiator": "us",
            }
        },
    )
    with pytest.raises(ConfigurationError) as error:
        parse_mapping(broken)
    told = str(error.value)
    assert "6 problem(s)" in told
    assert "source: unknown key(s) colour; allowed: about, accounts, closures," in told
    assert "source.files.deals.pattern: missing" in told
    assert "source.files.leads.format: 'xlsx' is not allowed; allowed: auto, csv, excel, jsonl, parquet" in told
    assert "source.touchpoints.call.channel: 'telephone' is not allowed; allowed: ads, call" in told
    assert "source.touchpoints.call.initiator: 'us' is not allowed; allowed: company, lead" in told
    assert "source.timezone: 'Madrid' is not a zone" in told
    assert "\n" not in told


def test_names_must_point_at_something():
    wrong = source(leads={"from": "people", "lead_id": "id", "created_at": "created"})
    with pytest.raises(ConfigurationError, match=r"'people': is not a file under source.files; allowed: deals, leads"):
        parse_mapping(wrong)
    wrong = source(conversions={"won": {"from": "deals", "lead": {"by": "contact", "column": "lead"}, "at": "closed"}})
    with pytest.raises(
        ConfigurationError,
        match=r"'contact': is not a way to find the lead .in won.; allowed: click, email, lead, user",
    ):
        parse_mapping(wrong)


def test_file_of_leads_is_required():
    files = {"leads": {"pattern": "leads.csv", "required": False}, "deals": {"pattern": "deals.csv"}}
    with pytest.raises(ConfigurationError, match=r"the file of the leads must be required"):
        parse_mapping(source(files=files))


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"column": "n", "type": "number"}, "either fixed: true"),
        ({"column": "n", "type": "number", "fixed": True, "history": "changes"}, "either fixed: true"),
        ({"column": "n", "type": "number", "history": "past"}, "'past': is not a history under source.history"),
        ({"column": "n", "type": "money", "fixed": True}, "'money' is not allowed"),
        ({"column": "n", "type": "keywords", "fixed": True}, "type: keywords needs keywords"),
        ({"column": "n", "type": "date", "history": "changes"}, "a date that changes is no attribute"),
        ({"column": "n", "type": "category", "fixed": True, "times": 2}, "times is for type: number"),
    ],
)
def test_attributes_are_checked(entries: dict[str, object], told: str):
    with pytest.raises(ConfigurationError, match=told):
        parse_mapping(attribute(**entries))


def test_a_denied_column_is_no_fixed_attribute_but_may_have_a_history():
    entries = {"column": "Status", "type": "category"}
    denied = {"deny": {"Status": "as of the export", "*__c": "custom"}}
    with pytest.raises(ConfigurationError, match=r"column Status is denied \(as of the export\)"):
        parse_mapping(attribute(**entries, fixed=True) | denied)
    parse_mapping(attribute(**entries, history="changes") | denied)
    # A pattern denies what nobody declares; who declares a column knows it.
    parse_mapping(attribute(column="Size__c", type="number", fixed=True) | denied)


def test_personal_columns_are_never_carried():
    for how in ({"fixed": True}, {"history": "changes"}):
        with pytest.raises(ConfigurationError, match=r"personal data"):
            parse_mapping(attribute(column="Phone", type="category", **how) | {"sensitive": {"people": ["phone"]}})


def test_exact_reasons_come_before_patterns():
    mapping = parse_mapping(source(deny={"*__c": "custom", "Rating": "late", "leads.Rating": "late in leads"}))
    assert mapping.denied("leads", "rating") == "late in leads"
    assert mapping.denied("deals", "Rating") == "late"
    assert mapping.denied("deals", "Extra__c") == "custom"
    assert mapping.denied("deals", "Amount") is None


def test_conditions():
    rules = {
        "a": {"State": ["open", True]},
        "b": {"State": {"not": ["open"]}, "Kind": {"matches": "^x"}},
        "c": {"Kind": {"not_matches": "^x"}},
    }
    mapping = parse_mapping(source(files={"leads": {"pattern": "l.csv", "ignore": rules}, "deals": {"pattern": "d"}}))
    ignore = mapping.files["leads"].ignore
    assert ignore["a"][0].values == ("open", "true")
    assert [(c.negated, c.matches) for c in ignore["b"]] == [(True, None), (False, "^x")]
    assert (ignore["c"][0].negated, ignore["c"][0].matches) == (True, "^x")


@pytest.mark.parametrize("wanted", [{"matches": "("}, {"is": "x"}, {"not": ["a"], "matches": "b"}])
def test_bad_conditions(wanted: dict[str, object]):
    files = {"leads": {"pattern": "l.csv", "ignore": {"r": {"Kind": wanted}}}, "deals": {"pattern": "d"}}
    with pytest.raises(ConfigurationError, match=r"source\.files\.leads\.ignore\.r\.Kind"):
        parse_mapping(source(files=files))


def test_a_null_entry_takes_a_shipped_one_away():
    node = load("salesforce", Path("raw"))
    node["touchpoints"]["task"] = None
    names = [t.name for t in parse_mapping(node).touchpoints]
    assert "task" not in names
    assert "call" in names


@pytest.mark.parametrize("node", [{}, {"name": "x", "files": [1]}, {"name": {"a": 1}, "leads": "x", "conversions": 3}])
def test_nonsense_is_a_configuration_error(node: dict[str, object]):
    with pytest.raises(ConfigurationError):
        parse_mapping(node)
