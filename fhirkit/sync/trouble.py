"""What an answer's trouble means for what was sent: over in a moment, in doubt, hopeless, final."""

from __future__ import annotations

from fhirkit.core.errors import BadAnswer, FhirkitError, Refused, Unreachable
from fhirkit.remote.failures import Busy, Stale

HOLLOW = BadAnswer("transaction: the server said yes, and what was sent is not there")


def passing(trouble: FhirkitError | None) -> bool:
    """Trouble that may be over in a moment."""
    return isinstance(trouble, (Busy, Unreachable, BadAnswer, Stale))


def doubtful(trouble: FhirkitError | None) -> bool:
    """Trouble after which the write may have happened, or may happen yet."""
    if isinstance(trouble, Unreachable):
        return trouble.sent
    if isinstance(trouble, Busy):
        return trouble.status not in (425, 429)
    return isinstance(trouble, BadAnswer)


def hopeless(trouble: FhirkitError) -> bool:
    """Nobody listens (the transport has tried often enough), or we may not speak."""
    if isinstance(trouble, Unreachable):
        return not trouble.sent
    return isinstance(trouble, Refused) and trouble.status == 401


def final(trouble: FhirkitError) -> bool:
    """The server has judged what was sent, and will judge it so again."""
    return isinstance(trouble, Refused) and not isinstance(trouble, Busy)
