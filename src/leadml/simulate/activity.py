"""What the sales team logs in the CRM: Task.csv, Event.csv and CampaignMember.csv."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leadml.simulate.columns import date, pick, same, stamp, take, where
from leadml.simulate.company import DAY
from leadml.simulate.ids import salesforce_ids
from leadml.simulate.mess import BAD_DATES, BAD_TASK_DATES, DELETED, TO_DUPLICATE, soil, texts
from leadml.simulate.people import World
from leadml.simulate.touchpoints import CAMPAIGNS, Rows, concat, sigmoid, weekday

CONNECTED = (-0.9, 0.50)  # logit of reaching the person by telephone, by intent
REPLIED = (-2.3, 0.65)  # logit of answering a salesperson's mail
HELD = (0.9, 0.40)  # logit of turning up
RESPONDED = (-1.7, 0.70)  # logit of responding to a campaign
# kind of task: Type, TaskSubtype, CallType, Subject
KINDS = (
    ("Call", "Call", "Outbound", "Call"),
    ("Email", "Email", "", 'Email: "Seguimos en contacto"'),
    ("Email", "Email", "", "Re: Your question, and our answer"),
    ("Call", "Call", "Inbound", "Inbound call"),
    ("To Do", "Task", "", "Follow up on proposal"),
)
CALL, MAIL, REPLY, INBOUND, FOLLOW_UP = range(5)
DISPOSITIONS = ("", "Connected", "No Answer", "Left Voicemail", "Wrong Number")
CAMPAIGN_TYPES = ("Webinar", "Trade Show", "Advertisement", "Social Media", "Content")
_NEVER = np.int64(2**62)


def build_tasks(rng: np.random.Generator, world: World, moments: dict[str, Rows]) -> Rows:
    """Calls, mails, replies and to-dos, ordered by when they were logged; fills ``world.contacted``.

    Rows of ``lead``, ``created``, ``due``, ``done`` (2**62 while open), ``kind``, ``disposition`` and ``seconds``.
    """
    call, inbound, deal = (moments[k] for k in ("call", "inbound", "deal"))
    np.minimum.at(world.contacted, call["lead"][call["made"]], call["done"][call["made"]])
    connected = call["made"] & (rng.random(len(call["t"])) < sigmoid(CONNECTED[0] + CONNECTED[1] * call["intent"]))
    missed = np.where(call["made"], rng.choice([2, 2, 3, 4], len(connected)), 0)
    done = np.where(call["made"], call["done"], _NEVER)
    mailed = call["made"] & ~connected & (rng.random(len(connected)) < 0.45)
    mail_at = call["done"][mailed] + 300
    answered = rng.random(len(mail_at)) < sigmoid(REPLIED[0] + REPLIED[1] * call["intent"][mailed])
    reply_at = (mail_at + 600 + (rng.exponential(0.5, len(mail_at)) * DAY).astype(np.int64))[answered]
    lead = call["lead"][mailed]
    late = (rng.exponential(0.5, len(deal["t"])) * DAY).astype(np.int64)
    talk = rng.exponential(260.0, len(connected)) + 20
    rows = concat(
        [
            _task_rows(call["lead"], call["planned"], call["due"], done, CALL)
            | {"disposition": np.where(connected, 1, missed), "seconds": np.where(connected, talk, 0).astype(np.int64)},
            _task_rows(lead, mail_at, mail_at, mail_at, MAIL),
            _task_rows(lead[answered], reply_at, reply_at, reply_at, REPLY),
            _task_rows(inbound["lead"], inbound["t"], inbound["t"], inbound["t"], INBOUND)
            | {
                "disposition": np.ones(len(inbound["t"]), np.int64),
                "seconds": rng.integers(60, 1200, len(inbound["t"])),
            },
            _task_rows(deal["lead"], deal["t"], deal["t"] + DAY, deal["t"] + late, FOLLOW_UP),
        ]
    )
    rows["done"] = np.where(rows["done"] < world.span.end, rows["done"], _NEVER)
    order = np.argsort(rows["created"], kind="stable")
    order = order[rows["created"][order] < world.span.end]
    return {name: values[order] for name, values in rows.items()}


def task_table(rng: np.random.Generator, world: World, rows: Rows) -> pa.Table:
    """The rows of Task.csv, with bad dates and untidy texts."""
    count, lead = len(rows["lead"]), rows["lead"]
    done, closed = rows["done"], rows["done"] < world.span.end
    clicked = world.clicked[lead]
    subject = pick([k[3] for k in KINDS], rows["kind"])
    modified = np.where(closed, done, rows["created"])
    bad = BAD_TASK_DATES / 2
    return pa.table(
        {
            "Id": salesforce_ids("00T", world.number, np.arange(count)),
            "IsDeleted": rng.random(count) < DELETED,
            "WhoId": _who(rng, world, lead, rows["created"]),
            "WhatId": where(clicked, take(world.opportunity_id, lead), None),
            "AccountId": where(clicked, take(world.account_id, world.leads.account[lead]), None),
            "Subject": soil(
                rng, subject, 0.01, ('Call "urgent", today', "Llamar:\nprecio y plazo"), least=min(2, count)
            ),
            "ActivityDate": soil(rng, date(rows["due"]), bad, BAD_DATES, least=min(count, 5)),
            "Status": _task_status(rng, world, rows),
            "Priority": pick(("Normal", "High"), rng.integers(0, 5, count) // 4),
            "OwnerId": _owners(rng, count),
            "Type": pick([k[0] for k in KINDS], rows["kind"]),
            "TaskSubtype": pick([k[1] for k in KINDS], rows["kind"]),
            "IsClosed": closed,
            "CallType": pick([k[2] for k in KINDS], rows["kind"]),
            "CallDisposition": pick(DISPOSITIONS, rows["disposition"]),
            "CallDurationInSeconds": pa.array(rows["seconds"], mask=rows["seconds"] == 0),
            "Description": texts(rng, count),
            "CreatedDate": soil(rng, stamp(rows["created"]), bad, BAD_DATES, least=min(count, 5)),
            "CompletedDateTime": stamp(done),
            "LastModifiedDate": stamp(modified),
            "SystemModstamp": stamp(modified + 1),
        }
    )


def build_meetings(rng: np.random.Generator, rows: Rows) -> Rows:
    """Meetings booked: ``lead``, ``created``, ``start``, ``held``; they start in office hours some days later."""
    count = len(rows["t"])
    day = rows["t"] // DAY + 1 + rng.poisson(3.0, count)
    day += np.where(weekday(day * DAY) >= 5, 2, 0)
    start = day * DAY + rng.integers(16, 34, count) * 1800
    held = rng.random(count) < sigmoid(HELD[0] + HELD[1] * rows["intent"])
    order = np.argsort(rows["t"], kind="stable")
    meetings = {"lead": rows["lead"], "created": rows["t"], "start": start, "held": held}
    return {name: values[order] for name, values in meetings.items()}


def meeting_table(rng: np.random.Generator, world: World, rows: Rows) -> pa.Table:
    """The rows of Event.csv; ``Outcome__c`` is empty while a meeting lies ahead."""
    count, lead, end = len(rows["lead"]), rows["lead"], rows["start"] + 1800 * rng.integers(1, 4, len(rows["lead"]))
    over = end < world.span.end
    clicked = world.clicked[lead]
    return pa.table(
        {
            "Id": salesforce_ids("00U", world.number, np.arange(count)),
            "IsDeleted": rng.random(count) < DELETED,
            "WhoId": _who(rng, world, lead, rows["created"]),
            "WhatId": where(clicked, take(world.opportunity_id, lead), None),
            "AccountId": where(clicked, take(world.account_id, world.leads.account[lead]), None),
            "Subject": pick(("Demo", "Intro meeting", "Reunión técnica"), rng.integers(0, 3, count)),
            "Type": same("Meeting", count),
            "EventSubtype": same("Event", count),
            "Outcome__c": where(over, where(rows["held"], "Held", "No-show"), None),
            "ActivityDate": date(rows["start"]),
            "StartDateTime": stamp(rows["start"]),
            "EndDateTime": stamp(end),
            "OwnerId": _owners(rng, count),
            "Description": texts(rng, count),
            "CreatedDate": stamp(rows["created"]),
            "LastModifiedDate": stamp(np.where(over, end + 900, rows["created"])),
            "SystemModstamp": stamp(np.where(over, end + 901, rows["created"] + 1)),
        }
    )


def build_members(rng: np.random.Generator, world: World, rows: Rows) -> Rows:
    """Campaign members: ``lead``, ``which``, ``created`` and ``responded`` (2**62 where not, or not yet)."""
    count = len(rows["t"])
    answers = rng.random(count) < sigmoid(RESPONDED[0] + RESPONDED[1] * rows["intent"])
    at = rows["t"] + 3600 + (rng.exponential(3.0, count) * DAY).astype(np.int64)
    responded = np.where(answers & (at < world.span.end), at, _NEVER)
    members = {"lead": rows["lead"], "which": rows["which"], "created": rows["t"], "responded": responded}
    order = np.argsort(rows["t"], kind="stable")
    return {name: values[order] for name, values in members.items()}


def member_table(world: World, rows: Rows) -> pa.Table:
    """The rows of CampaignMember.csv: a converted lead's rows have moved to its contact, and LeadId is empty."""
    count, lead = len(rows["lead"]), rows["lead"]
    clicked, responded = world.clicked[lead], rows["responded"] < world.span.end
    kind = rows["which"] % len(CAMPAIGN_TYPES)
    show = responded & (kind <= 1)
    campaigns = salesforce_ids("701", 0, np.arange(CAMPAIGNS))
    modified = np.where(responded, rows["responded"], rows["created"])
    return pa.table(
        {
            "Id": salesforce_ids("00v", world.number, np.arange(count)),
            "IsDeleted": np.zeros(count, bool),
            "CampaignId": take(campaigns, rows["which"]),
            "LeadId": where(clicked, None, take(world.lead_id, lead)),
            "ContactId": where(clicked, take(world.contact_id, lead), None),
            "Status": where(show, "Attended", where(responded, "Responded", "Sent")),
            "HasResponded": responded,
            "FirstRespondedDate": date(rows["responded"]),
            "Campaign_Type__c": pick(CAMPAIGN_TYPES, kind),
            "CurrencyIsoCode": same("USD", count),
            "CreatedDate": stamp(rows["created"]),
            "LastModifiedDate": stamp(modified),
            "SystemModstamp": stamp(modified + 1),
        }
    )


