"""The functions FHIR adds (https://hl7.org/fhir/R4/fhirpath.html#functions)."""

from __future__ import annotations

from typing import Any

from fhirkit.fhirpath import elements
from fhirkit.fhirpath.elements import Element
from fhirkit.fhirpath.errors import EvaluationError, NotCheckableError
from fhirkit.fhirpath.frame import Collection, Frame, kind_of, single_string, to_system
from fhirkit.fhirpath.functions.registry import function

_WITH_CODE = ("code", "Coding", "CodeableConcept", "string", "uri", "Quantity")


@function("extension", 1)
def extension(frame: Frame, source: Collection, url: Collection) -> Collection:
    """The extensions with this URL, of elements of every kind."""
    wanted = single_string(frame, url, "extension()")
    found: Collection = []
    for item in source:
        if isinstance(item, Element):
            own = elements.child(frame.model, item, "extension")
            found.extend(x for x in own if type(x.value) is dict and x.value.get("url") == wanted)
    frame.spend(len(found))
    return found if wanted is not None else []


@function("hasValue", returns="Boolean")
def has_value(frame: Frame, source: Collection) -> Collection:
    """Whether the input is one primitive with a value (and not extensions only)."""
    return [len(source) == 1 and _has_value(frame, source[0])]


def _has_value(_frame: Frame, item: Any) -> bool:
    if not isinstance(item, Element):
        return True
    return item.value is not None and type(item.value) is not dict


@function("getValue")
def get_value(frame: Frame, source: Collection) -> Collection:
    """The System value of one primitive."""
    if len(source) != 1 or not _has_value(frame, source[0]):
        return []
    return [to_system(frame, source[0])]


@function("resolve")
def resolve(frame: Frame, source: Collection) -> Collection:
    """The resources that references point to; what cannot be found is left out."""
    found: Collection = []
    for item in source:
        frame.spend()
        text = _reference(item)
        if text is None:
            continue
        target = _contained(frame, text) if text.startswith("#") else _elsewhere(frame, text)
        if target is not None:
            found.append(elements.root(frame.model, target, "Resource"))
    return found


def _reference(item: Any) -> str | None:
    value = item.value if isinstance(item, Element) else item
    if isinstance(value, dict):
        value = value.get("reference")
    return value if isinstance(value, str) and value else None


def _contained(frame: Frame, text: str) -> Any:
    container = frame.environment.root_resource or frame.environment.resource
    if not isinstance(container, dict):
        return None
    if text == "#":
        return container
    for each in container.get("contained", ()):
        if isinstance(each, dict) and each.get("id") == text[1:]:
            return each
    return None


def _elsewhere(frame: Frame, text: str) -> Any:
    environment = frame.environment
    return None if environment.resolve is None else environment.resolve(text, environment.resource)


@function("memberOf", 1, returns="Boolean")
def member_of(frame: Frame, source: Collection, value_set: Collection) -> Collection:
    """Whether a code, Coding or CodeableConcept is in a value set."""
    url = single_string(frame, value_set, "memberOf()")
    if not source or url is None:
        return []
    if len(source) > 1:
        raise EvaluationError(f"memberOf(): expected one item, found {len(source)}")
    service = frame.environment.member_of
    item = source[0]
    value, type_name = (item.value, item.type) if isinstance(item, Element) else (item, "code")
    answer = None if service is None else service(value, type_name, url)
    if answer is None:
        raise NotCheckableError(f"memberOf(): the value set {url} cannot be decided here")
    return [answer]


@function("conformsTo", 1, returns="Boolean")
def conforms_to(frame: Frame, source: Collection, profile: Collection) -> Collection:
    """Whether an element conforms to a profile."""
    url = single_string(frame, profile, "conformsTo()")
    if not source or url is None:
        return []
    if len(source) > 1 or not isinstance(source[0], Element):
        raise EvaluationError("conformsTo(): expected one element")
    service = frame.environment.conforms_to
    answer = None if service is None else service(source[0].value, source[0].type, url)
    if answer is None:
        raise NotCheckableError(f"conformsTo(): the profile {url} is not known here")
    return [answer]


@function("subsumes", 1, returns="Boolean")
def subsumes(frame: Frame, source: Collection, other: Collection) -> Collection:
    """Whether a code includes another one."""
    return _subsumption(frame, source, other)


@function("subsumedBy", 1, returns="Boolean")
def subsumed_by(frame: Frame, source: Collection, other: Collection) -> Collection:
    """Whether a code is included in another one."""
    return _subsumption(frame, other, source)


def _subsumption(frame: Frame, broad: Collection, narrow: Collection) -> Collection:
    if not broad or not narrow:
        return []
    answer = terminology(frame, "subsumes", broad, narrow)
    return [answer in ("subsumes", "equivalent")]


def terminology(frame: Frame, operation: str, *arguments: Collection) -> Any:
    """What the terminology service answers; ``NotCheckableError`` without one."""
    service = frame.environment.terminologies
    plain = tuple(
        x[0].value if x and isinstance(x[0], Element) else x[0] if x else None for x in arguments
    )
    answer = None if service is None else service(operation, plain)
    if answer is None:
        raise NotCheckableError(f"{operation}() needs a terminology service, and none is here")
    return answer


@function("htmlChecks", returns="Boolean")
def html_checks(frame: Frame, source: Collection) -> Collection:
    """Whether narratives keep the rules for XHTML in FHIR."""
    service = frame.environment.html_checks
    found: list[bool] = []
    for item in source:
        value = item.value if isinstance(item, Element) else item
        if not isinstance(value, str):
            raise EvaluationError(f"htmlChecks(): expected XHTML, found {kind_of(item)}")
        if service is None:
            raise NotCheckableError("htmlChecks() is not available here")
        found.append(service(value))
    return [all(found)]
