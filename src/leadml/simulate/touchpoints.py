"""When leads act and when the company acts on them: instants drawn from the latent path, as rows to be written out.

Lead-made moments are a Poisson process whose rate follows intent, fit, month, weekday and hour. What the company does
follows calendars and ages alone, never the future; only the answers to it follow intent.
"""

import numpy as np

from leadml.simulate.company import DAY, Leads, Span, hour_weight
from leadml.simulate.hazards import Outcome, Path

Rows = dict[str, np.ndarray]

# log-rate a day of lead-made moments, before weekday and hour; most are web sessions
MOMENT = -3.85
MOMENT_INTENT = 0.80
MOMENT_FIT = 0.12
SHARES = {"meeting": (-3.6, 0.70), "inbound": (-3.8, 0.55)}  # logit of the share, by intent; the rest are web sessions

DRIP_AGES = (0.08, 5.0, 14.0)  # days after creation
SUBSCRIBED = 0.55  # share of leads that get the monthly newsletter
CALL_GAPS = (0.0, 2.0, 4.0, 8.0, 15.0, 25.0)  # days from one planned call to the next
FIRST_CALL_HOURS = 16.0
OPEN_DEAL_TASKS = 0.12  # a day while an opportunity is open
CAMPAIGNS = 40
INVITED = 0.17  # share of open leads that a campaign invites
ONBOARDING = 7.0  # mean sessions after a won opportunity: a leak for whoever ignores the cutoff
AFTERGLOW = 0.4  # mean sessions after a loss

_WEEKDAYS = np.array([0.95, 1.0, 1.0, 0.97, 0.85, 0.35, 0.30])


def concat(parts: list[Rows]) -> Rows:
    """Rows under rows."""
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + np.exp(-x))


