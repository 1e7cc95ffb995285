"""One probe under way: what it writes, how it is answered, and that it is removed again."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from typing import Any

from fhirkit.core.errors import FhirkitError, Refused
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.client import Client, Written
from fhirkit.remote.failures import Busy, Stale
from fhirkit.remote.paging import Found
from fhirkit.remote.reference import local_key

#: What the probe writes, the first that the server offers. None is about a person.
_NAME = "fhirkit capability probe"
KINDS: dict[str, dict[str, Any]] = {
    "Basic": {"code": {"text": _NAME}},
    "Organization": {"active": False, "name": _NAME},
    "List": {"status": "entered-in-error", "mode": "working", "title": _NAME},
    "Patient": {"active": False, "name": [{"text": _NAME}]},
}
SYSTEM = "urn:uuid:1f0c6c0e-9a55-4d0f-8f5e-2f4d3b6f0a77"
NO_VERSION = "999999"


class Attempt:
    """One probe: the client, and everything that may have been made with it."""

    def __init__(self, client: Client, kind: str) -> None:
        self.client, self.kind = client, kind
        # Sixteen characters: a longer request id is not kept by every server.
        self.mark = uuid.uuid4().hex[:16]
        self.made: dict[ResourceKey, None] = {}
        self._count = 0

    def new(self, **more: Any) -> dict[str, Any]:
        """A resource at an id that nobody has; noted before it is sent anywhere."""
        self._count += 1
        logical_id = f"fhirkit-{self.mark}-{self._count}"
        self.made[ResourceKey(self.kind, logical_id)] = None
        return {"resourceType": self.kind, "id": logical_id, **KINDS[self.kind], **more}

    def without_id(self, **more: Any) -> dict[str, Any]:
        """A resource for the server to give an id to."""
        mark = {"identifier": [{"system": SYSTEM, "value": self.mark}]}
        return {"resourceType": self.kind, **KINDS[self.kind], **mark, **more}

    def note(self, written: Written | None) -> ResourceKey | None:
        """The key that the server gave, to be removed in the end."""
        key = key_of(written, self.client.base)
        if key is not None:
            self.made[key] = None
        return key

    def transact(self, *entries: tuple[dict[str, Any], dict[str, str]]) -> tuple[int, list[Any]]:
        """A transaction of (resource, request): its status, and its entries' answers."""
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": resource, "request": request}
                for resource, request in entries
            ],
        }
        try:
            answer = self.client.transaction(bundle, request_id=self.mark, representation=True)
        except (Refused, Stale) as problem:
            return only_verdicts(problem), []
        answers = answer.get("entry", [])
        answers = answers if isinstance(answers, list) else []
        for one in answers:
            response = one.get("response") if isinstance(one, dict) else None
            location = response.get("location") if isinstance(response, dict) else None
            if isinstance(location, str):
                self.note(Written(200, None, location))
        return 200, answers

    def _is_ours(self, found: Found, key: ResourceKey) -> bool:
        """A server that does not know the parameter shows everything: our mark has to be in it."""
        return self.mark in str(found.resources[key])

    def clean(self) -> list[ResourceKey]:
        """Delete everything; what is still there after that."""
        for condition in (
            f"identifier={SYSTEM}|{self.mark}",
            f"identifier={SYSTEM}|{self.mark}-t",
            f"_tag={SYSTEM}|{self.mark}",
        ):
            name, _, value = condition.partition("=")
            # Where an answer named no id, only a search finds what was made.
            with contextlib.suppress(FhirkitError):
                found = self.client.search(self.kind, {name: value})
                self.made |= dict.fromkeys(
                    key for key in found.matches if self._is_ours(found, key)
                )
        left = []
        for key in self.made:
            with contextlib.suppress(FhirkitError):
                self.client.delete(key)  # the read tells whether it is there
            try:
                if self.client.read(key) is not None:
                    left.append(key)
            except FhirkitError:
                left.append(key)
        return left


def tried(call: Callable[[], Written]) -> tuple[int, Written | None]:
    """The status of a write, and its answer when it was accepted."""
    try:
        written = call()
    except (Refused, Stale) as problem:
        return only_verdicts(problem), None
    return written.status, written


def only_verdicts(problem: Refused | Stale) -> int:
    """The status, unless it says that the server is busy or does not know us: no verdict then."""
    if problem.status == 401 or (isinstance(problem, Busy) and problem.status != 500):
        raise problem
    return problem.status


def key_of(written: Written | None, base: str) -> ResourceKey | None:
    """The key that a write's answer names; None when it names none."""
    if written is None:
        return None
    if written.resource is not None and isinstance(written.resource.get("id"), str):
        return ResourceKey.of(written.resource)
    location = (written.location or "").partition("?")[0].rstrip("/")
    parts = location.split("/_history/")[0].split("/")[-2:]
    return local_key("/".join(parts), base)


def key_of_entry(entry: Any, base: str) -> ResourceKey | None:
    """The same for an entry of a transaction's answer."""
    response = entry.get("response") if isinstance(entry, dict) else None
    location = response.get("location") if isinstance(response, dict) else None
    return key_of(Written(200, None, location), base) if isinstance(location, str) else None
