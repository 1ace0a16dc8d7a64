"""The words of the sections on what was learnt, and on segments."""

# key: (English, Spanish), as in words.py.
LEARNT_TEXTS: dict[str, tuple[str, str]] = {
    "learnt": ("What was learnt, and why", "Qué se aprendió y por qué"),
    "rung_points": ("the team's scorecard", "tarjeta de puntos del equipo"),
    "rung_logistic": ("logistic regression", "regresión logística"),
    "rung_lightgbm": ("decision trees", "árboles de decisión"),
    "rung_blend": ("blend", "mezcla"),
    "member_points": ("scorecard", "tarjeta de puntos"),
    "member_logistic": ("logistic regression", "regresión logística"),
    "member_trees": ("trees", "árboles"),
    "member_loose trees": ("looser trees", "árboles más libres"),
    "learnt_how": (
        "The ways of learning were tried from the simplest to the most elaborate, each on leads of {folds} periods "
        "that came after those that it had learnt from. The measure is the log loss: how far the probabilities were "
        "from what happened; lower is better.",
        "Se probaron las formas de aprender de la más sencilla a la más compleja, cada una con leads de {folds} "
        "periodos posteriores a los que le sirvieron para aprender. La medida es la pérdida logarítmica: cuánto se "
        "alejaron las probabilidades de lo que pasó; cuanto menor, mejor.",
    ),
    "learnt_lowest": (
        "Chosen: {name}. Nothing else that was tried has a lower log loss, and nothing simpler comes within what "
        "chance explains (one standard error of the difference).",
        "Elegida: {name}. Nada de lo probado tiene una pérdida menor, y nada más sencillo se le acerca dentro de lo "
        "que explica el azar (un error estándar de la diferencia).",
    ),
    "learnt_simplest": (
        "Chosen: {name}. It is the simplest that is not shown to be worse: its log loss is {more} above the lowest, "
        "less than the {error} that chance explains (one standard error of the difference). What is simpler still is "
        "worse by more than chance explains.",
        "Elegida: {name}. Es la más sencilla que no resulta peor: su pérdida es {more} mayor que la más baja, menos "
        "que los {error} que explica el azar (un error estándar de la diferencia). Lo que es aún más sencillo es peor "
        "por más de lo que explica el azar.",
    ),
    "learnt_simplest_first": (
        "Chosen: {name}, the simplest there is. Its log loss is {more} above the lowest, less than the {error} that "
        "chance explains (one standard error of the difference): what is more elaborate is not shown to be better.",
        "Elegida: {name}, la más sencilla que hay. Su pérdida es {more} mayor que la más baja, menos que los {error} "
        "que explica el azar (un error estándar de la diferencia): no se ve que lo más complejo sea mejor.",
    ),
    "learnt_lowest_first": (
        "Chosen: {name}, the simplest there is, and nothing else that was tried has a lower log loss.",
        "Elegida: {name}, la más sencilla que hay, y nada de lo probado tiene una pérdida menor.",
    ),
    "learnt_named": (
        "The settings ask for {name}; nothing else was tried.",
        "Los ajustes piden {name}; no se probó nada más.",
    ),
    "learnt_points": (
        "The model is the team's scorecard: the settings ask for it, or nothing learnt was better (see the verdict).",
        "El modelo es la tarjeta de puntos del equipo: lo piden los ajustes, o nada de lo aprendido fue mejor (véase "
        "el veredicto).",
    ),
    "learnt_form_identity": (
        "Its probabilities are taken as they come: stretching them was not shown to be better.",
        "Sus probabilidades se toman como salen: no se ve que estirarlas sea mejor.",
    ),
    "learnt_form_untried": (
        "Its probabilities are taken as they come: so few conversions cannot tell whether stretching them would be "
        "better.",
        "Sus probabilidades se toman como salen: tan pocas conversiones no pueden decir si sería mejor estirarlas.",
    ),
    "learnt_form_wider": (
        "Its log-odds are multiplied by {slope}: on later leads its probabilities were not far enough apart.",
        "Sus log-odds se multiplican por {slope}: con leads posteriores, sus probabilidades se separaban poco.",
    ),
    "learnt_form_closer": (
        "Its log-odds are multiplied by {slope}: on later leads its probabilities were too far apart.",
        "Sus log-odds se multiplican por {slope}: con leads posteriores, sus probabilidades se separaban demasiado.",
    ),
    "learnt_tuned": (
        "{trials} settings of the trees were tried on all periods but the newest. On that one, which had no say in "
        "choosing among them, the log loss of one model of trees fell by {gain}; the best settings are used.",
        "Se probaron {trials} ajustes de los árboles en todos los periodos menos el último. En ese, que no intervino "
        "en la elección, la pérdida logarítmica de un modelo de árboles bajó {gain}; se usan los mejores.",
    ),
    "learnt_tuned_none": (
        "{trials} settings of the trees were tried on all periods but the newest; the best was not shown to be better "
        "on that one, which had no say in choosing it.",
        "Se probaron {trials} ajustes de los árboles en todos los periodos menos el último; del mejor no se vio que lo "
        "fuera en ese, que no intervino en su elección.",
    ),
    "learnt_caption": (
        "What was tried, from the simplest on: shares in the mix, and log loss on leads of later periods",
        "Lo que se probó, empezando por lo más sencillo: partes de la mezcla y pérdida logarítmica con leads "
        "posteriores",
    ),
    "learnt_tried": ("Way of learning", "Forma de aprender"),
    "learnt_loss": ("Log loss", "Pérdida logarítmica"),
    "learnt_more": ("Above the lowest", "Sobre la más baja"),
    "learnt_error": ("Standard error of that", "Error estándar de eso"),
    "learnt_is_lowest": ("lowest", "la más baja"),
    "learnt_chosen": ("chosen", "elegida"),
    "origins": ("Does it hold from one period to the next?", "¿Se mantiene de un periodo a otro?"),
    "origins_note": (
        "Each row is the same recipe, trained on what was known before the period began, and judged on its leads. The "
        "last one is the test. Those before it also chose the recipe, and the step from its order of leads to "
        "probabilities was learnt from all periods but their own, later ones too: both flatter them a little.",
        "Cada fila es la misma receta, entrenada con lo que se sabía antes de empezar el periodo y juzgada con sus "
        "leads. La última es la prueba. Las anteriores también eligieron la receta, y el paso de su orden de leads a "
        "probabilidades se aprendió de todos los periodos menos el suyo, también posteriores: ambas cosas las "
        "favorecen un poco.",
    ),
    "origins_spread": (
        "Better than giving every lead the same probability in {better} of {n} periods. AUC from {low} to {high}.",
        "Mejor que dar a todos los leads la misma probabilidad en {better} de {n} periodos. AUC de {low} a {high}.",
    ),
    "origins_spread_none": (
        "Better than giving every lead the same probability in {better} of {n} periods.",
        "Mejor que dar a todos los leads la misma probabilidad en {better} de {n} periodos.",
    ),
    "origins_named_note": (
        "Each row is the same recipe, trained on what was known before the period began, and judged on its leads. The "
        "last one is the test. Those before it had no way of learning to choose, as the settings name it; but the step "
        "from its order of leads to probabilities was learnt from all periods but their own, later ones too, which "
        "flatters them a little.",
        "Cada fila es la misma receta, entrenada con lo que se sabía antes de empezar el periodo y juzgada con sus "
        "leads. La última es la prueba. Las anteriores no eligieron la forma de aprender, que dan los ajustes; pero el "
        "paso de su orden de leads a probabilidades se aprendió de todos los periodos menos el suyo, también "
        "posteriores, lo que las favorece un poco.",
    ),
    "origins_caption": (
        "Each period with its {confidence} intervals; dashed is what random order, or one probability for all, gives",
        "Cada periodo con sus intervalos del {confidence}; la línea discontinua es lo que da un orden al azar, o una "
        "sola probabilidad para todos",
    ),
    "origin_period": ("Period", "Periodo"),
    "origin_dates": ("{first} to {last}", "del {first} al {last}"),
    "origin_number": ("period {n}", "periodo {n}"),
    "origin_test": ("test", "prueba"),
    "origin_accounts": ("Accounts that converted", "Cuentas que convirtieron"),
    "origin_gain": ("Log loss below one probability for all", "Pérdida por debajo de una sola probabilidad"),
    "origin_gain_axis": ("log loss, lower by", "pérdida, menor en"),
    # segments
    "by_segments": ("Segment by segment", "Segmento a segmento"),
    "by_segments_note": (
        "The test's leads by the segments of train.segments; a level with fewer than {least} distinct converting leads "
        "is only counted. Under the rate and the error: what a perfect model would show, 90% and 95% of the time. "
        "Then: in the periods before the test. Moved: how differently probabilities are spread since (stability index; "
        "above {moved} is much).",
        "Los leads de la prueba por los segmentos de train.segments; un nivel con menos de {least} leads distintos "
        "convertidos solo se cuenta. Bajo la tasa y el error: lo que mostraría un modelo perfecto, el 90 % y el 95 % "
        "de las veces. Antes: en los periodos anteriores a la prueba. Cambio: cuán distintas se reparten desde "
        "entonces las probabilidades (índice de estabilidad; más de {moved} es mucho).",
    ),
    "segment_few": (
        "{name}: none of its {n} levels has the {least} distinct converting leads in the test that figures of its own "
        "need (the most: {most}).",
        "{name}: ninguno de sus {n} niveles tiene en la prueba los {least} leads distintos convertidos que hacen falta "
        "para tener cifras propias (el que más: {most}).",
    ),
    "segment_level": ("Segment", "Segmento"),
    "segment_gain": ("Log loss below one for all", "Pérdida bajo una sola"),
    "segment_then": ("Rate then", "Tasa antes"),
    "segment_moved": ("Moved", "Cambio"),
    "intercepts_used": (
        "{name} has corrections of its own: on later leads they lower the log loss by {less} (standard error {error}). "
        "They count in the points of that feature: {levels}.",
        "{name} tiene correcciones propias: con leads posteriores bajan la pérdida logarítmica en {less} (error "
        "estándar {error}). Cuentan en los puntos de esa variable: {levels}.",
    ),
    "intercepts_more": ("and {n} more", "y {n} más"),
    "intercepts_alike": (
        "{name} has no corrections of its own: what the model gets wrong differs between its levels no more than "
        "chance explains.",
        "{name} no tiene correcciones propias: lo que el modelo yerra no difiere entre sus niveles más de lo que "
        "explica el azar.",
    ),
    "intercepts_not_less": (
        "{name} has no corrections of its own: with those of the other periods the log loss of a period would be lower "
        "by {less}, no more than chance explains (standard error {error}).",
        "{name} no tiene correcciones propias: con las de los demás periodos, la pérdida de un periodo sería menor en "
        "{less}, no más de lo que explica el azar (error estándar {error}).",
    ),
    "intercepts_not_forward": (
        "{name} has no corrections of its own: with those of earlier periods alone the log loss of a period would be "
        "lower by {forward}, no more than chance explains (standard error {forward_error}).",
        "{name} no tiene correcciones propias: con las de los periodos anteriores, la pérdida de un periodo sería "
        "menor en {forward}, no más de lo que explica el azar (error estándar {forward_error}).",
    ),
    "intercepts_not_newest": (
        "{name} has no corrections of its own: they would have helped before, not in the newest period, so the model "
        "has learnt since what they would tell.",
        "{name} no tiene correcciones propias: habrían ayudado antes, pero no en el último periodo; el modelo ya ha "
        "aprendido lo que dirían.",
    ),
}
