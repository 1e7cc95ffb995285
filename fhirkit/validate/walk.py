"""The walk: one pass over a resource, each property against its member of the shape.

It checks shape and cardinality itself, asks each leaf's check, and notes references, profile
claims and contained ids for the rules that need the whole document. It yields nothing on the
way: what it finds goes to ``found`` in document order.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, NamedTuple

from fhirkit.validate.location import Node, step
from fhirkit.validate.rules import TYPE_RULES
from fhirkit.validate.rules.finding import Finding
from fhirkit.validate.shapes import Kind, Member, Shape, Shapes
from fhirkit.validate.xml_reader import Repeated

#: Levels of nesting. The JSON and XML readers stop a little later; dicts have no reader.
MAX_DEPTH = 200
#: Accepted values are remembered only when they are short, and only so many.
_SHORT, _MANY = 128, 8192
#: A document with more findings than this is not looked at further; the rest is counted out.
MAX_FOUND = 10_000
#: Looking for a similar name costs more than anything else here.
_MAX_HINTS = 20


class Found(NamedTuple):
    """A finding with its place. ``place`` is where to point to in the file, if not at ``node``."""

    rule: str
    message: str
    node: Node
    place: Node | None = None


class Scope:
    """A resource that stands for itself: what ``#id`` references are resolved in."""

    __slots__ = ("contained", "node", "resource", "type")

    def __init__(self, resource: dict[str, Any], node: Node, type_name: str) -> None:
        self.resource = resource
        self.node = node
        self.type = type_name
        #: Id → resource type of each contained resource.
        self.contained: dict[str, str] = {}


class ReferenceUse(NamedTuple):
    """A Reference element: the resource it stands in, and the types its target may have."""

    value: dict[str, Any]
    node: Node
    targets: frozenset[str] | None
    scope: Scope


class ProfileClaim(NamedTuple):
    """A profile that a resource says it follows (meta.profile)."""

    canonical: str
    resource: dict[str, Any]
    node: Node
    place: Node


