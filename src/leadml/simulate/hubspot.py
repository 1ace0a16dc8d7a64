"""HubSpot's portal of the invented company: the same people, work and deals that the Salesforce objects tell of.

The tables are those that a connector copies from the portal: records with the properties' API names, their history,
engagements with link tables. Nothing is drawn here that the Salesforce files would show; the own stream of random
numbers is for what only HubSpot has (owners, amounts raised after the close, titles corrected).
"""

import numpy as np
import pyarrow as pa

from leadml.simulate import hubspot_deals as deals
from leadml.simulate import hubspot_engagements as engagements
from leadml.simulate.columns import take
from leadml.simulate.hubspot_contacts import contact_table
from leadml.simulate.hubspot_history import contact_log
from leadml.simulate.hubspot_ids import Contacts, lead_pairs, pairs
from leadml.simulate.objects import Marketing, Objects


def portal_tables(rng: np.random.Generator, objects: Objects, marketing: Marketing) -> dict[str, pa.Table]:
    """The tables of one chunk by file name.

    Args:
        rng: a stream of its own, for what HubSpot alone tells.
        objects: the chunk's people, work and Salesforce tables.
        marketing: its mails and web events; the mails themselves are in email_events.csv, beside the portal.
    """
    contacts = Contacts(objects.world)
    log = contact_log(rng, objects, marketing)
    deal_log, entered = deals.deal_log(rng, objects)
    deal_ids = take(deals.deal_ids(objects), np.flatnonzero(objects.world.clicked))
    created = deals.company_created(objects)
    tables = {
        "contacts.csv": contact_table(objects, marketing, contacts, log),
        "contact_property_history.csv": log.table("contact_id", contacts.real),
        "contact_merge_audit.csv": engagements.merge_table(objects, contacts),
        "contact_form_submission.csv": engagements.form_table(objects, contacts),
        "contact_list_member.csv": engagements.list_table(objects, contacts),
        "companies.csv": deals.company_table(objects, created),
        "deals.csv": deals.deal_table(objects, deal_log, entered),
        "deal_property_history.csv": deal_log.table("deal_id", deal_ids),
        "deal_contact.csv": deals.deal_links(objects, contacts),
        "calls.csv": engagements.call_table(objects),
        "emails.csv": engagements.mail_table(objects),
        "tasks.csv": engagements.task_table(objects),
        "meetings.csv": engagements.meeting_table(objects),
        "engagement_contact.csv": engagements.engagement_links(objects, contacts),
    }
    if objects.world.number == 0:
        tables["deal_pipeline_stage.csv"] = deals.stage_table()
    return tables


def id_table(objects: Objects) -> pa.Table:
    """Rows (record, salesforce_id, hubspot_id) of one chunk; record is lead, account, opportunity, task or event.

    Several rows of Lead.csv may be one contact: a second entry with the same address is none in HubSpot.
    """
    world = objects.world
    row = np.flatnonzero(world.clicked)
    tables = objects.tables
    first, second = engagements.task_ids(objects)
    made = (objects.tasks["kind"] != engagements.CALL) | (objects.tasks["done"] < world.span.end)
    parts = [
        lead_pairs(world, Contacts(world)),
        pairs("account", world.account_id, deals.company_ids(objects)),
        pairs("opportunity", take(world.opportunity_id, row), take(deals.deal_ids(objects), row)),
        pairs("task", tables["Task.csv"]["Id"].combine_chunks(), engagements.where(made, first, second)),
        pairs("event", tables["Event.csv"]["Id"].combine_chunks(), engagements.meeting_ids(objects)),
    ]
    return pa.concat_tables(parts)
