"""The invented company: its files carry every planted trap, and the stated truth is the truth."""

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from leadml.config import SimulateConfig
from leadml.errors import ConfigurationError
from leadml.simulate import mess, simulate, truth
from leadml.simulate.company import DAY, build_leads, build_span
from leadml.simulate.hazards import WON_DELAY, build_path, draw_outcome
from leadml.simulate.hazards import Path as LatentPath
from leadml.simulate.touchpoints import draw_moments

ENCODINGS = {"Lead": "utf-8-sig", "Account": "cp1252", "Contact": "utf-16"}
OBJECTS = ("Lead", "Account", "Contact", "Task", "Event", "CampaignMember", "Opportunity", "LeadHistory")
PREFIXES = {"Lead": "00Q", "Account": "001", "Contact": "003", "Task": "00T", "Event": "00U", "Opportunity": "006"}


@dataclass
class Exports:
    raw: Path
    truth: Path
    rows: dict[str, int]
    said: list[str]

    def records(self, name: str) -> list[list[str]]:
        text = (self.raw / f"{name}.csv").read_bytes().decode(ENCODINGS.get(name, "utf-8"))
        return list(csv.reader(io.StringIO(text, newline="")))

    def table(self, name: str) -> pd.DataFrame:
        head, *records = self.records(name)
        return pd.DataFrame([r for r in records if len(r) == len(head)], columns=head, dtype=str)


def make(folder: Path, leads: int, seed: int, months: int = 24, chunk: int = 50_000) -> Exports:
    said: list[str] = []
    config = SimulateConfig(leads=leads, months=months, start="2024-07-01", chunk_leads=chunk)
    rows = simulate(config, seed, folder / "raw", folder / "truth", said.append)
    return Exports(folder / "raw", folder / "truth", rows, said)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def instants(text: pd.Series) -> pd.Series:
    return pd.to_datetime(text, format="%Y-%m-%dT%H:%M:%S.%f%z", errors="coerce").dt.tz_localize(None)


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    # Chunks smaller than the number of leads: every test of the files is one of streaming, too.
    return make(tmp_path_factory.mktemp("company"), leads=3_000, seed=5, chunk=1_300)


@pytest.fixture(scope="module")
def lead(exports: Exports) -> pd.DataFrame:
    return exports.table("Lead").set_index("Id", drop=False)


@pytest.fixture(scope="module")
def task(exports: Exports) -> pd.DataFrame:
    return exports.table("Task")


@pytest.fixture(scope="module")
def events(exports: Exports) -> pd.DataFrame:
    tables = [pq.read_table(p).to_pandas() for p in sorted((exports.raw / "ga4").glob("*.parquet"))]
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def weekly(exports: Exports, lead: pd.DataFrame) -> pd.DataFrame:
    """Weekly snapshots within 180 days of creation, with what the CRM's own history says of the 90 days after."""
    rows = pd.read_parquet(exports.truth / "probabilities.parquet")
    rows = rows[(rows.cutoff.dt.day_of_week == 0) & (rows.cutoff == rows.cutoff.dt.normalize())]
    stage = exports.table("OpportunityFieldHistory")
    won = stage[stage.NewValue == "Closed Won"].set_index("OpportunityId").CreatedDate
    rows["won_at"] = rows.lead_id.map(instants(lead.ConvertedOpportunityId.map(won)))
    rows["company"] = rows.lead_id.map(lead.Company)
    rows["age"] = (rows.cutoff - rows.lead_id.map(instants(lead.CreatedDate))).dt.days
    rows["y"] = ((rows.won_at >= rows.cutoff) & (rows.won_at < rows.cutoff + pd.Timedelta(days=90))).astype(int)
    return rows[rows.age <= 180]


@pytest.fixture(scope="module")
def matured(weekly: pd.DataFrame) -> pd.DataFrame:
    return weekly[weekly.cutoff + pd.Timedelta(days=90) <= pd.Timestamp("2026-07-01")]


# --- the same again, and something else


def test_one_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make(tmp_path / name, leads=250, seed=seed, months=4, chunk=100)
    first, again, other = (digests(tmp_path / name) for name in "abc")
    assert first == again
    data = [n for n in first if not n.endswith("leaks.json")]
    assert [n for n in data if first[n] == other[n]] == []


