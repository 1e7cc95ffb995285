"""The static check of the strict mode: what cannot mean anything for this type.

It follows the types through the tree. Where a type is not known for certain (any resource,
children(), results of services) nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from fhirkit.fhirpath.errors import SemanticError
from fhirkit.fhirpath.frame import system_name
from fhirkit.fhirpath.functions import FUNCTIONS
from fhirkit.fhirpath.model import ModelInfo
from fhirkit.fhirpath.syntax import (
    Binary,
    Call,
    Constant,
    Empty,
    Index,
    Literal,
    Member,
    Node,
    QuantityLiteral,
    TemporalLiteral,
    TypeTest,
    Unary,
    Variable,
    qualified_name,
)
from fhirkit.fhirpath.types import TypeSpecifier, specifier

_ABSTRACT = frozenset({"Resource", "DomainResource", "Element", "BackboneElement"})
_BOOLEAN_OPERATORS = frozenset(
    {"and", "or", "xor", "implies", "=", "!=", "~", "!~", "<", "<=", ">", ">=", "in", "contains"}
)
_NEEDS_ORDER = frozenset({"first", "last", "tail", "skip", "take"})
_UNORDERED = frozenset({"children", "descendants"})


class Static(msgspec.Struct, frozen=True):
    """What is known of a collection: the types its items may have (None: any), and its order.

    FHIR types stand under their name, System types as ``System.String``.
    """

    types: frozenset[str] | None = None
    ordered: bool = True


_ANY = Static()
_NONE = Static(frozenset())
_BOOLEAN = Static(frozenset({"System.Boolean"}))


def check(
    node: Node, model: ModelInfo, focus_type: str | frozenset[str] | None, *, check_order: bool
) -> None:
    """Raise ``SemanticError`` for what cannot mean anything on a focus of this type (or of one of
    these types; None stands for any).
    """
    types = frozenset({focus_type}) if isinstance(focus_type, str) else focus_type
    focus = Static(types)
    _Checker(model, check_order=check_order).infer(node, focus, focus)


class _Checker:
    def __init__(self, model: ModelInfo, *, check_order: bool) -> None:
        self._model = model
        self._check_order = check_order

    def infer(self, node: Node, focus: Static, this: Static) -> Static:
        """The static type of a node whose input is ``focus`` and whose $this is ``this``."""
        handler: Callable[[Any, Static, Static], Static] = getattr(self, _HANDLERS[type(node)])
        return handler(node, focus, this)

    def value(self, node: Node, _focus: Static, this: Static) -> Static:
        if isinstance(node, Literal):
            return Static(frozenset({f"System.{system_name(node.value)}"}))
        if isinstance(node, QuantityLiteral):
            return Static(frozenset({"System.Quantity"}))
        if isinstance(node, Empty):
            return _NONE
        return this if isinstance(node, Variable) and node.name == "this" else _ANY

    def member(self, node: Member, focus: Static, this: Static) -> Static:
        if node.source is not None:
            return self._child(self.infer(node.source, focus, this), node)
        if focus.types is not None:
            for name in focus.types:
                if node.name in (name, *self._model.lineage(name)):
                    return Static(frozenset({name}), focus.ordered)
        return self._child(focus, node)

    def _child(self, parent: Static, node: Member) -> Static:
        if parent.types is None:
            return Static(ordered=parent.ordered)
        found: set[str] = set()
        known = not parent.types
        for name in parent.types:
            info = self._model.type(name)
            if info is None or name in _ABSTRACT:
                return Static(ordered=parent.ordered)
            element = info.children.get(node.name)
            if element is not None:
                known = True
                found.update(element.types)
        if not known:
            places = " or ".join(sorted(parent.types))
            raise SemanticError(f"{places} has no element {node.name!r}")
        if found & _ABSTRACT:
            return Static(ordered=parent.ordered)
        return Static(frozenset(found), parent.ordered)

    def index(self, node: Index, focus: Static, this: Static) -> Static:
        self.infer(node.index, this, this)
        return self._first(self.infer(node.source, focus, this), "[]")

    def _first(self, source: Static, name: str) -> Static:
        if self._check_order and not source.ordered:
            raise SemanticError(f"{name} on a collection that has no order")
        return source

    def unary(self, node: Unary, focus: Static, this: Static) -> Static:
        return self.infer(node.operand, focus, this)

    def binary(self, node: Binary, focus: Static, this: Static) -> Static:
        left, right = self.infer(node.left, focus, this), self.infer(node.right, focus, this)
        if node.operator in _BOOLEAN_OPERATORS:
            return _BOOLEAN
        if node.operator == "|":
            return _either(left, right)
        return _ANY if node.operator != "&" else Static(frozenset({"System.String"}))

    def type_test(self, node: TypeTest, focus: Static, this: Static) -> Static:
        operand = self.infer(node.operand, focus, this)
        return self._typed(node.operator, node.type_name, operand)

    def _typed(self, operator: str, type_name: str, operand: Static) -> Static:
        wanted = specifier(self._model, type_name)
        return _BOOLEAN if operator == "is" else Static(_names(wanted), operand.ordered)

    def call(self, node: Call, focus: Static, this: Static) -> Static:
        source = focus if node.source is None else self.infer(node.source, focus, this)
        if node.name in ("is", "as", "ofType") and len(node.arguments) == 1:
            type_name = qualified_name(node.arguments[0])
            return _ANY if type_name is None else self._typed(node.name, type_name, source)
        function = FUNCTIONS.get(node.name)
        if function is None:
            return _ANY
        if node.name in _NEEDS_ORDER:
            self._first(source, f"{node.name}()")
        self._check_input(node.name, function.takes, source)
        inner = source if function.lazy else this
        given = [self.infer(argument, inner, inner) for argument in node.arguments]
        if node.name == "iif":
            self._check_condition(given[0])
            return _either(given[1], given[2]) if len(given) > 2 else given[1]
        if node.name in _UNORDERED:
            return Static(ordered=False)
        if function.returns in ("same", "first"):
            return source
        if function.returns == "argument":
            return Static(given[0].types, source.ordered and given[0].ordered)
        if function.returns is None:
            return _ANY
        return Static(frozenset({f"System.{function.returns}"}))

    def _check_input(self, name: str, takes: str | None, source: Static) -> None:
        if takes is None or not source.types:
            return
        if not any(self._may_be_primitive(each) for each in source.types):
            found = " or ".join(sorted(source.types))
            raise SemanticError(f"{name}() takes a {takes}, not {found}")

    def _may_be_primitive(self, name: str) -> bool:
        if name.startswith("System."):
            return True
        info = self._model.type(name)
        return info is None or info.is_primitive or "Quantity" in self._model.lineage(name)

    @staticmethod
    def _check_condition(condition: Static) -> None:
        types = condition.types
        if types and all(t.startswith("System.") and t != "System.Boolean" for t in types):
            raise SemanticError(f"iif() takes a boolean, not {' or '.join(sorted(types))}")


def _either(left: Static, right: Static) -> Static:
    types = None if left.types is None or right.types is None else left.types | right.types
    return Static(types, left.ordered and right.ordered)


def _names(wanted: TypeSpecifier) -> frozenset[str] | None:
    names = {wanted.fhir} if wanted.fhir else set()
    if wanted.system:
        names.add(f"System.{wanted.system}")
    return None if names & _ABSTRACT else frozenset(names)


_HANDLERS: dict[type, str] = {
    Literal: "value",
    TemporalLiteral: "value",
    QuantityLiteral: "value",
    Empty: "value",
    Variable: "value",
    Constant: "value",
    Member: "member",
    Call: "call",
    Index: "index",
    Unary: "unary",
    Binary: "binary",
    TypeTest: "type_test",
}
