"""Where a push notes what it is about to send and what both sides then agree on."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from fhirkit.core.resource import ResourceKey


class Ledger(Protocol):
    """What ``apply`` asks of the base; ``BaseStore`` is one."""

    def transaction(self) -> AbstractContextManager[None]:
        """All changes inside become durable together."""

    def intend(self, writes: Iterable[tuple[ResourceKey, dict[str, Any]]], request_id: str) -> None:
        """Before sending: note what is about to be sent."""

    def agree(self, key: ResourceKey, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
        """The remote holds ``ours`` as ``theirs``."""

    def forget(self, key: ResourceKey) -> None:
        """Neither side has it any more."""

    def settle(self, key: ResourceKey) -> None:
        """It is known what became of the intents for this resource."""


class NoLedger:
    """Keeps nothing: a push without a working tree has no base."""

    def transaction(self) -> AbstractContextManager[None]:
        """Nothing to make durable."""
        return nullcontext()

    def intend(self, writes: Iterable[tuple[ResourceKey, dict[str, Any]]], request_id: str) -> None:
        """Nothing is noted."""

    def agree(self, key: ResourceKey, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
        """Nothing is kept."""

    def forget(self, key: ResourceKey) -> None:
        """Nothing is kept."""

    def settle(self, key: ResourceKey) -> None:
        """Nothing is kept."""
