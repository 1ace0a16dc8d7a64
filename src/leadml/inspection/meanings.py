"""What the levels of a column mean: the channel, who initiated, what a table is about."""

from leadml.inspection import words
from leadml.inspection.roles import Column

# Looked through in this order: "call about the web form" is a call, "e-mail campaign" an e-mail.
_ORDER = ("call", "meeting", "chat", "form", "event", "social", "email", "ads", "campaign", "web")
LEAD_CHANNELS = ("web", "form", "chat", "ads", "social", "event")
IN = frozenset(
    ("in", "inbound", "incoming", "entrante", "received", "recibido", "recibida", "lead", "client", "cliente")
)
OUT = frozenset(("out", "outbound", "outgoing", "saliente", "sent", "enviado", "enviada", "company", "empresa"))


def channel_of(text: str) -> str | None:
    """The channel that a level or a name speaks of, or None."""
    said = words.words_of(text)
    return next((c for c in _ORDER if said & words.CHANNEL_WORDS[c]), None)


def initiator_of(text: str) -> str | None:
    """Who started it, as far as a word says so: lead, company or None. A word for the company's doing comes first."""
    said = words.words_of(text)
    if said & words.COMPANY_DOES:
        return "company"
    return "lead" if said & words.LEAD_DOES else None


def channels_of(column: Column) -> dict[str, str]:
    """The channel of each level that names one."""
    return {t: c for t in column.measures.levels if (c := channel_of(t)) is not None}


def is_direction(column: Column) -> bool:
    """Whether its levels are in and out."""
    levels = column.measures.levels
    if not 1 <= len(levels) <= 4:
        return False
    return all(words.words_of(t) & (IN | OUT) and len(words.words_of(t)) <= 3 for t in levels)


def directions_of(column: Column) -> dict[str, str]:
    """Who started it, by level of a direction column."""
    return {t: "lead" if words.words_of(t) & IN else "company" for t in column.measures.levels}


def kind_score(column: Column) -> float:
    """How much a column looks like one that tells the kind of a touchpoint, 0 where it does not."""
    levels = column.measures.levels
    if not 2 <= len(levels) <= 40 or column.measures.distinct > 0.5 * column.measures.present:
        return 0.0
    told = sum(n for t, n in levels.items() if channel_of(t) or initiator_of(t)) / column.measures.present
    return told + (0.6 if column.words & words.KIND else 0.0)
