"""Invariants: every constraint of the compiled schema, by the FHIRPath compiler.

https://hl7.org/fhir/R4/elementdefinition.html (constraint). An element is held to the constraints
of its own definition and to those of its type. An expression is compiled once for each type of
focus and shared by all elements that repeat it. What cannot be evaluated is said not to be
checked: it never passes, and it never stops the rest.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from fhirkit.core.errors import FhirkitError
from fhirkit.fhirpath.embedded import types_of_schema
from fhirkit.fhirpath.environment import Environment
from fhirkit.fhirpath.errors import (
    EvaluationError,
    ExpressionSyntaxError,
    NotCheckableError,
    SemanticError,
)
from fhirkit.fhirpath.expression import Expression
from fhirkit.fhirpath.model import TypeInfo, TypeTable
from fhirkit.schema.corrections import corrected_expression
from fhirkit.schema.model import Constraint, ElementSchema, StructureSchema
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.rules.finding import Finding

#: Constraints that a rule of their own checks, because it can say more exactly what is wrong, or
#: where. HL7 gives a constraint a new key when it changes what it demands.
SAID_ELSEWHERE = frozenset(
    {
        "dom-3",  # rules.contained
        "ele-1",  # the walk: an object, or the part beside a primitive, of nothing but an id
        "ext-1",  # rules.extension
        "ref-1",  # rules.reference
        "txt-1",  # rules.narrative
        "txt-2",  # rules.narrative
    }
)

#: The rule of constraints that are recommendations only.
BEST_PRACTICE = "constraint-best-practice"

# What data of a wrong shape, which the walk has reported, can provoke below an expression.
_WRONG_SHAPE = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)
_TOO_DEEP = "the element is nested too deeply"


class Test(Protocol):
    """An invariant's answer for one focus; True when it holds."""

    def __call__(self, focus: Any, environment: Environment, /) -> bool | None:
        """True, False, or None for an expression that gives nothing."""


class Invariant(NamedTuple):
    """One constraint, ready to be asked. One that is broken or gives nothing does not hold."""

    holds: Test
    constraint: Constraint
    expression: Expression | None = None
    type: str = ""

    def finding(self) -> Finding:
        """That the constraint is broken."""
        constraint = self.constraint
        rule = "constraint-broken" if constraint.severity == "error" else "constraint-warning"
        if constraint.best_practice:
            rule = BEST_PRACTICE
        return Finding(rule, f"{constraint.key}: {constraint.human or 'a constraint is broken'}")

    def unknown(self, reason: str) -> Finding:
        """That nobody can tell whether the constraint holds."""
        message = f"{self.constraint.key} could not be evaluated, so it was not checked: {reason}"
        return Finding("constraint-not-checked", message)


def ask(invariant: Invariant, focus: Any, environment: Environment) -> Finding | None:
    """The finding for a focus, or None when the invariant holds."""
    try:
        if invariant.holds(focus, environment) is True:
            return None
    except (ExpressionSyntaxError, SemanticError, EvaluationError) as problem:
        # What cannot be read, means nothing or fails on this input does not hold: so HL7's
        # validator has it.
        found = invariant.finding()
        return found._replace(message=f"{found.message} ({problem.message})")
    except FhirkitError as problem:
        return invariant.unknown(problem.message)
    except RecursionError:
        return invariant.unknown(_TOO_DEEP)
    except _WRONG_SHAPE:
        return invariant.unknown("the data have not the shape of their type")
    return invariant.finding()


def ask_primitive(
    invariant: Invariant, value: Any, extra: Any, environment: Environment
) -> Finding | None:
    """The same for a primitive; ``extra`` is its ``_name`` sibling."""
    expression = invariant.expression
    if expression is None:
        return ask(invariant, value, environment)

    def holds(focus: Any, surroundings: Environment, /) -> bool | None:
        return expression.check(focus, surroundings, type_name=invariant.type, extra=extra)

    return ask(invariant._replace(holds=holds), value, environment)


class Invariants:
    """The constraints of one schema store as invariants, made on demand and kept."""

    def __init__(self, store: SchemaStore, *, best_practice: bool = False) -> None:
        self._store = store
        self._best_practice = best_practice
        self._anonymous: dict[str, TypeInfo] = {}
        self.model = TypeTable(f"FHIR {store.fhir_version}", self._load)
        self._expressions: dict[str, Expression | FhirkitError] = {}
        self._made: dict[tuple[str, str, str, str], Invariant] = {}

    def of_element(
        self, source: StructureSchema, element: ElementSchema, type_name: str
    ) -> tuple[Invariant, ...]:
        """The invariants of an element's own definition, for a focus of this type."""
        found: list[Invariant] = []
        for key in element.constraints:
            constraint = source.constraints[key]
            wanted = self._best_practice or not constraint.best_practice
            if wanted and constraint.key not in SAID_ELSEWHERE:
                found.append(self._invariant(constraint, type_name))
        return tuple(found)

    def focus_type(self, element: ElementSchema, type_name: str) -> str:
        """What the model calls an instance of an element: by its path when it is anonymous."""
        return element.path if self.model.type(element.path) is not None else type_name

    def _invariant(self, constraint: Constraint, type_name: str) -> Invariant:
        text = corrected_expression(constraint.expression or "")
        slot = (constraint.key, constraint.severity, text, type_name)
        made = self._made.get(slot)
        if made is None:
            expression = self._expression(text)
            if isinstance(expression, FhirkitError):
                made = Invariant(_never(expression), constraint)
            else:
                holds = expression.predicate(type_name)
                made = Invariant(holds, constraint, expression, type_name)
            self._made[slot] = made
        return made

    def _expression(self, text: str) -> Expression | FhirkitError:
        found = self._expressions.get(text)
        if found is None:
            try:
                if not text:
                    raise NotCheckableError("it is published without a FHIRPath expression")
                found = Expression(text, self.model)
            except FhirkitError as problem:
                found = problem
            self._expressions[text] = found
        return found

    def _load(self, name: str) -> TypeInfo | None:
        """A type of the model: from the store, so that another FHIR version is other data."""
        head, dot, _ = name.partition(".")
        if dot:
            self.model.type(head)
            return self._anonymous.get(name)
        structure = self._store.type(name)
        if structure is None or structure.derivation == "constraint":
            return None
        base = (structure.base or "").rpartition("/")[2] or None
        found = list(types_of_schema(structure.type, structure.kind, base, structure.root))
        self._anonymous.update({info.name: info for info in found[1:]})
        return found[0]


def _never(problem: FhirkitError) -> Test:
    """A test that fails each time as the expression did when it was compiled."""

    def holds(_focus: Any, _environment: Environment, /) -> bool | None:
        raise problem

    return holds
