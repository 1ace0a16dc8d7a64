"""The words of the report's section on what the scores rest on."""

# key: (English, Spanish), as in words.py.
RESTS_TEXTS: dict[str, tuple[str, str]] = {
    "rests": ("What the scores rest on", "En qué se apoyan las puntuaciones"),
    "families_caption": (
        "How far each family moves a lead's score, on average, and its share of the whole",
        "Cuánto mueve cada familia la puntuación de un lead, de media, y su parte del total",
    ),
    "family": ("Family", "Familia"),
    "mean_points": ("Mean points", "Puntos de media"),
    "firmographic": ("Firmographic", "Firmográfica"),
    "behaviour": ("Behaviour", "Comportamiento"),
    "timing": ("Timing", "Tiempo"),
    "channel": ("Channel", "Canal"),
    "firmographic_words": ("who the lead and its company are", "quiénes son el lead y su empresa"),
    "behaviour_words": ("what the lead does", "lo que hace el lead"),
    "timing_words": ("how recently and how fast", "hace cuánto y a qué ritmo"),
    "channel_words": ("through which channels", "por qué canales"),
    "beeswarm_caption": (
        "One dot a lead ({drawn}): right of zero the feature speaks for it, left against it. Dark dots "
        "have a high value, pale ones a low one, grey ones none or a category",
        "Un punto por lead ({drawn}): a la derecha del cero la variable habla a favor; a la izquierda, en contra. "
        "Los oscuros tienen un valor alto; los claros, bajo; los grises, ninguno o una categoría",
    ),
    "dependence_caption": (
        "The strongest features by value: each dot is a lead ({drawn}), with its value and the points that "
        "it brings. Up to half a percent at each end is not drawn; orange marks a category's mean",
        "Las variables más fuertes según su valor: cada punto es un lead ({drawn}), con su valor y los puntos que "
        "aporta. No se dibuja hasta un medio por ciento de cada extremo; el naranja marca la media de una categoría",
    ),
    "drawn_all": ("all {n}", "todos, {n}"),
    "drawn_some": ("{n} drawn at random", "{n} al azar"),
    "nothing_explained": (
        "No feature moves the scores: there is nothing to explain.",
        "Ninguna variable mueve las puntuaciones: no hay nada que explicar.",
    ),
    "bar_caption": (
        "The strongest features: how many points each moves a score, up or down, on average. The lines are "
        "{confidence} intervals for other leads of the same kind and this model",
        "Las variables más fuertes: cuántos puntos mueve cada una la puntuación, arriba o abajo, de media. Las líneas "
        "son intervalos del {confidence} para otros leads parecidos y este modelo",
    ),
    "bar_no_bag": ("; another training would differ more", "; otro entrenamiento variaría más"),
    "bar_bag": (
        ". The circles are the {n} models averaged here, each alone ({drawn} leads): what is left to the chance of "
        "training; with other data it would differ more",
        ". Los círculos son los {n} modelos que aquí se promedian, cada uno por sí solo ({drawn} leads): lo que "
        "depende del azar del entrenamiento; con otros datos variaría más",
    ),
    "dependence_together": (
        "The colour is the value of the number that it counts together with most: pale is low, dark is high, grey is "
        "none; blue counts alone",
        "El color es el valor de la variable numérica con la que más cuenta en conjunto: claro es bajo; oscuro, alto; "
        "gris, ninguno; azul, cuenta sola",
    ),
    "dependence_colour": ("Colour: {name}", "Color: {name}"),
    "pairs": ("What counts together", "Qué cuenta en conjunto"),
    "pairs_caption": (
        "Mean points, up or down, that two features give together beyond what each gives alone",
        "Puntos de media, arriba o abajo, que dos variables dan juntas, más allá de lo que da cada una",
    ),
    "pairs_one": ("Feature", "Variable"),
    "pairs_two": ("With", "Con"),
    "pairs_sentence": (
        "Of all that features give in pairs, {share} lies between what leads are (fit) and what they do (intent). "
        "Leads that it was measured on: {drawn}.",
        "De todo lo que las variables dan en pares, el {share} está entre lo que los leads son (encaje) y lo que hacen "
        "(intención). Leads en que se midió: {drawn}.",
    ),
    "by_segment": ("By segment: {name}", "Por segmento: {name}"),
    "segments_caption": (
        "Mean points, up or down, of each family among the leads of a level, and the other feature that moves their "
        "scores most",
        "Puntos de media, arriba o abajo, de cada familia entre los leads de un nivel, y la otra variable que más "
        "mueve su puntuación",
    ),
    "segments_level": ("Level", "Nivel"),
    "segments_strongest": ("What else moves scores most", "Qué otra cosa mueve más"),
    "segments_more": ("{n} smaller levels are not shown.", "No se muestran {n} niveles menores."),
}
