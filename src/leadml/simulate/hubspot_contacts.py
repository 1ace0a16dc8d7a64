"""contacts.csv: what HubSpot says of a person on the day of the export, its counters and latest dates included."""

import numpy as np
import pyarrow as pa

from leadml.simulate import mess
from leadml.simulate.columns import join, pick, same, where
from leadml.simulate.hubspot_history import Log
from leadml.simulate.hubspot_ids import Contacts, epoch, iso
from leadml.simulate.mail import CLICK, DELIVERED, OPEN, SENT
from leadml.simulate.objects import Marketing, Objects
from leadml.simulate.people import World
from leadml.simulate.touchpoints import Rows

_NEVER = np.int64(2**62)
_PLAIN = (
    "firstname",
    "lastname",
    "email",
    "phone",
    "jobtitle",
    "company",
    "website",
    "country",
    "state",
    "city",
    "zip",
)
_TYPED = ("industry", "numemployees", "annualrevenue", "product_interest", "site_user_id", "discount_offered")
_TOOLS = ("hs_analytics_source", "hs_analytics_source_data_1", "hs_google_click_id")
_STAGES = ("lifecyclestage", "hs_lead_status", "hubspot_owner_id", "hubspotscore", "hs_email_optout")


def contact_table(objects: Objects, marketing: Marketing, contacts: Contacts, log: Log) -> pa.Table:
    """The rows of contacts.csv in the order of creation: real people and tests; merged contacts are gone."""
    world, count = objects.world, len(objects.world.leads)
    now = {name: log.current(name, count) for name in (*_PLAIN, *_TYPED, *_TOOLS, *_STAGES)}
    worked = np.where(world.contacted < world.span.end, world.contacted, world.leads.created)
    touched = np.where(world.clicked | world.closed, np.minimum(world.outcome.closed, world.span.end - 60), worked)
    columns = {"hs_object_id": contacts.real, "createdate": iso(world.leads.created)}
    columns |= {"lastmodifieddate": iso(touched)} | now | _stage_dates(world)
    columns |= _deal_columns(objects) | _engagements(objects) | _mails(marketing.mails, count)
    columns |= _visits(marketing.events, world) | _forms(objects)
    real = pa.table(columns)
    created = np.concatenate([world.leads.created, world.extras.test_created])
    table = pa.concat_tables([real, _test_table(world, contacts, real)])
    return table.take(pa.array(np.argsort(created, kind="stable")))


def _latest(count: int, at: np.ndarray, row: np.ndarray) -> np.ndarray:
    """The latest instant of each record, never where it has none."""
    last = np.full(count, -1)
    np.maximum.at(last, row, at)
    return np.where(last < 0, _NEVER, last)


def _earliest(count: int, at: np.ndarray, row: np.ndarray) -> np.ndarray:
    first = np.full(count, _NEVER)
    np.minimum.at(first, row, at)
    return first


def _times(count: int, row: np.ndarray) -> pa.Array:
    """How often each record occurs; null where it never does."""
    number = np.bincount(row, minlength=count)
    return pa.array(number, mask=number == 0)


def _stage_dates(world: World) -> dict[str, pa.Array]:
    """When each lifecycle stage was entered: the conversion itself, dated."""
    outcome = world.outcome
    return {
        "hs_date_entered_lead": iso(world.leads.created),
        "hs_date_entered_opportunity": iso(np.where(world.clicked, outcome.event, _NEVER)),
        "hs_date_entered_customer": iso(np.where(world.won, outcome.closed, _NEVER)),
        "hs_lifecyclestage_customer_date": epoch(np.where(world.won, outcome.closed, _NEVER)),
    }


def _deal_columns(objects: Objects) -> dict[str, pa.Array]:
    world = objects.world
    deal, count = objects.tables["Opportunity.csv"], len(world.leads)
    amount = np.full(count, np.nan)
    amount[np.flatnonzero(world.clicked)] = deal["Amount"].to_numpy()
    days = (world.outcome.closed - world.leads.created) // 86_400
    return {
        "num_associated_deals": pa.array(world.clicked.astype(np.int64), mask=~world.clicked),
        "first_deal_created_date": iso(np.where(world.clicked, world.outcome.event, _NEVER)),
        "recent_deal_amount": pa.array(amount, mask=~world.won),
        "recent_deal_close_date": iso(np.where(world.won, world.outcome.closed, _NEVER)),
        "total_revenue": pa.array(amount, mask=~world.won),
        "days_to_close": pa.array(np.where(world.won, days, 0), mask=~world.won),
    }


