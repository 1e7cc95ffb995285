"""What a long start tells its caller while it goes on."""

from __future__ import annotations


class Progress:
    """Receives the phases of a start; this one ignores them."""

    def phase(self, text: str) -> None:
        """A new phase began: worth a line."""

    def detail(self, text: str) -> None:
        """How far the phase is: changes several times a second, worth a spinner at most."""