def _task_rows(lead: np.ndarray, created: np.ndarray, due: np.ndarray, done: np.ndarray, kind: int) -> Rows:
    none = np.zeros(len(lead), dtype=np.int64)
    kinds = np.full(len(lead), kind)
    return {
        "lead": lead,
        "created": created,
        "due": due,
        "done": done,
        "kind": kinds,
        "disposition": none,
        "seconds": none,
    }


def _task_status(rng: np.random.Generator, world: World, rows: Rows) -> pa.Array:
    """Completed, or as of the export: deferred once the lead is closed, else not started."""
    shelved = world.closed[rows["lead"]] & (rng.random(len(rows["lead"])) < 0.7)
    return where(rows["done"] < world.span.end, "Completed", where(shelved, "Deferred", "Not Started"))


def _owners(rng: np.random.Generator, count: int) -> pa.Array:
    """Salespeople, drawn at random."""
    return take(salesforce_ids("005", 0, np.arange(12)), rng.integers(0, 12, count))


def _who(rng: np.random.Generator, world: World, lead: np.ndarray, created: np.ndarray) -> pa.Array:
    """WhoId: the lead, its contact once converted, or for some activities the lead's unmerged duplicate."""
    extras = world.extras
    copy = np.full(len(world.leads), -1)
    alone = extras.merged_at >= world.span.end
    copy[extras.duplicate_of[alone]] = np.flatnonzero(alone)
    of = copy[lead]
    on_copy = (of >= 0) & (rng.random(len(lead)) < TO_DUPLICATE)
    if not len(extras.duplicate_of):
        return world.who(lead)
    on_copy &= created > extras.duplicate_created[np.maximum(of, 0)]
    return where(on_copy, take(world.duplicate_id, np.maximum(of, 0)), world.who(lead))


