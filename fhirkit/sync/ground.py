"""What the groups of one push share: the server, the journal, and what the run has found out."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fhirkit.core.errors import Unreachable
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.alone import carry_out
from fhirkit.sync.answer import Rung
from fhirkit.sync.base import BaseStore
from fhirkit.sync.config import LATE_COMMIT
from fhirkit.sync.counterpart import Counterpart
from fhirkit.sync.entry import Base
from fhirkit.sync.journal import Journal
from fhirkit.sync.ownership import Unattributed
from fhirkit.sync.results import Report


@dataclass
class Ground:
    """What all flights of a push share. ``local`` are the bodies that were planned.

    ``edges`` are the references among what is written and what is in conflict; ``held`` is what
    others may not refer to yet, with the reason. ``unattributed`` is what was found after lost
    answers and may be ours in another form: looked at again when the run has shown more of what
    the server does to what it stores. ``alone``: the server takes no transactions, so each
    resource is a request of its own.
    """

    server: Counterpart
    store: BaseStore
    journal: Journal
    local: Mapping[ResourceKey, dict[str, Any]]
    base: Base
    report: Report = field(default_factory=Report)
    rung: Rung = Rung.GUARDED
    proven: bool = False
    alone: bool = False
    quiet: float = LATE_COMMIT
    truthful: bool | None = None
    edges: Mapping[ResourceKey, Sequence[ResourceKey]] = field(default_factory=dict)
    held: dict[ResourceKey, str] = field(default_factory=dict)
    unattributed: list[Unattributed] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def exchange(self, bundle: dict[str, Any], request_id: str | None = None) -> Any:
        """Send a transaction, or its only entry alone; the answer's Bundle."""
        client = self.server.client
        if self.alone:
            return carry_out(client, bundle, request_id)
        return client.transaction(
            bundle, request_id=request_id, representation=request_id is not None
        )

    def pause(self, seconds: float) -> None:
        """Wait; ``Unreachable`` when the push is to end. What is in doubt is noted before."""
        self.server.client.transport.sleep(seconds)
        if self.stopping.is_set():
            raise Unreachable("the push was interrupted", sent=False)

    def stop(self) -> None:
        """End the push in every worker: none waits any longer, or sends again."""
        self.stopping.set()
        self.server.client.transport.wake()

    def tag(self, key: ResourceKey) -> str:
        """The mark of a resource that this tree creates: the same in every run."""
        return str(uuid.uuid5(self.store.state.tree_id(), str(key)))
