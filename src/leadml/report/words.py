"""Everything that the report says, in English and Spanish, side by side so that a missing translation is seen."""

from dataclasses import dataclass
from datetime import datetime

from leadml.errors import ConfigurationError
from leadml.numbers import format_date, format_number, format_percent, format_points
from leadml.report.audit_words import AUDIT_TEXTS
from leadml.report.backtest_words import BACKTEST_TEXTS
from leadml.report.calibrated_words import CALIBRATED_TEXTS
from leadml.report.card_words import CARD_TEXTS
from leadml.report.changes_words import CHANGES_TEXTS
from leadml.report.fair_words import FAIR_TEXTS
from leadml.report.learnt_words import LEARNT_TEXTS
from leadml.report.rests_words import RESTS_TEXTS
from leadml.report.succession_words import SUCCESSION_TEXTS
from leadml.report.worth_words import WORTH_TEXTS

# key: (English, Spanish). Placeholders in braces are the same in both.
OWN_TEXTS: dict[str, tuple[str, str]] = {
    # header
    "title": ("Lead scores", "Puntuación de leads"),
    "what": (
        "For each open lead: the probability of {event}{within}, as known at {cutoff} (UTC).",
        "Para cada lead abierto: la probabilidad de {event}{within}, con lo que se sabía el {cutoff} (UTC).",
    ),
    "what_rows": (
        "For each row: the probability of {event}{within}.",
        "Para cada fila: la probabilidad de {event}{within}.",
    ),
    "within": (" within {days} days", " en los próximos {days} días"),
    "event_won": ("a won opportunity", "ganar una oportunidad"),
    "event_opportunity": ("an opportunity being created", "que se cree una oportunidad"),
    "event_conversion": ("conversion", "conversión"),
    "formula_won": ("P(won{within})", "P(ganada{within})"),
    "formula_opportunity": ("P(opportunity{within})", "P(oportunidad{within})"),
    "formula_conversion": ("P(conversion{within})", "P(conversión{within})"),
    "predicted": ("What is predicted", "Qué se predice"),
    "cutoff": ("Cutoff", "Fecha de corte"),
    "none_given": ("none: rows without dates", "ninguna: filas sin fecha"),
    "model_version": ("Model version", "Versión del modelo"),
    "leads_scored": ("Leads scored", "Leads puntuados"),
    "expected": ("Expected conversions", "Conversiones esperadas"),
    "expected_note": ("if they are worked as before", "si se trabajan como hasta ahora"),
    "forced": (
        "Forced run: a gate said no and the leads were scored anyway (run.force=true). Do not act on these scores "
        "without reading the verdict.",
        "Ejecución forzada: un control dijo que no y se puntuó igualmente (run.force=true). No actúe con estas "
        "puntuaciones sin leer el veredicto.",
    ),
    "verdict": ("Verdict", "Veredicto"),
    "verdict_deploy": ("Deploy", "Usar el modelo"),
    "verdict_use_points": ("Use the points scorecard", "Usar la tarjeta de puntos"),
    "verdict_not_enough_data": ("Not enough data: do not deploy", "Faltan datos: no usar"),
    "verdict_no_signal": ("No signal: do not deploy", "Sin señal: no usar"),
    "verdict_suspiciously_good": ("Suspiciously good: do not deploy yet", "Sospechosamente bueno: no usar todavía"),
    "interval": ("{low} to {high}", "de {low} a {high}"),
    "verdict_unknown": ("Not judged", "Sin juzgar"),
    "why_deploy": (
        "Better than giving every lead the same probability, on leads it had not seen: the best tenth of a list holds "
        "{lift} times the conversions of a random tenth, and the log loss is lower by {gain}.",
        "Mejor que dar a todos los leads la misma probabilidad, con leads que no había visto: el mejor décimo de una "
        "lista reúne {lift} veces las conversiones de un décimo al azar, y la pérdida logarítmica baja en {gain}.",
    ),
    "why_use_points": (
        "The points scorecard orders the leads (AUC {points_auc}), and the test could not show that the model adds to "
        "it.",
        "La tarjeta de puntos ordena bien los leads (AUC {points_auc}) y la prueba no ha podido mostrar que el modelo "
        "aporte algo más.",
    ),
    "why_not_enough_data": (
        "Too few distinct converting leads to judge by: {conversions} in the test. Bring a longer history.",
        "Hay muy pocos leads distintos que convirtieron para juzgar: {conversions} en la prueba. Hace falta un "
        "historial más largo.",
    ),
    "why_no_signal": (
        "Not better than giving every lead the same probability, on leads it had not seen (AUC {auc}, log loss "
        "difference {loss}).",
        "No es mejor que dar a todos los leads la misma probabilidad, con leads que no había visto (AUC {auc}, "
        "diferencia de pérdida logarítmica {loss}).",
    ),
    "why_suspiciously_good": (
        "An AUC of {auc} is too good to be true, and most of the points rest on {leading}: look for a field that is "
        "written when a lead converts, leave it out and train again.",
        "Un AUC de {auc} es demasiado bueno para ser verdad, y casi todos los puntos vienen de {leading}: busque un "
        "campo que se escriba al convertir, descártelo y vuelva a entrenar.",
    ),
    # how to read
    "read": ("How to read it", "Cómo leerlo"),
    "read_probability": (
        "Probability: of 100 leads with 20%, about 20 convert in the horizon. It is calibrated: it was compared with "
        "what really happened.",
        "Probabilidad: de 100 leads con un 20 %, unos 20 convierten en el horizonte. Está calibrada: se ha comparado "
        "con lo que pasó de verdad.",
    ),
    "read_score": (
        "Score: the same probability on a scale of 0 to 100 that stays put. 50 stands for {p50}; ten points more "
        "double the odds, ten points fewer halve them.",
        "Puntuación: la misma probabilidad en una escala fija de 0 a 100. 50 equivale al {p50}; diez puntos más "
        "duplican la razón de probabilidades (odds), diez menos la reducen a la mitad.",
    ),
    "read_grade": (
        "Grade: a fixed range of the score, from A (best) on. Your company can change the ranges.",
        "Grado: un tramo fijo de la puntuación, de la A (mejor) en adelante. Su empresa puede cambiar los tramos.",
    ),
    "read_fit": (
        "Fit and intent: points from who the lead is (fit) and from what it does, when and through which channel "
        "(intent), against the usual lead.",
        "Encaje e intención: puntos por quién es el lead (encaje) y por lo que hace, cuándo y por qué canal "
        "(intención), frente al lead habitual.",
    ),
    "read_reasons": (
        "Reasons: what the score rests on, in points that add up to it; what says the same is one reason. Values are "
        "compared with the last list that judged the model. Reasons do not say what would change the outcome.",
        "Motivos: en qué se apoya la puntuación, en puntos que suman esa puntuación; lo que dice lo mismo es un "
        "motivo. Los valores se comparan con la última lista con que se juzgó el modelo. Los motivos no dicen qué "
        "cambiaría el resultado.",
    ),
    "scale": ("What a score means", "Qué significa cada puntuación"),
    "score": ("Score", "Puntuación"),
    "probability": ("Probability", "Probabilidad"),
    "one_in": ("1 in {n}", "1 de cada {n}"),
    # grades
    "grades": ("Grades", "Grados"),
    "grade": ("Grade", "Grado"),
    "range": ("Score range", "Tramo"),
    "range_words": ("{low} to under {high}", "de {low} a menos de {high}"),
    "range_top": ("{low} to 100", "de {low} a 100"),
    "leads": ("Leads", "Leads"),
    "share": ("Share", "Parte"),
    "mean_probability": ("Mean probability", "Probabilidad media"),
    "scores_caption": ("How many leads have each score", "Cuántos leads tienen cada puntuación"),
    # best leads
    "best": ("The {n} best leads", "Los {n} mejores leads"),
    "best_note": (
        "Sorted by probability, with what the score rests on most. The whole list is in data/scores and in the CRM "
        "file.",
        "Por orden de probabilidad, con aquello en lo que más se apoya la puntuación. La lista completa está en "
        "data/scores y en el fichero para el CRM.",
    ),
    "lead": ("Lead", "Lead"),
    "fit": ("Fit", "Encaje"),
    "intent": ("Intent", "Intención"),
    "speaks_for": ("Speaks for the lead", "A favor"),
    "speaks_against": ("Speaks against", "En contra"),
    "no_reasons": ("nothing of half a point or more", "nada de medio punto o más"),
    # threshold
    "threshold": ("Threshold: which leads to work", "Umbral: qué leads trabajar"),
    "threshold_rule": (
        "Work a lead from a probability of {threshold} (score {score}) on. The threshold follows from a capacity of "
        "{capacity} leads that may enter the worked list a week; a lead worked within {again} days does not enter "
        "again.",
        "Trabaje un lead a partir de una probabilidad del {threshold} (puntuación {score}). El umbral sale de una "
        "capacidad de {capacity} leads nuevos a la semana en la lista de trabajo; un lead trabajado en los últimos "
        "{again} días no vuelve a entrar.",
    ),
    "threshold_plain": (
        "Work a lead from a probability of {threshold} (score {score}) on.",
        "Trabaje un lead a partir de una probabilidad del {threshold} (puntuación {score}).",
    ),
    "threshold_none": (
        "No threshold has been chosen yet; leadml calibrate chooses one.",
        "Todavía no hay umbral; leadml calibrate lo elige.",
    ),
    "now_above": ("Above the threshold now", "Ahora por encima del umbral"),
    "entries_per_week": ("Entries a week", "Entradas por semana"),
    "precision": ("Of the entries converted", "De las entradas convirtió"),
    "precision_said": ("Was expected", "Se esperaba"),
    "conversions_caught": ("Of all conversions caught", "Del total de conversiones, captado"),
    "conversions_per_week": ("Conversions a week among them", "Conversiones por semana entre ellas"),
    "judged": (
        "Judged on {weeks} test weeks that did not choose the threshold, with {conversions} distinct converting leads; "
        "intervals of {confidence}. The first week is the fullest ({first} entries), because nobody has been worked "
        "yet.",
        "Juzgado en {weeks} semanas de prueba que no eligieron el umbral, con {conversions} leads distintos que "
        "convirtieron; intervalos del {confidence}. La primera semana es la más llena ({first} entradas), porque aún "
        "no se ha trabajado a nadie.",
    ),
    "note_over_capacity": (
        "More leads share the highest probability than the capacity allows, and no threshold parts them.",
        "Hay más leads con la probabilidad más alta de los que permite la capacidad, y ningún umbral los separa.",
    ),
    "note_all_enter": (
        "The capacity is above what the lists hold: every lead enters.",
        "La capacidad supera lo que contienen las listas: entran todos los leads.",
    ),
    "as_before": (
        "Prediction is not effect: these figures hold if leads are worked as before.",
        "Predecir no es causar: estas cifras valen si los leads se trabajan como hasta ahora.",
    ),
    # test figures
    "test": ("How good it is: the test", "Qué tal acierta: la prueba"),
    "test_note": (
        "Computed on each of {lists} lists that the model had not seen, then averaged: {leads} leads, of which "
        "{conversions} converted. In small type the interval of {confidence}, drawn by account.",
        "Calculado en cada una de {lists} listas que el modelo no había visto, y promediado: {leads} leads, de los que "
        "convirtieron {conversions}. En letra pequeña, el intervalo del {confidence}, por cuentas.",
    ),
    "test_note_dated": (
        "Computed on each of {lists} lists that the model had not seen, from {first} to {last}, then averaged: {leads} "
        "distinct leads, of which {conversions} converted. In small type the interval of {confidence}, drawn by "
        "account.",
        "Calculado en cada una de {lists} listas que el modelo no había visto, del {first} al {last}, y promediado: "
        "{leads} leads distintos, de los que convirtieron {conversions}. En letra pequeña, el intervalo del "
        "{confidence}, por cuentas.",
    ),
    "recipe": ("Method", "Método"),
    "same_scorecard": (
        "leadml and the points scorecard are the same card here and put the leads in the same order. They differ in "
        "how points become probabilities: for leadml {points} points double the odds, whatever happened; for the other "
        "the training's conversions say how much a point counts. Where leadml has the higher log loss, even above the "
        "same probability for all, those odds were too bold or too timid; whom it puts first is as good.",
        "leadml y la tarjeta de puntos son aquí la misma tarjeta y ordenan igual los leads. Difieren en cómo los "
        "puntos se vuelven probabilidades: en leadml, {points} puntos doblan la razón de probabilidades, pase lo que "
        "pase; en la otra, las conversiones del entrenamiento dicen cuánto cuenta un punto. Si leadml tiene mayor "
        "pérdida logarítmica, incluso mayor que la misma probabilidad para todos, esa razón era demasiado atrevida o "
        "demasiado tímida; a quién pone primero vale lo mismo.",
    ),
    "recipe_model": ("leadml", "leadml"),
    "recipe_without_effort": ("leadml without sales effort", "leadml sin esfuerzo de ventas"),
    "recipe_logistic": ("Logistic regression", "Regresión logística"),
    "recipe_points": ("Points scorecard", "Tarjeta de puntos"),
    "recipe_recency": ("Most recent first", "Los más recientes primero"),
    "recipe_constant": ("Same probability for all", "La misma probabilidad para todos"),
    "metric_auc": ("AUC", "AUC"),
    "metric_average_precision": ("Average precision", "Precisión media"),
    "metric_log_loss": ("Log loss", "Pérdida logarítmica"),
    "metric_brier": ("Brier", "Brier"),
    "metric_lift": ("Lift, top {share}", "Lift, mejor {share}"),
    "metric_capture": ("Caught, top {share}", "Captado, mejor {share}"),
    "higher": ("higher is better", "mejor cuanto más alto"),
    "lower": ("lower is better", "mejor cuanto más bajo"),
    "segments": ("The same model by kind of lead", "El mismo modelo por tipo de lead"),
    "segment": ("Leads", "Leads"),
    "distinct": ("Distinct leads", "Leads distintos"),
    "conversions": ("Converted", "Convirtieron"),
    "rate": ("Rate", "Tasa"),
    "said_rate": ("Predicted rate", "Tasa prevista"),
    "segment_all": ("all leads", "todos los leads"),
    "segment_untouched": ("not yet touched by sales", "aún sin contacto de ventas"),
    "segment_new_accounts": ("accounts new to the model", "cuentas nuevas para el modelo"),
    "segment_age_0_7": ("0 to 7 days old", "de 0 a 7 días"),
    "segment_age_8_30": ("8 to 30 days old", "de 8 a 30 días"),
    "segment_age_31_90": ("31 to 90 days old", "de 31 a 90 días"),
    "segment_age_over_90": ("over 90 days old", "de más de 90 días"),
    "calibration_caption": (
        "What was said and what happened, in {n} groups of test rows; on the dashed line both are equal",
        "Lo que se dijo y lo que pasó, en {n} grupos de filas de prueba; en la línea discontinua coinciden",
    ),
    "calibration_note": (
        "On average they differ by {error} percentage points; with perfect probabilities chance alone would give up to "
        "{chance}.",
        "De media difieren en {error} puntos porcentuales; con probabilidades perfectas, el azar solo daría hasta "
        "{chance}.",
    ),
    "capture_caption": (
        "Share of the conversions caught by working the best leads first",
        "Parte de las conversiones captada al trabajar primero los mejores leads",
    ),
    # leaks
    "left_out": ("Fields that are not used, and why", "Campos que no se usan, y por qué"),
    "left_out_note": (
        "They would give the answer away, because they were written after the fact or cannot be dated, or they are "
        "personal or sensitive data.",
        "Delatarían la respuesta, porque se escribieron a posteriori o no se pueden fechar, o son datos personales o "
        "sensibles.",
    ),
    "fields": ("Fields", "Campos"),
    "why": ("Why", "Por qué"),
    "nothing_left_out": ("No field was left out.", "No se ha descartado ningún campo."),
    # data
    "data": ("The data behind it", "Los datos"),
    "cohorts_caption": ("By month of the cutoff", "Por mes de la fecha de corte"),
    "month": ("Month", "Mes"),
    "snapshots": ("Snapshots", "Instantáneas"),
    "immature": ("Outcome not known yet", "Aún sin desenlace"),
    "time_caption": (
        "How long conversions take, by days since the lead was known; {held} of the {n} came within the horizon",
        "Cuánto tardan las conversiones, en días desde que se conoce el lead; el {held} de las {n} llegó dentro del "
        "horizonte",
    ),
    "time_caption_plain": (
        "How long conversions take, by days since the lead was known",
        "Cuánto tardan las conversiones, en días desde que se conoce el lead",
    ),
    "lost": ("Rows that are not used", "Filas que no se usan"),
    "lost_rows": ("Rows", "Filas"),
    "reason_lost": ("Which rows", "Qué filas"),
    "nothing_lost": ("No row was lost.", "No se ha perdido ninguna fila."),
    # glossary
    "glossary": ("Words", "Palabras"),
    "glossary_lead": ("Lead", "Lead"),
    "glossary_lead_words": ("The person or inquiry that is scored.", "La persona o consulta que se puntúa."),
    "glossary_cutoff": ("Cutoff", "Fecha de corte"),
    "glossary_cutoff_words": (
        "The instant between past and future. Scores use only what was known strictly before it.",
        "El instante entre pasado y futuro. Las puntuaciones solo usan lo que se sabía estrictamente antes.",
    ),
    "glossary_horizon": ("Horizon", "Horizonte"),
    "glossary_horizon_words": (
        "How far ahead a conversion counts, from the cutoff.",
        "Hasta cuándo cuenta una conversión, desde la fecha de corte.",
    ),
    "glossary_list": ("List", "Lista"),
    "glossary_list_words": ("All open leads at one weekly cutoff.", "Todos los leads abiertos en un corte semanal."),
    "glossary_snapshot": ("Snapshot", "Instantánea"),
    "glossary_snapshot_words": (
        "One lead at one cutoff: a row to learn from or to score.",
        "Un lead en una fecha de corte: una fila de la que aprender o que puntuar.",
    ),
    "glossary_interval": ("Interval", "Intervalo"),
    "glossary_interval_words": (
        "The range in which a figure would mostly fall if other accounts had come along; none where fewer than five "
        "accounts converted, as too little is known of others.",
        "Los valores entre los que casi siempre caería la cifra si hubieran venido otras cuentas. Donde convirtieron "
        "menos de cinco cuentas no hay, pues se sabe demasiado poco de otras.",
    ),
    "glossary_auc": ("AUC", "AUC"),
    "glossary_auc_words": (
        "How often a lead that converted was ranked above one that did not: 0.5 is chance, 1 is perfect.",
        "Con qué frecuencia un lead que convirtió quedó por encima de uno que no: 0,5 es azar; 1, perfecto.",
    ),
    "glossary_lift": ("Lift", "Lift"),
    "glossary_lift_words": (
        "How many times more conversions the best leads hold than as many leads taken at random.",
        "Cuántas veces más conversiones hay entre los mejores leads que entre otros tantos al azar.",
    ),
    "glossary_odds": ("Odds", "Razón de probabilidades (odds)"),
    "glossary_odds_words": (
        "Conversions for each non-conversion: a probability of 20% has odds of 1 to 4.",
        "Conversiones por cada no conversión: una probabilidad del 20 % son 1 contra 4.",
    ),
    "glossary_scorecard": ("Points scorecard", "Tarjeta de puntos"),
    "glossary_scorecard_words": (
        "Fixed points for fixed rules, made by hand: what most teams start from, and our yardstick.",
        "Puntos fijos por reglas fijas, hechas a mano: el punto de partida habitual, y nuestra vara de medir.",
    ),
    "glossary_effort": ("Sales effort", "Esfuerzo de ventas"),
    "glossary_effort_words": (
        "What your company did to the lead: calls, mails, response time. It partly echoes the old scoring, so the test "
        "is shown without it as well.",
        "Lo que su empresa hizo con el lead: llamadas, correos, tiempo de respuesta. En parte repite la puntuación "
        "antigua; por eso la prueba se muestra también sin él.",
    ),
    "glossary_log_loss": ("Log loss, Brier", "Pérdida logarítmica, Brier"),
    "glossary_log_loss_words": (
        "How far the probabilities are from what happened, lead by lead; lower is better.",
        "Cuánto se alejan las probabilidades de lo que pasó, lead a lead; mejor cuanto más bajas.",
    ),
    "footer": (
        "Holds record ids, and no names or addresses. Written by leadml; works without a network.",
        "Contiene identificadores, sin nombres ni direcciones. Escrito por leadml; funciona sin red.",
    ),
    # axes and legends
    "axis_said": ("said: predicted probability", "lo dicho: probabilidad prevista"),
    "axis_seen": ("happened: share that converted", "lo ocurrido: parte que convirtió"),
    "axis_worked": ("leads worked, best first", "leads trabajados, los mejores primero"),
    "axis_caught": ("conversions caught", "conversiones captadas"),
    "axis_score": ("score", "puntuación"),
    "axis_leads": ("leads", "leads"),
    "axis_age": ("days since the lead was known", "días desde que se conoce el lead"),
    "axis_conversions": ("conversions", "conversiones"),
    "axis_points": ("points of the score", "puntos de la puntuación"),
    "axis_points_short": ("points", "puntos"),
    "axis_mean_points": ("points of the score, mean up or down", "puntos de la puntuación, media arriba o abajo"),
    "axis_value": ("value of the feature", "valor de la variable"),
    "by_chance": ("by chance", "al azar"),
    "horizon_mark": ("horizon", "horizonte"),
    "low": ("low", "bajo"),
    "high": ("high", "alto"),
    "unit_days": ("days", "días"),
    "unit_hours": ("hours", "horas"),
    "unit_count": ("count", "número"),
    "unit_share": ("share", "parte"),
    "unit_money": ("amount", "importe"),
    "unit_flag": ("no = 0, yes = 1", "no = 0, sí = 1"),
    "unit_decayed": ("interactions", "interacciones"),
    "unit_number": ("value", "valor"),
    "unit_year": ("year", "año"),
    "unit_hour": ("hour of the day", "hora del día"),
    "unit_weekday": ("weekday (0 is Monday)", "día de la semana (0 es lunes)"),
    "unit_season": ("from -1 to 1", "de -1 a 1"),
    "unit_category": ("", ""),
}
TEXTS = (
    OWN_TEXTS
    | AUDIT_TEXTS
    | BACKTEST_TEXTS
    | CALIBRATED_TEXTS
    | CARD_TEXTS
    | CHANGES_TEXTS
    | FAIR_TEXTS
    | LEARNT_TEXTS
    | RESTS_TEXTS
    | SUCCESSION_TEXTS
    | WORTH_TEXTS
)
LANGUAGES = ("en", "es")
_MINUS = "\u2212"


