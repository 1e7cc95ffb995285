"""Accept fast: one Python function for each kind of object, written when the walk meets it often.

A function does for its objects what ``Walk.explain`` does, with everything known beforehand
written into it: which properties there are, which values are certainly right, which are required,
which invariants hold. Whatever is not certainly right it hands to the walk, property by property
and in the same order, so that every finding has one source. ``tests/unit/validate`` holds the two
together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fhirkit.fhirpath.expression import QUICK_MISS
from fhirkit.validate.location import Node
from fhirkit.validate.members import MANY, MAX_DEPTH, SHORT, Kind, Member, Shape
from fhirkit.validate.rules.constraint import Invariant
from fhirkit.validate.rules.primitive import PrimitiveCheck
from fhirkit.validate.shapes import Shapes

if TYPE_CHECKING:
    from fhirkit.validate.walk import Walk

#: Checks an object: the object, its place, the walk, the levels of nesting above it.
Check = Callable[[dict[str, Any], Node, "Walk", int], None]
#: Checks a property: its value, the object it stands in, the place of that, the walk, the levels.
Handler = Callable[[Any, dict[str, Any], Node, "Walk", int], None]

#: What an invariant raises when it cannot tell quickly.
MISS = (*QUICK_MISS, ArithmeticError)


def compile_shape(shape: Shape, shapes: Shapes) -> Check:
    """The function for the objects of a shape."""
    writer = Writer(shapes)
    lines = ["def check(o, p, w, n):", *writer.body(shape, "    ")]
    function: Check = writer.made(lines, "check", shape.name)
    return function


def _compile_member(member: Member, parent: Shape, shapes: Shapes) -> Handler:
    """The function for a complex property."""
    writer = Writer(shapes)
    writer.names.update(M=member, P=parent, X=member.key)
    lines = ["def handle(x, v, q, w, n):"]
    if member.array:
        if member.maximum is not None or member.minimum > 1:
            slow = "    if x.__class__ is not list or not x:"
            lines += [slow, "        w.property(X, x, v, P, q, n)", "        return"]
            lines.append("    w.count(x, M, v, q)")
        else:
            lines += [
                "    if x.__class__ is not list or not x:",
                "        w.property(X, x, v, P, q, n)",
                "        return",
            ]
        lines += [
            "    i = -1",
            "    for o in x:",
            "        i += 1",
            f"        p = (q, X, {member.label!r}, i)",
            "        if o.__class__ is not dict or not o:",
            "            w.item(o, M, p, n)",
            "            continue",
            *writer.body(member.shape, "        "),
            *writer.extras(member, "        "),
        ]
    else:
        lines += [
            "    if x.__class__ is not dict or not x:",
            "        w.property(X, x, v, P, q, n)",
            "        return",
            "    o = x",
            f"    p = (q, X, {member.label!r}, None)",
            *writer.body(member.shape, "    "),
            *writer.extras(member, "    "),
        ]
    function: Handler = writer.made(lines, "handle", member.element.path)
    return function


class Writer:
    """The source of one function, and the objects it names."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self.names: dict[str, Any] = {"MISS": MISS}

    def made(self, lines: list[str], name: str, what: str) -> Any:
        """The function itself."""
        # The source is made of the lines here and of property names, each through repr().
        exec(compile("\n".join(lines), f"<{what}>", "exec"), self.names)  # noqa: S102
        return self.names[name]

    def body(self, shape: Shape, indent: str) -> list[str]:
        """The check of the object ``o`` at the place ``p``, ``n`` levels deep."""
        tables = tables_of(shape, self._shapes)
        names = self.names
        names.update(S=shape, A=tables.accepted, T=tables.strings, V=tables.others)
        names.update(H=tables.handlers)
        unusual = [f"n >= {MAX_DEPTH}"]
        if shape.name != "Element":
            unusual.append("len(o) == 1 and 'id' in o")
        for index, keys in enumerate(tables.choices):
            names[f"C{index}"] = keys
            unusual.append(f"len(C{index}.intersection(o)) > 1")
        lines = [
            f"if {' or '.join(unusual)}:",
            "    w.explain(o, S, p, n)",
            "else:",
            "    m = n + 1",
            "    for k, c in o.items():",
            "        t = c.__class__",
            # A look-up that fails is rare, and one that succeeds costs least this way.
            "        try:",
            "            if t is str:",
            "                if c in A[k]:",
            "                    continue",
            "                f = T[k]",
            "            elif t is dict or t is list:",
            "                f = H[k]",
            "            else:",
            "                f = V[k]",
            "        except KeyError:",
            "            pass",
            "        else:",
            "            if t is dict or t is list:",
            "                f(c, o, p, w, m)",
            "                continue",
            "            if f(c):",
            "                continue",
            "        w.property(k, c, o, S, p, m)",
        ]
        for number, required in enumerate(shape.required):
            names[f"R{number}"] = required
            if len(required) <= 2:
                absent = " and ".join(f"{key!r} not in o" for key in required)
            else:
                absent = f"o.keys().isdisjoint(R{number})"
            lines += [f"    if {absent}:", f"        w.missing(R{number}, S, p)"]
        lines += self.whole(shape, "    ")
        return [indent + line for line in lines]

    def whole(self, shape: Shape, indent: str, *, unless: str = "") -> list[str]:
        """What is asked of an object as a whole, beyond its shape; its rule ``unless`` that."""
        lines = []
        rule = self._shapes.rule(shape)
        if rule is not None:
            self.names["K"] = rule
            asked = f"K(o) if not {unless} else ()" if unless else "K(o)"
            lines += [f"for f in {asked}:", "    w.add(f, p)"]
        if shape.is_coded:
            lines.append("w.code(o, p)")
        lines += self._invariants(self._shapes.invariants_of(shape), "I", "w.ask_shape(o, S, p)")
        return [indent + line for line in lines]

    def extras(self, member: Member, indent: str) -> list[str]:
        """What a member asks of its objects beyond their shape, and what is noted of them."""
        if self._shapes.options.shape_only:
            return []
        lines = self._invariants(member.invariants, "J", "w.ask_member(o, M, p)")
        if member.coded is not None:
            self.names["B"] = member.coded
            lines += ["f = B(o)", "if f is not None:", "    w.add(f, p)"]
        if member.type == "Extension":
            lines.append("w.extensions.append((o, p))")
        elif member.type == "Reference":
            lines.append("w.note_reference(o, M, p)")
        return [indent + line for line in lines]

    def _invariants(
        self, invariants: tuple[Invariant, ...], letter: str, otherwise: str
    ) -> list[str]:
        """That all of these hold for ``o``; ``otherwise`` asks them one by one."""
        if not invariants:
            return []
        tests = []
        for number, invariant in enumerate(invariants):
            name = f"{letter}{number}"
            expression = invariant.expression
            quick = expression.quick(invariant.type) if expression is not None else None
            self.names[name] = quick or invariant.holds
            tests.append(f"{name}(o, e)" if quick else f"{name}(o, e) is True")
        return [
            "e = w.environment",
            "try:",
            f"    f = {' and '.join(tests)}",
            "except MISS:",
            "    f = False",
            "if not f:",
            f"    {otherwise}",
        ]