def test_chunks_share_no_id_and_no_person(exports: Exports, lead: pd.DataFrame) -> None:
    assert len(exports.said) == 3 * 3  # three chunks of at most 1,300 leads, three phases each
    for name in OBJECTS:
        ids = exports.table(name).Id
        assert ids.is_unique
        assert (ids.str.len() == 18).all()
        assert name not in PREFIXES or ids.str.startswith(PREFIXES[name]).all()
    assert exports.table("email_events").id.is_unique
    truth_of = pd.read_parquet(exports.truth / "leads.parquet").set_index("lead_id")
    real = lead[lead.Id.map(truth_of.duplicate_of.isna() & ~truth_of.is_test)]
    assert len(real) == 3_000
    assert real.Email.str.strip().str.lower().is_unique


def test_the_rows_are_counted(exports: Exports, events: pd.DataFrame) -> None:
    for name in OBJECTS:
        assert exports.rows[f"{name}.csv"] == len(exports.records(name)) - 1
    assert sum(n for name, n in exports.rows.items() if name.startswith("ga4/")) == len(events)
    assert sorted(p.name for p in (exports.raw / "ga4").iterdir())[:2] == [
        "events_202407.parquet",
        "events_202408.parquet",
    ]


def test_a_wrong_start_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"simulate\.start=07/2024"):
        build_span("07/2024", 24)


# --- the truth


def test_the_base_rate_is_near_three_in_a_hundred(weekly: pd.DataFrame) -> None:
    assert 0.025 < weekly.probability.mean() < 0.035


def test_true_probabilities_are_what_happened(matured: pd.DataFrame) -> None:
    """Companies are independent: the sum of (outcome - probability) stays within 3 of its standard errors."""
    for part in (matured, matured[matured.probability > 0.15], matured[matured.probability < 0.03]):
        misses = (part.y - part.probability).groupby(part.company).sum()
        assert abs(misses.sum()) < 3 * np.sqrt((misses**2).sum())
        assert part.y.sum() >= 10


def test_the_truth_ranks_well_and_not_perfectly(matured: pd.DataFrame) -> None:
    assert 0.85 < roc_auc_score(matured.y, matured.probability) < 0.96


def test_true_probabilities_equal_a_slow_sum_over_minutes() -> None:
    span = build_span("2024-07-01", 6)
    rng = np.random.default_rng(3)
    leads = build_leads(rng, 4, span)
    leads.created[:] = leads.created // 60 * 60  # so that no minute lies across the end of a lead-day
    path = build_path(rng, leads, slice(0, 4), span)
    outcome = draw_outcome(rng, path)
    rows = truth.true_probabilities(path, outcome, span)
    checked = 0
    for lead, cutoff, probability in zip(rows.lead, rows.cutoff, rows.probability, strict=True):
        if (outcome.clicked[lead] and outcome.event[lead] < cutoff) or checked > 25:
            continue
        assert probability == pytest.approx(_slowly(path, lead, int(cutoff)), rel=1e-9)
        checked += 1
    assert checked > 12


def _slowly(path: LatentPath, lead: int, cutoff: int) -> float:
    """Add up, minute by minute of the click, the chance to click then and to win before 90 days after the cutoff."""
    chance, alive = 0.0, 1.0
    for day in range(90):
        minutes = cutoff + day * DAY + 60 * np.arange(1440)
        clock = (minutes - path.created[lead]) // DAY
        rate1, rate0 = path.rate1[clock, lead], path.rate0[clock, lead]
        stays = np.exp(-(rate1 + rate0) / 1440)
        before = alive * np.concatenate([[1.0], np.cumprod(stays)[:-1]])
        click = before * (1 - stays) * rate1 / (rate1 + rate0)
        left = (cutoff + 90 * DAY - (minutes + 30)) // DAY  # whole days of delay that end in time
        chance += float((click * np.cumsum(WON_DELAY)[left]).sum())
        alive *= float(np.prod(stays))
    return float(path.win[lead]) * chance


