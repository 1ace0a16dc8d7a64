"""Which names are sensitive, and which only look so."""

import pytest

from leadml.sensitive import name_words, sensitive_names, sensitive_topic, why_left_out

SENSITIVE = """
age: userAge PersonAge Edad__c
age: age Age edad Edad customerAge customer_age age_group AgeRange contact_age age_at_signup user_age
birth: Birthdate date_of_birth DateOfBirth PersonBirthdate DOB__c year_of_birth fecha_nacimiento
birth: Fecha_Nac birthday hs_birth_year
gender: gender Gender__c hs_gender GenderIdentity gendercode sex Sexo genero Género is_male Pronouns Salutation gender2
ethnicity: ethnicity Ethnic_Group race Race__c raza etnia hispanic_or_latino Lengua_materna
religion: religion Religion__c religious_affiliation
nationality: nationality Nacionalidad citizenship
disability: disability has_disability discapacidad Minusvalía disabled
marital status: MaritalStatus marital_status Estado_civil estadoCivil familystatuscode NumberOfChildren
marital status: numberofchildren hijos married relationship_status
sexual orientation: sexual_orientation orientation Orientación lgbtq
political opinion: orientacion_politica political_party ideologia afiliacion_politica
union membership: trade_union union union_member sindicato
health: health health_condition estado_de_salud pregnant embarazo smoker enfermedad salud
military status: veteran military_status
criminal record: criminal_record antecedentes_penales
"""
HARMLESS = """
account_age_days age_days lead_age lead_age_days accountAge company_age days_of_age domain_age age_in_months antiguedad
page stage language usage average image message manager package agency agent advantage coverage percentage
sextant Essex sussex middlesex race_date race_results race_event_registration
health_score account_health customer_health_score Healthcare healthcare_provider credit_union european_union
politica_privacidad cookie_policy policy_age page_orientation screen_orientation email_disabled account_disabled
birthmark civil_engineering ingenieria_civil title job_title seniority role country region city industry lead_source
num_child_companies parent_account racecourse erase embrace traceable unionpay tratamiento_datos career senior
lead_generation user_email_disabled company_birthday
"""


def lines():
    for line in SENSITIVE.strip().splitlines():
        topic, names = line.split(": ")
        yield from ((name, topic) for name in names.split())


@pytest.mark.parametrize(("name", "topic"), list(lines()))
def test_sensitive_in_the_usual_spellings(name, topic):
    assert sensitive_topic(name) == topic


@pytest.mark.parametrize("name", HARMLESS.split())
def test_words_are_whole_and_things_are_no_people(name):
    assert sensitive_topic(name) is None


def test_a_companys_age_is_no_persons():
    assert sensitive_topic("age") == "age" and sensitive_topic("age", of_account=True) is None
    assert sensitive_topic("gender", of_account=True) == "gender"


def test_names_are_allowed_in_any_case_and_each_is_told_with_the_way_out():
    found = sensitive_names(["Gender", "visits", "edad"], allow=["EDAD"])
    assert found == {"Gender": "gender"}
    assert why_left_out(found, "source.allow") == {"Gender": "sensitive (gender); source.allow=[Gender] takes it in"}


def test_words_of_a_name():
    assert name_words("Estado civil__c") == ["estado", "civil", "c"]
    assert name_words("lastVisitDate2") == ["last", "visit", "date"]
