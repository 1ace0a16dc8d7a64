"""The words of features, in English and Spanish: for well-known kinds of touchpoint by hand, else from their names."""

from leadml.features.spec import TouchKind

# (channel, kind) -> what is counted where the lead began it
THEIRS: dict[tuple[str, str], tuple[str, str]] = {
    ("ads", "clicked"): ("ads clicked", "anuncios pulsados"),
    ("call", "call"): ("calls from the lead", "llamadas del lead"),
    ("call", "connected"): ("calls from the lead", "llamadas del lead"),
    ("campaign", "responded"): ("campaign responses", "respuestas a campañas"),
    ("chat", "chat"): ("chats started", "chats iniciados"),
    ("email", "clicked"): ("e-mail links clicked", "enlaces de correo pulsados"),
    ("email", "opened"): ("e-mails opened", "correos abiertos"),
    ("email", "replied"): ("replies to our e-mails", "respuestas a nuestros correos"),
    ("event", "attended"): ("events attended", "eventos a los que asistió"),
    ("event", "registered"): ("event registrations", "inscripciones a eventos"),
    ("form", "submitted"): ("forms submitted", "formularios enviados"),
    ("meeting", "booked"): ("meetings booked", "reuniones reservadas"),
    ("meeting", "held"): ("meetings held", "reuniones celebradas"),
    ("web", "download"): ("files downloaded", "archivos descargados"),
    ("web", "session"): ("web visits", "visitas a la web"),
    ("web", "visit"): ("web pages viewed", "páginas web vistas"),
}
# the same where we began it
OURS: dict[tuple[str, str], tuple[str, str]] = {
    ("call", "call"): ("calls made by sales", "llamadas hechas por ventas"),
    ("call", "connected"): ("calls by sales that were answered", "llamadas de ventas atendidas"),
    ("call", "no_answer"): ("calls by sales without an answer", "llamadas de ventas sin respuesta"),
    ("campaign", "added"): ("campaigns it was added to", "campañas a las que se le añadió"),
    ("crm", "task"): ("tasks done by sales", "tareas hechas por ventas"),
    ("email", "bounced"): ("e-mails that bounced", "correos rebotados"),
    ("email", "delivered"): ("e-mails delivered", "correos entregados"),
    ("email", "sales_sent"): ("e-mails sent by sales", "correos enviados por ventas"),
    ("email", "sent"): ("marketing e-mails sent", "correos de marketing enviados"),
    ("meeting", "no_show"): ("meetings that were missed", "reuniones a las que no se presentó"),
    ("social", "message"): ("messages sent by sales on social networks", "mensajes de ventas en redes sociales"),
}

# the last of what the lead began, for "days since ..."
LAST: dict[tuple[str, str], tuple[str, str]] = {
    ("ads", "clicked"): ("the last click on an ad", "el último clic en un anuncio"),
    ("call", "call"): ("the lead's last call", "la última llamada del lead"),
    ("call", "connected"): ("the lead's last call", "la última llamada del lead"),
    ("campaign", "responded"): ("the last campaign response", "la última respuesta a una campaña"),
    ("chat", "chat"): ("the last chat", "el último chat"),
    ("email", "clicked"): ("the last click in an e-mail", "el último clic en un correo"),
    ("email", "opened"): ("the last e-mail opened", "el último correo abierto"),
    ("email", "replied"): ("the last reply to our e-mails", "la última respuesta a nuestros correos"),
    ("event", "attended"): ("the last event attended", "el último evento al que asistió"),
    ("event", "registered"): ("the last event registration", "la última inscripción a un evento"),
    ("form", "submitted"): ("the last form submitted", "el último formulario enviado"),
    ("meeting", "booked"): ("the last meeting booked", "la última reunión reservada"),
    ("meeting", "held"): ("the last meeting held", "la última reunión celebrada"),
    ("web", "download"): ("the last download", "la última descarga"),
    ("web", "session"): ("the last web visit", "la última visita a la web"),
    ("web", "visit"): ("the last web page viewed", "la última página web vista"),
}

ATTRIBUTES: dict[str, tuple[str, str]] = {
    "industry": ("industry", "sector"),
    "employees": ("employees of the company", "empleados de la empresa"),
    "annual_revenue": ("annual revenue of the company", "ingresos anuales de la empresa"),
    "country": ("country", "país"),
    "state": ("region", "provincia"),
    "lead_source": ("source of the lead", "origen del lead"),
    "seniority": ("seniority", "nivel del cargo"),
    "department": ("department", "departamento"),
    "mail_kind": ("kind of e-mail address", "tipo de correo"),
    "product_interest": ("product of interest", "producto de interés"),
    "pipeline_stage": ("stage in the pipeline", "etapa del proceso"),
    "amount_requested": ("amount requested", "importe solicitado"),
}

ATTRIBUTE_UNITS = {"employees": "count", "annual_revenue": "money", "amount_requested": "money"}  # of numbers

CHANNELS: dict[str, tuple[str, str]] = {
    "email": ("e-mail", "correo"),
    "web": ("the web site", "la web"),
    "social": ("social networks", "redes sociales"),
    "ads": ("ads", "anuncios"),
    "chat": ("chat", "chat"),
    "call": ("calls", "llamadas"),
    "meeting": ("meetings", "reuniones"),
    "event": ("events", "eventos"),
    "form": ("forms", "formularios"),
    "campaign": ("campaigns", "campañas"),
    "crm": ("the CRM", "el CRM"),
}


def plain(name: str) -> str:
    """A name as words: underscores become spaces."""
    return name.replace("_", " ").strip()


def kind_words(kind: TouchKind) -> tuple[str, str]:
    """What a kind counts, (English, Spanish)."""
    ours = kind.initiator == "company"
    known = (OURS if ours else THEIRS).get((kind.channel, kind.kind))
    if known:
        return known
    en, es = channel_words(kind.channel)
    by = (", by us", ", por nosotros") if ours else ("", "")
    return f"{plain(kind.kind)} ({en}{by[0]})", f"{plain(kind.kind)} ({es}{by[1]})"


def last_words(kind: TouchKind) -> tuple[str, str]:
    """The last touchpoint of a kind that the lead began, (English, Spanish)."""
    en, es = kind_words(kind)
    return LAST.get((kind.channel, kind.kind), (f"the last of: {en}", f"lo último de: {es}"))


def attribute_words(name: str) -> tuple[str, str]:
    """What an attribute is, (English, Spanish)."""
    return ATTRIBUTES.get(name, (plain(name), plain(name)))


def channel_words(name: str) -> tuple[str, str]:
    """A channel, (English, Spanish)."""
    return CHANNELS.get(name, (plain(name), plain(name)))


def in_window(words: tuple[str, str], days: int) -> tuple[str, str]:
    """The words with their look-back."""
    if days == 1:
        return f"{words[0]} in the last 24 hours", f"{words[1]} en las últimas 24 horas"
    return f"{words[0]} in the last {days} days", f"{words[1]} en los últimos {days} días"
