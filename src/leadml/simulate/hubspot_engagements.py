"""What the sales team logged, as HubSpot keeps it: calls, e-mails, tasks and meetings, forms, lists and merges."""

import numpy as np
import pyarrow as pa

from leadml.simulate.activity import CALL, FOLLOW_UP, INBOUND, MAIL, REPLY
from leadml.simulate.columns import join, pick, same, take, where
from leadml.simulate.hubspot_ids import FORM, MEETING, TASK, Contacts, epoch, iso, numbers
from leadml.simulate.objects import Objects, flags, seconds
from leadml.simulate.web import SITE

# HubSpot's own ids of call outcomes, in the order of activity.DISPOSITIONS
OUTCOMES = (
    "",
    "f240bbac-87c9-4f6e-bf70-924b57d47db7",  # connected
    "73a0d17f-1163-4015-bdd5-ec830791da20",  # no answer
    "b2cf5968-551e-4856-9783-52b3da59a7d0",  # left voicemail
    "17b47fee-58de-441e-a44c-c6300d46f273",  # wrong number
)
PORTAL = 7_052_064


def task_ids(objects: Objects) -> tuple[pa.Array, pa.Array]:
    """Of each Salesforce task its engagement, and the to-do that a planned call was before it was made."""
    rank = np.arange(len(objects.tasks["lead"])) * 4
    return numbers(TASK, objects.world.number, rank + 1), numbers(TASK, objects.world.number, rank + 2)


def meeting_ids(objects: Objects) -> pa.Array:
    """Of each Salesforce event its meeting."""
    return numbers(MEETING, objects.world.number, np.arange(len(objects.meetings["lead"])) * 3 + 1)


def form_ids(objects: Objects) -> pa.Array:
    """Of each campaign member the form that its answer is."""
    return numbers(FORM, objects.world.number, np.arange(len(objects.members["lead"])) * 5 + 2)


def call_table(objects: Objects) -> pa.Table:
    """The rows of calls.csv: calls that were made, in or out; the length is in milliseconds."""
    tasks, done = objects.tasks, objects.tasks["done"]
    chosen = np.flatnonzero(np.isin(tasks["kind"], (CALL, INBOUND)) & (done < objects.world.span.end))
    inbound, length = tasks["kind"][chosen] == INBOUND, tasks["seconds"][chosen] * 1000
    columns = _common(objects, chosen, task_ids(objects)[0], done[chosen], done[chosen])
    return pa.table(
        columns
        | {
            "hs_call_title": where(inbound, "Inbound call", "Call"),
            "hs_call_direction": where(inbound, "INBOUND", "OUTBOUND"),
            "hs_call_disposition": pick(OUTCOMES, tasks["disposition"][chosen]),
            "hs_call_duration": pa.array(length, mask=length == 0),
            "hs_call_status": same("COMPLETED", len(chosen)),
        }
    )


def mail_table(objects: Objects) -> pa.Table:
    """The rows of emails.csv: one-to-one mails of the sales team and the answers to them."""
    tasks = objects.tasks
    chosen = np.flatnonzero(np.isin(tasks["kind"], (MAIL, REPLY)))
    reply, at = tasks["kind"][chosen] == REPLY, tasks["created"][chosen]
    columns = _common(objects, chosen, task_ids(objects)[0], at, at)
    return pa.table(
        columns
        | {
            "hs_email_subject": where(reply, "Re: Your question, and our answer", "Seguimos en contacto"),
            "hs_email_direction": where(reply, "INCOMING_EMAIL", "EMAIL"),
            "hs_email_status": where(reply, None, "SENT"),
        }
    )


def task_table(objects: Objects) -> pa.Table:
    """The rows of tasks.csv: to-dos, and the planned calls, which are logged as calls once they are made.

    ``hs_timestamp`` is the date due, whatever happened since.
    """
    tasks, end = objects.tasks, objects.world.span.end
    chosen = np.flatnonzero(np.isin(tasks["kind"], (CALL, FOLLOW_UP)))
    call, done = tasks["kind"][chosen] == CALL, tasks["done"][chosen]
    first, second = task_ids(objects)
    columns = _common(objects, chosen, where(tasks["kind"] == CALL, second, first), tasks["due"][chosen], None)
    return pa.table(
        columns
        | {
            "hs_createdate": iso(tasks["created"][chosen]),
            "hs_task_subject": where(call, "Call", "Follow up on proposal"),
            "hs_task_type": where(call, "CALL", "TODO"),
            "hs_task_status": where(done < end, "COMPLETED", "NOT_STARTED"),
            "hs_task_completion_date": iso(done),
        }
    )


