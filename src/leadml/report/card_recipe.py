"""The model card's recipe in the language of the report: names of what training chose, and what it remarked.

The remarks are the lines that training prints, in English; what is not known here stays as it is.
"""

import re

from leadml.report.markdown import code, plain
from leadml.report.words import Words

_FORMS = {"log-normal": "lognormal", "gamma": "gamma"}
# English as the code writes it, Spanish; {names} stand for figures and names. Longer ones before their beginnings.
NOTES: tuple[tuple[str, str], ...] = (
    (
        "no converting lead has an amount: there is no expected value",
        "ningún lead convertido tiene importe: no hay valor esperado",
    ),
    (
        "amounts cannot be predicted better than their mean ({n} converting leads with an amount out of time): the "
        "expected value is the probability times the mean amount",
        "los importes no se pueden predecir mejor que por su media ({n} leads convertidos con importe fuera de "
        "tiempo): el valor esperado es la probabilidad por el importe medio",
    ),
    (
        "amounts cannot be predicted better than their mean (no fold to judge by): the expected value is the "
        "probability times the mean amount",
        "los importes no se pueden predecir mejor que por su media (no hay periodo con que juzgarlo): el valor "
        "esperado es la probabilidad por el importe medio",
    ),
    ("amounts: {form}, by {features}", "importes: distribución {form}, según {features}"),
    (
        "amounts: {n} converting leads have one, {missing} have none, {low} have one of 0 or less, which is not used",
        "importes: {n} leads convertidos lo tienen, {missing} no lo tienen y {low} de 0 o menos, que no se usa",
    ),
    ("amounts: {n} are above {cap} and count as that", "importes: {n} pasan de {cap} y cuentan como eso"),
    (
        "no probability within {d} days: {n} converting leads, {least} are needed",
        "sin probabilidad a {d} días: {n} leads convertidos, hacen falta {least}",
    ),
    (
        "the intercepts within {turned} days came out in the wrong order and were put in order",
        "los términos independientes a {turned} días salieron en mal orden y se ordenaron",
    ),
    (
        "calibration slope at its floor ({least}): the model's order did not hold out of time",
        "pendiente de calibración en su mínimo ({least}): el orden del modelo no se mantuvo fuera de tiempo",
    ),
    (
        "the final model's mean margin moved {moved} log-odds from the judged one's; beyond {most} was taken back in "
        "the intercept ({back})",
        "el margen medio del modelo final se movió {moved} log-odds respecto al del juzgado; lo que pasa de {most} se "
        "compensó en el término independiente ({back})",
    ),
    (
        "{members}: the folds asked for more than model.max_trees={most} trees; raise it",
        "{members}: los periodos pedían más de model.max_trees={most} árboles; conviene subirlo",
    ),
    ("{n} features do not vary and are left out: {names}", "{n} variables no varían y se dejan fuera: {names}"),
    (
        "train.segments: a scorecard has no intercepts by segment; its points stand",
        "train.segments: una tarjeta de puntos no tiene términos por segmento; valen sus puntos",
    ),
    (
        "train.segments: {names} not among the model's features: no intercepts by it",
        "train.segments: {names} no está entre las variables del modelo: no hay términos según ella",
    ),
    (
        "fold {n} left out: {few} converting leads among its {rows} fitting rows (at least {least} are needed)",
        "periodo {n} dejado fuera: {few} leads convertidos entre sus {rows} filas de ajuste (hacen falta al menos "
        "{least})",
    ),
    (
        "baseline logistic is not available: one outcome only in training",
        "sin la referencia logistic: un solo desenlace en el entrenamiento",
    ),
    (
        "baseline points is not available: fewer than {n} features that the scorecard knows",
        "sin la referencia points: menos de {n} variables que la tarjeta conozca",
    ),
    (
        "baseline recency is not available: no time of the last touchpoint and no age",
        "sin la referencia recency: ni la hora de la última interacción ni la antigüedad",
    ),
    (
        "{sizes}: the history holds {of} matured weekly cutoffs",
        "{sizes}: el historial tiene {of} cortes semanales maduros",
    ),
    ("{sizes}: the history holds {of} matured rows", "{sizes}: el historial tiene {of} filas maduras"),
)


def note_words(note: str, words: Words) -> str:
    """A remark of the training in the report's language."""
    if words.language == "en":
        return note
    for english, spanish in NOTES:
        if found := _pattern(english).fullmatch(note):
            return spanish.format(**{key: _value(text) for key, text in found.groupdict().items()})
    return note


def setting_row(key: str, value: object, words: Words) -> tuple[str, str]:
    """A row of the recipe: settings by their full names, as conf/ writes them; what training chose, in words."""
    if key == "rung":
        return words.t("card_rung"), words.known(f"rung_{value}", plain(value))
    if key == "trees":
        return words.t("card_trees"), code(value)
    if key.startswith("weight of "):
        name = key.removeprefix("weight of ")
        return words.t("card_weight", name=words.known(f"member_{name}", plain(name))), code(value)
    return f"`{key}`", code(value)


def _pattern(english: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", english)
    return re.compile("".join(f"(?P<{p}>.+?)" if i % 2 else re.escape(p) for i, p in enumerate(parts)))


def _value(text: str) -> str:
    """A number as Spanish writes it, a form by its name, anything else as it is."""
    if re.fullmatch(r"[+-]?\d[\d,]*(\.\d+)?", text):
        return text.translate(str.maketrans(",.", ".,"))
    return _FORMS.get(text, text)
