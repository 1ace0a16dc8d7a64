"""Evidence in words, in English and Spanish, from its numbers."""

from collections.abc import Mapping
from typing import Any

from leadml.audit.findings import Evidence, Finding
from leadml.numbers import format_number, format_percent

# kind: (English, Spanish); placeholders are the evidence's numbers, formatted.
TEXTS: dict[str, tuple[str, str]] = {
    "denied": ("denied by the mapping: {why}", "denegada por el mapeo: {why}"),
    "written_late": (
        "{share} of its {changes} changes on converted leads came with the conversion or after it "
        "({share_others} on other leads)",
        "{share} de sus {changes} cambios en leads convertidos llegaron con la conversión o después "
        "({share_others} en los demás)",
    ),
    "restated": (
        "{differ} of {rows} values differ between the two exports ({share}; of converted leads {share_converted}, of "
        "others {share_others})",
        "{differ} de {rows} valores difieren entre las dos exportaciones ({share}; de convertidos "
        "{share_converted}, de los demás {share_others})",
    ),
    "archive": (
        "{differ} of {rows} values are not those that were scored at the time ({share}; of converted leads "
        "{share_converted}, of others {share_others})",
        "{differ} de {rows} valores no son los que se puntuaron en su día ({share}; de convertidos "
        "{share_converted}, de los demás {share_others})",
    ),
    "looks_ahead": (
        "differs in {differ} of {rows} snapshots once every later row is deleted",
        "difiere en {differ} de {rows} instantáneas al borrar todas las filas posteriores",
    ),
    "only_with_outcome": (
        "filled only where the outcome is: {with_outcome} of its {filled} values are on leads that {outcome}",
        "rellena solo donde está el desenlace: {with_outcome} de sus {filled} valores son de leads que {outcome}",
    ),
    "unusual_only": (
        "other than {usual} only where the outcome is: {with_outcome} of {filled} on leads that {outcome}",
        "distinta de {usual} solo donde está el desenlace: {with_outcome} de {filled} en leads que {outcome}",
    ),
    "alone": (
        "alone it orders the leads with AUC {auc} [{low}, {high}]",
        "por sí sola ordena con AUC {auc} [{low}; {high}]",
    ),
    "missing_alone": (
        "being empty tells: {rate_missing} convert where it is missing, {rate_filled} where it is filled",
        "el hueco delata: convierte el {rate_missing} donde falta y el {rate_filled} donde está",
    ),
    "fill_gap_others": (
        "filled for {fill} of converted and {fill_other} of comparable leads",
        "rellena en el {fill} de los convertidos y el {fill_other} de leads comparables",
    ),
    "fill_gap_scored": (
        "filled for {fill} in training and {fill_other} of the leads to score",
        "rellena en el {fill} al entrenar y el {fill_other} de los leads por puntuar",
    ),
    "pure_levels": (
        "levels that always or never convert: {levels} (all: {base_rate})",
        "niveles que convierten siempre o nunca: {levels} (total: {base_rate})",
    ),
    "dominance": (
        "alone (AUC {auc}) it does as well as a model of all the others ({others})",
        "por sí sola (AUC {auc}) rinde como un modelo con todas las demás ({others})",
    ),
    "words": ("its name speaks of what comes after: {word}", "su nombre habla de lo que viene después: {word}"),
    "row_order": (
        "the order of the rows tells who converts: AUC {auc} [{low}, {high}]",
        "el orden de las filas delata quién convierte: AUC {auc} [{low}; {high}]",
    ),
    "id_order": (
        "the order of the ids tells who converts: AUC {auc} [{low}, {high}]",
        "el orden de los identificadores delata quién convierte: AUC {auc} [{low}; {high}]",
    ),
    "duplicates_rows": (
        "{rows} test rows ({share}) have an identical twin in training",
        "{rows} filas de prueba ({share}) tienen una gemela idéntica en el entrenamiento",
    ),
    "duplicates_leads": (
        "{rows} test rows ({share}) are of leads that training has seen",
        "{rows} filas de prueba ({share}) son de leads vistos al entrenar",
    ),
    "too_good": ("the test AUC is {auc}: too good to be true", "el AUC de prueba es {auc}: demasiado bueno"),
}
OUTCOMES = {"converted": ("converted", "convirtieron"), "not converted": ("did not convert", "no convirtieron")}
_SHARES = (
    "share",
    "share_others",
    "share_converted",
    "fill",
    "fill_other",
    "rate_missing",
    "rate_filled",
    "base_rate",
    "missing",
)
_AUCS = ("auc", "low", "high", "others")


def evidence_words(evidence: Evidence, language: str = "en") -> str:
    """The evidence as half a sentence in the language ("en" or "es")."""
    key = evidence.kind
    if key in ("fill_gap", "duplicates"):
        key += f"_{evidence.numbers['against' if key == 'fill_gap' else 'what']}"
    values = {name: _told(name, value, language) for name, value in evidence.numbers.items()}
    return TEXTS[key][language == "es"].format(**values)


def finding_words(finding: Finding, language: str = "en", most: int = 4) -> str:
    """All evidence of a finding, proofs and the strongest first, parted by semicolons."""
    ordered = sorted(finding.evidence, key=lambda e: (not e.proof, -e.points))
    return "; ".join(evidence_words(e, language) for e in ordered[:most])


def _told(name: str, value: Any, language: str) -> str:
    if value is None:
        return "-"
    if name == "levels":
        return ", ".join(_level(level, language) for level in value)
    if name == "outcome":
        return OUTCOMES[value][language == "es"]
    if name in _SHARES:
        return format_percent(float(value), language, 0 if value >= 0.1 else 1)
    if name in _AUCS:
        return format_number(float(value), language, 2)
    return format_number(value, language) if isinstance(value, int | float) else str(value)


def _level(level: Mapping[str, Any], language: str) -> str:
    return f"{level['level']} {format_percent(level['rate'], language, 0)}"
