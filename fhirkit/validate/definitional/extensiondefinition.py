"""A StructureDefinition of an extension: its url, and where it may stand.

https://hl7.org/fhir/R4/defining-extensions.html
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirkit.schema.snapshot import element_at
from fhirkit.validate.definitional.known import Json, Known, Placed, objects, text
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

_EXTENSION = "http://hl7.org/fhir/StructureDefinition/Extension"
#: Abstract types of later versions of FHIR that an extension may be meant for.
_LATER = frozenset({"CanonicalResource", "MetadataResource"})


def check(definition: Json, node: Node, known: Known) -> Iterator[Placed]:
    """Findings about contexts, and about the url that instances have."""
    is_extension = definition.get("type") == "Extension"
    for at, context in objects(definition.get("context")):
        place = step(node, "context", at)
        if not is_extension:
            yield place, _context("only extensions have a context")
        elif context.get("type") == "element":
            expression = text(context, "expression")
            if expression is not None and not _exists(expression, known):
                yield place, _context(f"there is no element {expression[:80]!r}")
    invariants = definition.get("contextInvariant")
    if isinstance(invariants, list) and not is_extension:
        for at in range(len(invariants)):
            yield step(node, "contextInvariant", at), _context("only extensions have a context")
    if is_extension and definition.get("baseDefinition") == _EXTENSION:
        for finding in _url(definition):
            yield node, finding


def _exists(expression: str, known: Known) -> bool:
    url, bar, path = expression.rpartition("#")
    name = path.partition(".")[0]
    if name in _LATER:
        return True
    structure = known.store.structure(url) if bar else known.store.type(name)
    if structure is None:
        return False
    element = structure.root
    parts = path.split(".")[1:]
    for at, part in enumerate(parts):
        found = next(
            (
                child
                for child in element.children
                if part in (child.name, f"{child.name}[x]" if child.choice else child.name)
            ),
            None,
        )
        if found is None:
            typed = known.store.type(element.types[0].code) if len(element.types) == 1 else None
            if typed is None:
                return False
            rest = ".".join((typed.root.path, *parts[at:]))
            return element_at(typed.root, rest) is not None or _exists(rest, known)
        element = found
    return True


def _url(definition: Json) -> Iterator[Finding]:
    """What instances say in their url is the url of the definition."""
    url = text(definition, "url")
    differential = definition.get("differential")
    if url is None or not isinstance(differential, dict):
        return
    fixed = next(
        (
            text(entry, "fixedUri")
            for _, entry in objects(differential.get("element"))
            if entry.get("path") == "Extension.url"
        ),
        None,
    )
    if fixed is None:
        yield _wrong(f"the definition of an extension fixes Extension.url to {url}")
    elif fixed != url:
        yield _wrong(f"Extension.url is fixed to {fixed}, but the extension is {url}")


def _context(message: str) -> Finding:
    return Finding("extension-definition-context", message)


def _wrong(message: str) -> Finding:
    return Finding("extension-definition-url", message)
