"""Clinical cases (format `case/1`, docs/case-format.md) turned into FHIR R4."""

from __future__ import annotations

from fhirkit.convert.bundle import OUTPUTS
from fhirkit.convert.conversion import Conversion, convert, convert_case

__all__ = ["OUTPUTS", "Conversion", "convert", "convert_case"]
