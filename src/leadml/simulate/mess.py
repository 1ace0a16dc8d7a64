"""The dirt that every export has, at small stated rates, and the people who should not be there."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leadml.simulate.columns import join, pick
from leadml.simulate.company import DAY, Leads, Span
from leadml.simulate.hazards import Outcome

DUPLICATES = 0.020  # of leads: the same person entered again later
MERGED = 0.5  # of duplicates: merged into the first entry (IsDeleted, MasterRecordId)
TO_DUPLICATE = 0.4  # of later activities of a lead with an unmerged duplicate: logged on the duplicate
TESTS = 0.005  # test leads for each real one, at least three
BAD_TASK_DATES = 0.0015  # of tasks
BAD_LEAD_DATES = 0.0004  # of leads, at least two
CUT_TASKS = 0.0005  # of tasks: rows cut short, at least two
DIRTY_TEXTS = 0.04  # of texts: line breaks, quotes, commas
DIRTY_REVENUES = 0.006  # of revenues: currency words
DIRTY_EMAILS = 0.03  # of addresses: capitals or blanks around
DELETED = 0.002  # of activities: in the recycle bin

BAD_DATES = ("31/02/2025", "0000-00-00", "2062-07-01T09:30:12.000+0000", "", "2025-13-45T99:00:00.000+0000")
BAD_LEAD_CREATED = ("", "31/02/2025", "0000-00-00")
REVENUES = ("€ 3.500,00", "1,2 M€", "USD 250,000.00", "aprox. 500.000", "£ 1.000.000,00")
TEST_COMPANIES = ("Test", "asdf", "TEST TEST", "qwerty")
TEST_EMAILS = ("test@example.com", "asdf@example.com", "test@test.example", "qa+1@example.com", "test@asdf.example")
DIRTY = (
    'Said "call me after Easter",\nthen hung up',
    "Pidió precio; también\r\nla ficha técnica",
    'Met at the stand, "very interested", wants: a, b, c',
    "Line one\nLine two\n\nLine four",
    "Se llamó; contestó «mañana»",
)
CLEAN = ("", "", "Asked for a call back", "Quiere una demo", "Downloaded the guide", "Interested in reporting", "")


@dataclass(frozen=True)
class Extras:
    """Rows of Lead.csv that are nobody new: later duplicates of a lead, and tests; instants in seconds UTC."""

    span: Span
    duplicate_of: np.ndarray
    duplicate_created: np.ndarray
    merged_at: np.ndarray  # 2**62 where not merged
    test_created: np.ndarray


def draw_extras(rng: np.random.Generator, leads: Leads, outcome: Outcome, span: Span) -> Extras:
    """Draw duplicates (always after the first entry and while it is open) and test leads."""
    of = np.flatnonzero(rng.random(len(leads)) < DUPLICATES)
    created = leads.created[of] + 3600 + (rng.exponential(25.0, len(of)) * DAY).astype(np.int64)
    merged = created + 3600 + (rng.exponential(10.0, len(of)) * DAY).astype(np.int64)
    merged = np.where((rng.random(len(of)) < MERGED) & (merged < span.end), merged, 2**62)
    keep = (created < span.end) & (created < outcome.closed[of])
    tests = max(3, round(TESTS * len(leads)))
    test_created = np.sort(rng.integers(span.start, span.end, tests))
    return Extras(span, of[keep], created[keep], merged[keep], test_created)


def soil(rng: np.random.Generator, values: pa.Array, rate: float, dirt: tuple[str, ...], least: int = 0) -> pa.Array:
    """The column with a share of its cells (``least`` or more) replaced by dirt; every kind of dirt in turn."""
    count = len(values)
    number = min(count, max(least, round(rate * count)))
    mask = np.zeros(count, dtype=bool)
    mask[rng.choice(count, number, replace=False)] = True
    codes = np.arange(number) % len(dirt)
    return pc.replace_with_mask(values, pa.array(mask), pick(dirt, codes))


def texts(rng: np.random.Generator, count: int) -> pa.Array:
    """Free text as people write it, sometimes with line breaks and quotes."""
    clean = pick(CLEAN, rng.integers(0, len(CLEAN), count))
    return soil(rng, clean, DIRTY_TEXTS, DIRTY, least=min(count, len(DIRTY)))


def soil_emails(rng: np.random.Generator, emails: pa.Array, rate: float) -> pa.Array:
    """A share of the addresses in capitals, or with a blank before or after."""
    u = pa.array(rng.random(len(emails)) / rate)
    shouted = pc.if_else(pc.less(u, 0.6), pc.utf8_upper(emails), emails)
    trailing = pc.if_else(pc.and_(pc.greater(u, 0.6), pc.less(u, 0.8)), join(emails, " "), shouted)
    return pc.if_else(pc.and_(pc.greater(u, 0.8), pc.less(u, 1.0)), join(" ", emails), trailing)
