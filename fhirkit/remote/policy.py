"""How long, how often and how much: what a transport allows one request."""

from __future__ import annotations

import secrets
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How long, how often and how much.

    ``timeout``: seconds for one request, from the connection to the last byte. ``tries``: how
    often a request is made at most. ``longest_wait``: the most that a server's Retry-After is
    followed. ``max_bytes``: the largest answer, counted after decompression.
    """

    timeout: float = 60.0
    tries: int = 5
    first_wait: float = 0.5
    longest_wait: float = 60.0
    max_bytes: int = 256 * 1024 * 1024

    def wait(self, attempt: int, asked: float | None = None) -> float:
        """Seconds before the next attempt: what the server asked, else full jitter."""
        if asked is not None:
            return min(asked, self.longest_wait)
        ceiling: float = min(self.longest_wait, self.first_wait * 2**attempt)
        return ceiling * secrets.randbelow(1001) / 1000
