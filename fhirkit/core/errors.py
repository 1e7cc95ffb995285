"""What stops us: the exceptions fhirkit raises when it cannot go on.

    FhirkitError
    ├── UsageError            the call itself is wrong (option, configuration, nothing matched)
    ├── InvalidInput          the input cannot be used at all; carries its issues
    ├── Incomplete            something could not be checked or finished
    ├── Conflict              two sides changed the same resource; a person must decide
    ├── RemoteError           the server cannot be reached, or refused after retries
    │   ├── Unreachable       no answer (refused, reset, name unknown, deadline passed)
    │   ├── Refused           an answer with an error status; carries status and outcome
    │   └── BadAnswer         an answer that is not what FHIR promises (HTML, short, looping links)
    └── Blocked               locked by another run, a guard tripped, or a guarantee is missing

What was *found* in an input is an ``Issue`` (see ``issues.py``), a value and not an exception.
Anything else that is raised is a bug and keeps its traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fhirkit.core.issues import Issue


class FhirkitError(Exception):
    """We cannot go on. ``advice`` says what to do next; ``exit_code`` is the command line's."""

    exit_code = 2

    def __init__(self, message: str, *, advice: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class UsageError(FhirkitError):
    """The call is wrong: a bad option or configuration, or nothing matched."""


class InvalidInput(FhirkitError):
    """The input cannot be used. ``issues`` holds everything found in it, in one run."""

    exit_code = 1

    def __init__(
        self, message: str, *, issues: tuple[Issue, ...] = (), advice: str | None = None
    ) -> None:
        super().__init__(message, advice=advice)
        self.issues = issues


class Incomplete(FhirkitError):
    """Something could not be checked or finished, so completeness is not proven."""

    exit_code = 3


class Conflict(FhirkitError):
    """Working tree and remote both changed a resource; nothing was overwritten."""

    exit_code = 4


class RemoteError(FhirkitError):
    """The remote cannot be reached, or refused after retries."""

    exit_code = 5


class Unreachable(RemoteError):
    """No answer came. ``sent`` tells whether the request may have reached the server."""

    def __init__(self, message: str, *, sent: bool, advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.sent = sent


class Refused(RemoteError):
    """The server answered with an error status.

    ``status`` is the HTTP status; ``outcome`` the server's OperationOutcome, if it sent one.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        outcome: dict[str, Any] | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(message, advice=advice)
        self.status = status
        self.outcome = outcome


class BadAnswer(RemoteError):
    """The server's answer is not what FHIR promises, so its effect is unknown.

    ``status`` is its HTTP status where that may say more; 0 otherwise.
    """

    status = 0


class Blocked(FhirkitError):
    """Another run holds the lock, a guard tripped, or the server lacks a needed guarantee."""

    exit_code = 6
