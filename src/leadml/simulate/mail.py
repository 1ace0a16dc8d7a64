"""Marketing mails and the answers to them, as HubSpot's e-mail events."""

import numpy as np
import pyarrow as pa

from leadml.simulate.columns import join, pick, take, where
from leadml.simulate.company import DAY
from leadml.simulate.ids import random_hex
from leadml.simulate.people import World
from leadml.simulate.touchpoints import Rows, concat, sigmoid
from leadml.simulate.web import SITE

TYPES = ("SENT", "DELIVERED", "OPEN", "CLICK", "BOUNCE", "STATUSCHANGE", "SPAMREPORT")
SENT, DELIVERED, OPEN, CLICK, BOUNCE, STATUSCHANGE, SPAMREPORT = range(7)
OPENED = (-1.1, 0.60)  # logit of opening, by intent
CLICKED = (-1.6, 0.65)  # logit of clicking once opened
BAD_ADDRESS = 0.02  # leads whose mails all bounce
BOTS = 0.10  # delivered mails that a security scanner opens at once (filteredEvent)
OPTS_OUT = 0.004  # of delivered mails
SPAM = 0.0007
PORTAL = 7_052_064
ONBOARDING_MAIL = 90
_URLS = ("/pricing", "/demo", "/blog/why-forecasts-fail", "/docs/getting-started", "/events", "/customers")


def add_onboarding(world: World, sent: Rows) -> Rows:
    """The company's mails, with two to each new customer one and eight days after the win."""
    lead = np.tile(np.flatnonzero(world.won), 2)
    t = world.outcome.closed[lead] + np.repeat([1, 8], len(lead) // 2) * DAY
    rows = {"lead": lead, "t": t, "which": np.full(len(lead), ONBOARDING_MAIL), "intent": np.zeros(len(lead))}
    keep = t < world.span.end
    return concat([{k: sent[k] for k in rows}, {k: v[keep] for k, v in rows.items()}])


def build_mail_events(rng: np.random.Generator, world: World, sent: Rows) -> Rows:
    """What happens to each mail: rows of ``lead``, ``t`` (milliseconds UTC), ``kind``, ``which``, ``bot``, ``intent``.

    Fills ``world.opted_out``; mails after it are not sent. Rows at or after the span's end are left out.
    """
    unsubscribes = rng.random(len(sent["t"])) < OPTS_OUT
    np.minimum.at(world.opted_out, sent["lead"][unsubscribes], sent["t"][unsubscribes] + 3600)
    world.opted_out[world.opted_out >= world.span.end] = 2**62
    keep = sent["t"] < world.opted_out[sent["lead"]]
    sent = {name: values[keep] for name, values in sent.items()}
    lead, intent, count = sent["lead"], sent["intent"], len(sent["t"])
    bounced = (rng.random(len(world.leads)) < BAD_ADDRESS)[lead]
    arrived = sent["t"] * 1000 + rng.integers(800, 40_000, count)
    opened = ~bounced & (rng.random(count) < sigmoid(OPENED[0] + OPENED[1] * intent))
    open_at = arrived + (rng.lognormal(np.log(4.0), 1.3, count) * 3_600_000).astype(np.int64)
    again = opened & (rng.random(count) < 0.15)
    clicked = opened & (rng.random(count) < sigmoid(CLICKED[0] + CLICKED[1] * intent))
    click_at = open_at + rng.integers(2_000, 90_000, count)
    bot = ~bounced & (rng.random(count) < BOTS)
    spam = opened & (rng.random(count) < SPAM)
    parts = [
        _rows(sent, np.ones(count, bool), sent["t"] * 1000, SENT),
        _rows(sent, ~bounced, arrived, DELIVERED),
        _rows(sent, bounced, arrived, BOUNCE),
        _rows(sent, bot, arrived + rng.integers(200, 4_000, count), OPEN, bot=True),
        _rows(sent, bot & (rng.random(count) < 0.3), arrived + 5_000, CLICK, bot=True),
        _rows(sent, opened, open_at, OPEN),
        _rows(sent, again, open_at + rng.integers(60_000, 2 * 86_400_000, count), OPEN),
        _rows(sent, clicked, click_at, CLICK),
        _rows(sent, spam, open_at + 30_000, SPAMREPORT),
        _opt_out_rows(world),
    ]
    rows = concat(parts)
    order = np.argsort(rows["t"], kind="stable")
    order = order[rows["t"][order] < world.span.end * 1000]
    return {name: values[order] for name, values in rows.items()}


def click_moments(events: Rows) -> Rows:
    """The clicks of people, which open a web session: ``lead``, ``t`` in seconds, ``intent``."""
    mask = (events["kind"] == CLICK) & ~events["bot"]
    return {"lead": events["lead"][mask], "t": events["t"][mask] // 1000 + 1, "intent": events["intent"][mask]}


def mail_table(rng: np.random.Generator, world: World, events: Rows) -> pa.Table:
    """The rows of email_events.csv."""
    count = len(events["t"])
    url = pick([SITE + u for u in _URLS], rng.integers(0, len(_URLS), count))
    return pa.table(
        {
            "id": random_hex(rng, count),
            "created": events["t"],
            "type": pick(TYPES, events["kind"]),
            "recipient": take(world.email, events["lead"]),
            "portalId": np.full(count, PORTAL),
            "appName": where(events["which"] >= 10, "Batch", "AutomatedEmail"),
            "emailCampaignId": 41_000_000 + events["which"] * 1_117,
            "url": where(events["kind"] == CLICK, url, None),
            "filteredEvent": events["bot"],
            "subject": join("Mailing ", pa.array(events["which"]).cast(pa.string())),
        }
    )


def _rows(sent: Rows, mask: np.ndarray, t: np.ndarray, kind: int, bot: bool = False) -> Rows:
    number = int(mask.sum())
    columns = {name: sent[name][mask] for name in ("lead", "which", "intent")}
    return columns | {"t": t[mask], "kind": np.full(number, kind), "bot": np.full(number, bot)}


def _opt_out_rows(world: World) -> Rows:
    lead = np.flatnonzero(world.opted_out < world.span.end)
    rows = {"lead": lead, "which": np.zeros(len(lead), dtype=np.int64), "intent": np.zeros(len(lead))}
    return _rows(rows, np.ones(len(lead), bool), world.opted_out[lead] * 1000, STATUSCHANGE)
