"""CodeSystem: what its content, count, concepts and supplement claim about each other.

https://hl7.org/fhir/R4/codesystem.html. Its properties have a module of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirkit.validate.definitional import conceptproperties
from fhirkit.validate.definitional.known import Json, Known, Placed, objects, text
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

_SUPPLEMENT = "supplement"


def check(system: Json, node: Node, known: Known) -> Iterator[Placed]:
    """Findings for one CodeSystem."""
    concepts = list(_concepts(system, node))
    yield from _claims(system, node)
    yield from _count(system, len(concepts), node, known)
    for finding in _value_set(system, len(concepts), known):
        yield node, finding
    yield from _supplement(system, node, known)
    codes: set[str] = set()
    for concept, place in concepts:
        code = text(concept, "code")
        if code is not None and code in codes:
            yield place, Finding("codesystem-duplicate", f"the code {code[:60]!r} is defined twice")
        elif code is not None:
            codes.add(code)
    yield from conceptproperties.check(system, node, concepts, known)


def _concepts(holder: Json, node: Node) -> Iterator[tuple[Json, Node]]:
    """Every concept with its place, parents before children."""
    pending = [
        (concept, step(node, "concept", at)) for at, concept in objects(holder.get("concept"))
    ]
    pending.reverse()
    while pending:
        concept, place = pending.pop()
        yield concept, place
        inner = [(one, step(place, "concept", at)) for at, one in objects(concept.get("concept"))]
        pending.extend(reversed(inner))


def _claims(system: Json, node: Node) -> Iterator[Placed]:
    """Content and supplements must tell the same story."""
    content, supplements = text(system, "content"), text(system, "supplements")
    if supplements is not None:
        if content is not None and content != _SUPPLEMENT:
            message = "it supplements another code system, so its content is 'supplement'"
            yield step(node, "content"), Finding("codesystem-supplement", message)
        if "caseSensitive" in system:
            message = "whether case matters is said by the code system that is supplemented"
            yield step(node, "caseSensitive"), Finding("codesystem-supplement", message)
    elif content == _SUPPLEMENT:
        message = "a supplement says which code system it supplements"
        yield step(node, "content"), Finding("codesystem-supplement", message)
        yield node, Finding("codesystem-supplement", message)
    if content == "not-present":
        for at, _ in objects(system.get("concept")):
            message = "the content is said not to be present, but here it is"
            yield step(node, "concept", at), Finding("codesystem-content", message)
            return


def _count(system: Json, found: int, node: Node, known: Known) -> Iterator[Placed]:
    stated, content = system.get("count"), system.get("content")
    if not isinstance(stated, int) or isinstance(stated, bool):
        return
    if content == "complete":
        wanted: object = found
    elif content == _SUPPLEMENT:
        supplemented = known.store.resource("CodeSystem", str(system.get("supplements")))
        if supplemented is None:
            return
        wanted = supplemented.get("count", 0)
        found = stated if wanted == found else -1
    else:
        return
    if stated != found:
        message = f"the count is {stated}, but there are {wanted} concepts"
        yield step(node, "count"), Finding("codesystem-count", message)


def _value_set(system: Json, count: int, known: Known) -> Iterator[Finding]:
    """The value set of all codes must be that: one include of the whole system."""
    canonical, url = text(system, "valueSet"), text(system, "url")
    value_set = None if canonical is None else known.store.resource("ValueSet", canonical)
    if value_set is None:
        return
    compose = value_set.get("compose")
    includes = list(objects(compose.get("include"))) if isinstance(compose, dict) else []
    if len(includes) != 1:
        yield _not_all(f"{canonical} is not made of one include")
        return
    include = includes[0][1]
    if include.get("system") != url:
        yield _not_all(f"{canonical} includes another system, {include.get('system')}")
    elif any(name in include for name in ("valueSet", "concept", "filter")):
        yield _not_all(f"{canonical} includes only some of its codes")
    else:
        expansion = value_set.get("expansion")
        listed = expansion.get("contains") if isinstance(expansion, dict) else None
        if isinstance(listed, list) and len(listed) != count:
            yield _not_all(f"the expansion of {canonical} has {len(listed)} codes, not {count}")


def _not_all(why: str) -> Finding:
    return Finding("codesystem-value-set", f"the value set of all codes is something else: {why}")


def _supplement(system: Json, node: Node, known: Known) -> Iterator[Placed]:
    """A supplement adds to codes that are there."""
    supplements = text(system, "supplements")
    if supplements is None:
        return
    url = supplements.partition("|")[0]
    schema = known.store.code_system(url)
    if schema is None or not schema.complete:
        return
    for at, concept in objects(system.get("concept")):
        code = text(concept, "code")
        if code is not None and schema.find(code) is None:
            message = f"{url} has no code {code[:60]!r} that could be added to"
            yield step(node, "concept", at), Finding("codesystem-supplement-code", message)
