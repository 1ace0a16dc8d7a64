"""Web sessions as Google Analytics 4 exports them to BigQuery: one row an event, nested parameters."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leadml.simulate.columns import pick, take, where
from leadml.simulate.company import DAY
from leadml.simulate.people import World
from leadml.simulate.touchpoints import Rows, sigmoid
from leadml.simulate.words import COUNTRIES, SOURCES

SITE = "https://www.vuelto.example"
# page groups: what ready people look at, what curious people look at, the rest, and what only customers see
GROUPS = (
    ("/pricing", "/precios", "/pricing/enterprise", "/demo", "/free-trial"),
    ("/product", "/product/features", "/docs/getting-started", "/docs/api", "/customers", "/integrations"),
    ("/", "/blog/why-forecasts-fail", "/blog/guia-de-datos", "/about", "/careers", "/events", "/support"),
    ("/academy/onboarding", "/account/billing", "/docs/admin-guide", "/support/tickets"),
)
FORMS_AND_FILES = ("/demo", "/contact", "/resources/whitepaper.pdf", "/resources/ebook.pdf")
PAGES = (*(p for group in GROUPS for p in group), *FORMS_AND_FILES)
DEMO, CONTACT, WHITEPAPER = len(PAGES) - 4, len(PAGES) - 3, len(PAGES) - 2
# source, medium, share of sessions, and what readiness adds to it
CHANNELS = (
    ("google", "organic", 0.30, 0.0),
    ("(direct)", "(none)", 0.22, 0.45),
    ("google", "cpc", 0.16, -0.1),
    ("linkedin", "social", 0.14, -0.3),
    ("partner.example", "referral", 0.06, 0.3),
    ("hubspot", "email", 0.12, 0.0),
)
EMAIL = 5
EVENTS = ("session_start", "page_view", "form_submit", "file_download", "chat_started")
ANONYMOUS = 0.03  # sessions of people who never tell who they are
KNOWN_AT_ONCE = 0.72  # share of leads whose sessions carry their id from the start
NEVER_KNOWN = 0.04
_KEYS = ("page_location", "ga_session_id", "engagement_time_msec", "source", "medium")
# LeadSource codes whose leads were born on the site, and the page of the form
_BORN = {0: CONTACT, 1: DEMO, 2: CONTACT, 3: CONTACT, 4: WHITEPAPER}


def build_sessions(rng: np.random.Generator, world: World, moments: Rows, clicks: Rows, after: Rows) -> Rows:
    """All sessions: by themselves, at creation, from a click in a mail, after the end, and of unknown people.

    Gives ``lead`` (-1 unknown), ``t``, ``intent``, ``channel``, ``form`` (page code or -1), ``late`` (1: customer).
    """
    born = np.flatnonzero(np.isin(world.leads.source, list(_BORN)) & (rng.random(len(world.leads)) < 0.85))
    form = np.full(len(world.leads), -1)
    for source, page in _BORN.items():
        form[world.leads.source == source] = page
    own = _channels(rng, moments["intent"])
    customer = world.outcome.won[after["lead"]].astype(np.int64)
    unknown = round(ANONYMOUS * len(own))
    parts: tuple[tuple[Any, ...], ...] = (
        (moments["lead"], moments["t"], moments["intent"], own, -1, 0),
        (born, world.leads.created[born], world.leads.base[born], _first_channel(world, born), form[born], 0),
        (clicks["lead"], clicks["t"] + 2, clicks["intent"], EMAIL, -1, 0),
        (after["lead"], after["t"], after["intent"], _channels(rng, after["intent"]), -1, customer),
        (-1, rng.integers(world.span.start, world.span.end, unknown), 0.0, rng.integers(0, EMAIL, unknown), -1, 0),
    )
    names = ("lead", "t", "intent", "channel", "form", "late")
    sizes = [len(p[1]) for p in parts]
    return {
        name: np.concatenate([np.broadcast_to(p[k], n) for p, n in zip(parts, sizes, strict=True)])
        for k, name in enumerate(names)
    }


def build_events(rng: np.random.Generator, world: World, sessions: Rows) -> Rows:
    """The events of sessions that lie before the span's end, ordered by time; ``t`` in microseconds UTC."""
    intent, late = sessions["intent"], sessions["late"] == 1
    count = len(intent)
    pages = 1 + rng.poisson(0.8 + 1.0 * sigmoid(intent))
    form = (sessions["form"] >= 0) | ((rng.random(count) < 0.12 * sigmoid(-0.6 + intent)) & ~late)
    download = rng.random(count) < 0.10 * sigmoid(0.5 * intent)
    chat = rng.random(count) < 0.08 * sigmoid(-1.0 + 0.9 * intent)
    length = 1 + pages + form + download + chat
    session = np.repeat(np.arange(count), length)
    place = np.arange(len(session)) - np.repeat(np.cumsum(length) - length, length)
    extra = place - 1 - pages[session]
    kind = np.where(place == 0, 0, np.where(extra < 0, 1, 2))
    kind[extra >= 0] = _extra_kind(extra, form[session], download[session])[extra >= 0]
    gap = (rng.exponential(35.0, len(session)) * 1e6 * (place > 1)).astype(np.int64) + (place > 0) * 700_000
    passed = np.cumsum(gap)
    t = sessions["t"][session] * 1_000_000 + passed - np.repeat(passed[np.cumsum(length) - length], length)
    page = _pages(rng, intent[session], late[session])
    page = np.where(kind == 2, np.where(sessions["form"][session] >= 0, sessions["form"][session], CONTACT), page)
    page = np.where(kind == 3, WHITEPAPER + rng.integers(0, 2, len(page)), page)
    stay = np.where(kind == 1, rng.exponential(30_000.0 * (1 + sigmoid(intent[session]))), 0.0).astype(np.int64)
    order = np.argsort(t, kind="stable")
    order = order[t[order] < world.span.end * 1_000_000]
    rows = {"session": session, "kind": kind, "t": t, "page": page, "stay": stay}
    return {name: values[order] for name, values in rows.items()} | {"lead": sessions["lead"][session[order]]}


