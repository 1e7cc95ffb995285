"""The syntax tree of a FHIRPath expression: frozen nodes, each with its place in the text.

Grammar: http://hl7.org/fhirpath/N1/grammar.html
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

import msgspec


class Literal(msgspec.Struct, frozen=True):
    """A boolean, number or string as written."""

    value: bool | int | Decimal | str
    at: int = 0


class TemporalLiteral(msgspec.Struct, frozen=True):
    """``@2015-02-04``, ``@2015T``, ``@T14:30``: the text behind the ``@``."""

    text: str
    at: int = 0


class QuantityLiteral(msgspec.Struct, frozen=True):
    """A number with a unit; ``calendar`` when the unit is a keyword such as ``days``."""

    value: Decimal
    unit: str
    calendar: bool = False
    at: int = 0


class Empty(msgspec.Struct, frozen=True):
    """``{}``."""

    at: int = 0


class Variable(msgspec.Struct, frozen=True):
    """One of ``$this``, ``$index``, ``$total``; ``name`` has no dollar sign."""

    name: str
    at: int = 0


class Constant(msgspec.Struct, frozen=True):
    """An external constant such as ``%resource``."""

    name: str
    at: int = 0


class Member(msgspec.Struct, frozen=True):
    """A name behind a dot, or at the start (then ``source`` is None)."""

    source: Node | None
    name: str
    at: int = 0


class Call(msgspec.Struct, frozen=True):
    """A function with its arguments; ``source`` is None when it stands at the start."""

    source: Node | None
    name: str
    arguments: tuple[Node, ...] = ()
    at: int = 0


class Index(msgspec.Struct, frozen=True):
    """``source[index]``."""

    source: Node
    index: Node
    at: int = 0


class Unary(msgspec.Struct, frozen=True):
    """``+x`` or ``-x``."""

    operator: str
    operand: Node
    at: int = 0


class Binary(msgspec.Struct, frozen=True):
    """Two operands and what joins them."""

    operator: str
    left: Node
    right: Node
    at: int = 0


class TypeTest(msgspec.Struct, frozen=True):
    """``operand is Type`` or ``operand as Type``."""

    operator: str
    operand: Node
    type_name: str
    at: int = 0


Node: TypeAlias = (
    Literal
    | TemporalLiteral
    | QuantityLiteral
    | Empty
    | Variable
    | Constant
    | Member
    | Call
    | Index
    | Unary
    | Binary
    | TypeTest
)


def qualified_name(node: Node) -> str | None:
    """The type name a node spells (``FHIR.Patient``), or None when it is no name."""
    if isinstance(node, Member):
        if node.source is None:
            return node.name
        if isinstance(node.source, Member) and node.source.source is None:
            return f"{node.source.name}.{node.name}"
    return None
