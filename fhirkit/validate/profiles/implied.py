"""Profiles that a resource must follow although it does not claim them.

Vital signs are the case of R4: "observations of these codes SHALL conform" says
https://hl7.org/fhir/R4/observation-vitalsigns.html, and HL7's validator holds any Observation
of such a code to its profile. The codes are those it knows the profiles by.
"""

from __future__ import annotations

from typing import Any

from fhirkit.validate.reports import Found

_CORE = "http://hl7.org/fhir/StructureDefinition/"
_LOINC, _SNOMED = "http://loinc.org", "http://snomed.info/sct"

#: Profile, its codes; the first that fits counts, LOINC before SNOMED CT.
_TABLE = {
    _LOINC: (
        ("vitalspanel", "85353-1"),
        ("resprate", "9279-1 76170-0 76172-6 76171-8 19840-8 33438-3 76270-8 11291-2"),
        (
            "heartrate",
            (
                "60978-4 73795-7 73799-9 76476-1 76477-9 8867-4 8889-8 8890-6 8891-4 8892-2 8893-0 "
                "40443-4 55425-3 68999-2 11328-2 69000-8 8886-4"
            ),
        ),
        (
            "oxygensat",
            "2708-6 19224-5 20564-1 2709-4 2710-2 2713-6 51733-4 59408-5 59417-6 89276-0 97549-0",
        ),
        (
            "bodytemp",
            (
                "8310-5 60834-9 60835-6 60836-4 60838-0 60955-2 61009-7 75539-7 75987-8 76010-8 "
                "76011-6 76278-1 8309-7 8328-7 8329-5 8330-3 8331-1 8332-9 8333-7 8334-5 91371-5 "
                "98657-0 98663-8"
            ),
        ),
        ("bodyheight", "8302-2 3137-7 3138-5 8306-3 8308-9"),
        ("headcircum", "9843-4 8287-5"),
        ("bodyweight", "29463-7 3141-9 3142-7 75292-3 79348-9 8350-1 8351-9"),
        ("bmi", "39156-5 89270-3"),
        ("bp", "85354-9 35094-2 8459-0 76534-7 55284-4 8480-6"),
    ),
    _SNOMED: (
        ("vitalspanel", "46680005"),
        ("resprate", "86290005 271625008 271306003"),
        (
            "heartrate",
            "271306003 249043002 444981005 399017001 251670001 429525003 429614003",
        ),
        ("oxygensat", "442476006 431314004"),
        (
            "bodytemp",
            (
                "386725007 276885007 300076005 1222808002 364246006 307047009 708499008 431598003 "
                "698831002 698832009 415882003 415974002 415929009 415945006"
            ),
        ),
        (
            "bodyheight",
            "1153637007 1162419008 50373000 1162418000 1230278008 1162392001 1162417005",
        ),
        ("headcircum", "363812007 169876006 1269262007 363811000"),
        ("bodyweight", "735395000 425024002 424927000 784399000 1162416001 1162415002"),
        ("bmi", "60621009"),
        (
            "bp",
            (
                "251076008 163033001 163035008 386534000 386536003 271649006 271650006 407556006 "
                "407554009 716579001 399304008"
            ),
        ),
    ),
}
_CODES = {
    system: tuple((_CORE + name, frozenset(codes.split())) for name, codes in rows)
    for system, rows in _TABLE.items()
}
#: The constraint that the time of a vital sign be precise to the day.
_TO_THE_DAY = "vs-1:"
#: The value sets of the usual units of vital signs.
_UNITS = "http://hl7.org/fhir/ValueSet/ucum-"
_OF_CODES = ("binding-required", "code-not-found")


def implied_profile(resource: dict[str, Any]) -> str | None:
    """The canonical of the profile that an Observation's code stands for, or None."""
    if resource.get("resourceType") != "Observation":
        return None
    code = resource.get("code")
    codings = code.get("coding") if isinstance(code, dict) else None
    present: dict[str, set[str]] = {_LOINC: set(), _SNOMED: set()}
    for coding in codings if isinstance(codings, list) else ():
        system = coding.get("system") if isinstance(coding, dict) else None
        if isinstance(system, str) and system in present:
            present[system].add(str(coding.get("code")))
    for system, found in present.items():
        for canonical, codes in _CODES[system] if found else ():
            if not codes.isdisjoint(found):
                return canonical
    return None


def softened(found: Found) -> Found:
    """A finding by an implied profile: an imprecise time or an unusual unit is no more than noted.

    A record of which only the month is known cannot follow vs-1, claims nothing, and would have to
    invent a day to be right: here fhirkit departs from HL7's verdict (docs/decisions/0014). What
    was measured in another unit is as it was measured, and for that reason claims nothing (0019).
    """
    if found.rule == "constraint-broken" and found.message.startswith(_TO_THE_DAY):
        return found._replace(rule="constraint-warning")
    if found.rule in _OF_CODES and _UNITS in found.message:
        return found._replace(rule="binding-extensible")
    return found
