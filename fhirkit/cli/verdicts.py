"""Verdicts of `fhirkit validate`, ours and a server's beside it, as text and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self
from uuid import NAMESPACE_OID, uuid5

from fhirkit.cli.console import emit, plain, say
from fhirkit.core.errors import FhirkitError, RemoteError
from fhirkit.core.issues import Outcome
from fhirkit.validate import Validator
from fhirkit.validate.batch import Checked


class Judge:
    """A server that is asked for its own verdict."""

    def __init__(self, url: str, validator: Validator) -> None:
        from fhirkit.remote.client import Client

        self._client = Client(url)
        self._validator = validator

    def ask(self, data: bytes | None) -> tuple[dict[str, Any] | None, str]:
        """The server's OperationOutcome; or None and why there is none."""
        try:
            resource = None if data is None else self._validator.read(data)
        except FhirkitError:
            resource = None
        if not isinstance(resource, dict):
            return None, "not asked: no resource"
        try:
            return self._client.validate(resource), ""
        except RemoteError as problem:
            return None, problem.message
        except ValueError:
            return None, "not asked: no resource type"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in one input, here and (if asked) by the server."""

    checked: Checked
    remote: dict[str, Any] | None = None
    silence: str = ""

    @classmethod
    def of(cls, checked: Checked, judge: Judge | None) -> Self:
        """Our verdict, with the judge's when there is one."""
        if judge is None:
            return cls(checked)
        return cls(checked, *judge.ask(checked.input.data))

    @property
    def outcome(self) -> Outcome:
        """Our outcome."""
        return self.checked.outcome

    @property
    def unanswered(self) -> bool:
        """Whether the server was asked and gave no verdict."""
        return bool(self.silence) and not self.silence.startswith("not asked")

    @property
    def server_errors(self) -> list[dict[str, Any]]:
        """The issues that make the input invalid for the server."""
        issues = self.remote.get("issue") if self.remote is not None else None
        return [
            issue
            for issue in (issues if isinstance(issues, list) else ())
            if isinstance(issue, dict) and issue.get("severity") in ("error", "fatal")
        ]

    @property
    def refused(self) -> bool:
        """Whether the server says that the input is invalid."""
        return bool(self.server_errors)

    @property
    def server_word(self) -> str:
        """The server's verdict in a word or two; nothing when it was not asked for."""
        if self.remote is None:
            return self.silence and f"no verdict ({self.silence})"
        return f"invalid ({len(self.server_errors)} errors)" if self.refused else "valid"

    def show_server(self) -> None:
        """The server's errors, one a line, on standard output."""
        for issue in self.server_errors:
            places = issue.get("expression") or issue.get("location")
            place = f" ({places[0]})" if isinstance(places, list) and places else ""
            details = issue.get("details")
            text = issue.get("diagnostics") or (
                details.get("text") if isinstance(details, dict) else None
            )
            emit(plain(f"{self.checked.input.name}: the server: {text or 'no reason'}{place}\n"))

    def to_dict(self) -> dict[str, Any]:
        """The entry of the JSON document."""
        entry: dict[str, Any] = {"file": self.checked.input.name}
        if self.checked.input.line is not None:
            entry["line"] = self.checked.input.line
        entry["valid"] = self.outcome.valid
        entry["complete"] = not self.checked.incomplete
        entry["issues"] = [issue.to_dict() for issue in self.outcome]
        if self.server_word:
            entry["remote"] = {"verdict": self.server_word, "outcome": self.remote}
        return entry


def document(form: str, verdicts: list[Verdict]) -> dict[str, Any]:
    """Everything as one JSON document: our own form, or OperationOutcomes (in a Bundle if many)."""
    if form == "json":
        return {
            "valid": all(verdict.outcome.valid for verdict in verdicts),
            "files": [verdict.to_dict() for verdict in verdicts],
        }
    outcomes = [verdict.outcome.to_operation_outcome() for verdict in verdicts]
    if len(outcomes) == 1:
        return outcomes[0]
    entries = [
        {"fullUrl": f"urn:uuid:{uuid5(NAMESPACE_OID, f'fhirkit/outcome/{n}')}", "resource": one}
        for n, one in enumerate(outcomes)
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def summary(verdicts: list[Verdict]) -> None:
    """How many of which kind, on standard error; and both verdicts side by side."""
    for verdict in verdicts:
        if verdict.server_word:
            ours = "valid" if verdict.outcome.valid else f"invalid ({_errors(verdict)} errors)"
            name = verdict.checked.input.name
            say(f"{name}: fhirkit says {ours}, the server says {verdict.server_word}")
    invalid = sum(not verdict.outcome.valid for verdict in verdicts)
    incomplete = sum(verdict.checked.incomplete for verdict in verdicts)
    line = f"{len(verdicts)} checked: {len(verdicts) - invalid} valid, {invalid} invalid"
    say(line + (f", {incomplete} not fully checked" if incomplete else ""))


def _errors(verdict: Verdict) -> int:
    return len(verdict.outcome.errors)
