"""OperationDefinition: what it is based on, and the profiles of its parameters.

https://hl7.org/fhir/R4/operationdefinition.html
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirkit.validate.definitional import operationparameters
from fhirkit.validate.definitional.known import Json, Known, Placed, text
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding


def check(operation: Json, node: Node, known: Known) -> Iterator[Placed]:
    """Findings for one OperationDefinition."""
    if _is_circular(operation, known):
        message = "by way of its base the operation is based on itself"
        yield node, Finding("operation-circular", message)
    for name in ("inputProfile", "outputProfile"):
        profile = text(operation, name)
        if profile is None:
            continue
        structure = known.store.structure(profile)
        if structure is None:
            message = f"the profile {profile} is not at hand; add its package"
            yield step(node, name), Finding("operation-profile", message)
        elif structure.type != "Parameters":
            message = f"{profile} is a profile of {structure.type}, not of Parameters"
            yield step(node, name), Finding("operation-profile", message)
        else:
            use = "in" if name == "inputProfile" else "out"
            yield from operationparameters.compare(operation, structure, use, step(node, name))


def _is_circular(operation: Json, known: Known) -> bool:
    url, base = text(operation, "url"), text(operation, "base")
    passed: set[str] = set()
    while base is not None and base not in passed:
        passed.add(base)
        parent = known.store.resource("OperationDefinition", base)
        if parent is None:
            return False
        if parent.get("url") == url:
            return True
        base = text(parent, "base")
    return False
