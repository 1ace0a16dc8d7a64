"""The words of the fairness audit, in the report and in the model card."""

# key: (English, Spanish), as in words.py.
FAIR_TEXTS: dict[str, tuple[str, str]] = {
    "fair": ("What it does to groups of people", "Qué efecto tiene en grupos de personas"),
    "fair_note": (
        "None of these columns is a feature; they serve this audit alone. A lead is selected from a probability of "
        "{threshold} on. Groups of fewer than {leads} leads are not told; what needs conversions needs {conversions}. "
        "Intervals of {confidence}, drawn by account. Differences need not be unfair, nor equality fair: groups differ "
        "in how often they convert.",
        "Ninguna de estas columnas es una variable; solo sirven para esta auditoría. Un lead se selecciona a partir de "
        "una probabilidad del {threshold}. No se muestran grupos de menos de {leads} leads; lo que requiere "
        "conversiones requiere {conversions}. Intervalos del {confidence}, por cuentas. Una diferencia no es por "
        "fuerza injusta, ni una igualdad justa: los grupos convierten con distinta frecuencia.",
    ),
    "fair_by": ("By {column}", "Por {column}"),
    "fair_group": ("Group", "Grupo"),
    "fair_selection_rate": ("Selected", "Seleccionados"),
    "fair_true_positive_rate": ("Of those who convert, selected", "De los que convierten, seleccionados"),
    "fair_false_positive_rate": ("Of the others, selected", "De los demás, seleccionados"),
    "fair_false_negative_rate": ("Of those who convert, missed", "De los que convierten, perdidos"),
    "fair_true_negative_rate": ("Of the others, not selected", "De los demás, no seleccionados"),
    "fair_gap": ("Happened less said", "Lo ocurrido menos lo dicho"),
    "fair_small": (
        "Not told: {groups} groups with {leads} leads, too small; {missing} leads whose value is not known.",
        "No se muestran: {groups} grupos con {leads} leads, demasiado pequeños; {missing} leads de valor desconocido.",
    ),
    "fair_few": (
        "Fewer than two groups are large enough to be compared.",
        "Menos de dos grupos son lo bastante grandes para compararlos.",
    ),
    "fair_difference": ("Between the groups", "Entre los grupos"),
    "fair_value": ("Value", "Valor"),
    "fair_chance": ("By chance, up to", "Por azar, hasta"),
    "fair_demographic_parity_difference": (
        "Demographic parity: largest difference of the share selected",
        "Paridad demográfica: mayor diferencia en la parte seleccionada",
    ),
    "fair_demographic_parity_ratio": (
        "Demographic parity: smallest share selected over the largest",
        "Paridad demográfica: menor parte seleccionada entre la mayor",
    ),
    "fair_equalized_odds_difference": (
        "Equalised odds: largest difference of true or false positives",
        "Igualdad de probabilidades: mayor diferencia de positivos verdaderos o falsos",
    ),
    "fair_equalized_odds_ratio": (
        "Equalised odds: smallest ratio of true or false positives",
        "Igualdad de probabilidades: menor cociente de positivos verdaderos o falsos",
    ),
    "fair_top": ("In the top 10% of a list", "En el 10 % mejor de una lista"),
    "fair_top_demographic_parity_difference": (
        "Top 10% of each list: largest difference of the share in it",
        "10 % mejor de cada lista: mayor diferencia en la parte que está en él",
    ),
    "fair_top_demographic_parity_ratio": (
        "Top 10% of each list: smallest share in it over the largest",
        "10 % mejor de cada lista: menor parte que está en él entre la mayor",
    ),
    "fair_nearly_all": (
        "The threshold selects everybody or nearly so in every group: selection cannot differ, and its equality says "
        "nothing. What can differ is who stands at the top of the lists.",
        "El umbral selecciona a todos, o casi, en cada grupo: la selección no puede diferir y su igualdad no dice "
        "nada. Lo que puede diferir es quién está en lo alto de las listas.",
    ),
    "fair_nearly_none": (
        "The threshold selects nobody or nearly so in every group: what differs of so few says nothing. What can "
        "differ is who stands at the top of the lists.",
        "El umbral no selecciona a nadie, o casi, en cada grupo: lo que difiera entre tan pocos no dice nada. Lo que "
        "puede diferir es quién está en lo alto de las listas.",
    ),
    "fair_apart": (
        "{name}: what was said and what happened differ by {gap} percentage points, more than the interval explains.",
        "{name}: lo dicho y lo ocurrido difieren en {gap} puntos porcentuales, más de lo que explica el intervalo.",
    ),
    "fair_calibrated": (
        "In no group is what was said shown to be off from what happened.",
        "En ningún grupo se ve que lo dicho se aparte de lo ocurrido.",
    ),
    "fair_proxies": (
        "Features that stand for it (how well they tell a group, on leads that were not looked at before; 0.5 is "
        "chance): {names}.",
        "Variables que la sustituyen (con qué acierto dicen el grupo, en leads no vistos; 0,5 es azar): {names}.",
    ),
    "fair_no_proxies": (
        "No feature stands for it by itself.",
        "Ninguna variable la sustituye por sí sola.",
    ),
    "fair_more_proxies": (" and {n} more", " y {n} más"),
    "fair_together": (
        "All features together tell the groups with an AUC of {names} (0.5 is chance).",
        "Todas las variables juntas dicen el grupo con un AUC de {names} (0,5 es azar).",
    ),
}
