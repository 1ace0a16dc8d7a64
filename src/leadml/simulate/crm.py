"""Lead.csv and LeadHistory.csv: what the CRM says of a lead on the day of the export, and what it said before."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leadml.simulate import mess, words
from leadml.simulate.columns import date, join, pick, same, stamp, take, where
from leadml.simulate.company import DAY
from leadml.simulate.ids import salesforce_ids
from leadml.simulate.people import World

NEW, WORKING, CONVERTED = "Open - Not Contacted", "Working - Contacted", "Closed - Converted"
LOST_STATUSES = ("Closed - Not Converted", "Unqualified")
CORRECTED = 0.6  # of converted leads: the rep puts the industry right at the click
_NEVER = np.int64(2**62)


def industries(world: World) -> pa.Array:
    """The industry of each lead as it was entered."""
    return pick([i[0] for i in words.INDUSTRIES] + list(words.MISSING_MARKS), world.leads.typed_industry)


def draw_corrected(rng: np.random.Generator, world: World) -> np.ndarray:
    """Converted leads whose industry was overwritten at the click with a different one."""
    return (
        world.clicked
        & (rng.random(len(world.leads)) < CORRECTED)
        & (world.leads.typed_industry != world.leads.industry)
    )


def lost_status(world: World) -> np.ndarray:
    """Which of `LOST_STATUSES` a disqualified lead has: by its number, so that two files agree."""
    return (np.arange(len(world.leads)) * 7 % 5 < 2).astype(np.int64)


def lead_table(
    rng: np.random.Generator, world: World, corrected: np.ndarray, engagement: np.ndarray, last: np.ndarray
) -> pa.Table:
    """The rows of Lead.csv in the order of creation: real leads, later duplicates and tests.

    ``engagement`` counts every touchpoint up to the export and ``last`` is the latest activity (2**62 where none).
    """
    real = _real_table(rng, world, corrected, engagement, last)
    copies, tests = _duplicate_table(rng, world, real), _test_table(rng, world, real)
    extras = world.extras
    created = np.concatenate([world.leads.created, extras.duplicate_created, extras.test_created])
    table = pa.concat_tables([real, copies, tests]).take(pa.array(np.argsort(created, kind="stable")))
    email = mess.soil_emails(rng, table["Email"], mess.DIRTY_EMAILS)
    bad = mess.soil(rng, table["CreatedDate"].combine_chunks(), mess.BAD_LEAD_DATES, mess.BAD_LEAD_CREATED, least=2)
    return _replace(table, {"Email": email, "CreatedDate": bad})


def _real_table(
    rng: np.random.Generator, world: World, corrected: np.ndarray, engagement: np.ndarray, last: np.ndarray
) -> pa.Table:
    leads, count = world.leads, len(world.leads)
    contacted = world.contacted < world.span.end
    status = where(contacted, WORKING, NEW)
    status = where(world.closed & ~world.clicked, pick(LOST_STATUSES, lost_status(world)), status)
    changed = np.minimum(world.outcome.event, np.where(last < _NEVER, last, leads.created + 90))
    touched = np.where(world.clicked | world.closed, np.minimum(world.outcome.closed, world.span.end - 60), changed)
    account = take(world.account_id, leads.account)
    discount = where(
        world.clicked & (rng.random(count) < 0.7), pick(("5", "10", "15", "20"), rng.integers(0, 4, count)), None
    )
    columns = _person_columns(rng, world) | {
        "LeadSource": pick([s[0] for s in words.SOURCES], leads.source),
        "Status": where(world.clicked, CONVERTED, status),
        "Industry": where(corrected, pick([i[0] for i in words.INDUSTRIES], leads.industry), industries(world)),
        "Rating": _rating(rng, world),
        "OwnerId": where(world.clicked | contacted, _people("005", rng, count), _people("00G", rng, count)),
        "HasOptedOutOfEmail": pa.array(world.opted_out < world.span.end),
        "IsConverted": pa.array(world.clicked),
        "ConvertedDate": where(world.clicked, date(world.outcome.event), None),
        "ConvertedAccountId": where(world.clicked, account, None),
        "ConvertedContactId": where(world.clicked, world.contact_id, None),
        "ConvertedOpportunityId": where(world.clicked, world.opportunity_id, None),
        "CreatedDate": stamp(leads.created),
        "LastModifiedDate": stamp(touched),
        "SystemModstamp": stamp(np.minimum(touched + 5 * DAY, world.span.end - 30)),
        "LastActivityDate": date(last),
        "Product_Interest__c": pick([p[0] for p in words.PRODUCTS], leads.product),
        "Engagement_Count__c": pa.array(engagement),
        "Discount_Offered__c": discount,
    }
    return pa.table(columns)


def _person_columns(rng: np.random.Generator, world: World) -> dict[str, pa.Array]:
    """Who and where: personal data and the company as typed in."""
    leads, count = world.leads, len(world.leads)
    place = leads.country * 4 + leads.city
    site = take(join("www.", world.domain), leads.account)
    number = pa.array(rng.integers(10_000_000, 99_999_999, count)).cast(pa.string())
    per_head = rng.lognormal(np.log(110_000.0), 0.5, count)
    revenue = pa.array((leads.employees * per_head / 1000).astype(np.int64) * 1000).cast(pa.string())
    revenue = mess.soil(rng, where(rng.random(count) < 0.7, revenue, None), mess.DIRTY_REVENUES, mess.REVENUES, least=3)
    size = pa.array(leads.employees, mask=rng.random(count) < 0.12)
    return {
        "Id": world.lead_id,
        "IsDeleted": pa.array(np.zeros(count, bool)),
        "MasterRecordId": same(None, count),
        "Salutation": pick(words.SALUTATIONS, rng.integers(0, 5, count)),
        "FirstName": pick(words.FIRST_NAMES, leads.first),
        "LastName": pick(words.LAST_NAMES, leads.last),
        "Title": pick([t[0] for t in words.TITLES], leads.title),
        "Company": take(world.company, leads.account),
        "Country": pick([c[0] for c in words.COUNTRIES], leads.country),
        "State": pick([s for c in words.COUNTRIES for s in c[4]], place),
        "City": pick([s for c in words.COUNTRIES for s in c[3]], place),
        "PostalCode": pa.array(10_000 + place * 211).cast(pa.string()),
        "Phone": where(rng.random(count) < 0.75, join("+00 555 ", number), None),
        "Email": world.email,
        "Website": where((leads.free_mail < 0) & (rng.random(count) < 0.75), site, None),
        "Description": mess.texts(rng, count),
        "CurrencyIsoCode": currencies(world),
        "AnnualRevenue": revenue,
        "NumberOfEmployees": size,
        "GenderIdentity": pick(words.GENDERS, rng.integers(0, 5, count)),
    }


def currencies(world: World) -> pa.Array:
    """The currency of each lead: euros in nine of ten leads of the euro countries, by number, else dollars."""
    share = np.array([c[6] for c in words.COUNTRIES])[world.leads.country]
    return where((world.leads.account * 13 % 10) / 10 < share, "EUR", "USD")


def _rating(rng: np.random.Generator, world: World) -> pa.Array:
    """Rating as of the export: overwritten at the click and at the closing, and not tracked: a trap."""
    u = rng.random(len(world.leads))
    rating = where(u < 0.4, "Warm", where(u < 0.5, "Hot", None))
    rating = where(world.closed & ~world.clicked & (u < 0.8), "Cold", rating)
    return where(world.clicked & (u < 0.95), "Hot", rating)


def _duplicate_table(rng: np.random.Generator, world: World, real: pa.Table) -> pa.Table:
    """The later entries of the same people, as nobody has worked them; some merged into the first entry."""
    extras, count = world.extras, len(world.extras.duplicate_of)
    merged = extras.merged_at < world.span.end
    modified = np.where(merged, extras.merged_at, extras.duplicate_created + 120)
    email = take(world.email, extras.duplicate_of)
    shouted = where(rng.random(count) < 0.5, pc.utf8_upper(email), join(" ", email))
    entry = {
        "Id": world.duplicate_id,
        "IsDeleted": pa.array(merged),
        "MasterRecordId": where(merged, take(world.lead_id, extras.duplicate_of), None),
        "Email": where(rng.random(count) < 0.7, shouted, email),
        "LeadSource": pick([s[0] for s in words.SOURCES], rng.integers(0, len(words.SOURCES), count)),
        "Industry": take(industries(world), extras.duplicate_of),
        "Rating": same(None, count),
        "LastModifiedDate": stamp(modified),
        "SystemModstamp": stamp(modified + 1),
    }
    return _replace(real.take(pa.array(extras.duplicate_of)), _unworked(rng, extras.duplicate_created) | entry)


def _test_table(rng: np.random.Generator, world: World, real: pa.Table) -> pa.Table:
    """Leads that colleagues typed in to try the form."""
    created = world.extras.test_created
    count = len(created)
    kind = np.arange(count)
    entry = {
        "Id": world.test_id,
        "FirstName": same("Test", count),
        "LastName": same("Test", count),
        "Company": pick(mess.TEST_COMPANIES, kind % len(mess.TEST_COMPANIES)),
        "Email": pick(mess.TEST_EMAILS, kind % len(mess.TEST_EMAILS)),
        "IsDeleted": pa.array(np.zeros(count, bool)),
        "MasterRecordId": same(None, count),
        "Website": same(None, count),
        "Rating": same(None, count),
        "LastModifiedDate": stamp(created + 60),
        "SystemModstamp": stamp(created + 60),
    }
    like = rng.integers(0, len(world.leads), count)
    return _replace(real.take(pa.array(like)), _unworked(rng, created) | entry)


def _unworked(rng: np.random.Generator, created: np.ndarray) -> dict[str, pa.Array]:
    """The columns of a lead that nobody has worked."""
    count = len(created)
    empty = ("ConvertedDate", "ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId", "LastActivityDate")
    return {name: same(None, count) for name in (*empty, "Discount_Offered__c")} | {
        "Status": same(NEW, count),
        "OwnerId": _people("00G", rng, count),
        "HasOptedOutOfEmail": pa.array(np.zeros(count, bool)),
        "IsConverted": pa.array(np.zeros(count, bool)),
        "CreatedDate": stamp(created),
        "Engagement_Count__c": pa.array(np.zeros(count, dtype=np.int64)),
    }


def _replace(table: pa.Table, columns: dict[str, pa.Array]) -> pa.Table:
    """The table with some of its columns exchanged."""
    return pa.table({name: columns.get(name, table[name]) for name in table.column_names})


def _people(prefix: str, rng: np.random.Generator, count: int) -> pa.Array:
    """Owners: 12 people (005), or 3 queues (00G)."""
    number = 12 if prefix == "005" else 3
    return take(salesforce_ids(prefix, 0, np.arange(number)), rng.integers(0, number, count))


def history_table(world: World, corrected: np.ndarray) -> pa.Table:
    """The rows of LeadHistory.csv: creation, Status, Industry and opt-out at their true instants. Not Rating."""
    leads, outcome, end = world.leads, world.outcome, world.span.end
    first = np.flatnonzero(world.contacted < np.minimum(outcome.event, end))
    lost = np.flatnonzero(world.closed & ~world.clicked)
    clicked, fixed = np.flatnonzero(world.clicked), np.flatnonzero(corrected)
    left = np.flatnonzero(world.opted_out < end)
    before = where(world.contacted < np.minimum(outcome.event, end), WORKING, NEW)
    industry = pick([i[0] for i in words.INDUSTRIES], leads.industry)
    everyone = np.arange(len(leads))
    parts = [
        _changes(everyone, leads.created, "created", None, None),
        _changes(first, world.contacted[first], "Status", same(NEW, len(first)), same(WORKING, len(first))),
        _changes(
            lost, outcome.event[lost], "Status", take(before, lost), pick(LOST_STATUSES, lost_status(world)[lost])
        ),
        _changes(clicked, outcome.event[clicked], "Status", take(before, clicked), same(CONVERTED, len(clicked))),
        _changes(clicked, outcome.event[clicked], "leadConverted", None, None),
        _changes(fixed, outcome.event[fixed], "Industry", take(industries(world), fixed), take(industry, fixed)),
        _changes(left, world.opted_out[left], "HasOptedOutOfEmail", same("false", len(left)), same("true", len(left))),
    ]
    table = pa.concat_tables(parts)
    order = np.argsort(table["t"].to_numpy(), kind="stable")
    table = table.take(pa.array(order))
    lead, t = table["lead"].to_numpy(), table["t"].to_numpy()
    return pa.table(
        {
            "Id": salesforce_ids("017", world.number, np.arange(len(table))),
            "IsDeleted": np.zeros(len(table), bool),
            "LeadId": take(world.lead_id, lead),
            "CreatedDate": stamp(t),
            "Field": table["field"],
            "OldValue": table["old"],
            "NewValue": table["new"],
        }
    )


def _changes(lead: np.ndarray, t: np.ndarray, field: str, old: pa.Array | None, new: pa.Array | None) -> pa.Table:
    count = len(lead)
    columns = {"lead": pa.array(lead, pa.int64()), "t": pa.array(t, pa.int64()), "field": same(field, count)}
    return pa.table(columns | {k: same(None, count) if v is None else v for k, v in (("old", old), ("new", new))})
