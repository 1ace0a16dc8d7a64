"""The prediction problem against a slow, obvious twin over lists of rows, on generated histories; and the future."""

from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd
import pytest
from conftest import counts
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshot_tables import folded, problem, tables

from leadml import snapshots as s
from leadml.errors import DataError
from leadml.problem import ColleagueConversion, Unit
from leadml.schema import CLOSURE_KINDS

START = datetime(2026, 3, 2)  # a Monday
DAY = timedelta(days=1)
END = START + 42 * DAY


# ---------------------------------------------------------------------------------------------- the slow, obvious twin
class Slow:
    """What is known of each unit, a lead or an account, asked instant by instant."""

    def __init__(self, data, rules):
        self.rules = rules
        self.exits = set(rules.exits)
        self.members = {}
        for lead in sorted(data["leads"], key=lambda r: (r["known_at"], r["lead_id"])):
            own = rules.unit is Unit.lead or lead["account_id"] is None
            self.members.setdefault(lead["lead_id"] if own else lead["account_id"], []).append(lead)
        self.account = {r["lead_id"]: r["account_id"] for r in data["leads"]}
        self.known = {r["lead_id"]: r["known_at"] for r in data["leads"]}
        self.closures = [c for c in data["closures"] if c["kind"] in self.exits]
        self.conversions = data["conversions"]
        self.touchpoints = data["touchpoints"]

    def since(self, unit):
        return self.members[unit][0]["known_at"]

    def converted(self, unit):
        """The unit's conversions as (when, -amount, from when that can be known), the first one first.

        Several of one instant are one: of the largest amount, known as soon as any of them.
        """
        ids = {m["lead_id"] for m in self.members[unit]}
        at = {}
        for c in self.conversions:
            if c["lead_id"] in ids:
                known = max(c["converted_at"], c["known_at"], self.tie(c["lead_id"]))
                at.setdefault(c["converted_at"], []).append((-c["amount"], known))
        return sorted((when, min(a for a, _ in found), min(k for _, k in found)) for when, found in at.items())

    def tie(self, lead):
        return datetime.min if self.rules.unit is Unit.lead else self.known[lead]

    def colleague(self, unit):
        """The first conversion of another lead of the account, shaped as in `converted`; None without."""
        account = self.account.get(unit)
        if self.rules.unit is Unit.account or account is None:
            return None
        found = [
            (c["converted_at"], -c["amount"], max(c["converted_at"], c["known_at"], self.known[c["lead_id"]]))
            for c in self.conversions
            if c["lead_id"] != unit and self.account[c["lead_id"]] == account
        ]
        return min(found, default=None)

    def outcome(self, unit):
        own, other = next(iter(self.converted(unit)), None), self.colleague(unit)
        rule = self.rules.colleague_conversion
        if rule is ColleagueConversion.counts and other and (own is None or other[0] < own[0]):
            return other, None
        return own, other if rule is ColleagueConversion.ends else None

    def open_at(self, unit, cutoff, by):
        """Whether a known lead of the unit is not closed, going by when closures are dated, or when they are known."""
        gone = {c["lead_id"] for c in self.closures if when(c, by) < cutoff}
        return any(m["known_at"] < cutoff and m["lead_id"] not in gone for m in self.members[unit])

    def eligible(self, unit, cutoff, by):
        own, other = self.outcome(unit)
        column = 0 if by == "dated" else 2
        over = any(x is not None and x[column] < cutoff for x in (own, other))
        return self.since(unit) < cutoff and not over and self.open_at(unit, cutoff, by)

    def active(self, unit, cutoff):
        span = self.rules.active_days
        if span is None or self.since(unit) >= cutoff - span * DAY:
            return True
        ids = {m["lead_id"] for m in self.members[unit]}
        acts = [max(t["known_at"], self.tie(t["lead_id"])) for t in self.touchpoints
                if t["lead_id"] in ids and t["initiator"] == "lead"]  # fmt: skip
        return any(cutoff - span * DAY <= a < cutoff for a in acts)

    def removed_inside(self, unit, cutoff, end):
        """Whether in [cutoff, end) there is a merge or erasure after which no lead of the unit is open or just lost."""
        gone = {}
        for c in sorted(self.closures, key=lambda c: c["closed_at"]):
            if c["lead_id"] in {m["lead_id"] for m in self.members[unit]}:
                gone.setdefault(c["lead_id"], []).append(c)
        if self.rules.unit is Unit.lead:
            return any(cutoff <= c["closed_at"] < end for c in gone.get(unit, []) if c["kind"] in ("merged", "erased"))
        # An account is removed at the instant at which its last open lead leaves, all of them merged or erased by then.
        for at in sorted({max(c["closed_at"], self.known[c["lead_id"]]) for cs in gone.values() for c in cs}):
            known = [m["lead_id"] for m in self.members[unit] if m["known_at"] <= at]
            still = [m for m in known if not any(c["closed_at"] <= at for c in gone.get(m, []))]
            before = [m for m in known if self.known[m] < at and not any(c["closed_at"] < at for c in gone.get(m, []))]
            begins = at == self.since(unit)
            kinds = [{c["kind"] for c in gone.get(m, []) if c["closed_at"] <= at} for m in known]
            all_removed = all(k & {"merged", "erased"} for k in kinds)
            if cutoff <= at < end and not still and (before or begins) and all_removed:
                return True
        return False

    def row(self, unit, cutoff, end_of_data):
        """(label, amount, days to the conversion) of an eligible unit, why it is left out, or None: not eligible."""
        if not self.active(unit, cutoff) or not self.eligible(unit, cutoff, "known"):
            return None
        if not self.eligible(unit, cutoff, "dated"):
            return "converted or closed before the cutoff, known after it"
        opens = cutoff + self.rules.gap_days * DAY
        ends = opens + self.rules.horizon_days * DAY
        own, other = self.outcome(unit)
        if own and own[0] < opens:
            return "converted inside the gap"
        if other and other[0] < opens:
            return "a colleague converted inside the gap"
        hit = own is not None and own[0] < ends and not (other and other[0] < own[0])
        if not hit and self.removed_inside(unit, cutoff, ends):
            return "merged or erased inside the horizon"
        if ends + self.rules.booking_delay_days * DAY > end_of_data:
            return None, None, None
        return (1.0, -own[1], (own[0] - cutoff) / DAY) if hit else (0.0, None, None)