def test_an_open_opportunity_has_the_probability_of_its_delay() -> None:
    """Clicked three and a half days before the cutoff: delays of 4 to 93 days win in time; 1 to 3 would have ended."""
    span = build_span("2024-07-01", 6)
    rng = np.random.default_rng(3)
    leads = build_leads(rng, 1, span)
    path = build_path(rng, leads, slice(0, 1), span)
    cutoff = truth.first_monday(leads.created + 30 * DAY)
    click = cutoff - int(3.5 * DAY)
    yes = np.array([True])
    outcome = type(draw_outcome(rng, path))(event=click, clicked=yes, won=yes, closed=click + 40 * DAY)
    rows = truth.true_probabilities(path, outcome, span)
    got = rows.probability[rows.cutoff == cutoff][0]
    win, lost = path.win[0], truth.LOST_DELAY
    still_open = 1 - win * WON_DELAY[:4].sum() - (1 - win) * lost[:4].sum()
    assert got == pytest.approx(win * WON_DELAY[4:94].sum() / still_open, rel=1e-12)


@pytest.mark.parametrize(
    ("instant", "monday"),
    [
        ("2024-07-01T00:00:00", "2024-07-01"),  # a Monday
        ("2024-07-01T00:00:01", "2024-07-08"),
        ("2024-07-07T23:59:59", "2024-07-08"),
    ],
)
def test_first_monday(instant: str, monday: str) -> None:
    seconds = np.array([np.datetime64(instant, "s").astype(np.int64)])
    assert np.datetime64(int(truth.first_monday(seconds)[0]), "s") == np.datetime64(monday, "s")


def test_lead_made_moments_do_not_tell_when_a_lead_will_be_won() -> None:
    """The first 20 days of leads on one and the same path, open on day 20: later winners moved no more."""
    span = build_span("2024-07-01", 12)
    rng = np.random.default_rng(8)
    leads = build_leads(rng, 6_000, span)
    leads.created[:] = span.start + 9 * 3600
    leads.fit[:], leads.base[:], leads.source[:] = 1.5, 1.0, 0
    one = build_path(rng, leads, slice(0, 1), span)
    path = LatentPath(leads.created, *(np.repeat(m, 6_000, axis=-1) for m in list(vars(one).values())[1:]))
    outcome = draw_outcome(rng, path)
    web = draw_moments(rng, leads, path, outcome, (slice(0, 6_000), span))["web"]
    early = np.bincount(web["lead"][web["t"] < leads.created[0] + 20 * DAY], minlength=6_000)
    later = outcome.event > leads.created + 20 * DAY
    winner, other = early[later & outcome.won], early[later & ~outcome.won]
    assert len(winner) > 150
    assert abs(winner.mean() - other.mean()) < 3 * np.sqrt(early.var() / len(winner))


# --- time


def test_nothing_happens_before_a_lead_is_created(exports: Exports, lead: pd.DataFrame, events: pd.DataFrame) -> None:
    created = instants(lead.CreatedDate)
    of_contact = lead[lead.ConvertedContactId != ""].set_index("ConvertedContactId").Id
    known = events.dropna(subset="user_id")
    pairs = [(known.user_id, pd.to_datetime(known.event_timestamp, unit="us"))]
    for name, who, when in (("Task", "WhoId", "CreatedDate"), ("Event", "WhoId", "CreatedDate")):
        table = exports.table(name)
        pairs.append((table[who].replace(of_contact.to_dict()), instants(table[when])))
    members = exports.table("CampaignMember")
    pairs.append(
        (members.LeadId.where(members.LeadId != "", members.ContactId.map(of_contact)), instants(members.CreatedDate))
    )
    mails = exports.table("email_events")
    first = lead.assign(address=lead.Email.str.strip().str.lower(), at=created).groupby("address").at.min()
    assert (pd.to_datetime(mails.created.astype("int64"), unit="ms") >= mails.recipient.map(first))[
        mails.recipient.map(first).notna()
    ].all()
    for who, when in pairs:
        born = who.map(created)
        both = born.notna() & when.notna()
        assert both.mean() > 0.98
        assert (when[both] >= born[both]).all()


