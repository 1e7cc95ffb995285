"""Functions for objects whose shape is right for certain: they look at what else is asked.

Like those of ``compiled``, written when the walk meets a kind of object often, but for texts that
the gate has accepted: structure, types, cardinality and forms need no second look. What remains
are codes, references, extensions, invariants and rules; properties without any are passed over.
Findings come from the walk, in the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhirkit.validate.compiled import Check, Handler, Writer, compile_shape
from fhirkit.validate.location import Node
from fhirkit.validate.members import Kind, Member, Shape
from fhirkit.validate.shapes import Shapes

if TYPE_CHECKING:
    from fhirkit.validate.walk import Walk

#: When the rule of a type has nothing to say.
_UNLESS = {"Narrative": "w.trusts_narratives"}
#: By property: codes that were found right before, or the function for the value.
_Table = dict[str, Any]


def function_of(shape: Shape, shapes: Shapes, *, trusting: bool) -> Check:
    """The function of a shape, kept with it: this module's where the shape is trusted."""
    if trusting:
        shape.trusted = _compile_trusted(shape, shapes)
        return shape.trusted
    shape.quick = compile_shape(shape, shapes)
    return shape.quick


def _compile_trusted(shape: Shape, shapes: Shapes) -> Check:
    """The function for the objects of a shape."""
    writer = Writer(shapes)
    lines = ["def check(o, p, w, n):", *_body(writer, shape, shapes, "    ")]
    function: Check = writer.made(lines, "check", shape.name)
    return function


def _compile_member(member: Member, shapes: Shapes) -> Handler:
    """The function for a complex property."""
    writer = Writer(shapes)
    writer.names.update(M=member, X=member.key)
    lines = ["def handle(x, v, q, w, n):"]
    if member.array:
        lines += ["    i = -1", "    for o in x:", "        i += 1"]
        place, indent = f"p = (q, X, {member.label!r}, i)", "        "
    else:
        lines += ["    o = x"]
        place, indent = f"p = (q, X, {member.label!r}, None)", "    "
    lines += [
        indent + place,
        *_body(writer, member.shape, shapes, indent),
        *writer.extras(member, indent),
    ]
    function: Handler = writer.made(lines, "handle", member.element.path)
    return function


def _body(writer: Writer, shape: Shape, shapes: Shapes, indent: str) -> list[str]:
    """The check of the object ``o`` at the place ``p``, ``n`` levels deep."""
    writer.names.update(S=shape, H=_table(shape, shapes))
    lines = [
        "m = n + 1",
        "for k, c in o.items():",
        "    f = H.get(k)",
        "    if f is not None:",
        "        if f.__class__ is not set:",
        "            f(c, o, p, w, m)",
        "        elif c not in f:",
        "            w.property(k, c, o, S, p, m)",
        *writer.whole(shape, "", unless=_UNLESS.get(shape.type, "")),
    ]
    return [indent + line for line in lines]


def _table(shape: Shape, shapes: Shapes) -> _Table:
    """What is to be looked at in the objects of a shape, by property."""
    table: _Table | None = shape.trusted_table
    if table is not None:
        return table
    table = shape.trusted_table = {}
    for key, member in shape.members.items():
        if member.kind in (Kind.SIBLING, Kind.RESOURCE):
            table[key] = _ask_walk(member, shape)
        elif member.kind is Kind.COMPLEX:
            table[key] = _later(table, member, shapes)
        elif member.coded is not None or member.invariants or member.leads_inside:
            table[key] = _ask_walk(member, shape) if member.array else member.accepted
    return table


def _ask_walk(member: Member, parent: Shape) -> Handler:
    """The function for what the walk looks at anyway: here it only tells where it stands."""
    key, accepted = member.key, member.accepted_entries
    is_codes = member.array and member.kind is Kind.PRIMITIVE

    def handle(x: Any, v: dict[str, Any], q: Node, w: Walk, n: int) -> None:
        if not (is_codes and accepted.issuperset(x)):
            w.property(key, x, v, parent, q, n)

    return handle


def _later(table: _Table, member: Member, shapes: Shapes) -> Handler:
    """A stand-in that has the function of a member written when it is first called."""

    def handle(x: Any, v: dict[str, Any], q: Node, w: Walk, n: int) -> None:
        made = table[member.key] = _compile_member(member, shapes)
        made(x, v, q, w, n)

    return handle