def when(closure, by):
    return closure["closed_at"] if by == "dated" else max(closure["closed_at"], closure["known_at"])


def slow_cutoffs(slow, unit, rules):
    monday = START + timedelta(days=-START.weekday())
    first = min(slow.since(u) for u in slow.members)
    weekly = [monday + 7 * k * DAY for k in range(10)] if rules.weekly else []
    out = [(c, "weekly") for c in weekly if first < c <= END]
    out += [(slow.since(unit) + timedelta(days=a), "age") for a in rules.age_days]
    out += [(c, "given") for c in rules.given]
    return [(c, g) for c, g in out if c <= END]


def slow_snapshots(data, rules):
    """Rows (cutoff, unit, grid, label, amount, days to the conversion), and how many were left out, by reason."""
    until = {n: [r for r in data[n] if r["known_at"] <= END] for n in ("conversions", "closures")}
    slow = Slow({**data, **until}, rules)
    rows, left_out = [], {}
    for unit in slow.members:
        for cutoff, grid in slow_cutoffs(slow, unit, rules):
            found = slow.row(unit, cutoff, END)
            if isinstance(found, str):
                left_out[found] = left_out.get(found, 0) + 1
            elif found is not None:
                rows.append((cutoff, unit, grid, *found))
    return sorted(rows, key=lambda r: r[:3]), left_out


# ------------------------------------------------------------------------------------------------ generated histories
dates = st.integers(0, 35).map(lambda n: START + n * DAY)  # a coarse grid: many ties
delays = st.sampled_from([0 * DAY, 0 * DAY, DAY, 4 * DAY])
ids = st.sampled_from(["a", "b", "c", "d"])


@st.composite
def histories(draw):
    leads = [
        {"lead_id": i, "account_id": draw(st.sampled_from(["acme", "acme", "globex", None])), "known_at": at}
        for i, at in zip("abcd", draw(st.lists(dates, min_size=4, max_size=4)), strict=True)
    ]
    acts = draw(st.lists(st.tuples(ids, dates, st.sampled_from(["lead", "lead", "company"])), min_size=2, max_size=8))
    bought = draw(st.dictionaries(st.tuples(ids, dates), st.tuples(delays, st.integers(1, 3)), min_size=1, max_size=4))
    kinds = st.sampled_from(["lost", "lost", "merged", "erased", "opted_out"])
    closed = draw(st.dictionaries(st.tuples(ids, dates, kinds), delays, min_size=1, max_size=4))
    return {
        "leads": leads,
        "touchpoints": [
            {"lead_id": i, "known_at": at, "initiator": who, "channel": "web", "kind": "visit"} for i, at, who in acts
        ],
        "conversions": [
            {"lead_id": i, "converted_at": at, "known_at": at + late, "amount": float(amount)}
            for (i, at), (late, amount) in bought.items()
        ],
        "closures": [
            {"lead_id": i, "closed_at": at, "known_at": at + late, "kind": kind}
            for (i, at, kind), late in closed.items()
        ],
    }


