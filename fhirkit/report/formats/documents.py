"""The formats of our own JSON (json, ndjson) and of FHIR (outcome)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from fhirkit.core.issues import Outcome
from fhirkit.core.jsonio import dumps
from fhirkit.report.formats.outcomes import FileOutcome, Settings
from fhirkit.report.visible import visible


class JsonFormat:
    """One JSON document: ``{"valid": …, "files": […]}``."""

    def __init__(self, settings: Settings) -> None:
        del settings
        self._files: list[dict[str, Any]] = []

    def add(self, one: FileOutcome) -> str:
        """Nothing yet: the verdict on everything stands at the beginning."""
        self._files.append(one.to_dict())
        return ""

    def end(self) -> str:
        """The document."""
        valid = all(entry["valid"] for entry in self._files)
        return dumps({"valid": valid, "files": self._files})


class NdjsonFormat:
    """One JSON object a line and input, as soon as it is checked."""

    def __init__(self, settings: Settings) -> None:
        del settings

    def add(self, one: FileOutcome) -> str:
        """The line of an input."""
        return dumps(one.to_dict(), indent=False) + "\n"

    def end(self) -> str:
        """Nothing is left."""
        return ""


class OutcomeFormat:
    """An OperationOutcome; a collection Bundle of them for several inputs."""

    def __init__(self, settings: Settings) -> None:
        del settings
        self._outcomes: list[dict[str, Any]] = []

    def add(self, one: FileOutcome) -> str:
        """Nothing yet: whether it is one or many is known at the end."""
        self._outcomes.append(_valid(one.outcome).to_operation_outcome())
        return ""

    def end(self) -> str:
        """The resource."""
        if len(self._outcomes) == 1:
            return dumps(self._outcomes[0])
        entries = [
            {"fullUrl": f"urn:uuid:{uuid5(NAMESPACE_OID, f'fhirkit/outcome/{n}')}", "resource": one}
            for n, one in enumerate(self._outcomes)
        ]
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
        if entries:
            bundle["entry"] = entries
        return dumps(bundle)


def _valid(outcome: Outcome) -> Outcome:
    """The outcome without characters that FHIR allows in no text; a file's name may hold any."""
    return Outcome.of(
        replace(issue, message=visible(issue.message), file=issue.file and visible(issue.file))
        for issue in outcome
    )