class Walk:
    """One pass over one document."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self.found: list[Found] = []
        self.references: list[ReferenceUse] = []
        self.claims: list[ProfileClaim] = []
        self._scope: Scope | None = None
        self._depth = 0
        self._hints = 0
        self._by_profile = False

    def resource(self, value: Any, node: Node, *, shape: Shape | None = None) -> None:
        """Check a resource, by its own type or, when a shape is given, by that profile."""
        if not isinstance(value, dict):
            self._report("object-expected", "expected a resource, a JSON object", node)
            return
        name = value.get("resourceType")
        own = self._shapes.resource(name) if isinstance(name, str) else None
        if own is None:
            self._report_type(name, node, present="resourceType" in value)
            return
        outer = self._scope
        if outer is None or node[1] != "contained":
            self._scope = Scope(value, node, own.type)
            self._note_contained(value)
        by_profile, self._by_profile = self._by_profile, shape is not None
        if shape is None:
            self._note_claims(value, node)
        self._object(value, shape or own, node)
        self._scope, self._by_profile = outer, by_profile

    def _object(self, value: dict[str, Any], shape: Shape, node: Node) -> None:
        """Check an object: each property, then what is missing, then the rules of its type."""
        if not value:
            self._report("element-empty", "an empty object; leave the element out", node)
            return
        if self._depth >= MAX_DEPTH:
            self._report("too-deep", f"nested deeper than {MAX_DEPTH} levels", node)
            return
        self._depth += 1
        members = shape.members
        for key, child in value.items():
            member = members.get(key)
            if member is None:
                self._report_unknown(key, shape, node)
            elif child.__class__ is not str or child not in member.accepted:
                self._property(child, member, value, shape, node)
        for names in shape.required:
            for name in names:
                if name in value:
                    break
            else:
                self._report_missing(names, shape, node)
        rule = TYPE_RULES.get(shape.type)
        if rule is not None:
            for finding in rule(value):
                self._add(finding, node)
        self._depth -= 1

    def _property(
        self, child: Any, member: Member, parent: dict[str, Any], shape: Shape, node: Node
    ) -> None:
        """Check one property of an object that is not a value seen before."""
        if member.choice is not None:
            self._check_choice(member, parent, shape, node)
        if member.array:
            self._array(child, member, parent, node)
        elif member.kind is Kind.PRIMITIVE:
            self._leaf(child, member, node, None)
        elif member.kind is Kind.RESOURCE_TYPE:
            return
        elif isinstance(child, list):
            self._report_array(child, member, node)
        else:
            if member.maximum == 0:
                self._report_many(1, member, node)
            self._complex(child, member, (node, member.key, member.label, None))

    def _complex(self, child: Any, member: Member, node: Node) -> None:
        """Check a value that is not primitive."""
        if member.kind is Kind.RESOURCE:
            self._nested_resource(child, member, node)
            return
        if not isinstance(child, dict):
            if child is None:
                self._report("null-value", "null is no value; leave the element out", node)
            else:
                self._report("object-expected", f"expected a JSON object ({member.type})", node)
            return
        self._object(child, member.shape, node)
        if member.kind is Kind.SIBLING:
            return
        if member.coded is not None:
            finding = member.coded(child)
            if finding is not None:
                self._add(finding, node)
        if member.type == "Reference" and self._scope is not None:
            self.references.append(ReferenceUse(child, node, member.targets, self._scope))

    def _nested_resource(self, child: Any, member: Member, node: Node) -> None:
        outer = self._scope
        if member.key == "contained" and outer is not None and outer.node is not node[0]:
            self._report("contained-nested", "a contained resource must not contain others", node)
        self.resource(child, node)
        if isinstance(child, dict) and member.type != "Resource":
            name = child.get("resourceType")
            if member.type != name and self._shapes.store.type(str(name)) is not None:
                self._report("resource-type-unexpected", f"expected a {member.type}", node)

    def _array(self, child: Any, member: Member, parent: dict[str, Any], node: Node) -> None:
        """Check a repeating element: a list, not empty, each entry, and how many."""
        key, label = member.key, member.label
        whole = (node, key, label, None)
        if child is None:
            self._report("null-value", "null is no value; leave the element out", whole)
        elif not isinstance(child, list):
            message = f"{label} repeats, so it must be a JSON array"
            self._report("array-expected", message, whole)
        elif not child:
            self._report("array-empty", "an empty array; leave the element out", whole)
        else:
            self._count(child, member, parent, node)
            if member.kind is Kind.PRIMITIVE:
                self._primitives(child, member, parent.get(member.twin), node)
            elif member.kind is Kind.SIBLING:
                self._siblings(child, member, parent.get(member.twin), node)
            else:
                for index, item in enumerate(child):
                    self._complex(item, member, (node, key, label, index))

    def _primitives(self, child: list[Any], member: Member, siblings: Any, node: Node) -> None:
        """Check a list of primitives; null stands for a value that has only extensions."""
        beside = siblings if isinstance(siblings, list) else []
        for index, item in enumerate(child):
            if item is None:
                if index >= len(beside) or not beside[index]:
                    place = (node, member.key, member.label, index)
                    message = f"null, but {member.twin} has nothing at this place"
                    self._report("null-value", message, place)
            elif item.__class__ is not str or item not in member.accepted_entries:
                self._leaf(item, member, node, index)

    def _siblings(self, child: list[Any], member: Member, values: Any, node: Node) -> None:
        """Check a list of siblings (``_given``), which runs in step with the list of values."""
        present = values if isinstance(values, list) else []
        if present and len(present) != len(child):
            message = f"{len(child)} entries, but {member.twin} has {len(present)}"
            whole = (node, member.key, member.label, None)
            self._report("array-alignment", message, whole)
        for index, item in enumerate(child):
            place = (node, member.key, member.label, index)
            if item is not None:
                self._complex(item, member, place)
            elif index >= len(present):
                self._report("null-value", "neither a value nor an extension", place)

    def _count(self, child: list[Any], member: Member, parent: dict[str, Any], node: Node) -> None:
        count = len(child)
        if member.kind is Kind.SIBLING and member.twin in parent:
            return
        if member.maximum is not None and count > member.maximum:
            self._report_many(count, member, node)
        elif count < member.minimum:
            message = f"{member.label}: at least {member.minimum} required, found {count}"
            self._report("cardinality-min", message, node, (node, member.key, member.label, None))

    def _leaf(self, value: Any, member: Member, node: Node, index: int | None) -> None:
        """Check a primitive value and, where its code is bound, the code."""
        if index is None:
            if isinstance(value, list):
                self._report_array(value, member, node)
                return
            if member.maximum == 0:
                self._report_many(1, member, node)
        finding = member.check(value)
        if finding is None and member.coded is not None:
            finding = member.coded(value)
        if finding is not None:
            self._add(finding, (node, member.key, member.label, index))
        elif value.__class__ is str and len(value) <= _SHORT and member.may_remember:
            accepted = member.accepted if index is None else member.accepted_entries
            if len(accepted) >= _MANY:
                accepted.clear()
            accepted.add(value)

    def _check_choice(
        self, member: Member, parent: dict[str, Any], shape: Shape, node: Node
    ) -> None:
        """A choice element has one type: complain at the second property of the same choice."""
        own = member.key.removeprefix("_")
        for key in parent:
            other = shape.members.get(key)
            if other is member:
                return
            if other is not None and other.choice == member.choice:
                first = key.removeprefix("_")
                if first != own:
                    message = f"{member.choice}[x] has both {first} and {own}; only one is allowed"
                    place = (node, member.key, member.label, None)
                    self._report("choice-multiple", message, node, place)
                    return

    # What is noted for the rules that see the whole document

    def _note_claims(self, value: dict[str, Any], node: Node) -> None:
        meta = value.get("meta")
        profiles = meta.get("profile") if isinstance(meta, dict) else None
        if isinstance(profiles, list):
            for index, canonical in enumerate(profiles):
                if isinstance(canonical, str):
                    place = step(step(node, "meta"), "profile", index)
                    self.claims.append(ProfileClaim(canonical, value, node, place))

    def _note_contained(self, value: dict[str, Any]) -> None:
        scope = self._scope
        contained = value.get("contained")
        if scope is None or not isinstance(contained, list):
            return
        for index, resource in enumerate(contained):
            if not isinstance(resource, dict):
                continue
            node = step(scope.node, "contained", index)
            logical_id = resource.get("id")
            if logical_id is None:
                self._report("contained-id-missing", "a contained resource needs an id", node)
            elif isinstance(logical_id, str):
                if logical_id in scope.contained:
                    self._report("contained-id-duplicate", "this id is taken already", node)
                scope.contained[logical_id] = str(resource.get("resourceType"))

    # What is reported

    def _add(self, finding: Finding, node: Node) -> None:
        place = node
        for key in finding.below:
            if isinstance(key, int):
                place = (place[0], place[1], place[2], key)
            else:
                place = step(place, key)
        self._report(finding.rule, finding.message, place)

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
        if shape.is_open or self._by_profile:
            return  # the walk by the resource's own type has said it
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

    def _report_missing(self, names: tuple[str, ...], shape: Shape, node: Node) -> None:
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
