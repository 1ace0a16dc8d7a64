"""Columns of a one-table source: which can be features, of what kind, and of what family."""

import re
import unicodedata

import pandas as pd

from leadml.features.dictionary import Feature, Kind
from leadml.features.topics import attribute_topic
from leadml.features.values import parse_number
from leadml.sensitive import sensitive_topic, why_left_out

NUMBER_SHARE = 0.99
_TEXT_SHARE = 0.5
_FEW = 20
# Why a column that tells nothing as it is now is left out; a history of it may tell more.
NOTHING_NOW = ("constant", "empty")
_ID_WORDS = "id ids key uuid guid number numero num no nr code codigo phone telephone telefono mobile movil"
# What tells who somebody is must reach neither model nor outputs.
_PERSONAL_WORDS = {
    "name": "name names nombre nombres apellido apellidos surname forename fullname firstname lastname username",
    "e-mail": "email emails mail correo",
    "phone": "phone telephone tel mobile cell cellphone fax telefono movil celular whatsapp",
    "address": "address street direccion calle domicilio",
}
# With one of these a column is about a thing, not a person: "Company name", "Email subject", "Mobile device".
_THING_WORDS = (
    "company companies product campaign event page file course city country account organisation organization form "
    "list source template asset plan brand store shop school university industry category type region state province "
    "channel stage medium domain subject status activity device model browser os web website url team department "
    "project service segment group role partner provider opened open opens clicked clicks sent received not "
    "empresa empresas producto campana evento pagina archivo fichero curso ciudad pais cuenta organizacion formulario "
    "lista fuente plantilla marca tienda escuela colegio universidad sector categoria tipo provincia canal etapa medio "
    "dominio asunto estado actividad dispositivo modelo navegador equipo departamento proyecto servicio segmento grupo "
    "proveedor abiertos enviados"
)
_MANY_PEOPLE = 10
_PHONE_DIGITS = 7
# The first family with a word of the column's name; without any it is firmographic.
_FAMILY_WORDS = {
    "timing": (
        "last ultimo ultima date fecha day days dia dias week semana month mes year ano hour hora duration duracion "
        "recency since desde"
    ),
    "behaviour": (
        "visit visits visita visitas page pages pagina paginas view views viewed click clicks clic clics open opens "
        "opened download downloads descarga descargas spent session sessions sesion sesiones activity activities "
        "actividad calls llamadas emails meetings reuniones tiempo time form forms formularios replies respuestas"
    ),
    "channel": (
        "source fuente channel canal campaign campana medium medio origin origen utm referrer referral contact ad ads"
    ),
}


def choose_columns(
    raw: pd.DataFrame, allow: tuple[str, ...], setting: str = "source.allow"
) -> tuple[list[Feature], dict[str, str]]:
    """Features of the columns that can help, and why each of the others is left out.

    ``raw`` holds stripped texts, None where missing. Sensitive, personal and useless columns are left out unless
    allowed by name.
    """
    allowed = {a.lower() for a in allow}
    features: list[Feature] = []
    left_out: dict[str, str] = {}
    for name in raw.columns:
        levels = raw[name].value_counts(dropna=True)
        kind = _kind_of(levels)
        sensitive = sensitive_topic(name)
        why = None
        if name.lower() not in allowed:
            personal = _personal(name, levels, kind)
            if sensitive:
                why = why_left_out({name: sensitive}, setting)[name]
            elif personal:
                why = f"personal data ({personal}); {setting}=[{name}] takes it in"
            else:
                why = _useless(name, levels, kind, len(raw))
        if why is None:
            words = " ".join(re.sub(r"[_\s]+", " ", name).split())
            topic = attribute_topic(words.lower().replace(" ", "_"))
            features.append(Feature(name, _family_of(name), kind, str(kind), None, words, words, topic=topic))
        else:
            left_out[name] = why
    return features, left_out


def _kind_of(levels: pd.Series) -> Kind:
    """Number where at least 99 % of the texts that are not missing are numbers."""
    numbers = sum(int(n) for text, n in levels.items() if parse_number(str(text)) == parse_number(str(text)))
    return Kind.NUMBER if len(levels) and numbers >= NUMBER_SHARE * levels.sum() else Kind.CATEGORY


def _personal(name: str, levels: pd.Series, kind: Kind) -> str | None:
    """What of a person a column tells (name, e-mail, phone, address), or None."""
    words = set(_words(name))
    if len(levels) < _MANY_PEOPLE or words & set(_THING_WORDS.split()):
        return None
    found = next((what for what, listed in _PERSONAL_WORDS.items() if words & set(listed.split())), None)
    if kind is Kind.NUMBER:
        # Counts (mails, calls to a mobile) are short; the numbers of telephones are not.
        digits = pd.Series([sum(c.isdigit() for c in str(text)) for text in levels.index])
        return found if found == "phone" and digits.median() >= _PHONE_DIGITS else None
    return found


def _useless(name: str, levels: pd.Series, kind: Kind, rows: int) -> str | None:
    """Why a column cannot help, or None."""
    present = int(levels.sum())
    if not len(levels) or (len(levels) == 1 and present == rows):
        return NOTHING_NOW[0] if len(levels) else NOTHING_NOW[1]
    distinct = len(levels)
    if kind is Kind.CATEGORY:
        if sum(int(n) for text, n in levels.items() if "@" in str(text)) > present / 2:
            return "e-mail addresses"
        if distinct >= max(_FEW, _TEXT_SHARE * present):
            return f"near-unique text ({distinct} texts in {present} rows): an id, a name or free text"
        return None
    if distinct >= max(_FEW, NUMBER_SHARE * present) and set(_ID_WORDS.split()) & set(_words(name)):
        return f"an id ({distinct} numbers in {present} rows)"
    return None


def _family_of(name: str) -> str:
    words = set(_words(name))
    return next((family for family, listed in _FAMILY_WORDS.items() if words & set(listed.split())), "firmographic")


def _words(name: str) -> list[str]:
    """The words of a column's name, lower case, without accents: "lastVisitDate" gives last, visit, date."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", plain)
    return [w for w in re.split(r"[^a-z0-9]+", parted.lower()) if w]
