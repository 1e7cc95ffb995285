"""Clinical cases (format `case/1`, docs/case-format.md) turned into FHIR R4."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from fhirkit.convert.bundle import OUTPUTS
from fhirkit.convert.conversion import Conversion, convert, convert_case, load_case

__all__ = ["OUTPUTS", "Conversion", "convert", "convert_case", "load_case"]


class _CallableModule(ModuleType):
    """Package and function share the name `fhirkit.convert`: importing the package first must not
    take the function away, so the package can be called like it.
    """

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return convert(*arguments, **options)


sys.modules[__name__].__class__ = _CallableModule
