"""A transaction Bundle out of actions, and what its answer says about each of them.

https://hl7.org/fhir/R4/http.html#transaction. Every entry is a PUT to a client-assigned id, so
that sending it twice cannot make two; an update carries the version it is based on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fhirkit.core.errors import BadAnswer, FhirkitError
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.client import Written, version_of
from fhirkit.remote.failures import failure
from fhirkit.sync.entry import tree_form
from fhirkit.sync.plan import Action, Step

_LOCATION = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]+)(?:/_history/([^/]+))?/?")


@dataclass(slots=True)
class Said:
    """What is known from the answer alone: entries confirmed, and trouble with the others.

    ``foreign`` is set when the server names an id that was not asked for: it gives ids itself,
    so writing again would make a second one.
    """

    confirmed: dict[ResourceKey, Written] = field(default_factory=dict)
    trouble: FhirkitError | None = None
    foreign: bool = False


def request_of(action: Action, *, only_new: bool) -> dict[str, str]:
    """The entry.request of an action; the same object serves ``--dry-run``."""
    method = "DELETE" if action.step is Step.DELETE else "PUT"
    request = {"method": method, "url": str(action.key)}
    if action.step is not Step.CREATE and action.if_match is not None:
        request["ifMatch"] = f'W/"{action.if_match}"'
    elif action.step is Step.CREATE and only_new:
        request["ifNoneMatch"] = "*"
    return request


def transaction(
    actions: Sequence[Action], resources: Mapping[ResourceKey, dict[str, Any]], *, only_new: bool
) -> dict[str, Any]:
    """The Bundle to send. ``only_new`` asks the server to refuse to create over something."""
    entries: list[dict[str, Any]] = []
    for action in actions:
        request = request_of(action, only_new=only_new)
        entries.append({"resource": tree_form(resources[action.key]), "request": request})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def interpret(bundle: dict[str, Any], actions: Sequence[Action]) -> Said:
    """Match the answer's entries to the actions, by number, order and location."""
    said = Said()
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or len(entries) != len(actions):
        said.trouble = BadAnswer("transaction: the answer has not one entry for each sent")
        return said
    asked = {action.key for action in actions}
    for action, entry in zip(actions, entries, strict=True):
        response = entry.get("response") if isinstance(entry, dict) else None
        response = response if isinstance(response, dict) else {}
        status, written, key = _read(response)
        if key is not None and key != action.key:
            said.foreign = said.foreign or (key.type == action.key.type and key not in asked)
            said.trouble = BadAnswer("transaction: the answer's entries are not those sent")
        elif 200 <= status < 300:
            said.confirmed[action.key] = written
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
    return said


def _read(response: dict[str, Any]) -> tuple[int, Written, ResourceKey | None]:
    text = str(response.get("status", ""))[:3]
    status = int(text) if text.isascii() and text.isdigit() else 0
    location = response.get("location")
    match = _LOCATION.fullmatch(location) if isinstance(location, str) else None
    key = ResourceKey(match[1], match[2]) if match else None
    version = version_of(response.get("etag")) or (match[3] if match else None)
    return status, Written(status, version, location if match else None), key
