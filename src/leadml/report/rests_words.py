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
        "One dot a lead ({n} drawn at random): right of zero the feature speaks for it, left against it. Dark dots "
        "have a high value, pale ones a low one, grey ones none or a category",
        "Un punto por lead ({n} al azar): a la derecha del cero la variable habla a favor; a la izquierda, en contra. "
        "Los oscuros tienen un valor alto; los claros, bajo; los grises, ninguno o una categoría",
    ),
    "dependence_caption": (
        "The strongest features by value: each dot is a lead, with its value and the points that it brings. The "
        "outermost half percent at each end is not drawn; orange marks a category's mean",
        "Las variables más fuertes según su valor: cada punto es un lead, con su valor y los puntos que aporta. No se "
        "dibuja el medio por ciento de cada extremo; el naranja marca la media de una categoría",
    ),
    "nothing_explained": (
        "No feature moves the scores: there is nothing to explain.",
        "Ninguna variable mueve las puntuaciones: no hay nada que explicar.",
    ),
    "bar_caption": (
        "The strongest features: how many points each moves a score, up or down, on average. The lines are "
        "{confidence} intervals, from drawing companies",
        "Las variables más fuertes: cuántos puntos mueve cada una la puntuación, arriba o abajo, de media. Las líneas "
        "son intervalos del {confidence}, de sortear empresas",
    ),
    "dependence_together": (
        "The colour is the value of the feature that it counts together with most: pale is low, dark is high, grey is "
        "none",
        "El color es el valor de la variable con la que más cuenta en conjunto: claro es bajo; oscuro, alto; gris, "
        "ninguno",
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
        "Pairs of a fit feature and an intent feature give {points} points in all, up or down: {share} of what all "
        "pairs give.",
        "Los pares de una variable de encaje y una de intención dan {points} puntos en total, arriba o abajo: el "
        "{share} de lo que dan todos los pares.",
    ),
    "by_segment": ("By segment: {name}", "Por segmento: {name}"),
    "segments_caption": (
        "Mean points, up or down, of each family among the leads of a level, and the feature that moves them most",
        "Puntos de media, arriba o abajo, de cada familia entre los leads de un nivel, y la variable que más los mueve",
    ),
    "segments_level": ("Level", "Nivel"),
    "segments_strongest": ("Moves scores most", "Lo que más mueve"),
    "segments_more": ("{n} smaller levels are not shown.", "No se muestran {n} niveles menores."),
}
