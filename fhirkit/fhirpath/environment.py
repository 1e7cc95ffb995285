"""What surrounds an evaluation: the resource, the services it may ask, the clock, the budget.

No service opens a connection by itself: what is not handed in cannot be asked, and the
expression that needs it is not checkable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from fhirkit.fhirpath.units import CommonUnits, UnitConverter

#: (reference, resource it stands in) → the resource, or None when it is not to be found.
Resolve = Callable[[str, Any], dict[str, Any] | None]
#: (code, Coding or CodeableConcept; its FHIR type; value set) → member or not; None: not known.
MemberOf = Callable[[Any, str, str], bool | None]
#: (element, its FHIR type, profile) → conforms or not; None: not known.
ConformsTo = Callable[[Any, str, str], bool | None]
#: (function of %terminologies, plain argument values) → its result as JSON, or None.
Terminologies = Callable[[str, tuple[Any, ...]], Any]
#: XHTML of a narrative → whether it keeps the rules of FHIR.
HtmlChecks = Callable[[str], bool]

_FIXED = {
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
    "ucum": "http://unitsofmeasure.org",
}
_PATTERNS = {
    "vs-": "http://hl7.org/fhir/ValueSet/",
    "ext-": "http://hl7.org/fhir/StructureDefinition/",
    "cs-": "http://hl7.org/fhir/CodeSystem/",
}


class Environment(msgspec.Struct):
    """Values and services of one evaluation or of many on the same resource.

    ``resource`` is %resource, ``root_resource`` %rootResource (the container of a contained
    resource), ``context`` %context (by default the focus). ``budget`` bounds the steps of one
    evaluation. ``constants`` are further %names.
    """

    resource: Any = None
    root_resource: Any = None
    context: Any = None
    resolve: Resolve | None = None
    member_of: MemberOf | None = None
    conforms_to: ConformsTo | None = None
    terminologies: Terminologies | None = None
    html_checks: HtmlChecks | None = None
    constants: Mapping[str, Any] = msgspec.field(default_factory=dict)
    units: UnitConverter = msgspec.field(default_factory=CommonUnits)
    now: datetime | None = None
    budget: int = 1_000_000

    def clock(self) -> datetime:
        """The moment of evaluation; the same one for the life of this environment."""
        if self.now is None:
            self.now = datetime.now(UTC).astimezone()
        return self.now


def predefined(name: str) -> str | None:
    """The constants FHIR defines (https://hl7.org/fhir/R4/fhirpath.html#vars), or None."""
    if name in _FIXED:
        return _FIXED[name]
    for prefix, url in _PATTERNS.items():
        if name.startswith(prefix) and len(name) > len(prefix):
            return url + name[len(prefix) :]
    return None
