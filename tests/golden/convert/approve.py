"""Writes expected.json of every golden case anew; read the difference before committing it."""

from __future__ import annotations

from pathlib import Path

from fhirkit.convert import convert
from fhirkit.core.jsonio import dumps

for case in sorted(Path(__file__).parent.glob("*/case.yaml")):
    (case.parent / "expected.json").write_text(dumps(convert(case, "collection")), "utf-8")
