"""Interactions with one resource (https://hl7.org/fhir/R4/http.html), conditional ones as well."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from fhirkit.chaos.behaviour import Behaviour
from fhirkit.chaos.normalise import NORMALISATIONS
from fhirkit.chaos.reply import Refusal
from fhirkit.chaos.searching import matches
from fhirkit.chaos.store import Store, Version
from fhirkit.core.resource import references

Resource = dict[str, Any]
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_RELATIVE = re.compile(r"([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?(?:#.*)?")


@dataclass(frozen=True)
class Conditions:
    """The headers of a request, or of a Bundle's entry, that a write depends on."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_none_exist: str | None = None
    request_id: str | None = None
    in_transaction: bool = False

    @classmethod
    def of_headers(cls, headers: Mapping[str, str]) -> Conditions:
        """As they stand in an HTTP request."""
        return cls(
            headers.get("If-Match"),
            headers.get("If-None-Match"),
            headers.get("If-None-Exist"),
            headers.get("X-Request-Id"),
        )


@dataclass(frozen=True)
class Done:
    """A write's status, and the version that is now current (None: nothing was there)."""

    status: int
    version: Version | None


class Writer:
    """Writes to a store as a behaviour wants them; ``at`` stamps all writes of a transaction."""

    def __init__(self, store: Store, behaviour: Behaviour, *, at: float | None = None) -> None:
        self.store, self.behaviour, self.at = store, behaviour, at

    def create(
        self, kind: str, resource: Resource, conditions: Conditions, key: str | None = None
    ) -> Done:
        """POST: an id of the server's, unless a condition finds what is there already.

        ``key`` is the one that a transaction has kept free for it.
        """
        self._check_type(kind, resource)
        found = self._found(kind, conditions.if_none_exist)
        if found is not None:
            return Done(200, found)
        key = key or f"{kind}/{self.store.new_id(self.behaviour.assigned_ids)}"
        return Done(201, self._store(key, resource, "POST", conditions))

    def update(self, key: str, resource: Resource, conditions: Conditions) -> Done:
        """PUT to an id: a new version, or the first."""
        kind, _, logical_id = key.partition("/")
        self._check_type(kind, resource)
        if resource.get("id") not in (None, logical_id):
            raise Refusal(400, "the id in the resource is not the one in the URL")
        if conditions.if_none_match is not None and self.behaviour.refuses_guard:
            raise Refusal(400, "If-None-Match is not known here", code="not-supported")
        now = self.store.read(key)
        if now is None:
            key = self._may_create(key, conditions)
            return Done(201, self._store(key, resource, "PUT", conditions))
        self._match(key, conditions)
        if conditions.if_none_match == "*" and self.behaviour.heeds_guard:
            raise Refusal(self._stale(conditions), "it exists", code="conflict")
        if not self.behaviour.identical_update_is_new_version:
            stored = self._form(key, resource, conditions)
            if _content(stored) == _content(now):
                return Done(200, self.store.current(key))
        return Done(200, self._store(key, resource, "PUT", conditions))

    def update_where(
        self, kind: str, query: str, resource: Resource, conditions: Conditions
    ) -> Done:
        """A conditional update: none, one or several matches."""
        found = self._matching(kind, query)
        if len(found) > 1:
            raise Refusal(412, "several match", code="multiple-matches")
        if found:
            return self.update(found[0].key, {**resource, "id": found[0].key.partition("/")[2]},
                               conditions)  # fmt: skip
        if isinstance(resource.get("id"), str):
            return self.update(f"{kind}/{resource['id']}", resource, conditions)
        return self.create(kind, resource, conditions)

    def delete(self, key: str, conditions: Conditions) -> Done:
        """DELETE: a version without a resource."""
        now = self.store.current(key)
        if now is None or now.resource is None:
            status = self.behaviour.delete_again_status
            if conditions.in_transaction:
                status = self.behaviour.delete_missing_in_transaction
            if status >= 400:
                raise Refusal(status, "nothing to delete", code="not-found")
            return Done(status, now)
        if self.behaviour.heeds_if_match_on_delete:
            self._match(key, conditions)
        if self.behaviour.checks_references and not self.behaviour.deletes_referenced:
            self._refuse_referenced(key, conditions)
        return Done(self.behaviour.delete_status, self.store.write(key, None, "DELETE", at=self.at))

    def check_references(self, versions: list[Version]) -> None:
        """Every local reference must lead to something, where the behaviour says so."""
        if not self.behaviour.checks_references:
            return
        for version in versions:
            for target in targets(version.resource or {}):
                if self.store.read(target) is None:
                    raise Refusal(400, f"{target.partition('/')[0]} reference leads nowhere")

    def _refuse_referenced(self, key: str, conditions: Conditions) -> None:
        if conditions.in_transaction:
            return  # judged when the whole transaction is known
        if any(key in targets(one.resource or {}) for one in self.store.living() if one.key != key):
            raise Refusal(409, "it is referred to", code="conflict")

    def _may_create(self, key: str, conditions: Conditions) -> str:
        kind, _, logical_id = key.partition("/")
        behaviour = self.behaviour
        if _ID.fullmatch(logical_id) is None:
            raise Refusal(400, "no id that FHIR allows")
        if behaviour.client_ids == "refused":
            raise Refusal(405, "this server gives ids itself", code="not-supported")
        if behaviour.client_ids == "not-numeric" and logical_id.isdigit():
            raise Refusal(400, "an id of digits alone is not accepted")
        asked = conditions.if_match is not None and behaviour.heeds_if_match
        if asked and behaviour.if_match_on_new_id >= 400:
            raise Refusal(behaviour.if_match_on_new_id, "nothing is there", code="conflict")
        if behaviour.client_ids == "reassigned":
            return f"{kind}/{self.store.new_id(behaviour.assigned_ids)}"
        return key

    def _found(self, kind: str, query: str | None) -> Version | None:
        if query is None or not self.behaviour.conditional_create:
            return None
        found = self._matching(kind, query)
        if len(found) > 1:
            raise Refusal(412, "several match", code="multiple-matches")
        return found[0] if found else None

    def referred(self, reference: str) -> str:
        """A conditional reference (``Type?query``) as the key of the one that matches."""
        kind, mark, query = reference.partition("?")
        if not mark or not kind.isalpha() or not kind[:1].isupper():
            return reference
        found = self._matching(kind, query)
        if len(found) != 1:
            raise Refusal(412, "a conditional reference needs one match", code="multiple-matches")
        return found[0].key

    def _matching(self, kind: str, query: str) -> list[Version]:
        return matches(self.store.living(kind), query.lstrip("?"), self.behaviour)

    def _match(self, key: str, conditions: Conditions) -> None:
        if conditions.if_match is None or not self.behaviour.heeds_if_match:
            return
        now = self.store.current(key)
        wanted = conditions.if_match.removeprefix("W/").strip('"')
        if now is None or wanted != str(now.number):
            raise Refusal(self._stale(conditions), "another version is there", code="conflict")

    def _stale(self, conditions: Conditions) -> int:
        behaviour = self.behaviour
        inside = conditions.in_transaction
        return behaviour.stale_in_transaction if inside else behaviour.stale_status

    def _check_type(self, kind: str, resource: Resource) -> None:
        if resource.get("resourceType") != kind:
            raise Refusal(400, "the resource is of another type than the URL")

    def _form(self, key: str, resource: Resource, conditions: Conditions) -> Resource:
        """What is stored of what was sent."""
        if self.behaviour.refuses and fnmatchcase(key, self.behaviour.refuses):
            raise Refusal(422, "refused by a rule of this server", code="business-rule")
        stored = {**deepcopy(resource), "id": key.partition("/")[2]}
        if self.behaviour.normalisation:
            stored = NORMALISATIONS[self.behaviour.normalisation](stored)
        meta = {name: one for name, one in stored.get("meta", {}).items() if name != "source"}
        if self.behaviour.keeps_request_id and conditions.request_id:
            meta["source"] = f"#{conditions.request_id}"
        stored["meta"] = meta
        return stored

    def _store(self, key: str, resource: Resource, method: str, conditions: Conditions) -> Version:
        stored = self._form(key, resource, conditions)
        return self.store.write(key, stored, method, at=self.at)


def targets(resource: Resource) -> set[str]:
    """The local resources that a resource refers to, as ``Type/id``."""
    found = set()
    for reference in references(resource):
        text = reference.get("reference")
        match = _RELATIVE.fullmatch(text) if isinstance(text, str) else None
        if match:
            found.add(match[1])
    return found


def _content(resource: Resource) -> Resource:
    meta = resource.get("meta", {})
    kept = {
        name: one
        for name, one in meta.items()
        if name not in ("versionId", "lastUpdated", "source")
    }
    return {**resource, "meta": kept}
