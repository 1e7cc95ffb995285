"""What to pull when it is not everything that changed: one patient's record, or whole types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fhirkit.core.errors import BadAnswer, Incomplete, Refused, UsageError
from fhirkit.core.resource import ResourceKey, references
from fhirkit.remote.capability import Capability
from fhirkit.remote.client import Client
from fhirkit.remote.export import SYSTEM, Lost, begin
from fhirkit.remote.listing import all_of_type, read_many
from fhirkit.remote.record import patient_record
from fhirkit.sync.entry import version_id
from fhirkit.sync.source import Pick
from fhirkit.sync.tally import lacks

#: When everything is asked for, a type refused so is left out, and the pull is not complete.
NOT_FOR_US = (400, 403, 404, 405, 501)


@dataclass(slots=True)
class Selection:
    """What was fetched, and ``absent``: known keys in its scope that the server has no more."""

    resources: dict[ResourceKey, dict[str, Any]] = field(default_factory=dict)
    absent: set[ResourceKey] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    incomplete: bool = False


def select_patient(
    client: Client,
    capability: Capability,
    patient_id: str,
    known: Mapping[ResourceKey, dict[str, Any]],
    agreed: Collection[ResourceKey],
) -> Selection:
    """One patient's record. ``known`` are our resources, ``agreed`` the keys in the base."""
    record = patient_record(client, capability, patient_id)
    selection = Selection(record.resources)
    if record.dangling:
        count = len(record.dangling)
        selection.notes.append(f"{count} reference(s) lead to nothing on the server")
    if record.unasked:
        selection.incomplete = True
        names = ", ".join(sorted(record.unasked))
        selection.notes.append(f"the server could not be asked for this patient's {names}")
    subject = f"Patient/{patient_id}"
    theirs = (key for key in agreed if _refers(known.get(key), subject))
    # A search that lacks a resource does not prove that it is deleted; a read does.
    missing = [key for key in theirs if key not in selection.resources]
    for key, resource in read_many(client, missing, exact=True).items():
        if resource is None:
            selection.absent.add(key)
        else:
            selection.resources[key] = resource
    return selection


def _refers(resource: dict[str, Any] | None, subject: str) -> bool:
    if resource is None:
        return False
    if f"{resource.get('resourceType')}/{resource.get('id')}" == subject:
        return True
    return any(element["reference"] == subject for element in references(resource))


def wanted_types(capability: Capability, types: Iterable[str] | None) -> list[str]:
    """The types to ask for: those named, or all that the server can search."""
    wanted = sorted(capability.searchable if types is None else set(types))
    unknown = [kind for kind in wanted if capability.types and kind not in capability.types]
    if unknown:
        raise UsageError(f"the server does not offer {', '.join(unknown)}")
    if not wanted:
        raise Incomplete(
            "the server's CapabilityStatement names no type that can be searched",
            advice="fhirkit pull --type TYPE, or --patient ID, names what you want",
        )
    return wanted


def exported(
    client: Client, pick: Pick, types: Iterable[str] | None
) -> Iterator[list[dict[str, Any]]]:
    """What a bulk export shows, some resources at a time and each once; of these types, if any are
    named. Its job ends with us.

    ``Incomplete`` at the end when the server reports that it is not whole.
    """
    kinds = None if types is None else set(types)
    seen: dict[ResourceKey, str | None] = {}
    job = begin(client, pick.path, types=kinds)
    try:
        manifest = job.wait(pick.longest)
        for file in manifest.output:
            if kinds is not None and file.kind not in kinds:
                continue  # a server that does not heed _type
            for rows in job.rows(file, manifest):
                yield list(_new(rows, seen))
        holes = job.holes(manifest)
        if not holes and pick.path == SYSTEM:
            capability = Capability.of(client.capabilities())
            came = Counter(key.type for key in seen)
            holes = ", ".join(
                f"{one.number} {one.kind} on the server did not come in its export"
                for one in lacks(client, capability, manifest, came, kinds=kinds)
            )
    except Lost as problem:
        raise Incomplete(str(problem), advice="run the command again") from None
    finally:
        job.cancel()
    if holes:
        raise Incomplete(
            holes,
            advice="the server's keeper can say what it left out; "
            "fhirkit pull --source search reads without an export",
        )


def _new(
    rows: list[dict[str, Any]], seen: dict[ResourceKey, str | None]
) -> Iterator[dict[str, Any]]:
    """Those that have not come yet, noted in ``seen`` with their version."""
    for row in rows:
        key, version = ResourceKey.of(row), version_id(row)
        if key not in seen:
            seen[key] = version
            yield row
        elif seen[key] != version:
            raise Incomplete(
                f"the export shows a {key.type} in two versions", advice="run the command again"
            )


def select_export(client: Client, pick: Pick, types: Iterable[str] | None) -> Selection:
    """All that a bulk export shows, in memory."""
    rows = (row for portion in exported(client, pick, types) for row in portion)
    return Selection({ResourceKey.of(row): row for row in rows})


def select_types(client: Client, types: Iterable[str] | None) -> Selection:
    """Every resource of the given types, or of all types that the server can search."""
    selection = Selection()
    for kind in wanted_types(Capability.of(client.capabilities()), types):
        try:
            found = all_of_type(client, kind)
        except Refused as problem:
            if types is not None or problem.status not in NOT_FOR_US:
                raise
            selection.incomplete = True
            selection.notes.append(f"{kind}: {problem.message}")
            continue
        if any(key.type != kind for key in found.matches):
            raise BadAnswer(f"search of {kind}: the server answered with other types")
        selection.resources.update((key, found.resources[key]) for key in found.matches)
    return selection
