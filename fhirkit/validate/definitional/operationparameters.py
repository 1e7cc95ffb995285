"""The parameters of an OperationDefinition against a profile of Parameters that it names for them.

https://hl7.org/fhir/R4/operationdefinition-definitions.html#OperationDefinition.inputProfile: what
both say of a parameter (how often, of which types, with which targets) must be the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirkit.core.jsonio import loads
from fhirkit.schema.model import ElementSchema, StructureSchema
from fhirkit.validate.definitional.known import Json, Placed, objects, text, texts
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

_ALLOWED_TYPE = "http://hl7.org/fhir/StructureDefinition/operationdefinition-allowed-type"


def compare(operation: Json, profile: StructureSchema, use: str, node: Node) -> Iterator[Placed]:
    """Findings for the parameters of one use, ``in`` or ``out``, placed below the profile."""
    parameters = list(objects(operation.get("parameter")))
    for part in _child(profile.root, "parameter").slices:
        name = _name(part)
        if name is None:
            message = f"the slice {part.slice_name} of the profile names no parameter"
            yield node, Finding("operation-parameter", message)
            continue
        for at, parameter in parameters:
            if parameter.get("name") == name and parameter.get("use") == use:
                place = step(node, "parameter", at)
                for message in (*_occurrence(parameter, part), *_types(parameter, part)):
                    yield place, Finding("operation-parameter", f"{name}: {message}")
                break


def _child(element: ElementSchema, name: str) -> ElementSchema:
    for child in element.children:
        if child.name == name:
            return child
    return ElementSchema(path=name, name=name)


def _name(part: ElementSchema) -> str | None:
    child = _child(part, "name")
    stated = child.fixed or child.pattern
    value = None if stated is None else loads(stated.json.encode())
    return value if isinstance(value, str) else None


def _occurrence(parameter: Json, part: ElementSchema) -> Iterator[str]:
    least, most = parameter.get("min"), text(parameter, "max")
    limits = part.cardinality
    if isinstance(least, int) and least != limits.min:
        yield f"min is {least}, but {limits.min} in the profile"
    shown = "*" if limits.max is None else str(limits.max)
    if most is not None and most != shown:
        yield f"max is {most}, but {shown} in the profile"


def _types(parameter: Json, part: ElementSchema) -> Iterator[str]:
    allowed = {
        str(extension.get("valueUri"))
        for _, extension in objects(parameter.get("extension"))
        if extension.get("url") == _ALLOWED_TYPE
    }
    stated = text(parameter, "type")
    allowed = allowed or ({stated} if stated is not None else set())
    value, resource, inner = (_child(part, name) for name in ("value", "resource", "part"))
    used = [
        one
        for one, *others in ((value, resource, inner), (resource, value, inner))
        if one.cardinality.max != 0 and not any(other.cardinality.min for other in others)
    ]
    types = [one for element in used for one in element.types]
    for one in types:
        if one.code not in allowed:
            yield f"the profile allows {one.code}, which the operation does not"
    for code in sorted(allowed - {one.code for one in types}):
        yield f"the operation allows {code}, which the profile does not"
    targets = {target for one in types for target in one.target_profiles}
    own = set(texts(parameter.get("targetProfile")))
    for target in sorted(own - targets):
        yield f"the operation allows {target} as target, which the profile does not"
    if stated not in (None, "Element"):
        for target in sorted(targets - own):
            yield f"the profile allows {target} as target, which the operation does not"
