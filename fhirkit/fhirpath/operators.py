"""The operators of logic, order, equality and membership (http://hl7.org/fhirpath/N1/#operations)."""

from __future__ import annotations

from collections.abc import Callable

from fhirkit.fhirpath.elements import Element
from fhirkit.fhirpath.equality import distinct, equal, equivalent, identity, order
from fhirkit.fhirpath.errors import EvaluationError
from fhirkit.fhirpath.frame import Collection, Evaluate, Frame, single, truth


def _boolean(value: bool | None) -> Collection:
    return [] if value is None else [value]


def _and(left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(frame: Frame, focus: Collection) -> Collection:
        one = truth(frame, left(frame, focus), "and")
        if one is False:
            return [False]
        other = truth(frame, right(frame, focus), "and")
        return [False] if other is False else _boolean(True if one and other else None)

    return evaluate


def _or(left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(frame: Frame, focus: Collection) -> Collection:
        one = truth(frame, left(frame, focus), "or")
        if one:
            return [True]
        other = truth(frame, right(frame, focus), "or")
        return [True] if other else _boolean(False if one is False and other is False else None)

    return evaluate


def _xor(left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(frame: Frame, focus: Collection) -> Collection:
        one = truth(frame, left(frame, focus), "xor")
        other = truth(frame, right(frame, focus), "xor")
        return [] if one is None or other is None else [one is not other]

    return evaluate


def _implies(left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(frame: Frame, focus: Collection) -> Collection:
        one = truth(frame, left(frame, focus), "implies")
        if one is False:
            return [True]
        other = truth(frame, right(frame, focus), "implies")
        return [True] if other else _boolean(False if one and other is False else None)

    return evaluate


#: The logical operators: they make a closure from two, so that the right side may be left out.
LOGIC = {"and": _and, "or": _or, "xor": _xor, "implies": _implies}


def comparison(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    """``left operator right`` for an operator of order; empty when it cannot be known."""
    wanted = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (1, 0)}[operator]

    def evaluate(frame: Frame, focus: Collection) -> Collection:
        first, second = left(frame, focus), right(frame, focus)
        if not first or not second:
            return []
        one, other = single(frame, first, operator), single(frame, second, operator)
        if any(isinstance(x, Element) and x.value is None for x in (one, other)):
            return []
        answer = order(frame, one, other)
        return [] if answer is None else [answer in wanted]

    return evaluate


COMPARISONS = frozenset({"<", "<=", ">", ">="})


def _unequal(frame: Frame, left: Collection, right: Collection) -> Collection:
    answer = equal(frame, left, right)
    return [] if answer is None else [not answer]


def _contains(frame: Frame, left: Collection, right: Collection) -> Collection:
    if not right:
        return []
    if len(right) > 1:
        raise EvaluationError(f"in: expected one item, found {len(right)}")
    key = identity(frame, right[0])
    frame.spend(len(left))
    return [any(identity(frame, item) == key for item in left)]


#: The operators that take two evaluated collections.
COLLECTIONS: dict[str, Callable[[Frame, Collection, Collection], Collection]] = {
    "=": lambda frame, left, right: _boolean(equal(frame, left, right)),
    "!=": _unequal,
    "~": lambda frame, left, right: [equivalent(frame, left, right)],
    "!~": lambda frame, left, right: [not equivalent(frame, left, right)],
    "|": lambda frame, left, right: distinct(frame, left + right),
    "in": lambda frame, left, right: _contains(frame, right, left),
    "contains": _contains,
}