class Tables:
    """What the functions of a shape look up by property name; made once a shape."""

    __slots__ = ("accepted", "choices", "handlers", "others", "strings")

    def __init__(self) -> None:
        #: Texts that were found right before; the sets are those of the members.
        self.accepted: dict[str, set[str]] = {}
        #: Tests of texts, and of other single values, that are right for certain.
        self.strings: dict[str, Callable[[str], bool]] = {}
        self.others: dict[str, Callable[[Any], bool]] = {}
        #: Functions for objects and lists.
        self.handlers: dict[str, Handler] = {}
        #: For each choice element its properties, of which one may be there.
        self.choices: tuple[frozenset[str], ...] = ()


def tables_of(shape: Shape, shapes: Shapes) -> Tables:
    """The tables of a shape."""
    tables: Tables | None = shape.tables
    if tables is not None:
        return tables
    tables = shape.tables = Tables()
    choices: dict[str, set[str]] = {}
    for key, member in shape.members.items():
        if member.kind is Kind.RESOURCE_TYPE:
            tables.accepted[key] = {shape.type}
        elif member.maximum == 0 or member.kind in (Kind.SIBLING, Kind.RESOURCE):
            continue
        elif member.kind is Kind.COMPLEX:
            tables.handlers[key] = _later(tables, member, shape, shapes)
        else:
            _equip_primitive(tables, member, shape)
    for key, member in shape.members.items():
        if member.choice is not None:
            choices.setdefault(member.choice, set()).add(key)
    tables.choices = tuple(frozenset(keys) for keys in choices.values())
    return tables


def _equip_primitive(tables: Tables, member: Member, shape: Shape) -> None:
    if member.is_element_id:
        return
    check, test = member.check, None
    if isinstance(check, PrimitiveCheck) and member.coded is None and not member.invariants:
        test = check.certain
    is_text = isinstance(check, PrimitiveCheck) and check.is_text
    if member.array:
        tables.handlers[member.key] = _entries(member, shape, test if is_text else None)
        return
    # What the walk may not remember, because it looks at the properties beside it, is remembered
    # here: the functions look at those first.
    accepted = member.accepted if member.may_remember else set()
    tables.accepted[member.key] = accepted
    if is_text:
        tables.strings[member.key] = _never
    if test is not None and is_text:
        tables.strings[member.key] = _remembering(test, accepted)
    elif test is not None:
        tables.others[member.key] = test


def _never(_value: Any) -> bool:
    """The test where only what was right before is right for certain."""
    return False


def _later(tables: Tables, member: Member, parent: Shape, shapes: Shapes) -> Handler:
    """A stand-in that has the function of a member written when it is first called."""

    def handle(x: Any, v: dict[str, Any], q: Node, w: Walk, n: int) -> None:
        made = tables.handlers[member.key] = _compile_member(member, parent, shapes)
        made(x, v, q, w, n)

    return handle


def _entries(member: Member, parent: Shape, test: Callable[[Any], bool] | None) -> Handler:
    """The function for a list of texts without siblings; anything else is for the walk."""
    key, twin, accepted = member.key, member.twin, member.accepted_entries
    usual = member.maximum is None and member.minimum <= 1
    probe = _remembering(test, accepted) if test is not None else None

    def handle(x: Any, v: dict[str, Any], q: Node, w: Walk, n: int) -> None:
        if usual and x.__class__ is list and x and twin not in v:
            for item in x:
                if item.__class__ is not str:
                    break
                if item not in accepted and (probe is None or not probe(item)):
                    break
            else:
                return
        w.property(key, x, v, parent, q, n)

    return handle


def _remembering(test: Callable[[Any], bool], accepted: set[str]) -> Callable[[str], bool]:
    def probe(value: str) -> bool:
        if not test(value):
            return False
        if len(value) <= SHORT:
            if len(accepted) >= MANY:
                accepted.clear()
            accepted.add(value)
        return True

    return probe
