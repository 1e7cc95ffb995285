"""What was measured or found, as the value part of an Observation.

Reads amounts, pairs, ranges and words; finds the LOINC code that the word and the unit ask for;
and reports units that are missing, unknown or of the wrong kind. Digits are kept as written.
https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

import re
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fhirkit.convert.absent import absent, absent_concept
from fhirkit.convert.codes import coding, concept
from fhirkit.convert.making import has_day
from fhirkit.terminology.codes import lookup
from fhirkit.terminology.measurements import (
    LABORATORY,
    VITAL_SIGNS,
    Measurement,
    WrongUnit,
    find,
    names,
    similar,
)
from fhirkit.terminology.systems import LOINC, UCUM
from fhirkit.terminology.units import (
    Quantity,
    QuantityError,
    agree,
    parse_pair,
    parse_quantity,
    same_dimension,
)

if TYPE_CHECKING:
    from fhirkit.convert.model import Fact
    from fhirkit.convert.read.nodes import Node, Scalar
    from fhirkit.convert.reading import Reading

_RANGE = re.compile(r"([+-]?[0-9.]+)\s*(?:-|–|to|\.\.)\s*([0-9.]+\s*\S.*|[0-9.]+)")
_AMOUNT = re.compile(r"(?:[<>≤≥]=?\s*)?[+-]?[0-9]")
_R4 = "http://hl7.org/fhir/StructureDefinition/"
#: Units that a vital-signs profile of R4 is bound to, where a measurement may be given in others.
_PROFILE_UNITS = {
    _R4 + "bodytemp": ("Cel", "[degF]"),
    _R4 + "bodyheight": ("cm", "[in_i]"),
    _R4 + "headcircum": ("cm", "[in_i]"),
    _R4 + "bodyweight": ("kg", "g", "[lb_av]"),
    _R4 + "heartrate": ("/min",),
    _R4 + "resprate": ("/min",),
    _R4 + "oxygensat": ("%",),
    _R4 + "bmi": ("kg/m2",),
}
#: From here on a word is taken for a slip of the pen and not for another test.
_SLIP = 0.85
#: A number spelled the one way a number is: `0123` and a reflex graded `+3` are words.
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,8}")


def check_vital(fact: Fact, reading: Reading) -> None:
    """Find the vital sign's word and read its value."""
    word = fact.get("vital")
    measurement = (
        _in_name(fact.name, VITAL_SIGNS, reading) if word is None else find(word, VITAL_SIGNS)
    )
    if measurement is None:
        _unknown_word(word or fact.name, VITAL_SIGNS, _place(fact, "vital"), reading)
        return
    _measure(fact, measurement, reading)


def check_lab(fact: Fact, reading: Reading) -> None:
    """Find the test, by word or code, and read its value."""
    word = fact.get("test")
    if word is None and "code" in fact.own:
        check_finding(fact, reading)
        return
    measurement = (
        _in_name(fact.name, LABORATORY, reading) if word is None else find(word, LABORATORY)
    )
    if measurement is None and word is None and "text" in fact.own:
        check_finding(fact, reading)
        return
    if measurement is None:
        _uncoded(word or fact.name, fact, reading)
        return
    _measure(fact, measurement, reading)


def check_finding(fact: Fact, reading: Reading) -> None:
    """Read a value without knowing what is measured: an amount if it is one, else words."""
    scalar = fact.get("value")
    if scalar is not None:
        found = fact.values["found"] = _free_value(scalar, fact, reading)
        if found and "finding" in fact.values and "valueString" not in found:
            message = "`finding` says in a code what `value` says already"
            reading.issue("case-conflict", scalar, message, "keep one of the two")
    _read_also_and_range(fact, None, reading)


def age_quantity(scalar: Scalar, reading: Reading) -> dict[str, Any] | None:
    """An age as a Quantity, after holding it to be a time that is not negative."""
    try:
        quantity = parse_quantity(scalar.text)
    except QuantityError as problem:
        reading.issue(problem.rule, scalar, problem.message, "write the age as 42 a, 7 mo or 3 d")
        return None
    if not same_dimension(quantity.code, "a"):
        reading.issue("case-dimension", scalar, f"an age is not given in {quantity.code}")
        return None
    if quantity.value < 0:
        reading.issue("case-quantity", scalar, "an age cannot be negative")
        return None
    return quantity_element(quantity)


def quantity_element(quantity: Quantity) -> dict[str, Any]:
    """A Quantity: UCUM code, and the unit as it was written."""
    made: dict[str, Any] = {"value": _number(quantity.value)}
    if quantity.comparator is not None:
        made["comparator"] = quantity.comparator
    made["unit"] = quantity.unit
    made["system"] = UCUM
    made["code"] = quantity.code
    return made


