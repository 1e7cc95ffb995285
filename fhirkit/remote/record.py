"""One patient's whole record: what is theirs, what it refers to, and what attests it.

``$everything`` is asked first (https://hl7.org/fhir/R4/patient-operation-everything.html); where
it is not offered, the patient compartment is searched type by type. Servers differ in what they
count as everything, so references are then followed outwards until none is open, and Provenance
is looked for by its targets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fhirkit.core.errors import Refused
from fhirkit.core.resource import ResourceKey, references
from fhirkit.remote.capability import Capability
from fhirkit.remote.client import Client
from fhirkit.remote.compartment import BESIDE, COMPARTMENT
from fhirkit.remote.listing import read_many
from fhirkit.remote.reference import local_key

_PAGE = {"_count": "200"}
_NOT_OFFERED = (400, 404, 405, 406, 422, 501)
_TARGETS = 30


@dataclass(slots=True)
class Record:
    """A patient's resources by key, and the references that lead to nothing on the server."""

    resources: dict[ResourceKey, dict[str, Any]] = field(default_factory=dict)
    dangling: set[ResourceKey] = field(default_factory=set)


def patient_record(client: Client, capability: Capability, patient_id: str) -> Record:
    """The record of one patient; ``Refused`` (404) when the server has no such patient."""
    key = ResourceKey("Patient", patient_id)
    patient = client.read(key)
    if patient is None:
        raise Refused(
            f"read of Patient at {client.host}: the server has no such patient",
            status=404,
            advice="check the id; fhirkit pull --type Patient fetches them all",
        )
    record = Record({key: patient})
    try:
        record.resources.update(client.search(f"Patient/{patient_id}/$everything", _PAGE).resources)
    except Refused as problem:
        if problem.status not in _NOT_OFFERED:
            raise
        _compartment(client, capability, patient_id, record, COMPARTMENT)
    _compartment(client, capability, patient_id, record, BESIDE)
    _close(client, record)
    if capability.searches("Provenance", "target"):
        _attested(client, record)
        _close(client, record)
    return record


def collection(base: str, resources: list[dict[str, Any]]) -> dict[str, Any]:
    """Resources of the server at ``base`` as a collection Bundle."""
    entries = [
        {"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one}
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _compartment(
    client: Client,
    capability: Capability,
    patient_id: str,
    record: Record,
    table: dict[str, tuple[str, ...]],
) -> None:
    for kind, parameters in table.items():
        for parameter in parameters:
            if capability.searches(kind, parameter):
                query = {parameter: f"Patient/{patient_id}", **_PAGE}
                record.resources.update(client.search(kind, query).resources)


def _close(client: Client, record: Record) -> None:
    """Fetch what the record refers to, again and again until nothing is left open."""
    while True:
        wanted: set[ResourceKey] = set()
        for resource in record.resources.values():
            for element in references(resource):
                key = local_key(element["reference"], client.base)
                if key is not None:
                    wanted.add(key)
        wanted -= record.resources.keys() | record.dangling
        if not wanted:
            return
        for key, target in read_many(client, wanted).items():
            if target is None:
                record.dangling.add(key)
            else:
                record.resources[key] = target


def _attested(client: Client, record: Record) -> None:
    """Provenance of what is in the record; most is not in the patient compartment."""
    targets = sorted(key for key in record.resources if key.type != "Provenance")
    for start in range(0, len(targets), _TARGETS):
        chunk = ",".join(map(str, targets[start : start + _TARGETS]))
        found = client.search("Provenance", {"target": chunk, **_PAGE})
        record.resources.update(found.resources)
