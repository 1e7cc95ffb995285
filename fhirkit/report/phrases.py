"""FHIR datatypes in words: one short line for each.

https://hl7.org/fhir/R4/datatypes.html. Types are told by their shape, because a page must show
resources of any profile and version without their definitions. Nothing is rounded or converted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from fhirkit.report.dates import parse
from fhirkit.report.untrusted import dicts
from fhirkit.report.untrusted import text as text_of

ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

#: https://hl7.org/fhir/R4/valueset-data-absent-reason.html in plain words.
ABSENT_WORDS = {
    "unknown": "not known",
    "asked-unknown": "asked, but not known",
    "temp-unknown": "not known yet",
    "not-asked": "not asked",
    "asked-declined": "asked, answer declined",
    "masked": "withheld",
    "not-applicable": "does not apply",
    "unsupported": "not supported by the source system",
    "as-text": "given as text only",
    "error": "not available because of an error",
    "not-a-number": "not a number",
    "negative-infinity": "below what can be measured",
    "positive-infinity": "above what can be measured",
    "not-performed": "not performed",
    "not-permitted": "not permitted",
}

_UNITS = {
    "Cel": "°C",
    "[degF]": "°F",
    "mm[Hg]": "mmHg",
    "{score}": "",
    "1": "",
    "a": "years",
    "10*3/uL": "10³/µL",
}
# Some of these endings are no choice in R4 (reasonReference); the word is as idle there.
_CHOICE = re.compile(
    r"^([a-z]+)(?:DateTime|CodeableConcept|Reference|Quantity|SampledData)$"
    r"|^(?P<code>reason)Code$"
    r"|^(?P<choice>value|onset|abatement|effective|performed|occurrence|deceased|timing|multipleBirth"
    r"|collected|scheduled|serviced|asNeeded|rate|dose|due|start|born|age|answer|product|content)"
    r"(?:Period|String|Boolean|Range|Ratio|Integer|Age|Timing|Instant|Time|Attachment|Duration|Money"
    r"|Coding|Uri|Code|Decimal|Date|Url)$"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def label(name: str) -> str:
    """An element name as words: ``clinicalStatus`` → ``Clinical status``, ``onsetAge`` → ``Onset``.

    The type at the end of a choice element's name is left out; the value shows it.
    """
    words = _WORD.findall(
        _CHOICE.sub(lambda found: found[1] or found["code"] or found["choice"], name)
    )
    text = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)
    return text[:1].upper() + text[1:] if text else name


def phrase(value: Any) -> str | None:
    """The value in one line, or None when it is a structure whose parts must be listed."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if not isinstance(value, dict):
        return None
    keys = {key for key in map(str, value) if not key.startswith("_")} - {"id", "extension"}
    if not keys:
        return None
    for allowed, fits, write in _SHAPES:
        if keys <= allowed and fits(value):
            return write(value) or None
    return None


def concept(value: Any) -> str:
    """A CodeableConcept: its text, else the first display, else the first code."""
    if not isinstance(value, dict):
        return value if isinstance(value, str) else ""
    if isinstance(value.get("text"), str) and value["text"].strip():
        return str(value["text"])
    codings = dicts(value, "coding")
    for name in ("display", "code"):
        for coding in codings:
            if isinstance(coding.get(name), str):
                return str(coding[name])
    return ""


def codes(value: Any) -> str:
    """The codes of a CodeableConcept as an engineer reads them: ``sct|32914008 display``.

    A system is named by the end of its URL; the full one is in the resource's JSON.
    """
    found = []
    said = concept(value)
    for coding in dicts(value, "coding"):
        system = text_of(coding, "system").rstrip("/").rpartition("/")[2]
        display = text_of(coding, "display")
        shown = "" if display == said else f" {display}"
        found.append(f"{system}|{text_of(coding, 'code')}{shown}".rstrip())
    return " · ".join(found)


def coded(value: Any) -> Iterator[tuple[str, str]]:
    """Every (system, code) of a CodeableConcept."""
    for coding in dicts(value, "coding"):
        yield text_of(coding, "system"), text_of(coding, "code")


def unit(value: Any) -> str:
    """The unit of a Quantity for reading: the given unit, else the UCUM code, a few prettified."""
    if not isinstance(value, dict):
        return ""
    written = text_of(value, "unit") or text_of(value, "code")
    return _UNITS.get(written, written)


def quantity(value: Any) -> str:
    """A Quantity with its comparator, exact digits and unit."""
    if not isinstance(value, dict) or "value" not in value:
        return ""
    name = unit(value)
    gap = "" if name == "%" else " "
    return f"{text_of(value, 'comparator')}{value['value']}{gap if name else ''}{name}"


def when(value: Any) -> str:
    """A date or dateTime in words; anything else as it is."""
    found = parse(value)
    return found.words if found else str(value)


