"""The walk: one pass over a resource, each property against its member of the shape.

It checks shape and cardinality itself, asks each leaf's check, and notes references, profile
claims and contained ids for the rules that need the whole document. It yields nothing on the
way: what it finds goes to ``found`` in document order.
"""

from __future__ import annotations

from typing import Any

from fhirkit.fhirpath.environment import Environment, Resolve
from fhirkit.validate.gate.native import NOTHING, Certain
from fhirkit.validate.location import Node, is_in, step
from fhirkit.validate.members import MANY, MAX_DEPTH, SHORT, Kind, Member, Shape
from fhirkit.validate.notes import ProfileClaim, ReferenceUse, Scope
from fhirkit.validate.reports import Reports
from fhirkit.validate.rules import contained as contained_rule
from fhirkit.validate.rules.constraint import BEST_PRACTICE, ask, ask_primitive
from fhirkit.validate.services import Services
from fhirkit.validate.shapes import Shapes

#: A kind of object that was met so often is worth a function: writing it takes a millisecond.
_OFTEN = 8
_ONLY_ID = frozenset({"id"})
_NOTHING_BUT_ID = "an id alone says nothing (ele-1): give the element content, or leave it out"


class Walk(Reports):
    """One pass over one document.

    Kinds of objects that were met ``often`` get a function of their own (``compiled``), which
    says the same; None: never. ``certain``: what is known of the document.
    """

    def __init__(
        self,
        shapes: Shapes,
        services: Services | None = None,
        resolve: Resolve | None = None,
        *,
        often: int | None = _OFTEN,
        certain: Certain = NOTHING,
    ) -> None:
        super().__init__(shapes)
        self._trusting = certain.shape
        #: Whether narratives need no second look.
        self.trusts_narratives = certain.narratives
        self._often = often
        self._services = services or Services(shapes)
        self._resolve = resolve
        self.environment = Environment()
        self.references: list[ReferenceUse] = []
        #: Every extension with its node.
        self.extensions: list[tuple[dict[str, Any], Node]] = []
        self.claims: list[ProfileClaim] = []
        self._scope: Scope | None = None
        #: The ids of elements, each with the identity of the resource it stands in.
        self._ids: set[tuple[int, bool, str]] = set()
        self._depth = 0

    def resource(self, value: Any, node: Node) -> None:
        """Check a resource by its own type."""
        if not isinstance(value, dict):
            self._report("object-expected", "expected a resource, a JSON object", node)
            return
        name = value.get("resourceType")
        shape = self._shapes.resource(name) if isinstance(name, str) else None
        if shape is None:
            self._report_type(name, node, present="resourceType" in value)
            return
        outer = self._scope
        if outer is None or node[1] != "contained":
            self._scope = Scope(value, node, shape.type)
            self._note_contained(value)
        self._note_claims(value, node)
        surroundings = self.environment
        container = self._scope.resource if self._scope is not None else value
        self.environment = self._services.environment(value, container, self._resolve)
        self._object(value, shape, node)
        self._scope, self.environment = outer, surroundings

    def _object(self, value: dict[str, Any], shape: Shape, node: Node) -> None:
        """Check an object: by the function of its shape, if it was met often enough to have one."""
        if self._often is not None:
            quick = shape.trusted if self._trusting else shape.quick
            if quick is None:
                shape.visits += 1
                if shape.visits >= self._often:
                    from fhirkit.validate.trusted import function_of

                    quick = function_of(shape, self._shapes, trusting=self._trusting)
            if quick is not None and value.__class__ is dict and value:
                depth = self._depth
                quick(value, node, self, depth)
                self._depth = depth
                return
        self._each(value, shape, node)

    def explain(self, value: dict[str, Any], shape: Shape, node: Node, depth: int) -> None:
        """Check an object that is not certainly right, so many levels deep."""
        self._depth = depth
        self._each(value, shape, node)

    def _each(self, value: dict[str, Any], shape: Shape, node: Node) -> None:
        """Check an object: each property, then what is missing, then the rules of its type."""
        if not value:
            self._report("element-empty", "an empty object; leave the element out", node)
            return
        if self._depth >= MAX_DEPTH:
            self._report("too-deep", f"nested deeper than {MAX_DEPTH} levels", node)
            return
        if len(value) == 1 and "id" in value and shape.name != "Element":
            self._report("element-only-id", _NOTHING_BUT_ID, node)
        self._depth += 1
        members = shape.members
        for key, child in value.items():
            member = members.get(key)
            if member is None:
                self._report_unknown(key, shape, node)
            elif child.__class__ is not str or child not in member.accepted:
                self._property(child, member, value, shape, node)
        self._as_a_whole(value, shape, node)
        self._depth -= 1

    def _as_a_whole(self, value: dict[str, Any], shape: Shape, node: Node) -> None:
        """Check what is missing from an object, and the rules and invariants of its type."""
        for names in shape.required:
            for name in names:
                if name in value:
                    break
            else:
                self.missing(names, shape, node)
        rule = self._shapes.rule(shape)
        if rule is not None:
            for finding in rule(value):
                self.add(finding, node)
        if shape.is_coded:
            self.code(value, node)
        self.ask_shape(value, shape, node)

    def code(self, value: dict[str, Any], node: Node) -> None:
        """Check a code of a system, whatever it is bound to."""
        wrong = self._shapes.code_check(value, self.environment.resource.get("language"))
        if wrong is not None:
            self.add(wrong, node)

    def ask_shape(self, value: dict[str, Any], shape: Shape, node: Node) -> None:
        """Ask the invariants of a kind of object."""
        invariants = shape.invariants
        if invariants is None:
            invariants = self._shapes.invariants_of(shape)
        environment = self.environment
        for invariant in invariants:
            broken = ask(invariant, value, environment)
            # What is good practice for a resource that stands alone is none for a contained one.
            if broken and not (node[1] == "contained" and broken.rule == BEST_PRACTICE):
                self.add(broken, node)

    def property(
        self, key: str, child: Any, parent: dict[str, Any], shape: Shape, node: Node, depth: int
    ) -> None:
        """Check a property that is not certainly right, its object being so many levels deep."""
        self._depth = depth
        member = shape.members.get(key)
        if member is None:
            self._report_unknown(key, shape, node)
        else:
            self._property(child, member, parent, shape, node)

    def item(self, child: Any, member: Member, node: Node, depth: int) -> None:
        """The same for an entry of a list of objects."""
        self._depth = depth
        self._complex(child, member, node)

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
            place = (node, member.key, member.label, None)
            self._complex(child, member, place)
            if member.kind is Kind.SIBLING and member.twin not in parent:
                self._without_value(child, member, place)

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
        self.ask_member(child, member, node)
        if member.coded is not None:
            finding = member.coded(child)
            if finding is not None:
                self.add(finding, node)
        if member.type == "Extension":
            self.extensions.append((child, node))
        elif member.type == "Reference":
            self.note_reference(child, member, node)

    def ask_member(self, value: Any, member: Member, node: Node) -> None:
        """Ask the invariants of an element's own definition."""
        for invariant in member.invariants:
            broken = ask(invariant, value, self.environment)
            if broken is not None:
                self.add(broken, node)

    def _nested_resource(self, child: Any, member: Member, node: Node) -> None:
        if not self._shapes.options.inner_resources:
            return
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
            self.count(child, member, parent, node)
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
                if not present or (index < len(present) and present[index] is None):
                    self._without_value(item, member, place)
            elif index >= len(present):
                self._report("null-value", "neither a value nor an extension", place)

    def _without_value(self, child: Any, member: Member, node: Node) -> None:
        """Hold a primitive that has only an id or extensions to its constraints."""
        if isinstance(child, dict) and child:
            if child.keys() == _ONLY_ID:
                self._report("element-only-id", _NOTHING_BUT_ID, node)
            for invariant in member.invariants:
                broken = ask_primitive(invariant, None, child, self.environment)
                if broken is not None:
                    self.add(broken, node)

    def count(self, child: list[Any], member: Member, parent: dict[str, Any], node: Node) -> None:
        """Check how many entries a list has."""
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
            if member.is_element_id:
                self._note_id(value, node)
        finding = member.judge(value, self.environment.root_resource)
        if finding is not None:
            self.add_value(finding, (node, member.key, member.label, index))
        elif member.invariants:
            for invariant in member.invariants:
                broken = ask_primitive(invariant, value, None, self.environment)
                if broken is not None:
                    self.add(broken, (node, member.key, member.label, index))
        elif value.__class__ is str and len(value) <= SHORT and member.keeps(value):
            accepted = member.accepted if index is None else member.accepted_entries
            if len(accepted) >= MANY:
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

    def _note_id(self, value: Any, node: Node) -> None:
        """Note the id of an element; within a resource there is only one of each."""
        if not isinstance(value, str):
            return
        resource = self.environment.resource
        # A StructureDefinition says each element twice.
        again = resource.get("resourceType") == "StructureDefinition" and is_in(node, "snapshot")
        identity = (id(resource), again, value)
        if identity in self._ids:
            message = "another element of this resource has the same id"
            self._report("element-id-duplicate", message, node)
        self._ids.add(identity)

    def note_reference(self, value: dict[str, Any], member: Member, node: Node) -> None:
        """Note a Reference."""
        if self._scope is not None:
            self.references.append(ReferenceUse(value, node, member.targets, self._scope))

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
        options = self._shapes.options
        if options.inner_resources and not options.shape_only:
            for finding in contained_rule.check(value):
                self.add(finding, scope.node)
