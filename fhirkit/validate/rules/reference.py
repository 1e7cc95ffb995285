"""References: resolved inside the document, and their targets' types.

https://hl7.org/fhir/R4/references.html and, in Bundles,
https://hl7.org/fhir/R4/bundle.html#references: an entry is found by its fullUrl; a relative
reference is made absolute with the fullUrl of the entry it stands in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from fhirkit.validate.location import Node
from fhirkit.validate.notes import ReferenceUse, Scope
from fhirkit.validate.rules.bundle import RESTFUL
from fhirkit.validate.rules.finding import Finding

_SHORT = 256
_RESOLVABLE_ONLY_HERE = ("urn:uuid:", "urn:oid:")


class Entries:
    """The resources of the Bundles in a document, by fullUrl, and the base each stands under."""

    def __init__(self) -> None:
        self._resources: dict[str, dict[str, Any]] = {}
        #: Those that stand for several versions of a resource.
        self._repeated: set[str] = set()
        self._full_urls: dict[int, str] = {}
        self.any = False

    def add(self, bundle: Any) -> None:
        """Note the entries of a Bundle, those of Bundles in it included."""
        pending = [bundle]
        seen: set[int] = set()
        while pending:
            current = pending.pop()
            if not isinstance(current, dict) or current.get("resourceType") != "Bundle":
                continue
            if id(current) in seen:
                continue  # a dict made in memory may hold itself
            seen.add(id(current))
            self.any = True
            entries = current.get("entry")
            for entry in entries if isinstance(entries, list) else ():
                resource = entry.get("resource") if isinstance(entry, dict) else None
                if not isinstance(resource, dict):
                    continue
                pending.append(resource)
                full_url = entry.get("fullUrl")
                if isinstance(full_url, str):
                    if full_url in self._resources:
                        self._repeated.add(full_url)
                    self._resources[full_url] = resource
                    self._full_urls[id(resource)] = full_url
                    for inner in _list(resource.get("contained")):
                        self._full_urls[id(inner)] = full_url

    def type_of(self, reference: str, scope: Scope) -> str | None:
        """The type of the entry that a reference means, or None when no entry is meant."""
        resource = self.find(reference, scope.resource)
        return None if resource is None else str(resource.get("resourceType"))

    def find(self, reference: str, resource: Any) -> dict[str, Any] | None:
        """The entry that a reference means when it stands in this resource, or None."""
        full_url = self._full_url(reference, resource)
        return None if full_url is None else self._resources[full_url]

    def is_ambiguous(self, reference: str, resource: Any) -> bool:
        """Whether a reference without a version means a resource that is there in several."""
        if "/_history/" in reference or not self._repeated:
            return False
        return self._full_url(reference, resource) in self._repeated

    def _full_url(self, reference: str, resource: Any) -> str | None:
        """The fullUrl of the entry that a reference in this resource means."""
        if not self._resources:
            return None
        url = _form(reference).url
        if url in self._resources:
            return url
        own = self._full_urls.get(id(resource), "")
        form = _form(own)
        absolute = form.base + url if form.url == own else url
        return absolute if absolute in self._resources else None


def check(
    uses: list[ReferenceUse], entries: Entries, types: Collection[str]
) -> Iterator[tuple[Node, Finding]]:
    """Findings for every Reference of a document, each with the node of its Reference."""
    for use in uses:
        finding = _check(use, entries, types)
        if finding is not None:
            yield use.node, finding


def _check(use: ReferenceUse, entries: Entries, types: Collection[str]) -> Finding | None:
    declared = use.value.get("type")
    reference = use.value.get("reference")
    target: str | None = None
    if isinstance(reference, str) and reference:
        target, finding = _resolve(reference, use.scope, entries, types)
        if finding is not None:
            return finding
    if target is None and isinstance(declared, str):
        target = declared
    if target not in types:
        return None
    if use.targets is not None and target not in use.targets:
        expected = " or ".join(sorted(use.targets))
        return Finding("reference-type", f"the target is a {target}; expected {expected}")
    if isinstance(declared, str) and declared in types and declared != target:
        message = f"type says {declared}, but the target is a {target}"
        return Finding("reference-type", message)
    return None


def _resolve(
    reference: str, scope: Scope, entries: Entries, types: Collection[str]
) -> tuple[str | None, Finding | None]:
    """The type of the target, as far as it can be known here; or why there is no target."""
    if reference.startswith("#"):
        target = _contained(reference[1:], scope)
        if target is None:
            return None, Finding("reference-contained", "no contained resource has this id")
        return target, None
    if entries.is_ambiguous(reference, scope.resource):
        message = "the Bundle holds several versions of the target; the reference must name one"
        return None, Finding("reference-ambiguous", message)
    target = entries.type_of(reference, scope)
    if target is not None:
        return target, None
    if reference.startswith(_RESOLVABLE_ONLY_HERE) and entries.any:
        message = "no entry of the Bundle has this fullUrl, and a urn: cannot be fetched"
        return None, Finding("reference-unresolved", message)
    target = _named_type(reference, types)
    # A colon ends a scheme; a question mark makes a conditional reference.
    if target is None and ":" not in reference and "?" not in reference:
        return None, Finding("reference-format", "expected Type/id, a URL, a urn: or #id")
    return target, None


def _contained(logical_id: str, scope: Scope) -> str | None:
    """The type of the resource that ``#id`` means; ``#`` alone is the container."""
    return scope.contained.get(logical_id) if logical_id else scope.type


def _named_type(reference: str, types: Collection[str]) -> str | None:
    """The type that a RESTful reference names by its form."""
    name = _form(reference).type
    return name if name in types else None


class _Form(NamedTuple):
    """A reference without version and fragment; of a RESTful one what is before Type/id."""

    url: str
    base: str = ""
    type: str | None = None


def _form(reference: str) -> _Form:
    # A long text is no reference that comes again.
    return (
        _remembered(reference) if len(reference) <= _SHORT else _remembered.__wrapped__(reference)
    )


@lru_cache(maxsize=8192)
def _remembered(reference: str) -> _Form:
    url = reference.partition("/_history/")[0].partition("#")[0]
    match = RESTFUL.fullmatch(url)
    return _Form(url) if match is None else _Form(url, match[1], match[2])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
