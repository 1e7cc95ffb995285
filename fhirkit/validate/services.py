"""What an invariant may ask of its surroundings, answered from what is at hand.

https://hl7.org/fhir/R4/fhirpath.html#functions: ``resolve()`` inside the document, ``memberOf()``
by local value sets, ``conformsTo()`` by local profiles. No answer makes the invariant one that
could not be checked.
"""

from __future__ import annotations

from typing import Any

from fhirkit.fhirpath.environment import Environment, Resolve
from fhirkit.validate.rules import narrative
from fhirkit.validate.rules.binding import CodedCheck, coded_check
from fhirkit.validate.shapes import Shapes

_STEPS, _STEPS_AN_ENTRY = 1_000_000, 100
_NOT_CHECKED = "binding-not-checked"


class Services:
    """The services of one validator: what they learn about value sets they keep."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._coded: dict[tuple[str, str], CodedCheck | None] = {}

    def environment(
        self, resource: dict[str, Any], container: dict[str, Any], resolve: Resolve | None
    ) -> Environment:
        """The surroundings of every element of a resource (not of the resources inside it)."""
        entries = resource.get("entry")
        return Environment(
            resource=resource,
            root_resource=container,
            resolve=resolve,
            member_of=self._member_of,
            conforms_to=self._conforms_to,
            html_checks=narrative.is_allowed,
            # A constraint may look at every entry of a Bundle, however many, a few times.
            budget=_STEPS + _STEPS_AN_ENTRY * (len(entries) if isinstance(entries, list) else 0),
        )

    def _member_of(self, value: Any, type_name: str, value_set: str) -> bool | None:
        slot = (value_set, type_name)
        if slot not in self._coded:
            self._coded[slot] = coded_check(self._shapes.store, value_set, type_name)
        check = self._coded[slot]
        if check is None:
            return None
        finding = check(value)
        if finding is None:
            return True
        return None if finding.rule == _NOT_CHECKED else False

    def _conforms_to(self, value: Any, type_name: str, canonical: str) -> bool | None:
        """Whether an element follows a profile; a definition of a type is followed by its kind."""
        store = self._shapes.store
        structure = store.structure(canonical)
        if structure is None:
            return None
        actual = value.get("resourceType", type_name) if isinstance(value, dict) else type_name
        if structure.type not in self._shapes.lineage(actual):
            return False
        return True if structure.derivation != "constraint" else None
