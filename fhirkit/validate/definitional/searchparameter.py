"""SearchParameter: its expression, what it is derived from, its components.

https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirkit.core.errors import FhirkitError
from fhirkit.fhirpath.expression import Expression
from fhirkit.fhirpath.parser import parse
from fhirkit.fhirpath.static import check as check_types
from fhirkit.validate.definitional.known import Json, Known, Placed, text, texts
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

_ANY = "Resource"
_ABSTRACT = frozenset({_ANY, "DomainResource"})


def check(parameter: Json, node: Node, known: Known) -> Iterator[Placed]:
    """Findings for one SearchParameter."""
    bases = texts(parameter.get("base"))
    expression = text(parameter, "expression")
    if expression is not None and bases:
        for finding in _expression(expression, bases, known):
            yield step(node, "expression"), finding
    for finding in (*_derived(parameter, bases, known), *_composite(parameter)):
        yield node, finding


def _expression(expression: str, bases: list[str], known: Known) -> Iterator[Finding]:
    unknown = [base for base in bases if known.store.kind(base) is None]
    if unknown:
        message = f"the expression cannot be checked: there is no type {unknown[0][:60]!r}"
        yield Finding("search-expression", message)
        return
    types = None if not _ABSTRACT.isdisjoint(bases) else frozenset(bases)
    try:
        # First what is wrong with the expression in itself, such as functions that do not exist.
        Expression(expression, known.model)
        check_types(parse(expression), known.model, types, check_order=False)
    except FhirkitError as problem:
        where = " or ".join(bases)
        message = f"the expression cannot be evaluated on {where}: {problem.message}"
        yield Finding("search-expression", message)


def _derived(parameter: Json, bases: list[str], known: Known) -> Iterator[Finding]:
    origin = text(parameter, "derivedFrom")
    found = None if origin is None else known.store.search_parameter(origin)
    if found is None:
        return
    for base in bases:
        if base not in found.bases and _ANY not in found.bases:
            message = f"{origin} is no parameter of {base}, so none for it can be derived from that"
            yield Finding("search-derived-base", message)
    kind = parameter.get("type")
    if isinstance(kind, str) and kind != found.type:
        message = f"{origin} is of type {found.type}, so what is derived from it is not a {kind}"
        yield Finding("search-derived-type", message)


def _composite(parameter: Json) -> Iterator[Finding]:
    components = parameter.get("component")
    count = len(components) if isinstance(components, list) else 0
    if parameter.get("type") == "composite" and count < 2:
        message = f"a composite parameter has at least two components, found {count}"
        yield Finding("search-composite", message)
