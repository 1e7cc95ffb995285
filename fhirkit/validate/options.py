"""What a validator is asked to look at, and how strictly; the same for every resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from fhirkit.core.errors import UsageError


class References(IntEnum):
    """How far a reference that leads out of the document is followed.

    Each level does what those before it do. What is inside the document (another entry, a
    contained resource) is always checked. Targets outside are those that were supplied to the
    ``Validator``; nothing is ever fetched.
    """

    #: Not at all.
    NONE = 0
    #: Where the target was supplied: is it of a type that is allowed here?
    TYPE = 1
    #: Was the target supplied? If not, that is an error.
    EXISTS = 2
    #: Does the target follow the profiles that are asked of it?
    VALID = 3


class Expressions(IntEnum):
    """How an issue names its place."""

    #: FHIRPath: ``Bundle.entry[0].resource.gender``.
    FHIRPATH = 0
    #: As HL7's validator writes it: ``Bundle.entry[0].resource/*Patient/p1*/.gender``. A place in
    #: XML that has no counterpart in a resource is an XPath there: ``/f:Patient/f:name``.
    HL7 = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The switches of a ``Validator``.

    Each default is what HL7's validator does when it is asked for nothing in particular, but for
    ``example_urls``.
    """

    #: Look at the shape alone: elements, types, how many, how values are written. No constraints,
    #: codes, references, profiles, extensions or narratives; every outcome says so.
    shape_only: bool = False
    #: Warn of constraints, too, that are recommendations only (dom-6: a narrative).
    best_practice: bool = False
    #: Let URLs under example.org and acme.com pass where one must lead to something.
    example_urls: bool = True
    #: Take a text that looks like markup or a script, where none belongs, for an attack.
    security_checks: bool = False
    #: Demand what is demanded only of what is about to be published.
    for_publication: bool = False
    #: How far references that lead out of the document are followed.
    references: References = References.NONE
    #: Take a reference of the form Type/id for one that leads to such a resource on a server.
    trust_server_references: bool = False
    #: Hold a resource to the profiles that its code implies: vital signs to theirs.
    implied_profiles: bool = True
    #: Look into contained resources and entries at all.
    inner_resources: bool = True
    #: Allow ``//`` comments in JSON, which is no JSON then.
    json_comments: bool = False
    #: Languages displays may be in, best first (BCP 47); by default that of the resource.
    languages: tuple[str, ...] = ()
    #: Profiles for entries of a Bundle: ``"Patient:0"`` is the first Patient in it, ``"Patient"``
    #: every one, ``"0"`` the first entry; the value is the canonical of a profile.
    bundle_entries: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    #: How an issue names its place.
    expressions: Expressions = Expressions.FHIRPATH

    def __post_init__(self) -> None:
        for key in self.bundle_entries:
            name, colon, index = key.partition(":")
            if not name or (colon and not index.isdigit()):
                expected = "a type, an index from 0, or both as in Patient:0"
                raise UsageError(f"bundle_entries: {key!r} names no entries; expected {expected}")

    def __reduce__(self) -> tuple[Any, ...]:
        """For other processes: a read-only mapping does not travel, what is in it does."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return _made, ({**values, "bundle_entries": dict(self.bundle_entries)},)


def _made(values: dict[str, Any]) -> Options:
    return Options(**values)
