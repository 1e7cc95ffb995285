"""ValueSet: what its compose may name as a system, and how it may filter.

https://hl7.org/fhir/R4/valueset.html#compositions. Whether listed codes exist is left to the
systems' own servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fhirkit.core.regex import UnsupportedPattern, full_matcher
from fhirkit.validate.definitional import filterexpressions
from fhirkit.validate.definitional.known import (
    Json,
    Known,
    Placed,
    is_absolute,
    objects,
    text,
    texts,
)
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

_SNOMED = "http://snomed.info/sct"
#: Systems whose properties are told by their own rules
#: (https://hl7.org/fhir/R4/terminologies-systems.html).
_OWN_RULES = frozenset(
    {
        _SNOMED,
        "http://loinc.org",
        "http://unitsofmeasure.org",
        "http://www.nlm.nih.gov/research/umls/rxnorm",
        "http://www.ama-assn.org/go/cpt",
    }
)
#: How concepts may be picked by themselves or by their place in the hierarchy.
_CONCEPT = frozenset({"=", "in", "not-in", "is-a", "is-not-a", "descendent-of", "generalizes"})
#: Properties that every code system may have → the type of their values.
_GENERAL = {
    "concept": "code",
    "code": "code",
    "status": "string",
    "inactive": "boolean",
    "effectiveDate": "dateTime",
    "deprecationDate": "dateTime",
    "retirementDate": "dateTime",
    "notSelectable": "boolean",
    "synonym": "string",
    "comment": "string",
    "itemWeight": "decimal",
}
_COMPARED = r"(?:eq|ne|gt|lt|ge|le|sa|eb|ap)?"
#: Type of property → what its values look like; dates and numbers may be compared.
_FORMATS = {
    "boolean": re.compile(r"true|false"),
    "dateTime": re.compile(_COMPARED + r"\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d:\d\d.*)?)?)?"),
    "decimal": re.compile(_COMPARED + r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"),
    "integer": re.compile(_COMPARED + r"-?\d+"),
}


def check(value_set: Json, node: Node, known: Known) -> Iterator[Placed]:
    """Findings for one ValueSet."""
    compose = value_set.get("compose")
    if not isinstance(compose, dict):
        return
    parameters = filterexpressions.parameters(value_set)
    for name in ("include", "exclude"):
        for at, part in objects(compose.get(name)):
            place = step(step(node, "compose"), name, at)
            for finding in _system(part, value_set, known):
                yield place, finding
            system = str(part.get("system")).partition("|")[0]
            for number, condition in objects(part.get("filter")):
                at_filter = step(place, "filter", number)
                yield from filterexpressions.check(condition, parameters, at_filter, known)
                if "system" in part:
                    for finding in _filter(condition, system, known):
                        yield at_filter, finding


def _system(part: Json, value_set: Json, known: Known) -> Iterator[Finding]:
    system = text(part, "system")
    if system is None:
        return
    url, bar, version = system.partition("|")
    if bar and version:
        message = "the version of a system stands in its own element, not behind a bar"
        yield Finding("valueset-system-version", message)
    if not is_absolute(url):
        yield Finding("valueset-system", "a system is named by an absolute URL")
        if url.startswith("#"):
            yield from _contained(url[1:], part, value_set)
        return
    if (supplemented := known.store.supplemented(url)) is not None:
        message = f"{url} is a supplement; name the system itself, {supplemented}"
        yield Finding("valueset-system", message)
    elif known.store.code_system(url) is None and known.store.canonical_type(url) == "ValueSet":
        yield Finding("valueset-system", f"{url} is a value set, no code system")


def _contained(logical_id: str, part: Json, value_set: Json) -> Iterator[Finding]:
    """A contained code system goes by its URL; but if it goes by its id, that should be one."""
    found = 0
    for _, resource in objects(value_set.get("contained")):
        if resource.get("id") != logical_id:
            continue
        kind = resource.get("resourceType")
        if kind != "CodeSystem":
            message = f"the contained resource #{logical_id[:60]} is a {kind}, no CodeSystem"
            yield Finding("valueset-system", message)
        elif part.get("version") in (None, resource.get("version")):
            found += 1
    if found != 1:
        message = f"{found} contained code systems have the id {logical_id[:60]!r}"
        yield Finding("valueset-system", message)


def _filter(condition: Json, system: str, known: Known) -> Iterator[Finding]:
    name, operator, value = (text(condition, key) for key in ("property", "op", "value"))
    kind = None if name is None else _type_of(name, system, known)
    if name is None or operator is None or kind is None:
        return
    if name in ("concept", "code") and system not in _OWN_RULES - {_SNOMED}:
        allowed = _CONCEPT - {"=", "generalizes"} if system == _SNOMED else _CONCEPT
        allowed |= {"regex"} if name == "code" and system != _SNOMED else set()
        if operator not in allowed:
            listed = ", ".join(sorted(allowed))
            yield _wrong(f"{name} cannot be filtered by {operator!r} in {system}, only by {listed}")
    offered = _operators(name, system, known)
    if offered and operator not in offered and name not in ("concept", "code"):
        listed = ", ".join(sorted(offered))
        yield _wrong(f"{system} lets {name} be filtered by {listed}, not by {operator!r}")
    if operator == "regex" and name == "concept":
        yield _wrong("a regular expression is matched with codes or properties, not with concepts")
    if value is not None:
        yield from _filter_value(value, operator, kind, name, system, known)
    elif "_value" not in condition:
        yield _wrong("a filter needs a value")


def _filter_value(
    value: str, operator: str, kind: str, name: str, system: str, known: Known
) -> Iterator[Finding]:
    if operator == "regex":
        if not _is_pattern(value):
            yield _wrong(f"{value[:60]!r} is no regular expression")
    elif operator == "exists":
        if value not in ("true", "false"):
            yield _wrong(f"exists is true or false, not {value[:60]!r}")
    else:
        values = value.split(",") if operator in ("in", "not-in") else [value]
        for one in values:
            yield from _value(one, kind, name, system, known)


def _value(value: str, kind: str, name: str, system: str, known: Known) -> Iterator[Finding]:
    form = _FORMATS.get(kind)
    if form is not None and form.fullmatch(value) is None:
        yield _wrong(f"the values of {name} are of type {kind}, {value[:60]!r} is not")
    if kind == "Coding":
        yield from _coding(value, name, known)
    if kind != "code" or name not in ("concept", "code"):
        return
    schema = known.store.code_system(system)
    if schema is not None and schema.complete and schema.find(value) is None:
        yield _wrong(f"{system} has no code {value[:60]!r}")


def _coding(value: str, name: str, known: Known) -> Iterator[Finding]:
    """A value that is a code of another system: system and code, joined by ``#``."""
    system, _, code = value.rpartition("#" if "#" in value else "|")
    if not system or not code:
        yield _wrong(f"the values of {name} are written as system#code, not {value[:60]!r}")
        return
    schema = known.store.code_system(system.partition("|")[0])
    if schema is not None and schema.complete and schema.find(code) is None:
        yield _wrong(f"{system} has no code {code[:60]!r}")


def _operators(name: str, system: str, known: Known) -> set[str]:
    """The operators that a code system itself offers for one of its filters."""
    resource = known.store.code_system_resource(system) or {}
    return {
        operator
        for _, offered in objects(resource.get("filter"))
        if offered.get("code") == name
        for operator in texts(offered.get("operator"))
    }


def _type_of(name: str, system: str, known: Known) -> str | None:
    """The type of a property of a code system, or None when it is not known."""
    resource = known.store.code_system_resource(system)
    for _, definition in objects((resource or {}).get("property")):
        if definition.get("code") == name:
            kind = text(definition, "type")
            return None if kind == "string" else kind  # a text may be filtered in any way
    if system in _OWN_RULES and name != "concept":
        return None
    return _GENERAL.get(name)


def _is_pattern(value: str) -> bool:
    try:
        full_matcher(value)
    except UnsupportedPattern:
        try:
            re.compile(value)
        except re.error:
            return False
    return True


def _wrong(message: str) -> Finding:
    return Finding("valueset-filter", message)
