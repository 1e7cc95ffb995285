"""FHIRPath: expressions compiled once, evaluated on plain dicts (http://hl7.org/fhirpath/N1).

``compile(text, embedded_model())`` gives an ``Expression``; ``evaluate`` its value on a resource,
``check`` the answer of an invariant. Nothing here opens a connection or writes anything.
"""

from __future__ import annotations

from fhirkit.fhirpath.embedded import embedded_model
from fhirkit.fhirpath.environment import Environment
from fhirkit.fhirpath.errors import (
    EvaluationError,
    ExpressionSyntaxError,
    FhirPathError,
    NotCheckableError,
    SemanticError,
    TooCostlyError,
)
from fhirkit.fhirpath.expression import Expression, compile  # noqa: A004  # the public name
from fhirkit.fhirpath.model import ElementInfo, ModelInfo, TypeInfo, TypeTable

__all__ = [
    "ElementInfo",
    "Environment",
    "EvaluationError",
    "Expression",
    "ExpressionSyntaxError",
    "FhirPathError",
    "ModelInfo",
    "NotCheckableError",
    "SemanticError",
    "TooCostlyError",
    "TypeInfo",
    "TypeTable",
    "compile",
    "embedded_model",
]