def absent_reason(element: Any) -> str | None:
    """Why an element is missing, if it says so by extension (data-absent-reason), in words."""
    for extension in dicts(element, "extension"):
        if extension.get("url") == ABSENT:
            return absent_words(extension.get("valueCode"))
    return None


def absent_words(code: Any) -> str:
    """A code of data-absent-reason in words."""
    return ABSENT_WORDS.get(code, code) if isinstance(code, str) else "no reason given"


def _join(value: dict[str, Any], *names: str, by: str = " ") -> str:
    listed = [value.get(name) for name in names]
    parts = [part for found in listed for part in (found if isinstance(found, list) else [found])]
    return by.join(part for part in parts if isinstance(part, str) and part)


def _period(value: dict[str, Any]) -> str:
    start, end = text_of(value, "start"), text_of(value, "end")
    if start and end:
        return when(start) if start == end else f"{when(start)} – {when(end)}"
    return f"since {when(start)}" if start else f"until {when(end)}"


def _range(value: dict[str, Any]) -> str:
    low, high = quantity(value.get("low")), quantity(value.get("high"))
    return f"{low} – {high}" if low and high else (f"≥ {low}" if low else f"≤ {high}")


def _attachment(value: dict[str, Any]) -> str:
    name = _join(value, "title") or _join(value, "url") or "attachment"
    about = [_join(value, "contentType")]
    if isinstance(value.get("data"), str):
        about.append(f"{len(value['data']) * 3 // 4:,} bytes inside")
    return f"{name} ({', '.join(part for part in about if part)})" if any(about) else name


def _sampled(value: dict[str, Any]) -> str:
    return f"sampled data, {len(text_of(value, 'data').split()):,} values, not drawn here"


def _repeat(value: dict[str, Any]) -> str:
    """The usual part of Timing.repeat: how often in which time."""
    often, length = value.get("frequency"), value.get("period")
    text = f"{often or 1} time{'' if (often or 1) == 1 else 's'}"
    if length is not None:
        text += f" every {length} {value.get('periodUnit', '')}".rstrip()
    return text


def _timing(value: dict[str, Any]) -> str:
    repeat = value.get("repeat")
    if concept(value.get("code")):
        return concept(value["code"])
    return (
        _repeat(repeat)
        if isinstance(repeat, dict) and {"frequency", "period"} & set(repeat)
        else ""
    )


_Shape = tuple[frozenset[str], Callable[[dict[str, Any]], Any], Callable[[dict[str, Any]], str]]


def _keys(names: str) -> frozenset[str]:
    return frozenset(names.split())


def _always(value: dict[str, Any]) -> bool:
    del value
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


# Most particular first: the shapes of several datatypes overlap.
_SHAPES: tuple[_Shape, ...] = (
    (_keys("coding text"), lambda v: "text" in v or "coding" in v, concept),
    (
        _keys("value comparator unit system code"),
        lambda v: _is_number(v.get("value")),
        quantity,
    ),
    (
        _keys("system version code display userSelected"),
        lambda v: "code" in v or "display" in v,
        lambda v: text_of(v, "display") or text_of(v, "code"),
    ),
    (_keys("start end"), _always, _period),
    (
        _keys("reference type identifier display"),
        _always,
        lambda v: _join(v, "display") or _join(v, "reference") or phrase(v.get("identifier")) or "",
    ),
    (
        _keys("use type system value period assigner"),
        lambda v: "type" in v or "assigner" in v or not {"rank"} & set(v),
        lambda v: " ".join(p for p in (concept(v.get("type")), _join(v, "value")) if p),
    ),
    (_keys("system value use rank period"), lambda v: "value" in v, lambda v: _join(v, "value")),
    (
        _keys("low high"),
        lambda v: isinstance(v.get("low") or v.get("high"), dict),
        _range,
    ),
    (
        _keys("numerator denominator"),
        _always,
        lambda v: f"{quantity(v.get('numerator'))} / {quantity(v.get('denominator'))}",
    ),
    (
        _keys("use text family given prefix suffix period"),
        _always,
        lambda v: _join(v, "text") or _join(v, "prefix", "given", "family", "suffix"),
    ),
    (
        _keys("use type text line city district state postalCode country period"),
        _always,
        lambda v: (
            _join(v, "text")
            or _join(v, "line", "postalCode", "city", "district", "state", "country", by=", ")
        ),
    ),
    (
        _keys("authorReference authorString time text"),
        lambda v: "text" in v,
        lambda v: _join(v, "text"),
    ),
    (
        _keys("contentType language data url size hash title creation"),
        _always,
        _attachment,
    ),
    (
        _keys("value currency"),
        lambda v: "currency" in v,
        lambda v: f"{v.get('value', '')} {text_of(v, 'currency')}".strip(),
    ),
    (_keys("repeat code event"), lambda v: "event" not in v, _timing),
    (
        _keys("origin period factor lowerLimit upperLimit dimensions data"),
        lambda v: "data" in v,
        _sampled,
    ),
)
