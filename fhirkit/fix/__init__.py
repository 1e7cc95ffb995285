"""Safe repairs of JSON records: the spelling is mended, the meaning stays, the layout stays."""

from __future__ import annotations

from fhirkit.fix.fixing import Fixed, fix

__all__ = ["Fixed", "fix"]
