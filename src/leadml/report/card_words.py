"""The words of the model card."""

# key: (English, Spanish), as in words.py.
CARD_TEXTS: dict[str, tuple[str, str]] = {
    "card": ("Model card", "Ficha del modelo"),
    "card_note": (
        "The same facts as Markdown, to be kept with the model: data/reports/model_card.md.",
        "Los mismos datos en Markdown, para guardarlos con el modelo: data/reports/model_card.md.",
    ),
    "card_show": ("Show the model card", "Mostrar la ficha del modelo"),
    "card_title": (
        "Model card: lead scores, model {version}",
        "Ficha del modelo: puntuación de leads, modelo {version}",
    ),
    "card_verdict": ("Verdict: {title}", "Veredicto: {title}"),
    # purpose
    "card_purpose": ("What it is for", "Para qué sirve"),
    "card_purpose_words": (
        "It estimates, for each open lead, the probability of {event}{within}, to decide which leads to work first. It "
        "orders and filters; it closes nothing, sets no price and replaces no conversation.",
        "Estima, para cada lead abierto, la probabilidad de {event}{within}, para decidir qué leads trabajar primero. "
        "Ordena y filtra; no cierra, no pone precio y no sustituye ninguna conversación.",
    ),
    "card_effect": (
        "**Prediction is not effect.** Every figure here says what happened given how leads were worked then; it holds "
        "if they are worked as before. It does not say that working a lead makes it convert.",
        "**Predecir no es causar.** Todas las cifras dicen lo que pasó tal como se trabajaban los leads; valen si se "
        "trabajan como hasta ahora. No dicen que trabajar un lead haga que convierta.",
    ),
    "card_problem": ("The problem", "El problema"),
    "card_setting": ("setting", "ajuste"),
    "card_value": ("value", "valor"),
    # data
    "card_data": ("Data", "Datos"),
    "card_source": ("Source: {source}. End of the data: {end}.", "Fuente: {source}. Fin de los datos: {end}."),
    "card_no_end": ("rows without dates", "filas sin fecha"),
    "card_snapshots": (
        "{rows} matured snapshots of {leads} leads of {accounts} accounts; **{converting} distinct leads converted** "
        "(rate of the snapshots {rate}).",
        "{rows} instantáneas maduras de {leads} leads de {accounts} cuentas; **convirtieron {converting} leads "
        "distintos** (tasa de las instantáneas: {rate}).",
    ),
    "card_cutoffs": ("Cutoffs from {first} to {last}.", "Cortes del {first} al {last}."),
    "card_immature": (
        "{share} of all snapshots were not mature yet (their horizon was not over) and taught nothing.",
        "El {share} de todas las instantáneas aún no estaba maduro (su horizonte no había acabado) y no enseñó nada.",
    ),
    "card_parts": (
        "Rows: {train} trained the judged model, {stream} made the out-of-time stream, {test} tested it, {final} "
        "trained the model that scores.",
        "Filas: {train} entrenaron el modelo juzgado, {stream} formaron la serie fuera de tiempo, {test} lo probaron, "
        "{final} entrenaron el modelo que puntúa.",
    ),
    "card_test": (
        "The test: {leads} distinct leads on {lists} lists, **{converting} of them converted**.",
        "La prueba: {leads} leads distintos en {lists} listas; **convirtieron {converting}**.",
    ),
    "card_test_dates": ("Its cutoffs: {first} to {last}.", "Sus cortes: del {first} al {last}."),
    "card_file": ("file", "fichero"),
    "card_rows": ("rows", "filas"),
    # recipe
    "card_recipe": ("Recipe", "Receta"),
    "card_calibrator": (
        "Calibrated log-odds = {slope} × margin {intercept}; the base rate behind it is {rate}. 50 points stand for "
        "{p50}.",
        "Log-odds calibrados = {slope} × margen {intercept}; la tasa base es {rate}. 50 puntos equivalen a {p50}.",
    ),
    "card_rung": ("way of learning", "forma de aprender"),
    "card_trees": ("trees", "árboles"),
    "card_weight": ("weight of: {name}", "peso de: {name}"),
    "card_notes": ("What the training remarked:", "Lo que señaló el entrenamiento:"),
    # figures
    "card_figures": ("How good it is", "Qué tal acierta"),
    "card_figures_note": (
        "Per list, averaged, on lists that the judged model had not seen; intervals of {confidence}, drawn by account, "
        "rest on {converting} distinct converting leads.",
        "Por lista, promediado, en listas que el modelo juzgado no había visto; los intervalos del {confidence}, por "
        "cuentas, se apoyan en {converting} leads distintos que convirtieron.",
    ),
    "card_difference": ("leadml minus", "leadml menos"),
    "card_differences": (
        "Paired differences (log loss: below 0 leadml is better; AUC: above 0):",
        "Diferencias emparejadas (pérdida logarítmica: por debajo de 0 es mejor leadml; AUC: por encima):",
    ),
    # weak
    "card_weak": ("Where it is weak", "Dónde es débil"),
    "card_weak_none": (
        "No band of age and no segment was found in which it is shown to be weak.",
        "No se ha encontrado tramo de edad ni segmento en que se vea débil.",
    ),
    "card_weak_note": (
        "Looked at for their order: {n} bands and segments.",
        "Por su orden se han mirado {n} tramos y segmentos.",
    ),
    "card_weak_groups": (
        "Looked at for their probabilities: {n} groups, which overlap. Of a model with perfect probabilities about one "
        "in ten would have its rate outside its range by chance, and up to one in twenty more an error beyond chance.",
        "Por sus probabilidades se han mirado {n} grupos, que se solapan. Con probabilidades perfectas, cerca de uno "
        "de cada diez tendría por azar su tasa fuera de su margen, y hasta uno de cada veinte más, un error mayor que "
        "el del azar.",
    ),
    "card_weak_whole": (
        "The whole test: said {said}, happened {rate} (a perfect model would show {low} to {high}; {conversions} "
        "converting leads).",
        "Toda la prueba: dijo {said}, pasó {rate} (un modelo perfecto mostraría de {low} a {high}; {conversions} leads "
        "que convirtieron).",
    ),
    "card_weak_same": (
        "Groups below whose rate is off on that same side, and which tell this one fact again: {n}.",
        "Grupos de abajo cuya tasa se desvía hacia ese mismo lado y que repiten este único hecho: {n}.",
    ),
    "card_weak_order": (
        "{name}: its order is not shown to be better than chance (AUC {auc}; {conversions} converting leads).",
        "{name}: no se ve que ordene mejor que el azar (AUC {auc}; {conversions} leads que convirtieron).",
    ),
    "card_weak_constant": (
        "{name}: not shown to be better than one probability for all (log loss difference {loss}; {conversions} "
        "converting leads).",
        "{name}: no se ve que sea mejor que una misma probabilidad para todos (diferencia de pérdida logarítmica "
        "{loss}; {conversions} leads que convirtieron).",
    ),
    "card_weak_rate": (
        "{name}: said {said}, happened {rate} (a perfect model would show {low} to {high}; {conversions} converting "
        "leads).",
        "{name}: dijo {said}, pasó {rate} (un modelo perfecto mostraría de {low} a {high}; {conversions} leads que "
        "convirtieron).",
    ),
    "card_weak_error": (
        "{name}: calibration error {error} points, by chance up to {chance} ({conversions} converting leads).",
        "{name}: error de calibración de {error} puntos, por azar hasta {chance} ({conversions} leads que "
        "convirtieron).",
    ),
    "card_no_fairness": (
        "Not measured: no sensitive column was given for it (`fairness.columns`).",
        "Sin medir: no se dio ninguna columna sensible para ello (`fairness.columns`).",
    ),
    # features
    "card_features": ("What it looks at", "En qué se fija"),
    "card_features_count": ("{n} features:", "{n} variables:"),
    "card_effort_in": (
        "{n} of them tell what sales did (sales effort), which partly echoes the old scoring; without them the AUC is "
        "{without}, with them {auc}.",
        "{n} dicen lo que hizo ventas (esfuerzo de ventas), que en parte repite la puntuación antigua; sin ellas el "
        "AUC es {without}; con ellas, {auc}.",
    ),
    "card_effort_out": (
        "None of them tells what sales did (sales effort).",
        "Ninguna dice lo que hizo ventas (esfuerzo de ventas).",
    ),
    "card_left_out": ("What was left out", "Lo que se dejó fuera"),
    "card_denied": ("Fields of the exports, by why:", "Campos de las exportaciones, según el motivo:"),
    "card_sensitive": (
        "Sensitive columns, not used: {names}.",
        "Columnas sensibles, no usadas: {names}.",
    ),
    "card_sensitive_used": (
        "**Sensitive columns that were taken in by name: {names}.**",
        "**Columnas sensibles que se incluyeron por su nombre: {names}.**",
    ),
    "card_sensitive_none": (
        "No column of a sensitive name was found in the exports or used.",
        "No se ha encontrado ni usado ninguna columna de nombre sensible.",
    ),
    "card_audit": ("By the leak audit: {names}.", "Por la auditoría de fugas: {names}."),
    "card_audit_none": ("By the leak audit: nothing.", "Por la auditoría de fugas: nada."),
    "card_kept": ("**Used although suspect: {names}.**", "**Usadas aunque son sospechosas: {names}.**"),
    # versions
    "card_versions": ("Versions", "Versiones"),
    "card_versions_words": (
        "Model {version}, seed {seed}. Same exports, settings, seed and versions give the same scores.",
        "Modelo {version}, semilla {seed}. Con las mismas exportaciones, ajustes, semilla y versiones salen las mismas "
        "puntuaciones.",
    ),
    "card_back": ("How to go back", "Cómo volver atrás"),
    "card_back_words": (
        "Once this model is the champion, `leadml rollback` puts the one that it replaced back in place.",
        "Cuando este modelo sea el campeón, `leadml rollback` repone el que haya sustituido.",
    ),
    "card_back_first": (
        "When this model was trained there was no champion that it could replace: `leadml rollback` has none to put "
        "back.",
        "Cuando se entrenó este modelo no había campeón al que sustituir: `leadml rollback` no tiene ninguno que "
        "reponer.",
    ),
    "card_back_tracked": (
        "Every registered version stays in MLflow.",
        "Todas las versiones registradas siguen en MLflow.",
    ),
    "card_back_archive": (
        "`data/archive/models` keeps each scorer that a list was scored with.",
        "`data/archive/models` guarda cada modelo con que se puntuó una lista.",
    ),
}
