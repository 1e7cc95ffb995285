"""DocumentReference of the report, Device and Provenance: where everything comes from.

https://hl7.org/fhir/R4/documentreference.html · https://hl7.org/fhir/R4/provenance.html
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from fhirkit import __version__
from fhirkit.convert.codes import coding
from fhirkit.convert.identity import full_url, logical_id
from fhirkit.convert.making import Draft

if TYPE_CHECKING:
    from fhirkit.convert.making import Making

_ACTIVITY = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def document(making: Making) -> list[Draft]:
    """The report itself as an attachment, with its size and hash."""
    source = making.case.source
    if source is None:
        return []
    attachment: dict[str, Any] = {"contentType": source.content_type}
    if making.case.language:
        attachment["language"] = making.case.language
    found = source.document
    if found is not None:
        attachment["data"] = b64encode(found.data).decode()
    if source.url:
        attachment["url"] = source.url
    if found is not None:
        attachment["size"] = len(found.data)
        # Attachment.hash is SHA-1, in base64 (https://hl7.org/fhir/R4/datatypes.html#Attachment).
        attachment["hash"] = b64encode(bytes.fromhex(found.sha1)).decode()
    attachment["title"] = source.title or source.name
    body = {
        "status": "current",
        "type": {"text": source.kind} if source.kind else None,
        "subject": making.subject(),
        "description": making.case.title,
        "content": [{"attachment": attachment}],
    }
    return [_draft(making, "DocumentReference", "source", source.title or source.name, body)]


def device(making: Making) -> Draft:
    """fhirkit, which made the resources."""
    body = {
        "deviceName": [{"name": "fhirkit", "type": "user-friendly-name"}],
        "version": [{"value": __version__}],
    }
    return _draft(making, "Device", "fhirkit", "fhirkit", body)


def provenance(making: Making, drafts: list[Draft], recorded: str) -> Draft:
    """That fhirkit made all of these from the report."""
    who = next(draft.url for draft in drafts if draft.type == "Device")
    body: dict[str, Any] = {
        "target": [
            {"reference": draft.url} for draft in drafts if draft.type != "DocumentReference"
        ],
        "recorded": recorded,
        "activity": {"coding": [coding(_ACTIVITY, "CREATE", "create")]},
        "agent": [
            {
                "type": {"coding": [coding(_AGENT, "assembler", "Assembler")]},
                "who": {"reference": who, "display": "fhirkit"},
            }
        ],
    }
    if making.source is not None and making.case.source is not None:
        what = {"reference": making.source, "display": making.case.source.name}
        body["entity"] = [{"role": "source", "what": what}]
    return _draft(making, "Provenance", "conversion", "Provenance", body)


def _draft(making: Making, resource_type: str, key: str, label: str, body: dict[str, Any]) -> Draft:
    case_id = making.case.id
    return Draft(
        resource_type,
        key,
        logical_id(case_id, key),
        full_url(case_id, resource_type, key),
        label,
        {name: value for name, value in body.items() if value is not None},
        key,
    )
