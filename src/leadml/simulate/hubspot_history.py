"""Every value that a contact's properties ever had, and when: what HubSpot keeps as property history."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leadml.simulate import words
from leadml.simulate.columns import pick, same, take
from leadml.simulate.company import DAY
from leadml.simulate.crm import industries
from leadml.simulate.hubspot_ids import iso
from leadml.simulate.hubspot_web import form_clicks
from leadml.simulate.objects import Marketing, Objects

NEW, WORKING, DEAL, UNQUALIFIED = "NEW", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED"
# LeadSource as HubSpot tells it: original source, and its first drill-down; no two alike.
SOURCES = {
    "Web": ("ORGANIC_SEARCH", "GOOGLE"),
    "Demo Request": ("DIRECT_TRAFFIC", "www.vuelto.example/demo"),
    "Advertisement": ("PAID_SEARCH", "Auto-tagged PPC"),
    "Social Media": ("SOCIAL_MEDIA", "LinkedIn"),
    "Webinar": ("EMAIL_MARKETING", "webinar-invitation"),
    "Trade Show": ("OFFLINE", "CRM_UI"),
    "Customer Referral": ("REFERRALS", "customers.example"),
    "Partner": ("REFERRALS", "partner.example"),
    "Purchased List": ("OFFLINE", "IMPORT"),
}
RENAMED = 0.3  # of customers: another job title is written down at the win
_NEVER = np.int64(2**62)


@dataclass
class Log:
    """Property values of records by position, in any order; a value that is null was never written."""

    parts: list[pa.Table] = field(default_factory=list)

    def add(self, row: np.ndarray, at: np.ndarray, name: str, value: pa.Array | str, source: str) -> None:
        """Values of one property written at ``at`` (seconds); those that are never, or null, are left out."""
        count = len(row)
        values = same(value, count) if isinstance(value, str) else value.cast(pa.string())
        columns = {"row": pa.array(row, pa.int64()), "at": pa.array(at, pa.int64()), "name": same(name, count)}
        table = pa.table(columns | {"value": values, "source": same(source, count)})
        self.parts.append(table.filter(pc.and_(pc.is_valid(table["value"]), pc.less(table["at"], int(_NEVER)))))

    def table(self, id_name: str, ids: pa.Array) -> pa.Table:
        """The rows as a connector writes them, ordered by time."""
        rows = pa.concat_tables(self.parts)
        rows = rows.take(pa.array(np.argsort(rows["at"].to_numpy(), kind="stable")))
        return pa.table(
            {
                id_name: take(ids, rows["row"].to_numpy()),
                "name": rows["name"],
                "value": rows["value"],
                "timestamp": iso(rows["at"].to_numpy()),
                "source": rows["source"],
                "source_id": same(None, len(rows)),
            }
        )

    def current(self, name: str, count: int) -> pa.Array:
        """The latest value of a property for each of ``count`` records, null where it has none."""
        parts = [p for p in self.parts if len(p) and p["name"][0].as_py() == name]
        if not parts:
            return pa.nulls(count, pa.string())
        rows = pa.concat_tables(parts)
        row, at = rows["row"].to_numpy(), rows["at"].to_numpy()
        order = np.argsort(at, kind="stable")
        last = np.full(count, -1)
        last[row[order]] = order
        return rows["value"].combine_chunks().take(pa.array(np.maximum(last, 0), mask=last < 0))


def contact_log(rng: np.random.Generator, objects: Objects, marketing: Marketing) -> Log:
    """What was written to the real contacts of a chunk: at creation, by the sales team, by forms and by tools."""
    log = Log()
    _add_creation(log, objects)
    _add_status(rng, log, objects)
    _add_corrections(rng, log, objects)
    clicks = form_clicks(marketing.sessions, marketing.events)
    if marketing.click_id is not None:
        ids = take(marketing.click_id, clicks["session"])
        log.add(clicks["lead"], clicks["t"], "hs_google_click_id", ids, "FORM")
    return log


def _add_creation(log: Log, objects: Objects) -> None:
    world = objects.world
    leads, everyone = world.leads, np.arange(len(world.leads))
    code = leads.source
    written = {
        "email": world.email,
        "firstname": pick(words.FIRST_NAMES, leads.first),
        "lastname": pick(words.LAST_NAMES, leads.last),
        "jobtitle": pick([t[0] for t in words.TITLES], leads.title),
        "company": take(world.company, leads.account),
        "country": pick([c[0] for c in words.COUNTRIES], leads.country),
        "state": objects.person("State"),
        "city": objects.person("City"),
        "zip": objects.person("PostalCode"),
        "phone": objects.person("Phone"),
        "website": objects.person("Website"),
        "industry": industries(world),
        "numemployees": objects.person("NumberOfEmployees"),
        "annualrevenue": objects.person("AnnualRevenue"),
        "product_interest": objects.person("Product_Interest__c"),
        "site_user_id": world.lead_id,
    }
    for name, value in written.items():
        log.add(everyone, leads.created, name, value, "FORM")
    for place, name in enumerate(("hs_analytics_source", "hs_analytics_source_data_1")):
        values = pick([SOURCES[s[0]][place] for s in words.SOURCES], code)
        log.add(everyone, leads.created, name, values, "ANALYTICS")
    log.add(everyone, leads.created, "lifecyclestage", "lead", "FORM")
    log.add(everyone, leads.created, "hs_lead_status", NEW, "AUTOMATION_PLATFORM")


def _add_status(rng: np.random.Generator, log: Log, objects: Objects) -> None:
    """Lead status, lifecycle stage, owner, opt-out and score, at their true instants."""
    world = objects.world
    outcome, end, count = world.outcome, world.span.end, len(world.leads)
    contacted = np.flatnonzero(world.contacted < np.minimum(outcome.event, end))
    lost = np.flatnonzero(world.closed & ~world.clicked)
    clicked, won = np.flatnonzero(world.clicked), np.flatnonzero(world.won)
    log.add(contacted, world.contacted[contacted], "hs_lead_status", WORKING, "CRM_UI")
    log.add(lost, outcome.event[lost], "hs_lead_status", UNQUALIFIED, "CRM_UI")
    log.add(clicked, outcome.event[clicked], "hs_lead_status", DEAL, "DEALS")
    log.add(clicked, outcome.event[clicked], "lifecyclestage", "opportunity", "DEALS")
    log.add(won, outcome.closed[won], "lifecyclestage", "customer", "DEALS")
    owner = pa.array(70_000_001 + rng.integers(0, 12, count))
    worked = np.flatnonzero(np.minimum(world.contacted, np.where(world.clicked, outcome.event, _NEVER)) < end)
    at = np.minimum(world.contacted, np.where(world.clicked, outcome.event, _NEVER))[worked]
    log.add(worked, at, "hubspot_owner_id", take(owner, worked), "CRM_UI")
    left = np.flatnonzero(world.opted_out < end)
    log.add(left, world.opted_out[left], "hs_email_optout", "true", "EMAIL")
    points = pa.array((50 + 10 * world.leads.visible).astype(np.int64).clip(0, 100))
    log.add(np.arange(count), world.leads.created, "hubspotscore", points, "CALCULATED")
    log.add(clicked, outcome.event[clicked], "hubspotscore", "80", "CALCULATED")
    log.add(won, outcome.closed[won], "hubspotscore", "100", "CALCULATED")


def _add_corrections(rng: np.random.Generator, log: Log, objects: Objects) -> None:
    """What is put right later: the industry with the deal; title and size of the company when it is won."""
    world = objects.world
    leads, outcome, end = world.leads, world.outcome, world.span.end
    fixed, won = np.flatnonzero(objects.corrected), np.flatnonzero(world.won)
    industry = pick([i[0] for i in words.INDUSTRIES], leads.industry[fixed])
    log.add(fixed, outcome.event[fixed], "industry", industry, "CRM_UI")
    log.add(won, outcome.closed[won], "numemployees", pa.array(leads.employees[won]), "ENRICHMENT")
    renamed = won[rng.random(len(won)) < RENAMED]
    log.add(renamed, outcome.closed[renamed], "jobtitle", "Head of Operations", "CRM_UI")
    offered = objects.person("Discount_Offered__c")
    at = outcome.event + (rng.exponential(10.0, len(leads)) * DAY).astype(np.int64)
    at = np.where(world.clicked & (at < np.minimum(outcome.closed, end)), at, _NEVER)
    log.add(np.arange(len(leads)), at, "discount_offered", offered, "CRM_UI")