def weekday(instant: np.ndarray) -> np.ndarray:
    """0 is Monday."""
    return (instant // DAY + 3) % 7


def draw_moments(
    rng: np.random.Generator, leads: Leads, path: Path, outcome: Outcome, bounds: tuple[slice, Span]
) -> dict[str, Rows]:
    """Every moment of the leads in a slice of the chunk while they are open and the span lasts.

    Gives rows of ``lead`` (position in the chunk), ``t`` (seconds since 1970 UTC), ``intent`` then, and for some
    kinds ``which``: the mailing, the step of the call plan, or the campaign.
    """
    chosen, span = bounds
    stop = np.minimum(span.end, outcome.closed)
    fit = leads.fit[chosen]
    moments = _lead_moments(rng, path, fit, stop, span)
    moments["sent"] = _mailings(rng, path, stop, span)
    moments["call"] = _calls(rng, path, leads.visible[chosen], stop)
    moments["deal"] = _deal_tasks(rng, path, outcome, stop)
    moments["invite"] = _invitations(rng, path, stop, span)
    for rows in moments.values():
        rows["intent"] = path.intent_at(rows["lead"], rows["t"])
        rows["lead"] = rows["lead"] + chosen.start
    return moments


def draw_after(rng: np.random.Generator, outcome: Outcome, span: Span) -> Rows:
    """Web sessions after the end of each lead's story: customers being onboarded, and a little curiosity of others."""
    mean = np.where(outcome.won, ONBOARDING, AFTERGLOW) * (outcome.closed < span.end)
    lead = np.repeat(np.arange(len(mean)), rng.poisson(mean))
    t = outcome.closed[lead] + 60 + (rng.exponential(20.0, len(lead)) * DAY).astype(np.int64)
    keep = t < span.end
    return {"lead": lead[keep], "t": t[keep], "intent": np.zeros(keep.sum())}


def _lead_moments(
    rng: np.random.Generator, path: Path, fit: np.ndarray, stop: np.ndarray, span: Span
) -> dict[str, Rows]:
    """Web sessions, meetings booked and inbound calls: one Poisson process, each point marked by intent."""
    days = min(int((span.end - path.created.min()) // DAY) + 1, len(path.intent))
    rate = np.exp(MOMENT_INTENT * path.intent[:days] + (MOMENT + MOMENT_FIT * fit))
    rate *= path.season[:days]
    rate *= np.arange(days)[:, None] * DAY < stop - path.created
    mass = np.cumsum(rate.T.ravel())
    place = rng.random(rng.poisson(mass[-1] / _mean_acceptance())) * mass[-1]
    lead, day = np.divmod(np.searchsorted(mass, place, side="right").clip(max=len(mass) - 1), days)
    t = path.created[lead] + day * DAY + rng.integers(0, DAY, len(lead))
    keep = (rng.random(len(t)) < _WEEKDAYS[weekday(t)] * hour_weight(t)) & (t < stop[lead])
    lead, t = lead[keep], t[keep]
    intent = path.intent_at(lead, t)
    u = rng.random(len(t))
    meeting = sigmoid(SHARES["meeting"][0] + SHARES["meeting"][1] * intent)
    inbound = meeting + sigmoid(SHARES["inbound"][0] + SHARES["inbound"][1] * intent)
    masks = {"meeting": u < meeting, "inbound": (u >= meeting) & (u < inbound), "web": u >= inbound}
    return {name: {"lead": lead[m], "t": t[m]} for name, m in masks.items()}


def _mean_acceptance() -> float:
    """Mean of weekday times hour weight over a week."""
    return float(_WEEKDAYS.mean() * hour_weight(np.arange(0, DAY, 3600)).mean())


def _mailings(rng: np.random.Generator, path: Path, stop: np.ndarray, span: Span) -> Rows:
    """Mails the company sends: three by age, then a newsletter at 09:30 UTC on the second Tuesday of the month.

    ``which`` is 0, 1, 2 for the mails by age and 10, 11, ... for the newsletters.
    """
    count = len(path.created)
    age = np.array(DRIP_AGES) + rng.exponential(0.05, (count, len(DRIP_AGES)))
    drip = path.created[:, None] + (age * DAY).astype(np.int64)
    letter = _newsletter_dates(span)[None, :] + rng.integers(0, 1800, (count, 1))
    wanted = rng.random((count, 1)) < SUBSCRIBED
    ok_drip = drip < stop[:, None]
    ok_letter = (letter < stop[:, None]) & (letter >= path.created[:, None] + DAY) & wanted
    (lead, which), (lead2, which2) = np.nonzero(ok_drip), np.nonzero(ok_letter)
    return {
        "lead": np.concatenate([lead, lead2]),
        "t": np.concatenate([drip[lead, which], letter[lead2, which2]]),
        "which": np.concatenate([which, which2 + 10]),
    }


def _newsletter_dates(span: Span) -> np.ndarray:
    """09:30 UTC of the second Tuesday of every month in the span, seconds since 1970."""
    first = np.datetime64(span.start, "s").astype("datetime64[M]")
    months = np.arange(first, np.datetime64(span.end, "s").astype("datetime64[M]") + 1)
    day = months.astype("datetime64[D]").astype(np.int64)
    day += (1 - (day + 3) % 7) % 7 + 7
    return day * DAY + int(9.5 * 3600)


def _calls(rng: np.random.Generator, path: Path, visible: np.ndarray, stop: np.ndarray) -> Rows:
    """The plan of calls: leads that look better on paper are called sooner and more often (the old points at work).

    ``due`` is when a call was planned, ``t`` when the rep got to it, ``planned`` when it was put on the list.
    """
    count = len(path.created)
    attempts = 1 + rng.binomial(len(CALL_GAPS) - 2, sigmoid(visible))
    first = FIRST_CALL_HOURS / 24 * rng.lognormal(0.0, 0.9, count) * np.exp(-0.5 * visible)
    gaps = np.array(CALL_GAPS) * rng.uniform(0.7, 1.4, (count, len(CALL_GAPS)))
    gaps[:, 0] = first
    due = path.created[:, None] + (np.cumsum(gaps, axis=1) * DAY).astype(np.int64)
    due = _office_hours(due)
    late = (rng.exponential(0.04, due.shape) * DAY).astype(np.int64)
    planned = np.concatenate([path.created[:, None] + 90, (due + late)[:, :-1] + 120], axis=1)
    # A plan that slipped behind the next one starts from it.
    due = np.maximum.accumulate(np.maximum(due, planned + 60), axis=1)
    lead, step = np.nonzero((np.arange(len(CALL_GAPS)) < attempts[:, None]) & (planned < stop[:, None]))
    rows = {"lead": lead, "which": step, "planned": planned[lead, step], "due": due[lead, step]}
    done = np.maximum(rows["due"] + late[lead, step], rows["planned"] + 60)
    # Intent counts when the call is made; one that is never made keeps the last instant of the path it can have.
    return rows | {"t": np.minimum(done, stop[lead]), "done": done, "made": done < stop[lead]}


def _office_hours(instant: np.ndarray) -> np.ndarray:
    """Each instant, or the next opening of the office (Monday to Friday, 08:00 to 18:00 UTC) with up to 90 minutes."""
    second = instant % DAY
    opening = 8 * 3600 + instant % 5400
    t = np.where(second < 8 * 3600, instant - second + opening, instant)
    t = np.where(second >= 18 * 3600, instant - second + DAY + opening, t)
    return t + np.where(weekday(t) >= 5, (7 - weekday(t)) * DAY, 0)


def _deal_tasks(rng: np.random.Generator, path: Path, outcome: Outcome, stop: np.ndarray) -> Rows:
    """Follow-ups while an opportunity is open, at a rate that does not depend on how it ends."""
    begin = np.minimum(outcome.event, stop)
    length = np.where(outcome.clicked, stop - begin, 0)
    lead = np.repeat(np.arange(len(stop)), rng.poisson(OPEN_DEAL_TASKS * length / DAY))
    return {"lead": lead, "t": begin[lead] + (rng.random(len(lead)) * length[lead]).astype(np.int64)}


def campaign_dates(span: Span) -> np.ndarray:
    """The instants at which the campaigns of the span invite, evenly spread."""
    return span.start + ((np.arange(CAMPAIGNS) + 0.4) / CAMPAIGNS * (span.end - span.start)).astype(np.int64)


def _invitations(rng: np.random.Generator, path: Path, stop: np.ndarray, span: Span) -> Rows:
    """Which open leads each campaign invites."""
    date = campaign_dates(span)[None, :]
    chance = rng.random((len(stop), CAMPAIGNS)) < INVITED
    lead, which = np.nonzero((date >= path.created[:, None]) & (date < stop[:, None]) & chance)
    return {"lead": lead, "t": date[0, which], "which": which}
