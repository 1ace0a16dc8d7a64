"""Every feature against a slow, obvious twin over lists of rows; and nothing known at or after the cutoff matters."""

import math
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from conftest import counts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadml.config import ContentRule, EngineConfig, FeaturesConfig
from leadml.engine import connect, put_table
from leadml.errors import ConfigurationError, DataError
from leadml.features import build
from leadml.features.spec import Content, FeatureSpec, FeatureTables, TouchKind, build_spec, is_sales, list_channels

START = datetime(2026, 3, 20)  # the last Sunday of March is inside: a day of 23 hours in Europe, of 24 in UTC
KINDS = (
    TouchKind("call", "made", "company"),
    TouchKind("email", "opened", "lead"),
    TouchKind("email", "sent", "company"),
    TouchKind("web", "visit", "lead"),
)
RARE = TouchKind("ads", "click", "lead")  # a kind without features of its own
SPEC = FeatureSpec(
    windows=(1, 3),
    half_lives=(2,),
    content=(Content("pricing", "pric", "pricing pages", "precios"),),
    kinds=KINDS,
    lead_attributes={"industry": "category", "employees": "number"},
    account_attributes={"size": "number"},
    as_of_fields={"pipeline_stage": "category", "rating": "number"},
    account_as_of_fields={"tier": "category"},
    include_effort=True,
    exclude=(),
    zone="UTC",
    zone_attribute="industry",  # any attribute will do: it stands for the country here
    zones={"it": "Europe/Madrid", "retail": "Asia/Kolkata"},
    season=True,
    channels=("ads", "email", "web"),
)
TYPES = {
    "leads": {
        "lead_id": "str", "account_id": "str", "created_at": "t", "known_at": "t", "industry": "str", "employees": "f",
    },
    "accounts": {"account_id": "str", "created_at": "t", "known_at": "t", "size": "f"},
    "history": {"entity": "str", "entity_id": "str", "field": "str", "value": "str", "changed_at": "t"},
    "touchpoints": {
        "touchpoint_id": "str", "lead_id": "str", "account_id": "str", "occurred_at": "t", "known_at": "t",
        "channel": "str", "kind": "str", "initiator": "str", "value": "f", "content": "str",
    },
    "conversions": {"lead_id": "str", "converted_at": "t", "known_at": "t", "amount": "f", "currency": "str"},
    "closures": {"lead_id": "str", "closed_at": "t", "known_at": "t", "kind": "str", "reason": "str"},
}  # fmt: skip
DTYPES_OF_LEADS = {"created_at": "datetime64[us]", "known_at": "datetime64[us]"}
DTYPES = {"str": "str", "t": "datetime64[us]", "f": "float64"}


def frame(name, rows):
    columns = TYPES[name]
    table = pd.DataFrame(rows, columns=list(columns))
    return table.astype({c: DTYPES[t] for c, t in columns.items()})


@pytest.fixture(scope="module")
def con():
    return connect(EngineConfig(threads=2, memory_limit="1GB"))


def run(con, data, snapshots, spec=SPEC):
    tables = {name: put_table(con, name, frame(name, data.get(name, []))) for name in TYPES}
    keys = pd.DataFrame(snapshots, columns=["lead_id", "account_id", "cutoff"])
    keys = keys.astype({"lead_id": "str", "account_id": "str", "cutoff": "datetime64[us]"})
    X, features = build.feature_frame(con, FeatureTables(build.snapshot_table(con, keys), **tables), spec)
    assert len(X) == len(keys)
    return X, features


