"""What the plots of a backtest say, in English and Spanish; `report.words` takes it in."""

# key: (English, Spanish). Placeholders in braces are the same in both.
BACKTEST_TEXTS: dict[str, tuple[str, str]] = {
    "bt_random": ("Random order", "Orden al azar"),
    "bt_origin": (
        "start of the lists, and accounts that converted",
        "inicio de las listas, y cuentas que convirtieron",
    ),
    "bt_lift": ("lift, best tenth of a list", "lift, mejor décimo de la lista"),
    "bt_skipped": (
        "share of the conversions that were there, if worked as before",
        "parte de las conversiones que había allí, si se trabaja como hasta ahora",
    ),
    "bt_bottom": ("bottom {share} of each list", "último {share} de cada lista"),
    "bt_top": ("best {share} of each list", "mejor {share} de cada lista"),
    "bt_money": (
        "share of the amount that was there, if worked as before",
        "parte del importe que había allí, si se trabaja como hasta ahora",
    ),
    "bt_seen": ("happened, with its interval", "lo ocurrido, con su intervalo"),
    "bt_said": ("said", "lo dicho"),
    "bt_uncorrected": ("said, without the correction", "lo dicho, sin la corrección"),
    "bt_rate": ("conversions a lead and list", "conversiones por lead y lista"),
    "bt_all": ("all", "todas"),
    "bt_better": (
        "log loss of leadml minus that of the other; left of 0 leadml is better",
        "pérdida logarítmica de leadml menos la del otro; a la izquierda de 0 leadml es mejor",
    ),
}
