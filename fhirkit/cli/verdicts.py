"""A server's own verdict on what `fhirkit validate` checks, beside ours."""

from __future__ import annotations

from fhirkit.core.errors import FhirkitError, RemoteError
from fhirkit.report.formats.outcomes import ServerVerdict
from fhirkit.validate import Validator


class Judge:
    """A server that is asked for its own verdict."""

    def __init__(self, url: str, validator: Validator) -> None:
        from fhirkit.remote.client import Client

        self._client = Client(url)
        self._validator = validator

    def ask(self, data: bytes | None) -> ServerVerdict:
        """The server's OperationOutcome; or why there is none."""
        try:
            resource = None if data is None else self._validator.read(data)
        except FhirkitError:
            resource = None
        if not isinstance(resource, dict):
            return ServerVerdict(silence="not asked: no resource")
        try:
            return ServerVerdict(self._client.validate(resource))
        except RemoteError as problem:
            return ServerVerdict(silence=problem.message)
        except ValueError:
            return ServerVerdict(silence="not asked: no resource type")
