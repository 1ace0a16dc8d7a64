"""What becomes of findings: policies, names, and settings that can be pasted."""

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.audit import Columns, Evidence, Finding, decide
from leadml.audit.findings import TABLE_KINDS
from leadml.audit.policy import TABLE_WAYS, pasted, way_out
from leadml.config import AuditConfig, AuditPolicy, AuditSeverity
from leadml.errors import ConfigurationError
from leadml.verdict import Verdict, doubt_verdict, keep_verdict

NAMES = ["plain", "odd", "Sales remark", "written"]
FOUND = [
    Finding("written", "leads", "proof", (Evidence("written_late", {"share": 1.0}, 0, True),)),
    Finding("Sales remark", "leads", "high", (Evidence("alone", {"auc": 0.95, "low": 0.9, "high": 1.0}, 4),)),
    Finding("odd", "leads", "medium", (Evidence("alone", {"auc": 0.8, "low": 0.79, "high": 0.81}, 2),)),
    Finding("(row order)", "table", "high", (Evidence("row_order", {"auc": 1.0, "low": 1.0, "high": 1.0}, 4),)),
    Finding("Lead.Status", "Lead", "proof", (Evidence("denied", {"why": "written by the conversion"}, 0, True),)),
]


def config(**changes):
    values = {
        "allow": [], "exclude": [], "policy": AuditPolicy.ask, "severity": AuditSeverity.high,
        "written_within_days": 1.0, "earlier": None, "cutoffs": 3, "leads": 100,
    }  # fmt: skip
    return AuditConfig(**values | changes)


def done(decision):
    return {f.column: f.done for f in decision.findings}


@pytest.mark.parametrize(
    ("changes", "usable", "open_", "lots"),
    [
        ({}, ["plain", "odd"], ("Sales remark",), {"Sales remark": "worked without", "odd": "kept"}),
        ({"policy": AuditPolicy.exclude}, ["plain", "odd"], (), {"Sales remark": "excluded", "odd": "kept"}),
        ({"policy": AuditPolicy.keep}, NAMES[:3], (), {"Sales remark": "kept", "written": "excluded"}),
        ({"severity": AuditSeverity.medium}, ["plain"], ("Sales remark", "odd"), {"odd": "worked without"}),
        ({"allow": ["Sales remark"]}, ["plain", "odd", "Sales remark"], (), {"Sales remark": "allowed"}),
        ({"exclude": ["Sales remark"]}, ["plain", "odd"], (), {"Sales remark": "excluded"}),
        ({"exclude": ["plain"]}, ["odd"], ("Sales remark",), {}),
        ({"allow": ["written", "Sales remark"]}, NAMES, (), {"written": "allowed"}),
    ],
)  # fmt: skip
def test_policies(changes, usable, open_, lots):
    decision = decide(FOUND, config(**changes), Columns(NAMES))
    assert decision.usable(NAMES) == [n for n in NAMES if n in usable]
    assert set(decision.open) == set(open_)
    assert lots.items() <= done(decision).items()
    assert done(decision)["(row order)"] == "told" and done(decision)["Lead.Status"] == "excluded"


def test_suspects_are_beside_what_was_done():
    asked = decide(FOUND, config(), Columns(NAMES))
    assert (asked.suspects, asked.without, asked.kept) == (("Sales remark",), ("Sales remark",), ())
    kept = decide(FOUND, config(policy=AuditPolicy.keep), Columns(NAMES))
    assert (kept.suspects, kept.without, kept.kept) == (("Sales remark",), (), ("Sales remark",))
    assert asked.excluded == kept.excluded == ("written",)


