"""What the quick compiler asks of a node of the syntax tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhirkit.fhirpath.environment import predefined
from fhirkit.fhirpath.parser import parts
from fhirkit.fhirpath.quick_paths import NotQuickError
from fhirkit.fhirpath.syntax import Binary, Call, Constant, Literal, Member, Node, Variable
from fhirkit.fhirpath.temporal import compare, read

LOGIC = frozenset({"and", "or", "xor", "implies"})
ORDER = frozenset({"<", "<=", ">", ">="})


def moment_order(operator: str) -> Callable[[Any, Any], bool | None]:
    """A function that compares two dates or dateTimes as they stand in the data."""
    wanted = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (1, 0)}[operator]

    def compared(left: Any, right: Any) -> bool | None:
        if left is None or right is None:
            return None
        one, other = read(left, "DateTime"), read(right, "DateTime")
        if one is None or other is None:
            raise ValueError  # no date: the complete evaluation knows what to say
        order = compare(one, other)
        return None if order is None else order in wanted

    return compared


def more_than_id(value: dict[str, Any]) -> bool:
    """``children().count() > id.count()``: whether there is a child beside the id (ele-1)."""
    for key in value:  # noqa: SIM110  # twice as fast as any(): it runs for every element
        if key not in _NO_CHILD:
            return True
    return False


_NO_CHILD = frozenset({"id", "_id", "resourceType"})


def is_child_count(node: Node) -> bool:
    """Whether a node is ``children().count()``."""
    return (
        isinstance(node, Call)
        and node.name == "count"
        and isinstance(node.source, Call)
        and node.source.name == "children"
        and node.source.source is None
    )


def is_id_count(node: Node) -> bool:
    """Whether a node is ``id.count()``."""
    return (
        isinstance(node, Call)
        and node.name == "count"
        and node.source == Member(None, "id", getattr(node.source, "at", 0))
    )


def text_of_node(node: Node) -> str | None:
    """The text a node stands for: a literal, or a constant FHIR defines."""
    if isinstance(node, Literal):
        return node.value if isinstance(node.value, str) else None
    return predefined(node.name) if isinstance(node, Constant) else None


def strings(node: Node) -> frozenset[str]:
    """The texts of ``('a' | 'b' | …)``."""
    if isinstance(node, Binary) and node.operator == "|":
        return strings(node.left) | strings(node.right)
    text = text_of_node(node)
    if text is None:
        raise NotQuickError
    return frozenset({text})


def is_boolean(node: Node) -> bool:
    """Whether a node always gives a boolean (or nothing)."""
    if isinstance(node, Call):
        return node.name in ("exists", "empty", "not", "all", "hasValue")
    return isinstance(node, Binary) and node.operator in LOGIC | {"=", "!=", "in"} | ORDER


def mentions(node: Node, *variables: str) -> bool:
    """Whether one of these variables occurs in a node."""
    pending: list[Node] = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, Variable) and current.name in variables:
            return True
        pending.extend(parts(current))
    return False
