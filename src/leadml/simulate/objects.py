"""What one chunk of the company did, before either CRM writes it down: marketing rows, and the Salesforce objects.

The portal of HubSpot is written from the very same rows, so that the two exports tell one story.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leadml.simulate.people import World
from leadml.simulate.touchpoints import Rows


@dataclass(frozen=True)
class Marketing:
    """Mails and web sessions: rows of `mail.build_mail_events`, `web.build_sessions` and `web.build_events`.

    ``click_id`` is the advertising's id of each session, where they were drawn.
    """

    mails: Rows
    sessions: Rows
    events: Rows
    click_id: pa.Array | None = None


@dataclass(frozen=True)
class Objects:
    """The Salesforce tables by file name, and what they were made from.

    ``cut`` are the tasks that the broken transfer cuts short, and after how many fields; ``Task.csv`` holds all tasks.
    """

    world: World
    tasks: Rows
    meetings: Rows
    members: Rows
    corrected: np.ndarray
    tables: dict[str, pa.Table]
    rest: pa.Table
    cut: pa.Table
    fields: np.ndarray

    def person(self, column: str) -> pa.Array:
        """A column of Lead.csv in the order of ``world.leads``: duplicates and tests are left out."""
        table = self.tables["Lead.csv"]
        index = pc.index_in(self.world.lead_id, value_set=table["Id"].combine_chunks())
        return table[column].combine_chunks().take(index)


def flags(column: pa.ChunkedArray) -> np.ndarray:
    """A column of booleans as numpy."""
    return column.to_numpy().astype(bool)


def seconds(column: pa.ChunkedArray) -> np.ndarray:
    """Instants or dates as Salesforce writes them, as seconds since 1970 UTC; a date is its midnight."""
    text = pc.utf8_slice_codeunits(column.combine_chunks(), 0, 19)
    text = pc.utf8_replace_slice(text, 10, 11, " ") if pc.max(pc.utf8_length(text)).as_py() != 10 else text
    return text.cast(pa.timestamp("s")).cast(pa.int64()).to_numpy(zero_copy_only=False)
