"""Topics: features of one topic say the same thing, and a lead is told one reason for all of them.

A topic holds neither both what a lead is and what it does, nor both what it did and what we did: `reasons.group_topics`
keeps them apart whatever a topic is called.
"""

from leadml.features.spec import Content, TouchKind

ACTIVITY = "activity"  # how much the lead did lately, over all kinds
ACTIVITY_HOURS = "activity_hours"
ANSWERS = "answers"
CHANNEL_ENDS = "channel_ends"  # the first and the last channel
CHANNEL_MIX = "channel_mix"
CHANNEL_VARIETY = "channel_variety"
COLLEAGUES_ACTIVE = "colleagues_active"
EARLIER_WINS = "earlier_wins"  # of the company
OUR_TOUCHES = "our_touches"
SEASON = "season"
WEB_VISITS = "web_visits"

# Kinds that say much the same, (channel, kind, initiator): a visit holds page views, what was sent is delivered.
_KINDS = {
    ("web", "session", "lead"): WEB_VISITS,
    ("web", "visit", "lead"): WEB_VISITS,
    ("email", "delivered", "company"): "our_email_sent",
}
# One thing by several names: in numbers and in bands.
_BANDS = ("_range", "_band", "_bracket", "_bucket", "_rango", "_tramo", "_banda")
_SAME = {
    "company_size": "employees",
    "employee_count": "employees",
    "headcount": "employees",
    "no_of_employees": "employees",
    "number_of_employees": "employees",
    "numberofemployees": "employees",
    "numemployees": "employees",
    "empleados": "employees",
    "numero_de_empleados": "employees",
    "annualrevenue": "annual_revenue",
    "revenue": "annual_revenue",
}


def kind_topic(kind: TouchKind) -> str:
    """The topic of a kind's counts and of its recency."""
    return _KINDS.get((kind.channel, kind.kind, kind.initiator), kind.name)


def content_topic(rule: Content) -> str:
    """The topic of the visits to a part of the content."""
    return f"content_{rule.name}"


def attribute_topic(name: str) -> str:
    """The topic of an attribute: its name, without the band that it may be told in, and one of several names."""
    for band in _BANDS:
        name = name.removesuffix(band)
    return _SAME.get(name, name)
