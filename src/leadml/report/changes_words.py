"""What the report says about what moved since the last list, in English and Spanish; `report.words` takes it in."""

# key: (English, Spanish). Placeholders in braces are the same in both.
CHANGES_TEXTS: dict[str, tuple[str, str]] = {
    "changes": ("What moved since the list of {date}", "Qué se ha movido desde la lista del {date}"),
    "changes_forced": ("The earlier list was stamped: {stamp}", "La lista anterior llevaba este sello: {stamp}"),
    "changes_same": (
        "The same model made both lists, so a score moved by new data alone: by what became known of its lead, or grew "
        "older.",
        "El mismo modelo hizo las dos listas: una puntuación solo se ha movido por los datos nuevos, es decir, por lo "
        "que se ha sabido de su lead o ha envejecido.",
    ),
    "changes_other": (
        "Model {now} made this list, model {before} the earlier one. Each score is taken from one list to the other in "
        "steps: first the new data, judged by the earlier model, then the new model, then the rest.",
        "El modelo {now} hizo esta lista; el modelo {before}, la anterior. Cada puntuación se lleva de una lista a la "
        "otra por pasos: primero los datos nuevos, según el modelo anterior; después, el modelo nuevo; después, el "
        "resto.",
    ),
    "changes_nobody": (
        "No lead is on both lists, so there is no change to tell.",
        "Ningún lead está en las dos listas: no hay cambios que contar.",
    ),
    "changes_both": ("Leads on both lists", "Leads en ambas listas"),
    "changes_came": ("Came onto the list", "Entran en la lista"),
    "changes_left": ("Left the list", "Salen de la lista"),
    "changes_mean": ("Mean change of score", "Cambio medio de la puntuación"),
    "changes_points": ("points", "puntos"),
    "changes_rose": ("Rose by {points} points or more", "Suben {points} puntos o más"),
    "changes_fell": ("Fell by {points} points or more", "Bajan {points} puntos o más"),
    "parts_caption": (
        "What the change is made of; the parts add up to it",
        "De qué se compone el cambio; las partes suman el total",
    ),
    "part": ("Part", "Parte"),
    "part_mean": ("Mean points", "Puntos de media"),
    "part_size": ("Mean up or down", "Media arriba o abajo"),
    "part_data": ("New data", "Datos nuevos"),
    "part_model": ("New model", "Modelo nuevo"),
    "part_model_most": ("New model, above all for: {feature}", "Modelo nuevo, sobre todo por: {feature}"),
    "part_calibration": ("New calibration", "Calibración nueva"),
    "part_scale": ("New scale", "Escala nueva"),
    "part_change": ("Change of the score", "Cambio de la puntuación"),
    "part_data_words": ("what became known, or became older", "lo que se ha sabido o ha envejecido"),
    "part_model_words": ("other trees, the same calibration", "otros árboles, la misma calibración"),
    "part_calibration_words": ("how a margin becomes a probability", "cómo un margen se convierte en probabilidad"),
    "part_scale_words": ("which probability scores 50", "qué probabilidad puntúa 50"),
    "part_change_words": ("before it is clipped to 0 to 100", "antes de recortarla a 0-100"),
    "moved_caption": (
        "The features whose new values moved the list most: points up and down, summed over all leads on both lists "
        "({n}); the dark mark is what is left of both",
        "Las variables cuyos valores nuevos han movido más la lista: puntos arriba y abajo, sumados sobre todos los "
        "leads de ambas listas ({n}); la marca oscura es lo que queda de ambos",
    ),
    "moved_others": ("All other features with new values", "Las demás variables con valores nuevos"),
    "moved_still": ("Unchanged values, beside the new ones", "Valores sin cambios, junto a los nuevos"),
    "points_up": ("up", "arriba"),
    "points_down": ("down", "abajo"),
    "points_left": ("what is left", "lo que queda"),
    "axis_summed": ("points of the score, summed over the leads", "puntos de la puntuación, sumados sobre los leads"),
    "moved_up": ("The leads that rose most", "Los leads que más suben"),
    "moved_down": ("The leads that fell most", "Los leads que más bajan"),
    "moved_note": (
        "The words say what moved the score, not what would change the outcome. Changes are counted before scores are "
        "clipped to 0 to 100.",
        "Los textos dicen qué ha movido la puntuación, no qué cambiaría el resultado. Los cambios se cuentan antes de "
        "recortar la puntuación a 0-100.",
    ),
    "score_then": ("Score then", "Puntuación antes"),
    "score_now": ("Score now", "Puntuación ahora"),
    "score_change": ("Change", "Cambio"),
    "then_now": ("{feature}: {then} then, {now} now", "{feature}: antes {then}, ahora {now}"),
    "rest_of_data": ("all other data together", "todos los demás datos juntos"),
    "weighs_caption": (
        "What the scores of this list rest on by the earlier model and by the new one: mean points up or down, and "
        "place among the features",
        "En qué se apoyan las puntuaciones de esta lista según el modelo anterior y el nuevo: puntos de media arriba o "
        "abajo, y puesto entre las variables",
    ),
    "weighs": ("Family or feature", "Familia o variable"),
    "weighs_before": ("Earlier model", "Modelo anterior"),
    "weighs_now": ("New model", "Modelo nuevo"),
    "weighs_moved": ("Difference", "Diferencia"),
    "weighs_place": ("place {rank}", "puesto {rank}"),
    "weighs_no_place": ("not used", "no se usa"),
    "weighs_absent": ("not in this model", "no está en este modelo"),
}