def test_how_to_overrule_can_be_pasted():
    overrule = {f.column: f.overrule for f in decide(FOUND, config(), Columns(NAMES)).findings}
    assert overrule["Sales remark"].splitlines() == [
        """audit.allow='["Sales remark"]'""", """audit.exclude='["Sales remark"]'"""
    ]  # fmt: skip
    assert overrule["written"] == "audit.allow='[written]'" and overrule["odd"] == "audit.exclude='[odd]'"
    named = decide(FOUND, config(exclude=["odd", "plain"]), Columns(NAMES))
    assert {f.column: f.overrule for f in named.findings}["odd"] == "audit.exclude='[plain]'"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"allow": ["nobody"]}, r"1 name\(s\) are no column: audit.allow=nobody; there are: plain, odd, Sales remark"),
        ({"exclude": ["a", "b"]}, r"2 name\(s\) are no column: audit.exclude=a, audit.exclude=b"),
        ({"allow": ["odd"], "exclude": ["odd"]}, "both name odd"),
    ],
)
def test_names_are_checked(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        decide(FOUND, config(**changes), Columns(NAMES))


PARSER = OverridesParser.create()


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_any_name_survives_the_shell_and_hydra(names):
    (word,) = shlex.split(f"audit.allow={pasted(names)}")
    assert PARSER.parse_override(word).value() == names


@pytest.mark.parametrize(
    "name", ["true", "null", "NaN", "1", "1e3", "a b", "it's", 'say "x"', "a,b", "[x]", "50%", "á", "$HOME", "a\\"]
)
def test_names_that_look_like_something_else(name):
    (word,) = shlex.split(f"audit.allow={pasted([name, 'plain'])}")
    assert PARSER.parse_override(word).value() == [name, "plain"]


def test_open_suspects_hold_a_champion_back_and_hide_no_other_verdict():
    good, bad = Verdict("deploy", "better"), Verdict("no signal", "not better")
    assert doubt_verdict(good, (), "") is good
    doubted = doubt_verdict(good, ("a", "b"), "audit.exclude='[a,b]'")
    assert doubted.name == "leak suspects" and not doubted.allows_champion
    assert "a, b" in doubted.why and "audit.exclude='[a,b]'" in doubted.why and "better" in doubted.why
    still = doubt_verdict(bad, ("a",), "audit.allow='[a]'")
    assert still.name == "no signal" and "audit.allow='[a]'" in still.why


def test_the_way_out_has_the_grammar_of_one():
    assert "leaves it out for good" in way_out(["a"], config()) and "takes it in" in way_out(["a"], config())
    assert "leaves them out for good" in way_out(["a", "b"], config())


def test_names_fit_in_any_case_and_columns_that_are_left_out_may_be_excluded():
    columns = Columns(NAMES, ["Empty now", "leads.Empty now", "Salary"])
    decision = decide(FOUND, config(exclude=["empty NOW", "Plain", "leads.Empty now"]), columns)
    assert decision.excluded == ("plain", "written")
    twins = Columns(["Size", "size"])
    with pytest.raises(ConfigurationError, match=r"audit\.exclude=SIZE"):  # which of the two is not said
        decide([], config(exclude=["SIZE"]), twins)


@pytest.mark.parametrize("name", ["Lead.Status", "lead.status", "Salary"])
def test_what_is_left_out_before_the_audit_cannot_be_allowed_here(name):
    with pytest.raises(ConfigurationError, match=r"left out before the audit: .*source\.keep='\["):
        decide(FOUND, config(allow=[name]), Columns(NAMES, ["Salary"]))


def test_a_finding_about_the_table_says_what_ends_it():
    overrule = {f.column: f.overrule for f in decide(FOUND, config(), Columns(NAMES)).findings}
    assert overrule["(row order)"] == "source.time=COLUMN"
    assert set(TABLE_WAYS) == set(TABLE_KINDS)


def test_suspects_that_are_kept_are_named_with_the_verdict():
    good = Verdict("deploy", "better")
    assert keep_verdict(good, (), False) is good
    kept = keep_verdict(good, ("a", "b"), True)
    assert kept.name == "deploy" and "2 suspects kept unseen (audit.policy=keep): a, b" in kept.why
    assert "no figure without" in keep_verdict(good, ("a",), False).why and "no figure" not in kept.why
