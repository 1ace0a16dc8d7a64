"""Words for what the readers of exports write by name: rules that took rows, and why columns are left out.

Rules and reasons of a mapping of one's own are shown as the mapping writes them.
"""

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
}
# Reasons that are no leaks; they come last.
NO_LEAKS = ("personal data", "not in the mapping")


def rule_words(rule: str, language: str) -> str:
    """Which rows a rule took, in words; the rule's own name, without underscores, where it is not one of ours."""
    english, spanish = RULES.get(rule, (rule.replace("_", " "),) * 2)
    return spanish if language == "es" else english


def why_words(why: str, language: str) -> str:
    """Why a column is left out, in the language where it is known in it."""
    return WHY_ES.get(why, why) if language == "es" else why
