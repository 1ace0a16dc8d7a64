"""What a Convert click leaves behind: Account.csv, Contact.csv, Opportunity.csv and OpportunityFieldHistory.csv."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leadml.simulate import mess, words
from leadml.simulate.columns import date, join, pick, same, stamp, take, where
from leadml.simulate.company import DAY
from leadml.simulate.crm import currencies
from leadml.simulate.ids import salesforce_ids
from leadml.simulate.people import World

KNOWN_BEFORE = 0.6  # share of accounts on file before their first lead; the others appear with the first click
STAGES = (
    ("Qualification", "10"),
    ("Proposal/Price Quote", "50"),
    ("Negotiation/Review", "75"),
    ("Closed Won", "100"),
    ("Closed Lost", "0"),
)
STAGE_DAYS = (0.0, 9.0, 21.0)  # mean days from the click to a stage, whatever the end will be
WON, LOST = 3, 4
BOOKED_LATE = 0.35  # won opportunities whose CloseDate lies 1 to 6 days before they were booked as won
AMOUNT_SPREAD = 0.7
USD_IN_EUR = 0.92


def account_table(rng: np.random.Generator, world: World) -> pa.Table:
    """The rows of Account.csv. Type says Customer as of the export, and some accounts exist only through a click."""
    leads, accounts = world.leads, world.leads.accounts
    lead = np.full(accounts, -1)
    lead[leads.account[::-1]] = np.arange(len(leads))[::-1]  # the account's first lead
    click, customer = np.full(accounts, 2**62), np.zeros(accounts, bool)
    np.minimum.at(click, leads.account[world.clicked], world.outcome.event[world.clicked])
    customer[leads.account[world.won]] = True
    known = rng.random(accounts) < KNOWN_BEFORE
    before = leads.created[lead] - (rng.uniform(5, 700, accounts) * DAY).astype(np.int64)
    created = np.where(known, before, click)
    rows = np.flatnonzero(known | (click < world.span.end))
    rows = rows[np.argsort(created[rows], kind="stable")]
    lead, count = lead[rows], len(rows)
    place = leads.country[lead] * 4 + leads.city[lead]
    modified = np.where(click[rows] < world.span.end, click[rows], created[rows])
    return pa.table(
        {
            "Id": take(world.account_id, rows),
            "IsDeleted": np.zeros(count, bool),
            "Name": take(world.company, rows),
            "Type": where(customer[rows], "Customer", where(click[rows] < world.span.end, "Prospect", None)),
            "Industry": pick([i[0] for i in words.INDUSTRIES], leads.industry[lead]),
            "AnnualRevenue": pa.array(leads.employees[lead] * 110_000),
            "NumberOfEmployees": pa.array(leads.employees[lead]),
            "Website": join("www.", take(world.domain, rows)),
            "BillingCity": pick([s for c in words.COUNTRIES for s in c[3]], place),
            "BillingState": pick([s for c in words.COUNTRIES for s in c[4]], place),
            "BillingCountry": pick([c[0] for c in words.COUNTRIES], leads.country[lead]),
            "Description": mess.texts(rng, count),
            "CreatedDate": stamp(created[rows]),
            "LastModifiedDate": stamp(modified),
            "SystemModstamp": stamp(modified + 1),
        }
    )


def contact_table(rng: np.random.Generator, world: World) -> pa.Table:
    """The rows of Contact.csv: one for each converted lead, made at the click."""
    row = np.flatnonzero(world.clicked)
    leads, event, count = world.leads, world.outcome.event[world.clicked], int(world.clicked.sum())
    return pa.table(
        {
            "Id": take(world.contact_id, row),
            "IsDeleted": np.zeros(count, bool),
            "AccountId": take(world.account_id, leads.account[row]),
            "FirstName": pick(words.FIRST_NAMES, leads.first[row]),
            "LastName": pick(words.LAST_NAMES, leads.last[row]),
            "Title": pick([t[0] for t in words.TITLES], leads.title[row]),
            "Email": take(world.email, row),
            "MailingCountry": pick([c[0] for c in words.COUNTRIES], leads.country[row]),
            "LeadSource": pick([s[0] for s in words.SOURCES], leads.source[row]),
            "Description": mess.texts(rng, count),
            "CreatedDate": stamp(event),
            "LastModifiedDate": stamp(event),
            "SystemModstamp": stamp(event + 1),
        }
    )


def deal_tables(rng: np.random.Generator, world: World) -> tuple[pa.Table, pa.Table]:
    """The rows of Opportunity.csv and of OpportunityFieldHistory.csv, one opportunity for each converted lead.

    The history holds each stage at its true instant; a won opportunity's CloseDate may lie 0 to 6 days before it.
    """
    row = np.flatnonzero(world.clicked)
    event, closed = world.outcome.event[row], world.closed[row]
    end = np.where(closed, world.outcome.closed[row], 2**62)
    reached = event[:, None] + (np.array(STAGE_DAYS) * DAY * rng.uniform(0.6, 1.5, (len(row), 3))).astype(np.int64)
    open_stage = (reached < np.minimum(end, world.span.end)[:, None]).sum(axis=1) - 1
    last = np.where(closed, np.where(world.outcome.won[row], WON, LOST), open_stage)
    size = world.leads.size[row]
    amount = np.array([s[4] for s in words.SIZES])[size] * rng.lognormal(0.0, AMOUNT_SPREAD, len(row))
    currency = take(currencies(world), row)
    in_euro = pc.equal(currency, "EUR").to_numpy(zero_copy_only=False)
    amount = np.round(amount * np.where(in_euro, USD_IN_EUR, 1.0), -1) + 10
    early = np.where(rng.random(len(row)) < BOOKED_LATE, rng.integers(1, 7, len(row)), 0) * DAY
    close = np.where(
        closed, np.maximum(end - np.where(last == WON, early, 0), event), event + rng.integers(45, 100, len(row)) * DAY
    )
    ahead = world.span.end + rng.integers(1, 60, len(row)) * DAY
    close = np.where(~closed & (close < world.span.end), ahead, close)
    modified = np.where(closed, end, np.take_along_axis(reached, open_stage[:, None], axis=1)[:, 0])
    table = pa.table(
        {
            "Id": take(world.opportunity_id, row),
            "IsDeleted": np.zeros(len(row), bool),
            "AccountId": take(world.account_id, world.leads.account[row]),
            "ContactId": take(world.contact_id, row),
            "Name": join(take(world.company, world.leads.account[row]), "-"),
            "StageName": pick([s[0] for s in STAGES], last),
            "Amount": pa.array(amount),
            "Probability": pick([s[1] for s in STAGES], last),
            "CloseDate": date(close),
            "Type": same("New Business", len(row)),
            "LeadSource": pick([s[0] for s in words.SOURCES], world.leads.source[row]),
            "IsClosed": closed,
            "IsWon": last == WON,
            "ForecastCategory": where(last == WON, "Closed", where(last == LOST, "Omitted", "Pipeline")),
            "CurrencyIsoCode": currency,
            "CreatedDate": stamp(event),
            "LastModifiedDate": stamp(modified),
            "SystemModstamp": stamp(modified + 1),
        }
    )
    return table, _stage_history(world, row, reached, np.minimum(end, world.span.end), last)


def _stage_history(world: World, row: np.ndarray, reached: np.ndarray, until: np.ndarray, last: np.ndarray) -> pa.Table:
    """Field changes of opportunities: created, each stage entered before ``until``, and the end where it is known."""
    deal, stage = np.nonzero(reached < until[:, None])
    over = np.flatnonzero(last >= WON)
    before = (reached[over] < until[over, None]).sum(axis=1) - 1
    deal = np.concatenate([deal, over])
    t = np.concatenate([reached[reached < until[:, None]], until[over]])
    old, new = np.concatenate([stage - 1, before]), np.concatenate([stage, last[over]])
    order = np.argsort(t, kind="stable")
    deal, t, old, new = deal[order], t[order], old[order], new[order]
    names = [s[0] for s in STAGES]
    born = old < 0
    return pa.table(
        {
            "Id": salesforce_ids("018", world.number, np.arange(len(t))),
            "IsDeleted": np.zeros(len(t), bool),
            "OpportunityId": take(world.opportunity_id, row[deal]),
            "CreatedDate": stamp(t),
            "Field": where(born, "created", "StageName"),
            "OldValue": where(born, None, pick(names, np.maximum(old, 0))),
            "NewValue": where(born, None, pick(names, new)),
        }
    )
