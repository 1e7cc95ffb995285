"""The profiles that the resources of a document must follow, and what comes of checking them.

They are those that were asked for, those that a resource claims (meta.profile), those that
guides demand of a type (ImplementationGuide.global), and those that its code implies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fhirkit.schema.model import StructureSchema
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.location import Node
from fhirkit.validate.notes import ProfileClaim
from fhirkit.validate.profiles.conformance import Conformance
from fhirkit.validate.profiles.implied import implied_profile, softened
from fhirkit.validate.profiles.items import Items
from fhirkit.validate.reports import Found

_OF_HL7 = "http://hl7.org/fhir/StructureDefinition/"
_ANY = ("Resource", "DomainResource")


class Guides:
    """What ImplementationGuides demand of every resource of a type."""

    def __init__(self, store: SchemaStore) -> None:
        self._profiles: dict[str, list[str]] = {}
        for guide in store.given("ImplementationGuide"):
            entries = guide.get("global")
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, dict) and isinstance(entry.get("profile"), str):
                    self._profiles.setdefault(str(entry.get("type")), []).append(entry["profile"])

    def claims(self, resource: dict[str, Any], node: Node) -> Iterator[ProfileClaim]:
        """The profiles that the guides demand of a resource."""
        for canonical in self._profiles.get(str(resource.get("resourceType")), ()):
            yield ProfileClaim(canonical, resource, node, node)


class Claims:
    """Checks of one document's claims; of each profile that is not at hand it says so once."""

    def __init__(self, store: SchemaStore, conformance: Conformance, items: Items) -> None:
        self._store = store
        self._conformance = conformance
        self._items = items
        self._said: set[str] = set()

    def check(self, claims: Iterable[ProfileClaim]) -> Iterator[Found]:
        """What is wrong with the resources that claim a profile."""
        for claim in claims:
            structure = self._store.structure(claim.canonical)
            if structure is not None:
                yield from self._one(claim, structure)
            elif claim.canonical not in self._said:
                self._said.add(claim.canonical)
                yield self._missing(claim.canonical, claim.node, claim.place)

    def implied(self, resource: dict[str, Any], node: Node) -> Iterator[Found]:
        """What is wrong with an Observation by the profile that its code implies."""
        canonical = implied_profile(resource)
        structure = self._store.structure(canonical) if canonical is not None else None
        if structure is not None:
            claim = ProfileClaim(structure.url, resource, node, node)
            yield from map(softened, self._one(claim, structure))

    def needed(self) -> Iterator[Found]:
        """The profiles that other profiles ask for, and that are not at hand.

        Whether an element follows one of them nobody can tell, so it does not pass. HL7's own
        extensions are another matter: later packages than R4 define more of them.
        """
        for canonical, node in self._conformance.unknown.items():
            if canonical in self._said:
                continue
            missing = self._missing(canonical, node, node)
            if missing.rule == "profile-unknown" and not canonical.startswith(_OF_HL7):
                missing = missing._replace(rule="profile-missing")
            yield missing

    def _one(self, claim: ProfileClaim, structure: StructureSchema) -> Iterator[Found]:
        name = claim.resource.get("resourceType")
        if structure.type != name and structure.type not in _ANY:
            message = f"the profile {claim.canonical} is for {structure.type}, not {name}"
            yield Found("profile-type", message, claim.node, claim.place)
            return
        if structure.derivation != "constraint":
            return
        for gap in structure.gaps:
            message = f"{structure.url}: {gap}, so this is not checked"
            yield Found("profile-gap", message, claim.node, claim.place)
        item = self._items.of_resource(claim.resource, claim.node)
        yield from self._conformance.check(item, structure)

    def _missing(self, canonical: str, node: Node, place: Node) -> Found:
        """A profile that cannot be checked: not at hand, or of a definition that fails."""
        trouble = self._store.trouble(canonical)
        if trouble is not None:
            message = f"the profile cannot be checked: {trouble}"
            return Found("profile-broken", message, node, place)
        message = f"the profile {canonical} is not at hand, so it was not checked; add its package"
        return Found("profile-unknown", message, node, place)
