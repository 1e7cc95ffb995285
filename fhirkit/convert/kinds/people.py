"""Kinds of facts about people and places: patient, organizations, practitioners, relatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhirkit.convert.facts import Items
from fhirkit.convert.kinds.fields import AT, COMMON, PERFORMER
from fhirkit.convert.kinds.wordlists import ENCOUNTER_CLASS, ORGANIZATION_TYPE, ROLE
from fhirkit.convert.measured import age_quantity
from fhirkit.convert.shape import Key, Kind
from fhirkit.convert.values import Choice, Codes, Pattern, Raw, Text, Texts, Time, YesOrTime

if TYPE_CHECKING:
    from fhirkit.convert.model import Fact
    from fhirkit.convert.reading import Reading

_PERSON_NAME = Kind(
    "name",
    "",
    "A person's name.",
    (
        Key("text", Text(), "The whole name."),
        Key("family", Text(), "Family name."),
        Key("given", Texts(), "Given names."),
        Key("prefix", Texts(), "Titles."),
    ),
    one_of=(("text", "family", "given"),),
    short="text",
    quoted=False,
)
_IDENTIFIER = Kind(
    "identifier",
    "",
    "An identifier.",
    (
        Key("system", Pattern(r"\S+:\S+", "the URI of the identifier's system"), "Its system."),
        Key("value", Text(), "Its value.", required=True),
    ),
    short="value",
    quoted=False,
)
_ADDRESS = Kind(
    "address",
    "",
    "An address.",
    (
        Key("text", Text(), "The whole address."),
        Key("line", Texts(), "Street and house."),
        Key("city", Text(), "City."),
        Key("district", Text(), "District."),
        Key("state", Text(), "State or province."),
        Key("postal-code", Text(), "Postal code."),
        Key("country", Text(), "Country."),
    ),
    short="text",
    quoted=False,
)


def _check_stay(fact: Fact, reading: Reading) -> None:
    reading.in_order(fact, "at", "until")


def _check_patient(fact: Fact, reading: Reading) -> None:
    reading.in_order(fact, "birth-date", "deceased")


def _check_age(fact: Fact, reading: Reading) -> None:
    scalar = fact.get("value")
    if scalar is not None:
        fact.values["quantity"] = age_quantity(scalar, reading)


_AGE = Kind(
    "age",
    "",
    "The age at a time.",
    (Key("value", Raw("an age, as 42 a"), "The age.", required=True), AT, *COMMON),
    short="value",
    quoted=False,
    check=_check_age,
)

_SEX = Choice("male", "female", "other", "unknown", "not reported", "not published")
_NAME_OR_ABSENT = Items(_PERSON_NAME, many=False, absentable=True)

PATIENT = Kind(
    "patient",
    "Patient",
    "The person the case is about. The age becomes an Observation of its own.",
    (
        Key("sex", _SEX, "Administrative gender."),
        Key("age", Items(_AGE, many=False, absentable=True), "The age, as `42 a` or `7 mo`."),
        Key("name", _NAME_OR_ABSENT, "The name, or `not published`."),
        Key("birth-date", Time(absentable=True), "Date of birth, or `not reported`."),
        Key("deceased", YesOrTime(), "`yes`, `no`, or the time of death."),
        Key("identifier", Items(_IDENTIFIER), "Identifiers that may be published."),
        Key("address", Items(_ADDRESS, many=False), "Address, as far as it is published."),
        *COMMON,
    ),
    check=_check_patient,
)
ORGANIZATIONS = Kind(
    "organizations",
    "Organization",
    "Hospitals, practices, laboratories.",
    (
        Key("name", Text(absentable=True), "Its name.", required=True),
        Key("type", ORGANIZATION_TYPE, "What it is."),
        Key("address", Items(_ADDRESS, many=False), "Where it is."),
        *COMMON,
    ),
)
PRACTITIONERS = Kind(
    "practitioners",
    "Practitioner",
    "Physicians, nurses and others who care for the patient.",
    (
        Key("name", _NAME_OR_ABSENT, "The name, or `not published`."),
        Key("sex", _SEX, "Administrative gender."),
        Key("qualification", Text(), "Profession or specialty, in words."),
        *COMMON,
    ),
)
PEOPLE = Kind(
    "people",
    "RelatedPerson",
    "Relatives and others who are no professionals.",
    (
        Key("relationship", ROLE, "What the person is to the patient.", required=True),
        Key("name", _NAME_OR_ABSENT, "The name, or `not published`."),
        Key("sex", _SEX, "Administrative gender."),
        *COMMON,
    ),
)
ENCOUNTERS = Kind(
    "encounters",
    "Encounter",
    "Visits and stays. Facts at the same time belong to them.",
    (
        AT,
        Key("until", Time(), "The end of a stay."),
        Key("class", ENCOUNTER_CLASS, "Where the patient is seen.", required=True),
        Key("type", Codes(), "What kind of encounter, coded."),
        Key("text", Text(), "What kind of encounter, in words."),
        Key("reason", Text(), "Why the patient came, in words."),
        Key("status", Choice("planned", "arrived", "triaged", "in-progress", "onleave",
                             "finished", "cancelled", "unknown"), "Default: finished."),
        PERFORMER,
        *COMMON,
    ),
    check=_check_stay,
)  # fmt: skip
