"""The words of the report's section on the change of champion, in English and Spanish; `report.words` takes it in."""

# key: (English, Spanish). Placeholders in braces are the same in both.
SUCCESSION_TEXTS: dict[str, tuple[str, str]] = {
    "succession": ("The change of model", "El cambio de modelo"),
    "succession_train": (
        "Model {now} took the place of model {before} when it was trained.",
        "El modelo {now} ocupó el lugar del modelo {before} al entrenarse.",
    ),
    "succession_promote": (
        "Model {now} was promoted by hand, in the place of model {before}.",
        "El modelo {now} se promovió a mano, en lugar del modelo {before}.",
    ),
    "succession_rollback": (
        "Model {now} was brought back; it takes the place of model {before} again.",
        "El modelo {now} se ha recuperado; vuelve a ocupar el lugar del modelo {before}.",
    ),
    "succession_no_race": (
        "The two were not compared on one test.",
        "Los dos no se compararon en una misma prueba.",
    ),
    "succession_race": (
        "Both were compared on the same {rows} rows of {lists} lists with {conversions} converting leads.",
        "Los dos se compararon en las mismas {rows} filas de {lists} listas con {conversions} leads convertidos.",
    ),
    "succession_written": (
        "The model before stands by the scores that it wrote at the time.",
        "El modelo anterior cuenta con las puntuaciones que escribió en su momento.",
    ),
    "succession_retrained": (
        "The model before stands by its recipe, trained again on what was known before the test.",
        "El modelo anterior cuenta con su receta, entrenada de nuevo con lo que se sabía antes de la prueba.",
    ),
    "succession_same": (
        "Both follow the same recipe, so on that test they are one model; the new one learnt from newer data.",
        "Los dos siguen la misma receta y en esa prueba son un solo modelo; el nuevo ha aprendido de datos más "
        "recientes.",
    ),
    "succession_better": ("The new model was better.", "El modelo nuevo fue mejor."),
    "succession_not_worse": (
        "The new model was not worse.",
        "El modelo nuevo no fue peor.",
    ),
    "succession_worse": ("The new model was worse.", "El modelo nuevo fue peor."),
    "succession_open": (
        "It was not shown that the new model is as good.",
        "No quedó demostrado que el modelo nuevo sea igual de bueno.",
    ),
    "succession_stamp": ("Promoted against its verdict", "Promovido en contra de su veredicto"),
    "loss_before": ("Log loss of the model before", "Log loss del modelo anterior"),
    "loss_now": ("Log loss of this model", "Log loss de este modelo"),
    "loss_difference": ("Difference; below 0 is better", "Diferencia; por debajo de 0 es mejor"),
    "interval_ends": ("{low} to {high}", "{low} a {high}"),
    "age_newer": ("Newer data learnt from", "Datos más recientes que ha aprendido"),
    "days_newer": ("days", "días"),
    "champion_drift": ("Conversions per expected one, before", "Conversiones por cada esperada, antes"),
    "grades_changed": ("Leads that change grade", "Leads que cambian de grado"),
    "grades_up": ("To a better grade", "A un grado mejor"),
    "grades_down": ("To a worse grade", "A un grado peor"),
    "grid_changed": ("Leads that change place among thirds of fit and intent",
                     "Leads que cambian de lugar entre tercios de encaje e intención"),
    "of_leads": ("of {n} leads", "de {n} leads"),
    "succession_grades": (
        "Grades of the newest list then ({n} leads), the very same rows by both models: how many leads went from each "
        "grade to each",
        "Grados de la lista más reciente de entonces ({n} leads), las mismas filas con los dos modelos: cuántos leads "
        "pasan de cada grado a cada grado",
    ),
    "grade_from": ("Before", "Antes"),
    "grade_to": ("now {grade}", "ahora {grade}"),
}  # fmt: skip