def plain_quantity(text: str | None) -> dict[str, Any] | None:
    """A Quantity, where the text is one amount without comparator and nothing else.

    https://hl7.org/fhir/R4/datatypes.html#SimpleQuantity
    """
    value = _free(text.strip())[1] if text is not None else None
    if not isinstance(value, Quantity) or value.comparator is not None:
        return None
    return quantity_element(value)


def _number(value: Decimal) -> Decimal | int:
    # Whole numbers as int: the same characters, and what other JSON readers hand out.
    text = str(value)
    return int(text) if _INTEGER.fullmatch(text) and text not in ("-0", "+0") else value


def profile_trouble(fact: Fact) -> str | None:
    """Why a vital sign cannot claim the profile of its measurement, or ``None`` if it can.

    https://hl7.org/fhir/R4/observation-vitalsigns.html (vs-1, and the units of each profile)
    """
    measurement, found = fact.values["measurement"], fact.get("found") or {}
    if not has_day(fact.at):
        when = f"'{fact.at.text}'" if fact.at is not None else "its time"
        return f"{when} is not known to the day, and the profile's rule vs-1 wants one"
    if measurement.components and "component" not in found:
        return "the profile wants both values of the pair"
    unit = found.get("valueQuantity", {}).get("code")
    if unit is not None and unit not in _PROFILE_UNITS.get(measurement.profile, (unit,)):
        return f"the profile does not know the unit {unit}"
    return None


def _in_name(name: str, category: str, reading: Reading) -> Measurement | None:
    """`hemoglobin`, `hemoglobin-2`, `hemoglobin-follow-up`: the longest word it starts with.

    What follows a test must tell when and nothing else: `glucose-urine` is another test than
    `glucose`. A vital sign stays the same whatever follows (`blood-pressure-sitting`).
    """
    parts = name.split("-")
    for length in range(len(parts), 0, -1):
        found = find("-".join(parts[:length]), category)
        rest = "-".join(parts[length:])
        if found is not None and (category == VITAL_SIGNS or _tells_when(rest, reading)):
            return found
    return None


def _tells_when(rest: str, reading: Reading) -> bool:
    return not rest or rest.isdigit() or rest in reading.points.order


def _unknown_word(word: str, category: str, node: Node | None, reading: Reading) -> None:
    close = similar(word, category)
    if category == VITAL_SIGNS:
        known = ", ".join(names(category))
        what, advice = "vital sign", f"write `vital:` and one of {known}"
    else:
        what, advice = "test", "write `test:` and a known word, or `code:` and `text:`"
    if close:
        advice = f"did you mean {' or '.join(close)}?"
    reading.issue("case-measurement", node, f"'{word}' is not the word for a {what}", advice)


def _uncoded(word: str, fact: Fact, reading: Reading) -> None:
    """A test without a known word: a slip if one is spelled nearly like it, else only words."""
    if get_close_matches(word.lower(), names(LABORATORY), n=1, cutoff=_SLIP):
        _unknown_word(word, LABORATORY, _place(fact, "test"), reading)
        return
    place = _place(fact, "test")
    reading.issue("case-no-code", place, f"'{word}' goes out without a code: the word is not known")
    fact.values.setdefault("text", word.replace("-", " "))
    check_finding(fact, reading)


def _measure(fact: Fact, measurement: Measurement, reading: Reading) -> None:
    fact.values["measurement"] = measurement
    scalar = fact.get("value")
    code, found = measurement.code, None
    if scalar is not None:
        code, found = _measured_value(scalar, measurement, reading)
    fact.values["found"] = found
    fact.values.setdefault("code", [_loinc(code)])
    _read_also_and_range(fact, measurement, reading)


def _measured_value(
    scalar: Scalar, measurement: Measurement, reading: Reading
) -> tuple[str, dict[str, Any] | None]:
    reason = absent(scalar.text)
    if reason is not None:
        return measurement.code, {"dataAbsentReason": absent_concept(reason)}
    if measurement.category == LABORATORY and not _AMOUNT.match(scalar.text.strip()):
        return measurement.code, {"valueString": scalar.text.strip()}
    try:
        if measurement.components:
            pair = parse_pair(scalar.text, default_unit=measurement.default_unit)
            measurement.variant(pair[0].code)
            parts = zip(measurement.components, pair, strict=True)
            return measurement.code, {
                "component": [
                    {
                        "code": {"coding": [_loinc(code)]},
                        "valueQuantity": quantity_element(quantity),
                    }
                    for code, quantity in parts
                ]
            }
        quantity = parse_quantity(scalar.text, default_unit=measurement.default_unit)
        return measurement.variant(quantity.code).code, {
            "valueQuantity": quantity_element(quantity)
        }
    except QuantityError as problem:
        reading.issue(problem.rule, scalar, problem.message, problem.advice)
    except WrongUnit as problem:
        reading.issue("case-dimension", scalar, problem.message, problem.advice)
    return measurement.code, None