def last_activity(world: World, tasks: Rows, meetings: Rows) -> np.ndarray:
    """The latest completed task or past meeting of each lead as of the export, seconds; 2**62 where none."""
    last = np.full(len(world.leads), -1)
    np.maximum.at(last, tasks["lead"], np.where(tasks["done"] < world.span.end, tasks["done"], -1))
    np.maximum.at(last, meetings["lead"], np.where(meetings["start"] < world.span.end, meetings["start"], -1))
    return np.where(last < 0, _NEVER, last)


def split_cut(rng: np.random.Generator, tasks: pa.Table, number: int) -> tuple[pa.Table, pa.Table, np.ndarray]:
    """Part a few rows from the tasks, to be written short, with how many fields of each to keep.

    Only rows whose cells hold no comma, quote or line break are chosen, so that a line can be cut at its commas.
    """
    odd = pc.match_substring_regex(pc.fill_null(tasks["Subject"], ""), '[,\n"]').to_numpy(zero_copy_only=False)
    odd |= tasks["Description"].is_valid().to_numpy(zero_copy_only=False)
    index = np.sort(rng.permutation(np.flatnonzero(~odd))[:number])
    rest = np.delete(np.arange(len(tasks)), index)
    keep = rng.integers(3, len(tasks.column_names) - 4, len(index))
    return tasks.take(pa.array(rest)), tasks.take(pa.array(index)), keep
