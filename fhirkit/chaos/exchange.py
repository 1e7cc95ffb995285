"""What a fault gets to act on: one request, and everything that may become of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from fhirkit.chaos.reply import Reply
from fhirkit.chaos.server import FhirServer

Settings = dict[str, Any]


class Exchange(Protocol):
    """One request while it is being served."""

    method: str
    fhir_path: str
    body: bytes
    fhir: FhirServer

    def answer(self) -> Reply:
        """Carry the request out."""

    def send(self, reply: Reply) -> None:
        """Send an answer."""

    def send_raw(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        """Send bytes as they are; a Content-Length given is not corrected."""

    def trickle(self, data: bytes, pause: float) -> None:
        """Send the rest of a body byte by byte."""

    def cut(self) -> None:
        """Reset the connection."""

    def down(self, seconds: float) -> None:
        """Stop listening for a time; running searches and exports are lost."""


Act = Callable[[Exchange, Settings], None]
