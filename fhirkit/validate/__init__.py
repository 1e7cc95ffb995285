"""Check resources against compiled schemas: the walk, one module a kind of rule, the catalogue."""

from fhirkit.validate.validator import Validator

__all__ = ["Validator"]