def meeting_table(objects: Objects) -> pa.Table:
    """The rows of meetings.csv; start and end are in milliseconds, and the outcome is as of the export."""
    rows, event = objects.meetings, objects.tables["Event.csv"]
    finish = seconds(event["EndDateTime"])
    over = finish < objects.world.span.end
    return pa.table(
        {
            "hs_object_id": meeting_ids(objects),
            "hs_createdate": iso(rows["created"]),
            "hs_timestamp": iso(rows["start"]),
            "hs_meeting_title": event["Subject"],
            "hs_meeting_start_time": epoch(rows["start"]),
            "hs_meeting_end_time": epoch(finish),
            "hs_meeting_outcome": where(over, where(rows["held"], "COMPLETED", "NO_SHOW"), "SCHEDULED"),
            "hs_activity_type": same(None, len(event)),
            "hubspot_owner_id": same(None, len(event)),
            "archived": pa.array(flags(event["IsDeleted"])),
        }
    )


def _common(
    objects: Objects, chosen: np.ndarray, ids: pa.Array, at: np.ndarray, created: np.ndarray | None
) -> dict[str, pa.Array]:
    """The columns that every kind of engagement has; ``created`` may be told by the caller."""
    columns = {"hs_object_id": take(ids, chosen), "hs_timestamp": iso(at)}
    columns |= {} if created is None else {"hs_createdate": iso(created)}
    gone = flags(objects.tables["Task.csv"]["IsDeleted"])[chosen]
    return columns | {"hubspot_owner_id": same(None, len(chosen)), "archived": pa.array(gone)}


def engagement_links(objects: Objects, contacts: Contacts) -> pa.Table:
    """The rows of engagement_contact.csv: whom each engagement is with; merged contacts' went to the remaining one."""
    first, second = task_ids(objects)
    tasks, lead = objects.tasks, objects.tasks["lead"]
    planned = np.flatnonzero(tasks["kind"] == CALL)
    other = np.flatnonzero((tasks["kind"] != CALL) | (tasks["done"] < objects.world.span.end))
    parts = (
        (take(first, other), lead[other], "ENGAGEMENT"),
        (take(second, planned), lead[planned], "TASK"),
        (meeting_ids(objects), objects.meetings["lead"], "MEETING"),
    )
    tables = [
        pa.table({"engagement_id": ids, "contact_id": take(contacts.real, who), "type": same(kind, len(who))})
        for ids, who, kind in parts
    ]
    return pa.concat_tables(tables)


def form_table(objects: Objects, contacts: Contacts) -> pa.Table:
    """The rows of contact_form_submission.csv: the answers to campaigns; the instant is in milliseconds."""
    members = objects.members
    chosen = np.flatnonzero(members["responded"] < objects.world.span.end)
    chosen = chosen[np.argsort(members["responded"][chosen], kind="stable")]
    number = pa.array(members["which"][chosen]).cast(pa.string())
    return pa.table(
        {
            "contact_id": take(contacts.real, members["lead"][chosen]),
            "form_id": join("registration-", number),
            "conversion_id": take(form_ids(objects), chosen),
            "timestamp": epoch(members["responded"][chosen]),
            "title": join("Registration ", number),
            "page_id": same(None, len(chosen)),
            "page_url": join(SITE, "/lp/campaign-", number),
            "portal_id": np.full(len(chosen), PORTAL),
        }
    )


def list_table(objects: Objects, contacts: Contacts) -> pa.Table:
    """The rows of contact_list_member.csv: the list of each campaign that a contact was put on."""
    members = objects.members
    return pa.table(
        {
            "contact_id": take(contacts.real, members["lead"]),
            "contact_list_id": pa.array(members["which"] + 101),
            "added_at": iso(members["created"]),
        }
    )


def merge_table(objects: Objects, contacts: Contacts) -> pa.Table:
    """The rows of contact_merge_audit.csv: who was merged into whom, and when."""
    extras, merged = objects.world.extras, contacts.merged
    return pa.table(
        {
            "canonical_vid": take(contacts.real, extras.duplicate_of[merged]),
            "vid_to_merge": contacts.gone,
            "timestamp": iso(extras.merged_at[merged]),
            "num_properties_moved": np.full(len(merged), 4),
        }
    )
