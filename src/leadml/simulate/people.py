"""The personal and company texts of the invented leads, and the identifiers of everything that belongs to them."""

import unicodedata
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from leadml.simulate import words
from leadml.simulate.columns import join, pick, take, where
from leadml.simulate.company import Leads, Span
from leadml.simulate.hazards import Outcome
from leadml.simulate.ids import salesforce_ids
from leadml.simulate.mess import Extras

_TRADE_SHIFT = 7


@dataclass
class World:
    """One chunk: its people, what became of them, and the ids and texts that several files share.

    Ids and texts of leads are ordered as ``leads``; of accounts by account code. ``clicked`` and ``closed`` are what
    the exports can know: the span ends first for the others.
    """

    number: int
    span: Span
    leads: Leads
    outcome: Outcome
    extras: Extras
    clicked: np.ndarray
    closed: np.ndarray
    lead_id: pa.Array
    duplicate_id: pa.Array
    test_id: pa.Array
    contact_id: pa.Array
    opportunity_id: pa.Array
    account_id: pa.Array
    company: pa.Array  # by account
    domain: pa.Array  # by account
    email: pa.Array
    contacted: np.ndarray  # first call made, seconds
    opted_out: np.ndarray  # seconds

    @property
    def won(self) -> np.ndarray:
        """Leads whose won opportunity the exports know."""
        return self.closed & self.outcome.won

    def who(self, lead: np.ndarray) -> pa.Array:
        """What an activity of each lead points to at the export: the contact once converted, else the lead."""
        return take(where(self.clicked, self.contact_id, self.lead_id), lead)


def build_world(number: int, serial: int, leads: Leads, outcome: Outcome, extras: Extras) -> World:
    """Put ids and texts to the people of a chunk; ``serial`` is the first account's number among all chunks."""
    span = extras.span
    accounts = serial + np.arange(leads.accounts)
    company, domain = _companies(leads, accounts)
    lead_id, duplicate_id, test_id = _lead_ids(number, leads, extras)
    row = np.arange(len(leads))
    return World(
        number=number,
        span=span,
        leads=leads,
        outcome=outcome,
        extras=extras,
        clicked=outcome.clicked & (outcome.event < span.end),
        closed=outcome.closed < span.end,
        lead_id=lead_id,
        duplicate_id=duplicate_id,
        test_id=test_id,
        contact_id=salesforce_ids("003", number, row),
        opportunity_id=salesforce_ids("006", number, row),
        account_id=salesforce_ids("001", number, np.arange(leads.accounts)),
        company=company,
        domain=domain,
        email=_emails(leads, domain, serial),
        contacted=np.full(len(leads), 2**62),
        opted_out=np.full(len(leads), 2**62),
    )


def _lead_ids(number: int, leads: Leads, extras: Extras) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Lead ids numbered in the order of creation over real, duplicate and test leads, so that they betray nothing."""
    created = np.concatenate([leads.created, extras.duplicate_created, extras.test_created])
    rank = np.empty(len(created), dtype=np.int64)
    rank[np.argsort(created, kind="stable")] = np.arange(len(created))
    ids = salesforce_ids("00Q", number, rank)
    real, copies = len(leads), len(extras.duplicate_of)
    return ids.slice(0, real), ids.slice(real, copies), ids.slice(real + copies)


def _companies(leads: Leads, accounts: np.ndarray) -> tuple[pa.Array, pa.Array]:
    """Company names and web domains of accounts, by their number: no two of the first 1.28 million are alike."""
    kinds = len(words.SYLLABLES) ** 3
    brand = (accounts * 24_571) % kinds
    trade = (accounts // kinds + brand * _TRADE_SHIFT) % len(words.TRADES)
    first, rest = np.divmod(brand, len(words.SYLLABLES) ** 2)
    second, third = np.divmod(rest, len(words.SYLLABLES))
    tail = join(pick(words.SYLLABLES, second), pick(words.SYLLABLES, third))
    legal = np.zeros(leads.accounts, dtype=np.int64)
    legal[leads.account] = np.array([c[5] for c in words.COUNTRIES])[leads.country]
    capital = [s.capitalize() for s in words.SYLLABLES]
    name = join(join(pick(capital, first), tail), pick(words.TRADES, trade), pick(words.LEGAL_FORMS, legal), sep=" ")
    plain = [ascii_lower(t) for t in words.TRADES]
    domain = join(pick(words.SYLLABLES, first), tail, "-", pick(plain, trade), ".example")
    return name, domain


def _emails(leads: Leads, domain: pa.Array, serial: int) -> pa.Array:
    """Addresses, each used by one person: the company's domain, or a free one with the person's number."""
    person = join(
        pick([ascii_lower(n) for n in words.FIRST_NAMES], leads.first),
        ".",
        pick([ascii_lower(n) for n in words.LAST_NAMES], leads.last),
    )
    number = pa.array(serial + np.arange(len(leads))).cast(pa.string())
    free = join(person, ".x", number, "@", pick(words.FREE_MAIL, np.maximum(leads.free_mail, 0)))
    return where(leads.free_mail >= 0, free, join(person, "@", take(domain, leads.account)))


def ascii_lower(text: str) -> str:
    """Lower case without accents, for addresses."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("ø", "o"))
    return "".join(c for c in plain if c.isascii() and c.isalnum())