def _engagements(objects: Objects) -> dict[str, pa.Array]:
    tasks, meetings, count = objects.tasks, objects.meetings, len(objects.world.leads)
    end = objects.world.span.end
    done = tasks["done"] < end
    lead = np.concatenate([tasks["lead"][done], meetings["lead"]])
    at = np.concatenate([tasks["done"][done], np.minimum(meetings["start"], end - 60)])
    return {
        "num_notes": _times(count, lead),
        "num_contacted_notes": _times(count, tasks["lead"][done]),
        "notes_last_contacted": iso(_latest(count, at, lead)),
        "notes_last_updated": iso(_latest(count, at, lead)),
        "hs_sa_first_engagement_date": iso(_earliest(count, at, lead)),
        "engagements_last_meeting_booked": iso(_latest(count, meetings["created"], meetings["lead"])),
    }


def _mails(mails: Rows, count: int) -> dict[str, pa.Array]:
    columns: dict[str, pa.Array] = {}
    for name, kind in (("delivered", DELIVERED), ("open", OPEN), ("click", CLICK)):
        columns[f"hs_email_{name}"] = _times(count, mails["lead"][(mails["kind"] == kind) & ~mails["bot"]])
    for name, kind in (("send", SENT), ("open", OPEN), ("click", CLICK)):
        mask = (mails["kind"] == kind) & ~mails["bot"]
        last = _latest(count, mails["t"][mask] // 1000, mails["lead"][mask])
        columns[f"hs_email_last_{name}_date"] = epoch(last)
    return columns


def _visits(events: Rows, world: World) -> dict[str, pa.Array]:
    """Web counters as of the export; the first visit is the creation where there was none before."""
    count = len(world.leads)
    mask = events["lead"] >= 0
    lead, t = events["lead"][mask], events["t"][mask] // 1_000_000
    pages = events["kind"][mask] == 1
    return {
        "hs_analytics_first_timestamp": epoch(np.minimum(world.leads.created, _earliest(count, t, lead))),
        "hs_analytics_last_timestamp": epoch(_latest(count, t, lead)),
        "hs_analytics_num_page_views": _times(count, lead[pages]),
        "hs_analytics_num_visits": _times(count, lead[events["kind"][mask] == 0]),
    }


def _forms(objects: Objects) -> dict[str, pa.Array]:
    members, count = objects.members, len(objects.world.leads)
    answered = members["responded"] < objects.world.span.end
    lead, at = members["lead"][answered], members["responded"][answered]
    return {
        "num_conversion_events": _times(count, lead),
        "first_conversion_date": iso(_earliest(count, at, lead)),
        "recent_conversion_date": iso(_latest(count, at, lead)),
    }


def _test_table(world: World, contacts: Contacts, real: pa.Table) -> pa.Table:
    """Contacts that colleagues made to try the form; each needs an address of its own."""
    created = world.extras.test_created
    count = len(created)
    kind = np.arange(count) % len(mess.TEST_COMPANIES)
    number = pa.array(np.arange(count) + world.number * 100_000).cast(pa.string())
    entry = {
        "hs_object_id": contacts.tests,
        "createdate": iso(created),
        "lastmodifieddate": iso(created + 60),
        "firstname": same("Test", count),
        "lastname": same("Test", count),
        "email": join("test+", number, "@example.com"),
        "company": pick(mess.TEST_COMPANIES, kind),
        "lifecyclestage": same("lead", count),
        "hs_lead_status": same("NEW", count),
        "hs_analytics_source": where(kind < 2, "DIRECT_TRAFFIC", "OFFLINE"),
        "hs_date_entered_lead": iso(created),
        "hs_analytics_first_timestamp": epoch(created),
    }
    columns = {name: entry.get(name, pa.nulls(count, real.schema.field(name).type)) for name in real.column_names}
    return pa.table(columns)
