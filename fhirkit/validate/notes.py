"""What the walk notes on its way for the rules that see the whole document."""

from __future__ import annotations

from typing import Any, NamedTuple

from fhirkit.validate.location import Node


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