# ---------------------------------------------------------------------------------------------- the slow, obvious twin
def slow_features(data, lead_id, cutoff, spec=SPEC):
    """Every feature of one snapshot, by loops over lists of rows."""
    windows, longest = spec.windows, spec.windows[-1]
    lead = next(r for r in data["leads"] if r["lead_id"] == lead_id)

    def days(t):
        return (cutoff - t["occurred_at"]) / timedelta(days=1)

    def is_known(t):
        return t["known_at"] < cutoff and t["occurred_at"] < cutoff

    everything = [t for t in data["touchpoints"] if is_known(t)]
    known = [t for t in everything if t["lead_id"] == lead_id]
    mine = [t for t in known if t["initiator"] == "lead"]
    ours = [t for t in known if t["initiator"] == "company"]

    def last(rows):
        return min((days(t) for t in rows), default=None)

    def has_begun(test):
        return any(test(t) for t in everything)

    def count(name, rows, test, window):
        """How many of the rows in the window, missing where no such touchpoint of any lead was known before."""
        out[name] = sum(test(t) and days(t) <= window for t in rows) if has_begun(test) else None

    def of_rule(rule):
        return lambda t: t["initiator"] == "lead" and bool(re.search(rule.pattern, (t["content"] or "").lower()))

    def by_lead(t):
        return t["initiator"] == "lead"

    # ------------------------------------------------------------------------------------------------ who they are
    out = {"industry": lead["industry"], "employees": lead["employees"]}
    out["account_size"] = next(
        (a["size"] for a in data["accounts"] if a["account_id"] == lead["account_id"] and a["known_at"] < cutoff), None
    )
    for field, entity, key in (("pipeline_stage", "lead", lead_id), ("rating", "lead", lead_id),
                               ("tier", "account", lead["account_id"])):  # fmt: skip
        changes = [
            h for h in data["history"]
            if (h["entity"], h["entity_id"], h["field"]) == (entity, key, field) and h["changed_at"] < cutoff
        ]  # fmt: skip
        newest = max(changes, key=lambda h: h["changed_at"], default=None)
        value = newest["value"] if newest else None
        name = field if entity == "lead" else f"account_{field}"
        out[name] = float(value) if field == "rating" and value is not None else value
        if field == "pipeline_stage":
            out["days_in_stage"] = (cutoff - newest["changed_at"]) / timedelta(days=1) if newest else None

    # ------------------------------------------------------------------------------------------------ their company
    account = lead["account_id"]
    team = [
        r["lead_id"] for r in data["leads"]
        if account and r["account_id"] == account and r["lead_id"] != lead_id and r["known_at"] < cutoff
    ]  # fmt: skip
    breadth = windows[min(1, len(windows) - 1)]
    theirs = [t for t in everything if t["lead_id"] in team and by_lead(t)]
    out["colleagues"] = len(team) if account else None
    active = {t["lead_id"] for t in theirs if days(t) <= breadth}
    out[f"colleagues_active_{breadth}d"] = len(active) if account and has_begun(by_lead) else None
    for w in windows:
        out[f"colleague_activity_{w}d"] = sum(days(t) <= w for t in theirs) if account and has_begun(by_lead) else None
    for rule in spec.content:
        hits = sum(of_rule(rule)(t) and days(t) <= longest for t in theirs)
        out[f"colleague_{rule.name}_{longest}d"] = hits if account and has_begun(of_rule(rule)) else None
    bought = [c for c in data["conversions"] if c["lead_id"] in team and c["known_at"] < cutoff]
    out["account_conversions"] = len(bought) if account else None
    amounts = [c["amount"] for c in bought if c["amount"] is not None]
    out["account_amount"] = sum(amounts) if amounts else None
    out["days_since_account_conversion"] = min(
        ((cutoff - c["converted_at"]) / timedelta(days=1) for c in bought), default=None
    )
    lost = {c["lead_id"] for c in data["closures"] if c["kind"] == "lost" and c["lead_id"] in team
            and c["known_at"] < cutoff}  # fmt: skip
    out["account_lost"] = len(lost) if account else None

    # ------------------------------------------------------------------------------------------------ what they did
    for kind in spec.kinds:
        key = (kind.channel, kind.kind, kind.initiator)

        def is_kind(t, key=key):
            return (t["channel"], t["kind"], t["initiator"]) == key

        for w in windows:
            count(f"{kind.name}_{w}d", known, is_kind, w)
        if kind.initiator == "lead":
            out[f"days_since_{kind.name}"] = last([t for t in known if is_kind(t)])
    for w in windows:
        count(f"activity_{w}d", mine, by_lead, w)
        count(f"our_touches_{w}d", ours, lambda t: not by_lead(t), w)
        for rule in spec.content:
            count(f"content_{rule.name}_{w}d", known, of_rule(rule), w)
        out[f"active_days_{w}d"] = (
            len({t["occurred_at"].date() for t in mine if days(t) <= w}) if has_begun(by_lead) else None
        )
    for rule in spec.content:
        out[f"days_since_content_{rule.name}"] = last([t for t in known if of_rule(rule)(t)])
    pages = {t["content"] for t in mine if days(t) <= longest} - {None}
    out[f"pages_{longest}d"] = len(pages) if has_begun(by_lead) else None

    # ------------------------------------------------------------------------------------------------ back and forth
    def when_known(t):
        return (max(t["known_at"], t["occurred_at"]), t["occurred_at"], by_lead(t))

    def minutes(earlier, later):
        return math.floor((later["occurred_at"] - earlier["occurred_at"]) / timedelta(minutes=1) + 0.5)

    gaps, answers, replies = [], [], []
    in_order = sorted(known, key=when_known)
    for i, t in enumerate(in_order):
        before = in_order[i - 1] if i else None
        same = next((e for e in reversed(in_order[:i]) if by_lead(e) and by_lead(t)), None)
        if same and same["occurred_at"] <= t["occurred_at"] and days(t) <= longest:
            gaps.append(minutes(same, t))
        if before and by_lead(before) != by_lead(t) and before["occurred_at"] <= t["occurred_at"]:
            if by_lead(t) and days(before) <= longest:
                answers.append(minutes(before, t))
            if not by_lead(t) and days(t) <= longest:
                replies.append(minutes(before, t))

    def mean(values):
        return sum(values) / len(values) if values else None

    out[f"answers_{longest}d"] = len(answers) if has_begun(by_lead) else None
    done = sum(days(t) <= longest for t in ours)
    out[f"answered_share_{longest}d"] = len(answers) / done if done else None
    out[f"answer_hours_{longest}d"] = mean([a / 60 for a in answers])
    out[f"reply_hours_{longest}d"] = mean([a / 60 for a in replies])
    out[f"gap_days_{longest}d"] = mean([g / 1440 for g in gaps])
    m = mean(gaps)
    deviation = math.sqrt(mean([(g - m) ** 2 for g in gaps])) if gaps else None
    out[f"burstiness_{longest}d"] = (deviation - m) / (deviation + m) if gaps and deviation + m > 1e-6 else None
    sent = sum(t["kind"] == "sent" and days(t) <= longest for t in ours)
    reactions = sum(t["channel"] == "email" and days(t) <= longest for t in mine)
    out[f"email_reactions_{longest}d"] = reactions / sent if sent else None
    sales = [t for t in ours if is_sales(TouchKind(t["channel"], t["kind"], t["initiator"]))]
    first = min((t["occurred_at"] for t in sales), default=None)
    out["hours_to_first_sales_touch"] = (first - lead["known_at"]) / timedelta(hours=1) if first else None

    # ------------------------------------------------------------------------------------------------ when
    out["recency_lead_days"], out["recency_company_days"] = last(mine), last(ours)
    begun = has_begun(by_lead)
    for h in spec.half_lives:
        out[f"intensity_{h}d"] = sum(2 ** (-days(t) / h) for t in mine) if begun else None
    a, b = windows[:2]
    recent, both = sum(days(t) <= a for t in mine), sum(days(t) <= b for t in mine)
    out[f"momentum_{a}d"] = recent / a - (both - recent) / (b - a) if begun else None
    out["age_days"] = (cutoff - lead["known_at"]) / timedelta(days=1)
    angle = cutoff.timetuple().tm_yday * 2 * math.pi / 365.25
    out["season_cos"], out["season_sin"] = round(math.cos(angle), 6), round(math.cos(angle - math.pi / 2), 6)

    zone = ZoneInfo(spec.zones.get(lead["industry"], spec.zone))

    def local(moment):
        return moment.replace(tzinfo=UTC).astimezone(zone)

    times = [local(t["occurred_at"]) for t in mine if days(t) <= longest]
    for name, test in (
        ("office", lambda t: t.weekday() < 5 and 9 <= t.hour < 18),
        ("evening", lambda t: t.weekday() < 5 and t.hour >= 18),
        ("weekend", lambda t: t.weekday() >= 5),
    ):
        out[f"{name}_share_{longest}d"] = sum(map(test, times)) / len(times) if times else None
    came = local(lead["known_at"])
    out["created_hour"], out["created_weekday"] = came.hour, came.weekday()

    # ------------------------------------------------------------------------------------------------ through what
    recent = [t["channel"] for t in mine if days(t) <= longest]
    for channel in spec.channels:
        out[f"share_{channel}_{longest}d"] = recent.count(channel) / len(recent) if recent else None
    out[f"channels_{longest}d"] = len(set(recent)) if begun else None
    shares = [recent.count(c) / len(recent) for c in sorted(set(recent))]
    out[f"channel_entropy_{longest}d"] = -sum(p * math.log(p) for p in shares) if recent else None
    ordered = sorted((t["occurred_at"], t["channel"]) for t in mine)
    out["first_channel"] = ordered[0][1] if ordered else None
    out["last_channel"] = ordered[-1][1] if ordered else None
    out["channel_path"] = f"{ordered[0][1]} > {ordered[-1][1]}" if ordered else None
    return out