@dataclass(frozen=True)
class Words:
    """The report's texts and numbers in one language."""

    language: str

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ConfigurationError(f"reasons.language={self.language}: use one of {', '.join(LANGUAGES)}")

    def t(self, key: str, **values: object) -> str:
        """The text of ``key`` with its placeholders filled; KeyError for a key that is not in TEXTS."""
        return TEXTS[key][LANGUAGES.index(self.language)].format(**values)

    def known(self, key: str, otherwise: str) -> str:
        """The text of ``key``, or ``otherwise`` where there is none (a segment or field named by the data)."""
        return self.t(key) if key in TEXTS else otherwise

    def number(self, value: float, decimals: int | None = None) -> str:
        """A number as the language writes it, with a typographic minus: the page is UTF-8, unlike a CRM import."""
        return format_number(float(value), self.language, decimals).replace("-", _MINUS)

    def percent(self, share: float, decimals: int | None = None) -> str:
        """A share of 1 as a percentage."""
        return format_percent(float(share), self.language, decimals)

    def points(self, value: float) -> str:
        """Signed whole points with a typographic minus."""
        return format_points(float(value), sign=_MINUS)

    def date(self, day: datetime) -> str:
        """A date with its time in UTC unless that is midnight."""
        return format_date(day, self.language, with_time=True)

    def unit(self, unit: str) -> str:
        """The unit of a feature, for an axis; "" where it needs none."""
        name, _, currency = unit.partition(" ") if unit.startswith("money") else (unit, "", "")
        return self.known(f"unit_{name}", unit) + (f" ({currency})" if currency else "")