def event_tables(
    rng: np.random.Generator, world: World, sessions: Rows, events: Rows
) -> Iterator[tuple[str, pa.Table]]:
    """The GA4 tables by month, ``("events_202407.parquet", table)``, for every month of the span."""
    table = _table(rng, world, sessions, events)
    first = np.datetime64(world.span.start, "s").astype("datetime64[M]")
    months = np.arange(first, np.datetime64(world.span.end - 1, "s").astype("datetime64[M]") + 2)
    edges = np.searchsorted(events["t"], months.astype("datetime64[us]").astype(np.int64))
    for month, low, high in zip(months[:-1].tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        yield f"events_{month:%Y%m}.parquet", table.slice(low, high - low)


def _table(rng: np.random.Generator, world: World, sessions: Rows, events: Rows) -> pa.Table:
    session, lead, t = events["session"], events["lead"], events["t"]
    day = pa.array((t // (DAY * 1_000_000)).astype(np.int32)).cast(pa.date32()).cast(pa.string())
    person = np.maximum(lead, 0)
    known = _known_from(rng, world)[person]
    phone = rng.random(len(sessions["t"]))[session] < 0.2
    visitor = _visitors(rng, world, sessions)
    first = np.array([s[5] for s in SOURCES])[world.leads.source[person]]
    country = pick([c[0] for c in COUNTRIES], world.leads.country[person])
    return pa.table(
        {
            "event_date": pc.replace_substring(day, "-", ""),
            "event_timestamp": t,
            "event_name": pick(EVENTS, events["kind"]),
            "event_params": _params(sessions, events),
            "user_id": where((lead >= 0) & (t >= known * 1_000_000), take(world.lead_id, person), None),
            "user_pseudo_id": take(visitor, session),
            "traffic_source": pa.StructArray.from_arrays(
                [pa.array(first[:, 0], pa.string()), pa.array(first[:, 1], pa.string()), pa.nulls(len(t), pa.string())],
                ["source", "medium", "name"],
            ),
            "device": pa.StructArray.from_arrays([where(phone, "mobile", "desktop")], ["category"]),
            "geo": pa.StructArray.from_arrays([country], ["country"]),
        }
    )


def _params(sessions: Rows, events: Rows) -> pa.Array:
    """Nested parameters: five keys an event, each with the one value field that its type has."""
    session, count, width = events["session"], len(events["t"]), len(_KEYS)
    channel = sessions["channel"][session]
    sources, media = [c[0] for c in CHANNELS], [c[1] for c in CHANNELS]
    tagged = [
        f"{SITE}{p}?utm_medium={m}" if m in ("cpc", "email", "social") else SITE + p for p in PAGES for m in media
    ]
    text = np.zeros((count, width), dtype=np.int32)
    text[:, 0] = events["page"] * len(media) + channel
    text[:, 3] = len(tagged) + channel
    text[:, 4] = len(tagged) + len(sources) + channel
    no_text = np.broadcast_to(np.array([False, True, True, False, False]), text.shape)
    number = np.zeros((count, width), dtype=np.int64)
    number[:, 1] = sessions["t"][session]
    number[:, 2] = events["stay"]
    no_number = np.broadcast_to(np.array([True, False, False, True, True]), text.shape)
    value = pa.StructArray.from_arrays(
        [
            pa.array(tagged + sources + media).take(pa.array(text.ravel(), mask=no_text.ravel())),
            pa.array(number.ravel(), mask=no_number.ravel()),
            pa.nulls(count * width, pa.float64()),
            pa.nulls(count * width, pa.float64()),
        ],
        ["string_value", "int_value", "float_value", "double_value"],
    )
    keys = pick(_KEYS, np.tile(np.arange(width), count))
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * width)
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays([keys, value], ["key", "value"]))


def _known_from(rng: np.random.Generator, world: World) -> np.ndarray:
    """From when each lead's own id is in its events, seconds."""
    u = rng.random(len(world.leads))
    later = world.leads.created + (rng.exponential(15.0, len(u)) * DAY).astype(np.int64)
    known = np.where(u < KNOWN_AT_ONCE, world.leads.created, later)
    return np.where(u > 1 - NEVER_KNOWN, world.span.end, known)


def _visitors(rng: np.random.Generator, world: World, sessions: Rows) -> pa.Array:
    """The cookie of each session: one a lead, a new one for strangers."""
    lead = sessions["lead"]
    numbers = rng.integers(10**8, 10**10, len(world.leads) + len(lead))
    number = np.where(lead >= 0, numbers[lead], numbers[len(world.leads) :])
    born = np.where(lead >= 0, world.leads.created[lead], sessions["t"])
    parts = [pa.array(x).cast(pa.string()) for x in (number, born)]
    return pc.binary_join_element_wise(*parts, ".")


def _channels(rng: np.random.Generator, intent: np.ndarray) -> np.ndarray:
    """The channel of each session; ready people type the address or come by recommendation."""
    weight = np.array([c[2] for c in CHANNELS]) * np.exp(np.array([c[3] for c in CHANNELS]) * intent[:, None])
    edges = np.cumsum(weight, axis=1)
    return (rng.random(len(intent))[:, None] * edges[:, -1:] > edges[:, :-1]).sum(axis=1)


def _first_channel(world: World, lead: np.ndarray) -> np.ndarray:
    """The channel that brought a lead to the site, by its LeadSource."""
    media = [c[1] for c in CHANNELS]
    return np.array([media.index(s[5][1]) for s in SOURCES])[world.leads.source[lead]]


def _pages(rng: np.random.Generator, intent: np.ndarray, late: np.ndarray) -> np.ndarray:
    """A page for each event: prices and demos for the ready, blog and home for the rest, help for customers."""
    hot = 0.55 * sigmoid(-1.2 + 0.9 * intent)
    u = rng.random(len(intent))
    group = np.where(late, 3, np.where(u < hot, 0, np.where(u < hot + 0.35, 1, 2)))
    sizes = np.array([len(g) for g in GROUPS])
    first = np.cumsum(sizes) - sizes
    return first[group] + (rng.random(len(intent)) * sizes[group]).astype(np.int64)


def _extra_kind(extra: np.ndarray, form: np.ndarray, download: np.ndarray) -> np.ndarray:
    """Which event closes the session: the form first, then the download, then the chat."""
    after_form = extra - form
    return np.where(after_form < 0, 2, np.where(after_form - download < 0, 3, 4))
