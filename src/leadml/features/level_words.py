"""The words of levels that are ours: channels, kinds of address, and what is read out of job titles."""

_CHANNELS: dict[str, tuple[str, str]] = {
    "ads": ("ads", "anuncios"),
    "call": ("call", "llamada"),
    "campaign": ("campaign", "campaña"),
    "chat": ("chat", "chat"),
    "crm": ("CRM", "CRM"),
    "email": ("e-mail", "correo"),
    "event": ("event", "evento"),
    "form": ("form", "formulario"),
    "meeting": ("meeting", "reunión"),
    "social": ("social networks", "redes sociales"),
    "web": ("web", "web"),
}
_PATH = " > "
_LEVELS: dict[str, dict[str, tuple[str, str]]] = {
    "first_channel": _CHANNELS,
    "last_channel": _CHANNELS,
    "mail_kind": {
        "business": ("company", "de empresa"),
        "free": ("free provider", "proveedor gratuito"),
    },
    "seniority": {
        "vice_president": ("vice president", "vicepresidencia"),
        "executive": ("executive", "alta dirección"),
        "director": ("director", "dirección"),
        "manager": ("manager", "responsable de equipo"),
        "junior": ("junior", "júnior"),
        "specialist": ("specialist", "especialista"),
        "other": ("other", "otro"),
    },
    "department": {
        "technology": ("technology", "tecnología"),
        "marketing": ("marketing", "marketing"),
        "sales": ("sales", "ventas"),
        "finance": ("finance", "finanzas"),
        "operations": ("operations", "operaciones"),
        "people": ("human resources", "recursos humanos"),
        "management": ("general management", "dirección general"),
        "other": ("other", "otro"),
    },
}


def level_words(feature: str, level: str, language: str) -> str:
    """A level in the language where it is one of ours, else as it is."""
    if feature == "channel_path":
        return _PATH.join(level_words("first_channel", part, language) for part in level.split(_PATH))
    en, es = _LEVELS.get(feature, {}).get(level, (level, level))
    return es if language == "es" else en
