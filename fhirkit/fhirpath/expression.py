"""Compiled expressions: the public face of the engine."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fhirkit.fhirpath import elements
from fhirkit.fhirpath.closures import compile_node
from fhirkit.fhirpath.elements import Element
from fhirkit.fhirpath.environment import Environment
from fhirkit.fhirpath.errors import EvaluationError
from fhirkit.fhirpath.frame import Collection, Evaluate, Frame, truth
from fhirkit.fhirpath.model import ModelInfo
from fhirkit.fhirpath.parser import parse
from fhirkit.fhirpath.syntax import Node


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
        root = elements.root(self._model, focus, type_name or self.type_name, extra)
        if environment is None:
            environment = Environment(resource=focus, root_resource=focus)
        elif environment.resource is None:
            environment.resource = focus
        return self._run(root, environment)

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
        """The result as the answer of an invariant; None when the expression gives nothing."""
        found = self.items(focus, environment, type_name=type_name, extra=extra)
        if not found:
            return None
        if len(found) > 1:
            raise EvaluationError(f"an invariant gave {len(found)} items instead of a boolean")
        return truth(Frame(self._model, _NOTHING, found, strict=False), found)

    def _run(self, root: Element, environment: Environment) -> Collection:
        this: Collection = [root]
        frame = Frame(self._model, environment, this, strict=self.strict)
        if environment.context is None:
            environment.context = root.value
        try:
            return self._evaluate(frame, this)
        except ArithmeticError:
            raise EvaluationError("a number is out of range") from None
        except RecursionError:
            raise EvaluationError("the data are nested too deeply") from None


_NOTHING = Environment()


@lru_cache(maxsize=4096)
def compile(  # noqa: A001  # the name every expression language uses; import the module
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
    complex elements, ``as`` on collections.
    """
    return Expression(text, model, type_name, strict=strict, check_order=check_order)
