"""Why an expression cannot be used, or its value not be known."""

from __future__ import annotations

from fhirkit.core.errors import FhirkitError, Incomplete


class FhirPathError(FhirkitError):
    """A FHIRPath expression failed; the subclasses tell when and why."""

    exit_code = 1


class ExpressionSyntaxError(FhirPathError):
    """The text is no FHIRPath expression. ``position`` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position + 1})")
        self.position = position


class SemanticError(FhirPathError):
    """The expression can be read, but cannot mean anything: unknown function, type or element."""


class EvaluationError(FhirPathError):
    """The expression fails on this input, for example several items where one is needed."""


class TooCostlyError(FhirPathError):
    """The step budget is used up, so evaluation was stopped."""


class NotCheckableError(FhirPathError, Incomplete):
    """The value cannot be known here: a missing service, or a regular expression RE2 cannot run."""

    exit_code = 3
