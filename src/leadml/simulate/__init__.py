"""An invented B2B software company: its raw exports, as its tools write them, and the truth behind them.

`simulate` writes both. Leads are made and written in chunks, each with its own stream of random numbers, so that any
number of leads fits in memory and the same seed gives the same bytes.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from leadml.config import SimulateConfig
from leadml.simulate import activity, crm, deals, mail, mess, truth, web
from leadml.simulate.company import Leads, Span, build_leads, build_span
from leadml.simulate.hazards import Outcome, build_path, draw_outcome
from leadml.simulate.people import World, build_world
from leadml.simulate.sidefiles import lead_truth, probability_table, write_notes
from leadml.simulate.touchpoints import Rows, concat, draw_after, draw_moments
from leadml.simulate.writers import Files

__all__ = ["simulate"]

BATCH = 2_000  # leads whose daily paths are in memory at a time


def simulate(
    config: SimulateConfig, seed: int, raw: Path, truth: Path, progress: Callable[[str], None]
) -> dict[str, int]:
    """Write the raw exports of the invented company to ``raw``, and what only tests may know to ``truth``.

    Args:
        config: number of leads (real people; duplicates and tests come on top), months, first day, chunk size.
        seed: the same seed, configuration and library versions give the same bytes.
        raw: folder of Lead.csv ... email_events.csv and ga4/events_YYYYMM.parquet; same names are replaced.
        truth: folder of probabilities.parquet, leads.parquet, leaks.json and problem.json.
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
            # A stream for each concern, so that a change to one file's texts leaves the truth as it is.
            streams = [np.random.default_rng(s) for s in np.random.SeedSequence((seed, number)).spawn(8)]
            where = f"chunk {number + 1} of {chunks} ({count:,} leads)"
            progress(f"{where}: latent truth")
            world, moments = _draw_chunk(streams, (number, serial, count), span, notes)
            progress(f"{where}: web and mail")
            engagement = _write_marketing(streams[4], world, moments, exports)
            progress(f"{where}: CRM")
            _write_crm(streams[5:], world, moments, engagement, exports)
            notes.write("leads.parquet", lead_truth(world))
        write_notes(truth, span, seed)
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


def _write_marketing(rng: np.random.Generator, world: World, moments: dict[str, Rows], exports: Files) -> np.ndarray:
    """Write mail events and web events; gives the touchpoints of each lead among them."""
    mails = mail.build_mail_events(rng, world, mail.add_onboarding(world, moments["sent"]))
    exports.write("email_events.csv", mail.mail_table(rng, world, mails))
    sessions = web.build_sessions(rng, world, moments["web"], mail.click_moments(mails), moments["after"])
    events = web.build_events(rng, world, sessions)
    for name, table in web.event_tables(rng, world, sessions, events):
        exports.write(f"ga4/{name}", table)
    answered = np.isin(mails["kind"], (mail.OPEN, mail.CLICK)) & ~mails["bot"]
    return _count(world.leads, mails["lead"][answered]) + _count(world.leads, events["lead"][events["lead"] >= 0])


def _write_crm(
    streams: list[np.random.Generator], world: World, moments: dict[str, Rows], engagement: np.ndarray, exports: Files
) -> None:
    """Write the Salesforce objects of one chunk."""
    rng, dirt, objects = streams
    tasks = activity.build_tasks(rng, world, moments)
    meetings = activity.build_meetings(rng, moments["meeting"])
    members = activity.build_members(rng, world, moments["invite"])
    table = activity.task_table(dirt, world, tasks)
    rest, cut, fields = activity.split_cut(dirt, table, max(2, round(mess.CUT_TASKS * len(table))))
    third = len(rest) // 3
    exports.write("Task.csv", rest.slice(0, third))
    exports.write_cut("Task.csv", cut, fields)
    exports.write("Task.csv", rest.slice(third))
    exports.write("Event.csv", activity.meeting_table(dirt, world, meetings))
    exports.write("CampaignMember.csv", activity.member_table(world, members))
    engagement = engagement + sum(_count(world.leads, rows["lead"]) for rows in (tasks, meetings, members))
    corrected = crm.draw_corrected(objects, world)
    last = activity.last_activity(world, tasks, meetings)
    exports.write("Lead.csv", crm.lead_table(objects, world, corrected, engagement, last))
    exports.write("LeadHistory.csv", crm.history_table(world, corrected))
    exports.write("Account.csv", deals.account_table(objects, world))
    exports.write("Contact.csv", deals.contact_table(objects, world))
    for name, deal in zip(("Opportunity", "OpportunityFieldHistory"), deals.deal_tables(objects, world), strict=True):
        exports.write(f"{name}.csv", deal)


def _count(leads: Leads, lead: np.ndarray) -> np.ndarray:
    """Rows of each lead."""
    return np.bincount(lead, minlength=len(leads))
