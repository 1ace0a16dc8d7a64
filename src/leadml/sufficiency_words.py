"""The words of `sufficiency`, in English and Spanish side by side, with what can be done."""

_LONGER = (
    "bring a longer history, set a shorter problem.horizon_days, or lower train.min_conversions; until then "
    "model=points scores by your own scorecard"
)
_LONGER_ES = (
    "aporte más historia, acorte problem.horizon_days o baje train.min_conversions; mientras tanto, model=points "
    "puntúa con su propia tarjeta de puntos"
)
_MAPPING = "check the source's mapping of conversions and of the leads that did not convert, and problem.conversion"
_MAPPING_ES = "revise cómo la fuente indica las conversiones y los leads que no convirtieron, y problem.conversion"
_CHECK = "check that the export is whole; if so, leave that time out, or read the figures with it in mind"
_CHECK_ES = "compruebe que la exportación está completa; si lo está, deje fuera ese tiempo o téngalo en cuenta"

# kind: (English, Spanish, way out, way out in Spanish). Placeholders in braces are the same in all four.
TEXTS: dict[str, tuple[str, str, str, str]] = {
    "no_matured": (
        "none of the {snapshots} snapshots has a matured label: every horizon is still open",
        "ninguna de las {snapshots} instantáneas tiene una etiqueta madura: todos los horizontes siguen abiertos",
        "bring older history or set a shorter problem.horizon_days",
        "aporte historia más antigua o acorte problem.horizon_days",
    ),
    "all_converted": (
        "every one of the {snapshots} matured snapshots converted",
        "todas las {snapshots} instantáneas maduras convirtieron",
        _MAPPING,
        _MAPPING_ES,
    ),
    "none_converted": (
        "every one of the {snapshots} matured snapshots is without a conversion",
        "ninguna de las {snapshots} instantáneas maduras tiene conversión",
        _MAPPING,
        _MAPPING_ES,
    ),
    "few_conversions": (
        "{found} distinct converting leads in all matured data, {needed} are needed",
        "{found} leads distintos que convierten en todos los datos maduros; hacen falta {needed}",
        _LONGER,
        _LONGER_ES,
    ),
    "few_in_training": (
        "{found} distinct converting leads in training, {needed} are needed ({everyone} in all matured data, test "
        "included)",
        "{found} leads distintos que convierten en el entrenamiento; hacen falta {needed} ({everyone} en todos los "
        "datos maduros, con la prueba)",
        _LONGER,
        _LONGER_ES,
    ),
    "cold_start": (
        "too few conversions to judge: {found} distinct converting leads in training ({needed} are needed) and "
        "{tested} in the test ({wanted}); the scorecard orders the leads as it was written, and the base rate of all "
        "matured labels makes its points probabilities",
        "muy pocas conversiones para juzgar: {found} leads distintos que convierten en el entrenamiento (hacen falta "
        "{needed}) y {tested} en la prueba ({wanted}); la tarjeta ordena los leads tal como está escrita y la tasa "
        "base de todas las etiquetas maduras convierte sus puntos en probabilidades",
        "train again as conversions come in",
        "vuelva a entrenar cuando haya más conversiones",
    ),
    "training_converted": (
        "all {rows} training rows converted",
        "las {rows} filas de entrenamiento convirtieron",
        "check the leads that did not convert",
        "revise los leads que no convirtieron",
    ),
    "short_history": (
        "{said}",
        "la historia no da para entrenamiento, validación y prueba: {rows} filas maduras, de {first} a {last}",
        "",
        "aporte más historia o acorte problem.horizon_days",
    ),
    "few_leads": (
        "{found} distinct leads have matured; below {wanted} few features can be told from chance",
        "han madurado {found} leads distintos; con menos de {wanted} pocas variables se distinguen del azar",
        "bring a longer history",
        "aporte más historia",
    ),
    "wide_intervals": (
        "{found} distinct leads converted; below {wanted} the intervals are wide and a verdict may go either way",
        "convirtieron {found} leads distintos; con menos de {wanted} los intervalos son anchos y el veredicto puede "
        "caer de cualquier lado",
        "bring a longer history, or take an earlier event with problem.conversion=opportunity",
        "aporte más historia, o tome un hecho anterior con problem.conversion=opportunity",
    ),
    "few_months": (
        "matured lists span {found} months ({first} to {last}); below {wanted} the seasons and the drift are not seen",
        "las listas maduras abarcan {found} meses (de {first} a {last}); con menos de {wanted} no se ven las "
        "temporadas ni la deriva",
        "bring a longer history or set a shorter problem.horizon_days",
        "aporte más historia o acorte problem.horizon_days",
    ),
    "immature": (
        "{percent} % of the snapshots ({found} of {snapshots}) have not matured and teach nothing yet",
        "el {percent} % de las instantáneas ({found} de {snapshots}) no ha madurado y todavía no enseña nada",
        "set a shorter problem.horizon_days, or wait",
        "acorte problem.horizon_days o espere",
    ),
    "one_account": (
        "account {account} holds {found} of the {everyone} converting leads: the model may learn that account alone",
        "la cuenta {account} reúne {found} de los {everyone} leads que convierten: el modelo puede aprender solo esa "
        "cuenta",
        "check account_id in the mapping, or score accounts with problem=accounts",
        "revise account_id en la fuente, o puntúe cuentas con problem=accounts",
    ),
    "folds_left_out": (
        "{found} folds hold too few converting leads to fit on and are left out",
        "{found} particiones tienen muy pocos leads que convierten para ajustar y quedan fuera",
        "bring a longer history or set fewer train.split.folds",
        "aporte más historia o reduzca train.split.folds",
    ),
    "one_class_fold": (
        "fold {fold} ({first} to {last}) holds one outcome only: {conversions} converting leads in {rows} rows",
        "la partición {fold} (de {first} a {last}) tiene un solo resultado: {conversions} leads que convierten en "
        "{rows} filas",
        "set fewer train.split.folds, and check the conversions of that time",
        "reduzca train.split.folds y revise las conversiones de ese tiempo",
    ),
    "one_class_test": (
        "the test ({first} to {last}) holds one outcome only: {conversions} converting leads in {rows} rows",
        "la prueba (de {first} a {last}) tiene un solo resultado: {conversions} leads que convierten en {rows} filas",
        "set more train.split.test_cutoffs, and check the conversions of that time",
        "aumente train.split.test_cutoffs y revise las conversiones de ese tiempo",
    ),
    "no_amounts": (
        "none of the {everyone} converting leads has an amount: there is no expected value",
        "ninguno de los {everyone} leads que convierten tiene importe: no hay valor esperado",
        "map the amount of the conversions in the source",
        "indique en la fuente el importe de las conversiones",
    ),
    "few_amounts": (
        "{found} of the {everyone} converting leads have no amount: expected values rest on the others",
        "{found} de los {everyone} leads que convierten no tienen importe: el valor esperado se apoya en los demás",
        "check the amounts in the CRM, and rates for every currency",
        "revise los importes en el CRM y los tipos de cambio de cada moneda",
    ),
    "conversions_stop": (
        "the last conversion is of {last}, {days} days before the data can hold one (they end on {end}); some "
        "{expected} were to be expected",
        "la última conversión es del {last}, {days} días antes de lo que los datos permiten (acaban el {end}); cabía "
        "esperar unas {expected}",
        "bring the newer conversions, or set problem.data_end to where they are whole",
        "aporte las conversiones más recientes, o ponga problem.data_end donde estén completas",
    ),
    "conversions_begin": (
        "the first conversion is of {first}, {days} days after the first lead ({lead}); some {expected} were to be "
        "expected",
        "la primera conversión es del {first}, {days} días después del primer lead ({lead}); cabía esperar unas "
        "{expected}",
        "bring the older conversions, or leave the leads from before them out",
        "aporte las conversiones antiguas, o deje fuera los leads anteriores a ellas",
    ),
    "quiet": (
        "{found} long times without {table}, the longest of {days} days ({first} to {last}), in which {expected} "
        "days with some were to be expected",
        "{found} largos periodos sin {table}; el mayor, de {days} días (de {first} a {last}), en el que cabía esperar "
        "{expected} días con alguno",
        _CHECK,
        _CHECK_ES,
    ),
}
