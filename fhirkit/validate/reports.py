"""What a walk reports: findings with their places, and the wording of the shape's own rules."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, NamedTuple

from fhirkit.validate.location import Node, step
from fhirkit.validate.members import Member, Shape
from fhirkit.validate.rules.finding import Finding
from fhirkit.validate.shapes import Shapes
from fhirkit.validate.xml_reader import MAX_FOUND, Repeated

#: Looking for a similar name costs more than anything else here.
_MAX_HINTS = 20


class Found(NamedTuple):
    """A finding with its place. ``place`` is where to point to in the file, if not at ``node``;
    ``spot`` is its line and column where they are known already.
    """

    rule: str
    message: str
    node: Node
    place: Node | None = None
    spot: tuple[int, int] | None = None


class Reports:
    """Findings in document order, and how the walk words what it finds itself."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self.found: list[Found] = []
        self._hints = 0

    def add(self, finding: Finding, node: Node) -> None:
        """Note a finding below a place."""
        place = node
        for key in finding.below:
            if isinstance(key, int):
                place = (place[0], place[1], place[2], key)
            else:
                place = step(place, key)
        self._report(finding.rule, finding.message, place)
        for other in finding.also:
            self.add(other, node)

    def add_value(self, finding: Finding, node: Node) -> None:
        """Note what is wrong with a primitive value; an empty one breaks ele-1, too."""
        self.add(finding, node)
        if finding.rule == "primitive-empty":
            message = "ele-1: an element has a value or children; leave it out"
            self._report("constraint-broken", message, node)

    def _report(self, rule: str, message: str, node: Node, place: Node | None = None) -> None:
        if len(self.found) < MAX_FOUND:
            self.found.append(Found(rule, message, node, place))
        elif len(self.found) == MAX_FOUND:
            message = f"more than {MAX_FOUND} issues; the others are not listed"
            self.found.append(Found("too-many-issues", message, node))

    def _report_type(self, name: Any, node: Node, *, present: bool) -> None:
        if not present:
            self._report("resource-type-missing", "a resource must name its resourceType", node)
        elif not isinstance(name, str):
            self._report("resource-type-unknown", "resourceType must be a string", node)
        else:
            close = get_close_matches(name[:100], sorted(self._shapes.store.resource_types), n=1)
            hint = f": did you mean {close[0]}?" if close else ""
            version = self._shapes.store.fhir_version
            message = f"FHIR {version} has no resource type of this name{hint}"
            self._report("resource-type-unknown", message, node, step(node, "resourceType"))

    def _report_unknown(self, key: Any, shape: Shape, node: Node) -> None:
        if shape.is_open:
            return
        if key == "value" and shape.name == "Element":
            message = "a value does not stand in _name, beside id and extension, but in name itself"
            self._report("element-value", message, node, (node, "value", "value", None))
            return
        name = str(key)[:60]
        hint = ""
        self._hints += 1
        if self._hints <= _MAX_HINTS and (close := get_close_matches(name, shape.members, n=1)):
            hint = f": did you mean {close[0]!r}?"
        message = f"{shape.name} has no element {name!r}{hint}"
        self._report("element-unknown", message, node, (node, str(key), name, None))

    def _report_array(self, child: list[Any], member: Member, node: Node) -> None:
        place = (node, member.key, member.label, None)
        if isinstance(child, Repeated):
            self._report_many(len(child), member, node)
        else:
            message = f"{member.label} does not repeat, so it must not be a JSON array"
            self._report("array-unexpected", message, place)

    def _report_many(self, count: int, member: Member, node: Node) -> None:
        by = self._whose(member)
        message = f"{member.label}: at most {member.maximum} allowed, found {count}{by}"
        self._report("cardinality-max", message, node, (node, member.key, member.label, None))

    def missing(self, names: tuple[str, ...], shape: Shape, node: Node) -> None:
        """Note that none of the properties of a required element is there."""
        member = shape.members[names[0]]
        name = f"{member.element.name}[x]" if member.choice else member.element.name
        message = f"{name}: at least {member.minimum} required, found 0{self._whose(member)}"
        self._report("cardinality-min", message, node)

    @staticmethod
    def _whose(member: Member) -> str:
        """Who demands it: the element's definition, or the profile."""
        source = member.source
        if source.derivation == "constraint":
            return f" (profile {source.url})"
        return f" ({member.element.path})"
