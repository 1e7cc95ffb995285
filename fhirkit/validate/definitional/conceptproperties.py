"""The properties that a CodeSystem defines, and those that its concepts have.

https://hl7.org/fhir/R4/codesystem-concept-properties.html: FHIR itself defines some, each with its
code and type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fhirkit.validate.definitional.known import Json, Known, Placed, is_absolute, objects, text
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

_DEFINED = "http://hl7.org/fhir/concept-properties#"
_HL7 = "://hl7.org/fhir"
#: Code → type of the properties that FHIR defines.
_TYPES = {
    "status": "code",
    "inactive": "boolean",
    "effectiveDate": "dateTime",
    "deprecationDate": "dateTime",
    "retirementDate": "dateTime",
    "notSelectable": "boolean",
    "parent": "code",
    "child": "code",
    "partOf": "code",
    "synonym": "code",
    "comment": "string",
    "itemWeight": "decimal",
}
#: Those of them whose values are codes of the code system itself.
_INTERNAL = frozenset({"parent", "child", "partOf", "synonym"})


def check(
    system: Json, node: Node, concepts: Iterable[tuple[Json, Node]], known: Known
) -> Iterator[Placed]:
    """Findings for the definitions of properties, then for the concepts that have some."""
    defined: dict[str, Json] = {}
    for at, definition in objects(system.get("property")):
        place = step(node, "property", at)
        for finding in _definition(definition, defined, text(system, "url")):
            yield place, finding
    codes = {concept["code"] for concept, _ in concepts if text(concept, "code") is not None}
    supplements = text(system, "supplements")
    if supplements is not None:
        schema = known.store.code_system(supplements.partition("|")[0])
        if schema is None or not schema.complete:
            codes = set()  # not known, so nothing is missed
        else:
            codes |= set(schema.displays)
    said: set[str] = set()
    for concept, place in concepts:
        for at, entry in objects(concept.get("property")):
            for finding in _value(entry, defined, codes, said):
                yield step(place, "property", at), finding


def _definition(definition: Json, defined: dict[str, Json], url: str | None) -> Iterator[Finding]:
    uri, code, kind = (text(definition, name) for name in ("uri", "code", "type"))
    name = uri.removeprefix(_DEFINED) if uri is not None and uri.startswith(_DEFINED) else None
    if uri is not None:
        if not is_absolute(uri):
            yield _wrong("the uri of a property is absolute")
        elif uri in defined:
            yield _wrong(f"{uri} is defined twice")
        else:
            defined[uri] = definition
        if _HL7 in uri and name not in _TYPES and not _is_own(uri, url):
            yield _wrong(f"FHIR defines no property {uri}")
    if code is not None:
        if code in defined:
            yield _wrong(f"the property {code[:60]!r} is defined twice")
        else:
            defined[code] = definition
    if name in _TYPES:
        if code is not None and code in _TYPES and code != name:
            yield _wrong(f"{uri} goes by the code {name!r}, not {code!r}")
        if kind is not None and kind != _TYPES[name]:
            yield _wrong(f"{uri} is a {_TYPES[name]}, not a {kind}")


def _is_own(uri: str, url: str | None) -> bool:
    """Whether a uri under HL7's host is one of the specification's or the code system's own."""
    if url is None:
        return False
    base = url.startswith("http://hl7.org/fhir/") and "/" not in url[20:]
    return base or uri.startswith(url)


def _wrong(message: str) -> Finding:
    return Finding("codesystem-property", message)


def _value(
    entry: Json, defined: dict[str, Json], codes: set[str], said: set[str]
) -> Iterator[Finding]:
    code = text(entry, "code")
    if code is None:
        return
    found = next((key for key in entry if key.lstrip("_").startswith("value")), None)
    if found is None:
        yield Finding("codesystem-property-value", f"the property {code[:60]!r} has no value")
        return
    definition = defined.get(code)
    if definition is None:
        return
    kind = found.lstrip("_").removeprefix("value")
    kind = kind if kind == "Coding" else kind[:1].lower() + kind[1:]
    wanted = definition.get("type")
    if kind != wanted:
        message = f"the property {code[:60]!r} is defined as a {wanted}, this is a {kind}"
        yield Finding("codesystem-property-value", message)
        return
    value = entry.get(found)
    is_internal = str(definition.get("uri")).removeprefix(_DEFINED) in _INTERNAL
    if is_internal and codes and isinstance(value, str) and value not in codes | said:
        said.add(value)
        message = f"the code system has no code {value[:60]!r} that this property could mean"
        yield Finding("codesystem-property-code", message)
