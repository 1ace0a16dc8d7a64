"""Numbers that HubSpot gives its records, the ways it writes instants, and how the two CRMs' ids belong together."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leadml.simulate.columns import stamp, take
from leadml.simulate.people import World

# Each kind of record starts elsewhere, so that a number found under the wrong kind finds nothing.
CONTACT, COMPANY, DEAL, TASK, MEETING, FORM = (k * 10**11 for k in range(1, 7))
_CHUNK_ROOM = 10**8  # numbers a chunk may use per kind
_UNWRITABLE = np.int64(253_402_300_800)


def numbers(kind: int, chunk: int, rank: np.ndarray) -> pa.Array:
    """Record ids as text; the same rank in two chunks gives two ids."""
    return pa.array(kind + chunk * _CHUNK_ROOM + rank.astype(np.int64)).cast(pa.string())


def iso(seconds: np.ndarray) -> pa.Array:
    """Seconds since 1970 UTC as ``2024-07-01T09:30:12.000Z``; null where never."""
    return stamp(seconds, ".000Z")


def epoch(seconds: np.ndarray) -> pa.Array:
    """Milliseconds since 1970 UTC, as HubSpot's older interfaces write instants; null where never."""
    never = seconds >= _UNWRITABLE
    return pa.array(np.where(never, 0, seconds) * 1000, mask=never)


class Contacts:
    """Who is, or was, a contact: real people, duplicates that were merged later, and tests.

    HubSpot knows a person by the e-mail address, so that a second entry with the same address is no second contact. A
    duplicate that Salesforce has merged came with another address, and is gone since the merge. Ids are numbered in
    the order of creation over all of them, so that they betray nothing.
    """

    def __init__(self, world: World) -> None:
        extras = world.extras
        self.merged = np.flatnonzero(extras.merged_at < world.span.end)  # positions in world.extras
        created = np.concatenate([world.leads.created, extras.duplicate_created[self.merged], extras.test_created])
        rank = np.empty(len(created), dtype=np.int64)
        rank[np.argsort(created, kind="stable")] = np.arange(len(created))
        ids = numbers(CONTACT, world.number, rank * 51 + 1)
        real, copies = len(world.leads), len(self.merged)
        self.real = ids.slice(0, real)  # by position in world.leads
        self.gone = ids.slice(real, copies)  # by position in self.merged
        self.tests = ids.slice(real + copies)  # by position in world.extras.test_created


def pairs(record: str, salesforce: pa.Array, hubspot: pa.Array) -> pa.Table:
    """Rows (record, salesforce_id, hubspot_id); a row without one of the two ids is left out."""
    names = pa.repeat(pa.scalar(record), len(salesforce))
    table = pa.table({"record": names, "salesforce_id": salesforce, "hubspot_id": hubspot})
    return table.filter(pc.and_(pc.is_valid(table["salesforce_id"]), pc.is_valid(table["hubspot_id"])))


def lead_pairs(world: World, contacts: Contacts) -> pa.Table:
    """The contact of every row of Lead.csv; an unmerged duplicate's is the contact of the first entry."""
    extras = world.extras
    copies = take(contacts.real, extras.duplicate_of).to_pylist()
    for place, gone in zip(contacts.merged.tolist(), contacts.gone.to_pylist(), strict=True):
        copies[place] = gone
    ids = pa.concat_arrays([contacts.real, pa.array(copies, pa.string()), contacts.tests])
    return pairs("lead", pa.concat_arrays([world.lead_id, world.duplicate_id, world.test_id]), ids)
