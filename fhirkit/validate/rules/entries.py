"""Where a reference leads: to another entry, to a parameter, or to a resource that was supplied.

https://hl7.org/fhir/R4/bundle.html#references: in a Bundle an entry is found by its fullUrl; a
relative reference is made absolute with the fullUrl of the entry it stands in. In Parameters a
resource is found by Type/id.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from fhirkit.validate.rules.finding import Finding

#: A RESTful URL ends in Type/id: https://hl7.org/fhir/R4/references.html#literal.
RESTFUL = re.compile(r"((?:https?://[^\s?#]*/)?)([A-Z][A-Za-z]*)/([A-Za-z0-9.-]{1,64})")
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:[^ ]+")
_ANSWERS = ("batch-response", "transaction-response")
_HISTORY = "/_history/"

#: A reference to the resource it leads to, from outside the document.
Outside = Callable[[str], dict[str, Any] | None]


class _Home:
    """What is around a resource: its Bundle with its own fullUrl, or the Parameters it is in."""

    __slots__ = ("full_url", "group", "is_entry", "kind")

    def __init__(self, group: dict[str, list[dict[str, Any]]], kind: Any, full_url: Any) -> None:
        #: Resources by fullUrl in a Bundle, by Type/id in Parameters.
        self.group = group
        self.kind = kind
        self.full_url = full_url if isinstance(full_url, str) else None
        self.is_entry = True


class Entries:
    """The resources that references in a document may lead to."""

    def __init__(self, types: Collection[str] = (), outside: Outside | None = None) -> None:
        self._types = types
        self._outside = outside
        self._homes: dict[int, _Home] = {}

    def add(self, document: Any) -> None:
        """Note the resources in a Bundle or Parameters, and those in resources in it."""
        pending = [document]
        seen: set[int] = set()
        while pending:
            current = pending.pop()
            if not isinstance(current, dict) or id(current) in seen:
                continue  # a dict made in memory may hold itself
            seen.add(id(current))
            if current.get("resourceType") == "Bundle":
                pending.extend(self._add_bundle(current))
            elif current.get("resourceType") == "Parameters":
                pending.extend(self._add_parameters(current))

    def _add_bundle(self, bundle: dict[str, Any]) -> list[dict[str, Any]]:
        group: dict[str, list[dict[str, Any]]] = {}
        resources = []
        own = self._homes[id(bundle)] = _Home(group, bundle.get("type"), None)
        own.is_entry = False
        for entry in _dicts(bundle.get("entry")):
            resource = entry.get("resource")
            if not isinstance(resource, dict):
                continue
            resources.append(resource)
            home = _Home(group, bundle.get("type"), entry.get("fullUrl"))
            if home.full_url is not None:
                group.setdefault(home.full_url, []).append(resource)
            self._settle(resource, home)
        return resources

    def _add_parameters(self, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        group: dict[str, list[dict[str, Any]]] = {}
        resources = []
        pending = _dicts(parameters.get("parameter"))
        while pending:
            parameter = pending.pop()
            pending.extend(_dicts(parameter.get("part")))
            resource = parameter.get("resource")
            if isinstance(resource, dict):
                resources.append(resource)
                group.setdefault(_own_name(resource), []).append(resource)
                self._settle(resource, _Home(group, None, None))
        return resources

    def _settle(self, resource: dict[str, Any], home: _Home) -> None:
        # A nested Bundle is at home in itself, for what stands in it but outside its entries.
        if resource.get("resourceType") != "Bundle":
            self._homes[id(resource)] = home
            for inner in _dicts(resource.get("contained")):
                self._homes[id(inner)] = home

    def find(self, reference: str, resource: Any) -> dict[str, Any] | None:
        """The resource that a reference means when it stands in this resource, or None."""
        return self.lookup(reference, resource)[0]

    def lacks_full_url(self, resource: Any) -> bool:
        """Whether a resource is an entry without a fullUrl, so that no reference can be told."""
        home = self._homes.get(id(resource))
        if home is None or home.kind is None or home.kind in _ANSWERS:
            return False
        return home.is_entry and home.full_url is None

    @property
    def is_empty(self) -> bool:
        """Whether no reference leads to anything but a contained resource."""
        return not self._homes and self._outside is None

    def is_inside(self, resource: Any) -> bool:
        """Whether a resource is in a Bundle or Parameters."""
        return id(resource) in self._homes

    def lookup(self, reference: str, resource: Any) -> tuple[dict[str, Any] | None, list[Finding]]:
        """The resource a reference means when it stands in this one, and what is wrong with it."""
        home = self._homes.get(id(resource))
        target: dict[str, Any] | None = None
        findings: list[Finding] = []
        if home is not None and home.kind is None and home.is_entry:
            target = home.group.get(reference, [None])[0]
        elif home is not None:
            target, findings = self._in_bundle(reference, home)
        if target is None and self._outside is not None:
            target = self._outside(reference)
        return target, findings

    def _in_bundle(
        self, reference: str, home: _Home
    ) -> tuple[dict[str, Any] | None, list[Finding]]:
        url, _, version = reference.partition(_HISTORY)
        wanted_type: str | None = None
        if _ABSOLUTE.fullmatch(reference) is None:
            if home.full_url is None:
                return None, _no_base(home)
            if reference.count("/") not in (1, 3):
                return None, self._no_url(reference, home)
            url, wanted_type = _absolute(url, home.full_url, versioned=bool(version))
        found = home.group.get(url, [])
        if version:
            found = [one for one in found if _version_id(one) == version]
        if not found:
            return None, []
        message = "the Bundle holds several versions of the target; the reference must name one"
        findings = [Finding("reference-ambiguous", message)] if len(found) > 1 else []
        target = found[-1]
        name = target.get("resourceType")
        if wanted_type is not None and name != wanted_type:
            message = f"the reference names a {wanted_type[:60]}, but the entry is a {name}"
            findings.append(Finding("reference-entry-type", message))
        return target, findings

    def _no_url(self, reference: str, home: _Home) -> list[Finding]:
        name, mark, query = reference.partition("?")
        is_search = bool(mark and query) and name in self._types and not re.search(r"\s", query)
        if is_search and home.kind in ("transaction", "batch"):
            return []
        return [Finding("reference-url", "expected Type/id, a URL, a urn: or #id")]


def _no_base(home: _Home) -> list[Finding]:
    if not home.is_entry or home.kind in _ANSWERS:
        return []
    message = "a relative reference, but the entry has no fullUrl to tell what it is relative to"
    return [Finding("reference-base", message)]


def _absolute(reference: str, full_url: str, *, versioned: bool) -> tuple[str, str | None]:
    """The URL that a relative reference in the entry of this fullUrl means, and the type asked."""
    name, _, logical_id = reference.partition("/")
    if full_url.startswith("urn"):
        # Beside a urn: the id alone tells: urn:uuid: and the id.
        return full_url.rpartition(":")[0] + f":{logical_id}", name
    base = full_url.rsplit("/", 2)[0]
    return f"{base}/{reference}", name if versioned else None


def _version_id(resource: dict[str, Any]) -> Any:
    meta = resource.get("meta")
    return meta.get("versionId") if isinstance(meta, dict) else None


def _own_name(resource: dict[str, Any]) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
