"""Compiled expressions: the public face of the engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fhirkit.fhirpath import elements
from fhirkit.fhirpath.closures import compile_node
from fhirkit.fhirpath.elements import Element
from fhirkit.fhirpath.environment import Environment
from fhirkit.fhirpath.errors import EvaluationError, FhirPathError
from fhirkit.fhirpath.frame import Collection, Evaluate, Frame, truth
from fhirkit.fhirpath.model import ModelInfo
from fhirkit.fhirpath.parser import parse
from fhirkit.fhirpath.quick import Quick, quick
from fhirkit.fhirpath.static import check
from fhirkit.fhirpath.syntax import Node

#: (focus, environment) → the answer of an invariant.
Predicate = Callable[[Any, Environment], "bool | None"]

#: What the quick function raises on data of the wrong shape; the complete evaluation copes.
QUICK_MISS = (AttributeError, KeyError, TypeError, ValueError, RecursionError, FhirPathError)


class Expression:
    """An expression, ready to be evaluated any number of times.

    ``type_name`` is the FHIR type of the focus where it is known beforehand (``Patient.contact``
    for an anonymous one); a resource tells its own.
    """

    def __init__(
        self,
        text: str,
        model: ModelInfo,
        type_name: str | None = None,
        *,
        strict: bool = False,
        check_order: bool = False,
    ) -> None:
        self.text = text
        self.type_name = type_name
        self.strict = strict
        self._model = model
        self._tree: Node = parse(text)
        self._evaluate: Evaluate = compile_node(self._tree, model)
        self._quick: dict[str, Quick | None] = {}
        if strict:
            check(self._tree, model, type_name, check_order=check_order)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def items(
        self,
        focus: Any,
        environment: Environment | None = None,
        *,
        type_name: str | None = None,
        extra: Any = None,
    ) -> Collection:
        """The result with types: ``Element`` objects for FHIR data, System values otherwise.

        ``extra`` is the ``_name`` sibling of a primitive focus.
        """
        frame = self._frame(focus, environment, type_name, extra)
        return self._run(frame)

    def evaluate(
        self,
        focus: Any,
        environment: Environment | None = None,
        *,
        type_name: str | None = None,
        extra: Any = None,
    ) -> list[Any]:
        """The result as plain values: the dicts, texts and numbers of the data itself.

        A primitive that has extensions but no value counts as None.
        """
        found = self.items(focus, environment, type_name=type_name, extra=extra)
        return [item.value if isinstance(item, Element) else item for item in found]

    def check(
        self,
        focus: Any,
        environment: Environment | None = None,
        *,
        type_name: str | None = None,
        extra: Any = None,
    ) -> bool | None:
        """The result as the answer of an invariant; None when the expression gives nothing.

        HL7's validator takes an invariant that gives nothing for a broken one.
        """
        if type(focus) is dict and extra is None:
            name = type_name or self.type_name or focus.get("resourceType")
            if isinstance(name, str):
                test = self._quick_for(name)
                surroundings = environment or Environment(resource=focus, root_resource=focus)
                if test is not None and _holds(test, focus, surroundings):
                    return True
        frame = self._frame(focus, environment, type_name, extra)
        return _answer(frame, self._run(frame))

    def quick(self, type_name: str) -> Quick | None:
        """A test that is true only when the expression is, where there is one: see ``QUICK_MISS``.

        It may raise one of those on data of the wrong shape; ``check`` has the answer then.
        """
        return self._quick_for(type_name)

    def predicate(self, type_name: str) -> Predicate:
        """``check`` for many focuses of one type: the least work for each of them.

        The environment must name the resource the focus belongs to.
        """
        test = self._quick_for(type_name)

        def complete(focus: Any, environment: Environment) -> bool | None:
            frame = self._frame(focus, environment, type_name, None)
            return _answer(frame, self._run(frame))

        if test is None:
            return complete
        holds = test

        def answer(focus: Any, environment: Environment) -> bool | None:
            try:
                if holds(focus, environment):
                    return True
            except QUICK_MISS:
                pass
            return complete(focus, environment)

        return answer

    def _quick_for(self, type_name: str) -> Quick | None:
        try:
            return self._quick[type_name]
        except KeyError:
            made = None if self.strict else self._make_quick(type_name)
            self._quick[type_name] = made
            return made

    def _make_quick(self, focus_type: str) -> Quick | None:
        model = self._model

        def slow(node: Node, type_name: str) -> Callable[[Any, Environment, Any], bool | None]:
            """The complete evaluation of a part, for the quick function to call."""
            evaluate = compile_node(node, model)

            def run(focus: Any, environment: Environment, root: Any) -> bool | None:
                this = [elements.root(model, focus, type_name)]
                frame = Frame(model, environment, this, strict=False)
                if root is not focus:
                    frame.context = [elements.root(model, root, focus_type)]
                return truth(frame, evaluate(frame, this))

            return run

        return quick(self._tree, model, focus_type, slow)

    def _frame(
        self, focus: Any, environment: Environment | None, type_name: str | None, extra: Any
    ) -> Frame:
        if environment is None:
            environment = Environment(resource=focus, root_resource=focus)
        root = elements.root(self._model, focus, type_name or self.type_name, extra)
        return Frame(self._model, environment, [root], strict=self.strict)

    def _run(self, frame: Frame) -> Collection:
        try:
            return self._evaluate(frame, frame.this)
        except ArithmeticError:
            raise EvaluationError("a number is out of range") from None
        except RecursionError:
            raise EvaluationError("the data are nested too deeply") from None


def _holds(test: Quick, focus: Any, environment: Environment) -> bool:
    try:
        return test(focus, environment)
    except QUICK_MISS:
        return False


def _answer(frame: Frame, found: Collection) -> bool | None:
    # HL7's validator takes several items for a yes, as it takes one that is no boolean.
    return True if len(found) > 1 else truth(frame, found)


@lru_cache(maxsize=4096)
def compile(  # noqa: A001  # what every expression language calls it; used as fhirpath.compile
    text: str,
    model: ModelInfo,
    type_name: str | None = None,
    *,
    strict: bool = False,
    check_order: bool = False,
) -> Expression:
    """The expression for a text; the same object for the same arguments.

    ``ExpressionSyntaxError`` or ``SemanticError`` when the text is wrong in itself. ``strict``
    also refuses what the types forbid: elements that do not exist, functions of strings on
    complex elements, ``as`` on collections; ``check_order`` what needs an order and has none.
    """
    return Expression(text, model, type_name, strict=strict, check_order=check_order)
