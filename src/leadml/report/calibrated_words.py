"""The words of the report's section on calibration."""

# key: (English, Spanish), as in words.py.
CALIBRATED_TEXTS: dict[str, tuple[str, str]] = {
    "calibrated": ("Can the probabilities be believed?", "¿Se puede creer en las probabilidades?"),
    "reliability_caption": (
        "What was said and what happened, in {n} groups of equally many test rows. The axes stretch small values",
        "Lo que se dijo y lo que pasó, en {n} grupos con igual número de filas de prueba. Los ejes amplían los valores "
        "pequeños",
    ),
    "right_line": ("said = happened", "lo dicho = lo ocurrido"),
    "band_label": ("range of a perfect model", "margen de un modelo perfecto"),
    "bins_label": ("test rows, by group", "filas de prueba, por grupos"),
    "form_isotonic": ("isotonic (not used)", "isotónica (no se usa)"),
    "form_beta": ("beta (not used)", "beta (no se usa)"),
    "name_isotonic": ("Isotonic", "La isotónica"),
    "name_beta": ("Beta", "La beta"),
    "reliability_note": (
        "A model whose every probability is exactly right would have {band} of its groups within its range of chance, "
        "which counts each lead once, however many lists it is on. {inside} of {n} groups are within.",
        "Un modelo cuyas probabilidades fueran todas exactas tendría el {band} de sus grupos dentro de su margen de "
        "azar, que cuenta cada lead una vez, por muchas listas en que esté. Dentro están {inside} de {n}.",
    ),
    "together_note": (
        "Colleagues hang together as they did here: in {together} of accounts all leads convert together or none does.",
        "Los colegas van unidos como lo estuvieron aquí: en el {together} de las cuentas se convierten todos los leads "
        "a la vez o ninguno.",
    ),
    "error_within": (
        "On average they differ by {error} percentage points (calibration error). With perfect probabilities chance "
        "alone would give {mean}, and up to {high} in 19 of 20 cases: no error beyond chance is seen.",
        "De media difieren en {error} puntos porcentuales (error de calibración). Con probabilidades perfectas, el "
        "azar solo daría {mean}, y hasta {high} en 19 de cada 20 casos: no se ve un error mayor que el del azar.",
    ),
    "error_beyond": (
        "On average they differ by {error} percentage points (calibration error), more than chance would give with "
        "perfect probabilities ({mean} on average, up to {high} in 19 of 20 cases): they are off.",
        "De media difieren en {error} puntos porcentuales (error de calibración), más de lo que daría el azar con "
        "probabilidades perfectas ({mean} de media, hasta {high} en 19 de cada 20 casos): están desviadas.",
    ),
    "form_better": (
        "{name} calibration would have been better on the test: log loss lower by {gain}.",
        "{name} habría calibrado mejor en la prueba: pérdida logarítmica menor en {gain}.",
    ),
    "form_worse": (
        "{name} calibration would have been worse on the test: log loss higher by {loss}.",
        "{name} habría calibrado peor en la prueba: pérdida logarítmica mayor en {loss}.",
    ),
    "form_same": (
        "{name} calibration would have made no difference that the test can show: its log loss differs by {loss}.",
        "{name} no habría supuesto una diferencia que la prueba pueda mostrar: su pérdida logarítmica difiere en "
        "{loss}.",
    ),
    "whole_low": (
        "On the whole the probabilities were too low in the test: {said} said, {rate} happened, where a perfect model "
        "would show {low} to {high} ({band} of the time).",
        "En conjunto, las probabilidades fueron demasiado bajas en la prueba: se dijo un {said} y pasó un {rate}; un "
        "modelo perfecto mostraría del {low} al {high} (el {band} de las veces).",
    ),
    "whole_high": (
        "On the whole the probabilities were too high in the test: {said} said, {rate} happened, where a perfect model "
        "would show {low} to {high} ({band} of the time).",
        "En conjunto, las probabilidades fueron demasiado altas en la prueba: se dijo un {said} y pasó un {rate}; un "
        "modelo perfecto mostraría del {low} al {high} (el {band} de las veces).",
    ),
    "whole_within": (
        "On the whole {said} was said and {rate} happened; a perfect model would show {low} to {high} ({band} of the "
        "time).",
        "En conjunto, se dijo un {said} y pasó un {rate}; un modelo perfecto mostraría del {low} al {high} (el {band} "
        "de las veces).",
    ),
    "brier_caption": ("The Brier score and its parts", "La puntuación de Brier y sus partes"),
    "brier_part": ("Part", "Parte"),
    "brier_meaning": ("What it tells", "Qué dice"),
    "brier_uncertainty": ("uncertainty", "incertidumbre"),
    "brier_uncertainty_words": (
        "of the outcome itself, before anything is known of a lead",
        "del propio desenlace, sin saber nada del lead",
    ),
    "brier_resolution": ("− resolution", "− resolución"),
    "brier_resolution_words": (
        "how far apart the groups' rates are: more is better",
        "cuánto se separan las tasas de los grupos: cuanto más, mejor",
    ),
    "brier_reliability": ("+ reliability", "+ fiabilidad"),
    "brier_reliability_words": (
        "how far what was said is from what happened: 0 is perfect",
        "cuánto se aleja lo dicho de lo ocurrido: 0 es perfecto",
    ),
    "brier_within": ("+ within the groups", "+ dentro de los grupos"),
    "brier_within_words": (
        "what grouping hides: below 0 the order within groups helps",
        "lo que los grupos ocultan: por debajo de 0, el orden dentro de ellos ayuda",
    ),
    "brier_brier": ("= Brier score", "= Brier"),
    "brier_brier_words": ("mean squared distance from what happened", "distancia cuadrática media a lo ocurrido"),
    "groups_caption": (
        "By age, month and segment: the rate beside what a perfect model would show (90% of the time), the calibration "
        "error beside chance",
        "Por edad, mes y segmento: la tasa junto a la que mostraría un modelo perfecto (el 90 % de las veces), y el "
        "error de calibración junto al del azar",
    ),
    "groups_note": (
        "Of {n} groups with a conversion {beyond} have an error beyond chance (bold); with perfect probabilities about "
        "one in twenty would. Counts are of distinct leads; groups overlap.",
        "De {n} grupos con alguna conversión, {beyond} tienen un error mayor que el del azar (en negrita); con "
        "probabilidades perfectas lo tendría uno de cada veinte. Se cuentan leads distintos; los grupos se solapan.",
    ),
    "groups_few": (
        "Not told: {n} levels of train.segments with fewer than {least} converting leads.",
        "No se muestran: {n} niveles de train.segments con menos de {least} leads convertidos.",
    ),
    "group": ("Group", "Grupo"),
    "group_rows": ("Rows", "Filas"),
    "group_rate": ("Rate", "Tasa"),
    "group_error": ("Error, points", "Error, puntos"),
    "group_chance": ("Chance, up to", "Azar, hasta"),
    "group_brier": ("Brier score", "Puntuación de Brier"),
    "group_month": ("cutoffs of {month}", "cortes de {month}"),
    "group_missing": ("not known", "no se sabe"),
    "group_other": ("other", "otros"),
}