def test_a_won_opportunity_is_booked_up_to_six_days_after_its_close_date(exports: Exports) -> None:
    stage = exports.table("OpportunityFieldHistory")
    won = stage[stage.NewValue == "Closed Won"].set_index("OpportunityId").CreatedDate
    deals = exports.table("Opportunity").set_index("Id")
    late = (instants(won).dt.normalize() - pd.to_datetime(deals.CloseDate[won.index])).dt.days
    assert set(won.index) == set(deals.index[deals.IsWon == "true"])
    assert late.between(0, 6).all()
    assert 0.1 < (late > 0).mean() < 0.6
    still_open = deals[deals.IsClosed == "false"]
    assert len(still_open) and (still_open.CloseDate > "2026-07-01").all()


def test_the_mix_of_sources_drifts(lead: pd.DataFrame) -> None:
    early = lead.CreatedDate < "2025-01-01"
    late = lead.CreatedDate > "2026-01-01"
    share = [(lead.LeadSource[part] == "Social Media").mean() for part in (early, late)]
    assert share[1] > 1.3 * share[0]


# --- the traps


def test_encodings(exports: Exports) -> None:
    assert (exports.raw / "Lead.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert (exports.raw / "Contact.csv").read_bytes().startswith(b"\xff\xfe")
    with pytest.raises(UnicodeDecodeError):
        (exports.raw / "Account.csv").read_bytes().decode("utf-8")
    assert exports.table("Account").Name.str.contains("Tecnología").any()


def test_rows_cut_short_and_cells_with_line_breaks(exports: Exports, lead: pd.DataFrame) -> None:
    lengths = [len(r) for r in exports.records("Task")]
    assert 2 <= sum(n < lengths[0] for n in lengths) < 0.01 * len(lengths)
    assert max(lengths) == lengths[0]
    assert lead.Description.str.contains("\n").any() and lead.Description.str.contains('"').any()
    assert exports.table("Task").Subject.str.contains("\n").any()


def test_duplicates_and_merges(exports: Exports, lead: pd.DataFrame, task: pd.DataFrame) -> None:
    of = pd.read_parquet(exports.truth / "leads.parquet").set_index("lead_id").duplicate_of.dropna()
    copy, original = lead.loc[of.index], lead.loc[of.to_numpy()]
    assert 20 < len(of) < 90
    same = copy.Email.str.strip().str.lower().to_numpy() == original.Email.str.strip().str.lower().to_numpy()
    assert same.all() and (copy.Email.to_numpy() != original.Email.to_numpy()).any()
    assert (
        instants(copy.CreatedDate).to_numpy() > instants(original.CreatedDate).to_numpy()
    ).mean() > 0.9  # some broken
    merged = copy[copy.IsDeleted == "true"]
    assert len(merged) and (merged.MasterRecordId == of[merged.index]).all()
    assert not task.WhoId.isin(merged.Id).any()
    assert task.WhoId.isin(copy.index.difference(merged.index)).any()


def test_test_leads(exports: Exports, lead: pd.DataFrame) -> None:
    tests = lead.loc[pd.read_parquet(exports.truth / "leads.parquet").query("is_test").lead_id]
    assert set(tests.Company) == set(mess.TEST_COMPANIES)
    assert tests.Email.str.contains(r"@example\.com|test@").any()
    probabilities = pd.read_parquet(exports.truth / "probabilities.parquet")
    assert not probabilities.lead_id.isin(tests.Id).any()


def test_bad_dates(lead: pd.DataFrame, task: pd.DataFrame) -> None:
    assert set(mess.BAD_DATES) <= set(task.CreatedDate)
    assert set(mess.BAD_DATES) <= set(task.ActivityDate)
    assert 2 <= instants(lead.CreatedDate).isna().sum() < 20


def test_money_and_missing_marks(lead: pd.DataFrame) -> None:
    assert lead.AnnualRevenue.str.contains("€ 3.500,00").any()
    assert {"Select", "N/A", "-", ""} <= set(lead.Industry)
    assert set(lead.CurrencyIsoCode) == {"USD", "EUR"}


def test_what_points_to_a_lead_moves_to_its_contact(exports: Exports, lead: pd.DataFrame, task: pd.DataFrame) -> None:
    clicked = lead[lead.IsConverted == "true"]
    assert not task.WhoId.isin(clicked.Id).any()
    assert task.WhoId.isin(clicked.ConvertedContactId).any()
    members = exports.table("CampaignMember")
    assert not members.LeadId.isin(clicked.Id).any()
    assert ((members.LeadId == "") == (members.ContactId != "")).all()
    assert members.ContactId.isin(clicked.ConvertedContactId).any()


def test_history_tells_what_the_lead_no_longer_does(exports: Exports, lead: pd.DataFrame) -> None:
    history = exports.table("LeadHistory")
    clicked = lead[lead.IsConverted == "true"]
    assert (clicked.Status == "Closed - Converted").all()
    changed = history[history.Field == "Industry"].set_index("LeadId")
    typed = pd.read_parquet(exports.truth / "leads.parquet").set_index("lead_id").original_industry.fillna("")
    assert len(changed) and (changed.OldValue == typed[changed.index]).all()
    assert (changed.NewValue == lead.Industry[changed.index]).all()
    untouched = lead.index.difference(changed.index)
    assert (lead.Industry[untouched] == typed[untouched]).mean() > 0.99
    assert "Rating" not in set(history.Field)
    assert (clicked.Rating == "Hot").mean() > 0.9 > (lead.Rating == "Hot").mean()
    lost = history[history.NewValue.isin(("Closed - Not Converted", "Unqualified"))].set_index("LeadId")
    assert (lead.Status[lost.index] == lost.NewValue).all()
    left = history[history.Field == "HasOptedOutOfEmail"].LeadId
    assert set(left) == set(lead.Id[lead.HasOptedOutOfEmail == "true"]) and len(left)


def test_counters_and_discounts_leak(exports: Exports, lead: pd.DataFrame) -> None:
    deals = exports.table("Opportunity").set_index("Id")
    won = lead.ConvertedOpportunityId.isin(deals.index[deals.IsWon == "true"])
    count = lead.Engagement_Count__c.astype(int)
    assert count[won].mean() > 1.5 * count[~won].mean()
    assert (lead.ConvertedOpportunityId[lead.Discount_Offered__c != ""] != "").all()
    assert (lead.Discount_Offered__c != "").any()


def test_customers_come_back_after_the_win(exports: Exports, lead: pd.DataFrame, events: pd.DataFrame) -> None:
    stage = exports.table("OpportunityFieldHistory")
    won = instants(
        lead.ConvertedOpportunityId.map(stage[stage.NewValue == "Closed Won"].set_index("OpportunityId").CreatedDate)
    )
    page = events.event_params.map(lambda p: p[0]["value"]["string_value"])
    late = events[page.str.contains("/academy/onboarding") & events.user_id.notna()]
    assert len(late)
    assert (pd.to_datetime(late.event_timestamp, unit="us") > late.user_id.map(won)).all()


def test_scanners_open_mails(exports: Exports) -> None:
    mails = exports.table("email_events")
    assert set(mails.type[mails.filteredEvent == "true"]) == {"OPEN", "CLICK"}
    assert {"SENT", "DELIVERED", "OPEN", "CLICK", "BOUNCE", "STATUSCHANGE"} <= set(mails.type)


def test_web_events_have_the_shape_of_the_export(exports: Exports, events: pd.DataFrame) -> None:
    schema = pq.read_schema(exports.raw / "ga4" / "events_202407.parquet")
    assert str(schema.field("event_timestamp").type) == "int64"
    value = "string_value: string, int_value: int64, float_value: double, double_value: double"
    assert f"key: string, value: struct<{value}>" in str(schema.field("event_params").type)
    assert {"session_start", "page_view", "form_submit", "file_download"} <= set(events.event_name)
    assert 0.05 < events.user_id.isna().mean() < 0.4
    day = pd.to_datetime(events.event_timestamp, unit="us").dt.strftime("%Y%m%d")
    assert (events.event_date == day).all()


def test_every_planted_leak_is_named(exports: Exports, lead: pd.DataFrame) -> None:
    leaks = json.loads((exports.truth / "leaks.json").read_text(encoding="utf-8"))
    columns = {entry["column"] for entry in leaks}
    assert {"Lead.Rating", "Lead.Engagement_Count__c", "Lead.Discount_Offered__c", "Task.WhoId"} <= columns
    assert all(entry["why"] for entry in leaks)
    assert {c.split(".")[1] for c in columns if c.startswith("Lead.")} <= set(lead.columns)
    problem = json.loads((exports.truth / "problem.json").read_text(encoding="utf-8"))
    assert (problem["horizon_days"], problem["gap_days"]) == (90, 0)
