"""A transaction Bundle out of actions, and what its answer says about each of them.

https://hl7.org/fhir/R4/http.html#transaction. Every entry can be sent twice without making two:
a PUT to an id of ours, or a conditional create by a tag of ours. The one exception, a plain POST,
has to be asked for.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fhirkit.core.errors import BadAnswer, FhirkitError
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.client import Written, version_of
from fhirkit.remote.failures import failure
from fhirkit.sync.counterpart import Counterpart
from fhirkit.sync.plan import Action, Step
from fhirkit.sync.tagging import TAG_SYSTEM, with_tag

_LOCATION = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]+)(?:/_history/([^/]+))?/?")


class Rung(StrEnum):
    """The ways to create, best first."""

    GUARDED = "guarded"  # PUT to our id, If-None-Match: *
    ABSENT = "absent"  # PUT to our id, If-Match a version that no resource has
    ID = "id"  # PUT to our id
    TAG = "tag"  # POST, unless something with our tag is there
    POST = "post"  # POST, and perhaps twice

    @property
    def ours(self) -> bool:
        """Whether ids are given here."""
        return self in (Rung.GUARDED, Rung.ABSENT, Rung.ID)

    @property
    def overwrites_nothing(self) -> bool:
        """Whether a create is refused where something is, if the server keeps to it."""
        return self in (Rung.GUARDED, Rung.ABSENT)


@dataclass(slots=True)
class Said:
    """What is known from the answer alone: entries confirmed, and trouble with the others.

    ``created`` are the ids that the server gave where it gives them; ``unnamed`` is set when it
    said that it created something and not under which id. ``foreign`` is set when the
    server names an id that was not asked for although ours was sent: writing again would make a
    second one.
    """

    confirmed: dict[ResourceKey, Written] = field(default_factory=dict)
    created: dict[ResourceKey, str] = field(default_factory=dict)
    trouble: FhirkitError | None = None
    foreign: bool = False
    unnamed: bool = False


def request_of(action: Action, rung: Rung, tag: str = "TAG") -> dict[str, str]:
    """The entry.request of an action in our ids; the same object serves ``--dry-run``."""
    if action.step is Step.CREATE and not rung.ours:
        request = {"method": "POST", "url": action.key.type}
        if rung is Rung.TAG:
            request["ifNoneExist"] = f"_tag={TAG_SYSTEM}|{tag}"
        return request
    method = "DELETE" if action.step is Step.DELETE else "PUT"
    request = {"method": method, "url": str(action.key)}
    if action.step is not Step.CREATE and action.if_match is not None:
        request["ifMatch"] = f'W/"{action.if_match}"'
    elif action.step is Step.CREATE and rung is Rung.GUARDED:
        request["ifNoneMatch"] = "*"
    elif action.step is Step.CREATE and rung is Rung.ABSENT:
        request["ifMatch"] = 'W/"0"'
    return request


def transaction(
    actions: Sequence[Action],
    resources: Mapping[ResourceKey, dict[str, Any]],
    rung: Rung,
    *,
    server: Counterpart,
    tags: Mapping[ResourceKey, str],
) -> dict[str, Any]:
    """The Bundle to send. ``tags`` name the creates on rungs where ids are not ours."""
    urns: dict[ResourceKey, str] = {}
    if not rung.ours:
        urns = {
            action.key: f"urn:uuid:{uuid.uuid4()}"
            for action in actions
            if action.step is Step.CREATE
        }
    entries: list[dict[str, Any]] = []
    for action in actions:
        request = request_of(action, rung, tags.get(action.key, ""))
        resource = server.outward(resources[action.key], urns)
        entry: dict[str, Any] = {}
        if action.key in urns:
            del resource["id"]
            resource = with_tag(resource, tags[action.key]) if rung is Rung.TAG else resource
            entry["fullUrl"] = urns[action.key]
        else:
            request["url"] = str(server.there(action.key))
        entries.append({**entry, "resource": resource, "request": request})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def interpret(
    bundle: dict[str, Any], actions: Sequence[Action], rung: Rung, server: Counterpart
) -> Said:
    """Match the answer's entries to the actions, by number, order, type and location."""
    said = Said()
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or len(entries) != len(actions):
        said.trouble = BadAnswer("transaction: the answer has not one entry for each sent")
        return said
    asked = {server.there(action.key) for action in actions}
    for action, entry in zip(actions, entries, strict=True):
        response = entry.get("response") if isinstance(entry, dict) else None
        response = response if isinstance(response, dict) else {}
        status, written, key = _read(response)
        named = action.step is not Step.CREATE or rung.ours
        if key is None and not named:
            key = _key_of_body(entry)
        expected = server.there(action.key)
        if 200 <= status < 300 and not named and (key is None or key.type != action.key.type):
            said.trouble = BadAnswer("transaction: a created resource's answer has no location")
            said.unnamed = True
        elif key is not None and (key != expected if named else key.type != action.key.type):
            said.foreign = said.foreign or (key.type == action.key.type and key not in asked)
            said.trouble = BadAnswer("transaction: the answer's entries are not those sent")
        elif 200 <= status < 300:
            said.confirmed[action.key] = _with_body(written, entry, key or expected)
            if not named and key is not None:
                said.created[action.key] = key.id
        elif status == 0:
            said.trouble = said.trouble or BadAnswer("transaction: an answer has no status")
        else:
            outcome = response.get("outcome")
            outcome = outcome if isinstance(outcome, dict) else None
            what = f"{action.step} of {action.key.type}"
            said.trouble = said.trouble or failure(status, what, outcome=outcome)
    if isinstance(said.trouble, BadAnswer):
        # Order or number is wrong somewhere, so no entry's word is taken.
        said.confirmed.clear()
        said.created.clear()
    return said


def _read(response: dict[str, Any]) -> tuple[int, Written, ResourceKey | None]:
    text = str(response.get("status", ""))[:3]
    status = int(text) if text.isascii() and text.isdigit() else 0
    location = response.get("location")
    match = _LOCATION.fullmatch(location) if isinstance(location, str) else None
    key = ResourceKey(match[1], match[2]) if match else None
    version = version_of(response.get("etag")) or (match[3] if match else None)
    return status, Written(status, version, location if match else None), key


def _key_of_body(entry: Any) -> ResourceKey | None:
    """The key of the resource in an answer's entry: some servers name its place nowhere else."""
    body = entry.get("resource") if isinstance(entry, dict) else None
    names = (body.get("resourceType"), body.get("id")) if isinstance(body, dict) else ()
    match = _LOCATION.fullmatch("/".join(map(str, names)))
    return ResourceKey(match[1], match[2]) if match and "OperationOutcome" not in names else None


def _with_body(written: Written, entry: dict[str, Any], key: ResourceKey) -> Written:
    """The answer with the stored resource, where the server sent it and it is that one."""
    body = entry.get("resource")
    if not isinstance(body, dict) or (body.get("resourceType"), body.get("id")) != tuple(key):
        return written
    meta = body.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    if not isinstance(version, str) or written.version_id not in (None, version):
        return written
    return Written(written.status, version, written.location, body)
