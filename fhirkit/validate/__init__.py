"""Check resources against compiled schemas: the walk, one module a kind of rule, the catalogue."""

from fhirkit.validate.options import Expressions, Options, References
from fhirkit.validate.validator import Validator

__all__ = ["Expressions", "Options", "References", "Validator"]