@lru_cache(maxsize=512)
def _free(text: str) -> tuple[str, Any]:
    """A value of unknown nature: FHIR element and content."""
    try:
        return "valueQuantity", parse_quantity(text)
    except QuantityError:
        pass
    if _INTEGER.fullmatch(text):
        return "valueInteger", int(text)
    return "valueString", text


def _free_value(scalar: Scalar, fact: Fact, reading: Reading) -> dict[str, Any] | None:
    reason = absent(scalar.text)
    if reason is not None:
        return {"dataAbsentReason": absent_concept(reason)}
    text = scalar.text.strip()
    element, value = _free(text)
    if isinstance(value, Quantity):
        return {element: quantity_element(value)}
    if fact.kind.name == "labs" and element == "valueString" and _AMOUNT.match(text):
        # A laboratory value that starts like an amount is meant to be one.
        try:
            parse_quantity(text)
        except QuantityError as problem:
            reading.issue(problem.rule, scalar, problem.message, problem.advice)
        return None
    return {element: value}


def _read_also_and_range(fact: Fact, measurement: Measurement | None, reading: Reading) -> None:
    quantity = _quantity_of(fact)
    also = fact.get("also")
    if also is not None:
        fact.values["also_text"] = " ".join(also.text.split())
        _check_also(also, quantity, reading)
    limits = fact.get("range")
    if limits is not None:
        unit = quantity.code if quantity is not None else None
        usual = measurement.unit if measurement is not None else None
        fact.values["reference_range"] = _reference_range(limits, unit or usual, reading)


def _quantity_of(fact: Fact) -> Quantity | None:
    scalar = fact.get("value")
    if scalar is None or "valueQuantity" not in (fact.get("found") or {}):
        return None
    measurement = fact.get("measurement")
    return parse_quantity(scalar.text, default_unit=measurement and measurement.default_unit)


def _check_also(scalar: Scalar, quantity: Quantity | None, reading: Reading) -> None:
    try:
        other = parse_quantity(scalar.text)
    except QuantityError as problem:
        reading.issue(problem.rule, scalar, problem.message, problem.advice)
        return
    if quantity is None or not same_dimension(quantity.code, other.code):
        return
    if not _agree(quantity.pair, other.pair):
        reading.issue(
            "case-amounts-differ",
            scalar,
            "the two amounts are not the same, however they were rounded",
        )


_agree = lru_cache(maxsize=512)(agree)


def _reference_range(scalar: Scalar, unit: str | None, reading: Reading) -> dict[str, Any] | None:
    text = scalar.text.strip()
    try:
        if _RANGE.fullmatch(text) is None:
            limit = parse_quantity(text, default_unit=unit)
            side = "high" if (limit.comparator or "<").startswith("<") else "low"
            bare = Quantity(limit.value, limit.unit, limit.code)
            made = {side: quantity_element(bare), "text": text}
            parts = [limit]
        else:
            low_text, high_text = _RANGE.fullmatch(text).groups()  # type: ignore[union-attr]  # matched above
            high = parse_quantity(high_text, default_unit=unit)
            low = parse_quantity(f"{low_text} {high.unit}")
            if low.value > high.value:
                message = "the range ends below its start"
                reading.issue("case-quantity", scalar, message, "swap the two amounts")
                return None
            made = {"low": quantity_element(low), "high": quantity_element(high), "text": text}
            parts = [low, high]
    except QuantityError as problem:
        reading.issue(problem.rule, scalar, problem.message, problem.advice)
        return None
    if unit is not None and not same_dimension(parts[0].code, unit):
        message = "value and reference range do not measure the same kind of thing"
        reading.issue("case-dimension", scalar, message)
        return None
    return made


@lru_cache(maxsize=512)
def _loinc_display(code: str) -> str | None:
    return lookup(LOINC, code)


def _loinc(code: str) -> dict[str, Any]:
    return coding(LOINC, code, _loinc_display(code))


def found_concept(fact: Fact) -> dict[str, Any] | None:
    """The finding of a fact as a CodeableConcept: its codes, with its words as text."""
    finding = fact.get("finding")
    return concept(finding, fact.get("text")) if finding else None


def _place(fact: Fact, key: str) -> Node | None:
    from fhirkit.convert.read.nodes import Mapping

    node = fact.node
    inner = node.get(key) if isinstance(node, Mapping) else None
    return inner or fact.key or node
