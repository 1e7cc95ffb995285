"""A write of a Bundle's only entry as an HTTP request of its own, for servers without transactions.

The conditions travel as headers instead of as elements of ``entry.request``, and the answer is put
into the form that a transaction's has (https://hl7.org/fhir/R4/http.html#update and #ccreate).
"""

from __future__ import annotations

from typing import Any

from fhirkit.core.errors import BadAnswer, Refused
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.client import Client, Written, version_of

#: How servers say that they take no transaction Bundle at the base.
NOT_TAKEN = (404, 405, 501)


def carry_out(client: Client, bundle: dict[str, Any], request_id: str | None) -> dict[str, Any]:
    """Send the entry; the answer as a Bundle with one entry. Raises as ``Client.update`` does."""
    (entry,) = bundle["entry"]
    resource, request = entry["resource"], entry["request"]
    if request["method"] == "POST":
        written = client.create(
            resource, if_none_exist=request.get("ifNoneExist"), request_id=request_id,
            representation=True,
        )  # fmt: skip
    else:
        written = client.update(
            resource, if_match=version_of(request.get("ifMatch")), request_id=request_id,
            only_new="ifNoneMatch" in request, representation=True,
        )  # fmt: skip
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": [_answer(written)]}


def not_taken(problem: Exception | None) -> bool:
    """Whether a refusal is of transactions as such, and not of what was in one."""
    return isinstance(problem, (Refused, BadAnswer)) and problem.status in NOT_TAKEN


def _answer(written: Written) -> dict[str, Any]:
    response: dict[str, Any] = {"status": str(written.status)}
    if written.version_id is not None:
        response["etag"] = f'W/"{written.version_id}"'
    resource = written.resource
    location = written.location
    if location is None and resource is not None and isinstance(resource.get("id"), str):
        location = str(ResourceKey.of(resource))
    if location is not None:
        response["location"] = location
    return {"response": response} | ({} if resource is None else {"resource": resource})
