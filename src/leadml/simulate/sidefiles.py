"""The side files: what the simulation knows and no export says. Only tests and benchmarks read them."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from leadml.simulate.columns import same, take
from leadml.simulate.company import Span
from leadml.simulate.crm import industries
from leadml.simulate.hazards import HORIZON
from leadml.simulate.people import World
from leadml.simulate.truth import Probabilities

LEAKS = (
    ("Lead.Rating", "overwritten at the Convert click and at the closing, and not tracked: true only as of the export"),
    ("Lead.Status", "overwritten at the click; its values before are in LeadHistory"),
    ("Lead.Industry", "corrected at the click for many converted leads; its values before are in LeadHistory"),
    ("Lead.Engagement_Count__c", "counts touchpoints up to the export, those after the cutoff and the win included"),
    ("Lead.Discount_Offered__c", "filled only once there is an opportunity"),
    ("Lead.OwnerId", "moves from a queue to a person when the lead is worked or converted"),
    ("Lead.LastActivityDate", "as of the export"),
    ("Lead.LastModifiedDate", "as of the export; for closed leads the instant of the end"),
    ("Lead.SystemModstamp", "as of the export"),
    ("Lead.IsConverted", "the click itself"),
    ("Lead.ConvertedDate", "the click itself, as a date"),
    ("Lead.ConvertedAccountId", "filled at the click"),
    ("Lead.ConvertedContactId", "filled at the click"),
    ("Lead.ConvertedOpportunityId", "filled at the click"),
    ("Lead.HasOptedOutOfEmail", "as of the export; its instant is in LeadHistory"),
    ("Lead.MasterRecordId", "filled when a duplicate was merged"),
    ("Task.WhoId", "points to the contact once the lead is converted: a join on the lead alone empties their history"),
    ("Task.WhatId", "filled for every task of a converted lead, older ones too"),
    ("Task.AccountId", "filled for every task of a converted lead, older ones too"),
    ("Task.ActivityDate", "the date due, not when the task was logged or done"),
    ("Task.Status", "as of the export"),
    ("Event.WhoId", "as Task.WhoId"),
    ("Event.WhatId", "as Task.WhatId"),
    ("Event.AccountId", "as Task.AccountId"),
    ("Event.Outcome__c", "known once the meeting is over, not when it was booked"),
    ("CampaignMember.LeadId", "emptied at the click; ContactId takes its place"),
    ("CampaignMember.Status", "as of the export"),
    ("CampaignMember.HasResponded", "as of the export; FirstRespondedDate says when"),
    ("Account.Type", "becomes Customer with the win"),
    ("Account.CreatedDate", "two in five accounts exist only through a click"),
    ("Contact.Id", "contacts exist only through a click"),
    ("Opportunity.StageName", "as of the export; its values before are in OpportunityFieldHistory"),
    ("Opportunity.CloseDate", "expected until closed, and up to six days before the win was booked"),
    ("Opportunity.Amount", "exists only after the click"),
    ("email_events.filteredEvent", "true is a scanner's opening or click, not a person's"),
    (
        "ga4.event_params.page_location",
        "/academy, /account and /docs/admin-guide are pages of customers, after the win",
    ),
)


def probability_table(world: World, parts: list[Probabilities]) -> pa.Table:
    """Rows (lead_id, cutoff, probability), ordered by lead and cutoff."""
    lead, cutoff, probability = (
        np.concatenate([getattr(p, f) for p in parts]) for f in ("lead", "cutoff", "probability")
    )
    order = np.lexsort((cutoff, lead))
    # A lead created an hour before Monday has its weekly cutoff and the one at one hour of age in one.
    once = np.diff(lead[order], prepend=-1) != 0
    order = order[once | (np.diff(cutoff[order], prepend=-1) != 0)]
    return pa.table(
        {
            "lead_id": take(world.lead_id, lead[order]),
            "cutoff": pa.array(cutoff[order] * 1_000_000, pa.timestamp("us")),
            "probability": probability[order],
        }
    )


def lead_truth(world: World) -> pa.Table:
    """One row for each row of Lead.csv: latent values of real leads, and which rows are copies or tests."""
    leads, extras = world.leads, world.extras
    real = pa.table(
        {
            "lead_id": world.lead_id,
            "fit": leads.fit,
            "intent_base": leads.base,
            "original_industry": industries(world),
            "duplicate_of": same(None, len(leads)),
            "is_test": np.zeros(len(leads), bool),
        }
    )
    copies = real.take(pa.array(extras.duplicate_of))
    copies = copies.set_column(0, "lead_id", world.duplicate_id)
    copies = copies.set_column(4, "duplicate_of", take(world.lead_id, extras.duplicate_of))
    count = len(extras.test_created)
    tests = pa.table(
        {
            "lead_id": world.test_id,
            "fit": pa.nulls(count, pa.float64()),
            "intent_base": pa.nulls(count, pa.float64()),
            "original_industry": same(None, count),
            "duplicate_of": same(None, count),
            "is_test": np.ones(count, bool),
        }
    )
    return pa.concat_tables([real, copies, tests]).combine_chunks()


def write_notes(folder: Path, span: Span, seed: int, planted: tuple[tuple[str, str], ...] = LEAKS) -> None:
    """Write problem.json (horizon and gap of the probabilities, in days; span, UTC) and leaks.json."""
    start, end = (str(np.datetime64(t, "s")) for t in (span.start, span.end))
    problem = {"horizon_days": HORIZON, "gap_days": 0, "start": start, "end": end, "seed": seed}
    leaks = [{"column": column, "why": why} for column, why in planted]
    for name, content in (("problem.json", problem), ("leaks.json", leaks)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
