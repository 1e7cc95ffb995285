"""Resources put together: collection, transaction, document and NDJSON.

https://hl7.org/fhir/R4/bundle.html · https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhirkit.convert.narrative import narrative
from fhirkit.core.jsonio import dumps
from fhirkit.core.resource import map_references

if TYPE_CHECKING:
    from fhirkit.convert.making import Draft, Making

#: What a case can be turned into.
OUTPUTS = ("transaction", "collection", "document", "ndjson")

#: Types without quotes of their own: the report itself, and what made the resources.
_UNDERIVED = frozenset({"DocumentReference", "Device", "Provenance"})


def finish(draft: Draft, making: Making) -> dict[str, Any]:
    """The resource: id, meta, text, contained, extensions, then its body, in that fixed order."""
    made: dict[str, Any] = {"resourceType": draft.type, "id": draft.id}
    if draft.profile is not None:
        made["meta"] = {"profile": [draft.profile]}
    source = making.case.source
    made["text"] = narrative(draft, source.name if source is not None else None)
    if draft.contained:
        made["contained"] = draft.contained
    extensions = [] if draft.type in _UNDERIVED else making.derivation(draft.quotes)
    extensions += draft.extensions
    if extensions:
        made["extension"] = extensions
    made.update(draft.body)
    return made


def collection(drafts: list[Draft], making: Making, timestamp: str) -> dict[str, Any]:
    """Everything, as a set."""
    return {
        "resourceType": "Bundle",
        "id": making.case.id,
        "type": "collection",
        "timestamp": timestamp,
        "entry": [{"fullUrl": draft.url, "resource": finish(draft, making)} for draft in drafts],
    }


def transaction(drafts: list[Draft], making: Making, timestamp: str) -> dict[str, Any]:
    """Everything, to be put on a server: each resource under its own id, however often."""
    return {
        "resourceType": "Bundle",
        "id": making.case.id,
        "type": "transaction",
        "timestamp": timestamp,
        "entry": [
            {
                "fullUrl": draft.url,
                "resource": finish(draft, making),
                "request": {"method": "PUT", "url": f"{draft.type}/{draft.id}"},
            }
            for draft in drafts
        ],
    }


def ndjson(drafts: list[Draft], making: Making) -> str:
    """One resource a line, with references as `Type/id`: there is no Bundle to resolve them."""
    addresses = {draft.url: f"{draft.type}/{draft.id}" for draft in drafts}
    lines = (
        map_references(finish(draft, making), lambda url: addresses.get(url, url))
        for draft in drafts
    )
    return "".join(dumps(line, indent=False) + "\n" for line in lines)
