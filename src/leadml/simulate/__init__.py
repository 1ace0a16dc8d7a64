"""An invented B2B software company: its raw exports, as its tools write them, and the truth behind them.

`simulate` writes both. Leads are made and written in chunks, each with its own stream of random numbers, so that any
number of leads fits in memory and the same seed gives the same bytes. The company keeps its leads in Salesforce or in
HubSpot: with the same seed the same things happen, and the mails and the web events are the same.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from leadml.config import Crm, SimulateConfig
from leadml.simulate import (
    activity,
    crm,
    deals,
    hubspot,
    hubspot_leaks,
    hubspot_ui,
    hubspot_web,
    mail,
    mess,
    sidefiles,
    truth,
    web,
)
from leadml.simulate.company import Leads, Span, build_leads, build_span
from leadml.simulate.hazards import Outcome, build_path, draw_outcome
from leadml.simulate.objects import Marketing, Objects
from leadml.simulate.people import World, build_world
from leadml.simulate.sidefiles import lead_truth, probability_table, write_notes
from leadml.simulate.touchpoints import Rows, concat, draw_after, draw_moments
from leadml.simulate.writers import Files

__all__ = ["simulate"]

BATCH = 2_000  # leads whose daily paths are in memory at a time
_STREAMS = 9  # a stream for each concern, so that a change to one file's texts leaves the truth as it is


def simulate(
    config: SimulateConfig, seed: int, raw: Path, truth: Path, progress: Callable[[str], None]
) -> dict[str, int]:
    """Write the raw exports of the invented company to ``raw``, and what only tests may know to ``truth``.

    Args:
        config: number of leads (real people; duplicates and tests come on top), months, first day, chunk size, CRM.
        seed: the same seed, configuration and library versions give the same bytes.
        raw: folder of Lead.csv ... (or contacts.csv ...), email_events.csv and ga4/events_YYYYMM.parquet; same names
            are replaced.
        truth: folder of probabilities.parquet, leads.parquet, leaks.json and problem.json; with HubSpot also
            hubspot_ids.parquet, which tells the ids that the same things have in Salesforce.
        progress: called with one line a phase.

    Returns:
        Rows written, by file name relative to its folder.

    Raises:
        ConfigurationError: ``config.start`` is not an ISO date.
    """
    span = build_span(config.start, config.months)
    chunks = -(-config.leads // config.chunk_leads)
    with Files(raw) as exports, Files(truth) as notes:
        for number in range(chunks):
            serial = number * config.chunk_leads
            count = min(config.chunk_leads, config.leads - serial)
            streams = [np.random.default_rng(s) for s in np.random.SeedSequence((seed, number)).spawn(_STREAMS)]
            where = f"chunk {number + 1} of {chunks} ({count:,} leads)"
            progress(f"{where}: latent truth")
            world, moments = _draw_chunk(streams, (number, serial, count), span, notes)
            progress(f"{where}: web and mail")
            portal = None if config.crm is Crm.salesforce else streams[8]
            marketing = _write_marketing(streams[4], portal, world, moments, exports)
            progress(f"{where}: CRM")
            objects = _build_crm(streams[5:8], world, moments, marketing)
            if portal is None:
                _write_salesforce(objects, exports)
            else:
                tables = hubspot.portal_tables(portal, objects, marketing)
                for name, table in (hubspot_ui.labelled(tables) if config.crm is Crm.hubspot_ui else tables).items():
                    exports.write(name, table)
                notes.write("hubspot_ids.parquet", hubspot.id_table(objects))
            notes.write("leads.parquet", lead_truth(world))
        write_notes(truth, span, seed, sidefiles.LEAKS if config.crm is Crm.salesforce else hubspot_leaks.LEAKS)
    return exports.rows | {f"truth/{name}": rows for name, rows in notes.rows.items()}


def _draw_chunk(
    streams: list[np.random.Generator], which: tuple[int, int, int], span: Span, notes: Files
) -> tuple[World, dict[str, Rows]]:
    """Draw people, paths, outcomes and moments of one chunk, and write its true probabilities."""
    number, serial, count = which
    people, paths, moments_rng, extra = streams[:4]
    leads = build_leads(people, count, span)
    outcomes: list[Outcome] = []
    moments: list[dict[str, Rows]] = []
    rows: list[truth.Probabilities] = []
    for first in range(0, count, BATCH):
        chosen = slice(first, min(first + BATCH, count))
        path = build_path(paths, leads, chosen, span)
        outcomes.append(draw_outcome(paths, path))
        rows.append(truth.true_probabilities(path, outcomes[-1], span).shifted(first))
        moments.append(draw_moments(moments_rng, leads, path, outcomes[-1], (chosen, span)))
    outcome = Outcome(*(np.concatenate([getattr(o, f) for o in outcomes]) for f in vars(outcomes[0])))
    world = build_world(number, serial, leads, outcome, mess.draw_extras(extra, leads, outcome, span))
    notes.write("probabilities.parquet", probability_table(world, rows))
    joined = {name: concat([m[name] for m in moments]) for name in moments[0]}
    return world, joined | {"after": draw_after(moments_rng, outcome, span)}


def _write_marketing(
    rng: np.random.Generator, clicks: np.random.Generator | None, world: World, moments: dict[str, Rows], exports: Files
) -> Marketing:
    """Write mail events and web events; ``clicks`` draws the click ids that the advertising adds to the web events."""
    mails = mail.build_mail_events(rng, world, mail.add_onboarding(world, moments["sent"]))
    exports.write("email_events.csv", mail.mail_table(rng, world, mails))
    sessions = web.build_sessions(rng, world, moments["web"], mail.click_moments(mails), moments["after"])
    events = web.build_events(rng, world, sessions)
    click_id = None if clicks is None else hubspot_web.draw_click_ids(clicks, sessions)
    first = 0
    for name, table in web.event_tables(rng, world, sessions, events):
        chosen = events["session"][first : first + len(table)]
        exports.write(f"ga4/{name}", hubspot_web.with_click_ids(table, click_id, chosen))
        first += len(table)
    return Marketing(mails, sessions, events, click_id)


def _build_crm(
    streams: list[np.random.Generator], world: World, moments: dict[str, Rows], marketing: Marketing
) -> Objects:
    """The Salesforce objects of one chunk, written or not: the order of the draws is part of the seed's meaning."""
    rng, dirt, draws = streams
    tasks = activity.build_tasks(rng, world, moments)
    meetings = activity.build_meetings(rng, moments["meeting"])
    members = activity.build_members(rng, world, moments["invite"])
    task = activity.task_table(dirt, world, tasks)
    rest, cut, fields = activity.split_cut(dirt, task, max(2, round(mess.CUT_TASKS * len(task))))
    event, member = activity.meeting_table(dirt, world, meetings), activity.member_table(world, members)
    corrected = crm.draw_corrected(draws, world)
    engagement = _engagement(world.leads, marketing, (tasks, meetings, members))
    tables = {
        "Task.csv": task,
        "Event.csv": event,
        "CampaignMember.csv": member,
        "Lead.csv": crm.lead_table(draws, world, corrected, engagement, activity.last_activity(world, tasks, meetings)),
        "LeadHistory.csv": crm.history_table(world, corrected),
        "Account.csv": deals.account_table(draws, world),
        "Contact.csv": deals.contact_table(draws, world),
    }
    deal, stages = deals.deal_tables(draws, world)
    tables |= {"Opportunity.csv": deal, "OpportunityFieldHistory.csv": stages}
    return Objects(world, tasks, meetings, members, corrected, tables, rest, cut, fields)


def _write_salesforce(objects: Objects, exports: Files) -> None:
    """Write the Salesforce objects of one chunk; some tasks are cut short in the middle of the file."""
    third = len(objects.rest) // 3
    exports.write("Task.csv", objects.rest.slice(0, third))
    exports.write_cut("Task.csv", objects.cut, objects.fields)
    exports.write("Task.csv", objects.rest.slice(third))
    for name, table in objects.tables.items():
        if name != "Task.csv":
            exports.write(name, table)


def _engagement(leads: Leads, marketing: Marketing, logged: tuple[Rows, ...]) -> np.ndarray:
    """Touchpoints of each lead up to the export: answers to mails, web events, and what the sales team logged."""
    mails, events = marketing.mails, marketing.events
    answered = np.isin(mails["kind"], (mail.OPEN, mail.CLICK)) & ~mails["bot"]
    found = (mails["lead"][answered], events["lead"][events["lead"] >= 0], *(rows["lead"] for rows in logged))
    return sum((np.bincount(lead, minlength=len(leads)) for lead in found), start=np.zeros(len(leads), np.int64))