@st.composite
def crowds(draw):
    """Several histories that have nothing to do with each other in one, as every query costs the same."""
    whole = {"leads": [], "touchpoints": [], "conversions": [], "closures": []}
    for i, part in enumerate(draw(st.lists(histories(), min_size=4, max_size=16))):
        for name, rows in part.items():
            for row in rows:
                named = {k: f"{row[k]}{i:02d}" for k in ("lead_id", "account_id") if row.get(k)}
                whole[name].append(row | named)
    return whole


@st.composite
def problems(draw):
    chosen = draw(st.sampled_from(["weekly", "ages", "given", "all"]))
    return problem(
        gap_days=draw(st.sampled_from([0, 3])),
        horizon_days=draw(st.sampled_from([7, 11])),
        booking_delay_days=draw(st.sampled_from([0, 2])),
        weekly=chosen in ("weekly", "all"),
        age_days=[0.5, 1, 7] if chosen in ("ages", "all") else [],
        cutoffs=["2026-03-20", "2026-04-01T12:00"] if chosen in ("given", "all") else [],
        active_days=draw(st.sampled_from([None, 7, 14])),
        exits=draw(st.sampled_from([list(CLOSURE_KINDS), ["merged", "erased", "opted_out"]])),
    )


def made(data, rules):
    if rules.unit is Unit.account:
        return folded(**data, exits=tuple(rules.exits))
    return tables(**data)


def listed(frame):
    rows = frame[["cutoff", "lead_id", "grid", "label", "amount", "days_to_conversion"]].astype(object)
    return [tuple(None if pd.isna(v) else v for v in r) for r in rows.itertuples(index=False)]


FEW = settings(max_examples=counts(3, 60), deadline=None)
KINDS = [(Unit.account, ColleagueConversion.ignore), *((Unit.lead, rule) for rule in ColleagueConversion)]


@pytest.mark.deep
@FEW
@pytest.mark.parametrize(("unit", "rule"), KINDS)
@given(data=crowds(), rules=problems())
def test_snapshots_equal_their_slow_twin(unit, rule, data, rules):
    rules = replace(rules, unit=unit, colleague_conversion=rule)
    first = min(r["known_at"] for r in data["leads"])
    outside = [c for c in rules.given if not first < c <= END]
    slow, left_out = slow_snapshots(data, rules)
    try:
        fast = s.build_snapshots(made(data, rules), rules, END)
    except DataError as error:
        assert outside or not slow, error
        return
    assert not outside
    assert listed(fast.frame) == slow
    assert fast.left_out == left_out


@pytest.mark.deep
@FEW
@pytest.mark.parametrize(("unit", "rule"), KINDS)
@given(data=crowds(), rules=problems(), cutoff=dates)
def test_the_population_at_a_cutoff_without_its_future(unit, rule, data, rules, cutoff):
    rules = replace(rules, unit=unit, colleague_conversion=rule)
    known = {r["lead_id"]: r["known_at"] for r in data["leads"]}
    # A conversion before its own lead was known would go with the lead: nothing to compare.
    data = data | {"conversions": [c for c in data["conversions"] if c["converted_at"] >= known[c["lead_id"]]]}
    full = s.build_population(made(data, rules), rules, cutoff)
    # Deleted: rows known at or after the cutoff, exits only where they are dated at or after it as well.
    when_dated = {"conversions": "converted_at", "closures": "closed_at"}
    before = {
        name: [r for r in rows if r[when_dated.get(name, "known_at")] < cutoff or r["known_at"] < cutoff]
        for name, rows in data.items()
    }
    leads = {r["lead_id"] for r in before["leads"]}
    before = {n: [r for r in rows if r["lead_id"] in leads] for n, rows in before.items()}
    slow = Slow(data, rules)
    expected = [u for u in slow.members if slow.active(u, cutoff) and slow.eligible(u, cutoff, "dated")]
    assert full["lead_id"].tolist() == sorted(expected)
    if leads:
        pd.testing.assert_frame_equal(s.build_population(made(before, rules), rules, cutoff), full)
        # Everything known at or after the cutoff deleted: only exits that were booked late make a difference, and they
        # can only add who had in truth left.
        strict = {n: [r for r in rows if r["known_at"] < cutoff] for n, rows in before.items()}
        cut = s.build_population(made(strict, rules), rules, cutoff)
        then = Slow(strict, rules)
        stay = [u for u in then.members if then.active(u, cutoff) and then.eligible(u, cutoff, "known")]
        assert cut["lead_id"].tolist() == sorted(stay)
        assert set(full["lead_id"]) <= set(stay)
        both = full["lead_id"].isin(cut["lead_id"])
        shared = cut[cut["lead_id"].isin(full["lead_id"])].drop(columns="position").reset_index(drop=True)
        pd.testing.assert_frame_equal(full[both].drop(columns="position").reset_index(drop=True), shared)