# ------------------------------------------------------------------------------------------------ generated histories
grid = st.integers(0, 24 * 14).map(lambda h: START + timedelta(hours=6 * (h // 6)))  # a coarse grid: many ties
NEAR = (timedelta(0),) * 4 + (timedelta(microseconds=1), -timedelta(microseconds=1), timedelta(seconds=90))
hours = st.builds(lambda at, by: at + by, grid, st.sampled_from(NEAR))  # and beside the ties
delays = st.sampled_from([timedelta(0), timedelta(hours=6), timedelta(days=2)])
ids = st.sampled_from(["a", "b", "c"])


@st.composite
def histories(draw):
    accounts = {lead: draw(st.sampled_from(["acme", "globex", None])) for lead in "abc"}
    leads = []
    for lead in "abc":
        at = draw(hours)
        employees = draw(st.sampled_from([None, 10.0, 250.0]))
        leads.append(
            {"lead_id": lead, "account_id": accounts[lead], "created_at": at, "known_at": at + draw(delays),
             "industry": draw(st.sampled_from([None, "it", "retail"])), "employees": employees}
        )  # fmt: skip
    touchpoints = []
    for i in range(draw(st.integers(0, 25))):
        kind, at = draw(st.sampled_from([*KINDS, TouchKind("crm", "note", "company"), RARE])), draw(hours)
        touchpoints.append(
            {"touchpoint_id": f"t{i:02d}", "lead_id": draw(ids), "account_id": None, "occurred_at": at,
             "known_at": at + draw(delays), "channel": kind.channel, "kind": kind.kind, "initiator": kind.initiator,
             "value": None, "content": draw(st.sampled_from([None, "/pricing", "/Home"]))}
        )  # fmt: skip
    changes = draw(st.dictionaries(st.tuples(ids, st.sampled_from(["pipeline_stage", "rating"]), hours),
                                   st.sampled_from(["1", "2", None]), max_size=8))  # fmt: skip
    history = [
        {"entity": "lead", "entity_id": lead, "field": field, "value": value, "changed_at": at}
        for (lead, field, at), value in changes.items()
    ]
    history += [
        {"entity": "account", "entity_id": "acme", "field": "tier", "value": value, "changed_at": at}
        for at, value in draw(st.dictionaries(hours, st.sampled_from(["gold", None]), max_size=3)).items()
    ]
    closures = [
        {"lead_id": lead, "closed_at": at, "known_at": at + draw(delays), "kind": kind, "reason": None}
        for (lead, kind), at in draw(
            st.dictionaries(st.tuples(ids, st.sampled_from(["lost", "merged"])), hours, max_size=2)
        ).items()
    ]
    conversions = [
        {
            "lead_id": lead,
            "converted_at": at,
            "known_at": at + draw(delays),
            "currency": "USD",
            "amount": draw(st.sampled_from([None, 12.5, 1000.0])),
        }
        for lead, at in draw(st.dictionaries(ids, hours, max_size=2)).items()
    ]
    company = [{"account_id": "acme", "created_at": START, "known_at": draw(hours), "size": 7.0}]
    return {
        "leads": leads,
        "accounts": company,
        "history": history,
        "touchpoints": touchpoints,
        "conversions": conversions,
        "closures": closures,
    }


@st.composite
def cases(draw):
    data = draw(histories())
    known = {r["lead_id"]: r["known_at"] for r in data["leads"]}
    account = {r["lead_id"]: r["account_id"] for r in data["leads"]}
    cutoffs = draw(st.lists(st.tuples(ids, hours), min_size=1, max_size=6, unique=True))
    snapshots = [(lead, account[lead] or lead, at) for lead, at in cutoffs if known[lead] < at]
    return data, snapshots


def same(fast, slow):
    missing = slow is None or (isinstance(slow, float) and math.isnan(slow))
    if missing or pd.isna(fast):
        return missing and pd.isna(fast)
    return fast == slow if isinstance(slow, str) else math.isclose(fast, slow, rel_tol=1e-9, abs_tol=1e-8)


FEW = settings(max_examples=counts(3, 200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.deep
@FEW
@given(case=cases())
def test_every_feature_equals_its_slow_twin(con, case):
    data, snapshots = case
    if not snapshots:
        return
    X, features = run(con, data, snapshots)
    for i, (lead, _, cutoff) in enumerate(snapshots):
        slow = slow_features(data, lead, cutoff)
        assert set(slow) == {f.name for f in features} == set(X.columns)
        wrong = {n: (X[n].iloc[i], v) for n, v in slow.items() if not same(X[n].iloc[i], v)}
        assert not wrong, f"{lead} at {cutoff}: {wrong}"


def delete_future(data, cutoff):
    when = {"leads": "known_at", "accounts": "known_at", "history": "changed_at"}
    return {name: [r for r in rows if r[when.get(name, "known_at")] < cutoff] for name, rows in data.items()}


@pytest.mark.deep
@FEW
@given(case=cases())
def test_deleting_the_future_changes_nothing(con, case):
    data, snapshots = case
    for snapshot in snapshots[:2]:
        full, _ = run(con, data, [snapshot])
        cut, _ = run(con, delete_future(data, snapshot[2]), [snapshot])
        pd.testing.assert_frame_equal(full, cut, check_exact=True)


@pytest.mark.deep
@FEW
@given(case=cases())
def test_threads_the_order_of_rows_and_other_snapshots_change_no_bit(con, case):
    data, snapshots = case
    if not snapshots:
        return
    first, _ = run(con, data, snapshots)
    turned = {name: rows[::-1] for name, rows in data.items()}
    con.raw_sql("SET threads=1")
    try:
        second, _ = run(con, turned, snapshots)
    finally:
        con.raw_sql("SET threads=2")
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    alone, _ = run(con, data, snapshots[-1:])
    pd.testing.assert_frame_equal(first.iloc[[-1]].reset_index(drop=True), alone, check_exact=True)


# ------------------------------------------------------------------------------------------------- tables for the eye
def test_attributes_may_have_the_names_of_columns_between_the_steps(con):
    text = "position unit pages local day pack_0 active leads key cutoff_ value field"
    names = text.split()
    lead = {"lead_id": "a", "account_id": "acme", "created_at": START, "known_at": START}
    leads = pd.DataFrame([lead | {n: f"lead {n}" for n in names}]).astype(DTYPES_OF_LEADS)
    account = {"account_id": "acme", "created_at": START, "known_at": START}
    accounts = pd.DataFrame([account | {n: f"company {n}" for n in names}]).astype(DTYPES_OF_LEADS)
    keys = pd.DataFrame({"lead_id": ["a"], "account_id": ["acme"], "cutoff": [START + timedelta(days=1)]})
    tables = {name: put_table(con, name, frame(name, [])) for name in TYPES}
    tables |= {"leads": put_table(con, "leads", leads), "accounts": put_table(con, "accounts", accounts)}
    kinds = dict.fromkeys(names, "category")
    spec = replace(SPEC, lead_attributes=kinds, account_attributes=kinds, zone_attribute=None, zones={})
    X, _ = build.feature_frame(con, FeatureTables(build.snapshot_table(con, keys), **tables), spec)
    assert X.loc[0, names].tolist() == [f"lead {n}" for n in names]
    assert X.loc[0, [f"account_{n}" for n in names]].tolist() == [f"company {n}" for n in names]


def test_one_history_by_hand(con):
    monday, wednesday = datetime(2026, 4, 6), datetime(2026, 4, 1)
    table = """
        occurred          known             channel kind   content
        2026-04-02 00:00  2026-04-02 00:00  web     visit  /pricing   4 days: outside the window of 3
        2026-04-03 00:00  2026-04-03 00:00  web     visit  /home      exactly 3 days: inside
        2026-04-05 06:00  2026-04-06 00:00  web     visit  /pricing   known at the cutoff itself: too late
        2026-04-05 12:00  2026-04-05 12:00  email   opened -          half a day
        2026-04-06 00:00  2026-04-05 00:00  web     visit  /pricing   happens at the cutoff: not yet
    """
    touchpoints = []
    for i, line in enumerate(table.strip().splitlines()[1:]):
        day, hour, known_day, known_hour, channel, kind, content = line.split()[:7]
        touchpoints.append(
            {"touchpoint_id": str(i), "lead_id": "a", "account_id": None, "value": None, "initiator": "lead",
             "occurred_at": datetime.fromisoformat(f"{day}T{hour}"),
             "known_at": datetime.fromisoformat(f"{known_day}T{known_hour}"),
             "channel": channel, "kind": kind, "content": content}
        )  # fmt: skip
    lead = {"lead_id": "a", "account_id": None, "created_at": wednesday, "known_at": wednesday, "industry": "it",
            "employees": 5.0}  # fmt: skip
    data = {"leads": [lead], "touchpoints": touchpoints}
    X, _ = run(con, data, [("a", "a", monday)])
    got = X.iloc[0]
    assert (got["web_visit_1d"], got["web_visit_3d"], got["email_opened_1d"]) == (0, 1, 1)
    assert (got["content_pricing_3d"], got["days_since_web_visit"], got["recency_lead_days"]) == (0, 3.0, 0.5)
    assert (got["first_channel"], got["last_channel"], got["age_days"]) == ("web", "email", 5.0)
    # 2^(-4/2) + 2^(-3/2) + 2^(-0.5/2), in units of 2^-32
    assert got["intensity_2d"] == pytest.approx(0.25 + 2**-1.5 + 2**-0.25, abs=1e-9)
    assert math.isnan(got["email_reactions_3d"])


def test_the_specification_follows_the_tables(con):
    touch = {
        "lead_id": "a",
        "account_id": None,
        "occurred_at": START,
        "known_at": START,
        "value": None,
        "content": None,
    }
    rows = [
        touch | {"touchpoint_id": f"v{i}", "channel": "web", "kind": "visit", "initiator": "lead"} for i in range(20)
    ]
    rows += [
        touch | {"touchpoint_id": f"c{i}", "channel": "call", "kind": "made", "initiator": "company"} for i in range(19)
    ]
    lead = {
        "lead_id": "a",
        "account_id": None,
        "created_at": START,
        "known_at": START,
        "industry": "x",
        "employees": 1.0,
    }
    changes = [
        {"entity": "lead", "entity_id": "a", "field": f, "value": v, "changed_at": START}
        for f, v in (("n", "3"), ("s", "x"))
    ]
    data = {"leads": [lead], "touchpoints": rows, "history": changes}
    tables = FeatureTables(
        build.snapshot_table(con, pd.DataFrame({"lead_id": ["a"], "account_id": ["a"], "cutoff": [START]})),
        **{name: put_table(con, name, frame(name, data.get(name, []))) for name in TYPES},
    )
    config = FeaturesConfig(
        windows=[30, 7], half_lives=[7], content={"p": ContentRule("p", "p", "p")}, kinds=[], min_touchpoints=20,
        zone="UTC", zone_attribute="industry", zones={"X": "Europe/Madrid", "y": "Asia/Tokyo"}, include_effort=True,
        exclude=[], season=False, reuse=True,
    )  # fmt: skip
    spec = build_spec(tables, config)
    assert spec.kinds == (TouchKind("web", "visit", "lead"),)  # 19 calls are too few to learn from
    assert spec.windows == (7, 30)
    assert spec.zones == {"x": "Europe/Madrid"}  # no lead says y
    with pytest.raises(ConfigurationError, match=r"1 unknown kinds: our_mail; the data have: our_call_made, web_visit"):
        build_spec(tables, replace(config, kinds=["web_*", "our_mail"]))
    with pytest.raises(ConfigurationError, match=r"fewer touchpoints than .*min_touchpoints=20: our_\* \(19\); leave"):
        build_spec(tables, replace(config, kinds=["our_*"]))
    assert build_spec(tables, replace(config, kinds=["our_*"], min_touchpoints=5)).kinds == KINDS[:1]
    assert build_spec(tables, replace(config, kinds=["our_*"], min_touchpoints=5)).channels == ("web",)
    with pytest.raises(ConfigurationError, match=r"zone_attribute=contry: leads have .*they have employees, industry"):
        build_spec(tables, replace(config, zone_attribute="contry"))
    assert build_spec(tables, replace(config, zone_attribute="country")).zones == {}  # not every source has it
    assert spec.lead_attributes == {"industry": "category", "employees": "number"}
    assert spec.as_of_fields == {"n": "number", "s": "category"}
    assert FeatureSpec.from_dict(spec.to_dict()) == spec


def test_channels_that_cannot_be_told_apart_are_refused(con):
    touch = {"lead_id": "a", "account_id": None, "occurred_at": START, "known_at": START, "value": None,
             "content": None, "kind": "visit", "initiator": "lead"}  # fmt: skip

    def channels(number):
        rows = [touch | {"touchpoint_id": f"t{i}", "channel": f"c{i:02d}"} for i in range(number)]
        return list_channels(put_table(con, "touchpoints", frame("touchpoints", rows)))

    assert channels(63)[-1] == "c62"
    with pytest.raises(DataError, match=r"came through 64 channels \(c00, c01, c02, ...\), at most 63 can be told"):
        channels(64)


def test_names_that_differ_in_their_case_alone_are_refused():
    kinds = (TouchKind("web", "Visit", "lead"), TouchKind("web", "visit", "lead"))
    with pytest.raises(ConfigurationError, match=r"share a name: .*web_Visit_1d.*web_visit_1d"):
        build.list_features(replace(SPEC, kinds=kinds))
    content = tuple(Content(name, "doc", "a", "a") for name in ("Docs", "docs"))
    with pytest.raises(ConfigurationError, match=r"share a name: .*content_Docs_1d"):
        build.list_features(replace(SPEC, content=content))


def test_a_content_rule_does_not_mind_the_case(con):
    lead = {"lead_id": "a", "account_id": None, "created_at": START, "known_at": START}
    visit = {"touchpoint_id": "t", "lead_id": "a", "occurred_at": START, "known_at": START, "channel": "web",
             "kind": "visit", "initiator": "lead", "content": "/PRICING/plans"}  # fmt: skip
    for pattern in ("Pricing", "/pricing/[A-Z]+$"):
        spec = replace(SPEC, content=(Content("pricing", pattern, "a", "a"),))
        X, _ = run(con, {"leads": [lead], "touchpoints": [visit]}, [("a", "a", START + timedelta(hours=1))], spec)
        assert X.loc[0, "content_pricing_1d"] == 1


def test_an_answer_is_a_share_of_what_we_did_in_the_window(con):
    cutoff = START + timedelta(days=4)
    table = """
        days before the cutoff
        3.5  sent    outside the window of 3 days ...
        2.9  opened  ... and so is its answer
        2.0  sent
        1.5  opened
    """
    touchpoints = []
    for i, line in enumerate(table.strip().splitlines()[1:]):
        ago, kind = line.split()[:2]
        at = cutoff - timedelta(days=float(ago))
        side = "company" if kind == "sent" else "lead"
        touchpoints.append({"touchpoint_id": str(i), "lead_id": "a", "occurred_at": at, "known_at": at,
                            "channel": "email", "kind": kind, "initiator": side})  # fmt: skip
    lead = {"lead_id": "a", "account_id": None, "created_at": START, "known_at": START}
    X, _ = run(con, {"leads": [lead], "touchpoints": touchpoints}, [("a", "a", cutoff)])
    got = X.iloc[0]
    assert (got["answers_3d"], got["answered_share_3d"], got["answer_hours_3d"]) == (1, 1, 12)
    assert got["email_reactions_3d"] == 2  # reactions for each mail, which may be several


def test_effort_can_be_left_out_and_unknown_names_are_refused(con):
    data = {"leads": [{"lead_id": "a", "account_id": None, "created_at": START, "known_at": START, "industry": "x",
                       "employees": 1.0}]}  # fmt: skip
    snapshot = [("a", "a", START + timedelta(days=1))]
    with_effort, features = run(con, data, snapshot)
    without, kept = run(con, data, snapshot, replace(SPEC, include_effort=False, exclude=("industry",)))
    left_out = set(with_effort) - set(without)
    assert left_out == {f.name for f in features if f.effort} | {"industry"}
    assert {"our_call_made_1d", "our_email_sent_3d", "pipeline_stage", "recency_company_days"} <= left_out
    assert not any(f.effort for f in kept)
    with pytest.raises(ConfigurationError, match=r"1 unknown features: \['indutry'\]"):
        run(con, data, snapshot, replace(SPEC, exclude=("indutry",)))


def test_every_feature_has_words_in_both_languages_and_a_family(con):
    _, features = run(con, {"leads": []}, [])
    assert len(features) == len({f.name for f in features}) > 30
    for feature in features:
        assert feature.en and feature.es and feature.unit
        assert feature.family in ("firmographic", "behaviour", "timing", "channel")
    assert {f.family for f in features} == {"firmographic", "behaviour", "timing", "channel"}
