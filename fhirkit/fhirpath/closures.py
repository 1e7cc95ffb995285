"""The complete compiler: every node of the tree becomes one Python closure.

It knows all of the language. The quick one (``quick.py``) covers what invariants do most and
leaves the rest to these closures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhirkit.fhirpath import elements, types
from fhirkit.fhirpath.arithmetic import arithmetic, negated
from fhirkit.fhirpath.elements import Element
from fhirkit.fhirpath.environment import predefined
from fhirkit.fhirpath.errors import EvaluationError, SemanticError
from fhirkit.fhirpath.frame import Collection, Evaluate, Frame, single_integer
from fhirkit.fhirpath.functions import FUNCTIONS, filtering
from fhirkit.fhirpath.functions.fhir import terminology
from fhirkit.fhirpath.model import ModelInfo
from fhirkit.fhirpath.operators import COLLECTIONS, COMPARISONS, LOGIC, comparison
from fhirkit.fhirpath.quantity import Quantity
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
from fhirkit.fhirpath.temporal import Kind, read

_TERMINOLOGY = frozenset({"expand", "lookup", "validateVS", "validateCS", "subsumes", "translate"})


def compile_node(node: Node, model: ModelInfo) -> Evaluate:
    """The closure for a node; ``SemanticError`` for unknown functions, arities and types."""
    return _Compiler(model).compile(node)


class _Compiler:
    def __init__(self, model: ModelInfo) -> None:
        self._model = model

    def compile(self, node: Node) -> Evaluate:
        handler: Callable[[Any], Evaluate] = getattr(self, _HANDLERS[type(node)])
        return handler(node)

    def _source(self, node: Node | None) -> Evaluate:
        return _input if node is None else self.compile(node)

    def literal(self, node: Literal) -> Evaluate:
        value = [node.value]
        return lambda _frame, _focus: value

    def temporal(self, node: TemporalLiteral) -> Evaluate:
        kind: Kind = "Date"
        if node.text.startswith("T"):
            kind = "Time"
        elif "T" in node.text:
            kind = "DateTime"
        value = read(node.text, kind)
        if value is None:
            raise SemanticError(f"@{node.text} is not a moment of the calendar")
        found = [value]
        return lambda _frame, _focus: found

    def quantity(self, node: QuantityLiteral) -> Evaluate:
        value = [Quantity(node.value, node.unit, node.calendar)]
        return lambda _frame, _focus: value

    def empty(self, _node: Empty) -> Evaluate:
        return lambda _frame, _focus: []

    def variable(self, node: Variable) -> Evaluate:
        if node.name == "this":
            return lambda frame, _focus: frame.this
        if node.name == "total":
            return lambda frame, _focus: frame.total
        return lambda frame, _focus: [] if frame.index is None else [frame.index]

    def constant(self, node: Constant) -> Evaluate:
        name = node.name
        return lambda frame, _focus: _constant(frame, name)

    def member(self, node: Member) -> Evaluate:
        name = node.name
        if node.source is None:
            return _starting_name(name)
        source = self.compile(node.source)
        return lambda frame, focus: navigate(frame, source(frame, focus), name)

    def index(self, node: Index) -> Evaluate:
        source, position = self.compile(node.source), self.compile(node.index)

        def evaluate(frame: Frame, focus: Collection) -> Collection:
            items = source(frame, focus)
            number = single_integer(frame, position(frame, frame.this), "[]")
            return items[number : number + 1] if number is not None and number >= 0 else []

        return evaluate

    def unary(self, node: Unary) -> Evaluate:
        operand = self.compile(node.operand)
        if node.operator == "-":
            return lambda frame, focus: negated(frame, operand(frame, focus))

        def plus(frame: Frame, focus: Collection) -> Collection:
            value = operand(frame, focus)
            negated(frame, value)
            return value

        return plus

    def binary(self, node: Binary) -> Evaluate:
        left, right = self.compile(node.left), self.compile(node.right)
        operator = node.operator
        if operator in LOGIC:
            return LOGIC[operator](left, right)
        if operator in COMPARISONS:
            return comparison(operator, left, right)
        if operator in COLLECTIONS:
            combine = COLLECTIONS[operator]
            return lambda frame, focus: combine(frame, left(frame, focus), right(frame, focus))
        return lambda frame, focus: arithmetic(
            frame, operator, left(frame, focus), right(frame, focus)
        )

    def type_test(self, node: TypeTest) -> Evaluate:
        return self._typed(node.operator, self.compile(node.operand), node.type_name)

    def call(self, node: Call) -> Evaluate:
        name, arguments = node.name, node.arguments
        if name in _TYPE_FUNCTIONS and len(arguments) == 1:
            type_name = qualified_name(arguments[0])
            if type_name is None:
                raise SemanticError(f"{name}() takes the name of a type")
            return self._typed(name, self._source(node.source), type_name)
        if name == "type" and not arguments:
            source = self._source(node.source)
            return lambda f, focus: [types.type_of(f, item) for item in source(f, focus)]
        if name == "sort":
            return self._sort(node)
        if isinstance(node.source, Constant) and node.source.name == "terminologies":
            return self._terminology(node)
        function = FUNCTIONS.get(name)
        if function is None:
            raise SemanticError(f"unknown function {name}()")
        if not function.least <= len(arguments) <= function.most:
            raise SemanticError(
                f"{name}() takes {function.least} to {function.most} arguments, "
                f"not {len(arguments)}"
            )
        return self._function(node)

    def _function(self, node: Call) -> Evaluate:
        function = FUNCTIONS[node.name]
        implementation = function.call
        source = self._source(node.source)
        arguments = [self.compile(argument) for argument in node.arguments]
        if not arguments:
            return lambda frame, focus: implementation(frame, source(frame, focus))
        if function.lazy:
            return lambda frame, focus: implementation(frame, source(frame, focus), *arguments)
        if len(arguments) == 1:
            (only,) = arguments
            return lambda frame, focus: implementation(
                frame, source(frame, focus), only(frame, frame.this)
            )
        return lambda frame, focus: implementation(
            frame, source(frame, focus), *[each(frame, frame.this) for each in arguments]
        )

    def _sort(self, node: Call) -> Evaluate:
        source = self._source(node.source)
        keys: list[tuple[Evaluate | None, bool]] = []
        for argument in node.arguments:
            descending = isinstance(argument, Unary) and argument.operator == "-"
            if isinstance(argument, Unary) and descending:
                argument = argument.operand
            keys.append((self.compile(argument), descending))
        order_by = tuple(keys) or ((None, False),)
        return lambda frame, focus: filtering.sort(frame, source(frame, focus), order_by)

    def _terminology(self, node: Call) -> Evaluate:
        name = node.name
        if name not in _TERMINOLOGY:
            raise SemanticError(f"%terminologies has no function {name}()")
        arguments = [self.compile(argument) for argument in node.arguments]

        def evaluate(frame: Frame, _focus: Collection) -> Collection:
            answer = terminology(frame, name, *[each(frame, frame.this) for each in arguments])
            if isinstance(answer, dict):
                return [elements.root(frame.model, answer, "Resource")]
            return [answer]

        return evaluate

    def _typed(self, operator: str, source: Evaluate, type_name: str) -> Evaluate:
        wanted = types.specifier(self._model, type_name)
        if operator == "is":

            def is_type(frame: Frame, focus: Collection) -> Collection:
                items = source(frame, focus)
                if len(items) > 1:
                    raise EvaluationError(f"is: expected one item, found {len(items)}")
                return [types.is_of(frame, items[0], wanted)] if items else []

            return is_type
        single_only = operator == "as"

        def as_type(frame: Frame, focus: Collection) -> Collection:
            items = source(frame, focus)
            # R4 invariants use as() on collections, so only the strict mode insists on one item.
            if single_only and frame.strict and len(items) > 1:
                raise EvaluationError(f"as: expected one item, found {len(items)}")
            return [item for item in items if types.selected_as(frame, item, wanted)]

        return as_type


_HANDLERS: dict[type, str] = {
    Literal: "literal",
    TemporalLiteral: "temporal",
    QuantityLiteral: "quantity",
    Empty: "empty",
    Variable: "variable",
    Constant: "constant",
    Member: "member",
    Call: "call",
    Index: "index",
    Unary: "unary",
    Binary: "binary",
    TypeTest: "type_test",
}
_TYPE_FUNCTIONS = frozenset({"is", "as", "ofType"})


def _input(_frame: Frame, focus: Collection) -> Collection:
    return focus


def navigate(frame: Frame, items: Collection, name: str) -> Collection:
    """The children of this name of all items."""
    found: Collection = []
    for item in items:
        if type(item) is Element:
            if type(item.value) is dict or item.extra is not None:
                found += elements.child(frame.model, item, name)
        elif isinstance(item, types.TypeName):
            found.extend(item.member(name))
        elif isinstance(item, Quantity) and name in ("value", "unit", "code"):
            found.append(item.value if name == "value" else item.unit)
    frame.spend(len(found) + 1)
    return found


def _starting_name(name: str) -> Evaluate:
    """A name at the start is a child, or the type of the focus itself (``Patient.name``)."""
    if not name[:1].isupper():
        return lambda frame, focus: navigate(frame, focus, name)

    def evaluate(frame: Frame, focus: Collection) -> Collection:
        if len(focus) == 1 and isinstance(focus[0], Element):
            kind = focus[0].type
            if kind == name or name in frame.model.lineage(kind):
                return focus
        return navigate(frame, focus, name)

    return evaluate


def _constant(frame: Frame, name: str) -> Collection:
    if name in frame.variables:
        return frame.variables[name]
    environment = frame.environment
    if name in environment.constants:
        value = environment.constants[name]
        values = value if isinstance(value, list) else [value]
        return [_boxed(frame, each) for each in values]
    if name in ("resource", "rootResource", "context"):
        if name == "context" and environment.context is None:
            return frame.context
        value = environment.resource
        if name == "rootResource":
            value = environment.root_resource or value
        elif name == "context":
            value = environment.context
        return [] if value is None else [_boxed(frame, value)]
    url = predefined(name)
    if url is not None:
        return [url]
    raise EvaluationError(f"unknown constant %{name}")


def _boxed(frame: Frame, value: Any) -> Any:
    return elements.root(frame.model, value) if isinstance(value, dict) else value
