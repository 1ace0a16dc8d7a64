"""The advertising's click ids: the web events carry them, and so does the contact whose form came with one."""

import numpy as np
import pyarrow as pa

from leadml.simulate.columns import join, take, where
from leadml.simulate.ids import random_hex
from leadml.simulate.touchpoints import Rows
from leadml.simulate.web import CHANNELS

_PAID = [medium for _, medium, *_ in CHANNELS].index("cpc")
_FORM = 2  # the kind of event that hands in a form


def draw_click_ids(rng: np.random.Generator, sessions: Rows) -> pa.Array:
    """A new click id for each session that an advertisement opened, null for the others."""
    count = len(sessions["channel"])
    return where(sessions["channel"] == _PAID, join("CjwKCAjw", random_hex(rng, count, 40)), None)


def with_click_ids(table: pa.Table, click_id: pa.Array | None, session: np.ndarray) -> pa.Table:
    """GA4 events with ``collected_traffic_source.gclid`` of their session; unchanged where no ids were drawn."""
    if click_id is None:
        return table
    column = pa.StructArray.from_arrays([take(click_id, session)], ["gclid"])
    return table.append_column("collected_traffic_source", column)


def form_clicks(sessions: Rows, events: Rows) -> Rows:
    """Forms handed in by known people in sessions of the advertising: ``lead``, ``t`` (seconds), ``session``."""
    session = events["session"]
    mask = (events["kind"] == _FORM) & (events["lead"] >= 0) & (sessions["channel"][session] == _PAID)
    return {"lead": events["lead"][mask], "t": events["t"][mask] // 1_000_000, "session": session[mask]}
