"""Where in a resource: a chain of steps, rendered only when an issue is found.

A node is a tuple ``(parent, key, label, index)``: the JSON property name, how FHIRPath calls it
(``value.ofType(Quantity)`` for ``valueQuantity``, ``birthDate`` for ``_birthDate``) and the place
in a list. Plain tuples, because the walk makes one for every object it enters.
"""

from __future__ import annotations

from typing import TypeAlias


class Unentered(str):
    """The property of a resource that is looked at from the resource around it."""

    __slots__ = ()


Node: TypeAlias = "tuple[Node | None, str, str, int | None]"


def root(name: str) -> Node:
    """The node of the resource itself; FHIRPath starts with its type."""
    return (None, "", name, None)


def step(parent: Node, key: str, index: int | None = None) -> Node:
    """The node of a property that is called the same in JSON and in FHIRPath."""
    return (parent, key, key.removeprefix("_"), index)


def below(node: Node, way: tuple[str | int, ...]) -> Node:
    """The node that a way of property names and list places leads to."""
    for key in way:
        node = (node[0], node[1], node[2], key) if isinstance(key, int) else step(node, key)
    return node


def is_in(node: Node, name: str) -> bool:
    """Whether a place is a property of this name, or below one."""
    current: Node | None = node
    while current is not None and current[1] != name:
        current = current[0]
    return current is not None


def expression(node: Node) -> str:
    """The FHIRPath expression: ``Patient.name[0].given[1]``."""
    parts: list[str] = []
    current: Node | None = node
    while current is not None:
        current, _, label, index = current
        parts.append(label if index is None else f"{label}[{index}]")
    return ".".join(reversed(parts))


def keys(node: Node) -> tuple[str | int, ...]:
    """The way through the JSON document: property names and list places."""
    parts: list[str | int] = []
    parent, key, _, index = node
    while parent is not None:
        if index is not None:
            parts.append(index)
        parts.append(key)
        parent, key, _, index = parent
    return tuple(reversed(parts))
