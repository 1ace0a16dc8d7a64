"""deals.csv with its history, its contacts and the pipeline's stages, and companies.csv."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leadml.simulate import words
from leadml.simulate.columns import join, pick, same, take
from leadml.simulate.company import DAY
from leadml.simulate.deals import STAGES as SALESFORCE_STAGES
from leadml.simulate.hubspot_history import Log
from leadml.simulate.hubspot_ids import COMPANY, DEAL, Contacts, epoch, iso, numbers
from leadml.simulate.objects import Objects, flags, seconds

# id, label, probability, closed, won: in the order of the Salesforce stages that they stand for
STAGES = (
    ("qualifiedtobuy", "Qualified To Buy", "0.2", False, False),
    ("presentationscheduled", "Presentation Scheduled", "0.5", False, False),
    ("contractsent", "Contract Sent", "0.75", False, False),
    ("closedwon", "Closed Won", "1.0", True, True),
    ("closedlost", "Closed Lost", "0.0", True, False),
)
RAISED = 0.08  # of won deals: the amount is raised some weeks after the close
REDATED = 0.06  # of won deals: the close date is moved some weeks after the close
_NEVER = np.int64(2**62)


def deal_ids(objects: Objects) -> pa.Array:
    """The deal of each lead, by position; only those of clicked leads are used."""
    return numbers(DEAL, objects.world.number, np.arange(len(objects.world.leads)) * 17 + 3)


def company_ids(objects: Objects) -> pa.Array:
    """The company of each account, by its code."""
    return numbers(COMPANY, objects.world.number, np.arange(objects.world.leads.accounts) * 13 + 5)


def deal_log(rng: np.random.Generator, objects: Objects) -> tuple[Log, np.ndarray]:
    """What was written to each deal, by the row of Opportunity.csv, and the instant (rows, stage) it entered each."""
    opportunity, stages = objects.tables["Opportunity.csv"], objects.tables["OpportunityFieldHistory.csv"]
    world, count = objects.world, len(opportunity)
    deal = pc.index_in(stages["OpportunityId"], value_set=opportunity["Id"].combine_chunks())
    row, at = deal.combine_chunks().to_numpy(), seconds(stages["CreatedDate"])
    name = pc.fill_null(stages["NewValue"].combine_chunks(), SALESFORCE_STAGES[0][0])
    code = pc.index_in(name, value_set=pa.array([s[0] for s in SALESFORCE_STAGES])).to_numpy()
    entered = np.full((count, len(STAGES)), _NEVER)
    entered[row, code] = at
    created, everyone = seconds(opportunity["CreatedDate"]), np.arange(count)
    log = Log()
    log.add(row, at, "dealstage", pick([s[0] for s in STAGES], code), "CRM_UI")
    log.add(everyone, created, "amount", opportunity["Amount"].combine_chunks(), "CRM_UI")
    log.add(everyone, created, "deal_currency_code", opportunity["CurrencyIsoCode"].combine_chunks(), "CRM_UI")
    log.add(everyone, created, "closedate", _instants(created + 60 * DAY), "CRM_UI")
    _add_close(rng, log, objects, entered)
    raised = np.flatnonzero((entered[:, 3] < _NEVER) & (rng.random(count) < RAISED))
    later = entered[raised, 3] + rng.integers(10, 60, len(raised)) * DAY
    more = pc.multiply(take(opportunity["Amount"].combine_chunks(), raised), 1.5)
    log.add(raised, np.where(later < world.span.end, later, _NEVER), "amount", more, "CRM_UI")
    return log, entered


def _add_close(rng: np.random.Generator, log: Log, objects: Objects, entered: np.ndarray) -> None:
    """HubSpot puts the instant of the closing into the close date; people date some wins back, or forward later."""
    end, closing = objects.world.span.end, np.minimum(entered[:, 3], entered[:, 4])
    closed = np.flatnonzero(closing < _NEVER)
    at = closing[closed]
    # The same days back as in Salesforce, which writes a date only.
    back = at // DAY - seconds(objects.tables["Opportunity.csv"]["CloseDate"])[closed] // DAY
    log.add(closed, at, "closedate", _instants(at - back * DAY), "CALCULATED")
    won = np.flatnonzero(entered[:, 3] < _NEVER)
    log.add(won, entered[won, 3], "hs_is_closed_won", "true", "CALCULATED")
    moved = won[rng.random(len(won)) < REDATED]
    when = entered[moved, 3] + rng.integers(5, 40, len(moved)) * DAY
    log.add(moved, np.where(when < end, when, _NEVER), "closedate", _instants(when + 15 * DAY), "CRM_UI")


def _instants(seconds_utc: np.ndarray) -> pa.Array:
    """Values of date properties: milliseconds since 1970 as text."""
    return epoch(seconds_utc).cast(pa.string())


def deal_table(objects: Objects, log: Log, entered: np.ndarray) -> pa.Table:
    """The rows of deals.csv, as of the export."""
    opportunity, world = objects.tables["Opportunity.csv"], objects.world
    row, count = np.flatnonzero(world.clicked), len(opportunity)
    stage = pc.index_in(log.current("dealstage", count), value_set=pa.array([s[0] for s in STAGES])).to_numpy()
    columns = {
        "hs_object_id": take(deal_ids(objects), row),
        "dealname": join(take(world.company, world.leads.account[row]), " - New Deal"),
        "pipeline": same("default", count),
        "dealstage": pick([s[0] for s in STAGES], stage),
        "amount": log.current("amount", count),
        "deal_currency_code": log.current("deal_currency_code", count),
        "closedate": log.current("closedate", count),
        "createdate": iso(seconds(opportunity["CreatedDate"])),
        "dealtype": same("newbusiness", count),
        "hs_is_closed_won": pick([str(s[4]).lower() for s in STAGES], stage),
        "hs_is_closed": pick([str(s[3]).lower() for s in STAGES], stage),
        "hs_deal_stage_probability": pick([s[2] for s in STAGES], stage),
        "hs_lastmodifieddate": iso(np.where(entered < _NEVER, entered, 0).max(axis=1)),
    }
    columns |= {f"hs_v2_date_entered_{s[0]}": iso(entered[:, k]) for k, s in enumerate(STAGES)}
    return pa.table(columns | {"archived": pa.array(flags(opportunity["IsDeleted"]))})


def deal_links(objects: Objects, contacts: Contacts) -> pa.Table:
    """The rows of deal_contact.csv: the contact of each deal."""
    row = np.flatnonzero(objects.world.clicked)
    return pa.table({"deal_id": take(deal_ids(objects), row), "contact_id": take(contacts.real, row)})


def stage_table() -> pa.Table:
    """The rows of deal_pipeline_stage.csv."""
    names = ("stage_id", "label", "probability", "is_closed", "closed_won")
    columns = {name: [s[k] for s in STAGES] for k, name in enumerate(names)}
    return pa.table(columns | {"pipeline_id": ["default"] * len(STAGES), "display_order": list(range(len(STAGES)))})


def company_table(objects: Objects, created: np.ndarray) -> pa.Table:
    """The rows of companies.csv: every account that HubSpot knew by the export, see `company_created`."""
    world = objects.world
    leads, rows = world.leads, np.flatnonzero(created < world.span.end)
    rows = rows[np.argsort(created[rows], kind="stable")]
    first = np.full(leads.accounts, -1)
    first[leads.account[::-1]] = np.arange(len(leads))[::-1]
    lead, count = first[rows], len(rows)
    customer, deals = np.zeros(leads.accounts, bool), np.zeros(leads.accounts, np.int64)
    customer[leads.account[world.won]] = True
    np.add.at(deals, leads.account[world.clicked], 1)
    stage = np.where(customer, 2, np.where(deals > 0, 1, 0))[rows]
    place = leads.country[lead] * 4 + leads.city[lead]
    return pa.table(
        {
            "hs_object_id": take(company_ids(objects), rows),
            "name": take(world.company, rows),
            "domain": take(world.domain, rows),
            "website": join("www.", take(world.domain, rows)),
            "industry": pick([i[0].upper() for i in words.INDUSTRIES], leads.industry[lead]),
            "numberofemployees": pa.array(leads.employees[lead]),
            "annualrevenue": pa.array(leads.employees[lead] * 110_000),
            "city": pick([s for c in words.COUNTRIES for s in c[3]], place),
            "country": pick([c[0] for c in words.COUNTRIES], leads.country[lead]),
            "type": pick(("PROSPECT", "PROSPECT", "CUSTOMER"), stage),
            "lifecyclestage": pick(("lead", "opportunity", "customer"), stage),
            "num_associated_contacts": pa.array(np.bincount(leads.account, minlength=leads.accounts)[rows]),
            "num_associated_deals": pa.array(deals[rows], mask=deals[rows] == 0),
            "createdate": epoch(created[rows]),
            "hs_lastmodifieddate": same(None, count),
        }
    )


def company_created(objects: Objects) -> np.ndarray:
    """When HubSpot knew each account, seconds: as Salesforce did, or from the first contact with an address of it."""
    world = objects.world
    leads, account = world.leads, objects.tables["Account.csv"]
    created = np.full(leads.accounts, _NEVER)
    code = pc.index_in(account["Id"], value_set=world.account_id).combine_chunks().to_numpy()
    created[code] = seconds(account["CreatedDate"])
    own = leads.free_mail < 0
    np.minimum.at(created, leads.account[own], leads.created[own])
    return created
