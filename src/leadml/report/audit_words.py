"""What the report says about the leak audit, in English and Spanish; `leadml.report.words` takes it in."""

# key: (English, Spanish). Placeholders in braces are the same in both.
AUDIT_TEXTS: dict[str, tuple[str, str]] = {
    "verdict_leak_suspects": ("Columns to decide about: do not deploy yet", "Columnas por decidir: no usar todavía"),
    "why_leak_suspects": (
        "These columns may give the answer away, and nobody has said yet whether they may be used: {suspects}. The "
        "model was made without them; the leak audit below shows the evidence and how to decide.",
        "Estas columnas pueden delatar la respuesta y nadie ha dicho todavía si se pueden usar: {suspects}. El modelo "
        "se hizo sin ellas; más abajo, la auditoría de fugas muestra los indicios y cómo decidir.",
    ),
    "recipe_with_suspects": ("leadml with the suspects", "leadml con las sospechosas"),
    "recipe_without_suspects": ("leadml without the suspects", "leadml sin las sospechosas"),
    "audit": ("Leak audit: what speaks against a field", "Auditoría de fugas: qué hay contra cada campo"),
    "audit_note": (
        "A proof is what dates, two exports or hardly an exception say was written with the outcome or after it; it is "
        "not used unless allowed by name. A suspicion may "
        "also be an honest, strong signal: on values without dates both look alike, so people decide.",
        "Una prueba es lo que, según las fechas, dos exportaciones o casi sin excepción, se escribió con el desenlace "
        "o después; no se usa salvo que se permita por su nombre. Una "
        "sospecha puede ser también una señal honesta y fuerte: sin fechas se parecen, así que deciden las personas.",
    ),
    "audit_nothing": ("Nothing was found against any field.", "No se ha encontrado nada contra ningún campo."),
    "audit_column": ("Field", "Campo"),
    "audit_severity": ("Severity", "Gravedad"),
    "audit_evidence": ("Evidence", "Indicios"),
    "audit_done": ("What was done", "Qué se hizo"),
    "audit_overrule": ("To overrule", "Para cambiarlo"),
    "severity_proof": ("proof", "prueba"),
    "severity_high": ("high", "alta"),
    "severity_medium": ("medium", "media"),
    "severity_low": ("low", "baja"),
    "done_excluded": ("excluded", "excluido"),
    "done_worked without": ("worked without", "se trabajó sin él"),
    "done_kept": ("kept", "se mantiene"),
    "done_allowed": ("allowed", "permitido"),
    "done_told": ("told", "se informa"),
    "audit_kept": (
        "Suspects were kept unseen (audit.policy=keep): {names}. The figures may be better than life.",
        "Se mantuvieron las sospechosas sin revisarlas (audit.policy=keep): {names}. Las cifras pueden ser mejores que "
        "la realidad.",
    ),
    "audit_with": (
        "Test AUC of the model that is used, without the suspects: {model}; with them: {other}.",
        "AUC de prueba del modelo que se usa, sin las sospechosas: {model}; con ellas: {other}.",
    ),
    "audit_without": (
        "Test AUC of the model that is used, with the suspects: {model}; without them: {other}.",
        "AUC de prueba del modelo que se usa, con las sospechosas: {model}; sin ellas: {other}.",
    ),
    "audit_future_same": (
        "Delete the future: {rows} snapshots built again from exports without any later row came out the same in every "
        "feature. This shows that our code looks at nothing dated later; it does not show what the source rewrote or "
        "dated back, and which features there are was chosen by the whole export.",
        "Borrar el futuro: {rows} instantáneas rehechas con exportaciones sin ninguna fila posterior salieron iguales "
        "en todas las variables. Demuestra que nuestro código no mira nada con fecha posterior; no muestra lo que el "
        "origen reescribió o antedató, y qué variables hay se eligió con la exportación entera.",
    ),
    "audit_future_differs": (
        "Delete the future: of {rows} snapshots built again from exports without any later row, these features came "
        "out different, and are not used: {names}.",
        "Borrar el futuro: de {rows} instantáneas rehechas con exportaciones sin ninguna fila posterior, estas "
        "variables salieron distintas, y no se usan: {names}.",
    ),
}
