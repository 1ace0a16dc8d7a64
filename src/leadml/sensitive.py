"""Columns by whose name a group of people is known: out of the features unless they are asked for by name.

Names are read by their words, in English and Spanish, whatever the spelling (Gender__c, hs_gender, PersonBirthdate,
Estado civil). A word alone is not enough where things have it too: an account's age, a lead's age in days, the race
that a person has signed up for, a policy of privacy or the health of an account say nothing about a group of people.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

# topic: phrases, commas between them. Each phrase's words must follow one another in the name.
_TOPICS: dict[str, str] = {
    "age": (
        "age, aged, edad, agegroup, agerange, ageband, agebracket, senior citizen, seniorcitizen, grupo etario, "
        "rango etario"
    ),
    "birth": (
        "birth, birthday, birthdate, birthyear, dob, yob, born, nacimiento, nacido, nacida, cumpleanos, fecha "
        "nac, fechanac, fechanacimiento, dateofbirth, yearofbirth, personbirthdate, birthplace"
    ),
    "gender": (
        "gender, genders, sex, sexo, genero, gendercode, genderidentity, male, female, hombre, mujer, pronoun, "
        "pronouns, pronombre, pronombres, salutation, tratamiento, transgender"
    ),
    "ethnicity": (
        "ethnicity, ethnic, ethnicgroup, etnia, etnico, etnica, race, races, racial, raza, razas, hispanic, "
        "latino, latinx, caste, casta, indigenous, indigena, ancestry, skin color, skin colour, color de piel, "
        "mother tongue, native language, lengua materna, idioma materno"
    ),
    "religion": "religion, religions, religious, religioso, religiosa, faith, creed, confesion",
    "nationality": (
        "nationality, nationalities, nacionalidad, citizenship, ciudadania, immigrant, immigration, migrant, "
        "inmigrante, inmigracion, residence permit, permiso de residencia, refugee"
    ),
    "disability": (
        "disability, disabilities, disabled, handicap, handicapped, discapacidad, discapacitado, discapacitada, "
        "minusvalia, impairment"
    ),
    "marital status": (
        "marital, maritalstatus, estado civil, estadocivil, civil status, civilstatus, married, casado, casada, "
        "soltero, soltera, divorced, divorciado, divorciada, widowed, viudo, viuda, spouse, spousesname, conyuge, "
        "relationship status, family status, familystatus, familystatuscode, estado familiar, situacion familiar, "
        "children, numberofchildren, haschildrencode, childrensnames, kids, hijos, dependents, dependants, cargas "
        "familiares"
    ),
    "sexual orientation": (
        "sexual, sexualidad, sexuality, orientation, orientacion, sexualorientation, lgbt, lgbtq, lgbti, gay, "
        "lesbian, lesbiana"
    ),
    "political opinion": (
        "political, politics, afiliacion politica, opinion politica, ideologia, ideologia politica, orientacion "
        "politica, partido politico, party affiliation, voter, votante"
    ),
    "union membership": (
        "trade union, union, union member, union membership, labor union, labour union, sindicato, sindical, sindicado"
    ),
    "health": (
        "health, salud, healthstatus, health condition, estado de salud, medical condition, medical history, "
        "historial medico, disease, illness, enfermedad, diagnosis, medication, medicacion, allergy, allergies, "
        "alergia, alergias, pregnant, pregnancy, embarazo, embarazada, hiv, vih, smoker, fumador, fumadora, bmi, "
        "blood type, grupo sanguineo, vaccinated, mental health"
    ),
    "genetic or biometric data": "genetic, genetica, biometric, biometrico, biometria",
    "criminal record": "criminal, criminal record, antecedentes penales",
    "military status": "military status, veteran, veterano",
}
AUDIT_ONLY = "for the fairness audit only (fairness.columns)"
PHRASES = {topic: tuple(phrases.split(", ")) for topic, phrases in _TOPICS.items()}
# With one of these a word is about a thing, a time since something began, or a way of doing.
_TIMES = "day days dia dias hour hours hora horas minute minutes week weeks semana semanas month months mes meses"
_THINGS = (
    "account lead company firm business record deal opportunity ticket case contract policy site domain "
    "website page listing device machine equipment vehicle car building property house home asset product order "
    "invoice subscription list app cuenta empresa compania sociedad registro oportunidad contrato "
    "poliza sitio dominio pagina equipo maquina vehiculo coche edificio vivienda propiedad producto pedido factura"
)
_NOT_OF_PEOPLE: dict[str, str] = {
    "age": f"{_TIMES} {_THINGS} antiguedad since desde",
    "race": "event date time results result number registration registered entry distance km track car marathon",
    "races": "event events track entered marathon",
    "disabled": f"{_THINGS} user login email mail model by at date feature account is reason on",
    "union": "european credit europea customs student western soviet",
    "health": "score scores account customer client deal lead system service insurance plan index check club care "
    "sector industry company site",
    "salud": "seguro score cuenta cliente sector empresa indice puntuacion plan",
    "orientation": "page screen device image photo session course market customer career educational",
    "orientacion": "politica pagina pantalla imagen sesion curso profesional laboral academica educativa cliente",
    "birth": "company empresa account cuenta product producto rate",
    "birthday": "company empresa account cuenta product producto",
    "children": "account accounts company companies records page pages product products",
    "kids": "product products category club",
    "male": "connector plug",
    "female": "connector plug",
    "genero": "musical literario cine",
    "faith": "good",
    "political": "region map",
    "casta": "vino",
    "tratamiento": "medico dental datos plan estetico facial",
    "criminal": "defense defence law",
    "hombre": "moda ropa calzado",
    "mujer": "moda ropa calzado",
}  # fmt: skip
_NOT_OF_PEOPLE |= {"edad": _NOT_OF_PEOPLE["age"], "aged": _NOT_OF_PEOPLE["age"]}


def sensitive_topic(name: str, of_account: bool = False) -> str | None:
    """What a column of this name tells of a person ("gender", "age", ...), or None.

    Args:
        name: of the column or attribute, in any spelling.
        of_account: it belongs to a company, whose age is no person's.
    """
    words = name_words(name)
    for topic, phrases in PHRASES.items():
        if topic == "age" and of_account:
            continue
        for phrase in phrases:
            if _holds(words, phrase.split()) and not set(_NOT_OF_PEOPLE.get(phrase, "").split()) & set(words):
                return topic
    return None


def sensitive_names(names: Iterable[str], allow: Sequence[str], of_account: bool = False) -> dict[str, str]:
    """The names that are sensitive and not allowed by name (in any case), each with its topic."""
    allowed = {a.casefold() for a in allow}
    found = {name: sensitive_topic(name, of_account) for name in names if name.casefold() not in allowed}
    return {name: topic for name, topic in found.items() if topic is not None}


def why_left_out(topics: Mapping[str, str], setting: str) -> dict[str, str]:
    """Why each of the sensitive columns is left out, with the setting that takes it in."""
    return {name: f"sensitive ({topic}); {setting}=[{name}] takes it in" for name, topic in topics.items()}


def name_words(name: str) -> list[str]:
    """The words of a column's name in their order, lower case, without accents and without a number at their end.

    "lastVisitDate" gives last, visit, date; "Gender2" gender; "Estado civil__c" estado, civil, c.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    words = [re.sub(r"(?<=[a-z])\d+$", "", w) for w in re.split(r"[^a-z0-9]+", parted.lower())]
    return [w for w in words if w]


def _holds(words: list[str], phrase: list[str]) -> bool:
    return any(words[i : i + len(phrase)] == phrase for i in range(len(words) - len(phrase) + 1))
