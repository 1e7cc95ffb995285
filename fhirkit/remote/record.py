"""One patient's whole record: what is theirs, what it refers to, and what attests it.

``$everything`` is asked first (https://hl7.org/fhir/R4/patient-operation-everything.html); where
it is not offered, the patient compartment is searched type by type. Servers differ in what they
count as everything, so references are then followed outwards until none is open, and Provenance
is looked for by its targets.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from fhirkit.core.errors import Incomplete, Refused
from fhirkit.core.resource import ResourceKey, references
from fhirkit.remote.capability import Capability
from fhirkit.remote.client import Client
from fhirkit.remote.compartment import BESIDE, COMPARTMENT
from fhirkit.remote.failures import Busy
from fhirkit.remote.listing import ask_each, read_many
from fhirkit.remote.reference import local_key

_PAGE = {"_count": "200"}
_NOT_OFFERED = (400, 404, 405, 406, 422, 501)
_TARGETS = 30


@dataclass(slots=True)
class Record:
    """A patient's resources by key, and the references that lead to nothing on the server.

    ``unasked`` are the types that may hold more of the patient's and could not be searched.
    """

    resources: dict[ResourceKey, dict[str, Any]] = field(default_factory=dict)
    dangling: set[ResourceKey] = field(default_factory=set)
    unasked: set[str] = field(default_factory=set)


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
        found = client.search(f"Patient/{patient_id}/$everything", _PAGE)
    except (Refused, Incomplete) as problem:
        # One that never shows the same, or fewer than it says, is as good as none.
        if isinstance(problem, Refused) and problem.status not in _NOT_OFFERED:
            raise
        _compartment(client, capability, patient_id, record, COMPARTMENT)
        _undeclared(client, capability, patient_id, record)
    else:
        record.resources.update(found.resources)
        if not found.counted:
            more = _more(client, capability, patient_id, record)
            _compartment(client, capability, patient_id, record, more)
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


def _more(
    client: Client, capability: Capability, patient_id: str, record: Record
) -> dict[str, tuple[str, ...]]:
    """The part of the compartment of which the server counts more than came."""
    came = Counter(key.type for key in record.resources)
    asked = [
        (kind, parameter)
        for kind, parameters in COMPARTMENT.items()
        for parameter in parameters
        if capability.searches(kind, parameter)
    ]

    def number(one: tuple[str, str]) -> int:
        kind, parameter = one
        return client.count(kind, {parameter: f"Patient/{patient_id}"}) or 0

    counted = ask_each(number, asked)
    return {kind: (parameter,) for (kind, parameter), size in counted if size > came[kind]}


def _undeclared(client: Client, capability: Capability, patient_id: str, record: Record) -> None:
    """Try types of which the server declares no search that leads to a patient.

    One that heeds no such parameter shows everybody's: what is not the patient's is left out.
    """
    subject = f"Patient/{patient_id}"
    if not capability.searchable:
        record.unasked.add("resources")
    for kind, parameters in COMPARTMENT.items():
        if kind not in capability.searchable or any(
            capability.searches(kind, parameter) for parameter in parameters
        ):
            continue
        record.unasked.add(kind)
        for parameter in parameters:
            try:
                found = client.search(kind, {parameter: subject, **_PAGE}).resources
            except Busy:
                raise
            except Refused:
                continue
            record.unasked.discard(kind)
            record.resources.update(
                (key, one)
                for key, one in found.items()
                if any(
                    str(local_key(element["reference"], client.base)) == subject
                    for element in references(one)
                )
            )


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
