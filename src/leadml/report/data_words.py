"""Words for what the readers of exports write by name: rules that took rows, and why columns are left out.

Rules and reasons of a mapping of one's own are shown as the mapping writes them.
"""

import re

# What `leadml.sensitive` calls a group of people, in Spanish.
TOPICS_ES = {
    "age": "edad",
    "birth": "nacimiento",
    "gender": "género",
    "ethnicity": "etnia",
    "religion": "religión",
    "nationality": "nacionalidad",
    "disability": "discapacidad",
    "marital status": "estado civil",
    "sexual orientation": "orientación sexual",
    "political opinion": "opinión política",
    "union membership": "afiliación sindical",
    "health": "salud",
    "genetic or biometric data": "datos genéticos o biométricos",
    "criminal record": "antecedentes penales",
    "military status": "condición militar",
}
# rule: (English, Spanish)
RULES: dict[str, tuple[str, str]] = {
    "missing_id": ("without an id", "sin identificador"),
    "missing_date": ("without a date", "sin fecha"),
    "bad_date": ("with a date that cannot be read", "con una fecha ilegible"),
    "after_export": ("dated after the export", "con fecha posterior a la exportación"),
    "unknown_lead": ("of a lead that is not in the export", "de un lead que no está en la exportación"),
    "no_account_id": ("of a company that cannot be identified", "de una empresa que no se puede identificar"),
    "joined_duplicate": ("duplicates of another lead, joined with it", "duplicados de otro lead, unidos a él"),
    "same_id": ("with the id of a later row", "con el identificador de una fila posterior"),
    "same_key": ("said twice", "repetidas"),
    "other_rows": ("of kinds that are not needed", "de tipos que no hacen falta"),
    "other_kind": ("of kinds of touchpoint that the mapping does not name", "de tipos de interacción sin mapear"),
    "other_field": ("about fields that the mapping does not name", "sobre campos sin mapear"),
    "not_mapped": ("that no part of the mapping uses", "que ninguna parte del mapeo usa"),
    "unreadable_row": ("that cannot be read", "ilegibles"),
    "short_row": ("with too few fields", "con campos de menos"),
    "long_row": ("with too many fields", "con campos de más"),
    "test_company": ("of test companies", "de empresas de prueba"),
    "test_mail": ("with test addresses", "con direcciones de prueba"),
    "deleted": ("deleted in the source", "borradas en origen"),
    "bad_rate": ("with an exchange rate that is none", "con un tipo de cambio que no lo es"),
    "same_lead": ("that merge a lead with itself", "que fusionan un lead consigo mismo"),
    "answers": ("that are answers counted elsewhere", "que son respuestas contadas en otro sitio"),
    "archived": ("archived in the source", "archivadas en origen"),
    "closings": ("that close a lead", "que cierran un lead"),
    "hard_deleted": ("deleted in the source without a date", "borradas en origen sin fecha"),
    "invitee_copy": (
        "that are copies of a meeting for other invitees",
        "que son copias de una reunión para otros invitados",
    ),
    "undated": ("done by now, nobody knows since when", "ya hechas, sin saber desde cuándo"),
    "obsolete": ("that a later row replaces", "que otra fila posterior sustituye"),
    "of_accounts": ("about companies, not leads", "sobre empresas, no sobre leads"),
    "before_tie": ("of somebody before the lead was tied to them", "de alguien antes de vincularse al lead"),
    "bot": ("made by machines, not by people", "hechas por máquinas, no por personas"),
}
# why, as the mapping writes it: Spanish
WHY_ES: dict[str, str] = {
    "personal data": "datos personales",
    "not in the mapping": "no está en el mapeo",
    "true as of the export": "vale a la fecha de la exportación",
    "true as of the export, often set after contact": (
        "vale a la fecha de la exportación y suele ponerse tras el contacto"
    ),
    "true as of the export; its history is used instead": (
        "vale a la fecha de la exportación; en su lugar se usa su historial"
    ),
    "true as of the export; its history closes the lead": (
        "vale a la fecha de la exportación; su historial cierra el lead"
    ),
    "true as of the export, re-assigned in the course of the sale": (
        "vale a la fecha de la exportación y se reasigna durante la venta"
    ),
    "a counter as of the export": "un contador a la fecha de la exportación",
    "written in the course of the sale": "se escribe durante la venta",
    "written by the conversion": "lo escribe la conversión",
    "another score": "otra puntuación",
    "filled by the conversion, for earlier activities too": "lo rellena la conversión, también en lo anterior",
    "excluded by source.exclude": "excluida con source.exclude",
    "written by merging": "se escribe al fusionar",
    "written by merging or deleting": "se escribe al fusionar o borrar",
    "becomes Customer by the conversion": "pasa a Customer con la conversión",
    "the conversion itself": "es la propia conversión",
    "follows the stage": "depende de la etapa",
    "the date it is due, not when anything was known": "la fecha de vencimiento, no cuándo se supo algo",
    "custom column, true as of the export, no history declared": (
        "columna propia, vale a la fecha de la exportación, sin historial declarado"
    ),
    "a day in the property's time zone; event_timestamp is the instant": (
        "un día en la zona de la propiedad; el instante es event_timestamp"
    ),
    "an id": "un identificador",
    "another score, as of the export": "otra puntuación, a la fecha de la exportación",
    "another tool's score and counters, as of the export": (
        "la puntuación y los contadores de otra herramienta, a la fecha de la exportación"
    ),
    "as of the export": "a la fecha de la exportación",
    "as of the export, enriched at any time": "a la fecha de la exportación, se enriquece en cualquier momento",
    "as of the export; engagements are read as touchpoints": (
        "a la fecha de la exportación; la actividad se lee como interacciones"
    ),
    "as of the export; mails are read as touchpoints": (
        "a la fecha de la exportación; los correos se leen como interacciones"
    ),
    "as of the export; meetings are read as touchpoints": (
        "a la fecha de la exportación; las reuniones se leen como interacciones"
    ),
    "becomes CUSTOMER by the conversion": "pasa a CUSTOMER con la conversión",
    "checked on the row of today": "se comprueba en la fila de hoy",
    "counters as of the export": "contadores a la fecha de la exportación",
    "dates of the stages, the conversion among them": "fechas de las etapas, la conversión entre ellas",
    "expected until closed, overwritten by the close, moved by people": (
        "previsto hasta el cierre, que lo sobrescribe; la gente lo mueve"
    ),
    "filled by the first visit, which may come long after the creation": (
        "lo rellena la primera visita, que puede llegar mucho después del alta"
    ),
    "follows the conversion": "depende de la conversión",
    "follows the deals, the conversion itself": "depende de los negocios, la propia conversión",
    "follows the old score": "depende de la puntuación antigua",
    "lead or opportunity, as of the export": "lead u oportunidad, a la fecha de la exportación",
    "may be filled with the deal": "puede rellenarse con el negocio",
    "money of the conversion itself": "dinero de la propia conversión",
    "of the conversion itself": "de la propia conversión",
    "of the day the row was saved": "del día en que se guardó la fila",
    "owners, as of the export": "responsables, a la fecha de la exportación",
    "owners, teams and lists, as of the export": "responsables, equipos y listas, a la fecha de la exportación",
    "re-assigned in the course of the sale": "se reasigna durante la venta",
    "stars that the seller gives, as of the export": "estrellas que pone el vendedor, a la fecha de la exportación",
    "tells who somebody is": "dice quién es alguien",
    "the conversion itself at 0 and 100, another score between": (
        "la propia conversión en 0 y 100, otra puntuación en medio"
    ),
    "the conversion itself, as of the export": "la propia conversión, a la fecha de la exportación",
    "the conversion itself, where it happens on the site": "la propia conversión, cuando ocurre en el sitio",
    "the day of an import": "el día de una importación",
    "the end of the lead": "el final del lead",
    "the latest visit as of the export; visits are read from events": (
        "la última visita a la fecha de la exportación; las visitas se leen de los eventos"
    ),
    "the old score (hot, warm, cold), as of the export": (
        "la puntuación antigua (caliente, templado, frío), a la fecha de la exportación"
    ),
    "the old score, as of the export": "la puntuación antigua, a la fecha de la exportación",
    "the old score, which decided whom sales worked": "la puntuación antigua, que decidía a quién trabajaba ventas",
    "the stage that marketing gives, circular": "la etapa que asigna marketing, circular",
    "time in the stages, as of the export": "tiempo en las etapas, a la fecha de la exportación",
    "true as of the export, set by campaigns and billing": (
        "vale a la fecha de la exportación; lo ponen campañas y facturación"
    ),
    "true as of the export, set by who works the lead": (
        "vale a la fecha de la exportación; lo pone quien trabaja el lead"
    ),
    "true as of the export, written by the conversion": "vale a la fecha de la exportación; lo escribe la conversión",
    "true as of the export, written by the qualification": (
        "vale a la fecha de la exportación; lo escribe la cualificación"
    ),
    "true as of the export; counted from reachedSuccessDate": (
        "vale a la fecha de la exportación; se cuenta desde reachedSuccessDate"
    ),
    "true as of the export; it closes the lead": "vale a la fecha de la exportación; cierra el lead",
    "true as of the export; its history closes the contact": (
        "vale a la fecha de la exportación; su historial cierra el contacto"
    ),
    "true as of the export; its history is used instead, where there is one": (
        "vale a la fecha de la exportación; en su lugar se usa su historial, si lo hay"
    ),
    "true as of the export; the activity closes the lead": (
        "vale a la fecha de la exportación; la actividad cierra el lead"
    ),
    "what the visitor spent in all, as of the export": (
        "lo que gastó el visitante en total, a la fecha de la exportación"
    ),
    "when it is due, not when anything was known": "la fecha de vencimiento, no cuándo se supo algo",
    "when it was assigned": "cuándo se asignó",
    "when the connector ran": "cuándo se ejecutó el conector",
    "when the lead was known, no attribute": "cuándo se conoció el lead, no es un atributo",
    "where a lead came from is lead_source; addresses and sites in it name people": (
        "el origen del lead es lead_source; las direcciones y sitios que contiene nombran a personas"
    ),
    "written by a form, as of the export": "lo escribe un formulario, a la fecha de la exportación",
    "written by a form, as of the export; forms are read as touchpoints": (
        "lo escribe un formulario, a la fecha de la exportación; los formularios se leen como interacciones"
    ),
    "written by deleting": "se escribe al borrar",
    "written by the closure": "lo escribe el cierre",
    "written by the conversion or the loss": "lo escribe la conversión o la pérdida",
    "written by the qualification": "lo escribe la cualificación",
    "written by the synchronisation, partly after the conversion": (
        "lo escribe la sincronización, en parte tras la conversión"
    ),
    "written by the tracker, for leads that it recognised later": (
        "lo escribe el rastreador, para leads que reconoció después"
    ),
    "for the fairness audit only (fairness.columns)": "solo para la auditoría de equidad (fairness.columns)",
    "empty": "vacía",
    "constant": "constante",
}
# Reasons that are no leaks; they come last.
NO_LEAKS = ("sensitive", "for the fairness audit only (fairness.columns)", "personal data", "not in the mapping")


def rule_words(rule: str, language: str) -> str:
    """Which rows a rule took, in words; the rule's own name, without underscores, where it is not one of ours."""
    english, spanish = RULES.get(rule, (rule.replace("_", " "),) * 2)
    return spanish if language == "es" else english


_SENSITIVE = re.compile(r"sensitive \((.*)\); (.*) takes it in")


def why_words(why: str, language: str) -> str:
    """Why a column is left out, in the language where it is known in it."""
    if language != "es":
        return why
    found = _SENSITIVE.fullmatch(why)
    if found:
        return f"sensible ({TOPICS_ES.get(found[1], found[1])}); {found[2]} la incluye"
    return WHY_ES.get(why, why)
