"""The syntax tree of a FHIRPath expression: frozen nodes, each with its place in the text.

Grammar: http://hl7.org/fhirpath/N1/grammar.html
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A boolean, number or string as written."""

    value: bool | int | Decimal | str
    at: int = 0


@dataclass(frozen=True, slots=True)
class TemporalLiteral:
    """``@2015-02-04``, ``@2015T``, ``@T14:30``: the text behind the ``@``."""

    text: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class QuantityLiteral:
    """A number with a unit; ``calendar`` when the unit is a keyword such as ``days``."""

    value: Decimal
    unit: str
    calendar: bool = False
    at: int = 0


@dataclass(frozen=True, slots=True)
class Empty:
    """``{}``."""

    at: int = 0


@dataclass(frozen=True, slots=True)
class Variable:
    """One of ``$this``, ``$index``, ``$total``; ``name`` has no dollar sign."""

    name: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Constant:
    """An external constant such as ``%resource``."""

    name: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    """A name behind a dot, or at the start (then ``source`` is None)."""

    source: Node | None
    name: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; ``source`` is None when it stands at the start."""

    source: Node | None
    name: str
    arguments: tuple[Node, ...] = ()
    at: int = 0


@dataclass(frozen=True, slots=True)
class Index:
    """``source[index]``."""

    source: Node
    index: Node
    at: int = 0


@dataclass(frozen=True, slots=True)
class Unary:
    """``+x`` or ``-x``."""

    operator: str
    operand: Node
    at: int = 0


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and what joins them."""

    operator: str
    left: Node
    right: Node
    at: int = 0


@dataclass(frozen=True, slots=True)
class TypeTest:
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
