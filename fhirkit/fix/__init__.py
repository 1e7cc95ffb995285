"""Safe repairs of JSON records: the spelling is mended, the meaning stays, the layout stays."""

from __future__ import annotations

from fhirkit.fix.fixing import Fixed, fix, fix_one
from fhirkit.fix.repairs import FIXABLE, Edit

__all__ = ["FIXABLE", "Edit", "Fixed", "fix", "fix_one"]
