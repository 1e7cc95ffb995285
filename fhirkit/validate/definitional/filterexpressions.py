"""Filters of a ValueSet whose value an expression computes from the value set's parameters.

https://hl7.org/fhir/extensions/StructureDefinition-valueset-parameter.html: the expression is
FHIRPath, and knows the parameters that the value set names, each as ``%name``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fhirkit.core.errors import FhirkitError
from fhirkit.fhirpath.expression import Expression
from fhirkit.validate.definitional.known import Json, Known, Placed, inner, objects, text
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

_EXPRESSION = "http://hl7.org/fhir/StructureDefinition/cqf-expression"
_PARAMETER = "http://hl7.org/fhir/tools/StructureDefinition/valueset-parameter"
#: A text in quotes, or a parameter; their names may hold a hyphen, unlike other names of FHIRPath.
_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|%([A-Za-z_][A-Za-z0-9_-]*)")


def parameters(value_set: Json) -> frozenset[str]:
    """The names of the parameters of a value set."""
    return frozenset(
        str(part.get("valueCode"))
        for _, extension in objects(value_set.get("extension"))
        if extension.get("url") == _PARAMETER
        for _, part in objects(extension.get("extension"))
        if part.get("url") == "name"
    )


def check(condition: Json, named: frozenset[str], node: Node, known: Known) -> Iterator[Placed]:
    """Findings for one filter, which stands at the node."""
    for at, extension in objects(inner(condition, "_value").get("extension")):
        spoken = extension.get("valueExpression")
        if extension.get("url") != _EXPRESSION or not isinstance(spoken, dict):
            continue
        if "value" in condition:
            yield node, _wrong("the value is given, and by an expression as well")
        place = step(step(node, "_value"), "extension", at)
        for message in _problems(spoken, named, known):
            yield (place, "valueExpression", "value.ofType(Expression)", None), _wrong(message)


def _problems(spoken: Json, named: frozenset[str], known: Known) -> Iterator[str]:
    language, expression = text(spoken, "language"), text(spoken, "expression")
    if language != "text/fhirpath":
        yield f"the expression is in {language}, not in text/fhirpath"
    elif expression is not None:
        used = [found[1] for found in _TOKEN.finditer(expression) if found[1] is not None]
        try:
            Expression(_TOKEN.sub(_plain, expression), known.model)
        except FhirkitError as problem:
            yield f"the expression is no FHIRPath: {problem.message}"
            return
        for name in used:
            if name not in named:
                yield f"the value set has no parameter {name}"
                return


def _plain(found: re.Match[str]) -> str:
    return found[0].replace("-", "_") if found[1] is not None else found[0]


def _wrong(message: str) -> Finding:
    return Finding("valueset-expression", message)
