"""The words of the report's sections on what a lead is worth and how soon it converts, and on what the data lack."""

# key: (English, Spanish), as in words.py.
WORTH_TEXTS: dict[str, tuple[str, str]] = {
    "worth": ("What a lead is worth", "Cuánto vale un lead"),
    "worth_learnt": (
        "The amount if a lead converts is learnt from {leads} converting leads by: {features} ({form}; every effect is "
        "shrunken towards the mean). The expected value is the probability times the mean amount of such leads.",
        "El importe si un lead convierte se aprende de {leads} leads que convirtieron, según: {features} ({form}; cada "
        "efecto se encoge hacia la media). El valor esperado es la probabilidad por el importe medio de leads así.",
    ),
    "worth_mean": (
        "Amounts could not be predicted better than by their mean ({leads} converting leads): the expected value is "
        "the probability times that mean, so it orders the leads as the probability does.",
        "Los importes no se pudieron predecir mejor que con su media ({leads} leads que convirtieron): el valor "
        "esperado es la probabilidad por esa media, así que ordena los leads igual que la probabilidad.",
    ),
    "worth_none": (
        "No converting lead has an amount, so there is no expected value.",
        "Ningún lead que convirtió tiene importe, así que no hay valor esperado.",
    ),
    "form_log-normal": ("log-normal", "lognormal"),
    "form_gamma": ("gamma", "gamma"),
    "worth_range": (
        "Its range holds {confidence} of the amounts of leads that convert, the uncertainty of what was learnt "
        "included. The probability is taken as it is.",
        "Su intervalo abarca el {confidence} de los importes de leads que convierten, incluida la incertidumbre de lo "
        "aprendido. La probabilidad se toma tal cual.",
    ),
    "worth_capped": (
        "{capped} amounts above {cap} count as that: three interquartile ranges above the third quartile of the "
        "logarithms.",
        "{capped} importes por encima de {cap} cuentan como ese valor: tres recorridos intercuartílicos sobre el "
        "tercer cuartil de los logaritmos.",
    ),
    "worth_missing": (
        "{missing} converting leads have no amount and {zero} one of 0 or less: nothing is learnt from them.",
        "{missing} leads que convirtieron no tienen importe y {zero} lo tienen de 0 o menos: de ellos no se aprende.",
    ),
    "worth_said": ("Mean amount, predicted", "Importe medio predicho"),
    "worth_seen": ("Mean amount, observed", "Importe medio observado"),
    "worth_covered": ("Amounts inside their range", "Importes dentro de su intervalo"),
    "worth_gain": ("Gain on the mean (gamma deviance)", "Mejora sobre la media (desviación gamma)"),
    "worth_gain_note": ("above 0: amounts can be told apart", "sobre 0: los importes se distinguen"),
    "worth_test_note": (
        "On the test, {leads} converting leads with an amount; {confidence} intervals, drawn by account.",
        "En la prueba, {leads} leads que convirtieron con importe; intervalos del {confidence}, por cuentas.",
    ),
    "money_caption": (
        "Money won per lead worked, and share of each list's money, when the top of every test list is worked in the "
        "order of the expected value and of the probability (if worked as before)",
        "Dinero ganado por lead trabajado, y parte del dinero de cada lista, si se trabaja la cabeza de cada lista de "
        "prueba por valor esperado y por probabilidad (si se trabaja como hasta ahora)",
    ),
    "money_share": ("Worked", "Se trabaja"),
    "money_per_value": ("Per lead, by value", "Por lead, según valor"),
    "money_per_probability": ("Per lead, by probability", "Por lead, según probabilidad"),
    "money_gain": ("Difference", "Diferencia"),
    "money_captured_value": ("Money found, by value", "Dinero hallado, según valor"),
    "money_captured_probability": ("Money found, by probability", "Dinero hallado, según probabilidad"),
    "money_more": (
        "Working {shares} of the lists, the expected value found more money.",
        "Si se trabaja el {shares} de las listas, el valor esperado halló más dinero.",
    ),
    "money_less": (
        "Working {shares} of the lists, the probability found more money: there, go by the probability.",
        "Si se trabaja el {shares} de las listas, la probabilidad halló más dinero: ahí, guíese por ella.",
    ),
    "money_no_gain": (
        "No difference is clear: every interval holds 0. Either order serves.",
        "Ninguna diferencia es clara: todos los intervalos contienen el 0. Sirve cualquiera de los dos órdenes.",
    ),
    "sooner": ("How soon it converts", "Cuándo convierte"),
    "sooner_note": (
        "The same evidence with an intercept of its own for each number of days: never falling with the days, never "
        "above the main probability. Judged on the test's lists.",
        "La misma evidencia con un término independiente por cada número de días: nunca baja con los días ni supera "
        "la probabilidad principal. Se juzga con las listas de prueba.",
    ),
    "sooner_days": ("Within", "En"),
    "sooner_days_value": ("{days} days", "{days} días"),
    "sooner_loss": ("Log loss against the constant rate", "Pérdida logarítmica frente a la tasa constante"),
    "lacking": ("What the data lack", "Qué les falta a los datos"),
    "lacking_nothing": (
        "Nothing that the checks before training look for.",
        "Nada de lo que buscan las comprobaciones previas al entrenamiento.",
    ),
    "lacking_what": ("Found", "Se encontró"),
    "lacking_way": ("The way out", "Qué hacer"),
    "lacking_severity": ("How grave", "Gravedad"),
    "lacking_stop": ("stops", "impide"),
    "lacking_warn": ("warning", "aviso"),
    "lacking_note": ("note", "nota"),
}
